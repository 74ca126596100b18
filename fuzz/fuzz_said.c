/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_said.c - what a host says of itself, as its peer gets it. */
#include <assert.h>
#include <string.h>

#include "attest/said.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static uint8_t again[KR_SAID_BYTES_MAX];
	struct kr_wr w = KR_WR(again, sizeof(again));
	struct kr_rd r = KR_RD(data, n);
	static struct kr_appraise_said v;

	if (kr_said_parse(&r, &v, NULL))
		return 0;
	kr_said_put(&w, &v);
	assert(!w.bad && kr_wr_len(&w) == n && !memcmp(again, data, n));
	return 0;
}
