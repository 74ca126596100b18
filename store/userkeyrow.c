/* SPDX-License-Identifier: Apache-2.0 */
/* userkeyrow.c - the table of users' public keys. Runs in kororad. */
#include "store/userkeyrow.h"

#include "store/query.h"

#define COLUMNS "keyid, user, pem, added_by, added_ms"

int kr_userkeyrow_add(struct kr_store *s, const struct kr_userkeyrow *k,
		      struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"INSERT INTO userkey (" COLUMNS ") VALUES (?,?,?,?,?)"
		" ON CONFLICT (keyid) DO NOTHING", e);

	if (r)
		return r;
	kr_query_blob(&q, k->keyid, sizeof(k->keyid));
	kr_query_text(&q, k->user);
	kr_query_text(&q, k->pem);
	kr_query_text(&q, k->added_by);
	kr_query_u64(&q, k->added_ms);
	r = kr_query_run(&q, e);
	if (!r && !kr_query_changed(s))
		return kr_fail(e, KR_E_EXISTS, "this key is enrolled");
	return r;
}

static int read_row(struct kr_query *q, struct kr_userkeyrow *k,
		    struct kr_err *e)
{
	kr_query_get_blob(q, k->keyid, sizeof(k->keyid));
	kr_query_get_text(q, k->user, sizeof(k->user));
	kr_query_get_text(q, k->pem, sizeof(k->pem));
	kr_query_get_text(q, k->added_by, sizeof(k->added_by));
	k->added_ms = kr_query_get_u64(q);
	return kr_query_row_ok(q, e);
}

int kr_userkeyrow_get(struct kr_store *s, const uint8_t keyid[32],
		      struct kr_userkeyrow *ret_k, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"SELECT " COLUMNS " FROM userkey WHERE keyid = ?", e);

	if (r)
		return r;
	kr_query_blob(&q, keyid, 32);
	r = kr_query_step(&q, e);
	if (r < 0)
		return r;
	if (!r)
		return kr_fail(e, KR_E_APPROVAL_KEY, "this key is not "
			       "enrolled here");
	return read_row(&q, ret_k, e);
}

int kr_userkeyrow_each(struct kr_store *s,
		       int (*fn)(void *arg, const struct kr_userkeyrow *k,
				 struct kr_err *e),
		       void *arg, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	struct kr_userkeyrow k;
	int r = kr_query_open(&q, s,
		"SELECT " COLUMNS " FROM userkey"
		" ORDER BY user, added_ms, keyid", e);

	while (!r && (r = kr_query_step(&q, e)) > 0) {
		r = read_row(&q, &k, e);
		if (!r)
			r = fn(arg, &k, e);
	}
	return r;
}

int kr_userkeyrow_del(struct kr_store *s, const uint8_t keyid[32],
		      struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s, "DELETE FROM userkey WHERE keyid = ?", e);

	if (r)
		return r;
	kr_query_blob(&q, keyid, 32);
	r = kr_query_run(&q, e);
	if (!r && !kr_query_changed(s))
		return kr_fail(e, KR_E_APPROVAL_KEY, "this key is not "
			       "enrolled here");
	return r;
}
