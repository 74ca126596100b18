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

void kr_esys_autofree(void *pp)
{
	Esys_Free(*(void **)pp);
}
