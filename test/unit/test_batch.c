/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_batch.c - whatever a guest writes, the destination has the very bytes
 * and remembers what the source remembers; a batch that is not what it says is
 * refused.
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
#include "plane/squeeze.h"

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

/* ---- a stretch --------------------------------------------------------- */

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

/* ---- heads ------------------------------------------------------------- */

static const struct kr_batch_head good = {
	.ticket = 0x0102030405060708, .n_raw = 10000, .n_body = 5922,
	.n_refs = 2, .learn = true, .method = KR_SQUEEZE_ZSTD_3,
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
		0, 2, 0, 1, 3,
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
		{ 10000, 10000, 0, 1, 0, false },
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

/* ---- bodies that are not what they say --------------------------------- */

struct body {
	struct kr_wr w;
	struct kr_batch_head h;
};

static struct body stretch_of(uint32_t n)
{
	return (struct body){ KR_WR(body, sizeof(body)), { .n_raw = n } };
}

static void ref(struct body *b, uint32_t at, uint8_t kind, uint32_t slot)
{
	kr_wr_u32(&b->w, at);
	kr_wr_u8(&b->w, kind);
	kr_wr_u32(&b->w, slot);
	b->h.n_refs++;
}

static void rest(struct body *b, size_t n)
{
	while (n--)
		kr_wr_u8(&b->w, 'r');
}

/* A store whose slots 0 and 1 were learned. */
static struct kr_recall *store_of_two(void)
{
	struct kr_recall *m = new_store(4, false);
	struct kr_item i = { .page = 1, .n = 1, .kind = KR_ITEM_PAGE };

	kr_recall_learn(m, KR_RECALL_NONE, &i, guest[0], NULL);
	kr_recall_learn(m, KR_RECALL_NONE, &i, guest[1], NULL);
	return m;
}

static int unpack(struct body *b, struct kr_err *e)
{
	struct kr_recall *m = store_of_two();
	uint8_t *from, *to = malloc(b->h.n_raw);
	int r;

	b->h.n_body = (uint32_t)kr_wr_len(&b->w);
	from = malloc(b->h.n_body ? b->h.n_body : 1);
	memcpy(from, body, b->h.n_body);
	r = kr_batch_unpack(m, NULL, &b->h, from, to, &got_refs, e);
	free(from);
	free(to);
	kr_recall_free(m);
	return r;
}

static void expect_refused(struct body b)
{
	struct kr_err e = KR_ERR_NONE;

	assert_true(unpack(&b, &e) < 0);
	assert_int_equal(e.kr, KR_E_LANE_MALFORMED);
}

static void good_references(void **state)
{
	struct body b = stretch_of(4 * PAGE);

	(void)state;
	ref(&b, 0, KR_REF_SAME, 0);
	ref(&b, PAGE, KR_REF_SAME, 0);
	ref(&b, 3 * PAGE, KR_REF_DELTA, 1);
	rest(&b, 2 * PAGE);
	assert_int_equal(unpack(&b, NULL), 0);
	assert_int_equal(got_refs.n, 3);
}

static void bad_references(void **state)
{
	static const struct { uint32_t at[2]; uint8_t kind; uint32_t slot; }
	rows[] = {
		{ { 0, PAGE }, KR_REF_SAME, 2 },	/* never learned */
		{ { 0, PAGE }, KR_REF_DELTA, 3 },
		{ { 0, PAGE }, KR_REF_SAME, 4 },	/* no such slot */
		{ { 0, PAGE }, KR_REF_SAME, UINT32_MAX },
		{ { 0, PAGE }, 0, 0 },
		{ { 0, PAGE }, KR_REF_CACHED, 0 },	/* no cache */
		{ { 0, PAGE }, KR_REF_CACHED + 1, 0 },
		{ { 0, PAGE }, 255, 0 },
		{ { PAGE, 0 }, KR_REF_SAME, 0 },	/* descending */
		{ { PAGE, PAGE }, KR_REF_SAME, 0 },
		{ { 0, PAGE - 1 }, KR_REF_SAME, 0 },	/* overlapping */
		{ { 0, 1 }, KR_REF_SAME, 0 },
		{ { 0, 3 * PAGE + 1 }, KR_REF_SAME, 0 },	/* beyond */
		{ { 0, UINT32_MAX }, KR_REF_SAME, 0 },
		{ { 0, UINT32_MAX - PAGE + 1 }, KR_REF_SAME, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int last = 0; last < 2; last++) {
			struct body b = stretch_of(4 * PAGE);

			/* one of the two is bad by itself, or both together */
			ref(&b, rows[i].at[0],
			    last ? KR_REF_SAME : rows[i].kind,
			    last ? 0 : rows[i].slot);
			ref(&b, rows[i].at[1], rows[i].kind, rows[i].slot);
			rest(&b, 2 * PAGE);
			expect_refused(b);
		}
}

static void wrong_size(void **state)
{
	(void)state;
	for (size_t n = 0; n < 4 * PAGE; n += n < 20 || n > 4000 ? 1 : 97) {
		struct body b = stretch_of(3 * PAGE);

		if (n == 2 * PAGE)
			continue;
		ref(&b, PAGE, KR_REF_SAME, 0);
		rest(&b, n);
		expect_refused(b);
		b = stretch_of(3 * PAGE);
		ref(&b, 0, KR_REF_DELTA, 0);
		rest(&b, n == 3 * PAGE ? 0 : n);
		expect_refused(b);
	}
}

/* References themselves are cut short. */
static void cut_references(void **state)
{
	(void)state;
	for (size_t n = 0; n < 2 * KR_BATCH_REF_BYTES; n++) {
		struct body b = stretch_of(2 * PAGE);

		ref(&b, 0, KR_REF_SAME, 0);
		ref(&b, PAGE, KR_REF_SAME, 0);
		b.w.p = b.w.start + n;
		expect_refused(b);
	}
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
		cmocka_unit_test(head_golden),
		cmocka_unit_test(head_bounds),
		cmocka_unit_test(head_flags),
		cmocka_unit_test(good_references),
		cmocka_unit_test(bad_references),
		cmocka_unit_test(wrong_size),
		cmocka_unit_test(cut_references),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
