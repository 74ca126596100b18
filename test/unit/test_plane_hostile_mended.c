/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_plane_hostile_mended.c - lanes that break in post-copy and are set up
 * anew, to a real agent: they bring what the old ones lost, and are refused if
 * they bring again what came, or leave out what did not.
 */
#include "plane_late.h"

static bool is_torn(void)
{
	return is_decided() || stand.side[DST].n_torn;
}

/* Pages 1 to 9 come late, in batches up to 3, and the lanes break. */
static void tear(void **state)
{
	const struct side *d = &stand.side[DST];

	begin_split(state);
	for (uint64_t t = 1; t < 4; t++)
		honest(add_late(t % 2, t, 3 * t - 2, 3));
	for (unsigned int i = 0; i < 2; i++)
		script.lanes[i].no_end = true;
	set_out();
	for (unsigned int i = 0; i < 400 && !is_given(); i++)
		stand_run(is_given, 20);
	assert_int_equal(drained->n_bytes, given);
	free_lanes();
	assert_true(stand_await(is_torn));
	assert_int_equal(d->torn.why.kr, KR_E_LANE_LOST);
	assert_int_equal(d->torn.position.main, 4);
	assert_int_equal(d->torn.position.urgent, 0);
}

static void mended(void **state)
{
	const struct side *d = &stand.side[DST];
	struct batch *b;

	tear(state);
	stand_mend(DST, &(struct kr_plane_position){ 0 });
	b = add(1, 4);
	PUT(b, SECTION);
	put_zeroes(b, 10, DISCARDED - 9);
	put_end(b);
	honest(b);
	honest(add_end(5));
	set_out_lanes();
	assert_true(stand_await(is_decided));
	if (!d->has_manifest)
		fail_msg("%d: %s", d->fail.kr, d->fail.what);
	assert_int_equal(d->progress.n_late_pages, DISCARDED);
	clear_away();
	assert_int_equal(drained->n_bytes, given);
}

/* New lanes are not to bring what came, nor to leave out what did not. */
static void mended_with_lies(void **state)
{
	for (unsigned int lie = 0; lie < 3; lie++) {
		tear(state);
		stand_mend(DST, &(struct kr_plane_position){ 0 });
		if (lie == 0) {
			end_batch(add_late(0, 3, 7, 3));	/* again */
		} else if (lie == 1) {
			end_batch(add_late(0, 4, 7, 3));	/* its pages */
		} else {
			end_batch(add_late(0, 5, 13, 3));	/* a gap */
			end_batch(add_late(1, 6, 16, 3));
		}
		set_out_lanes();
		expect_decided(KR_E_LANE_MALFORMED);
		assert_int_equal(drained->n_bytes, given);
	}
}

/* The source's hypervisor cannot have what the one here never said. */
static void mended_too_far(void **state)
{
	tear(state);
	stand_mend(DST, &(struct kr_plane_position){ .main = 1 });
	expect_decided(KR_E_LANE_MALFORMED);
	assert_int_equal(drained->n_bytes, given);
}

#define TEST(name)	cmocka_unit_test_setup(name, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(mended),
		TEST(mended_with_lies),
		TEST(mended_too_far),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
