/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane_frame.c - order and layout of a lane's frames. Runs in the data-plane
 * agent; what it reads is the peer's.
 */
#include "plane/lane_frame.h"

#include <assert.h>

static bool length_fits(uint8_t kind, uint32_t n)
{
	switch (kind) {
	case KR_LANE_FRAME_DATA:
		return n && n <= KR_LANE_FRAME_PAYLOAD_BYTES_MAX;
	case KR_LANE_FRAME_END:
		return n == 8;
	case KR_LANE_FRAME_ABORT:
	case KR_LANE_FRAME_ALIVE:
		return n == 2;
	}
	return false;
}

int kr_lane_frame_head(struct kr_lane_frame_seq *s,
		       const uint8_t head[KR_LANE_FRAME_HEAD_BYTES],
		       struct kr_lane_frame *ret_f, struct kr_err *e)
{
	struct kr_rd r = KR_RD(head, KR_LANE_FRAME_HEAD_BYTES);
	uint32_t n_bytes = kr_rd_u32(&r);
	uint8_t kind = kr_rd_u8(&r);
	uint8_t dir = kr_rd_u8(&r);
	uint64_t seq = kr_rd_u64(&r);

	if (!length_fits(kind, n_bytes))
		return kr_fail(e, KR_E_LANE_MALFORMED,
			       "frame of kind %u with %u bytes", kind,
			       n_bytes);
	if (dir != s->dir)
		return kr_fail(e, KR_E_LANE_MALFORMED,
			       "frame of direction %u", dir);
	if (seq != s->next)
		return kr_fail(e, KR_E_LANE_MALFORMED,
			       "frame %llu where %llu was due",
			       (unsigned long long)seq,
			       (unsigned long long)s->next);
	if (s->ended)
		return kr_fail(e, KR_E_LANE_MALFORMED,
			       "frame of kind %u after the end", kind);
	s->next++;
	ret_f->kind = kind;
	ret_f->n_bytes = n_bytes;
	return 0;
}

/* What a peer may say ended its side: the data plane's codes. */
static bool may_abort_with(unsigned int code)
{
	return code == KR_E_CANCELLED || code == KR_E_SYSTEM ||
	       code == KR_E_CRYPTO ||
	       (code >= KR_E_LANE_FORGED && code <= KR_E_PAGE_CACHE);
}

int kr_lane_frame_body(struct kr_lane_frame_seq *s,
		       const struct kr_lane_frame *f, const uint8_t *body,
		       enum kr_code *ret_code, struct kr_err *e)
{
	struct kr_rd r = KR_RD(body, f->n_bytes);
	uint64_t total;
	uint16_t code;

	switch (f->kind) {
	case KR_LANE_FRAME_DATA:
		s->n_bytes += f->n_bytes;
		return 0;
	case KR_LANE_FRAME_ALIVE:
		s->waits = kr_rd_u16(&r);
		return s->waits <= 1000 ? 0 :
			kr_fail(e, KR_E_LANE_MALFORMED, "it waits %u permille",
				s->waits);
	case KR_LANE_FRAME_END:
		total = kr_rd_u64(&r);
		if (!kr_rd_done(&r) || total != s->n_bytes)
			return kr_fail(e, KR_E_LANE_MALFORMED,
				       "%llu bytes announced, %llu came",
				       (unsigned long long)total,
				       (unsigned long long)s->n_bytes);
		s->ended = true;
		return 0;
	case KR_LANE_FRAME_ABORT:
		code = kr_rd_u16(&r);
		if (!kr_rd_done(&r) || !may_abort_with(code))
			return kr_fail(e, KR_E_LANE_MALFORMED,
				       "abort with code %u", code);
		*ret_code = (enum kr_code)code;
		return 0;
	}
	return kr_fail(e, KR_E_LANE_MALFORMED, "unknown frame");
}

void kr_lane_frame_put(struct kr_wr *w, struct kr_lane_frame_seq *s,
		       enum kr_lane_frame_kind kind, uint32_t n_bytes,
		       uint16_t value)
{
	assert(!s->ended && length_fits((uint8_t)kind, n_bytes));
	kr_wr_u32(w, n_bytes);
	kr_wr_u8(w, (uint8_t)kind);
	kr_wr_u8(w, (uint8_t)s->dir);
	kr_wr_u64(w, s->next++);
	if (kind == KR_LANE_FRAME_DATA)
		s->n_bytes += n_bytes;
	if (kind == KR_LANE_FRAME_ABORT)
		kr_wr_u16(w, may_abort_with(value) ? value : KR_E_SYSTEM);
	if (kind == KR_LANE_FRAME_ALIVE)
		kr_wr_u16(w, value);
	if (kind == KR_LANE_FRAME_END) {
		kr_wr_u64(w, s->n_bytes);
		s->ended = true;
	}
}
