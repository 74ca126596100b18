/* SPDX-License-Identifier: Apache-2.0 */
/* test_keeping.c - VMs that come, change their class and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/keeping.h"

#define LOW	{ KR_LEVEL_USER_AGENT, 0 }
#define MID	{ KR_LEVEL_IDENTITY, 1 }
#define MID_B	{ KR_LEVEL_IDENTITY, 2 }
#define BOTH	{ KR_LEVEL_IDENTITY, 3 }
#define HIGH	{ KR_LEVEL_TPM, 3 }

static enum kr_answer asked(struct kr_keeping k)
{
	return kr_keeping_decide(&k).answer;
}

static void none_is_made_above_its_host(void **state)
{
	struct kr_keeping k = { .kind = KR_ASK_CREATE, .host = BOTH,
				.vm = MID };

	(void)state;
	assert_int_equal(asked(k), KR_YES);
	k.vm = (struct kr_class)BOTH;
	assert_int_equal(asked(k), KR_YES);
	k.vm = (struct kr_class)HIGH;
	assert_int_equal(asked(k), KR_NO);
	k.host = (struct kr_class)MID;		/* of another tenant alone */
	k.vm = (struct kr_class)MID_B;
	assert_int_equal(asked(k), KR_NO);
}

static void what_runs_is_not_removed(void **state)
{
	struct kr_keeping k = { .kind = KR_ASK_DELETE, .host = BOTH,
				.vm = MID };

	(void)state;
	assert_int_equal(asked(k), KR_YES);
	k.runs = true;
	assert_int_equal(asked(k), KR_NO);
}

static void classes_are_for_who_certifies(void **state)
{
	struct kr_keeping k = { .kind = KR_ASK_OBJECT_LEVEL, .host = BOTH,
				.vm = MID, .wanted = MID_B };

	(void)state;
	assert_int_equal(asked(k), KR_NO);
	assert_true(kr_keeping_decide(&k).failed & 1u << KR_COND_CERTIFIER);
	k.certifier = true;
	assert_int_equal(asked(k), KR_YES);
	k.wanted = (struct kr_class)LOW;
	assert_int_equal(asked(k), KR_YES);
	k.wanted = (struct kr_class)HIGH;	/* its host could not have it */
	assert_int_equal(asked(k), KR_NO);
}

static void nobody_raises_himself(void **state)
{
	const struct kr_class mid = MID, high = HIGH;
	struct kr_decision d = kr_keeping_reclass(mid, high, high, true);

	(void)state;
	assert_int_equal(d.answer, KR_NO);
	assert_int_equal(d.failed, 1u << KR_COND_NOT_ITSELF);
	d = kr_keeping_reclass(mid, high, high, false);
	assert_int_equal(d.answer, KR_YES);
	d = kr_keeping_reclass(mid, high, mid, false);
	assert_int_equal(d.failed, 1u << KR_COND_WITHIN_TOP);
}

static void it_is_nothing_else(void **state)
{
	(void)state;
	for (unsigned int kind = 0; kind < KR_ASK_N; kind++) {
		struct kr_keeping k = { .kind = (enum kr_ask_kind)kind,
					.host = BOTH, .vm = MID,
					.wanted = MID, .certifier = true };
		bool known = kind == KR_ASK_CREATE || kind == KR_ASK_DELETE ||
			     kind == KR_ASK_OBJECT_LEVEL;

		assert_int_equal(asked(k), known ? KR_YES : KR_ERROR);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_is_made_above_its_host),
		cmocka_unit_test(what_runs_is_not_removed),
		cmocka_unit_test(classes_are_for_who_certifies),
		cmocka_unit_test(nobody_raises_himself),
		cmocka_unit_test(it_is_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
