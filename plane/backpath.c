/* SPDX-License-Identifier: Apache-2.0 */
/* backpath.c - see backpath.h. */
#include "plane/backpath.h"

#define AT(n)	((n) % KR_BACKPATH_BYTES)

void kr_backpath_read(struct kr_backpath *b, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		b->ring[AT(b->n_read + i)] = p[i];
	b->n_read += n;
	b->said = b->n_read;
}

int kr_backpath_rewind(struct kr_backpath *b, uint64_t n, struct kr_err *e)
{
	if (n > b->n_read)
		return kr_fail(e, KR_E_LANE_MALFORMED,
			       "the source has %llu bytes of a return path of "
			       "%llu", (unsigned long long)n,
			       (unsigned long long)b->n_read);
	if (b->n_read - n > KR_BACKPATH_BYTES)
		return kr_fail(e, KR_E_LANE_LOST,
			       "the return path's bytes from %llu on are not "
			       "kept", (unsigned long long)n);
	b->said = n;
	return 0;
}

size_t kr_backpath_again(struct kr_backpath *b, uint8_t *out, size_t max)
{
	size_t n = 0;

	while (n < max && b->said < b->n_read)
		out[n++] = b->ring[AT(b->said++)];
	return n;
}
