/* SPDX-License-Identifier: Apache-2.0 */
/*
 * binding.h - what a quote is for: one challenge in one TLS session between
 * two hosts, in one role, for one VM under one policy. Its digest is the
 * quote's qualifying data, so the TPM signs it with the PCRs. Pure.
 *
 * The attester says what it bound; each part is compared with what the
 * verifier knows by itself, so that it can tell which one differs, and only
 * then is it seen whether the TPM signed that.
 */
#ifndef KR_ATTEST_BINDING_H
#define KR_ATTEST_BINDING_H

#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"
#include "base/err.h"
#include "policy/handover.h"

#define KR_BINDING_BYTES	32u	/* of a digest */

struct kr_binding {
	uint8_t	     attester[32];	/* key ids of both hosts */
	uint8_t	     verifier[32];
	uint8_t	     nonce[32];		/* the verifier's challenge */
	uint8_t	     exporter[32];	/* of the session: RFC 9266 */
	enum kr_side role;		/* the attester's */
	char	     vm[64];
	uint8_t	     policy[32];	/* digest of the verifier's policy */
};

/**
 * kr_binding_digest() - SHA-256 over all parts, each with its label and length
 *
 * Return: 0; KR_E_CRYPTO.
 */
int kr_binding_digest(const struct kr_binding *b,
		      uint8_t ret[KR_BINDING_BYTES], struct kr_err *e);

/**
 * kr_binding_put(), kr_binding_read() - As bytes, inside of a message; what
 * cannot be read leaves @r bad
 */
void kr_binding_put(struct kr_wr *w, const struct kr_binding *b);
void kr_binding_read(struct kr_rd *r, struct kr_binding *ret);

/**
 * kr_binding_check() - Is what was bound what it has to be?
 * @said:  by the attester
 * @want:  by the verifier, from its own knowledge
 * @extra: the quote's qualifying data, of @n_extra bytes
 *
 * Return: 0; KR_E_ATTEST_RELAYED (another host), KR_E_ATTEST_NONCE,
 *         KR_E_ATTEST_CHANNEL, KR_E_ATTEST_ROLE, KR_E_ATTEST_VM,
 *         KR_E_ATTEST_POLICY; KR_E_ATTEST_CLAIMS if all of it is said as it
 *         has to be, but the TPM signed something else.
 */
int kr_binding_check(const struct kr_binding *said,
		     const struct kr_binding *want, const uint8_t *extra,
		     size_t n_extra, struct kr_err *e);

#endif
