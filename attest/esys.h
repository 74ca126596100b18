/* SPDX-License-Identifier: Apache-2.0 */
/*
 * esys.h - tpm2-tss made to fit: errors, and objects that go with their scope.
 * Internal to attest/.
 */
#ifndef KR_ATTEST_ESYS_H
#define KR_ATTEST_ESYS_H

#include <tss2/tss2_esys.h>

#include "attest/pcr.h"
#include "base/err.h"

/* A session or key in the TPM that is flushed with its scope. */
struct kr_esys_handle {
	ESYS_CONTEXT *c;
	ESYS_TR	      h;		/* ESYS_TR_NONE: nothing */
};

/** kr_esys_fail() - @what and the TPM's own reason, as KR_E_TPM */
int kr_esys_fail(struct kr_err *e, TSS2_RC rc, const char *what);

/** kr_esys_autoflush() - For KR_AUTO; what is persistent is left alone. */
void kr_esys_autoflush(struct kr_esys_handle *h);

/** kr_esys_pcrs() - A selection of one bank */
TPML_PCR_SELECTION kr_esys_pcrs(enum kr_bank b, uint32_t mask);

/** kr_esys_autofree() - Esys_Free() for KR_AUTO. */
void kr_esys_autofree(void *pp);

#endif
