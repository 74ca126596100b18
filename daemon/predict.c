/* SPDX-License-Identifier: Apache-2.0 */
/* predict.c - see predict.h. Runs in kororad. */
#include "daemon/predict.h"

#include <math.h>
#include <string.h>

#include "daemon/converge.h"
#include "hyper/hyper_msg.h"

#define CHUNK_MS	50.0	/* a hypervisor sends before it looks again */
#define LOOK_MS		100.0	/* before that it does not know how fast it is */
#define AFTER_MS	10.0	/* from the first instruction to the receipt */
#define FAR		1.5	/* times: to tell growth by two points */
#define UNKNOWN		0.5	/* growth, with one point */
#define THROTTLE_MS	1000.0	/* from look to look, if it is to be slowed */
#define THROTTLE_LOOKS	2u	/* at too much dirt, then it is slowed more */
#define THROTTLE_DIRT	0.5	/* of what was sent meanwhile, is too much */
#define FAST_ENOUGH	1e-3	/* bytes per ms: never divide by less */

/*
 * Three ways it may go: as measured, better, worse. How far they are apart was
 * measured, too, on a machine with other work (bench/plan): what the hand-over
 * takes varies most, since all that is on its way has to arrive first.
 */
static const struct guess {
	double speed;	/* of copying */
	double dirt;	/* of what the guest writes */
	double bend;	/* of that, see kr_predict_dirty() */
	double full;	/* of what was not gone through yet */
	double hand;	/* of the hand-over */
	double free;	/* the end's speed, where a cap is lifted */
} guesses[] = {
	{ 1.00, 1.00, 0.0, 1.0, 1.0, 4.0 },
	{ 1.35, 0.75, -0.3, 0.8, 0.6, 1e3 },
	{ 0.65, 1.30, 0.3, 1.2, 6.0, 1.0 },
};

struct play { double ms, downtime_ms, wire; };

static double at_least(double v, double least)
{
	return v > least ? v : least;
}

static double at_most(double v, double most)
{
	return v < most ? v : most;
}

/* ---- what was measured ------------------------------------------------- */

void kr_predict_point(struct kr_predict_probe *p, uint64_t ms, uint64_t bytes)
{
	unsigned int n = p->n_dirty;

	if (n == KR_PREDICT_POINTS_MAX) {
		memmove(p->dirty, p->dirty + 1, --n * sizeof(p->dirty[0]));
		p->n_dirty = n;
	}
	while (n && p->dirty[n - 1].ms > ms)
		n--;
	memmove(p->dirty + n + 1, p->dirty + n,
		(p->n_dirty - n) * sizeof(p->dirty[0]));
	p->dirty[n] = (struct kr_predict_point){ ms ? ms : 1, bytes };
	p->n_dirty++;
}

/*
 * The power of the time by which it grew between the last two measurements
 * that are far enough apart: 1 ever more pages, 0 always the same.
 */
static double growth(const struct kr_predict_probe *p)
{
	const struct kr_predict_point *a = p->dirty + p->n_dirty;
	const struct kr_predict_point *b = a - (p->n_dirty ? 1 : 0);
	double power;

	do {
		if (a-- == p->dirty)
			return UNKNOWN;
	} while ((double)a->ms * FAR > (double)b->ms);
	power = log(at_least((double)b->bytes, 1) /
		    at_least((double)a->bytes, 1)) /
		log((double)b->ms / (double)a->ms);
	return at_most(at_least(power, 0), 1);
}

/*
 * Between two measurements a straight line, before the first one from
 * nothing; behind the last the working set may be exhausted or not, so that
 * it grows by a power of the time.
 */
uint64_t kr_predict_dirty(const struct kr_predict_probe *p, double ms,
			  double bend)
{
	double t0 = 0, b0 = 0, bytes = 0, power = growth(p) + bend;

	for (unsigned int i = 0; i < p->n_dirty; i++) {
		double t1 = (double)p->dirty[i].ms;
		double b1 = at_least((double)p->dirty[i].bytes, b0);

		if (ms <= t1) {
			bytes = t1 > t0 ? b0 + (b1 - b0) * (ms - t0) /
					       (t1 - t0) : b1;
			t0 = -1;
			break;
		}
		t0 = t1;
		b0 = b1;
	}
	if (t0 > 0)
		bytes = b0 * pow(ms / t0, at_most(at_least(power, 0), 1));
	return (uint64_t)at_most(bytes, (double)p->ram_bytes);
}

