/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane_end.h - two ends of a lane in one loop: each sends what it is told to,
 * looks at what it gets, and the loop ends when both are through, well or not.
 */
#ifndef KR_TEST_LANE_END_H
#define KR_TEST_LANE_END_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>

#include "base/fd.h"
#include "plane/lane.h"

struct end {
	struct kr_lane *lane;
	size_t		to_send, batch, sent;
	size_t		got;
	bool		wrong, up, ended, done, hold;
	struct kr_timer later;
	struct kr_err	e;
};

static struct kr_loop *loop;
static struct end ends[2];		/* client, server */
static const char *expected_suite = KR_LANE_SUITE;

static uint8_t content(size_t i)
{
	return (uint8_t)(i * 7 + (i >> 8));
}

static void check_over(void)
{
	for (int i = 0; i < 2; i++)
		if (!ends[i].done && !ends[i].e.kr)
			return;
	kr_loop_stop(loop, 0);
}

static void push_on(struct end *x)
{
	uint8_t *b;

	while (x->sent < x->to_send && (b = kr_lane_batch(x->lane))) {
		size_t n = x->to_send - x->sent < x->batch ?
				   x->to_send - x->sent : x->batch;

		for (size_t i = 0; i < n; i++)
			b[i] = content(x->sent + i);
		x->sent += n;
		kr_lane_send(x->lane, n);
	}
	if (x->sent == x->to_send)
		kr_lane_end(x->lane);
}

static void on_up(void *arg, const char *version, const char *suite)
{
	struct end *x = arg;

	assert_string_equal(version, "TLSv1.3");
	assert_string_equal(suite, expected_suite);
	x->up = true;
	push_on(x);
}

static int on_data(void *arg, const uint8_t *p, size_t n, struct kr_err *e)
{
	struct end *x = arg;

	(void)e;
	for (size_t i = 0; i < n; i++)
		if (p[i] != content(x->got + i))
			x->wrong = true;
	x->got += n;
	if (!x->hold)
		return 0;
	kr_timer_arm(loop, &x->later, 1);
	return KR_LANE_HOLD;
}

static int on_end(void *arg, struct kr_err *e)
{
	struct end *x = arg;

	(void)e;
	x->ended = true;
	return 0;
}

static void on_room(void *arg)
{
	push_on(arg);
}

static int on_sent_end(void *arg, struct kr_err *e)
{
	(void)arg, (void)e;
	return 0;
}

static void on_done(void *arg)
{
	struct end *x = arg;

	x->done = true;
	check_over();
}

static void on_fail(void *arg, const struct kr_err *e)
{
	struct end *x = arg;

	assert_int_equal(x->e.kr, 0);
	x->e = *e;
	check_over();
}

static const struct kr_lane_ops ops = { on_up, on_data, on_end, on_room,
					on_sent_end, on_done, on_fail };

static int set_up(void **state)
{
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	return kr_lane_init(&e);
}

#endif
