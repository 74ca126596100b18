/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pcr.h - a TPM's platform configuration registers: their banks, a set of
 * their values, and what an extension makes of one. Pure.
 *
 * SHA-1 is no bank here: what is measured with it alone is not known.
 */
#ifndef KR_ATTEST_PCR_H
#define KR_ATTEST_PCR_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KR_PCRS			24u	/* of a PC's TPM */
#define KR_PCR_BYTES_MAX	64u	/* of a value: SHA-512 */
#define KR_PCR_ALG_SHA1		0x0004u	/* TPM_ALG_ID, to refuse it by name */

enum kr_bank { KR_BANK_SHA256, KR_BANK_SHA384, KR_BANK_SHA512, KR_BANK_N };

struct kr_pcrs {
	enum kr_bank bank;
	uint32_t     mask;	/* bit i: PCR i is in the set */
	uint8_t	     value[KR_PCRS][KR_PCR_BYTES_MAX];
};

/** kr_bank_of_alg() - Of a TPM_ALG_ID; KR_BANK_N if it is none. */
enum kr_bank kr_bank_of_alg(uint16_t alg);

/** kr_bank_of_name() - Of "sha256" and so on; KR_BANK_N if it is none. */
enum kr_bank kr_bank_of_name(const char *name);

uint16_t kr_bank_alg(enum kr_bank b);
const char *kr_bank_name(enum kr_bank b);
size_t kr_bank_bytes(enum kr_bank b);	/* of a value */
const EVP_MD *kr_bank_md(enum kr_bank b);

/**
 * kr_pcrs_extend() - value := H(value || digest)
 * @digest: kr_bank_bytes() bytes
 *
 * Return: false if it could not be hashed.
 */
bool kr_pcrs_extend(struct kr_pcrs *p, unsigned int pcr,
		    const uint8_t *digest);

/**
 * kr_pcrs_digest() - The hash over the values in the order of their numbers
 * @hash: of the quote's signature, which need not be the bank's
 * @ret:  kr_bank_bytes(@hash) bytes
 */
bool kr_pcrs_digest(const struct kr_pcrs *p, enum kr_bank hash, uint8_t *ret);

#endif
