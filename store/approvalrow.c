/* SPDX-License-Identifier: Apache-2.0 */
/* approvalrow.c - the table of approvals. Runs in kororad. */
#include "store/approvalrow.h"

#include "store/query.h"

#define COLUMNS "request, approver, decision, keyid, at_ms, envelope"

int kr_approvalrow_add(struct kr_store *s, const struct kr_approvalrow *a,
		       struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"INSERT INTO approval (" COLUMNS ") VALUES (?,?,?,?,?,?)"
		" ON CONFLICT (request, approver, decision) DO NOTHING", e);

	if (r)
		return r;
	kr_query_blob(&q, a->request, sizeof(a->request));
	kr_query_text(&q, a->approver);
	kr_query_text(&q, a->decision);
	kr_query_blob(&q, a->keyid, sizeof(a->keyid));
	kr_query_u64(&q, a->at_ms);
	kr_query_text(&q, a->envelope);
	r = kr_query_run(&q, e);
	if (!r && !kr_query_changed(s))
		return kr_fail(e, KR_E_APPROVAL_TWICE, "%.64s said so "
			       "before", a->approver);
	return r;
}

int kr_approvalrow_each(struct kr_store *s, const uint8_t request[16],
			int (*fn)(void *arg, const struct kr_approvalrow *a,
				  struct kr_err *e),
			void *arg, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	struct kr_approvalrow a;
	int r = kr_query_open(&q, s,
		"SELECT " COLUMNS " FROM approval WHERE request = ?"
		" ORDER BY rowid", e);

	if (r)
		return r;
	kr_query_blob(&q, request, 16);
	while (!r && (r = kr_query_step(&q, e)) > 0) {
		kr_query_get_blob(&q, a.request, sizeof(a.request));
		kr_query_get_text(&q, a.approver, sizeof(a.approver));
		kr_query_get_text(&q, a.decision, sizeof(a.decision));
		kr_query_get_blob(&q, a.keyid, sizeof(a.keyid));
		a.at_ms = kr_query_get_u64(&q);
		kr_query_get_text(&q, a.envelope, sizeof(a.envelope));
		r = kr_query_row_ok(&q, e);
		if (!r)
			r = fn(arg, &a, e);
	}
	return r;
}
