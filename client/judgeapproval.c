/* SPDX-License-Identifier: Apache-2.0 */
/* judgeapproval.c - see judgeapproval.h. Used by korora report. */
#include "client/judgeapproval.h"

#include <stdio.h>
#include <string.h>

#include "client/casefile.h"

/* Hosts that are known by their CA alone have no key in an approval. */
static bool same_target(const json_t *a, const json_t *offer)
{
	return kr_casefile_same(a, offer, "to.name") &&
	       (!*kr_casefile_hex(a, "to.keyid") ||
		kr_casefile_same(a, offer, "to.keyid"));
}

static bool same_policy(const json_t *a, const json_t *offer)
{
	return !strcmp(kr_casefile_hex(a, "policy.name"),
		       kr_casefile_hex(offer, "from.policy")) &&
	       !strcmp(kr_casefile_hex(a, "policy.sha256"),
		       kr_casefile_hex(offer, "from.policy_sha256")) &&
	       json_equal(kr_casefile_say(a, "policy.version"),
			  kr_casefile_say(offer, "from.policy_version"));
}

/* The offer has USER@HOST, an approval the user. */
static bool same_requester(const json_t *a, const json_t *offer)
{
	const char *user = kr_casefile_hex(a, "requested_by");
	const char *who = kr_casefile_hex(offer, "requested_by");
	size_t n = strlen(user);

	return n && !strncmp(who, user, n) && who[n] == '@' &&
	       !strcmp(who + n + 1, kr_casefile_hex(offer, "from.name")) &&
	       strcmp(user, kr_casefile_hex(a, "approver.name"));
}

static bool in_time(const json_t *a, const json_t *used)
{
	const json_t *at = json_object_get(used, "at_ms");
	unsigned long long ms = (unsigned long long)json_integer_value(at);

	return json_is_integer(at) &&
	       ms >= kr_judge_number(a, "times.issued_ms") &&
	       ms < kr_judge_number(a, "times.expires_ms");
}

/* Is @a for the migration of @offer, in the request that was @used for it? */
static bool counts(const json_t *a, const json_t *offer, const json_t *used)
{
	const char *request = kr_casefile_text(json_object_get(used, "detail"),
					       "request");

	return !strcmp(kr_casefile_hex(a, "decision"), "approve") &&
	       *request && !strcmp(kr_casefile_hex(a, "request"), request) &&
	       kr_casefile_same(a, offer, "vm") &&
	       kr_casefile_same(a, offer, "from.name") &&
	       kr_casefile_same(a, offer, "from.keyid") &&
	       json_equal(kr_casefile_say(a, "epoch"),
			  kr_casefile_say(offer, "epoch")) &&
	       *kr_casefile_subject(offer, 0) &&
	       !strcmp(kr_casefile_subject(a, 0),
		       kr_casefile_subject(offer, 0)) &&
	       same_target(a, offer) && same_policy(a, offer) &&
	       same_requester(a, offer) && in_time(a, used);
}

static bool is_proved(const json_t *d)
{
	return !strcmp(kr_casefile_text(d, "statement"), "approval") &&
	       json_is_true(json_object_get(d, "verified"));
}

/* Did an earlier one, of those that count, come from the same person? */
static bool again(const json_t *data, size_t n, const json_t *offer,
		  const json_t *used)
{
	const json_t *d, *this = json_array_get(data, n);
	size_t i;

	json_array_foreach(data, i, d)
		if (i < n && is_proved(d) && counts(d, offer, used) &&
		    kr_casefile_same(d, this, "approver.name"))
			return true;
	return false;
}

/* Those that count become evidence; @by: who they are, cut if too long. */
static unsigned int count(const json_t *file, const json_t *offer,
			  const json_t *used, struct kr_judgement *j,
			  char by[256])
{
	const json_t *data = json_object_get(file, "data"), *d;
	unsigned int n = 0;
	size_t i, at = 0;

	by[0] = '\0';
	json_array_foreach(data, i, d) {
		int w;

		if (!is_proved(d) || !counts(d, offer, used) ||
		    again(data, i, offer, used))
			continue;
		kr_judge_by(j, d);
		w = snprintf(by + at, 256 - at, "%s%.64s", n ? ", " : "",
			     kr_casefile_hex(d, "approver.name"));
		at += w > 0 && (size_t)w < 256 - at ? (size_t)w : 0;
		n++;
	}
	return n;
}

static void lacks(const json_t *file, struct kr_judgement *j,
		  const json_t *used, unsigned int n,
		  unsigned long long needed)
{
	const json_t *unread = kr_casefile_unread(file, "approval");

	if (!used && !kr_casefile_moved(file)) {
		kr_judge_say(j, kr_casefile_over(file) ?
				KR_RESULT_NOT_OBTAINED : KR_RESULT_UNKNOWN,
			     "%llu others had to approve it; it did not come "
			     "to using what they had signed.", needed);
		return;
	}
	kr_judge_say(j, unread ? KR_RESULT_UNKNOWN : KR_RESULT_NOT_OBTAINED,
		     "%llu others had to approve it, and %u approvals for it "
		     "verify.", needed, n);
	if (unread)
		kr_judge_also(j, " One cannot be verified: %.200s.",
			      kr_casefile_text(unread, "why"));
	kr_judge_by(j, unread);
}

void kr_judgeapproval(const json_t *file, struct kr_judgement *j)
{
	const json_t *offer = kr_casefile_either(file, "offer");
	const json_t *used = kr_casefile_event(file, "migration.approved");
	unsigned long long needed = kr_judge_number(offer, "approvals");
	char by[256];
	unsigned int n;

	j->asked = KR_ASKED_UNKNOWN;
	if (!offer || !*kr_casefile_hex(offer, "from.policy")) {
		kr_judge_lacks(j, file, "offer", kr_casefile_from(file));
		if (offer)
			kr_judge_say(j, KR_RESULT_UNKNOWN, "The offer does not "
				     "say whether any were asked for.");
		return;
	}
	kr_judge_by(j, offer);
	j->asked = needed ? KR_ASKED_YES : KR_ASKED_NO;
	if (!needed) {
		kr_judge_say(j, KR_RESULT_NOT_ASKED, "The policy of %s asked "
			     "for none, as it signed.",
			     kr_casefile_from(file));
		return;
	}
	if (strcmp(kr_casefile_side(file), "from")) {
		kr_judge_say(j, KR_RESULT_UNKNOWN, "%s signed that %llu others "
			     "had to approve it; what they signed is kept "
			     "there, and not here.", kr_casefile_from(file),
			     needed);
		return;
	}
	if (used && !json_is_true(json_object_get(used, "proved"))) {
		kr_judge_say(j, KR_RESULT_UNKNOWN, "%llu others had to approve "
			     "it; there is no proof that the entry which tells "
			     "when they were used is in the log.", needed);
		return;
	}
	n = count(file, offer, used, j, by);
	if (n < needed) {
		lacks(file, j, used, n, needed);
		return;
	}
	kr_judge_by(j, used);
	kr_judge_say(j, KR_RESULT_OBTAINED, "%llu others had to approve it, and "
		     "%u did: %s. What each signed is for this VM, definition, "
		     "epoch, destination and policy, and was valid when the "
		     "request was used.", needed, n, by);
}
