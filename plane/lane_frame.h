/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane_frame.h - the frames inside a lane's TLS connection, as plaintext:
 * what may follow what, in one direction. No I/O. Used by plane/lane.c in the
 * data-plane agent, and by its fuzzer.
 *
 * head: u32 payload length | u8 kind | u8 direction | u64 sequence, the
 * sequence from 0 in steps of 1 over all frames of a direction.
 */
#ifndef KR_PLANE_LANE_FRAME_H
#define KR_PLANE_LANE_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cursor.h"
#include "base/err.h"

#define KR_LANE_FRAME_HEAD_BYTES	14u
#define KR_LANE_FRAME_PAYLOAD_BYTES_MAX	(1u << 20)

enum kr_lane_frame_kind {
	KR_LANE_FRAME_DATA = 1,		/* 1..2^20 bytes of the stream */
	KR_LANE_FRAME_END,		/* u64 bytes of all DATA before it */
	KR_LANE_FRAME_ABORT,		/* u16 error code */
	KR_LANE_FRAME_ALIVE,		/* u16 permille of the time since the
					   last one spent waiting for bytes */
};

enum kr_lane_frame_dir { KR_LANE_FRAME_FORWARD, KR_LANE_FRAME_BACKWARD };

/* One direction of one lane, at either end. */
struct kr_lane_frame_seq {
	enum kr_lane_frame_dir dir;
	uint64_t next;			/* sequence number */
	uint64_t n_bytes;		/* of DATA */
	uint16_t waits;			/* of the last ALIVE, permille */
	bool	 ended;			/* END went by: nothing may follow */
};

struct kr_lane_frame {
	enum kr_lane_frame_kind kind;
	uint32_t n_bytes;		/* of the payload */
};

/** kr_lane_frame_head() - Read and check a head: may this frame come now? */
int kr_lane_frame_head(struct kr_lane_frame_seq *s,
		       const uint8_t head[KR_LANE_FRAME_HEAD_BYTES],
		       struct kr_lane_frame *ret_f, struct kr_err *e);

/**
 * kr_lane_frame_body() - Check the payload of the frame whose head was read
 * @body:     of @f->n_bytes
 * @ret_code: ABORT's code, else untouched
 */
int kr_lane_frame_body(struct kr_lane_frame_seq *s,
		       const struct kr_lane_frame *f, const uint8_t *body,
		       enum kr_code *ret_code, struct kr_err *e);

/**
 * kr_lane_frame_put() - Write the head of the next frame to send
 * @n_bytes: of the payload; all but DATA's is written, too
 * @value:   ABORT's code, ALIVE's permille, else ignored
 */
void kr_lane_frame_put(struct kr_wr *w, struct kr_lane_frame_seq *s,
		       enum kr_lane_frame_kind kind, uint32_t n_bytes,
		       uint16_t value);

#endif
