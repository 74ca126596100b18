/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_qstream.c - QEMU's stream is understood however it is cut, its digest
 * is what PROTOCOL.lane.md says, and what is not understood turns opaque.
 */
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
#include "base/fd.h"
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
	uint8_t	     digest[32];	/* as kr_flow_account() makes it */
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

static void expect_vm(const struct seen *x)
{
	assert_int_equal(x->r, 0);
	assert_null(x->stat.reason);
	assert_int_equal(x->stat.phase, KR_QSTREAM_DEVICE);
	assert_int_equal(x->n_blocks, 2);
	assert_string_equal(x->pages, "0:0=a 0:1=b 0:2=0z 1:1=0z 1:0=c "
				      "0:1=d 0:4=1z ");
	assert_int_equal(x->stat.n_pages, 7);
	assert_int_equal(x->stat.n_zero_pages, 3);
	assert_int_equal(x->stat.ram_bytes, 0x7000);
	assert_int_equal(x->stat.n_bytes, kr_wr_len(&s));
	expect_digest(x);
}

static void every_split(void **state)
{
	struct seen x;

	(void)state;
	add_vm();
	x = run(SIZE_MAX, 1);
	expect_vm(&x);
	x = run(1, 1);
	expect_vm(&x);
	for (size_t i = 0; i <= kr_wr_len(&s); i++) {
		x = run(i, SIZE_MAX);
		expect_vm(&x);
	}
	for (size_t step = 2; step < 4200; step += 7) {
		x = run(step, step);
		expect_vm(&x);
	}
}

/* A list that is nearly full holds the reader up, and loses nothing. */
static void little_room(void **state)
{
	struct seen x;

	(void)state;
	add_vm();
	for (unsigned int room = 1; room < 8; room++) {
		x = run_with_room(SIZE_MAX, 1, room);
		expect_vm(&x);
		x = run_with_room(1000, 4099, room);
		expect_vm(&x);
	}
}

static void full_list_takes_nothing(void **state)
{
	struct kr_qstream *q = NULL;
	static struct kr_items items;
	size_t used = 1;

	(void)state;
	add_vm();
	items.n = KR_ITEMS_MAX;
	assert_int_equal(kr_qstream_new(LIMIT, &q, NULL), 0);
	assert_int_equal(kr_qstream_scan(q, stream_bytes, kr_wr_len(&s),
					 &items, &used, NULL), 0);
	assert_int_equal(used, 0);
	assert_int_equal(kr_qstream_stat(q)->n_bytes, 0);
	assert_int_equal(items.n, KR_ITEMS_MAX);
	kr_qstream_free(q);
}

static void blocks_by_name(void **state)
{
	const struct kr_qstream_block *b;
	static struct kr_items items;
	struct kr_qstream *q = NULL;
	size_t used;

	(void)state;
	add_vm();
	assert_int_equal(kr_qstream_new(LIMIT, &q, NULL), 0);
	assert_int_equal(kr_qstream_blocks(q, &b), 0);
	assert_int_equal(kr_qstream_scan(q, stream_bytes, kr_wr_len(&s),
					 &items, &used, NULL), 0);
	assert_int_equal(used, kr_wr_len(&s));
	assert_int_equal(kr_qstream_blocks(q, &b), 2);
	assert_int_equal(b[0].name_bytes, 6);
	assert_memory_equal(b[0].name, "pc.ram", 6);
	assert_int_equal(b[0].size_bytes, 0x5000);
	assert_int_equal(b[1].name_bytes, 4);
	assert_memory_equal(b[1].name, "vga!", 4);
	assert_int_equal(b[1].size_bytes, 0x2000);
	kr_qstream_free(q);
}

