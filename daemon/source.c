/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.c - the source's acts. Runs in kororad.
 *
 * Until the release is out, every failure ends in kr_source_revive(): the VM
 * runs on here. After it, nothing in this file runs the VM but a signed disown.
 */
#include <assert.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/attested.h"
#include "daemon/disks.h"
#include "daemon/foretell.h"
#include "daemon/authorise.h"
#include "daemon/migration.h"
#include "daemon/plan.h"
#include "daemon/policy.h"
#include "daemon/record.h"
#include "daemon/vtpmmove.h"
#include "daemon/witness.h"
#include "store/requestrow.h"
#include "wire/frame.h"

#define INSIST_MS	3000u	/* until resuming is tried once more */
#define OVER_MS		500u	/* until it has gone over to post-copy */

/* ---- prepare and offer ------------------------------------------------- */

static int act_connect(struct kr_mig *m, struct kr_err *e)
{
	m->link = kr_link_find(m->host, m->peer);
	if (m->link)
		return kr_mig_step(m, KR_EV_SESSION, e);
	return kr_link_connect(m->host, m->peer, NULL, e);
}

/* What the session gives the terms, before the offer is signed. */
void kr_source_session(struct kr_mig *m)
{
	struct kr_terms *t = &m->terms;

	if (!m->link)
		return;
	memcpy(t->to_keyid, m->link->info.keyid, 32);
	memcpy(t->binding, m->link->info.binding, 32);
	memcpy(t->protection.control_tls, m->link->info.tls, 16);
	memcpy(t->protection.control_suite, m->link->info.suite, 40);
	if (!m->plan)
		kr_foretell(m);
}

