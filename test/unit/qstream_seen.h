/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qstream_seen.h - a stream of QEMU's that a test puts together, what of it the
 * digest covers, and what the reader of it sees, however it is cut into pieces.
 */
#ifndef KR_TEST_QSTREAM_SEEN_H
#define KR_TEST_QSTREAM_SEEN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "plane/qstream.h"

#define PAGE	KR_PAGE_BYTES
#define LIMIT	(1u << 20)

/* A stream and, beside it, what of it the digest covers. */
static uint8_t stream_bytes[1 << 16], raw_bytes[1 << 16];
static struct kr_wr s, raw;

static void begin(void)
{
	s = KR_WR(stream_bytes, sizeof(stream_bytes));
	raw = KR_WR(raw_bytes, sizeof(raw_bytes));
}

static void add(const void *p, size_t n)
{
	kr_wr_bytes(&s, p, n);
	kr_wr_bytes(&raw, p, n);
}
#define ADD(text)	add(text, sizeof(text) - 1)

static void add_u64(uint64_t v)
{
	kr_wr_u64(&s, v);
	kr_wr_u64(&raw, v);
}

static void add_page(uint8_t c)
{
	uint8_t p[PAGE];

	memset(p, c, PAGE);
	p[5] = 0x10;
	kr_wr_bytes(&s, p, PAGE);
}

static void add_head(void)
{
	ADD("QEVM\0\0\0\3");
	ADD("\7\0\0\0\012pc-q35-7.2");
	ADD("\5\036configuration/target-page-bits\0\0\0\1\0\0\0\014");
	ADD("\5\022configuration/uuid\0\0\0\1" "0123456789abcdef");
	ADD("\010\0\1\0\0" "\010\0\2\0\4ping");
}

static void add_blocks(void)
{
	ADD("\1\0\0\0\2\3ram\0\0\0\0\0\0\0\4");
	add_u64(0x7000 | 0x04);
	ADD("\6pc.ram");
	add_u64(0x5000);
	ADD("\4vga!");
	add_u64(0x2000);
	add_u64(0x10);
	ADD("\x7e\0\0\0\2");
}

/* The whole stream of a small VM. */
static void add_vm(void)
{
	begin();
	add_head();
	add_blocks();
	ADD("\2\0\0\0\2");
	add_u64(0x0000 | 0x08);
	ADD("\6pc.ram");
	add_page('a');
	add_u64(0x1000 | 0x28);
	add_page('b');
	add_u64(0x2000 | 0x22);
	ADD("\0");
	add_u64(0x1000 | 0x02);
	ADD("\4vga!\0");
	add_u64(0x10);
	ADD("\x7e\0\0\0\2" "\3\0\0\0\2");
	add_u64(0x0000 | 0x28);		/* the same block as before: vga! */
	add_page('c');
	add_u64(0x1000 | 0x08);
	ADD("\6pc.ram");
	add_page('d');
	add_u64(0x4000 | 0x22);
	ADD("\x33");
	add_u64(0x10);
	ADD("\x7e\0\0\0\2" "\4\0\0\0\5\5timer\0\0\0\0\0\0\0\2 state \0\0end");
}

struct seen {
	unsigned int n_blocks;
	char	     pages[256];	/* block, page, first letter: … */
	struct kr_qstream_stat stat;
	uint8_t	     digest[32];	/* as kr_account_stretch() does */
	int	     r;
	struct kr_err e;
};

/* What was shown and not taken yet. */
struct carry {
	uint8_t b[sizeof(stream_bytes)];
	size_t	n;
};

static void note_page(struct seen *x, const struct kr_item *i, uint64_t k,
		      const uint8_t *data)
{
	size_t n = strlen(x->pages);

	if (data) {
		assert_int_equal(data[0], data[PAGE - 1]);
		assert_int_equal(data[5], 0x10);
	}
	snprintf(x->pages + n, sizeof(x->pages) - n, "%u:%u=%c%s", i->block,
		 (unsigned int)(i->page + k),
		 data ? data[0] : '0' + i->fill % 10, data ? " " : "z ");
}

