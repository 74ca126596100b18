/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mfstream.c - a multifd channel, read item by item. Runs in the data-plane
 * agent; the bytes are the hypervisor's and, on the destination, come from
 * the peer's.
 *
 * A packet's head has the same size whatever it holds; QEMU settles it by the
 * page size. One that says otherwise is of a QEMU that does something new.
 */
#include "plane/mfstream.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"

#define PAGE		KR_PAGE_BYTES
#define MAGIC		0x11223344u
#define VERSION		1u
#define NAME_BYTES	256u
#define PAGES_MARK	2u	/* pages come behind so many marks */

enum { F_SYNC = 1 };		/* others: compression, device state */

enum state { S_INIT, S_HEAD, S_PAGE, S_OPAQUE };

struct kr_mfstream {
	enum state	       st;
	size_t		       need;	/* bytes of what is awaited */
	uint32_t	       flags;	/* of the packet we are in */
	uint16_t	       block;
	unsigned int	       n_pages, next; /* with content; now due */
	uint64_t	       pages[KR_MFSTREAM_PAGES];
	uint64_t	       n_marks;
	struct kr_qstream_stat stat;
};

int kr_mfstream_new(struct kr_mfstream **ret_m, struct kr_err *e)
{
	struct kr_mfstream *m = calloc(1, sizeof(*m));

	if (!m)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	m->st = S_INIT;
	m->need = KR_MFSTREAM_INIT_BYTES;
	*ret_m = m;
	return 0;
}

static void go(struct kr_mfstream *m, enum state st, size_t need)
{
	m->st = st;
	m->need = need;
}

static void opaque(struct kr_mfstream *m, const char *reason)
{
	m->st = S_OPAQUE;
	m->stat.phase = KR_QSTREAM_OPAQUE;
	m->stat.reason = reason;
}

static void read_init(struct kr_mfstream *m, struct kr_rd *r)
{
	uint32_t magic = kr_rd_u32(r);

	if (magic != MAGIC || kr_rd_u32(r) != VERSION) {
		opaque(m, "not a multifd channel of version 1");
		return;
	}
	m->n_marks++;
	m->stat.phase = KR_QSTREAM_RAM;
	go(m, S_HEAD, KR_MFSTREAM_HEAD_BYTES);
}

/* The packet is whole. */
static void end_packet(struct kr_mfstream *m)
{
	m->n_marks += m->flags & F_SYNC;
	go(m, S_HEAD, KR_MFSTREAM_HEAD_BYTES);
}

static int find_block(const struct kr_mfstream_blocks *l, const uint8_t *name)
{
	size_t n = strnlen((const char *)name, NAME_BYTES);

	for (unsigned int i = 0; i < l->n; i++)
		if (l->b[i].name_bytes == n && !memcmp(l->b[i].name, name, n))
			return (int)i;
	return -1;
}

/* A page's place in its block. Return: false if it is not in it. */
static bool read_page(struct kr_rd *r, const struct kr_qstream_block *b,
		      uint64_t *ret_page)
{
	uint64_t offset = kr_rd_u64(r);

	*ret_page = offset / PAGE;
	return offset % PAGE == 0 &&
	       *ret_page < b->size_bytes / PAGE + (b->size_bytes % PAGE != 0);
}

/* The pages that a head lists. All are checked before one is told of. */
static void read_list(struct kr_mfstream *m, const struct kr_mfstream_blocks *l,
		      struct kr_rd *r, const uint8_t *name, uint32_t n_zero,
		      struct kr_items *items)
{
	uint64_t zero[KR_MFSTREAM_PAGES];
	const struct kr_qstream_block *b;
	int block = m->n_marks < PAGES_MARK ? -1 : find_block(l, name);

	if (block < 0) {
		opaque(m, "a page of no block");
		return;
	}
	b = &l->b[block];
	m->block = (uint16_t)block;
	for (uint32_t i = 0; i < m->n_pages + n_zero; i++) {
		if (!read_page(r, b, i < m->n_pages ? &m->pages[i] :
						      &zero[i - m->n_pages])) {
			opaque(m, "a page outside its block");
			return;
		}
	}
	for (uint32_t i = 0; i < n_zero; i++)
		kr_items_fill(items, m->block, zero[i], 0);
	m->stat.n_pages += n_zero;
	m->stat.n_zero_pages += n_zero;
}