/* Milliseconds that went into pages that are not zero. */
static double full_ms(const struct kr_predict_copy *c)
{
	/* what the hypervisor says it sent has heads of pages, too */
	double zero = c->ram_bytes > c->full_bytes ?
		      (double)(c->ram_bytes - c->full_bytes) /
		      KR_PREDICT_ZERO_BYTES_MS : 0;

	return at_least((double)c->ms - zero, (double)c->ms / 4);
}

static double bytes_ms(const struct kr_predict_copy *c)
{
	return at_least((double)c->full_bytes / at_least(full_ms(c), 1),
			FAST_ENOUGH);
}

static double hand_ms(const struct kr_predict_probe *p)
{
	return p->hand_ms ? (double)p->hand_ms : KR_PREDICT_HANDOVER_MS;
}

static double wire_of(const struct kr_predict_copy *c)
{
	return (double)c->wire_bytes / at_least((double)c->full_bytes, 4096);
}

/* All that the first pass has to send. */
static double all_full(const struct kr_predict_probe *p, double guess)
{
	double seen = (double)p->first.ram_bytes;
	double full = (double)p->first.full_bytes;
	double rest = at_least((double)p->ram_bytes - seen, 0);
	double more = rest * full / at_least(seen, 1);

	if (p->whole)
		return full;
	/* touched pages may be zero again; those seen may not be typical */
	if (p->touched_bytes)
		more = (more + at_most(rest, at_least(
				(double)p->touched_bytes - full, 0))) / 2;
	return full + at_most(more * guess, rest);
}

static double first_ms(const struct kr_predict_probe *p,
		       const struct guess *g, double *ret_full)
{
	double full = *ret_full = all_full(p, g->full);

	if (p->whole)
		return (double)p->first.ms / g->speed;
	return full / bytes_ms(&p->first) / g->speed +
	       ((double)p->ram_bytes - full) / KR_PREDICT_ZERO_BYTES_MS;
}

/* ---- playing it through ------------------------------------------------ */

/* Of a pass: it sends until the limit would do, and half a chunk more. */
static double rest_of(const struct kr_converge *c, double speed, double left)
{
	return at_most(left, at_least(speed * (c->told_ms - CHUNK_MS / 2), 0));
}

/* How the hypervisor slows the guest down: at passes, by what it wrote. */
struct throttle {
	bool	     may;
	unsigned int percent, n_looks;
	double	     ms, dirt, sent;	/* since it was looked at */
};

/* Of so long a pass, the guest runs. */
static double awake_ms(const struct throttle *s, double ms)
{
	return ms * (100 - s->percent) / 100;
}

/* A pass is over. Return: nothing will be as it was up to now. */
static bool slow_down(struct throttle *s, double ms, double dirt, double sent)
{
	bool more = s->may && s->percent < KR_HYPER_THROTTLE_MOST;

	s->ms += ms;
	s->dirt += dirt;
	s->sent += sent;
	if (!more || s->ms <= THROTTLE_MS)
		return more;
	if (s->dirt > s->sent * THROTTLE_DIRT &&
	    ++s->n_looks == THROTTLE_LOOKS) {
		s->n_looks = 0;
		s->percent += s->percent ? KR_HYPER_THROTTLE_MORE :
					   KR_HYPER_THROTTLE_FIRST;
		if (s->percent > KR_HYPER_THROTTLE_MOST)
			s->percent = KR_HYPER_THROTTLE_MOST;
	}
	s->ms = s->dirt = s->sent = 0;
	return false;
}

static bool play(const struct kr_predict_probe *p, uint32_t max_downtime_ms,
		 bool throttle, const struct guess *g,
		 struct kr_predict_forecast *f, struct play *ret)
{
	struct throttle s = { .may = throttle };
	const struct kr_predict_copy *later = p->later.ms ? &p->later :
							    &p->first;
	struct kr_converge_pass pass = { .rounds = 1,
					 .left_bytes = p->ram_bytes };
	double speed = bytes_ms(later) * g->speed, full, rest = 0;
	double ms = first_ms(p, g, &full), t = 0, sent = full, left, dirt,
	       before = 0;
	unsigned int n_alike = 0;
	struct kr_converge c;

