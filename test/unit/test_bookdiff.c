/* SPDX-License-Identifier: Apache-2.0 */
/* test_bookdiff.c - what one policy decides differently from another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/bookdiff.h"

#define HEAD	"[policy p]\nversion = 3\n"
#define TRIPLE(name, more) "[triple " name "]\nwho = anna, otto\n" \
			   "may = migrate\ncertified_by = vera\n" more

static char told[4096];

static void tell(void *arg, const struct kr_bookdiff *d)
{
	size_t at = strlen(told);

	(void)arg;
	snprintf(told + at, sizeof(told) - at, "%s %s %s %s: %s > %s\n",
		 kr_bookdiff_name(d->kind), d->section, d->name, d->key,
		 d->was, d->is);
}

static struct kr_book *book(const char *text)
{
	struct kr_book *b = kr_book_new();
	struct kr_err e = KR_ERR_NONE;

	if (kr_book_add(b, "f", text, strlen(text), &e) ||
	    kr_book_finish(b, &e))
		fail_msg("%s", e.what);
	return b;
}

static void differ(const char *old, const char *new, const char *how)
{
	struct kr_book *a = book(old), *b = book(new);

	told[0] = '\0';
	assert_int_equal(kr_bookdiff_each(a, b, tell, NULL, NULL), 0);
	assert_string_equal(told, how);
	kr_book_free(a);
	kr_book_free(b);
}

static void order_place_and_comments_decide_nothing(void **state)
{
	(void)state;
	differ(HEAD TRIPLE("t", "on = vm:a, vm:b\n") TRIPLE("u", "on = vm:c\n")
	       "[subject s]\nwho = anna\ncategories = x, y\n",
	       "# new\n[policy p]\nversion = 4\nabout = other words\n"
	       "[subject s]\nwho = anna\ncategories = y, x\n"
	       TRIPLE("u", "on = vm:c\n")
	       "[triple t]\non = vm:b, vm:a\nwho = otto, anna\n"
	       "may = migrate\ncertified_by = vera\napprovals = 0\n", "");
}

static void keys_are_compared_word_by_word(void **state)
{
	(void)state;
	differ(HEAD TRIPLE("t", "on = vm:a, vm:b\n"),
	       HEAD TRIPLE("t", "on = vm:a, vm:c\nto = h\napprovals = 2\n"
			   "approvers = paul, rosa, role:approve\n"),
	       "changed triple t on: vm:b > vm:c\n"
	       "changed triple t to: any > h\n"
	       "changed triple t approvals: 0 > 2\n"
	       "changed triple t approvers:  > paul, rosa, role:approve\n");
	/* one host more is no host less */
	differ(HEAD TRIPLE("t", "on = vm:a\nto = h\n"),
	       HEAD TRIPLE("t", "on = vm:a\nto = h, i\n"),
	       "changed triple t to:  > i\n");
}

static void sections_come_and_go(void **state)
{
	(void)state;
	differ(HEAD TRIPLE("a", "on = vm:a\n") TRIPLE("t", "on = vm:t\n"),
	       HEAD TRIPLE("t", "on = vm:t\n") TRIPLE("b", "on = vm:b\n"),
	       "removed triple a who: anna, otto > \n"
	       "removed triple a may: migrate > \n"
	       "removed triple a on: vm:a > \n"
	       "removed triple a certified_by: vera > \n"
	       "added triple b who:  > anna, otto\n"
	       "added triple b may:  > migrate\n"
	       "added triple b on:  > vm:b\n"
	       "added triple b certified_by:  > vera\n");
}

static void a_name_decides_nothing_but_is_told(void **state)
{
	(void)state;
	differ(HEAD TRIPLE("a", "on = vm:a\n") TRIPLE("t", "on = vm:t\n"),
	       HEAD TRIPLE("b", "on = vm:a\n") TRIPLE("t", "on = vm:t\n"),
	       "renamed triple a : a > b\n");
	/* the same name for something else is a change, not two names */
	differ(HEAD TRIPLE("a", "on = vm:a\n") TRIPLE("b", "on = vm:b\n"),
	       HEAD TRIPLE("a", "on = vm:b\n") TRIPLE("b", "on = vm:a\n"),
	       "changed triple a on: vm:a > vm:b\n"
	       "changed triple b on: vm:b > vm:a\n");
}

static void classes_and_protections_are_compared(void **state)
{
	(void)state;
	/* the categories' bits differ, their names count */
	differ(HEAD "[subject s]\nwho = anna\ncategories = x, y\n"
	       "[item i]\non = vm:a\nlevel = tpm\ncategories = y\n"
	       "[protection q]\non = vm:*\nscanners = 1\n",
	       HEAD "[item i]\non = vm:a\ncategories = y\n"
	       "[subject s]\nwho = anna\ncategories = *\n"
	       "[protection q]\non = vm:*\nattestation = yes\n"
	       "lane_suites = TLS_AES_256_GCM_SHA384\n",
	       "changed subject s categories: x, y > *\n"
	       "changed item i level: tpm > user-agent\n"
	       "changed protection q attestation: no > yes\n"
	       "changed protection q scanners: 1 > 0\n"
	       "changed protection q lane_suites: any > "
	       "TLS_AES_256_GCM_SHA384\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_place_and_comments_decide_nothing),
		cmocka_unit_test(keys_are_compared_word_by_word),
		cmocka_unit_test(sections_come_and_go),
		cmocka_unit_test(a_name_decides_nothing_but_is_told),
		cmocka_unit_test(classes_and_protections_are_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
