/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_manysha.c - whichever library hashes, and however many messages are in
 * flight, the digests are OpenSSL's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "plane/manysha.h"

#define SIZES	5001u
#define D	KR_MANYSHA_BYTES

static uint8_t data[SIZES + 64];
static uint8_t got[SIZES][D];

static void expect(const uint8_t *p, size_t n, const uint8_t out[D])
{
	uint8_t want[D];

	assert_int_equal(EVP_Digest(p, n, want, NULL, EVP_sha256(), NULL), 1);
	if (memcmp(out, want, D))
		fail_msg("wrong digest of %zu bytes", n);
}

static void fill_data(void)
{
	srand(1);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(rand() >> 4);
}

static struct kr_manysha *new_hash(bool one_by_one)
{
	struct kr_err e = KR_ERR_NONE;
	struct kr_manysha *h = NULL;

	assert_int_equal(kr_manysha_new(one_by_one, &h, &e), 0);
	print_message("%s\n", kr_manysha_name(h));
	return h;
}

/* Sizes from @from on, @burst in flight; each at another alignment. */
static void all_sizes(struct kr_manysha *h, size_t from, size_t burst)
{
	memset(got, 0, sizeof(got));
	for (size_t i = from; i < SIZES; i += burst) {
		size_t end = i + burst < SIZES ? i + burst : SIZES;

		for (size_t n = i; n < end; n++)
			kr_manysha_add(h, data + n % 61, n, got[n]);
		assert_int_equal(kr_manysha_flush(h, NULL), 0);
		for (size_t n = i; n < end; n++)
			expect(data + n % 61, n, got[n]);
	}
}

static void every_size(bool one_by_one)
{
	struct kr_manysha *h = new_hash(one_by_one);

	fill_data();
	all_sizes(h, 0, 1);
	all_sizes(h, 0, 7);
	all_sizes(h, 0, 64);
	all_sizes(h, 0, SIZES);
	kr_manysha_free(h);
}

static void many_at_once(void **state)
{
	(void)state;
	every_size(false);
}

static void one_by_one(void **state)
{
	struct kr_manysha *h = new_hash(true);

	(void)state;
	assert_string_equal(kr_manysha_name(h), "OpenSSL");
	kr_manysha_free(h);
	every_size(true);
}

/* As a batch does it: pages, as many as there are. */
static void pages_in_flight(void **state)
{
	const size_t n = 1024;
	uint8_t *pages = malloc(n * 4096);
	struct kr_manysha *h = new_hash(false);

	(void)state;
	for (size_t i = 0; i < n * 4096; i++)
		pages[i] = (uint8_t)(i * 2654435761u >> 24);
	for (int round = 0; round < 3; round++) {
		memset(got, 0, sizeof(got));
		for (size_t i = 0; i < n; i++)
			kr_manysha_add(h, pages + i * 4096, 4096, got[i]);
		assert_int_equal(kr_manysha_flush(h, NULL), 0);
		for (size_t i = 0; i < n; i++)
			expect(pages + i * 4096, 4096, got[i]);
	}
	kr_manysha_free(h);
	free(pages);
}

static void nothing_to_flush(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct kr_manysha *h = new_hash(i);

		assert_int_equal(kr_manysha_flush(h, NULL), 0);
		assert_int_equal(kr_manysha_flush(h, NULL), 0);
		kr_manysha_add(h, data, 10, got[0]);
		assert_int_equal(kr_manysha_flush(h, NULL), 0);
		expect(data, 10, got[0]);
		assert_int_equal(kr_manysha_flush(h, NULL), 0);
		kr_manysha_free(h);
	}
	kr_manysha_free(NULL);
}

/* Another thread's hashing is none of ours: two at once, interleaved. */
static void two_beside_each_other(void **state)
{
	struct kr_manysha *a = new_hash(false), *b = new_hash(false);

	(void)state;
	fill_data();
	for (size_t n = 0; n < 200; n += 2) {
		kr_manysha_add(a, data, n, got[n]);
		kr_manysha_add(b, data, n + 1, got[n + 1]);
	}
	assert_int_equal(kr_manysha_flush(b, NULL), 0);
	assert_int_equal(kr_manysha_flush(a, NULL), 0);
	for (size_t n = 0; n < 200; n++)
		expect(data, n, got[n]);
	kr_manysha_free(a);
	kr_manysha_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_at_once),
		cmocka_unit_test(one_by_one),
		cmocka_unit_test(pages_in_flight),
		cmocka_unit_test(nothing_to_flush),
		cmocka_unit_test(two_beside_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
