/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_lane.c - two lanes in one loop with a man in the middle: every single
 * byte of an exchange is flipped once, and none gets through; frames out of
 * order are refused, also from a peer that has the key.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "base/fd.h"
#include "plane/lane.h"
#include "plane/lane_tls.h"

#define NONE		SIZE_MAX
#define CLOSE_NOTIFY	24u		/* bytes of its record */

struct end {
	struct kr_lane *lane;
	size_t		to_send, batch, sent;
	size_t		got;
	bool		wrong, up, ended, done, hold;
	struct kr_timer later;
	struct kr_err	e;
};

/* One direction of the man in the middle. */
struct leg {
	struct kr_io io;
	int	     to;
	size_t	     n, flip_at, cut_at;
	uint8_t	     b[1 << 16];	/* read, not yet written on */
	size_t	     off, len;
	struct kr_timer retry;
};

static struct kr_loop *loop;
static struct end ends[2];		/* client, server */
static struct leg legs[2];		/* from client, from server */
static bool late;
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

static void let_go(void *arg)
{
	struct end *x = arg;

	kr_lane_resume(x->lane);
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

static void frame(uint8_t b[KR_LANE_FRAME_HEAD_BYTES], uint32_t n,
		  uint8_t kind, uint8_t dir, uint64_t seq)
{
	struct kr_wr w = KR_WR(b, KR_LANE_FRAME_HEAD_BYTES);

	kr_wr_u32(&w, n);
	kr_wr_u8(&w, kind);
	kr_wr_u8(&w, dir);
	kr_wr_u64(&w, seq);
}

static void frames_in_order_only(void **state)
{
	uint8_t h[KR_LANE_FRAME_HEAD_BYTES], body[8] = { 0 };
	struct kr_lane_frame f;
	enum kr_code code = KR_OK;
	struct kr_lane_frame_seq s = { .dir = KR_LANE_FRAME_BACKWARD };
	static const struct { uint32_t n; uint8_t kind, dir; uint64_t seq; }
	bad[] = {
		{ 5, 1, 1, 1 }, { 5, 1, 1, UINT64_MAX }, { 5, 1, 0, 0 },
		{ 5, 1, 2, 0 }, { 0, 1, 1, 0 }, { (1u << 20) + 1, 1, 1, 0 },
		{ UINT32_MAX, 1, 1, 0 }, { 7, 2, 1, 0 }, { 9, 2, 1, 0 },
		{ 3, 3, 1, 0 }, { 0, 4, 1, 0 }, { 1, 4, 1, 0 },
		{ 3, 4, 1, 0 }, { 0, 0, 1, 0 }, { 0, 5, 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct kr_err e = KR_ERR_NONE;

		frame(h, bad[i].n, bad[i].kind, bad[i].dir, bad[i].seq);
		assert_true(kr_lane_frame_head(&s, h, &f, &e) < 0);
		assert_int_equal(e.kr, KR_E_LANE_MALFORMED);
	}
	frame(h, 5, 1, 1, 0);
	assert_int_equal(kr_lane_frame_head(&s, h, &f, NULL), 0);
	assert_int_equal(kr_lane_frame_body(&s, &f, body, &code, NULL), 0);
	assert_true(kr_lane_frame_head(&s, h, &f, NULL) < 0); /* again */
	/* alive: nobody waits for more than all of its time */
	frame(h, 2, 4, 1, 1);
	assert_int_equal(kr_lane_frame_head(&s, h, &f, NULL), 0);
	body[0] = 1001 >> 8;
	body[1] = 1001 & 255;
	assert_true(kr_lane_frame_body(&s, &f, body, &code, NULL) < 0);
	body[1] = 1000 & 255;
	assert_int_equal(kr_lane_frame_body(&s, &f, body, &code, NULL), 0);
	assert_int_equal(s.waits, 1000);
	memset(body, 0, sizeof(body));
	frame(h, 2, 3, 1, 2);
	assert_int_equal(kr_lane_frame_head(&s, h, &f, NULL), 0);
	assert_true(kr_lane_frame_body(&s, &f, body, &code, NULL) < 0);
	body[0] = KR_E_STREAM >> 8;
	body[1] = KR_E_STREAM & 255;
	assert_int_equal(kr_lane_frame_body(&s, &f, body, &code, NULL), 0);
	assert_int_equal(code, KR_E_STREAM);
	/* the end: right total only, and nothing after it */
	memset(body, 0, sizeof(body));
	frame(h, 8, 2, 1, 3);
	assert_int_equal(kr_lane_frame_head(&s, h, &f, NULL), 0);
	assert_true(kr_lane_frame_body(&s, &f, body, &code, NULL) < 0);
	body[7] = 5;
	assert_int_equal(kr_lane_frame_body(&s, &f, body, &code, NULL), 0);
	frame(h, 2, 4, 1, 4);
	assert_true(kr_lane_frame_head(&s, h, &f, NULL) < 0);
}

/* A peer with the key that does not keep to the frames. */
static void refuses_an_insider(void **state)
{
	struct kr_lane_cfg cfg = { .server = true, .stall_ms = 2000 };
	const uint8_t psk[KR_LANE_PSK_BYTES] = { 0 };
	struct kr_err e = KR_ERR_NONE;
	int fd[2], status;
	pid_t pid;

	(void)state;
	memset(ends, 0, sizeof(ends));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		uint8_t h[KR_LANE_FRAME_HEAD_BYTES + 5] = { 0 };
		SSL *ssl;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (kr_lane_tls_new(fd[0], false, KR_LANE_SUITE, psk, &ssl,
				    &e) < 0)
			_exit(1);
		frame(h, 5, 1, 0, 0);
		SSL_write(ssl, h, sizeof(h));
		SSL_write(ssl, h, sizeof(h)); /* the same frame again */
		SSL_read(ssl, h, sizeof(h));
		_exit(0);
	}
	close(fd[0]);
	assert_int_equal(kr_loop_new(&loop, &e), 0);
	ends[0].done = true;
	ends[1].to_send = ends[1].batch = 1;
	assert_int_equal(kr_lane_new(loop, fd[1], &cfg, psk, &ops, &ends[1],
				     &ends[1].lane, &e), 0);
	kr_loop_run(loop);
	assert_int_equal(ends[1].e.kr, KR_E_LANE_MALFORMED);
	assert_int_equal(ends[1].got, 5);
	kr_lane_free(ends[1].lane);
	kr_loop_free(loop);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static int set_up(void **state)
{
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	return kr_lane_init(&e);
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
		cmocka_unit_test(frames_in_order_only),
		cmocka_unit_test(refuses_an_insider),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
