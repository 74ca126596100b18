/* SPDX-License-Identifier: Apache-2.0 */
/*
 * approval.h - one person's signed word on what another one asked for: an
 * in-toto Statement v1 of the type approval, in a DSSE envelope. It is for one
 * request: this VM as it is defined now, from this host to that one, under
 * this version of the policy, with these parameters, until then; or this other
 * procedure on this item of this host.
 *
 * Built in the client and signed by signer.h, checked in kororad. Plain memory:
 * copy it.
 */
#ifndef KR_EVIDENCE_APPROVAL_H
#define KR_EVIDENCE_APPROVAL_H

#include <jansson.h>

#include "evidence/dsse.h"

#define KR_APPROVAL_BYTES_MAX	4096u	/* of the statement, with its NUL */
#define KR_APPROVAL_TEXT_MAX	8192u	/* of an envelope that we make */
#define KR_APPROVAL_LIFE_MS_MAX	(7u * 86400000u)	/* from issue to end */

/* Decisions. */
#define KR_APPROVAL_APPROVE	"approve"
#define KR_APPROVAL_DENY	"deny"

struct kr_approval {
	/* what was asked for */
	uint8_t	 request[16];
	char	 procedure[32];		/* "": a migration. Of another one vm
					 * and to are "", epoch is 0 */
	char	 item[80];		/* kind:NAME of what it is used on, or
					 * "" */
	char	 vm[64];
	uint8_t	 definition[32];	/* SHA-256 of the VM's definition, or
					 * of the policy to be in force; else
					 * zero */
	uint64_t epoch;			/* that it would have there */
	char	 from_name[64], to_name[64];
	uint8_t	 from_keyid[32];
	uint8_t	 to_keyid[32];		/* zero: known by its CA alone */
	struct {
		char	 name[64];
		uint64_t version;
		uint8_t	 digest[32];
	} policy;
	char	 requester[128];	/* a user of the source */
	uint8_t	 params[32];		/* kr_approval_params() */
	/* what is said of it */
	char	 approver[128];		/* likewise */
	uint8_t	 approver_keyid[32];
	char	 decision[8];
	uint64_t issued_ms, expires_ms;	/* wall clock */
	uint8_t	 nonce[16];
};

/** kr_approval_params() - Digest of a request's parameters, a JSON object. */
int kr_approval_params(const json_t *params, uint8_t ret_digest[32],
		       struct kr_err *e);

/**
 * kr_approval_asked() - The first part of @a as JSON, for an approver's eyes
 * kr_approval_read() - The same back, from anyone; the rest is zero
 *
 * kr_approval_read() Return: 0; KR_E_MALFORMED.
 */
json_t *kr_approval_asked(const struct kr_approval *a);
int kr_approval_read(const json_t *j, struct kr_approval *ret_a,
		     struct kr_err *e);

/**
 * kr_approval_build() - The statement's text
 * @out: KR_APPROVAL_BYTES_MAX bytes; NUL-terminated
 *
 * Return: 0; KR_E_MALFORMED if @a cannot be said: texts are printable ASCII,
 *         the decision is one of the two, numbers are at most
 *         KR_TERMS_NUMBER_MAX.
 */
int kr_approval_build(const struct kr_approval *a, char *out, size_t *ret_n,
		      struct kr_err *e);

/**
 * kr_approval_parse() - Read a statement back
 *
 * Only the very text kr_approval_build() makes of the result is accepted.
 * Return: 0; KR_E_MALFORMED.
 */
int kr_approval_parse(const char *text, size_t n, struct kr_approval *ret_a,
		      struct kr_err *e);

/**
 * kr_approval_verify() - Did @key sign this approval?
 * @text: the envelope, from anyone; one signature, at most KR_APPROVAL_TEXT_MAX
 *
 * That the key is its approver's, and the approval for this request, is for
 * kr_approval_check(). Return: 0; KR_E_MALFORMED; KR_E_SIGNATURE.
 */
int kr_approval_verify(const char *text, size_t n,
		       const struct kr_pubkey *key, struct kr_approval *ret_a,
		       struct kr_err *e);

/** kr_approval_peek() - Read an envelope without believing it. */
int kr_approval_peek(const char *text, size_t n, struct kr_approval *ret_a,
		     struct kr_err *e);

/**
 * kr_approval_check() - Is @a for what is wanted, and valid now?
 * @want: what was asked for, and whose approval with which key
 *
 * Valid from issued_ms on, up to but not at expires_ms.
 * Return: 0; KR_E_APPROVAL_DIFFERS, and the message names the field;
 *         KR_E_APPROVAL_TIME.
 */
int kr_approval_check(const struct kr_approval *a,
		      const struct kr_approval *want, uint64_t now_ms,
		      struct kr_err *e);

#endif
