/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pace.c - a link faster than the machine gets nothing squeezed but what
 * is cheaper so, a slow one what gets a batch through soonest, and what was
 * measured counts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "plane/pace.h"

#define BATCH	(256u * 1024)
#define SECOND	UINT64_C(1000000000)
#define TRIES	(1280 / 64)	/* of a neighbour, in 1280 batches */

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
	p.judged = true;
	p.link_ns = link_ns;
	p.work_cpu_ns = p.work_bytes * work_ns;
	return choose(&p);
}

static void link_of_no_matter(void **state)
{
	struct choice c = on_link(0, 1);

	(void)state;
	assert_int_equal(c.n[KR_SQUEEZE_NONE], 1280 - TRIES);
	c = on_link(0.8, 1);
	assert_int_equal(c.n[KR_SQUEEZE_NONE], 1280 - TRIES);
	c = on_link(1, 1);
	assert_int_equal(c.n[KR_SQUEEZE_NONE], 1280 - TRIES);
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

/* A method that shrinks memory to one in @ratio, at @ns a byte. */
static void measure(struct kr_pace *p, enum kr_squeeze_method m,
		    unsigned int ratio, double ns)
{
	for (int i = 0; i < 100; i++)
		kr_pace_squeezed(p, m, BATCH, BATCH / ratio + 20,
				 (uint64_t)(BATCH * ns),
				 (uint64_t)(BATCH * ns));
}

/* Sealing it would cost more than squeezing it: on any link. */
static void shrinks_to_nothing(void **state)
{
	struct kr_pace p;

	(void)state;
	kr_pace_init(&p);
	p.judged = true;
	assert_int_equal(choose(&p).most, KR_SQUEEZE_NONE);
	measure(&p, KR_SQUEEZE_LZ4, 100, 0.2);
	assert_int_equal(choose(&p).most, KR_SQUEEZE_LZ4);
	for (int i = 0; i < 100; i++)
		kr_pace_carried(&p, BATCH, BATCH / 10);
	assert_int_equal(choose(&p).most, KR_SQUEEZE_NONE);
	for (int i = 0; i < 100; i++)
		kr_pace_carried(&p, 0, BATCH);	/* says nothing */
	assert_int_equal(choose(&p).most, KR_SQUEEZE_NONE);
	for (int i = 0; i < 100; i++)
		kr_pace_carried(&p, BATCH, BATCH);
	assert_int_equal(choose(&p).most, KR_SQUEEZE_LZ4);
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
	assert_int_equal(c.n[KR_SQUEEZE_NONE], 1280 - TRIES);
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
					 BATCH + 20, BATCH * 2ul,
					 BATCH * 2ul);
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
				 BATCH * 1000ul, BATCH * 1000ul);
	assert_int_equal(choose(&p).most, KR_SQUEEZE_ZSTD_3);
}

/* Others have the processor while it squeezes: that counts, too. */
static void interrupted(void **state)
{
	struct kr_pace p;

	(void)state;
	kr_pace_init(&p);
	p.judged = true;
	p.link_ns = 100;
	assert_int_equal(choose(&p).most, KR_SQUEEZE_ZSTD_9);
	for (int i = 0; i < 100; i++)
		kr_pace_squeezed(&p, KR_SQUEEZE_ZSTD_9, BATCH,
				 (size_t)(BATCH * 0.35), BATCH * 25ul,
				 BATCH * 50ul);
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
	assert_true(p.busy_wall_ns > 19 * p.work_bytes);
	assert_true(p.busy_wall_ns < 21 * p.work_bytes);
	assert_int_equal(choose(&p).most, KR_SQUEEZE_NONE);
	/* one batch is not the world */
	kr_pace_worked(&p, BATCH, 0, 0);
	assert_true(p.busy_wall_ns > 15 * p.work_bytes);
	/* and a small one even less */
	kr_pace_worked(&p, 10, BATCH, BATCH);
	assert_true(p.busy_wall_ns < 21 * p.work_bytes);
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
		assert_int_equal(choose(&p).most, KR_SQUEEZE_NONE);
	}
}

/* What nobody has looked at is not taken for fast, nor is what the kernel
 * took in at first; for as long as it takes to look. */
