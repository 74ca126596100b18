/* SPDX-License-Identifier: Apache-2.0 */
/*
 * item.h - the pages that a stretch of a hypervisor's stream holds, by
 * place. Found by plane/qstream.c, hashed and shrunk by the rest of plane/.
 */
#ifndef KR_PLANE_ITEM_H
#define KR_PLANE_ITEM_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KR_PAGE_BYTES	4096u

enum kr_item_kind {
	KR_ITEM_PAGE,			/* 4096 bytes of content */
	KR_ITEM_FILL,			/* pages of one byte's value each */
	KR_ITEM_DISCARD,		/* pages to forget: as if never sent */
};

struct kr_item {
	uint64_t page;			/* index in its block */
	uint32_t at;			/* PAGE: offset of its content */
	uint32_t n;			/* pages in a row; PAGE: 1 */
	uint16_t block;			/* index in the stream's block list */
	uint8_t	 kind;
	uint8_t	 fill;
};

#define KR_ITEMS_MAX	1024u

struct kr_items {
	unsigned int   n;
	struct kr_item i[KR_ITEMS_MAX];
};

static inline bool kr_items_full(const struct kr_items *l)
{
	return l->n == KR_ITEMS_MAX;
}

static inline void kr_items_page(struct kr_items *l, uint16_t block,
				 uint64_t page, uint32_t at)
{
	assert(!kr_items_full(l));
	l->i[l->n++] = (struct kr_item){ .page = page, .at = at, .n = 1,
					 .block = block,
					 .kind = KR_ITEM_PAGE };
}

static inline void kr_items_discard(struct kr_items *l, uint16_t block,
				    uint64_t page, uint32_t n)
{
	assert(!kr_items_full(l));
	l->i[l->n++] = (struct kr_item){ .page = page, .n = n, .block = block,
					 .kind = KR_ITEM_DISCARD };
}

/** kr_items_fill() - A page of @fill; joins the run that it goes on. */
static inline void kr_items_fill(struct kr_items *l, uint16_t block,
				 uint64_t page, uint8_t fill)
{
	struct kr_item *last = l->n ? &l->i[l->n - 1] : NULL;

	assert(!kr_items_full(l));
	if (last && last->kind == KR_ITEM_FILL && last->block == block &&
	    last->fill == fill && last->page + last->n == page)
		last->n++;
	else
		l->i[l->n++] = (struct kr_item){ .page = page, .n = 1,
						 .block = block, .fill = fill,
						 .kind = KR_ITEM_FILL };
}

#endif
