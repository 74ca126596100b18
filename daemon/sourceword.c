/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sourceword.c - what the source says, as the destination hears it: its offer,
 * and what it signed after that. Runs in kororad.
 */
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/migration.h"
#include "daemon/nextoffer.h"
#include "daemon/policy.h"
#include "daemon/preflight.h"
#include "daemon/witness.h"

/* ---- the offer --------------------------------------------------------- */

int kr_target_refuse(struct kr_link *l, const struct kr_offer *o,
		     const struct kr_err *why)
{
	struct kr_peerfail f = { .kr = (uint16_t)why->kr };
	uint8_t buf[KR_TEXT_BYTES_MAX + 32];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	json_t *d = json_pack("{s:s, s:s, s:s, s:i, s:s}", "vm", o->terms.vm,
			      "tenant", o->def.tenant, "peer", l->peer, "code", (int)why->kr, "what",
			      why->what);

	kr_log_err(KR_LOG_WARN, "offer refused", why);
	kr_host_record_some(l->host, "offer-refused", d);
	json_decref(d);
	memcpy(f.migration, o->terms.migration, sizeof(f.migration));
	snprintf(f.what, sizeof(f.what), "%.*s", (int)sizeof(f.what) - 1,
		 why->what);
	kr_peerfail_put(&w, &f);
	return kr_link_send(l, KR_PEER_FAIL, &w, NULL);
}

/* The offer speaks of this session, these hosts and this definition. */
static int check_offer(struct kr_link *l, const struct kr_offer *o,
		       struct kr_err *e)
{
	const struct kr_terms *t = &o->terms;
	uint8_t digest[32];
	int r = kr_vmdef_digest(&o->def, digest, e);

	if (r)
		return r;
	if (memcmp(digest, t->definition, 32) || strcmp(o->def.name, t->vm))
		return kr_fail(e, KR_E_SIGNATURE,
			       "the definition is not the one signed for");
	if (memcmp(t->binding, l->info.binding, 32))
		return kr_fail(e, KR_E_REPLAYED,
			       "an offer made for another session");
	if (strcmp(t->from_name, l->peer) ||
	    memcmp(t->from_keyid, l->info.keyid, 32) ||
	    strcmp(t->to_name, kr_identity_name(l->host->identity)) ||
	    memcmp(t->to_keyid, kr_identity_keyid(l->host->identity), 32))
		return kr_fail(e, KR_E_PEER_NAME,
			       "an offer between other hosts");
	if (strcmp(t->protection.control_tls, l->info.tls) ||
	    strcmp(t->protection.control_suite, l->info.suite) ||
	    !t->protection.n_lanes ||
	    t->protection.n_lanes > KR_PLANE_LANES_MAX ||
	    strcmp(t->protection.attestation, "none"))
		return kr_fail(e, KR_E_SIGNATURE, "an offer that tells of "
			       "another protection than this session's");
	if (o->multifd && t->protection.n_lanes < 2)
		return kr_fail(e, KR_E_LIMIT, "multifd on one lane");
	if (o->preempt && (t->protection.n_lanes < 2 ||
			   !kr_strategy_early(kr_strategy_find(t->strategy))))
		return kr_fail(e, KR_E_LIMIT, "preempt on one lane, or not in "
			       "post-copy");
	if (kr_strategy_early(kr_strategy_find(t->strategy)) &&
	    !l->host->cfg.postcopy)
		return kr_fail(e, KR_E_LIMIT, "%s: korora.conf of %s has "
			       "postcopy = off", t->strategy, t->to_name);
	if (t->protection.n_lanes >
	    kr_lanes_allowed(&l->host->cfg, o->multifd, o->preempt))
		return kr_fail(e, KR_E_LIMIT, "%u lanes of %s, korora.conf of %s "
			       "allows %u: set lanes alike on both",
			       t->protection.n_lanes, l->peer, t->to_name,
			       kr_lanes_allowed(&l->host->cfg, o->multifd,
						o->preempt));
	if (o->recall_mib > l->host->cfg.recall_mib)
		return kr_fail(e, KR_E_LIMIT, "%s wants to remember %u MiB of "
			       "pages, korora.conf of %s allows %u", l->peer,
			       o->recall_mib, t->to_name,
			       l->host->cfg.recall_mib);
	return 0;
}

/* Its log was shown for this offer, and tells of the policy it decided by. */
static int check_log(struct kr_link *l, const struct kr_terms *t,
		     struct kr_err *e)
{
	int r = kr_witness_shown(l, t->migration, e);

	if (r || kr_inforce_same(&t->from_policy, &l->policy))
		return r;
	return kr_fail(e, KR_E_PEER_POLICY, "%s decided by policy %s, version "
		       "%u, its log says %s, version %u", l->peer,
		       t->from_policy.name, t->from_policy.version,
		       l->policy.name, l->policy.version);
}

