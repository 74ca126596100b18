/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pace.c - link and processor weighed against each other. Runs in the
 * data-plane agent, on a lane's thread at the source.
 */
#include "plane/pace.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define SAMPLE_NS	50000000u	/* the kernel is asked so often */
#define LINK_SHARE	0.5		/* of the time, to be the bottleneck */
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

void kr_pace_link(struct kr_pace *p, int fd, uint64_t now_ns)
{
	struct tcp_info t = { 0 };
	socklen_t n = sizeof(t);
	double wall_us, busy_us, bytes;

	if (now_ns - p->sampled_ns < SAMPLE_NS ||
	    getsockopt(fd, IPPROTO_TCP, TCP_INFO, &t, &n))
		return;
	wall_us = (double)(now_ns - p->sampled_ns) / 1e3;
	busy_us = (double)(t.tcpi_busy_time - p->busy_us) -
		  (double)(t.tcpi_rwnd_limited - p->rwnd_us);
	bytes = (double)(t.tcpi_bytes_acked - p->acked_bytes);
	if (!p->sampled_ns)
		;	/* nothing to compare with yet */
	else if (busy_us > LINK_SHARE * wall_us && bytes > 0)
		p->link_ns = wall_us * 1e3 / bytes;
	else if (t.tcpi_delivery_rate && p->link_ns > 0)
		/* not held up now; would it be, without squeezing? */
		p->link_ns = 1e9 / (double)t.tcpi_delivery_rate;
	p->sampled_ns = now_ns;
	p->busy_us = t.tcpi_busy_time;
	p->rwnd_us = t.tcpi_rwnd_limited;
	p->acked_bytes = t.tcpi_bytes_acked;
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
