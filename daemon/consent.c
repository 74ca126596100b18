/* SPDX-License-Identifier: Apache-2.0 */
/* consent.c - approvals of migrations, asked for and used. Runs in kororad. */
#include "daemon/consent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "daemon/authorise.h"
#include "daemon/policy.h"
#include "daemon/requests.h"
#include "evidence/fingerprint.h"
#include "evidence/ledger.h"
#include "store/hostrow.h"
#include "store/vmrow.h"

#define NAMES_MAX	64u	/* approvals looked at, of one request */

bool kr_consent_may_approve(struct kr_host *h, const char *name)
{
	struct kr_authorise_who w;
	struct kr_execution x = { .procedure = kr_procedure(KR_TP_approve),
				  .item = "" };

	if (kr_authorise_find(h, name, &w, NULL))
		return false;
	x.by = w.p;
	return kr_book_decide(h->book, &x).answer == KR_YES;
}

/* ---- deciding ---------------------------------------------------------- */

/* Those who approved @p, or nobody, as the policy knows them. */
struct approvers {
	char names[NAMES_MAX][KR_USERROW_NAME_BYTES];
	struct kr_authorise_who who[NAMES_MAX];
	struct kr_person person[NAMES_MAX];
	unsigned int n;
};

static int find_approvers(struct kr_host *h, const struct kr_requestrow *p,
			  struct approvers *a, struct kr_err *e)
{
	int r = kr_requests_approvers(h, p, kr_wall_ms(), a->names, NAMES_MAX,
				      &a->n, e);

	for (unsigned int i = 0; i < a->n && !r; i++) {
		r = kr_authorise_find(h, a->names[i], &a->who[i], e);
		a->person[i] = a->who[i].p;
	}
	return r;
}

/* What is to be done, by whom; his roles and who approved are found here. */
struct asked {
	struct kr_host	   *h;
	const char	   *requester;
	uid_t		    uid;
	struct kr_execution x;
};

static struct asked of_migration(const struct kr_mig *m,
				 const char *requester,
				 char item[KR_ITEM_BYTES])
{
	return (struct asked){ m->host, requester, m->uid, {
		.procedure = kr_procedure(KR_TP_migrate),
		.item = kr_item_put(KR_ITEM_VM, m->def.name, item),
		.tenant = m->def.tenant, .to = m->peer } };
}

static struct asked of_call(const struct kr_request *q)
{
	const struct kr_requestrow *p = q->request;

	return (struct asked){ q->host, q->user, q->uid, {
		.procedure = q->procedure, .item = p->item,
		.tenant = p->tenant[0] ? p->tenant : NULL } };
}

/* @a: NULL for nobody */
static int decide(const struct asked *w, const struct approvers *a,
		  struct kr_verdict *ret_v, struct kr_err *e)
{
	struct kr_authorise_who who;
	struct kr_execution x = w->x;
	int r = kr_authorise_known(w->h, w->requester, w->uid, &who, e);

	x.by = who.p;
	x.approvers = a ? a->person : NULL;
	x.n_approvers = a ? a->n : 0;
	if (!r)
		*ret_v = kr_book_decide(w->h->book, &x);
	return r;
}

/* Is it a yes with those who approved @p? @ret_by: their names, if not NULL */
static int approved(const struct asked *w, const struct kr_requestrow *p,
		    json_t **ret_by, struct kr_err *e)
{
	struct approvers *a = calloc(1, sizeof(*a));
	struct kr_verdict v = { .answer = KR_ERROR };
	char id[33];
	int r = a ? find_approvers(w->h, p, a, e) :
		    kr_fail(e, KR_E_SYSTEM, "out of memory");

	if (!r)
		r = decide(w, a, &v, e);
	kr_hex(p->id, sizeof(p->id), id);
	if (!r && v.answer != KR_YES)
		r = kr_fail(e, KR_E_NOT_APPROVED, "request %.8s: %s; %u of %u "
			    "approvals count", id, kr_reason_text(v.reason),
			    v.approved, v.triple ? v.triple->approvals : 0);
	if (!r && ret_by) {
		*ret_by = json_array();
		for (unsigned int i = 0; i < a->n; i++)
			json_array_append_new(*ret_by,
					      json_string(a->names[i]));
	}
	free(a);
	return r;
}

