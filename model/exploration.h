/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exploration.h - every state of a universe that a table of rules lets it
 * come to: breadth first, every request that there is in every state, until
 * no new state appears. So the way to a violation is a shortest one, and none
 * found is a proof for the universe; or for several that differ in their
 * first states alone, of which each state is looked at once.
 */
#ifndef KR_MODEL_EXPLORATION_H
#define KR_MODEL_EXPLORATION_H

#include "model/universe.h"
#include "policy/rules.h"

#define KR_EXPLORATION_RULES_MAX	64u

/* What it ends at before all is explored. */
enum kr_exploration_goal {
	KR_GOAL_VIOLATION,
	KR_GOAL_ALONE,	/* one condition of a rule fails, and no other does;
			   violations are passed over */
};

struct kr_exploration {
	/* in */
	const struct kr_universe *u;	/* out: in which the path begins */
	struct kr_universe *const *also; /* that differ in their first state
					   alone */
	unsigned int		  n_also;
	const struct kr_rules	 *w;
	enum kr_exploration_goal  goal;
	const char		 *goal_rule;	/* alone: by its name */
	enum kr_condition	  goal_cond;

	/* out */
	uint32_t      n_states;
	uint64_t      n_asked, n_yes;
	unsigned int  depth;		/* of the farthest state */
	double	      seconds;
	bool	      reached;		/* the goal */
	const char   *violated;		/* what, if anything was */
	struct kr_violation v;
	struct kr_ask *path;		/* to it, or to the goal: each said */
	unsigned int  n_path;		/* yes to but the last, perhaps */
	uint64_t      yes[KR_EXPLORATION_RULES_MAX];	/* of each rule */
	unsigned int  alone[KR_EXPLORATION_RULES_MAX];	/* 1 << condition:
						   decided by itself */
	unsigned int  beyond[KR_EXPLORATION_RULES_MAX];	/* 1 << stage: it
						   would say yes there, too */
};

/**
 * kr_exploration_run() - Explore: from "in" to "out"
 *
 * Return: 0; -ENOMEM; -E2BIG if the universe is too large for this.
 */
int kr_exploration_run(struct kr_exploration *x);

/**
 * kr_exploration_of_nobody() - Would the effect be on a subject that is none?
 *
 * Then a yes is wrong, and is not tried: it would write where nothing is.
 */
bool kr_exploration_of_nobody(const struct kr_ask *q);

/** kr_exploration_clear() - Free what the run has made. */
void kr_exploration_clear(struct kr_exploration *x);

#endif
