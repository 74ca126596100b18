/* SPDX-License-Identifier: Apache-2.0 */
/* test_pageask.c - a hypervisor's requests for pages are seen in its return
 * path, however that is cut, and nothing else is taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "plane/pageask.h"

static const uint8_t pongs[] = { 0, 2, 0, 4, 0, 0, 0, 3,
				 0, 2, 0, 4, 0, 4, 0, 0 };
static const uint8_t by_name[] = { 0, 3, 0, 19, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
				   16, 0, 6, 'p', 'c', '.', 'r', 'a', 'm' };
static const uint8_t again[] = { 0, 4, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
				 16, 0 };

static void answers_are_none(void **state)
{
	struct kr_pageask a = { .n_body = 0 };

	(void)state;
	assert_false(kr_pageask_read(&a, pongs, sizeof(pongs)));
	assert_false(kr_pageask_read(&a, pongs, 0));
}

static void both_kinds(void **state)
{
	struct kr_pageask a = { .n_body = 0 };

	(void)state;
	assert_true(kr_pageask_read(&a, by_name, sizeof(by_name)));
	assert_false(kr_pageask_read(&a, pongs, sizeof(pongs)));
	assert_true(kr_pageask_read(&a, again, sizeof(again)));
}

static void cut_anywhere(void **state)
{
	uint8_t all[sizeof(pongs) + sizeof(by_name)];

	(void)state;
	memcpy(all, pongs, sizeof(pongs));
	memcpy(all + sizeof(pongs), by_name, sizeof(by_name));
	for (size_t cut = 0; cut <= sizeof(all); cut++) {
		struct kr_pageask a = { .n_body = 0 };
		bool before = kr_pageask_read(&a, all, cut);

		assert_int_equal(before, cut >= sizeof(pongs) + 4);
		assert_int_equal(kr_pageask_read(&a, all + cut,
						 sizeof(all) - cut), !before);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_none),
		cmocka_unit_test(both_kinds),
		cmocka_unit_test(cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
