/* SPDX-License-Identifier: Apache-2.0 */
/* test_report_approval.c - the approvals of others, as a report counts them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "evidence/approval.h"
#include "report_judged.h"

#define REQUEST	"abababababababababababababababab"

/* Two have to approve it; the keys of hosts are good enough for people. */
static void approved(struct stand *s)
{
	json_t *used;

	stand_init(s, "completed");
	s->t.approvals = 2;
	entries(s, 2);
	used = entry(s, "migration.approved", NULL);
	json_object_set_new(json_object_get(used, "detail"), "request",
			    json_string(REQUEST));
	receipts(s);
	s->request = json_pack("{s:[]}", "approvals");
	s->user_keys = json_pack("{s:[]}", "keys");
}

static struct kr_approval approval_of(const struct stand *s, const char *who,
				      int key)
{
	struct kr_approval a = { .epoch = s->t.epoch,
				 .policy.version = s->t.from_policy.version,
				 .issued_ms = 1700000000000,
				 .expires_ms = 1700000001000 };

	assert_true(kr_unhex(REQUEST, a.request, 16));
	strcpy(a.vm, s->t.vm);
	memcpy(a.definition, s->t.definition, 32);
	strcpy(a.from_name, s->t.from_name);
	strcpy(a.to_name, s->t.to_name);
	memcpy(a.from_keyid, s->t.from_keyid, 32);
	memcpy(a.to_keyid, s->t.to_keyid, 32);
	strcpy(a.policy.name, s->t.from_policy.name);
	memcpy(a.policy.digest, s->t.from_policy.digest, 32);
	strcpy(a.requester, "anna");
	strcpy(a.approver, who);
	memcpy(a.approver_keyid, kr_identity_keyid(host[key]), 32);
	strcpy(a.decision, KR_APPROVAL_APPROVE);
	return a;
}

static void say(struct stand *s, const struct kr_approval *a, int key)
{
	char text[KR_APPROVAL_BYTES_MAX], *env = NULL, *pem = NULL;
	char fp[KR_FINGERPRINT_BYTES];
	struct kr_dsse_sig sig;
	size_t n;

	assert_int_equal(kr_approval_build(a, text, &n, NULL), 0);
	assert_int_equal(kr_dsse_sign(host[key], KR_STATEMENT_TYPE, text, n,
				      &sig, NULL), 0);
	assert_int_equal(kr_dsse_build(KR_STATEMENT_TYPE, text, n, &sig, 1,
				       &env, NULL), 0);
	json_array_append_new(json_object_get(s->request, "approvals"),
			      json_pack("{s:I, s:o}", "at_ms",
					(json_int_t)1700000000400, "envelope",
					json_loads(env, 0, NULL)));
	kr_fingerprint_put(a->approver_keyid, fp);
	assert_int_equal(kr_pubkey_pem(kr_identity_pubkey(host[key]), &pem,
				       NULL), 0);
	json_array_append_new(json_object_get(s->user_keys, "keys"), json_pack(
		"{s:s, s:s, s:s}", "user", a->approver, "fingerprint", fp,
		"pem", pem));
	free(pem);
	free(env);
}

static void both_approve(struct stand *s)
{
	struct kr_approval a = approval_of(s, "bea", BETA);
	struct kr_approval b = approval_of(s, "carl", GAMMA);

	say(s, &a, BETA);
	say(s, &b, GAMMA);
}

static void what_others_approved_is_evidence(void **state)
{
	const json_t *c;
	struct stand s;
	json_t *r;

	(void)state;
	approved(&s);
	both_approve(&s);
	r = report_of(&s);
	c = row(r, KR_CRITERION_APPROVALS);
	assert_string_equal(text(c, "asked"), "yes");
	assert_string_equal(text(c, "result"), "obtained");
	assert_non_null(strstr(text(c, "because"), "bea, carl"));
	assert_int_equal(json_array_size(json_object_get(c, "evidence")), 4);
	json_decref(r);
	/* at the destination it is the source's word that they were asked for */
	json_object_set_new(s.status, "role", json_string("destination"));
	r = report_of(&s);
	is(r, KR_CRITERION_APPROVALS, "unknown");
	assert_string_equal(text(row(r, KR_CRITERION_APPROVALS), "asked"),
			    "yes");
	json_decref(r);
	stand_fini(&s);
}

