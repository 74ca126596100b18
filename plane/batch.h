/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch.h - a stretch of a hypervisor's stream as it travels: numbered, with
 * pages that both ends remember replaced by references. The forward half and
 * its inverse side by side. PROTOCOL.lane.md has the bytes. Used by
 * plane/send.c and plane/receive.c in the data-plane agent.
 *
 * Payload of a lane's DATA frame, forward: head, then the body, squeezed by
 * the head's method. Body: references, then the stretch's bytes without the
 * pages that a SAME or CACHED reference stands for.
 */
#ifndef KR_PLANE_BATCH_H
#define KR_PLANE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"
#include "base/err.h"
#include "plane/item.h"
#include "plane/haves.h"
#include "plane/pagecache.h"
#include "plane/recall.h"
#include "plane/seal.h"

#define KR_BATCH_RAW_MAX	(256u * 1024)	/* fits a core's cache */
#define KR_BATCH_HEAD_BYTES	(21u + KR_SEAL_BYTES)
#define KR_BATCH_CHANNELS_MAX	16u
#define KR_BATCH_REF_BYTES	9u
#define KR_BATCH_REFS_MAX	(KR_BATCH_RAW_MAX / KR_PAGE_BYTES)
#define KR_BATCH_BODY_MAX	(KR_BATCH_RAW_MAX + \
				 KR_BATCH_REFS_MAX * KR_BATCH_REF_BYTES)

enum kr_ref_kind {
	KR_REF_SAME = 1,	/* the page is the slot's content */
	KR_REF_DELTA,		/* its bytes are there, XOR the slot's; the
				   slot then holds the page */
	KR_REF_CACHED,		/* a slot of the destination's page cache */
};

/* Backward, on the first lane: the first byte of a DATA frame. */
enum kr_back {
	KR_BACK_STREAM,		/* bytes of the hypervisor's return path */
	KR_BACK_HAVES,		/* u32 slot, names: pages in the destination's
				   cache from that slot on */
	KR_BACK_CREDIT,		/* on every lane: u64 bytes of its stretches
				   that the hypervisor has taken, in all */
};

struct kr_ref {
	uint32_t at;		/* of the page in the stretch, ascending */
	uint32_t slot;
	uint8_t	 kind;
};

struct kr_refs {
	unsigned int  n;
	struct kr_ref r[KR_BATCH_REFS_MAX];
};

struct kr_batch_head {
	uint64_t ticket;	/* 0, 1, 2 … over all lanes */
	uint32_t n_raw;		/* bytes of the stretch */
	uint32_t n_body;	/* bytes of the body, not squeezed */
	uint16_t n_refs;
	uint8_t	 channel;	/* of the hypervisor's, 0 = main */
	bool	 learn;		/* remember pages that are not referred to */
	bool	 loose;		/* not understood, in no order: ticket 0 */
	uint8_t	 method;	/* enum kr_squeeze_method */
	uint8_t	 seal[KR_SEAL_BYTES]; /* of the stretch, see plane/seal.h */
};

void kr_batch_head_put(struct kr_wr *w, const struct kr_batch_head *h);

/** kr_batch_head_parse() - KR_E_LANE_MALFORMED for what cannot be. */
int kr_batch_head_parse(struct kr_rd *r, struct kr_batch_head *ret_h,
			struct kr_err *e);

/**
 * kr_batch_find() - Which pages need not travel whole
 * @digests: of the items that are pages, at the item's index
 * @there:   what the destination has; NULL: nothing
 * @delta:   differences are welcome: the body will be squeezed, and is still
 *	      too long for the link
 */
void kr_batch_find(struct kr_recall *m, struct kr_haves *there,
		   const uint8_t *raw,
		   const struct kr_items *items, const uint8_t (*digests)[32],
		   bool delta, struct kr_refs *ret_refs);

/**
 * kr_batch_pack() - Write the body of a stretch with references
 * @out: KR_BATCH_BODY_MAX
 *
 * Return: bytes written.
 */
size_t kr_batch_pack(struct kr_recall *m, const uint8_t *raw, size_t n_raw,
		     const struct kr_refs *refs, uint8_t *out);

/**
 * kr_batch_unpack() - The stretch again
 * @cache: this host's; NULL: it has none
 * @body: @h->n_body bytes
 * @out:  @h->n_raw bytes
 */
int kr_batch_unpack(struct kr_recall *m, struct kr_pagecache *cache,
		    const struct kr_batch_head *h, const uint8_t *body,
		    uint8_t *out, struct kr_refs *ret_refs, struct kr_err *e);

/**
 * kr_batch_learn() - Remember the stretch's pages; the same at both ends
 * @all:     also pages without a reference
 * @digests: as in kr_batch_find(); NULL at the destination
 */
void kr_batch_learn(struct kr_recall *m, const uint8_t *raw,
		    const struct kr_items *items, const struct kr_refs *refs,
		    bool all, const uint8_t (*digests)[32]);

#endif
