/* SPDX-License-Identifier: Apache-2.0 */
/* requestrow.c - the table of requests. Runs in kororad. */
#include "store/requestrow.h"

#include <assert.h>

#include "store/query.h"

#define COLUMNS "id, vm, definition, epoch, to_host, to_keyid, policy," \
		" policy_version, policy_digest, requester, params, needed," \
		" created_ms, expires_ms, state, tenant, kind, procedure, item"

const char *kr_requestrow_state_name(enum kr_request_state st)
{
	static const char *const names[] = {
		[KR_REQUEST_OPEN] = "open",
		[KR_REQUEST_APPROVED] = "approved",
		[KR_REQUEST_DENIED] = "denied", [KR_REQUEST_USED] = "used",
		[KR_REQUEST_EXPIRED] = "expired",
		[KR_REQUEST_WITHDRAWN] = "withdrawn",
	};
	static_assert(sizeof(names) / sizeof(names[0]) == KR_REQUEST_STATE_N,
		      "a name for each state");

	return (unsigned int)st < KR_REQUEST_STATE_N ? names[st] : "unknown";
}

const char *kr_requestrow_kind_name(enum kr_request_kind k)
{
	static const char *const names[] = {
		[KR_REQUEST_APPROVAL] = "approval",
		[KR_REQUEST_QUESTION] = "question",
	};
	static_assert(sizeof(names) / sizeof(names[0]) == KR_REQUEST_KIND_N,
		      "a name for each kind");

	return names[k];
}

int kr_requestrow_add(struct kr_store *s, const struct kr_requestrow *p,
		      struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"INSERT INTO request (" COLUMNS ")"
		" VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", e);

	if (r)
		return r;
	assert((unsigned int)p->state < KR_REQUEST_STATE_N);
	kr_query_blob(&q, p->id, sizeof(p->id));
	kr_query_text(&q, p->vm);
	kr_query_blob(&q, p->definition, sizeof(p->definition));
	kr_query_u64(&q, p->epoch);
	kr_query_text(&q, p->to);
	kr_query_blob(&q, p->to_keyid, sizeof(p->to_keyid));
	kr_query_text(&q, p->policy);
	kr_query_u64(&q, p->policy_version);
	kr_query_blob(&q, p->policy_digest, sizeof(p->policy_digest));
	kr_query_text(&q, p->requester);
	kr_query_text(&q, p->params);
	kr_query_u64(&q, p->needed);
	kr_query_u64(&q, p->created_ms);
	kr_query_u64(&q, p->expires_ms);
	kr_query_u64(&q, p->state);
	kr_query_text(&q, p->tenant);
	kr_query_u64(&q, p->kind);
	kr_query_text(&q, p->procedure);
	kr_query_text(&q, p->item);
	return kr_query_run(&q, e);
}

static int read_row(struct kr_query *q, struct kr_requestrow *p,
		    struct kr_err *e)
{
	kr_query_get_blob(q, p->id, sizeof(p->id));
	kr_query_get_text(q, p->vm, sizeof(p->vm));
	kr_query_get_blob(q, p->definition, sizeof(p->definition));
	p->epoch = kr_query_get_u64(q);
	kr_query_get_text(q, p->to, sizeof(p->to));
	kr_query_get_blob(q, p->to_keyid, sizeof(p->to_keyid));
	kr_query_get_text(q, p->policy, sizeof(p->policy));
	p->policy_version = kr_query_get_u64(q);
	kr_query_get_blob(q, p->policy_digest, sizeof(p->policy_digest));
	kr_query_get_text(q, p->requester, sizeof(p->requester));
	kr_query_get_text(q, p->params, sizeof(p->params));
	p->needed = kr_query_get_int(q, UINT32_MAX);
	p->created_ms = kr_query_get_u64(q);
	p->expires_ms = kr_query_get_u64(q);
	p->state = kr_query_get_int(q, KR_REQUEST_STATE_N - 1);
	kr_query_get_text(q, p->tenant, sizeof(p->tenant));
	p->kind = kr_query_get_int(q, KR_REQUEST_KIND_N - 1);
	kr_query_get_text(q, p->procedure, sizeof(p->procedure));
	kr_query_get_text(q, p->item, sizeof(p->item));
	return kr_query_row_ok(q, e);
}

