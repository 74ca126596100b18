/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endorse.h - the endorsement key in a TPM, by the templates and NV indices of
 * the TCG's EK credential profile. Internal to attest/, for tpm.c.
 */
#ifndef KR_ATTEST_ENDORSE_H
#define KR_ATTEST_ENDORSE_H

#include "attest/esys.h"
#include "attest/tpm.h"

struct kr_endorse {
	ESYS_TR	     key;
	bool	     made;		/* transient: flush it */
	TPM2B_PUBLIC pub;
	uint8_t	     cert[KR_EKCERT_BYTES_MAX];	/* DER */
	size_t	     n_cert;
};

/**
 * kr_endorse_find() - The first kind of key that a certificate is there of
 * @ret: for kr_endorse_fini() after success
 *
 * A key that its maker left in the TPM is used, else it is made again.
 * Return: 0; KR_E_TPM.
 */
int kr_endorse_find(ESYS_CONTEXT *c, struct kr_endorse *ret, struct kr_err *e);

/**
 * kr_endorse_session() - What the key wants to be used with
 * @ret: h is ESYS_TR_NONE if its empty password will do
 */
int kr_endorse_session(ESYS_CONTEXT *c, const struct kr_endorse *k,
		       struct kr_esys_handle *ret, struct kr_err *e);

void kr_endorse_fini(ESYS_CONTEXT *c, struct kr_endorse *k);

#endif
