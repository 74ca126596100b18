/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_retained.c - what the peer may not have got when lanes broke: batches
 * until they are taken, in a ring, and the newest bytes of the return path.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "plane/backpath.h"
#include "plane/retained.h"

#define LIMIT	(64u * 1024)

static struct kr_retained *r;
static uint64_t totals[2];	/* of each lane */

static int open_it(void **state)
{
	(void)state;
	memset(totals, 0, sizeof(totals));
	return kr_retained_new(LIMIT, &r, NULL);
}

static int close_it(void **state)
{
	(void)state;
	kr_retained_free(r);
	return 0;
}

/* A batch's body is its ticket all over; the stretch was twice as long. */
static void keep(uint8_t lane, uint64_t ticket, size_t n)
{
	static uint8_t body[LIMIT];
	struct kr_batch_head h = { .ticket = ticket,
				   .n_raw = (uint32_t)(2 * n),
				   .n_body = (uint32_t)n };

	memset(body, (int)ticket, n);
	totals[lane] += h.n_raw;
	kr_retained_keep(r, lane, totals[lane], &h, body);
}

static void expect_again(uint64_t ticket, size_t n)
{
	static uint8_t out[LIMIT];
	struct kr_batch_head h;

	assert_true(kr_retained_again(r, 0, totals[0], &h, out));
	totals[0] += h.n_raw;
	assert_int_equal(h.ticket, ticket);
	assert_int_equal(h.n_body, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(out[i], (uint8_t)ticket);
}

static void expect_no_more(void)
{
	static uint8_t out[LIMIT];
	struct kr_batch_head h;

	assert_false(kr_retained_again(r, 0, totals[0], &h, out));
}

static void new_lanes(void)
{
	memset(totals, 0, sizeof(totals));
}

static void what_is_not_taken(void **state)
{
	(void)state;
	expect_no_more();
	for (uint64_t t = 5; t < 10; t++)
		keep(t % 2, t, 100 * t);
	kr_retained_taken(r, 1, 2 * 500);	/* 5 */
	kr_retained_taken(r, 0, 2 * 600);	/* 6 */
	assert_int_equal(kr_retained_rewind(r, 7, 10, NULL), 0);
	new_lanes();
	for (uint64_t t = 7; t < 10; t++)
		expect_again(t, 100 * t);
	expect_no_more();
	/* and once more, since these lanes broke, too */
	assert_int_equal(kr_retained_rewind(r, 8, 10, NULL), 0);
	new_lanes();
	expect_again(8, 800);
	kr_retained_taken(r, 0, 2 * 800);
	keep(1, 10, 30);
	assert_int_equal(kr_retained_rewind(r, 9, 11, NULL), 0);
	new_lanes();
	expect_again(9, 900);
	expect_again(10, 30);
	expect_no_more();
}

/* Acknowledged out of order, as lanes are: none is dropped too early. */
static void in_the_order_of_tickets(void **state)
{
	(void)state;
	keep(0, 0, 1000);
	keep(1, 1, 1000);
	kr_retained_taken(r, 1, 2000);
	assert_int_equal(kr_retained_rewind(r, 0, 2, NULL), 0);
	new_lanes();
	expect_again(0, 1000);
	expect_again(1, 1000);
}

static void positions_that_cannot_be(void **state)
{
	static const uint64_t bad[] = { 0, 2, 7, UINT64_MAX };

	(void)state;
	for (uint64_t t = 3; t < 6; t++)
		keep(0, t, 100);
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct kr_err e = KR_ERR_NONE;

		assert_true(kr_retained_rewind(r, bad[i], 6, &e) < 0);
		assert_int_equal(e.kr, KR_E_LANE_LOST);
	}
	assert_int_equal(kr_retained_rewind(r, 6, 6, NULL), 0);
	expect_no_more();
}

