/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dial.h - TCP addresses as users write them: ADDRESS:PORT, [ADDRESS]:PORT,
 * NAME:PORT. Connecting takes its time and never blocks; a name is looked up
 * by an agent, each time it is used.
 */
#ifndef KR_DAEMON_DIAL_H
#define KR_DAEMON_DIAL_H

#include <stddef.h>
#include <sys/socket.h>

#include "base/loop.h"
#include "daemon/lookup.h"

#define KR_DIAL_MS	10000u	/* look-up and connect together */

/* A connection on its way; caller's storage, fn and arg set by KR_DIAL(). */
struct kr_dial {
	struct kr_loop	*loop;
	struct kr_lookup lookup;
	struct kr_io	 io;		/* until connected */
	struct kr_timer	 deadline;
	uint16_t	 port;
	char		 address[280];	/* for messages */
	/**
	 * Once, unless stopped: @fd, connected and without delay, whose owner
	 * the callee is; or -1 and why not: KR_E_NO_ADDRESS, KR_E_UNREACHABLE.
	 */
	void	       (*done)(void *arg, int fd, const struct kr_err *e);
	void		*arg;
};

#define KR_DIAL(fn, a) ((struct kr_dial){ .io.fd = -1, .done = (fn), \
					  .arg = (a) })

/**
 * kr_dial_start() - Connect to @address
 *
 * Return: 0, done() follows, not from within this call; < 0: it does not.
 */
int kr_dial_start(struct kr_host *h, struct kr_dial *d, const char *address,
		  struct kr_err *e);

/** kr_dial_stop() - Do not care any more; a no-op if none is on its way. */
void kr_dial_stop(struct kr_dial *d);

/**
 * kr_dial_listen() - A non-blocking listening socket
 *
 * For the start of kororad, which serves nobody yet: a name may block it.
 */
int kr_dial_listen(const char *address, int *ret_fd, struct kr_err *e);

/** kr_dial_name() - A peer's address for the log. */
void kr_dial_name(const struct sockaddr_storage *a, socklen_t n, char *out,
		  size_t size);

#endif
