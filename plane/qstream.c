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

#include <stdlib.h>
#include <string.h>

#include "plane/qstream_in.h"

#define PAGE		KR_PAGE_BYTES
#define MAGIC		0x5145564du	/* "QEVM" */
#define VERSION		3u
#define RAM_VERSION	4u

/* section types */
enum { T_EOF = 0x00, T_START = 0x01, T_PART = 0x02, T_END = 0x03,
       T_SUBSECTION = 0x05, T_CONFIGURATION = 0x07, T_COMMAND = 0x08, T_FOOTER = 0x7e };

/* low 12 bits of a RAM record's head */
enum { F_ZERO = 0x02, F_MEM_SIZE = 0x04, F_PAGE = 0x08, F_EOS = 0x10,
       F_CONTINUE = 0x20, F_XBZRLE = 0x40, F_HOOK = 0x80,
       F_COMPRESSED = 0x100, F_MULTIFD_FLUSH = 0x200, F_MASK = 0xfff };

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

void kr_qstream_multifd(struct kr_qstream *q)
{
	q->multifd = true;
}

void kr_qstream_resumed(struct kr_qstream *q)
{
	q->resumed = q->stat.late = true;
	q->stat.phase = KR_QSTREAM_LATE;
	go(q, S_TYPE, 1);
}

bool kr_qstream_is_off(const struct kr_qstream *q)
{
	return q->stat.late && (!q->resumed || q->set_off);
}

void kr_qstream_urgent(struct kr_qstream *q, const struct kr_qstream *beside)
{
	q->urgent = q->stat.late = q->have_blocks = true;
	q->resumed = beside->resumed;
	q->limit_bytes = beside->limit_bytes;
	q->stat.phase = KR_QSTREAM_LATE;
	q->n_blocks = beside->n_blocks;
	memcpy(q->blocks, beside->blocks,
	       q->n_blocks * sizeof(q->blocks[0]));
	for (unsigned int i = 0; q->resumed && i < q->n_blocks; i++)
		q->blocks[i].size_bytes = 0;
	go(q, S_RAM, 8);
}

uint64_t kr_qstream_marks(const struct kr_qstream *q)
{
	return q->n_marks;
}

static bool is(const uint8_t *p, size_t n, const char *s)
{
	return n == strlen(s) && !memcmp(p, s, n);
}

/* Behind the split there are commands and RAM's sections; then the end. */
static bool is_late_type(const struct kr_qstream *q, uint8_t type)
{
	if (type == T_FOOTER)
		return true;
	return q->ended ? type == T_EOF :
	       type == T_COMMAND || type == T_PART || type == T_END;
}

static int read_type(struct kr_qstream *q, uint8_t type)
{
	bool after_config = q->after_config;

	if (q->stat.late && !is_late_type(q, type))
		return opaque(q, "unknown section in post-copy");
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
	case T_EOF:
		if (q->ended)
			return go(q, S_OVER, 1);
		break;
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
	if (q->urgent)
		return go(q, S_OVER, 1);
	q->n_marks += q->multifd && !q->flushes;
	q->ended = q->section == T_END;
	if (!q->ended || q->stat.late)
		return go(q, S_TYPE, 1);
	q->stat.phase = KR_QSTREAM_DEVICE;
	return go(q, S_DEVICE, 0);
}

/* The section of RAM; in a resumed stream the first one says its number. */
static int read_section(struct kr_qstream *q, struct kr_rd *r)
{
	uint32_t id = kr_rd_u32(r);

	if (q->set_off && !q->have_ram) {
		q->have_ram = true;
		q->ram_id = id;
	}
	if (!q->have_ram || id != q->ram_id)
		return opaque(q, "a section that was not started");
	return go(q, S_RAM, 8);
}

