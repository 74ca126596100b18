/* SPDX-License-Identifier: Apache-2.0 */
/* report.c - see report.h. Used by korora report. */
#include "client/report.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "client/casefile.h"
#include "client/judge.h"
#include "evidence/fingerprint.h"

#define SENTENCE_BYTES	1200u

static const char *const verdicts[] = {
	[KR_VERDICT_OBTAINED] = "obtained", [KR_VERDICT_PARTLY] = "partly",
	[KR_VERDICT_UNDONE] = "undone", [KR_VERDICT_LOST] = "lost",
	[KR_VERDICT_UNDER_WAY] = "under_way",
	[KR_VERDICT_UNRELIABLE] = "unreliable",
};
static_assert(sizeof(verdicts) / sizeof(*verdicts) == KR_VERDICT_N, "all");

enum kr_verdict kr_report_verdict(const json_t *report)
{
	const char *t = kr_casefile_text(json_object_get(report, "synthesis"),
					 "verdict");

	for (unsigned int v = 0; v < KR_VERDICT_N; v++)
		if (!strcmp(verdicts[v], t))
			return v;
	return KR_VERDICT_UNRELIABLE;
}

/* Text that was cut off, perhaps in the midst of a character. */
static json_t *string_of(const char *text)
{
	json_t *j = json_string(text);
	char ascii[SENTENCE_BYTES];

	snprintf(ascii, sizeof(ascii), "%s", text);
	for (char *s = ascii; *s; s++)
		if (*s < ' ' || *s > '~')
			*s = '?';
	return j ? j : json_string(ascii);
}

/* ---- target ------------------------------------------------------------ */

/* The statement that says most of those that are proved. */
static const json_t *fullest(const json_t *file)
{
	static const char *const kinds[] = { "receipt", "complete", "owner",
					     "release", "prepared", "manifest",
					     "acceptance", "offer" };
	const json_t *d = NULL;

	for (size_t i = 0; !d && i < sizeof(kinds) / sizeof(*kinds); i++)
		d = kr_casefile_proved(file, kinds[i]);
	return d;
}

static void put_said(json_t *to, const char *as, const json_t *d,
		     const char *key)
{
	json_t *v = (json_t *)(uintptr_t)kr_casefile_say(d, key);

	if (v)
		json_object_set(to, as, v);
}

static void put_fingerprint(json_t *to, const char *as, const json_t *d,
			    const char *key)
{
	char fp[KR_FINGERPRINT_BYTES];
	uint8_t keyid[32];

	if (!kr_unhex(kr_casefile_hex(d, key), keyid, sizeof(keyid)))
		return;
	kr_fingerprint_put(keyid, fp);
	json_object_set_new(to, as, json_string(fp));
}

/* What nobody signed is kororad's word. */
static void put_told(json_t *to, const json_t *file)
{
	static const char *const keys[] = { "migration", "vm", "role", "phase",
					    "state", "strategy", "total_ms",
					    "downtime_ms", "rounds",
					    "ram_bytes", "wire_bytes",
					    "error" };
	const json_t *s = json_object_get(file, "status");

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		json_t *v = json_object_get(s, keys[i]);

		if (v && !json_is_null(v))
			json_object_set(to, keys[i], v);
	}
	json_object_set_new(to, "from", json_string(kr_casefile_from(file)));
	json_object_set_new(to, "to", json_string(kr_casefile_to(file)));
	json_object_set(to, "requested_ms", json_object_get(s, "started_ms"));
	json_object_set(to, "seen_by", json_object_get(file, "host"));
}

static json_t *target(const json_t *file)
{
	const json_t *d = fullest(file), *us = kr_casefile_say(d,
							       "downtime_us");
	json_t *t = json_object();

	put_told(t, file);
	put_said(t, "requested_by", d, "requested_by");
	put_said(t, "strategy", d, "strategy");
	put_said(t, "epoch", d, "epoch");
	put_said(t, "requested_ms", d, "times.requested_ms");
	put_said(t, "paused_ms", d, "times.paused_ms");
	put_said(t, "released_ms", d, "times.released_ms");
	put_said(t, "running_ms", d, "times.running_ms");
	put_said(t, "total_ms", d, "total_ms");
	put_said(t, "rounds", d, "rounds");
	put_said(t, "wire_bytes", d, "wire_bytes");
	put_said(t, "postcopy", d, "postcopy");
	if (us)
		json_object_set_new(t, "downtime_ms", json_real(
				    json_number_value(us) / 1000));
	put_fingerprint(t, "from_fingerprint", d, "from.keyid");
	put_fingerprint(t, "to_fingerprint", d, "to.keyid");
	if (*kr_casefile_subject(d, 0))
		json_object_set_new(t, "definition", json_string(
				    kr_casefile_subject(d, 0)));
	return t;
}

/* ---- criteria and yardstick -------------------------------------------- */

