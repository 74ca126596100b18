/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_session_frames.c - a peer that is proved and has no manners: frames out
 * of sequence, malformed, cut, slow, or none.
 */
#include "session_raw.h"

/* ---- frames out of order, and worse ------------------------------------- */

static void rude(void (*then)(void), bool up, enum kr_code want)
{
	raw_as_a(then);
	assert_int_equal(run(b_down, PATIENCE_MS), 0);
	expect(&b, want);
	assert_int_equal(b.up, up);
	raw_end();
}

static void speak_first(void)
{
	raw_frame(KR_PEER_ALIVE, NULL, 0);
}

static void hello_twice(void)
{
	raw_hello();
	raw_hello();
}

static void hello_malformed(void)
{
	raw_frame(KR_PEER_HELLO, "\0\1\0\1\0\5abc", 9);
}

static void hello_too_new(void)
{
	raw_hello_of(KR_WIRE_VERSION_MAX + 1, 9);
}

static void hello_too_old(void)
{
	raw_hello_of(1, KR_WIRE_VERSION_MIN - 1);
}

/* It may speak more: what both speak is spoken. */
static void hello_of_both(void)
{
	raw_hello_of(1, 9);
	raw_frame(999, NULL, 0);
}

static void start_at_one(void)
{
	next_seq = 1;
	raw_hello();
}

static void skip_one(void)
{
	raw_hello();
	raw_frame_seq(KR_PEER_ALIVE, 2, NULL, 0);
}

static void repeat(void)
{
	raw_hello();
	raw_frame_seq(KR_PEER_ALIVE, 1, NULL, 0);
	raw_frame_seq(KR_PEER_ALIVE, 1, NULL, 0);
}

static void unknown_type(void)
{
	raw_hello();
	raw_frame(999, NULL, 0);
}

static void alive_with_body(void)
{
	raw_hello();
	raw_frame(KR_PEER_ALIVE, "x", 1);
}

static void malformed_step(void)
{
	raw_hello();
	raw_frame(KR_PEER_STEP, "not a step", 10);
}

static void oversized(void)
{
	raw_hello();
	SSL_write(raw.ssl, "\x00\x00\x80\x0b", 4);
}

static void undersized(void)
{
	raw_hello();
	SSL_write(raw.ssl, "\x00\x00\x00\x09", 4);
}

