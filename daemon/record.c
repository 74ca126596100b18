/* SPDX-License-Identifier: Apache-2.0 */
/* record.c - what a migration leaves on disk. Runs in kororad. */
#include "daemon/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/consent.h"
#include "daemon/files.h"
#include "daemon/policy.h"
#include "evidence/receipt.h"
#include "store/receiptrow.h"
#include "store/vmrow.h"

#define DOC_VERSION	1u
#define NO_STATEMENT	KR_STATEMENT_N

/* The statement this host signs as it enters a state. */
static enum kr_statement own_statement(const struct kr_mig *m,
				       enum kr_state to)
{
	static const uint8_t none[32];
	bool accepted = memcmp(m->terms.nonce_to, none, sizeof(none));

	switch (to) {
	case KR_S_OFFER:
		return KR_STATEMENT_OFFER;
	case KR_S_SEAL:
		return KR_STATEMENT_MANIFEST;
	case KR_S_RELEASED:
		return KR_STATEMENT_RELEASE;
	case KR_S_OWNED:
	case KR_S_DONE:
	case KR_T_DONE:
		return KR_STATEMENT_RECEIPT;
	case KR_S_UNDONE:
		return accepted ? KR_STATEMENT_ABORT : NO_STATEMENT;
	case KR_T_LOAD:
		return KR_STATEMENT_ACCEPTANCE;
	case KR_T_PREPARED:
		return KR_STATEMENT_PREPARED;
	case KR_T_OWNER:
		return KR_STATEMENT_OWNER;
	case KR_T_RAN:
		return m->terms.postcopy.early ? KR_STATEMENT_COMPLETE :
						 NO_STATEMENT;
	case KR_T_DISOWNED:
		return m->terms.times.released_ms ? KR_STATEMENT_DISOWN :
						    NO_STATEMENT;
	default:
		return NO_STATEMENT;
	}
}

/* ---- the evidence log -------------------------------------------------- */

/* The step that a policy allowed which came into force after the one that the
 * statements name: which it was. */
static void put_anew(json_t *d, const struct kr_mig *m, enum kr_state to)
{
	struct kr_inforce now;

	if (to != KR_S_RELEASED && to != KR_T_PREPARED)
		return;
	kr_policy_tell(m->host, &now);
	if (!kr_inforce_same(&now, to == KR_S_RELEASED ?
				   &m->terms.from_policy :
				   &m->terms.to_policy))
		json_object_set_new(d, "decided_anew",
				    kr_inforce_detail(&now));
}

static json_t *detail(const struct kr_mig *m, enum kr_state to,
		      enum kr_event ev)
{
	json_t *d = json_pack("{s:s, s:s, s:s, s:s, s:I, s:s}",
			      "vm", m->terms.vm, "peer", m->peer,
			      "event", kr_event_name(ev),
			      "state", kr_state_name(to),
			      "epoch", (json_int_t)m->terms.epoch,
			      "requested_by", m->terms.requested_by);

	if (m->error.code && d)
		json_object_set_new(d, "error", kr_mig_error(&m->error));
	return d;
}

static int append(struct kr_mig *m, const char *event, json_t *d,
		  enum kr_statement k, const struct kr_dsse_sig *sigs,
		  unsigned int n_sigs, struct kr_err *e)
{
	KR_AUTOFREE char *env = NULL;
	int r = 0;

	/* whose it is, for who may be told of it */
	json_object_set_new(d, "tenant", json_string(m->def.tenant));
	if (k != NO_STATEMENT)
		r = kr_statement_envelope(k, &m->terms, sigs, n_sigs, &env, e);
	return r ? r : kr_ledger_append(m->host->ledger, event,
					m->terms.migration, d, env, e);
}

/* This host's signature on what it states in the new state. */
static int sign(struct kr_mig *m, enum kr_statement k, struct kr_err *e)
{
	int r = k == NO_STATEMENT || m->sig_kind == k ? 0 :
		kr_statement_sign(k, &m->terms, m->host->identity, &m->sig,
				  e);

	if (!r && k != NO_STATEMENT)
		m->sig_kind = k;
	return r;
}

