/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turns.c - whose turn it is among a migration's lanes. Runs in the data-plane
 * agent, on every lane's thread.
 */
#include "plane/turns.h"

#include "plane/flow.h"

/* Under lock: is every lane waiting for a ticket that no lane can bring? */
static bool is_stuck(const struct kr_flow *f)
{
	for (uint8_t i = 0; i < kr_flow_in_order(f); i++) {
		const struct kr_flow_lane *l = &f->lanes[i];
		bool waits = false;

		for (int t = 0; t < KR_TURN_N; t++)
			waits |= l->waits[t] && l->ticket != f->turn[t];
		if (!waits && !l->ended && !l->left)
			return false;
	}
	return true;
}

/* Under lock. Where a lane has failed, it is that which tears the order. */
static int out_of_order(const struct kr_flow *f, uint64_t ticket,
			struct kr_err *e)
{
	if (f->failed || f->stopping) {
		*e = f->error;
		return e->code;
	}
	return kr_fail(e, KR_E_LANE_MALFORMED, "batch %llu out of order",
		       (unsigned long long)ticket);
}

int kr_turns_mine(struct kr_flow *f, uint8_t lane, enum kr_turn t,
		  uint64_t ticket, struct kr_err *e)
{
	struct kr_flow_lane *l = &f->lanes[lane];
	bool free;
	int r;

	pthread_mutex_lock(&f->lock);
	free = f->holder[t] == KR_FLOW_NOBODY || f->holder[t] == lane;
	r = ticket == f->turn[t] && free;
	l->waits[t] = !r;
	l->ticket = ticket;
	if (r)
		f->holder[t] = lane;
	else if (ticket <= f->turn[t] || is_stuck(f))
		r = out_of_order(f, ticket, e);
	pthread_mutex_unlock(&f->lock);
	return r;
}

void kr_turns_over(struct kr_flow *f, enum kr_turn t)
{
	bool wake[KR_PLANE_LANES_MAX] = { false };

	pthread_mutex_lock(&f->lock);
	f->turn[t]++;
	f->holder[t] = KR_FLOW_NOBODY;
	/* one that waits for a turn gone by is to find that out, too */
	for (uint8_t i = 0; i < f->n_lanes; i++)
		wake[i] = f->lanes[i].waits[t] &&
			  f->lanes[i].ticket <= f->turn[t];
	pthread_mutex_unlock(&f->lock);
	for (uint8_t i = 0; i < f->n_lanes; i++)
		if (wake[i])
			kr_flow_wake(f, i);
}

int kr_turns_lane_ended(struct kr_flow *f, uint8_t lane, struct kr_err *e)
{
	bool in_order = true, complete, stuck;

	pthread_mutex_lock(&f->lock);
	f->lanes[lane].ended = true;
	for (uint8_t i = 0; i < kr_flow_in_order(f); i++)
		in_order &= f->lanes[i].ended;
	complete = in_order && f->lanes[f->n_lanes - 1].ended;
	/* a lane that broke has told why already, and is the cause */
	stuck = !in_order && !f->failed && !f->stopping && is_stuck(f);
	pthread_mutex_unlock(&f->lock);
	if (stuck)
		return kr_fail(e, KR_E_LANE_MALFORMED, "a batch is missing");
	if (complete)
		kr_flow_news(f);
	else if (in_order)	/* what waits for them to be given may not */
		kr_flow_wake(f, f->n_lanes - 1);
	return 0;
}
