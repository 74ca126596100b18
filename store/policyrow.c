/* SPDX-License-Identifier: Apache-2.0 */
/* policyrow.c - the table of policies. Runs in kororad. */
#include "store/policyrow.h"

#include <stdlib.h>
#include <string.h>

#include "store/query.h"

#define HEADING "version, name, digest, at_ms, entry, "
#define COLUMNS HEADING "bundle"

int kr_policyrow_put(struct kr_store *s, const struct kr_policyrow *p,
		     struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"INSERT INTO policy (" COLUMNS ") VALUES (?,?,?,?,?,?)", e);

	if (r)
		return r;
	kr_query_u64(&q, p->version);
	kr_query_text(&q, p->name);
	kr_query_blob(&q, p->digest, sizeof(p->digest));
	kr_query_u64(&q, p->at_ms);
	kr_query_u64(&q, p->entry);
	kr_query_blob(&q, p->bundle, p->n_bytes);
	return kr_query_run(&q, e);
}

/* HEADING, a bundle or a part of it, and how long all of it is. */
static int read_row(struct kr_query *q, struct kr_policyrow *ret_p,
		    size_t *ret_all, struct kr_err *e)
{
	struct kr_policyrow p = { 0 };
	const uint8_t *bundle;
	int r = kr_query_step(q, e);

	if (r <= 0)
		return r < 0 ? r : 1;
	p.version = kr_query_get_int(q, UINT32_MAX);
	kr_query_get_text(q, p.name, sizeof(p.name));
	kr_query_get_blob(q, p.digest, sizeof(p.digest));
	p.at_ms = kr_query_get_u64(q);
	p.entry = kr_query_get_u64(q);
	bundle = kr_query_get_bytes(q, KR_POLICYROW_BYTES_MAX, &p.n_bytes);
	*ret_all = kr_query_get_int(q, KR_POLICYROW_BYTES_MAX);
	r = kr_query_row_ok(q, e);
	if (r)
		return r;
	p.bundle = malloc(p.n_bytes + 1);
	if (!p.bundle)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	memcpy(p.bundle, bundle, p.n_bytes);
	*ret_p = p;
	return 0;
}

int kr_policyrow_last(struct kr_store *s, struct kr_policyrow *ret_p,
		      struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s, "SELECT " COLUMNS ", length(bundle)"
			      " FROM policy ORDER BY version DESC LIMIT 1", e);
	size_t all;

	return r ? r : read_row(&q, ret_p, &all, e);
}

int kr_policyrow_part(struct kr_store *s, const uint8_t digest[32],
		      size_t from, size_t max, struct kr_policyrow *ret_p,
		      size_t *ret_all, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s, "SELECT " HEADING
			      "substr(bundle, ? + 1, ?), length(bundle)"
			      " FROM policy WHERE digest = ?"
			      " ORDER BY version DESC LIMIT 1", e);

	if (r)
		return r;
	kr_query_u64(&q, from);
	kr_query_u64(&q, max);
	kr_query_blob(&q, digest, 32);
	return read_row(&q, ret_p, ret_all, e);
}
