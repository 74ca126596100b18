/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qcommand.c - the commands in QEMU's stream, and what they bring: pages to
 * discard, and the package that ends in the split. Runs in the data-plane
 * agent as a part of plane/qstream.c.
 */
#include <string.h>

#include "plane/qstream_in.h"

#define PAGE		KR_PAGE_BYTES
#define RANGE_BYTES	16u	/* be64 start, be64 length */
#define ORDER_BYTES	5u	/* a command without data, its type and all */
#define ANY		UINT16_MAX

enum { CMD_OPEN_RETURN_PATH = 1, CMD_PING = 2, CMD_ADVISE = 3, CMD_LISTEN = 4,
       CMD_RUN = 5, CMD_DISCARD = 6, CMD_PACKAGED = 7, CMD_RESUME = 9,
       CMD_RECV_BITMAP = 10, CMD_SWITCHOVER_START = 11 };

/* A stream is, in turn, or from its beginning: */
enum { EARLY = 1, LATE = 2, RESUMED = 4 };

static const struct command {
	uint16_t	      number, n;	/* ANY: at least a byte */
	uint8_t		      when;
	enum kr_qstream_state next;
	uint16_t	      need;		/* of that state's bytes */
} commands[] = {
	{ CMD_OPEN_RETURN_PATH, 0, EARLY, S_COMMAND_DATA, 0 },
	{ CMD_PING, 4, EARLY | LATE | RESUMED, S_COMMAND_DATA, 4 },
	{ CMD_ADVISE, 16, EARLY, S_ADVISE, 16 },
	{ CMD_DISCARD, ANY, EARLY, S_DISCARD, 2 },
	{ CMD_PACKAGED, 4, EARLY, S_PACKAGE_LENGTH, 4 },
	{ CMD_RESUME, 0, RESUMED, S_COMMAND_DATA, 0 },
	{ CMD_RECV_BITMAP, ANY, RESUMED, S_BITMAP_LENGTH, 1 },
	{ CMD_SWITCHOVER_START, 0, EARLY, S_COMMAND_DATA, 0 },
};

static unsigned int when(const struct kr_qstream *q)
{
	if (!q->resumed)
		return q->stat.late ? LATE : EARLY;
	return q->set_off ? LATE : RESUMED;
}

static int read_command(struct kr_qstream *q, struct kr_rd *r)
{
	uint16_t number = kr_rd_u16(r);
	uint16_t n = kr_rd_u16(r);

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		const struct command *c = &commands[i];

		if (c->number != number || !(c->when & when(q)) ||
		    (c->n == ANY ? !n : n != c->n))
			continue;
		q->left = n;
		q->set_off |= number == CMD_RESUME;
		return go(q, c->next, c->need);
	}
	return opaque(q, "unknown command");
}

/* ---- post-copy --------------------------------------------------------- */

/* Block lists have other sizes, too, where pages are not all alike. */
static int read_advise(struct kr_qstream *q, struct kr_rd *r)
{
	uint64_t host = kr_rd_u64(r), target = kr_rd_u64(r);

	if (host != PAGE || target != PAGE)
		return opaque(q, "post-copy with pages not of 4 KiB");
	q->advised = true;
	return go(q, S_TYPE, 1);
}

static int read_discard(struct kr_qstream *q, struct kr_rd *r)
{
	uint8_t version = kr_rd_u8(r);
	uint32_t n = kr_rd_u8(r) + 1u;		/* with its NUL */

	if (!q->advised || q->multifd || version || q->left < 2 + n ||
	    q->left - 2 - n < RANGE_BYTES || (q->left - 2 - n) % RANGE_BYTES)
		return opaque(q, "unknown discard");
	q->left -= 2 + n;
	return go(q, S_DISCARD_NAME, n);
}

static int read_discard_name(struct kr_qstream *q, struct kr_rd *r)
{
	size_t n = q->need - 1;
	const uint8_t *name = kr_rd_take(r, n);

	q->discards = kr_rd_u8(r) || !q->have_blocks || q->sizes_left ? -1 :
		      kr_qstream_find(q, name, n);
	if (q->discards < 0)
		return opaque(q, "a discard of no block");
	return go(q, S_RANGE, RANGE_BYTES);
}

