/* SPDX-License-Identifier: Apache-2.0 */
/*
 * target.c - the destination's acts and what its hypervisor tells. Runs in
 * kororad.
 *
 * The VM's first instruction runs in act_run() alone, which the table enters
 * only with the source's signed release, after the owner record is durable.
 */
#include <openssl/rand.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/api.h"
#include "daemon/migration.h"
#include "daemon/plan.h"

#define INSIST_MS	500u	/* until RUN is said once more */

/* ---- reserve: a hypervisor that waits ---------------------------------- */

static void lose(struct kr_mig *m, enum kr_code kr, const char *what)
{
	struct kr_err e = KR_ERR_NONE;

	kr_fail(&e, kr, "%s: %s", m->terms.vm, what);
	kr_mig_fail(m, &e);
}

/* The hypervisor listens: connect the data plane to it. */
static void on_listening(struct kr_mig *m)
{
	struct kr_anew_ends ends = { 0 };
	struct kr_err e = KR_ERR_NONE;
	int r = kr_mig_connect(m, &ends, &e);

	if (!r)
		r = kr_mig_plane(m, ends.fds, ends.n, &e);
	kr_mig_hang_up(&ends);
	if (r) {
		kr_mig_fail(m, &e);
		return;
	}
	if (RAND_bytes(m->terms.nonce_to, 32) != 1)
		lose(m, KR_E_CRYPTO, "no randomness");
	else
		kr_mig_step(m, KR_EV_READY, NULL);
}

static void run(struct kr_mig *m)
{
	struct kr_err e = KR_ERR_NONE;

	if (!m->vm || !m->vm->ready || m->run_asked)
		return;
	m->run_asked = true;
	if (kr_vm_command(m->vm, KR_HYPER_RUN, &e))
		kr_log_err(KR_LOG_ERROR, m->terms.vm, &e);
}

void kr_target_insist(struct kr_mig *m)
{
	struct kr_err e = KR_ERR_NONE;

	if (!m->vm || m->n_tries >= KR_MIG_TRIES_MAX) {
		/* paused it stays: its memory is the only one there is */
		kr_fail(&e, KR_E_VM_LOST, "%s would not run", m->terms.vm);
		m->error = e;
		kr_mig_fail(m, &e);
		return;
	}
	kr_timer_arm(m->host->loop, &m->again, INSIST_MS);
	run(m);
}

static void on_ready(void *arg, const struct kr_hyper_ready *r)
{
	struct kr_mig *m = arg;
	struct kr_hyper_setup s = {
		.incoming = 1,
		.multifd_channels = kr_mig_multifd(m),
		.postcopy = kr_strategy_early(m->strategy),
	};
	struct kr_err e = KR_ERR_NONE;

	m->loaded = r->mig == KR_HYPER_MIG_COMPLETED;
	m->run_asked = false;
	if (kr_postcopy_ready(m, r))
		return;
	switch (m->state) {
	case KR_T_RESERVE:
		m->terms.preempt = m->preempt && r->preempt &&
				   m->host->cfg.postcopy_preempt;
		s.preempt = m->terms.preempt;
		if (kr_vm_setup(m->vm, &s, &e) ||
		    kr_vm_uri(m->vm, KR_HYPER_RECEIVE, "unix:" KR_MIG_SOCKET,
			      &e))
			kr_mig_fail(m, &e);
		break;
	case KR_T_LOAD:
		lose(m, KR_E_QMP_LOST, "its agent died while it loaded");
		break;
	case KR_T_PREPARED:
		if (r->run != KR_HYPER_IS_PAUSED)
			lose(m, KR_E_HYPER_FAILED, "not as it was left");
		break;
	case KR_T_OWNER:
		run(m);
		break;
	default:
		break;
	}
}

static void ran(struct kr_mig *m)
{
	if (m->state != KR_T_OWNER || m->running)
		return;
	m->terms.times.running_ms = kr_wall_ms();
	kr_mig_log_head(m, &m->terms.to_log);
	kr_timer_off(&m->again);
	m->running = !kr_mig_step(m, m->terms.postcopy.early ? KR_EV_EARLY :
				  KR_EV_RUNNING, NULL);
	kr_postcopy_whole(m);
}

static void on_done(void *arg, uint16_t command)
{
	struct kr_mig *m = arg;

	m->run_asked &= command != KR_HYPER_RUN;
	if (kr_postcopy_done(m, command))
		return;
	if (command == KR_HYPER_RECEIVE && m->state == KR_T_RESERVE)
		on_listening(m);
	else if (command == KR_HYPER_RUN)
		ran(m);
}

