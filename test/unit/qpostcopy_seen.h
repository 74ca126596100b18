/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qpostcopy_seen.h - a stream with post-copy that a test puts together, and
 * what the reader of it sees, however much it is shown at a time.
 */
#ifndef KR_TEST_QPOSTCOPY_SEEN_H
#define KR_TEST_QPOSTCOPY_SEEN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "plane/qstream.h"

#define PAGE	KR_PAGE_BYTES
#define LIMIT	(512u << 20)

static uint8_t bytes[1 << 17];
static struct kr_wr s;

static void begin(void)
{
	s = KR_WR(bytes, sizeof(bytes));
}

#define ADD(text)	kr_wr_bytes(&s, text, sizeof(text) - 1)

static void add_page(char c)
{
	memset(kr_wr_room(&s, PAGE), c, PAGE);
}

struct seen {
	struct kr_qstream_stat stat;
	char		       items[512];	/* block:page+n=kind … */
	size_t		       split;		/* bytes up to it; 0 = none */
	unsigned int	       n_blocks;
	int		       r;
	struct kr_err	       e;
};

static void note(struct seen *x, const struct kr_items *l, const uint8_t *p)
{
	static const char kinds[] = "pzd";

	for (unsigned int k = 0; k < l->n; k++) {
		const struct kr_item *i = &l->i[k];
		size_t n = strlen(x->items);

		snprintf(x->items + n, sizeof(x->items) - n, "%u:%x+%x=%c ",
			 i->block, (unsigned int)i->page, i->n,
			 kinds[i->kind]);
		if (i->kind == KR_ITEM_PAGE)
			assert_int_equal(p[i->at], p[i->at + PAGE - 1]);
	}
}

/* Show all, @step bytes more at a time, with @room for items. */
static struct seen run(bool resumed, size_t step, unsigned int room)
{
	static struct kr_items items, found;
	const struct kr_qstream_block *b;
	struct kr_qstream *q = NULL;
	struct seen x = { .r = 0 };
	size_t n = kr_wr_len(&s), at = 0, used;

	assert_false(s.bad);
	assert_int_equal(kr_qstream_new(LIMIT, &q, &x.e), 0);
	if (resumed)
		kr_qstream_resumed(q);
	for (size_t end = 0; end < n && !x.r;) {
		end = n - end > step ? end + step : n;
		do {
			/* exactly as large as what is shown */
			uint8_t *p = malloc(end - at + 1);

			memcpy(p, bytes + at, end - at);
			items.n = KR_ITEMS_MAX - room;
			items.i[KR_ITEMS_MAX - room - (room < KR_ITEMS_MAX)] =
				(struct kr_item){ .kind = KR_ITEM_PAGE };
			x.r = kr_qstream_scan(q, p, end - at, &items, &used,
					      &x.e);
			found.n = items.n - (KR_ITEMS_MAX - room);
			memcpy(found.i, items.i + KR_ITEMS_MAX - room,
			       found.n * sizeof(*found.i));
			if (!x.r)
				note(&x, &found, p);
			free(p);
			at += used;
			if (!x.split && kr_qstream_stat(q)->late && !resumed)
				x.split = at;
		} while (!x.r && used && at < end);
	}
	if (!x.r)
		kr_qstream_cut(q, n - at);
	x.stat = *kr_qstream_stat(q);
	x.n_blocks = kr_qstream_blocks(q, &b);
	kr_qstream_free(q);
	return x;
}

#endif
