/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signer.h - a person's private key, wherever it is kept: a PEM file, a
 * PKCS#11 token, a TPM. It is used in the client alone; what token or TPM
 * keep never leaves them. Only ECDSA on P-256 with SHA-256, as in pubkey.h.
 */
#ifndef KR_EVIDENCE_SIGNER_H
#define KR_EVIDENCE_SIGNER_H

#include "evidence/dsse.h"

struct kr_signer;

/**
 * kr_signer_open() - Find a key
 * @where: a file: PKCS#8 PEM, encrypted or not, or a TSS2 PRIVATE KEY;
 *         handle:0x81… or object:FILE of a TPM; pkcs11:… (RFC 7512)
 *
 * Passphrase, PIN or the TPM's authorisation are asked for on the terminal.
 * The TPM is reached as TPM2OPENSSL_TCTI says, through OpenSSL's provider
 * tpm2; tokens through its engine pkcs11. Both are loaded when needed.
 *
 * Return: 0; KR_E_KEY_FILE.
 */
int kr_signer_open(const char *where, struct kr_signer **ret_s,
		   struct kr_err *e);

/** kr_signer_pubkey() - The public half; borrowed, lives with @s. */
const struct kr_pubkey *kr_signer_pubkey(const struct kr_signer *s);

/** kr_signer_envelope() - A payload and its signature as DSSE; for free(). */
int kr_signer_envelope(const struct kr_signer *s, const char *type,
		       const void *payload, size_t n_bytes, char **ret_text,
		       struct kr_err *e);

/** kr_signer_free() - NULL is fine. */
void kr_signer_free(struct kr_signer *s);

static inline void kr_signer_autofree(struct kr_signer **s)
{
	kr_signer_free(*s);
}

#endif
