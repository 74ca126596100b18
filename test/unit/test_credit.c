/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_credit.c - the window of what is on its way, over simulated links: it
 * finds the rate of each, keeps it busy, and lets little wait; what a peer
 * cannot have taken is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "plane/credit.h"

#define US	UINT64_C(1000)
#define MS	UINT64_C(1000000)
#define SECOND	UINT64_C(1000000000)
#define MB	1e-3			/* a second, in bytes per ns */
#define RING	16384u
#define LANES	4u

/* ---- a link ------------------------------------------------------------ */

/* One end reads as it may, the link is a queue of some rate, then it takes
 * its time there and back. */
static struct link {
	double	 rate;			/* bytes per ns, before squeezing */
	uint64_t delay_ns;		/* there, and as much back */
	uint64_t work_ns;		/* on a stretch, at the source */
	bool	 by_turns;		/* QEMU pauses now and then */
	unsigned int n_lanes;
	/* what comes of it */
	uint64_t now_ns, n_sent, n_taken;
	double	 free_ns;		/* the link is busy until then */
	double	 waited_ns, longest_ns;	/* of stretches in the queue */
	unsigned int n_stretches, n_refused;
	struct kr_credit credit;
	struct kr_credit_lane lanes[LANES];
	struct flight { uint64_t at_ns, n; unsigned int lane; }
		ring[RING], said[RING];	/* stretches; credit */
	unsigned int head, tail, said_head, said_tail;
	uint64_t due_ns[LANES], total[LANES];
} l;

static void begin_link(double rate, uint64_t delay_ns, unsigned int n_lanes)
{
	l = (struct link){ .rate = rate, .delay_ns = delay_ns,
			   .n_lanes = n_lanes, .now_ns = SECOND };
	kr_credit_init(&l.credit);
	kr_credit_link(&l.credit, 0, true);
}

static void restart_counting(void)
{
	l.n_sent = l.n_taken = 0;
	l.waited_ns = l.longest_ns = 0;
	l.n_stretches = l.n_refused = 0;
}

static void send_stretch(void)
{
	size_t n = kr_credit_stretch(&l.credit);
	unsigned int lane = l.n_stretches++ % l.n_lanes;
	double at = (double)(l.now_ns + l.work_ns), wait;

	kr_credit_sent(&l.credit, &l.lanes[lane], n, l.now_ns);
	wait = l.free_ns > at ? l.free_ns - at : 0;
	l.waited_ns += wait;
	if (wait > l.longest_ns)
		l.longest_ns = wait;
	l.free_ns = at + wait + (double)n / l.rate;
	l.ring[l.head++ % RING] = (struct flight){
		(uint64_t)l.free_ns + l.delay_ns, n, lane };
	assert_true(l.head - l.tail < RING);
	l.n_sent += n;
}

/* The peer's QEMU takes it, and some ms later it is said. */
static void take(void)
{
	const struct flight *x;

	while (l.tail != l.head && l.ring[l.tail % RING].at_ns <= l.now_ns) {
		const struct flight *f = &l.ring[l.tail++ % RING];

		l.total[f->lane] += f->n;
		l.n_taken += f->n;
		if (!l.due_ns[f->lane])
			l.due_ns[f->lane] = l.now_ns + KR_CREDIT_SAY_MS * MS;
	}
	for (unsigned int i = 0; i < l.n_lanes; i++) {
		if (!l.due_ns[i] || l.due_ns[i] > l.now_ns)
			continue;
		l.due_ns[i] = 0;
		l.said[l.said_head++ % RING] = (struct flight){
			l.now_ns + l.delay_ns, l.total[i], i };
	}
	for (; l.said_tail != l.said_head; l.said_tail++) {
		x = &l.said[l.said_tail % RING];
		if (x->at_ns > l.now_ns)
			break;
		assert_int_equal(kr_credit_taken(&l.credit, &l.lanes[x->lane],
						 x->n, l.now_ns, NULL), 0);
	}
}

static void run(uint64_t ns, uint64_t step_ns)
{
	for (uint64_t end = l.now_ns + ns; l.now_ns < end;
	     l.now_ns += step_ns) {
		bool pauses = l.by_turns && l.now_ns / MS % 500 > 350;
		size_t may = (size_t)(8 * (double)step_ns); /* 8 GB/s of QEMU */

		take();
		for (size_t n = 0; n < may && !pauses;
		     n += KR_CREDIT_STRETCH_MIN) {
			if (!kr_credit_room(&l.credit)) {
				l.n_refused++;
				break;
			}
			/* what TCP takes without that */
			if (l.credit.on_way > 100u << 20)
				break;
			send_stretch();
		}
		assert_true(l.credit.window >= KR_CREDIT_WINDOW_MIN);
		assert_true(l.credit.window <= KR_CREDIT_WINDOW_MAX);
	}
}

