/* SPDX-License-Identifier: Apache-2.0 */
/* test_cursor.c - the bounded cursors refuse what is not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cursor.h"
#include "base/fd.h"

static void short_read_stays_bad(void **state)
{
	uint8_t b[3] = { 1, 2, 3 };
	struct kr_rd r = KR_RD(b, sizeof(b));

	(void)state;
	assert_int_equal(kr_rd_u16(&r), 0x0102);
	assert_int_equal(kr_rd_u32(&r), 0);
	assert_true(r.bad);
	assert_int_equal(kr_rd_u8(&r), 0);
	assert_false(kr_rd_done(&r));
}

static void both_orders_of_bytes(void **state)
{
	uint8_t b[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct kr_rd r = KR_RD(b, sizeof(b));

	(void)state;
	assert_int_equal(kr_rd_le(&r, 2), 0x0201);
	assert_int_equal(kr_rd_u16(&r), 0x0304);
	assert_int_equal(kr_rd_le(&r, 4), 0x08070605);
	assert_true(kr_rd_done(&r));
	assert_int_equal(kr_rd_le(&r, 1), 0);
	assert_true(r.bad);
}

static void strings_are_bounded(void **state)
{
	uint8_t b[32];
	struct kr_wr w = KR_WR(b, sizeof(b));
	struct kr_rd r;
	char out[6];

	(void)state;
	kr_wr_str(&w, "hello");
	r = KR_RD(b, kr_wr_len(&w));
	kr_rd_str(&r, out, sizeof(out));
	assert_true(kr_rd_done(&r));
	assert_string_equal(out, "hello");
	r = KR_RD(b, kr_wr_len(&w));
	kr_rd_str(&r, out, 5);
	assert_true(r.bad);
	b[3] = 0;
	r = KR_RD(b, kr_wr_len(&w));
	kr_rd_str(&r, out, sizeof(out));
	assert_true(r.bad);
}

static void full_writer_stays_bad(void **state)
{
	uint8_t b[4];
	struct kr_wr w = KR_WR(b, sizeof(b));

	(void)state;
	kr_wr_u16(&w, 7);
	kr_wr_u32(&w, 7);
	assert_true(w.bad);
	kr_wr_u8(&w, 7);
	assert_true(w.bad);
	assert_int_equal(kr_wr_len(&w), 2);
}

static void digits_of_a_beginning(void **state)
{
	static const uint8_t id[3] = { 0x0a, 0xb1, 0x2f };
	static const char *const begins[] = { "", "0", "0a", "0ab",
					      "0ab12f" };
	static const char *const not[] = { "1", "a", "0A", "0ac", "0ab12f0",
					   "0ab12e", "0 ", "x" };

	(void)state;
	for (unsigned int i = 0; i < 5; i++)
		assert_true(kr_hex_begins(id, sizeof(id), begins[i]));
	for (unsigned int i = 0; i < 8; i++)
		assert_false(kr_hex_begins(id, sizeof(id), not[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_read_stays_bad),
		cmocka_unit_test(both_orders_of_bytes),
		cmocka_unit_test(strings_are_bounded),
		cmocka_unit_test(full_writer_stays_bad),
		cmocka_unit_test(digits_of_a_beginning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
