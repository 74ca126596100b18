/* SPDX-License-Identifier: Apache-2.0 */
/*
 * credit.h - how many bytes of a hypervisor's channel may be on their way: a
 * window, by what the other hypervisor takes. Pure; used by plane/channel.c at
 * the source, under the flow's lock.
 *
 * What waits in agents, TLS and TCP was written, says the hypervisor, and so
 * it believes in a link that is faster than it is, and in less left than there
 * is. Squeezed, those buffers hold many times as much of its memory. So the
 * destination acknowledges the bytes that its hypervisor has taken, as they
 * were before squeezing, and the source reads no further ahead of that than
 *
 *	window = rate * (smallest round trip + slack)
 *
 * with the rate at which they are taken and KR_CREDIT_SLACK_MS. While less than
 * the window would do, the round trip is no longer than that, and the window
 * grows with the rate; at the link's rate what waits is the slack. Where the link is no matter
 * (plane/pace.h) it is what threads wait for processors that makes a round trip
 * longer, and the slack is KR_CREDIT_SLACK_MS_FAST, so that a busy machine does
 * not wait for itself.
 */
#ifndef KR_PLANE_CREDIT_H
#define KR_PLANE_CREDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "plane/batch.h"

#define KR_CREDIT_SLACK_MS	25u
#define KR_CREDIT_SLACK_MS_FAST	100u
#define KR_CREDIT_SAY_MS	5u	/* destination: as often as that */
#define KR_CREDIT_BYTES		9u	/* kind, total */
#define KR_CREDIT_STRETCH_MIN	(KR_BATCH_RAW_MAX / 4)
#define KR_CREDIT_WINDOW_MIN	(2u * KR_CREDIT_STRETCH_MIN)
#define KR_CREDIT_WINDOW_FIRST	(16u << 20)	/* nothing is known yet */
#define KR_CREDIT_WINDOW_MAX	(256u << 20)
#define KR_CREDIT_WINDOW_LATE	(1u << 20)	/* the first, when late */
#define KR_CREDIT_WINDOW_LATE_MAX	(16u << 20)

/* Of one lane. */
struct kr_credit_lane {
	uint64_t sent, taken;		/* bytes of stretches */
	uint64_t probe, probe_ns;	/* total whose round trip is measured,
					   since then; 0: none is */
	bool	 free;			/* it may not be told: does not count */
};

/* Of one channel, over the lanes that carry it. */
struct kr_credit {
	uint64_t on_way;		/* bytes of lanes that count */
	uint64_t window;
	bool	 refused;		/* there was no room, since */
	bool	 late;			/* a VM waits for what comes */
	uint32_t slow;			/* lanes whose link is, a bit each */
	/* the rate, over samples */
	uint64_t since_ns, n_taken;	/* this one; 0: with the next credit */
	bool	 full;			/* this one: the window was needed */
	double	 rate;			/* bytes per ns, of late; 0: unknown */
	double	 gain;			/* > 1: nothing waits yet */
	/* the round trip, over epochs */
	uint64_t rtt_ns, next_rtt_ns;	/* smallest: the last epoch's, this
					   one's; 0: unknown */
	uint64_t last_rtt_ns;		/* newest */
	uint64_t epoch_ns;		/* this one's begin */
};

void kr_credit_init(struct kr_credit *c);

/**
 * kr_credit_late() - From now on a VM waits for what comes: little on the way
 *
 * A page it asks for is behind all that is; and all that is has to be kept,
 * for new lanes (plane/retained.h).
 */
void kr_credit_late(struct kr_credit *c);

/** kr_credit_link() - Does the link matter on this lane? */
void kr_credit_link(struct kr_credit *c, uint8_t lane, bool slow);

/** kr_credit_room() - May another stretch be read? If not, it is @refused. */
bool kr_credit_room(struct kr_credit *c);

/** kr_credit_stretch() - How long it had better be: several in a window. */
size_t kr_credit_stretch(const struct kr_credit *c);

/** kr_credit_sent() - A stretch of @n bytes was read, for this lane. */
void kr_credit_sent(struct kr_credit *c, struct kr_credit_lane *l, size_t n,
		    uint64_t now_ns);

/**
 * kr_credit_taken() - The destination says so
 * @total: of all bytes of this lane
 *
 * Return: 0; KR_E_LANE_MALFORMED if that was never sent, or not more than it
 *	   said before.
 */
int kr_credit_taken(struct kr_credit *c, struct kr_credit_lane *l,
		    uint64_t total, uint64_t now_ns, struct kr_err *e);

/** kr_credit_restart() - All lanes are new ones: nothing is on its way. */
void kr_credit_restart(struct kr_credit *c);

/** kr_credit_free() - What is on this lane does not count; or again it does. */
void kr_credit_free(struct kr_credit *c, struct kr_credit_lane *l, bool free);

#endif
