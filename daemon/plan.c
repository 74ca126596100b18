/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c - see plan.h. Runs in kororad. */
#include "daemon/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/demands.h"
#include "daemon/touched.h"

#define EARLY_NS	500000000ull	/* buffers on the way are full then */
#define PASSES_ENOUGH	12u
#define WIRE_LEAST	(1u << 20)	/* of stream, to tell a ratio by */
#define SAMPLES		2u	/* of 1 s, then 2 s: does it level off? */
#define RECENT_MAX	32u

/* What was measured of late. Of too many the oldest is forgotten. */
static struct recent {
	char	 vm[64], peer[64];
	uint64_t at_ns, bandwidth_bytes_s;
	struct kr_predict_probe probe;
} recent[RECENT_MAX];

/* ---- measuring --------------------------------------------------------- */

static void on_end(void *arg)
{
	kr_plan_stop(arg);
}

struct kr_plan *kr_plan_new(struct kr_mig *m, uint32_t seconds, bool go_on)
{
	struct kr_plan *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->seconds = seconds;
	p->go_on = go_on;
	p->end = (struct kr_timer){ .fn = on_end, .arg = m };
	return p;
}

void kr_plan_free(struct kr_plan *p)
{
	if (!p)
		return;
	kr_timer_off(&p->end);
	kr_timer_off(&p->next);
	free(p);
}

void kr_plan_sending(struct kr_mig *m)
{
	struct kr_plan *p = m->plan;

	p->began_ns = kr_now_ns();
	p->probe.touched_bytes = kr_touched_bytes(m->vm->pid,
						  m->def.memory_mb);
	kr_timer_arm(m->host->loop, &p->end, (uint64_t)p->seconds * 1000);
}

/*
 * Keep a sample that is there, and take the next, longer one. It may be
 * refused while an earlier probe's is under way: then it is asked for again.
 */
static void sample(struct kr_mig *m)
{
	const struct kr_hyper_status *s = &m->status;
	struct kr_plan *p = m->plan;

	if (p->sampling && s->sampled_bytes_s &&
	    s->sampled_s == p->n_samples + 1) {
		kr_predict_point(&p->probe, s->sampled_s * 1000ull,
				 s->sampled_bytes_s * s->sampled_s);
		p->n_samples++;
		p->sampling = false;
	}
	if (!p->sampling && p->n_samples < SAMPLES)
		p->sampling = !kr_vm_sample(m->vm, (uint8_t)(p->n_samples + 1),
					    NULL);
}

/* Bytes on the wire for @stream bytes of the hypervisor's, between two. */
static uint64_t wire_for(const struct kr_plane_progress *from,
			 const struct kr_plane_progress *to, uint64_t stream)
{
	uint64_t in = to->from_qemu_bytes - from->from_qemu_bytes;
	uint64_t out = to->wire_sent_bytes - from->wire_sent_bytes;

	if (!in)
		return stream;
	return (uint64_t)((double)stream * (double)out / (double)in);
}

static uint64_t ms_since(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? (to_ns - from_ns) / 1000000 : 0;
}

/* A pass is over: how long it took, and what was written meanwhile. */
static void next_pass(struct kr_mig *m, uint64_t now)
{
	const struct kr_hyper_status *s = &m->status;
	struct kr_plan *p = m->plan;
	struct kr_predict_copy *c = &p->probe.first;
	uint64_t ms = ms_since(p->pass.at_ns, now);
	uint64_t full = s->sent_bytes - p->pass.sent_bytes;

	if (!p->pass.rounds) {
		p->probe.start_ms = ms_since(p->offered_ns, now);
	} else if (p->pass.rounds == 1) {
		*c = (struct kr_predict_copy){ .ram_bytes = s->total_bytes,
					       .full_bytes = full, .ms = ms };
		p->probe.whole = true;
		p->first = m->progress;
	} else {
		c = &p->probe.later;
		c->full_bytes += full;
		c->ram_bytes += full;
		c->ms += ms;
	}
	if (p->pass.rounds)
		kr_predict_point(&p->probe, ms, s->left_bytes);
	p->pass.rounds = s->rounds;
	p->pass.sent_bytes = s->sent_bytes;
	p->pass.at_ns = now;
}

void kr_plan_status(struct kr_mig *m)
{
	const struct kr_hyper_status *s = &m->status;
	struct kr_plan *p = m->plan;
	uint64_t now = kr_now_ns();

	if (m->ending || !s->rounds)
		return;
	if (!m->pass_ns)
		m->pass_ns = now;
	p->probe.ram_bytes = s->total_bytes;
	sample(m);
	if (s->rounds > p->pass.rounds)
		next_pass(m, m->pass_ns);
	if (!p->early_ns && now - p->began_ns > EARLY_NS) {
		p->early_ns = now;
		p->early = *s;
	}
	if (p->pass.rounds > PASSES_ENOUGH && p->n_samples == SAMPLES)
		kr_plan_stop(m);
}

/*
 * The first pass was not seen to its end: how far it came. What it did while
 * buffers on the way filled is faster than it can go on.
 */
