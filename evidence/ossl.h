/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ossl.h - OpenSSL made to fit: errors, scoped objects, and the few questions
 * that are asked about keys and certificates. Internal to evidence/ and attest/.
 */
#ifndef KR_EVIDENCE_OSSL_H
#define KR_EVIDENCE_OSSL_H

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/fd.h"

#define KR_OSSL_URI	"korora:host:"	/* a host's name, as a SAN URI */

/** kr_ossl_fail() - @what and OpenSSL's own reason; empties its error queue. */
int kr_ossl_fail(struct kr_err *e, enum kr_code kr, const char *what);

/** kr_ossl_p256() - A key pair or public key on the curve P-256? */
bool kr_ossl_p256(EVP_PKEY *key);

/** kr_ossl_keyid() - SHA-256 of the key's SubjectPublicKeyInfo in DER. */
int kr_ossl_keyid(EVP_PKEY *key, uint8_t ret_keyid[32], struct kr_err *e);

/**
 * kr_ossl_cert_name() - The host a certificate is for
 * @out: 64 bytes
 *
 * Exactly one SAN URI korora:host:NAME must be there and the subject's one
 * common name must agree with it. Return: false if not.
 */
bool kr_ossl_cert_name(X509 *cert, char *out);

/** kr_ossl_name_ok() - 1..63 of [a-z0-9._-], first a letter or digit. */
bool kr_ossl_name_ok(const char *name);

/** kr_ossl_no_password() - For PEM readers: never ask, refuse. */
int kr_ossl_no_password(char *buf, int size, int rwflag, void *arg);

static inline void kr_ossl_autokey(EVP_PKEY **p) { EVP_PKEY_free(*p); }
static inline void kr_ossl_autocert(X509 **p) { X509_free(*p); }
static inline void kr_ossl_autobio(BIO **p) { BIO_free_all(*p); }
static inline void kr_ossl_automd(EVP_MD_CTX **p) { EVP_MD_CTX_free(*p); }

#endif
