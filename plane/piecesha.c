/* SPDX-License-Identifier: Apache-2.0 */
/* piecesha.c - SHA-256 in pieces. In the data-plane agent, on any thread. */
#include "plane/piecesha.h"

#include <string.h>

static void update(struct kr_piecesha *s, const void *p, size_t n)
{
	if (n && EVP_DigestUpdate(s->ctx, p, n) != 1)
		s->bad = true;
}

bool kr_piecesha_flush(struct kr_piecesha *s)
{
	update(s, s->held, s->n);
	s->n = 0;
	return !s->bad;
}

void kr_piecesha_add(struct kr_piecesha *s, const void *p, size_t n)
{
	if (n > sizeof(s->held) - s->n)
		kr_piecesha_flush(s);
	if (n > sizeof(s->held)) {
		update(s, p, n);
		return;
	}
	memcpy(s->held + s->n, p, n);
	s->n += n;
}
