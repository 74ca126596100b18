/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_mfstream.c - a multifd channel is understood however it is cut, stops
 * at its marks, and turns opaque at what it must not believe. So does the main
 * channel beside it, which qstream.h reads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "plane/mfstream.h"

#define PAGE	KR_PAGE_BYTES
#define HEAD	KR_MFSTREAM_HEAD_BYTES

static const struct kr_qstream_block list[] = {
	{ 0x80000, 6, "pc.ram" }, { 0x2001, 4, "vga!" },
};
static const struct kr_mfstream_blocks blocks = { list, 2 };

static uint8_t bytes[1 << 18];
static struct kr_wr s;

struct packet {
	uint32_t    magic, version, flags, room, n_normal, n_body, n_zero;
	const char *name;
	uint64_t    offset[KR_MFSTREAM_PAGES];
};

static struct packet packet(uint32_t flags, uint32_t n_normal, uint32_t n_zero)
{
	struct packet p = { .magic = 0x11223344, .version = 1, .flags = flags,
			    .room = 128, .n_normal = n_normal,
			    .n_body = n_normal * PAGE, .n_zero = n_zero,
			    .name = "pc.ram" };

	for (unsigned int i = 0; i < KR_MFSTREAM_PAGES; i++)
		p.offset[i] = i * PAGE;
	return p;
}

static void add_init(void)
{
	static const uint8_t rest[56];

	s = KR_WR(bytes, sizeof(bytes));
	kr_wr_u32(&s, 0x11223344);
	kr_wr_u32(&s, 1);
	kr_wr_bytes(&s, rest, sizeof(rest));
}

/* With its content, if that is of a size at all. */
static void add(struct packet p)
{
	uint8_t name[256] = { 0 }, page[PAGE];

	kr_wr_u32(&s, p.magic);
	kr_wr_u32(&s, p.version);
	kr_wr_u32(&s, p.flags);
	kr_wr_u32(&s, p.room);
	kr_wr_u32(&s, p.n_normal);
	kr_wr_u32(&s, p.n_body);
	kr_wr_u64(&s, 77);
	kr_wr_u32(&s, p.n_zero);
	kr_wr_bytes(&s, name, 28);
	memcpy(name, p.name, strlen(p.name));
	kr_wr_bytes(&s, name, sizeof(name));
	for (unsigned int i = 0; i < KR_MFSTREAM_PAGES; i++)
		kr_wr_u64(&s, p.offset[i]);
	for (uint32_t i = 0; i < p.n_normal && p.n_normal <= 8; i++) {
		memset(page, 'a' + (int)i, sizeof(page));
		kr_wr_bytes(&s, page, sizeof(page));
	}
	assert_false(s.bad);
}

/* What a small channel holds: a mark, pages, zero pages, a mark with pages. */
static void add_channel(void)
{
	struct packet p;

	add_init();
	p = packet(1, 0, 0);
	p.room = 0;
	p.n_body = 12345;			/* stale */
	add(p);
	add(packet(0, 3, 2));
	p = packet(0, 0, 3);
	p.name = "vga!";
	add(p);
	p = packet(0, 1, 2);
	p.offset[0] = 0x7f000;
	p.offset[1] = 0x20000;
	p.offset[2] = 0x30000;
	add(p);
	add(packet(1, 2, 0));
	add(packet(0, 0, 0));
	add(packet(1, 0, 0));
}

struct seen {
	char	 pages[512], marks[128];
	uint64_t n_marks;
	struct kr_qstream_stat stat;
};

static void note(struct seen *x, const struct kr_items *l, const uint8_t *p)
{
	for (unsigned int k = 0; k < l->n; k++) {
		const struct kr_item *i = &l->i[k];

		for (uint32_t j = 0; j < i->n; j++) {
			size_t n = strlen(x->pages);

			snprintf(x->pages + n, sizeof(x->pages) - n,
				 "%u:%x=%c ", i->block,
				 (unsigned int)(i->page + j),
				 i->kind == KR_ITEM_PAGE ? p[i->at] : '0');
		}
		if (i->kind == KR_ITEM_PAGE)
			assert_int_equal(p[i->at], p[i->at + PAGE - 1]);
	}
}

