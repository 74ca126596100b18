/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apirequest.c - the API's methods about requests that wait for approval,
 * withdrawing them, and approving: what comes is a signed envelope, which
 * requests.c examines.
 */
#include <string.h>

#include "base/fd.h"
#include "daemon/authorise.h"
#include "daemon/requests.h"
#include "daemon/sight.h"
#include "evidence/fingerprint.h"
#include "store/approvalrow.h"

#define LIST_MAX	512u	/* what one answer has room for */
#define LOOK_MAX	4096u	/* looked at for that */
#define ENOUGH		1

/* ---- showing ----------------------------------------------------------- */

static int add_word(void *arg, const struct kr_approvalrow *a,
		    struct kr_err *e)
{
	char fp[KR_FINGERPRINT_BYTES];

	(void)e;
	kr_fingerprint_put(a->keyid, fp);
	return json_array_append_new(arg, json_pack(
		"{s:s, s:s, s:s, s:I, s:o}", "approver", a->approver,
		"decision", a->decision, "fingerprint", fp, "at_ms",
		(json_int_t)a->at_ms, "envelope",
		json_loads(a->envelope, 0, NULL)));
}

static int count_word(void *arg, const struct kr_approvalrow *a,
		      struct kr_err *e)
{
	(void)e;
	*(unsigned int *)arg += !strcmp(a->decision, KR_APPROVAL_APPROVE);
	return 0;
}

/* One line of the list; NULL: see @e. */
static json_t *summary(struct kr_host *h, const struct kr_requestrow *p,
		       struct kr_err *e)
{
	unsigned int n = 0;
	char id[33];

	if (kr_approvalrow_each(h->store, p->id, count_word, &n, e))
		return NULL;
	kr_hex(p->id, sizeof(p->id), id);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:s,"
			 " s:I, s:I, s:I, s:I}", "request", id, "kind",
			 kr_requestrow_kind_name(p->kind), "procedure",
			 p->procedure, "item", p->item, "vm", p->vm, "to",
			 p->to, "policy", p->policy, "policy_version",
			 (json_int_t)p->policy_version, "requested_by",
			 p->requester, "state",
			 kr_requestrow_state_name(p->state), "approved",
			 (json_int_t)n, "needed", (json_int_t)p->needed,
			 "created_ms", (json_int_t)p->created_ms, "expires_ms",
			 (json_int_t)p->expires_ms);
}

/* A question about no VM is no tenant's. */
static bool in_sight(const struct kr_request *q, const struct kr_requestrow *p)
{
	return !p->vm[0] || kr_sight_vm(q, p->vm, p->tenant);
}

struct list { struct kr_request *q; json_t *a; };

static int add_request(void *arg, const struct kr_requestrow *p,
		       struct kr_err *e)
{
	struct list *l = arg;
	json_t *j;

	if (json_array_size(l->a) == LIST_MAX)
		return ENOUGH;
	if (!in_sight(l->q, p))
		return 0;
	j = summary(l->q->host, p, e);
	return j ? json_array_append_new(l->a, j) :
		   kr_fail(e, KR_E_STORE, "a request cannot be shown");
}

int kr_api_request_list(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	struct list l = { .q = q, .a = json_array() };
	int r = kr_requestrow_expire(q->host->store, kr_wall_ms(), e);

	*ret = json_pack("{s:o}", "requests", l.a);
	if (!r)
		r = kr_requestrow_each(q->host->store, LOOK_MAX, add_request,
				       &l, e);
	return r == ENOUGH ? 0 : r;
}

struct find {
	const char	    *prefix;
	struct kr_requestrow p;
	unsigned int	     n;
};

static int match(void *arg, const struct kr_requestrow *p, struct kr_err *e)
{
	struct find *f = arg;

	(void)e;
	if (kr_hex_begins(p->id, sizeof(p->id), f->prefix)) {
		f->p = *p;
		f->n++;
	}
	return 0;
}

static int find(struct kr_request *q, struct kr_requestrow *ret_p,
		struct kr_err *e)
{
	static struct find f;
	int r;

