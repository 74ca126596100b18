/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_lane.c - two ends of a lane with a man in the middle: every single byte
 * of an exchange is flipped once, and none gets through.
 */
#include "lane_end.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NONE		SIZE_MAX
#define CLOSE_NOTIFY	24u		/* bytes of its record */

/* One direction of the man in the middle. */
struct leg {
	struct kr_io io;
	int	     to;
	size_t	     n, flip_at, cut_at;
	uint8_t	     b[1 << 16];	/* read, not yet written on */
	size_t	     off, len;
	struct kr_timer retry;
};

static struct leg legs[2];		/* from client, from server */
static bool late;

static void let_go(void *arg)
{
	struct end *x = arg;

	kr_lane_resume(x->lane);
}

static void write_on(void *arg)
{
	struct leg *g = arg;

	while (g->off < g->len) {
		ssize_t w = send(g->to, g->b + g->off, g->len - g->off,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (w < 0 && errno == EAGAIN) {
			kr_io_want(&g->io, 0);
			kr_timer_arm(loop, &g->retry, 1);
			return;
		}
		if (w <= 0)
			break;
		g->off += (size_t)w;
	}
	g->off = g->len = 0;
	kr_io_want(&g->io, EPOLLIN);
}

static void relay(void *arg, uint32_t events)
{
	struct leg *g = arg;
	ssize_t n;

	if (!(events & EPOLLIN) && g->len)
		return;
	n = read(g->io.fd, g->b, sizeof(g->b));
	if (n > 0 && g->cut_at != NONE && g->n + (size_t)n >= g->cut_at) {
		n = send(g->to, g->b, g->cut_at - g->n, MSG_NOSIGNAL);
		n = 0;
	}
	if (n <= 0) {
		shutdown(g->to, SHUT_WR);
		kr_io_del(&g->io);
		return;
	}
	if (g->flip_at >= g->n && g->flip_at < g->n + (size_t)n)
		g->b[g->flip_at - g->n] ^= 0x01;
	g->n += (size_t)n;
	g->len = (size_t)n;
	write_on(g);
}

static void on_late(void *arg)
{
	(void)arg;
	late = true;
	kr_loop_stop(loop, 1);
}

struct plan {
	size_t	 n[2], batch;		/* bytes to send, and at a time */
	size_t	 flip_leg, flip_at, cut_at;
	uint32_t stall_ms;
	uint64_t rekey_bytes;
	bool	 hold;
	uint8_t	 other_key;
	const char *suite;
};

static struct plan small(void)
{
	return (struct plan){ .n = { 150, 60 }, .batch = 100,
			      .flip_at = NONE, .cut_at = NONE,
			      .stall_ms = 2000 };
}

/* One exchange, from sockets to freed lanes. */
static void exchange(const struct plan *p)
{
	struct kr_timer deadline = { .fn = on_late };
	struct kr_err e = KR_ERR_NONE;
	int a[2], b[2];

	memset(ends, 0, sizeof(ends));
	memset(legs, 0, sizeof(legs));
	late = false;
	assert_int_equal(kr_loop_new(&loop, &e), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, b), 0);
	for (int i = 0; i < 2; i++) {
		struct kr_lane_cfg cfg = { .server = i,
					   .suite = p->suite,
					   .stall_ms = p->stall_ms,
					   .rekey_bytes = p->rekey_bytes };
		uint8_t psk[KR_LANE_PSK_BYTES] = { i ? p->other_key : 0 };
		struct end *x = &ends[i];
		struct leg *g = &legs[i];

		x->to_send = p->n[i];
		x->batch = p->batch;
		x->hold = p->hold;
		x->later = (struct kr_timer){ .fn = let_go, .arg = x };
		assert_int_equal(kr_lane_new(loop, i ? b[1] : a[0], &cfg, psk,
					     &ops, x, &x->lane, &e), 0);
		g->io = (struct kr_io){ .fd = i ? b[0] : a[1], .fn = relay,
					.arg = g };
		g->to = i ? a[1] : b[0];
		g->retry = (struct kr_timer){ .fn = write_on, .arg = g };
		g->flip_at = (size_t)i == p->flip_leg ? p->flip_at : NONE;
		g->cut_at = i ? NONE : p->cut_at;
		assert_int_equal(kr_io_add(loop, &g->io, EPOLLIN, &e), 0);
	}
	kr_timer_arm(loop, &deadline, 10000);
	kr_loop_run(loop);
	kr_timer_off(&deadline);
	for (int i = 0; i < 2; i++) {
		kr_timer_off(&ends[i].later);
		kr_lane_free(ends[i].lane);
		kr_timer_off(&legs[i].retry);
		kr_io_del(&legs[i].io);
	}
	close(a[1]);
	close(b[0]);
	kr_loop_free(loop);
	assert_false(late);
	/* whatever happened: nothing wrong was taken for right */
	for (int i = 0; i < 2; i++) {
		assert_false(ends[i].wrong);
		if (ends[i].ended)
			assert_int_equal(ends[i].got, p->n[!i]);
	}
}

