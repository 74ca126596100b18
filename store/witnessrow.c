/* SPDX-License-Identifier: Apache-2.0 */
/* witnessrow.c - the table of peers' logs as last seen. Runs in kororad. */
#include "store/witnessrow.h"

#include "store/query.h"

#define COLUMNS "host, size, root, note, refused, policy_version," \
		" policy_digest"

int kr_witnessrow_put(struct kr_store *s, const struct kr_witnessrow *w,
		      struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"INSERT INTO witness (" COLUMNS ") VALUES (?,?,?,?,?,?,?)"
		" ON CONFLICT (host) DO UPDATE SET size = excluded.size,"
		" root = excluded.root, note = excluded.note,"
		" refused = excluded.refused,"
		" policy_version = excluded.policy_version,"
		" policy_digest = excluded.policy_digest", e);

	if (r)
		return r;
	kr_query_text(&q, w->host);
	kr_query_u64(&q, w->size);
	kr_query_blob(&q, w->root, sizeof(w->root));
	kr_query_text(&q, w->note);
	kr_query_u64(&q, w->refused);
	kr_query_u64(&q, w->policy_version);
	kr_query_blob(&q, w->policy_digest, sizeof(w->policy_digest));
	return kr_query_run(&q, e);
}

int kr_witnessrow_get(struct kr_store *s, const char *host,
		      struct kr_witnessrow *ret_w, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"SELECT " COLUMNS " FROM witness WHERE host = ?", e);

	if (r)
		return r;
	kr_query_text(&q, host);
	r = kr_query_step(&q, e);
	if (r < 0)
		return r;
	if (!r)
		return 1;
	kr_query_get_text(&q, ret_w->host, sizeof(ret_w->host));
	ret_w->size = kr_query_get_u64(&q);
	kr_query_get_blob(&q, ret_w->root, sizeof(ret_w->root));
	kr_query_get_text(&q, ret_w->note, sizeof(ret_w->note));
	ret_w->refused = kr_query_get_int(&q, UINT32_MAX);
	ret_w->policy_version = kr_query_get_int(&q, UINT32_MAX);
	kr_query_get_blob(&q, ret_w->policy_digest,
			  sizeof(ret_w->policy_digest));
	return kr_query_row_ok(&q, e);
}

int kr_witnessrow_del(struct kr_store *s, const char *host, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s, "DELETE FROM witness WHERE host = ?", e);

	if (r)
		return r;
	kr_query_text(&q, host);
	return kr_query_run(&q, e);
}
