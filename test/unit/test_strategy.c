/* SPDX-License-Identifier: Apache-2.0 */
/* test_strategy.c - the strategies' names, which terms and people use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/strategy.h"

/* Stored by number, signed by name: neither may ever change. */
static void numbers_and_names(void **state)
{
	static const char *const names[KR_STRATEGY_N] = {
		"precopy", "offline", "postcopy", "hybrid",
	};

	(void)state;
	for (unsigned int s = 0; s < KR_STRATEGY_N; s++) {
		assert_string_equal(kr_strategy_name(s), names[s]);
		assert_int_equal(kr_strategy_find(names[s]), s);
		assert_int_equal(kr_strategy_early(s), s >= 2);
	}
}

static void others_are_none(void **state)
{
	static const char *const names[] = { "", "auto", "probe", "Precopy",
					     "post-copy", "precopy " };

	(void)state;
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(kr_strategy_find(names[i]), KR_STRATEGY_N);
	assert_string_equal(kr_strategy_name(KR_STRATEGY_N), "?");
	assert_false(kr_strategy_early(KR_STRATEGY_N));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_names),
		cmocka_unit_test(others_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
