/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ramtree.c - the Merkle tree over a VM's memory. Runs in the data-plane
 * agent, on whichever thread has its turn.
 *
 * Every level but the leaves has a bitmap of nodes whose children changed, and
 * the range of its words that may be non-zero, so settling touches only what
 * changed. Nodes above pages that were never sent are filled in at the start
 * from one digest per level, so a large, mostly empty VM costs no hashing.
 */
#include "plane/ramtree.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"

#define DIGEST	KR_RAMTREE_DIGEST_BYTES
#define PAGE	KR_RAMTREE_PAGE_BYTES

struct level {
	uint8_t (*d)[DIGEST];
	uint64_t  n;
	uint64_t *dirty;		/* one bit per node; none at level 0 */
	uint64_t  lo, hi;		/* words lo..hi-1 may be non-zero */
};

struct block {
	uint8_t	      name[255];
	uint8_t	      name_bytes;
	uint64_t      size_bytes;
	uint64_t      n_pages;
	unsigned int  n_levels;		/* 0 without pages */
	struct level *levels;		/* levels[0] are the leaves */
};

struct kr_ramtree {
	uint64_t      limit_bytes, used_bytes;
	unsigned int  n_blocks;
	bool	      ready, bad;
	unsigned int  n_unsettled;
	EVP_MD	     *md;
	EVP_MD_CTX   *ctx;
	uint64_t      n_pages, n_there;	/* there: leaf is not zero */
	uint8_t	      zero_page[DIGEST];
	struct level *levels;
	uint64_t     *bits;
	uint8_t	    (*digests)[DIGEST];
	struct block  blocks[KR_RAMTREE_BLOCKS_MAX];
};

/* One digest over up to three pieces. A failure is remembered, not returned:
 * the root is then refused. */
static void sha(struct kr_ramtree *t, uint8_t out[DIGEST], const void *a,
		size_t na, const void *b, size_t nb)
{
	if (EVP_DigestInit_ex2(t->ctx, NULL, NULL) != 1 ||
	    EVP_DigestUpdate(t->ctx, a, na) != 1 ||
	    (nb && EVP_DigestUpdate(t->ctx, b, nb) != 1) ||
	    EVP_DigestFinal_ex(t->ctx, out, NULL) != 1)
		t->bad = true;
}

static void pair(struct kr_ramtree *t, uint8_t out[DIGEST],
		 const uint8_t left[DIGEST], const uint8_t right[DIGEST])
{
	uint8_t in[1 + 2 * DIGEST];

	in[0] = 0x01;
	memcpy(in + 1, left, DIGEST);
	memcpy(in + 1 + DIGEST, right, DIGEST);
	sha(t, out, in, sizeof(in), NULL, 0);
}

static void node(struct kr_ramtree *t, const struct level *below,
		 struct level *l, uint64_t i)
{
	if (2 * i + 1 < below->n)
		pair(t, l->d[i], below->d[2 * i], below->d[2 * i + 1]);
	else
		memcpy(l->d[i], below->d[2 * i], DIGEST);
}

int kr_ramtree_new(uint64_t limit_bytes, struct kr_ramtree **ret_t,
		   struct kr_err *e)
{
	static const uint8_t zeroes[PAGE];
	struct kr_ramtree *t = calloc(1, sizeof(*t));

	if (!t)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	t->limit_bytes = limit_bytes;
	t->md = EVP_MD_fetch(NULL, "SHA256", NULL);
	t->ctx = EVP_MD_CTX_new();
	if (!t->md || !t->ctx || EVP_DigestInit_ex2(t->ctx, t->md, NULL) != 1)
		t->bad = true;
	else
		sha(t, t->zero_page, zeroes, PAGE, NULL, 0);
	if (t->bad) {
		kr_ramtree_free(t);
		return kr_fail(e, KR_E_CRYPTO, "SHA-256 is not available");
	}
	*ret_t = t;
	return 0;
}

