/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tpm.h - this host's TPM 2.0, through the TCG's enhanced system API: the key
 * that signs quotes, the one its maker vouches for, and what the TPM says.
 *
 * One caller at a time. Nothing stays in the TPM: the attestation key is made
 * anew from its template, and is the same each time until the TPM is cleared.
 * What is said to the TPM is not encrypted, but where tpmseal.h does so: who listens
 * on its bus sees the secret of a credential.
 */
#ifndef KR_ATTEST_TPM_H
#define KR_ATTEST_TPM_H

#include "attest/quote.h"

#define KR_EKCERT_BYTES_MAX	4096u	/* of an endorsement certificate, DER */
#define KR_TPM_SECRET_MAX	32u	/* of a credential */
#define KR_TPM_BLOB_MAX		1024u	/* of a TPM2B_ID_OBJECT, of a secret */

struct kr_tpm;

/* Bytes as a TPM says them. */
struct kr_tpmbytes {
	uint8_t	b[KR_TPM_BLOB_MAX];
	size_t	n;
};

/* TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET; see credential.h */
struct kr_tpmcredential {
	struct kr_tpmbytes id, secret;
};

/**
 * kr_tpm_open() - Reach the TPM and make its attestation key
 * @fd: /dev/tpmrm0, or an emulated TPM's socket; taken, also on failure
 *
 * Return: 0; KR_E_TPM.
 */
int kr_tpm_open(int fd, struct kr_tpm **ret_t, struct kr_err *e);

/** kr_tpm_ak() - The attestation key, a TPM2B_PUBLIC: ECC P-256, restricted. */
int kr_tpm_ak(struct kr_tpm *t, struct kr_tpmbytes *ret, struct kr_err *e);

/**
 * kr_tpm_ek() - The endorsement key, a TPM2B_PUBLIC, and its certificate
 * @ret_cert: KR_EKCERT_BYTES_MAX bytes, DER
 *
 * The first key of ECC P-256, ECC P-384 and RSA that there is a certificate
 * of. Return: 0; KR_E_TPM if there is none.
 */
int kr_tpm_ek(struct kr_tpm *t, struct kr_tpmbytes *ret, uint8_t *ret_cert,
	      size_t *ret_n_cert, struct kr_err *e);

/**
 * kr_tpm_activate() - Open a credential made for this TPM and its key
 * @ret: KR_TPM_SECRET_MAX bytes; wipe them
 *
 * Return: 0; KR_E_AK_FOREIGN if it is for another TPM or another key.
 */
int kr_tpm_activate(struct kr_tpm *t, const struct kr_tpmcredential *c,
		    uint8_t *ret, size_t *ret_n, struct kr_err *e);

/**
 * kr_tpm_quote() - Have the TPM sign PCRs
 * @extra: qualifying data, 1..KR_QUOTE_EXTRA_MAX bytes
 * @p:     bank and mask; its values are read, from the same state
 * @ret_attest, @ret_sig: TPM2B_ATTEST and TPMT_SIGNATURE
 *
 * Return: 0; KR_E_TPM, also if PCRs change faster than they are read.
 */
int kr_tpm_quote(struct kr_tpm *t, const uint8_t *extra, size_t n_extra,
		 struct kr_pcrs *p, struct kr_tpmbytes *ret_attest,
		 struct kr_tpmbytes *ret_sig, struct kr_err *e);

/** kr_tpm_pcrs() - Read the values of @p's mask. Return: 0; KR_E_TPM. */
int kr_tpm_pcrs(struct kr_tpm *t, struct kr_pcrs *p, struct kr_err *e);

/** kr_tpm_clock() - What a quote would say of the time; nobody signs it. */
int kr_tpm_clock(struct kr_tpm *t, struct kr_tpmclock *ret, struct kr_err *e);

/** kr_tpm_esys() - For attest/ itself: the TPM as tpm2-tss knows it. */
struct ESYS_CONTEXT *kr_tpm_esys(struct kr_tpm *t);

/** kr_tpm_close() - NULL is fine. */
void kr_tpm_close(struct kr_tpm *t);

static inline void kr_tpm_autoclose(struct kr_tpm **t)
{
	kr_tpm_close(*t);
}

#endif