static int say_offer(struct kr_mig *m, struct kr_err *e)
{
	static struct kr_offer o;
	static uint8_t buf[KR_FRAME_BODY_BYTES_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	int r;

	memset(&o, 0, sizeof(o));
	o.terms = m->terms;
	o.def = m->def;
	o.recall_mib = m->recall_mib;
	o.multifd = m->multifd;
	o.preempt = m->preempt;
	r = kr_disks_identify(m->host, &m->def, o.disks, e);
	if (!r)
		r = kr_host_hyper_version(m->host, &o.hyper_version, e);
	if (!r)
		r = kr_statement_sign(KR_STATEMENT_OFFER, &m->terms,
				      m->host->identity, &o.sig, e);
	if (r)
		return r;
	kr_offer_put(&w, &o);
	if (m->plan)
		m->plan->offered_ns = kr_now_ns();
	kr_mig_expect(m, KR_MIG_ANSWER_MS, "no answer to the offer");
	return kr_link_send(m->link, KR_PEER_OFFER, &w, e);
}

/* By what is in force? The log that was shown tells of it, and the terms are
 * signed already. */
static int is_decided(const struct kr_mig *m, struct kr_err *e)
{
	const struct kr_terms *t = &m->terms;

	if (!memcmp(t->from_policy.digest, m->host->policy_digest, 32))
		return 0;
	return kr_fail(e, KR_E_POLICY_CHANGED, "another policy came into force "
		       "on %s before %s was offered", t->from_name, t->vm);
}

void kr_source_ready(struct kr_mig *m)
{
	struct kr_err e = KR_ERR_NONE;

	if (!m->log_vouched || !m->log_cosigned || !m->attested)
		return;
	m->peer_policy = m->link->policy;
	if (is_decided(m, &e) || say_offer(m, &e))
		kr_mig_fail(m, &e);
}

/* The offer follows once both logs are vouched for, and the peer attested. */
static int act_offer(struct kr_mig *m, struct kr_err *e)
{
	int r = kr_witness_begin(m, e);

	kr_mig_expect(m, KR_MIG_ANSWER_MS, "did not vouch for this log");
	return r ? r : kr_attested_begin(m, e);
}

/* ---- copy -------------------------------------------------------------- */

static void start_sending(struct kr_mig *m)
{
	struct kr_err e = KR_ERR_NONE;

	if (m->sending || m->state != KR_S_COPY)
		return;
	m->sending = m->touched = true;
	if ((m->strategy == KR_STRATEGY_OFFLINE &&
	     kr_vm_command(m->vm, KR_HYPER_PAUSE, &e)) ||
	    kr_vm_uri(m->vm, KR_HYPER_SEND, "unix:" KR_MIG_SOCKET, &e))
		kr_mig_fail(m, &e);
	else if (m->plan)
		kr_plan_sending(m);
}

static int act_copy(struct kr_mig *m, struct kr_err *e)
{
	struct kr_hyper_setup s = {
		.incoming = 0,
		.max_bandwidth_bytes_s = m->bandwidth_bytes_s,
		.multifd_channels = kr_mig_multifd(m),
		.throttle = m->throttle && !m->plan,
		.postcopy = kr_strategy_early(m->strategy),
		.preempt = m->terms.preempt,
	};
	KR_AUTO(kr_fd_autoclose) int fd = -1;
	int r;

	if (!m->vm)
		return kr_fail(e, KR_E_HYPER_DIED, "%s has no process",
			       m->terms.vm);
	kr_converge_init(&m->converge, m->max_downtime_ms);
	s.downtime_limit_ms = m->plan ? KR_PLAN_LIMIT_MS :
					m->converge.told_ms;
	fd = kr_mig_listen(m, e);
	if (fd < 0)
		return fd;
	r = kr_vm_setup(m->vm, &s, e);
	if (!r)
		r = kr_mig_plane(m, &fd, 1, e);
	return r ? r : kr_lanes_ask(m, e);
}

static int act_switch(struct kr_mig *m, struct kr_err *e)
{
	if (!m->vm)
		return kr_fail(e, KR_E_HYPER_DIED, "%s has no process",
			       m->terms.vm);
	return kr_vm_command(m->vm, KR_HYPER_SWITCH, e);
}

/* Both the hypervisor and the data plane are done. */
void kr_source_sent(struct kr_mig *m)
{
	if (!m->sent || !m->have_manifest)
		return;
	if (m->state == KR_S_FREEZE)
		kr_mig_take_manifest(m, &m->manifest);
	kr_mig_step(m, KR_EV_SENT, NULL);	/* post-copy: again */
}

void kr_source_plane(struct kr_mig *m, uint16_t what)
{
	if (what == KR_PLANE_UP) {
		kr_mig_expected(m);
		start_sending(m);
		kr_anew_up(m);
	} else {
		kr_source_sent(m);
	}
}

/* ---- hand-over --------------------------------------------------------- */

static int act_manifest(struct kr_mig *m, struct kr_err *e)
{
	return kr_mig_send(m, KR_STATEMENT_MANIFEST, e);
}

static int act_release(struct kr_mig *m, struct kr_err *e)
{
	return kr_mig_send(m, KR_STATEMENT_RELEASE, e);
}

static int act_receipt(struct kr_mig *m, struct kr_err *e)
{
	return kr_mig_send(m, KR_STATEMENT_RECEIPT, e);
}

static int act_abort(struct kr_mig *m, struct kr_err *e)
{
	return kr_mig_send(m, KR_STATEMENT_ABORT, e);
}

static int act_destroy(struct kr_mig *m, struct kr_err *e)
{
	(void)e;
	kr_mig_stop_plane(m);
	/* what was just written is vouched for as well, if the peer is there */
	if (m->link)
		kr_witness_begin(m, NULL);
	kr_mig_end_vm(m, KR_S_DONE, kr_mig_finish);
	return 0;
}

/* ---- back to where it was ---------------------------------------------- */

void kr_source_revive(struct kr_mig *m)
{
	struct kr_err e = KR_ERR_NONE;
	bool cancel = m->sending && !m->sent && !m->broken;

	assert(kr_state_before_return(m->state));
	if (!m->vm || !kr_record_ours(m, KR_S_UNDONE)) {
		kr_mig_finish(m);
		return;
	}
	if (!m->vm->ready) {	/* on_ready() comes back here */
		if (!m->touched)
			kr_mig_finish(m);
		return;
	}
	if ((cancel && kr_postcopy_undo(m, &e)) ||
	    kr_vm_command(m->vm, cancel ? KR_HYPER_CANCEL : KR_HYPER_RUN, &e))
		kr_log_err(KR_LOG_ERROR, m->terms.vm, &e);
}

void kr_source_insist(struct kr_mig *m)
{
	struct kr_err e = KR_ERR_NONE;

	/* in post-copy the target's copy has the disks until it is dead */
	if (m->n_tries++ == KR_MIG_TRIES_MAX && !m->pc.begun) {
		kr_fail(&e, KR_E_HYPER_FAILED, "%s cannot be resumed: korora "
			"vm stop and start it", m->terms.vm);
		kr_log_err(KR_LOG_ERROR, "revive", &e);
		kr_mig_finish(m);
		return;
	}
	/* post-copy has to be undone before, which may fail at first */
	m->broken = !m->pc.begun || m->n_tries % 2 == 0;
	kr_timer_arm(m->host->loop, &m->again, INSIST_MS);
	kr_source_revive(m);
}

static int act_revive(struct kr_mig *m, struct kr_err *e)
{
	(void)e;
	m->ending = true;
	kr_mig_send_fail(m);	/* first: it says why */
	if (m->sig_kind == KR_STATEMENT_ABORT)
		kr_mig_send(m, KR_STATEMENT_ABORT, NULL);
	kr_timer_arm(m->host->loop, &m->again, INSIST_MS);
	/* a plane that drains multifd channels, or what goes over to post-copy,
	 * is wanted until QEMU is out of its migration; kr_mig_finish() stops
	 * it, too */
	if (!m->sending || (!m->multifd &&
			    (!m->pc.begun || m->pc.have_split)))
		kr_mig_stop_plane(m);
	kr_mig_unlink_socket(m);
	kr_source_watch(m);
	/* a hypervisor that is just going over to post-copy may hang if it is
	 * called back in that moment */
	if (m->pc.begun && !m->pc.have_split)
		kr_timer_arm(m->host->loop, &m->again, OVER_MS);
	else
		kr_source_revive(m);
	return 0;
}

/* From the point of no return on, the peer's word is all that counts. */
static int act_reconnect(struct kr_mig *m, struct kr_err *e)
{
	kr_source_watch(m);
	return kr_mig_reconnect(m, e);
}

const kr_mig_act kr_source_acts[KR_ACT_N] = {
	[KR_ACT_CONNECT] = act_connect,	  [KR_ACT_OFFER] = act_offer,
	[KR_ACT_COPY] = act_copy,	  [KR_ACT_SWITCH] = act_switch,
	[KR_ACT_MANIFEST] = act_manifest, [KR_ACT_RELEASE] = act_release,
	[KR_ACT_RECEIPT] = act_receipt,	  [KR_ACT_DESTROY] = act_destroy,
	[KR_ACT_REVIVE] = act_revive,	  [KR_ACT_RECONNECT] = act_reconnect,
	[KR_ACT_ABORT] = act_abort,	  [KR_ACT_FEED] = kr_postcopy_feed,
};

/* ---- the start --------------------------------------------------------- */

/* What probes took before counts, too. */
static int arm_timeout(struct kr_mig *m, struct kr_err *e)
{
	uint64_t all_ms = m->timeout_s * 1000ull;
	uint64_t gone_ms = (kr_now_ns() - m->since_ns) / 1000000;

	if (!m->timeout_s)
		return 0;
	if (gone_ms >= all_ms)
		return kr_fail(e, KR_E_TIMEOUT, "not begun after %u s",
			       m->timeout_s);
	kr_timer_arm(m->host->loop, &m->timeout, all_ms - gone_ms);
	return 0;
}

int kr_source_start(struct kr_mig *m, struct kr_err *e)
{
	struct kr_vm *vm = kr_vm_find(m->host, m->def.name);
	struct kr_terms *t = &m->terms;
	int r;

	/* one that is started or stopped is watched by who does that */
	if (!vm || vm->busy || vm->dying)
		return kr_fail(e, KR_E_VM_STATE, "%s does not run",
			       m->def.name);
	if (kr_strategy_early(m->strategy) && !m->host->cfg.postcopy)
		return kr_fail(e, KR_E_LIMIT, "%s: korora.conf of this host "
			       "has postcopy = off",
			       kr_strategy_name(m->strategy));
	r = kr_vtpmmove_may(&m->def, m->strategy, e);
	if (!r)
		r = arm_timeout(m, e);
	if (r)
		return r;
	m->vm = vm;
	if (RAND_bytes(t->migration, 16) != 1 ||
	    RAND_bytes(t->nonce_from, 32) != 1)
		return kr_fail(e, KR_E_CRYPTO, "no randomness");
	snprintf(t->vm, sizeof(t->vm), "%s", m->def.name);
	snprintf(t->from_name, sizeof(t->from_name), "%s",
		 kr_identity_name(m->host->identity));
	snprintf(t->to_name, sizeof(t->to_name), "%s", m->peer);
	memcpy(t->from_keyid, kr_identity_keyid(m->host->identity), 32);
	/* it may have been asked for a while ago, before a probe; approvals
	 * are looked at when they are used */
	if (!m->request ||
	    memcmp(t->from_policy.digest, m->host->policy_digest, 32))
		r = kr_authorise_again(m, e);
	if (r)
		return r;
	kr_policy_tell(m->host, &t->from_policy);
	t->approvals = m->request ? (uint8_t)m->request->needed : 0;
	snprintf(t->strategy, sizeof(t->strategy), "%s",
		 m->plan ? KR_PLAN_STRATEGY : kr_strategy_name(m->strategy));
	snprintf(t->protection.attestation, sizeof(t->protection.attestation),
		 "none");
	m->preempt = kr_strategy_early(m->strategy) && !m->plan &&
		     vm->ready && vm->at_ready.preempt &&
		     m->host->cfg.postcopy_preempt;
	t->protection.n_lanes = kr_lanes_wanted(&m->host->cfg, m->preempt);
	m->recall_mib = m->host->cfg.recall_mib;
	m->multifd = m->host->cfg.multifd && !kr_strategy_early(m->strategy);
	t->throttle = m->throttle && !m->plan;
	t->times.requested_ms = kr_wall_ms();
	kr_source_watch(m);
	kr_timer_arm(m->host->loop, &m->tick, 50);
	return kr_mig_step(m, KR_EV_REQUEST, e);
}
