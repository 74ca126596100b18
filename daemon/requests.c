/* SPDX-License-Identifier: Apache-2.0 */
/* requests.c - requests and what others say of them. Runs in kororad. */
#include "daemon/requests.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "daemon/consent.h"
#include "store/approvalrow.h"
#include "store/userkeyrow.h"

/* ---- opening ----------------------------------------------------------- */

int kr_requests_want(const struct kr_host *h, const struct kr_requestrow *p,
		     struct kr_approval *ret_want, struct kr_err *e)
{
	struct kr_approval w = { .epoch = p->epoch };
	json_t *params = json_loads(p->params, JSON_REJECT_DUPLICATES, NULL);
	int r = json_is_object(params) ?
		kr_approval_params(params, w.params, e) :
		kr_fail(e, KR_E_STORE, "a request's parameters are no object");

	json_decref(params);
	if (r)
		return r;
	memcpy(w.request, p->id, sizeof(w.request));
	memcpy(w.definition, p->definition, sizeof(w.definition));
	if (strcmp(p->procedure, kr_procedure(KR_TP_migrate)->name)) {
		snprintf(w.procedure, sizeof(w.procedure), "%s",
			 p->procedure);
		snprintf(w.item, sizeof(w.item), "%s", p->item);
	}
	snprintf(w.vm, sizeof(w.vm), "%s", p->vm);
	snprintf(w.from_name, sizeof(w.from_name), "%s",
		 kr_identity_name(h->identity));
	memcpy(w.from_keyid, kr_identity_keyid(h->identity), 32);
	snprintf(w.to_name, sizeof(w.to_name), "%s", p->to);
	memcpy(w.to_keyid, p->to_keyid, sizeof(w.to_keyid));
	snprintf(w.policy.name, sizeof(w.policy.name), "%s", p->policy);
	w.policy.version = p->policy_version;
	memcpy(w.policy.digest, p->policy_digest, sizeof(w.policy.digest));
	snprintf(w.requester, sizeof(w.requester), "%s", p->requester);
	*ret_want = w;
	return 0;
}

json_t *kr_requests_detail(const struct kr_requestrow *p, const char *by)
{
	char id[33];

	kr_hex(p->id, sizeof(p->id), id);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:s}",
			 "request", id, "kind",
			 kr_requestrow_kind_name(p->kind), "procedure",
			 p->procedure, "item", p->item, "vm", p->vm, "tenant",
			 p->tenant, "to", p->to, "requested_by", p->requester,
			 "needed", (json_int_t)p->needed, "by", by);
}

/* An entry about a request; with what was signed of it, if something was. */
static int record(struct kr_host *h, const char *event,
		  const struct kr_requestrow *p, const char *by,
		  const char *envelope, struct kr_err *e)
{
	json_t *d = kr_requests_detail(p, by);
	int r = kr_ledger_append(h->ledger, event, NULL, d, envelope, e);

	json_decref(d);
	return r;
}

static int add(struct kr_host *h, const struct kr_requestrow *p,
	       uint64_t now_ms, struct kr_err *e)
{
	uint64_t n = 0;
	int r = kr_requestrow_expire(h->store, now_ms, e);

	if (!r)
		r = kr_requestrow_waiting(h->store, &n, e);
	if (!r && n >= KR_REQUESTS_WAITING_MAX)
		r = kr_fail(e, KR_E_LIMIT, "%u requests wait already",
			    KR_REQUESTS_WAITING_MAX);
	if (!r)
		r = kr_requestrow_add(h->store, p, e);
	return r ? r : record(h, "request.opened", p, p->requester, NULL, e);
}

static int end_tx(struct kr_host *h, int r, struct kr_err *e)
{
	if (!r)
		return kr_store_commit(h->store, e);
	kr_store_rollback(h->store);
	return r;
}

