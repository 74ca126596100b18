/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ownquote.h - this host's word of what it booted: a quote, for what it is
 * bound to, and the event log that korora.conf names, as bytes (said.h).
 */
#ifndef KR_DAEMON_OWNQUOTE_H
#define KR_DAEMON_OWNQUOTE_H

#include "attest/said.h"
#include "daemon/tpmasked.h"

struct kr_ownquote {
	struct kr_host	  *host;
	struct kr_binding  binding;
	struct kr_tpmasked tpm;
	/** Once, unless stopped: @said, @n bytes on the heap, taken, signed by
	 * what is in @q; or NULL and @e why not. */
	void		 (*done)(void *arg, uint8_t *said, size_t n,
				 const struct kr_tpmquoted *q,
				 const struct kr_err *e);
	void		  *arg;
};

/**
 * kr_ownquote_ask() - Have the TPM quote
 * @k: caller's storage, zero but binding, done and arg
 *
 * Return: 0, done() follows, not from within this call; < 0: it does not.
 */
int kr_ownquote_ask(struct kr_host *h, struct kr_ownquote *k,
		    enum kr_bank bank, uint32_t mask, struct kr_err *e);

#endif