/* Its key is not known then; the host's statements have it. */
static void a_destination_known_by_its_ca(void **state)
{
	struct stand s;
	struct kr_approval a, b;
	json_t *r;

	(void)state;
	approved(&s);
	a = approval_of(&s, "bea", BETA);
	b = approval_of(&s, "carl", GAMMA);
	memset(a.to_keyid, 0, sizeof(a.to_keyid));
	memset(b.to_keyid, 0, sizeof(b.to_keyid));
	say(&s, &a, BETA);
	say(&s, &b, GAMMA);
	r = report_of(&s);
	is(r, KR_CRITERION_APPROVALS, "obtained");
	is(r, KR_CRITERION_REPLAY, "obtained");
	assert_int_equal(kr_report_verdict(r), KR_VERDICT_OBTAINED);
	json_decref(r);
	stand_fini(&s);
}

/* When they were used is kororad's word then. */
static void an_entry_that_is_not_proved(void **state)
{
	struct stand s;
	json_t *r;

	(void)state;
	approved(&s);
	both_approve(&s);
	s.proof = NO_PROOF;
	s.at_fault = 2;		/* that they were used */
	r = report_of(&s);
	is(r, KR_CRITERION_APPROVALS, "unknown");
	assert_non_null(strstr(text(row(r, KR_CRITERION_APPROVALS),
			       "because"), "no proof"));
	json_decref(r);
	stand_fini(&s);
}

/* One of two is not what was approved, or not by another, or not then. */
static void approvals_of_something_else_do_not_count(void **state)
{
	(void)state;
	for (int i = 0; i < 15; i++) {
		struct stand s;
		struct kr_approval a;
		json_t *r;

		approved(&s);
		a = approval_of(&s, "bea", BETA);
		say(&s, &a, BETA);
		a = approval_of(&s, i == 0 ? "anna" : i == 1 ? "bea" : "carl",
				i == 1 ? BETA : GAMMA);
		a.request[0] ^= i == 2;
		a.vm[0] ^= i == 3;
		a.definition[0] ^= i == 4;
		a.epoch += i == 5;
		a.to_name[0] ^= i == 6;
		a.to_keyid[0] ^= i == 7;
		a.policy.version += i == 8;
		a.policy.digest[0] ^= i == 9;
		a.from_keyid[0] ^= i == 10;
		a.expires_ms -= i == 11 ? 501 : 0;
		a.issued_ms += i == 12 ? 501 : 0;
		if (i == 13)
			strcpy(a.decision, KR_APPROVAL_DENY);
		if (i == 14)
			strcpy(a.requester, "ann");
		say(&s, &a, i == 1 ? BETA : GAMMA);
		r = report_of(&s);
		is(r, KR_CRITERION_APPROVALS, "not_obtained");
		assert_non_null(strstr(text(row(r, KR_CRITERION_APPROVALS),
				       "because"), "1 approvals"));
		assert_int_equal(kr_report_verdict(r), KR_VERDICT_PARTLY);
		json_decref(r);
		stand_fini(&s);
	}
}

static void approvals_that_nobody_signed(void **state)
{
	struct stand s;
	struct kr_approval a;
	json_t *r;

	(void)state;
	approved(&s);	/* with another's key */
	both_approve(&s);
	a = approval_of(&s, "dora", GAMMA);
	say(&s, &a, BETA);
	json_object_set_new(json_array_get(json_object_get(s.user_keys,
			    "keys"), 2), "pem", json_incref(json_object_get(
			    json_array_get(json_object_get(s.user_keys,
			    "keys"), 1), "pem")));
	r = report_of(&s);
	assert_int_equal(kr_report_verdict(r), KR_VERDICT_UNRELIABLE);
	json_decref(r);
	stand_fini(&s);
	approved(&s);	/* with keys that nobody has here */
	both_approve(&s);
	json_array_clear(json_object_get(s.user_keys, "keys"));
	r = report_of(&s);
	is(r, KR_CRITERION_APPROVALS, "unknown");
	json_decref(r);
	json_decref(s.request);	/* and none at all */
	s.request = NULL;
	r = report_of(&s);
	is(r, KR_CRITERION_APPROVALS, "not_obtained");
	json_decref(r);
	stand_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_others_approved_is_evidence),
		cmocka_unit_test(a_destination_known_by_its_ca),
		cmocka_unit_test(an_entry_that_is_not_proved),
		cmocka_unit_test(approvals_of_something_else_do_not_count),
		cmocka_unit_test(approvals_that_nobody_signed),
	};

	return cmocka_run_group_tests(tests, hosts_setup, hosts_teardown);
}
