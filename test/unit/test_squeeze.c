/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_squeeze.c - every method gives back what it was given, batch after
 * batch on one context, and takes nothing that is not exactly that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "plane/batch.h"
#include "plane/squeeze.h"

#define MAX	KR_BATCH_BODY_MAX
#define GUARD	64u

static const enum kr_squeeze_method methods[] = {
	KR_SQUEEZE_LZ4, KR_SQUEEZE_ZSTD_1, KR_SQUEEZE_ZSTD_3,
	KR_SQUEEZE_ZSTD_9,
};
#define N_METHODS	(sizeof(methods) / sizeof(methods[0]))

static uint8_t in[MAX], back[MAX + GUARD];
static uint8_t *out;			/* kr_squeeze_bound(MAX) + GUARD */
static uint32_t seed = 1;

static uint8_t random_byte(void)
{
	seed = seed * 1664525 + 1013904223;
	return (uint8_t)(seed >> 24);
}

enum kind { ZEROES, TEXT, RANDOM, MIXED, KIND_N };

static void fill(enum kind kind, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool random = kind == RANDOM ||
			      (kind == MIXED && i / 4096 % 2);

		in[i] = kind == ZEROES ? 0 : random ? random_byte() :
			(uint8_t)("some words of text "[i % 19] +
				  (i % 509 == 0));
	}
}

static struct kr_squeeze *new_squeeze(void)
{
	struct kr_squeeze *s = NULL;

	assert_int_equal(kr_squeeze_new(&s, NULL), 0);
	return s;
}

/* in[0..n) there; nothing is written beyond what the bound allows. */
static size_t forward(struct kr_squeeze *s, enum kr_squeeze_method m, size_t n)
{
	size_t bound = kr_squeeze_bound(n);
	struct kr_err e = KR_ERR_NONE;
	long k;

	memset(out + bound, 0xa5, GUARD);
	k = kr_squeeze_forward(s, m, in, n, out, &e);
	assert_true(k > 0);
	assert_true((size_t)k <= bound);
	for (size_t i = 0; i < GUARD; i++)
		assert_int_equal(out[bound + i], 0xa5);
	return (size_t)k;
}

/* Exact buffers on the heap, so that a byte too far is caught. */
static int reverse(struct kr_squeeze *s, enum kr_squeeze_method m,
		   const uint8_t *p, size_t n, size_t n_out, struct kr_err *e)
{
	uint8_t *from = malloc(n ? n : 1), *to = malloc(n_out ? n_out : 1);
	int r;

	memcpy(from, p, n);
	r = kr_squeeze_reverse(s, m, from, n, to, n_out, e);
	if (!r)
		memcpy(back, to, n_out);
	free(from);
	free(to);
	return r;
}

static void round_trip(struct kr_squeeze *a, struct kr_squeeze *b,
		       enum kr_squeeze_method m, size_t n)
{
	size_t k = forward(a, m, n);

	assert_int_equal(reverse(b, m, out, k, n, NULL), 0);
	assert_memory_equal(back, in, n);
}

static void batch_after_batch(void **state)
{
	static const size_t sizes[] = { 1, 2, 13, 4096, 65536, 100001, 131071,
					131072, 131073, 262144, MAX };

	(void)state;
	for (size_t i = 0; i < N_METHODS; i++) {
		struct kr_squeeze *a = new_squeeze(), *b = new_squeeze();

		for (unsigned int k = 0; k < 60; k++) {
			size_t n = sizes[k * 7 % (sizeof(sizes) /
						  sizeof(sizes[0]))];

			fill((enum kind)(k % KIND_N), n);
			round_trip(a, b, methods[i], n);
		}
		kr_squeeze_free(a);
		kr_squeeze_free(b);
	}
}

/* A lane's batches change their method as the link changes. */
static void methods_in_turn(void **state)
{
	struct kr_squeeze *a = new_squeeze(), *b = new_squeeze();

	(void)state;
	for (unsigned int k = 0; k < 120; k++) {
		fill((enum kind)(k % KIND_N), 40000 + k);
		round_trip(a, b, methods[k * 13 % N_METHODS], 40000 + k);
	}
	kr_squeeze_free(a);
	kr_squeeze_free(b);
}

/* zstd goes on: random bytes that came within its window need not again. */
static void what_came_before(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_METHODS; i++) {
		struct kr_squeeze *a = new_squeeze(), *b = new_squeeze();
		size_t first, again;

		fill(RANDOM, 60000);
		first = forward(a, methods[i], 60000);
		assert_true(first >= 60000);
		assert_int_equal(reverse(b, methods[i], out, first, 60000,
					 NULL), 0);
		again = forward(a, methods[i], 60000);
		assert_int_equal(reverse(b, methods[i], out, again, 60000,
					 NULL), 0);
		assert_memory_equal(back, in, 60000);
		if (methods[i] == KR_SQUEEZE_LZ4)
			assert_int_equal(again, first);
		else
			assert_true(again < 6000);
		kr_squeeze_free(a);
		kr_squeeze_free(b);
	}
}

static void expect_refused(const uint8_t *p, size_t n, size_t n_out,
			   enum kr_squeeze_method m)
{
	struct kr_squeeze *s = new_squeeze();
	struct kr_err e = KR_ERR_NONE;

