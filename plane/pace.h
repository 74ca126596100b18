/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pace.h - how much work a lane's bytes are worth: measures what the link
 * and each method of compression cost per byte, and picks the method with
 * which the next batch is through soonest. On a link faster than the machine
 * that is none. One per lane, at the source.
 *
 * A batch takes as long as the slower of two: the machine, which reads,
 * hashes, squeezes and seals; and the link, which carries what is left. The
 * link matters while this end waits for the socket and the other end waits
 * for bytes; when only one of them waits, it is the other that is slow.
 */
#ifndef KR_PLANE_PACE_H
#define KR_PLANE_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plane/squeeze.h"

/* Of late: each newer batch weighs more. */
struct kr_pace_method {
	double in_bytes, out_bytes;
	double cpu_ns;			/* of squeezing */
};

struct kr_pace {
	uint64_t sampled_ns, blocked_ns, sent_bytes;	/* at that time */
	uint64_t n_batches;
	bool	 known;			/* the link was looked at */
	double	 link_ns;		/* per byte on the wire, 0 = no matter */
	double	 work_bytes;		/* of late, beside squeezing: */
	double	 work_cpu_ns, work_wall_ns;
	struct kr_pace_method of[KR_SQUEEZE_N];
};

void kr_pace_init(struct kr_pace *p);

/**
 * kr_pace_link() - How the lane fares; cheap, call it every batch
 * @sent_bytes: on the wire so far
 * @blocked_ns, @peer_waits: as kr_lane_load() gives them
 */
void kr_pace_link(struct kr_pace *p, uint64_t now_ns, uint64_t sent_bytes,
		  uint64_t blocked_ns, uint16_t peer_waits);

/** kr_pace_wants_rate() - Has enough been sent to guess, and no guess yet? */
bool kr_pace_wants_rate(const struct kr_pace *p, uint64_t sent_bytes);

/** kr_pace_rate() - What the kernel saw delivered, at the start. */
void kr_pace_rate(struct kr_pace *p, uint64_t bytes_s);

/** kr_pace_method() - For the next batch. */
enum kr_squeeze_method kr_pace_method(struct kr_pace *p);

/**
 * kr_pace_worked() - A batch of @n bytes, beside its squeezing
 * @cpu_ns:  of this thread
 * @wall_ns: how long that took, others having the processor in between
 */
void kr_pace_worked(struct kr_pace *p, size_t n, uint64_t cpu_ns,
		    uint64_t wall_ns);

/** kr_pace_squeezed() - What a method made of @n bytes. */
void kr_pace_squeezed(struct kr_pace *p, enum kr_squeeze_method method,
		      size_t n, size_t n_out, uint64_t cpu_ns);

#endif