/* Show the channel in pieces: the first, then of @step bytes each. */
static struct seen run_with(size_t first, size_t step,
			    const struct kr_mfstream_blocks *l)
{
	static struct kr_items items;
	struct kr_mfstream *m = NULL;
	struct seen x = { 0 };
	size_t n = kr_wr_len(&s), taken = 0, shown = first;

	assert_int_equal(kr_mfstream_new(&m, NULL), 0);
	for (;;) {
		size_t used = 0, k;
		uint64_t marks = kr_mfstream_marks(m);
		uint8_t *p;

		shown = shown > n ? n : shown;
		k = shown - taken;
		p = malloc(k ? k : 1);	/* overreads are caught */
		memcpy(p, bytes + taken, k);
		items.n = 0;
		assert_int_equal(kr_mfstream_scan(m, l, p, k, &items, &used,
						  NULL), 0);
		assert_true(used <= k);
		assert_true(used || k < KR_MFSTREAM_NEED_MAX);
		note(&x, &items, p);
		free(p);
		taken += used;
		if (kr_mfstream_marks(m) != marks) {
			size_t at = strlen(x.marks);

			assert_int_equal(kr_mfstream_marks(m), marks + 1);
			snprintf(x.marks + at, sizeof(x.marks) - at, "%zu ",
				 taken);
			continue;
		}
		if (!used && shown == n)
			break;
		if (!used)
			shown += step;
	}
	if (taken < n)
		kr_mfstream_cut(m, n - taken);
	kr_mfstream_finish(m);
	x.n_marks = kr_mfstream_marks(m);
	x.stat = *kr_mfstream_stat(m);
	assert_int_equal(x.stat.n_bytes, n);
	kr_mfstream_free(m);
	return x;
}

static struct seen run(void)
{
	return run_with(SIZE_MAX, 1, &blocks);
}

static const char all[] = "0:3=0 0:4=0 0:0=a 0:1=b 0:2=c 1:0=0 1:1=0 1:2=0 "
			  "0:20=0 0:30=0 0:7f=a 0:0=a 0:1=b ";

static void expect_all(const struct seen *x)
{
	char marks[128];

	assert_string_equal(x->pages, all);
	snprintf(marks, sizeof(marks), "%u %u %u %u ", 64, 64 + HEAD,
		 64 + 5 * HEAD + 6 * PAGE, 64 + 7 * HEAD + 6 * PAGE);
	assert_string_equal(x->marks, marks);
	assert_int_equal(x->n_marks, 4);
	assert_int_equal(x->stat.phase, KR_QSTREAM_RAM);
	assert_null(x->stat.reason);
	assert_int_equal(x->stat.n_pages, 13);
	assert_int_equal(x->stat.n_zero_pages, 7);
}

static void every_split(void **state)
{
	struct seen x;

	(void)state;
	add_channel();
	for (size_t i = 0; i < kr_wr_len(&s); i++) {
		x = run_with(i, SIZE_MAX / 2, &blocks);
		expect_all(&x);
	}
	for (size_t step = 1; step < 6000; step += 1 + step / 7) {
		x = run_with(0, step, &blocks);
		expect_all(&x);
	}
}

/* Cut anywhere, it tells of no page that is not whole, and is opaque unless
 * the cut is between packets. */
static void every_cut(void **state)
{
	size_t n;

	(void)state;
	add_channel();
	n = kr_wr_len(&s);
	for (size_t i = 0; i < n; i++) {
		struct seen x;
		bool whole = i == 64 || i == 64 + HEAD ||
			     i == 64 + 2 * HEAD + 3 * PAGE ||
			     i == 64 + 3 * HEAD + 3 * PAGE ||
			     i == 64 + 4 * HEAD + 4 * PAGE ||
			     i == 64 + 5 * HEAD + 6 * PAGE ||
			     i == 64 + 6 * HEAD + 6 * PAGE;

		s.p = bytes + i;
		x = run();
		assert_int_equal(x.stat.phase == KR_QSTREAM_OPAQUE, !whole);
		assert_memory_equal(x.pages, all, strlen(x.pages));
	}
}

static void expect_opaque(const char *reason, const char *pages)
{
	struct seen x = run();

	assert_int_equal(x.stat.phase, KR_QSTREAM_OPAQUE);
	assert_string_equal(x.stat.reason, reason);
	assert_string_equal(x.pages, pages);
}

