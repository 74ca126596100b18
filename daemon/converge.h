/* SPDX-License-Identifier: Apache-2.0 */
/*
 * converge.h - does a running VM's copy come to an end, and for how long must
 * the guest stand still for it? Pure: fed with what the hypervisor says as
 * each pass over memory begins, it says what the hypervisor is to be told.
 * Used by the source's acts, and by predict.c to play a migration through.
 *
 * A hypervisor stops the guest when what is left can be sent within a limit.
 * The limit begins low, so that a copy that converges ends with little left,
 * and rises when the copy stalls: to what the best pass so far would have
 * needed, so that the guest is stopped at the next such minimum.
 */
#ifndef KR_DAEMON_CONVERGE_H
#define KR_DAEMON_CONVERGE_H

#include <stdbool.h>
#include <stdint.h>

#define KR_CONVERGE_MOST_MS	2000u	/* standing still, if nobody says */
#define KR_CONVERGE_FIRST_MS	50u	/* of sending, before a stall */
#define KR_CONVERGE_HANDOVER_MS	50u	/* beside the memory: devices, words */
#define KR_CONVERGE_FLAT	3u	/* passes that do not fall: a stall */
#define KR_CONVERGE_FALL	90u	/* percent of the least, or less, falls */

enum kr_converging {
	KR_CONVERGING_YES,	/* or too early to tell */
	KR_CONVERGING_STALLED,	/* the limit was raised: it waits for a
				 * minimum */
	KR_CONVERGING_NO,	/* not within what is allowed */
	KR_CONVERGING_N
};

/* As a pass begins: all that is dirty is known and nothing of it sent. */
struct kr_converge_pass {
	uint32_t rounds;	/* number of the pass, from 1 */
	uint64_t left_bytes;
	uint64_t sent_bytes;	/* since the copy began */
	uint64_t at_ns;
};

struct kr_converge {
	uint32_t most_ms;	/* the guest may stand still, in all */
	uint32_t told_ms;	/* the hypervisor's limit, for memory alone */
	enum kr_converging state;
	uint32_t needs_ms;	/* in all, at the least seen; 0: not known */
	uint64_t bytes_s;	/* throughput of the passes; 0: not known */
	uint64_t least_bytes;
	unsigned int n_flat;	/* passes in a row that did not fall */
	struct kr_converge_pass last;
};

/**
 * kr_converge_init() - Before a copy
 * @max_downtime_ms: what the user allows, hard; 0 = KR_CONVERGE_MOST_MS
 */
void kr_converge_init(struct kr_converge *c, uint32_t max_downtime_ms);

/**
 * kr_converge_feed() - A pass began; one that is known is left out
 *
 * Return: the hypervisor is to be told @c->told_ms.
 */
bool kr_converge_feed(struct kr_converge *c, const struct kr_converge_pass *p);

/** kr_converge_name() - "yes", "stalled" or "no". */
const char *kr_converge_name(enum kr_converging s);

#endif
