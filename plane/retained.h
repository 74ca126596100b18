/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retained.h - batches behind the split that the destination may not have:
 * whole ones in the order of their tickets, until its hypervisor has taken
 * them, so that lanes that are set up anew can bring them once more. Used at
 * the source by plane/send.c on every lane's thread, and by plane/flow.c.
 *
 * A batch is kept as it is before squeezing: what it refers to is what the
 * destination remembers when its turn comes, however often it was sent.
 */
#ifndef KR_PLANE_RETAINED_H
#define KR_PLANE_RETAINED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "plane/batch.h"
#include "plane/credit.h"

/* Twice what credit lets be on its way: some lanes may not hear of it. */
#define KR_RETAINED_BYTES	(2 * (size_t)KR_CREDIT_WINDOW_LATE_MAX)

struct kr_retained;

/** kr_retained_new() - @limit_bytes: of memory, used as it is needed. */
int kr_retained_new(size_t limit_bytes, struct kr_retained **ret_r,
		    struct kr_err *e);
void kr_retained_free(struct kr_retained *r);

/**
 * kr_retained_keep() - The next ticket's batch, sent on @lane
 * @total: bytes of the lane's stretches, with this one
 * @body:  @h->n_body bytes, copied
 *
 * One that there is no room for is not kept, and kr_retained_rewind() fails
 * while the destination may lack it.
 */
void kr_retained_keep(struct kr_retained *r, uint8_t lane, uint64_t total,
		      const struct kr_batch_head *h, const uint8_t *body);

/** kr_retained_taken() - The other hypervisor took so much of @lane. */
void kr_retained_taken(struct kr_retained *r, uint8_t lane, uint64_t total);

/**
 * kr_retained_rewind() - All lanes are new ones
 * @ticket: the first that the destination lacks
 * @end:	 the ticket behind the last
 *
 * Return: 0; KR_E_LANE_LOST if not all of these are here.
 */
int kr_retained_rewind(struct kr_retained *r, uint64_t ticket, uint64_t end,
		       struct kr_err *e);

/**
 * kr_retained_again() - What is to be brought once more, a batch at a time
 * @sent: bytes of @lane's stretches so far
 * @out:  KR_BATCH_BODY_MAX
 *
 * Return: is there one?
 */
bool kr_retained_again(struct kr_retained *r, uint8_t lane, uint64_t sent,
		       struct kr_batch_head *ret_h, uint8_t *out);

#endif
