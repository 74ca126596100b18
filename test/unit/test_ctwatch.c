/* SPDX-License-Identifier: Apache-2.0 */
/* test_ctwatch.c - lists of addresses, and which connections have one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "context/ctwatch.h"

static const char LIST[] =
	"# addresses\n"
	"192.0.2.7\n"
	"\n"
	"  198.51.100.77/24 ; of somebody\r\n"
	"2001:db8:1::/48,and why\n"
	"203.0.113.9/32#";

static struct kr_ctentry of(int family, const char *src, const char *dst)
{
	struct kr_ctentry c = { .family = (uint8_t)family,
				.zone_dirs = KR_CT_ZONE_BOTH };

	assert_int_equal(inet_pton(family, src, c.orig.src), 1);
	assert_int_equal(inet_pton(family, dst, c.orig.dst), 1);
	c.reply = kr_ctentry_inverse(&c);
	return c;
}

static void addresses_are_found(void **state)
{
	static const struct {
		int family;
		const char *src, *dst, *address;
		uint32_t line;			/* 0 = not found */
	} rows[] = {
		{ AF_INET, "10.0.0.1", "192.0.2.7", "192.0.2.7", 2 },
		{ AF_INET, "192.0.2.7", "10.0.0.1", "192.0.2.7", 2 },
		{ AF_INET, "10.0.0.1", "192.0.2.6", NULL, 0 },
		{ AF_INET, "10.0.0.1", "198.51.100.255", "198.51.100.255", 4 },
		{ AF_INET, "10.0.0.1", "198.51.101.0", NULL, 0 },
		{ AF_INET, "10.0.0.1", "203.0.113.9", "203.0.113.9", 6 },
		{ AF_INET6, "fd00::1", "2001:db8:1:ffff::1",
		  "2001:db8:1:ffff::1", 5 },
		{ AF_INET6, "fd00::1", "2001:db8:2::1", NULL, 0 },
		/* whose bytes begin as 192.0.2.7's */
		{ AF_INET6, "fd00::1", "c000:207::", NULL, 0 },
	};
	struct kr_ctwatch *w;

	(void)state;
	assert_int_equal(kr_ctwatch_new(LIST, sizeof(LIST) - 1, &w, NULL), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct kr_ctentry c = of(rows[i].family, rows[i].src,
					 rows[i].dst);
		struct kr_ctwatch_hit hit;

		assert_int_equal(kr_ctwatch_entry(w, &c, &hit),
				 rows[i].line != 0);
		if (!rows[i].line)
			continue;
		assert_int_equal(hit.line, rows[i].line);
		assert_string_equal(hit.address, rows[i].address);
	}
	kr_ctwatch_free(w);
}

static void translated_ones_too(void **state)
{
	struct kr_ctentry c = of(AF_INET, "10.0.0.1", "10.0.0.2");
	struct kr_ctwatch_hit hit;
	struct kr_ctwatch *w;

	(void)state;
	assert_int_equal(kr_ctwatch_new(LIST, sizeof(LIST) - 1, &w, NULL), 0);
	assert_false(kr_ctwatch_entry(w, &c, &hit));
	assert_int_equal(inet_pton(AF_INET, "192.0.2.7", c.reply.src), 1);
	assert_true(kr_ctwatch_entry(w, &c, &hit));
	kr_ctwatch_free(w);
}

static void what_is_no_list_is_refused(void **state)
{
	static const char *const bad[] = {
		"example.org", "192.0.2", "192.0.2.7/33", "192.0.2.7/",
		"::1/129", "192.0.2.7/-1", "192.0.2.7/ 8", "/8", "1.2.3.4/8/8",
		("000000000000000000000000000000000000000000000000"
		 "000000000000000000000000000000000000000000000001"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct kr_err e = KR_ERR_NONE;
		struct kr_ctwatch *w;
		char text[256];
		int n = snprintf(text, sizeof(text), "192.0.2.1\n%s\n", bad[i]);

		assert_true(kr_ctwatch_new(text, (size_t)n, &w, &e) < 0);
		assert_int_equal(e.kr, KR_E_CT_LIST);
		assert_non_null(strstr(e.what, "line 2 "));
	}
}

static void bytes_that_are_no_text_are_refused(void **state)
{
	struct kr_ctwatch *w;

	(void)state;
	assert_true(kr_ctwatch_new("1.2.3.4\0", 8, &w, NULL) < 0);
	assert_true(kr_ctwatch_new("\0", 1, &w, NULL) < 0);
	assert_int_equal(kr_ctwatch_new("", 0, &w, NULL), 0);
	kr_ctwatch_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_found),
		cmocka_unit_test(translated_ones_too),
		cmocka_unit_test(what_is_no_list_is_refused),
		cmocka_unit_test(bytes_that_are_no_text_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
