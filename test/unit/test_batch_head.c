/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_batch_head.c - the head of a batch: what its bytes are, and that one
 * whose sizes cannot be is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "plane/batch.h"
#include "plane/squeeze.h"

static const struct kr_batch_head good = {
	.ticket = 0x0102030405060708, .n_raw = 10000, .n_body = 5922,
	.n_refs = 2, .learn = true, .method = KR_SQUEEZE_ZSTD_3,
	.seal = { 0xa1, 0xa2, 0xa3, [31] = 0xaf },
};

static int parse(const struct kr_batch_head *h, struct kr_batch_head *ret_h,
		 struct kr_err *e)
{
	uint8_t b[KR_BATCH_HEAD_BYTES];
	struct kr_wr w = KR_WR(b, sizeof(b));
	struct kr_rd r = KR_RD(b, sizeof(b));

	kr_batch_head_put(&w, h);
	assert_int_equal(kr_wr_len(&w), KR_BATCH_HEAD_BYTES);
	return kr_batch_head_parse(&r, ret_h, e);
}

static void head_golden(void **state)
{
	static const uint8_t want[KR_BATCH_HEAD_BYTES] = {
		1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0x27, 0x10, 0, 0, 0x17, 0x22,
		0, 2, 0, 1, 3, 0xa1, 0xa2, 0xa3, [21 + 31] = 0xaf,
	};
	uint8_t b[KR_BATCH_HEAD_BYTES + 3] = { 0 };
	struct kr_wr w = KR_WR(b, sizeof(b));
	struct kr_rd r = KR_RD(b, sizeof(b));
	struct kr_batch_head h;

	(void)state;
	kr_batch_head_put(&w, &good);
	assert_memory_equal(b, want, sizeof(want));
	assert_int_equal(kr_batch_head_parse(&r, &h, NULL), 0);
	assert_int_equal(kr_rd_left(&r), 3);
	assert_int_equal(h.ticket, good.ticket);
	assert_int_equal(h.n_raw, good.n_raw);
	assert_int_equal(h.n_body, good.n_body);
	assert_int_equal(h.n_refs, good.n_refs);
	assert_int_equal(h.channel, 0);
	assert_true(h.learn);
	assert_int_equal(h.method, good.method);
	assert_memory_equal(h.seal, good.seal, KR_SEAL_BYTES);
	for (size_t n = 0; n < KR_BATCH_HEAD_BYTES; n++) {
		r = KR_RD(b, n);
		assert_true(kr_batch_head_parse(&r, &h, NULL) < 0);
	}
}

static void head_bounds(void **state)
{
	static const struct {
		uint32_t n_raw, n_body;
		uint16_t n_refs;
		uint8_t	 channel, method;
		bool	 good;
	} rows[] = {
		{ 1, 1, 0, 0, 0, true },
		{ 0, 0, 0, 0, 0, false },
		{ 262144, 262144, 0, 0, 4, true },
		{ 262145, 262145, 0, 0, 0, false },
		{ UINT32_MAX, UINT32_MAX, 0, 0, 0, false },
		{ 10000, 9999, 0, 0, 0, false },
		{ 10000, 10001, 0, 0, 0, false },
		{ 10000, UINT32_MAX, 0, 0, 0, false },
		{ 10000, 0, 0, 0, 0, false },
		{ 4095, 4104, 1, 0, 0, false },
		{ 4096, 9, 1, 0, 0, true },
		{ 4096, 4105, 1, 0, 0, true },
		{ 4096, 4106, 1, 0, 0, false },
		{ 10000, 5903, 1, 0, 0, false },
		{ 10000, 10009, 1, 0, 0, true },
		{ 10000, 10018, 2, 0, 0, true },
		{ 10000, 10019, 2, 0, 0, false },
		{ 10000, 10000, 3, 0, 0, false },
		{ 10000, 10000, UINT16_MAX, 0, 0, false },
		{ 262144, 262720, 64, 0, 0, true },
		{ 262144, 262721, 64, 0, 0, false },
		{ 262144, 262144, 65, 0, 0, false },
		{ 10000, 10000, 0, 15, 0, true },
		{ 10000, 10000, 0, 16, 0, false },
		{ 10000, 10000, 0, 255, 0, false },
		{ 10000, 10000, 0, 0, KR_SQUEEZE_N, false },
		{ 10000, 10000, 0, 0, 255, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kr_batch_head h = { .n_raw = rows[i].n_raw,
					   .n_body = rows[i].n_body,
					   .n_refs = rows[i].n_refs,
					   .channel = rows[i].channel,
					   .method = rows[i].method };
		struct kr_batch_head got;
		struct kr_err e = KR_ERR_NONE;
		int r = parse(&h, &got, &e);

		if ((r == 0) != rows[i].good)
			fail_msg("row %zu: %d", i, r);
		assert_true(!r || e.kr == KR_E_LANE_MALFORMED);
	}
}

/* What is loose has no ticket, refers to nothing and is not learned. */
static void head_loose(void **state)
{
	struct kr_batch_head h = { .n_raw = 4096, .n_body = 4096,
				   .channel = 3, .loose = true };
	struct kr_batch_head got;

	(void)state;
	assert_int_equal(parse(&h, &got, NULL), 0);
	assert_true(got.loose && got.channel == 3);
	h.ticket = 1;
	assert_true(parse(&h, &got, NULL) < 0);
	h.ticket = 0;
	h.learn = true;
	assert_true(parse(&h, &got, NULL) < 0);
	h.learn = false;
	h.n_refs = 1;
	assert_true(parse(&h, &got, NULL) < 0);
}

static void head_flags(void **state)
{
	uint8_t b[KR_BATCH_HEAD_BYTES];
	struct kr_batch_head h;

	(void)state;
	for (unsigned int flags = 0; flags < 256; flags++) {
		struct kr_wr w = KR_WR(b, sizeof(b));
		struct kr_rd r = KR_RD(b, sizeof(b));
		int ret;

		kr_batch_head_put(&w, &good);
		b[19] = (uint8_t)flags;
		ret = kr_batch_head_parse(&r, &h, NULL);
		assert_true((ret == 0) == (flags < 2));
		assert_true(ret || h.learn == flags);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(head_golden),
		cmocka_unit_test(head_bounds),
		cmocka_unit_test(head_flags),
		cmocka_unit_test(head_loose),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
