/* SPDX-License-Identifier: Apache-2.0 */
/*
 * breaking.h - of a verifier made of handover.pml: its table broken when it
 * runs, so that one that is compiled once tries all. Included by pan.c.
 *
 *	KR_BREAK	"EDGE:TO:ACT:EAGER:UNWRITTEN ...", numbers as gentable
 *			prints them; not set: the table as it is
 *	KR_FAULTS	how many things go wrong in a run; 2 if not set
 */
#include <stdio.h>
#include <stdlib.h>

struct kr_table {
	unsigned char *to, *act, *eager, *unwritten;
	unsigned int   n;
};

static void kr_break(struct kr_table t, unsigned char *faults)
{
	const char *text = getenv("KR_BREAK"), *n = getenv("KR_FAULTS");
	unsigned int edge, to, act, eager, unwritten;
	int used;

	if (n)
		*faults = (unsigned char)atoi(n);
	for (; text && *text; text += used) {
		if (sscanf(text, "%u:%u:%u:%u:%u %n", &edge, &to, &act,
			   &eager, &unwritten, &used) != 5 || edge >= t.n) {
			fprintf(stderr, "KR_BREAK: %s\n", text);
			exit(2);
		}
		t.to[edge] = (unsigned char)to;
		t.act[edge] = (unsigned char)act;
		t.eager[edge] = (unsigned char)eager;
		t.unwritten[edge] = (unsigned char)unwritten;
	}
}