static bool receipt_signed(const struct kr_mig *m, enum kr_state to)
{
	return (to == KR_S_DONE || to == KR_T_DONE) && to != m->state &&
	       m->have_peer_sig && m->peer_kind == KR_STATEMENT_RECEIPT;
}

/* Both hosts' signatures, the source's first in every copy. */
static void both(const struct kr_mig *m, enum kr_state to,
		 struct kr_dsse_sig out[2])
{
	out[to == KR_S_DONE ? 0 : 1] = m->sig;
	out[to == KR_S_DONE ? 1 : 0] = m->peer_sig;
}

static int log_step(struct kr_mig *m, enum kr_state to, enum kr_event ev,
		    struct kr_err *e)
{
	enum kr_statement k = own_statement(m, to);
	json_t *d = detail(m, to, ev);
	struct kr_dsse_sig sigs[2];
	char event[48];
	int r = 0;

	if (m->have_peer_sig && m->peer_kind != KR_STATEMENT_RECEIPT) {
		snprintf(event, sizeof(event), "peer.%s",
			 kr_statement_name(m->peer_kind));
		r = append(m, event, d, m->peer_kind, &m->peer_sig, 1, e);
	}
	snprintf(event, sizeof(event), "migration.%s", kr_state_phase(to));
	if (!r && to != m->state) {
		put_anew(d, m, to);
		r = sign(m, k, e);
		both(m, to, sigs);
		if (!r)
			r = receipt_signed(m, to) ?
			    append(m, event, d, KR_STATEMENT_RECEIPT, sigs, 2,
				   e) :
			    append(m, event, d, k, &m->sig, 1, e);
	}
	json_decref(d);
	return r;
}

/* ---- rows -------------------------------------------------------------- */

static void put_doc(struct kr_mig *m, struct kr_wr *w)
{
	kr_wr_u8(w, DOC_VERSION);
	kr_wr_u8(w, (uint8_t)m->strategy);
	kr_terms_put(w, &m->terms);
	kr_vmdef_put(&m->def, w);
}

static int put_row(struct kr_mig *m, enum kr_state to, const char *result,
		   struct kr_err *e)
{
	static uint8_t doc[KR_TERMS_BYTES_MAX + KR_VMDEF_WIRE_MAX + 8];
	struct kr_wr w = KR_WR(doc, sizeof(doc));
	struct kr_migrow row = {
		.role = kr_state_side(to) == KR_SOURCE ? KR_MIG_SOURCE :
							 KR_MIG_TARGET,
		.state = (uint16_t)to, .finished = m->finished,
		.started_ms = m->terms.times.requested_ms,
		.ended_ms = kr_state_ended(to) ? kr_wall_ms() : 0,
		.error = (uint32_t)m->error.kr, .doc = doc, .result = result,
	};

	put_doc(m, &w);
	if (w.bad)
		return kr_fail(e, KR_E_STORE, "a migration too large to keep");
	row.doc_bytes = kr_wr_len(&w);
	memcpy(row.id, m->terms.migration, sizeof(row.id));
	snprintf(row.vm, sizeof(row.vm), "%s", m->terms.vm);
	snprintf(row.peer, sizeof(row.peer), "%s", m->peer);
	snprintf(row.requested_by, sizeof(row.requested_by), "%s",
		 m->terms.requested_by);
	snprintf(row.what, sizeof(row.what), "%s", m->error.what);
	return kr_migrow_put(m->host->store, &row, e);
}

