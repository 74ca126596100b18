/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qstream_in.h - the inside of the reader of QEMU's stream: what
 * plane/qstream.c (head, sections, RAM) and plane/qcommand.c (commands,
 * discards, the package) share. Nobody else includes it.
 */
#ifndef KR_PLANE_QSTREAM_IN_H
#define KR_PLANE_QSTREAM_IN_H

#include <assert.h>

#include "base/cursor.h"
#include "plane/qstream.h"

/* Every state needs a fixed number of bytes. */
enum kr_qstream_state {
	S_MAGIC,
	S_TYPE,
	S_CONFIG_LENGTH, S_CONFIG_NAME,
	S_SUB_LENGTH, S_SUB_NAME, S_SUB_PAGE_BITS, S_SUB_UUID,
	S_START, S_START_NAME,
	S_SECTION,
	S_FOOTER,
	S_RAM,				/* be64 address | flags */
	S_SIZE_LENGTH, S_SIZE,		/* one entry of the block list */
	S_BLOCK_LENGTH, S_BLOCK,	/* name of a record's block */
	S_FILL,				/* the zero page's one byte */
	S_PAGE,				/* 4096 bytes: the tree's, not ours */
	S_OVER,				/* behind the split: nothing may come */
	/* qcommand.c's */
	S_COMMAND, S_COMMAND_DATA,
	S_ADVISE,
	S_DISCARD, S_DISCARD_NAME, S_RANGE,
	S_PACKAGE_LENGTH, S_LISTEN, S_PACKAGE, S_RUN,
	S_BITMAP_LENGTH, S_BITMAP_NAME,
	/* from here on nothing is parsed */
	S_DEVICE,
	S_OPAQUE,
};

struct kr_qstream {
	enum kr_qstream_state  st;
	size_t		       need;	/* bytes of what is awaited */
	uint8_t		       section;	/* type of the section we are in */
	bool		       after_config;
	bool		       have_ram, have_blocks;
	bool		       multifd;
	bool		       flushes;	/* records, not sections, are marks */
	bool		       advised;	/* of post-copy */
	bool		       resumed;	/* no head, no block list */
	bool		       set_off;	/* resumed: pages may come */
	bool		       urgent;	/* page records alone */
	bool		       ended;	/* RAM's last section, late */
	uint64_t	       n_marks;
	uint32_t	       ram_id;
	uint32_t	       section_id;
	uint32_t	       left;	/* bytes of the command or package */
	uint64_t	       sizes_left; /* of the block list's total */
	uint64_t	       reach_bytes; /* resumed: of all blocks */
	uint64_t	       addr;	/* of the record we are in */
	unsigned int	       flags;
	int		       block;	/* of the last record, -1 = none */
	int		       discards; /* block of the command we are in */
	uint64_t	       last_page;
	uint64_t	       limit_bytes;
	struct kr_qstream_stat stat;
	unsigned int	       n_blocks;
	struct kr_qstream_block blocks[KR_QSTREAM_BLOCKS_MAX];
	uint64_t	       discarded_to[KR_QSTREAM_BLOCKS_MAX]; /* page */
};

static inline int go(struct kr_qstream *q, enum kr_qstream_state st,
		     size_t need)
{
	assert(need <= KR_QSTREAM_NEED_MAX);
	q->st = st;
	q->need = need;
	return 0;
}

static inline int opaque(struct kr_qstream *q, const char *reason)
{
	q->st = S_OPAQUE;
	q->stat.phase = KR_QSTREAM_OPAQUE;
	q->stat.reason = reason;
	return 0;
}

static inline uint64_t pages_of(const struct kr_qstream_block *b)
{
	return b->size_bytes / KR_PAGE_BYTES +
	       (b->size_bytes % KR_PAGE_BYTES != 0);
}

/** kr_qstream_find() - The block of this name; -1 if there is none. */
int kr_qstream_find(const struct kr_qstream *q, const uint8_t *name, size_t n);

/** kr_qcommand_step() - In a state of its own: @q->need bytes. */
int kr_qcommand_step(struct kr_qstream *q, struct kr_rd *r,
		     struct kr_items *items);

#endif
