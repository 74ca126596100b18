/* SPDX-License-Identifier: Apache-2.0 */
/* akrow.c - the table of peers' attestation keys. Runs in kororad. */
#include "store/akrow.h"

#include <string.h>

#include "store/query.h"

#define COLUMNS "host, name, pub, ek_subject, ek_issuer, ek_vouched, " \
		"enrolled_by, enrolled_ms"

static int read_row(struct kr_query *q, struct kr_akrow *r, struct kr_err *e)
{
	const uint8_t *pub;

	kr_query_get_text(q, r->host, sizeof(r->host));
	kr_query_get_text(q, r->name, sizeof(r->name));
	pub = kr_query_get_bytes(q, sizeof(r->pub), &r->n_pub);
	if (pub)
		memcpy(r->pub, pub, r->n_pub);
	kr_query_get_text(q, r->ek_subject, sizeof(r->ek_subject));
	kr_query_get_text(q, r->ek_issuer, sizeof(r->ek_issuer));
	r->ek_vouched = kr_query_get_int(q, 1);
	kr_query_get_text(q, r->enrolled_by, sizeof(r->enrolled_by));
	r->enrolled_ms = kr_query_get_u64(q);
	return kr_query_row_ok(q, e);
}

/* The row in which a column is that: 1, 0 if there is none. */
static int find(struct kr_store *s, const char *sql, const char *text,
		struct kr_akrow *ret, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int rc = kr_query_open(&q, s, sql, e);

	if (rc)
		return rc;
	kr_query_text(&q, text);
	rc = kr_query_step(&q, e);
	if (rc <= 0)
		return rc;
	rc = read_row(&q, ret, e);
	return rc ? rc : 1;
}

static int of_host(struct kr_store *s, const char *host, struct kr_akrow *ret,
		   struct kr_err *e)
{
	return find(s, "SELECT " COLUMNS " FROM ak WHERE host = ?", host, ret,
		    e);
}

static int check(struct kr_store *s, const struct kr_akrow *r,
		 struct kr_err *e)
{
	struct kr_akrow old;
	int rc = of_host(s, r->host, &old, e);

	if (rc > 0 && strcmp(old.name, r->name))
		return kr_fail(e, KR_E_AK_OTHER, "%s has the key %.20s..., "
			       "not %.20s...", r->host, old.name, r->name);
	if (rc >= 0)
		rc = find(s, "SELECT " COLUMNS " FROM ak WHERE name = ?",
			  r->name, &old, e);
	if (rc > 0 && strcmp(old.host, r->host))
		return kr_fail(e, KR_E_AK_TAKEN, "%.20s... is the key of %s",
			       r->name, old.host);
	return rc < 0 ? rc : 0;
}

int kr_akrow_put(struct kr_store *s, const struct kr_akrow *r,
		 struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int rc = check(s, r, e);

	if (!rc)
		rc = kr_query_open(&q, s, "INSERT OR REPLACE INTO ak (" COLUMNS
				   ") VALUES (?,?,?,?,?,?,?,?)", e);
	if (rc)
		return rc;
	kr_query_text(&q, r->host);
	kr_query_text(&q, r->name);
	kr_query_blob(&q, r->pub, r->n_pub);
	kr_query_text(&q, r->ek_subject);
	kr_query_text(&q, r->ek_issuer);
	kr_query_u64(&q, r->ek_vouched);
	kr_query_text(&q, r->enrolled_by);
	kr_query_u64(&q, r->enrolled_ms);
	return kr_query_run(&q, e);
}

int kr_akrow_get(struct kr_store *s, const char *host, struct kr_akrow *ret_r,
		 struct kr_err *e)
{
	int rc = of_host(s, host, ret_r, e);

	return rc > 0 ? 0 : rc ? rc : kr_fail(e, KR_E_NO_AK, "%s", host);
}

int kr_akrow_del(struct kr_store *s, const char *host, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int rc = kr_query_open(&q, s, "DELETE FROM ak WHERE host = ?", e);

	if (rc)
		return rc;
	kr_query_text(&q, host);
	return kr_query_run(&q, e);
}
