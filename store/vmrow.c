/* SPDX-License-Identifier: Apache-2.0 */
/* vmrow.c - the table of VMs. Runs in kororad. */
#include "store/vmrow.h"

#include <assert.h>

#include "store/query.h"

#define COLUMNS "name, definition, digest, epoch, state, peer, updated_ms"

static const char *const state_names[] = {
	[KR_VM_STOPPED]	 = "stopped",
	[KR_VM_RUNNING]	 = "running",
	[KR_VM_INCOMING] = "incoming",
	[KR_VM_MOVED]	 = "moved",
	[KR_VM_LOST]	 = "lost",
	[KR_VM_RELEASED] = "released",
};
static_assert(sizeof(state_names) / sizeof(state_names[0]) == KR_VM_STATE_N,
	      "a name for each state");

const char *kr_vmrow_state_name(enum kr_vm_state st)
{
	return (unsigned int)st < KR_VM_STATE_N ? state_names[st] : "unknown";
}

int kr_vmrow_put(struct kr_store *s, const struct kr_vmrow *v,
		 struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"INSERT INTO vm (" COLUMNS ") VALUES (?,?,?,?,?,?,?)"
		" ON CONFLICT (name) DO UPDATE SET"
		" definition = excluded.definition, digest = excluded.digest,"
		" epoch = excluded.epoch, state = excluded.state,"
		" peer = excluded.peer, updated_ms = excluded.updated_ms", e);

	if (r)
		return r;
	assert((unsigned int)v->state < KR_VM_STATE_N);
	kr_query_text(&q, v->name);
	kr_query_text(&q, v->definition);
	kr_query_blob(&q, v->digest, sizeof(v->digest));
	kr_query_u64(&q, v->epoch);
	kr_query_u64(&q, v->state);
	kr_query_text(&q, v->peer);
	kr_query_u64(&q, v->updated_ms);
	return kr_query_run(&q, e);
}

static int read_row(struct kr_query *q, struct kr_vmrow *v, struct kr_err *e)
{
	kr_query_get_text(q, v->name, sizeof(v->name));
	kr_query_get_text(q, v->definition, sizeof(v->definition));
	kr_query_get_blob(q, v->digest, sizeof(v->digest));
	v->epoch = kr_query_get_u64(q);
	v->state = kr_query_get_int(q, KR_VM_STATE_N - 1);
	kr_query_get_text(q, v->peer, sizeof(v->peer));
	v->updated_ms = kr_query_get_u64(q);
	return kr_query_row_ok(q, e);
}

int kr_vmrow_get(struct kr_store *s, const char *name, struct kr_vmrow *ret_v,
		 struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"SELECT " COLUMNS " FROM vm WHERE name = ?", e);

	if (r)
		return r;
	kr_query_text(&q, name);
	r = kr_query_step(&q, e);
	if (r < 0)
		return r;
	if (!r)
		return kr_fail(e, KR_E_NO_VM, "no VM %s here", name);
	return read_row(&q, ret_v, e);
}

int kr_vmrow_each(struct kr_store *s,
		  int (*fn)(void *arg, const struct kr_vmrow *v,
			    struct kr_err *e),
		  void *arg, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	struct kr_vmrow v;
	int r = kr_query_open(&q, s,
		"SELECT " COLUMNS " FROM vm ORDER BY name", e);

	while (!r && (r = kr_query_step(&q, e)) > 0) {
		r = read_row(&q, &v, e);
		if (!r)
			r = fn(arg, &v, e);
	}
	return r;
}

int kr_vmrow_del(struct kr_store *s, const char *name, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s, "DELETE FROM vm WHERE name = ?", e);

	if (r)
		return r;
	kr_query_text(&q, name);
	r = kr_query_run(&q, e);
	if (!r && !kr_query_changed(s))
		return kr_fail(e, KR_E_NO_VM, "no VM %s here", name);
	return r;
}
