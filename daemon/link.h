/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link.h - connections with peers as kororad sees them: a link agent each.
 * Links to one peer are shared by its migrations; the newest one is used.
 */
#ifndef KR_DAEMON_LINK_H
#define KR_DAEMON_LINK_H

#include <sys/types.h>

#include "daemon/dial.h"
#include "daemon/host.h"
#include "daemon/shown.h"
#include "wire/linkmsg.h"
#include "wire/peermsg.h"

#define KR_LINK_IDLE_MS	30000u	/* a session without a migration lives on */

struct kr_link {
	struct kr_link *next;
	struct kr_host *host;
	struct kr_chan	chan;
	struct kr_dial	dial;		/* outgoing, until connected */
	struct kr_timer	idle;		/* once up */
	pid_t		pid;
	bool		outgoing, up, dead, was_idle;
	char		address[128];	/* for the log */
	char		peer[KR_LINK_NAME_MAX];	/* proved once up */
	struct kr_linkup info;		/* valid once up */
	struct sockaddr_storage local;	/* this end's address */
	struct kr_pubkey *key;		/* its identity's; once up */
	struct kr_shown	shown;		/* for offers to come */
	struct kr_inforce policy;	/* its host's, as its log told last */
	struct kr_err	error;		/* why it ended */
	struct kr_timer	reap;		/* frees it outside its callbacks */
};

/**
 * kr_link_incoming() - Begin a session, or take a lane, with who came in
 * @fd: borrowed; the agent gets its own
 *
 * The caller has taken a place among the unproved for it, which the link
 * leaves (kr_accept_leave()) once its peer is proved or it ends.
 *
 * Return: 0; < 0 if there is no link, and the place is still the caller's.
 */
int kr_link_incoming(struct kr_host *h, const char *address, int fd,
		     struct kr_err *e);

/**
 * kr_link_connect() - Begin a session with an enrolled host
 *
 * Its end is told by kr_mig_link_up() or kr_mig_link_down() for every
 * migration with that peer.
 */
int kr_link_connect(struct kr_host *h, const char *peer,
		    struct kr_link **ret_l, struct kr_err *e);

/** kr_link_find() - An up link with @peer, the newest; NULL if none. */
struct kr_link *kr_link_find(struct kr_host *h, const char *peer);

/**
 * kr_link_send() - Send a peer message
 *
 * Return: 0, also when the agent has just died: its last words, still to be
 *         read, say why, and kr_mig_link_down() follows; KR_E_LIMIT.
 */
int kr_link_send(struct kr_link *l, uint16_t type, const struct kr_wr *w,
		 struct kr_err *e);

/** kr_link_ask_key() - Ask for a lane's key: kr_lanes_key() tells it. */
int kr_link_ask_key(struct kr_link *l, const uint8_t migration[16],
		    uint8_t lane, uint16_t attempt, struct kr_err *e);

/** kr_link_close() - Say why (NULL: no reason) and end the session. */
void kr_link_close(struct kr_link *l, const struct kr_err *why);

/** kr_link_talk() - For link.c: ready to be attached to its agent. */
void kr_link_talk(struct kr_link *l);

/** kr_link_end() - For linktalk.c: it is over, and why. */
void kr_link_end(struct kr_link *l, const struct kr_err *e);

/** kr_link_fini() - End all links. */
void kr_link_fini(struct kr_host *h);

#endif
