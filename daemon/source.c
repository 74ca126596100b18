/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.c - the source's acts and what it hears. Runs in kororad.
 *
 * Until the release is out, every failure ends in revive(): the VM runs on
 * here. After it, nothing in this file runs the VM but a signed disown.
 */
#include <assert.h>
#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/api.h"
#include "daemon/disks.h"
#include "daemon/migration.h"
#include "daemon/record.h"
#include "wire/frame.h"

#define MIG_SOCKET	"mig.sock"
#define INSIST_MS	3000u	/* until resuming is tried once more */
#define RETRY_MS	200u

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
}

static int act_offer(struct kr_mig *m, struct kr_err *e)
{
	static struct kr_offer o;
	static uint8_t buf[KR_FRAME_BODY_BYTES_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	int r;

	memset(&o, 0, sizeof(o));
	o.terms = m->terms;
	o.def = m->def;
	o.recall_mib = m->recall_mib;
	r = kr_disks_identify(m->host, &m->def, o.disks, e);
	if (!r)
		r = kr_host_hyper_version(m->host, &o.hyper_version, e);
	if (!r)
		r = kr_statement_sign(KR_STATEMENT_OFFER, &m->terms,
				      m->host->identity, &o.sig, e);
	if (r)
		return r;
	kr_offer_put(&w, &o);
	kr_mig_expect(m, KR_MIG_ANSWER_MS, "no answer to the offer");
	return kr_link_send(m->link, KR_PEER_OFFER, &w, e);
}

/* ---- copy -------------------------------------------------------------- */

static void start_sending(struct kr_mig *m)
{
	struct kr_err e = KR_ERR_NONE;

	if (m->sending || m->state != KR_S_COPY)
		return;
	m->sending = m->touched = true;
	if ((m->offline && kr_vm_command(m->vm, KR_HYPER_PAUSE, &e)) ||
	    kr_vm_uri(m->vm, KR_HYPER_SEND, "unix:" MIG_SOCKET, &e))
		kr_mig_fail(m, &e);
}

static void socket_path(const struct kr_mig *m, char path[PATH_MAX])
{
	kr_vm_folder(m->host, m->terms.vm, path, PATH_MAX - 16);
	strcat(path, "/" MIG_SOCKET);
}

static int act_copy(struct kr_mig *m, struct kr_err *e)
{
	struct kr_hyper_setup s = {
		.incoming = 0,
		.max_bandwidth_bytes_s = m->bandwidth_bytes_s,
		.downtime_limit_ms = m->max_downtime_ms,
	};
	KR_AUTO(kr_fd_autoclose) int fd = -1;
	char path[PATH_MAX];
	int r;

	if (!m->vm)
		return kr_fail(e, KR_E_HYPER_DIED, "%s has no process",
			       m->terms.vm);
	socket_path(m, path);
	fd = kr_unix_listen(path, 0600);
	if (fd < 0)
		return kr_fail(e, KR_E_SYSTEM, "%s: %s", path, strerror(-fd));
	r = kr_vm_setup(m->vm, &s, e);
	if (!r)
		r = kr_mig_plane(m, fd, e);
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
static void maybe_sent(struct kr_mig *m)
{
	if (!m->sent || !m->have_manifest || m->state != KR_S_FREEZE)
		return;
	m->terms.stream.opaque = m->manifest.opaque;
	memcpy(m->terms.stream.ram_root, m->manifest.ram_root, 32);
	memcpy(m->terms.stream.device_digest, m->manifest.device_digest, 32);
	m->terms.stream.ram_bytes = m->manifest.ram_bytes;
	m->terms.stream.stream_bytes = m->manifest.stream_bytes;
	kr_mig_step(m, KR_EV_SENT, NULL);
}

void kr_source_plane(struct kr_mig *m, uint16_t what)
{
	if (what == KR_PLANE_UP) {
		kr_mig_expected(m);
		start_sending(m);
	} else {
		maybe_sent(m);
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
	kr_mig_end_vm(m, KR_S_DONE, kr_mig_finish);
	return 0;
}

/* ---- back to where it was ---------------------------------------------- */

static void revive(struct kr_mig *m)
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
	if (kr_vm_command(m->vm, cancel ? KR_HYPER_CANCEL : KR_HYPER_RUN, &e))
		kr_log_err(KR_LOG_ERROR, m->terms.vm, &e);
}

void kr_source_insist(struct kr_mig *m)
{
	struct kr_err e = KR_ERR_NONE;

	if (m->n_tries++ == KR_MIG_TRIES_MAX) {
		kr_fail(&e, KR_E_HYPER_FAILED, "%s cannot be resumed: korora "
			"vm stop and start it", m->terms.vm);
		kr_log_err(KR_LOG_ERROR, "revive", &e);
		kr_mig_finish(m);
		return;
	}
	m->broken = true;
	kr_timer_arm(m->host->loop, &m->again, INSIST_MS);
	revive(m);
}

static void on_ready(void *arg, const struct kr_hyper_ready *r)
{
	struct kr_mig *m = arg;

	m->sent = r->mig == KR_HYPER_MIG_COMPLETED;
	m->sending = r->mig != KR_HYPER_MIG_NONE;
	m->broken = r->mig == KR_HYPER_MIG_FAILED;
	if (m->ending)
		revive(m);
}

/* A guest that was paused runs here again: for how long did it not? */
static void stood_still(struct kr_mig *m, uint64_t until_ns)
{
	if (m->paused_ns && until_ns > m->paused_ns && !m->terms.downtime_us)
		m->terms.downtime_us = (until_ns - m->paused_ns) / 1000;
}

static void on_done(void *arg, uint16_t command)
{
	struct kr_mig *m = arg;

	if (!m->ending || command != KR_HYPER_RUN)
		return;
	stood_still(m, kr_now_ns());
	kr_mig_finish(m);
}

static void on_fail(void *arg, uint16_t command, const struct kr_err *e)
{
	struct kr_mig *m = arg;

	if (m->ending && command == KR_HYPER_CANCEL) {
		m->broken = true;	/* nothing to cancel: go on to RUN */
		revive(m);
	} else if (m->ending && command == KR_HYPER_RUN) {
		/* not finalised yet, say: a little later it will be */
		kr_log_err(KR_LOG_WARN, "cannot resume yet", e);
		kr_timer_arm(m->host->loop, &m->again, RETRY_MS);
	} else if (command != KR_HYPER_ASK &&
		   kr_state_before_return(m->state)) {
		kr_mig_fail(m, e);
	}
}

static void on_event(void *arg, const struct kr_hyper_event *ev)
{
	struct kr_mig *m = arg;
	struct kr_err e = KR_ERR_NONE;

	switch (ev->what) {
	case KR_HYPER_AT_SWITCH:
		m->paused_ns = ev->at_ns;
		m->terms.times.paused_ms = kr_wall_ms();
		kr_timer_arm(m->host->loop, &m->freeze, KR_MIG_FREEZE_MS);
		kr_mig_step(m, KR_EV_PAUSED, NULL);
		break;
	case KR_HYPER_SENT:
		m->sent = true;
		if (m->ending)
			revive(m);	/* the cancel came too late */
		else
			maybe_sent(m);
		break;
	case KR_HYPER_BROKEN:
		m->broken = true;
		if (m->ending) {
			revive(m);
			break;
		}
		kr_fail(&e, KR_E_HYPER_FAILED, "%s: %s", m->terms.vm,
			ev->reason);
		kr_mig_suspect(m, &e);
		break;
	case KR_HYPER_RUNNING:
		stood_still(m, ev->at_ns);
		break;
	case KR_HYPER_SHUTDOWN:
		kr_fail(&e, KR_E_VM_STATE, "%s powered itself off",
			m->terms.vm);
		kr_mig_fail(m, &e);
		break;
	default:
		break;
	}
}

static void on_status(void *arg, const struct kr_hyper_status *s)
{
	((struct kr_mig *)arg)->status = *s;
}

static void on_vm_gone(void *arg, const struct kr_err *e)
{
	struct kr_mig *m = arg;

	m->vm = NULL;
	kr_api_vm_died(m->host, m->terms.vm);
	if (m->ending)
		kr_mig_finish(m);
	else if (kr_state_before_return(m->state))
		kr_mig_fail(m, e);
}

static void watch(struct kr_mig *m)
{
	struct kr_vm_watch w = {
		.ready = on_ready, .done = on_done, .fail = on_fail,
		.event = on_event, .status = on_status, .gone = on_vm_gone,
		.arg = m,
	};

	if (m->vm)
		kr_vm_watch(m->vm, &w);
}

static int act_revive(struct kr_mig *m, struct kr_err *e)
{
	char path[PATH_MAX];

	(void)e;
	m->ending = true;
	kr_mig_send_fail(m);	/* first: it says why */
	if (m->sig_kind == KR_STATEMENT_ABORT)
		kr_mig_send(m, KR_STATEMENT_ABORT, NULL);
	kr_timer_arm(m->host->loop, &m->again, INSIST_MS);
	kr_mig_stop_plane(m);
	socket_path(m, path);
	unlink(path);	/* the VM's folder lives on */
	watch(m);
	revive(m);
	return 0;
}

/* From the point of no return on, the peer's word is all that counts. */
static int act_reconnect(struct kr_mig *m, struct kr_err *e)
{
	watch(m);
	return kr_mig_reconnect(m, e);
}

const kr_mig_act kr_source_acts[KR_ACT_N] = {
	[KR_ACT_CONNECT] = act_connect,	  [KR_ACT_OFFER] = act_offer,
	[KR_ACT_COPY] = act_copy,	  [KR_ACT_SWITCH] = act_switch,
	[KR_ACT_MANIFEST] = act_manifest, [KR_ACT_RELEASE] = act_release,
	[KR_ACT_RECEIPT] = act_receipt,	  [KR_ACT_DESTROY] = act_destroy,
	[KR_ACT_REVIVE] = act_revive,	  [KR_ACT_RECONNECT] = act_reconnect,
	[KR_ACT_ABORT] = act_abort,
};

/* ---- what the target signed -------------------------------------------- */

/* Figures the receipt states, known once the target runs the VM. */
static void measure(struct kr_mig *m, uint64_t since_us)
{
	struct kr_terms *t = &m->terms;
	uint64_t now = kr_now_ns(), wall = kr_wall_ms();

	if (t->total_ms)
		return;
	if (m->paused_ns) {
		/* it did not run there before it was released here */
		if (since_us > (now - m->released_ns) / 1000)
			since_us = (now - m->released_ns) / 1000;
		t->downtime_us = (now - m->paused_ns) / 1000 - since_us;
		t->total_ms = (now - m->started_ns) / 1000000;
	} else {	/* kororad was restarted: both clocks, then */
		uint64_t ran_ms = t->times.running_ms;

		if (ran_ms < t->times.released_ms)
			ran_ms = t->times.released_ms;
		if (ran_ms > wall)
			ran_ms = wall;
		t->downtime_us = ran_ms > t->times.paused_ms ?
				 (ran_ms - t->times.paused_ms) * 1000 : 0;
		t->total_ms = wall > t->times.requested_ms ?
			wall - t->times.requested_ms : 1;
	}
	m->terms.wire_bytes = m->progress.wire_sent_bytes +
			      m->progress.wire_received_bytes;
	m->terms.rounds = m->status.rounds ? m->status.rounds :
					     m->progress.rounds;
	kr_mig_log_head(m, &m->terms.from_log);
}

int kr_source_statement(struct kr_mig *m, const struct kr_step *s,
			struct kr_err *e)
{
	struct kr_terms before = m->terms;
	enum kr_event ev;
	int r;

	switch (s->kind) {
	case KR_STATEMENT_ACCEPTANCE:
		ev = KR_EV_ACCEPTED;
		memcpy(m->terms.nonce_to, s->terms.nonce_to, 32);
		break;
	case KR_STATEMENT_PREPARED:
		ev = KR_EV_PREPARED;
		break;
	case KR_STATEMENT_OWNER:
		ev = KR_EV_OWNED;
		break;
	case KR_STATEMENT_RECEIPT:
		ev = KR_EV_RECEIPT;
		break;
	case KR_STATEMENT_DISOWN:
		ev = KR_EV_DISOWNED;
		break;
	default:
		return kr_fail(e, KR_E_UNEXPECTED, "a target's %s",
			       kr_statement_name(s->kind));
	}
	r = kr_mig_heard(m, s, ev, &before, e);
	if (r)
		return r;
	if (ev == KR_EV_PREPARED && m->state == KR_S_SEAL) {
		m->terms.times.released_ms = kr_wall_ms();
		m->released_ns = kr_now_ns();
	}
	if (ev == KR_EV_OWNED && m->state == KR_S_RELEASED) {
		m->terms.times.running_ms = s->terms.times.running_ms;
		m->terms.to_log = s->terms.to_log;
		/* an owner says for how long it has run already */
		measure(m, s->terms.downtime_us);
	}
	if (ev == KR_EV_DISOWNED)
		kr_fail(&m->error, KR_E_DISOWNED, "%s gave %s back", m->peer,
			m->terms.vm);
	return kr_mig_step(m, ev, e);
}

/* ---- the start --------------------------------------------------------- */

int kr_source_start(struct kr_mig *m, struct kr_err *e)
{
	struct kr_terms *t = &m->terms;

	m->vm = kr_vm_find(m->host, m->def.name);
	if (!m->vm)
		return kr_fail(e, KR_E_VM_STATE, "%s does not run",
			       m->def.name);
	if (RAND_bytes(t->migration, 16) != 1 ||
	    RAND_bytes(t->nonce_from, 32) != 1)
		return kr_fail(e, KR_E_CRYPTO, "no randomness");
	snprintf(t->vm, sizeof(t->vm), "%s", m->def.name);
	snprintf(t->from_name, sizeof(t->from_name), "%s",
		 kr_identity_name(m->host->identity));
	snprintf(t->to_name, sizeof(t->to_name), "%s", m->peer);
	memcpy(t->from_keyid, kr_identity_keyid(m->host->identity), 32);
	memcpy(t->policy_digest, m->host->policy_digest, 32);
	snprintf(t->strategy, sizeof(t->strategy), "%s",
		 m->offline ? "offline" : "precopy");
	snprintf(t->protection.attestation, sizeof(t->protection.attestation),
		 "none");
	t->protection.n_lanes = kr_lanes_wanted(&m->host->cfg);
	m->recall_mib = m->host->cfg.recall_mib;
	t->times.requested_ms = kr_wall_ms();
	watch(m);
	kr_timer_arm(m->host->loop, &m->tick, 50);
	if (m->timeout_s)
		kr_timer_arm(m->host->loop, &m->timeout,
			     (uint64_t)m->timeout_s * 1000);
	return kr_mig_step(m, KR_EV_REQUEST, e);
}
