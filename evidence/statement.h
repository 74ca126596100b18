/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statement.h - what a host signs at each step of a migration, as an in-toto
 * Statement v1: one deterministic JSON text (sorted keys, no whitespace)
 * built from the terms. Both hosts build the same bytes from the same terms,
 * so only signatures travel; a host that sees other values than its peer
 * finds that the peer's signature does not verify.
 */
#ifndef KR_EVIDENCE_STATEMENT_H
#define KR_EVIDENCE_STATEMENT_H

#include "evidence/dsse.h"
#include "evidence/terms.h"

#define KR_STATEMENT_BYTES_MAX	8192u	/* with the NUL */
#define KR_STATEMENT_TYPE	"application/vnd.in-toto+json"

/* In the order of a migration; signed by … */
enum kr_statement {
	KR_STATEMENT_OFFER,		/* source */
	KR_STATEMENT_ACCEPTANCE,	/* destination */
	KR_STATEMENT_MANIFEST,		/* source: what was sent */
	KR_STATEMENT_PREPARED,		/* destination: what was loaded */
	KR_STATEMENT_RELEASE,		/* source: the point of no return */
	KR_STATEMENT_OWNER,		/* destination: before the VM runs */
	KR_STATEMENT_RECEIPT,		/* both */
	KR_STATEMENT_ABORT,		/* either, before release */
	KR_STATEMENT_DISOWN,		/* destination: released, will not run */
	/* post-copy, between owner and receipt */
	KR_STATEMENT_REST,		/* source: all memory was sent, or that
					   it never will be */
	KR_STATEMENT_COMPLETE,		/* destination: all of it is there and
					   verified, or that it never will be */
	KR_STATEMENT_N
};

/** kr_statement_name() - "offer", as in its predicateType. */
const char *kr_statement_name(enum kr_statement k);

/**
 * kr_statement_build() - The text that @k's signers sign
 * @out: KR_STATEMENT_BYTES_MAX bytes; NUL-terminated
 *
 * Return: 0; KR_E_MALFORMED if the terms cannot be said.
 */
int kr_statement_build(enum kr_statement k, const struct kr_terms *t,
		       char *out, size_t *ret_n, struct kr_err *e);

/**
 * kr_statement_parse() - Read a statement back; fields it lacks become zero
 *
 * Only the very text kr_statement_build() makes from the result is accepted,
 * so nothing can hide beside the fields that are read.
 *
 * Return: 0; KR_E_MALFORMED.
 */
int kr_statement_parse(const char *text, size_t n, enum kr_statement *ret_k,
		       struct kr_terms *ret_t, struct kr_err *e);

/** kr_statement_sign() - Sign statement @k about @t. */
int kr_statement_sign(enum kr_statement k, const struct kr_terms *t,
		      const struct kr_identity *id,
		      struct kr_dsse_sig *ret_sig, struct kr_err *e);

/**
 * kr_statement_check() - Did @key sign statement @k about the same terms?
 *
 * Return: 0; KR_E_SIGNATURE.
 */
int kr_statement_check(enum kr_statement k, const struct kr_terms *t,
		       const struct kr_pubkey *key, const uint8_t *sig,
		       size_t sig_bytes, struct kr_err *e);

/** kr_statement_envelope() - The DSSE envelope, JSON text for free(). */
int kr_statement_envelope(enum kr_statement k, const struct kr_terms *t,
			  const struct kr_dsse_sig *sigs, unsigned int n_sigs,
			  char **ret_text, struct kr_err *e);

#endif
