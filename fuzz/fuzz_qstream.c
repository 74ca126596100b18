/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_qstream.c - QEMU's stream, shown whole and in pieces: both readings
 * must agree on every page, digest and number. The first byte sizes the
 * pieces and the room for pages.
 */
#include <assert.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plane/qstream.h"
#include "plane/ramtree.h"

#define LIMIT	(16u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct reading {
	struct kr_ramtree     *tree;
	struct kr_qstream     *q;
	EVP_MD_CTX	      *pages, *rest;	/* of what they are made of */
	bool		       ready;
	unsigned int	       n_blocks;
	struct kr_qstream_stat stat;
	uint8_t		       page_digest[32], rest_digest[32], root[32];
	int		       r;
};

static void sum(EVP_MD_CTX *c, const void *p, size_t n)
{
	if (n && EVP_DigestUpdate(c, p, n) != 1)
		abort();
}

static void grow_tree(struct reading *x)
{
	const struct kr_qstream_block *b;

	x->n_blocks = kr_qstream_blocks(x->q, &b);
	if (!x->n_blocks || x->ready)
		return;
	x->ready = true;
	for (unsigned int i = 0; i < x->n_blocks; i++)
		if (kr_ramtree_add(x->tree, b[i].name, b[i].name_bytes,
				   b[i].size_bytes, NULL) < 0)
			abort();	/* the reader's limit is the same */
	if (kr_ramtree_ready(x->tree, NULL) < 0)
		abort();
}

/* A run of fills is as many pages: where it is cut is nobody's business. */
static void take(struct reading *x, const uint8_t *p, size_t n,
		 const struct kr_items *l, unsigned int first)
{
	size_t at = 0;

	for (unsigned int k = first; k < l->n; k++) {
		const struct kr_item *i = &l->i[k];
		uint8_t d[32];

		assert(i->block < x->n_blocks && i->n);
		assert(i->page + i->n <= kr_ramtree_pages(x->tree, i->block));
		for (uint64_t j = i->page; j < i->page + i->n; j++) {
			sum(x->pages, &i->block, sizeof(i->block));
			sum(x->pages, &j, sizeof(j));
		}
		if (i->kind == KR_ITEM_FILL) {
			kr_ramtree_fill(x->tree, i->block, i->page, i->n,
					i->fill);
			continue;
		}
		assert(i->n == 1 && i->at >= at && i->at + KR_PAGE_BYTES <= n);
		sum(x->rest, p + at, i->at - at);
		at = i->at + KR_PAGE_BYTES;
		if (EVP_Digest(p + i->at, KR_PAGE_BYTES, d, NULL,
			       EVP_sha256(), NULL) != 1)
			abort();
		kr_ramtree_set(x->tree, i->block, i->page, d);
	}
	sum(x->rest, p + at, n - at);
}

/* Show @n bytes with room for @room pages. Return: bytes taken. */
static size_t show(struct reading *x, const uint8_t *p, size_t n,
		   unsigned int room)
{
	static struct kr_items items;
	const unsigned int first = KR_ITEMS_MAX - room;
	size_t used = 0;

	items.n = first;
	x->r = kr_qstream_scan(x->q, p, n, &items, &used, NULL);
	assert(used <= n && items.n <= KR_ITEMS_MAX);
	if (x->r)
		return 0;
	assert(used || n < KR_QSTREAM_NEED_MAX);
	grow_tree(x);
	take(x, p, used, &items, first);
	return used;
}

static void read_all(struct reading *x, const uint8_t *p, size_t n,
		     size_t piece, unsigned int room)
{
	size_t shown = 0;

	memset(x, 0, sizeof(*x));
	x->pages = EVP_MD_CTX_new();
	x->rest = EVP_MD_CTX_new();
	if (EVP_DigestInit_ex(x->pages, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestInit_ex(x->rest, EVP_sha256(), NULL) != 1 ||
	    kr_ramtree_new(LIMIT, &x->tree, NULL) ||
	    kr_qstream_new(LIMIT, &x->q, NULL))
		abort();
	while (shown < n && !x->r) {
		size_t used;

		shown += n - shown < piece ? n - shown : piece;
		while ((used = show(x, p, shown, room))) {
			p += used;
			shown -= used;
			n -= used;
		}
	}
	if (!x->r && n) {
		sum(x->rest, p, n);
		kr_qstream_cut(x->q, n);
	}
	kr_qstream_finish(x->q);
	if (!x->r)
		x->r = kr_ramtree_root(x->tree, x->root, NULL);
	EVP_DigestFinal_ex(x->pages, x->page_digest, NULL);
	EVP_DigestFinal_ex(x->rest, x->rest_digest, NULL);
	x->stat = *kr_qstream_stat(x->q);
	EVP_MD_CTX_free(x->pages);
	EVP_MD_CTX_free(x->rest);
	kr_qstream_free(x->q);
	kr_ramtree_free(x->tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct reading a, b;

	if (!n)
		return 0;
	read_all(&a, data + 1, n - 1, SIZE_MAX, KR_ITEMS_MAX);
	read_all(&b, data + 1, n - 1, 1 + (size_t)data[0] * data[0],
		 1 + data[0] % 7);
	assert(a.r == b.r);
	if (a.r)
		return 0;
	assert(!memcmp(a.page_digest, b.page_digest, 32));
	assert(!memcmp(a.rest_digest, b.rest_digest, 32));
	assert(!memcmp(a.root, b.root, 32));
	assert(a.n_blocks == b.n_blocks);
	assert(a.stat.phase == b.stat.phase && a.stat.reason == b.stat.reason);
	assert(a.stat.n_pages == b.stat.n_pages);
	assert(a.stat.n_zero_pages == b.stat.n_zero_pages);
	assert(a.stat.rounds == b.stat.rounds);
	assert(a.stat.ram_bytes == b.stat.ram_bytes);
	assert(a.stat.n_bytes == n - 1 && b.stat.n_bytes == n - 1);
	return 0;
}
