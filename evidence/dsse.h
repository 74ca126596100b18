/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dsse.h - the Dead Simple Signing Envelope, v1: a payload and who signed it.
 * The signature covers the pre-authentication encoding (PAE) of the payload's
 * type and bytes. A parsed envelope keeps the decoded payload, and the bytes
 * that were verified are the bytes that are read.
 */
#ifndef KR_EVIDENCE_DSSE_H
#define KR_EVIDENCE_DSSE_H

#include "evidence/identity.h"

#define KR_DSSE_BYTES_MAX	65536u	/* of an envelope's text */
#define KR_DSSE_SIGS_MAX	4u
#define KR_DSSE_TYPE_BYTES	64u	/* of the payload type, with its NUL */

struct kr_dsse_sig {
	uint8_t	keyid[32];		/* a hint only: zero if it was none */
	uint8_t	sig[KR_SIG_BYTES_MAX];	/* DER */
	size_t	sig_bytes;
};

struct kr_dsse {
	char		   type[KR_DSSE_TYPE_BYTES];
	uint8_t		  *payload;	/* NUL-terminated, owned */
	size_t		   payload_bytes;
	struct kr_dsse_sig sigs[KR_DSSE_SIGS_MAX];
	unsigned int	   n_sigs;
};

/**
 * kr_dsse_pae() - "DSSEv1" SP len SP type SP len SP payload
 * @ret: for free()
 */
int kr_dsse_pae(const char *type, const void *payload, size_t n_bytes,
		uint8_t **ret, size_t *ret_n, struct kr_err *e);

/** kr_dsse_sign() - This host's signature of a payload. */
int kr_dsse_sign(const struct kr_identity *id, const char *type,
		 const void *payload, size_t n_bytes,
		 struct kr_dsse_sig *ret_sig, struct kr_err *e);

/** kr_dsse_check() - One signature by one key. Return: 0; KR_E_SIGNATURE. */
int kr_dsse_check(const struct kr_pubkey *k, const char *type,
		  const void *payload, size_t n_bytes, const uint8_t *sig,
		  size_t sig_bytes, struct kr_err *e);

/** kr_dsse_build() - The envelope's JSON text, for free(). */
int kr_dsse_build(const char *type, const void *payload, size_t n_bytes,
		  const struct kr_dsse_sig *sigs, unsigned int n_sigs,
		  char **ret_text, struct kr_err *e);

/**
 * kr_dsse_parse() - Read an envelope anyone may have written
 * @ret_d: kr_dsse_fini() it after success
 *
 * Return: 0; KR_E_MALFORMED.
 */
int kr_dsse_parse(const char *text, size_t n, struct kr_dsse *ret_d,
		  struct kr_err *e);

/**
 * kr_dsse_verify() - Which of @keys signed?
 * @ret_mask: bit i is set if keys[i] has a valid signature
 *
 * Key ids are not believed: each key is tried on each signature.
 * Return: 0 whoever signed; < 0 if nothing could be checked.
 */
int kr_dsse_verify(const struct kr_dsse *d,
		   const struct kr_pubkey *const *keys, unsigned int n_keys,
		   unsigned int *ret_mask, struct kr_err *e);

void kr_dsse_fini(struct kr_dsse *d);

#endif