/* A batch that finds no room is missing, until it is taken. */
static void too_much(void **state)
{
	(void)state;
	for (uint64_t t = 0; t < 8; t++)
		keep(0, t, LIMIT / 7);
	assert_true(kr_retained_rewind(r, 0, 8, NULL) < 0);
	assert_true(kr_retained_rewind(r, 5, 8, NULL) < 0);
	new_lanes();
	assert_int_equal(kr_retained_rewind(r, 8, 8, NULL), 0);
	keep(0, 8, LIMIT / 2);
	assert_int_equal(kr_retained_rewind(r, 8, 9, NULL), 0);
	expect_again(8, LIMIT / 2);
}

/* Many times round, with what is kept behind in a queue. */
static void round_the_ring(void **state)
{
	uint64_t first = 0, sizes[64], taken = 0;
	size_t bytes = 0;

	(void)state;
	srand(7);
	for (uint64_t t = 0; t < 20000; t++) {
		size_t n = (size_t)rand() % 5000;

		while (t - first == 60 || bytes + n > LIMIT / 2) {
			taken += 2 * sizes[first % 64];
			bytes -= sizes[first++ % 64];
			kr_retained_taken(r, 0, taken);
		}
		sizes[t % 64] = n;
		bytes += n;
		keep(0, t, n);
		if (t % 97)
			continue;
		assert_int_equal(kr_retained_rewind(r, first, t + 1, NULL), 0);
		new_lanes();
		taken = 0;
		for (uint64_t k = first; k <= t; k++)
			expect_again(k, sizes[k % 64]);
		expect_no_more();
	}
}

static void the_return_path(void **state)
{
	static struct kr_backpath b;
	static uint8_t in[1000], out[KR_BACKPATH_BYTES];
	struct kr_err e = KR_ERR_NONE;
	uint64_t n_read = 0;

	(void)state;
	assert_int_equal(kr_backpath_again(&b, out, sizeof(out)), 0);
	for (unsigned int i = 0; i < 1000; i++) {
		for (unsigned int k = 0; k < sizeof(in); k++)
			in[k] = (uint8_t)((n_read + k) * 31 >> 3);
		kr_backpath_read(&b, in, sizeof(in));
		n_read += sizeof(in);
	}
	assert_int_equal(kr_backpath_again(&b, out, sizeof(out)), 0);
	assert_true(kr_backpath_rewind(&b, n_read + 1, &e) < 0);
	assert_int_equal(e.kr, KR_E_LANE_MALFORMED);
	e = KR_ERR_NONE;
	assert_true(kr_backpath_rewind(&b, n_read - KR_BACKPATH_BYTES - 1,
				       &e) < 0);
	assert_int_equal(e.kr, KR_E_LANE_LOST);
	assert_int_equal(kr_backpath_rewind(&b, n_read - KR_BACKPATH_BYTES,
					    NULL), 0);
	assert_int_equal(kr_backpath_again(&b, out, 7), 7);
	assert_int_equal(kr_backpath_again(&b, out + 7, sizeof(out)),
			 KR_BACKPATH_BYTES - 7);
	for (unsigned int k = 0; k < KR_BACKPATH_BYTES; k++)
		assert_int_equal(out[k], (uint8_t)((n_read -
						    KR_BACKPATH_BYTES + k) *
						   31 >> 3));
	assert_int_equal(kr_backpath_again(&b, out, sizeof(out)), 0);
	assert_int_equal(kr_backpath_rewind(&b, n_read, NULL), 0);
	assert_int_equal(kr_backpath_again(&b, out, sizeof(out)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_not_taken, open_it,
						close_it),
		cmocka_unit_test_setup_teardown(in_the_order_of_tickets,
						open_it, close_it),
		cmocka_unit_test_setup_teardown(positions_that_cannot_be,
						open_it, close_it),
		cmocka_unit_test_setup_teardown(too_much, open_it, close_it),
		cmocka_unit_test_setup_teardown(round_the_ring, open_it,
						close_it),
		cmocka_unit_test(the_return_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
