/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_seal.c - a stretch's seal is what plane/seal.h says, changes with
 * whatever is changed, and finds a page that the destination remembers wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <string.h>

#include "base/fd.h"
#include "plane/batch.h"
#include "plane/seal.h"

#define PAGE	KR_PAGE_BYTES
#define N	(3 + PAGE + 2 + PAGE + 4)	/* bytes of the stretch */

static uint8_t raw[N];
static struct kr_items items;
static uint8_t digests[KR_ITEMS_MAX][32];
static struct kr_seal *sealer;

static const uint8_t (*all_digests(void))[32]
{
	return (const uint8_t (*)[32])digests;
}

static void hash(void)
{
	for (unsigned int k = 0; k < items.n; k++)
		if (items.i[k].kind == KR_ITEM_PAGE)
			EVP_Digest(raw + items.i[k].at, PAGE, digests[k],
				   NULL, EVP_sha256(), NULL);
}

static int make_stretch(void **state)
{
	(void)state;
	for (size_t i = 0; i < N; i++)
		raw[i] = (uint8_t)(i * 7 + i / 256);
	memset(&items, 0, sizeof(items));
	kr_items_discard(&items, 1, 9, 70000);
	kr_items_page(&items, 0, 5, 3);
	kr_items_fill(&items, 2, 7, 0xff);
	kr_items_page(&items, 0, 6, 3 + PAGE + 2);
	hash();
	return sealer ? 0 : kr_seal_new(&sealer, NULL);
}

static void make(uint64_t ticket, uint8_t channel, uint8_t out[KR_SEAL_BYTES])
{
	assert_int_equal(kr_seal_make(sealer, ticket, channel, raw, N, &items,
				      all_digests(), out, NULL), 0);
}

static void put_item(struct kr_wr *w, uint8_t kind, uint16_t block,
		     uint64_t page, uint32_t n, uint8_t fill)
{
	kr_wr_u8(w, kind);
	kr_wr_u16(w, block);
	kr_wr_u64(w, page);
	kr_wr_u32(w, n);
	kr_wr_u8(w, fill);
}

static void as_it_says(void **state)
{
	uint8_t b[512], want[32], got[32];
	struct kr_wr w = KR_WR(b, sizeof(b));

	(void)state;
	kr_wr_u64(&w, 0x0102030405060708);
	kr_wr_u8(&w, 3);
	kr_wr_u32(&w, 4);
	put_item(&w, 2, 1, 9, 70000, 0);
	put_item(&w, 0, 0, 5, 1, 0);
	kr_wr_bytes(&w, digests[1], 32);
	put_item(&w, 1, 2, 7, 1, 0xff);
	put_item(&w, 0, 0, 6, 1, 0);
	kr_wr_bytes(&w, digests[3], 32);
	kr_wr_bytes(&w, raw, 3);
	kr_wr_bytes(&w, raw + 3 + PAGE, 2);
	kr_wr_bytes(&w, raw + N - 4, 4);
	EVP_Digest(b, kr_wr_len(&w), want, NULL, EVP_sha256(), NULL);
	make(0x0102030405060708, 3, got);
	assert_memory_equal(got, want, 32);
}

static void every_change(void **state)
{
	uint8_t good[32], x[32];

	(void)state;
	make(1, 0, good);
	make(2, 0, x);
	assert_memory_not_equal(x, good, 32);
	make(1, 1, x);
	assert_memory_not_equal(x, good, 32);
	for (size_t i = 0; i < N; i += i % 61 ? 1 : 17) {
		raw[i] ^= 0x40;
		hash();
		make(1, 0, x);
		assert_memory_not_equal(x, good, 32);
		raw[i] ^= 0x40;
	}
	hash();
	for (unsigned int k = 0; k < 4; k++) {
		const struct kr_item was = items.i[k];

		items.i[k].page++;
		make(1, 0, x);
		assert_memory_not_equal(x, good, 32);
		items.i[k] = was;
		items.i[k].block++;
		make(1, 0, x);
		assert_memory_not_equal(x, good, 32);
		items.i[k] = was;
	}
	items.i[2].fill--;
	make(1, 0, x);
	assert_memory_not_equal(x, good, 32);
	items.i[2].fill++;
	items.n--;
	make(1, 0, x);
	assert_memory_not_equal(x, good, 32);
	items.n++;
	make(1, 0, x);
	assert_memory_equal(x, good, 32);
}

/* The source says "as slot 0" and "slot 1, but for this": what the destination
 * remembers there is not what was learned. */
static void recalled_page_changed(void **state)
{
	static uint8_t body[KR_BATCH_BODY_MAX], was[N];
	struct kr_recall *src = NULL, *dst = NULL;
	struct kr_batch_head h = { .n_raw = N };
	uint8_t good[32], x[32];
	struct kr_refs refs;

	(void)state;
	assert_int_equal(kr_recall_new(4, true, &src, NULL), 0);
	assert_int_equal(kr_recall_new(4, false, &dst, NULL), 0);
	refs.n = 0;
	kr_batch_learn(src, raw, &items, &refs, true, all_digests());
	kr_batch_learn(dst, raw, &items, &refs, true, NULL);
	raw[N - 100]++;
	hash();
	make(1, 0, good);
	memcpy(was, raw, N);
	kr_batch_find(src, NULL, raw, &items, all_digests(), true, &refs);
	assert_int_equal(refs.n, 2);
	assert_int_equal(refs.r[0].kind, KR_REF_SAME);
	assert_int_equal(refs.r[1].kind, KR_REF_DELTA);
	h.n_refs = (uint16_t)refs.n;
	h.n_body = (uint32_t)kr_batch_pack(src, raw, N, &refs, body);
	for (uint32_t slot = 0; slot <= 2; slot++) {
		uint8_t *p = slot < 2 ? (uint8_t *)(uintptr_t)
			     kr_recall_content(dst, slot) : NULL;

		if (p)
			p[1234] ^= 1;
		assert_int_equal(kr_batch_unpack(dst, NULL, &h, body, raw,
						 &refs, NULL), 0);
		hash();
		make(1, 0, x);
		assert_int_equal(!memcmp(x, good, 32), !p);
		assert_int_equal(!memcmp(raw, was, N), !p);
		if (p)
			p[1234] ^= 1;
	}
	kr_recall_free(src);
	kr_recall_free(dst);
}

static int put_away(void **state)
{
	(void)state;
	kr_seal_free(sealer);
	kr_seal_free(NULL);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(as_it_says, make_stretch),
		cmocka_unit_test_setup(every_change, make_stretch),
		cmocka_unit_test_setup(recalled_page_changed, make_stretch),
	};

	return cmocka_run_group_tests(tests, NULL, put_away);
}
