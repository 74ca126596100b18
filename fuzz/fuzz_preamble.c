/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_preamble.c - the first bytes of a connection that claims a lane. */
#include <assert.h>
#include <string.h>

#include "wire/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t again[KR_PREAMBLE_BYTES];
	struct kr_wr w = KR_WR(again, sizeof(again));
	struct kr_preamble p;

	if (kr_preamble_parse(data, n, &p, NULL))
		return 0;
	kr_preamble_put(&w, &p);
	assert(!w.bad && kr_wr_len(&w) == n && !memcmp(again, data, n));
	return 0;
}
