/* SPDX-License-Identifier: Apache-2.0 */
/*
 * appraised.h - an agent (korora-appraise) at work, judging what one host says
 * of itself, while kororad goes on.
 */
#ifndef KR_DAEMON_APPRAISED_H
#define KR_DAEMON_APPRAISED_H

#include <sys/types.h>

#include "attest/appraisemsg.h"
#include "base/chan.h"

struct kr_host;

struct kr_appraised {
	struct kr_chan chan;
	pid_t	       pid;
	/** Once, unless stopped: @a, or NULL and @e why there is none. */
	void	     (*done)(void *arg, const struct kr_appraisal *a,
			     const struct kr_err *e);
	void	      *arg;
};

/**
 * kr_appraised_ask() - Have it judged
 * @k:    caller's storage, zero but done and arg
 * @said: borrowed until return
 *
 * Return: 0, done() follows, not from within this call; < 0: it does not.
 */
int kr_appraised_ask(struct kr_host *h, struct kr_appraised *k,
		     const struct kr_appraiseask *a,
		     const struct kr_appraise_said *said, struct kr_err *e);

/** kr_appraised_stop() - Do not care any more; a no-op if none is at work. */
void kr_appraised_stop(struct kr_appraised *k);

#endif
