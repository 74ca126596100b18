/* SPDX-License-Identifier: Apache-2.0 */
/*
 * piecesha.h - SHA-256 of what comes in many small pieces: they are collected,
 * since each call of OpenSSL costs more than hashing a few bytes. Used by
 * plane/seal.c and plane/account.c.
 */
#ifndef KR_PLANE_PIECESHA_H
#define KR_PLANE_PIECESHA_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lives in its caller's frame, from a first piece to kr_piecesha_flush(). */
struct kr_piecesha {
	EVP_MD_CTX *ctx;		/* borrowed, begun */
	bool	    bad;		/* once, for good */
	size_t	    n;			/* collected */
	uint8_t	    held[4096];
};

/* Without clearing what is held. */
static inline void kr_piecesha_init(struct kr_piecesha *s, EVP_MD_CTX *ctx)
{
	s->ctx = ctx;
	s->bad = false;
	s->n = 0;
}

/** kr_piecesha_add() - @p is borrowed until return; @n = 0 is nothing. */
void kr_piecesha_add(struct kr_piecesha *s, const void *p, size_t n);

/** kr_piecesha_flush() - All of it is in @ctx. Return: false if bad. */
bool kr_piecesha_flush(struct kr_piecesha *s);

#endif
