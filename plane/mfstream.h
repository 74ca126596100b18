/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mfstream.h - an incremental reader of one of QEMU's multifd channels, which
 * carry pages beside the main channel of qstream.h. Like that one it is shown
 * the bytes from where it stopped, says which pages lie in them and how far
 * it got, refuses nothing, and turns opaque at what it does not understand:
 * compressed pages, another packet size, device state. Used by plane/channel.c
 * in the data-plane agent, on both hosts, over the same bytes.
 *
 * A channel is one init packet, then packets: a head that names a block and
 * its pages, zero ones among them from QEMU 9.0 on, then the others' content.
 */
#ifndef KR_PLANE_MFSTREAM_H
#define KR_PLANE_MFSTREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "plane/item.h"
#include "plane/qstream.h"

#define KR_MFSTREAM_PAGES	128u	/* a packet has room for, always */
#define KR_MFSTREAM_INIT_BYTES	64u
#define KR_MFSTREAM_HEAD_BYTES	(320u + 8u * KR_MFSTREAM_PAGES)
#define KR_MFSTREAM_NEED_MAX	KR_PAGE_BYTES

/* The main channel's block list. */
struct kr_mfstream_blocks {
	const struct kr_qstream_block *b;
	unsigned int		       n;
};

struct kr_mfstream;

/** kr_mfstream_new() - A reader at the first byte of a channel. */
int kr_mfstream_new(struct kr_mfstream **ret_m, struct kr_err *e);

/**
 * kr_mfstream_scan() - Read on, as kr_qstream_scan(), no further than a mark
 * @blocks: only looked at once two marks were taken, when the main channel
 *	    has had its first, and so the list, too
 *
 * Takes something whenever @n >= KR_MFSTREAM_NEED_MAX and @items has room for
 * KR_MFSTREAM_PAGES.
 */
int kr_mfstream_scan(struct kr_mfstream *m,
		     const struct kr_mfstream_blocks *blocks,
		     const uint8_t *data, size_t n, struct kr_items *items,
		     size_t *ret_used, struct kr_err *e);

/**
 * kr_mfstream_marks() - Marks taken: the init packet, and every packet with
 * QEMU's sync flag, its pages included
 */
uint64_t kr_mfstream_marks(const struct kr_mfstream *m);

/** kr_mfstream_cut() - It ends with @n bytes that are nothing whole. */
void kr_mfstream_cut(struct kr_mfstream *m, size_t n);

/** kr_mfstream_finish() - It ended; amid a packet is opaque. */
void kr_mfstream_finish(struct kr_mfstream *m);

/** kr_mfstream_stat() - ram_bytes and rounds stay 0; KR_QSTREAM_HEAD until
 * the init packet was taken, then KR_QSTREAM_RAM. */
const struct kr_qstream_stat *kr_mfstream_stat(const struct kr_mfstream *m);

void kr_mfstream_free(struct kr_mfstream *m);

#endif