static json_t *criteria(void)
{
	json_t *a = json_array();

	for (size_t i = 0; i < KR_CRITERION_N; i++) {
		const struct kr_criterion_row *c = &kr_criteria[i];

		json_array_append_new(a, json_pack(
			"{s:s, s:s, s:s, s:s, s:s, s:b}", "key", c->key,
			"title", c->title, "standard", c->standard, "judged",
			c->judged, "evidence", c->evidence, "protects",
			(int)c->protects));
	}
	return a;
}

/* What the statement says of that side's policy. */
static void put_policy(json_t *to, const char *side, const json_t *d)
{
	static const char *const keys[][2] = {
		{ "name", "policy" }, { "version", "policy_version" },
		{ "sha256", "policy_sha256" },
	};
	json_t *p = json_object();
	char key[32];

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		snprintf(key, sizeof(key), "%s.%s", side, keys[i][1]);
		put_said(p, keys[i][0], d, key);
	}
	if (json_object_size(p))
		json_object_set(to, side, p);
	json_decref(p);
}

static json_t *yardstick(const json_t *file, const struct kr_judgement *all)
{
	static const char *const by[] = {
		[KR_DEMAND_ALWAYS] = "every migration",
		[KR_DEMAND_POLICY] = "the policy",
		[KR_DEMAND_REQUEST] = "the request",
	};
	const json_t *d = kr_casefile_either(file, "offer");
	const json_t *policy = kr_casefile_id(file, "policy");
	json_t *rows = json_array(), *p = json_object(), *q = json_object();

	for (size_t i = 0; i < KR_CRITERION_N; i++)
		json_array_append_new(rows, json_pack(
			"{s:s, s:s, s:s, s:s, s:s}", "key", kr_criteria[i].key,
			"title", kr_criteria[i].title, "standard",
			kr_criteria[i].standard, "by",
			by[kr_criteria[i].demand], "asked",
			kr_judge_asked(all[i].asked)));
	put_policy(p, "from", d);
	put_policy(p, "to", kr_casefile_either(file, "acceptance"));
	json_object_set(p, "sha256_here", json_object_get(policy, "sha256"));
	if (kr_judge_policy(file))
		json_object_set(p, "text", json_object_get(policy, "text"));
	put_said(q, "requested_by", d, "requested_by");
	put_said(q, "requested_ms", d, "times.requested_ms");
	put_said(q, "strategy", d, "strategy");
	json_object_set_new(q, "throttle", json_boolean(
			    json_is_true(kr_casefile_say(d, "throttle"))));
	if (d)
		json_object_set_new(q, "predicted", json_null());
	put_said(q, "predicted", d, "predicted");
	return json_pack("{s:o, s:o, s:o}", "asked", rows, "policy", p,
			 "request", q);
}

/* ---- synthesis --------------------------------------------------------- */

struct text {
	char   p[SENTENCE_BYTES];
	size_t n;
};

static void add(struct text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->p + t->n, sizeof(t->p) - t->n, fmt, ap);
	va_end(ap);
	t->n += n < 0 ? 0 : (size_t)n;
	t->n = t->n < sizeof(t->p) ? t->n : sizeof(t->p) - 1;
}

/* "  Not obtained: this, that."; how many there are. */
static unsigned int add_list(struct text *t, const char *head,
			     const struct kr_judgement *all,
			     enum kr_asked asked, enum kr_result result)
{
	unsigned int n = 0;

	for (size_t i = 0; i < KR_CRITERION_N; i++) {
		if (!kr_criteria[i].protects || all[i].asked != asked ||
		    all[i].result != result)
			continue;
		add(t, "%s%s", n ? ", " : head, kr_criteria[i].title);
		n++;
	}
	if (n)
		add(t, ".");
	return n;
}

/* It is over and the VM is there: with everything that was asked for? */
static enum kr_verdict arrived(const json_t *file,
			       const struct kr_judgement *all, struct text *t)
{
	unsigned int n_asked = 0, n_got = 0, doubtful = 0;
	bool all_known = true;

	for (size_t i = 0; i < KR_CRITERION_N; i++) {
		bool yes = kr_criteria[i].protects &&
			   all[i].asked == KR_ASKED_YES;

		all_known = all_known && (!kr_criteria[i].protects ||
					  all[i].asked != KR_ASKED_UNKNOWN);
		n_asked += yes;
		n_got += yes && all[i].result == KR_RESULT_OBTAINED;
	}
	add(t, "%s moved from %s to %s", kr_casefile_text(json_object_get(
	    file, "status"), "vm"), kr_casefile_from(file),
	    kr_casefile_to(file));
	if (n_got == n_asked)
		add(t, ", and all %u protections%s asked for were obtained.",
		    n_asked, all_known ? "" : " known to be");
	else
		add(t, " with %u of the %u protections%s asked for.", n_got,
		    n_asked, all_known ? "" : " known to be");
	add_list(t, " Not obtained: ", all, KR_ASKED_YES,
		 KR_RESULT_NOT_OBTAINED);
	add_list(t, " Cannot be told: ", all, KR_ASKED_YES, KR_RESULT_UNKNOWN);
	add_list(t, " Neither asked for nor obtained: ", all, KR_ASKED_NO,
		 KR_RESULT_NOT_OBTAINED);
	doubtful += add_list(t, " Perhaps asked for, and not obtained: ", all,
			     KR_ASKED_UNKNOWN, KR_RESULT_NOT_OBTAINED);
	doubtful += add_list(t, " Perhaps asked for, and cannot be told: ",
			     all, KR_ASKED_UNKNOWN, KR_RESULT_UNKNOWN);
	return n_got == n_asked && !doubtful ? KR_VERDICT_OBTAINED :
					       KR_VERDICT_PARTLY;
}

