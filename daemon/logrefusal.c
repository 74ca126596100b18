/* SPDX-License-Identifier: Apache-2.0 */
/* logrefusal.c - a peer's log that was refused, on record. In kororad. */
#include "daemon/logrefusal.h"

#include "base/log.h"
#include "evidence/b64.h"
#include "evidence/ledger.h"

static json_t *hashes(const struct kr_proof *p)
{
	char b64[KR_B64_CHARS(32) + 1];
	json_t *a = json_array();

	for (unsigned int i = 0; i < p->n; i++) {
		kr_b64_put(p->hash[i], 32, b64);
		json_array_append_new(a, json_string(b64));
	}
	return a;
}

/* What shows that it is none, or of before. */
static json_t *entry(const struct kr_inforce_entry *x)
{
	char record[KR_B64_CHARS(KR_INFORCE_RECORD_MAX) + 1];

	kr_b64_put(x->record, x->n_record, record);
	return json_pack("{s:I, s:s, s:o}", "index", (json_int_t)x->index,
			 "record", record, "proof", hashes(&x->proof));
}

static bool is_other_log(unsigned int kr)
{
	return kr == KR_E_PEER_LOG_CUT || kr == KR_E_PEER_LOG_OTHER;
}

static void record(struct kr_link *l, struct kr_witnessrow *w,
		   enum kr_code kr, json_t *d)
{
	struct kr_host *h = l->host;
	struct kr_err e = KR_ERR_NONE;
	int r;

	if (w->refused && (is_other_log(w->refused) || !is_other_log(kr))) {
		kr_host_record_some(h, "peer-log-refused", d);
		return;
	}
	w->refused = kr;
	r = kr_store_begin(h->store, &e);
	if (!r && !(r = kr_witnessrow_put(h->store, w, &e)))
		r = kr_ledger_append(h->ledger, "peer-log-refused", NULL, d,
				     NULL, &e);
	if (r)
		kr_store_rollback(h->store);
	else
		r = kr_store_commit(h->store, &e);
	if (r)
		kr_log_err(KR_LOG_ERROR, "peer-log-refused", &e);
}

void kr_logrefusal_record(struct kr_link *l, const struct kr_loghead *h,
			  struct kr_witnessrow *w, const char *note,
			  const struct kr_err *why)
{
	json_t *d = json_pack("{s:s, s:i, s:s, s:s, s:s, s:o}", "peer", l->peer,
			      "code", (int)why->kr, "what", why->what, "seen",
			      w->note, "shown", note, "proof",
			      hashes(&h->proof));

	if (why->kr == KR_E_PEER_POLICY)
		json_object_set_new(d, "policy", entry(&h->policy));
	record(l, w, why->kr, d);
	json_decref(d);
}
