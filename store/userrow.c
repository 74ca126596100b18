/* SPDX-License-Identifier: Apache-2.0 */
/* userrow.c - the table of granted roles. Runs in kororad. */
#include "store/userrow.h"

#include "store/query.h"

#define COLUMNS "name, role, granted_by, at_ms"

int kr_userrow_put(struct kr_store *s, const struct kr_userrow *u,
		   struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"INSERT INTO user (" COLUMNS ") VALUES (?,?,?,?)"
		" ON CONFLICT (name, role) DO UPDATE SET"
		" granted_by = excluded.granted_by, at_ms = excluded.at_ms",
		e);

	if (r)
		return r;
	kr_query_text(&q, u->name);
	kr_query_text(&q, u->role);
	kr_query_text(&q, u->granted_by);
	kr_query_u64(&q, u->at_ms);
	return kr_query_run(&q, e);
}

int kr_userrow_has(struct kr_store *s, const char *name, const char *role,
		   struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"SELECT 1 FROM user WHERE name = ? AND role = ?", e);

	if (r)
		return r;
	kr_query_text(&q, name);
	kr_query_text(&q, role);
	return kr_query_step(&q, e);
}

int kr_userrow_each(struct kr_store *s,
		    int (*fn)(void *arg, const struct kr_userrow *u,
			      struct kr_err *e),
		    void *arg, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	struct kr_userrow u;
	int r = kr_query_open(&q, s,
		"SELECT " COLUMNS " FROM user ORDER BY name, role", e);

	while (!r && (r = kr_query_step(&q, e)) > 0) {
		kr_query_get_text(&q, u.name, sizeof(u.name));
		kr_query_get_text(&q, u.role, sizeof(u.role));
		kr_query_get_text(&q, u.granted_by, sizeof(u.granted_by));
		u.at_ms = kr_query_get_u64(&q);
		r = kr_query_row_ok(&q, e);
		if (!r)
			r = fn(arg, &u, e);
	}
	return r;
}

int kr_userrow_del(struct kr_store *s, const char *name, const char *role,
		   struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"DELETE FROM user WHERE name = ? AND role = ?", e);

	if (r)
		return r;
	kr_query_text(&q, name);
	kr_query_text(&q, role);
	r = kr_query_run(&q, e);
	if (r)
		return r;
	return kr_query_changed(s) ? 0 : 1;
}
