/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lookup.h - a look-up agent (korora-lookup) at work for one name: kororad
 * goes on while the resolver takes its time.
 */
#ifndef KR_DAEMON_LOOKUP_H
#define KR_DAEMON_LOOKUP_H

#include <sys/types.h>

#include "base/chan.h"
#include "wire/lookupmsg.h"

struct kr_host;

struct kr_lookup {
	struct kr_chan chan;
	pid_t	       pid;
	/** Once, unless stopped: @f, or NULL and @e why not. */
	void	     (*done)(void *arg, const struct kr_lookupfound *f,
			     const struct kr_err *e);
	void	      *arg;
};

/**
 * kr_lookup_start() - Look @name up
 * @k: caller's storage, zero but done and arg
 *
 * Return: 0, done() follows, not from within this call; < 0: it does not.
 *         How long it may take is the caller's matter: kr_lookup_stop().
 */
int kr_lookup_start(struct kr_host *h, struct kr_lookup *k, const char *name,
		    struct kr_err *e);

/** kr_lookup_stop() - Do not care any more; a no-op if none is at work. */
void kr_lookup_stop(struct kr_lookup *k);

#endif
