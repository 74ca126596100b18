/* SPDX-License-Identifier: Apache-2.0 */
/* questions.c - what no rule deals with, kept for a person. Runs in kororad. */
#include "daemon/questions.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "daemon/requests.h"

static bool is_act(const struct kr_procedure *p)
{
	return p->transforms & (p->on == KR_ITEM_NONE ? ~(1u << KR_CDI_LOG) :
							~0u);
}

/* Such as a name may be, and short enough to be kept whole. */
static bool copy(char *out, size_t size, const char *text)
{
	for (const char *p = text; *p; p++)
		if (*p <= ' ' || *p > '~')
			return false;
	return (size_t)snprintf(out, size, "%s", text) < size;
}

static bool fill_in(const struct kr_host *h, const char *user,
		    const struct kr_execution *x, uint64_t now_ms,
		    struct kr_requestrow *p)
{
	const char *name = strchr(x->item, ':');

	*p = (struct kr_requestrow){
		.kind = KR_REQUEST_QUESTION, .state = KR_REQUEST_OPEN,
		.params = "{}", .policy_version = h->book->version,
		.created_ms = now_ms, .expires_ms = now_ms + KR_QUESTIONS_MS };
	memcpy(p->policy_digest, h->policy_digest, sizeof(p->policy_digest));
	snprintf(p->policy, sizeof(p->policy), "%s", h->book->name);
	return copy(p->requester, sizeof(p->requester), user) &&
	       copy(p->procedure, sizeof(p->procedure), x->procedure->name) &&
	       copy(p->item, sizeof(p->item), x->item) &&
	       copy(p->to, sizeof(p->to), x->to ? x->to : "") &&
	       copy(p->tenant, sizeof(p->tenant), x->tenant ? x->tenant : "") &&
	       copy(p->vm, sizeof(p->vm), x->procedure->on == KR_ITEM_VM &&
		    name ? name + 1 : "");
}

/* Room for one more, of him and of all. */
static int add(struct kr_host *h, const struct kr_requestrow *p,
	       struct kr_err *e)
{
	int r = kr_requestrow_make_way(h->store, p->requester,
				       KR_QUESTIONS_OWN_MAX - 1, e);

	if (!r)
		r = kr_requestrow_make_way(h->store, "", KR_QUESTIONS_MAX - 1,
					   e);
	return r ? r : kr_requestrow_add(h->store, p, e);
}

static int open_one(struct kr_host *h, struct kr_requestrow *p,
		    struct kr_err *e)
{
	json_t *d;
	int r;

	if (RAND_bytes(p->id, sizeof(p->id)) != 1)
		return kr_fail(e, KR_E_CRYPTO, "no randomness");
	r = kr_store_begin(h->store, e);
	if (r)
		return r;
	r = add(h, p, e);
	if (r)
		kr_store_rollback(h->store);
	else
		r = kr_store_commit(h->store, e);
	if (r)
		return r;
	d = kr_requests_detail(p, p->requester);
	kr_host_record_some(h, "request.opened", d);
	json_decref(d);
	return 0;
}

int kr_questions_put(struct kr_host *h, const char *user,
		     const struct kr_execution *x, uint64_t now_ms,
		     uint8_t ret_id[16], struct kr_err *e)
{
	static struct kr_requestrow p;
	int r;

	if (!is_act(x->procedure) || !fill_in(h, user, x, now_ms, &p))
		return KR_QUESTIONS_NONE;
	r = kr_requestrow_expire(h->store, now_ms, e);
	if (!r)
		r = kr_requestrow_same_question(h->store, &p, p.id, e);
	if (!r)
		r = open_one(h, &p, e);
	if (r >= 0)
		memcpy(ret_id, p.id, sizeof(p.id));
	return r < 0 ? r : 0;
}