int kr_requests_open(struct kr_host *h, struct kr_requestrow *io,
		     const json_t *params, uint64_t now_ms, struct kr_err *e)
{
	KR_AUTOFREE char *text = json_dumps(params, JSON_COMPACT |
						    JSON_SORT_KEYS);
	struct kr_approval want;
	json_t *said;
	int r;

	if (!text || strlen(text) >= sizeof(io->params))
		return kr_fail(e, KR_E_LIMIT, "too many parameters to keep");
	if (!io->needed || io->needed > KR_REQUESTS_NEEDED_MAX ||
	    io->expires_ms <= now_ms ||
	    io->expires_ms - now_ms > KR_APPROVAL_LIFE_MS_MAX)
		return kr_fail(e, KR_E_USAGE, "1 to %u approvals, within 7 "
			       "days", KR_REQUESTS_NEEDED_MAX);
	if (RAND_bytes(io->id, sizeof(io->id)) != 1)
		return kr_fail(e, KR_E_CRYPTO, "no randomness");
	memcpy(io->params, text, strlen(text) + 1);
	io->created_ms = now_ms;
	io->state = KR_REQUEST_OPEN;
	r = kr_requests_want(h, io, &want, e);
	if (r)
		return r;
	said = kr_approval_asked(&want);
	json_decref(said);
	if (!said)
		return kr_fail(e, KR_E_USAGE, "what is asked for cannot be "
			       "said in a statement");
	r = kr_store_begin(h->store, e);
	return r ? r : end_tx(h, add(h, io, now_ms, e), e);
}

/* ---- approving --------------------------------------------------------- */

/* Does @envelope say something of @want, in @approver's own hand? */
static int examine(struct kr_host *h, const struct kr_approval *want,
		   const char *approver, const char *envelope,
		   uint64_t now_ms, struct kr_approval *ret_a,
		   struct kr_err *e)
{
	KR_AUTO(kr_pubkey_autofree) struct kr_pubkey *key = NULL;
	struct kr_approval mine = *want;
	struct kr_err why = KR_ERR_NONE;
	struct kr_userkeyrow row;
	size_t n = strlen(envelope);
	int r;

	if (!strcmp(approver, want->requester))
		return kr_fail(e, KR_E_APPROVAL_SELF, "%.64s asked for it",
			       approver);
	r = kr_approval_peek(envelope, n, ret_a, e);
	if (!r)
		r = kr_userkeyrow_get(h->store, ret_a->approver_keyid, &row,
				      e);
	if (!r && strcmp(row.user, approver))
		r = kr_fail(e, KR_E_APPROVAL_KEY, "the key is not %.64s's",
			    approver);
	if (!r)
		r = kr_pubkey_parse(row.pem, strlen(row.pem), &key, e);
	if (!r && kr_approval_verify(envelope, n, key, ret_a, &why))
		r = kr_fail(e, KR_E_APPROVAL_KEY, "%s", why.what);
	if (r)
		return r;
	snprintf(mine.approver, sizeof(mine.approver), "%s", approver);
	memcpy(mine.approver_keyid, row.keyid, sizeof(row.keyid));
	return kr_approval_check(ret_a, &mine, now_ms, e);
}

struct count {
	struct kr_host		 *h;
	const struct kr_approval *want;
	uint64_t		  now_ms;
	unsigned int		  n;	/* approvals that count */
	char (*names)[KR_USERROW_NAME_BYTES];	/* NULL: no matter */
	unsigned int		  max;
	struct kr_err		  why;	/* the first one does not */
};

static int count_one(void *arg, const struct kr_approvalrow *row,
		     struct kr_err *e)
{
	struct count *c = arg;
	struct kr_approval a;

