/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_lookupmsg.c - an address as a look-up agent says it. */
#include <assert.h>
#include <string.h>

#include "wire/lookupmsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t again[KR_LOOKUP_BODY_MAX];
	struct kr_wr w = KR_WR(again, sizeof(again));
	struct kr_rd r = KR_RD(data, n);
	struct kr_lookupfound f;

	if (kr_lookupfound_parse(&r, &f, NULL))
		return 0;
	kr_lookupfound_put(&w, &f);
	assert(!w.bad && kr_wr_len(&w) == n && !memcmp(again, data, n));
	return 0;
}