int kr_ramtree_add(struct kr_ramtree *t, const uint8_t *name,
		   uint8_t name_bytes, uint64_t size_bytes, struct kr_err *e)
{
	struct block *b;

	assert(!t->ready);
	if (t->n_blocks == KR_RAMTREE_BLOCKS_MAX ||
	    size_bytes > t->limit_bytes - t->used_bytes)
		return kr_fail(e, KR_E_RAM_LIMIT,
			       "block %u of %llu bytes, %llu of %llu used",
			       t->n_blocks, (unsigned long long)size_bytes,
			       (unsigned long long)t->used_bytes,
			       (unsigned long long)t->limit_bytes);
	b = &t->blocks[t->n_blocks++];
	memcpy(b->name, name, name_bytes);
	b->name_bytes = name_bytes;
	b->size_bytes = size_bytes;
	b->n_pages = size_bytes / PAGE + (size_bytes % PAGE != 0);
	t->used_bytes += size_bytes;
	t->n_pages += b->n_pages;
	return 0;
}

/* Levels, nodes and bitmap words of a block; adds to the sums. */
static unsigned int measure(uint64_t n, uint64_t *nodes, uint64_t *words)
{
	unsigned int n_levels = n ? 1 : 0;

	*nodes += n;
	while (n > 1) {
		n = (n + 1) / 2;
		*nodes += n;
		*words += (n + 63) / 64;
		n_levels++;
	}
	return n_levels;
}

/* Give a block its share of the three arrays and fill in the empty tree. */
static void lay_out(struct kr_ramtree *t, struct block *b,
		    struct level **levels, uint8_t (**digests)[DIGEST],
		    uint64_t **bits)
{
	uint8_t empty[DIGEST] = { 0 };
	uint64_t n = b->n_pages;

	b->levels = *levels;
	*levels += b->n_levels;
	for (unsigned int k = 0; k < b->n_levels; k++, n = (n + 1) / 2) {
		struct level *l = &b->levels[k];

		*l = (struct level){ .d = *digests, .n = n, .lo = UINT64_MAX };
		*digests += n;
		if (!k)
			continue;
		l->dirty = *bits;
		*bits += (n + 63) / 64;
		pair(t, empty, empty, empty);
		for (uint64_t i = 0; i + 1 < n; i++)
			memcpy(l->d[i], empty, DIGEST);
		node(t, l - 1, l, n - 1);
	}
}

int kr_ramtree_ready(struct kr_ramtree *t, struct kr_err *e)
{
	uint64_t n_nodes = 0, n_words = 0;
	size_t n_levels = 0;
	uint8_t (*digests)[DIGEST];
	struct level *levels;
	uint64_t *bits;

	assert(!t->ready);
	for (unsigned int i = 0; i < t->n_blocks; i++) {
		struct block *b = &t->blocks[i];

		b->n_levels = measure(b->n_pages, &n_nodes, &n_words);
		n_levels += b->n_levels;
	}
	levels = t->levels = calloc(n_levels + 1, sizeof(*levels));
	bits = t->bits = calloc(n_words + 1, sizeof(*bits));
	digests = t->digests = calloc(n_nodes + 1, DIGEST);
	if (!levels || !bits || !digests)
		return kr_fail(e, KR_E_SYSTEM,
			       "out of memory for %llu page digests",
			       (unsigned long long)n_nodes);
	for (unsigned int i = 0; i < t->n_blocks; i++)
		lay_out(t, &t->blocks[i], &levels, &digests, &bits);
	t->ready = true;
	return 0;
}

static void mark(struct level *l, uint64_t i)
{
	uint64_t w = i / 64;

	l->dirty[w] |= UINT64_C(1) << (i % 64);
	if (w < l->lo)
		l->lo = w;
	if (w >= l->hi)
		l->hi = w + 1;
}

static const uint8_t none[DIGEST];

void kr_ramtree_set(struct kr_ramtree *t, unsigned int block, uint64_t page,
		    const uint8_t digest[DIGEST])
{
	struct block *b;

	assert(t->ready && block < t->n_blocks);
	b = &t->blocks[block];
	assert(page < b->n_pages);
	if (!memcmp(b->levels[0].d[page], digest, DIGEST))
		return;
	t->n_there += memcmp(digest, none, DIGEST) != 0;
	t->n_there -= memcmp(b->levels[0].d[page], none, DIGEST) != 0;
	memcpy(b->levels[0].d[page], digest, DIGEST);
	if (b->n_levels > 1)
		mark(&b->levels[1], page / 2);
	if (++t->n_unsettled >= KR_RAMTREE_SETTLE_PAGES)
		kr_ramtree_settle(t);
}

