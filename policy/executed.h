/* SPDX-License-Identifier: Apache-2.0 */
/*
 * executed.h - what a procedure does to the item that it is used on, as
 * requests of the access model: a triple says who may use it, these rules say
 * what nobody may, whatever the triples are.
 */
#ifndef KR_POLICY_EXECUTED_H
#define KR_POLICY_EXECUTED_H

#include "policy/procedure.h"
#include "policy/rules.h"

/**
 * kr_executed_ask() - The request that a procedure comes to
 *
 * give or rescind if it changes what users may, append if it changes any of
 * its item. Who gives or rescinds appends to the item, too, and is asked that
 * first: nobody of a lower level changes what a user may. What it reads is no observation of who asks: what he was shown
 * becomes data again only by a procedure, which verifies it (Clark's and
 * Wilson's rule C5).
 *
 * Return: the kind; KR_ASK_N if it is none of them.
 */
enum kr_ask_kind kr_executed_ask(const struct kr_procedure *p);

/**
 * kr_executed_decide() - Do the rules let it be executed?
 * @by, @item: classes of who asks, and of what it is used on
 * @himself:   the item is who asks
 *
 * Return: yes without a rule if nothing is asked; error without memory.
 */
struct kr_decision kr_executed_decide(const struct kr_procedure *p,
				      struct kr_class by, struct kr_class item,
				      bool himself);

#endif
