/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pace.c - a link faster than the machine gets nothing squeezed, a slow
 * one what gets a batch through soonest, and what was measured counts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "plane/pace.h"

#define BATCH	(256u * 1024)
#define SECOND	UINT64_C(1000000000)

/* How often each method is chosen for 1280 batches, if nothing is learned. */
struct choice { unsigned int n[KR_SQUEEZE_N], most; };

static struct choice choose(struct kr_pace *p)
{
	struct choice c = { 0 };

	for (int i = 0; i < 1280; i++) {
		enum kr_squeeze_method m = kr_pace_method(p);

		assert_true(m < KR_SQUEEZE_N);
		c.n[m]++;
	}
	for (unsigned int i = 0; i < KR_SQUEEZE_N; i++)
		if (c.n[i] > c.n[c.most])
			c.most = i;
	return c;
}

/* A link of @link_ns a byte, a machine of @work_ns, methods as guessed. */
static struct choice on_link(double link_ns, double work_ns)
{
	struct kr_pace p;

	kr_pace_init(&p);
	p.link_ns = link_ns;
	p.work_cpu_ns = p.work_wall_ns = p.work_bytes * work_ns;
	return choose(&p);
}

static void link_of_no_matter(void **state)
{
	struct choice c = on_link(0, 1);

	(void)state;
	assert_int_equal(c.n[KR_SQUEEZE_NONE], 1280);
	c = on_link(0.8, 1);
	assert_int_equal(c.n[KR_SQUEEZE_NONE], 1280);
	c = on_link(1, 1);
	assert_int_equal(c.n[KR_SQUEEZE_NONE], 1280);
}

static void slow_link(void **state)
{
	struct choice c = on_link(8, 1);	/* a gigabit */

	(void)state;
	assert_int_not_equal(c.most, KR_SQUEEZE_NONE);
	c = on_link(80, 1);			/* a hundred megabit */
	assert_true(c.most >= KR_SQUEEZE_ZSTD_3);
	c = on_link(800, 1);
	assert_int_equal(c.most, KR_SQUEEZE_ZSTD_9);
}

/* The slower the link, the harder it is squeezed. */
static void no_way_back(void **state)
{
	unsigned int most = 0;

	(void)state;
	for (double link = 0.5; link < 2000; link *= 1.1) {
		struct choice c = on_link(link, 1);

		assert_true(c.most >= most);
		most = c.most;
	}
	assert_int_equal(most, KR_SQUEEZE_ZSTD_9);
}

/* A busy machine, say hashing, makes squeezing for a fast link pointless. */
static void slow_machine(void **state)
{
	struct choice c = on_link(8, 10);

	(void)state;
	assert_int_equal(c.n[KR_SQUEEZE_NONE], 1280);
}

static void neighbours_are_tried(void **state)
{
	struct choice c = on_link(30, 1);

	(void)state;
	assert_true(c.most > 0 && c.most + 1 < KR_SQUEEZE_N);
	assert_true(c.n[c.most] >= 1280 * 9 / 10);
	assert_true(c.n[c.most + 1] > 0);
	assert_true(c.most == 1 || c.n[c.most - 1] > 0);
}

/* Memory that does not shrink: squeezing only costs. */
static void incompressible(void **state)
{
	struct kr_pace p;
	struct choice c;

	(void)state;
	kr_pace_init(&p);
	p.link_ns = 8;
	for (int i = 0; i < 100; i++)
		for (int m = 1; m < KR_SQUEEZE_N; m++)
			kr_pace_squeezed(&p, (enum kr_squeeze_method)m, BATCH,
					 BATCH + 20, BATCH * 2ul);
	for (int m = 1; m < KR_SQUEEZE_N; m++) {
		const struct kr_pace_method *x = &p.of[m];

		assert_true(x->out_bytes > 0.99 * x->in_bytes);
		assert_true(x->out_bytes < 1.01 * x->in_bytes);
		assert_true(x->cpu_ns > 1.99 * x->in_bytes);
		assert_true(x->cpu_ns < 2.01 * x->in_bytes);
	}
	c = choose(&p);
	assert_int_equal(c.most, KR_SQUEEZE_NONE);
}

/* A machine that squeezes slower than guessed squeezes less. */
static void measured_costs(void **state)
{
	struct kr_pace p;

	(void)state;
	kr_pace_init(&p);
	p.link_ns = 800;
	assert_int_equal(choose(&p).most, KR_SQUEEZE_ZSTD_9);
	for (int i = 0; i < 100; i++)
		kr_pace_squeezed(&p, KR_SQUEEZE_ZSTD_9, BATCH, BATCH / 3,
				 BATCH * 1000ul);
	assert_int_equal(choose(&p).most, KR_SQUEEZE_ZSTD_3);
}

