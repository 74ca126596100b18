/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.h - a lane's thread: a loop of its own with the lane's socket, what
 * it needs to hash and squeeze, and the hypervisor's socket when it is its
 * turn there. What it does with them is plane/send.c at the source and
 * plane/receive.c at the destination. Used by plane/pump.c.
 */
#ifndef KR_PLANE_WORKER_H
#define KR_PLANE_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/loop.h"
#include "plane/channel.h"
#include "plane/flow.h"
#include "plane/lane.h"
#include "plane/manysha.h"
#include "plane/pace.h"
#include "plane/seal.h"
#include "plane/squeeze.h"

enum kr_stage {
	KR_STAGE_IDLE,
	KR_STAGE_READ,		/* source: the hypervisor's socket is ours */
	KR_STAGE_MEND,		/* a stretch awaits its turn to be mended */
	KR_STAGE_GIVE,		/* destination: its turn to be accounted */
	KR_STAGE_WRITE,		/* destination: it is being written */
	KR_STAGE_END,		/* source: nothing is left to send */
};

/* Time, by the clock and of this thread. */
struct kr_span {
	uint64_t wall_ns, cpu_ns;
};

struct kr_worker;

/* What a side does; each is called on the lane's thread. < 0 ends it all. */
struct kr_worker_side {
	/** Something may have changed: do what can be done. */
	int (*work)(struct kr_worker *w, struct kr_err *e);
	/** As kr_lane_ops.data. */
	int (*data)(struct kr_worker *w, const uint8_t *p, size_t n,
		    struct kr_err *e);
	/** Our last was sent; the peer's last came. */
	int (*sent_end)(struct kr_worker *w, struct kr_err *e);
	int (*end)(struct kr_worker *w, struct kr_err *e);
	/** @later went off. */
	int (*later)(struct kr_worker *w, struct kr_err *e);
	/** It failed, and what is whole may be given yet, see
	 * kr_flow_lingers(). Return: > 0 to be called again when something
	 * changes. */
	int (*linger)(struct kr_worker *w, struct kr_err *e);
};

extern const struct kr_worker_side kr_send_side, kr_receive_side;

struct kr_worker {
	struct kr_flow		    *flow;
	uint8_t			     no;
	uint8_t			     channel;	/* the hypervisor's */
	bool			     urgent;	/* that: it takes no turns */
	const struct kr_worker_side *side;
	pthread_t		     thread;
	bool			     runs, has_left;
	struct kr_timer		     patience;	/* over: as long it lingers */
	struct kr_timer		     later;	/* the side's */
	struct kr_loop		    *loop;
	struct kr_lane		    *lane;
	struct kr_io		     wake, qemu;
	uint32_t		     watched;
	bool			     want_in, want_out;

	enum kr_stage		     stage;
	struct kr_batch_head	     head;	/* destination: as it came */
	uint8_t			    *raw;	/* the stretch */
	struct kr_stretch	     stretch;
	struct kr_span		     spent;	/* source: on it so far */
	uint64_t		     arrived_ns; /* destination: it came */
	bool			     all_came;	/* destination: its last batch */
	bool			     keeps;	/* the stretch goes to the page
						   cache, too: its pages come
						   before any VM waits for one */
	bool			     back_ended; /* no return path any more */
	uint32_t		     n_said;	/* of the page cache's names */
	uint64_t		     n_taken;	/* destination: bytes given */
	uint64_t		     n_credited; /* of these, told the peer */
	struct kr_credit_lane	     before;	/* source: half a stall time
						   ago */
	bool			     has_all;	/* the peer, of that */
	uint64_t		     full_since_ns, full_ns; /* source: it waits
							for credit; in all */
	const uint8_t		    *left;	/* for the hypervisor */
	size_t			     n_left;
	bool			     deaf;	/* it reads no more */

	struct kr_manysha	    *sha;
	struct kr_seal		    *sealer;
	struct kr_squeeze	    *squeeze;
	struct kr_pace		     pace;
	struct kr_items		     items;
	struct kr_refs		     refs;
	uint8_t			     digests[KR_ITEMS_MAX][KR_MANYSHA_BYTES];
	uint8_t			     seal[KR_SEAL_BYTES];
	uint8_t			     body[KR_BATCH_BODY_MAX];
	uint8_t			     mended[KR_BATCH_RAW_MAX]; /* destination;
						   source: to be kept */
	uint8_t			    *squeezed;	/* kr_squeeze_bound() */
	struct kr_plane_progress     more;	/* not counted yet */
};

/**
 * kr_worker_new() - Take up a lane; its thread runs from here on
 * @fd: a connected socket, owned by the worker, also on failure
 */
int kr_worker_new(struct kr_flow *f, uint8_t no, int fd,
		  const struct kr_lane_cfg *cfg,
		  const uint8_t psk[KR_LANE_PSK_BYTES],
		  struct kr_worker **ret_w, struct kr_err *e);

/** kr_worker_free() - Wait for its thread, which must be over or told to. */
void kr_worker_free(struct kr_worker *w);

/* ---- for the sides ----------------------------------------------------- */

/** kr_worker_hash() - Digests of the items that are pages, and the stretch's
 * seal under this ticket. */
int kr_worker_hash(struct kr_worker *w, uint64_t ticket, struct kr_err *e);

/** kr_worker_watch() - Follow want_in and want_out. */
int kr_worker_watch(struct kr_worker *w, struct kr_err *e);

/**
 * kr_worker_read() - What the hypervisor has written by now
 * @ret_eof: it wrote its last byte; else untouched
 */
int kr_worker_read(struct kr_worker *w, uint8_t *p, size_t n, size_t *ret_n,
		   bool *ret_eof, struct kr_err *e);

/** kr_worker_write() - As much of @left as the hypervisor takes now. */
int kr_worker_write(struct kr_worker *w, struct kr_err *e);

/** kr_worker_keep() - Its pages, for the day the VM, or one like it, comes. */
void kr_worker_keep(struct kr_worker *w);

/** kr_worker_note() - Put the stretch's references into @more. */
void kr_worker_note(struct kr_worker *w);

/** kr_worker_count() - Have the flow add what @more holds. */
void kr_worker_count(struct kr_worker *w);

#endif
