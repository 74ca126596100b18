/* SPDX-License-Identifier: Apache-2.0 */
/* condition.h - conditions of rules, by what rules.h calls them. */
#ifndef KR_POLICY_CONDITION_H
#define KR_POLICY_CONDITION_H

#include "policy/rules.h"

/** Does it hold in @t for @q, whose subject and object are in range? */
extern bool (*const kr_condition_holds[KR_COND_N])(const struct kr_system *t,
						   const struct kr_ask *q);

#endif
