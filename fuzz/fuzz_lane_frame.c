/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_lane_frame.c - what a peer with the key could send: plaintext frames.
 * The first byte gives the direction.
 */
#include <assert.h>
#include <stdint.h>

#include "plane/lane_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct kr_lane_frame_seq s = { .dir = KR_LANE_FRAME_FORWARD };
	struct kr_rd r = KR_RD(data, n);
	uint64_t n_frames = 0, n_bytes = 0;

	s.dir = kr_rd_u8(&r) & 1;
	for (;;) {
		const uint8_t *head = kr_rd_take(&r, KR_LANE_FRAME_HEAD_BYTES);
		enum kr_code code = KR_OK;
		struct kr_lane_frame f;
		const uint8_t *body;

		if (!head || kr_lane_frame_head(&s, head, &f, NULL) < 0)
			break;
		n_frames++;
		assert(s.next == n_frames);
		assert(f.n_bytes <= KR_LANE_FRAME_PAYLOAD_BYTES_MAX);
		body = kr_rd_take(&r, f.n_bytes);
		if (!body ||
		    kr_lane_frame_body(&s, &f, body, &code, NULL) < 0)
			break;
		if (f.kind == KR_LANE_FRAME_DATA)
			n_bytes += f.n_bytes;
		assert(s.n_bytes == n_bytes);
		assert((f.kind == KR_LANE_FRAME_ABORT) == (code != KR_OK));
		assert((f.kind == KR_LANE_FRAME_END) == s.ended);
	}
	return 0;
}
