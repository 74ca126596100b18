/* SPDX-License-Identifier: Apache-2.0 */
/*
 * witness.c - vouching for a peer's log, and having this one vouched for.
 * Runs in kororad.
 *
 * Who asks says how much of the other's log it saw last, so that both mean
 * the same checkpoint whatever a crash made one of them forget. What was
 * cosigned is on disk before it is said.
 */
#include "daemon/witness.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/logrefusal.h"
#include "evidence/ledgerproof.h"
#include "evidence/pubkey.h"
#include "store/cosignrow.h"
#include "store/witnessrow.h"

#define BODY_BYTES	(2 * KR_PROOF_HASHES_MAX * KR_HASH_BYTES + \
			 KR_INFORCE_RECORD_MAX + 256u)

/* ---- asking ------------------------------------------------------------ */

/* What was seen of the peer's log; at first, that it was empty once. */
static int last_seen(struct kr_link *l, struct kr_witnessrow *w,
		     struct kr_err *e)
{
	int r = kr_witnessrow_get(l->host->store, l->peer, w, e);

	if (r <= 0)
		return r;
	memset(w, 0, sizeof(*w));
	snprintf(w->host, sizeof(w->host), "%s", l->peer);
	return kr_ledgerproof_root(l->host->store, 0, w->root, e);
}

static int ask(struct kr_link *l, const uint8_t migration[16], bool first,
	       struct kr_err *e)
{
	struct kr_logseen s = { .first = first };
	struct kr_witnessrow w;
	uint8_t buf[64];
	struct kr_wr wr = KR_WR(buf, sizeof(buf));
	int r = last_seen(l, &w, e);

	if (r)
		return r;
	memcpy(s.migration, migration, sizeof(s.migration));
	s.size = w.size;
	kr_logseen_put(&wr, &s);
	return kr_link_send(l, KR_PEER_LOG_SEEN, &wr, e);
}

int kr_witness_begin(struct kr_mig *m, struct kr_err *e)
{
	m->log_vouched = m->log_cosigned = false;
	return ask(m->link, m->terms.migration, true, e);
}

/* ---- showing ----------------------------------------------------------- */

static void own(const struct kr_host *h, struct kr_checkpoint *c)
{
	memset(c, 0, sizeof(*c));
	snprintf(c->host, sizeof(c->host), "%s",
		 kr_identity_name(h->identity));
}

static int show(struct kr_link *l, const struct kr_logseen *s,
		struct kr_err *e)
{
	static uint8_t buf[BODY_BYTES];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_loghead head = { .from = s->size };
	struct kr_checkpoint c;
	int r = 0;

	own(l->host, &c);
	kr_ledger_head(l->host->ledger, &c.size, c.root);
	if (s->size <= c.size)
		r = kr_ledgerproof_growth(l->host->store, s->size, c.size,
					  &head.proof, e);
	else	/* shown all the same: who asked decides */
		kr_log(KR_LOG_ERROR, "%s has seen %" PRIu64 " entries of this "
		       "host's log, which has %" PRIu64, l->peer, s->size,
		       c.size);
	if (!r)
		r = kr_inforce_show(l->host->store, l->host->policy_entry,
				    c.size, &head.policy, e);
	if (!r)
		r = kr_checkpoint_vouch(l->host->identity, &c, head.sig.sig,
					&head.sig.sig_bytes, e);
	if (r)
		return r;
	memcpy(head.migration, s->migration, sizeof(head.migration));
	head.size = c.size;
	memcpy(head.root, c.root, sizeof(head.root));
	kr_shown_put(&l->shown, s->migration, l->host->policy_entry);
	kr_loghead_put(&w, &head);
	return kr_link_send(l, KR_PEER_LOG_HEAD, &w, e);
}

static int on_seen(struct kr_link *l, struct kr_rd *r, struct kr_err *e)
{
	struct kr_logseen s;
	int rc = kr_logseen_parse(r, &s, e);

	if (!rc)
		rc = show(l, &s, e);
	return rc || !s.first ? rc : ask(l, s.migration, false, e);
}

/* ---- vouching ---------------------------------------------------------- */

/* The migration this was said for, if it waits to make its offer. */
static struct kr_mig *waiting(struct kr_link *l, const uint8_t id[16])
{
	for (struct kr_mig *m = l->host->migs; m; m = m->next)
		if (m->link == l && m->state == KR_S_OFFER && !m->finished &&
		    !memcmp(m->terms.migration, id, 16))
			return m;
	return NULL;
}

