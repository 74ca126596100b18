/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claim.h - what every reachable state and every step must be, said without
 * the rules: the properties of policy/system.h, and beside them what each
 * condition of a rule is there for. This is the specification that explore
 * holds the rules against.
 */
#ifndef KR_MODEL_CLAIM_H
#define KR_MODEL_CLAIM_H

#include "policy/rules.h"

/**
 * kr_claim_state() - What of all that must be so of a state is not so?
 * @ret_v: whom and what it is not so of; KR_NOBODY where it says nothing
 *
 * Return: its name, NULL if all is well.
 */
const char *kr_claim_state(const struct kr_system *t,
			   struct kr_violation *ret_v);

/** kr_claim_step() - Likewise of a step from @t to @u, by @q and a yes. */
const char *kr_claim_step(const struct kr_system *t, const struct kr_ask *q,
			  const struct kr_system *u,
			  struct kr_violation *ret_v);

#endif
