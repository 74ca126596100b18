/* SPDX-License-Identifier: Apache-2.0 */
/*
 * requests.h - what somebody asked for and others have to approve before it is
 * done: opened, approved or denied by signed words, and used once, or
 * withdrawn.
 *
 * An approval counts as long as it is for what is to be done, not expired,
 * and signed by another than the requester, with a key that is enrolled here
 * for its approver, whom the policy lets approve. All of that is looked at when
 * it comes, and again when the request is used: a key that was removed
 * meanwhile takes its approvals with it. How many are needed is the caller's.
 * What is found so is decided upon in policy/assent.h.
 */
#ifndef KR_DAEMON_REQUESTS_H
#define KR_DAEMON_REQUESTS_H

#include <jansson.h>

#include "daemon/host.h"
#include "evidence/approval.h"
#include "policy/book.h"
#include "store/requestrow.h"

#define KR_REQUESTS_WAITING_MAX	256u	/* open or approved at a time */
#define KR_REQUESTS_NEEDED_MAX	KR_BOOK_APPROVALS_MAX	/* of one */

/**
 * kr_requests_open() - Keep a request until it is approved
 * @io:     what is asked for, by whom, under which policy, how many approvals
 *          it needs, and expires_ms, at most KR_APPROVAL_LIFE_MS_MAX from now;
 *          the requester is named as kr_request's user, with nothing behind,
 *          since approvers are; id, params, created_ms and state are set here
 * @params: an object with all that was asked for, borrowed
 *
 * Return: 0; KR_E_LIMIT if too many wait; KR_E_USAGE.
 */
int kr_requests_open(struct kr_host *h, struct kr_requestrow *io,
		     const json_t *params, uint64_t now_ms, struct kr_err *e);

/** kr_requests_detail() - What an entry of the log says of @p; by whom. */
json_t *kr_requests_detail(const struct kr_requestrow *p, const char *by);

/** kr_requests_want() - What an approval of @p is for, but for its approver */
int kr_requests_want(const struct kr_host *h, const struct kr_requestrow *p,
		     struct kr_approval *ret_want, struct kr_err *e);

/**
 * kr_requests_add_approval() - Somebody's signed word on a request
 * @user:     who says it, by his peer credentials
 * @envelope: from him; nothing in it is believed
 *
 * To deny ends a request, if it was approved already, too.
 *
 * Return: 0; KR_E_NO_REQUEST, KR_E_REQUEST_OVER, KR_E_APPROVAL_SELF,
 *         KR_E_APPROVAL_TWICE, KR_E_APPROVAL_KEY, KR_E_APPROVAL_DIFFERS,
 *         KR_E_APPROVAL_TIME, KR_E_MALFORMED; KR_E_QUESTION if it is one. Then
 *         nothing has changed.
 */
int kr_requests_add_approval(struct kr_host *h, const uint8_t id[16],
			     const char *user, const char *envelope,
			     uint64_t now_ms, struct kr_err *e);

/**
 * kr_requests_close_question() - Somebody who may approve has seen it
 * @user: by his peer credentials; nothing is signed, since nothing is allowed,
 *        and who asked may be the one
 *
 * Return: 0; KR_E_NO_REQUEST, KR_E_REQUEST_OVER; KR_E_NOT_APPROVED if others
 *         could approve it. Then nothing has changed.
 */
int kr_requests_close_question(struct kr_host *h, const uint8_t id[16],
			       const char *user, uint64_t now_ms,
			       struct kr_err *e);

/**
 * kr_requests_withdraw() - Who asked does not want it any more
 * @user: by his peer credentials
 *
 * Return: 0; KR_E_NO_REQUEST, KR_E_REQUEST_OVER; KR_E_FORBIDDEN if somebody
 *         else asked. Then nothing has changed.
 */
int kr_requests_withdraw(struct kr_host *h, const uint8_t id[16],
			 const char *user, uint64_t now_ms, struct kr_err *e);

/**
 * kr_requests_approvers() - Whose approvals of @p count at present
 * @names: @max of them
 */
int kr_requests_approvers(struct kr_host *h, const struct kr_requestrow *p,
			  uint64_t now_ms,
			  char (*names)[KR_USERROW_NAME_BYTES],
			  unsigned int max, unsigned int *ret_n,
			  struct kr_err *e);

/**
 * kr_requests_take() - Use a request, once and for all
 * @now: what is to be done now, as for kr_requests_open(), its params, too;
 *       its id is that of the request
 *
 * Runs in the caller's transaction, with what it allows: if that is rolled
 * back the request was not used. The greater of both numbers of approvals
 * needed applies, the request's and @now's.
 *
 * Return: 0; KR_E_NO_REQUEST, KR_E_REQUEST_OVER, KR_E_NOT_APPROVED,
 *         KR_E_QUESTION, or why an approval does not count. Then roll back.
 */
int kr_requests_take(struct kr_host *h, const struct kr_requestrow *now,
		     uint64_t now_ms, struct kr_err *e);

#endif
