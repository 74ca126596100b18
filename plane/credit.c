/* SPDX-License-Identifier: Apache-2.0 */
/*
 * credit.c - the window of what is on its way. Runs in the data-plane agent, on
 * every lane's thread at the source, under lock.
 *
 * A round trip is measured with one stretch of a lane at a time: from when it
 * was read until it was taken. The smallest one is that of an epoch, since
 * another way may be longer; in the last moments of each the window has no
 * slack, so that what waits drains, and the next epoch's smallest does not
 * hold it.
 */
#include "plane/credit.h"

#define NS_PER_MS	1000000u
#define SAMPLE_NS	(25u * NS_PER_MS)	/* of the rate, or a round */
#define SAMPLE_NS_MAX	(200u * NS_PER_MS)	/* trip if that is longer */
#define EPOCH_NS	(UINT64_C(10000) * NS_PER_MS)
#define SAMPLE_BYTES	KR_BATCH_RAW_MAX /* else it says nothing, at first */
#define GAIN		1.5	/* while nothing waits, all is needed */
#define RISE		0.5	/* of the way to a sample that is higher */
#define FALL		0.25	/* one that is lower, though all was needed */
#define FADE		0.02	/* and if not: there was less to send */

void kr_credit_init(struct kr_credit *c)
{
	*c = (struct kr_credit){ .window = KR_CREDIT_WINDOW_FIRST, .gain = 1 };
}

void kr_credit_late(struct kr_credit *c)
{
	c->late = true;
	if (c->window > KR_CREDIT_WINDOW_LATE)
		c->window = KR_CREDIT_WINDOW_LATE;
}

void kr_credit_link(struct kr_credit *c, uint8_t lane, bool slow)
{
	c->slow &= ~(1u << lane);
	c->slow |= (uint32_t)slow << lane;
}

static uint64_t slack_ns(const struct kr_credit *c)
{
	return (uint64_t)NS_PER_MS * (c->slow ? KR_CREDIT_SLACK_MS :
						KR_CREDIT_SLACK_MS_FAST);
}

size_t kr_credit_stretch(const struct kr_credit *c)
{
	uint64_t n = c->window / 8;

	if (n < KR_CREDIT_STRETCH_MIN)
		return KR_CREDIT_STRETCH_MIN;
	return n < KR_BATCH_RAW_MAX ? (size_t)n : KR_BATCH_RAW_MAX;
}

bool kr_credit_room(struct kr_credit *c)
{
	if (c->on_way < c->window)
		return true;
	c->refused = c->full = true;
	return false;
}

void kr_credit_sent(struct kr_credit *c, struct kr_credit_lane *l, size_t n,
		    uint64_t now_ns)
{
	l->sent += n;
	if (!l->probe_ns) {
		l->probe = l->sent;
		l->probe_ns = now_ns;
	}
	if (l->free)
		return;
	if (!c->on_way && !c->full)
		c->since_ns = 0;	/* it was quiet: that says nothing */
	c->on_way += n;
	c->full |= c->on_way > c->window / 2;
}

/* ---- the window -------------------------------------------------------- */

static uint64_t at_least(uint64_t n, uint64_t min)
{
	return n > min ? n : min;
}

static uint64_t at_most(uint64_t n, uint64_t max)
{
	return n < max ? n : max;
}

static void learn_round_trip(struct kr_credit *c, struct kr_credit_lane *l,
			     uint64_t now_ns)
{
	uint64_t ns;

	if (!l->probe_ns || l->taken < l->probe)
		return;
	ns = at_least(now_ns - l->probe_ns, 1);
	l->probe_ns = 0;
	c->last_rtt_ns = ns;
	if (!c->rtt_ns) {
		c->rtt_ns = c->next_rtt_ns = ns;
		c->epoch_ns = now_ns;
	}
	c->rtt_ns = at_most(ns, c->rtt_ns);
	c->next_rtt_ns = c->next_rtt_ns ? at_most(ns, c->next_rtt_ns) : ns;
	if (now_ns - c->epoch_ns < EPOCH_NS)
		return;
	c->rtt_ns = c->next_rtt_ns;
	c->next_rtt_ns = 0;
	c->epoch_ns = now_ns;
}

/* An epoch's last moments: until what waited is gone, and a round trip more. */
static bool is_draining(const struct kr_credit *c, uint64_t now_ns)
{
	uint64_t ns = 2 * at_most(c->rtt_ns, SAMPLE_NS_MAX) + 2 * slack_ns(c);

	return now_ns - c->epoch_ns > EPOCH_NS - ns;
}

static void learn_rate(struct kr_credit *c, uint64_t now_ns)
{
	uint64_t ns = now_ns - c->since_ns;
	double rate;

	if (!c->since_ns) {
		c->since_ns = now_ns;
		c->n_taken = 0;
		return;
	}
	if (ns < at_least(SAMPLE_NS, at_most(c->rtt_ns, SAMPLE_NS_MAX)))
		return;
	if (!(c->rate > 0) && !c->full && c->n_taken < SAMPLE_BYTES)
		return;
	rate = (double)c->n_taken / (double)ns;
	c->gain = c->full && c->last_rtt_ns < c->rtt_ns + slack_ns(c) / 2 ?
		  GAIN : 1;
	if (!(c->rate > 0) || (rate > c->rate && c->gain > 1))
		c->rate = rate;
	else if (rate > c->rate)
		c->rate += (rate - c->rate) * RISE;
	else
		c->rate -= (c->rate - rate) * (c->full ? FALL : FADE);
	c->since_ns = now_ns;
	c->n_taken = 0;
	c->full = false;
}

static void set_window(struct kr_credit *c, uint64_t now_ns)
{
	const uint32_t max = c->late ? KR_CREDIT_WINDOW_LATE_MAX :
				       KR_CREDIT_WINDOW_MAX;
	double ns = (double)c->rtt_ns, window;

	if (!c->rtt_ns || !(c->rate > 0))
		return;
	if (!is_draining(c, now_ns))
		ns = (ns + (double)slack_ns(c)) * c->gain;
	window = c->rate * ns;
	if (window < KR_CREDIT_WINDOW_MIN)
		c->window = KR_CREDIT_WINDOW_MIN;
	else if (window < max)
		c->window = (uint64_t)window;
	else
		c->window = max;
}

/* ---- what the other end says ------------------------------------------- */

int kr_credit_taken(struct kr_credit *c, struct kr_credit_lane *l,
		    uint64_t total, uint64_t now_ns, struct kr_err *e)
{
	uint64_t n = total - l->taken;

	if (total <= l->taken || total > l->sent)
		return kr_fail(e, KR_E_LANE_MALFORMED,
			       "%llu bytes taken, of %llu sent, %llu before",
			       (unsigned long long)total,
			       (unsigned long long)l->sent,
			       (unsigned long long)l->taken);
	l->taken = total;
	c->on_way -= l->free ? 0 : n;
	c->n_taken += n;
	learn_round_trip(c, l, now_ns);
	learn_rate(c, now_ns);
	set_window(c, now_ns);
	return 0;
}

void kr_credit_free(struct kr_credit *c, struct kr_credit_lane *l, bool free)
{
	uint64_t n = l->sent - l->taken;

	if (free == l->free)
		return;
	l->free = free;
	if (free)
		c->on_way -= n;
	else
		c->on_way += n;
}

void kr_credit_restart(struct kr_credit *c)
{
	c->on_way = 0;
	c->refused = c->full = false;
	c->since_ns = 0;
	c->slow = 0;
}
