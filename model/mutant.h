/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mutant.h - a copy of the rules that is broken on purpose: what shows that
 * explore finds errors, and that no condition is there for nothing.
 */
#ifndef KR_MODEL_MUTANT_H
#define KR_MODEL_MUTANT_H

#include "model/exploration.h"

struct kr_mutant {
	struct kr_rules w;
	struct kr_rule	rules[KR_EXPLORATION_RULES_MAX];
};

/** kr_mutant_init() - A copy that is whole. */
void kr_mutant_init(struct kr_mutant *m);

/**
 * kr_mutant_break() - Break it, or break it some more
 * @how: RULE:drop:CONDITION, RULE:stages:+STAGE, RULE:remove or twin:RULE;
 *	 several with spaces in between
 *
 * Return: false if there is no such thing to break.
 */
bool kr_mutant_break(struct kr_mutant *m, const char *how);

/** kr_mutant_condition() - As @how has it: "IN_MATRIX". */
const char *kr_mutant_condition(enum kr_condition c);

/** kr_mutant_stage() - As @how has it: "REST". */
const char *kr_mutant_stage(enum kr_stage stage);

#endif
