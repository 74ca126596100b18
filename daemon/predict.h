/* SPDX-License-Identifier: Apache-2.0 */
/*
 * predict.h - what a migration will take, from what a short probe of it
 * measured: the passes are played through, with the same rules by which a
 * running one is stopped (converge.h). Pure.
 */
#ifndef KR_DAEMON_PREDICT_H
#define KR_DAEMON_PREDICT_H

#include <stdbool.h>
#include <stdint.h>

#define KR_PREDICT_POINTS_MAX	16u
#define KR_PREDICT_PASSES_MAX	200u	/* that are alike: it does not end */
#define KR_PREDICT_HANDOVER_MS	35u	/* devices, manifest, four words, `cont` */
#define KR_PREDICT_ZERO_BYTES_MS (2u << 20)	/* zero pages: to look at */

/* A stretch of copying. */
struct kr_predict_copy {
	uint64_t ram_bytes;	/* gone through */
	uint64_t full_bytes;	/* of these sent, the rest was zero */
	uint64_t wire_bytes;
	uint64_t ms;
};

/* So much of the memory was written in so much time. */
struct kr_predict_point {
	uint64_t ms, bytes;
};

struct kr_predict_probe {
	uint64_t ram_bytes;	/* the VM's, as the hypervisor counts */
	uint64_t touched_bytes;	/* of it, the rest is zero; 0: not known */
	uint64_t start_ms;	/* from the request to the first byte */
	uint64_t hand_ms;	/* the hand-over; 0: KR_PREDICT_HANDOVER_MS */
	struct kr_predict_copy first;	/* the first pass, or what was seen */
	struct kr_predict_copy later;	/* all others; ms 0: none was seen */
	bool	 whole;		/* the first pass came to its end */
	bool	 capped;	/* slower than the link, but for the rest at
				 * the end: hypervisors send that freely */
	struct kr_predict_point dirty[KR_PREDICT_POINTS_MAX];
	unsigned int n_dirty;
};

struct kr_predict_range {
	uint64_t expected, low, high;
};

struct kr_predict_forecast {
	bool	 ends;		/* by itself, within the downtime allowed */
	uint32_t n_passes;
	uint32_t needs_ms;	/* to stand still, so that it ended */
	struct kr_predict_range total_ms, downtime_ms, wire_bytes;
};

/**
 * kr_predict_dirty() - How much is written in @ms
 * @bend: what is beyond the last measurement: added to how it grew up to
 *        there, as a power of the time; 0 as it grew, -1 no more, 1 ever more
 *
 * Never more than the VM's memory.
 */
uint64_t kr_predict_dirty(const struct kr_predict_probe *p, double ms,
			  double bend);

/** kr_predict_point() - Add a measurement; the oldest of too many is lost. */
void kr_predict_point(struct kr_predict_probe *p, uint64_t ms, uint64_t bytes);

/**
 * kr_predict_precopy() - The VM runs while its memory is copied
 * @max_downtime_ms: as kr_converge_init() takes it
 * @throttle: it may be slowed down, as the hypervisor does it
 */
void kr_predict_precopy(const struct kr_predict_probe *p,
			uint32_t max_downtime_ms, bool throttle,
			struct kr_predict_forecast *ret_f);

/** kr_predict_offline() - Paused first. Ends if the downtime is allowed. */
void kr_predict_offline(const struct kr_predict_probe *p,
			uint32_t max_downtime_ms,
			struct kr_predict_forecast *ret_f);

/**
 * kr_predict_early() - The VM runs there before its memory is there
 * @passes: over memory before that: 0 post-copy, 1 hybrid
 *
 * Always ends; how slow the VM is while it waits for pages is not predicted.
 */
void kr_predict_early(const struct kr_predict_probe *p, unsigned int passes,
		      struct kr_predict_forecast *ret_f);

#endif
