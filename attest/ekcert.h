/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ekcert.h - a TPM maker's word that an endorsement key is in a TPM of his.
 * Pure; the certificate is anyone's.
 */
#ifndef KR_ATTEST_EKCERT_H
#define KR_ATTEST_EKCERT_H

#include "attest/tpmkey.h"

#define KR_EKCERT_ROOTS_MAX	262144u	/* bytes of the PEM text */

/**
 * kr_ekcert_verify() - Does one of these authorities vouch for @ek?
 * @der:   the certificate; what is behind it is not looked at
 * @roots: PEM, the certificates that are trusted, be they self-signed or not
 *
 * It has to be valid now, for endorsement keys, and for this very key.
 * Return: 0; KR_E_EK_CERT; KR_E_KEY_FILE if there is no certificate in @roots.
 */
int kr_ekcert_verify(const uint8_t *der, size_t n_der, const char *roots,
		     size_t n_roots, const struct kr_tpmkey *ek,
		     struct kr_err *e);

#endif
