/* SPDX-License-Identifier: Apache-2.0 */
/* logrow.c - the evidence log's tables. Runs in kororad and, reading, in the
 * client.
 */
#include "store/logrow.h"

#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "store/query.h"

#define NOTE	"size, root, note"

int kr_logrow_add(struct kr_store *s, uint64_t idx, const uint8_t *migration,
		  const void *leaf, size_t n_bytes, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	char id[33] = "";
	int r;

	if (n_bytes > KR_LOGROW_LEAF_MAX)
		return kr_fail(e, KR_E_LIMIT, "log entry too large");
	r = kr_query_open(&q, s, "INSERT INTO log (idx, leaf, migration)"
			  " VALUES (?,?,?)", e);
	if (r)
		return r;
	if (migration)
		kr_hex(migration, 16, id);
	kr_query_u64(&q, idx);
	kr_query_blob(&q, leaf, n_bytes);
	kr_query_text(&q, id);
	return kr_query_run(&q, e);
}

typedef int (*leaf_fn)(void *arg, uint64_t idx, const uint8_t *leaf,
		       size_t n_bytes, struct kr_err *e);

/* All leaves that @q, an open query, gives. */
static int each(struct kr_query *q, leaf_fn fn, void *arg, struct kr_err *e)
{
	int r = 0;

	while (!r && (r = kr_query_step(q, e)) > 0) {
		uint64_t idx = kr_query_get_u64(q);
		size_t n;
		const uint8_t *leaf =
			kr_query_get_bytes(q, KR_LOGROW_LEAF_MAX, &n);

		r = kr_query_row_ok(q, e);
		if (!r)
			r = fn(arg, idx, leaf, n, e);
	}
	return r;
}

int kr_logrow_each(struct kr_store *s, uint64_t from, leaf_fn fn, void *arg,
		   struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"SELECT idx, leaf FROM log WHERE idx >= ? ORDER BY idx", e);

	if (r)
		return r;
	kr_query_u64(&q, from);
	return each(&q, fn, arg, e);
}

int kr_logrow_back(struct kr_store *s, leaf_fn fn, void *arg,
		   struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"SELECT idx, leaf FROM log ORDER BY idx DESC", e);

	return r ? r : each(&q, fn, arg, e);
}

int kr_logrow_of(struct kr_store *s, const uint8_t migration[16], leaf_fn fn,
		 void *arg, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	char id[33];
	int r = kr_query_open(&q, s,
		"SELECT idx, leaf FROM log WHERE migration = ?"
		" AND migration <> '' ORDER BY idx DESC", e);

	if (r)
		return r;
	kr_hex(migration, 16, id);
	kr_query_text(&q, id);
	return each(&q, fn, arg, e);
}

int kr_logrow_is_of(struct kr_store *s, uint64_t idx, const char *migration,
		    struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"SELECT 1 FROM log WHERE idx = ? AND migration = ?", e);

	if (r)
		return r;
	kr_query_u64(&q, idx);
	kr_query_text(&q, migration);
	return kr_query_step(&q, e);
}

int kr_logrow_get(struct kr_store *s, uint64_t idx, uint8_t **ret_leaf,
		  size_t *ret_n_bytes, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	const uint8_t *leaf;
	int r = kr_query_open(&q, s, "SELECT leaf FROM log WHERE idx = ?", e);

	if (r)
		return r;
	kr_query_u64(&q, idx);
	r = kr_query_step(&q, e);
	if (r <= 0)
		return r ? r : 1;
	leaf = kr_query_get_bytes(&q, KR_LOGROW_LEAF_MAX, ret_n_bytes);
	r = kr_query_row_ok(&q, e);
	if (r)
		return r;
	*ret_leaf = malloc(*ret_n_bytes + 1);
	if (!*ret_leaf)
		return kr_fail(e, KR_E_STORE, "out of memory");
	memcpy(*ret_leaf, leaf, *ret_n_bytes);
	return 0;
}

int kr_logrow_put_note(struct kr_store *s, const struct kr_logrow_note *n,
		       struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"INSERT INTO checkpoint (" NOTE ") VALUES (?,?,?)"
		" ON CONFLICT (size) DO UPDATE SET root = excluded.root,"
		" note = excluded.note", e);

	if (r)
		return r;
	kr_query_u64(&q, n->size);
	kr_query_blob(&q, n->root, sizeof(n->root));
	kr_query_text(&q, n->note);
	return kr_query_run(&q, e);
}

/* Steps @q, an open query for NOTE columns, once. */
static int one_note(struct kr_query *q, struct kr_logrow_note *n,
		    struct kr_err *e)
{
	int r = kr_query_step(q, e);

	if (r < 0)
		return r;
	if (!r)
		return 1;
	n->size = kr_query_get_u64(q);
	kr_query_get_blob(q, n->root, sizeof(n->root));
	kr_query_get_text(q, n->note, sizeof(n->note));
	return kr_query_row_ok(q, e);
}

int kr_logrow_note(struct kr_store *s, uint64_t size,
		   struct kr_logrow_note *ret_n, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"SELECT " NOTE " FROM checkpoint WHERE size = ?", e);

	if (r)
		return r;
	kr_query_u64(&q, size);
	return one_note(&q, ret_n, e);
}

int kr_logrow_last(struct kr_store *s, struct kr_logrow_note *ret_n,
		   struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"SELECT " NOTE " FROM checkpoint ORDER BY size DESC LIMIT 1",
		e);

	return r ? r : one_note(&q, ret_n, e);
}
