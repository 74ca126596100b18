/* SPDX-License-Identifier: Apache-2.0 */
/* frame.c - frames and preambles. Runs in the link agent; tests and fuzzers. */
#include "wire/frame.h"

static const uint8_t magic[4] = { 'K', 'R', 'L', 'N' };

int kr_frame_parse(const uint8_t *in, size_t n, struct kr_frame *ret_f,
		   size_t *ret_used, struct kr_err *e)
{
	struct kr_rd r = KR_RD(in, n);
	struct kr_frame f;
	uint32_t len;

	if (n < KR_FRAME_HEAD_BYTES)
		return KR_FRAME_MORE;
	len = kr_rd_u32(&r);
	if (len > KR_FRAME_META_BYTES + KR_FRAME_BODY_BYTES_MAX)
		return kr_fail(e, KR_E_FRAME_SIZE, "a frame of %u bytes", len);
	if (len < KR_FRAME_META_BYTES)
		return kr_fail(e, KR_E_MALFORMED, "a frame of %u bytes", len);
	if (kr_rd_left(&r) < len)
		return KR_FRAME_MORE;
	f.type = kr_rd_u16(&r);
	f.seq = kr_rd_u64(&r);
	f.n_bytes = len - KR_FRAME_META_BYTES;
	f.body = kr_rd_take(&r, f.n_bytes);
	*ret_f = f;
	*ret_used = KR_FRAME_HEAD_BYTES + len;
	return 0;
}

void kr_frame_put(struct kr_wr *w, const struct kr_frame *f)
{
	if (f->n_bytes > KR_FRAME_BODY_BYTES_MAX) {
		w->bad = true;
		return;
	}
	kr_wr_u32(w, (uint32_t)(KR_FRAME_META_BYTES + f->n_bytes));
	kr_wr_u16(w, f->type);
	kr_wr_u64(w, f->seq);
	kr_wr_bytes(w, f->body, f->n_bytes);
}

int kr_preamble_parse(const uint8_t *in, size_t n, struct kr_preamble *ret_p,
		      struct kr_err *e)
{
	struct kr_rd r = KR_RD(in, n);
	struct kr_preamble p;
	uint8_t m[4], version;
	uint16_t zero;

	kr_rd_bytes(&r, m, sizeof(m));
	version = kr_rd_u8(&r);
	p.lane = kr_rd_u8(&r);
	zero = kr_rd_u16(&r);
	kr_rd_bytes(&r, p.migration, sizeof(p.migration));
	if (!kr_rd_done(&r) || memcmp(m, magic, sizeof(m)) || zero)
		return kr_fail(e, KR_E_MALFORMED, "not a lane's preamble");
	if (version != 1)
		return kr_fail(e, KR_E_VERSION, "lane version %u", version);
	*ret_p = p;
	return 0;
}

void kr_preamble_put(struct kr_wr *w, const struct kr_preamble *p)
{
	kr_wr_bytes(w, magic, sizeof(magic));
	kr_wr_u8(w, 1);
	kr_wr_u8(w, p->lane);
	kr_wr_u16(w, 0);
	kr_wr_bytes(w, p->migration, sizeof(p->migration));
}
