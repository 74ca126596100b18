/* SPDX-License-Identifier: Apache-2.0 */
/* converge.c - see converge.h. Runs in kororad. */
#include "daemon/converge.h"

#include <assert.h>

#define MARGIN		125u	/* percent: throughput varies, too */
#define RAISE		150u	/* percent, when the last was not enough */

static const char *const names[] = { "yes", "stalled", "no" };
static_assert(sizeof(names) / sizeof(names[0]) == KR_CONVERGING_N, "");

const char *kr_converge_name(enum kr_converging s)
{
	return (unsigned int)s < KR_CONVERGING_N ? names[s] : "?";
}

/* What is left of @ms for memory when the hand-over has its share. */
static uint32_t for_memory(uint32_t ms)
{
	return ms > 2 * KR_CONVERGE_HANDOVER_MS ?
	       ms - KR_CONVERGE_HANDOVER_MS : ms - ms / 2;
}

void kr_converge_init(struct kr_converge *c, uint32_t max_downtime_ms)
{
	uint32_t most = max_downtime_ms ? max_downtime_ms :
					  KR_CONVERGE_MOST_MS;
	uint32_t memory = for_memory(most);

	*c = (struct kr_converge){
		.most_ms = most,
		.told_ms = memory < KR_CONVERGE_FIRST_MS ? memory :
							   KR_CONVERGE_FIRST_MS,
	};
}

/*
 * Throughput between two passes. The first pass is full of pages that cost
 * nothing to send; what it shows counts only until there is another.
 */
static void measure(struct kr_converge *c, const struct kr_converge_pass *p)
{
	uint64_t ns = p->at_ns - c->last.at_ns, bytes_s;

	if (!c->last.rounds || p->at_ns <= c->last.at_ns ||
	    p->sent_bytes <= c->last.sent_bytes)
		return;
	bytes_s = (uint64_t)((double)(p->sent_bytes - c->last.sent_bytes) *
			     1e9 / (double)ns);
	if (c->last.rounds > 2)
		bytes_s = c->bytes_s - c->bytes_s / 4 + bytes_s / 4;
	c->bytes_s = bytes_s;
	if (!c->bytes_s)
		c->bytes_s = 1;
}

static uint32_t memory_ms(const struct kr_converge *c, uint64_t bytes)
{
	double ms = c->bytes_s ? (double)bytes * 1e3 / (double)c->bytes_s :
				 0;

	return ms > 1e9 ? 1000000000u : (uint32_t)ms;
}

/* It stalled: allow what the best minimum would need, as far as one may. */
static bool raise(struct kr_converge *c)
{
	uint32_t most = for_memory(c->most_ms), old = c->told_ms;
	uint64_t want = (uint64_t)memory_ms(c, c->least_bytes) * MARGIN / 100;
	uint64_t more = (uint64_t)old * RAISE / 100 + 1;

	if (want < more)
		want = more;
	c->told_ms = want < most ? (uint32_t)want : most;
	c->state = c->told_ms > old ? KR_CONVERGING_STALLED :
				      KR_CONVERGING_NO;
	c->n_flat = 0;
	return c->told_ms > old;
}

bool kr_converge_feed(struct kr_converge *c, const struct kr_converge_pass *p)
{
	uint64_t fall;

	if (p->rounds <= c->last.rounds)
		return false;
	measure(c, p);
	c->last = *p;
	if (p->rounds == 1)
		return false;	/* all of memory: nothing was sent before */
	fall = c->least_bytes - c->least_bytes / 100 *
	       (100 - KR_CONVERGE_FALL);
	if (!c->least_bytes || p->left_bytes < fall) {
		c->n_flat = 0;
		if (c->state == KR_CONVERGING_NO)
			c->state = KR_CONVERGING_STALLED;
	} else {
		c->n_flat++;
	}
	if (!c->least_bytes || p->left_bytes < c->least_bytes)
		c->least_bytes = p->left_bytes ? p->left_bytes : 1;
	c->needs_ms = memory_ms(c, c->least_bytes) + KR_CONVERGE_HANDOVER_MS;
	return c->n_flat >= KR_CONVERGE_FLAT && raise(c);
}
