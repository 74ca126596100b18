/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anew.h - what post-copy flows through, set up anew after it broke. Where
 * lanes broke, the data planes on both sides go on with new ones, from where
 * they are, and the hypervisors need not know. Where a data plane is gone, the
 * hypervisors pause and resume on a new one on both sides. Either way the new
 * lanes have keys of their own. The source asks for it, with MEND; the target
 * answers MENDED when it is ready for it. Beside postcopy.c; runs in kororad.
 */
#ifndef KR_DAEMON_ANEW_H
#define KR_DAEMON_ANEW_H

#include <stdbool.h>

#include "base/cursor.h"
#include "hyper/hyper_msg.h"
#include "plane/plane_msg.h"

struct kr_link;
struct kr_mig;

/* A hypervisor's connections, one for each of its channels. */
struct kr_anew_ends {
	int	     fds[KR_PLANE_LANES_MAX];
	unsigned int n;
};

/* Part of struct kr_mig. */
struct kr_anew {
	bool	 torn;		/* the hypervisor waits for a new connection */
	struct kr_anew_ends ends;	/* T: made for it; not torn: it has
				 * taken them. Until a lane is up: not a byte
				 * came there, whatever becomes of a plane */
	bool	 lanes_torn;	/* the data plane waits for new lanes */
	bool	 lanes_new;	/* they are wanted, or on their way to it */
	bool	 resumed;	/* S: RESUME was said, for this plane */
	bool	 renewed;	/* the plane is not the first, and its stream
				 * a resumed one */
	struct kr_plane_position position, peer_position; /* torn */
	bool	 mending;	/* new lanes are being set up */
	bool	 goes_on;	/* for the data plane that had the old ones */
	bool	 asked;		/* T: RECOVER was said, and not answered */
	uint16_t attempt;	/* from 1; 0: they are the first */
};

/** kr_anew_torn() - A plane broke. Return: it can be set up anew. */
bool kr_anew_torn(struct kr_mig *m, const struct kr_err *why);

/** kr_anew_lanes_torn() - Late: the plane waits for new lanes. */
void kr_anew_lanes_torn(struct kr_mig *m, const struct kr_plane_torn *t);

/**
 * kr_anew_mend() - S: ask the target for new lanes, if any are wanted
 *
 * None are while those there are do, or others are being set up. There is a
 * session.
 */
int kr_anew_mend(struct kr_mig *m, struct kr_err *e);

/** kr_anew_later() - Not this time: a little later once more
 *
 * Of a plane that awaits lanes, else of a new one. */
void kr_anew_later(struct kr_mig *m, const struct kr_err *why);

/** kr_anew_again() - S: what was tried took too long. */
void kr_anew_again(struct kr_mig *m);

/** kr_anew_message() - MEND and MENDED. */
int kr_anew_message(struct kr_link *l, uint16_t type, struct kr_rd *r,
		    struct kr_err *e);

/** kr_anew_up() - All lanes are up; late: they were set up anew. */
void kr_anew_up(struct kr_mig *m);

/** kr_anew_ready() - The hypervisor's agent is there, or is there again. */
void kr_anew_ready(struct kr_mig *m, const struct kr_hyper_ready *r);

/** kr_anew_hyper_torn() - The hypervisor lost its connection. */
void kr_anew_hyper_torn(struct kr_mig *m);

/** kr_anew_hyper_taken() - T: it has new ones, and waits for what comes. */
void kr_anew_hyper_taken(struct kr_mig *m);

/** kr_anew_hyper_mended() - It has a new one, and goes on. */
void kr_anew_hyper_mended(struct kr_mig *m);

/* What it was told to was done, or failed. Return: it was for this. */
bool kr_anew_done(struct kr_mig *m, uint16_t command);
bool kr_anew_fail(struct kr_mig *m, uint16_t command, const struct kr_err *e);

#endif