static void part(struct kr_mig *m)
{
	const struct kr_hyper_status *s = &m->status;
	struct kr_plan *p = m->plan;
	struct kr_predict_copy *c = &p->probe.first;
	uint64_t now = p->all_ns ? p->all_ns : kr_now_ns();
	uint64_t ms = ms_since(p->pass.at_ns, now);
	uint64_t late_ms = ms_since(p->early_ns, now);

	c->full_bytes = s->sent_bytes;
	c->ram_bytes = s->total_bytes - s->left_bytes;
	if (c->ram_bytes < c->full_bytes)
		c->ram_bytes = c->full_bytes;
	c->ms = ms;
	p->first = m->progress;
	if (p->all_ns) {	/* in so little time that there was one pass */
		c->ram_bytes = s->total_bytes;
		p->probe.whole = true;
	} else if (p->early_ns && late_ms > ms / 2 &&
	    s->sent_bytes > p->early.sent_bytes)
		c->ms = (uint64_t)((double)late_ms * (double)s->sent_bytes /
				   (double)(s->sent_bytes -
					    p->early.sent_bytes));
}

static void conclude(struct kr_mig *m)
{
	static const struct kr_plane_progress none;
	struct kr_plan *p = m->plan;
	struct kr_predict_probe *r = &p->probe;
	const struct kr_plane_progress *split = &p->first;

	r->capped = m->bandwidth_bytes_s;
	if (!r->whole)
		part(m);
	if (m->progress.from_qemu_bytes < p->first.from_qemu_bytes +
					  WIRE_LEAST)
		split = &none;		/* too little to tell them apart */
	r->later.wire_bytes = wire_for(split, &m->progress,
				       r->later.full_bytes);
	r->first.wire_bytes = wire_for(&none, split == &none ? &m->progress :
				       split, r->first.full_bytes);
}

/*
 * The guest waits for CANCEL, so it is said at once, unless a question is on
 * its way already: then the answer to the next has to come before.
 */
void kr_plan_all(struct kr_mig *m, uint64_t at_ns)
{
	m->paused_ns = at_ns;
	if (m->ending)
		return;
	m->plan->all_ns = at_ns;
	kr_source_ask(m);
	if (!m->ask_again)
		kr_vm_command(m->vm, KR_HYPER_CANCEL, NULL);
}

void kr_plan_stop(struct kr_mig *m)
{
	struct kr_err e = KR_ERR_NONE;

	if (m->state != KR_S_COPY || m->ending || m->error.code)
		return;
	kr_timer_off(&m->plan->end);
	m->plan->measured = m->plan->pass.rounds;
	if (m->plan->measured) {
		conclude(m);
		kr_fail(&e, KR_E_PROBED, "%s was measured for %llu ms",
			m->terms.vm, (unsigned long long)ms_since(
				m->plan->began_ns, kr_now_ns()));
	} else {
		kr_fail(&e, KR_E_HYPER_SLOW, "nothing was heard of %s in %u s",
			m->terms.vm, m->plan->seconds);
	}
	kr_mig_fail(m, &e);
}

bool kr_plan_short(const struct kr_mig *m)
{
	const struct kr_plan *p = m->plan;

	return p->measured && !p->warm && p->all_ns &&
	       ms_since(p->began_ns, p->all_ns) < p->seconds * 500ull;
}

/* ---- keeping ----------------------------------------------------------- */

static struct recent *find(const char *vm, const char *peer)
{
	for (struct recent *r = recent; r < recent + RECENT_MAX; r++)
		if (!strcmp(r->vm, vm) && !strcmp(r->peer, peer))
			return r;
	return NULL;
}

void kr_plan_over(struct kr_mig *m)
{
	struct recent *r = find(m->terms.vm, m->peer);

	kr_timer_off(&m->plan->end);
	if (!m->plan->measured || m->plan->off.code)
		return;
	if (!r) {
		r = recent;
		for (struct recent *q = recent; q < recent + RECENT_MAX; q++)
			r = q->at_ns < r->at_ns ? q : r;
	}
	snprintf(r->vm, sizeof(r->vm), "%s", m->terms.vm);
	snprintf(r->peer, sizeof(r->peer), "%s", m->peer);
	r->at_ns = kr_now_ns();
	r->bandwidth_bytes_s = m->bandwidth_bytes_s;
	r->probe = m->plan->probe;
}

bool kr_plan_recall(const struct kr_mig *m, struct kr_predict_probe *ret_p)
{
	const struct recent *r = find(m->terms.vm, m->peer);

	if (!r || r->bandwidth_bytes_s != m->bandwidth_bytes_s ||
	    kr_now_ns() - r->at_ns > KR_PLAN_BELIEVED_S * 1000000000ull)
		return false;
	*ret_p = r->probe;
	return true;
}

/* ---- telling ----------------------------------------------------------- */