/* It cannot be begun: fail it here, or say so to who wants it. */
static int call_off(struct kr_link *l, const uint8_t id[16],
		    const struct kr_err *why)
{
	struct kr_peerfail f = { .kr = (uint16_t)why->kr };
	struct kr_mig *m = waiting(l, id);
	uint8_t buf[KR_TEXT_BYTES_MAX + 32];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	if (m) {
		kr_mig_fail(m, why);	/* which tells the peer, too */
		return 0;
	}
	memcpy(f.migration, id, sizeof(f.migration));
	snprintf(f.what, sizeof(f.what), "%.*s", (int)sizeof(f.what) - 1,
		 why->what);
	kr_peerfail_put(&w, &f);
	return kr_link_send(l, KR_PEER_FAIL, &w, NULL);
}

/* One more of what the offer waits for; once. */
static void go_on(struct kr_mig *m, bool *done)
{
	if (*done)
		return;
	*done = true;
	kr_source_ready(m);
}

static int refuse(struct kr_link *l, const struct kr_loghead *h,
		  struct kr_witnessrow *w, const char *note,
		  const struct kr_err *why)
{
	kr_log_err(KR_LOG_WARN, "log refused", why);
	kr_logrefusal_record(l, h, w, note, why);
	return call_off(l, h->migration, why);
}

/* Is it the log that was seen, and what came since? */
static int compare(const struct kr_link *l, const struct kr_loghead *h,
		   const struct kr_witnessrow *w, struct kr_err *e)
{
	if (h->size < w->size)
		return kr_fail(e, KR_E_PEER_LOG_CUT, "the log of %s had %"
			       PRIu64 " entries and has %" PRIu64, l->peer,
			       w->size, h->size);
	if (kr_proof_has_grown(&h->proof, w->size, w->root, h->size, h->root))
		return 0;
	return kr_fail(e, KR_E_PEER_LOG_OTHER, "the log of %s, of %" PRIu64
		       " entries, does not begin with the %" PRIu64
		       " it had", l->peer, h->size, w->size);
}

/* The policy that it decides by: in that log, and none that it had before
 * another of these.
 */
static int take_policy(const struct kr_link *l, const struct kr_loghead *h,
		       struct kr_witnessrow *w, struct kr_inforce *ret,
		       struct kr_err *e)
{
	int r = kr_inforce_check(&h->policy, l->peer, h->size, h->root, ret,
				 e);

	if (r)
		return r;
	if (ret->version < w->policy_version)
		return kr_fail(e, KR_E_PEER_POLICY, "%s shows version %u of "
			       "its policy, and had version %u in force",
			       l->peer, ret->version, w->policy_version);
	if (ret->version == w->policy_version &&
	    memcmp(ret->digest, w->policy_digest, sizeof(ret->digest)))
		return kr_fail(e, KR_E_PEER_POLICY, "%s shows another policy "
			       "as version %u than it had", l->peer,
			       ret->version);
	w->policy_version = ret->version;
	memcpy(w->policy_digest, ret->digest, sizeof(ret->digest));
	return 0;
}

static int cosign(struct kr_link *l, const struct kr_loghead *h,
		  const struct kr_checkpoint *c, struct kr_witnessrow *w,
		  struct kr_err *e)
{
	struct kr_logcosign s = { .size = c->size };
	uint8_t buf[KR_SIG_BYTES_MAX + 64];
	struct kr_wr wr = KR_WR(buf, sizeof(buf));
	int r = kr_checkpoint_vouch(l->host->identity, c, s.sig.sig,
				    &s.sig.sig_bytes, e);

	if (r)
		return r;
	w->size = c->size;
	memcpy(w->root, c->root, sizeof(w->root));
	w->refused = 0;
	r = kr_witnessrow_put(l->host->store, w, e);
	if (r)
		return r;
	memcpy(s.migration, h->migration, sizeof(s.migration));
	kr_logcosign_put(&wr, &s);
	return kr_link_send(l, KR_PEER_LOG_COSIGN, &wr, e);
}

