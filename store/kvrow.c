/* SPDX-License-Identifier: Apache-2.0 */
/* kvrow.c - the table of small settings. Runs in kororad. */
#include "store/kvrow.h"

#include <string.h>

#include "store/query.h"

int kr_kvrow_put(struct kr_store *s, const char *key, const void *value,
		 size_t n_bytes, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r;

	if (n_bytes > KR_KVROW_VALUE_MAX)
		return kr_fail(e, KR_E_LIMIT, "setting %s too large", key);
	r = kr_query_open(&q, s,
		"INSERT INTO kv (key, value) VALUES (?,?)"
		" ON CONFLICT (key) DO UPDATE SET value = excluded.value", e);
	if (r)
		return r;
	kr_query_text(&q, key);
	kr_query_blob(&q, value, n_bytes);
	return kr_query_run(&q, e);
}

int kr_kvrow_get(struct kr_store *s, const char *key, void *out, size_t size,
		 size_t *ret_n, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	const uint8_t *p;
	size_t n;
	int r = kr_query_open(&q, s, "SELECT value FROM kv WHERE key = ?", e);

	if (r)
		return r;
	kr_query_text(&q, key);
	r = kr_query_step(&q, e);
	if (r < 0)
		return r;
	if (!r)
		return 1;
	p = kr_query_get_bytes(&q, size, &n);
	r = kr_query_row_ok(&q, e);
	if (r)
		return r;
	memcpy(out, p, n);
	*ret_n = n;
	return 0;
}

int kr_kvrow_del(struct kr_store *s, const char *key, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s, "DELETE FROM kv WHERE key = ?", e);

	if (r)
		return r;
	kr_query_text(&q, key);
	return kr_query_run(&q, e);
}
