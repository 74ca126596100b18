/* SPDX-License-Identifier: Apache-2.0 */
/* test_predict.c - migrations played through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/predict.h"

#define MIB	(1ull << 20)

/* 1 GiB, all of it full, 100 MiB/s, as much on the wire; 1 s was seen. */
static struct kr_predict_probe probe(void)
{
	return (struct kr_predict_probe){
		.ram_bytes = 1024 * MIB, .touched_bytes = 1024 * MIB,
		.start_ms = 200,
		.first = { 100 * MIB, 100 * MIB, 100 * MIB, 1000 },
	};
}

static void within(const struct kr_predict_range *r, uint64_t low,
		   uint64_t high)
{
	assert_in_range(r->expected, low, high);
	assert_true(r->low <= r->expected && r->expected <= r->high);
}

static void an_idle_one_takes_one_pass(void **state)
{
	struct kr_predict_probe p = probe();
	struct kr_predict_forecast f;

	(void)state;
	kr_predict_precopy(&p, 0, false, &f);
	assert_true(f.ends);
	assert_int_equal(f.n_passes, 2);
	within(&f.total_ms, 10400, 10600);
	within(&f.downtime_ms, 20, 100);
	within(&f.wire_bytes, 1024 * MIB, 1025 * MIB);
}

static void zero_pages_cost_little(void **state)
{
	struct kr_predict_probe p = probe();
	struct kr_predict_forecast f;

	(void)state;
	p.touched_bytes = 200 * MIB;
	p.first.ram_bytes = 500 * MIB;		/* a fifth was full */
	kr_predict_precopy(&p, 0, false, &f);
	within(&f.total_ms, 2000, 3000);
	within(&f.wire_bytes, 195 * MIB, 210 * MIB);
}

static void dirtied_slowly_it_converges(void **state)
{
	struct kr_predict_probe p = probe();
	struct kr_predict_forecast f;

	(void)state;
	kr_predict_point(&p, 1000, 20 * MIB);
	p.touched_bytes = 0;	/* then what was seen stands for the rest */
	kr_predict_precopy(&p, 0, false, &f);
	assert_true(f.ends);
	assert_in_range(f.n_passes, 3, 8);
	within(&f.total_ms, 10600, 14000);
	within(&f.downtime_ms, 40, 120);
	assert_true(f.total_ms.high > 10600);
}

static void a_small_working_set_is_stopped_at_its_minimum(void **state)
{
	struct kr_predict_probe p = probe();
	struct kr_predict_forecast f;

	(void)state;
	kr_predict_point(&p, 200, 60 * MIB);	/* 300 MiB/s, but of 60 MiB */
	kr_predict_point(&p, 1000, 60 * MIB);
	kr_predict_point(&p, 5000, 60 * MIB);
	kr_predict_precopy(&p, 0, false, &f);
	assert_true(f.ends);
	within(&f.downtime_ms, 500, 1000);
	kr_predict_precopy(&p, 300, false, &f);
	assert_false(f.ends);
	assert_in_range(f.needs_ms, 500, 1000);
}

static void slowed_down_it_ends_within_what_is_allowed(void **state)
{
	struct kr_predict_probe p = probe();
	struct kr_predict_forecast f, free;

	(void)state;
	for (unsigned int s = 1; s <= 10; s++)	/* twice what is sent */
		kr_predict_point(&p, s * 1000, s * 200 * MIB);
	kr_predict_precopy(&p, 300, false, &free);
	assert_false(free.ends);
	assert_true(free.needs_ms > 300);
	kr_predict_precopy(&p, 300, true, &f);
	assert_true(f.ends);
	assert_true(f.needs_ms <= 300);
	within(&f.downtime_ms, 20, 300);
	/* a look each second at most, and two for each of five steps */
	assert_true(f.total_ms.expected > 10400 + 10 * 1000);
	assert_true(f.total_ms.expected < free.total_ms.expected);
}

/* What a few of its instructions write again does not shrink with them. */
static void slowed_down_it_may_not_end_either(void **state)
{
	struct kr_predict_probe p = probe();
	struct kr_predict_forecast f;

	(void)state;
	kr_predict_point(&p, 2, 200 * MIB);
	kr_predict_point(&p, 10000, 200 * MIB);
	kr_predict_precopy(&p, 300, true, &f);
	assert_false(f.ends);
	assert_in_range(f.needs_ms, 1900, 2400);
}

static void what_converges_is_not_slowed_down(void **state)
{
	struct kr_predict_probe p = probe();
	struct kr_predict_forecast f, free;

	(void)state;
	kr_predict_point(&p, 1000, 20 * MIB);
	kr_predict_precopy(&p, 0, false, &free);
	kr_predict_precopy(&p, 0, true, &f);
	assert_true(f.ends);
	assert_int_equal(f.n_passes, free.n_passes);
	assert_int_equal(f.total_ms.expected, free.total_ms.expected);
	assert_int_equal(f.wire_bytes.expected, free.wire_bytes.expected);
}

static void offline_ends_if_it_may_stand_still(void **state)
{
	struct kr_predict_probe p = probe();
	struct kr_predict_forecast f;

	(void)state;
	kr_predict_offline(&p, 0, &f);
	assert_false(f.ends);
	within(&f.downtime_ms, 10200, 10400);
	assert_true(f.total_ms.expected >= f.downtime_ms.expected + 200);
	kr_predict_offline(&p, 20000, &f);
	assert_true(f.ends);
	assert_int_equal(f.n_passes, 1);
}

