/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_ptm.c - both sides of a TPM emulator's control channel. The first byte
 * is the command that is replied to, 0: these are requests.
 */
#include <assert.h>
#include <string.h>

#include "vtpm/ptm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static uint8_t again[4 + KR_PTM_HEAD_MAX + KR_PTM_BLOB_MAX];

static void is_what_was_read(const struct kr_wr *w, const uint8_t *from,
			     const struct kr_rd *r)
{
	assert(!w->bad && kr_wr_len(w) == (size_t)(r->p - from) &&
	       !memcmp(again, from, kr_wr_len(w)));
}

static int next(enum kr_ptm cmd, struct kr_rd *r, struct kr_wr *w)
{
	struct kr_ptmask a;
	struct kr_ptmsaid s;
	int rc = cmd ? kr_ptm_said(cmd, r, &s, NULL) :
		       kr_ptm_ask(r, &a, NULL);

	if (rc)
		return rc;
	if (cmd)
		kr_ptm_said_put(w, cmd, &s, s.blob, s.n_blob);
	else
		kr_ptm_ask_put(w, &a, a.blob, a.n_blob);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct kr_rd r = KR_RD(data, n);
	uint8_t cmd = kr_rd_u8(&r);

	for (;;) {
		const uint8_t *from = r.p;
		struct kr_wr w = KR_WR(again, sizeof(again));
		int rc = next(cmd, &r, &w);

		if (rc) {
			assert(r.p == from);
			return 0;
		}
		assert(r.p > from);
		is_what_was_read(&w, from, &r);
	}
}
