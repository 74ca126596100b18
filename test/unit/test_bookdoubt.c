/* SPDX-License-Identifier: Apache-2.0 */
/* test_bookdoubt.c - what a policy says and hardly means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/bookdoubt.h"

#define HEAD	"[policy p]\nversion = 3\n"

static char told[4096];

static void tell(void *arg, const char *text)
{
	size_t at = strlen(told);

	(void)arg;
	snprintf(told + at, sizeof(told) - at, "%s\n", text);
}

static const char *doubts(const char *text)
{
	struct kr_book *b = kr_book_new();
	struct kr_err e = KR_ERR_NONE;

	if (kr_book_add(b, "f", text, strlen(text), &e) ||
	    kr_book_finish(b, &e))
		fail_msg("%s", e.what);
	told[0] = '\0';
	kr_bookdoubt_each(b, tell, NULL);
	kr_book_free(b);
	return told;
}

static void what_is_shipped_is_meant(void **state)
{
	static const char *const names[] = { "open", "standard", "strict" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct kr_book *b;
		char path[512];

		snprintf(path, sizeof(path), POLICIES "/%s.policy", names[i]);
		assert_int_equal(kr_book_load(path, &b, NULL, NULL), 0);
		told[0] = '\0';
		kr_bookdoubt_each(b, tell, NULL);
		assert_string_equal(told, "");
		kr_book_free(b);
	}
}

static void roles_that_there_are_not(void **state)
{
	(void)state;
	assert_string_equal(doubts(HEAD
		"[triple t]\nwho = role:operator, operate\n"
		"may = migrate\non = vm:*\napprovals = 1\n"
		"approvers = role:boss\ncertified_by = vera\n"
		"[triple a]\nwho = role:boss\nmay = approve\n"
		"certified_by = vera\n"
		"[subject s]\nwho = role:operator, role:boss, role:operate\n"),
		"[subject s] is for a role that no triple names: "
		"role:operate\n");
}

static void hosts_receive_and_users_do_not(void **state)
{
	(void)state;
	assert_string_equal(doubts(HEAD
		"[triple t]\nwho = host:b\nmay = migrate\non = vm:*\n"
		"certified_by = vera\n"
		"[triple u]\nwho = anna\nmay = receive\non = vm:*\n"
		"certified_by = vera\n"),
		"f:3: [triple t] is for hosts, and has nothing that they do: "
		"host:b\n"
		"f:8: [triple u] is for users, and this is what hosts do: "
		"receive\n");
	assert_string_equal(doubts(HEAD
		"[triple t]\nwho = *\nmay = migrate, receive\non = vm:*\n"
		"certified_by = vera\n"), "");
}

static void approvers_of_nothing(void **state)
{
	(void)state;
	assert_string_equal(doubts(HEAD
		"[triple t]\nwho = anna\nmay = migrate\non = vm:*\n"
		"approvers = paul\ncertified_by = vera\n"),
		"f:3: [triple t] has approvers, and needs no approvals: "
		"paul\n");
}

static void approvers_who_cannot(void **state)
{
	static const char wants[] = HEAD
		"[triple t]\nwho = anna\nmay = migrate\non = vm:*\n"
		"approvals = 1\napprovers = paul, role:boss\n"
		"certified_by = vera\n";
	char with[1024];

	(void)state;
	assert_string_equal(doubts(wants),
		"f:3: [triple t] wants approvals of who may give none: no "
		"triple has approve for: paul\n"
		"f:3: [triple t] wants approvals of who may give none: no "
		"triple has approve for: role:boss\n");
	snprintf(with, sizeof(with), "%s[triple a]\nwho = paul\n"
		 "may = approve\ncertified_by = vera\n", wants);
	assert_string_equal(doubts(with),
		"f:3: [triple t] wants approvals of who may give none: no "
		"triple has approve for: role:boss\n");
	snprintf(with, sizeof(with), "%s[triple a]\nwho = role:boss\n"
		 "may = approve\ncertified_by = vera\n", wants);
	assert_string_equal(doubts(with), "");	/* paul may be a boss */
}

/* Of one name two triples may not do that: KR-1002. */
static void ways_around_approvals(void **state)
{
	static const char wants[] = HEAD
		"[triple a]\nwho = role:boss\nmay = approve\n"
		"certified_by = vera\n"
		"[triple t]\nwho = anna\nmay = migrate\n"
		"on = vm:db-*\nto = b\napprovals = 2\n"
		"approvers = role:boss\ncertified_by = vera\n"
		"[triple u]\nmay = migrate\ncertified_by = vera\n";
	static const struct { const char *more; bool around; } second[] = {
		{ "who = *\non = vm:*\n", true },
		{ "who = *\non = vm:db-*\nto = b\n", true },
		{ "who = *\non = vm:*\napprovals = 1\n"
		  "approvers = role:boss\n", true },
		{ "who = *\non = vm:*\napprovals = 2\n"
		  "approvers = role:boss\n", false },
		{ "who = paul\non = vm:*\n", false },
		{ "who = *\non = vm:web\n", false },
		{ "who = *\non = vm:*\nto = c\n", false },
		{ "who = *\non = vm:db-test\n", false },	/* an exception */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(second) / sizeof(second[0]); i++) {
		char text[1024];

		snprintf(text, sizeof(text), "%s%s", wants, second[i].more);
		assert_string_equal(doubts(text), second[i].around ?
			"f:15: [triple u] wants fewer approvals of the same "
			"than [triple t]: migrate\n" : "");
	}
}

static void items_and_procedures_that_do_not_meet(void **state)
{
	(void)state;
	assert_string_equal(doubts(HEAD
		"[triple t]\nwho = anna\nmay = migrate, vm.list, host.add\n"
		"on = vm:*, user:*\ncertified_by = vera\n"),
		"f:3: [triple t] has no procedure for this kind of item: "
		"user:*\n"
		"f:3: [triple t] names no item for this procedure: host.add\n");
	assert_string_equal(doubts(HEAD
		"[triple t]\nwho = anna\nmay = migrate, vm.list, host.add\n"
		"on = *\ncertified_by = vera\n"), "");
}

static void categories_nobody_has(void **state)
{
	(void)state;
	assert_string_equal(doubts(HEAD
		"[subject s]\nwho = anna\ncategories = acme\n"
		"[item i]\non = vm:*\ncategories = acme, beta\n"),
		"[item i] is of a category that nobody has: beta\n");
	assert_string_equal(doubts(HEAD
		"[subject s]\nwho = anna\ncategories = *\n"
		"[item i]\non = vm:*\ncategories = acme, beta\n"), "");
}

static void protections_of_what_never_moves(void **state)
{
	(void)state;
	assert_string_equal(doubts(HEAD
		"[protection q]\non = vm:*, host:*\nscanners = 1\n"),
		"[protection q] protects what is never migrated: host:*\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_shipped_is_meant),
		cmocka_unit_test(roles_that_there_are_not),
		cmocka_unit_test(hosts_receive_and_users_do_not),
		cmocka_unit_test(approvers_of_nothing),
		cmocka_unit_test(approvers_who_cannot),
		cmocka_unit_test(ways_around_approvals),
		cmocka_unit_test(items_and_procedures_that_do_not_meet),
		cmocka_unit_test(categories_nobody_has),
		cmocka_unit_test(protections_of_what_never_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
