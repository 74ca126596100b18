/* SPDX-License-Identifier: Apache-2.0 */
/* migrow.c - the table of migrations. Runs in kororad. */
#include "store/migrow.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/query.h"

#define COLUMNS "id, role, vm, peer, state, finished, started_ms, ended_ms," \
		" requested_by, doc, error, what, result"

int kr_migrow_put(struct kr_store *s, const struct kr_migrow *m,
		  struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	const char *result = m->result ? m->result : "";
	int r;

	if (m->doc_bytes > KR_MIGROW_DOC_MAX ||
	    strlen(result) > KR_MIGROW_RESULT_MAX)
		return kr_fail(e, KR_E_LIMIT, "migration document too large");
	assert((unsigned int)m->role < KR_MIG_ROLE_N);
	r = kr_query_open(&q, s,
		"INSERT INTO migration (" COLUMNS ")"
		" VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"
		" ON CONFLICT (id) DO UPDATE SET"
		" role = excluded.role, vm = excluded.vm,"
		" peer = excluded.peer, state = excluded.state,"
		" finished = excluded.finished,"
		" started_ms = excluded.started_ms,"
		" ended_ms = excluded.ended_ms,"
		" requested_by = excluded.requested_by, doc = excluded.doc,"
		" error = excluded.error, what = excluded.what,"
		" result = excluded.result", e);
	if (r)
		return r;
	kr_query_blob(&q, m->id, sizeof(m->id));
	kr_query_u64(&q, m->role);
	kr_query_text(&q, m->vm);
	kr_query_text(&q, m->peer);
	kr_query_u64(&q, m->state);
	kr_query_u64(&q, m->finished);
	kr_query_u64(&q, m->started_ms);
	kr_query_u64(&q, m->ended_ms);
	kr_query_text(&q, m->requested_by);
	kr_query_blob(&q, m->doc, m->doc_bytes);
	kr_query_u64(&q, m->error);
	kr_query_text(&q, m->what);
	kr_query_text(&q, result);
	return kr_query_run(&q, e);
}

static int read_row(struct kr_query *q, struct kr_migrow *m, struct kr_err *e)
{
	*m = (struct kr_migrow){ 0 };
	kr_query_get_blob(q, m->id, sizeof(m->id));
	m->role = kr_query_get_int(q, KR_MIG_ROLE_N - 1);
	kr_query_get_text(q, m->vm, sizeof(m->vm));
	kr_query_get_text(q, m->peer, sizeof(m->peer));
	m->state = (uint16_t)kr_query_get_int(q, UINT16_MAX);
	m->finished = kr_query_get_int(q, 1);
	m->started_ms = kr_query_get_u64(q);
	m->ended_ms = kr_query_get_u64(q);
	kr_query_get_text(q, m->requested_by, sizeof(m->requested_by));
	m->doc = kr_query_get_bytes(q, KR_MIGROW_DOC_MAX, &m->doc_bytes);
	m->error = kr_query_get_int(q, UINT32_MAX);
	kr_query_get_text(q, m->what, sizeof(m->what));
	m->result = kr_query_get_str(q, KR_MIGROW_RESULT_MAX);
	return kr_query_row_ok(q, e);
}

int kr_migrow_get(struct kr_store *s, const uint8_t id[16],
		  struct kr_migrow *ret_m, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	struct kr_migrow m;
	size_t n;
	char *own;
	int r = kr_query_open(&q, s,
		"SELECT " COLUMNS " FROM migration WHERE id = ?", e);

	if (r)
		return r;
	kr_query_blob(&q, id, 16);
	r = kr_query_step(&q, e);
	if (r < 0)
		return r;
	if (!r)
		return kr_fail(e, KR_E_NO_MIGRATION, "no such migration here");
	r = read_row(&q, &m, e);
	if (r)
		return r;
	n = strlen(m.result) + 1;
	own = malloc(m.doc_bytes + n);
	if (!own)
		return kr_fail(e, KR_E_STORE, "out of memory");
	memcpy(own, m.doc, m.doc_bytes);
	memcpy(own + m.doc_bytes, m.result, n);
	m.doc = own;
	m.result = own + m.doc_bytes;
	m.own = own;
	*ret_m = m;
	return 0;
}

