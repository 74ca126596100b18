/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow.h - what the lanes of one migration share on one side: the
 * hypervisor's socket, the reader of its stream, memory tree and digest, the
 * pages both ends remember, whose turn it is, and the first failure. Used by
 * plane/send.c, plane/receive.c (a thread per lane) and plane/pump.c (the
 * agent's loop).
 *
 * Every stretch of the stream has a ticket. Work that must be done in the
 * stream's order is done in turns, one ticket after the other; everything
 * else runs beside it. What a turn guards needs no lock of its own:
 *
 *   reading	 source: stream reader, carry, giving tickets out
 *   KR_TURN_MEND	 source: tree, digest, memory; destination: stream
 *			 reader and memory
 *   KR_TURN_GIVE	 destination: tree, digest, writing to the hypervisor
 *
 * @lock guards the rest. It is never held across a call that may block.
 */
#ifndef KR_PLANE_FLOW_H
#define KR_PLANE_FLOW_H

#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "plane/batch.h"
#include "plane/hardpages.h"
#include "plane/lane.h"
#include "plane/manifest.h"
#include "plane/plane_msg.h"
#include "plane/qstream.h"
#include "plane/ramtree.h"
#include "plane/recall.h"

enum kr_turn { KR_TURN_MEND, KR_TURN_GIVE, KR_TURN_N };

#define KR_FLOW_NOBODY	UINT8_MAX

/* A lane as the others see it. */
struct kr_flow_lane {
	int	 wake_fd;		/* eventfd; -1 = no such lane (yet) */
	bool	 idle;			/* would read, if it were its turn */
	bool	 waits[KR_TURN_N];	/* for @ticket's turn */
	uint64_t ticket;
	bool	 ended;			/* source: sent all; dest.: got all */
	bool	 up, done;		/* done: both directions */
	struct kr_plane_up tls;		/* once up */
	uint64_t sent_bytes, received_bytes;	/* TLS records */
};

struct kr_flow {
	bool		   source;
	uint8_t		   n_lanes;
	/* in turns */
	struct kr_qstream *qstream;
	struct kr_ramtree *tree;
	EVP_MD_CTX	  *sha;		/* of what is in no page */
	bool		   tree_ready;
	bool		   cut;		/* the stream's last bytes came */
	bool		   more;	/* carry may hold something whole */
	struct kr_recall  *recall;
	struct kr_pagecache *cache;	/* any thread; NULL = none */
	struct kr_haves	  *there;	/* source: what the peer has cached */
	struct kr_hardpages hard;	/* source; any thread */
	unsigned int	   n_learned, n_asked, n_known;	/* pages of late */
	unsigned int	   n_tries;
	uint8_t		   carry[KR_BATCH_RAW_MAX];	/* read, not taken */
	size_t		   n_carry;
	/* under lock */
	pthread_mutex_t	   lock;
	int		   qemu_fd;	/* -1 = not there yet */
	uint8_t		   reader;	/* lane that reads, or nobody */
	bool		   eof;		/* the hypervisor wrote its last */
	uint64_t	   next_ticket, turn[KR_TURN_N];
	struct kr_flow_lane lanes[KR_PLANE_LANES_MAX];
	bool		   failed, stopping;
	struct kr_err	   error;
	struct kr_plane_progress progress;
	uint64_t	   last_ns;	/* destination: a batch came */
	int		   news_fd;	/* eventfd: main has to look */
};

/** kr_flow_new() - @cache_fd: the page cache's, -1 = none; owned. */
int kr_flow_new(const struct kr_plane_start *start, int cache_fd,
		struct kr_flow **ret_f, struct kr_err *e);
void kr_flow_free(struct kr_flow *f);

/** kr_flow_fail() - The first failure counts; everyone is woken. */
void kr_flow_fail(struct kr_flow *f, const struct kr_err *e);

/** kr_flow_over() - Failed, or told to stop. */
bool kr_flow_over(struct kr_flow *f, struct kr_err *ret_why);
void kr_flow_stop(struct kr_flow *f);

/** kr_flow_wake() - One lane, or KR_FLOW_NOBODY: all of them. */
void kr_flow_wake(struct kr_flow *f, uint8_t lane);
/** kr_flow_news() - Have the agent's loop look. */
void kr_flow_news(struct kr_flow *f);

/** kr_flow_set_qemu() - Main: the hypervisor has connected. */
void kr_flow_set_qemu(struct kr_flow *f, int fd);
int kr_flow_qemu(struct kr_flow *f);

/* ---- reading, at the source -------------------------------------------- */

enum kr_flow_may { KR_FLOW_READ, KR_FLOW_WAIT, KR_FLOW_END };

/** kr_flow_may_read() - Is it this lane's to read? If not, it is idle. */
enum kr_flow_may kr_flow_may_read(struct kr_flow *f, uint8_t lane);

/** kr_flow_read_on() - A stretch is read: its ticket; others may read. */
uint64_t kr_flow_read_on(struct kr_flow *f, uint8_t lane, bool eof,
			 bool ticket);

/**
 * kr_flow_scan() - Find a stretch's pages; by whoever reads
 * @items:    emptied first
 * @ret_used: bytes taken
 */
int kr_flow_scan(struct kr_flow *f, const uint8_t *raw, size_t n,
		 struct kr_items *items, size_t *ret_used, struct kr_err *e);

/* ---- turns ------------------------------------------------------------- */

/**
 * kr_flow_my_turn() - Has @ticket's turn come? If not, the lane is woken then
 *
 * Return: 1 or 0; KR_E_LANE_MALFORMED if it never can, since the ticket
 *         before it went by or no lane is left that could bring it.
 */
int kr_flow_my_turn(struct kr_flow *f, uint8_t lane, enum kr_turn t,
		    uint64_t ticket, struct kr_err *e);
void kr_flow_turn_over(struct kr_flow *f, enum kr_turn t);

/** kr_flow_lane_ended() - This lane brought or took all it will. */
int kr_flow_lane_ended(struct kr_flow *f, uint8_t lane, struct kr_err *e);

/**
 * kr_flow_count() - Add to what is shown; the lane's wire is looked at
 * @arrived_ns: when the lane's last batch came; 0 at the source
 */
void kr_flow_count(struct kr_flow *f, uint8_t lane, struct kr_lane *tls,
		   const struct kr_plane_progress *more, uint64_t arrived_ns);
void kr_flow_progress(struct kr_flow *f, struct kr_plane_progress *ret_p);

/* ---- in turn ----------------------------------------------------------- */

/** kr_flow_account() - Tree and digest: a stretch, its pages hashed. */
int kr_flow_account(struct kr_flow *f, const uint8_t *raw, size_t n,
		    const struct kr_items *items, const uint8_t (*digests)[32],
		    struct kr_err *e);

/** kr_flow_learns() - Source: shall both ends remember this stretch? */
bool kr_flow_learns(struct kr_flow *f, bool link_is_slow,
		    const struct kr_items *items, const struct kr_refs *refs);

/* ---- the end ----------------------------------------------------------- */

/** kr_flow_lane_up() - The lane's handshake is done. */
void kr_flow_lane_up(struct kr_flow *f, uint8_t lane, const char *version,
		     const char *suite);
bool kr_flow_is_up(struct kr_flow *f, uint8_t lane,
		   struct kr_plane_up *ret_up);
/** kr_flow_lane_done() - Nothing more goes either way on this lane. */
void kr_flow_lane_done(struct kr_flow *f, uint8_t lane);

/** kr_flow_complete() - All lanes have ended. */
bool kr_flow_complete(struct kr_flow *f);
/** kr_flow_done() - Nothing more goes on any lane. */
bool kr_flow_done(struct kr_flow *f);

/** kr_flow_manifest() - Main, once, when complete. */
int kr_flow_manifest(struct kr_flow *f, struct kr_manifest *ret_m,
		     struct kr_err *e);

#endif
