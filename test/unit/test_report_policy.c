/* SPDX-License-Identifier: Apache-2.0 */
/* test_report_policy.c - what a policy asked for, and whether it was obtained. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "report_judged.h"

static void weak_protection_is_not_obtained(void **state)
{
	struct stand s;
	json_t *r;

	(void)state;
	for (int i = 0; i < 3; i++) {
		stand_init(&s, "completed");
		strcpy(i == 0 ? s.t.protection.control_tls :
		       i == 1 ? s.t.protection.lane_suite :
				s.t.protection.control_suite,
		       i == 0 ? "TLSv1.2" :
		       i == 1 ? "TLS_AES_128_CCM_8_SHA256" :
				/* good, but not what the policy allows */
				"TLS_AES_128_GCM_SHA256");
		entries(&s, 6);
		receipts(&s);
		r = report_of(&s);
		is(r, KR_CRITERION_CONFIDENTIALITY, "not_obtained");
		assert_int_equal(kr_report_verdict(r), KR_VERDICT_PARTLY);
		json_decref(r);
		stand_fini(&s);
	}
}

/* Whether attestation was asked for is then not known. */
static void another_policy_demands_what_nobody_knows(void **state)
{
	struct stand s;
	json_t *r;

	(void)state;
	good(&s);
	json_object_set_new(s.policy, "sha256", json_string("00"));
	r = report_of(&s);
	is(r, KR_CRITERION_POLICY, "obtained");
	assert_string_equal(text(row(r, KR_CRITERION_ATTESTATION), "asked"),
			    "unknown");
	assert_null(json_object_get(json_object_get(json_object_get(r,
		    "yardstick"), "policy"), "text"));
	assert_int_equal(kr_report_verdict(r), KR_VERDICT_PARTLY);
	json_decref(r);
	stand_fini(&s);
}

/* Name, version and digest of both, as the statements have them. */
static void both_policies_are_told(void **state)
{
	struct stand s;
	const json_t *p;
	const char *why;
	json_t *r;

	(void)state;
	good(&s);
	r = report_of(&s);
	why = text(row(r, KR_CRITERION_POLICY), "because");
	assert_non_null(strstr(why, "alpha decided by its policy standard, "
			       "version 1 ("));
	assert_non_null(strstr(why, "beta by its policy strict, version 4 "
			       "(8b8b8b8b8b8b8b8b"));
	assert_non_null(strstr(why, "alpha is still in force"));
	p = json_object_get(json_object_get(r, "yardstick"), "policy");
	assert_string_equal(text(json_object_get(p, "from"), "name"),
			    "standard");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(
			 p, "to"), "version")), 4);
	json_decref(r);
	/* seen by the destination, whose policy is another */
	json_object_set_new(s.status, "role", json_string("destination"));
	r = report_of(&s);
	assert_null(json_object_get(json_object_get(json_object_get(r,
		    "yardstick"), "policy"), "text"));
	json_decref(r);
	stand_fini(&s);
}

/* As they were before both were named. */
static void statements_that_name_none(void **state)
{
	struct stand s;
	json_t *r;

	(void)state;
	stand_init(&s, "completed");
	s.t.from_policy.name[0] = s.t.to_policy.name[0] = '\0';
	entries(&s, 6);
	receipts(&s);
	r = report_of(&s);
	is(r, KR_CRITERION_POLICY, "not_obtained");
	is(r, KR_CRITERION_NONREPUDIATION, "obtained");
	json_decref(r);
	stand_fini(&s);
}

/* The last word on each is the policy's that decided, in force or not. */
static void one_that_was_in_force(void **state)
{
	struct stand s;
	json_t *r;

	(void)state;
	good(&s);
	json_object_set_new(s.policy, "in_force", json_false());
	r = report_of(&s);
	assert_non_null(strstr(text(row(r, KR_CRITERION_POLICY), "because"),
			       "kept there, another is in force now"));
	assert_int_equal(kr_report_verdict(r), KR_VERDICT_OBTAINED);
	json_decref(r);
	stand_fini(&s);
}

/* Which suites it allowed is not claimed of one that is not known. */
static void suites_of_a_policy_that_is_not_known(void **state)
{
	struct stand s;
	const char *why;
	json_t *r;

	(void)state;
	good(&s);
	json_object_set_new(s.policy, "sha256", json_string("00"));
	r = report_of(&s);
	is(r, KR_CRITERION_CONFIDENTIALITY, "obtained");
	why = text(row(r, KR_CRITERION_CONFIDENTIALITY), "because");
	assert_non_null(strstr(why, "allowed is not known"));
	assert_null(strstr(why, "which the policy allows"));
	json_decref(r);
	stand_fini(&s);
}