/* The first and the last id that begin so; false if none does. */
static bool range(const char *prefix, uint8_t low[16], uint8_t high[16])
{
	char text[2][33] = { "00000000000000000000000000000000",
			     "ffffffffffffffffffffffffffffffff" };
	size_t n = strlen(prefix);

	if (!n || n > 32)
		return false;
	memcpy(text[0], prefix, n);
	memcpy(text[1], prefix, n);
	return kr_unhex(text[0], low, 16) && kr_unhex(text[1], high, 16);
}

int kr_migrow_find(struct kr_store *s, const char *prefix, uint8_t id[16],
		   unsigned int *ret_n, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	uint8_t low[16], high[16];
	int r;

	*ret_n = 0;
	if (!range(prefix, low, high))
		return 0;
	r = kr_query_open(&q, s, "SELECT id FROM migration"
			  " WHERE id BETWEEN ? AND ? LIMIT 2", e);
	if (r)
		return r;
	kr_query_blob(&q, low, 16);
	kr_query_blob(&q, high, 16);
	while ((r = kr_query_step(&q, e)) > 0) {
		kr_query_get_blob(&q, id, 16);
		r = kr_query_row_ok(&q, e);
		if (r)
			return r;
		(*ret_n)++;
	}
	return r;
}

void kr_migrow_fini(struct kr_migrow *m)
{
	free(m->own);
	m->own = NULL;
	m->doc = m->result = NULL;
	m->doc_bytes = 0;
}

static int each(struct kr_query *q,
		int (*fn)(void *arg, const struct kr_migrow *m,
			  struct kr_err *e),
		void *arg, struct kr_err *e)
{
	struct kr_migrow m;
	int r;

	while ((r = kr_query_step(q, e)) > 0) {
		r = read_row(q, &m, e);
		if (r || (r = fn(arg, &m, e)))
			break;
	}
	return r;
}

int kr_migrow_each(struct kr_store *s, unsigned int limit,
		   int (*fn)(void *arg, const struct kr_migrow *m,
			     struct kr_err *e),
		   void *arg, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"SELECT " COLUMNS " FROM migration"
		" ORDER BY started_ms DESC, rowid DESC LIMIT ?", e);

	if (r)
		return r;
	kr_query_u64(&q, limit);
	return each(&q, fn, arg, e);
}

int kr_migrow_unfinished(struct kr_store *s,
			 int (*fn)(void *arg, const struct kr_migrow *m,
				   struct kr_err *e),
			 void *arg, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"SELECT " COLUMNS " FROM migration WHERE finished = 0"
		" ORDER BY started_ms, rowid", e);

	if (r)
		return r;
	return each(&q, fn, arg, e);
}

static int each_of(struct kr_store *s, const char *sql, const char *name,
		   unsigned int limit,
		   int (*fn)(void *arg, const struct kr_migrow *m,
			     struct kr_err *e),
		   void *arg, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s, sql, e);

	if (r)
		return r;
	kr_query_text(&q, name);
	kr_query_u64(&q, limit);
	return each(&q, fn, arg, e);
}

#define WENT_WELL	" AND finished = 1 AND error = 0" \
			" ORDER BY started_ms DESC, rowid DESC LIMIT ?"

int kr_migrow_of_vm(struct kr_store *s, const char *vm, unsigned int limit,
		    int (*fn)(void *arg, const struct kr_migrow *m,
			      struct kr_err *e),
		    void *arg, struct kr_err *e)
{
	return each_of(s, "SELECT " COLUMNS " FROM migration WHERE vm = ?"
		       WENT_WELL, vm, limit, fn, arg, e);
}

int kr_migrow_with_peer(struct kr_store *s, const char *peer,
			unsigned int limit,
			int (*fn)(void *arg, const struct kr_migrow *m,
				  struct kr_err *e),
			void *arg, struct kr_err *e)
{
	return each_of(s, "SELECT " COLUMNS " FROM migration WHERE peer = ?"
		       WENT_WELL, peer, limit, fn, arg, e);
}
