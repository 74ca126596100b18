/* SPDX-License-Identifier: Apache-2.0 */
/* cosignrow.c - the table of peers' cosignatures. Runs in kororad. */
#include "store/cosignrow.h"

#include "store/query.h"

#define COLUMNS "host, size, line"

int kr_cosignrow_put(struct kr_store *s, const struct kr_cosignrow *c,
		     struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"INSERT INTO cosignature (" COLUMNS ") VALUES (?,?,?)"
		" ON CONFLICT (host) DO UPDATE SET size = excluded.size,"
		" line = excluded.line"
		" WHERE excluded.size >= cosignature.size", e);

	if (r)
		return r;
	kr_query_text(&q, c->host);
	kr_query_u64(&q, c->size);
	kr_query_text(&q, c->line);
	return kr_query_run(&q, e);
}

int kr_cosignrow_newest(struct kr_store *s, uint64_t min, uint64_t *ret_size,
			struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"SELECT size FROM cosignature WHERE size >= ?"
		" ORDER BY size DESC LIMIT 1", e);

	if (r)
		return r;
	kr_query_u64(&q, min);
	r = kr_query_step(&q, e);
	if (r < 0)
		return r;
	if (!r)
		return 1;
	*ret_size = kr_query_get_u64(&q);
	return kr_query_row_ok(&q, e);
}

int kr_cosignrow_each(struct kr_store *s, uint64_t size,
		      int (*fn)(void *arg, const struct kr_cosignrow *c,
				struct kr_err *e),
		      void *arg, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	struct kr_cosignrow c;
	int r = kr_query_open(&q, s, "SELECT " COLUMNS " FROM cosignature"
			      " WHERE size = ? ORDER BY host", e);

	if (r)
		return r;
	kr_query_u64(&q, size);
	while (!r && (r = kr_query_step(&q, e)) > 0) {
		kr_query_get_text(&q, c.host, sizeof(c.host));
		c.size = kr_query_get_u64(&q);
		kr_query_get_text(&q, c.line, sizeof(c.line));
		r = kr_query_row_ok(&q, e);
		if (!r)
			r = fn(arg, &c, e);
	}
	return r;
}
