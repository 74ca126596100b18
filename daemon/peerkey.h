/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peerkey.h - a peer's attestation key: asking for it, and having this host's
 * TPM answer who asks (PROTOCOL.wire.md, 5.7). Nobody's word is taken for
 * where a key lives: a credential is made for it and for the endorsement key,
 * and what was in that comes back, bound to the session.
 */
#ifndef KR_DAEMON_PEERKEY_H
#define KR_DAEMON_PEERKEY_H

#include "daemon/appraised.h"
#include "daemon/link.h"
#include "daemon/tpmasked.h"
#include "wire/enrolmsg.h"

enum kr_peerkey_at {
	KR_PEERKEY_ASKS, KR_PEERKEY_ENDORSES, KR_PEERKEY_CHALLENGES,
};

struct kr_peerkey {
	struct kr_peerkey  *next;
	struct kr_host	   *host;
	struct kr_link	   *link;	/* NULL: there is none yet */
	char		    peer[KR_LINK_NAME_MAX];
	uint8_t		    question[16];
	uint8_t		    secret[KR_TPM_SECRET_MAX];
	enum kr_peerkey_at  at;
	struct kr_appraised endorser;
	struct kr_timer	    patience;
	struct kr_tpmbytes  ak;
	struct kr_endorsed  endorsed;
	/** Once: what is in @k holds, or @e why not; not to be used after. */
	void		  (*done)(void *arg, const struct kr_peerkey *k,
				  const struct kr_err *e);
	void		   *arg;
};

/**
 * kr_peerkey_ask() - Ask an enrolled host
 * @k: caller's storage, zero but done and arg
 *
 * Return: 0, done() follows, not from within this call: KR_E_VERSION if it
 *         cannot be asked, KR_E_TPM if it has no TPM that answers,
 *         KR_E_PEER_REFUSED, KR_E_PEER_SILENT, KR_E_EK_CERT, KR_E_TPM_KEY,
 *         KR_E_AK_FOREIGN, or why the session ended; < 0: it does not.
 */
int kr_peerkey_ask(struct kr_host *h, const char *peer, struct kr_peerkey *k,
		   struct kr_err *e);

/** kr_peerkey_with() - Is this peer asked, or does it wait for an answer? */
bool kr_peerkey_with(const struct kr_host *h, const char *peer);

/** kr_peerkey_message() - One of TPM_ASK to TPM_OPENED. Return: 0; < 0. */
int kr_peerkey_message(struct kr_link *l, uint16_t type, struct kr_rd *r,
		       struct kr_err *e);

/** kr_peerkey_failed() - A FAIL came; it may be the answer. */
void kr_peerkey_failed(struct kr_link *l, const struct kr_peerfail *f);

/** kr_peerkey_refuse() - Answer a question about this host's TPM with a FAIL. */
int kr_peerkey_refuse(struct kr_link *l, const uint8_t question[16],
		      const struct kr_err *why, struct kr_err *e);

void kr_peerkey_link_up(struct kr_link *l);
void kr_peerkey_link_down(struct kr_link *l);

#endif