int kr_target_offer(struct kr_link *l, const struct kr_offer *o,
		    struct kr_err *e)
{
	static struct kr_checks checks;
	struct kr_step s = { .kind = KR_STATEMENT_OFFER, .sig = o->sig };
	struct kr_err why = KR_ERR_NONE;
	struct kr_mig *m;

	if (kr_mig_find(l->host, o->terms.migration))
		return kr_fail(e, KR_E_REPLAYED, "this offer came before");
	if (kr_mig_welcome(l->host, &why) || check_offer(l, o, &why))
		return kr_target_refuse(l, o, &why);
	m = kr_mig_of_vm(l->host, o->terms.vm);
	if (m && kr_state_ended(m->state))
		return kr_nextoffer_hold(m, l, o, &why) ?
		       kr_target_refuse(l, o, &why) : 0;
	if (check_log(l, &o->terms, &why) ||
	    kr_preflight_offer(l->host, o, &checks, &why))
		return kr_target_refuse(l, o, &why);
	m = kr_mig_new(l->host, KR_T_NEW);
	if (!m)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	m->link = l;
	m->terms = o->terms;
	memset(m->terms.nonce_to, 0, sizeof(m->terms.nonce_to));
	kr_policy_tell(l->host, &m->terms.to_policy);
	m->def = o->def;
	m->recall_mib = o->recall_mib;
	m->multifd = o->multifd;
	m->preempt = o->preempt;
	m->terms.preempt = false;
	snprintf(m->peer, sizeof(m->peer), "%s", l->peer);
	m->strategy = kr_strategy_find(o->terms.strategy);
	if (kr_mig_check_peer(m, &s, &why)) {
		kr_mig_forget(m);
		return kr_target_refuse(l, o, &why);
	}
	if (kr_mig_step(m, KR_EV_OFFERED, &why) < 0) {
		kr_mig_forget(m);
		return kr_target_refuse(l, o, &why);
	}
	return 0;
}

void kr_target_hear(struct kr_link *l, const struct kr_offer *o)
{
	struct kr_err e = KR_ERR_NONE;

	/* as if it had come now: what is late is no reason to end it */
	if (kr_target_offer(l, o, &e) >= 0)
		return;
	kr_log_err(KR_LOG_WARN, l->peer, &e);
	if (e.kr != KR_E_NO_EDGE && e.kr != KR_E_STORE)
		kr_link_close(l, &e);
}

/* ---- what the source signed -------------------------------------------- */

/* A manifest may come before our own is made: keep it until then. */
static int take_manifest(struct kr_mig *m, const struct kr_step *s,
			 struct kr_err *e)
{
	int r;

	if (m->state != KR_T_LOAD)
		return kr_fail(e, KR_E_NO_EDGE, "manifest in %s",
			       kr_state_name(m->state));
	m->terms.stream = s->terms.stream;
	m->terms.postcopy = (typeof(m->terms.postcopy)){
		.early = s->terms.postcopy.early,
		.owed_pages = s->terms.postcopy.owed_pages,
	};
	if (m->terms.postcopy.early && !kr_strategy_early(m->strategy))
		return kr_fail(e, KR_E_UNEXPECTED, "post-copy, and %s was "
			       "agreed", kr_strategy_name(m->strategy));
	m->terms.times.paused_ms = s->terms.times.paused_ms;
	/* the lane's suite is in it too, as this host's own plane said it */
	r = kr_mig_check_peer(m, s, e);
	if (r) {
		kr_mig_fail(m, e);
		return 0;
	}
	m->have_peer_manifest = true;
	kr_target_match(m);
	return 0;
}

int kr_target_statement(struct kr_mig *m, const struct kr_step *s,
			struct kr_err *e)
{
	struct kr_terms before = m->terms;
	enum kr_event ev;
	int r;

	switch (s->kind) {
	case KR_STATEMENT_MANIFEST:
		return take_manifest(m, s, e);
	case KR_STATEMENT_REST:
		return kr_postcopy_rest(m, s, e);
	case KR_STATEMENT_RELEASE:
		ev = KR_EV_RELEASED;
		if (!m->terms.times.released_ms)
			m->terms.times.released_ms =
				s->terms.times.released_ms;
		break;
	case KR_STATEMENT_RECEIPT:
		ev = KR_EV_RECEIPT;
		m->terms.total_ms = s->terms.total_ms;
		m->terms.downtime_us = s->terms.downtime_us;
		m->terms.rounds = s->terms.rounds;
		m->terms.wire_bytes = s->terms.wire_bytes;
		m->terms.from_log = s->terms.from_log;
		break;
	case KR_STATEMENT_ABORT:
		ev = KR_EV_ABORTED;
		break;
	default:
		return kr_fail(e, KR_E_UNEXPECTED, "a source's %s",
			       kr_statement_name(s->kind));
	}
	r = kr_mig_heard(m, s, ev, &before, e);
	if (r)
		return r;
	return kr_mig_step(m, ev, e);
}
