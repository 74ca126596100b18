/* SPDX-License-Identifier: Apache-2.0 */
/* noderow.c - the table of the log's inner nodes. Runs in kororad. */
#include "store/noderow.h"

#include "store/query.h"

int kr_noderow_add(struct kr_store *s, unsigned int level, uint64_t idx,
		   const uint8_t hash[32], struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"INSERT INTO node (level, idx, hash) VALUES (?,?,?)", e);

	if (r)
		return r;
	kr_query_u64(&q, level);
	kr_query_u64(&q, idx);
	kr_query_blob(&q, hash, 32);
	return kr_query_run(&q, e);
}

int kr_noderow_get(struct kr_store *s, unsigned int level, uint64_t idx,
		   uint8_t ret_hash[32], struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"SELECT hash FROM node WHERE level = ? AND idx = ?", e);

	if (r)
		return r;
	kr_query_u64(&q, level);
	kr_query_u64(&q, idx);
	r = kr_query_step(&q, e);
	if (r < 0)
		return r;
	if (!r)
		return 1;
	kr_query_get_blob(&q, ret_hash, 32);
	return kr_query_row_ok(&q, e);
}

int kr_noderow_count(struct kr_store *s, uint64_t *ret_n, struct kr_err *e)
{
	return kr_query_number(s, "SELECT count(*) FROM node", ret_n, e);
}

int kr_noderow_clear(struct kr_store *s, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s, "DELETE FROM node", e);

	return r ? r : kr_query_run(&q, e);
}
