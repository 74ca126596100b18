/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tpmasked.h - this host's TPM, asked one question: an agent (korora-tpm) at
 * work for it, while kororad goes on.
 */
#ifndef KR_DAEMON_TPMASKED_H
#define KR_DAEMON_TPMASKED_H

#include <sys/types.h>

#include "attest/tpmmsg.h"
#include "base/chan.h"

struct kr_host;

/* What it was asked for, and nothing else. */
struct kr_tpmsaid {
	const struct kr_tpmquoted   *quoted;
	const struct kr_tpmmaterial *material;
	const struct kr_tpmsecret   *secret;
	const struct kr_tpmseal	    *sealed;
	const uint8_t		    *key;	/* KR_TPMSEAL_KEY_BYTES */
};

struct kr_tpmasked {
	struct kr_chan chan;
	pid_t	       pid;
	/** Once, unless stopped: @s, or NULL and @e why not. */
	void	     (*done)(void *arg, const struct kr_tpmsaid *s,
			     const struct kr_err *e);
	void	      *arg;
};

/** kr_tpmasked_configured() - Has this host a TPM to ask? korora.conf(5) */
bool kr_tpmasked_configured(const struct kr_host *h);

/**
 * kr_tpmasked_quote()	  - Have it quote
 * kr_tpmasked_enrol()	  - Have it say what it is known by
 * kr_tpmasked_activate() - Have it open a credential
 * kr_tpmasked_seal()	  - Have it seal a key
 * kr_tpmasked_unseal()	  - Have it give one back
 * @k: caller's storage, zero but done and arg
 *
 * Return: 0, done() follows, not from within this call; < 0: it does not.
 *         KR_E_TPM if the TPM cannot be opened.
 */
int kr_tpmasked_quote(struct kr_host *h, struct kr_tpmasked *k,
		      const struct kr_tpmask *a, struct kr_err *e);
int kr_tpmasked_enrol(struct kr_host *h, struct kr_tpmasked *k,
		      struct kr_err *e);
int kr_tpmasked_activate(struct kr_host *h, struct kr_tpmasked *k,
			 const struct kr_tpmcredential *c, struct kr_err *e);
int kr_tpmasked_seal(struct kr_host *h, struct kr_tpmasked *k,
		     const struct kr_tpmkeep *what, struct kr_err *e);
int kr_tpmasked_unseal(struct kr_host *h, struct kr_tpmasked *k,
		       const struct kr_tpmseal *s, struct kr_err *e);

/** kr_tpmasked_stop() - Do not care any more; a no-op if none is at work. */
void kr_tpmasked_stop(struct kr_tpmasked *k);

#endif
