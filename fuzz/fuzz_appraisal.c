/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_appraisal.c - a judgement as the judging agent says it. */
#include <assert.h>
#include <string.h>

#include "attest/appraisemsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static uint8_t again[KR_APPRAISEMSG_BODY_MAX];
	struct kr_wr w = KR_WR(again, sizeof(again));
	struct kr_rd r = KR_RD(data, n);
	static struct kr_appraisal v;

	if (kr_appraisal_parse(&r, &v, NULL))
		return 0;
	kr_appraisal_put(&w, &v);
	assert(!w.bad && kr_wr_len(&w) == n && !memcmp(again, data, n));
	return 0;
}
