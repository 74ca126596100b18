/* SPDX-License-Identifier: Apache-2.0 */
/* test_report_log.c - what a report takes from the log, and by which proofs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "evidence/merkle.h"
#include "report_judged.h"

/* Who is not shown all of it is told of nothing that it was obtained. */
static void hidden_entries_leave_all_open(void **state)
{
	struct stand s;
	json_t *r;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		good(&s);
		s.hidden = 3;
		if (i)
			json_array_clear(s.entries);
		r = report_of(&s);
		for (unsigned int c = 0; c < KR_CRITERION_N; c++)
			assert_false(obtained(r, c));
		is(r, KR_CRITERION_LOG, "unknown");
		assert_non_null(strstr(text(row(r, KR_CRITERION_LOG),
				       "because"), "3 entries about it are not "
						   "shown"));
		assert_int_equal(kr_report_verdict(r), KR_VERDICT_PARTLY);
		json_decref(r);
		stand_fini(&s);
	}
}

static void logs_are_believed_for_a_signature(void **state)
{
	struct stand s;
	json_t *r;

	(void)state;
	good(&s);
	json_object_set_new(s.log, "size", json_integer(41));
	r = report_of(&s);
	is(r, KR_CRITERION_LOG, "not_obtained");
	assert_int_equal(kr_report_verdict(r), KR_VERDICT_UNRELIABLE);
	json_decref(r);
	s.log_error = json_pack("{s:s, s:s}", "code", "KR-8002", "message",
				"entry 17 is not what was signed");
	r = report_of(&s);
	is(r, KR_CRITERION_LOG, "not_obtained");
	assert_non_null(strstr(sentence(r), "entry 17"));
	json_decref(r);
	stand_fini(&s);
}

/* What is said of an entry is what the log has; else it says so. */
static void entries_are_proved_to_be_in_the_log(void **state)
{
	struct stand s;
	const json_t *d, *c;
	uint8_t leaf[32];
	char hex[65], *record;
	json_t *r;

	(void)state;
	good(&s);
	r = report_of(&s);
	d = json_array_get(json_object_get(r, "data"), 2);
	record = record_of(json_array_get(s.entries, 0));
	kr_merkle_leaf(record, strlen(record), leaf);
	free(record);
	kr_hex(leaf, 32, hex);
	assert_string_equal(text(d, "leaf"), hex);
	assert_true(json_is_true(json_object_get(d, "proved")));
	assert_int_equal(json_integer_value(json_object_get(d, "log_size")),
			 27);
	assert_string_equal(json_string_value(json_array_get(json_object_get(
			    d, "cosigned_by"), 0)), "beta");
	c = row(r, KR_CRITERION_LOG);
	assert_non_null(strstr(text(c, "because"), "Each of the 7 entries"));
	assert_non_null(strstr(text(c, "because"), "of 27 entries"));
	assert_non_null(strstr(text(c, "because"), "7 of them in one that "
						   "beta cosigned"));
	json_decref(r);
	stand_fini(&s);
}

static void entries_that_are_not_proved(void **state)
{
	static const struct { int proof; const char *result, *why; } rows[] = {
		{ NO_PROOF, "unknown", "he may not" },
		{ NOT_THAT, "not_obtained", "of another entry" },
		{ NOT_IN_IT, "not_obtained", "not entry 20" },
		{ NOT_SIGNED, "not_obtained", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct stand s;
		const json_t *c;
		json_t *r;

		good(&s);
		s.proof = rows[i].proof;
		r = report_of(&s);
		c = row(r, KR_CRITERION_LOG);
		is(r, KR_CRITERION_LOG, rows[i].result);
		assert_non_null(strstr(text(c, "because"), "6 of the 7"));
		assert_non_null(strstr(text(c, "because"), rows[i].why));
		assert_string_equal(json_string_value(json_array_get(
			json_object_get(c, "evidence"), 0)), "log-20");
		assert_int_equal(kr_report_verdict(r), i ?
				 KR_VERDICT_UNRELIABLE : KR_VERDICT_PARTLY);
		if (i)
			assert_non_null(strstr(sentence(r), "log-20 ("));
		json_decref(r);
		stand_fini(&s);
	}
}

/* In the log, and found as one of this migration, which it does not name. */
static void an_entry_of_another_migration(void **state)
{
	struct stand s;
	const json_t *d;
	json_t *r;

	(void)state;
	good(&s);
	json_object_set_new(json_array_get(s.entries, 0), "migration",
			    json_string("22222222222222222222222222222222"));
	r = report_of(&s);
	is(r, KR_CRITERION_LOG, "not_obtained");
	assert_int_equal(kr_report_verdict(r), KR_VERDICT_UNRELIABLE);
	d = json_array_get(json_object_get(r, "data"), 2);
	assert_true(json_is_false(json_object_get(d, "proved")));
	assert_string_equal(text(d, "unproved"),
			    "the proof is of another entry");
	json_decref(r);
	stand_fini(&s);
}

/* Without its own key nothing of its log can be proved. */
static void a_log_without_its_hosts_key(void **state)
{
	struct stand s;
	json_t *r;

	(void)state;
	good(&s);
	kr_pubkey_free(s.keys.keys[0]);
	s.keys.keys[0] = s.keys.keys[--s.keys.n];
	r = report_of(&s);
	is(r, KR_CRITERION_LOG, "unknown");
	json_decref(r);
	stand_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hidden_entries_leave_all_open),
		cmocka_unit_test(logs_are_believed_for_a_signature),
		cmocka_unit_test(entries_are_proved_to_be_in_the_log),
		cmocka_unit_test(entries_that_are_not_proved),
		cmocka_unit_test(an_entry_of_another_migration),
		cmocka_unit_test(a_log_without_its_hosts_key),
	};

	return cmocka_run_group_tests(tests, hosts_setup, hosts_teardown);
}