/* A good mark, a packet that is not, and what would follow. */
static void hostile(struct packet p, const char *reason)
{
	add_init();
	add(packet(1, 0, 0));
	add(p);
	add(packet(0, 2, 2));
	expect_opaque(reason, "");
}

static void hostile_heads(void **state)
{
	static const uint32_t large[] = { 129, 1u << 20, 0x7fffffff,
					  0x80000000, 0xffffff80,
					  UINT32_MAX };
	static const char size[] = "multifd packets of another size";
	struct packet p;

	(void)state;
	for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++) {
		p = packet(0, large[i], 0);
		hostile(p, size);
		p.room = large[i];
		hostile(p, size);
		p = packet(0, 0, large[i]);
		hostile(p, size);
		p.room = large[i];
		hostile(p, size);
		p = packet(0, 1, 0);
		p.room = large[i];
		hostile(p, size);
		p.n_zero = large[i];
		hostile(p, size);
		p = packet(0, 1, 0);
		p.n_body = large[i];
		hostile(p, size);
		p = packet(0, 0, 0);
		p.room = large[i];
		hostile(p, size);
	}
	hostile(packet(0, 100, 29), size);
	hostile(packet(0, 128, 1), size);
	p = packet(0, 1, 0);
	p.room = 64;
	hostile(p, size);
	p = packet(0, 1, 0);
	p.magic = 0x11223345;
	hostile(p, "unknown multifd packet");
	p = packet(0, 1, 0);
	p.version = 2;
	hostile(p, "unknown multifd packet");
}

static void unknown_flags(void **state)
{
	(void)state;
	for (unsigned int i = 1; i < 32; i++) {
		hostile(packet(1u << i, 1, 0),
			"compressed multifd pages, or device state");
		hostile(packet(1u << i | 1, 0, 0),
			"compressed multifd pages, or device state");
	}
}

static void unknown_places(void **state)
{
	static const char block[] = "a page of no block";
	static const char place[] = "a page outside its block";
	struct packet p = packet(0, 2, 0);

	(void)state;
	p.name = "pc.ra";
	hostile(p, block);
	p.name = "pc.ram2";
	hostile(p, block);
	p.name = "";
	hostile(p, block);
	p = packet(0, 2, 0);
	p.offset[1] = 0x80000;
	hostile(p, place);
	p.offset[1] = 0x1001;
	hostile(p, place);
	p.offset[1] = UINT64_MAX & ~(uint64_t)(PAGE - 1);
	hostile(p, place);
	p = packet(0, 0, 2);
	p.offset[1] = 0x80000;
	hostile(p, place);
	p.name = "vga!";
	p.offset[1] = 0x3000;
	hostile(p, place);
}

/* No pages before the main channel's block list can be known. */
static void pages_too_early(void **state)
{
	const struct kr_mfstream_blocks none = { NULL, 0 };
	struct seen x;

	(void)state;
	add_init();
	add(packet(1, 2, 0));
	expect_opaque("a page of no block", "");
	add_channel();
	x = run_with(SIZE_MAX, 1, &none);
	assert_string_equal(x.stat.reason, "a page of no block");
	assert_string_equal(x.pages, "");
}

static void unknown_beginning(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 8; i++) {
		add_channel();
		bytes[i] ^= 0x40;
		expect_opaque("not a multifd channel of version 1", "");
	}
}

/* As many runs of zero pages as there may be: never more than there is room. */
static void room_for_runs(void **state)
{
	static struct kr_items items;
	struct kr_mfstream *m = NULL;
	unsigned int n_pages = 0;
	size_t at = 0, n;

	(void)state;
	add_init();
	add(packet(1, 0, 0));
	for (unsigned int k = 0; k < 12; k++) {
		struct packet p = packet(0, 0, 64);

		for (unsigned int i = 0; i < 64; i++)
			p.offset[i] = 2 * i * PAGE;
		add(p);
		add(p);
	}
	n = kr_wr_len(&s);
	assert_int_equal(kr_mfstream_new(&m, NULL), 0);
	while (at < n) {
		size_t used;

		items.n = 0;
		kr_mfstream_scan(m, &blocks, bytes + at, n - at, &items, &used,
				 NULL);
		assert_true(used && items.n <= KR_ITEMS_MAX);
		at += used;
		n_pages += items.n;
	}
	assert_int_equal(n_pages, 24 * 64);
	kr_mfstream_free(m);
}