	(void)e;
	if (examine(c->h, c->want, row->approver, row->envelope, c->now_ms,
		    &a, &c->why))
		return 0;
	if (!kr_consent_may_approve(c->h, row->approver)) {
		kr_fail(&c->why, KR_E_NOT_APPROVED, "%.64s may not approve "
			"any more", row->approver);
		return 0;
	}
	if (strcmp(a.decision, KR_APPROVAL_APPROVE))
		return 0;
	if (c->names && c->n < c->max)
		memcpy(c->names[c->n], row->approver, sizeof(row->approver));
	c->n++;
	return 0;
}

static int waits(const struct kr_requestrow *p, struct kr_err *e)
{
	return p->state == KR_REQUEST_OPEN || p->state == KR_REQUEST_APPROVED ?
	       0 : kr_fail(e, KR_E_REQUEST_OVER, "it is %s",
			   kr_requestrow_state_name(p->state));
}

static int get(struct kr_host *h, const uint8_t id[16], uint64_t now_ms,
	       struct kr_requestrow *ret_p, struct kr_err *e)
{
	int r = kr_requestrow_expire(h->store, now_ms, e);

	if (!r)
		r = kr_requestrow_get(h->store, id, ret_p, e);
	return r ? r : waits(ret_p, e);
}

/* Nobody's word makes a rule of what no rule deals with. */
static int can_be_approved(const struct kr_requestrow *p, struct kr_err *e)
{
	return p->kind != KR_REQUEST_QUESTION ? 0 :
	       kr_fail(e, KR_E_QUESTION, "no rule deals with %s%s%s%s%s by %s",
		       p->procedure, p->item[0] ? " on " : "", p->item,
		       p->to[0] ? " to " : "", p->to, p->requester);
}

/* What a word that was added makes of the request. */
static int move(struct kr_host *h, const struct kr_requestrow *p,
		const struct kr_approval *want, bool deny, uint64_t now_ms,
		struct kr_err *e)
{
	struct count c = { .h = h, .want = want, .now_ms = now_ms };
	int r;

	if (deny)
		return kr_requestrow_move(h->store, p->id, p->state,
					  KR_REQUEST_DENIED, e);
	r = kr_approvalrow_each(h->store, p->id, count_one, &c, e);
	if (r || c.n < p->needed || p->state == KR_REQUEST_APPROVED)
		return r;
	return kr_requestrow_move(h->store, p->id, KR_REQUEST_OPEN,
				  KR_REQUEST_APPROVED, e);
}

static int add_word(struct kr_host *h, const uint8_t id[16],
		    const char *user, const char *envelope, uint64_t now_ms,
		    struct kr_err *e)
{
	static struct kr_approvalrow row;
	struct kr_requestrow p;
	struct kr_approval want, a;
	bool deny;
	int r = get(h, id, now_ms, &p, e);

	if (!r)
		r = can_be_approved(&p, e);
	if (!r)
		r = kr_requests_want(h, &p, &want, e);
	if (!r)
		r = examine(h, &want, user, envelope, now_ms, &a, e);
	if (r)
		return r;
	deny = !strcmp(a.decision, KR_APPROVAL_DENY);
	row = (struct kr_approvalrow){ .at_ms = now_ms };
	memcpy(row.request, p.id, sizeof(row.request));
	snprintf(row.approver, sizeof(row.approver), "%s", user);
	memcpy(row.decision, a.decision, sizeof(row.decision));
	memcpy(row.keyid, a.approver_keyid, sizeof(row.keyid));
	/* kr_approval_peek() has bounded it */
	memcpy(row.envelope, envelope, strlen(envelope) + 1);
	r = kr_approvalrow_add(h->store, &row, e);
	if (!r)
		r = record(h, deny ? "request.denied" : "request.approved",
			   &p, user, envelope, e);
	return r ? r : move(h, &p, &want, deny, now_ms, e);
}

int kr_requests_add_approval(struct kr_host *h, const uint8_t id[16],
			     const char *user, const char *envelope,
			     uint64_t now_ms, struct kr_err *e)
{
	int r = kr_store_begin(h->store, e);

	return r ? r : end_tx(h, add_word(h, id, user, envelope, now_ms, e),
			      e);
}

