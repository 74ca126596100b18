/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refine.h - the hand-over (handover.h) as requests of the access model
 * (rules.h): what each of its states is there, and which requests lead from
 * one to the next. An edge that the rules do not allow is not taken; that each
 * edge of the table is allowed is a test, so that what is proved of the rules
 * is proved of the hand-over.
 */
#ifndef KR_POLICY_REFINE_H
#define KR_POLICY_REFINE_H

#include "policy/handover.h"
#include "policy/rules.h"

/* Subjects of the small system that one migration is. Its object 0 is the VM. */
enum kr_refine_who {
	KR_REFINE_SOURCE,
	KR_REFINE_TARGET,
	KR_REFINE_SOURCE_AGENT,
	KR_REFINE_TARGET_AGENT,
	KR_REFINE_N
};

#define KR_REFINE_ASKS_MAX	8u

/* Of both hosts and the VM; agents work at the VM's, for a host that may. */
struct kr_refine_classes { struct kr_class source, target, vm; };

/**
 * kr_refine_system() - What this state of either side is
 *
 * Return: for kr_system_free(); NULL without memory.
 */
struct kr_system *kr_refine_system(enum kr_state s,
				   const struct kr_refine_classes *c);

/** kr_refine_same() - Are two such systems the same state? */
bool kr_refine_same(const struct kr_system *t, const struct kr_system *u);

/**
 * kr_refine_asks() - The requests that lead from one state to another
 * @out: KR_REFINE_ASKS_MAX
 *
 * Return: how many; none from a state to itself.
 */
unsigned int kr_refine_asks(enum kr_state from, enum kr_state to,
			    struct kr_ask *out);

/**
 * kr_refine_decide() - Do the rules allow that step?
 *
 * Return: yes, or the first answer that is not; kr_decision.rule tells by
 *         which rule. Question, too, if no requests lead there; error also
 *         without memory.
 */
struct kr_decision kr_refine_decide(enum kr_state from, enum kr_state to,
				    const struct kr_refine_classes *c);

#endif
