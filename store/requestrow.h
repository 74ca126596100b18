/* SPDX-License-Identifier: Apache-2.0 */
/*
 * requestrow.h - what somebody asked for and others have to approve first, or no
 * rule deals with: one row for each request, kept when it is over, but for a
 * question that made way. Who approved is in approvalrow.h.
 */
#ifndef KR_STORE_REQUESTROW_H
#define KR_STORE_REQUESTROW_H

#include <stdint.h>

#include "policy/assent.h"
#include "store/userrow.h"

#define KR_REQUESTROW_ITEM_BYTES	80u	/* kind:NAME, with its NUL */
#define KR_REQUESTROW_PROCEDURE_BYTES	32u
#define KR_REQUESTROW_PARAMS_MAX	4096u	/* bytes, with the NUL */

/* Numbers are durable: append only. */
enum kr_request_kind {
	KR_REQUEST_APPROVAL,	/* others have to approve it */
	KR_REQUEST_QUESTION,	/* no rule deals with it */
	KR_REQUEST_KIND_N
};

struct kr_requestrow {
	uint8_t	 id[16];
	enum kr_request_kind kind;
	char	 procedure[KR_REQUESTROW_PROCEDURE_BYTES];
	char	 item[KR_REQUESTROW_ITEM_BYTES]; /* "": nothing in particular */
	/* of a question: vm, tenant and to are "" if it has none; definition,
	 * epoch, to_keyid and needed are zero, params "{}" */
	char	 vm[KR_STORE_NAME_BYTES];
	char	 tenant[KR_STORE_NAME_BYTES];	/* the VM's; "": not known */
	uint8_t	 definition[32];	/* SHA-256, as in the VM's row */
	uint64_t epoch;			/* that the VM would have there */
	char	 to[KR_STORE_NAME_BYTES];	/* a host */
	uint8_t	 to_keyid[32];		/* zero: known by its CA alone */
	char	 policy[KR_STORE_NAME_BYTES];	/* its name */
	uint64_t policy_version;
	uint8_t	 policy_digest[32];
	char	 requester[KR_USERROW_NAME_BYTES];
	char	 params[KR_REQUESTROW_PARAMS_MAX]; /* JSON, sorted, compact */
	uint32_t needed;		/* approvals */
	uint64_t created_ms, expires_ms; /* wall clock */
	enum kr_request_state state;
};

/** kr_requestrow_state_name() - "open"; "unknown" for another number. */
const char *kr_requestrow_state_name(enum kr_request_state st);

/** kr_requestrow_kind_name() - "approval", "question". */
const char *kr_requestrow_kind_name(enum kr_request_kind k);

/** kr_requestrow_add() - Insert a new one. */
int kr_requestrow_add(struct kr_store *s, const struct kr_requestrow *p,
		      struct kr_err *e);

/** kr_requestrow_get() - Return: 0; KR_E_NO_REQUEST. */
int kr_requestrow_get(struct kr_store *s, const uint8_t id[16],
		      struct kr_requestrow *ret_p, struct kr_err *e);

/** kr_requestrow_each() - Those that wait, of them first those
 * that can be approved, then the others; newest first */
int kr_requestrow_each(struct kr_store *s, unsigned int limit,
		       int (*fn)(void *arg, const struct kr_requestrow *p,
				 struct kr_err *e),
		       void *arg, struct kr_err *e);

/**
 * kr_requestrow_move() - From one state to another, if it is in that one
 *
 * Return: 0; KR_E_REQUEST_OVER if it is not: what is done once is done so by
 *         this, in the transaction that does it.
 */
int kr_requestrow_move(struct kr_store *s, const uint8_t id[16],
		       enum kr_request_state from, enum kr_request_state to,
		       struct kr_err *e);

/** kr_requestrow_expire() - What waits and is due at @now_ms has expired. */
int kr_requestrow_expire(struct kr_store *s, uint64_t now_ms,
			 struct kr_err *e);

/** kr_requestrow_waiting() - How many to approve are open, or approved. */
int kr_requestrow_waiting(struct kr_store *s, uint64_t *ret_n,
			  struct kr_err *e);

/**
 * kr_requestrow_same_question() - The open question of @p's requester about
 * @p's procedure, item and destination
 *
 * Return: 1, with its id; 0 if there is none; < 0.
 */
int kr_requestrow_same_question(struct kr_store *s,
				const struct kr_requestrow *p,
				uint8_t ret_id[16], struct kr_err *e);

/**
 * kr_requestrow_make_way() - Delete the oldest open questions
 * @requester: of him; "": of all
 * @keep:      as many as stay
 */
int kr_requestrow_make_way(struct kr_store *s, const char *requester,
			   unsigned int keep, struct kr_err *e);

#endif
