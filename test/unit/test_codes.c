/* SPDX-License-Identifier: Apache-2.0 */
/* test_codes.c - the table of error codes, and the error object. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"

static void numbers_ascend_and_are_grouped(void **state)
{
	unsigned int n, last = 0;
	const struct kr_code_row *r = kr_code_rows(&n);

	(void)state;
	assert_true(n > 50);
	for (unsigned int i = 0; i < n; i++) {
		unsigned int kr = (unsigned int)r[i].kr;

		assert_true(kr > last);
		assert_in_range(kr, 1001, 9999);
		/* numbers run on within a thousand; one may be retired */
		if (kr / 1000 != last / 1000)
			assert_int_equal(kr % 1000, 1);
		last = kr;
		assert_ptr_equal(kr_code_find(kr), &r[i]);
	}
	assert_null(kr_code_find(0));
	assert_null(kr_code_find(last + 1));
	assert_null(kr_code_find(70000));
}

static void every_row_is_whole(void **state)
{
	unsigned int n;
	const struct kr_code_row *r = kr_code_rows(&n);

	(void)state;
	for (unsigned int i = 0; i < n; i++) {
		assert_true(r[i].exit == KR_EXIT_REFUSED ||
			    r[i].exit == KR_EXIT_USAGE ||
			    r[i].exit == KR_EXIT_OPERATOR);
		assert_in_range(r[i].err, 1, 133);
		assert_in_range(r[i].blame, KR_SELF, KR_USER);
		assert_true(strlen(r[i].name) >= 3);
		assert_true(strlen(r[i].summary) >= 10);
		assert_true(strlen(r[i].hint) >= 10);
		for (unsigned int k = 0; k < i; k++) {
			assert_string_not_equal(r[i].name, r[k].name);
			assert_string_not_equal(r[i].summary, r[k].summary);
		}
	}
}

static void texts_are_one_clean_line(void **state)
{
	unsigned int n;
	const struct kr_code_row *r = kr_code_rows(&n);

	(void)state;
	for (unsigned int i = 0; i < n; i++) {
		const char *const texts[] = { r[i].summary, r[i].hint };

		for (unsigned int t = 0; t < 2; t++) {
			size_t len = strlen(texts[t]);

			assert_true(len < 100);
			assert_true(texts[t][len - 1] != '.' &&
				    texts[t][len - 1] != ' ');
			for (size_t k = 0; k < len; k++)
				assert_true(texts[t][k] >= ' ' &&
					    texts[t][k] <= '~');
		}
	}
}

/* Scripts act upon these: 2 is the caller's own mistake, 3 a person's turn. */
static void exits_of_known_codes(void **state)
{
	(void)state;
	assert_int_equal(kr_code_find(KR_E_USAGE)->exit, KR_EXIT_USAGE);
	assert_int_equal(kr_code_find(KR_E_CONFIG)->exit, KR_EXIT_USAGE);
	assert_int_equal(kr_code_find(KR_E_IN_DOUBT)->exit, KR_EXIT_OPERATOR);
	assert_int_equal(kr_code_find(KR_E_TOO_LATE)->exit, KR_EXIT_OPERATOR);
	assert_int_equal(kr_code_find(KR_E_VM_LOST)->exit, KR_EXIT_OPERATOR);
	assert_int_equal(kr_code_find(KR_E_PEER_UNKNOWN)->exit,
			 KR_EXIT_REFUSED);
}

static void the_first_cause_wins(void **state)
{
	struct kr_err e = KR_ERR_NONE;
	int r;

	(void)state;
	r = kr_fail(&e, KR_E_NO_VM, "no %s", "web1");
	assert_int_equal(r, -ENOENT);
	assert_int_equal(e.code, -ENOENT);
	assert_int_equal(e.kr, KR_E_NO_VM);
	assert_int_equal(e.blame, KR_USER);
	assert_string_equal(e.what, "no web1");
	assert_string_equal(e.where, __func__);
	r = kr_fail(&e, KR_E_SYSTEM, "later");
	assert_int_equal(r, -EIO);	/* its own, for the caller */
	assert_int_equal(e.kr, KR_E_NO_VM);
	assert_string_equal(e.what, "no web1");
	assert_int_equal(kr_fail(NULL, KR_E_NO_VM, "nobody asks"), -ENOENT);
}

static void long_causes_are_cut(void **state)
{
	struct kr_err e = KR_ERR_NONE;
	char s[2 * KR_WHAT_BYTES];

	(void)state;
	memset(s, 'x', sizeof(s) - 1);
	s[sizeof(s) - 1] = '\0';
	kr_fail(&e, KR_E_SYSTEM, "%s", s);
	assert_int_equal(strlen(e.what), KR_WHAT_BYTES - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_ascend_and_are_grouped),
		cmocka_unit_test(every_row_is_whole),
		cmocka_unit_test(texts_are_one_clean_line),
		cmocka_unit_test(exits_of_known_codes),
		cmocka_unit_test(the_first_cause_wins),
		cmocka_unit_test(long_causes_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
