/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wiped.h - a hypervisor's memory is overwritten before it is ended: an agent
 * (korora-wipe) at work for that, while kororad goes on.
 */
#ifndef KR_DAEMON_WIPED_H
#define KR_DAEMON_WIPED_H

#include <sys/types.h>

#include "base/chan.h"
#include "base/loop.h"
#include "clear/wipe.h"

struct kr_host;

struct kr_wiping {
	struct kr_host *host;
	struct kr_chan	chan;
	pid_t		agent;
	pid_t		pid;	/* of the hypervisor */
	struct kr_timer stopping;
	unsigned int	n_looks;
	/** Once, unless stopped: what was overwritten, or NULL and why not. */
	void	      (*done)(void *arg, const struct kr_wiped *w,
			      const struct kr_err *e);
	void	       *arg;
};

/**
 * kr_wiping_start() - Wipe the memory of a process that got SIGSTOP
 * @w: caller's storage, zero but done and arg
 *
 * It begins when each thread has stopped, so that nothing that is on its way to
 * a disk is overwritten; one that does not in KR_WIPING_STOP_MS is not wiped.
 * done() follows, not from within this call.
 */
#define KR_WIPING_STOP_MS	3000u
void kr_wiping_start(struct kr_host *h, pid_t pid, struct kr_wiping *w);

/** kr_wiping_stop() - Do not care any more; a no-op if none is at work. */
void kr_wiping_stop(struct kr_wiping *w);

#endif