void kr_ramtree_fill(struct kr_ramtree *t, unsigned int block, uint64_t page,
		     uint64_t n, uint8_t fill)
{
	uint8_t d[DIGEST];

	if (fill) {
		uint8_t filled[PAGE];

		memset(filled, fill, PAGE);
		sha(t, d, filled, PAGE, NULL, 0);
	} else {
		memcpy(d, t->zero_page, DIGEST);
	}
	for (uint64_t i = 0; i < n; i++)
		kr_ramtree_set(t, block, page + i, d);
}

void kr_ramtree_clear(struct kr_ramtree *t, unsigned int block, uint64_t page,
		      uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		kr_ramtree_set(t, block, page + i, none);
}

bool kr_ramtree_lacks(const struct kr_ramtree *t, unsigned int block,
		      uint64_t page, uint64_t n)
{
	const struct block *b = &t->blocks[block];

	assert(t->ready && block < t->n_blocks);
	assert(page < b->n_pages && n <= b->n_pages - page);
	for (uint64_t i = 0; i < n; i++)
		if (memcmp(b->levels[0].d[page + i], none, DIGEST))
			return false;
	return true;
}

uint64_t kr_ramtree_missing(const struct kr_ramtree *t)
{
	return t->n_pages - t->n_there;
}

uint64_t kr_ramtree_pages(const struct kr_ramtree *t, unsigned int block)
{
	return block < t->n_blocks ? t->blocks[block].n_pages : 0;
}

static void settle_level(struct kr_ramtree *t, struct block *b, unsigned int k)
{
	struct level *l = &b->levels[k];

	for (uint64_t w = l->lo; w < l->hi; w++) {
		uint64_t bits = l->dirty[w];

		l->dirty[w] = 0;
		for (; bits; bits &= bits - 1) {
			uint64_t i = w * 64 + (unsigned)__builtin_ctzll(bits);

			node(t, l - 1, l, i);
			if (k + 1 < b->n_levels)
				mark(l + 1, i / 2);
		}
	}
	l->lo = UINT64_MAX;
	l->hi = 0;
}

void kr_ramtree_settle(struct kr_ramtree *t)
{
	if (!t->n_unsettled)
		return;
	t->n_unsettled = 0;
	for (unsigned int i = 0; i < t->n_blocks; i++)
		for (unsigned int k = 1; k < t->blocks[i].n_levels; k++)
			settle_level(t, &t->blocks[i], k);
}

static void sum(struct kr_ramtree *t, const void *p, size_t n)
{
	if (EVP_DigestUpdate(t->ctx, p, n) != 1)
		t->bad = true;
}

int kr_ramtree_root(struct kr_ramtree *t, uint8_t ret_root[DIGEST],
		    struct kr_err *e)
{
	uint8_t b8[8];
	struct kr_wr w = KR_WR(b8, sizeof(b8));

	memset(ret_root, 0, DIGEST);
	if (!t->ready)
		return 0;
	kr_ramtree_settle(t);
	if (EVP_DigestInit_ex2(t->ctx, NULL, NULL) != 1)
		t->bad = true;
	kr_wr_u32(&w, t->n_blocks);
	sum(t, b8, 4);
	for (unsigned int i = 0; i < t->n_blocks; i++) {
		const struct block *b = &t->blocks[i];

		w = KR_WR(b8, sizeof(b8));
		kr_wr_u64(&w, b->size_bytes);
		sum(t, &b->name_bytes, 1);
		sum(t, b->name, b->name_bytes);
		sum(t, b8, 8);
		sum(t, b->n_levels ? b->levels[b->n_levels - 1].d[0] : none,
		    DIGEST);
	}
	if (EVP_DigestFinal_ex(t->ctx, ret_root, NULL) != 1 || t->bad)
		return kr_fail(e, KR_E_CRYPTO, "SHA-256 failed");
	return 0;
}

void kr_ramtree_free(struct kr_ramtree *t)
{
	if (!t)
		return;
	EVP_MD_CTX_free(t->ctx);
	EVP_MD_free(t->md);
	free(t->levels);
	free(t->bits);
	free(t->digests);
	free(t);
}