	if (reverse(s, m, p, n, n_out, &e) >= 0)
		fail_msg("%s: %zu bytes taken for %zu", kr_squeeze_name(m), n,
			 n_out);
	assert_int_equal(e.kr, KR_E_LANE_MALFORMED);
	kr_squeeze_free(s);
}

/* It says another size than it has, by a byte or by a lot. */
static void another_size(void **state)
{
	static const size_t n = 200000;

	(void)state;
	for (size_t i = 0; i < N_METHODS; i++)
		for (int kind = 0; kind < KIND_N; kind++) {
			struct kr_squeeze *s = new_squeeze();
			size_t k;

			fill((enum kind)kind, n);
			k = forward(s, methods[i], n);
			expect_refused(out, k, n + 1, methods[i]);
			expect_refused(out, k, MAX, methods[i]);
			expect_refused(out, k, n / 2, methods[i]);
			expect_refused(out, k, 1, methods[i]);
			expect_refused(out, k, n - 1, methods[i]);
			expect_refused(out, k, 131072, methods[i]);
			kr_squeeze_free(s);
		}
}

static void cut_short(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_METHODS; i++) {
		struct kr_squeeze *s = new_squeeze();
		size_t k;

		fill(MIXED, 30000);
		k = forward(s, methods[i], 30000);
		for (size_t n = 0; n < k; n += n < 64 || k - n < 64 ? 1 : 997)
			expect_refused(out, n, 30000, methods[i]);
		/* to zstd that is the beginning of what comes next */
		out[k] = 0;
		if (methods[i] == KR_SQUEEZE_LZ4)
			expect_refused(out, k + 1, 30000, methods[i]);
		kr_squeeze_free(s);
	}
}

/* A gigabyte of zeroes in some ten thousand bytes. */
static void bomb(void **state)
{
	static uint8_t zeroes[1 << 20], b[1 << 20];
	ZSTD_CCtx *c = ZSTD_createCCtx();
	ZSTD_outBuffer o = { b, sizeof(b), 0 };

	(void)state;
	ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, KR_SQUEEZE_WINDOW_LOG);
	for (int i = 0; i < 1024; i++) {
		ZSTD_inBuffer x = { zeroes, sizeof(zeroes), 0 };

		assert_int_equal(ZSTD_compressStream2(c, &o, &x,
						      ZSTD_e_flush), 0);
	}
	ZSTD_freeCCtx(c);
	assert_true(o.pos < 200000);
	expect_refused(b, o.pos, MAX, KR_SQUEEZE_ZSTD_1);
	expect_refused(b, o.pos, 1, KR_SQUEEZE_ZSTD_9);
	/* lz4's longest match run */
	memset(b, 0xff, 4096);
	memcpy(b, "\x1f" "a\1\0", 4);
	expect_refused(b, 4096, 4096, KR_SQUEEZE_LZ4);
	expect_refused(b, 4096, MAX, KR_SQUEEZE_LZ4);
}

/* A frame that wants more memory for its window than we give. */
static void wide_window(void **state)
{
	static uint8_t b[1 << 20];
	ZSTD_CCtx *c = ZSTD_createCCtx();
	ZSTD_outBuffer o = { b, sizeof(b), 0 };
	ZSTD_inBuffer x = { in, 100000, 0 };

	(void)state;
	fill(TEXT, 100000);
	ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, KR_SQUEEZE_WINDOW_LOG + 1);
	assert_int_equal(ZSTD_compressStream2(c, &o, &x, ZSTD_e_flush), 0);
	ZSTD_freeCCtx(c);
	expect_refused(b, o.pos, 100000, KR_SQUEEZE_ZSTD_3);
}

static void garbage(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_METHODS; i++)
		for (size_t n = 0; n < 3000; n += 1 + n / 9) {
			fill(RANDOM, n);
			expect_refused(in, n, 4096, methods[i]);
			fill(ZEROES, n);
			expect_refused(in, n, 4096, methods[i]);
		}
}

/* A flipped bit is refused or gives other bytes, but never too many. */
static void flipped(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_METHODS; i++) {
		struct kr_squeeze *s = new_squeeze();
		size_t k;

		fill(TEXT, 20000);
		k = forward(s, methods[i], 20000);
		for (size_t at = 0; at < k; at++) {
			struct kr_squeeze *d = new_squeeze();

			out[at] ^= 0x10;
			reverse(d, methods[i], out, k, 20000, NULL);
			out[at] ^= 0x10;
			kr_squeeze_free(d);
		}
		kr_squeeze_free(s);
	}
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(kr_squeeze_name(KR_SQUEEZE_NONE), "none");
	assert_string_equal(kr_squeeze_name(KR_SQUEEZE_ZSTD_9), "zstd-9");
	kr_squeeze_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(batch_after_batch),
		cmocka_unit_test(methods_in_turn),
		cmocka_unit_test(what_came_before),
		cmocka_unit_test(another_size),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(bomb),
		cmocka_unit_test(wide_window),
		cmocka_unit_test(garbage),
		cmocka_unit_test(flipped),
		cmocka_unit_test(names),
	};

	out = malloc(kr_squeeze_bound(MAX) + GUARD);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