/* What the new state means for the right to run the VM here. */
static int put_vm(struct kr_mig *m, enum kr_state to, struct kr_err *e)
{
	static struct kr_vmrow v;
	struct kr_err none = KR_ERR_NONE;
	int r = kr_vmrow_get(m->host->store, m->terms.vm, &v, &none);

	switch (to) {
	case KR_S_RELEASED:
		v.state = KR_VM_RELEASED;
		v.epoch = m->terms.epoch;
		break;
	case KR_S_DONE:
		v.state = KR_VM_MOVED;
		break;
	case KR_S_UNDONE:
		if (r || v.state != KR_VM_RELEASED)
			return 0;
		/* given back, signed; and if it died here meanwhile? */
		v.state = m->vm ? KR_VM_RUNNING : KR_VM_STOPPED;
		break;
	case KR_T_OWNER:
		memset(&v, 0, sizeof(v));
		snprintf(v.name, sizeof(v.name), "%s", m->terms.vm);
		kr_vmdef_print(&m->def, v.definition);
		memcpy(v.digest, m->terms.definition, 32);
		v.epoch = m->terms.epoch;
		v.state = KR_VM_RUNNING;
		r = 0;
		break;
	case KR_T_RAN:
		if (m->error.kr != KR_E_VM_LOST)
			return 0;
		v.state = KR_VM_LOST;
		break;
	default:
		return 0;
	}
	if (r)
		return kr_fail(e, none.kr, "%s", none.what);
	snprintf(v.peer, sizeof(v.peer), "%s",
		 kr_state_side(to) == KR_SOURCE && to != KR_S_UNDONE ?
		 m->peer : "");
	v.updated_ms = kr_wall_ms();
	r = kr_vmrow_put(m->host->store, &v, e);
	return r || to != KR_T_OWNER ? r : kr_files_keep(m->host, &m->def, e);
}

static int put_receipt(struct kr_mig *m, enum kr_state to, struct kr_err *e)
{
	static struct kr_receiptrow p;
	struct kr_dsse_sig sigs[2];
	KR_AUTOFREE char *env = NULL;
	int r;

	if (!receipt_signed(m, to))
		return 0;
	both(m, to, sigs);
	r = kr_statement_envelope(KR_STATEMENT_RECEIPT, &m->terms, sigs, 2,
				  &env, e);
	if (r)
		return r;
	memset(&p, 0, sizeof(p));
	memcpy(p.migration, m->terms.migration, sizeof(p.migration));
	snprintf(p.vm, sizeof(p.vm), "%s", m->terms.vm);
	snprintf(p.peer, sizeof(p.peer), "%s", m->peer);
	p.at_ms = kr_wall_ms();
	snprintf(p.envelope, sizeof(p.envelope), "%s", env);
	return kr_receiptrow_put(m->host->store, &p, e);
}

/* Who says it again and again does not fill the log. */
static bool heard_before(const struct kr_mig *m)
{
	return m->heard & 1u << m->peer_kind;
}

int kr_record_step(struct kr_mig *m, enum kr_state to, enum kr_event ev,
		   struct kr_err *e)
{
	struct kr_store *s = m->host->store;
	int r;

	if (to == m->state && (!m->have_peer_sig || heard_before(m))) {
		m->have_peer_sig = false;
		return 0;	/* nothing new to keep */
	}
	r = kr_store_begin(s, e);
	if (r)
		return r;
	if (to == KR_S_COPY && to != m->state && !m->plan)
		r = kr_consent_take(m, e);
	if (!r)
		r = log_step(m, to, ev, e);
	if (!r)
		r = put_row(m, to, NULL, e);
	if (!r)
		r = put_vm(m, to, e);
	if (!r)
		r = put_receipt(m, to, e);
	if (r)
		kr_store_rollback(s);
	else
		r = kr_store_commit(s, e);
	if (!r) {
		m->heard |= m->have_peer_sig ? 1u << m->peer_kind : 0;
		m->have_peer_sig = false;
		return 0;
	}
	/* what was signed and is not on record was never said */
	m->sig_kind = NO_STATEMENT;
	memset(&m->sig, 0, sizeof(m->sig));
	return r;
}

int kr_record_event(struct kr_mig *m, const char *event, json_t *d,
		    struct kr_err *e)
{
	struct kr_store *s = m->host->store;
	int r = kr_store_begin(s, e);

	if (r)
		return r;
	r = append(m, event, d, NO_STATEMENT, NULL, 0, e);
	if (!r)
		r = put_row(m, m->state, NULL, e);
	if (r)
		kr_store_rollback(s);
	return r ? r : kr_store_commit(s, e);
}

