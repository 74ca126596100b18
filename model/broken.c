/* SPDX-License-Identifier: Apache-2.0 */
/*
 * broken.c - each rule without each of its conditions, in each stage more
 * that it would say yes in, and twice. A condition that is never the only one
 * to fail can be dropped without any difference: idle.c has to say why, and
 * that it does decide once what implies it is broken is tried.
 */
#include "model/broken.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/exploration.h"
#include "model/idle.h"
#include "model/mutant.h"
#include "model/telling.h"

#define UNIVERSES_MAX	16u
#define HOW_MAX		128u

struct whole {
	struct kr_universe   *u[UNIVERSES_MAX];
	struct kr_exploration x[UNIVERSES_MAX];	/* of the rules as they are */
	unsigned int	      n;
	unsigned int	      n_told, n_idle, n_bad;
};

static void bad(struct whole *all, const char *how, const char *why)
{
	printf("%-44s NOT TOLD: %s\n", how, why);
	all->n_bad++;
}

static bool explore_whole(struct whole *all)
{
	for (const char *name; (name = kr_universe_name(all->n)); all->n++) {
		struct kr_exploration *x = &all->x[all->n];

		if (all->n == UNIVERSES_MAX - 1)
			return false;
		all->u[all->n] = kr_universe_new(name);
		*x = (struct kr_exploration){ .u = all->u[all->n],
					      .w = &kr_rules };
		if (!x->u || kr_exploration_run(x) < 0)
			return false;
		kr_telling_size(x);
		if (x->reached) {
			kr_telling_path(x);
			return false;
		}
	}
	return true;
}

/* Explore @m in universe @i until @x's goal: was it reached? */
static bool reaches(const struct whole *all, unsigned int i,
		    const struct kr_mutant *m, struct kr_exploration *x)
{
	bool reached;

	x->u = all->u[i];
	x->w = &m->w;
	reached = kr_exploration_run(x) == 0 && x->reached;
	kr_exploration_clear(x);
	return reached;
}

/* One of the universes in @where has to tell of the rules broken so. */
static void must_tell(struct whole *all, const char *how, unsigned int where)
{
	struct kr_mutant m;

	kr_mutant_init(&m);
	if (!kr_mutant_break(&m, how)) {
		bad(all, how, "it cannot be broken so");
		return;
	}
	for (unsigned int i = 0; i < all->n; i++) {
		struct kr_exploration x = { .goal = KR_GOAL_VIOLATION };

		if (!(where & 1u << i) || !reaches(all, i, &m, &x))
			continue;
		printf("%-44s %s: %s, after %u\n", how, all->u[i]->name,
		       x.violated, x.n_path);
		all->n_told++;
		return;
	}
	bad(all, how, where ? "no claim is violated" : "it is never used");
}

/* Nothing tells of it, for the reason in @idle: is that true? */
static void must_be_idle(struct whole *all, const char *how,
			 const struct kr_idle *idle)
{
	struct kr_mutant m;

	kr_mutant_init(&m);
	if (!kr_mutant_break(&m, idle->unless)) {
		bad(all, how, "it cannot be broken as idle.c says");
		return;
	}
	for (unsigned int i = 0; i < all->n; i++) {
		struct kr_exploration x = {
			.goal = KR_GOAL_ALONE, .goal_rule = idle->rule,
			.goal_cond = idle->cond,
		};

		if (!reaches(all, i, &m, &x))
			continue;
		printf("%-44s implied: %s\n", how, idle->because);
		all->n_idle++;
		return;
	}
	bad(all, how, "it decides nothing, whatever idle.c says");
}

/* The universes where the bit is in what they found out of rule @r. */
static unsigned int universes(const struct whole *all,
			      unsigned int (*found)(
				      const struct kr_exploration *x,
				      unsigned int r),
			      unsigned int r, unsigned int bit)
{
	unsigned int where = 0;

	for (unsigned int i = 0; i < all->n; i++)
		if (found(&all->x[i], r) & bit)
			where |= 1u << i;
	return where;
}

static unsigned int alone(const struct kr_exploration *x, unsigned int r)
{
	return x->alone[r];
}

static unsigned int beyond(const struct kr_exploration *x, unsigned int r)
{
	return x->beyond[r];
}

static unsigned int said_yes(const struct kr_exploration *x, unsigned int r)
{
	return x->yes[r] != 0;
}

static void break_condition(struct whole *all, unsigned int r,
			    enum kr_condition c)
{
	const char *name = kr_rules.rules[r].name;
	const struct kr_idle *idle = kr_idle_find(name, c);
	unsigned int where = universes(all, alone, r, 1u << c);
	char how[HOW_MAX];

	snprintf(how, sizeof(how), "%s:drop:%s", name,
		 kr_mutant_condition(c));
	if (where && idle)
		bad(all, how, "idle.c says it is idle, and it decides");
	else if (where)
		must_tell(all, how, where);
	else if (idle)
		must_be_idle(all, how, idle);
	else
		bad(all, how, "it never decides, and idle.c has no reason");
}

static void break_rule(struct whole *all, unsigned int r)
{
	const struct kr_rule *rule = &kr_rules.rules[r];
	char how[HOW_MAX];

	snprintf(how, sizeof(how), "twin:%s", rule->name);
	must_tell(all, how, universes(all, said_yes, r, 1));
	for (unsigned int c = 0; c < KR_COND_N; c++)
		if (rule->conds & 1u << c)
			break_condition(all, r, (enum kr_condition)c);
	for (unsigned int st = 0; st < KR_STAGE_N; st++) {
		unsigned int where = universes(all, beyond, r, 1u << st);

		snprintf(how, sizeof(how), "%s:stages:+%s", rule->name,
			 kr_mutant_stage((enum kr_stage)st));
		if (where && !(rule->stages & 1u << st))
			must_tell(all, how, where);
	}
}

/* Each condition decides in some rule, or is idle in all that have it. */
static void conditions_decide(struct whole *all)
{
	for (unsigned int c = 0; c < KR_COND_N; c++) {
		unsigned int used = 0, idle = 0, where = 0;

		for (unsigned int r = 0; r < kr_rules.n; r++) {
			if (!(kr_rules.rules[r].conds & 1u << c))
				continue;
			used++;
			idle += kr_idle_find(kr_rules.rules[r].name,
					     (enum kr_condition)c) != NULL;
			where |= universes(all, alone, r, 1u << c);
		}
		if (!used || (!where && idle != used))
			bad(all, kr_mutant_condition((enum kr_condition)c),
			    "a condition that never decides");
	}
}

bool kr_broken_all_told(void)
{
	struct whole all = { .n = 0 };
	bool whole = explore_whole(&all);

	for (unsigned int r = 0; whole && r < kr_rules.n; r++)
		break_rule(&all, r);
	if (whole) {
		conditions_decide(&all);
		printf("%u broken tables told of, %u conditions implied by "
		       "others, %u not told of\n", all.n_told, all.n_idle,
		       all.n_bad);
	}
	for (unsigned int i = 0; i < UNIVERSES_MAX; i++) {
		kr_exploration_clear(&all.x[i]);
		kr_universe_free(all.u[i]);
	}
	return whole && !all.n_bad;
}
