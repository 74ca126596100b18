/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pace.h - how much work a lane's bytes are worth: measures what the link
 * and each method of compression cost per byte, and picks the method with
 * which the next batch is through soonest. On a link faster than the machine
 * that is none. One per lane, at the source.
 *
 * A batch takes as long as the slower of two: the machine, which reads,
 * hashes and squeezes all of it and carries what is left: seals it, and brings
 * it to the kernel; and the link, which carries the same. So what shrinks to
 * nothing for next to nothing is squeezed on any link. The link matters while
 * this end waits for the socket and the other end waits for bytes; when only
 * one of them waits, it is the other that is slow.
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
	bool	 judged;		/* and for a while, with much to carry */
	bool	 peer_waits;		/* at least a bit, at that time */
	double	 link_ns;		/* per byte on the wire, 0 = no matter */
	/* of late, each in the thread's time */
	double	 work_bytes;		/* reading, hashing and so on */
	double	 work_cpu_ns;
	double	 busy_cpu_ns, busy_wall_ns;	/* and squeezing */
	double	 carry_bytes, carry_cpu_ns;	/* of what is left */
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

/** kr_pace_link_matters() - Is it at least near to what holds us up? Not if
 * the other end does not wait for it. */
bool kr_pace_link_matters(const struct kr_pace *p);

/** kr_pace_method() - For the next batch. */
enum kr_squeeze_method kr_pace_method(struct kr_pace *p);

/**
 * kr_pace_link_bound() - Does the link hold up what is squeezed so?
 *
 * If not, less of it is worth nothing: what is remembered, and differences,
 * only cost.
 */
bool kr_pace_link_bound(const struct kr_pace *p, enum kr_squeeze_method method);

/**
 * kr_pace_worked() - A batch of @n bytes, beside squeezing and carrying it
 * @cpu_ns:  of this thread
 * @wall_ns: how long that took, others having the processor in between
 */
void kr_pace_worked(struct kr_pace *p, size_t n, uint64_t cpu_ns,
		    uint64_t wall_ns);

/** kr_pace_carried() - @n bytes went to the kernel, sealed. */
void kr_pace_carried(struct kr_pace *p, uint64_t n, uint64_t cpu_ns);

/** kr_pace_squeezed() - What a method made of @n bytes; as kr_pace_worked(). */
void kr_pace_squeezed(struct kr_pace *p, enum kr_squeeze_method method,
		      size_t n, size_t n_out, uint64_t cpu_ns,
		      uint64_t wall_ns);

#endif