/* ---- closing questions -------------------------------------------------- */

static int close_question(struct kr_host *h, const uint8_t id[16],
			  const char *user, uint64_t now_ms, struct kr_err *e)
{
	struct kr_requestrow p;
	int r = get(h, id, now_ms, &p, e);

	if (!r && p.kind != KR_REQUEST_QUESTION)
		r = kr_fail(e, KR_E_NOT_APPROVED, "it is denied by a signed "
			    "word");
	if (!r)
		r = kr_requestrow_move(h->store, p.id, p.state,
				       KR_REQUEST_DENIED, e);
	return r ? r : record(h, "request.denied", &p, user, NULL, e);
}

int kr_requests_close_question(struct kr_host *h, const uint8_t id[16],
			       const char *user, uint64_t now_ms,
			       struct kr_err *e)
{
	int r = kr_store_begin(h->store, e);

	return r ? r : end_tx(h, close_question(h, id, user, now_ms, e), e);
}

/* ---- withdrawing ------------------------------------------------------- */

static int withdraw(struct kr_host *h, const uint8_t id[16], const char *user,
		    uint64_t now_ms, struct kr_err *e)
{
	struct kr_requestrow p;
	int r = get(h, id, now_ms, &p, e);

	if (!r && strcmp(p.requester, user))
		r = kr_fail(e, KR_E_FORBIDDEN, "%.64s did not ask for it: who "
			    "approves may deny it", user);
	if (!r)
		r = kr_requestrow_move(h->store, p.id, p.state,
				       KR_REQUEST_WITHDRAWN, e);
	return r ? r : record(h, "request.withdrawn", &p, user, NULL, e);
}

int kr_requests_withdraw(struct kr_host *h, const uint8_t id[16],
			 const char *user, uint64_t now_ms, struct kr_err *e)
{
	int r = kr_store_begin(h->store, e);

	return r ? r : end_tx(h, withdraw(h, id, user, now_ms, e), e);
}

/* ---- using ------------------------------------------------------------- */

int kr_requests_approvers(struct kr_host *h, const struct kr_requestrow *p,
			  uint64_t now_ms,
			  char (*names)[KR_USERROW_NAME_BYTES],
			  unsigned int max, unsigned int *ret_n,
			  struct kr_err *e)
{
	struct kr_approval want;
	struct count c = { .h = h, .want = &want, .now_ms = now_ms,
			   .names = names, .max = max };
	int r = kr_requests_want(h, p, &want, e);

	if (!r)
		r = kr_approvalrow_each(h->store, p->id, count_one, &c, e);
	*ret_n = c.n < max ? c.n : max;
	return r;
}

int kr_requests_take(struct kr_host *h, const struct kr_requestrow *now,
		     uint64_t now_ms, struct kr_err *e)
{
	struct kr_requestrow p;
	struct kr_approval want;
	struct count c = { .h = h, .want = &want, .now_ms = now_ms };
	unsigned int needed;
	int r;

	if (!kr_store_in_tx(h->store))
		return kr_fail(e, KR_E_STORE, "no transaction to use it in");
	r = get(h, now->id, now_ms, &p, e);
	if (!r)
		r = can_be_approved(&p, e);
	if (!r)
		r = kr_requests_want(h, now, &want, e);
	if (!r)
		r = kr_approvalrow_each(h->store, p.id, count_one, &c, e);
	if (r)
		return r;
	needed = now->needed > p.needed ? now->needed : p.needed;
	if (c.n < needed && c.why.code)
		return kr_fail(e, c.why.kr, "%s", c.why.what);
	if (c.n < needed)
		return kr_fail(e, KR_E_NOT_APPROVED, "%u of %u", c.n, needed);
	r = kr_requestrow_move(h->store, p.id, p.state, KR_REQUEST_USED, e);
	return r ? r : record(h, "request.used", &p, now->requester, NULL, e);
}
