/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backpath.h - the newest bytes of the hypervisor's return path: the source
 * may not have got them when its lanes broke. Used at the destination by
 * plane/receive.c on the first lane's thread, and by plane/flow.c when there
 * are no threads.
 *
 * It carries requests for pages, a few bytes each: no more of it is on its way
 * at a time than TCP holds.
 */
#ifndef KR_PLANE_BACKPATH_H
#define KR_PLANE_BACKPATH_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define KR_BACKPATH_BYTES	(256u * 1024)	/* a power of two */

struct kr_backpath {
	uint64_t n_read;		/* from the hypervisor */
	uint64_t said;			/* of these, to the source */
	uint8_t	 ring[KR_BACKPATH_BYTES];
};

/** kr_backpath_read() - The next bytes, which are said at once. */
void kr_backpath_read(struct kr_backpath *b, const uint8_t *p, size_t n);

/**
 * kr_backpath_rewind() - The source has @n bytes
 *
 * Return: 0; KR_E_LANE_LOST if that is too long ago, KR_E_LANE_MALFORMED if it
 *	   cannot be.
 */
int kr_backpath_rewind(struct kr_backpath *b, uint64_t n, struct kr_err *e);

/** kr_backpath_again() - What is to be said once more. Return: bytes. */
size_t kr_backpath_again(struct kr_backpath *b, uint8_t *out, size_t max);

#endif
