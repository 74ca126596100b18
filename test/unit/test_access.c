/* SPDX-License-Identifier: Apache-2.0 */
/* test_access.c - every method of the local API has its roles, and no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "daemon/api.h"
#include "policy/access.h"

static const char *const methods[] = {
#define X(name, ...) name,
	KR_API_METHODS(X)
#undef X
};
#define N_METHODS (sizeof(methods) / sizeof(methods[0]))

static bool is_method(const char *name)
{
	for (size_t i = 0; i < N_METHODS; i++)
		if (!strcmp(methods[i], name))
			return true;
	return false;
}

static bool is_row(const char *name)
{
	const char *m;

	for (unsigned int n = 0; (m = kr_access_method(n)); n++)
		if (!strcmp(m, name))
			return true;
	return false;
}

static void methods_and_rows_are_the_same(void **state)
{
	const char *m;

	(void)state;
	for (size_t i = 0; i < N_METHODS; i++) {
		if (!is_row(methods[i]))
			print_message("no access row for %s\n", methods[i]);
		assert_true(is_row(methods[i]));
	}
	for (unsigned int n = 0; (m = kr_access_method(n)); n++) {
		if (!is_method(m))
			print_message("no method %s\n", m);
		assert_true(is_method(m));
		for (unsigned int k = 0; k < n; k++)
			assert_string_not_equal(m, kr_access_method(k));
	}
	assert_null(kr_access_method(10000));
}

static void unknown_methods_are_refused(void **state)
{
	static const char *const bad[] = {
		"", "migrat", "migrate ", "MIGRATE", "vm", "vm.", "vm.start.x",
		"shell", "host.add\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(kr_access_allows(bad[i], KR_ROLE_ALL));
}

static void all_roles_may_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_METHODS; i++)
		assert_true(kr_access_allows(methods[i], KR_ROLE_ALL));
}

static void no_role_may_only_ask_who_is_there(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_METHODS; i++)
		assert_int_equal(kr_access_allows(methods[i], KR_ROLE_NONE),
				 !strcmp(methods[i], "info"));
}

static bool only_reads(const char *m)
{
	static const char *const reads[] = {
		"info", "status", "doctor", "log.show", "log.verify",
	};
	size_t n = strlen(m);

	for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++)
		if (!strcmp(reads[i], m))
			return true;
	return n > 5 && (!strcmp(m + n - 5, ".list") ||
			 !strcmp(m + n - 5, ".show"));
}

static void auditors_read_everything_and_change_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_METHODS; i++)
		assert_int_equal(kr_access_allows(methods[i], KR_ROLE_AUDIT),
				 only_reads(methods[i]));
}

static void operators_are_not_administrators(void **state)
{
	static const char *const admin[] = {
		"host.add", "host.remove", "trust.add", "trust.remove",
		"user.grant", "user.revoke",
	};
	static const char *const operate[] = {
		"migrate", "cancel", "recover", "vm.define", "vm.start",
		"vm.stop", "vm.remove",
	};
	unsigned int not_operate = KR_ROLE_ALL & ~KR_ROLE_OPERATE;
	unsigned int not_admin = KR_ROLE_ALL & ~KR_ROLE_ADMIN;

	(void)state;
	for (size_t i = 0; i < sizeof(admin) / sizeof(admin[0]); i++) {
		assert_false(kr_access_allows(admin[i], not_admin));
		assert_true(kr_access_allows(admin[i], KR_ROLE_ADMIN));
	}
	for (size_t i = 0; i < sizeof(operate) / sizeof(operate[0]); i++) {
		assert_false(kr_access_allows(operate[i], not_operate));
		assert_true(kr_access_allows(operate[i], KR_ROLE_OPERATE));
	}
}

static void roles_have_names(void **state)
{
	(void)state;
	assert_int_equal(kr_access_role("operate"), KR_ROLE_OPERATE);
	assert_int_equal(kr_access_role("approve"), KR_ROLE_APPROVE);
	assert_int_equal(kr_access_role("audit"), KR_ROLE_AUDIT);
	assert_int_equal(kr_access_role("admin"), KR_ROLE_ADMIN);
	assert_int_equal(kr_access_role("Admin"), KR_ROLE_NONE);
	assert_int_equal(kr_access_role("all"), KR_ROLE_NONE);
	assert_int_equal(kr_access_role(""), KR_ROLE_NONE);
	assert_int_equal(KR_ROLE_OPERATE | KR_ROLE_APPROVE | KR_ROLE_AUDIT |
			 KR_ROLE_ADMIN, KR_ROLE_ALL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(methods_and_rows_are_the_same),
		cmocka_unit_test(unknown_methods_are_refused),
		cmocka_unit_test(all_roles_may_all),
		cmocka_unit_test(no_role_may_only_ask_who_is_there),
		cmocka_unit_test(auditors_read_everything_and_change_nothing),
		cmocka_unit_test(operators_are_not_administrators),
		cmocka_unit_test(roles_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
