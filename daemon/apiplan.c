/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apiplan.c - the API's method plan, and the strategy auto of migrate: a
 * probe, then what it showed, then perhaps the migration itself. In kororad.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "daemon/api.h"
#include "daemon/plan.h"

#define NEXT_MS	300u	/* for the destination to have dropped the probe */

/* Without a plan it would be a migration in earnest. */
static int begin_probe(struct kr_mig *m, uint32_t seconds, bool go_on,
		       struct kr_err *e)
{
	m->plan = kr_plan_new(m, seconds, go_on);
	if (m->plan)
		return kr_api_begin(m, e);
	kr_mig_forget(m);
	return kr_fail(e, KR_E_SYSTEM, "out of memory");
}

int kr_api_plan(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	uint64_t s = KR_PLAN_SECONDS;
	struct kr_mig *m;
	int r = kr_api_number(q, "seconds", 1, KR_PLAN_SECONDS_MAX, &s, e);

	(void)ret;
	if (!r)
		r = kr_api_prepare(q, &m, e);
	return r ? r : begin_probe(m, (uint32_t)s, false, e);
}

int kr_api_choose(struct kr_mig *m, struct kr_err *e)
{
	return begin_probe(m, KR_PLAN_SECONDS, true, e);
}

/* ---- after the probe --------------------------------------------------- */

/* Nothing came of it, for a reason that is not the probe's own. */
static void answer(struct kr_mig *probe, const struct kr_err *e)
{
	json_t *o = probe->plan->go_on ? kr_mig_result(probe) :
					 kr_plan_result(probe, e);

	if (probe->plan->go_on) {
		json_object_set_new(o, "status", json_string(
			e->kr == KR_E_CANCELLED ? "cancelled" : "refused"));
		json_object_set_new(o, "error", kr_mig_error(e));
	}
	kr_api_answer(probe->host, probe->client, o, NULL);
	probe->client = 0;
}

/* Another probe, if the first was short, or the migration itself. */
static int follow(const struct kr_mig *probe, struct kr_err *e)
{
	struct kr_plan_way ways[KR_PLAN_WAYS];
	struct kr_mig *m;
	int r = kr_api_repeat(probe, &m, e);

	if (r)
		return r;
	if (kr_plan_short(probe)) {
		r = begin_probe(m, probe->plan->seconds, probe->plan->go_on,
				e);
		if (m->plan)
			m->plan->warm = true;
		return r;
	}
	kr_plan_ways(probe, ways);
	m->strategy = kr_strategy_find(kr_plan_best(probe, ways)->strategy);
	return kr_api_begin(m, e);
}

static void on_next(void *arg)
{
	struct kr_mig *probe = arg;
	struct kr_err e = probe->plan->off;

	if (e.code || follow(probe, &e) != KR_API_LATER)
		answer(probe, &e);
	probe->client = 0;
}

static bool later(struct kr_mig *m)
{
	m->plan->next = (struct kr_timer){ .fn = on_next, .arg = m };
	kr_timer_arm(m->host->loop, &m->plan->next, NEXT_MS);
	return true;
}

/* What was picked, and why, in a sentence for the log and the user. */
static void tell_choice(struct kr_mig *m, const struct kr_plan_way *w)
{
	char why[160];
	json_t *ev = kr_plan_result(m, NULL);

	snprintf(why, sizeof(why), "%s: about %llu ms in all, standing still "
		 "for %llu ms", w->strategy,
		 (unsigned long long)w->f.total_ms.expected,
		 (unsigned long long)w->f.downtime_ms.expected);
	kr_log(KR_LOG_INFO, "%s to %s by strategy %s", m->terms.vm, m->peer,
	       why);
	json_object_set_new(ev, "kind", json_string("plan"));
	json_object_set_new(ev, "why", json_string(why));
	kr_api_event(m->host, m->client, ev);
}

/* The one that fits, later; or that none does. */
static bool choose(struct kr_mig *m)
{
	struct kr_plan_way ways[KR_PLAN_WAYS];
	const struct kr_plan_way *best;
	struct kr_err e = KR_ERR_NONE;

	kr_plan_ways(m, ways);
	best = kr_plan_best(m, ways);
	if (best) {
		tell_choice(m, best);
		return later(m);
	}
	kr_fail(&e, KR_E_NO_WAY, "%s would stand still for %u ms by %s, %u ms "
		"by %s", m->terms.vm, ways[0].f.needs_ms, ways[0].strategy,
		ways[1].f.needs_ms, ways[1].strategy);
	answer(m, &e);
	return true;
}

bool kr_api_planned(struct kr_mig *m)
{
	const struct kr_plan *p = m->plan;

	kr_plan_over(m);
	if (!m->client)
		return true;
	if (p->measured && p->off.code) {
		answer(m, &p->off);
		return true;
	}
	if (kr_plan_short(m))
		return later(m);
	if (p->go_on)	/* refused, cancelled: as any migration */
		return p->measured && choose(m);
	kr_api_answer(m->host, m->client, kr_plan_result(m, NULL), NULL);
	m->client = 0;
	return true;
}

bool kr_api_call_off(struct kr_mig *m, const struct kr_err *why)
{
	struct kr_plan *p = m->plan;

	if (!p)
		return false;
	if (!p->off.code)
		p->off = *why;
	if (!p->next.due_ns)
		return false;
	kr_timer_off(&p->next);
	on_next(m);
	return true;
}
