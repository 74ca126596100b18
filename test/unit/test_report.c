/* SPDX-License-Identifier: Apache-2.0 */
/* test_report.c - what a report says, and what it must not say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/reporthtml.h"
#include "report_judged.h"

static void a_good_one_has_all(void **state)
{
	struct stand s;
	json_t *r;

	(void)state;
	good(&s);
	r = report_of(&s);
	for (unsigned int i = 0; i < KR_CRITERION_N; i++)
		is(r, i, i == KR_CRITERION_ATTESTATION ? "not_obtained" :
			 i == KR_CRITERION_PREDICTION ||
			 i == KR_CRITERION_SCANNERS ||
			 i == KR_CRITERION_APPROVALS ? "not_asked" :
							"obtained");
	assert_string_equal(text(row(r, KR_CRITERION_ATTESTATION), "asked"),
			    "no");
	assert_int_equal(kr_report_verdict(r), KR_VERDICT_OBTAINED);
	assert_non_null(strstr(sentence(r), "web-1 moved from alpha to beta"));
	assert_non_null(strstr(sentence(r), "Neither asked for nor obtained: "
					    "Attestation of the hosts."));
	assert_string_equal(text(json_object_get(r, "target"),
				 "requested_by"), "anna@alpha");
	json_decref(r);
	stand_fini(&s);
}

/* Nothing is obtained by what nobody signed. */
static void kororads_word_obtains_nothing(void **state)
{
	struct stand s;
	json_t *r;

	(void)state;
	stand_init(&s, "completed");
	entry(&s, "migration.done", NULL);
	r = report_of(&s);
	for (unsigned int i = 0; i < KR_CRITERION_N; i++)
		assert_true(i == KR_CRITERION_LOG || !obtained(r, i));
	assert_int_equal(kr_report_verdict(r), KR_VERDICT_PARTLY);
	json_decref(r);
	stand_fini(&s);
}

/* What lacks a statement has not what rests on it. */
static void less_evidence_is_never_more(void **state)
{
	struct stand s;

	(void)state;
	for (size_t gone = 0; gone < 6; gone++) {
		json_t *r;

		stand_init(&s, "completed");
		entries(&s, 6);
		never_written(&s, gone);
		r = report_of(&s);
		is(r, KR_CRITERION_NONREPUDIATION, "not_obtained");
		if (gone < 2)
			is(r, KR_CRITERION_AUTHENTICATION, "not_obtained");
		if (gone == 2 || gone == 3)
			is(r, KR_CRITERION_MEMORY, "not_obtained");
		if (gone == 4 || gone == 5)
			is(r, KR_CRITERION_OWNERSHIP, "not_obtained");
		assert_int_equal(kr_report_verdict(r), KR_VERDICT_PARTLY);
		json_decref(r);
		stand_fini(&s);
	}
}

static void a_key_that_is_missing_leaves_it_open(void **state)
{
	struct stand s;
	json_t *r;

	(void)state;
	good(&s);
	kr_pubkey_free(s.keys.keys[--s.keys.n]);
	r = report_of(&s);
	is(r, KR_CRITERION_AUTHENTICATION, "unknown");
	is(r, KR_CRITERION_MEMORY, "unknown");
	is(r, KR_CRITERION_OWNERSHIP, "unknown");
	is(r, KR_CRITERION_NONREPUDIATION, "unknown");
	is(r, KR_CRITERION_AUTHORISATION, "obtained");
	assert_int_equal(kr_report_verdict(r), KR_VERDICT_PARTLY);
	json_decref(r);
	stand_fini(&s);
}

static void a_tampered_receipt_is_named(void **state)
{
	struct stand s;
	json_t *r;
	char *at;

	(void)state;
	good(&s);
	at = strstr(s.receipt, "\"payload\":\"") + 400;
	*at = *at == 'A' ? 'B' : 'A';
	r = report_of(&s);
	is(r, KR_CRITERION_NONREPUDIATION, "not_obtained");
	assert_non_null(strstr(text(row(r, KR_CRITERION_NONREPUDIATION),
				    "because"), "Another copy"));
	assert_int_equal(kr_report_verdict(r), KR_VERDICT_UNRELIABLE);
	assert_non_null(strstr(sentence(r), "not what was signed: receipt"));
	json_decref(r);
	stand_fini(&s);
}