	kr_converge_init(&c, max_downtime_ms);
	kr_converge_feed(&c, &pass);
	if (ms > LOOK_MS)
		rest = rest_of(&c, speed, full) * full / (double)p->ram_bytes;
	ms = at_least(ms - rest / speed, 1);
	sent -= rest;
	ret->wire = sent * wire_of(&p->first);
	for (;;) {
		t += ms;
		dirt = g->dirt * (double)kr_predict_dirty(
				p, awake_ms(&s, ms), g->bend);
		left = at_most(rest + dirt, (double)p->ram_bytes);
		pass.rounds++;
		pass.left_bytes = (uint64_t)left;
		pass.sent_bytes = (uint64_t)sent;
		pass.at_ns = (uint64_t)(t * 1e6);
		kr_converge_feed(&c, &pass);
		n_alike += !slow_down(&s, ms, dirt, sent - before);
		if (left / speed <= c.told_ms ||
		    n_alike == KR_PREDICT_PASSES_MAX)
			break;
		before = sent;
		rest = rest_of(&c, speed, left);
		ms = at_least((left - rest) / speed, 1);
		sent += left - rest;
		ret->wire += (left - rest) * wire_of(later);
	}
	ret->wire += left * wire_of(later);
	ret->downtime_ms = left / speed / (p->capped ? g->free : 1) +
			   hand_ms(p) * g->hand;
	ret->ms = (double)p->start_ms + t + ret->downtime_ms + AFTER_MS;
	f->n_passes = pass.rounds;
	f->needs_ms = (uint32_t)at_most(left / speed + hand_ms(p), 1e9);
	return left / speed <= c.told_ms;
}

static void widen(struct kr_predict_range *r, double v, bool first)
{
	uint64_t n = v > 0 ? (uint64_t)(v + 0.5) : 0;

	if (first)
		r->expected = r->low = r->high = n;
	r->low = n < r->low ? n : r->low;
	r->high = n > r->high ? n : r->high;
}

static void add(struct kr_predict_forecast *f, const struct play *p,
		bool first)
{
	widen(&f->total_ms, p->ms, first);
	widen(&f->downtime_ms, p->downtime_ms, first);
	widen(&f->wire_bytes, p->wire, first);
}

void kr_predict_precopy(const struct kr_predict_probe *p,
			uint32_t max_downtime_ms, bool throttle,
			struct kr_predict_forecast *ret_f)
{
	for (unsigned int i = 0; i < sizeof(guesses) / sizeof(guesses[0]);
	     i++) {
		struct kr_predict_forecast f;
		struct play one;
		bool ends = play(p, max_downtime_ms, throttle, &guesses[i],
				 &f, &one);

		if (!i) {
			*ret_f = f;
			ret_f->ends = ends;
		}
		add(ret_f, &one, !i);
	}
}

void kr_predict_offline(const struct kr_predict_probe *p,
			uint32_t max_downtime_ms,
			struct kr_predict_forecast *ret_f)
{
	uint32_t most = max_downtime_ms ? max_downtime_ms :
					  KR_CONVERGE_MOST_MS;

	for (unsigned int i = 0; i < sizeof(guesses) / sizeof(guesses[0]);
	     i++) {
		const struct guess *g = &guesses[i];
		struct play one;
		double full;

		one.downtime_ms = first_ms(p, g, &full) +
				  hand_ms(p) * g->hand;
		one.ms = (double)p->start_ms + one.downtime_ms + AFTER_MS;
		one.wire = full * wire_of(&p->first);
		add(ret_f, &one, !i);
	}
	ret_f->n_passes = 1;
	ret_f->needs_ms = (uint32_t)at_most((double)ret_f->downtime_ms.expected,
					    1e9);
	ret_f->ends = ret_f->downtime_ms.expected <= most;
}

void kr_predict_early(const struct kr_predict_probe *p, unsigned int passes,
		      struct kr_predict_forecast *ret_f)
{
	const struct kr_predict_copy *later = p->later.ms ? &p->later :
							    &p->first;

	for (unsigned int i = 0; i < sizeof(guesses) / sizeof(guesses[0]);
	     i++) {
		const struct guess *g = &guesses[i];
		struct play one;
		double full, ms = first_ms(p, g, &full), left = 0;

		if (passes)
			left = (double)kr_predict_dirty(p, ms, g->bend) *
			       g->dirt;
		one.downtime_ms = hand_ms(p) * g->hand;
		one.ms = (double)p->start_ms + ms + one.downtime_ms +
			 left / (bytes_ms(later) * g->speed) + AFTER_MS;
		one.wire = full * wire_of(&p->first) + left * wire_of(later);
		add(ret_f, &one, !i);
	}
	ret_f->n_passes = 1 + passes;
	ret_f->needs_ms = (uint32_t)ret_f->downtime_ms.expected;
	ret_f->ends = true;
}