/* Resumed: a block measures as far as its last page. */
static int reach(struct kr_qstream *q, struct kr_qstream_block *b,
		 uint64_t page, struct kr_err *e)
{
	uint64_t more;

	if (page < pages_of(b))
		return 0;
	more = page < q->limit_bytes / PAGE ?
		(page + 1) * PAGE - b->size_bytes : UINT64_MAX;
	if (more > q->limit_bytes - q->reach_bytes)
		return kr_fail(e, KR_E_RAM_LIMIT,
			       "page %llu, %llu bytes of RAM allowed",
			       (unsigned long long)page,
			       (unsigned long long)q->limit_bytes);
	b->size_bytes += more;
	q->reach_bytes += more;
	return 0;
}

/* Where a page record goes once its block is known. */
static int go_page(struct kr_qstream *q, struct kr_err *e)
{
	uint64_t page = q->addr / PAGE;
	struct kr_qstream_block *b;
	int r;

	if (q->block < 0)
		return opaque(q, "a page of no block");
	b = &q->blocks[q->block];
	r = q->resumed ? reach(q, b, page, e) : 0;
	if (r < 0)
		return r;
	if (page >= pages_of(b))
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
		if (q->have_blocks || q->stat.late || !q->addr)
			return opaque(q, "a second block list");
		if (q->n_marks)
			return opaque(q, "a block list that comes late");
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
		return go_page(q, e);
	}
	if (q->flags == F_MULTIFD_FLUSH && q->multifd &&
	    (q->flushes || !q->n_marks)) {
		q->flushes = true;
		q->n_marks++;
		return go(q, S_RAM, 8);
	}
	return opaque(q, why_not(q->flags));
}

int kr_qstream_find(const struct kr_qstream *q, const uint8_t *name, size_t n)
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
	    kr_qstream_find(q, name, n) >= 0) {
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
	case S_FOOTER:
		return go(q, S_TYPE, 1);
	case S_START:
		q->section_id = kr_rd_u32(&r);
		return go(q, S_START_NAME, (size_t)kr_rd_u8(&r) + 8);
	case S_START_NAME:
		return read_start(q, &r);
	case S_SECTION:
		return read_section(q, &r);
	case S_RAM:
		return read_ram(q, &r, e);
	case S_SIZE_LENGTH:
		return go(q, S_SIZE, (size_t)kr_rd_u8(&r) + 8);
	case S_SIZE:
		return read_size(q, &r);
	case S_BLOCK_LENGTH:
		return go(q, S_BLOCK, kr_rd_u8(&r));
	case S_BLOCK:
		q->block = kr_qstream_find(q, p, q->need);
		return go_page(q, e);
	case S_FILL:
		kr_items_fill(items, (uint16_t)q->block, q->addr / PAGE,
			      kr_rd_u8(&r));
		return count_page(q, true);
	case S_PAGE:
		kr_items_page(items, (uint16_t)q->block, q->addr / PAGE,
			      (uint32_t)at);
		return count_page(q, false);
	case S_OVER:
		return opaque(q, "bytes behind the end");
	default:
		return kr_qcommand_step(q, &r, items);
	}
}

int kr_qstream_scan(struct kr_qstream *q, const uint8_t *data, size_t n,
		    struct kr_items *items, size_t *ret_used,
		    struct kr_err *e)
{
	const uint64_t n_marks = q->n_marks;
	const bool late = q->stat.late;
	size_t at = 0;
	int r = 0;

	while (!r && q->st < S_DEVICE && n - at >= q->need &&
	       n_marks == q->n_marks && late == q->stat.late &&
	       !kr_items_full(items)) {
		size_t need = q->need;

		r = step(q, data + at, at, items, e);
		at += need;
	}
	if (q->st >= S_DEVICE && n_marks == q->n_marks)
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
	if (q->st < S_DEVICE && q->st != S_OVER &&
	    !(q->urgent && q->st == S_RAM))
		opaque(q, "the stream ended before its RAM was complete");
}

unsigned int kr_qstream_blocks(const struct kr_qstream *q,
			       const struct kr_qstream_block **ret_b)
{
	*ret_b = q->blocks;
	return q->resumed || (q->have_blocks && !q->sizes_left) ?
		       q->n_blocks : 0;
}

const struct kr_qstream_stat *kr_qstream_stat(const struct kr_qstream *q)
{
	return &q->stat;
}

void kr_qstream_free(struct kr_qstream *q)
{
	free(q);
}