/* Each statement is another's: a stranger's, or of another migration. */
static void others_statements_do_not_count(void **state)
{
	struct stand s;

	(void)state;
	for (int other = 0; other < 3; other++) {
		json_t *r;

		stand_init(&s, "completed");
		if (other == 2)
			s.t.migration[0] ^= 1;
		signed_entry(&s, "migration.offer", KR_STATEMENT_OFFER,
			     other ? ALPHA : GAMMA);
		signed_entry(&s, "peer.acceptance", KR_STATEMENT_ACCEPTANCE,
			     other == 1 ? ALPHA : BETA);
		r = report_of(&s);
		is(r, KR_CRITERION_AUTHENTICATION, "not_obtained");
		is(r, KR_CRITERION_REPLAY, "not_obtained");
		assert_int_equal(kr_report_verdict(r), KR_VERDICT_UNRELIABLE);
		json_decref(r);
		stand_fini(&s);
	}
}

/* Both signed, but not the same. */
static void hosts_that_differ_are_told(void **state)
{
	struct stand s;
	json_t *r;

	(void)state;
	stand_init(&s, "failed");
	signed_entry(&s, "migration.offer", KR_STATEMENT_OFFER, ALPHA);
	s.t.binding[0] ^= 1;
	s.t.from_policy.digest[0] ^= 1;
	s.t.definition[0] ^= 1;
	signed_entry(&s, "peer.acceptance", KR_STATEMENT_ACCEPTANCE, BETA);
	signed_entry(&s, "migration.seal", KR_STATEMENT_MANIFEST, ALPHA);
	s.t.stream.ram_root[0] ^= 1;
	signed_entry(&s, "peer.prepared", KR_STATEMENT_PREPARED, BETA);
	r = report_of(&s);
	is(r, KR_CRITERION_AUTHENTICATION, "not_obtained");
	is(r, KR_CRITERION_POLICY, "not_obtained");
	is(r, KR_CRITERION_REPLAY, "not_obtained");
	is(r, KR_CRITERION_DEFINITION, "not_obtained");
	is(r, KR_CRITERION_MEMORY, "not_obtained");
	is(r, KR_CRITERION_DEVICES, "not_obtained");
	is(r, KR_CRITERION_TAMPER, "not_obtained");
	json_decref(r);
	stand_fini(&s);
}

static void an_attack_that_was_found(void **state)
{
	struct stand s;
	json_t *r, *error;

	(void)state;
	stand_init(&s, "failed");
	entries(&s, 2);
	error = json_pack("{s:s, s:s}", "code", "KR-5001", "message",
			  "lane 0: not authentic");
	json_object_set(json_object_get(entry(&s, "migration.undone",
			envelope(&s, KR_STATEMENT_ABORT, ALPHA, -1)),
			"detail"), "error", error);
	json_object_set_new(s.status, "error", error);
	r = report_of(&s);
	is(r, KR_CRITERION_TAMPER, "obtained");
	is(r, KR_CRITERION_OWNERSHIP, "obtained");
	is(r, KR_CRITERION_AUTHENTICATION, "obtained");
	is(r, KR_CRITERION_MEMORY, "not_obtained");
	is(r, KR_CRITERION_CONFIDENTIALITY, "not_obtained");
	is(r, KR_CRITERION_NONREPUDIATION, "not_obtained");
	assert_int_equal(kr_report_verdict(r), KR_VERDICT_UNDONE);
	assert_non_null(strstr(sentence(r), "did not move to beta: KR-5001"));
	assert_non_null(strstr(sentence(r), "stayed alpha's"));
	json_decref(r);
	/* a log that may have lost a release shows nothing */
	s.log_error = json_pack("{s:s, s:s}", "code", "KR-1003", "message",
				"no");
	r = report_of(&s);
	is(r, KR_CRITERION_OWNERSHIP, "unknown");
	is(r, KR_CRITERION_LOG, "obtained");	/* each of these is in it */
	json_decref(r);
	stand_fini(&s);
}

