/* SPDX-License-Identifier: Apache-2.0 */
/*
 * consent.h - what others have to approve first, because the policy says so:
 * the first call opens a request, and the same call once more, when enough have
 * approved it, is done. It uses the request up: a migration when the other host
 * has accepted it and the VM's memory begins to flow, all else in the
 * transaction in which it is done (kr_procedure_at_once()).
 */
#ifndef KR_DAEMON_CONSENT_H
#define KR_DAEMON_CONSENT_H

#include "daemon/api.h"
#include "policy/book.h"
#include "store/requestrow.h"

#define KR_CONSENT_MS	86400000u	/* a request waits for a day */
#define KR_CONSENT_OWN_MAX	8u	/* that wait, of one requester */

/**
 * kr_consent_ask() - Does @m, not begun, need others, and are they there?
 *
 * If they are, m->request is what they approved. Return: 0, also if nobody
 * else is needed; KR_E_NOT_APPROVED with the request's id; KR_E_FORBIDDEN.
 */
int kr_consent_ask(struct kr_request *q, struct kr_mig *m, struct kr_err *e);

/**
 * kr_consent_take() - In the transaction in which the copy begins
 *
 * By who may what at that moment. A no-op if nobody else is needed. Return: 0;
 * KR_E_NOT_APPROVED and as kr_requests_take().
 */
int kr_consent_take(struct kr_mig *m, struct kr_err *e);

/**
 * kr_consent_call() - A call that needs @needed others: are they there?
 * @x: what it comes to, borrowed; not a migration
 *
 * If they are, q->request is what they approved, allocated. Return: 0;
 * KR_E_NOT_APPROVED with the request's id.
 */
int kr_consent_call(struct kr_request *q, const struct kr_execution *x,
		    unsigned int needed, struct kr_err *e);

/**
 * kr_consent_use() - In the transaction in which the call is done
 *
 * By who may what at that moment. A no-op if nobody else is needed. Return: 0;
 * KR_E_NOT_APPROVED and as kr_requests_take().
 */
int kr_consent_use(struct kr_request *q, struct kr_err *e);

/** kr_consent_may_approve() - Does the policy let @name approve? */
bool kr_consent_may_approve(struct kr_host *h, const char *name);

#endif
