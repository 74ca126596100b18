/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_mfstream.c - a multifd channel, shown whole and in pieces: both
 * readings must agree on every page, mark and number. The first byte sizes the
 * pieces and the room for pages.
 */
#include <assert.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plane/mfstream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct kr_qstream_block list[] = {
	{ 0x80000, 6, "pc.ram" }, { 0x2001, 4, "vga!" },
};
static const struct kr_mfstream_blocks blocks = { list, 2 };

struct reading {
	struct kr_mfstream    *m;
	EVP_MD_CTX	      *all;	/* pages, marks, content */
	uint64_t	       taken;
	struct kr_qstream_stat stat;
	uint64_t	       n_marks;
	uint8_t		       digest[32];
};

static void sum(EVP_MD_CTX *c, const void *p, size_t n)
{
	if (n && EVP_DigestUpdate(c, p, n) != 1)
		abort();
}

/* A run of fills is as many pages: where it is cut is nobody's business. */
static void take(struct reading *x, const uint8_t *p, size_t n,
		 const struct kr_items *l, unsigned int first)
{
	size_t at = 0;

	for (unsigned int k = first; k < l->n; k++) {
		const struct kr_item *i = &l->i[k];
		uint64_t size = list[i->block < 2 ? i->block : 0].size_bytes;

		assert(i->block < 2 && i->n);
		assert((i->page + i->n - 1) * KR_PAGE_BYTES < size);
		for (uint64_t j = i->page; j < i->page + i->n; j++) {
			sum(x->all, &i->block, sizeof(i->block));
			sum(x->all, &j, sizeof(j));
		}
		if (i->kind == KR_ITEM_FILL)
			continue;
		assert(i->n == 1 && i->at >= at && i->at + KR_PAGE_BYTES <= n);
		at = i->at + KR_PAGE_BYTES;
		sum(x->all, p + i->at, KR_PAGE_BYTES);
	}
}

/* Show @n bytes with room for @room pages. Return: bytes taken. */
static size_t show(struct reading *x, const uint8_t *p, size_t n,
		   unsigned int room)
{
	static struct kr_items items;
	const unsigned int first = KR_ITEMS_MAX - room;
	uint64_t marks = kr_mfstream_marks(x->m);
	size_t used = 0;

	items.n = first;
	if (first)		/* no run to go on with */
		items.i[first - 1].kind = KR_ITEM_PAGE;
	if (kr_mfstream_scan(x->m, &blocks, p, n, &items, &used, NULL))
		abort();
	assert(used <= n && items.n <= KR_ITEMS_MAX);
	assert(used || n < KR_MFSTREAM_NEED_MAX);
	take(x, p, used, &items, first);
	x->taken += used;
	assert(kr_mfstream_marks(x->m) - marks <= 1);
	if (kr_mfstream_marks(x->m) != marks)
		sum(x->all, &x->taken, sizeof(x->taken));
	return used;
}

static void read_all(struct reading *x, const uint8_t *p, size_t n,
		     size_t piece, unsigned int room)
{
	size_t shown = 0;

	memset(x, 0, sizeof(*x));
	x->all = EVP_MD_CTX_new();
	if (EVP_DigestInit_ex(x->all, EVP_sha256(), NULL) != 1 ||
	    kr_mfstream_new(&x->m, NULL))
		abort();
	while (shown < n) {
		size_t used;

		shown += n - shown < piece ? n - shown : piece;
		while ((used = show(x, p, shown, room))) {
			p += used;
			shown -= used;
			n -= used;
		}
	}
	if (n)
		kr_mfstream_cut(x->m, n);
	kr_mfstream_finish(x->m);
	EVP_DigestFinal_ex(x->all, x->digest, NULL);
	x->stat = *kr_mfstream_stat(x->m);
	x->n_marks = kr_mfstream_marks(x->m);
	EVP_MD_CTX_free(x->all);
	kr_mfstream_free(x->m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct reading a, b;

	if (!n)
		return 0;
	read_all(&a, data + 1, n - 1, SIZE_MAX, KR_ITEMS_MAX);
	read_all(&b, data + 1, n - 1, 1 + (size_t)data[0] * data[0],
		 KR_MFSTREAM_PAGES + data[0] % 7);
	assert(!memcmp(a.digest, b.digest, 32));
	assert(a.n_marks == b.n_marks);
	assert(a.stat.phase == b.stat.phase && a.stat.reason == b.stat.reason);
	assert(a.stat.n_pages == b.stat.n_pages);
	assert(a.stat.n_zero_pages == b.stat.n_zero_pages);
	assert(a.stat.n_bytes == n - 1 && b.stat.n_bytes == n - 1);
	return 0;
}
