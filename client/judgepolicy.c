/* SPDX-License-Identifier: Apache-2.0 */
/* judgepolicy.c - see judgepolicy.h. Used by korora report. */
#include "client/judgepolicy.h"

#include <stdio.h>
#include <string.h>

#include "client/casefile.h"

bool kr_judgepolicy_demand(const json_t *file, const char *key,
			   char out[KR_DEMAND_BYTES])
{
	const char *t =
		kr_casefile_text(kr_casefile_id(file, "policy"), "text");
	size_t n = strlen(key);

	out[0] = '\0';
	if (!kr_judge_policy(file))
		return false;
	for (; *t; t += strcspn(t, "\n"), t += *t == '\n')
		if (!strncmp(t, key, n) && t[n] == '=')
			snprintf(out, KR_DEMAND_BYTES, "%.*s",
				 (int)strcspn(t + n + 1, "\n"), t + n + 1);
	return out[0];
}

/* Is it asked for? It is not if the policy says @no. */
static void asked(const json_t *file, const char *key, const char *no,
		  struct kr_judgement *j)
{
	char wanted[KR_DEMAND_BYTES];

	j->asked = KR_ASKED_UNKNOWN;
	if (!kr_judgepolicy_demand(file, key, wanted))
		return;
	j->asked = strcmp(wanted, no) ? KR_ASKED_YES : KR_ASKED_NO;
	kr_judge_by(j, kr_casefile_id(file, "policy"));
}

void kr_judgepolicy_attestation(const json_t *file, struct kr_judgement *j)
{
	const json_t *d = kr_casefile_either(file, "prepared");
	const char *kind;

	asked(file, "attestation", "none", j);
	if (!d) {
		kr_judge_lacks(j, file, "prepared", kr_casefile_to(file));
		return;
	}
	kr_judge_by(j, d);
	kind = kr_casefile_hex(d, "protection.attestation");
	if (!strcmp(kind, "none"))
		kr_judge_say(j, KR_RESULT_NOT_OBTAINED,
			     "The signed statements say none: neither host "
			     "proved what it booted.");
	else
		kr_judge_say(j, KR_RESULT_UNKNOWN,
			     "The signed statements say %s, which this report "
			     "cannot judge.",
			     *kind ? kind : "nothing");
}

/* No statement has a place for what a scanner found, so none did. */
void kr_judgepolicy_scanners(const json_t *file, struct kr_judgement *j)
{
	asked(file, "scanners", "0", j);
	kr_judge_say(j, j->asked == KR_ASKED_NO ? KR_RESULT_NOT_ASKED :
						  KR_RESULT_NOT_OBTAINED,
		     "No scanner looked into the VM.");
}

/* Return: what both signed alike; NULL, and said why, if there is none. */
static const json_t *agreed(const json_t *file, struct kr_judgement *j)
{
	const json_t *a, *b;

	if (!kr_judge_both(j, file, "manifest", "prepared", &a, &b))
		return NULL;
	if (!kr_casefile_same_stream(a, b)) {
		kr_judge_differ(j, "what went over");
		return NULL;
	}
	return b;
}

void kr_judgepolicy_whole(const json_t *file, struct kr_judgement *j)
{
	const json_t *d;

	asked(file, "postcopy", "yes", j);
	d = agreed(file, j);
	if (!d)
		return;
	if (!json_is_object(kr_casefile_say(d, "postcopy")))
		kr_judge_say(j, KR_RESULT_OBTAINED, "All of its memory and "
			     "state were there before it could run.");
	else
		kr_judge_say(j, j->asked == KR_ASKED_NO ?
				KR_RESULT_NOT_ASKED : KR_RESULT_NOT_OBTAINED,
			     "It was to run before the rest of its memory was "
			     "there.");
}

void kr_judgepolicy_root(const json_t *file, struct kr_judgement *j)
{
	const json_t *d;

	asked(file, "evidence", "any", j);
	d = agreed(file, j);
	if (!d)
		return;
	if (!json_is_true(kr_casefile_say(d, "stream.opaque")) &&
	    !json_is_object(kr_casefile_say(d, "postcopy")))
		kr_judge_say(j, KR_RESULT_OBTAINED, "The root %.16s… that both "
			     "signed is over every page.",
			     kr_casefile_hex(d, "stream.ram_root"));
	else
		kr_judge_say(j, j->asked == KR_ASKED_NO ?
				KR_RESULT_NOT_ASKED : KR_RESULT_NOT_OBTAINED,
			     "Not every page is under the root that was signed "
			     "before its first instruction.");
}
