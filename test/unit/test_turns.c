/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_turns.c - whose turn it is among lanes, and what is told of a ticket
 * whose turn cannot come.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plane/flow.h"

static struct kr_flow *new_flow(void)
{
	const struct kr_plane_start start = { .role = KR_PLANE_DESTINATION,
					      .limit_ram_bytes = 1 << 20,
					      .stall_ms = 1000,
					      .n_lanes = 2,
					      .recall_mib = 1 };
	struct kr_err e = KR_ERR_NONE;
	struct kr_flow *f;

	assert_int_equal(kr_flow_new(&start, -1, &f, &e), 0);
	return f;
}

static void in_order(void **state)
{
	struct kr_flow *f = new_flow();
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	assert_int_equal(kr_turns_mine(f, 1, KR_TURN_MEND, 1, &e), 0);
	assert_int_equal(kr_turns_mine(f, 0, KR_TURN_MEND, 0, &e), 1);
	assert_int_equal(kr_turns_mine(f, 1, KR_TURN_MEND, 1, &e), 0);
	kr_turns_over(f, KR_TURN_MEND);
	assert_int_equal(kr_turns_mine(f, 1, KR_TURN_MEND, 1, &e), 1);
	kr_flow_free(f);
}

static void gone_by(void **state)
{
	struct kr_flow *f = new_flow();
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	assert_int_equal(kr_turns_mine(f, 0, KR_TURN_MEND, 0, &e), 1);
	kr_turns_over(f, KR_TURN_MEND);
	assert_true(kr_turns_mine(f, 1, KR_TURN_MEND, 0, &e) < 0);
	assert_int_equal(e.kr, KR_E_LANE_MALFORMED);
	kr_flow_free(f);
}

static void nobody_brings_it(void **state)
{
	struct kr_flow *f = new_flow();
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	assert_int_equal(kr_turns_mine(f, 0, KR_TURN_MEND, 2, &e), 0);
	assert_true(kr_turns_mine(f, 1, KR_TURN_MEND, 1, &e) < 0);
	assert_int_equal(e.kr, KR_E_LANE_MALFORMED);
	kr_flow_free(f);
}

/* A lane that broke is why nobody brings it: that is told, not disorder. */
static void broken_lane(void **state)
{
	struct kr_flow *f = new_flow();
	struct kr_err forged = KR_ERR_NONE, e = KR_ERR_NONE;

	(void)state;
	kr_fail(&forged, KR_E_LANE_FORGED, "a byte");
	kr_flow_fail(f, &forged);
	kr_flow_lane_left(f, 0);
	assert_true(kr_turns_mine(f, 1, KR_TURN_MEND, 1, &e) < 0);
	assert_int_equal(e.kr, KR_E_LANE_FORGED);
	kr_flow_free(f);
}

/* Nor is it disorder if the other one then ends as it should. */
static void ends_beside_broken_lane(void **state)
{
	struct kr_flow *f = new_flow();
	struct kr_err lost = KR_ERR_NONE, e = KR_ERR_NONE;

	(void)state;
	kr_fail(&lost, KR_E_LANE_LOST, "a cable");
	kr_flow_fail(f, &lost);
	kr_flow_lane_left(f, 0);
	assert_int_equal(kr_turns_lane_ended(f, 1, &e), 0);
	assert_true(kr_flow_over(f, &e));
	assert_int_equal(e.kr, KR_E_LANE_LOST);
	kr_flow_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order),
		cmocka_unit_test(gone_by),
		cmocka_unit_test(nobody_brings_it),
		cmocka_unit_test(broken_lane),
		cmocka_unit_test(ends_beside_broken_lane),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
