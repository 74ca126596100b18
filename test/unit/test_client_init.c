/* SPDX-License-Identifier: Apache-2.0 */
/* test_client_init.c - korora init: an identity, once, and a first policy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "client_stand.h"

static void init_makes_an_identity_once(void **state)
{
	char line[512];

	(void)state;
	assert_int_equal(korora("init --name ../x"), KR_EXIT_USAGE);
	assert_int_equal(korora("init --name alpha --json"), 0);
	assert_non_null(strstr(out, "\"fingerprint\":\"SHA256:"));
	assert_int_equal(access(below("/etc/korora/korora.conf"), F_OK), 0);
	assert_int_equal(korora("init --name alpha"), KR_EXIT_REFUSED);
	assert_non_null(strstr(err, "KR-1007"));
	snprintf(line, sizeof(line), "init --name alpha --ca-request %s",
		 below("/csr"));
	/* a request is about the identity that exists */
	assert_int_equal(korora(line), 0);
	slurp(below("/csr"), out);
	assert_non_null(strstr(out, "BEGIN CERTIFICATE REQUEST"));
	assert_int_equal(korora(line), KR_EXIT_REFUSED);
	assert_int_equal(korora("init --name beta --cert /dev/null"),
			 KR_EXIT_REFUSED);
	assert_non_null(strstr(err, "identity is alpha, not beta"));
}

static void init_gives_a_first_policy(void **state)
{
	static char shipped[OUT_BYTES], there[OUT_BYTES];
	char file[256], line[512];
	int fd;

	(void)state;
	snprintf(file, sizeof(file), "%s",
		 below("/etc/korora/policy.d/standard.policy"));
	slurp(POLICIES "/standard.policy", shipped);
	slurp(file, there);
	assert_string_equal(there, shipped);
	/* one that is there, under whatever name, is left alone */
	unlink(file);
	fd = open(below("/etc/korora/policy.d/own.policy"),
		  O_WRONLY | O_CREAT, 0644);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(korora("init --name alpha"), KR_EXIT_REFUSED);
	assert_int_equal(access(file, F_OK), -1);
	unlink(below("/etc/korora/policy.d/own.policy"));
	/* a refused one changes nothing: another name, no certificate */
	assert_int_equal(korora("init --name beta --ca-request /tmp/x"),
			 KR_EXIT_REFUSED);
	assert_non_null(strstr(err, "identity is alpha, not beta"));
	assert_int_equal(access(file, F_OK), -1);
	assert_int_equal(korora("init --name alpha --cert /dev/null"),
			 KR_EXIT_REFUSED);
	assert_int_equal(access(file, F_OK), -1);
	snprintf(line, sizeof(line), "init --name alpha --ca-request %s",
		 below("/csr"));	/* which is there */
	assert_int_equal(korora(line), KR_EXIT_REFUSED);
	assert_int_equal(access(file, F_OK), -1);
	assert_int_equal(korora("init --name alpha"), 0);
	assert_int_equal(access(file, F_OK), 0);
	/* no identity is made where there is no policy to give */
	assert_int_equal(setenv("KORORA_DATA", "/nonexistent", 1), 0);
	snprintf(line, sizeof(line), "init --name beta --root %s",
		 below("/other"));
	assert_int_equal(korora(line), KR_EXIT_REFUSED);
	assert_non_null(strstr(err, "/nonexistent/policies/standard.policy"));
	assert_int_equal(access(below("/other/etc/korora/identity.key"), F_OK),
			 -1);
	assert_int_equal(setenv("KORORA_DATA", POLICIES "/..", 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(init_makes_an_identity_once),
		cmocka_unit_test(init_gives_a_first_policy),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
