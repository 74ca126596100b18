/* SPDX-License-Identifier: Apache-2.0 */
/* receiptrow.c - the table of receipts. Runs in kororad. */
#include "store/receiptrow.h"

#include "store/query.h"

#define COLUMNS "migration, vm, peer, at_ms, envelope"

int kr_receiptrow_put(struct kr_store *s, const struct kr_receiptrow *p,
		      struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"INSERT INTO receipt (" COLUMNS ") VALUES (?,?,?,?,?)"
		" ON CONFLICT (migration) DO UPDATE SET"
		" vm = excluded.vm, peer = excluded.peer,"
		" at_ms = excluded.at_ms, envelope = excluded.envelope", e);

	if (r)
		return r;
	kr_query_blob(&q, p->migration, sizeof(p->migration));
	kr_query_text(&q, p->vm);
	kr_query_text(&q, p->peer);
	kr_query_u64(&q, p->at_ms);
	kr_query_text(&q, p->envelope);
	return kr_query_run(&q, e);
}

static int read_row(struct kr_query *q, struct kr_receiptrow *p,
		    struct kr_err *e)
{
	kr_query_get_blob(q, p->migration, sizeof(p->migration));
	kr_query_get_text(q, p->vm, sizeof(p->vm));
	kr_query_get_text(q, p->peer, sizeof(p->peer));
	p->at_ms = kr_query_get_u64(q);
	kr_query_get_text(q, p->envelope, sizeof(p->envelope));
	return kr_query_row_ok(q, e);
}

int kr_receiptrow_get(struct kr_store *s, const uint8_t migration[16],
		      struct kr_receiptrow *ret_p, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"SELECT " COLUMNS " FROM receipt WHERE migration = ?", e);

	if (r)
		return r;
	kr_query_blob(&q, migration, 16);
	r = kr_query_step(&q, e);
	if (r < 0)
		return r;
	if (!r)
		return kr_fail(e, KR_E_NO_MIGRATION,
			       "no receipt of that migration here");
	return read_row(&q, ret_p, e);
}

int kr_receiptrow_each(struct kr_store *s, unsigned int limit,
		       int (*fn)(void *arg, const struct kr_receiptrow *p,
				 struct kr_err *e),
		       void *arg, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	struct kr_receiptrow p;
	int r = kr_query_open(&q, s,
		"SELECT " COLUMNS " FROM receipt"
		" ORDER BY at_ms DESC, rowid DESC LIMIT ?", e);

	if (r)
		return r;
	kr_query_u64(&q, limit);
	while (!r && (r = kr_query_step(&q, e)) > 0) {
		r = read_row(&q, &p, e);
		if (!r)
			r = fn(arg, &p, e);
	}
	return r;
}
