/* SPDX-License-Identifier: Apache-2.0 */
/* trustrow.c - the table of fleet authorities. Runs in kororad. */
#include "store/trustrow.h"

#include "store/query.h"

#define COLUMNS "name, pem, added_ms"

int kr_trustrow_put(struct kr_store *s, const struct kr_trustrow *t,
		    struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"INSERT INTO trust (" COLUMNS ") VALUES (?,?,?)"
		" ON CONFLICT (name) DO UPDATE SET"
		" pem = excluded.pem, added_ms = excluded.added_ms", e);

	if (r)
		return r;
	kr_query_text(&q, t->name);
	kr_query_text(&q, t->pem);
	kr_query_u64(&q, t->added_ms);
	return kr_query_run(&q, e);
}

int kr_trustrow_each(struct kr_store *s,
		     int (*fn)(void *arg, const struct kr_trustrow *t,
			       struct kr_err *e),
		     void *arg, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	struct kr_trustrow t;
	int r = kr_query_open(&q, s,
		"SELECT " COLUMNS " FROM trust ORDER BY name", e);

	while (!r && (r = kr_query_step(&q, e)) > 0) {
		kr_query_get_text(&q, t.name, sizeof(t.name));
		kr_query_get_text(&q, t.pem, sizeof(t.pem));
		t.added_ms = kr_query_get_u64(&q);
		r = kr_query_row_ok(&q, e);
		if (!r)
			r = fn(arg, &t, e);
	}
	return r;
}

int kr_trustrow_del(struct kr_store *s, const char *name, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s, "DELETE FROM trust WHERE name = ?", e);

	if (r)
		return r;
	kr_query_text(&q, name);
	r = kr_query_run(&q, e);
	if (!r && !kr_query_changed(s))
		return kr_fail(e, KR_E_NO_HOST, "no authority %s trusted",
			       name);
	return r;
}
