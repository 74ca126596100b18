/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query.c - compiling, binding, stepping and reading SQL statements. Every
 * value travels as a bound parameter; statements are constants.
 */
#include "store/query.h"

#include <string.h>

int kr_query_fail(struct kr_store *s, struct kr_err *e)
{
	return kr_fail(e, KR_E_STORE, "%s: %s", s->path,
		       s->db ? sqlite3_errmsg(s->db) : "out of memory");
}

int kr_query_open(struct kr_query *q, struct kr_store *s, const char *sql,
		  struct kr_err *e)
{
	*q = (struct kr_query){ .s = s };
	if (sqlite3_prepare_v2(s->db, sql, -1, &q->st, NULL) != SQLITE_OK)
		return kr_query_fail(s, e);
	return 0;
}

static void bound(struct kr_query *q, int rc)
{
	if (rc != SQLITE_OK)
		q->bad = true;
}

void kr_query_text(struct kr_query *q, const char *text)
{
	bound(q, sqlite3_bind_text(q->st, ++q->n_bound, text, -1,
				   SQLITE_STATIC));
}

void kr_query_u64(struct kr_query *q, uint64_t v)
{
	if (v > INT64_MAX)
		q->bad = true;
	bound(q, sqlite3_bind_int64(q->st, ++q->n_bound, (sqlite3_int64)v));
}

void kr_query_blob(struct kr_query *q, const void *p, size_t n_bytes)
{
	/* A NULL pointer would bind NULL, which is not an empty blob. */
	bound(q, sqlite3_bind_blob64(q->st, ++q->n_bound, n_bytes ? p : "",
				     n_bytes, SQLITE_STATIC));
}

int kr_query_step(struct kr_query *q, struct kr_err *e)
{
	int rc;

	if (q->bad)
		return kr_fail(e, KR_E_STORE, "%s: a value cannot be stored",
			       q->s->path);
	q->n_read = 0;
	rc = sqlite3_step(q->st);
	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	return kr_query_fail(q->s, e);
}

int kr_query_run(struct kr_query *q, struct kr_err *e)
{
	int r;

	do
		r = kr_query_step(q, e);
	while (r > 0);
	kr_query_close(q);
	return r;
}

int kr_query_number(struct kr_store *s, const char *sql, uint64_t *ret_n,
		    struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s, sql, e);

	if (r)
		return r;
	r = kr_query_step(&q, e);
	if (r < 0)
		return r;
	*ret_n = kr_query_get_u64(&q);
	return kr_query_row_ok(&q, e);
}

const uint8_t *kr_query_get_bytes(struct kr_query *q, size_t max_bytes,
				  size_t *ret_n)
{
	int i = q->n_read++;
	const void *p = NULL;

	*ret_n = 0;
	if (sqlite3_column_type(q->st, i) != SQLITE_BLOB)
		q->bad = true;
	else
		p = sqlite3_column_blob(q->st, i);
	if (p)
		*ret_n = (size_t)sqlite3_column_bytes(q->st, i);
	if (*ret_n > max_bytes) {
		*ret_n = 0;
		q->bad = true;
	}
	return p ? p : (const uint8_t *)"";
}

void kr_query_get_blob(struct kr_query *q, void *out, size_t n_bytes)
{
	size_t n;
	const uint8_t *p = kr_query_get_bytes(q, n_bytes, &n);

	if (n != n_bytes) {
		q->bad = true;
		memset(out, 0, n_bytes);
		return;
	}
	memcpy(out, p, n);
}

const char *kr_query_get_str(struct kr_query *q, size_t max_bytes)
{
	int i = q->n_read++;
	const char *t = NULL;

	if (sqlite3_column_type(q->st, i) == SQLITE_TEXT)
		t = (const char *)sqlite3_column_text(q->st, i);
	/* A NUL inside would hide the rest from everyone who prints it. */
	if (!t || strlen(t) > max_bytes ||
	    strlen(t) != (size_t)sqlite3_column_bytes(q->st, i)) {
		q->bad = true;
		return "";
	}
	return t;
}

void kr_query_get_text(struct kr_query *q, char *out, size_t size)
{
	const char *t = kr_query_get_str(q, size - 1);

	memcpy(out, t, strlen(t) + 1);
}

uint64_t kr_query_get_u64(struct kr_query *q)
{
	int i = q->n_read++;
	sqlite3_int64 v = sqlite3_column_int64(q->st, i);

	if (sqlite3_column_type(q->st, i) != SQLITE_INTEGER || v < 0) {
		q->bad = true;
		return 0;
	}
	return (uint64_t)v;
}

uint32_t kr_query_get_int(struct kr_query *q, uint32_t max)
{
	uint64_t v = kr_query_get_u64(q);

	if (v > max) {
		q->bad = true;
		return 0;
	}
	return (uint32_t)v;
}

int kr_query_row_ok(struct kr_query *q, struct kr_err *e)
{
	if (q->bad)
		return kr_fail(e, KR_E_STORE, "%s holds a malformed row",
			       q->s->path);
	return 0;
}

int kr_query_changed(const struct kr_store *s)
{
	return sqlite3_changes(s->db);
}

void kr_query_close(struct kr_query *q)
{
	sqlite3_finalize(q->st);
	q->st = NULL;
}
