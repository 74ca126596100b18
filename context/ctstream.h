/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctstream.h - a zone's state on its way while it lives (ctlive.h): messages
 * of
 *
 *	u8 kind, u32 n_put, u32 n_gone
 *	n_put, n_gone bytes: each a file as ctfile.h has it
 *
 * big-endian. The first is KR_CTSTREAM_ANEW, the last, and no other,
 * KR_CTSTREAM_LAST. What brings them has to be authentic.
 */
#ifndef KR_CONTEXT_CTSTREAM_H
#define KR_CONTEXT_CTSTREAM_H

#include "context/ctlive.h"

#define KR_CTSTREAM_ANEW	1u	/* kr_ctdelta's */
#define KR_CTSTREAM_LAST	2u
#define KR_CTSTREAM_HEAD_BYTES	9u

/**
 * kr_ctstream_put() - Write a message
 * @ret: for free()
 */
int kr_ctstream_put(const struct kr_ctdelta *d, bool last, uint8_t **ret,
		    size_t *ret_n_bytes, struct kr_err *e);

struct kr_ctstream_head { uint8_t kind; uint32_t n_put, n_gone; };

/**
 * kr_ctstream_head() - Read KR_CTSTREAM_HEAD_BYTES
 * Return: 0; KR_E_CT_FILE if they are none, or say of more than
 *         KR_CTFILE_BYTES_MAX for either.
 */
int kr_ctstream_head(const uint8_t *p, struct kr_ctstream_head *ret_h,
		     struct kr_err *e);

/**
 * kr_ctstream_body() - Read what @h said would follow
 * @p:     of h->n_put + h->n_gone bytes
 * @ret_d: zeroed; for kr_ctdelta_fini()
 */
int kr_ctstream_body(const struct kr_ctstream_head *h, const uint8_t *p,
		     struct kr_ctdelta *ret_d, struct kr_err *e);

#endif
