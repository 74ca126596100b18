/* SPDX-License-Identifier: Apache-2.0 */
/* judgeway.c - see judgeway.h. Used by korora report. */
#include "client/judgeway.h"

#include <stdio.h>
#include <string.h>

#include "base/suite.h"
#include "client/casefile.h"
#include "client/judgepolicy.h"

/* ---- before it begins -------------------------------------------------- */

void kr_judgeway_authentication(const json_t *file, struct kr_judgement *j)
{
	const json_t *a, *b;

	if (!kr_judge_both(j, file, "offer", "acceptance", &a, &b))
		return;
	if (!kr_casefile_same(a, b, "binding") ||
	    !kr_casefile_same(a, b, "from.nonce")) {
		kr_judge_differ(j, "the session that they are bound to");
		return;
	}
	kr_judge_say(j, KR_RESULT_OBTAINED,
		     "%s and %s each signed for one session (binding %.16s…), "
		     "with the key of the certificate known here for that "
		     "name.",
		     kr_casefile_from(file), kr_casefile_to(file),
		     kr_casefile_hex(b, "binding"));
}

void kr_judgeway_authorisation(const json_t *file, struct kr_judgement *j)
{
	const json_t *d = kr_casefile_either(file, "offer");
	const char *who = kr_casefile_hex(d, "requested_by");

	if (!d || !*who) {
		kr_judge_lacks(j, file, "offer", kr_casefile_from(file));
		return;
	}
	kr_judge_by(j, d);
	kr_judge_say(j, KR_RESULT_OBTAINED, "%s signed that %s asked for it.",
		     kr_casefile_from(file), who);
}

/* Did another allow the last step before the release here? */
static void decided_anew(const json_t *file, struct kr_judgement *j)
{
	const json_t *d = kr_casefile_telling(file, "decided_anew");
	const json_t *p = json_object_get(json_object_get(d, "detail"),
					  "decided_anew");

	if (!d || !json_is_true(json_object_get(d, "proved")))
		return;
	kr_judge_also(j, " Another came into force on %s before the release, "
		      "and allowed it: %.64s, version %" JSON_INTEGER_FORMAT
		      " (%.16s…).", kr_casefile_text(file, "host"),
		      kr_casefile_text(p, "name"),
		      json_integer_value(json_object_get(p, "version")),
		      kr_casefile_text(p, "sha256"));
	kr_judge_by(j, d);
}

void kr_judgeway_policy(const json_t *file, struct kr_judgement *j)
{
	const json_t *a, *b;

	if (!kr_judge_both(j, file, "offer", "acceptance", &a, &b))
		return;
	if (!*kr_casefile_hex(a, "from.policy") ||
	    !*kr_casefile_hex(b, "to.policy")) {
		kr_judge_say(j, KR_RESULT_NOT_OBTAINED, "The statements do not "
			     "name the policies of both hosts.");
		return;
	}
	if (!kr_casefile_same(a, b, "from.policy") ||
	    !kr_casefile_same(a, b, "from.policy_sha256") ||
	    !json_equal(kr_casefile_say(a, "from.policy_version"),
			kr_casefile_say(b, "from.policy_version"))) {
		kr_judge_differ(j, "the source's policy");
		return;
	}
	kr_judge_say(j, KR_RESULT_OBTAINED, "%s decided by its policy %.64s, "
		     "version %llu (%.16s…), %s by its policy %.64s, version "
		     "%llu (%.16s…). Each signed both, once the other's log had "
		     "shown that it has it.", kr_casefile_from(file),
		     kr_casefile_hex(a, "from.policy"),
		     kr_judge_number(a, "from.policy_version"),
		     kr_casefile_hex(a, "from.policy_sha256"),
		     kr_casefile_to(file), kr_casefile_hex(b, "to.policy"),
		     kr_judge_number(b, "to.policy_version"),
		     kr_casefile_hex(b, "to.policy_sha256"));
	decided_anew(file, j);
	if (!kr_judge_policy(file)) {
		const json_t *why = json_object_get(
			kr_casefile_id(file, "policy"), "past_error");

		kr_judge_also(j, " What that of %s demanded is not known here: "
			      "%.8s %.200s.", kr_casefile_text(file, "host"),
			      kr_casefile_text(why, "code"),
			      why ? kr_casefile_text(why, "message") :
				    "another is in force");
		return;
	}
	kr_judge_also(j, " That of %s is %s.", kr_casefile_text(file, "host"),
		      json_is_false(json_object_get(
			      kr_casefile_id(file, "policy"), "in_force")) ?
		      "kept there, another is in force now" :
		      "still in force");
	kr_judge_by(j, kr_casefile_id(file, "policy"));
}

/* Did the migration end with one of these codes? */
static const json_t *ended_by(const json_t *file, const char *const *codes)
{
	const json_t *d = kr_casefile_error(file);
	const char *code =
		kr_casefile_text(json_object_get(d, "error"), "code");

	for (; d && *codes; codes++)
		if (!strcmp(*codes, code))
			return d;
	return NULL;
}

