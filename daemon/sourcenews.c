/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sourcenews.c - what the source's hypervisor tells of itself and its VM, and
 * what follows of it for the migration. Runs in kororad.
 */
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/api.h"
#include "daemon/migration.h"
#include "daemon/plan.h"

#define RETRY_MS	200u	/* until RUN, refused, is said once more */

static void on_ready(void *arg, const struct kr_hyper_ready *r)
{
	struct kr_mig *m = arg;

	if (m->touched) {	/* else it tells of an earlier migration */
		m->sent = r->mig == KR_HYPER_MIG_COMPLETED;
		m->sending = r->mig != KR_HYPER_MIG_NONE;
		m->broken = r->mig == KR_HYPER_MIG_FAILED;
	}
	m->asked = m->ask_again = false;
	if (!kr_postcopy_ready(m, r) && m->ending)
		kr_source_revive(m);
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

	if (kr_postcopy_done(m, command) || !m->ending ||
	    command != KR_HYPER_RUN)
		return;
	stood_still(m, kr_now_ns());
	kr_mig_unlink_socket(m);
	kr_mig_finish(m);
}

/* One question at a time: a hypervisor may be slow to answer. */
void kr_source_ask(struct kr_mig *m)
{
	if ((m->state != KR_S_COPY && m->state != KR_S_STREAM) || !m->vm ||
	    !m->sending)
		return;
	if (m->asked)
		m->ask_again = true;
	else
		m->asked = !kr_vm_command(m->vm, KR_HYPER_ASK, NULL);
}

/* What was to be asked meanwhile is asked now: the answer may be older. */
static void answered(struct kr_mig *m)
{
	bool again = m->ask_again;

	m->asked = m->ask_again = false;
	if (again)
		kr_source_ask(m);
	else if (m->plan && m->plan->all_ns)
		kr_plan_stop(m);
}

/* Words beside the migration: without them it goes on as it would. */
static bool is_aside(uint16_t command)
{
	return command == KR_HYPER_ASK || command == KR_HYPER_LIMIT ||
	       command == KR_HYPER_SAMPLE;
}

static void on_fail(void *arg, uint16_t command, const struct kr_err *e)
{
	struct kr_mig *m = arg;

	if (command == KR_HYPER_ASK)
		answered(m);
	if (m->plan && command == KR_HYPER_SAMPLE)
		m->plan->sampling = false;
	if (kr_anew_fail(m, command, e))
		return;
	if (m->ending && command == KR_HYPER_CANCEL) {
		m->broken = true;	/* nothing to cancel: go on to RUN */
		kr_source_revive(m);
	} else if (m->ending && command == KR_HYPER_RUN) {
		/* not finalised yet, say: a little later it will be */
		kr_log_err(KR_LOG_WARN, "cannot resume yet", e);
		kr_timer_arm(m->host->loop, &m->again, RETRY_MS);
	} else if (!is_aside(command) && kr_state_before_return(m->state)) {
		kr_mig_fail(m, e);
	}
}

static void on_event(void *arg, const struct kr_hyper_event *ev)
{
	struct kr_mig *m = arg;
	struct kr_err e = KR_ERR_NONE;

	switch (ev->what) {
	case KR_HYPER_AT_SWITCH:
		if (m->plan) {
			kr_plan_all(m, ev->at_ns);
			break;
		}
		m->paused_ns = ev->at_ns;
		m->terms.times.paused_ms = kr_wall_ms();
		kr_timer_arm(m->host->loop, &m->freeze, KR_MIG_FREEZE_MS);
		kr_mig_step(m, KR_EV_PAUSED, NULL);
		break;
	case KR_HYPER_PASS:
		m->pass_ns = ev->at_ns;
		kr_source_ask(m);
		break;
	case KR_HYPER_SENT:
		m->sent = true;
		if (m->ending)
			kr_source_revive(m);	/* the cancel came too late */
		else
			kr_source_sent(m);
		kr_postcopy_event(m, ev->what);
		break;
	case KR_HYPER_BROKEN:
		if (kr_postcopy_event(m, ev->what))
			break;
		m->broken = true;
		if (m->plan && m->plan->all_ns)
			kr_plan_stop(m);	/* it was we who broke it */
		if (m->ending) {
			kr_source_revive(m);
			break;
		}
		kr_fail(&e, KR_E_HYPER_FAILED, "%s: %s", m->terms.vm,
			ev->reason);
		kr_mig_suspect(m, &e);
		break;
	case KR_HYPER_RUNNING:
		stood_still(m, ev->at_ns);
		if (m->plan && m->paused_ns)
			m->plan->still_us = (ev->at_ns - m->paused_ns) / 1000;
		break;
	case KR_HYPER_SHUTDOWN:
		kr_fail(&e, KR_E_VM_STATE, "%s powered itself off",
			m->terms.vm);
		kr_mig_fail(m, &e);
		break;
	default:
		kr_postcopy_event(m, ev->what);
		break;
	}
}

/* Does it converge? If not, allow as much downtime as it needs and may. */
static void follow(struct kr_mig *m)
{
	struct kr_converge_pass p = {
		.rounds = m->status.rounds, .at_ns = m->pass_ns,
		.left_bytes = m->status.left_bytes,
		.sent_bytes = m->status.sent_bytes,
	};
	struct kr_hyper_limit l;
	struct kr_err e = KR_ERR_NONE;

	if (!kr_converge_feed(&m->converge, &p))
		return;
	l.downtime_limit_ms = m->converge.told_ms;
	kr_log(KR_LOG_INFO, "%s stalls in pass %u: stopped when %u ms of "
	       "memory are left", m->terms.vm, p.rounds, m->converge.told_ms);
	if (kr_vm_limit(m->vm, &l, &e))
		kr_log_err(KR_LOG_WARN, m->terms.vm, &e);
}

static void on_status(void *arg, const struct kr_hyper_status *s)
{
	struct kr_mig *m = arg;

	m->status = *s;
	if (m->plan)
		kr_plan_status(m);
	else if (m->state == KR_S_COPY && m->sending &&
		 m->strategy != KR_STRATEGY_OFFLINE)
		follow(m);
	kr_postcopy_begin(m);
	answered(m);
}

static void on_vm_gone(void *arg, const struct kr_err *e)
{
	struct kr_mig *m = arg;

	m->vm = NULL;
	kr_api_vm_died(m->host, m->terms.vm);
	if (m->ending)
		kr_mig_finish(m);
	else if (kr_state_before_return(m->state) || m->state == KR_S_STREAM)
		kr_mig_fail(m, e);
}

void kr_source_watch(struct kr_mig *m)
{
	struct kr_vm_watch w = {
		.ready = on_ready, .done = on_done, .fail = on_fail,
		.event = on_event, .status = on_status, .gone = on_vm_gone,
		.arg = m,
	};

	if (m->vm)
		kr_vm_watch(m->vm, &w);
}