/* ---- asking ------------------------------------------------------------ */

/* What would be done now, in a request's words; what it is of is to follow. */
static int now_asked(const struct kr_request *q, const struct asked *w,
		     unsigned int needed, struct kr_requestrow *p,
		     struct kr_err *e)
{
	const struct kr_host *h = q->host;
	KR_AUTOFREE char *params = json_dumps(q->params, JSON_COMPACT |
							 JSON_SORT_KEYS);

	if (!params || strlen(params) >= sizeof(p->params))
		return kr_fail(e, KR_E_LIMIT, "too many parameters to keep");
	*p = (struct kr_requestrow){ .needed = needed,
				     .policy_version = h->book->version };
	memcpy(p->policy_digest, h->policy_digest, sizeof(p->policy_digest));
	snprintf(p->item, sizeof(p->item), "%s", w->x.item);
	snprintf(p->procedure, sizeof(p->procedure), "%s",
		 w->x.procedure->name);
	snprintf(p->tenant, sizeof(p->tenant), "%s",
		 w->x.tenant ? w->x.tenant : "");
	snprintf(p->policy, sizeof(p->policy), "%s", h->book->name);
	snprintf(p->requester, sizeof(p->requester), "%s", q->user);
	memcpy(p->params, params, strlen(params) + 1);
	return 0;
}

static int move_asked(const struct kr_mig *m, struct kr_requestrow *p,
		      struct kr_err *e)
{
	struct kr_hostrow to;
	int r = kr_hostrow_get(m->host->store, m->peer, &to, e);

	if (r)
		return r;
	p->epoch = m->terms.epoch;
	memcpy(p->definition, m->terms.definition, sizeof(p->definition));
	snprintf(p->vm, sizeof(p->vm), "%s", m->def.name);
	snprintf(p->to, sizeof(p->to), "%s", to.name);
	if (to.fingerprint[0] &&
	    !kr_fingerprint_get(to.fingerprint, p->to_keyid))
		return kr_fail(e, KR_E_STORE, "%s: fingerprint", to.name);
	return 0;
}

/* What it would do is in its parameters; but for what it finds elsewhere. */
static int call_asked(const struct kr_request *q, struct kr_requestrow *p,
		      struct kr_err *e)
{
	static struct kr_vmrow v;
	struct kr_hostrow host;
	const char *name = strchr(p->item, ':');

	if (q->procedure == kr_procedure(KR_TP_policy_reload))
		return kr_policy_offered(q->host, p->definition, e);
	if (q->procedure->on == KR_ITEM_VM && name &&
	    !kr_vmrow_get(q->host->store, name + 1, &v, NULL))
		memcpy(p->definition, v.digest, sizeof(p->definition));
	/* enrolled anew it is another one */
	if (q->procedure->on == KR_ITEM_HOST && name &&
	    !kr_hostrow_get(q->host->store, name + 1, &host, NULL))
		(void)kr_fingerprint_get(host.fingerprint, p->definition);
	return 0;
}

struct search {
	const struct kr_requestrow *now;
	unsigned int		    n_own;
	bool			    there;
	uint8_t			    id[16];
};

static int same(void *arg, const struct kr_requestrow *p, struct kr_err *e)
{
	struct search *s = arg;
	const struct kr_requestrow *n = s->now;

	(void)e;
	if (p->kind != KR_REQUEST_APPROVAL || p->state > KR_REQUEST_APPROVED ||
	    strcmp(p->requester, n->requester))
		return 0;
	s->n_own++;
	if (s->there || p->epoch != n->epoch || strcmp(p->vm, n->vm) ||
	    strcmp(p->to, n->to) || strcmp(p->params, n->params) ||
	    strcmp(p->procedure, n->procedure) || strcmp(p->item, n->item) ||
	    memcmp(p->definition, n->definition, sizeof(p->definition)) ||
	    memcmp(p->to_keyid, n->to_keyid, sizeof(p->to_keyid)) ||
	    memcmp(p->policy_digest, n->policy_digest,
		   sizeof(p->policy_digest)))
		return 0;
	memcpy(s->id, p->id, sizeof(s->id));
	s->there = true;
	return 0;
}