static void frames_are_checked(void **state)
{
	static const struct {
		void (*then)(void);
		bool up;
		enum kr_code want;
	} rows[] = {
		{ speak_first, false, KR_E_UNEXPECTED },
		{ hello_twice, true, KR_E_UNEXPECTED },
		{ hello_malformed, false, KR_E_MALFORMED },
		{ hello_too_new, false, KR_E_VERSION },
		{ hello_too_old, false, KR_E_VERSION },
		{ hello_of_both, true, KR_E_UNEXPECTED },
		{ start_at_one, false, KR_E_REPLAYED },
		{ skip_one, true, KR_E_REPLAYED },
		{ repeat, true, KR_E_REPLAYED },
		{ unknown_type, true, KR_E_UNEXPECTED },
		{ alive_with_body, true, KR_E_UNEXPECTED },
		{ malformed_step, true, KR_E_MALFORMED },
		{ oversized, true, KR_E_FRAME_SIZE },
		{ undersized, true, KR_E_MALFORMED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		tear_down(NULL);
		set_up(NULL);
		rude(rows[i].then, rows[i].up, rows[i].want);
		assert_int_equal(b.n_msgs, 0);
	}
}

static void hello_of_before(void)
{
	raw_hello_of(1, KR_WIRE_VERSION_BASIS - 1);
}

static void the_highest_version_of_both_counts(void **state)
{
	static const struct row {
		void (*hello)(void);
		uint16_t version;
	} rows[] = {
		{ hello_of_before, KR_WIRE_VERSION_BASIS - 1 },
		{ hello_of_both, KR_WIRE_VERSION_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		tear_down(NULL);
		set_up(NULL);
		raw_as_a(rows[i].hello);
		assert_int_equal(run(b_up, PATIENCE_MS), 0);
		assert_int_equal(b.info.version, rows[i].version);
		raw_end();
	}
}

static void garbage_after_the_handshake(void **state)
{
	static const uint8_t record[] = { 23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6,
					  7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
					  17, 18, 19, 20 };

	(void)state;
	raw_as_a(raw_hello);
	assert_int_equal(run(b_up, PATIENCE_MS), 0);
	assert_int_equal(write(raw.io.fd, record, sizeof(record)),
			 sizeof(record));
	assert_int_equal(run(b_down, PATIENCE_MS), 0);
	expect(&b, KR_E_TLS_FORGED);
	raw_end();
}

static void cut_without_an_end(void **state)
{
	(void)state;
	raw_as_a(raw_hello);
	assert_int_equal(run(b_up, PATIENCE_MS), 0);
	kr_io_del(&raw.io);
	shutdown(raw.io.fd, SHUT_WR);
	assert_int_equal(run(b_down, PATIENCE_MS), 0);
	expect(&b, KR_E_PEER_TRUNCATED);
	raw_end();
}

/* ---- silence ------------------------------------------------------------ */

static uint64_t ms_since(uint64_t began)
{
	return (kr_now_ns() - began) / 1000000;
}

static void a_caller_that_says_nothing(void **state)
{
	uint64_t began = kr_now_ns();
	int fd[2];

	(void)state;
	b.start.handshake_ms = 150;
	tcp_pair(fd);
	begin(&b, fd[1]);
	assert_int_equal(run(b_down, PATIENCE_MS), 0);
	expect(&b, KR_E_PEER_SILENT);
	assert_in_range(ms_since(began), 145, 2000);
	close(fd[0]);
}

static void a_caller_that_shakes_hands_and_says_no_more(void **state)
{
	(void)state;
	b.start.handshake_ms = 300;
	raw_as_a(NULL);
	assert_int_equal(run(b_down, PATIENCE_MS), 0);
	expect(&b, KR_E_PEER_SILENT);
	assert_true(raw.done && !b.up);
	raw_end();
}

static void a_peer_that_falls_silent(void **state)
{
	uint64_t began;

	(void)state;
	b.start.handshake_ms = 1000;
	b.start.silent_ms = 200;
	raw_as_a(raw_hello);
	assert_int_equal(run(b_up, PATIENCE_MS), 0);
	raw_frame(KR_PEER_ALIVE, NULL, 0);
	began = kr_now_ns();
	assert_int_equal(run(b_down, PATIENCE_MS), 0);
	expect(&b, KR_E_PEER_SILENT);
	assert_in_range(ms_since(began), 150, 900);
	raw_end();
}

/* One byte of a frame now and then is no sign of life. */
static struct kr_timer drip;
static const uint8_t slow_frame[KR_FRAME_BODY_BYTES_MAX] = { 0, 0, 0x7f };
static unsigned int n_drips;

static void on_drip(void *arg)
{
	(void)arg;
	kr_timer_arm(loop, &drip, 20);
	if (SSL_write(raw.ssl, slow_frame + n_drips, 1) == 1)
		n_drips++;
}

static void a_peer_of_one_byte_at_a_time(void **state)
{
	uint64_t began;

	(void)state;
	b.start.handshake_ms = 1000;
	b.start.silent_ms = 300;
	raw_as_a(raw_hello);
	assert_int_equal(run(b_up, PATIENCE_MS), 0);
	raw_frame(KR_PEER_ALIVE, NULL, 0);
	n_drips = 0;
	drip = (struct kr_timer){ .fn = on_drip };
	kr_timer_arm(loop, &drip, 20);
	began = kr_now_ns();
	assert_int_equal(run(b_down, PATIENCE_MS), 0);
	kr_timer_off(&drip);
	expect(&b, KR_E_PEER_SILENT);
	assert_in_range(ms_since(began), 250, 1500);
	assert_true(n_drips > 3);
	raw_end();
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(frames_are_checked),
		T(the_highest_version_of_both_counts),
		T(garbage_after_the_handshake),
		T(cut_without_an_end),
		T(a_caller_that_says_nothing),
		T(a_caller_that_shakes_hands_and_says_no_more),
		T(a_peer_that_falls_silent),
		T(a_peer_of_one_byte_at_a_time),
	};

	return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