bool kr_record_ours(const struct kr_mig *m, enum kr_state st)
{
	static struct kr_vmrow v;
	struct kr_err e = KR_ERR_NONE;
	bool none = kr_vmrow_get(m->host->store, m->terms.vm, &v, &e);

	if (none && e.kr != KR_E_NO_VM)
		return false;	/* cannot tell: then do nothing */
	switch (st) {
	case KR_S_UNDONE:
		return !none && v.state == KR_VM_RUNNING &&
		       v.epoch <= m->terms.epoch;
	case KR_S_DONE:
		return !none && v.state == KR_VM_MOVED &&
		       v.epoch == m->terms.epoch;
	default:
		return none || v.state == KR_VM_MOVED;
	}
}

/* ---- the end, and back ------------------------------------------------- */

void kr_record_receipt_path(const struct kr_host *h, const uint8_t id[16],
			    char *out, size_t size)
{
	char hex[33];

	kr_hex(id, 16, hex);
	snprintf(out, size, "%s/receipts/%s.json", h->lib, hex);
}

static int write_receipt(struct kr_mig *m, struct kr_err *e)
{
	static struct kr_receiptrow p;
	char path[PATH_MAX];
	int r;

	if (m->state != KR_S_DONE && m->state != KR_T_DONE)
		return 0;
	r = kr_receiptrow_get(m->host->store, m->terms.migration, &p, e);
	if (r)
		return r;
	kr_record_receipt_path(m->host, m->terms.migration, path,
			       sizeof(path));
	r = kr_write_file(path, p.envelope, strlen(p.envelope), 0644);
	return r ? kr_fail(e, KR_E_STORE, "%s: %s", path, strerror(-r)) : 0;
}

int kr_record_finish(struct kr_mig *m, struct kr_err *e)
{
	/* what was told once stays so, however long recording it takes */
	json_t *result = m->result ? json_incref(m->result) :
				     kr_mig_result(m);
	KR_AUTOFREE char *text = json_dumps(result, JSON_COMPACT);
	int r;

	json_decref(m->result);
	m->result = result;
	/* first: a restart looks only at what is unfinished */
	r = write_receipt(m, e);
	return r ? r : put_row(m, m->state, text, e);
}

static int get_doc(const struct kr_migrow *row, enum kr_strategy *ret_s,
		   struct kr_terms *ret_t, struct kr_vmdef *ret_d,
		   struct kr_err *e)
{
	struct kr_rd r = KR_RD(row->doc, row->doc_bytes);
	int rc;

	if (kr_rd_u8(&r) != DOC_VERSION)
		return kr_fail(e, KR_E_STORE, "a migration's record cannot be "
			       "read");
	*ret_s = (enum kr_strategy)kr_rd_u8(&r);
	rc = kr_terms_get(&r, ret_t, e);
	return rc ? rc : kr_vmdef_get(&r, ret_d, e);
}

int kr_record_terms(const struct kr_migrow *row, struct kr_terms *ret_t,
		    struct kr_vmdef *ret_d, struct kr_err *e)
{
	enum kr_strategy s;

	return get_doc(row, &s, ret_t, ret_d, e);
}

int kr_record_def(const struct kr_migrow *row, struct kr_vmdef *ret_d,
		  struct kr_err *e)
{
	static struct kr_terms t;

	return kr_record_terms(row, &t, ret_d, e);
}

struct kr_mig *kr_record_load(struct kr_host *h, const uint8_t id[16],
			      struct kr_err *e)
{
	struct kr_migrow row;
	struct kr_mig *m = NULL;

	if (kr_migrow_get(h->store, id, &row, e))
		return NULL;
	m = kr_mig_new(h, (enum kr_state)row.state);
	if (!m || get_doc(&row, &m->strategy, &m->terms, &m->def, e))
		goto bad;
	m->finished = row.finished;
	m->anew.attempt = (uint16_t)m->terms.postcopy.recoveries;
	snprintf(m->peer, sizeof(m->peer), "%s", row.peer);
	if (row.error)
		kr_fail(&m->error, (enum kr_code)row.error, "%s", row.what);
	if (row.result && row.result[0])
		m->result = json_loads(row.result, 0, NULL);
	kr_migrow_fini(&row);
	return m;
bad:
	kr_migrow_fini(&row);
	kr_log(KR_LOG_ERROR, "a migration's record cannot be read");
	if (m)
		kr_mig_forget(m);
	return NULL;
}
