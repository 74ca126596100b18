/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qstream.h - an incremental reader of QEMU's migration stream (version 3,
 * single channel, precopy). It is shown the stream from where it stopped and
 * says which pages lie in it and how far it got; it copies and hashes
 * nothing. Used by plane/flow.c in the data-plane agent, on both hosts, over
 * the same bytes.
 *
 * The reader never refuses a stream it does not understand: it turns opaque,
 * with a reason, and from then on takes everything as it comes.
 */
#ifndef KR_PLANE_QSTREAM_H
#define KR_PLANE_QSTREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "plane/item.h"

#define KR_QSTREAM_BLOCKS_MAX	1024u
#define KR_QSTREAM_NEED_MAX	KR_PAGE_BYTES	/* of one item in the stream */

struct kr_qstream_block {
	uint64_t size_bytes;
	uint8_t	 name_bytes;
	uint8_t	 name[255];		/* foreign, not a string */
};

enum kr_qstream_phase {
	KR_QSTREAM_HEAD,		/* before the RAM section */
	KR_QSTREAM_RAM,
	KR_QSTREAM_DEVICE,		/* RAM is complete: device state */
	KR_QSTREAM_OPAQUE,
	KR_QSTREAM_PHASE_N
};

struct kr_qstream_stat {
	uint64_t n_bytes;		/* taken */
	uint64_t ram_bytes;		/* declared by the block list */
	uint64_t n_pages;		/* reported, every version, zero or not */
	uint64_t n_zero_pages;
	uint32_t rounds;		/* passes over memory, as seen from the
					   order of pages: an estimate */
	enum kr_qstream_phase phase;
	const char *reason;		/* static; why opaque, else NULL */
};

struct kr_qstream;

/**
 * kr_qstream_new() - A reader at the first byte of a stream
 * @limit_bytes: a declared RAM total beyond it is KR_E_RAM_LIMIT
 */
int kr_qstream_new(uint64_t limit_bytes, struct kr_qstream **ret_q,
		   struct kr_err *e);

/**
 * kr_qstream_scan() - Read on
 * @data:     the stream from the first byte that was not taken yet
 * @items:    pages found are added, until it is full
 * @ret_used: bytes taken, a whole number of stream items; show the rest
 *            again, with what follows it
 *
 * Takes something whenever @n >= KR_QSTREAM_NEED_MAX and @items has room.
 * Return: 0; < 0 is final.
 */
int kr_qstream_scan(struct kr_qstream *q, const uint8_t *data, size_t n,
		    struct kr_items *items, size_t *ret_used,
		    struct kr_err *e);

/** kr_qstream_cut() - The stream ends with @n bytes that are nothing whole. */
void kr_qstream_cut(struct kr_qstream *q, size_t n);

/** kr_qstream_finish() - It ended; before its RAM was complete is opaque. */
void kr_qstream_finish(struct kr_qstream *q);

/** kr_qstream_blocks() - The RAM blocks in stream order; 0 = not known yet. */
unsigned int kr_qstream_blocks(const struct kr_qstream *q,
			       const struct kr_qstream_block **ret_b);

const struct kr_qstream_stat *kr_qstream_stat(const struct kr_qstream *q);

void kr_qstream_free(struct kr_qstream *q);

#endif
