/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_plane_hostile.c - a source that has the key and lies: it sends a real
 * destination agent batches that are not what they say. Each must end with
 * KR_E_LANE_MALFORMED, with little memory, and never hang; batches that merely
 * come in another order on other lanes must arrive.
 */
#include "plane_liar.h"

#include <zstd.h>

#include "plane/squeeze.h"

/* ---- lies -------------------------------------------------------------- */

static void content_that_never_came(void **state)
{
	struct batch *b;

	(void)state;
	add_first(0);
	b = add(0, 1);
	ref(b, 8, KR_REF_SAME, 2);
	put_record(&b->w, 2);
	seal(b, 8 + PAGE);
	expect_malformed();
}

static void slot_beyond_the_store(void **state)
{
	struct batch *b;

	(void)state;
	add_first(0);
	b = add(0, 1);
	ref(b, 8, KR_REF_SAME, UINT32_MAX);
	put_record(&b->w, 2);
	seal(b, 8 + PAGE);
	expect_malformed();
}

static void difference_to_nothing(void **state)
{
	struct batch *b;

	(void)state;
	add_first(0);
	b = add(0, 1);
	ref(b, 8, KR_REF_DELTA, 5);
	put_page(b, 2, 0);
	seal(b, 8 + PAGE);
	expect_malformed();
}

static void cache_that_is_not_there(void **state)
{
	struct batch *b;

	(void)state;
	add_first(0);
	b = add(0, 1);
	ref(b, 8, KR_REF_CACHED, 0);
	put_record(&b->w, 2);
	seal(b, 8 + PAGE);
	expect_malformed();
}

/* Two pages are in the cache; asked for are others, or one for another. */
static void cache_that_holds_others(void **state)
{
	static const struct { uint32_t slot; enum kr_code code; } rows[] = {
		{ 0, KR_E_ROOT_DIFFERS }, { 1, KR_E_ROOT_DIFFERS },
		{ 2, KR_E_LANE_MALFORMED }, { 15, KR_E_LANE_MALFORMED },
		{ 16, KR_E_LANE_MALFORMED },
		{ UINT32_MAX, KR_E_LANE_MALFORMED },
	};
	uint8_t key[KR_PAGECACHE_KEY_BYTES], page[PAGE], digest[32];
	struct kr_pagecache *c = NULL;

	stand_cache_key(key);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct batch *b;

		begin(state);
		stand_make_caches(16);
		assert_int_equal(kr_pagecache_open(open(stand_caches[DST],
							O_RDWR),
						   key, 16,
						   KR_PAGECACHE_FILL, &c,
						   NULL),
				 0);
		for (uint8_t k = 'p'; k < 'r'; k++) {
			memset(page, k, PAGE);
			EVP_Digest(page, PAGE, digest, NULL, EVP_sha256(),
				   NULL);
			kr_pagecache_put(c, page, digest);
		}
		kr_pagecache_close(c);
		add_first(0);
		b = add(0, 1);
		ref(b, 8, KR_REF_CACHED, rows[i].slot);
		put_record(&b->w, 2);
		seal(b, 8 + PAGE);
		expect_failure(rows[i].code);
		stand_remove_caches();
	}
}

