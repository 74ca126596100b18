/* SPDX-License-Identifier: Apache-2.0 */
/*
 * talk.c - what two hosts say to each other about a migration: statements
 * signed and checked, and plain words (failed, how does it stand?), which
 * decide nothing past the point of no return. Runs in kororad.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/api.h"
#include "daemon/attested.h"
#include "daemon/nextoffer.h"
#include "daemon/peerkey.h"
#include "daemon/peerquote.h"
#include "daemon/witness.h"

/* ---- statements -------------------------------------------------------- */

int kr_mig_send(struct kr_mig *m, enum kr_statement k, struct kr_err *e)
{
	struct kr_step s = { .kind = k, .terms = m->terms };
	uint8_t buf[KR_TERMS_BYTES_MAX + 256];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_err why = KR_ERR_NONE;
	struct kr_link *l;
	int r;

	if (!m->link) {
		if (!kr_state_before_return(m->state) && !m->finished)
			kr_timer_arm(m->host->loop, &m->again, KR_MIG_AGAIN_MS);
		return 0;	/* the edge of SESSION sends it then */
	}
	if (m->sig_kind != k) {
		r = kr_statement_sign(k, &m->terms, m->host->identity,
				      &m->sig, e);
		if (r)
			return r;
		m->sig_kind = k;
	}
	s.sig = m->sig;
	if ((k == KR_STATEMENT_OWNER || k == KR_STATEMENT_COMPLETE) &&
	    m->running_ns)
		s.terms.downtime_us = (kr_now_ns() - m->running_ns) / 1000;
	l = m->link;
	kr_step_put(&w, &s);
	if (kr_link_send(l, KR_PEER_STEP, &w, &why))
		kr_link_close(l, &why);	/* then the edge of LOST decides */
	return 0;
}

static void send_word(struct kr_mig *m, uint16_t type)
{
	struct kr_peerfail f = { .kr = (uint16_t)m->error.kr };
	uint8_t buf[KR_TEXT_BYTES_MAX + 32];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	if (!m->link)
		return;
	memcpy(f.migration, m->terms.migration, sizeof(f.migration));
	snprintf(f.what, sizeof(f.what), "%.*s", (int)sizeof(f.what) - 1,
		 m->error.what);
	kr_peerfail_put(&w, &f);
	kr_link_send(m->link, type, &w, NULL);
}

void kr_mig_send_fail(struct kr_mig *m)
{
	send_word(m, KR_PEER_FAIL);
}

void kr_mig_ask(struct kr_mig *m)
{
	send_word(m, KR_PEER_ASK);
}

int kr_mig_check_peer(struct kr_mig *m, const struct kr_step *s,
		      struct kr_err *e)
{
	const uint8_t *want = kr_state_side(m->state) == KR_SOURCE ?
			      m->terms.to_keyid : m->terms.from_keyid;
	int r;

	if (!m->link)
		return kr_fail(e, KR_E_SIGNATURE, "no session");
	if (memcmp(m->link->info.keyid, want, 32))
		return kr_fail(e, KR_E_SIGNATURE,
			       "%s has another identity than at first",
			       m->peer);
	r = kr_statement_check(s->kind, &m->terms, m->link->key, s->sig.sig,
			       s->sig.sig_bytes, e);
	if (r)
		return r;
	m->peer_sig = s->sig;
	memcpy(m->peer_sig.keyid, want, 32);
	m->peer_kind = s->kind;
	m->have_peer_sig = true;
	return 0;
}

void kr_mig_log_head(struct kr_mig *m, struct kr_terms_log *ret)
{
	kr_ledger_head(m->host->ledger, &ret->size, ret->root);
}

/* ---- hearing ----------------------------------------------------------- */

int kr_mig_heard(struct kr_mig *m, const struct kr_step *s, enum kr_event ev,
		 const struct kr_terms *before, struct kr_err *e)
{
	int r = kr_handover[m->state][ev].to == KR_ILLEGAL ?
		kr_fail(e, KR_E_NO_EDGE, "%s in %s", kr_event_name(ev),
			kr_state_name(m->state)) :
		kr_mig_check_peer(m, s, e);

	if (r)
		m->terms = *before;
	return r;
}