static int open_one(struct kr_request *q, struct kr_requestrow *p,
		    unsigned int n_own, struct kr_err *e)
{
	uint64_t now_ms = kr_wall_ms();
	char id[33];
	int r;

	if (n_own >= KR_CONSENT_OWN_MAX)
		return kr_fail(e, KR_E_LIMIT, "%u requests of %s wait already",
			       n_own, p->requester);
	p->expires_ms = now_ms + KR_CONSENT_MS;
	r = kr_requests_open(q->host, p, q->params, now_ms, e);
	if (r)
		return r;
	kr_hex(p->id, sizeof(p->id), id);
	return kr_fail(e, KR_E_NOT_APPROVED, "request %.8s is open: %u others "
		       "have to approve it; then %s once more", id,
		       p->needed, p->procedure);
}

static int find_or_open(struct kr_request *q, const struct asked *w,
			struct kr_requestrow *now, struct kr_err *e)
{
	struct kr_store *st = q->host->store;
	struct search s = { .now = now };
	int r = kr_requestrow_expire(st, kr_wall_ms(), e);

	if (!r)
		r = kr_requestrow_each(st, KR_REQUESTS_WAITING_MAX, same, &s,
				       e);
	if (r)
		return r;
	if (!s.there)
		return open_one(q, now, s.n_own, e);
	memcpy(now->id, s.id, sizeof(now->id));
	return approved(w, now, NULL, e);
}

int kr_consent_ask(struct kr_request *q, struct kr_mig *m, struct kr_err *e)
{
	struct kr_verdict v = { .answer = KR_ERROR };
	char item[KR_ITEM_BYTES];
	struct asked w = of_migration(m, q->user, item);
	int r = decide(&w, NULL, &v, e);

	if (r || v.answer == KR_YES)
		return r;
	if (v.reason != KR_REASON_APPROVALS)
		return kr_fail(e, KR_E_FORBIDDEN, "%s may not migrate %s: %s",
			       q->user, m->def.name, kr_reason_text(v.reason));
	m->request = calloc(1, sizeof(*m->request));
	if (!m->request)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	r = now_asked(q, &w, v.triple->approvals, m->request, e);
	if (!r)
		r = move_asked(m, m->request, e);
	return r ? r : find_or_open(q, &w, m->request, e);
}

int kr_consent_call(struct kr_request *q, const struct kr_execution *x,
		    unsigned int needed, struct kr_err *e)
{
	struct asked w = { q->host, q->user, q->uid, *x };
	int r;

	free(q->request);
	q->request = calloc(1, sizeof(*q->request));
	if (!q->request)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	r = now_asked(q, &w, needed, q->request, e);
	if (!r)
		r = call_asked(q, q->request, e);
	return r ? r : find_or_open(q, &w, q->request, e);
}

/* ---- using ------------------------------------------------------------- */

int kr_consent_take(struct kr_mig *m, struct kr_err *e)
{
	struct kr_requestrow *p = m->request;
	char id[33], item[KR_ITEM_BYTES];
	json_t *by = NULL, *d;
	struct asked w;
	int r;

	if (!p)
		return 0;
	/* what is begun, which a probe may have come before */
	p->epoch = m->terms.epoch;
	memcpy(p->definition, m->terms.definition, sizeof(p->definition));
	memcpy(p->policy_digest, m->host->policy_digest,
	       sizeof(p->policy_digest));
	w = of_migration(m, p->requester, item);
	r = approved(&w, p, &by, e);
	if (!r)
		r = kr_requests_take(m->host, p, kr_wall_ms(), e);
	kr_hex(p->id, sizeof(p->id), id);
	d = json_pack("{s:s, s:s, s:s, s:s, s:o*}", "request", id, "vm",
		      m->def.name, "tenant", m->def.tenant, "requested_by",
		      p->requester, "approved_by", by);
	if (!r)
		r = kr_ledger_append(m->host->ledger, "migration.approved",
				     m->terms.migration, d, NULL, e);
	json_decref(d);
	return r;
}

int kr_consent_use(struct kr_request *q, struct kr_err *e)
{
	struct asked w;
	int r;

	if (!q->request)
		return 0;
	w = of_call(q);
	r = approved(&w, q->request, NULL, e);
	return r ? r : kr_requests_take(q->host, q->request, kr_wall_ms(), e);
}
