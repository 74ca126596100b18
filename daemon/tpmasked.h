/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tpmasked.h - this host's TPM, asked for a quote: an agent (korora-tpm) at
 * work for one question, while kororad goes on.
 */
#ifndef KR_DAEMON_TPMASKED_H
#define KR_DAEMON_TPMASKED_H

#include <sys/types.h>

#include "attest/tpmmsg.h"
#include "base/chan.h"

struct kr_host;

struct kr_tpmasked {
	struct kr_chan chan;
	pid_t	       pid;
	/** Once, unless stopped: @q, or NULL and @e why not. */
	void	     (*done)(void *arg, const struct kr_tpmquoted *q,
			     const struct kr_err *e);
	void	      *arg;
};

/** kr_tpmasked_configured() - Has this host a TPM to ask? korora.conf(5) */
bool kr_tpmasked_configured(const struct kr_host *h);

/**
 * kr_tpmasked_quote() - Have it quote
 * @k: caller's storage, zero but done and arg
 *
 * Return: 0, done() follows, not from within this call; < 0: it does not.
 *         KR_E_TPM if the TPM cannot be opened.
 */
int kr_tpmasked_quote(struct kr_host *h, struct kr_tpmasked *k,
		      const struct kr_tpmask *a, struct kr_err *e);

/** kr_tpmasked_stop() - Do not care any more; a no-op if none is at work. */
void kr_tpmasked_stop(struct kr_tpmasked *k);

#endif