/* In a block they ascend, so all of them cost no more than its pages. */
static int read_range(struct kr_qstream *q, struct kr_rd *r,
		      struct kr_items *items)
{
	uint64_t start = kr_rd_u64(r), n_bytes = kr_rd_u64(r);
	uint64_t page = start / PAGE, n = n_bytes / PAGE;
	uint64_t n_pages = pages_of(&q->blocks[q->discards]);

	if (start % PAGE || n_bytes % PAGE || !n || n > UINT32_MAX ||
	    page > n_pages || n > n_pages - page ||
	    page < q->discarded_to[q->discards])
		return opaque(q, "a discard outside its block, or twice");
	q->discarded_to[q->discards] = page + n;
	kr_items_discard(items, (uint16_t)q->discards, page, (uint32_t)n);
	q->left -= RANGE_BYTES;
	return q->left ? go(q, S_RANGE, RANGE_BYTES) : go(q, S_TYPE, 1);
}

/* Of the package its ends are read: what is in between is device state. */
static int read_package_length(struct kr_qstream *q, struct kr_rd *r)
{
	q->left = kr_rd_u32(r);
	if (!q->advised || q->multifd || !q->have_blocks || q->sizes_left)
		return opaque(q, "a package without post-copy");
	if (q->left < 2 * ORDER_BYTES || q->left > KR_QSTREAM_PACKAGE_MAX)
		return opaque(q, "a package too short or too long");
	q->stat.phase = KR_QSTREAM_DEVICE;
	return go(q, S_LISTEN, ORDER_BYTES);
}

static bool is_order(struct kr_rd *r, uint16_t number)
{
	uint8_t type = kr_rd_u8(r);
	uint16_t command = kr_rd_u16(r);

	return type == 0x08 && command == number && !kr_rd_u16(r);
}

static int go_package(struct kr_qstream *q)
{
	uint32_t n = q->left - ORDER_BYTES;

	if (!n)
		return go(q, S_RUN, ORDER_BYTES);
	return go(q, S_PACKAGE, n < PAGE ? n : PAGE);
}

static int read_listen(struct kr_qstream *q, struct kr_rd *r)
{
	if (!is_order(r, CMD_LISTEN))
		return opaque(q, "a package that does not begin with LISTEN");
	q->left -= ORDER_BYTES;
	return go_package(q);
}

/* The split is here. */
static int read_run(struct kr_qstream *q, struct kr_rd *r)
{
	if (!is_order(r, CMD_RUN))
		return opaque(q, "a package that does not end with RUN");
	q->stat.phase = KR_QSTREAM_LATE;
	q->stat.late = true;
	return go(q, S_TYPE, 1);
}

/* ---- resumed ----------------------------------------------------------- */

static int read_bitmap_name(struct kr_qstream *q, struct kr_rd *r)
{
	size_t n = q->need;
	const uint8_t *name = kr_rd_take(r, n);
	struct kr_qstream_block *b;

	if (q->n_blocks == KR_QSTREAM_BLOCKS_MAX ||
	    kr_qstream_find(q, name, n) >= 0)
		return opaque(q, "unknown blocks");
	b = &q->blocks[q->n_blocks++];
	b->name_bytes = (uint8_t)n;
	memcpy(b->name, name, n);
	return go(q, S_TYPE, 1);
}

int kr_qcommand_step(struct kr_qstream *q, struct kr_rd *r,
		     struct kr_items *items)
{
	uint32_t n;

	switch (q->st) {
	case S_COMMAND:
		return read_command(q, r);
	case S_ADVISE:
		return read_advise(q, r);
	case S_DISCARD:
		return read_discard(q, r);
	case S_DISCARD_NAME:
		return read_discard_name(q, r);
	case S_RANGE:
		return read_range(q, r, items);
	case S_PACKAGE_LENGTH:
		return read_package_length(q, r);
	case S_LISTEN:
		return read_listen(q, r);
	case S_PACKAGE:
		q->left -= (uint32_t)q->need;
		return go_package(q);
	case S_RUN:
		return read_run(q, r);
	case S_BITMAP_LENGTH:
		n = kr_rd_u8(r);
		if (q->left != 1 + n)
			return opaque(q, "unknown command");
		return go(q, S_BITMAP_NAME, n);
	case S_BITMAP_NAME:
		return read_bitmap_name(q, r);
	default:			/* S_COMMAND_DATA */
		return go(q, S_TYPE, 1);
	}
}
