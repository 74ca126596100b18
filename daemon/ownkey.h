/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ownkey.h - this host's attestation key, as a peer will have to take it: its
 * TPM says what it is known by, a credential is made for that, and the TPM
 * opens it, or the key does not live beside that endorsement key.
 */
#ifndef KR_DAEMON_OWNKEY_H
#define KR_DAEMON_OWNKEY_H

#include "daemon/appraised.h"
#include "daemon/tpmasked.h"

struct kr_ownkey {
	struct kr_host	   *host;
	struct kr_tpmasked  tpm;
	struct kr_appraised endorser;
	uint8_t		    secret[KR_TPM_SECRET_MAX];
	struct kr_tpmclock  clock;	/* when it was asked */
	struct kr_endorsed  endorsed;
	/** Once: what is in @k now holds, or @e why not. */
	void		  (*done)(void *arg, const struct kr_ownkey *k,
				  const struct kr_err *e);
	void		   *arg;
};

/**
 * kr_ownkey_ask() - Find out
 * @k: caller's storage, zero but done and arg
 *
 * Return: 0, done() follows, not from within this call: KR_E_TPM, KR_E_EK_CERT,
 *         KR_E_TPM_KEY, KR_E_AK_FOREIGN; < 0: it does not.
 */
int kr_ownkey_ask(struct kr_host *h, struct kr_ownkey *k, struct kr_err *e);

#endif
