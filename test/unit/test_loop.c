/* SPDX-License-Identifier: Apache-2.0 */
/* test_loop.c - timers in order, and handlers that remove what they like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/loop.h"

static struct kr_loop *loop;

static int set_up(void **state)
{
	(void)state;
	return kr_loop_new(&loop, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	kr_loop_free(loop);
	return 0;
}

static void stop(void *arg)
{
	(void)arg;
	kr_loop_stop(loop, 42);
}

/* ---- timers ------------------------------------------------------------- */

static char order[32];

static void note(void *arg)
{
	strcat(order, arg);
}

static void timers_fire_in_order(void **state)
{
	struct kr_timer a = { .fn = note, .arg = "a" };
	struct kr_timer b = { .fn = note, .arg = "b" };
	struct kr_timer c = { .fn = note, .arg = "c" };
	struct kr_timer d = { .fn = note, .arg = "d" };
	struct kr_timer end = { .fn = stop };

	(void)state;
	order[0] = '\0';
	kr_timer_arm(loop, &end, 60);
	kr_timer_arm(loop, &c, 30);
	kr_timer_arm(loop, &a, 10);
	kr_timer_arm(loop, &b, 20);
	kr_timer_arm(loop, &d, 5);
	kr_timer_arm(loop, &d, 40);	/* armed anew: once, and later */
	assert_int_equal(kr_loop_run(loop), 42);
	assert_string_equal(order, "abcd");
	assert_int_equal(a.due_ns, 0);
}

static void none_is_early(void **state)
{
	struct kr_timer end = { .fn = stop };
	uint64_t began = kr_now_ns();

	(void)state;
	kr_timer_arm(loop, &end, 20);
	kr_loop_run(loop);
	assert_true(kr_now_ns() - began >= 20000000);
}

static struct kr_timer victim;

static void take_off(void *arg)
{
	note(arg);
	kr_timer_off(&victim);
}

static void a_timer_takes_another_off(void **state)
{
	struct kr_timer first = { .fn = take_off, .arg = "1" };
	struct kr_timer end = { .fn = stop };

	(void)state;
	order[0] = '\0';
	victim = (struct kr_timer){ .fn = note, .arg = "victim" };
	kr_timer_arm(loop, &first, 0);
	kr_timer_arm(loop, &victim, 0);	/* due in the same moment */
	kr_timer_arm(loop, &end, 10);
	usleep(2000);
	kr_loop_run(loop);
	assert_string_equal(order, "1");
	kr_timer_off(&victim);		/* not armed: nothing happens */
}

static struct kr_timer again;
static unsigned int n_again;

static void rearm(void *arg)
{
	(void)arg;
	if (++n_again < 3)
		kr_timer_arm(loop, &again, 1);
	else
		kr_loop_stop(loop, 0);
}

static void a_timer_arms_itself(void **state)
{
	(void)state;
	n_again = 0;
	again = (struct kr_timer){ .fn = rearm };
	kr_timer_arm(loop, &again, 1);
	assert_int_equal(kr_loop_run(loop), 0);
	assert_int_equal(n_again, 3);
}

static void freed(void *arg)
{
	struct kr_timer *t = arg;

	free(t);		/* it is off already when it is called */
	kr_loop_stop(loop, 0);
}

static void a_timer_may_free_itself(void **state)
{
	struct kr_timer *t = calloc(1, sizeof(*t));

	(void)state;
	assert_non_null(t);
	t->fn = freed;
	t->arg = t;
	kr_timer_arm(loop, t, 1);
	assert_int_equal(kr_loop_run(loop), 0);
}

/* ---- descriptors -------------------------------------------------------- */

struct end {
	struct kr_io io;
	struct end  *other;
	int	     peer;
	unsigned int n_called;
};

static struct end *end_new(void)
{
	struct end *x = calloc(1, sizeof(*x));
	int fd[2];

	assert_non_null(x);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    fd), 0);
	x->io.fd = fd[0];
	x->io.arg = x;
	x->peer = fd[1];
	return x;
}

static void end_free(struct end *x)
{
	kr_io_del(&x->io);
	close(x->io.fd);
	close(x->peer);
	free(x);
}

static unsigned int n_killed;
static struct end *survivor;

