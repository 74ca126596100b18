/* SPDX-License-Identifier: Apache-2.0 */
/* goodvalues.c - whose reference values count. Runs in kororad. */
#include "daemon/goodvalues.h"

#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "daemon/authorise.h"
#include "store/userkeyrow.h"

static int refuse_signer(struct kr_err *e, const char *name, const char *why)
{
	return kr_fail(e, KR_E_REFERENCE_SIGNER, "%s: %s", name, why);
}

/* That others have to approve what he asks for does not make it another's. */
static bool may_add(struct kr_host *h, const char *user, const char *name)
{
	char item[KR_ITEM_BYTES];
	struct kr_authorise_who w;
	struct kr_execution x = {
		.procedure = kr_procedure(KR_TP_reference_add),
		.item = kr_item_put(KR_ITEM_REFERENCE, name, item),
	};
	struct kr_verdict v;

	if (kr_authorise_find(h, user, &w, NULL))
		return false;
	x.by = w.p;
	v = kr_book_decide(h->book, &x);
	return v.answer == KR_YES || v.reason == KR_REASON_APPROVALS;
}

/* The envelope's hint leads to a key; what counts is that it verifies. */
static int by_hint(struct kr_host *h, const char *envelope, size_t n,
		   const struct kr_dsse_sig *hint,
		   struct kr_reference *ret_ref, struct kr_userkeyrow *ret_k,
		   struct kr_err *e)
{
	KR_AUTO(kr_pubkey_autofree) struct kr_pubkey *key = NULL;
	int r = kr_userkeyrow_get(h->store, hint->keyid, ret_k, e);

	if (!r)
		r = kr_pubkey_parse(ret_k->pem, strlen(ret_k->pem), &key, e);
	return r ? r : kr_reference_verify(envelope, n,
			(const struct kr_pubkey *const *)&key, 1, ret_ref, e);
}

int kr_goodvalues_verify(struct kr_host *h, const char *name,
			 const char *envelope, struct kr_reference *ret_ref,
			 char ret_by[KR_USERROW_NAME_BYTES], struct kr_err *e)
{
	KR_AUTO(kr_reference_fini) struct kr_reference ref = { 0 };
	KR_AUTO(kr_dsse_fini) struct kr_dsse d = { 0 };
	const char *why = "no key that is enrolled here signed it";
	struct kr_userkeyrow k = { 0 };
	size_t n = strlen(envelope);
	struct kr_err no = KR_ERR_NONE;

	if (kr_dsse_parse(envelope, n, &d, NULL))
		return refuse_signer(e, name, "it is not a DSSE envelope");
	for (unsigned int i = 0; i < d.n_sigs; i++, no = KR_ERR_NONE) {
		if (!by_hint(h, envelope, n, &d.sigs[i], &ref, &k, &no)) {
			if (may_add(h, k.user, name))
				break;
			why = "who signed it may not add it";
			kr_reference_fini(&ref);
		} else if (no.kr == KR_E_REFERENCE) {
			return kr_fail(e, no.kr, "%s", no.what);
		}
	}
	if (!ref.version)
		return refuse_signer(e, name, why);
	if (strcmp(ref.name, name))
		return kr_fail(e, KR_E_REFERENCE, "it is named %s, not %s",
			       ref.name, name);
	memcpy(ret_by, k.user, sizeof(k.user));
	*ret_ref = ref;
	ref.values = NULL;
	return 0;
}

/* ---- in use -------------------------------------------------------------- */

static int find_row(struct kr_host *h, const char *host,
		    struct kr_referencerow *ret_row, struct kr_err *e)
{
	const char *const names[] = { host, KR_GOODVALUES_ALL };

	for (unsigned int i = 0; i < 2; i++) {
		struct kr_err no = KR_ERR_NONE;

		if (!kr_referencerow_get(h->store, names[i], ret_row, &no))
			return 0;
		if (no.kr != KR_E_NO_REFERENCE)
			return kr_fail(e, no.kr, "%s", no.what);
	}
	return KR_GOODVALUES_NONE;
}

int kr_goodvalues_find(struct kr_host *h, const char *host,
		       char ret_doc[KR_REFERENCE_BYTES_MAX + 1],
		       struct kr_err *e)
{
	KR_AUTO(kr_reference_fini) struct kr_reference ref = { 0 };
	KR_AUTO(kr_dsse_fini) struct kr_dsse d = { 0 };
	static struct kr_referencerow row;
	char by[KR_USERROW_NAME_BYTES];
	int r = find_row(h, host, &row, e);

	if (r)
		return r;
	if (row.revoked_by[0])
		return kr_fail(e, KR_E_REVOKED, "the reference values %s, "
			       "version %u, by %s", row.name, row.version,
			       row.revoked_by);
	r = kr_goodvalues_verify(h, row.name, row.envelope, &ref, by, e);
	if (!r)
		r = kr_dsse_parse(row.envelope, strlen(row.envelope), &d, e);
	if (r)
		return r;
	memcpy(ret_doc, d.payload, d.payload_bytes);	/* as it was parsed */
	ret_doc[d.payload_bytes] = '\0';
	return 0;
}
