/* SPDX-License-Identifier: Apache-2.0 */
/*
 * appraised.h - an agent (korora-appraise) at work, judging what one host says
 * of itself or endorsing its TPM's key, while kororad goes on.
 */
#ifndef KR_DAEMON_APPRAISED_H
#define KR_DAEMON_APPRAISED_H

#include <sys/types.h>

#include "attest/appraisemsg.h"
#include "attest/endorsemsg.h"
#include "base/chan.h"

struct kr_host;

/* What it was asked for, and nothing else. */
struct kr_appraisersaid {
	const struct kr_appraisal *appraisal;
	const struct kr_endorsed  *endorsed;
};

struct kr_appraised {
	struct kr_chan chan;
	pid_t	       pid;
	/** Once, unless stopped: @s, or NULL and @e why there is none. */
	void	     (*done)(void *arg, const struct kr_appraisersaid *s,
			     const struct kr_err *e);
	void	      *arg;
};

/**
 * kr_appraised_ask() - Have it judged
 * @k:    caller's storage, zero but done and arg
 * @said: from anyone, see said.h; borrowed until return
 *
 * Return: 0, done() follows, not from within this call; < 0: it does not.
 */
int kr_appraised_ask(struct kr_host *h, struct kr_appraised *k,
		     const struct kr_appraiseask *a, const uint8_t *said,
		     size_t n_said, struct kr_err *e);

/**
 * kr_appraised_endorse() - Have a credential made for it, and its names read
 *
 * As kr_appraised_ask(); KR_E_KEY_FILE if the makers that korora.conf names
 * cannot be read. Where it names some, one of them has to vouch for the TPM.
 */
int kr_appraised_endorse(struct kr_host *h, struct kr_appraised *k,
			 const struct kr_endorseask *a, struct kr_err *e);

/** kr_appraised_stop() - Do not care any more; a no-op if none is at work. */
void kr_appraised_stop(struct kr_appraised *k);

#endif