/* ---- what it comes to -------------------------------------------------- */

static void finds_each_link(void **state)
{
	static const struct { double rate; uint64_t delay_ns; } rows[] = {
		{ 12 * MB, 100 * US }, { 12 * MB, 20 * MS },
		{ 12 * MB, 100 * MS }, { 125 * MB, 0 },
		{ 125 * MB, 100 * US }, { 125 * MB, 5 * MS },
		{ 125 * MB, 50 * MS }, { 1200 * MB, 100 * US },
		{ 1200 * MB, 5 * MS }, { 1200 * MB, 20 * MS },
	};

	(void)state;
	for (unsigned int n = 1; n <= LANES; n += 3)
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			double got, wait, least;

			begin_link(rows[i].rate, rows[i].delay_ns, n);
			run(2 * SECOND, 100 * US);
			restart_counting();
			run(20 * SECOND, 100 * US);
			got = (double)l.n_taken / 20e9 / l.rate;
			wait = l.waited_ns / l.n_stretches;
			least = KR_CREDIT_WINDOW_MIN / l.rate;
			print_message("%u lanes, %5.0f MB/s, %3llu ms: "
				      "%5.1f %%, waits %4.1f, at most "
				      "%5.1f ms, window %6llu KiB\n", n,
				      l.rate / MB,
				      (unsigned long long)(l.delay_ns / MS),
				      got * 100, wait / 1e6,
				      l.longest_ns / 1e6,
				      (unsigned long long)l.credit.window >>
					      10);
			assert_true(got > 0.98);
			assert_true(wait < 40e6 + least);
			assert_true(l.longest_ns < 80e6 + least +
						   (double)l.delay_ns);
		}
}

/* As quick as TCP itself grows: twice in a round trip or two. */
static void is_quick_to_rise(void **state)
{
	(void)state;
	begin_link(1200 * MB, 20 * MS, 2);
	run(SECOND, 100 * US);
	assert_true((double)l.n_taken / 1e9 > 0.5 * l.rate);
	begin_link(1200 * MB, 100 * US, 2);
	run(SECOND / 5, 100 * US);
	assert_true((double)l.n_taken / 2e8 > 0.8 * l.rate);
}

/* Pages that shrink no more: the link is a tenth of what it was, and back. */
static void follows_the_link(void **state)
{
	(void)state;
	begin_link(125 * MB, MS, 4);
	run(3 * SECOND, 100 * US);
	l.rate = 12.5 * MB;
	run(SECOND, 100 * US);
	restart_counting();
	run(2 * SECOND, 100 * US);
	assert_true((double)l.n_taken / 2e9 > 0.97 * l.rate);
	assert_true(l.waited_ns / l.n_stretches < 45e6);
	l.rate = 125 * MB;
	run(SECOND / 2, 100 * US);
	restart_counting();
	run(SECOND, 100 * US);
	assert_true((double)l.n_taken / 1e9 > 0.95 * l.rate);
}

/* The way is suddenly longer than what the slack is for: found out before
 * long. */
static void finds_a_longer_way(void **state)
{
	(void)state;
	begin_link(125 * MB, MS, 2);
	run(3 * SECOND, 100 * US);
	l.delay_ns = 60 * MS;
	run(25 * SECOND, 100 * US);
	restart_counting();
	run(2 * SECOND, 100 * US);
	assert_true((double)l.n_taken / 2e9 > 0.97 * l.rate);
}

/* Less to send says nothing of the link: there is room for more at once. */
static void pauses_do_not_count(void **state)
{
	(void)state;
	begin_link(125 * MB, 20 * MS, 2);
	run(2 * SECOND, 100 * US);
	l.by_turns = true;
	run(2 * SECOND, 100 * US);
	restart_counting();
	run(5 * SECOND, 100 * US);
	assert_true((double)l.n_taken / 5e9 > 0.69 * l.rate);
}