/* Take note of the pages and digest what is in none. */
static void note(struct seen *x, EVP_MD_CTX *sha, const uint8_t *p, size_t n,
		 const struct kr_items *l, unsigned int first)
{
	size_t at = 0;

	for (unsigned int k = first; k < l->n; k++) {
		const struct kr_item *i = &l->i[k];

		assert_true(i->kind == KR_ITEM_PAGE ||
			    i->kind == KR_ITEM_FILL);
		assert_true(i->kind == KR_ITEM_FILL || i->n == 1);
		for (uint64_t j = 0; j < i->n; j++)
			note_page(x, i, j, i->kind == KR_ITEM_PAGE ?
						   p + i->at : NULL);
		if (i->kind == KR_ITEM_FILL)
			continue;
		assert_true(i->at >= at && i->at + PAGE <= n);
		EVP_DigestUpdate(sha, p + at, i->at - at);
		at = i->at + PAGE;
	}
	EVP_DigestUpdate(sha, p + at, n - at);
}

/* Show what the carry holds, with @room for pages; take what it takes. */
static size_t show(struct seen *x, struct kr_qstream *q, EVP_MD_CTX *sha,
		   struct carry *c, unsigned int room)
{
	static struct kr_items items;
	size_t used = 0;
	/* exactly as large as what is shown: overreads are caught */
	uint8_t *p = malloc(c->n ? c->n : 1);

	items.n = KR_ITEMS_MAX - room;
	memcpy(p, c->b, c->n);
	x->r = kr_qstream_scan(q, p, c->n, &items, &used, &x->e);
	assert_true(used <= c->n && items.n <= KR_ITEMS_MAX);
	if (!x->r) {
		assert_true(used || c->n < KR_QSTREAM_NEED_MAX || !room);
		note(x, sha, p, used, &items, KR_ITEMS_MAX - room);
		c->n -= used;
		memmove(c->b, c->b + used, c->n);
	}
	free(p);
	return used;
}

/* Show the stream in pieces: the first, then of @step bytes each. */
static struct seen run_with_room(size_t first, size_t step, unsigned int room)
{
	static struct carry c;
	EVP_MD_CTX *sha = EVP_MD_CTX_new();
	const struct kr_qstream_block *blocks;
	struct seen x = { 0 };
	struct kr_qstream *q = NULL;
	size_t n = kr_wr_len(&s), k = first;

	assert_false(s.bad || raw.bad);
	c.n = 0;
	EVP_DigestInit_ex(sha, EVP_sha256(), NULL);
	assert_int_equal(kr_qstream_new(LIMIT, &q, &x.e), 0);
	for (size_t i = 0; i < n && !x.r; k = step) {
		if (k > n - i)
			k = n - i;
		memcpy(c.b + c.n, stream_bytes + i, k);
		c.n += k;
		i += k;
		while (!x.r && show(&x, q, sha, &c, room) && c.n)
			;
	}
	if (!x.r && c.n) {
		EVP_DigestUpdate(sha, c.b, c.n);
		kr_qstream_cut(q, c.n);
	}
	if (!x.r)
		kr_qstream_finish(q);
	x.n_blocks = kr_qstream_blocks(q, &blocks);
	x.stat = *kr_qstream_stat(q);
	EVP_DigestFinal_ex(sha, x.digest, NULL);
	EVP_MD_CTX_free(sha);
	kr_qstream_free(q);
	return x;
}

static struct seen run(size_t first, size_t step)
{
	return run_with_room(first, step, KR_ITEMS_MAX);
}

static void expect_digest(const struct seen *x)
{
	uint8_t want[32];

	EVP_Digest(raw_bytes, kr_wr_len(&raw), want, NULL, EVP_sha256(),
		   NULL);
	assert_memory_equal(x->digest, want, 32);
}

#endif