/* As "key=value" in what the policy demands. */
static void demand(struct stand *s, const char *from, const char *to)
{
	char text[3000] = "";
	const char *t = strstr(POLICY, from);

	assert_non_null(t);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(t - POLICY), POLICY,
		 to, t + strlen(from));
	json_object_set_new(s->policy, "demands", json_string(text));
}

static void expect(struct stand *s, unsigned int criterion, const char *asked,
		   const char *want)
{
	json_t *r = report_of(s);

	is(r, criterion, want);
	assert_string_equal(text(row(r, criterion), "asked"), asked);
	assert_int_equal(kr_report_verdict(r),
			 !strcmp(asked, "yes") && strcmp(want, "obtained") ?
			 KR_VERDICT_PARTLY : KR_VERDICT_OBTAINED);
	json_decref(r);
}

static void scanners_are_asked_for(void **state)
{
	struct stand s;

	(void)state;
	good(&s);
	expect(&s, KR_CRITERION_SCANNERS, "no", "not_asked");
	demand(&s, "scanners=0", "scanners=2");
	expect(&s, KR_CRITERION_SCANNERS, "yes", "not_obtained");
	stand_fini(&s);
}

static void a_root_over_every_page(void **state)
{
	struct stand s;

	(void)state;
	good(&s);
	expect(&s, KR_CRITERION_ROOT, "no", "obtained");
	demand(&s, "evidence=any", "evidence=memory-root");
	expect(&s, KR_CRITERION_ROOT, "yes", "obtained");
	stand_fini(&s);
	opaque(&s);
	expect(&s, KR_CRITERION_ROOT, "no", "not_asked");
	demand(&s, "evidence=any", "evidence=memory-root");
	expect(&s, KR_CRITERION_ROOT, "yes", "not_obtained");
	stand_fini(&s);
}

/* What only one host has signed, or both not alike, was not obtained. */
static void of_both_hosts(void **state)
{
	static const unsigned int both[] = { KR_CRITERION_WHOLE,
					     KR_CRITERION_ROOT };
	struct stand s;
	json_t *r;

	(void)state;
	for (size_t i = 0; i < sizeof(both) / sizeof(*both); i++) {
		stand_init(&s, "completed");
		entries(&s, 3);
		r = report_of(&s);
		is(r, both[i], "not_obtained");
		json_decref(r);
		stand_fini(&s);
		stand_init(&s, "completed");
		entries(&s, 3);
		s.t.stream.ram_root[0] ^= 1;
		signed_entry(&s, "migration.prepared", KR_STATEMENT_PREPARED,
			     BETA);
		r = report_of(&s);
		is(r, both[i], "not_obtained");
		json_decref(r);
		stand_fini(&s);
	}
}

/* Of each of the two demands that post-copy cannot meet. */
static void all_of_it_before_it_runs(void **state)
{
	struct stand s;

	(void)state;
	good(&s);
	expect(&s, KR_CRITERION_WHOLE, "no", "obtained");
	demand(&s, "postcopy=yes", "postcopy=no");
	expect(&s, KR_CRITERION_WHOLE, "yes", "obtained");
	stand_fini(&s);
	early(&s, false, "");
	expect(&s, KR_CRITERION_WHOLE, "no", "not_asked");
	expect(&s, KR_CRITERION_ROOT, "no", "not_asked");
	demand(&s, "postcopy=yes", "postcopy=no");
	expect(&s, KR_CRITERION_WHOLE, "yes", "not_obtained");
	demand(&s, "evidence=any", "evidence=memory-root");
	expect(&s, KR_CRITERION_ROOT, "yes", "not_obtained");
	stand_fini(&s);
}

/* None if @a is NULL. */
static void destinations(struct stand *s, const char *a, const char *b)
{
	json_object_set_new(s->policy, "destinations",
			    a ? json_pack("[s, s]", a, b) : json_array());
}

static void where_it_may_go(void **state)
{
	static const struct { const char *a, *b, *asked, *result; } rows[] = {
		{ "gamma", "beta",  "yes", "obtained" },
		{ "gamma", "bet*",  "yes", "obtained" },
		{ "gamma", "beta2", "yes", "not_obtained" },
		{ "b",	   "beta-*", "yes", "not_obtained" },
		{ NULL,	   NULL,    "yes", "not_obtained" },
		{ "gamma", "*",	    "no",  "not_asked" },
	};
	struct stand s;

	(void)state;
	good(&s);
	for (size_t i = 0; i < KR_N(rows); i++) {
		destinations(&s, rows[i].a, rows[i].b);
		expect(&s, KR_CRITERION_DESTINATION, rows[i].asked,
		       rows[i].result);
	}
	stand_fini(&s);
}

