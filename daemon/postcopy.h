/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postcopy.h - a VM that runs at the target while memory is owed by the
 * source: when it begins, what keeps memory flowing, and when nothing is owed
 * any more. Beside source.c and target.c; runs in kororad.
 *
 * Until the target's owner statement everything can be undone, as ever: the
 * source's hypervisor holds the far end of its own migration socket, so that
 * no break of lanes or agents makes it wait for a new connection, from which
 * it could not be called back. Then it lets go, and what breaks is set up
 * anew (anew.h).
 */
#ifndef KR_DAEMON_POSTCOPY_H
#define KR_DAEMON_POSTCOPY_H

#include <stdbool.h>

#include "hyper/hyper_msg.h"
#include "plane/plane_msg.h"
#include "wire/peermsg.h"

struct kr_mig;

#define KR_POSTCOPY_AGAIN_MS 500u	/* after what failed at once */

/* Part of struct kr_mig. */
struct kr_postcopy {
	bool	 begun;		/* S: the hypervisor was told to */
	int	 far_fd;	/* S: its socket's far end, until it is held */
	bool	 held, let_go;	/* by the hypervisor */
	bool	 have_split;	/* @split: of what it takes to run */
	bool	 loaded;	/* T: the hypervisor has got as much */
	bool	 have_rest;	/* T: the source's signed word, @rest */
	bool	 off;		/* T: the VM powered itself off */
	/* of planes that broke */
	uint64_t wire_bytes, late_pages, urgent_pages;
	struct kr_plane_split split;
	struct kr_terms	 rest;
};

/** kr_postcopy_hold() - S: the hypervisor's socket's far end; takes @fd. */
void kr_postcopy_hold(struct kr_mig *m, int fd);

/** kr_postcopy_undo() - S: before CANCEL: where it is resumed to be undone. */
int kr_postcopy_undo(struct kr_mig *m, struct kr_err *e);

/** kr_postcopy_begin() - S: tell the hypervisor, if it is time */
void kr_postcopy_begin(struct kr_mig *m);

/** kr_postcopy_split() - The plane sealed what it takes to run. */
void kr_postcopy_split(struct kr_mig *m, const struct kr_plane_split *split);

/** kr_postcopy_late() - Has the target the right to it, and memory is owed? */
bool kr_postcopy_late(const struct kr_mig *m);

/** kr_postcopy_feed() - S: KR_ACT_FEED. */
int kr_postcopy_feed(struct kr_mig *m, struct kr_err *e);

/** kr_postcopy_drop_plane() - It is no use any more; what it did counts on. */
void kr_postcopy_drop_plane(struct kr_mig *m);

/** kr_postcopy_rest() - T: the source's word that it sent all, or cannot. */
int kr_postcopy_rest(struct kr_mig *m, const struct kr_step *s,
		     struct kr_err *e);

/** kr_postcopy_give_up() - T: @who ends a VM that waits for what is owed
 *
 * Return: it was one; @m may be NULL. */
bool kr_postcopy_give_up(struct kr_mig *m, const char *who);

/** kr_postcopy_off() - T: it powered itself off, and needs nothing more
 *
 * Its process is gone. Nobody lost anything: it is stopped here. */
void kr_postcopy_off(struct kr_mig *m);

/** kr_postcopy_whole() - T: is everything here, and verified? */
void kr_postcopy_whole(struct kr_mig *m);

/* The hypervisor's news, both sides. Return: it was for post-copy. */
bool kr_postcopy_ready(struct kr_mig *m, const struct kr_hyper_ready *r);
bool kr_postcopy_event(struct kr_mig *m, enum kr_hyper_what what);
bool kr_postcopy_done(struct kr_mig *m, uint16_t command);

/** kr_postcopy_flows() - Are lanes there, and not being set up anew? */
bool kr_postcopy_flows(const struct kr_mig *m);

/** kr_postcopy_late_pages(), _urgent_pages(), _wire_bytes() - Of all planes it
 * took. */
uint64_t kr_postcopy_late_pages(const struct kr_mig *m);
uint64_t kr_postcopy_urgent_pages(const struct kr_mig *m);
uint64_t kr_postcopy_wire_bytes(const struct kr_mig *m);

#endif
