/* SPDX-License-Identifier: Apache-2.0 */
/* test_tcpaddr.c - which addresses a host can be enrolled with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "daemon/tcpaddr.h"

#define N(a)	(sizeof(a) / sizeof((a)[0]))

static void addresses_are_written_in_full(void **state)
{
	static const char *const good[][2] = {
		{ "beta", "beta:7300" },
		{ "Beta_2.example-net", "Beta_2.example-net:7300" },
		{ "192.0.2.7:7400", "192.0.2.7:7400" },
		{ "beta:1", "beta:1" },
		{ "beta:65535", "beta:65535" },
		{ "beta:00080", "beta:80" },
		{ "[192.0.2.7]:7301", "192.0.2.7:7301" },
		{ "[beta]", "beta:7300" },
		{ "fe80::1", "[fe80::1]:7300" },
		{ "::1", "[::1]:7300" },
		{ "::ffff:192.0.2.7", "[::ffff:192.0.2.7]:7300" },
		{ "2001:db8::7:7300", "[2001:db8::7:7300]:7300" },
		{ "fe80::1%eth0", "[fe80::1%eth0]:7300" },
		{ "[fe80::1]", "[fe80::1]:7300" },
		{ "[fe80::1%eth0]:7300", "[fe80::1%eth0]:7300" },
	};
	char out[KR_TCPADDR_BYTES];
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	for (size_t i = 0; i < N(good); i++) {
		assert_int_equal(kr_tcpaddr_full(good[i][0], out, &e), 0);
		assert_string_equal(out, good[i][1]);
		/* what is written is an address, and the same */
		assert_int_equal(kr_tcpaddr_full(good[i][1], out, &e), 0);
		assert_string_equal(out, good[i][1]);
	}
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const bad[] = {
		"", " ", "a b", "beta\n", "b\303\244ta", "[]:7300", "[]", "[",
		":7300", ":", "x:", "x: 70", "x:+70", "x:-1", "x:0", "x:65536",
		"x:070000", "x:99999999999999999999", "x:70 ", "x:7g",
		"x:0x50", "x:7300:9", "x::1", "fe80::1::2", "fe80:::1",
		"[fe80::1", "fe80::1]", "fe80::1]:7300", "[fe80::1]7300",
		"[fe80::1]:", "[fe80::1]:x", "[x:7300]", "[[::1]]:7300",
		"[x]:1]:2", "fe80::1%", "[fe80::1%]:7300", "fe80::1%e/0",
		"x%eth0", "%eth0", "1.2.3.4:7300:7300", "http://x",
	};
	char out[KR_TCPADDR_BYTES] = "as before";

	(void)state;
	for (size_t i = 0; i < N(bad); i++) {
		struct kr_err e = KR_ERR_NONE;

		assert_true(kr_tcpaddr_full(bad[i], out, &e) < 0);
		assert_int_equal(e.kr, KR_E_USAGE);
		assert_string_equal(out, "as before");
	}
}

static void a_refusal_names_the_address(void **state)
{
	char out[KR_TCPADDR_BYTES];
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	kr_tcpaddr_full("x:7300:9", out, &e);
	assert_string_equal(e.what, "address \"x:7300:9\": more than one colon,"
			    " and no IPv6 address; with a port it is written "
			    "[ADDRESS]:PORT");
	e = KR_ERR_NONE;
	kr_tcpaddr_full("b\303\244\033[2J", out, &e);
	assert_string_equal(e.what, "address \"b???[2J\": neither a host's "
			    "name nor an IP address");
}

static void length_has_a_limit(void **state)
{
	char text[KR_TCPADDR_HOST_MAX + 10], out[KR_TCPADDR_BYTES];
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	memset(text, 'x', KR_TCPADDR_HOST_MAX);
	strcpy(text + KR_TCPADDR_HOST_MAX, ":65535");
	assert_int_equal(kr_tcpaddr_full(text, out, &e), 0);
	assert_string_equal(out, text);
	strcpy(text + KR_TCPADDR_HOST_MAX, "x:1");
	assert_true(kr_tcpaddr_full(text, out, &e) < 0);
	assert_int_equal(e.kr, KR_E_USAGE);
	e = KR_ERR_NONE;
	/* a zone can be long, too */
	memcpy(text, "[fe80::1%", 9);
	strcpy(text + KR_TCPADDR_HOST_MAX + 1, "]:65535");
	assert_int_equal(kr_tcpaddr_full(text, out, &e), 0);
	assert_string_equal(out, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_written_in_full),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(a_refusal_names_the_address),
		cmocka_unit_test(length_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