/* What names a host is its key: gamma signs that it is beta. */
static void another_host_of_that_name(void **state)
{
	struct stand s;
	json_t *r;

	(void)state;
	stand_init(&s, "completed");
	memcpy(s.t.to_keyid, kr_identity_keyid(host[GAMMA]), 32);
	signed_entry(&s, "migration.offer", KR_STATEMENT_OFFER, ALPHA);
	signed_entry(&s, "peer.acceptance", KR_STATEMENT_ACCEPTANCE, GAMMA);
	r = report_of(&s);
	assert_false(obtained(r, KR_CRITERION_DESTINATION));
	json_decref(r);
	/* nor if its key is at hand, under its own name */
	assert_int_equal(kr_keyring_add(&s.keys, in_dir(GAMMA,
					"/identity.crt"), NULL), 0);
	r = report_of(&s);
	assert_false(obtained(r, KR_CRITERION_DESTINATION));
	json_decref(r);
	stand_fini(&s);
}

/* Offered to one, accepted by another that both policies would do for. */
static void offered_to_another(void **state)
{
	struct stand s;
	json_t *r;

	(void)state;
	stand_init(&s, "completed");
	assert_int_equal(kr_keyring_add(&s.keys, in_dir(GAMMA,
					"/identity.crt"), NULL), 0);
	signed_entry(&s, "migration.offer", KR_STATEMENT_OFFER, ALPHA);
	memcpy(s.t.to_keyid, kr_identity_keyid(host[GAMMA]), 32);
	strcpy(s.t.to_name, "gamma");
	signed_entry(&s, "peer.acceptance", KR_STATEMENT_ACCEPTANCE, GAMMA);
	r = report_of(&s);
	is(r, KR_CRITERION_DESTINATION, "not_obtained");
	json_decref(r);
	stand_fini(&s);
}

/* By the policy of the source that decided, and no other. */
static void where_it_may_go_is_not_known(void **state)
{
	struct stand s;
	json_t *r;

	(void)state;
	good(&s);
	json_object_del(s.policy, "destinations");
	r = report_of(&s);
	is(r, KR_CRITERION_DESTINATION, "unknown");
	assert_int_equal(kr_report_verdict(r), KR_VERDICT_PARTLY);
	json_decref(r);
	destinations(&s, "beta", "gamma");
	json_object_set_new(s.policy, "sha256", json_string("00"));
	r = report_of(&s);
	is(r, KR_CRITERION_DESTINATION, "unknown");
	json_decref(r);
	json_object_set_new(s.status, "role", json_string("destination"));
	r = report_of(&s);
	is(r, KR_CRITERION_DESTINATION, "not_asked");
	json_decref(r);
	stand_fini(&s);
}

/* Of a policy of which only the heading is at hand nothing is claimed. */
static void a_heading_demands_nothing_that_is_known(void **state)
{
	struct stand s;
	json_t *r;

	(void)state;
	good(&s);
	json_object_del(s.policy, "demands");
	r = report_of(&s);
	assert_string_equal(text(row(r, KR_CRITERION_WHOLE), "asked"),
			    "unknown");
	assert_non_null(strstr(text(row(r, KR_CRITERION_CONFIDENTIALITY),
				    "because"), "allowed is not known"));
	assert_int_equal(kr_report_verdict(r), KR_VERDICT_PARTLY);
	json_decref(r);
	stand_fini(&s);
}

/* All that there are fit, however long. */
static void a_long_list_of_suites(void **state)
{
	struct stand s;
	char list[2000] = "lane_suite=";

	(void)state;
	good(&s);
	for (int i = 0; i < 60; i++)
		strcat(list, "TLS_CHACHA20_POLY1305_SHA256:");
	strcat(list, "TLS_AES_128_GCM_SHA256");
	demand(&s, "lane_suite=TLS_AES_128_GCM_SHA256", list);
	expect(&s, KR_CRITERION_CONFIDENTIALITY, "yes", "obtained");
	stand_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(weak_protection_is_not_obtained),
		cmocka_unit_test(another_policy_demands_what_nobody_knows),
		cmocka_unit_test(both_policies_are_told),
		cmocka_unit_test(statements_that_name_none),
		cmocka_unit_test(one_that_was_in_force),
		cmocka_unit_test(suites_of_a_policy_that_is_not_known),
		cmocka_unit_test(scanners_are_asked_for),
		cmocka_unit_test(a_root_over_every_page),
		cmocka_unit_test(all_of_it_before_it_runs),
		cmocka_unit_test(of_both_hosts),
		cmocka_unit_test(where_it_may_go),
		cmocka_unit_test(another_host_of_that_name),
		cmocka_unit_test(offered_to_another),
		cmocka_unit_test(where_it_may_go_is_not_known),
		cmocka_unit_test(a_heading_demands_nothing_that_is_known),
		cmocka_unit_test(a_long_list_of_suites),
	};

	return cmocka_run_group_tests(tests, hosts_setup, hosts_teardown);
}
