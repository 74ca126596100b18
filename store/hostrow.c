/* SPDX-License-Identifier: Apache-2.0 */
/* hostrow.c - the table of enrolled hosts. Runs in kororad. */
#include "store/hostrow.h"

#include "store/query.h"

#define COLUMNS "name, address, fingerprint, added_ms, added_by"

int kr_hostrow_put(struct kr_store *s, const struct kr_hostrow *h,
		   struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"INSERT INTO host (" COLUMNS ") VALUES (?,?,?,?,?)"
		" ON CONFLICT (name) DO UPDATE SET"
		" address = excluded.address,"
		" fingerprint = excluded.fingerprint,"
		" added_ms = excluded.added_ms, added_by = excluded.added_by",
		e);

	if (r)
		return r;
	kr_query_text(&q, h->name);
	kr_query_text(&q, h->address);
	kr_query_text(&q, h->fingerprint);
	kr_query_u64(&q, h->added_ms);
	kr_query_text(&q, h->added_by);
	return kr_query_run(&q, e);
}

static int read_row(struct kr_query *q, struct kr_hostrow *h, struct kr_err *e)
{
	kr_query_get_text(q, h->name, sizeof(h->name));
	kr_query_get_text(q, h->address, sizeof(h->address));
	kr_query_get_text(q, h->fingerprint, sizeof(h->fingerprint));
	h->added_ms = kr_query_get_u64(q);
	kr_query_get_text(q, h->added_by, sizeof(h->added_by));
	return kr_query_row_ok(q, e);
}

int kr_hostrow_get(struct kr_store *s, const char *name,
		   struct kr_hostrow *ret_h, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"SELECT " COLUMNS " FROM host WHERE name = ?", e);

	if (r)
		return r;
	kr_query_text(&q, name);
	r = kr_query_step(&q, e);
	if (r < 0)
		return r;
	if (!r)
		return kr_fail(e, KR_E_NO_HOST, "no host %s enrolled", name);
	return read_row(&q, ret_h, e);
}

int kr_hostrow_each(struct kr_store *s,
		    int (*fn)(void *arg, const struct kr_hostrow *h,
			      struct kr_err *e),
		    void *arg, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	struct kr_hostrow h;
	int r = kr_query_open(&q, s,
		"SELECT " COLUMNS " FROM host ORDER BY name", e);

	while (!r && (r = kr_query_step(&q, e)) > 0) {
		r = read_row(&q, &h, e);
		if (!r)
			r = fn(arg, &h, e);
	}
	return r;
}

int kr_hostrow_del(struct kr_store *s, const char *name, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s, "DELETE FROM host WHERE name = ?", e);

	if (r)
		return r;
	kr_query_text(&q, name);
	r = kr_query_run(&q, e);
	if (!r && !kr_query_changed(s))
		return kr_fail(e, KR_E_NO_HOST, "no host %s enrolled", name);
	return r;
}
