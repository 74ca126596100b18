/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qstream.h - an incremental reader of QEMU's migration stream (version 3,
 * precopy; the only channel, or the main one beside those that mfstream.h
 * reads). It is shown the stream from where it stopped and says which pages
 * lie in it and how far it got; it copies and hashes nothing. Used by
 * plane/channel.c in the data-plane agent, on both hosts, over the same bytes.
 *
 * Post-copy: after commands that discard pages comes one with a package, which
 * holds the device state and the order to run. Its end is the *split*: a scan
 * ends there. Behind it come the pages that are missing, as they are asked
 * for. QEMU may have a second channel for those that are asked for, of page
 * records alone: the *urgent* one.
 *
 * The reader never refuses a stream it does not understand: it turns opaque,
 * with a reason, and from then on takes everything as it comes. What that
 * means behind the split is the caller's to say.
 */
#ifndef KR_PLANE_QSTREAM_H
#define KR_PLANE_QSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "plane/item.h"

#define KR_QSTREAM_BLOCKS_MAX	1024u
#define KR_QSTREAM_PACKAGE_MAX	(64u << 20)	/* bytes; not held */
#define KR_QSTREAM_NEED_MAX	KR_PAGE_BYTES	/* of one item in the stream */

struct kr_qstream_block {
	uint64_t size_bytes;
	uint8_t	 name_bytes;
	uint8_t	 name[255];		/* foreign, not a string */
};

enum kr_qstream_phase {
	KR_QSTREAM_HEAD,		/* before the RAM section */
	KR_QSTREAM_RAM,
	KR_QSTREAM_DEVICE,		/* device state: RAM is complete, or
					   post-copy begins */
	KR_QSTREAM_LATE,		/* behind the split */
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
	bool late;			/* behind the split; resumed: always */
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
 * kr_qstream_multifd() - The stream is the main channel beside others
 *
 * Once, before the first byte. From then on the sync marks at which QEMU's
 * channels wait for each other are known and counted, and a scan ends behind
 * each: the end of every RAM section or, if the first section holds such
 * records, the records made for it. The block list must come before the
 * first mark.
 */
void kr_qstream_multifd(struct kr_qstream *q);

/**
 * kr_qstream_resumed() - The stream goes on with a post-copy that broke
 *
 * Once, before the first byte. There is no head and no block list: blocks are
 * known by the names that the stream asks after first, and measure as far as
 * their last page. More than the limit, together, is KR_E_RAM_LIMIT.
 */
void kr_qstream_resumed(struct kr_qstream *q);

/** kr_qstream_is_off() - Has what comes before the missing pages come? They
 * may come on an urgent channel, too, then. */
bool kr_qstream_is_off(const struct kr_qstream *q);

/**
 * kr_qstream_urgent() - The stream is the urgent channel beside another one
 * @beside: the only channel's reader, kr_qstream_is_off(): its blocks are
 *	    copied
 *
 * Once, before the first byte. Resumed, blocks measure as far as their last
 * page on this channel, and the limit is this channel's own, too.
 */
void kr_qstream_urgent(struct kr_qstream *q, const struct kr_qstream *beside);

/** kr_qstream_marks() - Sync marks taken; 0 for an only channel. */
uint64_t kr_qstream_marks(const struct kr_qstream *q);

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

/** kr_qstream_finish() - It ended; before its RAM was complete is opaque, and
 * so is behind the split anywhere but at its proper end; an urgent channel's
 * is anywhere between its records. */
void kr_qstream_finish(struct kr_qstream *q);

/** kr_qstream_blocks() - The RAM blocks in stream order; 0 = not known yet.
 * Resumed: those known by now. */
unsigned int kr_qstream_blocks(const struct kr_qstream *q,
			       const struct kr_qstream_block **ret_b);

const struct kr_qstream_stat *kr_qstream_stat(const struct kr_qstream *q);

void kr_qstream_free(struct kr_qstream *q);

#endif