/* ---- the main channel -------------------------------------------------- */

static void put(const char *p, size_t n)
{
	kr_wr_bytes(&s, p, n);
}
#define PUT(text)	put(text, sizeof(text) - 1)

/* Where a scan of the main channel stops, and what it is in the end. */
static struct kr_qstream_stat main_stops(bool multifd, char stops[128])
{
	static struct kr_items items;
	struct kr_qstream *q = NULL;
	struct kr_qstream_stat x;
	size_t at = 0, used;

	stops[0] = '\0';
	assert_int_equal(kr_qstream_new(1 << 20, &q, NULL), 0);
	if (multifd)
		kr_qstream_multifd(q);
	do {
		items.n = 0;
		assert_int_equal(kr_qstream_scan(q, bytes + at,
						 kr_wr_len(&s) - at, &items,
						 &used, NULL), 0);
		at += used;
		snprintf(stops + strlen(stops), 128 - strlen(stops), "%zu/%u ",
			 at, (unsigned int)kr_qstream_marks(q));
	} while (used && at < kr_wr_len(&s));
	x = *kr_qstream_stat(q);
	kr_qstream_free(q);
	return x;
}

static void add_main(bool flush, bool late_flush)
{
	s = KR_WR(bytes, sizeof(bytes));
	PUT("QEVM\0\0\0\3\1\0\0\0\2\3ram\0\0\0\0\0\0\0\4");
	kr_wr_u64(&s, 0x1000 | 4);
	PUT("\6pc.ram");
	kr_wr_u64(&s, 0x1000);
	if (flush)
		kr_wr_u64(&s, 0x200);
	kr_wr_u64(&s, 0x10);
	PUT("\x7e\0\0\0\2\2\0\0\0\2");
	if (flush || late_flush)
		kr_wr_u64(&s, 0x200);
	kr_wr_u64(&s, 0x10);
	PUT("\x7e\0\0\0\2\3\0\0\0\2");
	kr_wr_u64(&s, 0x10);
	PUT("\x7e\0\0\0\2 device");
}

static void main_marks(void **state)
{
	struct kr_qstream_stat x;
	char stops[128];

	(void)state;
	add_main(false, false);
	x = main_stops(true, stops);
	assert_string_equal(stops, "56/1 74/2 92/3 104/3 ");
	assert_int_equal(x.phase, KR_QSTREAM_DEVICE);
	x = main_stops(false, stops);
	assert_string_equal(stops, "104/0 ");
	add_main(true, false);
	x = main_stops(true, stops);
	assert_string_equal(stops, "56/1 82/2 120/2 ");
	assert_int_equal(x.phase, KR_QSTREAM_DEVICE);
	x = main_stops(false, stops);
	assert_string_equal(x.reason, "multifd");
	add_main(false, true);
	x = main_stops(true, stops);
	assert_string_equal(x.reason, "multifd");
}

static void late_block_list(void **state)
{
	struct kr_qstream_stat x;
	char stops[128];

	(void)state;
	s = KR_WR(bytes, sizeof(bytes));
	PUT("QEVM\0\0\0\3\1\0\0\0\2\3ram\0\0\0\0\0\0\0\4");
	kr_wr_u64(&s, 0x10);
	PUT("\x7e\0\0\0\2\2\0\0\0\2");
	kr_wr_u64(&s, 0x1000 | 4);
	PUT("\6pc.ram");
	kr_wr_u64(&s, 0x1000);
	kr_wr_u64(&s, 0x10);
	x = main_stops(true, stops);
	assert_string_equal(x.reason, "a block list that comes late");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_split),
		cmocka_unit_test(every_cut),
		cmocka_unit_test(hostile_heads),
		cmocka_unit_test(unknown_flags),
		cmocka_unit_test(unknown_places),
		cmocka_unit_test(pages_too_early),
		cmocka_unit_test(unknown_beginning),
		cmocka_unit_test(room_for_runs),
		cmocka_unit_test(main_marks),
		cmocka_unit_test(late_block_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
