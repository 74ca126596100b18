/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch.c - a batch's head, and duplicates and differences forth and back.
 * Runs in the data-plane agent, in turn: what is remembered changes here.
 */
#include "plane/batch.h"

#include <string.h>

#include "plane/squeeze.h"

#define PAGE		KR_PAGE_BYTES
#define FLAG_LEARN	1u
#define FLAG_LOOSE	2u
#define GRAIN		64u	/* of a difference, a cache line */

void kr_batch_head_put(struct kr_wr *w, const struct kr_batch_head *h)
{
	kr_wr_u64(w, h->ticket);
	kr_wr_u32(w, h->n_raw);
	kr_wr_u32(w, h->n_body);
	kr_wr_u16(w, h->n_refs);
	kr_wr_u8(w, h->channel);
	kr_wr_u8(w, (h->learn ? FLAG_LEARN : 0) | (h->loose ? FLAG_LOOSE : 0));
	kr_wr_u8(w, h->method);
	kr_wr_bytes(w, h->seal, sizeof(h->seal));
}

int kr_batch_head_parse(struct kr_rd *r, struct kr_batch_head *ret_h,
			struct kr_err *e)
{
	struct kr_batch_head h = { .ticket = kr_rd_u64(r) };
	uint8_t flags;

	h.n_raw = kr_rd_u32(r);
	h.n_body = kr_rd_u32(r);
	h.n_refs = kr_rd_u16(r);
	h.channel = kr_rd_u8(r);
	flags = kr_rd_u8(r);
	h.method = kr_rd_u8(r);
	kr_rd_bytes(r, h.seal, sizeof(h.seal));
	h.learn = flags & FLAG_LEARN;
	h.loose = flags & FLAG_LOOSE;
	if (r->bad || !h.n_raw || h.n_raw > KR_BATCH_RAW_MAX ||
	    h.n_refs > h.n_raw / PAGE || flags & ~(FLAG_LEARN | FLAG_LOOSE) ||
	    (h.loose && (h.ticket || h.n_refs || h.learn)) ||
	    h.n_body > h.n_raw + h.n_refs * KR_BATCH_REF_BYTES ||
	    h.n_body + h.n_refs * PAGE < h.n_raw ||
	    h.channel >= KR_BATCH_CHANNELS_MAX || h.method >= KR_SQUEEZE_N)
		return kr_fail(e, KR_E_LANE_MALFORMED, "malformed batch head");
	*ret_h = h;
	return 0;
}

/* Is a difference likely to be smaller? Counts cache lines that changed. */
static bool is_alike(const uint8_t *a, const uint8_t *b)
{
	unsigned int n = 0;

	for (size_t i = 0; i < PAGE; i += GRAIN)
		n += memcmp(a + i, b + i, GRAIN) != 0;
	return n <= PAGE / GRAIN / 2;
}

/* The reference for a page, the cheapest there is. Return: false if none. */
static bool find(struct kr_recall *m, struct kr_haves *there,
		 const uint8_t *raw, const struct kr_item *i,
		 const uint8_t *digest, bool delta, struct kr_ref *r)
{
	const uint8_t *old;

	r->at = i->at;
	r->kind = KR_REF_SAME;
	r->slot = kr_recall_same(m, digest);
	if (r->slot != KR_RECALL_NONE)
		return true;
	r->kind = KR_REF_CACHED;
	r->slot = kr_haves_find(there, digest);
	if (r->slot != KR_HAVES_NONE)
		return true;
	r->kind = KR_REF_DELTA;
	r->slot = delta ? kr_recall_version(m, i->block, i->page) :
			  KR_RECALL_NONE;
	old = kr_recall_content(m, r->slot);
	return old && is_alike(old, raw + i->at);
}

void kr_batch_find(struct kr_recall *m, struct kr_haves *there,
		   const uint8_t *raw, const struct kr_items *items,
		   const uint8_t (*digests)[32], bool delta,
		   struct kr_refs *ret_refs)
{
	ret_refs->n = 0;
	for (unsigned int k = 0; k < items->n; k++) {
		struct kr_ref *r = &ret_refs->r[ret_refs->n];

		if (items->i[k].kind != KR_ITEM_PAGE ||
		    !find(m, there, raw, &items->i[k], digests[k], delta, r))
			continue;
		/* only what is said: the other end must do the same */
		if (r->kind != KR_REF_CACHED)
			kr_recall_touch(m, r->slot);
		ret_refs->n++;
	}
}

static void xor_page(uint8_t *out, const uint8_t *a, const uint8_t *b)
{
	for (size_t i = 0; i < PAGE; i++)
		out[i] = a[i] ^ b[i];
}

