/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_plane_hostile_resumed.c - a source that lies about post-copy that was
 * resumed, to a real agent that knows nothing of what came before.
 */
#include "plane_late.h"

static void resumed_pages(void **state)
{
	const struct side *d;

	(void)state;
	honest(add_late(0, 1, 7, 3));
	honest(add_late(0, 2, 1, 2));
	honest(add_end(3));
	d = expect_manifest();
	assert_false(d->has_split);
	assert_int_equal(d->manifest.opaque, 0);
	assert_int_equal(d->manifest.n_pages, 5);
	assert_int_equal(d->manifest.ram_bytes, 0);
	assert_int_equal(d->progress.n_late_pages, 5);
	assert_int_equal(drained->n_bytes, given);
}

static void resumed_twice(void **state)
{
	(void)state;
	honest(add_late(0, 1, 7, 3));
	end_batch(add_late(0, 2, 9, 1));
	expect_given(KR_E_LANE_MALFORMED);
}

static void resumed_too_far(void **state)
{
	struct batch *b;

	(void)state;
	honest(add_late(0, 1, (16u << 20) / PAGE - 1, 1));
	b = add(0, 2);
	PUT(b, SECTION);
	kr_wr_u64(&b->w, (16u << 20) | 0x02);
	PUT(b, "\6pc.ram\0");
	end_batch(b);
	expect_given(KR_E_RAM_LIMIT);
}

static void resumed_from_the_head(void **state)
{
	(void)state;
	given = 0;
	stand_resumed = true;
	end_batch(put_split(add(0, 0)));
	expect_given(KR_E_LANE_MALFORMED);
}

#define TEST(name)	cmocka_unit_test_setup(name, begin)
#define RESUMED(name)	cmocka_unit_test_setup(name, begin_resumed)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RESUMED(resumed_pages),
		RESUMED(resumed_twice),
		RESUMED(resumed_too_far),
		TEST(resumed_from_the_head),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
