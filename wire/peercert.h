/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peercert.h - who is the peer? Its chain is [link certificate, identity
 * certificate, fleet CA…]. The identity is trusted because its key is
 * pinned here, or because a fleet CA signed it for an enrolled name.
 */
#ifndef KR_WIRE_PEERCERT_H
#define KR_WIRE_PEERCERT_H

#include <openssl/ssl.h>

#include "base/err.h"
#include "wire/linkmsg.h"

struct kr_peercert {
	/* what to check against; set by the caller */
	const char *expect;		/* peer's name, "" if any enrolled */
	const uint8_t *cas;		/* u16 length and DER, repeated */
	size_t	    n_cas_bytes;
	/** Asks kororad; < 0 on failure. */
	int (*who)(void *arg, const uint8_t keyid[32], const char *name,
		   struct kr_linkknown *ret, struct kr_err *e);
	void	   *arg;
	/* what was found; valid after success */
	char	    name[KR_LINK_NAME_MAX];
	uint8_t	    keyid[32];
	struct kr_der identity;
	struct kr_err err;		/* the cause, after a refusal */
};

/** kr_peercert_install() - Make @ctx demand and check a peer's chain. */
void kr_peercert_install(SSL_CTX *ctx, struct kr_peercert *p);

#endif
