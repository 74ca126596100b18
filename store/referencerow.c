/* SPDX-License-Identifier: Apache-2.0 */
/* referencerow.c - the table of reference values. Runs in kororad. */
#include "store/referencerow.h"

#include "store/query.h"

#define COLUMNS "name, version, envelope, signed_by, added_by, added_ms, " \
		"revoked_by, revoked_ms"

int kr_referencerow_put(struct kr_store *s, const struct kr_referencerow *r,
			struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int rc = kr_query_open(&q, s,
		"INSERT OR REPLACE INTO reference (" COLUMNS ")"
		" VALUES (?,?,?,?,?,?,?,?)", e);

	if (rc)
		return rc;
	kr_query_text(&q, r->name);
	kr_query_u64(&q, r->version);
	kr_query_text(&q, r->envelope);
	kr_query_text(&q, r->signed_by);
	kr_query_text(&q, r->added_by);
	kr_query_u64(&q, r->added_ms);
	kr_query_text(&q, r->revoked_by);
	kr_query_u64(&q, r->revoked_ms);
	return kr_query_run(&q, e);
}

static int read_row(struct kr_query *q, struct kr_referencerow *r,
		    struct kr_err *e)
{
	kr_query_get_text(q, r->name, sizeof(r->name));
	r->version = (uint32_t)kr_query_get_u64(q);
	kr_query_get_text(q, r->envelope, sizeof(r->envelope));
	kr_query_get_text(q, r->signed_by, sizeof(r->signed_by));
	kr_query_get_text(q, r->added_by, sizeof(r->added_by));
	r->added_ms = kr_query_get_u64(q);
	kr_query_get_text(q, r->revoked_by, sizeof(r->revoked_by));
	r->revoked_ms = kr_query_get_u64(q);
	return kr_query_row_ok(q, e);
}

int kr_referencerow_get(struct kr_store *s, const char *name,
			struct kr_referencerow *ret_r, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int rc = kr_query_open(&q, s,
		"SELECT " COLUMNS " FROM reference WHERE name = ?", e);

	if (rc)
		return rc;
	kr_query_text(&q, name);
	rc = kr_query_step(&q, e);
	if (rc < 0)
		return rc;
	if (!rc)
		return kr_fail(e, KR_E_NO_REFERENCE, "%s", name);
	return read_row(&q, ret_r, e);
}

int kr_referencerow_each(struct kr_store *s,
			 int (*fn)(void *arg, const struct kr_referencerow *r,
				   struct kr_err *e),
			 void *arg, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	static struct kr_referencerow r;
	int rc = kr_query_open(&q, s,
		"SELECT " COLUMNS " FROM reference ORDER BY name", e);

	while (!rc && (rc = kr_query_step(&q, e)) > 0) {
		rc = read_row(&q, &r, e);
		if (!rc)
			rc = fn(arg, &r, e);
	}
	return rc;
}
