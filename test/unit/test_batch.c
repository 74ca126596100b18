/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_batch.c - whatever a guest writes, the destination has the very bytes
 * and remembers what the source remembers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "plane/batch.h"

#define PAGE	KR_PAGE_BYTES
#define GUEST	90u			/* pages */

static uint8_t guest[GUEST][PAGE];
static uint8_t raw[KR_BATCH_RAW_MAX], body[KR_BATCH_BODY_MAX];
static uint8_t out[KR_BATCH_RAW_MAX];
static struct kr_items items;
static uint8_t digests[KR_ITEMS_MAX][32];
static struct kr_refs refs, got_refs;
static size_t n_raw;
static unsigned int n_same, n_delta;

static uint32_t rnd(void)
{
	static uint32_t x = 2463534242;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

static struct kr_recall *new_store(uint32_t n_slots, bool index)
{
	struct kr_recall *r = NULL;

	assert_int_equal(kr_recall_new(n_slots, index, &r, NULL), 0);
	return r;
}

static void begin(void)
{
	n_raw = 0;
	items.n = 0;
}

static void add_junk(size_t n)
{
	while (n--)
		raw[n_raw++] = (uint8_t)rnd();
}

static void add_page(uint64_t page)
{
	kr_items_page(&items, 0, page, (uint32_t)n_raw);
	memcpy(raw + n_raw, guest[page], PAGE);
	n_raw += PAGE;
}

static void hash(void)
{
	for (unsigned int k = 0; k < items.n; k++)
		if (items.i[k].kind == KR_ITEM_PAGE)
			EVP_Digest(raw + items.i[k].at, PAGE, digests[k],
				   NULL, EVP_sha256(), NULL);
}

static const uint8_t (*all_digests(void))[32]
{
	return (const uint8_t (*)[32])digests;
}

/* The guest writes to one of its pages. */
static void dirty(uint8_t *p)
{
	switch (rnd() % 6) {
	case 0:				/* something new */
		for (size_t i = 0; i < PAGE; i += 4)
			memcpy(p + i, &(uint32_t){ rnd() }, 4);
		break;
	case 1:				/* a copy */
		memmove(p, guest[rnd() % GUEST], PAGE);
		break;
	case 2:				/* too much for a difference */
		for (size_t i = 0; i < PAGE; i += 40 + rnd() % 30)
			p[i]++;
		break;
	case 3:				/* nothing */
		break;
	default:			/* a little */
		for (unsigned int i = rnd() % 20; i; i--)
			p[rnd() % PAGE] = (uint8_t)rnd();
	}
}

/* A random stretch: records of pages, some twice, zero pages, other bytes. */
static void some_stretch(void)
{
	unsigned int n = 1 + rnd() % 30;

	begin();
	add_junk(rnd() % 30);
	for (unsigned int i = 0; i < n; i++) {
		uint64_t page = rnd() % GUEST;

		if (rnd() % 8 == 0) {
			kr_items_fill(&items, 0, page, (uint8_t)rnd());
			add_junk(9);
			continue;
		}
		dirty(guest[page]);
		add_junk(rnd() % 3 * 8);
		add_page(page);
	}
	add_junk(rnd() % 30);
	if (!n_raw)
		add_junk(1);
	hash();
}

/* There and back; both ends remember the same afterwards. */
static void carry(struct kr_recall *src, struct kr_recall *dst, bool delta,
		  bool learn)
{
	struct kr_batch_head h = { .n_raw = (uint32_t)n_raw };
	struct kr_err e = KR_ERR_NONE;
	uint8_t *exact;

	kr_batch_find(src, NULL, raw, &items, all_digests(), delta,
		      &refs);
	h.n_refs = (uint16_t)refs.n;
	h.n_body = (uint32_t)kr_batch_pack(src, raw, n_raw, &refs, body);
	kr_batch_learn(src, raw, &items, &refs, learn, all_digests());
	for (unsigned int k = 0; k < refs.n; k++) {
		n_same += refs.r[k].kind == KR_REF_SAME;
		n_delta += refs.r[k].kind == KR_REF_DELTA;
		assert_true(delta || refs.r[k].kind == KR_REF_SAME);
	}
	exact = malloc(h.n_body);
	memcpy(exact, body, h.n_body);
	memset(out, 0xee, n_raw);
	if (kr_batch_unpack(dst, NULL, &h, exact, out, &got_refs, &e) < 0)
		fail_msg("%s", e.what);
	free(exact);
	assert_memory_equal(out, raw, n_raw);
	assert_int_equal(got_refs.n, refs.n);
	for (unsigned int k = 0; k < refs.n; k++) {
		assert_int_equal(got_refs.r[k].at, refs.r[k].at);
		assert_int_equal(got_refs.r[k].slot, refs.r[k].slot);
		assert_int_equal(got_refs.r[k].kind, refs.r[k].kind);
	}
	kr_batch_learn(dst, out, &items, &got_refs, learn, NULL);
}

static void expect_alike(struct kr_recall *src, struct kr_recall *dst,
			 uint32_t n_slots)
{
	for (uint32_t i = 0; i < n_slots; i++) {
		const uint8_t *a = kr_recall_content(src, i);
		const uint8_t *b = kr_recall_content(dst, i);

		assert_true(!a == !b);
		if (a)
			assert_memory_equal(a, b, PAGE);
	}
}

static void thousands(uint32_t n_slots, unsigned int n_batches, int delta)
{
	struct kr_recall *src = new_store(n_slots, true);
	struct kr_recall *dst = new_store(n_slots, false);

	memset(guest, 0, sizeof(guest));
	n_same = n_delta = 0;
	for (unsigned int i = 0; i < n_batches; i++) {
		some_stretch();
		carry(src, dst, delta < 0 ? rnd() % 2 == 1 : delta > 0,
		      rnd() % 4);
	}
	expect_alike(src, dst, n_slots);
	assert_true(!n_slots || n_same > n_batches);
	assert_true(!n_slots || !delta || n_delta > n_batches / 2);
	kr_recall_free(src);
	kr_recall_free(dst);
}

static void duplicates(void **state)
{
	(void)state;
	thousands(64, 3000, 0);
}

/* More slots than the guest has pages: none is ever given up. */
static void differences(void **state)
{
	(void)state;
	thousands(4000, 300, 1);
}

/* The clock runs, and what the source only looked at must not move it. */
static void differences_in_a_small_store(void **state)
{
	(void)state;
	thousands(64, 3000, 1);
}

static void now_this_now_that(void **state)
{
	(void)state;
	thousands(31, 3000, -1);
}

static void nothing_remembered(void **state)
{
	(void)state;
	thousands(0, 200, 1);
	assert_int_equal(n_same + n_delta, 0);
}

/* A batch larger than the store, with every page in it twice. */
static void store_smaller_than_a_batch(void **state)
{
	(void)state;
	for (uint32_t n_slots = 1; n_slots < 6; n_slots++) {
		struct kr_recall *src = new_store(n_slots, true);
		struct kr_recall *dst = new_store(n_slots, false);

		for (unsigned int i = 0; i < 200; i++) {
			begin();
			for (uint64_t k = 0; k < 40; k++) {
				dirty(guest[k % 20]);
				add_page(k % 20);
			}
			hash();
			carry(src, dst, true, true);
		}
		expect_alike(src, dst, n_slots);
		kr_recall_free(src);
		kr_recall_free(dst);
	}
}

static void fullest(void **state)
{
	struct kr_recall *src = new_store(128, true);
	struct kr_recall *dst = new_store(128, false);

	(void)state;
	assert_int_equal(KR_BATCH_REFS_MAX, 64);
	for (int round = 0; round < 3; round++) {
		begin();
		for (uint64_t k = 0; k < KR_BATCH_REFS_MAX; k++) {
			/* each differs from all others, and a bit from before */
			guest[k][0] = (uint8_t)k;
			guest[k][9] = (uint8_t)(round / 2);
			add_page(k);
		}
		hash();
		carry(src, dst, true, true);
		assert_int_equal(refs.n, round ? KR_BATCH_REFS_MAX : 0);
	}
	assert_true(n_delta >= KR_BATCH_REFS_MAX);
	expect_alike(src, dst, 128);
	kr_recall_free(src);
	kr_recall_free(dst);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(duplicates),
		cmocka_unit_test(differences),
		cmocka_unit_test(differences_in_a_small_store),
		cmocka_unit_test(now_this_now_that),
		cmocka_unit_test(nothing_remembered),
		cmocka_unit_test(store_smaller_than_a_batch),
		cmocka_unit_test(fullest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
