/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peerquote.h - having a peer say what it booted, and that judged: its quote is
 * by the key that was enrolled, bound to this session and this question, and
 * its PCRs are what the reference values have (PROTOCOL.wire.md, 5.8).
 */
#ifndef KR_DAEMON_PEERQUOTE_H
#define KR_DAEMON_PEERQUOTE_H

#include "daemon/appraised.h"
#include "daemon/link.h"

#define KR_PEERQUOTE_MS	30000u	/* for each part, and the judgement */

struct kr_peerquote {
	struct kr_peerquote *next;
	struct kr_link	    *link;	/* NULL: nothing is at work */
	uint8_t		     question[16];
	struct kr_binding    binding;	/* as it has to be */
	struct kr_tpmbytes   ak;
	uint8_t		    *said;	/* so far; owned */
	uint32_t	     n, total;	/* bytes of it */
	bool		     judging;
	struct kr_appraised  judge;
	struct kr_timer	     patience;
	/** Once, unless stopped: @a, or NULL and @e why it was not judged. */
	void		   (*done)(void *arg, const struct kr_appraisal *a,
				   const struct kr_err *e);
	void		    *arg;
};

/**
 * kr_peerquote_ask() - Ask the peer of a session
 * @k:    caller's storage, zero but done and arg
 * @role: the peer's
 * @vm:   what for, "": nothing
 *
 * Return: 0, done() follows, not from within this call; < 0: it does not,
 *         KR_E_NO_AK if the peer's key is not enrolled, KR_E_VERSION.
 */
int kr_peerquote_ask(struct kr_link *l, struct kr_peerquote *k,
		     enum kr_side role, const char *vm, struct kr_err *e);

/** kr_peerquote_stop() - Do not care any more; a no-op if none is at work. */
void kr_peerquote_stop(struct kr_peerquote *k);

/** kr_peerquote_message() - One of QUOTE_ASK to QUOTE_MORE. Return: 0; < 0. */
int kr_peerquote_message(struct kr_link *l, uint16_t type, struct kr_rd *r,
			 struct kr_err *e);

/** kr_peerquote_failed() - A FAIL came; it may be the answer. */
void kr_peerquote_failed(struct kr_link *l, const struct kr_peerfail *f);

void kr_peerquote_link_down(struct kr_link *l);

#endif
