/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow.h - what the lanes of one migration share on one side: the
 * hypervisor's channels with the readers of their streams, the memory tree
 * and the digests, the pages both ends remember, whose turn it is, and the
 * first failure. Used by plane/send.c, plane/receive.c (a thread per lane)
 * and plane/pump.c (the agent's loop).
 *
 * Every stretch of a stream has a ticket. Work that must be done in the
 * streams' order is done in turns, one ticket after the other; everything
 * else runs beside it. What a turn guards needs no lock of its own:
 *
 *   reading	   source: a channel's stream reader and carry, giving tickets
 *		   out
 *   KR_TURN_MEND  source: tree, digests, memory; destination: stream readers,
 *		   epochs and memory
 *   KR_TURN_GIVE  destination: tree, digests; writing to an only channel
 *
 * The urgent channel of post-copy has no tickets and takes no turns, so that
 * nothing waits there for what is in the background: its lane reads it, gives
 * it and sums it up alone, and @books guards what both sum up in. It comes
 * before @lock, which guards the rest. Neither is held across a call that may
 * block.
 */
#ifndef KR_PLANE_FLOW_H
#define KR_PLANE_FLOW_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "plane/credit.h"
#include "plane/hardpages.h"
#include "plane/lane.h"
#include "plane/manifest.h"
#include "plane/mfstream.h"
#include "plane/pageask.h"
#include "plane/plane_msg.h"
#include "plane/turns.h"

struct kr_backpath;
struct kr_channel;
struct kr_haves;
struct kr_pagecache;
struct kr_qstream;
struct kr_ramtree;
struct kr_recall;
struct kr_segment;

#define KR_FLOW_NOBODY	UINT8_MAX

/* A lane as the others see it. */
struct kr_flow_lane {
	int	 wake_fd;		/* eventfd; -1 = no such lane (yet) */
	bool	 idle;			/* would read, if it were its turn */
	bool	 waits[KR_TURN_N];	/* for @ticket's turn */
	uint64_t ticket;
	bool	 ended;			/* source: sent all; dest.: got all */
	bool	 up, done;		/* done: both directions */
	bool	 left;			/* its thread does nothing more */
	struct kr_plane_up tls;		/* once up */
	uint64_t sent_bytes, received_bytes;	/* TLS records */
	uint64_t n_key_updates;
	struct kr_credit_lane credit;	/* source */
};

/* Passes over memory, by what multifd channels brought: an estimate. */
struct kr_passes {
	uint32_t n;
	uint64_t epoch;			/* that brought the last pages */
	uint64_t behind, end;		/* of this pass: by earlier epochs, all;
					   pages of the first block */
};

struct kr_flow {
	bool		   source, multifd;
	bool		   urgent;	/* the last lane is this channel's */
	uint8_t		   n_lanes, n_channels;
	uint32_t	   stall_ms;
	struct kr_channel *channels;
	/* in turns */
	struct kr_qstream *qstream;	/* the main channel's reader */
	struct kr_mfstream_blocks blocks; /* once known, for the others' */
	/* in turns; with an urgent channel under @books */
	pthread_mutex_t	   books;
	struct kr_ramtree *tree;
	struct kr_segment *segment;	/* resumed; NULL: the tree counts */
	uint64_t	   ram_bytes, n_pages, n_zero_pages; /* accounted */
	uint64_t	   n_late_pages, n_urgent_pages;
	bool		   late;	/* only what is missing may come */
	struct kr_plane_split split;	/* once late, unless resumed */
	/* in turns */
	struct kr_recall  *recall;
	struct kr_pagecache *cache;	/* any thread; NULL = none */
	struct kr_haves	  *there;	/* source: what the peer has cached */
	struct kr_hardpages hard;	/* source; any thread */
	unsigned int	   n_learned, n_asked, n_known;	/* pages of late */
	unsigned int	   n_tries;
	/* the first lane's */
	struct kr_backpath *backpath;	/* destination */
	uint64_t	   n_back;	/* source: bytes of the return path
					   that the hypervisor has */
	struct kr_pageask  pageask;	/* source, hold */
	/* under lock */
	pthread_mutex_t	   lock;
	bool		   loose;	/* multifd: something is opaque */
	struct kr_passes   passes;	/* multifd */
	bool		   has_split;	/* and it may be told */
	bool		   hold;	/* source: behind it, nothing is read */
	bool		   asked;	/* hold: but a page was asked for */
	uint64_t	   next_ticket, turn[KR_TURN_N];
	uint8_t		   holder[KR_TURN_N]; /* lane whose turn it is */
	struct kr_flow_lane lanes[KR_PLANE_LANES_MAX];
	bool		   failed, stopping;
	bool		   torn;	/* failed, but new lanes can go on */
	bool		   mended;	/* these lanes are not the first */
	struct kr_err	   error;
	struct kr_plane_progress progress;
	uint64_t	   last_ns;	/* destination: a batch came */
	int		   news_fd;	/* eventfd: main has to look */
};

/** kr_flow_new() - @cache_fd: the page cache's, -1 = none; owned. */
int kr_flow_new(const struct kr_plane_start *start, int cache_fd,
		struct kr_flow **ret_f, struct kr_err *e);
void kr_flow_free(struct kr_flow *f);

/**
 * kr_flow_fail() - The first failure counts; everyone is woken
 *
 * Behind the split (at the source: and GO) or resumed, a lane that breaks
 * tears the flow: nothing is lost by it. Any other failure ends it.
 */
void kr_flow_fail(struct kr_flow *f, const struct kr_err *e);

/**
 * kr_flow_lingers() - Has what is whole and verified to be given first?
 *
 * When a post-copy breaks the hypervisor at the destination waits to be
 * resumed, and has the rest asked for: it gets all it can. Not if it is told
 * to stop, or before all that a VM starts from was given. At a source that is
 * torn what has a ticket becomes a batch.
 */
bool kr_flow_lingers(struct kr_flow *f);

/**
 * kr_flow_torn() - Can new lanes go on? No thread does anything any more
 * @ret_p:   how far this side is
 * @ret_why: the failure; also if they cannot
 */
bool kr_flow_torn(struct kr_flow *f, struct kr_plane_position *ret_p,
		  struct kr_err *ret_why);

/**
 * kr_flow_mend() - New lanes come, of which nothing is up yet
 * @peer: how far it is
 *
 * Return: 0; KR_E_LANE_LOST if what it lacks is not here any more, or never
 *	   was; at the destination KR_E_LANE_MALFORMED if it never was.
 */
int kr_flow_mend(struct kr_flow *f, const struct kr_plane_position *peer,
		 struct kr_err *e);

/** kr_flow_over() - Failed, or told to stop. */
bool kr_flow_over(struct kr_flow *f, struct kr_err *ret_why);
void kr_flow_stop(struct kr_flow *f);

/** kr_flow_in_order() - Lanes, from the first on, whose stretches have tickets
 * over all of them: not the urgent channel's. */
static inline uint8_t kr_flow_in_order(const struct kr_flow *f)
{
	return f->urgent ? f->n_lanes - 1 : f->n_lanes;
}

/** kr_flow_wake() - One lane, or KR_FLOW_NOBODY: all of them. */
void kr_flow_wake(struct kr_flow *f, uint8_t lane);
/** kr_flow_news() - Have the agent's loop look. */
void kr_flow_news(struct kr_flow *f);

/* ---- a lane's news ----------------------------------------------------- */

/** kr_flow_lane_up() - The lane's handshake is done. */
void kr_flow_lane_up(struct kr_flow *f, uint8_t lane, const char *version,
		     const char *suite);
bool kr_flow_is_up(struct kr_flow *f, uint8_t lane,
		   struct kr_plane_up *ret_up);
/** kr_flow_lane_left() - Its thread does nothing more, whatever happens. */
void kr_flow_lane_left(struct kr_flow *f, uint8_t lane);
bool kr_flow_has_left(struct kr_flow *f, uint8_t lane);
/** kr_flow_lane_done() - Nothing more goes either way on this lane. */
void kr_flow_lane_done(struct kr_flow *f, uint8_t lane);

/** kr_flow_complete() - All lanes have ended. */
bool kr_flow_complete(struct kr_flow *f);
/**
 * kr_flow_asked() - Source, hold: the destination's hypervisor asks for a page
 *
 * Devices look into memory while their state is loaded, virtio's for one: so
 * what is behind the split flows from here on, up to its end, which is kept
 * until kr_flow_go().
 */
void kr_flow_asked(struct kr_flow *f);
/** kr_flow_go() - Source, hold: read on behind the split. */
void kr_flow_go(struct kr_flow *f);
bool kr_flow_holds(struct kr_flow *f);

/** kr_flow_has_split() - The split is behind us; what was there, and not. */
bool kr_flow_has_split(struct kr_flow *f, struct kr_plane_split *ret_m);
/** kr_flow_done() - Nothing more goes on any lane. */
bool kr_flow_done(struct kr_flow *f);

/* ---- what is shown ----------------------------------------------------- */

/**
 * kr_flow_count() - Add to what is shown; the lane's wire is looked at
 * @arrived_ns: when the lane's last batch came; 0 at the source
 */
void kr_flow_count(struct kr_flow *f, uint8_t lane, struct kr_lane *tls,
		   const struct kr_plane_progress *more, uint64_t arrived_ns);
void kr_flow_progress(struct kr_flow *f, struct kr_plane_progress *ret_p);

#endif
