/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_endorse.c - what a host says to have its TPM's key enrolled: the
 * message, and in it the keys and the certificate, which are anyone's.
 */
#include <assert.h>
#include <string.h>

#include "attest/endorsemsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t again[KR_TPMMSG_BODY_MAX];
	struct kr_wr w = KR_WR(again, sizeof(again));
	struct kr_rd r = KR_RD(data, n);
	struct kr_ekcert_names names = { .subject = "" };
	struct kr_tpmkey ek;
	struct kr_endorseask a;

	if (kr_endorseask_parse(&r, &a, NULL))
		return 0;
	kr_endorseask_put(&w, &a);
	assert(!w.bad && kr_wr_len(&w) == n && !memcmp(again, data, n));
	if (kr_tpmkey_parse(a.m.ek.b, a.m.ek.n, &ek, NULL))
		return 0;
	kr_ekcert_read(a.m.cert, a.m.n_cert, &ek, &names, NULL);
	for (const char *s = names.subject; *s; s++)
		assert(*s >= ' ' && *s <= '~');
	kr_tpmkey_fini(&ek);
	return 0;
}
