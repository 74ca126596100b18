/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qstream.c - QEMU's migration stream, read item by item. Runs in the
 * data-plane agent; the bytes are the hypervisor's and, on the destination,
 * come from the peer's.
 *
 * Every state needs a fixed number of bytes. What is not there whole is left
 * for the next call; step() reads one and names the next state.
 */
#include "plane/qstream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"

#define PAGE		KR_PAGE_BYTES
#define MAGIC		0x5145564du	/* "QEVM" */
#define VERSION		3u
#define RAM_VERSION	4u

/* section types */
enum { T_START = 0x01, T_PART = 0x02, T_END = 0x03, T_SUBSECTION = 0x05,
       T_CONFIGURATION = 0x07, T_COMMAND = 0x08, T_FOOTER = 0x7e };

/* commands that change nothing in the layout of what follows */
enum { CMD_OPEN_RETURN_PATH = 1, CMD_PING = 2, CMD_SWITCHOVER_START = 11 };

/* low 12 bits of a RAM record's head */
enum { F_ZERO = 0x02, F_MEM_SIZE = 0x04, F_PAGE = 0x08, F_EOS = 0x10,
       F_CONTINUE = 0x20, F_XBZRLE = 0x40, F_HOOK = 0x80,
       F_COMPRESSED = 0x100, F_MULTIFD_FLUSH = 0x200, F_MASK = 0xfff };

enum state {
	S_MAGIC,
	S_TYPE,
	S_CONFIG_LENGTH, S_CONFIG_NAME,
	S_SUB_LENGTH, S_SUB_NAME, S_SUB_PAGE_BITS, S_SUB_UUID,
	S_COMMAND, S_COMMAND_DATA,
	S_START, S_START_NAME,
	S_SECTION,
	S_FOOTER,
	S_RAM,				/* be64 address | flags */
	S_SIZE_LENGTH, S_SIZE,		/* one entry of the block list */
	S_BLOCK_LENGTH, S_BLOCK,	/* name of a record's block */
	S_FILL,				/* the zero page's one byte */
	S_PAGE,				/* 4096 bytes: the tree's, not ours */
	S_DEVICE,			/* from here on nothing is parsed */
	S_OPAQUE,
};

struct kr_qstream {
	enum state	       st;
	size_t		       need;	/* bytes of what is awaited */
	uint8_t		       section;	/* type of the section we are in */
	bool		       after_config;
	bool		       have_ram, have_blocks;
	uint32_t	       ram_id;
	uint32_t	       section_id;
	uint64_t	       sizes_left; /* of the block list's total */
	uint64_t	       addr;	/* of the record we are in */
	unsigned int	       flags;
	int		       block;	/* of the last record, -1 = none */
	uint64_t	       last_page;
	uint64_t	       limit_bytes;
	struct kr_qstream_stat stat;
	unsigned int	       n_blocks;
	struct kr_qstream_block blocks[KR_QSTREAM_BLOCKS_MAX];
};

int kr_qstream_new(uint64_t limit_bytes, struct kr_qstream **ret_q,
		   struct kr_err *e)
{
	struct kr_qstream *q = calloc(1, sizeof(*q));

	if (!q)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	q->st = S_MAGIC;
	q->need = 8;
	q->block = -1;
	q->limit_bytes = limit_bytes;
	*ret_q = q;
	return 0;
}

static int go(struct kr_qstream *q, enum state st, size_t need)
{
	assert(need <= KR_QSTREAM_NEED_MAX);
	q->st = st;
	q->need = need;
	return 0;
}

static int opaque(struct kr_qstream *q, const char *reason)
{
	q->st = S_OPAQUE;
	q->stat.phase = KR_QSTREAM_OPAQUE;
	q->stat.reason = reason;
	return 0;
}

static bool is(const uint8_t *p, size_t n, const char *s)
{
	return n == strlen(s) && !memcmp(p, s, n);
}

static int read_type(struct kr_qstream *q, uint8_t type)
{
	bool after_config = q->after_config;

	q->after_config = false;
	switch (type) {
	case T_CONFIGURATION:
		return go(q, S_CONFIG_LENGTH, 4);
	case T_SUBSECTION:
		if (after_config)
			return go(q, S_SUB_LENGTH, 1);
		break;
	case T_COMMAND:
		return go(q, S_COMMAND, 4);
	case T_START:
		q->section = type;
		return go(q, S_START, 5);
	case T_PART:
	case T_END:
		q->section = type;
		return go(q, S_SECTION, 4);
	case T_FOOTER:
		return go(q, S_FOOTER, 4);
	}
	return opaque(q, "unknown section before the end of RAM");
}

