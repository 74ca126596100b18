/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ekcert.h - a TPM maker's word that an endorsement key is in a TPM of his.
 * Pure; the certificate is anyone's.
 */
#ifndef KR_ATTEST_EKCERT_H
#define KR_ATTEST_EKCERT_H

#include "attest/tpmkey.h"

#define KR_EKCERT_NAME_BYTES	160u	/* of a name as it is told, with NUL */
#define KR_EKCERT_ROOTS_MAX	262144u	/* bytes of the PEM text */

struct kr_ekcert_names {
	char subject[KR_EKCERT_NAME_BYTES];	/* printable ASCII, cut short */
	char issuer[KR_EKCERT_NAME_BYTES];	/* if it is too long */
};

/**
 * kr_ekcert_read() - Whom it names, if it is for @ek
 * @ret: the subject, or if that is empty, the TPM's maker, model and version
 *
 * Nobody is asked whether its issuer is one to be trusted.
 * Return: 0; KR_E_EK_CERT; KR_E_TPM_KEY if @ek is no endorsement key.
 */
int kr_ekcert_read(const uint8_t *der, size_t n_der, const struct kr_tpmkey *ek,
		   struct kr_ekcert_names *ret, struct kr_err *e);

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
