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

#define PAGE	KR_QSTREAM_PAGE_BYTES
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
	unsigned int n_blocks, n_pages, n_pauses;
	char	     pages[256];	/* block, page, first letter: … */
	struct kr_qstream_stat stat;
	uint8_t	     digest[32];
	int	     r;
	struct kr_err e;
};

static int on_blocks(void *arg, const struct kr_qstream_block *b,
		     unsigned int n, struct kr_err *e)
{
	struct seen *x = arg;

	(void)b, (void)e;
	assert_int_equal(x->n_blocks, 0);
	x->n_blocks = n;
	return 0;
}

static int on_page(void *arg, unsigned int block, uint64_t page,
		   const uint8_t *data, uint8_t fill, struct kr_err *e)
{
	struct seen *x = arg;
	size_t n = strlen(x->pages);

	(void)e;
	x->n_pages++;
	if (data) {
		assert_int_equal(data[0], data[PAGE - 1]);
		assert_int_equal(data[5], 0x10);
	}
	snprintf(x->pages + n, sizeof(x->pages) - n, "%u:%u=%c%s", block,
		 (unsigned int)page, data ? data[0] : '0' + fill % 10,
		 data ? " " : "z ");
	return 0;
}

static int on_pause(void *arg, struct kr_err *e)
{
	struct seen *x = arg;

	(void)e;
	x->n_pauses++;
	return 0;
}

static const struct kr_qstream_ops ops = { on_blocks, on_page, on_pause };

/* Push the stream in pieces: the first, then of @step bytes each. */
static struct seen run(size_t first, size_t step)
{
	struct seen x = { 0 };
	struct kr_qstream *q = NULL;
	size_t n = kr_wr_len(&s);

	assert_false(s.bad || raw.bad);
	assert_int_equal(kr_qstream_new(LIMIT, &ops, &x, &q, &x.e), 0);
	for (size_t i = 0; i < n && !x.r;) {
		size_t k = i ? step : first;
		/* exactly as large as the piece: overreads are caught */
		uint8_t *piece;

		if (k > n - i)
			k = n - i;
		piece = malloc(k ? k : 1);
		memcpy(piece, stream_bytes + i, k);
		x.r = kr_qstream_push(q, piece, k, &x.e);
		free(piece);
		i += k;
		if (!k && !i)
			first = step;
	}
	if (!x.r)
		x.r = kr_qstream_finish(q, x.digest, &x.e);
	x.stat = *kr_qstream_stat(q);
	kr_qstream_free(q);
	return x;
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
	assert_int_equal(x->n_pauses, 3);
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
	assert_int_equal(x.n_pages, 0);
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
		cmocka_unit_test(golden),
		cmocka_unit_test(every_cut),
		cmocka_unit_test(cut_in_a_page),
		cmocka_unit_test(unknown_heads),
		cmocka_unit_test(unknown_records),
		cmocka_unit_test(too_much_ram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
