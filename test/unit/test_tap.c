/* SPDX-License-Identifier: Apache-2.0 */
/* test_tap.c - taps of VMs: on a bridge, and gone with their descriptor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <net/if.h>

#include "hyper/tap.h"
#include "own_net.h"
#include "need.h"

static void taps_vanish(void **state)
{
	struct kr_err e = KR_ERR_NONE;
	char name[IFNAMSIZ];
	int fd;

	(void)state;
	assert_true(kr_tap_open("nobridge", name, &fd, &e) < 0);
	assert_int_equal(e.kr, KR_E_NO_NETWORK);
	need(make_net(), "a network namespace");
	e = KR_ERR_NONE;
	assert_true(kr_tap_open("lo", name, &fd, &e) < 0);
	assert_int_equal(e.kr, KR_E_NO_NETWORK);
	e = KR_ERR_NONE;
	assert_int_equal(kr_tap_open(BRIDGE, name, &fd, &e), 0);
	assert_memory_equal(name, "krt", 3);
	assert_true(if_nametoindex(name) > 0);
	close(fd);
	assert_int_equal(if_nametoindex(name), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taps_vanish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
