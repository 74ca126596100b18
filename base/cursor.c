/* SPDX-License-Identifier: Apache-2.0 */
/* cursor.c - strings through the bounded cursors. */
#include "base/cursor.h"

void kr_rd_str(struct kr_rd *r, char *out, size_t size)
{
	size_t n = kr_rd_u16(r);
	const uint8_t *q;

	out[0] = '\0';
	if (n >= size) {
		r->bad = true;
		return;
	}
	q = kr_rd_take(r, n);
	if (!q)
		return;
	for (size_t i = 0; i < n; i++) {
		if ((q[i] < ' ' && q[i] != '\n' && q[i] != '\t') ||
		    q[i] == 127) {
			r->bad = true;
			return;
		}
	}
	memcpy(out, q, n);
	out[n] = '\0';
}

void kr_wr_str(struct kr_wr *w, const char *s)
{
	size_t n = strlen(s);

	if (n > UINT16_MAX) {
		w->bad = true;
		return;
	}
	kr_wr_u16(w, (uint16_t)n);
	kr_wr_bytes(w, s, n);
}
