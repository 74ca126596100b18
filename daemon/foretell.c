/* SPDX-License-Identifier: Apache-2.0 */
/* foretell.c - see foretell.h. Runs in kororad. */
#include "daemon/foretell.h"

#include <stdio.h>
#include <string.h>

#include "daemon/forecast.h"
#include "daemon/linkspeed.h"
#include "daemon/plan.h"
#include "daemon/record.h"
#include "daemon/touched.h"
#include "wire/session.h"

#define LOOK_BACK	32u	/* migrations of a VM, for one with the peer */
#define LOOK_ASIDE	8u	/* of others with the peer: the fastest counts */

struct past {
	const char *peer, *tenant;
	bool	    any;		/* of the VM: @at */
	uint64_t    bytes_s;		/* the fastest, of any VM */
	struct kr_forecast_past at;
};

/* Only of the VM's tenant: others are told nothing of how theirs moved. */
static bool read_past(const struct kr_migrow *row, const char *tenant,
		      struct kr_forecast_past *ret_p)
{
	static struct kr_terms t;
	static struct kr_vmdef d;

	return !kr_record_terms(row, &t, &d, NULL) &&
	       !strcmp(d.tenant, tenant) &&
	       kr_forecast_past(&t, d.memory_mb, ret_p);
}

static int see_own(void *arg, const struct kr_migrow *row, struct kr_err *e)
{
	struct past *p = arg;
	struct kr_forecast_past one;
	bool theirs = !strcmp(row->peer, p->peer);

	(void)e;
	if ((p->any && !theirs) || !read_past(row, p->tenant, &one))
		return 0;
	p->any = true;
	p->at = one;
	return theirs;
}

static int see_other(void *arg, const struct kr_migrow *row, struct kr_err *e)
{
	struct past *p = arg;
	struct kr_forecast_past one;
	uint64_t bytes_s;

	(void)e;
	if (!read_past(row, p->tenant, &one))
		return 0;
	bytes_s = kr_forecast_speed(&one);
	p->bytes_s = bytes_s > p->bytes_s ? bytes_s : p->bytes_s;
	return 0;
}

/* A store that cannot be read knows nothing; who writes to it next says so.
 * Return: what it is based on. */
static const char *guess(const struct kr_mig *m,
			 const struct kr_forecast_task *t,
			 struct kr_predict_probe *ret_p)
{
	struct kr_store *s = m->host->store;
	struct past p = { .peer = m->peer, .tenant = m->def.tenant };

	kr_migrow_of_vm(s, m->def.name, LOOK_BACK, see_own, &p, NULL);
	if (p.any) {
		kr_forecast_by_past(t, &p.at, ret_p);
		return KR_BASIS_HISTORY;
	}
	kr_migrow_with_peer(s, m->peer, LOOK_ASIDE, see_other, &p, NULL);
	if (p.bytes_s) {
		kr_forecast_by_size(t, p.bytes_s, ret_p);
		return KR_BASIS_HISTORY;
	}
	kr_forecast_by_size(t, kr_linkspeed(&m->link->local), ret_p);
	return KR_BASIS_SIZE;
}

static uint64_t sayable(uint64_t v)
{
	return v < KR_TERMS_NUMBER_MAX ? v : KR_TERMS_NUMBER_MAX;
}

void kr_foretell(struct kr_mig *m)
{
	struct kr_terms *t = &m->terms;
	struct kr_forecast_task task = {
		.strategy = m->strategy,
		.max_downtime_ms = m->max_downtime_ms,
		.throttle = m->throttle,
		.bandwidth_bytes_s = m->bandwidth_bytes_s,
		.memory_bytes = (uint64_t)m->def.memory_mb << 20,
	};
	bool may_say = m->link->info.version >= KR_WIRE_VERSION_BASIS;
	const char *basis = KR_BASIS_PLAN;
	struct kr_predict_probe probe;
	struct kr_predict_forecast f;

	if (!kr_plan_recall(m, &probe)) {
		if (!may_say)
			return;
		task.touched_bytes = m->vm ? kr_touched_about(m->vm->pid) : 0;
		basis = guess(m, &task, &probe);
	}
	kr_forecast_play(&task, &probe, &f);
	t->predicted.total_ms = sayable(f.total_ms.expected);
	t->predicted.downtime_ms = sayable(f.downtime_ms.expected);
	t->predicted.wire_bytes = sayable(f.wire_bytes.expected);
	if (may_say)
		snprintf(t->predicted.basis, sizeof(t->predicted.basis), "%s",
			 basis);
}
