/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge.c - see judge.h: which function judges what, and what all of these
 * have to say. Used by korora report.
 */
#include "client/judge.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/casefile.h"
#include "client/judgeapproval.h"
#include "client/judgepolicy.h"
#include "client/judgevm.h"
#include "client/judgeway.h"

static const char *const asked_names[] = {
	[KR_ASKED_YES] = "yes",
	[KR_ASKED_NO] = "no",
	[KR_ASKED_UNKNOWN] = "unknown",
};
static_assert(sizeof(asked_names) / sizeof(*asked_names) == KR_ASKED_N, "all");

static const char *const result_names[] = {
	[KR_RESULT_OBTAINED] = "obtained",
	[KR_RESULT_NOT_OBTAINED] = "not_obtained",
	[KR_RESULT_NOT_ASKED] = "not_asked",
	[KR_RESULT_UNKNOWN] = "unknown",
};
static_assert(sizeof(result_names) / sizeof(*result_names) == KR_RESULT_N,
	      "all");

const char *kr_judge_asked(enum kr_asked a)
{
	return asked_names[a];
}

const char *kr_judge_result(enum kr_result r)
{
	return result_names[r];
}

/* ---- what all of them say ----------------------------------------------- */

void kr_judge_by(struct kr_judgement *j, const json_t *d)
{
	const char *id = kr_casefile_text(d, "id");
	const json_t *have;
	size_t i;

	json_array_foreach(
		j->evidence, i,
		have) if (!strcmp(json_string_value(have), id)) return;
	if (*id)
		json_array_append_new(j->evidence, json_string(id));
}

void kr_judge_say(struct kr_judgement *j, enum kr_result r, const char *fmt,
		  ...)
{
	va_list ap;

	j->result = r;
	va_start(ap, fmt);
	vsnprintf(j->because, sizeof(j->because), fmt, ap);
	va_end(ap);
}

void kr_judge_also(struct kr_judgement *j, const char *fmt, ...)
{
	size_t n = strlen(j->because);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(j->because + n, sizeof(j->because) - n, fmt, ap);
	va_end(ap);
}

/* Why it ended as it did, as far as a record says. */
void kr_judge_error(struct kr_judgement *j, const json_t *file)
{
	const json_t *d = kr_casefile_error(file);
	const json_t *e = json_object_get(d, "error");

	if (!d)
		return;
	kr_judge_also(j, " It ended with %.16s: %.200s.",
		      kr_casefile_text(e, "code"),
		      kr_casefile_text(e, "message"));
	kr_judge_by(j, d);
}

/* A statement that should be there does not count, or is not there. */
void kr_judge_lacks(struct kr_judgement *j, const json_t *file,
		    const char *statement, const char *host)
{
	const json_t *bad = kr_casefile_bad(file, statement);
	const json_t *unread = kr_casefile_unread(file, statement);
	const json_t *error = kr_casefile_error(file);

	if (bad) {
		kr_judge_say(j, KR_RESULT_NOT_OBTAINED,
			     "The %s is not valid: %.200s.", statement,
			     kr_casefile_text(bad, "why"));
		kr_judge_by(j, bad);
	} else if (unread) {
		kr_judge_say(j, KR_RESULT_UNKNOWN,
			     "The %s cannot be verified: %.200s.", statement,
			     kr_casefile_text(unread, "why"));
		kr_judge_by(j, unread);
	} else if (!kr_casefile_over(file)) {
		kr_judge_say(j, KR_RESULT_UNKNOWN,
			     "There is no %s statement of %s yet: the "
			     "migration is under way.", statement, host);
	} else {
		kr_judge_say(j, KR_RESULT_NOT_OBTAINED,
			     "%s no %s statement of %s on record%s%.16s.",
			     kr_casefile_moved(file) ? "There is" :
			     "It did not come to that: there is", statement,
			     host, error ? "; it ended with " : "",
			     kr_casefile_text(json_object_get(error, "error"),
					      "code"));
		kr_judge_by(j, error);
	}
}

