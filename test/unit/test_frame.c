/* SPDX-License-Identifier: Apache-2.0 */
/* test_frame.c - frames and lane preambles, to the byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "wire/frame.h"

static const uint8_t golden[] = {
	0, 0, 0, 15,			/* what follows */
	0, 17,				/* type */
	0, 0, 0, 0, 0, 0, 1, 2,		/* sequence */
	'h', 'e', 'l', 'l', 'o',
};

static void golden_frame(void **state)
{
	struct kr_frame f = { .type = 17, .seq = 258, .n_bytes = 5,
			      .body = (const uint8_t *)"hello" };
	uint8_t b[64];
	struct kr_wr w = KR_WR(b, sizeof(b));
	size_t used = 0;

	(void)state;
	kr_frame_put(&w, &f);
	assert_false(w.bad);
	assert_int_equal(kr_wr_len(&w), sizeof(golden));
	assert_memory_equal(b, golden, sizeof(golden));
	memset(&f, 0xff, sizeof(f));
	assert_int_equal(kr_frame_parse(golden, sizeof(golden), &f, &used,
					NULL), 0);
	assert_int_equal(used, sizeof(golden));
	assert_int_equal(f.type, 17);
	assert_int_equal(f.seq, 258);
	assert_int_equal(f.n_bytes, 5);
	assert_ptr_equal(f.body, golden + 14);
}

static void every_truncation_waits_for_more(void **state)
{
	struct kr_frame f;
	size_t used;

	(void)state;
	for (size_t n = 0; n < sizeof(golden); n++)
		assert_int_equal(kr_frame_parse(golden, n, &f, &used, NULL),
				 KR_FRAME_MORE);
}

static void what_follows_is_left_alone(void **state)
{
	uint8_t b[2 * sizeof(golden)];
	struct kr_frame f;
	size_t used = 0;

	(void)state;
	memcpy(b, golden, sizeof(golden));
	memset(b + sizeof(golden), 0xff, sizeof(golden));
	assert_int_equal(kr_frame_parse(b, sizeof(b), &f, &used, NULL), 0);
	assert_int_equal(used, sizeof(golden));
}

static int head(uint32_t len, struct kr_err *e)
{
	uint8_t b[KR_FRAME_HEAD_BYTES];
	struct kr_wr w = KR_WR(b, sizeof(b));
	struct kr_frame f;
	size_t used;

	kr_wr_u32(&w, len);
	return kr_frame_parse(b, sizeof(b), &f, &used, e);
}

/* Refused by the head alone: nothing is waited for or held. */
static void limits(void **state)
{
	static const uint32_t too_long[] = {
		KR_FRAME_META_BYTES + KR_FRAME_BODY_BYTES_MAX + 1, 1u << 31,
		UINT32_MAX,
	};

	(void)state;
	for (uint32_t n = 0; n < KR_FRAME_META_BYTES; n++) {
		struct kr_err e = KR_ERR_NONE;

		assert_true(head(n, &e) < 0);
		assert_int_equal(e.kr, KR_E_MALFORMED);
	}
	for (size_t i = 0; i < sizeof(too_long) / sizeof(too_long[0]); i++) {
		struct kr_err e = KR_ERR_NONE;

		assert_true(head(too_long[i], &e) < 0);
		assert_int_equal(e.kr, KR_E_FRAME_SIZE);
	}
	assert_int_equal(head(KR_FRAME_META_BYTES, NULL), KR_FRAME_MORE);
	assert_int_equal(head(KR_FRAME_META_BYTES + KR_FRAME_BODY_BYTES_MAX,
			      NULL), KR_FRAME_MORE);
}

static void largest_and_empty_body(void **state)
{
	static uint8_t body[KR_FRAME_BODY_BYTES_MAX + 1];
	static uint8_t b[KR_FRAME_BYTES_MAX + 1];
	struct kr_wr w = KR_WR(b, sizeof(b));
	struct kr_frame f = { .type = 1, .body = body,
			      .n_bytes = KR_FRAME_BODY_BYTES_MAX };
	size_t used;

	(void)state;
	kr_frame_put(&w, &f);
	assert_int_equal(kr_wr_len(&w), KR_FRAME_BYTES_MAX);
	assert_int_equal(kr_frame_parse(b, kr_wr_len(&w), &f, &used, NULL),
			 0);
	assert_int_equal(f.n_bytes, KR_FRAME_BODY_BYTES_MAX);

	w = KR_WR(b, sizeof(b));
	f.n_bytes = KR_FRAME_BODY_BYTES_MAX + 1;
	kr_frame_put(&w, &f);
	assert_true(w.bad);

	w = KR_WR(b, 13);
	f.n_bytes = 0;
	kr_frame_put(&w, &f);
	assert_true(w.bad);	/* one byte short of the head */
	w = KR_WR(b, 14);
	f.body = NULL;
	kr_frame_put(&w, &f);
	assert_false(w.bad);
	assert_int_equal(kr_frame_parse(b, 14, &f, &used, NULL), 0);
	assert_int_equal(f.n_bytes, 0);
}

/* ---- preamble ----------------------------------------------------------- */

static const uint8_t lane[KR_PREAMBLE_BYTES] = {
	'K', 'R', 'L', 'N', 1, 7, 0, 0,
	0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
	0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f,
};

static void golden_preamble(void **state)
{
	struct kr_preamble p = { .lane = 7 };
	uint8_t b[KR_PREAMBLE_BYTES];
	struct kr_wr w = KR_WR(b, sizeof(b));

	(void)state;
	memcpy(p.migration, lane + 8, 16);
	kr_preamble_put(&w, &p);
	assert_false(w.bad);
	assert_int_equal(kr_wr_len(&w), sizeof(lane));
	assert_memory_equal(b, lane, sizeof(lane));
	memset(&p, 0, sizeof(p));
	assert_int_equal(kr_preamble_parse(lane, sizeof(lane), &p, NULL), 0);
	assert_int_equal(p.lane, 7);
	assert_memory_equal(p.migration, lane + 8, 16);
}

static void other_preambles_are_refused(void **state)
{
	uint8_t b[KR_PREAMBLE_BYTES + 1] = { 0 };
	struct kr_preamble p;
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	memcpy(b, lane, sizeof(lane));
	for (size_t n = 0; n <= sizeof(b); n++)
		assert_int_equal(kr_preamble_parse(b, n, &p, NULL) == 0,
				 n == KR_PREAMBLE_BYTES);
	for (size_t i = 0; i < 8; i++) {
		if (i == 5)
			continue;	/* any lane number */
		memcpy(b, lane, sizeof(lane));
		b[i] ^= 0x20;
		assert_true(kr_preamble_parse(b, sizeof(lane), &p, NULL) < 0);
	}
	memcpy(b, lane, sizeof(lane));
	b[4] = 2;
	assert_true(kr_preamble_parse(b, sizeof(lane), &p, &e) < 0);
	assert_int_equal(e.kr, KR_E_VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_frame),
		cmocka_unit_test(every_truncation_waits_for_more),
		cmocka_unit_test(what_follows_is_left_alone),
		cmocka_unit_test(limits),
		cmocka_unit_test(largest_and_empty_body),
		cmocka_unit_test(golden_preamble),
		cmocka_unit_test(other_preambles_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
