/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idle.h - conditions of rules that never decide by themselves, since others
 * have the same effect: the list of them, with the reason. They stay, each
 * says what must be so where people read it, and holds if what implies it is
 * changed. For explore.
 */
#ifndef KR_MODEL_IDLE_H
#define KR_MODEL_IDLE_H

#include "policy/rules.h"

struct kr_idle {
	const char	 *rule;
	enum kr_condition cond;
	const char	 *unless;	/* broken so, it decides: mutant.h */
	const char	 *because;
};

/** kr_idle_find() - NULL if it is not said to be idle. */
const struct kr_idle *kr_idle_find(const char *rule, enum kr_condition cond);

#endif
