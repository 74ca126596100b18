/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cursor.h - bounded reading and writing of bytes. Foreign bytes are touched
 * only through struct kr_rd. A cursor goes bad once and stays bad, so a
 * parser reads like its format and checks once, with kr_rd_done().
 * All integers are big-endian on the wire; firmware writes the other kind.
 */
#ifndef KR_BASE_CURSOR_H
#define KR_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct kr_rd { const uint8_t *p, *end; bool bad; };	/* never owns */
struct kr_wr { uint8_t *p, *start, *end; bool bad; };	/* never owns */

#define KR_RD(buf, n)	((struct kr_rd){ .p = (const uint8_t *)(buf), \
					 .end = (const uint8_t *)(buf) + (n) })
#define KR_WR(buf, n)	((struct kr_wr){ .p = (uint8_t *)(buf), \
					 .start = (uint8_t *)(buf), \
					 .end = (uint8_t *)(buf) + (n) })

static inline size_t kr_rd_left(const struct kr_rd *r)
{
	return (size_t)(r->end - r->p);
}

/** kr_rd_take() - Borrow the next @n bytes; NULL and bad if there are fewer. */
static inline const uint8_t *kr_rd_take(struct kr_rd *r, size_t n)
{
	const uint8_t *q = r->p;

	if (r->bad || n > kr_rd_left(r)) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	return q;
}

static inline uint64_t kr_rd_be(struct kr_rd *r, size_t n)
{
	const uint8_t *q = kr_rd_take(r, n);
	uint64_t v = 0;

	for (size_t i = 0; q && i < n; i++)
		v = v << 8 | q[i];
	return v;
}

static inline uint64_t kr_rd_le(struct kr_rd *r, size_t n)
{
	const uint8_t *q = kr_rd_take(r, n);
	uint64_t v = 0;

	for (size_t i = n; q && i-- > 0;)
		v = v << 8 | q[i];
	return v;
}

static inline uint8_t kr_rd_u8(struct kr_rd *r)
{
	return (uint8_t)kr_rd_be(r, 1);
}
static inline uint16_t kr_rd_u16(struct kr_rd *r)
{
	return (uint16_t)kr_rd_be(r, 2);
}
static inline uint32_t kr_rd_u32(struct kr_rd *r)
{
	return (uint32_t)kr_rd_be(r, 4);
}
static inline uint64_t kr_rd_u64(struct kr_rd *r)
{
	return kr_rd_be(r, 8);
}

/** kr_rd_bytes() - Copy exactly @n bytes; @out is zeroed if there are fewer. */
static inline void kr_rd_bytes(struct kr_rd *r, void *out, size_t n)
{
	const uint8_t *q = kr_rd_take(r, n);

	if (q)
		memcpy(out, q, n);
	else
		memset(out, 0, n);
}

/**
 * kr_rd_str() - Copy a u16-length string into @out[@size], NUL-terminated
 *
 * Too long for @size or holding a NUL or a control character other than tab
 * and newline makes the cursor bad.
 */
void kr_rd_str(struct kr_rd *r, char *out, size_t size);

/** kr_rd_done() - True if nothing was missing and nothing is left. */
static inline bool kr_rd_done(const struct kr_rd *r)
{
	return !r->bad && r->p == r->end;
}

static inline uint8_t *kr_wr_room(struct kr_wr *w, size_t n)
{
	uint8_t *q = w->p;

	if (w->bad || n > (size_t)(w->end - w->p)) {
		w->bad = true;
		return NULL;
	}
	w->p += n;
	return q;
}

static inline void kr_wr_be(struct kr_wr *w, uint64_t v, size_t n)
{
	uint8_t *q = kr_wr_room(w, n);

	for (size_t i = n; q && i-- > 0; v >>= 8)
		q[i] = (uint8_t)v;
}

static inline void kr_wr_u8(struct kr_wr *w, uint8_t v) { kr_wr_be(w, v, 1); }
static inline void kr_wr_u16(struct kr_wr *w, uint16_t v) { kr_wr_be(w, v, 2); }
static inline void kr_wr_u32(struct kr_wr *w, uint32_t v) { kr_wr_be(w, v, 4); }
static inline void kr_wr_u64(struct kr_wr *w, uint64_t v) { kr_wr_be(w, v, 8); }

static inline void kr_wr_bytes(struct kr_wr *w, const void *in, size_t n)
{
	uint8_t *q = kr_wr_room(w, n);

	if (q && n)
		memcpy(q, in, n);
}

/** kr_wr_str() - Write @s as u16 length and bytes. */
void kr_wr_str(struct kr_wr *w, const char *s);

static inline size_t kr_wr_len(const struct kr_wr *w)
{
	return (size_t)(w->p - w->start);
}

#endif
