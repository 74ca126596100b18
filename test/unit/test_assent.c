/* SPDX-License-Identifier: Apache-2.0 */
/* test_assent.c - acts on requests: each condition refuses by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/assent.h"

#define NOW	1000u

/* All that @act needs is so. */
static struct kr_assent good(enum kr_assent_act act)
{
	unsigned int conds = kr_assent_rules[act].conds;

	return (struct kr_assent){
		.state = KR_REQUEST_OPEN,
		.question = conds & 1u << KR_ASSENT_QUESTION,
		.asked_by = "carl", .expires_ms = NOW + 1, .now_ms = NOW,
		.needed = 2, .needed_now = 2, .n = 2,
		.by = conds & 1u << KR_ASSENT_BY_ASKER ? "carl" : "anna",
		.key_of = "anna", .is_signed = true, .fits = true,
		.may = true,
		.approves = !(conds & 1u << KR_ASSENT_DENIES) };
}

static void spoil(struct kr_assent *a, enum kr_assent_cond c)
{
	switch (c) {
	case KR_ASSENT_WAITS:	   a->state = KR_REQUEST_USED; break;
	case KR_ASSENT_NOT_DUE:	   a->now_ms = a->expires_ms; break;
	case KR_ASSENT_APPROVABLE: a->question = true; break;
	case KR_ASSENT_QUESTION:   a->question = false; break;
	case KR_ASSENT_BY_ASKER:   a->by = "anna"; break;
	case KR_ASSENT_BY_ANOTHER: a->by = a->key_of = "carl"; break;
	case KR_ASSENT_OWN_KEY:	   a->key_of = NULL; break;
	case KR_ASSENT_SIGNED:	   a->is_signed = false; break;
	case KR_ASSENT_FITS:	   a->fits = false; break;
	case KR_ASSENT_MAY:	   a->may = false; break;
	case KR_ASSENT_APPROVES:   a->approves = false; break;
	case KR_ASSENT_DENIES:	   a->approves = true; break;
	case KR_ASSENT_ENOUGH:	   a->n--; break;
	case KR_ASSENT_COND_N:	   break;
	}
}

static void each_condition_refuses(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < KR_ASSENT_ACT_N; i++) {
		const struct kr_assent_rule *rule = &kr_assent_rules[i];

		for (unsigned int c = 0; c < KR_ASSENT_COND_N; c++) {
			struct kr_assent a = good((enum kr_assent_act)i);

			assert_int_equal(kr_assent_failed(rule, &a), 0);
			spoil(&a, (enum kr_assent_cond)c);
			assert_int_equal(kr_assent_failed(rule, &a),
					 rule->conds & 1u << c);
		}
	}
}

static void only_what_waits_is_acted_upon(void **state)
{
	(void)state;
	for (unsigned int st = 0; st < KR_REQUEST_STATE_N; st++) {
		struct kr_assent a = good(KR_ASSENT_USE);

		a.state = (enum kr_request_state)st;
		assert_int_equal(!kr_assent_failed(
					 &kr_assent_rules[KR_ASSENT_USE], &a),
				 st <= KR_REQUEST_APPROVED);
	}
}

static void greater_number_applies(void **state)
{
	const struct kr_assent_rule *use = &kr_assent_rules[KR_ASSENT_USE];
	struct kr_assent a = good(KR_ASSENT_USE);

	(void)state;
	a.needed_now = 3;
	assert_int_equal(kr_assent_failed(use, &a), 1u << KR_ASSENT_ENOUGH);
	a = good(KR_ASSENT_USE);
	a.needed = 3;
	assert_int_equal(kr_assent_failed(use, &a), 1u << KR_ASSENT_ENOUGH);
}

static void anothers_key_is_not_his(void **state)
{
	struct kr_assent a = good(KR_ASSENT_KEEP);

	(void)state;
	a.key_of = "ben";
	assert_int_equal(kr_assent_failed(&kr_assent_rules[KR_ASSENT_KEEP],
					  &a), 1u << KR_ASSENT_OWN_KEY);
}

static void first_is_told_and_has_a_code(void **state)
{
	(void)state;
	for (unsigned int c = 0; c < KR_ASSENT_COND_N; c++) {
		enum kr_assent_cond first =
			kr_assent_first(~0u << c);

		assert_int_equal(first, c);
		assert_non_null(kr_assent_text(first));
		assert_non_null(kr_code_find(kr_assent_code(first)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_condition_refuses),
		cmocka_unit_test(only_what_waits_is_acted_upon),
		cmocka_unit_test(greater_number_applies),
		cmocka_unit_test(anothers_key_is_not_his),
		cmocka_unit_test(first_is_told_and_has_a_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
