/* SPDX-License-Identifier: Apache-2.0 */
/* judgepolicy.c - see judgepolicy.h. Used by korora report. */
#include "client/judgepolicy.h"

#include <string.h>

#include "client/casefile.h"
#include "policy/words.h"

const char *kr_judgepolicy_demand(const json_t *file, const char *key,
				  size_t *ret_n)
{
	const char *t =
		kr_casefile_text(kr_casefile_id(file, "policy"), "text");
	size_t n = strlen(key);

	if (!kr_judge_policy(file))
		return NULL;
	for (; *t; t += strcspn(t, "\n"), t += *t == '\n') {
		if (strncmp(t, key, n) || t[n] != '=')
			continue;
		*ret_n = strcspn(t + n + 1, "\n");
		return t + n + 1;
	}
	return NULL;
}

/* Is it asked for? It is not if the policy says @no. */
static void asked(const json_t *file, const char *key, const char *no,
		  struct kr_judgement *j)
{
	size_t n;
	const char *wanted = kr_judgepolicy_demand(file, key, &n);

	j->asked = KR_ASKED_UNKNOWN;
	if (!wanted || !n)
		return;
	j->asked = n == strlen(no) && !strncmp(wanted, no, n) ?
		   KR_ASKED_NO : KR_ASKED_YES;
	kr_judge_by(j, kr_casefile_id(file, "policy"));
}

/* ---- where to ---------------------------------------------------------- */

static const char *name_of(const json_t *host)
{
	const char *t = json_string_value(host);

	return t ? t : "";
}

/* Is that one of the policy's? */
static bool may_go(const json_t *hosts, const char *to)
{
	const json_t *h;
	size_t i;

	json_array_foreach(hosts, i, h)
		if (kr_words_match(name_of(h), to))
			return true;
	return false;
}

static bool anywhere(const json_t *hosts)
{
	const json_t *h;
	size_t i;

	json_array_foreach(hosts, i, h)
		if (!strcmp(name_of(h), "*"))
			return true;
	return false;
}

/* The first ones, as many as a sentence holds. */
static void say_hosts(struct kr_judgement *j, const json_t *hosts)
{
	const json_t *h;
	size_t i;

	json_array_foreach(hosts, i, h) {
		if (i == 4) {
			kr_judge_also(j, " and %zu more",
				      json_array_size(hosts) - i);
			break;
		}
		kr_judge_also(j, "%s %.63s", i ? "," : "", name_of(h));
	}
	kr_judge_also(j, "%s.", json_array_size(hosts) ? "" : " none");
}

/* By what the policy says, and where both hosts signed that it goes. */
static void judge_destination(const json_t *file, struct kr_judgement *j,
			      const json_t *hosts)
{
	const json_t *a, *b;
	const char *to;

	if (!kr_judge_both(j, file, "offer", "acceptance", &a, &b))
		return;
	if (!kr_casefile_same(a, b, "to.name") ||
	    !kr_casefile_same(a, b, "to.keyid")) {
		kr_judge_differ(j, "where it goes");
		return;
	}
	to = kr_casefile_hex(b, "to.name");
	if (j->asked == KR_ASKED_UNKNOWN) {
		kr_judge_say(j, KR_RESULT_UNKNOWN, "%.63s signed that it takes "
			     "it; where the policy let it go is not known "
			     "here.", to);
		return;
	}
	if (j->asked == KR_ASKED_NO) {
		kr_judge_say(j, KR_RESULT_NOT_ASKED, "The policy let it go to "
			     "any host; %.63s signed that it takes it.", to);
		return;
	}
	kr_judge_say(j, may_go(hosts, to) ? KR_RESULT_OBTAINED :
					    KR_RESULT_NOT_OBTAINED,
		     "%.63s signed that it takes it, with the key of the "
		     "certificate known here for that name. Where who asked "
		     "may have it go by the policy:", to);
	say_hosts(j, hosts);
}

void kr_judgepolicy_destination(const json_t *file, struct kr_judgement *j)
{
	const json_t *policy = kr_casefile_id(file, "policy");
	const json_t *hosts = json_object_get(policy, "destinations");

	if (strcmp(kr_casefile_side(file), "from")) {
		j->asked = KR_ASKED_NO;
		kr_judge_say(j, KR_RESULT_NOT_ASKED, "Where it may go is for "
			     "the policy of %s to say, which is kept there, "
			     "and not here.", kr_casefile_from(file));
		return;
	}
	j->asked = KR_ASKED_UNKNOWN;
	if (kr_judge_policy(file) && json_is_array(hosts)) {
		j->asked = anywhere(hosts) ? KR_ASKED_NO : KR_ASKED_YES;
		kr_judge_by(j, policy);
	}
	judge_destination(file, j, hosts);
}

/* ---- how --------------------------------------------------------------- */

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
