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

static int refuse(const struct kr_requestrow *p, const char *by,
		  unsigned int failed, struct kr_err *e)
{
	enum kr_assent_cond c = kr_assent_first(failed);

	if (c == KR_ASSENT_WAITS)
		return kr_fail(e, kr_assent_code(c), "it is %s",
			       kr_requestrow_state_name(p->state));
	if (c == KR_ASSENT_APPROVABLE)
		return kr_fail(e, kr_assent_code(c), "no rule deals with "
			       "%s%s%s%s%s by %s", p->procedure,
			       p->item[0] ? " on " : "", p->item,
			       p->to[0] ? " to " : "", p->to, p->requester);
	return kr_fail(e, kr_assent_code(c), "%.64s%s%s", by,
		       by[0] ? ": " : "", kr_assent_text(c));
}

/* What an act on a request looks at, but for who acts. */
static struct kr_assent facts(const struct kr_requestrow *p, uint64_t now_ms)
{
	return (struct kr_assent){
		.state = p->state,
		.question = p->kind == KR_REQUEST_QUESTION,
		.asked_by = p->requester, .expires_ms = p->expires_ms,
		.now_ms = now_ms, .needed = p->needed, .by = "" };
}

/*
 * Is @envelope a word of @approver's that is good for @act, as @a, the facts,
 * and it show? What is about him and his word is filled in in @a. Nothing is
 * read of what is refused whatever it says.
 */
static int examine(struct kr_host *h, enum kr_assent_act act,
		   const struct kr_requestrow *p,
		   const struct kr_approval *want, const char *approver,
		   const char *envelope, struct kr_assent *a,
		   struct kr_err *e)
{
	KR_AUTO(kr_pubkey_autofree) struct kr_pubkey *key = NULL;
	struct kr_approval said, mine = *want;
	struct kr_err why = KR_ERR_NONE;
	struct kr_userkeyrow row = { 0 };
	size_t n = strlen(envelope);
	unsigned int failed;
	int r;

	a->by = approver;
	failed = kr_assent_failed(&kr_assent_rules[act], a) &
		 KR_ASSENT_UNREAD;
	if (failed)
		return refuse(p, approver, failed, e);
	r = kr_approval_peek(envelope, n, &said, e);
	if (!r && kr_userkeyrow_get(h->store, said.approver_keyid, &row,
				    &why) && why.kr != KR_E_APPROVAL_KEY)
		r = kr_fail(e, why.kr, "%s", why.what);
	if (!r && row.user[0])
		r = kr_pubkey_parse(row.pem, strlen(row.pem), &key, e);
	if (r)
		return r;
	why = KR_ERR_NONE;
	snprintf(mine.approver, sizeof(mine.approver), "%s", approver);
	memcpy(mine.approver_keyid, row.keyid, sizeof(row.keyid));
	a->key_of = key ? row.user : NULL;
	a->is_signed = key && !kr_approval_verify(envelope, n, key, &said,
						  NULL);
	a->fits = !kr_approval_check(&said, &mine, a->now_ms, &why);
	a->may = kr_consent_may_approve(h, approver);
	a->approves = !strcmp(said.decision, KR_APPROVAL_APPROVE);
	failed = kr_assent_failed(&kr_assent_rules[act], a);
	a->key_of = NULL;	/* the row ends here */
	if (!failed)
		return 0;
	return kr_assent_first(failed) == KR_ASSENT_FITS ?
	       kr_fail(e, why.kr, "%s", why.what) :
	       refuse(p, approver, failed, e);
}

struct count {
	struct kr_host		 *h;
	const struct kr_requestrow *p;
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
	struct kr_assent a = facts(c->p, c->now_ms);

	(void)e;
	if (examine(c->h, KR_ASSENT_COUNT, c->p, c->want, row->approver,
		    row->envelope, &a, &c->why))
		return 0;
	if (c->names && c->n < c->max)
		memcpy(c->names[c->n], row->approver, sizeof(row->approver));
	c->n++;
	return 0;
}

static int get(struct kr_host *h, const uint8_t id[16], uint64_t now_ms,
	       struct kr_requestrow *ret_p, struct kr_err *e)
{
	int r = kr_requestrow_expire(h->store, now_ms, e);

	return r ? r : kr_requestrow_get(h->store, id, ret_p, e);
}

/* @act, and the request with it; by what is in @a. */
static int act(struct kr_host *h, enum kr_assent_act what,
	       const struct kr_requestrow *p, const struct kr_assent *a,
	       struct kr_err *e)
{
	unsigned int failed = kr_assent_failed(&kr_assent_rules[what], a);

