/* SPDX-License-Identifier: Apache-2.0 */
/*
 * migration.c - a migration's life: begun, looked after, finished, taken up
 * again after a restart; and its sessions with the peer. What happens in it is
 * migstep.c's. Runs in kororad.
 */
#include "daemon/migration.h"

#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/api.h"
#include "daemon/attested.h"
#include "daemon/nextoffer.h"
#include "daemon/peerkey.h"
#include "daemon/peerquote.h"
#include "daemon/plan.h"
#include "daemon/record.h"
#include "daemon/vtpmmove.h"
#include "policy/book.h"

#define TICK_MS		200u
#define FORGET_MS	30000u	/* the store knows it from then on */
#define IN_DOUBT_TRIES	4u	/* then who asked is told to wait for it */
#define AGAIN_MAX_MS	5000u

void kr_mig_tell(struct kr_mig *m)
{
	json_t *ev;

	if (!m->client || m->finished)
		return;
	ev = kr_mig_describe(m);
	json_object_set_new(ev, "kind", json_string("progress"));
	kr_api_event(m->host, m->client, ev);
}

/* ---- life -------------------------------------------------------------- */

static void on_timeout(void *arg)
{
	struct kr_mig *m = arg;
	struct kr_err e = KR_ERR_NONE;

	if (!kr_state_before_return(m->state) || kr_state_ended(m->state))
		return;
	kr_fail(&e, KR_E_TIMEOUT, "not finished after %u s", m->timeout_s);
	kr_mig_fail(m, &e);
}

/* The guest stands still: not for longer than this. */
static void on_freeze(void *arg)
{
	struct kr_mig *m = arg;
	struct kr_err e = KR_ERR_NONE;

	if (!kr_state_before_return(m->state) || kr_state_ended(m->state))
		return;
	kr_fail(&e, KR_E_HYPER_SLOW, "%s was paused for %u ms and the switch "
		"is not done", m->terms.vm, KR_MIG_FREEZE_MS);
	kr_mig_fail(m, &e);
}

static void on_tick(void *arg)
{
	struct kr_mig *m = arg;

	kr_timer_arm(m->host->loop, &m->tick, TICK_MS);
	kr_source_ask(m);
	kr_mig_tell(m);
}

/* The peer decides, and does not: look for it. */
static void try_again(struct kr_mig *m)
{
	struct kr_err e = KR_ERR_NONE;

	if (m->adrift) {
		m->adrift = kr_vm_adopt(m->host, &m->def, &m->vm, NULL) < 0;
		if (m->adrift)
			kr_timer_arm(m->host->loop, &m->again, KR_MIG_AGAIN_MS);
		else
			kr_mig_step(m, KR_EV_RESTART, NULL);
		return;
	}
	if (m->state == KR_T_FETCH && !m->vm) {	/* and could not be recorded */
		if (m->pc.off) {
			kr_postcopy_off(m);
			return;
		}
		kr_fail(&e, KR_E_VM_LOST, "%s has no process here",
			m->terms.vm);
		kr_mig_fail(m, &e);
		return;
	}
	kr_anew_again(m);
	if (kr_mig_reconnect(m, &e))
		kr_log_err(KR_LOG_WARN, m->peer, &e);
}

static void on_again(void *arg)
{
	struct kr_mig *m = arg;

	if (m->finished || m->killing)	/* after_kill() goes on then */
		return;
	if (m->ending && !m->settled && kr_state_ended(m->state))
		kr_source_insist(m);
	else if (m->state == KR_T_OWNER)
		kr_target_insist(m);
	else if (kr_state_ended(m->state))
		kr_mig_finish(m);
	else if (kr_state_before_return(m->state))
		kr_mig_fail(m, &m->suspect);
	else
		try_again(m);
}

static void on_reap(void *arg)
{
	struct kr_mig *m = arg, **p = &m->host->migs;

	while (*p && *p != m)
		p = &(*p)->next;
	if (*p)
		*p = m->next;
	kr_mig_stop_plane(m);
	kr_mig_hang_up(&m->anew.ends);
	kr_peerquote_stop(&m->quote);
	kr_nextoffer_drop(m);
	kr_timer_off(&m->timeout);
	kr_timer_off(&m->freeze);
	kr_timer_off(&m->tick);
	kr_timer_off(&m->again);
	kr_timer_off(&m->reap);
	kr_plan_free(m->plan);
	json_decref(m->result);
	free(m->request);
	kr_book_free(m->book);
	free(m);
}

