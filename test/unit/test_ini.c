/* SPDX-License-Identifier: Apache-2.0 */
/* test_ini.c - the reader of users' text files, and what it refuses where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/ini.h"

static void reads_sections_and_keys(void **state)
{
	static const char text[] =
		"# comment\n\n[vm]\n  a.b = 1 # not a comment \n"
		"; another\n[ disk  vda ]\nfile=x = y\n\tempty =\n"
		"last = gr\xc3\xbc\xc3\x9f";
	struct kr_err e = KR_ERR_NONE;
	struct kr_ini it;

	(void)state;
	assert_int_equal(kr_ini_start(&it, "f", text, sizeof(text) - 1, &e), 0);
	assert_int_equal(kr_ini_next(&it, &e), KR_INI_SECTION);
	assert_string_equal(it.section, "vm");
	assert_string_equal(it.name, "");
	assert_int_equal(it.line, 3);
	assert_int_equal(kr_ini_next(&it, &e), KR_INI_KEY);
	assert_string_equal(it.key, "a.b");
	assert_string_equal(it.value, "1 # not a comment");
	assert_int_equal(kr_ini_next(&it, &e), KR_INI_SECTION);
	assert_string_equal(it.section, "disk");
	assert_string_equal(it.name, "vda");
	assert_int_equal(kr_ini_next(&it, &e), KR_INI_KEY);
	assert_string_equal(it.key, "file");
	assert_string_equal(it.value, "x = y");
	assert_int_equal(kr_ini_next(&it, &e), KR_INI_KEY);
	assert_string_equal(it.value, "");
	assert_int_equal(kr_ini_next(&it, &e), KR_INI_KEY);
	assert_string_equal(it.value, "gr\xc3\xbc\xc3\x9f");
	assert_int_equal(it.line, 9);
	assert_int_equal(kr_ini_next(&it, &e), KR_INI_END);
	assert_int_equal(kr_ini_next(&it, &e), KR_INI_END);
}

static void refuses_with_the_line(void **state)
{
	static const struct { const char *text, *what; } bad[] = {
		{ "a = 1\n", "x.conf:1: key 'a' before any [section]" },
		{ "[vm]\nabc\n", "x.conf:2: expected 'key = value'" },
		{ "[vm]\n\n= 1\n", "x.conf:3: malformed key" },
		{ "[vm]\na b = 1\n", "x.conf:2: malformed key" },
		{ "[vm\n", "x.conf:1: a section must end in ']'" },
		{ "[]\n", "x.conf:1: malformed section name" },
		{ "[a b c]\n", "x.conf:1: malformed section name" },
		{ "[a]\r\n", "x.conf:1: not printable UTF-8 text" },
		{ "[a]\nb = \x01\n", "x.conf:2: not printable UTF-8 text" },
		{ "[a]\nb = \xff\n", "x.conf:2: not printable UTF-8 text" },
		{ "[a]\nb = \xc0\xaf\n",
		  "x.conf:2: not printable UTF-8 text" },
		{ "[a]\nb = \xed\xa0\x80\n",
		  "x.conf:2: not printable UTF-8 text" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct kr_err e = KR_ERR_NONE;
		struct kr_ini it;
		int r;

		kr_ini_start(&it, "x.conf", bad[i].text, strlen(bad[i].text),
			     &e);
		while ((r = kr_ini_next(&it, &e)) > 0)
			;
		assert_true(r < 0);
		assert_int_equal(e.kr, KR_E_CONFIG);
		assert_string_equal(e.what, bad[i].what);
	}
}

static void limits_hold(void **state)
{
	char *text = malloc(KR_INI_BYTES_MAX + 1);
	struct kr_err e = KR_ERR_NONE;
	struct kr_ini it;

	(void)state;
	memset(text, 'x', KR_INI_BYTES_MAX + 1);
	assert_true(kr_ini_start(&it, "f", text, KR_INI_BYTES_MAX + 1, &e) < 0);
	e = KR_ERR_NONE;
	memcpy(text, "[a]\nb=", 6);
	assert_int_equal(kr_ini_start(&it, "f", text, 6 + KR_INI_VALUE_MAX,
				      &e), 0);
	assert_int_equal(kr_ini_next(&it, &e), KR_INI_SECTION);
	assert_int_equal(kr_ini_next(&it, &e), KR_INI_KEY);
	assert_int_equal(strlen(it.value), KR_INI_VALUE_MAX);
	kr_ini_start(&it, "f", text, 7 + KR_INI_VALUE_MAX, &e);
	assert_int_equal(kr_ini_next(&it, &e), KR_INI_SECTION);
	assert_true(kr_ini_next(&it, &e) < 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_sections_and_keys),
		cmocka_unit_test(refuses_with_the_line),
		cmocka_unit_test(limits_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
