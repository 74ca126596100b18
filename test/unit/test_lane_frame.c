/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_lane_frame.c - frames out of order are refused, also from a peer that
 * has the key.
 */
#include "lane_end.h"

#include <openssl/ssl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plane/lane_tls.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_in_order_only),
		cmocka_unit_test(refuses_an_insider),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