static void on_fail(void *arg, uint16_t command, const struct kr_err *e)
{
	struct kr_mig *m = arg;

	m->run_asked &= command != KR_HYPER_RUN;
	if (kr_anew_fail(m, command, e))
		return;
	/* command 0: the agent died, not the VM; it is attached anew */
	if (m->state == KR_T_RAN || m->state == KR_T_FETCH ||
	    (!command && m->state >= KR_T_PREPARED))
		return;
	if (m->state == KR_T_OWNER) {	/* it must run: insist */
		kr_log_err(KR_LOG_WARN, "first instruction", e);
		/* post-copy: it may wait for a page to get as far */
		m->n_tries += !m->terms.postcopy.early;
		kr_timer_arm(m->host->loop, &m->again, INSIST_MS);
		return;
	}
	kr_mig_fail(m, e);
}

static void on_event(void *arg, const struct kr_hyper_event *ev)
{
	struct kr_mig *m = arg;
	struct kr_err e = KR_ERR_NONE;

	switch (ev->what) {
	case KR_HYPER_LOADED:
		m->loaded = true;
		kr_target_match(m);
		kr_postcopy_whole(m);
		break;
	case KR_HYPER_LOADED_EARLY:
		m->pc.loaded = true;
		kr_target_match(m);
		break;
	case KR_HYPER_RUNNING:
		m->running_ns = ev->at_ns;
		ran(m);
		break;
	case KR_HYPER_SHUTDOWN:
		m->pc.off = !ev->kr;
		break;
	case KR_HYPER_BROKEN:
		kr_fail(&e, KR_E_HYPER_FAILED, "%s: %s", m->terms.vm,
			ev->reason);
		if (kr_state_before_return(m->state))
			kr_mig_suspect(m, &e);
		break;
	default:
		kr_postcopy_event(m, ev->what);
		break;
	}
}

static void on_vm_gone(void *arg, const struct kr_err *e)
{
	struct kr_mig *m = arg;
	struct kr_err why = *e;

	m->vm = NULL;
	if (m->finished)
		return;
	if (kr_state_before_return(m->state)) {
		kr_mig_suspect(m, e);
		return;
	}
	if (m->state == KR_T_FETCH && m->pc.off) {
		kr_api_vm_died(m->host, m->terms.vm);
		kr_postcopy_off(m);
		return;
	}
	if (m->state == KR_T_OWNER || m->state == KR_T_RAN ||
	    m->state == KR_T_FETCH) {
		kr_api_vm_died(m->host, m->terms.vm);
		why = KR_ERR_NONE;
		kr_fail(&why, KR_E_VM_LOST, "%.150s", e->what);
		m->error = why;
	}
	kr_mig_fail(m, &why);
}

static void watch(struct kr_mig *m)
{
	struct kr_vm_watch w = {
		.ready = on_ready, .done = on_done, .fail = on_fail,
		.event = on_event, .gone = on_vm_gone, .arg = m,
	};

	if (m->vm)
		kr_vm_watch(m->vm, &w);
}

static int act_reserve(struct kr_mig *m, struct kr_err *e)
{
	int r = kr_vm_spawn(m->host, &m->def,
			    kr_strategy_early(m->strategy) ?
			    KR_HYPER_INCOMING_EARLY : KR_HYPER_INCOMING, NULL,
			    &m->vm, e);

	watch(m);
	return r;
}

/* ---- load -------------------------------------------------------------- */

static int act_accept(struct kr_mig *m, struct kr_err *e)
{
	int r = kr_lanes_ask(m, e);

	return r ? r : kr_mig_send(m, KR_STATEMENT_ACCEPTANCE, e);
}

/* Loaded, own manifest made, the source's manifest here and signed; or, in
 * post-copy, as much of it as it takes to run. */
void kr_target_match(struct kr_mig *m)
{
	bool early = m->terms.postcopy.early;
	const struct kr_manifest *o = early ? &m->pc.split.manifest :
					      &m->manifest;

	if (!m->have_peer_manifest || m->state != KR_T_LOAD ||
	    !(early ? m->pc.loaded && m->pc.have_split :
		      m->loaded && m->have_manifest))
		return;
	if (!strcmp(m->terms.strategy, KR_PLAN_STRATEGY)) {
		lose(m, KR_E_UNEXPECTED, "a probe that was sent to its end");
		return;
	}
	if (early && m->pc.split.owed_pages != m->terms.postcopy.owed_pages) {
		lose(m, KR_E_ROOT_DIFFERS,
		     "the source owes other than what is missing");
		return;
	}
	if (o->opaque != m->terms.stream.opaque ||
	    memcmp(o->ram_root, m->terms.stream.ram_root, 32) ||
	    memcmp(o->device_digest, m->terms.stream.device_digest, 32) ||
	    o->ram_bytes != m->terms.stream.ram_bytes ||
	    o->stream_bytes != m->terms.stream.stream_bytes) {
		lose(m, KR_E_ROOT_DIFFERS,
		     "the source's manifest is not what arrived");
		return;
	}
	kr_mig_step(m, KR_EV_MATCHED, NULL);
}

