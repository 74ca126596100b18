/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explore.c - explores what the rules of the access model lead to, and shows
 * that it would find errors in them.
 *
 *	explore rules
 *	explore list
 *
 * print the rules, as ARCHITECTURE.md has them, and the universes.
 *
 *	explore UNIVERSE|POLICY [--break HOW]...
 *
 * Every state that the universe can come to is checked, and every step; the
 * first violation is told with the shortest way there, exit code 1. A POLICY,
 * a file or a folder, is read as kororad does and explored in small systems
 * (abstraction.h). HOW breaks the rules first: RULE:drop:CONDITION,
 * RULE:stages:+STAGE, RULE:remove, twin:RULE.
 *
 *	explore --all-broken
 *
 * breaks each rule in each way and finds out which universe shows it. What
 * none shows is an error, but for conditions that idle.c explains; so is a
 * rule that never says yes, and a condition that never decides.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/abstraction.h"
#include "model/broken.h"
#include "model/exploration.h"
#include "model/mutant.h"
#include "model/telling.h"

enum { HOLDS, VIOLATED, USAGE };

/* To its end, and what came of it. */
static int run(struct kr_exploration *x)
{
	int r = kr_exploration_run(x);

	if (r < 0)
		fprintf(stderr, "explore: %s\n", strerror(-r));
	else
		kr_telling_size(x);
	if (x->reached)
		kr_telling_path(x);
	r = r < 0 ? USAGE : x->reached ? VIOLATED : HOLDS;
	kr_exploration_clear(x);
	return r;
}

static int explore(const char *name, const struct kr_mutant *m)
{
	struct kr_universe *u = kr_universe_new(name);
	struct kr_exploration x = { .u = u, .w = &m->w };
	int r;

	if (!u) {
		fprintf(stderr, "explore: no such universe: %s\n", name);
		return USAGE;
	}
	r = run(&x);
	kr_universe_free(u);
	return r;
}

/* All that are alike at once, until one tells of a violation. */
static int explore_systems(const struct kr_abstraction *a,
			   const struct kr_mutant *m, const char *policy)
{
	uint64_t n_states = 0, n_yes = 0;
	int r = HOLDS;

	for (unsigned int i = 0, n; i < a->n && r == HOLDS; i += n) {
		struct kr_exploration x = { .u = a->u[i], .w = &m->w,
					    .also = &a->u[i + 1] };

		for (n = 1; i + n < a->n; n++)
			if (!kr_abstraction_alike(a->u[i], a->u[i + n]))
				break;
		x.n_also = n - 1;
		r = run(&x);
		n_states += x.n_states;
		n_yes += x.n_yes;
	}
	if (r == HOLDS)
		printf("%s: %u small systems, %" PRIu64 " states, %" PRIu64
		       " transitions: all is well\n", policy, a->n, n_states,
		       n_yes);
	return r;
}

static int explore_policy(const char *path, const struct kr_mutant *m)
{
	struct kr_err e = KR_ERR_NONE;
	struct kr_abstraction *a;
	struct kr_book *b = NULL;
	int r = USAGE;

	if (kr_book_load(path, &b, NULL, &e)) {
		fprintf(stderr, "explore: %s\n", e.what);
		return USAGE;
	}
	a = kr_abstraction_new(b);
	if (a)
		r = explore_systems(a, m, b->name);
	else
		fprintf(stderr, "explore: %s: too much to explore\n", path);
	kr_abstraction_free(a);
	kr_book_free(b);
	return r;
}

static int list(void)
{
	for (unsigned int i = 0; kr_universe_name(i); i++) {
		struct kr_universe *u = kr_universe_new(kr_universe_name(i));

		if (!u)
			return USAGE;
		printf("%-12s %s\n", u->name, u->about);
		kr_universe_free(u);
	}
	return HOLDS;
}

int main(int argc, char **argv)
{
	struct kr_mutant m;

	kr_mutant_init(&m);
	if (argc == 2 && !strcmp(argv[1], "list"))
		return list();
	if (argc == 2 && !strcmp(argv[1], "rules")) {
		kr_telling_rules(&kr_rules);
		return HOLDS;
	}
	if (argc == 2 && !strcmp(argv[1], "--all-broken"))
		return kr_broken_all_told() ? HOLDS : VIOLATED;
	if (argc < 2 || argc % 2) {
		fprintf(stderr, "usage: explore rules | list | --all-broken | "
				"UNIVERSE|POLICY [--break HOW]...\n");
		return USAGE;
	}
	for (int i = 2; i < argc; i += 2)
		if (strcmp(argv[i], "--break") != 0 ||
		    !kr_mutant_break(&m, argv[i + 1])) {
			fprintf(stderr, "explore: nothing to break: %s\n",
				argv[i + 1]);
			return USAGE;
		}
	return strchr(argv[1], '/') ? explore_policy(argv[1], &m) :
				      explore(argv[1], &m);
}