/* Zero pages in a row are one item; a gap, another fill or block ends it. */
static void fills_join(void **state)
{
	static const struct {
		uint64_t    record;
		const char *block;
		uint8_t	    fill;
	} rows[] = {
		{ 0x0000 | 0x02, "\6pc.ram", 0 }, { 0x1000 | 0x22, "", 0 },
		{ 0x2000 | 0x22, "", 0 },	  { 0x3000 | 0x22, "", 7 },
		{ 0x4000 | 0x22, "", 7 },	  { 0x0000 | 0x02, "\4vga!", 7 },
		{ 0x1000 | 0x22, "", 7 },	  { 0x0000 | 0x22, "", 7 },
	};
	static const struct {
		unsigned int block, page, n, fill;
	} want[] = { { 0, 0, 3, 0 }, { 0, 3, 2, 7 }, { 1, 0, 2, 7 },
		     { 1, 0, 1, 7 } };
	static struct kr_items items;
	struct kr_qstream *q = NULL;
	size_t used;

	(void)state;
	begin();
	add_head();
	add_blocks();
	ADD("\2\0\0\0\2");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		add_u64(rows[i].record);
		add(rows[i].block, strlen(rows[i].block));
		add(&rows[i].fill, 1);
	}
	items.n = 0;
	assert_int_equal(kr_qstream_new(LIMIT, &q, NULL), 0);
	assert_int_equal(kr_qstream_scan(q, stream_bytes, kr_wr_len(&s),
					 &items, &used, NULL), 0);
	assert_int_equal(used, kr_wr_len(&s));
	assert_int_equal(items.n, sizeof(want) / sizeof(want[0]));
	for (unsigned int i = 0; i < items.n; i++) {
		assert_int_equal(items.i[i].kind, KR_ITEM_FILL);
		assert_int_equal(items.i[i].block, want[i].block);
		assert_int_equal(items.i[i].page, want[i].page);
		assert_int_equal(items.i[i].n, want[i].n);
		assert_int_equal(items.i[i].fill, want[i].fill);
	}
	assert_int_equal(kr_qstream_stat(q)->n_zero_pages, 8);
	kr_qstream_free(q);
}

static void golden(void **state)
{
	char hex[65];
	struct seen x;

	(void)state;
	add_vm();
	x = run(SIZE_MAX, 1);
	kr_hex(x.digest, 32, hex);
	assert_string_equal(hex, "af187bdd73f02fa549dc5c63adcee069bc39e05efff13b98ca5e319aaaa32a46");
}

/* A stream cut anywhere: never an error, opaque before the end of RAM, and
 * the digest covers a page's bytes if they are not all there. */
static void every_cut(void **state)
{
	size_t n;

	(void)state;
	add_vm();
	n = kr_wr_len(&s);
	for (size_t k = 0; k < n; k++) {
		struct seen x, y;

		s.p = stream_bytes + k;
		x = run(SIZE_MAX, 1);
		y = run(k / 2, 1001);
		assert_int_equal(x.r, 0);
		assert_int_equal(x.stat.n_bytes, k);
		assert_int_equal(y.stat.n_bytes, k);
		assert_memory_equal(x.digest, y.digest, 32);
		assert_string_equal(x.pages, y.pages);
		if (x.stat.phase != KR_QSTREAM_DEVICE)
			assert_string_equal(x.stat.reason,
				"the stream ended before its RAM was complete");
	}
}

static void cut_in_a_page(void **state)
{
	struct seen x;

	(void)state;
	begin();
	add_head();
	add_blocks();
	ADD("\2\0\0\0\2");
	add_u64(0x08);
	ADD("\6pc.ram" "some of a page");
	x = run(10, 10);
	assert_int_equal(x.stat.phase, KR_QSTREAM_OPAQUE);
	assert_string_equal(x.pages, "");
	assert_int_equal(x.stat.n_bytes, kr_wr_len(&s));
	expect_digest(&x);
}

static void turns_opaque(const char *why)
{
	struct seen x;

	ADD(" and whatever follows \2\0\0\0\2");
	x = run(SIZE_MAX, 1);
	assert_int_equal(x.r, 0);
	assert_int_equal(x.stat.phase, KR_QSTREAM_OPAQUE);
	assert_string_equal(x.stat.reason, why);
	assert_true(strlen(why) < 64);
	expect_digest(&x);
	x = run(3, 1);
	assert_string_equal(x.stat.reason, why);
	expect_digest(&x);
}