int kr_requestrow_get(struct kr_store *s, const uint8_t id[16],
		      struct kr_requestrow *ret_p, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"SELECT " COLUMNS " FROM request WHERE id = ?", e);

	if (r)
		return r;
	kr_query_blob(&q, id, 16);
	r = kr_query_step(&q, e);
	if (r < 0)
		return r;
	if (!r)
		return kr_fail(e, KR_E_NO_REQUEST, "no such request here");
	return read_row(&q, ret_p, e);
}

int kr_requestrow_each(struct kr_store *s, unsigned int limit,
		       int (*fn)(void *arg, const struct kr_requestrow *p,
				 struct kr_err *e),
		       void *arg, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	struct kr_requestrow p;
	int r = kr_query_open(&q, s,
		"SELECT " COLUMNS " FROM request"
		" ORDER BY state > ?, kind, created_ms DESC, rowid DESC LIMIT ?", e);

	if (r)
		return r;
	kr_query_u64(&q, KR_REQUEST_APPROVED);	/* the last that waits */
	kr_query_u64(&q, limit);
	while (!r && (r = kr_query_step(&q, e)) > 0) {
		r = read_row(&q, &p, e);
		if (!r)
			r = fn(arg, &p, e);
	}
	return r;
}

int kr_requestrow_move(struct kr_store *s, const uint8_t id[16],
		       enum kr_request_state from, enum kr_request_state to,
		       struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"UPDATE request SET state = ? WHERE id = ? AND state = ?", e);

	if (r)
		return r;
	kr_query_u64(&q, to);
	kr_query_blob(&q, id, 16);
	kr_query_u64(&q, from);
	r = kr_query_run(&q, e);
	if (!r && !kr_query_changed(s))
		return kr_fail(e, KR_E_REQUEST_OVER, "it is not %s",
			       kr_requestrow_state_name(from));
	return r;
}

int kr_requestrow_expire(struct kr_store *s, uint64_t now_ms,
			 struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"UPDATE request SET state = ? WHERE state IN (?, ?)"
		" AND expires_ms <= ?", e);

	if (r)
		return r;
	kr_query_u64(&q, KR_REQUEST_EXPIRED);
	kr_query_u64(&q, KR_REQUEST_OPEN);
	kr_query_u64(&q, KR_REQUEST_APPROVED);
	kr_query_u64(&q, now_ms);
	return kr_query_run(&q, e);
}

int kr_requestrow_waiting(struct kr_store *s, uint64_t *ret_n,
			  struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"SELECT count(*) FROM request WHERE kind = ?"
		" AND state IN (?, ?)", e);

	if (r)
		return r;
	kr_query_u64(&q, KR_REQUEST_APPROVAL);
	kr_query_u64(&q, KR_REQUEST_OPEN);
	kr_query_u64(&q, KR_REQUEST_APPROVED);
	r = kr_query_step(&q, e);
	if (r < 0)
		return r;
	*ret_n = kr_query_get_u64(&q);
	return kr_query_row_ok(&q, e);
}

/* ---- questions --------------------------------------------------------- */

int kr_requestrow_same_question(struct kr_store *s,
				const struct kr_requestrow *p,
				uint8_t ret_id[16], struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"SELECT id FROM request WHERE kind = ? AND state = ?"
		" AND requester = ? AND procedure = ? AND item = ?"
		" AND to_host = ?", e);

	if (r)
		return r;
	kr_query_u64(&q, KR_REQUEST_QUESTION);
	kr_query_u64(&q, KR_REQUEST_OPEN);
	kr_query_text(&q, p->requester);
	kr_query_text(&q, p->procedure);
	kr_query_text(&q, p->item);
	kr_query_text(&q, p->to);
	r = kr_query_step(&q, e);
	if (r <= 0)
		return r;
	kr_query_get_blob(&q, ret_id, 16);
	r = kr_query_row_ok(&q, e);
	return r ? r : 1;
}

int kr_requestrow_make_way(struct kr_store *s, const char *requester,
			   unsigned int keep, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"DELETE FROM request WHERE id IN (SELECT id FROM request"
		" WHERE kind = ? AND state = ? AND ? IN ('', requester)"
		" ORDER BY created_ms DESC, rowid DESC LIMIT -1 OFFSET ?)", e);

	if (r)
		return r;
	kr_query_u64(&q, KR_REQUEST_QUESTION);
	kr_query_u64(&q, KR_REQUEST_OPEN);
	kr_query_text(&q, requester);
	kr_query_u64(&q, keep);
	return kr_query_run(&q, e);
}