static void link_is_new(void **state)
{
	struct lane l = { .now_ns = SECOND };
	struct choice c;
	struct kr_pace p;

	(void)state;
	kr_pace_init(&p);
	assert_int_equal(choose(&p).most, KR_SQUEEZE_LZ4);
	kr_pace_rate(&p, 4 * SECOND);
	assert_int_equal(choose(&p).most, KR_SQUEEZE_LZ4);
	/* a busy machine finds out soon whether it pays */
	kr_pace_init(&p);
	p.busy_wall_ns *= 4;
	c = choose(&p);
	assert_int_equal(c.most, KR_SQUEEZE_NONE);
	assert_int_equal(c.n[KR_SQUEEZE_LZ4], 1280 / 4);
	measure(&p, KR_SQUEEZE_LZ4, 100, 0.2);
	assert_int_equal(choose(&p).most, KR_SQUEEZE_LZ4);
	/* what does not shrink need not wait for that */
	measure(&p, KR_SQUEEZE_LZ4, 1, 0.2);
	measure(&p, KR_SQUEEZE_ZSTD_1, 1, 0.5);
	assert_int_equal(choose(&p).most, KR_SQUEEZE_NONE);
	kr_pace_init(&p);
	a_second(&p, &l, 1, 0, 900);	/* little went: that says nothing */
	assert_int_equal(choose(&p).most, KR_SQUEEZE_LZ4);
	a_second(&p, &l, 1000, 0, 0);
	assert_int_equal(choose(&p).most, KR_SQUEEZE_NONE);
	/* the kernel saw a slow one, and soon */
	kr_pace_init(&p);
	kr_pace_rate(&p, SECOND / 80);
	assert_true(choose(&p).most >= KR_SQUEEZE_ZSTD_3);
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
	assert_int_equal(choose(&p).most, KR_SQUEEZE_NONE);
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

/* As long as the other end waits for it, and it is not far faster. */
static void link_matters(void **state)
{
	struct kr_pace p;
	struct lane l = { .now_ns = SECOND };

	(void)state;
	kr_pace_init(&p);
	assert_false(kr_pace_link_matters(&p));
	kr_pace_rate(&p, 100000000);
	a_second(&p, &l, 100, 900, 800);
	assert_true(kr_pace_link_matters(&p));
	/* held up by a slow end: what the link was does not matter */
	a_second(&p, &l, 100, 300, 20);
	assert_true(p.link_ns > 1);
	assert_false(kr_pace_link_matters(&p));
	a_second(&p, &l, 100, 300, 500);
	assert_true(kr_pace_link_matters(&p));
	p.link_ns = 0.1;
	assert_false(kr_pace_link_matters(&p));
}

/* Where the machine holds it up, what is remembered would save nothing. */
static void link_bound(void **state)
{
	struct kr_pace p;

	(void)state;
	kr_pace_init(&p);
	p.judged = true;
	p.link_ns = 8;
	measure(&p, KR_SQUEEZE_LZ4, 2, 1);
	assert_true(kr_pace_link_bound(&p, KR_SQUEEZE_LZ4));
	measure(&p, KR_SQUEEZE_LZ4, 100, 1);
	assert_false(kr_pace_link_bound(&p, KR_SQUEEZE_LZ4));
	p.link_ns = 800;
	assert_true(kr_pace_link_bound(&p, KR_SQUEEZE_LZ4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(link_of_no_matter),
		cmocka_unit_test(slow_link),
		cmocka_unit_test(shrinks_to_nothing),
		cmocka_unit_test(no_way_back),
		cmocka_unit_test(slow_machine),
		cmocka_unit_test(neighbours_are_tried),
		cmocka_unit_test(incompressible),
		cmocka_unit_test(measured_costs),
		cmocka_unit_test(interrupted),
		cmocka_unit_test(measured_work),
		cmocka_unit_test(link_holds_both_up),
		cmocka_unit_test(one_end_is_slow),
		cmocka_unit_test(link_is_new),
		cmocka_unit_test(link_recovers),
		cmocka_unit_test(link_matters),
		cmocka_unit_test(link_bound),
		cmocka_unit_test(nothing_went),
		cmocka_unit_test(looks_now_and_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