static void goes_well(const struct plan *p)
{
	exchange(p);
	for (int i = 0; i < 2; i++) {
		if (ends[i].e.kr)
			fail_msg("%d: %d %s", i, ends[i].e.kr, ends[i].e.what);
		assert_true(ends[i].done && ends[i].ended && ends[i].up);
		assert_int_equal(ends[i].got, p->n[!i]);
	}
}

static void carries(void **state)
{
	struct plan p = small();

	(void)state;
	goes_well(&p);
	p.n[0] = 0;
	p.n[1] = 0;
	goes_well(&p);
	p.n[0] = 9000000;
	p.n[1] = 3000000;
	p.batch = KR_LANE_BATCH_BYTES_MAX;
	goes_well(&p);
	p.batch = 33333;
	goes_well(&p);
	p.hold = true;
	goes_well(&p);
}

static void renews_keys(void **state)
{
	struct plan p = small();

	(void)state;
	p.n[0] = 2000000;
	p.n[1] = 1000000;
	p.batch = 10000;
	p.rekey_bytes = 50000;
	goes_well(&p);
}

static void other_suites(void **state)
{
	struct plan p = small();
	struct kr_lane_cfg cfg = { .suite = "TLS_AES_128_CCM_8_SHA256",
				   .stall_ms = 2000 };
	const uint8_t psk[KR_LANE_PSK_BYTES] = { 0 };
	struct kr_err e = KR_ERR_NONE;
	struct kr_lane *l = NULL;

	(void)state;
	expected_suite = p.suite = "TLS_AES_128_GCM_SHA256";
	goes_well(&p);
	expected_suite = p.suite = "TLS_CHACHA20_POLY1305_SHA256";
	goes_well(&p);
	expected_suite = KR_LANE_SUITE;
	assert_int_equal(kr_loop_new(&loop, &e), 0);
	assert_true(kr_lane_new(loop, dup(0), &cfg, psk, &ops, NULL, &l, &e) <
		    0);
	assert_int_equal(e.kr, KR_E_CONFIG);
	assert_null(l);
	kr_loop_free(loop);
}

static void needs_the_key(void **state)
{
	struct plan p = small();

	(void)state;
	p.other_key = 1;
	exchange(&p);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ends[i].e.kr, KR_E_LANE_FORGED);
		assert_false(ends[i].up);
	}
}

/* TLS does not authenticate the legacy version in the plaintext hello
 * records, nor need it; and after both ends nobody reads what comes. */
static bool carries_nothing(size_t at, size_t total)
{
	return at == 1 || at == 2 || at >= total - CLOSE_NOTIFY;
}

static void every_flip_is_found(void **state)
{
	struct plan p = small();
	size_t total[2];
	unsigned int n_forged = 0, n_stalled = 0;
	bool stalled;

	(void)state;
	goes_well(&p);
	total[0] = legs[0].n;
	total[1] = legs[1].n;
	assert_in_range(total[0], 400, 2000);
	p.stall_ms = 80;
	for (p.flip_leg = 0; p.flip_leg < 2; p.flip_leg++) {
		for (p.flip_at = 0; p.flip_at < total[p.flip_leg];
		     p.flip_at++) {
			const struct end *victim = &ends[!p.flip_leg], *other;

			exchange(&p);
			if (carries_nothing(p.flip_at, total[p.flip_leg]))
				continue;
			/* a record made longer: the victim waits for its end,
			 * until it or the other side has waited enough, or the
			 * other is through and closes */
			other = &ends[p.flip_leg];
			stalled = victim->e.kr == KR_E_LANE_STALLED ||
				  (victim->e.kr == KR_E_LANE_LOST &&
				   (other->done ||
				    other->e.kr == KR_E_LANE_STALLED));
			if (victim->e.kr != KR_E_LANE_FORGED && !stalled)
				fail_msg("byte %zu of leg %zu: %d %s",
					 p.flip_at, p.flip_leg, victim->e.kr,
					 victim->e.what);
			assert_false(victim->ended);
			n_forged += victim->e.kr == KR_E_LANE_FORGED;
			n_stalled += stalled;
		}
	}
	print_message("%zu + %zu bytes: %u forged, %u stalled\n", total[0],
		      total[1], n_forged, n_stalled);
}

static void every_cut_is_found(void **state)
{
	struct plan p = small();
	size_t total;

	(void)state;
	goes_well(&p);
	total = legs[0].n - CLOSE_NOTIFY;
	for (p.cut_at = 0; p.cut_at < total; p.cut_at += 5) {
		exchange(&p);
		assert_int_equal(ends[1].e.kr, KR_E_LANE_LOST);
		assert_false(ends[1].ended);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carries),
		cmocka_unit_test(renews_keys),
		cmocka_unit_test(other_suites),
		cmocka_unit_test(needs_the_key),
		cmocka_unit_test(every_flip_is_found),
		cmocka_unit_test(every_cut_is_found),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