/* ---- on the way -------------------------------------------------------- */

/* By the policy, as far as that is known; without a list any is. */
static bool allowed(const json_t *file, const char *key, const char *suite)
{
	size_t n_list, n_suite = strlen(suite);
	const char *t = kr_judgepolicy_demand(file, key, &n_list);
	const char *end = t ? t + n_list : NULL;

	if (!t)
		return true;
	for (; t < end; t += *t == ':') {
		size_t n = strcspn(t, ":\n");

		if (n == n_suite && !strncmp(t, suite, n))
			return true;
		t += n;
	}
	return false;
}

void kr_judgeway_confidentiality(const json_t *file, struct kr_judgement *j)
{
	const json_t *d = kr_casefile_either(file, "prepared");
	const char *tls, *control, *lane;
	bool known = kr_judge_policy(file);

	if (!d)
		d = kr_casefile_proved(file, "manifest");
	if (!d) {
		kr_judge_lacks(j, file, "manifest", kr_casefile_from(file));
		return;
	}
	kr_judge_by(j, d);
	tls = kr_casefile_hex(d, "protection.control_tls");
	control = kr_casefile_hex(d, "protection.control_suite");
	lane = kr_casefile_hex(d, "protection.lane_suite");
	if (strcmp(tls, "TLSv1.3") || !kr_suite_find(control) ||
	    !kr_suite_find(lane) ||
	    !allowed(file, "control_suites", control) ||
	    !allowed(file, "lane_suite", lane)) {
		kr_judge_say(j, KR_RESULT_NOT_OBTAINED,
			     "%s, %s in the session and %s in the lanes are "
			     "not what was demanded.",
			     tls, control, lane);
		return;
	}
	kr_judge_say(j, KR_RESULT_OBTAINED,
		     "%s with %s in the session and %s in each of %llu "
		     "lanes%s.",
		     tls, control, lane, kr_judge_number(d, "protection.lanes"),
		     known ? ", which the policy allows" :
			     "; which of them the policy allowed is not known "
			     "here");
	if (known)
		kr_judge_by(j, kr_casefile_id(file, "policy"));
}

void kr_judgeway_tamper(const json_t *file, struct kr_judgement *j)
{
	static const char *const changed[] = { "KR-2008", "KR-5001", "KR-5004",
					       "KR-5005", NULL };
	const json_t *found = ended_by(file, changed), *a, *b;
	const json_t *late = kr_casefile_event(file, "migration.differs");

	if (late) {
		kr_judge_say(j, KR_RESULT_NOT_OBTAINED,
			     "What arrived was not what was sent: that was "
			     "found, but after the VM had run.");
		kr_judge_by(j, late);
		return;
	}
	if (found && !kr_casefile_moved(file)) {
		kr_judge_say(j, KR_RESULT_OBTAINED,
			     "What arrived was not what was sent: that was "
			     "found, and the migration undone.");
		kr_judge_error(j, file);
		return;
	}
	if (!kr_judge_both(j, file, "manifest", "prepared", &a, &b))
		return;
	if (!kr_casefile_same_stream(a, b)) {
		kr_judge_differ(j, "what went over");
		return;
	}
	kr_judge_say(j, KR_RESULT_OBTAINED,
		     "Both hosts signed the same manifest of %llu bytes of the "
		     "hypervisor's stream, carried by %s, which authenticates "
		     "every record.",
		     kr_judge_number(a, "stream.bytes"),
		     kr_casefile_hex(a, "protection.lane_suite"));
}

void kr_judgeway_replay(const json_t *file, struct kr_judgement *j)
{
	static const char *const keys[] = { "binding",	  "epoch",
					    "from.nonce", "to.nonce",
					    "migration",  "from.keyid",
					    "to.keyid" };
	const json_t *a, *b;

	if (!kr_judge_both(j, file, "offer", "acceptance", &a, &b))
		return;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (!kr_casefile_all_same(file, keys[i])) {
			kr_judge_differ(j, keys[i]);
			return;
		}
	if (!*kr_casefile_hex(b, "binding") ||
	    !*kr_casefile_hex(b, "from.nonce") ||
	    !*kr_casefile_hex(b, "to.nonce") ||
	    !strcmp(kr_casefile_hex(b, "from.nonce"),
		    kr_casefile_hex(b, "to.nonce"))) {
		kr_judge_say(j, KR_RESULT_NOT_OBTAINED,
			     "A nonce or the binding to the session is "
			     "missing, or both nonces are one.");
		return;
	}
	kr_judge_say(j, KR_RESULT_OBTAINED,
		     "All statements have the nonces %.16s… of %s and %.16s… "
		     "of %s, the binding %.16s… of the session and epoch %llu.",
		     kr_casefile_hex(b, "from.nonce"), kr_casefile_from(file),
		     kr_casefile_hex(b, "to.nonce"), kr_casefile_to(file),
		     kr_casefile_hex(b, "binding"),
		     kr_judge_number(b, "epoch"));
}
