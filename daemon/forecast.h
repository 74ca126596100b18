/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forecast.h - what predict.h would have measured of a migration, made of what
 * is known without measuring: the figures of one that is over, or the memory
 * that the VM has touched and how fast the link is. Pure; foretell.c knows
 * where all that is found.
 */
#ifndef KR_DAEMON_FORECAST_H
#define KR_DAEMON_FORECAST_H

#include "daemon/predict.h"
#include "daemon/strategy.h"
#include "evidence/terms.h"

/* What two data planes carry: 2 GiB of random memory in 4 s, bench/README.md,
 * "random, unshaped". */
#define KR_FORECAST_PLANE_BYTES_S	(UINT64_C(512) << 20)
/* From the request to the first byte: bench/README.md, "idle". */
#define KR_FORECAST_START_MS		200u
/* Figures above are not believed: they may be a peer's. */
#define KR_FORECAST_PAST_MS_MAX		(UINT64_C(1000) * 86400 * 31)
#define KR_FORECAST_PAST_BYTES_MAX	(UINT64_C(1) << 50)

/* The VM that is to move, and how. */
struct kr_forecast_task {
	enum kr_strategy strategy;
	uint32_t max_downtime_ms;	/* 0: not said */
	bool	 throttle;
	uint64_t bandwidth_bytes_s;	/* the hypervisor may send; 0: all */
	uint64_t memory_bytes;		/* by its definition */
	uint64_t touched_bytes;		/* of it, about; 0: cannot tell */
};

/* A migration that is over. */
struct kr_forecast_past {
	enum kr_strategy strategy;
	uint64_t memory_bytes;		/* by the definition of then; not 0 */
	uint64_t stream_bytes, wire_bytes;
	uint64_t total_ms, downtime_ms;
};

/**
 * kr_forecast_past() - The figures of terms that a receipt was signed for
 * @memory_mb: of the VM's definition then
 *
 * Return: false if they say nothing of how long one takes: some memory never
 * came, or came over lanes that were set up anew, or they are out of range.
 */
bool kr_forecast_past(const struct kr_terms *t, uint32_t memory_mb,
		      struct kr_forecast_past *ret_p);

/** kr_forecast_speed() - Bytes a second of memory that was not zero. */
uint64_t kr_forecast_speed(const struct kr_forecast_past *p);

/**
 * kr_forecast_by_past() - As if @past had been probed, of today's memory
 *
 * Played through by the strategy of then it takes what @past took, in
 * proportion to the VM's memory.
 */
void kr_forecast_by_past(const struct kr_forecast_task *t,
			 const struct kr_forecast_past *past,
			 struct kr_predict_probe *ret_p);

/**
 * kr_forecast_by_size() - What was touched goes over once, as it is
 * @bytes_s: of the link; more than data planes carry does not count; 0: not
 *	     known, then as much as they carry
 */
void kr_forecast_by_size(const struct kr_forecast_task *t, uint64_t bytes_s,
			 struct kr_predict_probe *ret_p);

/** kr_forecast_play() - Play @p through by the task's strategy. */
void kr_forecast_play(const struct kr_forecast_task *t,
		      const struct kr_predict_probe *p,
		      struct kr_predict_forecast *ret_f);

#endif