static int on_step(struct kr_link *l, struct kr_rd *r, struct kr_err *e)
{
	struct kr_link *before;
	struct kr_step s;
	struct kr_mig *m;
	int rc = kr_step_parse(r, &s, e);

	if (rc)
		return rc;
	m = kr_mig_find(l->host, s.terms.migration);
	if (!m || strcmp(m->peer, l->peer))
		return kr_fail(e, KR_E_NO_MIGRATION, "a %s for a migration "
			       "that is not known", kr_statement_name(s.kind));
	before = m->link;
	m->link = l;
	rc = kr_state_side(m->state) == KR_SOURCE ?
	     kr_source_statement(m, &s, e) : kr_target_statement(m, &s, e);
	/* who says what is not true does not lead the conversation */
	if (rc < 0 && e->kr != KR_E_STORE && m->link == l && before &&
	    !before->dead)
		m->link = before;
	return rc;
}

/* What a probe measured, and that it did, is the source's to say. */
static bool may_say(const struct kr_mig *m, uint16_t kr)
{
	return kr_code_find(kr) &&
	       (kr != KR_E_PROBED || kr_state_side(m->state) == KR_TARGET);
}

static int on_peer_fail(struct kr_link *l, struct kr_rd *r, struct kr_err *e)
{
	struct kr_err why = KR_ERR_NONE;
	struct kr_peerfail f;
	struct kr_mig *m;
	int rc = kr_peerfail_parse(r, &f, e);

	if (rc)
		return rc;
	kr_attested_called_off(l, f.migration);
	kr_nextoffer_called_off(l, f.migration);
	kr_peerkey_failed(l, &f);
	kr_peerquote_failed(l, &f);
	m = kr_mig_find(l->host, f.migration);
	if (!m || strcmp(m->peer, l->peer) || m->finished)
		return 0;
	if (may_say(m, f.kr))
		kr_fail(&why, (enum kr_code)f.kr, "%s says: %.*s", l->peer,
			150, f.what);
	else
		kr_fail(&why, KR_E_PEER_REFUSED, "%s says: %.*s", l->peer,
			150, f.what);
	m->link = l;
	if (kr_state_before_return(m->state) || m->state == KR_T_PREPARED)
		kr_mig_fail(m, &why);
	return 0;	/* past that, only signed statements count */
}

static int on_ask(struct kr_link *l, struct kr_rd *r, struct kr_err *e)
{
	struct kr_peerfail q;
	struct kr_mig *m;
	int rc = kr_peerfail_parse(r, &q, e);

	if (rc)
		return rc;
	m = kr_mig_find(l->host, q.migration);
	if (!m || strcmp(m->peer, l->peer))
		return 0;
	m->link = l;
	kr_mig_step(m, KR_EV_ASKED, NULL);
	return 0;
}

static int hear(struct kr_link *l, uint16_t type, struct kr_rd *r,
		struct kr_err *e)
{
	static struct kr_offer o;
	int rc;

	switch ((enum kr_peermsg)type) {
	case KR_PEER_OFFER:
		rc = kr_offer_parse(r, &o, e);
		return rc ? rc : kr_attested_offer(l, &o, e);
	case KR_PEER_CHECK:
		rc = kr_offer_parse(r, &o, e);
		return rc ? rc : kr_api_check(l, &o, e);
	case KR_PEER_CHECK_HOST:
		return kr_api_check_host(l, r, e);
	case KR_PEER_CHECKED:
		return kr_api_checked(l, r, e);
	case KR_PEER_STEP:
		return on_step(l, r, e);
	case KR_PEER_FAIL:
		return on_peer_fail(l, r, e);
	case KR_PEER_ASK:
		return on_ask(l, r, e);
	case KR_PEER_MEND:
	case KR_PEER_MENDED:
		return kr_anew_message(l, type, r, e);
	case KR_PEER_LOG_SEEN:
	case KR_PEER_LOG_HEAD:
	case KR_PEER_LOG_COSIGN:
		return kr_witness_message(l, type, r, e);
	case KR_PEER_TPM_ASK:
	case KR_PEER_TPM_KEYS:
	case KR_PEER_TPM_CREDENTIAL:
	case KR_PEER_TPM_OPENED:
		return kr_peerkey_message(l, type, r, e);
	case KR_PEER_QUOTE_ASK:
	case KR_PEER_QUOTE_PART:
	case KR_PEER_QUOTE_MORE:
		return kr_peerquote_message(l, type, r, e);
	default:
		return kr_fail(e, KR_E_UNEXPECTED, "message type %u", type);
	}
}

int kr_mig_message(struct kr_link *l, uint16_t type, struct kr_rd *r,
		   struct kr_err *e)
{
	int rc = hear(l, type, r, e);

	/* what is late or repeated is no reason to end the session, nor is a
	 * full disk of ours */
	if (rc >= 0 || (e->kr != KR_E_NO_EDGE && e->kr != KR_E_STORE))
		return rc;
	kr_log_err(KR_LOG_INFO, l->peer, e);
	return 0;
}
