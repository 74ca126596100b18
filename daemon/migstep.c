/* SPDX-License-Identifier: Apache-2.0 */
/*
 * migstep.c - the one way anything happens to a migration: an event, an
 * edge of the table, a durable record, an act. Runs in kororad.
 *
 * The record comes before the act, so after a crash the state in the store
 * says what may have been done, and KR_EV_RESTART's edge does it again or
 * undoes it; every act is idempotent.
 */
#include "daemon/migration.h"

#include <string.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/log.h"
#include "daemon/guard.h"
#include "daemon/record.h"

#define SUSPECT_MS	400u	/* for a cause to follow its effect */

static void drain(struct kr_mig *m)
{
	while (m->n_queue && !m->stepping) {
		enum kr_event ev = m->queue[0];
		struct kr_err e = KR_ERR_NONE;

		m->n_queue--;
		memmove(m->queue, m->queue + 1,
			m->n_queue * sizeof(m->queue[0]));
		if (kr_mig_step(m, ev, &e) < 0 && e.kr != KR_E_NO_EDGE)
			kr_log_err(KR_LOG_ERROR, "step", &e);
	}
}

static void log_step(const struct kr_mig *m, enum kr_state from,
		     enum kr_event ev)
{
	char id[9];

	kr_hex(m->terms.migration, 4, id);
	kr_log(KR_LOG_INFO, "migration %s of %s: %s + %s -> %s", id,
	       m->terms.vm, kr_state_name(from), kr_event_name(ev),
	       kr_state_name(m->state));
}

/* The store cannot be written: nothing new may happen but staying safe. */
static void cannot_record(struct kr_mig *m, const struct kr_edge *x,
			  enum kr_event ev, const struct kr_err *why)
{
	kr_log_err(KR_LOG_ERROR, "cannot record a step", why);
	if (!m->error.code)
		m->error = *why;
	kr_timer_arm(m->host->loop, &m->again, KR_MIG_AGAIN_MS);
	if (!kr_state_before_return(m->state))
		return;
	if (!kr_state_before_return(x->to) &&
	    kr_store_in_doubt(m->host->store))
		m->owes_certainty = true;
	if (ev != KR_EV_FAIL)
		kr_mig_step(m, KR_EV_FAIL, NULL);
	else
		kr_mig_send_fail(m);	/* the peer need not wait for us */
}

/*
 * A VM does not stand still because a disk is full. From each state before
 * the point of no return a restart undoes what this undoes, so a crash ends
 * the same with or without the record; and in memory nothing leads on from
 * undone. Only where the record of a release may have reached the disk, and
 * a restart may then stand by it, the undoing has to be on disk first.
 */
static bool undo_unrecorded(struct kr_mig *m, const struct kr_edge *x,
			    enum kr_event ev, const struct kr_err *why)
{
	if (!kr_state_before_return(m->state) || kr_state_ended(m->state) ||
	    !kr_state_ended(x->to) || m->owes_certainty)
		return false;
	kr_log_err(KR_LOG_ERROR, "undone, and that cannot be recorded yet",
		   why);
	if (!m->error.code)
		m->error = *why;
	m->owed = m->state;
	m->owed_ev = ev;
	return true;
}

int kr_mig_catch_up(struct kr_mig *m, struct kr_err *e)
{
	enum kr_state now = m->state;
	int r;

	if (m->owed == KR_ILLEGAL)
		return 0;
	m->state = m->owed;
	r = kr_record_step(m, now, m->owed_ev, e);
	m->state = now;
	if (!r)
		m->owed = KR_ILLEGAL;
	return r;
}

/*
 * Before the point of no return, and where the VM itself is gone, a failed
 * act is a failed migration; elsewhere it is tried again, a little later.
 */
static void act_failed(struct kr_mig *m, const struct kr_err *why)
{
	if (kr_state_before_return(m->state) || why->kr == KR_E_HYPER_DIED ||
	    why->kr == KR_E_VM_LOST) {
		kr_mig_fail(m, why);
		return;
	}
	kr_log_err(KR_LOG_WARN, m->terms.vm, why);
	kr_timer_arm(m->host->loop, &m->again, KR_MIG_AGAIN_MS);
}

static void fault(enum kr_state from, enum kr_event ev, enum kr_fault_at at)
{
	kr_fault(kr_handover_fault_number(from, ev, at));
}

