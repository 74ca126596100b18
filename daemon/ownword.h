/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ownword.h - what this host's TPM says of this host, judged by the reference
 * values that it is judged by here (goodvalues.h): for doctor, before a peer
 * judges it.
 */
#ifndef KR_DAEMON_OWNWORD_H
#define KR_DAEMON_OWNWORD_H

#include "daemon/appraised.h"
#include "daemon/ownquote.h"
#include "wire/peermsg.h"

struct kr_ownword {
	struct kr_host	      *host;
	struct kr_ownquote     quote;
	struct kr_appraised    judge;
	/** Once: what was found, a check for each deviation. */
	void		     (*done)(void *arg, const struct kr_checks *c,
				     bool bad);
	void		      *arg;
};

/**
 * kr_ownword_ask() - Have it quote and, if there are reference values, judged
 * @k: caller's storage, zero but done and arg
 *
 * done() follows, maybe from within this call.
 */
void kr_ownword_ask(struct kr_host *h, struct kr_ownword *k);

#endif
