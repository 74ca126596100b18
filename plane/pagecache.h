/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pagecache.h - pages on disk that outlast a migration: what a source has
 * sent, so that a VM that comes back, or a like one, need not bring it again.
 * One file per tenant, under that tenant's key; never shared between tenants,
 * since what is found in it tells that two pages are equal. Used by
 * plane/flow.c; one migration at a time has the file.
 *
 * File: a head page, the slots' SHA-256 digests, the slots; all but the head
 * encrypted (AES-256-XTS, a page a unit). A page read back is hashed and
 * compared, so a damaged or swapped file costs a migration, never a page.
 * The digests are written when the file is closed; one that was not closed
 * is empty.
 */
#ifndef KR_PLANE_PAGECACHE_H
#define KR_PLANE_PAGECACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "plane/item.h"

#define KR_PAGECACHE_KEY_BYTES	64u
#define KR_PAGECACHE_NAME_BYTES	16u	/* of a digest: enough to tell apart */

struct kr_pagecache;

/**
 * kr_pagecache_open() - Take up the file
 * @fd:      opened for reading and writing; owned, also on failure
 * @n_slots: pages it may hold; a file made for another number is empty
 * @fill:    true: pages will be put, the file is emptied by a crash
 */
int kr_pagecache_open(int fd, const uint8_t key[KR_PAGECACHE_KEY_BYTES],
		      uint32_t n_slots, bool fill,
		      struct kr_pagecache **ret_c, struct kr_err *e);

/** kr_pagecache_used() - Slots 0..used-1 hold pages. */
uint32_t kr_pagecache_used(const struct kr_pagecache *c);

/** kr_pagecache_name() - The first bytes of a slot's digest. */
const uint8_t *kr_pagecache_name(const struct kr_pagecache *c, uint32_t slot);

/**
 * kr_pagecache_get() - A page again
 *
 * Return: 0; KR_E_LANE_MALFORMED if there is no such slot, KR_E_PAGE_CACHE
 *         if the file does not hold what it did: it will be emptied.
 */
int kr_pagecache_get(struct kr_pagecache *c, uint32_t slot,
		     uint8_t out[KR_PAGE_BYTES], struct kr_err *e);

/**
 * kr_pagecache_put() - Keep a page, unless it is there; the oldest makes room
 *
 * A full disk only means that it is not kept. Any thread.
 */
void kr_pagecache_put(struct kr_pagecache *c, const uint8_t *page,
		      const uint8_t digest[32]);

/** kr_pagecache_close() - Write the digests. NULL is fine. */
void kr_pagecache_close(struct kr_pagecache *c);

#endif
