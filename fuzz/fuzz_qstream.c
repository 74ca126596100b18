/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_qstream.c - QEMU's stream, shown whole and in pieces: both readings
 * must agree on every page, digest and number, and on where the split is. The
 * first byte sizes the pieces and the room for pages, and says whether it is a
 * stream that was resumed, or the urgent channel beside one that is not.
 */
#include <assert.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plane/qstream.h"
#include "plane/ramtree.h"
#include "plane/segment.h"

#define LIMIT	(16u << 20)

enum kind { WHOLE, URGENT, RESUMED };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct reading {
	struct kr_ramtree     *tree;
	struct kr_qstream     *q;
	EVP_MD_CTX	      *pages, *rest;	/* of what they are made of */
	struct kr_segment     *segment;		/* NULL: not resumed */
	bool		       ready;
	uint64_t	       split, n_late, n_refused;
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
	if (!x->n_blocks || x->ready || x->segment)
		return;
	x->ready = true;
	for (unsigned int i = 0; i < x->n_blocks; i++)
		if (kr_ramtree_add(x->tree, b[i].name, b[i].name_bytes,
				   b[i].size_bytes, NULL) < 0)
			abort();	/* the reader's limit is the same */
	if (kr_ramtree_ready(x->tree, NULL) < 0)
		abort();
}

static void digest(const uint8_t *p, uint8_t ret[32])
{
	if (EVP_Digest(p, KR_PAGE_BYTES, ret, NULL, EVP_sha256(), NULL) != 1)
		abort();
}

/* As plane/account.c does, but that what is refused is only counted, each
 * page by itself: runs are cut anywhere. */
static void account(struct reading *x, const struct kr_item *i, uint64_t page,
		    const uint8_t *d)
{
	const struct kr_item one = { .kind = i->kind, .block = i->block,
				     .page = page, .n = 1, .fill = i->fill };

	if (x->segment) {
		x->n_refused += kr_segment_take(x->segment, 0, &one, d,
						NULL) > 0;
		x->n_late++;
		return;
	}
	if (x->split) {
		x->n_late++;
		x->n_refused += !kr_ramtree_lacks(x->tree, i->block, page, 1);
	}
	if (i->kind == KR_ITEM_FILL)
		kr_ramtree_fill(x->tree, i->block, page, 1, i->fill);
	else
		kr_ramtree_set(x->tree, i->block, page, d);
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
		assert(x->segment ||
		       i->page + i->n <= kr_ramtree_pages(x->tree, i->block));
		for (uint64_t j = i->page; j < i->page + i->n; j++) {
			sum(x->pages, &i->block, sizeof(i->block));
			sum(x->pages, &j, sizeof(j));
			sum(x->pages, &i->kind, 1);
		}
		if (i->kind == KR_ITEM_DISCARD) {
			kr_ramtree_clear(x->tree, i->block, i->page, i->n);
			continue;
		}
		for (uint64_t j = 0; i->kind == KR_ITEM_FILL && j < i->n; j++)
			account(x, i, i->page + j, NULL);
		if (i->kind == KR_ITEM_FILL)
			continue;
		assert(i->n == 1 && i->at >= at && i->at + KR_PAGE_BYTES <= n);
		sum(x->rest, p + at, i->at - at);
		at = i->at + KR_PAGE_BYTES;
		digest(p + i->at, d);
		account(x, i, i->page, d);
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
	if (first)		/* no run to go on with */
		items.i[first - 1].kind = KR_ITEM_PAGE;
	x->r = kr_qstream_scan(x->q, p, n, &items, &used, NULL);
	assert(used <= n && items.n <= KR_ITEMS_MAX);
	if (x->r)
		return 0;
	assert(used || n < KR_QSTREAM_NEED_MAX);
	grow_tree(x);
	take(x, p, used, &items, first);
	if (!x->split && !x->segment && kr_qstream_stat(x->q)->late)
		x->split = kr_qstream_stat(x->q)->n_bytes;
	return used;
}

/* Up to the split: blocks "a" of 16 pages and "bc" of one, and advice. */
static void begin_urgent(struct reading *x)
{
	static const uint8_t main[] =
		"QEVM\0\0\0\3\10\0\3\0\20\0\0\0\0\0\0\20\0\0\0\0\0\0\0\20\0"
		"\1\0\0\0\2\3ram\0\0\0\0\0\0\0\4\0\0\0\0\0\1\20\4"
		"\1a\0\0\0\0\0\1\0\0\2bc\0\0\0\0\0\0\20\0"
		"\0\0\0\0\0\0\0\20"
		"\10\0\7\0\4\0\0\0\12\10\0\4\0\0\10\0\5\0";
	static struct kr_items items;
	struct kr_qstream *q;
	size_t used;

	items.n = 0;
	if (kr_qstream_new(LIMIT, &q, NULL) ||
	    kr_qstream_scan(q, main, sizeof(main), &items, &used, NULL))
		abort();
	assert(used == sizeof(main) && kr_qstream_is_off(q));
	kr_qstream_urgent(x->q, q);
	x->split = used;
	kr_qstream_free(q);
}

static void read_all(struct reading *x, const uint8_t *p, size_t n,
		     size_t piece, unsigned int room, enum kind kind)
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
	if (kind == URGENT)
		begin_urgent(x);
	if (kind == RESUMED) {
		kr_qstream_resumed(x->q);
		if (kr_segment_new(1, &x->segment, NULL))
			abort();
	}
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
		x->r = x->segment ?
			kr_segment_root(x->segment, x->root, NULL) :
			kr_ramtree_root(x->tree, x->root, NULL);
	EVP_DigestFinal_ex(x->pages, x->page_digest, NULL);
	EVP_DigestFinal_ex(x->rest, x->rest_digest, NULL);
	x->stat = *kr_qstream_stat(x->q);
	EVP_MD_CTX_free(x->pages);
	EVP_MD_CTX_free(x->rest);
	kr_qstream_free(x->q);
	kr_ramtree_free(x->tree);
	kr_segment_free(x->segment);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct reading a, b;
	enum kind kind;

	if (!n)
		return 0;
	kind = data[0] >= 0xc0 ? RESUMED : data[0] >= 0xa0 ? URGENT : WHOLE;
	read_all(&a, data + 1, n - 1, SIZE_MAX, KR_ITEMS_MAX, kind);
	read_all(&b, data + 1, n - 1, 1 + (size_t)data[0] * data[0],
		 1 + data[0] % 7, kind);
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
	assert(a.stat.late == b.stat.late && a.split == b.split);
	assert(a.n_late == b.n_late && a.n_refused == b.n_refused);
	assert(a.stat.ram_bytes == b.stat.ram_bytes);
	assert(a.stat.n_bytes == n - 1 && b.stat.n_bytes == n - 1);
	return 0;
}
