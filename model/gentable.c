/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gentable.c - prints the hand-over's table as a Promela include, so that
 * the model steps through the very table kororad does.
 *
 *	gentable			the include
 *	gentable --each			FROM EVENT and ~FROM EVENT of each edge
 *					and each durable write that can be left
 *					out, a line each
 *	gentable FROM EVENT TO ACT | ~FROM EVENT ...
 *					these, for KR_BREAK (breaking.h)
 *
 * FROM EVENT TO ACT is that edge instead (TO may be ILLEGAL: none; ACT have a
 * '!' before it: eager), ~FROM EVENT the one that there is without its durable
 * write: the broken tables that show that the model finds errors.
 */
#include <stdio.h>
#include <string.h>

#include "policy/handover.h"

static struct kr_edge table[KR_STATE_N][KR_EVENT_N];
static bool unwritten[KR_STATE_N][KR_EVENT_N];

static const char *state_name(unsigned int n) { return kr_state_name(n); }
static const char *event_name(unsigned int n) { return kr_event_name(n); }
static const char *act_name(unsigned int n) { return kr_act_name(n); }

static int find(const char *(*name)(unsigned int), unsigned int n,
		const char *what)
{
	for (unsigned int i = 0; i < n; i++)
		if (!strcmp(name(i), what))
			return (int)i;
	fprintf(stderr, "gentable: no such name: %s\n", what);
	return -1;
}

static int replace(char **names)
{
	int from = find(state_name, KR_STATE_N, names[0]);
	int ev = find(event_name, KR_EVENT_N, names[1]);
	int to = find(state_name, KR_STATE_N, names[2]);
	bool eager = names[3][0] == '!';
	int act = find(act_name, KR_ACT_N, names[3] + eager);

	if (from < 0 || ev < 0 || to < 0 || act < 0)
		return -1;
	table[from][ev].to = (enum kr_state)to;
	table[from][ev].act = (enum kr_act)act;
	table[from][ev].eager = eager;
	return 0;
}

/* An eager edge has acted by then: its write is another kind of step. */
static int leave_out_write(char **names)
{
	int from = find(state_name, KR_STATE_N, names[0] + 1);
	int ev = find(event_name, KR_EVENT_N, names[1]);

	if (from < 0 || ev < 0)
		return -1;
	if (table[from][ev].to == KR_ILLEGAL || table[from][ev].eager) {
		fprintf(stderr, "gentable: no such write: %s %s\n",
			names[0] + 1, names[1]);
		return -1;
	}
	unwritten[from][ev] = true;
	return 0;
}

static int break_table(int n, char **names)
{
	for (int i = 0, used; i < n; i += used) {
		bool write = names[i][0] == '~';

		used = write ? 2 : 4;
		if (i + used > n ||
		    (write ? leave_out_write : replace)(names + i))
			return -1;
	}
	return 0;
}

static void define(const char *prefix, const char *(*name)(unsigned int),
		   unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		printf("#define %s%s\t%u\n", prefix, name(i), i);
}

static void tell(const char *which, bool (*is)(enum kr_state))
{
	printf("#define %s(s)\t(", which);
	for (unsigned int s = 0, first = 1; s < KR_STATE_N; s++) {
		if (!is((enum kr_state)s))
			continue;
		printf("%s(s) == %u", first ? "" : " || ", s);
		first = 0;
	}
	printf(")\n");
}

static void print_include(void)
{
	define("", state_name, KR_STATE_N);
	define("EV_", event_name, KR_EVENT_N);
	define("A_", act_name, KR_ACT_N);
	printf("#define N_EVENTS\t%d\n", KR_EVENT_N);
	tell("BEFORE", kr_state_before_return);
	tell("ENDED", kr_state_ended);
	/* hidden: constant, so no part of the model's state */
	printf("#define N_EDGES\t%d\n", KR_STATE_N * KR_EVENT_N);
	printf("hidden byte edge_to[N_EDGES];\nhidden byte edge_act[N_EDGES];\n"
	       "hidden byte edge_eager[N_EDGES];\n"
	       "hidden byte edge_unwritten[N_EDGES];\n"
	       "inline fill_table()\n{\n");
	for (unsigned int s = 0; s < KR_STATE_N; s++) {
		for (unsigned int ev = 0; ev < KR_EVENT_N; ev++) {
			const struct kr_edge *x = &table[s][ev];
			unsigned int i = s * KR_EVENT_N + ev;

			if (x->to == KR_ILLEGAL)
				continue;
			printf("\tedge_to[%u] = %u; edge_act[%u] = %u; "
			       "/* %s %s */\n", i, x->to, i, x->act,
			       kr_state_name((enum kr_state)s),
			       kr_event_name((enum kr_event)ev));
			if (x->eager)
				printf("\tedge_eager[%u] = true;\n", i);
		}
	}
	printf("}\n");
}

/*
 * An edge to where it comes from, with nothing to do, is one that is not there
 * to the model, which takes no offence at an event: it is not of them.
 */
static void print_each(void)
{
	for (unsigned int s = 0; s < KR_STATE_N; s++)
		for (unsigned int ev = 0; ev < KR_EVENT_N; ev++) {
			const struct kr_edge *x = &kr_handover[s][ev];

			if (x->to == KR_ILLEGAL ||
			    (x->to == (enum kr_state)s && !x->act))
				continue;
			printf("%s %s\n", state_name(s), event_name(ev));
			if (x->to != (enum kr_state)s && !x->eager)
				printf("~%s %s\n", state_name(s),
				       event_name(ev));
		}
}

static void print_broken(void)
{
	for (unsigned int s = 0; s < KR_STATE_N; s++)
		for (unsigned int ev = 0; ev < KR_EVENT_N; ev++) {
			const struct kr_edge *x = &table[s][ev];

			if (unwritten[s][ev] ||
			    memcmp(x, &kr_handover[s][ev], sizeof(*x)))
				printf("%u:%u:%u:%u:%u\n",
				       s * KR_EVENT_N + ev, x->to, x->act,
				       x->eager, unwritten[s][ev]);
		}
}

int main(int argc, char **argv)
{
	memcpy(table, kr_handover, sizeof(table));
	if (argc == 1)
		print_include();
	else if (!strcmp(argv[1], "--each"))
		print_each();
	else if (break_table(argc - 1, argv + 1))
		return 2;
	else
		print_broken();
	return 0;
}