int kr_mig_step(struct kr_mig *m, enum kr_event ev, struct kr_err *e)
{
	enum kr_state from = m->state;
	const struct kr_edge *x = &kr_handover[from][ev];
	const kr_mig_act *acts = kr_state_side(from) == KR_SOURCE ?
				 kr_source_acts : kr_target_acts;
	struct kr_err why = KR_ERR_NONE;
	int r = 0, early = 0;

	if (m->stepping) {
		if (m->n_queue < KR_MIG_QUEUE_MAX)
			m->queue[m->n_queue++] = ev;
		return 0;
	}
	if (x->to == KR_ILLEGAL)
		return kr_fail(e, KR_E_NO_EDGE, "%s in %s", kr_event_name(ev),
			       kr_state_name(from));
	if (ev == KR_EV_SESSION && from == KR_S_PREPARE)
		kr_source_session(m);
	if (kr_guard_step(m, x->to, &why)) {
		if (ev == KR_EV_FAIL || !kr_state_before_return(from) ||
		    kr_handover[from][KR_EV_FAIL].to == KR_ILLEGAL)
			return kr_fail(e, why.kr, "%s", why.what);
		kr_mig_fail(m, &why);	/* this one, and nothing else */
		return 0;
	}
	if (ev == KR_EV_FAIL && x->act == KR_ACT_LOST_VM) {
		kr_mig_log_head(m, &m->terms.to_log);
		m->terms.postcopy.lost = m->terms.postcopy.early;
		kr_terms_forget_last(&m->terms);
	}
	m->stepping = true;
	if (x->eager) {
		fault(from, ev, KR_FAULT_BEFORE);
		early = acts[x->act](m, &why);
	}
	if (!early && !kr_mig_catch_up(m, NULL)) {
		fault(from, ev, KR_FAULT_RECORD);
		r = kr_record_step(m, x->to, ev, &why);
	}
	if (r && !undo_unrecorded(m, x, ev, &why)) {
		m->stepping = false;
		cannot_record(m, x, ev, &why);
		return kr_fail(e, why.kr, "%s", why.what);
	}
	m->owes_certainty = false;
	if (x->to != from) {
		m->n_again = m->n_tries = 0;
		kr_mig_expected(m);
	}
	m->state = x->to;
	log_step(m, from, ev);
	if (!x->eager)
		fault(from, ev, KR_FAULT_BEFORE);
	r = x->eager ? early : acts[x->act] ? acts[x->act](m, &why) : 0;
	fault(from, ev, KR_FAULT_AFTER);
	m->stepping = false;
	if (r < 0)
		act_failed(m, &why);
	if (x->to != from && !kr_state_ended(x->to))
		kr_mig_tell(m);
	drain(m);
	return 0;
}

void kr_mig_fail(struct kr_mig *m, const struct kr_err *e)
{
	/* a VM that runs on what is owed is lost by a loss alone */
	if (e && e->kr != KR_E_VM_LOST && kr_postcopy_late(m) &&
	    kr_anew_torn(m, e))
		return;
	if (e && e->code) {
		if (!m->error.code || e->kr == KR_E_VM_LOST)
			m->error = *e;
		kr_log_err(KR_LOG_WARN, m->terms.vm, e);
	}
	if (!m->finished)
		kr_mig_step(m, KR_EV_FAIL, NULL);
}

void kr_mig_suspect(struct kr_mig *m, const struct kr_err *e)
{
	if (m->plane.io.fd < 0 || m->have_manifest) {
		kr_mig_fail(m, e);
		return;
	}
	if (!m->suspect.code || m->suspect.kr == KR_E_PEER_SILENT)
		m->suspect = *e;	/* rather than what was waited for */
	kr_timer_arm(m->host->loop, &m->again, SUSPECT_MS);
}

void kr_mig_expect(struct kr_mig *m, uint32_t in_ms, const char *what)
{
	m->suspect = KR_ERR_NONE;
	kr_fail(&m->suspect, KR_E_PEER_SILENT, "%s: %s in %u ms", m->peer,
		what, in_ms);
	kr_timer_arm(m->host->loop, &m->again, in_ms);
}

void kr_mig_expected(struct kr_mig *m)
{
	m->suspect = KR_ERR_NONE;
	kr_timer_off(&m->again);
}