/* Whichever is called first frees the other, which is ready as well. */
static void kill_other(void *arg, uint32_t events)
{
	struct end *x = arg;

	(void)events;
	x->n_called++;
	if (x->other) {
		end_free(x->other);
		x->other = NULL;
		survivor = x;
		n_killed++;
	}
	kr_io_del(&x->io);
}

static void a_handler_frees_another_that_is_ready(void **state)
{
	struct end *a = end_new(), *b = end_new();
	struct kr_timer t = { .fn = stop };

	(void)state;
	survivor = NULL;
	a->other = b;
	b->other = a;
	a->io.fn = b->io.fn = kill_other;
	assert_int_equal(kr_io_add(loop, &a->io, EPOLLIN, NULL), 0);
	assert_int_equal(kr_io_add(loop, &b->io, EPOLLIN, NULL), 0);
	assert_int_equal(write(a->peer, "x", 1), 1);
	assert_int_equal(write(b->peer, "x", 1), 1);
	n_killed = 0;
	kr_timer_arm(loop, &t, 20);
	kr_loop_run(loop);
	assert_int_equal(n_killed, 1);
	/* level-triggered and unread, yet taken off: called just once */
	assert_int_equal(survivor->n_called, 1);
	end_free(survivor);
}

static void count(void *arg, uint32_t events)
{
	struct end *x = arg;

	assert_true(events & EPOLLIN);
	x->n_called++;
	kr_io_del(&x->io);
	assert_null(x->io.loop);
	kr_io_del(&x->io);		/* a no-op */
	kr_io_want(&x->io, EPOLLIN);	/* likewise */
}

static void a_handler_removes_itself(void **state)
{
	struct end *a = end_new();
	struct kr_timer t = { .fn = stop };

	(void)state;
	a->io.fn = count;
	assert_int_equal(kr_io_add(loop, &a->io, EPOLLIN, NULL), 0);
	assert_int_equal(write(a->peer, "x", 1), 1);
	kr_timer_arm(loop, &t, 20);
	kr_loop_run(loop);
	assert_int_equal(a->n_called, 1);
	end_free(a);
}

static void stop_at_once(void *arg, uint32_t events)
{
	struct end *x = arg;

	(void)events;
	x->n_called++;
	kr_loop_stop(loop, 7);
}

static void stop_ends_the_batch(void **state)
{
	struct end *a = end_new(), *b = end_new();

	(void)state;
	a->io.fn = b->io.fn = stop_at_once;
	assert_int_equal(kr_io_add(loop, &a->io, EPOLLIN, NULL), 0);
	assert_int_equal(kr_io_add(loop, &b->io, EPOLLIN, NULL), 0);
	assert_int_equal(write(a->peer, "x", 1), 1);
	assert_int_equal(write(b->peer, "x", 1), 1);
	assert_int_equal(kr_loop_run(loop), 7);
	assert_int_equal(a->n_called + b->n_called, 1);
	end_free(a);
	end_free(b);
}

static void wanted(void *arg, uint32_t events)
{
	struct end *x = arg;

	assert_int_equal(events, EPOLLIN);
	x->n_called++;
	kr_loop_stop(loop, 0);
}

static void only_what_is_wanted(void **state)
{
	struct end *a = end_new();

	(void)state;
	a->io.fn = wanted;
	assert_int_equal(kr_io_add(loop, &a->io, EPOLLIN | EPOLLOUT, NULL),
			 0);
	kr_io_want(&a->io, EPOLLIN);
	assert_int_equal(write(a->peer, "x", 1), 1);
	kr_loop_run(loop);
	assert_int_equal(a->n_called, 1);
	end_free(a);
}

static void bad_descriptors_are_refused(void **state)
{
	struct kr_io io = { .fd = -1, .fn = wanted };
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	assert_true(kr_io_add(loop, &io, EPOLLIN, &e) < 0);
	assert_int_equal(e.kr, KR_E_SYSTEM);
	assert_null(io.loop);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(timers_fire_in_order), T(none_is_early),
		T(a_timer_takes_another_off), T(a_timer_arms_itself),
		T(a_timer_may_free_itself),
		T(a_handler_frees_another_that_is_ready),
		T(a_handler_removes_itself), T(stop_ends_the_batch),
		T(only_what_is_wanted), T(bad_descriptors_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
