/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_plane_msg.c - bodies of the data-plane agent's messages; the first byte
 * picks the message. What was taken is put again and must be the same bytes.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "plane/plane_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t b[KR_PLANE_BODY_BYTES_MAX];
	struct kr_wr w = KR_WR(b, sizeof(b));
	struct kr_rd r;
	union {
		struct kr_plane_start	 start;
		struct kr_plane_lane	 lane;
		struct kr_plane_up	 up;
		struct kr_plane_progress progress;
		struct kr_manifest	 manifest;
		struct kr_plane_split	 split;
		struct kr_plane_fail	 fail;
	} m;
	struct kr_err e = KR_ERR_NONE;

	if (!n)
		return 0;
	r = KR_RD(data + 1, n - 1);
	switch (data[0] % 7) {
	case 0:
		if (kr_plane_msg_parse_start(&r, &m.start, NULL) < 0)
			return 0;
		if (m.start.stall_ms == KR_PLANE_STALL_MS)
			return 0;	/* may have been the 0 for it */
		kr_plane_msg_put_start(&w, &m.start);
		break;
	case 1:
		if (kr_plane_msg_parse_lane(&r, &m.lane, NULL) < 0)
			return 0;
		kr_plane_msg_put_lane(&w, &m.lane);
		break;
	case 2:
		if (kr_plane_msg_parse_up(&r, &m.up, NULL) < 0)
			return 0;
		kr_plane_msg_put_up(&w, &m.up);
		break;
	case 3:
		if (kr_plane_msg_parse_progress(&r, &m.progress, NULL) < 0)
			return 0;
		kr_plane_msg_put_progress(&w, &m.progress);
		break;
	case 4:
		if (kr_plane_msg_parse_manifest(&r, &m.manifest, NULL) < 0)
			return 0;
		assert(kr_manifest_same(&m.manifest, &m.manifest));
		kr_manifest_put(&w, &m.manifest);
		break;
	case 5:
		if (kr_plane_msg_parse_fail(&r, &m.fail, NULL) < 0)
			return 0;
		kr_fail(&e, m.fail.kr, "%s", m.fail.what);
		kr_plane_msg_put_fail(&w, &e);
		break;
	case 6:
		if (kr_plane_msg_parse_split(&r, &m.split, NULL) < 0)
			return 0;
		kr_plane_msg_put_split(&w, &m.split);
		break;
	}
	assert(!w.bad && kr_wr_len(&w) == n - 1);
	assert(!memcmp(b, data + 1, n - 1));
	return 0;
}