size_t kr_batch_pack(struct kr_recall *m, const uint8_t *raw, size_t n_raw,
		     const struct kr_refs *refs, uint8_t *out)
{
	struct kr_wr w = KR_WR(out, KR_BATCH_BODY_MAX);
	size_t at = 0;

	for (unsigned int k = 0; k < refs->n; k++) {
		kr_wr_u32(&w, refs->r[k].at);
		kr_wr_u8(&w, refs->r[k].kind);
		kr_wr_u32(&w, refs->r[k].slot);
	}
	for (unsigned int k = 0; k < refs->n; k++) {
		const struct kr_ref *r = &refs->r[k];
		uint8_t *to;

		kr_wr_bytes(&w, raw + at, r->at - at);
		at = r->at + PAGE;
		if (r->kind != KR_REF_DELTA)
			continue;
		to = kr_wr_room(&w, PAGE);
		xor_page(to, raw + r->at, kr_recall_content(m, r->slot));
	}
	kr_wr_bytes(&w, raw + at, n_raw - at);
	return kr_wr_len(&w);
}

static int malformed(struct kr_err *e, const char *what)
{
	return kr_fail(e, KR_E_LANE_MALFORMED, "batch: %s", what);
}

static int read_refs(struct kr_rd *r, const struct kr_batch_head *h,
		     struct kr_refs *refs, struct kr_err *e)
{
	uint32_t end = 0;		/* of the page before */

	for (refs->n = 0; refs->n < h->n_refs; refs->n++) {
		struct kr_ref *x = &refs->r[refs->n];

		x->at = kr_rd_u32(r);
		x->kind = kr_rd_u8(r);
		x->slot = kr_rd_u32(r);
		if (r->bad || x->at < end || x->at > h->n_raw - PAGE ||
		    x->kind < KR_REF_SAME || x->kind > KR_REF_CACHED)
			return malformed(e, "malformed reference");
		end = x->at + PAGE;
	}
	return 0;
}

/* The page that @x stands for. @r is at its difference, if it is one. */
static int resolve(struct kr_recall *m, struct kr_pagecache *cache,
		   const struct kr_ref *x, struct kr_rd *r, uint8_t *out,
		   struct kr_err *e)
{
	const uint8_t *old, *diff;

	if (x->kind == KR_REF_CACHED)
		return cache ? kr_pagecache_get(cache, x->slot, out, e) :
			malformed(e, "a page of a cache that is not there");
	old = kr_recall_content(m, x->slot);
	if (!old)
		return malformed(e, "a page that never came");
	kr_recall_touch(m, x->slot);
	if (x->kind == KR_REF_SAME) {
		memcpy(out, old, PAGE);
		return 0;
	}
	diff = kr_rd_take(r, PAGE);
	if (diff)
		xor_page(out, diff, old);
	return 0;
}

int kr_batch_unpack(struct kr_recall *m, struct kr_pagecache *cache,
		    const struct kr_batch_head *h, const uint8_t *body,
		    uint8_t *out, struct kr_refs *ret_refs, struct kr_err *e)
{
	struct kr_rd r = KR_RD(body, h->n_body);
	uint32_t at = 0;
	int ret = read_refs(&r, h, ret_refs, e);

	for (unsigned int k = 0; !ret && k < ret_refs->n; k++) {
		const struct kr_ref *x = &ret_refs->r[k];

		kr_rd_bytes(&r, out + at, x->at - at);
		at = x->at + PAGE;
		ret = resolve(m, cache, x, &r, out + x->at, e);
	}
	if (ret < 0)
		return ret;
	kr_rd_bytes(&r, out + at, h->n_raw - at);
	return kr_rd_done(&r) ? 0 : malformed(e, "its body's size is wrong");
}

void kr_batch_learn(struct kr_recall *m, const uint8_t *raw,
		    const struct kr_items *items, const struct kr_refs *refs,
		    bool all, const uint8_t (*digests)[32])
{
	unsigned int next = 0;

	for (unsigned int k = 0; k < items->n; k++) {
		const struct kr_item *i = &items->i[k];
		const struct kr_ref *r;

		if (i->kind != KR_ITEM_PAGE)
			continue;
		while (next < refs->n && refs->r[next].at < i->at)
			next++;
		r = next < refs->n && refs->r[next].at == i->at ?
			    &refs->r[next] : NULL;
		if (r ? r->kind == KR_REF_DELTA : all)
			kr_recall_learn(m, r ? r->slot : KR_RECALL_NONE, i,
					raw + i->at,
					digests ? digests[k] : NULL);
	}
}