	f = (struct find){ .prefix = kr_api_text(q, "id", e) };
	if (!f.prefix)
		return e->code;
	r = kr_requestrow_expire(q->host->store, kr_wall_ms(), e);
	if (!r)
		r = kr_requestrow_each(q->host->store, UINT32_MAX, match, &f,
				       e);
	if (!r && f.n != 1)
		r = kr_fail(e, KR_E_NO_REQUEST, "%.32s: %u requests", f.prefix,
			    f.n);
	if (!r && !in_sight(q, &f.p))
		r = kr_sight_check(q, f.prefix, f.p.vm, f.p.tenant, e);
	if (!r)
		*ret_p = f.p;
	return r;
}

int kr_api_request_show(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	struct kr_requestrow p;
	struct kr_approval want;
	json_t *words;
	int r = find(q, &p, e);

	if (!r && p.kind == KR_REQUEST_APPROVAL)
		r = kr_requests_want(q->host, &p, &want, e);
	if (!r && !(*ret = summary(q->host, &p, e)))
		r = kr_fail(e, KR_E_STORE, "a request cannot be shown");
	if (r)
		return r;
	words = json_array();
	json_object_set_new(*ret, "you", json_string(q->user));
	json_object_set_new(*ret, "params", json_loads(p.params, 0, NULL));
	if (p.kind == KR_REQUEST_APPROVAL)
		json_object_set_new(*ret, "asked", kr_approval_asked(&want));
	json_object_set_new(*ret, "approvals", words);
	return kr_approvalrow_each(q->host->store, p.id, add_word, words, e);
}

/* ---- withdrawing ------------------------------------------------------- */

int kr_api_request_withdraw(struct kr_request *q, json_t **ret,
			    struct kr_err *e)
{
	char item[KR_ITEM_BYTES];
	struct kr_requestrow p;
	int r = find(q, &p, e);

	if (r)
		return r;
	r = kr_requests_withdraw(q->host, p.id, q->user, kr_wall_ms(), e);
	if (!r)
		r = kr_requestrow_get(q->host->store, p.id, &p, e);
	if (!r && !(*ret = summary(q->host, &p, e)))
		r = kr_fail(e, KR_E_STORE, "a request cannot be shown");
	if (r && e->kr == KR_E_FORBIDDEN)
		kr_authorise_refused(q, kr_item_put(KR_ITEM_VM, p.vm, item),
				     p.tenant, e);
	return r;
}

/* ---- approving --------------------------------------------------------- */

/* A denial of a question is not signed; nothing else can be said of one. */
static int decide(struct kr_request *q, const struct kr_requestrow *p,
		  const char *envelope, const char *decision, struct kr_err *e)
{
	bool question = p->kind == KR_REQUEST_QUESTION;

	if (question && !envelope && !strcmp(decision, KR_APPROVAL_DENY))
		return kr_requests_close_question(q->host, p->id, q->user,
						  kr_wall_ms(), e);
	if (!question && !envelope)
		return kr_fail(e, KR_E_USAGE, "envelope: a DSSE envelope is "
			       "missing");
	return kr_requests_add_approval(q->host, p->id, q->user,
					envelope ? envelope : "",
					kr_wall_ms(), e);
}

int kr_api_approve(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	json_t *j = json_object_get(q->params, "envelope");
	KR_AUTOFREE char *envelope =
		json_is_object(j) ? json_dumps(j, JSON_COMPACT) : NULL;
	const char *decision = kr_api_opt(q, "decision", "");
	struct kr_requestrow p;
	json_t *d;
	int r = envelope || *decision ? find(q, &p, e) :
		kr_fail(e, KR_E_USAGE, "envelope: a DSSE envelope is missing");

	if (r)
		return r;
	r = decide(q, &p, envelope, decision, e);
	if (!r)
		r = kr_requestrow_get(q->host->store, p.id, &p, e);
	if (!r && !(*ret = summary(q->host, &p, e)))
		r = kr_fail(e, KR_E_STORE, "a request cannot be shown");
	if (!r || e->kr == KR_E_STORE)
		return r;
	d = json_pack("{s:s, s:s, s:s, s:i}", "user", q->user, "vm", p.vm,
		      "tenant", p.tenant, "code", (int)e->kr);
	kr_host_record_some(q->host, "approval-refused", d);
	json_decref(d);
	return r;
}
