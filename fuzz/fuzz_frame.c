/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_frame.c - a session's bytes after TLS: frame after frame, as
 * wire/session.c takes them; each one put again must be the same bytes.
 */
#include <assert.h>
#include <string.h>

#include "wire/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static uint8_t again[KR_FRAME_BYTES_MAX];
	struct kr_frame f;
	size_t used = 0;

	for (; kr_frame_parse(data, n, &f, &used, NULL) == 0;
	     data += used, n -= used) {
		struct kr_wr w = KR_WR(again, sizeof(again));

		assert(used && used <= n && used <= KR_FRAME_BYTES_MAX);
		assert(f.body + f.n_bytes == data + used);
		kr_frame_put(&w, &f);
		assert(!w.bad && kr_wr_len(&w) == used);
		assert(!memcmp(again, data, used));
	}
	return 0;
}