struct kr_mig *kr_mig_new(struct kr_host *h, enum kr_state state)
{
	struct kr_mig *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->host = h;
	m->state = state;
	m->book = kr_book_keep(h->book);
	m->uid = (uid_t)-1;	/* nobody's, until who asked is known */
	m->plane.io.fd = m->pc.far_fd = -1;
	kr_lanes_init(m);
	m->sig_kind = KR_STATEMENT_N;
	m->started_ns = m->since_ns = kr_now_ns();
	m->timeout = (struct kr_timer){ .fn = on_timeout, .arg = m };
	m->freeze = (struct kr_timer){ .fn = on_freeze, .arg = m };
	m->tick = (struct kr_timer){ .fn = on_tick, .arg = m };
	m->again = (struct kr_timer){ .fn = on_again, .arg = m };
	m->reap = (struct kr_timer){ .fn = on_reap, .arg = m };
	m->next = h->migs;
	h->migs = m;
	return m;
}

void kr_mig_forget(struct kr_mig *m)
{
	m->finished = true;
	if (m->vm)
		kr_api_idle_vm(m->vm);
	m->vm = NULL;
	kr_timer_arm(m->host->loop, &m->reap, FORGET_MS);
}

struct kr_mig *kr_mig_find(struct kr_host *h, const uint8_t id[16])
{
	struct kr_mig *m;

	for (m = h->migs; m; m = m->next)
		if (!memcmp(m->terms.migration, id, 16))
			return m;
	m = kr_record_load(h, id, NULL);
	if (m && m->finished)
		kr_mig_forget(m);
	return m;
}

bool kr_mig_with(struct kr_host *h, const char *peer)
{
	for (struct kr_mig *m = h->migs; m; m = m->next)
		if (!m->finished && !strcmp(m->peer, peer))
			return true;
	return false;
}

struct kr_mig *kr_mig_of_vm(struct kr_host *h, const char *vm)
{
	for (struct kr_mig *m = h->migs; m; m = m->next)
		if (!m->finished && !strcmp(m->terms.vm, vm))
			return m;
	return NULL;
}

static void on_killed(void *arg, bool dead)
{
	struct kr_mig *m = arg;

	(void)dead;	/* killed, it runs nothing: the log tells it lingers */
	m->killing = false;
	m->after_kill(m);
}

void kr_mig_end_vm(struct kr_mig *m, enum kr_state st,
		   void (*then)(struct kr_mig *m))
{
	struct kr_vm *vm = m->vm;

	m->after_kill = then;
	m->vm = NULL;
	if (m->killing)
		return;
	if (vm && kr_record_ours(m, st)) {
		m->killing = true;
		kr_vm_clear(vm, on_killed, m);
		return;
	}
	if (vm)
		kr_api_idle_vm(vm);
	then(m);
}

void kr_mig_finish(struct kr_mig *m)
{
	struct kr_err e = KR_ERR_NONE;
	bool first = !m->settled;

	if (m->finished)
		return;
	m->settled = true;
	kr_mig_stop_plane(m);
	kr_mig_hang_up(&m->anew.ends);
	kr_timer_off(&m->timeout);
	kr_timer_off(&m->freeze);
	kr_timer_off(&m->tick);
	kr_timer_off(&m->again);
	if (m->vm)
		kr_api_idle_vm(m->vm);
	m->vm = NULL;
	m->finished = true;
	if (kr_mig_catch_up(m, &e) || kr_record_finish(m, &e)) {
		/* unfinished on disk is unfinished: a restart would see it */
		m->finished = false;
		if (first)
			kr_log_err(KR_LOG_ERROR, "finish", &e);
		kr_timer_arm(m->host->loop, &m->again, KR_MIG_AGAIN_MS);
		kr_api_call_off(m, &e);
		if (kr_state_before_return(m->state))
			kr_api_migrated(m);	/* and undo it once more */
		return;
	}
	kr_vtpmmove_over(m);
	kr_api_migrated(m);
	kr_nextoffer_over(m);
	kr_timer_arm(m->host->loop, &m->reap, FORGET_MS);
}

int kr_mig_welcome(const struct kr_host *h, struct kr_err *e)
{
	return h->ending.fn ? kr_fail(e, KR_E_NO_DAEMON, "kororad on %s is "
				      "being stopped",
				      kr_identity_name(h->identity)) : 0;
}

void kr_mig_undo_all(struct kr_host *h)
{
	struct kr_err e = KR_ERR_NONE;

	kr_fail(&e, KR_E_CRASHED, "kororad on %s is being stopped",
		kr_identity_name(h->identity));
	for (struct kr_mig *m = h->migs; m; m = m->next) {
		kr_api_call_off(m, &e);
		if (!m->finished && !kr_state_ended(m->state) &&
		    kr_state_before_return(m->state))
			kr_mig_fail(m, &e);
	}
}

