/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endorsemsg.h - the second thing that korora-appraise is asked: to make a
 * credential that only that TPM opens, and only for that attestation key, and
 * to say whom the endorsement key's certificate names.
 */
#ifndef KR_ATTEST_ENDORSEMSG_H
#define KR_ATTEST_ENDORSEMSG_H

#include "attest/ekcert.h"
#include "attest/tpmmsg.h"

struct kr_endorseask {
	struct kr_tpmmaterial m;	/* from anyone */
	uint8_t		      secret[KR_TPM_SECRET_MAX];
};

struct kr_endorsed {
	struct kr_tpmcredential credential;	/* has the secret in it */
	struct kr_tpmname	ak;		/* name of the key */
	struct kr_ekcert_names	names;
	bool			vouched; /* by a maker that is trusted */
};

/** The parsers return 0, or KR_E_AGENT_SPOKE. */
void kr_endorseask_put(struct kr_wr *w, const struct kr_endorseask *a);
int  kr_endorseask_parse(struct kr_rd *r, struct kr_endorseask *ret,
			 struct kr_err *e);
void kr_endorsed_put(struct kr_wr *w, const struct kr_endorsed *d);
int  kr_endorsed_parse(struct kr_rd *r, struct kr_endorsed *ret,
		       struct kr_err *e);

#endif