static void measured_work(void **state)
{
	struct kr_pace p;

	(void)state;
	kr_pace_init(&p);
	p.link_ns = 8;
	assert_int_not_equal(choose(&p).most, KR_SQUEEZE_NONE);
	for (int i = 0; i < 100; i++)
		kr_pace_worked(&p, BATCH, BATCH * 2ul, BATCH * 20ul);
	assert_true(p.work_wall_ns > 19 * p.work_bytes);
	assert_true(p.work_wall_ns < 21 * p.work_bytes);
	assert_int_equal(choose(&p).most, KR_SQUEEZE_NONE);
	/* one batch is not the world */
	kr_pace_worked(&p, BATCH, 0, 0);
	assert_true(p.work_wall_ns > 15 * p.work_bytes);
	/* and a small one even less */
	kr_pace_worked(&p, 10, BATCH, BATCH);
	assert_true(p.work_wall_ns < 21 * p.work_bytes);
}

/* ---- what the lane tells of the link ----------------------------------- */

struct lane { uint64_t now_ns, sent_bytes, blocked_ns; };

/* A second in which the lane sends @mib, blocked and awaited that much. */
static void a_second(struct kr_pace *p, struct lane *l, unsigned int mib,
		     unsigned int blocked_permille, uint16_t peer_waits)
{
	for (int i = 0; i < 10; i++) {
		l->now_ns += SECOND / 10;
		l->sent_bytes += mib * (UINT64_C(1) << 20) / 10;
		l->blocked_ns += SECOND / 10 / 1000 * blocked_permille;
		kr_pace_link(p, l->now_ns, l->sent_bytes, l->blocked_ns,
			     peer_waits);
	}
}

static void link_holds_both_up(void **state)
{
	struct lane l = { .now_ns = 77 * SECOND };
	struct kr_pace p;

	(void)state;
	kr_pace_init(&p);
	a_second(&p, &l, 10, 900, 900);
	assert_true(p.link_ns > 90 && p.link_ns < 100);
	assert_true(choose(&p).most >= KR_SQUEEZE_ZSTD_3);
	/* it becomes slower still */
	a_second(&p, &l, 1, 900, 900);
	assert_true(p.link_ns > 900 && p.link_ns < 1000);
	assert_int_equal(choose(&p).most, KR_SQUEEZE_ZSTD_9);
}

/* Who waits alone waits for the other machine, not for the link. */
static void one_end_is_slow(void **state)
{
	static const struct { unsigned int blocked; uint16_t waits; } rows[] = {
		{ 950, 0 }, { 950, 100 }, { 0, 950 }, { 100, 950 }, { 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lane l = { .now_ns = SECOND };
		struct kr_pace p;

		kr_pace_init(&p);
		a_second(&p, &l, 10, rows[i].blocked, rows[i].waits);
		assert_true(p.link_ns == 0);
		assert_int_equal(choose(&p).n[KR_SQUEEZE_NONE], 1280);
	}
}

/* A link that was slow is not squeezed for ever. */
static void link_recovers(void **state)
{
	struct lane l = { .now_ns = SECOND };
	struct kr_pace p;

	(void)state;
	kr_pace_init(&p);
	a_second(&p, &l, 1, 900, 900);
	assert_int_equal(choose(&p).most, KR_SQUEEZE_ZSTD_9);
	for (int i = 0; i < 5; i++)
		a_second(&p, &l, 1000, 0, 0);
	assert_int_equal(choose(&p).n[KR_SQUEEZE_NONE], 1280);
}

static void nothing_went(void **state)
{
	struct lane l = { .now_ns = SECOND };
	struct kr_pace p;

	(void)state;
	kr_pace_init(&p);
	a_second(&p, &l, 0, 1000, 1000);
	assert_true(p.link_ns == 0);
	a_second(&p, &l, 10, 900, 900);
	a_second(&p, &l, 0, 1000, 1000);
	assert_true(p.link_ns >= 0 && p.link_ns < 100);
}

/* Called after every batch: only now and then does it look. */
static void looks_now_and_then(void **state)
{
	struct lane l = { .now_ns = SECOND };
	struct kr_pace p;
	double was;

	(void)state;
	kr_pace_init(&p);
	a_second(&p, &l, 10, 900, 900);
	was = p.link_ns;
	for (int i = 0; i < 90; i++) {
		l.now_ns += SECOND / 1000;
		kr_pace_link(&p, l.now_ns, l.sent_bytes, l.blocked_ns, 0);
		assert_true(p.link_ns == was);
	}
	l.now_ns += SECOND / 50;
	kr_pace_link(&p, l.now_ns, l.sent_bytes, l.blocked_ns, 0);
	assert_true(p.link_ns < was);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(link_of_no_matter),
		cmocka_unit_test(slow_link),
		cmocka_unit_test(no_way_back),
		cmocka_unit_test(slow_machine),
		cmocka_unit_test(neighbours_are_tried),
		cmocka_unit_test(incompressible),
		cmocka_unit_test(measured_costs),
		cmocka_unit_test(measured_work),
		cmocka_unit_test(link_holds_both_up),
		cmocka_unit_test(one_end_is_slow),
		cmocka_unit_test(link_recovers),
		cmocka_unit_test(nothing_went),
		cmocka_unit_test(looks_now_and_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