static void read_head(struct kr_mfstream *m, const struct kr_mfstream_blocks *l,
		      struct kr_rd *r, struct kr_items *items)
{
	uint32_t magic = kr_rd_u32(r);
	uint32_t version = kr_rd_u32(r);
	uint32_t room, n_body, n_zero;
	const uint8_t *name;

	m->flags = kr_rd_u32(r);
	room = kr_rd_u32(r);
	m->n_pages = kr_rd_u32(r);
	n_body = kr_rd_u32(r);
	kr_rd_u64(r);				/* packets so far */
	n_zero = kr_rd_u32(r);
	kr_rd_take(r, 28);			/* not used yet */
	name = kr_rd_take(r, NAME_BYTES);
	m->next = 0;
	if (magic != MAGIC || version != VERSION) {
		opaque(m, "unknown multifd packet");
		return;
	}
	if (m->flags & ~(uint32_t)F_SYNC) {
		opaque(m, "compressed multifd pages, or device state");
		return;
	}
	if (!m->n_pages && !n_zero) {	/* only a sign; the rest is stale */
		if (room && room != KR_MFSTREAM_PAGES)
			opaque(m, "multifd packets of another size");
		else
			end_packet(m);
		return;
	}
	if (room != KR_MFSTREAM_PAGES || m->n_pages > room ||
	    n_zero > room - m->n_pages ||
	    (m->n_pages && n_body != m->n_pages * PAGE)) {
		opaque(m, "multifd packets of another size");
		return;
	}
	read_list(m, l, r, name, n_zero, items);
	if (m->st == S_OPAQUE)
		return;
	if (m->n_pages)
		go(m, S_PAGE, PAGE);
	else
		end_packet(m);
}

/* Read what is at @p, @at in what was shown: the bytes its state needs. */
static void step(struct kr_mfstream *m, const struct kr_mfstream_blocks *l,
		 const uint8_t *p, size_t at, struct kr_items *items)
{
	struct kr_rd r = KR_RD(p, m->need);

	switch (m->st) {
	case S_INIT:
		read_init(m, &r);
		break;
	case S_HEAD:
		read_head(m, l, &r, items);
		break;
	case S_PAGE:
		kr_items_page(items, m->block, m->pages[m->next],
			      (uint32_t)at);
		m->stat.n_pages++;
		if (++m->next == m->n_pages)
			end_packet(m);
		break;
	case S_OPAQUE:
		break;
	}
}

/* A head may hold as many runs of zero pages as a packet has pages. */
static bool has_room(const struct kr_mfstream *m, const struct kr_items *items)
{
	return KR_ITEMS_MAX - items->n >=
	       (m->st == S_HEAD ? KR_MFSTREAM_PAGES : 1);
}

int kr_mfstream_scan(struct kr_mfstream *m,
		     const struct kr_mfstream_blocks *blocks,
		     const uint8_t *data, size_t n, struct kr_items *items,
		     size_t *ret_used, struct kr_err *e)
{
	uint64_t n_marks = m->n_marks;
	size_t at = 0;

	(void)e;
	while (m->st != S_OPAQUE && n - at >= m->need &&
	       n_marks == m->n_marks && has_room(m, items)) {
		size_t need = m->need;

		step(m, blocks, data + at, at, items);
		at += need;
	}
	if (m->st == S_OPAQUE)
		at = n;
	m->stat.n_bytes += at;
	*ret_used = at;
	return 0;
}

uint64_t kr_mfstream_marks(const struct kr_mfstream *m)
{
	return m->n_marks;
}

void kr_mfstream_cut(struct kr_mfstream *m, size_t n)
{
	m->stat.n_bytes += n;
	if (m->st != S_OPAQUE)
		opaque(m, "a multifd channel ended inside a packet");
}

void kr_mfstream_finish(struct kr_mfstream *m)
{
	if (m->st == S_INIT || m->st == S_PAGE)
		opaque(m, "a multifd channel ended inside a packet");
}

const struct kr_qstream_stat *kr_mfstream_stat(const struct kr_mfstream *m)
{
	return &m->stat;
}

void kr_mfstream_free(struct kr_mfstream *m)
{
	free(m);
}
