/* SPDX-License-Identifier: Apache-2.0 */
/*
 * haves.h - what the destination said it has in its page cache, by name: the
 * first bytes of a page's SHA-256. Filled by the return path's lane while
 * every lane looks up; any thread. Used by plane/send.c at the source.
 */
#ifndef KR_PLANE_HAVES_H
#define KR_PLANE_HAVES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cursor.h"
#include "base/err.h"

#define KR_HAVES_NONE	UINT32_MAX

struct kr_haves;

/** kr_haves_new() - Room for @limit pages; what is said beyond is ignored. */
int kr_haves_new(uint32_t limit, struct kr_haves **ret_h, struct kr_err *e);

/**
 * kr_haves_add() - The destination has these
 * @r: the peer's: u32 slot of the first, in order from 0 on; then names of
 *     KR_PAGECACHE_NAME_BYTES each, to the end
 *
 * Return: 0; KR_E_LANE_MALFORMED. @h may be NULL: they are read, no more.
 */
int kr_haves_add(struct kr_haves *h, struct kr_rd *r, struct kr_err *e);

/** kr_haves_find() - The slot of a page; KR_HAVES_NONE. @h may be NULL. */
uint32_t kr_haves_find(struct kr_haves *h, const uint8_t digest[32]);

void kr_haves_free(struct kr_haves *h);

#endif
