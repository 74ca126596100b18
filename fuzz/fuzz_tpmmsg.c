/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_tpmmsg.c - a quote as the TPM's agent says it. */
#include <assert.h>
#include <string.h>

#include "attest/tpmmsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t again[KR_TPMMSG_BODY_MAX];
	struct kr_wr w = KR_WR(again, sizeof(again));
	struct kr_rd r = KR_RD(data, n);
	struct kr_tpmquoted q;

	if (kr_tpmquoted_parse(&r, &q, NULL))
		return 0;
	kr_tpmquoted_put(&w, &q);
	assert(!w.bad && kr_wr_len(&w) == n && !memcmp(again, data, n));
	return 0;
}
