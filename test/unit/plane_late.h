/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plane_late.h - what a source that is told what to say, see plane_liar.h, says
 * in post-copy: before the split and behind it, or once it was resumed. What is
 * honest of it is counted: that much has to arrive.
 */
#ifndef KR_TEST_PLANE_LATE_H
#define KR_TEST_PLANE_LATE_H

#include "plane_liar.h"

#define DISCARDED	512u		/* pages 1 to this one */
#define SECTION		"\2\0\0\0\2"

static uint64_t given;			/* bytes of all honest batches */

static struct batch *end_batch(struct batch *b)
{
	return seal(b, (uint32_t)kr_wr_len(&b->w) - KR_BATCH_HEAD_BYTES);
}

/* It is to arrive. */
static struct batch *honest(struct batch *b)
{
	end_batch(b);
	given += b->h.n_raw;
	return b;
}

static void put(struct batch *b, const char *p, size_t n)
{
	kr_wr_bytes(&b->w, p, n);
}
#define PUT(b, text)	put(b, text, sizeof(text) - 1)

static void put_named(struct batch *b, uint64_t page, uint8_t c)
{
	kr_wr_u64(&b->w, page * PAGE | 0x08);
	PUT(b, "\6pc.ram");
	kr_items_page(&b->items, 0, page, (uint32_t)kr_wr_len(&b->w) -
					  KR_BATCH_HEAD_BYTES);
	memset(kr_wr_room(&b->w, PAGE), c, PAGE);
}

static inline void put_zeroes(struct batch *b, uint64_t page, uint64_t n)
{
	for (uint64_t i = page; i < page + n; i++) {
		kr_wr_u64(&b->w, i * PAGE | 0x02);
		PUT(b, "\6pc.ram\0");
		kr_items_fill(&b->items, 0, i, 0);
	}
}

static void put_end(struct batch *b)
{
	kr_wr_u64(&b->w, 0x10);
	PUT(b, "\x7e\0\0\0\2");
}

static void put_discard(struct batch *b, uint64_t page, uint64_t n)
{
	PUT(b, "\10\0\6\0\31\0\6pc.ram\0");
	kr_wr_u64(&b->w, page * PAGE);
	kr_wr_u64(&b->w, n * PAGE);
}

static void put_package(struct batch *b)
{
	PUT(b, "\10\0\7\0\4\0\0\0\14\10\0\4\0\0hm\10\0\5\0\0");
}

/* Blocks, and pages 0 and 1. */
static struct batch *put_early(struct batch *b)
{
	PUT(b, "QEVM\0\0\0\3\10\0\3\0\20\0\0\0\0\0\0\20\0"
	       "\0\0\0\0\0\0\20\0\1\0\0\0\2\3ram\0\0\0\0\0\0\0\4");
	kr_wr_u64(&b->w, PAGES * PAGE | 0x04);
	PUT(b, "\6pc.ram");
	kr_wr_u64(&b->w, PAGES * PAGE);
	put_end(b);
	PUT(b, SECTION);
	put_named(b, 0, 'a');
	put_named(b, 1, 'b');
	put_end(b);
	return b;
}

static struct batch *put_split(struct batch *b)
{
	put_early(b);
	put_discard(b, 1, DISCARDED);
	kr_items_discard(&b->items, 0, 1, DISCARDED);
	put_package(b);
	return b;
}

/* A late one, of pages with content. */
static struct batch *add_late(unsigned int lane, uint64_t ticket,
			      uint64_t page, unsigned int n)
{
	struct batch *b = add(lane, ticket);

	PUT(b, SECTION);
	for (uint64_t i = page; i < page + n; i++)
		put_named(b, i, (uint8_t)i);
	put_end(b);
	return b;
}

static struct batch *add_end(uint64_t ticket)
{
	struct batch *b = add(0, ticket);

	PUT(b, "\3\0\0\0\2");
	put_end(b);
	PUT(b, "\0");
	return b;
}

static inline int begin_split(void **state)
{
	begin(state);
	given = 0;
	honest(put_split(add(0, 0)));
	return 0;
}

static inline int begin_resumed(void **state)
{
	struct batch *b;

	begin(state);
	given = 0;
	stand_resumed = true;
	b = add(0, 0);
	PUT(b, "\10\0\12\0\7\6pc.ram\10\0\11\0\0");
	honest(b);
	return 0;
}

static inline bool is_given(void)
{
	return is_decided() || drained->n_bytes == given;
}

static inline void expect_given(enum kr_code code)
{
	expect_failure(code);
	assert_true(stand.side[DST].has_split || stand_resumed);
	assert_int_equal(drained->n_bytes, given);
}

static inline const struct side *expect_manifest(void)
{
	struct side *d = &stand.side[DST];

	set_out();
	assert_true(stand_await(is_decided));
	if (!d->has_manifest)
		fail_msg("%d: %s", d->fail.kr, d->fail.what);
	clear_away();
	return d;
}

#endif
