/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pace.c - link and processor weighed against each other. Runs in the
 * data-plane agent, on a lane's thread at the source.
 */
#include "plane/pace.h"

#define SAMPLE_NS	100000000u	/* as often as the peer reports */
#define LINK_SHARE	0.4		/* of the time both ends must wait */
#define SOME_SHARE	0.2	/* the peer is not what is slow */
#define IDLE_SHARE	0.05		/* not held up at all */
#define FORGET		0.9		/* of the link, while it is idle */
#define FIRST_BYTES	(512u * 1024)	/* sent before the link is guessed,
					   or judged */
#define FIRST_LINK_NS	6.0	/* a byte, until it was seen to be faster */
#define FADE		0.125		/* of what was, with each batch */
#define BEFORE_BYTES	(512.0 * 1024)	/* weight of what is assumed at first */
#define BEFORE_CARRY_NS	0.5	/* per byte, likewise */
#define NEAR		4	/* times as fast as the machine */
#define BOUND		2	/* machine and link hold up alike */
#define TRY_EVERY	64u		/* a neighbouring method is tried */
#define TRY_FIRST	4u		/* as long as little is known */

/* What the methods are taken for before they were tried, per byte of
 * ordinary memory; the first batches correct it. */
static const struct {
	double ns, ratio;
} before[KR_SQUEEZE_N] = {
	[KR_SQUEEZE_NONE] = { 0, 1 },
	[KR_SQUEEZE_LZ4] = { 1.5, 0.55 },
	[KR_SQUEEZE_ZSTD_1] = { 3, 0.42 },
	[KR_SQUEEZE_ZSTD_3] = { 6, 0.38 },
	[KR_SQUEEZE_ZSTD_9] = { 25, 0.35 },
};

void kr_pace_init(struct kr_pace *p)
{
	*p = (struct kr_pace){ .work_bytes = BEFORE_BYTES,
			       .work_cpu_ns = BEFORE_BYTES,
			       .busy_cpu_ns = BEFORE_BYTES,
			       .busy_wall_ns = BEFORE_BYTES,
			       .carry_bytes = BEFORE_BYTES,
			       .carry_cpu_ns = BEFORE_BYTES *
					       BEFORE_CARRY_NS };
	for (int i = 0; i < KR_SQUEEZE_N; i++)
		p->of[i] = (struct kr_pace_method){
			.in_bytes = BEFORE_BYTES,
			.out_bytes = BEFORE_BYTES * before[i].ratio,
			.cpu_ns = BEFORE_BYTES * before[i].ns,
		};
}

static void learn(double *sum, double more)
{
	*sum += more - *sum * FADE;
}

void kr_pace_link(struct kr_pace *p, uint64_t now_ns, uint64_t sent_bytes,
		  uint64_t blocked_ns, uint16_t peer_waits)
{
	double wall_ns = (double)(now_ns - p->sampled_ns);
	double blocked = (double)(blocked_ns - p->blocked_ns);
	double bytes = (double)(sent_bytes - p->sent_bytes);

	if (wall_ns < SAMPLE_NS)
		return;
	if (p->sampled_ns && bytes > 0 && blocked > LINK_SHARE * wall_ns &&
	    peer_waits > LINK_SHARE * 1000)
		p->link_ns = wall_ns / bytes;
	else if (bytes > 0 && p->link_ns * bytes > wall_ns)
		p->link_ns = wall_ns / bytes;	/* it carried more than that */
	else if (blocked < IDLE_SHARE * wall_ns)
		p->link_ns *= FORGET;		/* it may be faster now */
	p->judged |= p->sampled_ns && bytes >= FIRST_BYTES;
	p->peer_waits = peer_waits > SOME_SHARE * 1000;
	p->sampled_ns = now_ns;
	p->blocked_ns = blocked_ns;
	p->sent_bytes = sent_bytes;
}

bool kr_pace_wants_rate(const struct kr_pace *p, uint64_t sent_bytes)
{
	return !p->known && sent_bytes >= FIRST_BYTES;
}

void kr_pace_rate(struct kr_pace *p, uint64_t bytes_s)
{
	p->known = bytes_s > 0;
	if (bytes_s && !(p->link_ns > 0))
		p->link_ns = 1e9 / (double)bytes_s;
}

/* Per byte of a stretch, with a method: what the machine takes. */
static double machine_ns(const struct kr_pace *p, int method)
{
	const struct kr_pace_method *m = &p->of[method];
	double slowed = p->busy_wall_ns / p->busy_cpu_ns;
	double carry = p->carry_cpu_ns / p->carry_bytes;

	return (p->work_cpu_ns / p->work_bytes + m->cpu_ns / m->in_bytes +
		carry * m->out_bytes / m->in_bytes) * slowed;
}

/* What the link takes. At first buffers take in what it has not carried. */
static double link_ns(const struct kr_pace *p, int method)
{
	const struct kr_pace_method *m = &p->of[method];
	double ns = p->link_ns;

	if (!p->judged && ns < FIRST_LINK_NS)
		ns = FIRST_LINK_NS;
	return ns * m->out_bytes / m->in_bytes;
}

static double through_ns(const struct kr_pace *p, int method)
{
	double machine = machine_ns(p, method), link = link_ns(p, method);

	return machine > link ? machine : link;
}

bool kr_pace_link_matters(const struct kr_pace *p)
{
	return p->peer_waits &&
	       p->link_ns > machine_ns(p, KR_SQUEEZE_NONE) / NEAR;
}

bool kr_pace_link_bound(const struct kr_pace *p, enum kr_squeeze_method method)
{
	return link_ns(p, method) > machine_ns(p, method) / BOUND;
}

enum kr_squeeze_method kr_pace_method(struct kr_pace *p)
{
	const unsigned int every = p->judged ? TRY_EVERY : TRY_FIRST;
	int best = KR_SQUEEZE_NONE;

	for (int i = 1; i < KR_SQUEEZE_N; i++)
		if (through_ns(p, i) < through_ns(p, best))
			best = i;
	if (++p->n_batches % every == 0 && best + 1 < KR_SQUEEZE_N)
		best++;
	else if (p->n_batches % every == every / 2 && best > 1)
		best--;
	return (enum kr_squeeze_method)best;
}

/* A short piece of work is seldom interrupted, a long one often. */
static void busy(struct kr_pace *p, uint64_t cpu_ns, uint64_t wall_ns)
{
	learn(&p->busy_cpu_ns, (double)cpu_ns);
	learn(&p->busy_wall_ns, (double)(wall_ns > cpu_ns ? wall_ns :
							     cpu_ns));
}

void kr_pace_worked(struct kr_pace *p, size_t n, uint64_t cpu_ns,
		    uint64_t wall_ns)
{
	learn(&p->work_bytes, (double)n);
	learn(&p->work_cpu_ns, (double)cpu_ns);
	busy(p, cpu_ns, wall_ns);
}

void kr_pace_carried(struct kr_pace *p, uint64_t n, uint64_t cpu_ns)
{
	if (!n)
		return;		/* the socket took none of it yet */
	learn(&p->carry_bytes, (double)n);
	learn(&p->carry_cpu_ns, (double)cpu_ns);
}

void kr_pace_squeezed(struct kr_pace *p, enum kr_squeeze_method method,
		      size_t n, size_t n_out, uint64_t cpu_ns,
		      uint64_t wall_ns)
{
	busy(p, cpu_ns, wall_ns);
	learn(&p->of[method].in_bytes, (double)n);
	learn(&p->of[method].out_bytes, (double)n_out);
	learn(&p->of[method].cpu_ns, (double)cpu_ns);
}