/* That nothing was released is said only of all there is. */
static void a_release_may_be_what_was_not_seen(void **state)
{
	struct stand s;
	json_t *r;

	(void)state;
	for (unsigned int i = 0; i < 6; i++) {
		stand_init(&s, "failed");
		entries(&s, i == 1 ? 5 : 4);
		s.cut = i == 2;
		s.hidden = i == 5;
		if (i == 1) {	/* it is there, and nobody can verify it */
			kr_pubkey_free(s.keys.keys[0]);
			s.keys.keys[0] = s.keys.keys[--s.keys.n];
		}
		if (i == 3)
			json_object_set_new(entry(&s, "migration.release",
				NULL), "envelope", json_object());
		if (i == 4)	/* it is not found as one of this migration */
			s.log_error = json_pack("{s:s, s:s}", "code",
				"KR-8002", "message", "entry 24 is not found");
		r = report_of(&s);
		is(r, KR_CRITERION_OWNERSHIP, i ? "unknown" : "obtained");
		assert_int_equal(kr_report_verdict(r), i == 3 || i == 4 ?
				 KR_VERDICT_UNRELIABLE : KR_VERDICT_UNDONE);
		json_decref(r);
		stand_fini(&s);
	}
}

static void given_back(void **state)
{
	struct stand s;
	json_t *r;

	(void)state;
	stand_init(&s, "failed");
	entries(&s, 5);
	signed_entry(&s, "peer.disown", KR_STATEMENT_DISOWN, BETA);
	r = report_of(&s);
	is(r, KR_CRITERION_OWNERSHIP, "obtained");
	json_decref(r);
	signed_entry(&s, "peer.owner", KR_STATEMENT_OWNER, BETA);
	r = report_of(&s);
	is(r, KR_CRITERION_OWNERSHIP, "not_obtained");
	json_decref(r);
	stand_fini(&s);
}

static void one_under_way_is_not_judged_yet(void **state)
{
	struct stand s;
	json_t *r;

	(void)state;
	stand_init(&s, "waiting");
	entries(&s, 5);
	r = report_of(&s);
	is(r, KR_CRITERION_OWNERSHIP, "unknown");
	is(r, KR_CRITERION_NONREPUDIATION, "unknown");
	is(r, KR_CRITERION_MEMORY, "obtained");
	assert_int_equal(kr_report_verdict(r), KR_VERDICT_UNDER_WAY);
	json_decref(r);
	stand_fini(&s);
}

static void covers(const char *what, const char *told)
{
	struct stand s;
	json_t *r;

	early(&s, false, what);
	r = report_of(&s);
	is(r, KR_CRITERION_MEMORY, "obtained");
	assert_non_null(strstr(text(row(r, KR_CRITERION_MEMORY), "because"),
			       told));
	json_decref(r);
	stand_fini(&s);
}

static void post_copy_says_how_far_its_evidence_goes(void **state)
{
	struct stand s;
	const char *why;
	json_t *r;

	(void)state;
	early(&s, false, "");	/* as formerly */
	r = report_of(&s);
	is(r, KR_CRITERION_MEMORY, "obtained");
	why = text(row(r, KR_CRITERION_MEMORY), "because");
	assert_non_null(strstr(why, "1001 pages came later"));
	assert_non_null(strstr(why, "not a digest to compare"));
	assert_non_null(strstr(why, "of all memory, or of what came since"));
	assert_int_equal(kr_report_verdict(r), KR_VERDICT_OBTAINED);
	json_decref(r);
	stand_fini(&s);
	covers(KR_COVERS_ALL, "of all memory.");
	covers(KR_COVERS_RESUMED, "last resumed, and not of what came before");
	early(&s, true, "");
	r = report_of(&s);
	is(r, KR_CRITERION_MEMORY, "not_obtained");
	assert_int_equal(kr_report_verdict(r), KR_VERDICT_LOST);
	json_decref(r);
	stand_fini(&s);
}

static void opaque_streams_have_no_page_evidence(void **state)
{
	struct stand s;
	json_t *r;

	(void)state;
	opaque(&s);
	r = report_of(&s);
	is(r, KR_CRITERION_MEMORY, "obtained");
	assert_non_null(strstr(text(row(r, KR_CRITERION_MEMORY), "because"),
			       "no evidence of single pages"));
	json_decref(r);
	stand_fini(&s);
}

