/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pagecache.h - pages on disk that outlast a migration: what a host has sent
 * or received, so that a VM that comes back, or a like one, need not bring it
 * again.
 * One file per tenant, under that tenant's key; never shared between tenants,
 * since what is found in it tells that two pages are equal. Used by
 * plane/flow.c; one migration at a time has the file.
 *
 * File: a head page, the slots' SHA-256 digests, the slots; all but the head
 * encrypted (AES-256-XTS, a page a unit). A page read back is hashed and
 * compared, so a damaged or swapped file costs a migration, never a page.
 * The digests are written when the file is closed; one that was not closed
 * is empty.
 *
 * What a destination tells the source of stays as long as the migration: what
 * it receives goes where nothing is, or where the oldest of 64 parts lies, of which
 * it does not tell. When that is full it keeps no more.
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

enum kr_pagecache_use {
	KR_PAGECACHE_FILL,	/* source: what is sent is kept */
	KR_PAGECACHE_TELL,	/* destination: the peer will be told of what
				   is there, and may ask for that; what comes
				   is kept where there is room */
	KR_PAGECACHE_LOOK,	/* told of alike, and nothing is kept */
};

/**
 * kr_pagecache_open() - Take up the file
 * @fd:      opened for reading and writing; owned, also on failure
 * @n_slots: pages it may hold; a file made for another number is empty
 */
int kr_pagecache_open(int fd, const uint8_t key[KR_PAGECACHE_KEY_BYTES],
		      uint32_t n_slots, enum kr_pagecache_use use,
		      struct kr_pagecache **ret_c, struct kr_err *e);

/** kr_pagecache_told() - Of how many slots to tell, from 0 on; any thread. */
uint32_t kr_pagecache_told(const struct kr_pagecache *c);

/**
 * kr_pagecache_name() - The first bytes of a slot's digest; any thread
 *
 * Zeroes, which no page has, for a slot that makes room.
 */
const uint8_t *kr_pagecache_name(const struct kr_pagecache *c, uint32_t slot);

/**
 * kr_pagecache_get() - A page again, that was told of; one thread at a time
 *
 * Return: 0; KR_E_LANE_MALFORMED if it was not, KR_E_PAGE_CACHE if the file
 *         does not hold what it did: it will be emptied.
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