static int read_subsection(struct kr_qstream *q, struct kr_rd *r)
{
	size_t n = q->need - 4;
	const uint8_t *name = kr_rd_take(r, n);

	if (is(name, n, "configuration/target-page-bits"))
		return go(q, S_SUB_PAGE_BITS, 4);
	if (is(name, n, "configuration/uuid"))
		return go(q, S_SUB_UUID, 16);
	return opaque(q, "unknown configuration");
}

static int read_command(struct kr_qstream *q, struct kr_rd *r)
{
	uint16_t command = kr_rd_u16(r);
	uint16_t n = kr_rd_u16(r);

	if ((command == CMD_OPEN_RETURN_PATH && !n) ||
	    (command == CMD_SWITCHOVER_START && !n) ||
	    (command == CMD_PING && n == 4))
		return go(q, S_COMMAND_DATA, n);
	return opaque(q, "unknown command");
}

static int read_start(struct kr_qstream *q, struct kr_rd *r)
{
	size_t n = q->need - 8;
	const uint8_t *name = kr_rd_take(r, n);
	uint32_t version;

	kr_rd_u32(r);				/* instance */
	version = kr_rd_u32(r);
	if (!is(name, n, "ram"))
		return opaque(q, "another section before the end of RAM");
	if (q->have_ram || version != RAM_VERSION)
		return opaque(q, "unknown RAM section");
	q->have_ram = true;
	q->ram_id = q->section_id;
	q->stat.phase = KR_QSTREAM_RAM;
	return go(q, S_RAM, 8);
}

static int end_ram_section(struct kr_qstream *q)
{
	if (q->section != T_END)
		return go(q, S_TYPE, 1);
	q->stat.phase = KR_QSTREAM_DEVICE;
	return go(q, S_DEVICE, 0);
}

/* Where a page record goes once its block is known. */
static int go_page(struct kr_qstream *q)
{
	uint64_t page = q->addr / PAGE;
	const struct kr_qstream_block *b;

	if (q->block < 0)
		return opaque(q, "a page of no block");
	b = &q->blocks[q->block];
	if (page >= b->size_bytes / PAGE + (b->size_bytes % PAGE != 0))
		return opaque(q, "a page outside its block");
	if (q->flags & F_ZERO)
		return go(q, S_FILL, 1);
	return go(q, S_PAGE, PAGE);
}

static const char *why_not(unsigned int flags)
{
	if (flags & F_XBZRLE)
		return "XBZRLE pages";
	if (flags & F_COMPRESSED)
		return "compressed pages";
	if (flags & F_HOOK)
		return "RDMA";
	if (flags & F_MULTIFD_FLUSH)
		return "multifd";
	return "unknown page record";
}

static int read_ram(struct kr_qstream *q, struct kr_rd *r, struct kr_err *e)
{
	uint64_t head = kr_rd_u64(r);

	q->flags = (unsigned int)(head & F_MASK);
	q->addr = head & ~(uint64_t)F_MASK;
	switch (q->flags) {
	case F_EOS:
		return end_ram_section(q);
	case F_MEM_SIZE:
		if (q->have_blocks || !q->addr)
			return opaque(q, "a second block list");
		if (q->addr > q->limit_bytes)
			return kr_fail(e, KR_E_RAM_LIMIT,
				       "%llu bytes of RAM declared, "
				       "%llu allowed",
				       (unsigned long long)q->addr,
				       (unsigned long long)q->limit_bytes);
		q->have_blocks = true;
		q->sizes_left = q->addr;
		q->stat.ram_bytes = q->addr;
		return go(q, S_SIZE_LENGTH, 1);
	case F_ZERO:
	case F_PAGE:
		return go(q, S_BLOCK_LENGTH, 1);
	case F_ZERO | F_CONTINUE:
	case F_PAGE | F_CONTINUE:
		return go_page(q);
	}
	return opaque(q, why_not(q->flags));
}

static int find_block(const struct kr_qstream *q, const uint8_t *name,
		      size_t n)
{
	for (unsigned int i = 0; i < q->n_blocks; i++)
		if (q->blocks[i].name_bytes == n &&
		    !memcmp(q->blocks[i].name, name, n))
			return (int)i;
	return -1;
}

static int read_size(struct kr_qstream *q, struct kr_rd *r)
{
	size_t n = q->need - 8;
	const uint8_t *name = kr_rd_take(r, n);
	uint64_t size_bytes = kr_rd_u64(r);
	struct kr_qstream_block *b;

	if (size_bytes > q->sizes_left || q->n_blocks == KR_QSTREAM_BLOCKS_MAX ||
	    find_block(q, name, n) >= 0) {
		q->n_blocks = 0;
		return opaque(q, "unknown block list");
	}
	b = &q->blocks[q->n_blocks++];
	b->name_bytes = (uint8_t)n;
	memcpy(b->name, name, n);
	b->size_bytes = size_bytes;
	q->sizes_left -= size_bytes;
	return q->sizes_left ? go(q, S_SIZE_LENGTH, 1) : go(q, S_RAM, 8);
}