	return failed ? refuse(p, a->by, failed, e) :
	       kr_requestrow_move(h->store, p->id, p->state,
				  kr_assent_rules[what].to, e);
}

/* What a word that was added makes of the request. */
static int move(struct kr_host *h, const struct kr_requestrow *p,
		const struct kr_approval *want, struct kr_assent *a,
		struct kr_err *e)
{
	struct count c = { .h = h, .p = p, .want = want,
			   .now_ms = a->now_ms };
	int r;

	if (!kr_assent_failed(&kr_assent_rules[KR_ASSENT_DENY], a))
		return act(h, KR_ASSENT_DENY, p, a, e);
	r = kr_approvalrow_each(h->store, p->id, count_one, &c, e);
	a->n = c.n;
	if (r || kr_assent_failed(&kr_assent_rules[KR_ASSENT_PASS], a))
		return r;
	return act(h, KR_ASSENT_PASS, p, a, e);
}

static int add_word(struct kr_host *h, const uint8_t id[16],
		    const char *user, const char *envelope, uint64_t now_ms,
		    struct kr_err *e)
{
	static struct kr_approvalrow row;
	struct kr_requestrow p;
	struct kr_approval want, said;
	struct kr_assent a;
	int r = get(h, id, now_ms, &p, e);

	if (!r)
		r = kr_requests_want(h, &p, &want, e);
	if (r)
		return r;
	a = facts(&p, now_ms);
	r = examine(h, KR_ASSENT_KEEP, &p, &want, user, envelope, &a, e);
	if (!r)
		r = kr_approval_peek(envelope, strlen(envelope), &said, e);
	if (r)
		return r;
	row = (struct kr_approvalrow){ .at_ms = now_ms };
	memcpy(row.request, p.id, sizeof(row.request));
	snprintf(row.approver, sizeof(row.approver), "%s", user);
	memcpy(row.decision, said.decision, sizeof(row.decision));
	memcpy(row.keyid, said.approver_keyid, sizeof(row.keyid));
	/* kr_approval_peek() has bounded it */
	memcpy(row.envelope, envelope, strlen(envelope) + 1);
	r = kr_approvalrow_add(h->store, &row, e);
	if (!r)
		r = record(h, a.approves ? "request.approved" :
					   "request.denied",
			   &p, user, envelope, e);
	return r ? r : move(h, &p, &want, &a, e);
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
	struct kr_assent a;
	int r = get(h, id, now_ms, &p, e);

	if (r)
		return r;
	a = facts(&p, now_ms);
	r = act(h, KR_ASSENT_CLOSE, &p, &a, e);
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
	struct kr_assent a;
	int r = get(h, id, now_ms, &p, e);

	if (r)
		return r;
	a = facts(&p, now_ms);
	a.by = user;
	r = act(h, KR_ASSENT_WITHDRAW, &p, &a, e);
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
	struct count c = { .h = h, .p = p, .want = &want, .now_ms = now_ms,
			   .names = names, .max = max };
	int r = kr_requests_want(h, p, &want, e);

	if (!r)
		r = kr_approvalrow_each(h->store, p->id, count_one, &c, e);
	*ret_n = c.n < max ? c.n : max;
	return r;
}

static bool lacks_words(const struct kr_assent *a)
{
	return kr_assent_failed(&kr_assent_rules[KR_ASSENT_USE], a) ==
	       1u << KR_ASSENT_ENOUGH;
}

int kr_requests_take(struct kr_host *h, const struct kr_requestrow *now,
		     uint64_t now_ms, struct kr_err *e)
{
	struct kr_requestrow p;
	struct kr_approval want;
	struct count c = { .h = h, .p = now, .want = &want, .now_ms = now_ms };
	struct kr_assent a;
	int r;

	if (!kr_store_in_tx(h->store))
		return kr_fail(e, KR_E_STORE, "no transaction to use it in");
	r = get(h, now->id, now_ms, &p, e);
	if (r)
		return r;
	a = facts(&p, now_ms);
	a.needed_now = now->needed;
	/* nobody's word helps if more is missing than words */
	if (lacks_words(&a)) {
		r = kr_requests_want(h, now, &want, e);
		if (!r)
			r = kr_approvalrow_each(h->store, p.id, count_one, &c,
						e);
		a.n = c.n;
	}
	if (!r && lacks_words(&a) && c.why.code)
		r = kr_fail(e, c.why.kr, "%s", c.why.what);
	if (!r)
		r = act(h, KR_ASSENT_USE, &p, &a, e);
	return r ? r : record(h, "request.used", &p, now->requester, NULL, e);
}