/* Bodies and stretches of other sizes than said; one lie a run. */
static void wrong_sizes(void **state)
{
	static const struct { uint32_t n_raw, n_body; } rows[] = {
		{ 8 + PAGE, 8 + PAGE - 1 }, { 8 + PAGE, 8 + PAGE + 1 },
		{ 8 + PAGE + 1, 8 + PAGE + 1 }, { 8 + PAGE - 1, 8 + PAGE - 1 },
		{ KR_BATCH_RAW_MAX, KR_BATCH_RAW_MAX },
		{ KR_BATCH_RAW_MAX + 1, KR_BATCH_RAW_MAX + 1 },
		{ UINT32_MAX, UINT32_MAX }, { 1, 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (uint8_t m = 0; m <= KR_SQUEEZE_N; m++) {
			struct batch *b;

			begin(state);
			add_first(0);
			b = add(0, 1);
			put_page(b, 2, 'c');
			b->h.n_body = rows[i].n_body;
			b->h.method = m;
			seal(b, rows[i].n_raw);
			expect_malformed();
		}
}

/* Bytes that are no head, or one that is cut. */
static void no_head(void **state)
{
	for (size_t n = 1; n < KR_BATCH_HEAD_BYTES; n += 5) {
		struct batch *b;

		begin(state);
		add_first(0);
		b = seal(add(0, 1), 1);
		b->w.p = b->b + n;
		expect_malformed();
	}
}

static void repeated_ticket(void **state)
{
	(void)state;
	add_first(0);
	add_honest(0, 1);
	add_honest(0, 1);
	expect_malformed();
}

/* At the same time, if it so happens: one turn is not for two lanes. */
static void repeated_on_another_lane(void **state)
{
	for (unsigned int k = 0; k < 20; k++) {
		begin(state);
		add_first(0);
		for (unsigned int i = 1; i < 4; i++)
			add_honest(i, 1);
		expect_malformed();
	}
}

static void skipped_ticket(void **state)
{
	(void)state;
	add_first(0);
	add_honest(0, 2);
	expect_malformed();
}

/* 3 is missing for ever: the other lanes end, or all wait for it. */
static void missing_on_three_lanes(void **state)
{
	(void)state;
	add_first(0);
	add_honest(1, 1);
	add_honest(2, 2);
	add_honest(0, 4);
	expect_malformed();
}

static void all_wait(void **state)
{
	(void)state;
	add_first(0);
	add_honest(0, 4);
	add_honest(1, 5);
	add_honest(2, 6);
	for (int i = 0; i < 3; i++)
		script.lanes[i].no_end = true;
	expect_malformed();
}

static void last_ticket_there_is(void **state)
{
	(void)state;
	add_first(0);
	add_honest(0, UINT64_MAX);
	expect_malformed();
}

/* Zeroes without end in a few bytes, said to be one stretch. */
static void bomb(void **state)
{
	static uint8_t zeroes[1 << 20];

	for (uint8_t m = KR_SQUEEZE_ZSTD_1; m < KR_SQUEEZE_N; m++) {
		ZSTD_CCtx *c = ZSTD_createCCtx();
		ZSTD_outBuffer o;
		struct batch *b;

		begin(state);
		add_first(0);
		b = add(0, 1);
		o = (ZSTD_outBuffer){ b->w.p, 200000, 0 };
		ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog,
				       KR_SQUEEZE_WINDOW_LOG);
		for (int i = 0; i < 512; i++) {
			ZSTD_inBuffer x = { zeroes, sizeof(zeroes), 0 };

			assert_int_equal(ZSTD_compressStream2(
				c, &o, &x, ZSTD_e_flush), 0);
		}
		ZSTD_freeCCtx(c);
		kr_wr_room(&b->w, o.pos);
		b->h.method = m;
		b->h.n_body = KR_BATCH_RAW_MAX;
		seal(b, KR_BATCH_RAW_MAX);
		expect_malformed();
	}
}

/* The stretch ends inside a page: only the last one may. */
static void after_a_cut(void **state)
{
	struct batch *b;

	(void)state;
	add_first(0);
	b = add(0, 1);
	put_record(&b->w, 2);
	seal(b, 8);
	b = add(0, 2);
	put_record(&b->w, 2);
	kr_wr_bytes(&b->w, "some", 4);
	seal(b, 8 + 4);
	add_honest(0, 3);
	expect_malformed();
}

/* Of what is not as it was sealed, the hypervisor gets nothing. */
static void forged_seal(void **state)
{
	for (unsigned int kind = 0; kind < 3; kind++) {
		uint32_t n_first;
		struct batch *b;

		begin(state);
		add_first(0);
		n_first = script.lanes[0].batches[0].h.n_raw;
		b = add(0, 1);
		b->forged = kind == 0;
		put_page(b, 2, 'c');
		put_page(b, 3, 'd');
		seal(b, 2 * (8 + PAGE));
		/* a byte of a page, and one that is in none */
		if (kind)
			b->b[KR_BATCH_HEAD_BYTES + (kind == 1 ? 99 : 6)] ^= 16;
		add_honest(0, 2);
		expect_failure(KR_E_ROOT_DIFFERS);
		assert_int_equal(drained->n_bytes, n_first);
	}
}

/* ---- and the truth ----------------------------------------------------- */

static EVP_MD_CTX *want;		/* of the stretches, in order */

static void put_down(const struct batch *b)
{
	EVP_DigestUpdate(want, b->b + KR_BATCH_HEAD_BYTES,
			 kr_wr_len(&b->w) - KR_BATCH_HEAD_BYTES);
}

/* Tickets ascend on each lane, and that is all the order there is. */
static void any_order_over_lanes(void **state)
{
	uint8_t digest[32];
	struct side *d = &stand.side[DST];

	(void)state;
	want = EVP_MD_CTX_new();
	EVP_DigestInit_ex(want, EVP_sha256(), NULL);
	add_first(3);
	put_down(&script.lanes[3].batches[0]);
	srand(3);
	for (uint64_t t = 1; t < 100; t++) {
		unsigned int i = (unsigned int)rand() % LANES_MAX;

		if (script.lanes[i].n < BATCHES_MAX)
			put_down(add_honest(i, t));
		else
			t--;
	}
	EVP_DigestFinal_ex(want, digest, NULL);
	EVP_MD_CTX_free(want);
	set_out();
	assert_true(stand_await(is_decided));
	if (!d->has_manifest)
		fail_msg("%d: %s", d->fail.kr, d->fail.what);
	assert_int_equal(d->manifest.n_pages, 2 + 1 + 99 * 2);
	clear_away();
	assert_int_equal(drained->n_bytes, d->manifest.stream_bytes);
	assert_memory_equal(drained->digest, digest, 32);
}

#define TEST(name)	cmocka_unit_test_setup(name, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(any_order_over_lanes),
		TEST(content_that_never_came),
		TEST(slot_beyond_the_store),
		TEST(difference_to_nothing),
		TEST(cache_that_is_not_there),
		TEST(cache_that_holds_others),
		TEST(wrong_sizes),
		TEST(no_head),
		TEST(repeated_ticket),
		TEST(repeated_on_another_lane),
		TEST(skipped_ticket),
		TEST(missing_on_three_lanes),
		TEST(all_wait),
		TEST(last_ticket_there_is),
		TEST(bomb),
		TEST(after_a_cut),
		TEST(forged_seal),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
