/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_tpmmsg.c - a quote and a sealed key as the TPM's agent says them. */
#include <assert.h>
#include <string.h>

#include "attest/tpmmsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void is_what_was_read(struct kr_wr *w, const uint8_t *data, size_t n)
{
	assert(!w->bad && kr_wr_len(w) == n && !memcmp(w->start, data, n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t again[KR_TPMMSG_BODY_MAX];
	struct kr_wr w = KR_WR(again, sizeof(again));
	struct kr_rd r = KR_RD(data, n);
	struct kr_tpmquoted q;
	struct kr_tpmseal s;

	if (!kr_tpmquoted_parse(&r, &q, NULL)) {
		kr_tpmquoted_put(&w, &q);
		is_what_was_read(&w, data, n);
	}
	r = KR_RD(data, n);
	w = KR_WR(again, sizeof(again));
	if (!kr_tpmsealed_parse(&r, &s, NULL)) {
		kr_tpmseal_put(&w, &s);
		is_what_was_read(&w, data, n);
	}
	return 0;
}
