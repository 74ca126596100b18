/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gentable.c - prints the hand-over's table as a Promela include, so that
 * the model steps through the very table kororad does. Built and run by
 * model/check.
 *
 *	gentable [FROM EVENT TO ACT]...
 *
 * replaces edges first (TO may be ILLEGAL, ACT have a '!' before it to make
 * the edge eager): the broken tables that show that the model finds errors.
 */
#include <stdio.h>
#include <string.h>

#include "policy/handover.h"

static struct kr_edge table[KR_STATE_N][KR_EVENT_N];

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

int main(int argc, char **argv)
{
	memcpy(table, kr_handover, sizeof(table));
	if ((argc - 1) % 4)
		return 2;
	for (int i = 1; i < argc; i += 4)
		if (replace(argv + i))
			return 2;
	define("", state_name, KR_STATE_N);
	define("EV_", event_name, KR_EVENT_N);
	define("A_", act_name, KR_ACT_N);
	printf("#define N_EVENTS\t%d\n", KR_EVENT_N);
	tell("BEFORE", kr_state_before_return);
	tell("ENDED", kr_state_ended);
	/* hidden: constant, so no part of the model's state */
	printf("hidden byte edge_to[%d];\nhidden byte edge_act[%d];\n"
	       "hidden byte edge_eager[%d];\ninline fill_table()\n{\n",
	       KR_STATE_N * KR_EVENT_N, KR_STATE_N * KR_EVENT_N,
	       KR_STATE_N * KR_EVENT_N);
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
	return 0;
}
