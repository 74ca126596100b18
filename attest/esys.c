/* SPDX-License-Identifier: Apache-2.0 */
/* esys.c - see esys.h. */
#include "attest/esys.h"

#include <tss2/tss2_rc.h>

int kr_esys_fail(struct kr_err *e, TSS2_RC rc, const char *what)
{
	return kr_fail(e, KR_E_TPM, "%s: %s", what, Tss2_RC_Decode(rc));
}

void kr_esys_autoflush(struct kr_esys_handle *h)
{
	if (h->h != ESYS_TR_NONE)
		Esys_FlushContext(h->c, h->h);
	h->h = ESYS_TR_NONE;
}

TPML_PCR_SELECTION kr_esys_pcrs(enum kr_bank b, uint32_t mask)
{
	return (TPML_PCR_SELECTION){ .count = 1, .pcrSelections = { {
		.hash = kr_bank_alg(b), .sizeofSelect = KR_PCRS / 8,
		.pcrSelect = { (uint8_t)mask, (uint8_t)(mask >> 8),
			       (uint8_t)(mask >> 16) } } } };
}

void kr_esys_autofree(void *pp)
{
	Esys_Free(*(void **)pp);
}
