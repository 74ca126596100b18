/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tpmkey.h - a TPM's public key as the TPM says it (TPM2B_PUBLIC), for those
 * who have no TPM: what it may be used for, its name, and the key for OpenSSL.
 * Pure; the bytes are anyone's.
 *
 * ECC on P-256 and P-384, RSA of 2048 to 4096 bits.
 */
#ifndef KR_ATTEST_TPMKEY_H
#define KR_ATTEST_TPMKEY_H

#include "attest/pcr.h"
#include "base/err.h"

#define KR_TPMKEY_BYTES_MAX	1024u	/* of a TPM2B_PUBLIC */
#define KR_TPMNAME_BYTES_MAX	(2u + KR_PCR_BYTES_MAX)

struct kr_tpmname {
	uint8_t	b[KR_TPMNAME_BYTES_MAX];	/* algorithm and digest */
	size_t	n;
};

struct kr_tpmkey {
	EVP_PKEY	 *key;		/* owned */
	enum kr_bank	  hash;		/* of its name */
	uint32_t	  attributes;	/* TPMA_OBJECT */
	uint16_t	  aes_bits;	/* of what it wraps; 0: wraps nothing */
	struct kr_tpmname name;
};

/**
 * kr_tpmkey_parse() - Read a TPM2B_PUBLIC
 * @ret_k: kr_tpmkey_fini() it after success
 *
 * Return: 0; KR_E_TPM_KEY.
 */
int kr_tpmkey_parse(const uint8_t *data, size_t n_bytes,
		    struct kr_tpmkey *ret_k, struct kr_err *e);

/**
 * kr_tpmkey_attests() - Does it sign only what its TPM says itself, and can it
 * not leave that TPM? Only such a key's quotes mean anything.
 * kr_tpmkey_endorses() - Is it such as an endorsement key is: decrypts only
 * what is for the TPM itself, and cannot leave it?
 */
bool kr_tpmkey_attests(const struct kr_tpmkey *k);
bool kr_tpmkey_endorses(const struct kr_tpmkey *k);

/** kr_tpmkey_qualified() - Its name, as a primary key of endorsement */
bool kr_tpmkey_qualified(const struct kr_tpmkey *k, struct kr_tpmname *ret);

void kr_tpmkey_fini(struct kr_tpmkey *k);

#endif
