/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pace.c - link and processor weighed against each other. Runs in the
 * data-plane agent, on a lane's thread at the source.
 */
#include "plane/pace.h"

#define SAMPLE_NS	100000000u	/* as often as the peer reports */
#define LINK_SHARE	0.4		/* of the time both ends must wait */
#define FORGET		0.8		/* of the link, while it is not seen */
#define LEARN		0.125		/* weight of the newest batch */
#define TRY_EVERY	64u		/* a neighbouring method is tried */

/* What the methods are taken for before they were tried, per byte of
 * ordinary memory; the first batches correct it. */
static const struct kr_pace_method before[KR_SQUEEZE_N] = {
	[KR_SQUEEZE_NONE] = { 0, 1 },
	[KR_SQUEEZE_LZ4] = { 1.5, 0.55 },
	[KR_SQUEEZE_ZSTD_1] = { 3, 0.42 },
	[KR_SQUEEZE_ZSTD_3] = { 6, 0.38 },
	[KR_SQUEEZE_ZSTD_9] = { 25, 0.35 },
};

void kr_pace_init(struct kr_pace *p)
{
	*p = (struct kr_pace){ .work_ns = 1 };
	for (int i = 0; i < KR_SQUEEZE_N; i++)
		p->of[i] = before[i];
}

static void learn(double *of, double now)
{
	*of += LEARN * (now - *of);
}

void kr_pace_link(struct kr_pace *p, uint64_t now_ns, uint64_t sent_bytes,
		  uint64_t blocked_ns, uint16_t peer_waits)
{
	double wall_ns = (double)(now_ns - p->sampled_ns);
	double blocked = (double)(blocked_ns - p->blocked_ns);
	double bytes = (double)(sent_bytes - p->sent_bytes);

	if (wall_ns < SAMPLE_NS)
		return;
	/* not seen to hold us up: it may be faster than it was */
	if (p->sampled_ns && bytes > 0 && blocked > LINK_SHARE * wall_ns &&
	    peer_waits > LINK_SHARE * 1000)
		p->link_ns = wall_ns / bytes;
	else
		p->link_ns *= FORGET;
	p->sampled_ns = now_ns;
	p->blocked_ns = blocked_ns;
	p->sent_bytes = sent_bytes;
}

static double through_ns(const struct kr_pace *p, int method)
{
	double machine = p->work_ns + p->of[method].ns;
	double link = p->link_ns * p->of[method].ratio;

	return machine > link ? machine : link;
}

enum kr_squeeze_method kr_pace_method(struct kr_pace *p)
{
	int best = KR_SQUEEZE_NONE;

	if (p->link_ns <= p->work_ns)
		return KR_SQUEEZE_NONE;
	for (int i = 1; i < KR_SQUEEZE_N; i++)
		if (through_ns(p, i) < through_ns(p, best))
			best = i;
	if (++p->n_batches % TRY_EVERY == 0 && best + 1 < KR_SQUEEZE_N)
		best++;
	else if (p->n_batches % TRY_EVERY == TRY_EVERY / 2 && best > 1)
		best--;
	return (enum kr_squeeze_method)best;
}

void kr_pace_worked(struct kr_pace *p, size_t n, uint64_t ns)
{
	learn(&p->work_ns, (double)ns / (double)n);
}

void kr_pace_squeezed(struct kr_pace *p, enum kr_squeeze_method method,
		      size_t n, size_t n_out, uint64_t ns)
{
	learn(&p->of[method].ns, (double)ns / (double)n);
	learn(&p->of[method].ratio, (double)n_out / (double)n);
}
