/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_piecesha.c - whatever the pieces, the digest is that of all of them in
 * a row.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "plane/piecesha.h"

#define HELD	sizeof(((struct kr_piecesha *)0)->held)
#define BYTES	(64u * HELD)

static uint8_t data[BYTES];

static EVP_MD_CTX *begin(struct kr_piecesha *s)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	assert_non_null(ctx);
	assert_int_equal(EVP_DigestInit_ex2(ctx, EVP_sha256(), NULL), 1);
	kr_piecesha_init(s, ctx);
	return ctx;
}

static void check(struct kr_piecesha *s, EVP_MD_CTX *ctx, size_t n)
{
	uint8_t is[32], should[32];

	assert_true(kr_piecesha_flush(s));
	assert_int_equal(EVP_DigestFinal_ex(ctx, is, NULL), 1);
	assert_int_equal(EVP_Digest(data, n, should, NULL, EVP_sha256(),
				    NULL), 1);
	assert_memory_equal(is, should, sizeof(is));
	EVP_MD_CTX_free(ctx);
}

/* In pairs, so that each size comes after something was held, too. */
static void sizes(void **state)
{
	static const size_t n[] = {
		0, 1, 8, HELD - 1, HELD, HELD + 1, 2 * HELD, 5 * HELD + 3,
	};

	(void)state;
	for (size_t a = 0; a < sizeof(n) / sizeof(n[0]); a++)
		for (size_t b = 0; b < sizeof(n) / sizeof(n[0]); b++) {
			struct kr_piecesha s;
			EVP_MD_CTX *ctx = begin(&s);

			kr_piecesha_add(&s, data, n[a]);
			kr_piecesha_add(&s, data + n[a], n[b]);
			kr_piecesha_add(&s, data + n[a] + n[b], 8);
			check(&s, ctx, n[a] + n[b] + 8);
		}
}

static void many(void **state)
{
	struct kr_piecesha s;
	EVP_MD_CTX *ctx = begin(&s);
	size_t at = 0;

	(void)state;
	for (size_t n = 0; at + n <= BYTES; n = (n * 7 + 5) % 211) {
		kr_piecesha_add(&s, data + at, n);
		at += n;
	}
	assert_true(at > BYTES - 211);
	check(&s, ctx, at);
}

/* After a flush it goes on. */
static void flushed(void **state)
{
	struct kr_piecesha s;
	EVP_MD_CTX *ctx = begin(&s);

	(void)state;
	kr_piecesha_add(&s, data, 100);
	assert_true(kr_piecesha_flush(&s));
	assert_true(kr_piecesha_flush(&s));
	kr_piecesha_add(&s, data + 100, 100);
	check(&s, ctx, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(many),
		cmocka_unit_test(flushed),
	};

	for (size_t i = 0; i < BYTES; i++)
		data[i] = (uint8_t)(i * 31 + i / 251);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