void kr_target_plane(struct kr_mig *m, uint16_t what)
{
	if (what == KR_PLANE_UP) {
		kr_mig_expected(m);
		kr_anew_up(m);
		return;
	}
	kr_postcopy_whole(m);
	if (m->state != KR_T_LOAD)
		return;
	kr_mig_expect(m, KR_MIG_FREEZE_MS, "no manifest of what it sent");
	kr_target_match(m);
}

/* ---- hand-over --------------------------------------------------------- */

static int act_prepared(struct kr_mig *m, struct kr_err *e)
{
	return kr_mig_send(m, KR_STATEMENT_PREPARED, e);
}

static int act_run(struct kr_mig *m, struct kr_err *e)
{
	watch(m);
	if (!m->vm)
		return kr_fail(e, KR_E_VM_LOST, "%s has no process here",
			       m->terms.vm);
	kr_timer_arm(m->host->loop, &m->again, INSIST_MS);
	run(m);
	/* post-copy: it may need what is owed to get as far as to run */
	return m->terms.postcopy.early ?
	       kr_mig_send(m, KR_STATEMENT_OWNER, e) : 0;
}

/* That it runs here; or that it does and nothing is owed any more. */
static int act_owned(struct kr_mig *m, struct kr_err *e)
{
	return kr_mig_send(m, m->terms.postcopy.early &&
			   m->state != KR_T_FETCH ? KR_STATEMENT_COMPLETE :
						    KR_STATEMENT_OWNER, e);
}

static int act_countersign(struct kr_mig *m, struct kr_err *e)
{
	int r = kr_mig_send(m, KR_STATEMENT_RECEIPT, e);

	kr_mig_finish(m);
	return r;
}

/*
 * The source is told first: its guest may be standing still. It may offer the
 * VM again at once: that offer waits (nextoffer.h).
 */
static int act_drop(struct kr_mig *m, struct kr_err *e)
{
	(void)e;
	kr_mig_send_fail(m);
	kr_mig_stop_plane(m);
	kr_mig_end_vm(m, KR_T_UNDONE, kr_mig_finish);
	return 0;
}

static int say_disown(struct kr_mig *m, struct kr_err *e)
{
	if (!m->link)
		return kr_mig_reconnect(m, e);
	if (m->terms.times.released_ms)
		return kr_mig_send(m, KR_STATEMENT_DISOWN, e);
	kr_mig_send_fail(m);	/* the source's answer says which it is */
	kr_mig_ask(m);
	return 0;
}

static void disown(struct kr_mig *m)
{
	struct kr_err e = KR_ERR_NONE;

	if (say_disown(m, &e) >= 0)
		return;
	kr_log_err(KR_LOG_WARN, m->terms.vm, &e);
	kr_timer_arm(m->host->loop, &m->again, KR_MIG_AGAIN_MS);
}

/*
 * It will never run here: end it first, then say so. Whatever asks for this
 * act meanwhile, nothing is said before the copy is dead; or, should a disk
 * hold it for longer than KR_VM_KILL_MS, before it was killed that long ago.
 */
static int act_disown(struct kr_mig *m, struct kr_err *e)
{
	(void)e;
	kr_mig_stop_plane(m);
	kr_mig_end_vm(m, KR_T_UNDONE, disown);
	return 0;
}

static int act_reconnect(struct kr_mig *m, struct kr_err *e)
{
	watch(m);
	if (m->state == KR_T_FETCH && !m->vm && !m->adrift) {
		m->error = KR_ERR_NONE;
		return kr_fail(e, KR_E_VM_LOST, "%s has no process here",
			       m->terms.vm);
	}
	return kr_mig_reconnect(m, e);
}

static int act_reattach(struct kr_mig *m, struct kr_err *e)
{
	watch(m);
	if (!m->vm)
		return kr_fail(e, KR_E_HYPER_DIED, "%s has no process here",
			       m->terms.vm);
	return kr_mig_reconnect(m, e);
}

const kr_mig_act kr_target_acts[KR_ACT_N] = {
	[KR_ACT_RESERVE] = act_reserve,	  [KR_ACT_ACCEPT] = act_accept,
	[KR_ACT_PREPARED] = act_prepared, [KR_ACT_RUN] = act_run,
	[KR_ACT_OWNED] = act_owned,	  [KR_ACT_LOST_VM] = act_owned,
	[KR_ACT_COUNTERSIGN] = act_countersign, [KR_ACT_DROP] = act_drop,
	[KR_ACT_DISOWN] = act_disown,	  [KR_ACT_RECONNECT] = act_reconnect,
	[KR_ACT_REATTACH] = act_reattach,
};
