/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certify.h - building the three X.509 objects korora makes: a host's
 * self-signed identity, its request to a fleet authority, and the short-lived
 * certificate the TLS process presents. Internal to evidence/; used by
 * identity.c, which holds the key.
 */
#ifndef KR_EVIDENCE_CERTIFY_H
#define KR_EVIDENCE_CERTIFY_H

#include "evidence/ossl.h"

#define KR_CERTIFY_IDENTITY_DAYS	3652	/* ten years */
#define KR_CERTIFY_LINK_S		86400	/* one day */
#define KR_CERTIFY_BACKDATE_S		300	/* for clocks that differ */

/** kr_certify_self() - The self-signed certificate of @key for host @name. */
int kr_certify_self(EVP_PKEY *key, const char *name, X509 **ret_cert,
		    struct kr_err *e);

/** kr_certify_link() - A leaf for @key, signed by @signer as @issuer. */
int kr_certify_link(EVP_PKEY *signer, X509 *issuer, EVP_PKEY *key,
		    const char *name, X509 **ret_cert, struct kr_err *e);

/** kr_certify_request() - A PEM request for @key; @ret_pem for free(). */
int kr_certify_request(EVP_PKEY *key, const char *name, char **ret_pem,
		       struct kr_err *e);

#endif