static void a_whole_first_pass_is_as_measured(void **state)
{
	struct kr_predict_probe p = probe();
	struct kr_predict_forecast f;

	(void)state;
	p.first = (struct kr_predict_copy){ 1024 * MIB, 50 * MIB, 5 * MIB,
					    700 };
	p.later = (struct kr_predict_copy){ 10 * MIB, 10 * MIB, MIB, 100 };
	p.whole = true;
	p.touched_bytes = 900 * MIB;	/* it is known better */
	kr_predict_precopy(&p, 0, false, &f);
	within(&f.total_ms, 940, 990);
	within(&f.wire_bytes, 5 * MIB, 6 * MIB);
}

static void between_measurements_it_is_a_line(void **state)
{
	struct kr_predict_probe p = probe();

	(void)state;
	assert_int_equal(kr_predict_dirty(&p, 500, 1), 0);
	kr_predict_point(&p, 1000, 30 * MIB);
	kr_predict_point(&p, 100, 10 * MIB);
	kr_predict_point(&p, 500, 5 * MIB);	/* less than before: no less */
	assert_int_equal(kr_predict_dirty(&p, 50, 1), 5 * MIB);
	assert_int_equal(kr_predict_dirty(&p, 300, 1), 10 * MIB);
	assert_int_equal(kr_predict_dirty(&p, 750, 1), 20 * MIB);
	assert_int_equal(kr_predict_dirty(&p, 2000, 1), 60 * MIB);
	assert_int_equal(kr_predict_dirty(&p, 2000, -2), 30 * MIB);
	assert_int_equal(kr_predict_dirty(&p, 1e9, 1), p.ram_bytes);
}

static void beyond_it_grows_as_it_grew(void **state)
{
	struct kr_predict_probe p = probe();

	(void)state;
	kr_predict_point(&p, 1000, 30 * MIB);
	kr_predict_point(&p, 2000, 60 * MIB);	/* ever more */
	assert_in_range(kr_predict_dirty(&p, 4000, 0), 119 * MIB, 121 * MIB);
	p.n_dirty = 1;
	kr_predict_point(&p, 2000, 30 * MIB);	/* the same again */
	assert_int_equal(kr_predict_dirty(&p, 4000, 0), 30 * MIB);
	p.n_dirty = 1;				/* who knows */
	assert_in_range(kr_predict_dirty(&p, 4000, 0), 59 * MIB, 61 * MIB);
}

static void of_too_many_some_stay(void **state)
{
	struct kr_predict_probe p = probe();

	(void)state;
	for (unsigned int i = 0; i < 100; i++)
		kr_predict_point(&p, (i * 7919) % 1000, i * MIB);
	assert_int_equal(p.n_dirty, KR_PREDICT_POINTS_MAX);
	for (unsigned int i = 1; i < p.n_dirty; i++)
		assert_true(p.dirty[i - 1].ms <= p.dirty[i].ms);
}

static void the_end_of_a_capped_one_is_sent_freely(void **state)
{
	struct kr_predict_probe p = probe();
	struct kr_predict_forecast slow, fast;

	(void)state;
	kr_predict_point(&p, 1000, 60 * MIB);
	kr_predict_point(&p, 5000, 60 * MIB);
	kr_predict_precopy(&p, 0, false, &slow);
	p.capped = true;
	kr_predict_precopy(&p, 0, false, &fast);
	assert_true(fast.downtime_ms.expected < slow.downtime_ms.expected);
	assert_true(fast.downtime_ms.high == slow.downtime_ms.high);
	assert_int_equal(fast.n_passes, slow.n_passes);
}

static void nothing_measured_is_no_fault(void **state)
{
	struct kr_predict_probe p = { .ram_bytes = MIB };
	struct kr_predict_forecast f;

	(void)state;
	kr_predict_precopy(&p, 0, false, &f);
	kr_predict_offline(&p, 0, &f);
	p.first.ram_bytes = UINT64_MAX;
	p.first.ms = 1;
	kr_predict_precopy(&p, 1, false, &f);
	assert_true(f.total_ms.low <= f.total_ms.high);
}

static void early_always_ends(void **state)
{
	struct kr_predict_probe p = probe();
	struct kr_predict_forecast post, hybrid, pre;

	(void)state;
	kr_predict_point(&p, 1000, 200 * MIB);
	kr_predict_early(&p, 0, &post);
	kr_predict_early(&p, 1, &hybrid);
	kr_predict_precopy(&p, 1, false, &pre);
	assert_false(pre.ends);
	assert_true(post.ends && hybrid.ends);
	assert_true(post.total_ms.expected < hybrid.total_ms.expected);
	assert_true(post.wire_bytes.expected < hybrid.wire_bytes.expected);
	assert_true(hybrid.downtime_ms.high < pre.downtime_ms.expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_one_takes_one_pass),
		cmocka_unit_test(zero_pages_cost_little),
		cmocka_unit_test(dirtied_slowly_it_converges),
		cmocka_unit_test(a_small_working_set_is_stopped_at_its_minimum),
		cmocka_unit_test(slowed_down_it_ends_within_what_is_allowed),
		cmocka_unit_test(slowed_down_it_may_not_end_either),
		cmocka_unit_test(what_converges_is_not_slowed_down),
		cmocka_unit_test(offline_ends_if_it_may_stand_still),
		cmocka_unit_test(a_whole_first_pass_is_as_measured),
		cmocka_unit_test(between_measurements_it_is_a_line),
		cmocka_unit_test(beyond_it_grows_as_it_grew),
		cmocka_unit_test(of_too_many_some_stay),
		cmocka_unit_test(the_end_of_a_capped_one_is_sent_freely),
		cmocka_unit_test(early_always_ends),
		cmocka_unit_test(nothing_measured_is_no_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
