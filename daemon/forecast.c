/* SPDX-License-Identifier: Apache-2.0 */
/* forecast.c - see forecast.h. Runs in kororad. */
#include "daemon/forecast.h"

#include <string.h>

#define PAGE_BYTES	4096u
#define ZERO_HEAD_BYTES	9u	/* of a stream, for a page that is zero */

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t at_least(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t times(uint64_t v, double by)
{
	return (uint64_t)((double)v * by + 0.5);
}

/* ---- what is over ------------------------------------------------------ */

bool kr_forecast_past(const struct kr_terms *t, uint32_t memory_mb,
		      struct kr_forecast_past *ret_p)
{
	struct kr_forecast_past p = {
		.strategy = kr_strategy_find(t->strategy),
		.memory_bytes = (uint64_t)memory_mb << 20,
		.stream_bytes = t->postcopy.early ? t->postcopy.stream_bytes :
						    t->stream.stream_bytes,
		.wire_bytes = t->wire_bytes,
		.total_ms = t->total_ms,
		.downtime_ms = (t->downtime_us + 500) / 1000,
	};

	if (p.strategy == KR_STRATEGY_N || !p.memory_bytes ||
	    !p.stream_bytes || !p.wire_bytes || !p.total_ms ||
	    t->postcopy.lost || t->postcopy.recoveries ||
	    !strcmp(t->postcopy.covers, KR_COVERS_RESUMED) ||
	    p.total_ms > KR_FORECAST_PAST_MS_MAX ||
	    p.downtime_ms > p.total_ms ||
	    p.stream_bytes > KR_FORECAST_PAST_BYTES_MAX ||
	    p.wire_bytes > KR_FORECAST_PAST_BYTES_MAX)
		return false;
	*ret_p = p;
	return true;
}

/* Of the stream, what was not zero: pages that were are heads alone. */
static uint64_t full_of(const struct kr_forecast_past *p)
{
	uint64_t heads = p->memory_bytes / PAGE_BYTES * ZERO_HEAD_BYTES;

	return p->stream_bytes > heads + PAGE_BYTES ?
	       p->stream_bytes - heads : PAGE_BYTES;
}

static uint64_t start_of(const struct kr_forecast_past *p)
{
	return least(KR_FORECAST_START_MS, p->total_ms / 2);
}

/* In which memory went over. */
static uint64_t copy_ms(const struct kr_forecast_past *p)
{
	uint64_t apart = p->strategy == KR_STRATEGY_OFFLINE ?
			 p->total_ms - p->downtime_ms +
			 least(KR_PREDICT_HANDOVER_MS, p->downtime_ms) :
			 start_of(p) + p->downtime_ms;

	return p->total_ms > apart ? p->total_ms - apart : 1;
}

uint64_t kr_forecast_speed(const struct kr_forecast_past *p)
{
	return at_least(full_of(p) * 1000 / copy_ms(p), 1);
}

/* ---- as if it had been probed ------------------------------------------ */

/*
 * The first pass sent each page that was touched, once; the rest of what was
 * sent had been written meanwhile. Pre-copy goes on until little is left: of
 * passes that shrink by the same factor that is 1 less the first one's share
 * of them all. Hybrid sends what was written in one pass, once.
 */
static void passes_of(const struct kr_forecast_past *past, uint64_t touched,
		      struct kr_predict_probe *p)
{
	bool again = past->strategy == KR_STRATEGY_PRECOPY ||
		     past->strategy == KR_STRATEGY_HYBRID;
	uint64_t full = full_of(past), ms = copy_ms(past);
	uint64_t once = least(full, again && touched ? touched :
						       past->memory_bytes);
	double share = (double)once / (double)full;
	uint64_t rest = full - once;

	p->whole = true;
	p->first = (struct kr_predict_copy){
		.ram_bytes = past->memory_bytes, .full_bytes = once,
		.wire_bytes = times(past->wire_bytes, share),
		.ms = at_least(times(ms, share), 1),
	};
	if (!again || !rest)
		return;
	p->later = (struct kr_predict_copy){
		.ram_bytes = rest, .full_bytes = rest,
		.wire_bytes = past->wire_bytes - p->first.wire_bytes,
		.ms = at_least(ms - least(ms, p->first.ms), 1),
	};
	kr_predict_point(p, p->first.ms,
			 past->strategy == KR_STRATEGY_HYBRID ? rest :
			 times(once, 1 - share));
}

/* What the model makes of it and what it was differ by what nobody saw: of
 * the downtime that is the hand-over, of the rest what is before the copy. */
static void fit(const struct kr_forecast_task *t,
		const struct kr_forecast_past *past,
		struct kr_predict_probe *p)
{
	struct kr_forecast_task then = *t;
	struct kr_predict_forecast f;
	uint64_t real;

	then.strategy = past->strategy;
	p->hand_ms = KR_PREDICT_HANDOVER_MS;
	p->start_ms = start_of(past);
	kr_forecast_play(&then, p, &f);
	real = past->downtime_ms + p->hand_ms;
	p->hand_ms = real > f.downtime_ms.expected ?
		     real - f.downtime_ms.expected : 1;
	kr_forecast_play(&then, p, &f);
	real = past->total_ms + p->start_ms;
	p->start_ms = real > f.total_ms.expected ?
		      real - f.total_ms.expected : 0;
}

static void scale_copy(struct kr_predict_copy *c, double by)
{
	c->ram_bytes = times(c->ram_bytes, by);
	c->full_bytes = times(c->full_bytes, by);
	c->wire_bytes = times(c->wire_bytes, by);
	if (c->ms)
		c->ms = at_least(times(c->ms, by), 1);
}

static void scale(struct kr_predict_probe *p, double by)
{
	p->ram_bytes = times(p->ram_bytes, by);
	scale_copy(&p->first, by);
	scale_copy(&p->later, by);
	for (unsigned int i = 0; i < p->n_dirty; i++) {
		p->dirty[i].ms = at_least(times(p->dirty[i].ms, by), 1);
		p->dirty[i].bytes = times(p->dirty[i].bytes, by);
	}
}

/* It goes no faster than it may. */
static void cap(struct kr_predict_copy *c, uint64_t bytes_s)
{
	if (bytes_s && c->ms)
		c->ms = at_least(c->ms, times(c->full_bytes,
					      1000.0 / (double)bytes_s));
}

static void cap_all(const struct kr_forecast_task *t,
		    struct kr_predict_probe *p)
{
	p->capped = t->bandwidth_bytes_s;
	cap(&p->first, t->bandwidth_bytes_s);
	cap(&p->later, t->bandwidth_bytes_s);
}

void kr_forecast_by_past(const struct kr_forecast_task *t,
			 const struct kr_forecast_past *past,
			 struct kr_predict_probe *ret_p)
{
	double by = (double)t->memory_bytes / (double)past->memory_bytes;

	*ret_p = (struct kr_predict_probe){ .ram_bytes = past->memory_bytes };
	passes_of(past, times(t->touched_bytes, 1 / by), ret_p);
	fit(t, past, ret_p);
	scale(ret_p, by);
	cap_all(t, ret_p);
}

void kr_forecast_by_size(const struct kr_forecast_task *t, uint64_t bytes_s,
			 struct kr_predict_probe *ret_p)
{
	uint64_t full = t->touched_bytes ? least(t->touched_bytes,
						 t->memory_bytes) :
					   t->memory_bytes;
	uint64_t speed = bytes_s ? least(bytes_s, KR_FORECAST_PLANE_BYTES_S) :
				   KR_FORECAST_PLANE_BYTES_S;

	*ret_p = (struct kr_predict_probe){
		.ram_bytes = t->memory_bytes, .touched_bytes = full,
		.start_ms = KR_FORECAST_START_MS, .whole = true,
		.first = { .ram_bytes = t->memory_bytes, .full_bytes = full,
			   .wire_bytes = full,
			   .ms = at_least(times(full, 1000.0 / (double)speed) +
					  (t->memory_bytes - full) /
					  KR_PREDICT_ZERO_BYTES_MS, 1) },
	};
	cap_all(t, ret_p);
}

void kr_forecast_play(const struct kr_forecast_task *t,
		      const struct kr_predict_probe *p,
		      struct kr_predict_forecast *ret_f)
{
	if (kr_strategy_early(t->strategy))
		kr_predict_early(p, t->strategy == KR_STRATEGY_HYBRID, ret_f);
	else if (t->strategy == KR_STRATEGY_OFFLINE)
		kr_predict_offline(p, t->max_downtime_ms, ret_f);
	else
		kr_predict_precopy(p, t->max_downtime_ms, t->throttle, ret_f);
}
