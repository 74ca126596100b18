/* SPDX-License-Identifier: Apache-2.0 */
/*
 * target.c - the destination's acts and what it hears. Runs in kororad.
 *
 * The VM's first instruction runs in act_run() alone, which the table enters
 * only with the source's signed release, after the owner record is durable.
 */
#include <errno.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/api.h"
#include "daemon/migration.h"
#include "daemon/preflight.h"
#include "daemon/record.h"

#define MIG_SOCKET	"mig.sock"
#define DROP_WAIT_MS	200u	/* for a copy to be dead; blocks */
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
	char path[PATH_MAX];
	struct kr_err e = KR_ERR_NONE;
	KR_AUTO(kr_fd_autoclose) int fd = -1;

	kr_vm_folder(m->host, m->terms.vm, path, sizeof(path) - 16);
	strcat(path, "/" MIG_SOCKET);
	fd = kr_unix_connect(path);
	if (fd < 0) {
		lose(m, KR_E_STREAM, "its migration socket is not there");
		return;
	}
	if (kr_mig_plane(m, fd, &e)) {
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

	if (m->vm && m->vm->ready && kr_vm_command(m->vm, KR_HYPER_RUN, &e))
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
	struct kr_hyper_setup s = { .incoming = 1 };
	struct kr_err e = KR_ERR_NONE;

	m->loaded = r->mig == KR_HYPER_MIG_COMPLETED;
	switch (m->state) {
	case KR_T_RESERVE:
		if (kr_vm_setup(m->vm, &s, &e) ||
		    kr_vm_uri(m->vm, KR_HYPER_RECEIVE, "unix:" MIG_SOCKET,
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
	m->running = !kr_mig_step(m, KR_EV_RUNNING, NULL);
}

static void on_done(void *arg, uint16_t command)
{
	struct kr_mig *m = arg;

	if (command == KR_HYPER_RECEIVE && m->state == KR_T_RESERVE)
		on_listening(m);
	else if (command == KR_HYPER_RUN)
		ran(m);
}

static void on_fail(void *arg, uint16_t command, const struct kr_err *e)
{
	struct kr_mig *m = arg;

	/* command 0: the agent died, not the VM; it is attached anew */
	if (m->state == KR_T_RAN || (!command && m->state >= KR_T_PREPARED))
		return;
	if (m->state == KR_T_OWNER) {	/* it must run: insist */
		kr_log_err(KR_LOG_WARN, "first instruction", e);
		m->n_tries++;
		kr_timer_arm(m->host->loop, &m->again, INSIST_MS);
		return;
	}
	kr_mig_fail(m, e);
}

static void maybe_matched(struct kr_mig *m);

static void on_event(void *arg, const struct kr_hyper_event *ev)
{
	struct kr_mig *m = arg;
	struct kr_err e = KR_ERR_NONE;

	switch (ev->what) {
	case KR_HYPER_LOADED:
		m->loaded = true;
		maybe_matched(m);
		break;
	case KR_HYPER_RUNNING:
		m->running_ns = ev->at_ns;
		ran(m);
		break;
	case KR_HYPER_BROKEN:
		kr_fail(&e, KR_E_HYPER_FAILED, "%s: %s", m->terms.vm,
			ev->reason);
		if (kr_state_before_return(m->state))
			kr_mig_suspect(m, &e);
		break;
	default:
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
	if (m->state == KR_T_OWNER || m->state == KR_T_RAN) {
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
	int r = kr_vm_spawn(m->host, &m->def, KR_HYPER_INCOMING, NULL, &m->vm,
			    e);

	watch(m);
	return r;
}

/* ---- load -------------------------------------------------------------- */

static int act_accept(struct kr_mig *m, struct kr_err *e)
{
	int r = kr_lanes_ask(m, e);

	return r ? r : kr_mig_send(m, KR_STATEMENT_ACCEPTANCE, e);
}

/* Loaded, own manifest made, the source's manifest here and signed. */
static void maybe_matched(struct kr_mig *m)
{
	const struct kr_manifest *o = &m->manifest;

	if (!m->loaded || !m->have_manifest || !m->have_peer_manifest ||
	    m->state != KR_T_LOAD)
		return;
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
		return;
	}
	kr_mig_expect(m, KR_MIG_FREEZE_MS, "no manifest of what it sent");
	maybe_matched(m);
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
	return 0;
}

static int act_owned(struct kr_mig *m, struct kr_err *e)
{
	return kr_mig_send(m, KR_STATEMENT_OWNER, e);
}

static int act_lost_vm(struct kr_mig *m, struct kr_err *e)
{
	return kr_mig_send(m, KR_STATEMENT_OWNER, e);
}

static int act_countersign(struct kr_mig *m, struct kr_err *e)
{
	int r = kr_mig_send(m, KR_STATEMENT_RECEIPT, e);

	kr_mig_finish(m);
	return r;
}

/*
 * The source is told first: its guest may be standing still. It may offer the
 * VM again at once, and while the copy dies that is one migration too many;
 * so most copies, which take some milliseconds, are waited for here.
 */
static int act_drop(struct kr_mig *m, struct kr_err *e)
{
	struct kr_vm *vm = m->vm;

	(void)e;
	kr_mig_send_fail(m);
	kr_mig_stop_plane(m);
	kr_mig_end_vm(m, KR_T_UNDONE, kr_mig_finish);
	if (m->killing && vm)
		kr_vm_wait(vm, DROP_WAIT_MS);
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
	[KR_ACT_OWNED] = act_owned,	  [KR_ACT_LOST_VM] = act_lost_vm,
	[KR_ACT_COUNTERSIGN] = act_countersign, [KR_ACT_DROP] = act_drop,
	[KR_ACT_DISOWN] = act_disown,	  [KR_ACT_RECONNECT] = act_reconnect,
	[KR_ACT_REATTACH] = act_reattach,
};

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
	m->terms.times.paused_ms = s->terms.times.paused_ms;
	/* the lane's suite is in it too, as this host's own plane said it */
	r = kr_mig_check_peer(m, s, e);
	if (r) {
		kr_mig_fail(m, e);
		return 0;
	}
	m->have_peer_manifest = true;
	maybe_matched(m);
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

/* ---- the offer --------------------------------------------------------- */

static int refuse(struct kr_link *l, const struct kr_offer *o,
		  const struct kr_err *why)
{
	struct kr_peerfail f = { .kr = (uint16_t)why->kr };
	uint8_t buf[KR_TEXT_BYTES_MAX + 32];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	json_t *d = json_pack("{s:s, s:s, s:i, s:s}", "vm", o->terms.vm,
			      "peer", l->peer, "code", (int)why->kr, "what",
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
	if (o->recall_mib > l->host->cfg.recall_mib)
		return kr_fail(e, KR_E_LIMIT, "%s wants to remember %u MiB of "
			       "pages, korora.conf of %s allows %u", l->peer,
			       o->recall_mib, t->to_name,
			       l->host->cfg.recall_mib);
	return 0;
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
	if (kr_mig_welcome(l->host, &why) || check_offer(l, o, &why) ||
	    kr_preflight_offer(l->host, o, &checks, &why))
		return refuse(l, o, &why);
	m = kr_mig_new(l->host, KR_T_NEW);
	if (!m)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	m->link = l;
	m->terms = o->terms;
	memset(m->terms.nonce_to, 0, sizeof(m->terms.nonce_to));
	m->def = o->def;
	m->recall_mib = o->recall_mib;
	snprintf(m->peer, sizeof(m->peer), "%s", l->peer);
	m->offline = !strcmp(o->terms.strategy, "offline");
	if (kr_mig_check_peer(m, &s, &why)) {
		kr_mig_forget(m);
		return refuse(l, o, &why);
	}
	if (kr_mig_step(m, KR_EV_OFFERED, &why) < 0) {
		kr_mig_forget(m);
		return refuse(l, o, &why);
	}
	return 0;
}