static void predictions_are_held_against_what_it_took(void **state)
{
	static const struct row {
		uint64_t    total_ms, downtime_ms;
		const char *basis, *asked, *result, *because;
	} rows[] = {
		{ 3300, 16, "", "yes", "obtained", "by a plan" },
		{ 3000, 16, "plan", "yes", "not_obtained", "(+33 %)" },
		{ 3300, 15, "", "yes", "not_obtained", "(+21 %)" },
		{ 8000, 16, "size", "no", "obtained", "(-50 %)" },
		{ 8000, 16, "size", "no", "obtained", "the link alone" },
		{ 3000, 16, "history", "no", "not_obtained", "(+25 %)" },
		{ 4000, 15, "history", "no", "not_obtained",
		  "1 MiB was sent where that was 2 MiB (-50 %)" },
	};
	struct stand s;
	json_t *r;

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		stand_init(&s, "completed");
		s.t.predicted.total_ms = rows[i].total_ms;
		s.t.predicted.downtime_ms = rows[i].downtime_ms;
		s.t.predicted.wire_bytes = 1 << 21;
		strcpy(s.t.predicted.basis, rows[i].basis);
		entries(&s, 6);
		receipts(&s);
		r = report_of(&s);
		is(r, KR_CRITERION_PREDICTION, rows[i].result);
		assert_string_equal(text(row(r, KR_CRITERION_PREDICTION),
					 "asked"), rows[i].asked);
		assert_non_null(strstr(text(row(r, KR_CRITERION_PREDICTION),
					    "because"), rows[i].because));
		assert_int_equal(kr_report_verdict(r), KR_VERDICT_OBTAINED);
		json_decref(r);
		stand_fini(&s);
	}
}

static unsigned int count(const char *in, const char *what)
{
	unsigned int n = 0;

	for (const char *p = in; (p = strstr(p, what)); p += strlen(what))
		n++;
	return n;
}

/* The same page, whatever the names in it are. */
static void names_cannot_inject(void **state)
{
	static const char evil[] = "\"'><script src=//x>&lt;</td></table>";
	struct stand s;
	json_t *r;
	char *plain, *page;

	(void)state;
	good(&s);
	r = report_of(&s);
	plain = kr_reporthtml_new(r);
	json_decref(r);
	stand_fini(&s);
	stand_init(&s, "completed");
	strcpy(s.t.requested_by, evil);
	strcpy(s.t.vm, evil);
	json_object_set_new(s.status, "vm", json_string(evil));
	json_object_set_new(s.status, "peer", json_string(
			    "be\xe2\x80\xae" "ta\x01\xc2\x9b<b>\xe2\x81\xa6"));
	entries(&s, 6);
	receipts(&s);
	r = report_of(&s);
	page = kr_reporthtml_new(r);
	assert_non_null(page);
	assert_int_equal(count(page, "<"), count(plain, "<"));
	assert_int_equal(count(page, ">"), count(plain, ">"));
	assert_int_equal(count(page, "\""), count(plain, "\""));
	assert_int_equal(count(page, "<script"), 0);
	assert_true(count(page, "&quot;&#39;&gt;&lt;script src=//x&gt;&amp;lt;")
		    > 3);
	assert_int_equal(count(page, "\xe2\x80\xae"), 0);
	assert_int_equal(count(page, "\xe2\x81\xa6"), 0);
	assert_int_equal(count(page, "\x01"), 0);
	assert_true(count(page, "be\xef\xbf\xbdta\xef\xbf\xbd\xef\xbf\xbd"
				"&lt;b&gt;\xef\xbf\xbd") > 1);
	free(page);
	free(plain);
	json_decref(r);
	stand_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_one_has_all),
		cmocka_unit_test(kororads_word_obtains_nothing),
		cmocka_unit_test(less_evidence_is_never_more),
		cmocka_unit_test(a_key_that_is_missing_leaves_it_open),
		cmocka_unit_test(a_tampered_receipt_is_named),
		cmocka_unit_test(others_statements_do_not_count),
		cmocka_unit_test(hosts_that_differ_are_told),
		cmocka_unit_test(an_attack_that_was_found),
		cmocka_unit_test(a_release_may_be_what_was_not_seen),
		cmocka_unit_test(given_back),
		cmocka_unit_test(one_under_way_is_not_judged_yet),
		cmocka_unit_test(post_copy_says_how_far_its_evidence_goes),
		cmocka_unit_test(opaque_streams_have_no_page_evidence),
		cmocka_unit_test(predictions_are_held_against_what_it_took),
		cmocka_unit_test(names_cannot_inject),
	};

	return cmocka_run_group_tests(tests, hosts_setup, hosts_teardown);
}