bool kr_mig_undoing(const struct kr_host *h)
{
	for (const struct kr_mig *m = h->migs; m; m = m->next)
		if (!m->finished && !m->settled &&
		    kr_state_before_return(m->state))
			return true;
	return false;
}

void kr_mig_fini(struct kr_host *h)
{
	while (h->migs) {
		/* a VM that runs on what comes needs the plane, not us */
		if (kr_postcopy_late(h->migs))
			kr_chan_close(&h->migs->plane);
		on_reap(h->migs);
	}
}

static int recover_one(void *arg, const struct kr_migrow *row,
		       struct kr_err *e)
{
	struct kr_host *h = arg;
	struct kr_mig *m = kr_record_load(h, row->id, e);

	if (!m)
		return 0;	/* logged; the others still want recovery */
	if (kr_state_before_return(m->state) && !m->error.code)
		kr_fail(&m->error, KR_E_CRASHED, "in %s",
			kr_state_name(m->state));
	m->finished = false;
	return 0;
}

int kr_mig_recover(struct kr_host *h, struct kr_err *e)
{
	int r = kr_migrow_unfinished(h->store, recover_one, h, e);

	for (struct kr_mig *m = h->migs; m && !r; m = m->next) {
		struct kr_err why = KR_ERR_NONE;
		int a = m->finished ? 1 : kr_vm_adopt(h, &m->def, &m->vm,
						      &why);

		if (a < 0)
			kr_log_err(KR_LOG_ERROR, m->terms.vm, &why);
		m->adrift = a < 0;
		m->touched = true;
		if (!m->finished && kr_mig_step(m, KR_EV_RESTART, &why) < 0)
			kr_log_err(KR_LOG_ERROR, "recover", &why);
	}
	return r;
}

/* ---- sessions ---------------------------------------------------------- */

int kr_mig_reconnect(struct kr_mig *m, struct kr_err *e)
{
	unsigned int wait = KR_MIG_AGAIN_MS * (1 + m->n_again);

	if (m->finished)
		return 0;
	m->link = kr_link_find(m->host, m->peer);
	if (m->link && !m->n_again++)
		return kr_mig_step(m, KR_EV_SESSION, e);
	kr_timer_arm(m->host->loop, &m->again,
		     wait < AGAIN_MAX_MS ? wait : AGAIN_MAX_MS);
	if (m->link) {		/* said before, to no effect: not at once */
		m->n_again = 0;
		return 0;
	}
	m->n_again++;
	if (m->client && m->n_again >= IN_DOUBT_TRIES)
		kr_api_in_doubt(m);
	for (struct kr_link *l = m->host->links; l; l = l->next)
		if (l->outgoing && !l->dead && !strcmp(l->peer, m->peer))
			return 0;	/* one is on its way */
	kr_link_connect(m->host, m->peer, NULL, NULL);
	return 0;
}

void kr_mig_link_up(struct kr_link *l)
{
	for (struct kr_mig *m = l->host->migs; m; m = m->next) {
		if (m->finished || m->link || strcmp(m->peer, l->peer))
			continue;
		m->link = l;
		if (kr_state_ended(m->state))
			continue;	/* its timer is not for the peer */
		m->n_again = 0;
		kr_timer_off(&m->again);
		kr_mig_step(m, KR_EV_SESSION, NULL);
	}
	kr_api_link_up(l);
	kr_peerkey_link_up(l);
}

void kr_mig_link_down(struct kr_link *l)
{
	for (struct kr_mig *m = l->host->migs; m; m = m->next) {
		bool mine = m->link == l || (!m->link && l->outgoing &&
					     m->state == KR_S_PREPARE &&
					     !strcmp(m->peer, l->peer));

		if (!mine) {
			/* what was said on it is said again on the other */
			if (m->link && !m->finished &&
			    !kr_state_before_return(m->state) &&
			    !strcmp(m->peer, l->peer))
				kr_mig_step(m, KR_EV_SESSION, NULL);
			continue;
		}
		m->link = NULL;
		if (m->finished)
			continue;
		if (kr_state_before_return(m->state) && !m->error.code)
			m->error = l->error;
		kr_mig_step(m, KR_EV_LOST, NULL);
	}
	kr_api_link_down(l);
	kr_peerkey_link_down(l);
	kr_attested_link_down(l);
	kr_nextoffer_link_down(l);
	kr_peerquote_link_down(l);
}