/* The page of the record we are in is whole. */
static int count_page(struct kr_qstream *q, bool zero)
{
	uint64_t page = q->addr / PAGE;

	if (!q->stat.rounds || (!q->block && page < q->last_page))
		q->stat.rounds++;
	if (!q->block)
		q->last_page = page;
	q->stat.n_pages++;
	q->stat.n_zero_pages += zero;
	return go(q, S_RAM, 8);
}

/* Read what is at @p, @at in what was shown: the bytes its state needs. */
static int step(struct kr_qstream *q, const uint8_t *p, size_t at,
		struct kr_items *items, struct kr_err *e)
{
	struct kr_rd r = KR_RD(p, q->need);
	uint32_t n;

	switch (q->st) {
	case S_MAGIC:
		if (kr_rd_u32(&r) != MAGIC || kr_rd_u32(&r) != VERSION)
			return opaque(q, "not a QEMU stream of version 3");
		return go(q, S_TYPE, 1);
	case S_TYPE:
		return read_type(q, kr_rd_u8(&r));
	case S_CONFIG_LENGTH:
		n = kr_rd_u32(&r);
		if (n > 255)
			return opaque(q, "unknown configuration");
		return go(q, S_CONFIG_NAME, n);
	case S_SUB_PAGE_BITS:
		if (kr_rd_u32(&r) != 12)
			return opaque(q, "pages are not of 4 KiB");
		__attribute__((fallthrough));
	case S_CONFIG_NAME:
	case S_SUB_UUID:
		q->after_config = true;
		return go(q, S_TYPE, 1);
	case S_SUB_LENGTH:
		return go(q, S_SUB_NAME, (size_t)kr_rd_u8(&r) + 4);
	case S_SUB_NAME:
		return read_subsection(q, &r);
	case S_COMMAND:
		return read_command(q, &r);
	case S_COMMAND_DATA:
	case S_FOOTER:
		return go(q, S_TYPE, 1);
	case S_START:
		q->section_id = kr_rd_u32(&r);
		return go(q, S_START_NAME, (size_t)kr_rd_u8(&r) + 8);
	case S_START_NAME:
		return read_start(q, &r);
	case S_SECTION:
		if (!q->have_ram || kr_rd_u32(&r) != q->ram_id)
			return opaque(q, "a section that was not started");
		return go(q, S_RAM, 8);
	case S_RAM:
		return read_ram(q, &r, e);
	case S_SIZE_LENGTH:
		return go(q, S_SIZE, (size_t)kr_rd_u8(&r) + 8);
	case S_SIZE:
		return read_size(q, &r);
	case S_BLOCK_LENGTH:
		return go(q, S_BLOCK, kr_rd_u8(&r));
	case S_BLOCK:
		q->block = find_block(q, p, q->need);
		return go_page(q);
	case S_FILL:
		kr_items_fill(items, (uint16_t)q->block, q->addr / PAGE,
			      kr_rd_u8(&r));
		return count_page(q, true);
	case S_PAGE:
		kr_items_page(items, (uint16_t)q->block, q->addr / PAGE,
			      (uint32_t)at);
		return count_page(q, false);
	case S_DEVICE:
	case S_OPAQUE:
		break;
	}
	return kr_fail(e, KR_E_STREAM, "stepped past the end");
}

int kr_qstream_scan(struct kr_qstream *q, const uint8_t *data, size_t n,
		    struct kr_items *items, size_t *ret_used,
		    struct kr_err *e)
{
	size_t at = 0;
	int r = 0;

	while (!r && q->st < S_DEVICE && n - at >= q->need &&
	       !kr_items_full(items)) {
		size_t need = q->need;

		r = step(q, data + at, at, items, e);
		at += need;
	}
	if (q->st >= S_DEVICE)
		at = n;
	q->stat.n_bytes += at;
	*ret_used = at;
	return r;
}

void kr_qstream_cut(struct kr_qstream *q, size_t n)
{
	q->stat.n_bytes += n;
	kr_qstream_finish(q);
}

void kr_qstream_finish(struct kr_qstream *q)
{
	if (q->st < S_DEVICE)
		opaque(q, "the stream ended before its RAM was complete");
}

unsigned int kr_qstream_blocks(const struct kr_qstream *q,
			       const struct kr_qstream_block **ret_b)
{
	*ret_b = q->blocks;
	return q->have_blocks && !q->sizes_left ? q->n_blocks : 0;
}

const struct kr_qstream_stat *kr_qstream_stat(const struct kr_qstream *q)
{
	return &q->stat;
}

void kr_qstream_free(struct kr_qstream *q)
{
	free(q);
}