void kr_plan_ways(const struct kr_mig *m, struct kr_plan_way ret[KR_PLAN_WAYS])
{
	const struct kr_predict_probe *p = &m->plan->probe;
	struct kr_plan_way w;

	ret[0].strategy = "precopy";
	kr_predict_precopy(p, m->max_downtime_ms, m->throttle, &ret[0].f);
	ret[1].strategy = "offline";
	kr_predict_offline(p, m->max_downtime_ms, &ret[1].f);
	if (ret[1].f.ends > ret[0].f.ends ||
	    (ret[1].f.ends == ret[0].f.ends &&
	     ret[1].f.downtime_ms.expected < ret[0].f.downtime_ms.expected)) {
		w = ret[0];
		ret[0] = ret[1];
		ret[1] = w;
	}
	ret[2].strategy = kr_strategy_name(KR_STRATEGY_HYBRID);
	kr_predict_early(p, 1, &ret[2].f);
	ret[3].strategy = kr_strategy_name(KR_STRATEGY_POSTCOPY);
	kr_predict_early(p, 0, &ret[3].f);
}

const struct kr_plan_way *
kr_plan_best(const struct kr_mig *m,
	     const struct kr_plan_way ways[KR_PLAN_WAYS])
{
	if (ways[0].f.ends)
		return &ways[0];
	return m->may_early && kr_demands_early(m->host, m->terms.vm) ?
	       &ways[2] : NULL;
}

static json_t *range(const struct kr_predict_range *r)
{
	return json_pack("{s:I, s:I, s:I}", "expected",
			 (json_int_t)r->expected, "low", (json_int_t)r->low,
			 "high", (json_int_t)r->high);
}

static json_t *ways_json(const struct kr_mig *m, const char **ret_best)
{
	struct kr_plan_way ways[KR_PLAN_WAYS];
	const struct kr_plan_way *best;
	json_t *a = json_array();

	kr_plan_ways(m, ways);
	best = kr_plan_best(m, ways);
	*ret_best = best ? best->strategy : NULL;
	for (unsigned int i = 0; i < KR_PLAN_WAYS; i++)
		json_array_append_new(a, json_pack(
			"{s:s, s:b, s:i, s:i, s:o, s:o, s:o}", "strategy",
			ways[i].strategy, "works", (int)ways[i].f.ends,
			"rounds", (int)ways[i].f.n_passes,
			"needs_downtime_ms", (int)ways[i].f.needs_ms,
			"total_ms", range(&ways[i].f.total_ms),
			"downtime_ms", range(&ways[i].f.downtime_ms),
			"wire_bytes", range(&ways[i].f.wire_bytes)));
	return a;
}

static double share(uint64_t part_of, uint64_t all)
{
	return all ? (double)part_of / (double)all : 0;
}

static json_t *measured(const struct kr_mig *m)
{
	const struct kr_predict_probe *p = &m->plan->probe;
	const struct kr_plane_progress *g = &m->progress;
	const struct kr_predict_copy *c = &p->first;
	json_t *dirty = json_array();

	for (unsigned int i = 0; i < p->n_dirty; i++)
		json_array_append_new(dirty, json_pack("{s:I, s:I}", "ms",
				(json_int_t)p->dirty[i].ms, "bytes",
				(json_int_t)p->dirty[i].bytes));
	return json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:b, s:f, s:f, s:f, s:f, s:f, s:I,"
		" s:I, s:f, s:o}",
		"ms", (json_int_t)(m->plan->began_ns ?
			ms_since(m->plan->began_ns, m->plan->pass.at_ns) : 0),
		"ram_bytes", (json_int_t)p->ram_bytes,
		"touched_bytes", (json_int_t)p->touched_bytes,
		"seen_bytes", (json_int_t)c->ram_bytes,
		"sent_bytes", (json_int_t)c->full_bytes,
		"whole", (int)p->whole,
		"zero_share", share(g->n_zero_pages, g->n_pages),
		"same_share", share(g->n_same_pages, g->n_pages),
		"cached_share", share(g->n_cached_pages, g->n_pages),
		"squeezed_to", share(g->squeeze_out_bytes,
				     g->squeeze_in_bytes),
		"wire_per_byte", share(c->wire_bytes, c->full_bytes),
		"rate_bytes_s", (json_int_t)(c->ms ? c->full_bytes * 1000 /
					     c->ms : 0),
		"dirty_bytes_s", (json_int_t)kr_predict_dirty(p, 1000, 1),
		"stood_still_ms", (double)m->plan->still_us / 1000.0,
		"dirty", dirty);
}

json_t *kr_plan_result(const struct kr_mig *m, const struct kr_err *off)
{
	bool good = m->plan->measured && !off;
	const char *best = NULL;
	json_t *ways = good ? ways_json(m, &best) : json_array();
	struct kr_err e = KR_ERR_NONE;
	char id[33];

	kr_hex(m->terms.migration, 16, id);
	if (good && !best)
		kr_fail(&e, KR_E_NO_WAY, "%s to %s", m->terms.vm, m->peer);
	else if (!good)
		e = off ? *off : m->error;
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:s?, s:o, s:o}",
			 "migration", id, "vm", m->terms.vm, "from",
			 m->terms.from_name, "to", m->peer, "status",
			 best ? "completed" : "refused", "error",
			 e.code ? kr_mig_error(&e) : json_null(),
			 "strategy", best, "strategies", ways,
			 "measured", good ? measured(m) : json_null());
}
