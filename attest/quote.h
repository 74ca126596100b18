/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quote.h - a TPM's signed word on its PCRs (TPM2B_ATTEST of a quote, with its
 * TPMT_SIGNATURE). Pure; the bytes are anyone's, and nothing of them is read
 * before the signature was verified.
 *
 * ECDSA on P-256 and P-384, RSA with PSS or PKCS#1, all with SHA-256 or more.
 */
#ifndef KR_ATTEST_QUOTE_H
#define KR_ATTEST_QUOTE_H

#include "attest/tpmkey.h"

#define KR_QUOTE_BYTES_MAX	1024u	/* of a TPM2B_ATTEST */
#define KR_TPMSIG_BYTES_MAX	1024u	/* of a TPMT_SIGNATURE */
#define KR_QUOTE_EXTRA_MAX	64u	/* of the qualifying data */

/* A TPM's sense of time; it survives what does not reset the TPM. */
struct kr_tpmclock {
	uint64_t clock_ms;	/* since it was made or cleared, powered */
	uint32_t resets;	/* times it was started anew: boots */
	uint32_t restarts;	/* times it was resumed since then */
	bool	 safe;		/* clock_ms was never said before */
};

struct kr_quote {
	struct kr_tpmname  signer;	/* qualified */
	uint8_t		   extra[KR_QUOTE_EXTRA_MAX];
	size_t		   n_extra;
	struct kr_tpmclock clock;
	uint64_t	   firmware;	/* the TPM's */
	uint16_t	   alg;		/* TPM_ALG_ID of the PCRs' bank */
	uint32_t	   mask;	/* of PCRs */
	enum kr_bank	   hash;	/* of digest: the signature's */
	uint8_t		   digest[KR_PCR_BYTES_MAX]; /* over the PCRs */
};

/**
 * kr_quote_verify() - Did that key's TPM say this?
 * @ak: kr_tpmkey_attests() it, or its word means nothing
 *
 * Whether it is about the right PCRs, and for whom, is for others to see.
 *
 * Return: 0; KR_E_QUOTE_FORGED if @ak did not sign it; KR_E_QUOTE if it is no
 *         quote, KR_E_PCR_BANK if it is one of several banks.
 */
int kr_quote_verify(const struct kr_tpmkey *ak, const uint8_t *attest,
		    size_t n_attest, const uint8_t *sig, size_t n_sig,
		    struct kr_quote *ret_q, struct kr_err *e);

/**
 * kr_quote_peek() - Read a TPM2B_ATTEST without believing it
 * @hash: of its signature
 */
int kr_quote_peek(const uint8_t *attest, size_t n_attest, enum kr_bank hash,
		  struct kr_quote *ret_q, struct kr_err *e);

/** kr_quote_has() - Are these the PCRs that it is about, and their values? */
bool kr_quote_has(const struct kr_quote *q, const struct kr_pcrs *p);

#endif