/* Both statements, or what is said about the one that is missing. */
bool kr_judge_both(struct kr_judgement *j, const json_t *file,
		   const char *first, const char *second, const json_t **a,
		   const json_t **b)
{
	*a = kr_casefile_either(file, first);
	*b = kr_casefile_either(file, second);
	if (!*b)
		kr_judge_lacks(j, file, second, kr_casefile_to(file));
	if (!*a)
		kr_judge_lacks(j, file, first, kr_casefile_from(file));
	kr_judge_by(j, *a);
	kr_judge_by(j, *b);
	return *a && *b;
}

void kr_judge_differ(struct kr_judgement *j, const char *what)
{
	kr_judge_say(j, KR_RESULT_NOT_OBTAINED,
		     "The hosts' statements differ in %s.", what);
}

unsigned long long kr_judge_number(const json_t *d, const char *key)
{
	json_int_t n = json_integer_value(kr_casefile_say(d, key));

	return n < 0 ? 0 : (unsigned long long)n;
}

const char *kr_judge_decided_by(const json_t *file)
{
	bool from = !strcmp(kr_casefile_side(file), "from");
	const json_t *d = kr_casefile_either(file, from ? "offer" :
							  "acceptance");

	return kr_casefile_hex(d, from ? "from.policy_sha256" :
					 "to.policy_sha256");
}

bool kr_judge_policy(const json_t *file)
{
	const json_t *p = kr_casefile_id(file, "policy");
	const char *here = kr_casefile_text(p, "sha256");

	return *here && !strcmp(here, kr_judge_decided_by(file)) &&
	       *kr_casefile_text(p, "text");
}

/* ---- each one ---------------------------------------------------------- */

static void (*const judges[])(const json_t *, struct kr_judgement *) = {
	[KR_CRITERION_AUTHENTICATION] = kr_judgeway_authentication,
	[KR_CRITERION_AUTHORISATION] = kr_judgeway_authorisation,
	[KR_CRITERION_DESTINATION] = kr_judgepolicy_destination,
	[KR_CRITERION_APPROVALS] = kr_judgeapproval,
	[KR_CRITERION_POLICY] = kr_judgeway_policy,
	[KR_CRITERION_ATTESTATION] = kr_judgepolicy_attestation,
	[KR_CRITERION_SCANNERS] = kr_judgepolicy_scanners,
	[KR_CRITERION_WHOLE] = kr_judgepolicy_whole,
	[KR_CRITERION_ROOT] = kr_judgepolicy_root,
	[KR_CRITERION_CONFIDENTIALITY] = kr_judgeway_confidentiality,
	[KR_CRITERION_TAMPER] = kr_judgeway_tamper,
	[KR_CRITERION_REPLAY] = kr_judgeway_replay,
	[KR_CRITERION_DEFINITION] = kr_judgevm_definition,
	[KR_CRITERION_MEMORY] = kr_judgevm_memory,
	[KR_CRITERION_DEVICES] = kr_judgevm_devices,
	[KR_CRITERION_OWNERSHIP] = kr_judgevm_ownership,
	[KR_CRITERION_NONREPUDIATION] = kr_judgevm_nonrepudiation,
	[KR_CRITERION_LOG] = kr_judgevm_log,
	[KR_CRITERION_PREDICTION] = kr_judgevm_prediction,
};
static_assert(sizeof(judges) / sizeof(*judges) == KR_CRITERION_N, "each");

void kr_judge(enum kr_criterion c, const json_t *file,
	      struct kr_judgement *ret_j)
{
	const json_int_t hidden = kr_casefile_hidden(file);

	*ret_j = (struct kr_judgement){
		.asked = KR_ASKED_YES,
		.result = KR_RESULT_UNKNOWN,
		.evidence = json_array(),
	};
	judges[c](file, ret_j);
	if (!hidden)
		return;
	if (ret_j->result == KR_RESULT_OBTAINED)
		ret_j->result = KR_RESULT_UNKNOWN;
	kr_judge_also(ret_j, " %" JSON_INTEGER_FORMAT " entries about it are "
		      "not shown to who asked for this.", hidden);
}
