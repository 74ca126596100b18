/* SPDX-License-Identifier: Apache-2.0 */
/*
 * credential.h - a secret that only one TPM opens, and only for one key in it
 * (TPM2_MakeCredential), made without a TPM. Who opens it has shown that the
 * attestation key lives beside the endorsement key. Pure.
 */
#ifndef KR_ATTEST_CREDENTIAL_H
#define KR_ATTEST_CREDENTIAL_H

#include "attest/tpm.h"

/**
 * kr_credential_make() - Wrap a secret
 * @ek:     the TPM's endorsement key; its certificate: ekcert.h
 * @ak:     name of the key that is to be with it
 * @secret: 1..KR_TPM_SECRET_MAX bytes; random, and used once
 *
 * Return: 0; KR_E_TPM_KEY if @ek is not such a key; KR_E_CRYPTO.
 */
int kr_credential_make(const struct kr_tpmkey *ek, const struct kr_tpmname *ak,
		       const uint8_t *secret, size_t n_secret,
		       struct kr_tpmcredential *ret, struct kr_err *e);

#endif