static void unknown_heads(void **state)
{
	(void)state;
	begin();
	ADD("RIFF\0\0\0\3");
	turns_opaque("not a QEMU stream of version 3");
	begin();
	ADD("QEVM\0\0\0\4");
	turns_opaque("not a QEMU stream of version 3");
	begin();
	ADD("QEVM\0\0\0\3\5");
	turns_opaque("unknown section before the end of RAM");
	begin();
	ADD("QEVM\0\0\0\3\7\0\0\1\0");
	turns_opaque("unknown configuration");
	begin();
	add_head();
	ADD("\7\0\0\0\0\5\032configuration/capabilities\0\0\0\1");
	turns_opaque("unknown configuration");
	begin();
	ADD("QEVM\0\0\0\3\7\0\0\0\0\5\036configuration/target-page-bits"
	    "\0\0\0\1\0\0\0\020");
	turns_opaque("pages are not of 4 KiB");
	begin();
	add_head();
	ADD("\010\0\3\0\0");
	turns_opaque("unknown command");
	begin();
	add_head();
	ADD("\1\0\0\0\1\5block\0\0\0\0\0\0\0\1");
	turns_opaque("another section before the end of RAM");
	begin();
	add_head();
	ADD("\1\0\0\0\2\3ram\0\0\0\0\0\0\0\5");
	turns_opaque("unknown RAM section");
	begin();
	add_head();
	ADD("\2\0\0\0\2");
	turns_opaque("a section that was not started");
}

static void unknown_records(void **state)
{
	static const struct {
		unsigned int flags;
		const char  *why;
	} rows[] = {
		{ 0x40, "XBZRLE pages" },
		{ 0x60, "XBZRLE pages" },
		{ 0x100, "compressed pages" },
		{ 0x80, "RDMA" },
		{ 0x200, "multifd" },
		{ 0x00, "unknown page record" },
		{ 0x0a, "unknown page record" },
		{ 0x30, "unknown page record" },
		{ 0x28, "a page of no block" },
		{ 0x04, "a second block list" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin();
		add_head();
		add_blocks();
		ADD("\2\0\0\0\2");
		add_u64(0x1000 | rows[i].flags);
		turns_opaque(rows[i].why);
	}
	begin();
	add_head();
	add_blocks();
	ADD("\2\0\0\0\2");
	add_u64(0x5000 | 0x08);
	ADD("\6pc.ram");
	turns_opaque("a page outside its block");
	begin();
	add_head();
	add_blocks();
	ADD("\2\0\0\0\2");
	add_u64(0x08);
	ADD("\6pc.rom");
	turns_opaque("a page of no block");
	begin();
	add_head();
	ADD("\1\0\0\0\2\3ram\0\0\0\0\0\0\0\4");
	add_u64(0x3000 | 0x04);
	ADD("\1a");
	add_u64(0x2000);
	ADD("\1b");
	add_u64(0x2000);
	turns_opaque("unknown block list");
	begin();
	add_head();
	ADD("\1\0\0\0\2\3ram\0\0\0\0\0\0\0\4");
	add_u64(0x3000 | 0x04);
	ADD("\1a");
	add_u64(0x1000);
	ADD("\1a");
	add_u64(0x1000);
	turns_opaque("unknown block list");
}

static void too_much_ram(void **state)
{
	struct seen x;

	(void)state;
	begin();
	add_head();
	ADD("\1\0\0\0\2\3ram\0\0\0\0\0\0\0\4");
	add_u64(LIMIT + 0x1000 + 0x04);
	x = run(SIZE_MAX, 1);
	assert_true(x.r < 0);
	assert_int_equal(x.e.kr, KR_E_RAM_LIMIT);
	assert_int_equal(x.n_blocks, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_split),
		cmocka_unit_test(little_room),
		cmocka_unit_test(full_list_takes_nothing),
		cmocka_unit_test(blocks_by_name),
		cmocka_unit_test(fills_join),
		cmocka_unit_test(golden),
		cmocka_unit_test(every_cut),
		cmocka_unit_test(cut_in_a_page),
		cmocka_unit_test(unknown_heads),
		cmocka_unit_test(unknown_records),
		cmocka_unit_test(too_much_ram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