static int on_head(struct kr_link *l, struct kr_rd *r, struct kr_err *e)
{
	struct kr_err why = KR_ERR_NONE;
	struct kr_checkpoint c = { 0 };
	struct kr_loghead h;
	struct kr_witnessrow w;
	struct kr_inforce policy;
	char note[KR_CHECKPOINT_NOTE_MAX];
	struct kr_mig *m;
	int rc = kr_loghead_parse(r, &h, e);

	if (!rc)
		rc = last_seen(l, &w, e);
	if (rc)
		return rc;
	if (h.from != w.size)	/* more was seen since that was asked for */
		return ask(l, h.migration, false, e);
	snprintf(c.host, sizeof(c.host), "%s", l->peer);
	c.size = h.size;
	memcpy(c.root, h.root, sizeof(c.root));
	rc = kr_checkpoint_check(&c, l->key, h.sig.sig, h.sig.sig_bytes, e);
	if (rc)
		return rc;
	kr_checkpoint_note(&c, kr_pubkey_keyid(l->key), h.sig.sig,
			   h.sig.sig_bytes, note);
	if (compare(l, &h, &w, &why) ||
	    take_policy(l, &h, &w, &policy, &why))
		return refuse(l, &h, &w, note, &why);
	memcpy(w.note, note, sizeof(note));
	rc = cosign(l, &h, &c, &w, e);
	if (rc)
		return rc;
	l->policy = policy;
	kr_shown_heard(&l->shown, h.migration);
	m = waiting(l, h.migration);
	if (m)
		go_on(m, &m->log_vouched);
	return 0;
}

int kr_witness_shown(struct kr_link *l, const uint8_t migration[16],
		     struct kr_err *e)
{
	uint64_t entry;

	if (!kr_shown_take(&l->shown, migration, &entry))
		return kr_fail(e, KR_E_UNEXPECTED, "an offer of %s, that has "
			       "not shown its log", l->peer);
	if (entry == l->host->policy_entry)
		return 0;
	return kr_fail(e, KR_E_POLICY_CHANGED, "another policy came into force "
		       "on %s before the offer",
		       kr_identity_name(l->host->identity));
}

/* ---- being vouched for ------------------------------------------------- */

static int on_cosign(struct kr_link *l, struct kr_rd *r, struct kr_err *e)
{
	struct kr_cosignrow row = { 0 };
	struct kr_logcosign s;
	struct kr_checkpoint c;
	struct kr_mig *m;
	int rc = kr_logcosign_parse(r, &s, e);

	if (rc)
		return rc;
	own(l->host, &c);
	c.size = s.size;
	rc = kr_ledgerproof_root(l->host->store, c.size, c.root, e);
	if (!rc)
		rc = kr_checkpoint_check(&c, l->key, s.sig.sig,
					 s.sig.sig_bytes, e);
	if (rc)
		return rc;
	snprintf(row.host, sizeof(row.host), "%s", l->peer);
	row.size = c.size;
	kr_checkpoint_line(l->peer, kr_pubkey_keyid(l->key), s.sig.sig,
			   s.sig.sig_bytes, row.line);
	rc = kr_cosignrow_put(l->host->store, &row, e);
	if (rc)
		return rc;
	m = waiting(l, s.migration);
	if (m)
		go_on(m, &m->log_cosigned);
	return 0;
}

/* A full disk, a log of ours that is broken: the peer has no part in it. */
static bool is_own(const struct kr_err *e)
{
	const struct kr_code_row *row = kr_code_find((unsigned int)e->kr);

	return row && (row->blame == KR_HOST || row->blame == KR_SELF);
}

int kr_witness_message(struct kr_link *l, uint16_t type, struct kr_rd *r,
		       struct kr_err *e)
{
	struct kr_rd begins = *r;
	uint8_t id[16];
	int rc;

	kr_rd_bytes(&begins, id, sizeof(id));
	switch ((enum kr_peermsg)type) {
	case KR_PEER_LOG_SEEN:
		rc = on_seen(l, r, e);
		break;
	case KR_PEER_LOG_HEAD:
		rc = on_head(l, r, e);
		break;
	default:
		rc = on_cosign(l, r, e);
		break;
	}
	if (rc >= 0 || !is_own(e))
		return rc;
	/* it ends no session, but nobody waits for it either */
	kr_log_err(KR_LOG_ERROR, "witness", e);
	call_off(l, id, e);
	return 0;
}
