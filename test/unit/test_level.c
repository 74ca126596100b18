/* SPDX-License-Identifier: Apache-2.0 */
/* test_level.c - the order of classes, enumerated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/level.h"

#define N_CATEGORIES	8u	/* sets of three */
#define N_CLASSES	(KR_LEVEL_N * N_CATEGORIES)

static struct kr_class nth(unsigned int i)
{
	return (struct kr_class){ (enum kr_level)(i / N_CATEGORIES),
				  i % N_CATEGORIES };
}

static void each_is_at_least_itself(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < N_CLASSES; i++)
		assert_true(kr_class_at_least(nth(i), nth(i)));
}

static void two_at_least_each_other_are_the_same(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < N_CLASSES; i++)
		for (unsigned int j = 0; j < N_CLASSES; j++)
			assert_int_equal(kr_class_at_least(nth(i), nth(j)) &&
					 kr_class_at_least(nth(j), nth(i)),
					 i == j);
}

static void the_order_is_transitive(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < N_CLASSES; i++)
		for (unsigned int j = 0; j < N_CLASSES; j++)
			for (unsigned int k = 0; k < N_CLASSES; k++)
				if (kr_class_at_least(nth(i), nth(j)) &&
				    kr_class_at_least(nth(j), nth(k)))
					assert_true(kr_class_at_least(
						nth(i), nth(k)));
}

/* A level more does not make up for a category that is not there. */
static void tenants_do_not_compare(void **state)
{
	struct kr_class red = { KR_LEVEL_TPM, 1 };
	struct kr_class blue = { KR_LEVEL_USER_AGENT, 2 };

	(void)state;
	assert_false(kr_class_at_least(red, blue));
	assert_false(kr_class_at_least(blue, red));
	assert_true(kr_class_same(red, red));
	assert_false(kr_class_same(red, blue));
}

static void levels_are_ordered_as_the_paper_says(void **state)
{
	static const char *const names[] = {
		"user-agent", "relying-party", "identity-provider",
		"trusted-agent", "tpm",
	};

	(void)state;
	for (unsigned int i = 0; i < KR_LEVEL_N - 1; i++) {
		enum kr_level level = kr_level_find(names[i]);

		assert_int_equal(level, i + 1);
		assert_string_equal(kr_level_name(level), names[i]);
	}
}

static void unknown_levels_have_no_name(void **state)
{
	(void)state;
	assert_null(kr_level_name(KR_LEVEL_NONE));
	assert_null(kr_level_name(KR_LEVEL_N));
	assert_int_equal(kr_level_find(""), KR_LEVEL_NONE);
	assert_int_equal(kr_level_find("TPM"), KR_LEVEL_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_at_least_itself),
		cmocka_unit_test(two_at_least_each_other_are_the_same),
		cmocka_unit_test(the_order_is_transitive),
		cmocka_unit_test(tenants_do_not_compare),
		cmocka_unit_test(levels_are_ordered_as_the_paper_says),
		cmocka_unit_test(unknown_levels_have_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
