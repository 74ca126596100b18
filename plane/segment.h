/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment.h - the pages of a resumed post-copy stream: each may come once, on
 * whichever channel, and all of them in their order are one number. Unlike
 * plane/ramtree.h it does not know how large memory is. Used by
 * plane/account.c in the data-plane agent, on both hosts, in turn.
 *
 * Root = SHA-256(for each page, as they came: u16 block | u64 page |
 *		  SHA-256(page)), integers big-endian; of two channels
 *	  SHA-256(the one's | the other's).
 * Memory: at most 2 bits for each page up to a block's last one; how far
 * those lie plane/qstream.c bounds.
 */
#ifndef KR_PLANE_SEGMENT_H
#define KR_PLANE_SEGMENT_H

#include <stdint.h>

#include "base/err.h"
#include "plane/item.h"

#define KR_SEGMENT_DIGEST_BYTES	32u
#define KR_SEGMENT_BLOCKS_MAX	1024u
#define KR_SEGMENT_CHANNELS_MAX	2u

struct kr_segment;

int kr_segment_new(unsigned int n_channels, struct kr_segment **ret_s,
		   struct kr_err *e);

/**
 * kr_segment_take() - A page came, or a run of equal ones
 * @digest: of a KR_ITEM_PAGE; NULL for a KR_ITEM_FILL
 *
 * Return: 0; 1 if one of them came before.
 */
int kr_segment_take(struct kr_segment *s, unsigned int channel,
		    const struct kr_item *i, const uint8_t *digest,
		    struct kr_err *e);

/** kr_segment_root() - Once, at the end. */
int kr_segment_root(struct kr_segment *s,
		    uint8_t ret_root[KR_SEGMENT_DIGEST_BYTES],
		    struct kr_err *e);

void kr_segment_free(struct kr_segment *s);

#endif
