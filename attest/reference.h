/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reference.h - reference values: what hosts may have booted, said by somebody
 * who signed it. For each PCR either the values that it may have, or the
 * events that may have led to it; and what must be met nowhere any more.
 *
 * A JSON object, alone or in a DSSE envelope:
 *
 *   name, version  of the document; a higher version replaces a lower one
 *   bank           "sha256", "sha384" or "sha512", of all digests in it
 *   pcrs           PCR number -> values of which it has to have one
 *   events         PCR number -> digests that its events have to be among, in
 *                  whatever order and number
 *   revoked        values and digests that are refused, in whatever PCR
 */
#ifndef KR_ATTEST_REFERENCE_H
#define KR_ATTEST_REFERENCE_H

#include "attest/pcr.h"
#include "evidence/dsse.h"

#define KR_REFERENCE_TYPE	"application/vnd.korora.reference+json"
#define KR_REFERENCE_BYTES_MAX	32768u	/* of the document */
#define KR_REFERENCE_NAME_BYTES	64u	/* with its NUL */

enum kr_reference_kind {
	KR_REFERENCE_PCR, KR_REFERENCE_EVENT, KR_REFERENCE_REVOKED,
};

struct kr_reference_value {
	enum kr_reference_kind kind;
	unsigned int	       pcr;	/* 0 if revoked */
	uint8_t		       digest[KR_PCR_BYTES_MAX];
};

struct kr_reference {
	char	     name[KR_REFERENCE_NAME_BYTES];
	uint32_t     version;
	enum kr_bank bank;
	uint32_t     by_value, by_event;	/* PCRs, no one in both */
	size_t	     n;
	struct kr_reference_value *values;	/* owned */
};

/**
 * kr_reference_parse() - Read a document, signed by nobody
 * @ret_r: for kr_reference_fini() after success
 *
 * Keys that are not known are refused, since a misspelt one protects nobody.
 * Return: 0; KR_E_REFERENCE.
 */
int kr_reference_parse(const char *text, size_t n, struct kr_reference *ret_r,
		       struct kr_err *e);

/**
 * kr_reference_verify() - Read a signed one
 * @text: the envelope, from anyone
 * @keys: of which one has to have signed; at most 32
 *
 * Return: 0; KR_E_REFERENCE_SIGNER; KR_E_REFERENCE.
 */
int kr_reference_verify(const char *text, size_t n,
			const struct kr_pubkey *const *keys,
			unsigned int n_keys, struct kr_reference *ret_r,
			struct kr_err *e);

/**
 * kr_reference_newer() - May it replace the one that was in use?
 *
 * Return: 0; KR_E_REFERENCE_OLD if it is of no higher version.
 */
int kr_reference_newer(const struct kr_reference *r, uint32_t in_use,
		       struct kr_err *e);

/** kr_reference_has() - Is @digest, of its bank, among these? */
bool kr_reference_has(const struct kr_reference *r,
		      enum kr_reference_kind kind, unsigned int pcr,
		      const uint8_t *digest);

void kr_reference_fini(struct kr_reference *r);

#endif
