/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policyclass.h - the classes (level, categories) of all that a request is
 * about, and which lines of the policy gave them: who asks, the item, and, of
 * a migration, both hosts, which the rules of the access model ask for, too.
 */
#ifndef KR_CLIENT_POLICYCLASS_H
#define KR_CLIENT_POLICYCLASS_H

#include "client/policyask.h"

/**
 * kr_policyclass_all() - [{"of","level","categories","tenant","by":[{"section",
 * "name","file","line"}]}]
 */
json_t *kr_policyclass_all(const struct kr_policyask *q);

/** kr_policyclass_tell() - The same for people. */
void kr_policyclass_tell(const json_t *all);

/**
 * kr_policyclass_handover() - May a migration begin, by these classes?
 *
 * Return: {"answer","why"}; null if it is none, or this host is not known.
 */
json_t *kr_policyclass_handover(const struct kr_policyask *q);

/**
 * kr_policyclass_offer() - May that VM be offered there, by their classes?
 *
 * By a host that has it, so is of its class. Return: yes also of what goes
 * nowhere.
 */
struct kr_decision kr_policyclass_offer(const struct kr_book *b,
					const struct kr_execution *x);

#endif
