/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.h - the framing of the control session inside TLS, and the preamble
 * that a lane's connection starts with. To the byte: PROTOCOL.wire.md.
 *
 * A frame is u32 length (of what follows), u16 type, u64 sequence number
 * (from 0, +1 per frame and direction), body.
 */
#ifndef KR_WIRE_FRAME_H
#define KR_WIRE_FRAME_H

#include "base/cursor.h"
#include "base/err.h"

#define KR_FRAME_HEAD_BYTES	4u
#define KR_FRAME_META_BYTES	10u	/* type and sequence */
#define KR_FRAME_BODY_BYTES_MAX	32768u
#define KR_FRAME_BYTES_MAX	(KR_FRAME_HEAD_BYTES + KR_FRAME_META_BYTES + \
				 KR_FRAME_BODY_BYTES_MAX)

struct kr_frame {
	uint16_t       type;
	uint64_t       seq;
	const uint8_t *body;	/* borrowed from the input */
	size_t	       n_bytes;
};

/**
 * kr_frame_parse() - Find one frame at the start of @in
 * @ret_used: bytes the frame took
 *
 * Return: 0; KR_FRAME_MORE (> 0) if it is not complete yet; KR_E_FRAME_SIZE
 *         or KR_E_MALFORMED.
 */
#define KR_FRAME_MORE 1
int kr_frame_parse(const uint8_t *in, size_t n, struct kr_frame *ret_f,
		   size_t *ret_used, struct kr_err *e);

/** kr_frame_put() - Write one frame; the writer goes bad if it does not fit. */
void kr_frame_put(struct kr_wr *w, const struct kr_frame *f);

/* ---- the lane preamble, in the clear, before the lane's TLS ------------ */

#define KR_PREAMBLE_BYTES	24u

struct kr_preamble {
	uint8_t lane;
	uint8_t migration[16];
};

int kr_preamble_parse(const uint8_t *in, size_t n, struct kr_preamble *ret_p,
		      struct kr_err *e);
void kr_preamble_put(struct kr_wr *w, const struct kr_preamble *p);

#endif
