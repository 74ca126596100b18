/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - a probe and what is made of it. A probe is a migration in every
 * respect (offer, acceptance, lanes, data plane, the destination's waiting
 * hypervisor, the VM's pages over the real link) but that it is undone after
 * some seconds: its strategy is "probe", its end KR_E_PROBED, and neither
 * host lets it get as far as the hand-over. What it measured is kept, and
 * told in the terms of migrations of that VM to that host soon after.
 */
#ifndef KR_DAEMON_PLAN_H
#define KR_DAEMON_PLAN_H

#include <jansson.h>

#include "daemon/migration.h"
#include "daemon/predict.h"

#define KR_PLAN_STRATEGY	"probe"
#define KR_PLAN_SECONDS		4u	/* of a probe, if nobody says */
#define KR_PLAN_SECONDS_MAX	60u
#define KR_PLAN_LIMIT_MS	1u	/* the VM is not to be stopped */
#define KR_PLAN_BELIEVED_S	600u	/* then the guest does other things */

struct kr_plan {
	struct kr_predict_probe probe;
	uint32_t seconds;
	bool	 measured;		/* by kr_plan_stop(), or it failed */
	struct kr_err off;		/* nothing follows it, and why */
	bool	 go_on;			/* migrate then: strategy auto */
	bool	 warm;			/* not the first of this request */
	uint64_t began_ns;		/* sending; 0: not yet */
	uint64_t offered_ns;		/* the session is up */
	unsigned int n_samples;		/* heard of */
	bool	 sampling;		/* asked for one more */
	uint64_t all_ns;		/* all was sent; 0: it was not */
	uint64_t still_us;		/* the guest stood still, then */
	struct kr_converge_pass pass;	/* the newest; at_ns of its begin */
	struct kr_hyper_status early;	/* once buffers are full */
	uint64_t early_ns;
	struct kr_plane_progress first;	/* at the end of the first pass */
	struct kr_timer end, next;	/* of the probe; what comes then */
};

/* A strategy and what it would take. */
struct kr_plan_way {
	const char *strategy;
	struct kr_predict_forecast f;
};
#define KR_PLAN_WAYS	4u

/** kr_plan_new() - For a migration that is to be a probe; NULL: no memory. */
struct kr_plan *kr_plan_new(struct kr_mig *m, uint32_t seconds, bool go_on);

/* What the source tells, in order; each for a migration with a plan. */
void kr_plan_sending(struct kr_mig *m);
void kr_plan_status(struct kr_mig *m);
/**
 * kr_plan_all() - Nothing is left, the guest stands still: that is enough
 *
 * What the hypervisor says of it now is awaited, as kr_plan_stop() is to be
 * told; once cancelled it would say nothing.
 */
void kr_plan_all(struct kr_mig *m, uint64_t at_ns);
/** kr_plan_stop() - Enough is known: undo it. Nothing if it is failing. */
void kr_plan_stop(struct kr_mig *m);
/** kr_plan_over() - It is undone: keep what it measured, if it did. */
void kr_plan_over(struct kr_mig *m);
void kr_plan_free(struct kr_plan *p);
/**
 * kr_plan_short() - Was it over so soon that another one should follow?
 *
 * The first one finds caches, mappings and sessions cold that the next one
 * and the migration find warm: of a second or less that is a large part.
 */
bool kr_plan_short(const struct kr_mig *m);

/**
 * kr_plan_ways() - What each strategy would take, best first
 *
 * The two that let the VM run early come last: they always end, but lose the
 * VM if its source dies before the end, so they are for who allows that.
 */
void kr_plan_ways(const struct kr_mig *m, struct kr_plan_way ret[KR_PLAN_WAYS]);

/** kr_plan_best() - The one to take; NULL if none may be. */
const struct kr_plan_way *
kr_plan_best(const struct kr_mig *m,
	     const struct kr_plan_way ways[KR_PLAN_WAYS]);

/** kr_plan_recall() - What a plan measured for @m; false if none did
 *
 * Only a plan with the same bandwidth, not older than KR_PLAN_BELIEVED_S. */
bool kr_plan_recall(const struct kr_mig *m, struct kr_predict_probe *ret_p);

/** kr_plan_result() - The result object of `plan`; @off: why there is none. */
json_t *kr_plan_result(const struct kr_mig *m, const struct kr_err *off);

#endif