/* A machine that is slower than the link, and its stretches take long. */
static void slow_machine(void **state)
{
	(void)state;
	begin_link(125 * MB, 100 * US, 4);
	l.work_ns = 20 * MS;
	run(2 * SECOND, 100 * US);
	restart_counting();
	run(5 * SECOND, 100 * US);
	assert_true((double)l.n_taken / 5e9 > 0.97 * l.rate);
}

/* Where the link does not matter, a thread may wait for a processor. */
static void fast_link(void **state)
{
	(void)state;
	begin_link(500 * MB, 100 * US, 2);
	kr_credit_link(&l.credit, 0, false);
	l.work_ns = 60 * MS;
	run(2 * SECOND, 100 * US);
	restart_counting();
	run(5 * SECOND, 100 * US);
	assert_true((double)l.n_taken / 5e9 > 0.98 * l.rate);
}

/* ---- what a peer says -------------------------------------------------- */

static void refuses_what_cannot_be(void **state)
{
	struct kr_credit c;
	struct kr_credit_lane a = { 0 }, b = { 0 };
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	kr_credit_init(&c);
	assert_true(kr_credit_taken(&c, &a, 0, 1, &e) < 0);
	assert_int_equal(e.kr, KR_E_LANE_MALFORMED);
	assert_true(kr_credit_taken(&c, &a, 1, 1, &e) < 0);
	kr_credit_sent(&c, &a, 100, 2);
	kr_credit_sent(&c, &b, 50, 2);
	assert_true(kr_credit_taken(&c, &a, 101, 3, &e) < 0);
	assert_true(kr_credit_taken(&c, &a, UINT64_MAX, 3, &e) < 0);
	assert_int_equal(kr_credit_taken(&c, &a, 60, 3, &e), 0);
	assert_int_equal(c.on_way, 90);
	assert_true(kr_credit_taken(&c, &a, 60, 4, &e) < 0);
	assert_true(kr_credit_taken(&c, &a, 59, 4, &e) < 0);
	assert_true(kr_credit_taken(&c, &b, 51, 4, &e) < 0);
	assert_int_equal(kr_credit_taken(&c, &a, 100, 4, &e), 0);
	assert_int_equal(c.on_way, 50);
}

/* What a lane cannot tell of does not hold up the others. */
static void free_lanes(void **state)
{
	struct kr_credit c;
	struct kr_credit_lane a = { 0 }, b = { 0 };

	(void)state;
	kr_credit_init(&c);
	while (kr_credit_room(&c))
		kr_credit_sent(&c, &a, KR_CREDIT_STRETCH_MIN, 1);
	assert_true(c.refused);
	assert_true(c.on_way <= c.window + KR_CREDIT_STRETCH_MIN);
	kr_credit_free(&c, &a, true);
	assert_int_equal(c.on_way, 0);
	assert_true(kr_credit_room(&c));
	kr_credit_free(&c, &a, true);
	kr_credit_sent(&c, &a, 1000, 1);
	assert_int_equal(c.on_way, 0);
	kr_credit_sent(&c, &b, 10, 1);
	assert_int_equal(kr_credit_taken(&c, &a, a.sent - 100, 2, NULL), 0);
	assert_int_equal(c.on_way, 10);
	kr_credit_free(&c, &a, false);
	assert_int_equal(c.on_way, 110);
}

static void little_when_late(void **state)
{
	struct kr_credit_lane a = { 0 };
	struct kr_credit c;

	(void)state;
	kr_credit_init(&c);
	assert_true(c.window > KR_CREDIT_WINDOW_LATE);
	kr_credit_late(&c);
	assert_int_equal(c.window, KR_CREDIT_WINDOW_LATE);
	/* a gigabyte in a millisecond: even then */
	for (uint64_t ms = 1; ms < 300; ms++) {
		kr_credit_sent(&c, &a, 1u << 30, ms * 1000000);
		assert_int_equal(kr_credit_taken(&c, &a, a.sent,
						 ms * 1000000 + 500000, NULL),
				 0);
		assert_true(c.window <= KR_CREDIT_WINDOW_LATE_MAX);
	}
	assert_int_equal(c.window, KR_CREDIT_WINDOW_LATE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_each_link),
		cmocka_unit_test(is_quick_to_rise),
		cmocka_unit_test(follows_the_link),
		cmocka_unit_test(finds_a_longer_way),
		cmocka_unit_test(pauses_do_not_count),
		cmocka_unit_test(slow_machine),
		cmocka_unit_test(fast_link),
		cmocka_unit_test(refuses_what_cannot_be),
		cmocka_unit_test(free_lanes),
		cmocka_unit_test(little_when_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