static enum kr_verdict undone(const json_t *file,
			      const struct kr_judgement *all, struct text *t)
{
	const json_t *s = json_object_get(file, "status");
	const json_t *e = json_object_get(s, "error");

	add(t, "%s did not move to %s", kr_casefile_text(s, "vm"),
	    kr_casefile_to(file));
	if (json_is_object(e))
		add(t, ": %.16s %.200s", kr_casefile_text(e, "code"),
		    kr_casefile_text(e, "message"));
	if (all[KR_CRITERION_OWNERSHIP].result == KR_RESULT_OBTAINED)
		add(t, ". The evidence shows that it stayed %s's.",
		    kr_casefile_from(file));
	else
		add(t, ". The evidence does not show whose it is.");
	return KR_VERDICT_UNDONE;
}

static enum kr_verdict judge_all(const json_t *file,
				 const struct kr_judgement *all,
				 struct text *t)
{
	const json_t *altered = kr_casefile_altered(file, NULL);
	const char *vm = kr_casefile_text(json_object_get(file, "status"),
					  "vm");

	if (altered) {
		add(t, "The evidence is not what was signed: %s (%.200s). "
		    "Rely on nothing that rests on it, and keep a copy.",
		    kr_casefile_text(altered, "id"),
		    kr_casefile_text(altered, json_is_false(json_object_get(
		    altered, "proved")) ? "unproved" : "why"));
		return KR_VERDICT_UNRELIABLE;
	}
	if (!kr_casefile_over(file)) {
		add(t, "The migration of %s from %s to %s is not over: nothing "
		    "of this is final.", vm, kr_casefile_from(file),
		    kr_casefile_to(file));
		return KR_VERDICT_UNDER_WAY;
	}
	if (!kr_casefile_moved(file))
		return undone(file, all, t);
	if (kr_casefile_is(file, "completed"))
		return arrived(file, all, t);
	add(t, "%s ran at %s before all of its memory was there, and never "
	    "got the rest: that memory is lost.", vm, kr_casefile_to(file));
	return KR_VERDICT_LOST;
}

static json_t *synthesis(const json_t *file, const struct kr_judgement *all)
{
	struct text t = { .n = 0 };
	enum kr_verdict v = judge_all(file, all, &t);
	unsigned int n[KR_RESULT_N] = { 0 };
	json_t *rows = json_array(), *counts = json_object();

	for (size_t i = 0; i < KR_CRITERION_N; i++) {
		n[all[i].result]++;
		json_array_append_new(rows, json_pack(
			"{s:s, s:s, s:s, s:s, s:o, s:O}", "key",
			kr_criteria[i].key, "title", kr_criteria[i].title,
			"asked", kr_judge_asked(all[i].asked), "result",
			kr_judge_result(all[i].result), "because",
			string_of(all[i].because), "evidence", all[i].evidence));
	}
	for (unsigned int r = 0; r < KR_RESULT_N; r++)
		json_object_set_new(counts, kr_judge_result(r),
				    json_integer(n[r]));
	return json_pack("{s:s, s:o, s:o, s:o}", "verdict", verdicts[v],
			 "sentence", string_of(t.p), "counts", counts,
			 "criteria", rows);
}

json_t *kr_report_new(const json_t *file)
{
	struct kr_judgement all[KR_CRITERION_N];
	json_t *limits = json_array(), *report;

	for (unsigned int i = 0; i < KR_CRITERION_N; i++)
		kr_judge(i, file, &all[i]);
	for (const char *const *l = kr_criteria_limits; *l; l++)
		json_array_append_new(limits, json_string(*l));
	report = json_pack("{s:i, s:O?, s:o, s:o, s:o, s:O?, s:o, s:o}",
			   "report", KR_REPORT_VERSION, "made_ms",
			   json_object_get(file, "made_ms"), "target",
			   target(file), "criteria", criteria(), "yardstick",
			   yardstick(file, all), "data",
			   json_object_get(file, "data"), "synthesis",
			   synthesis(file, all), "limits", limits);
	for (unsigned int i = 0; i < KR_CRITERION_N; i++)
		json_decref(all[i].evidence);
	return report;
}
