/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pubkey.h - a host's public key, alone or in its certificate, and the one
 * check everything rests on: did this key sign these bytes? Only ECDSA on
 * P-256 with SHA-256 is accepted.
 *
 * A certificate is read here for its key and its name. Whether it is trusted
 * is decided by fingerprint, or by the TLS library against a fleet authority.
 */
#ifndef KR_EVIDENCE_PUBKEY_H
#define KR_EVIDENCE_PUBKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define KR_PUBKEY_FILE_MAX	16384u	/* bytes of a key or certificate file */
#define KR_SIG_BYTES_MAX	80u	/* of a DER signature; P-256 needs 72 */

struct kr_pubkey;

/**
 * kr_pubkey_parse() - Read a PEM or DER certificate or public key
 * @data: the first certificate or key is taken, more may follow (PEM)
 *
 * Return: 0; KR_E_KEY_FILE if it is neither, another kind of key, or a
 *         certificate without a korora host's name.
 */
int kr_pubkey_parse(const void *data, size_t n_bytes, struct kr_pubkey **ret_k,
		    struct kr_err *e);

/** kr_pubkey_load() - kr_pubkey_parse() a file. */
int kr_pubkey_load(const char *path, struct kr_pubkey **ret_k,
		   struct kr_err *e);

/** kr_pubkey_keyid() - SHA-256 of the SubjectPublicKeyInfo in DER. */
const uint8_t *kr_pubkey_keyid(const struct kr_pubkey *k);

/** kr_pubkey_name() - The certificate's host, "" for a bare key. */
const char *kr_pubkey_name(const struct kr_pubkey *k);

/** kr_pubkey_pem() - The bare key as PEM, one text for each key; for free(). */
int kr_pubkey_pem(const struct kr_pubkey *k, char **ret_pem,
		  struct kr_err *e);

/**
 * kr_pubkey_verify() - Did @k sign @data?
 * @sig: DER, from anyone
 *
 * Return: 0; KR_E_SIGNATURE.
 */
int kr_pubkey_verify(const struct kr_pubkey *k, const void *data,
		     size_t n_bytes, const uint8_t *sig, size_t sig_bytes,
		     struct kr_err *e);

void kr_pubkey_free(struct kr_pubkey *k);

static inline void kr_pubkey_autofree(struct kr_pubkey **k)
{
	kr_pubkey_free(*k);
}

#endif
