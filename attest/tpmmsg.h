/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tpmmsg.h - messages between kororad and the agent that talks to this host's
 * TPM (korora-tpm): one process for one question. kororad opens the TPM and
 * hands it over; the agent opens nothing.
 */
#ifndef KR_ATTEST_TPMMSG_H
#define KR_ATTEST_TPMMSG_H

#include "attest/tpm.h"
#include "base/cursor.h"

#define KR_TPMMSG_BODY_MAX	8192u	/* bytes of any of these messages */
#define KR_TPMMSG_WHAT_MAX	120u	/* bytes of a reason, with its NUL */
#define KR_TPMMSG_MS		60000u	/* an agent lives that long at most */

enum kr_tpmmsg {
	/* kororad to agent, with the TPM's descriptor; once */
	KR_TPMMSG_QUOTE	 = 1,	/* struct kr_tpmask */
	/* agent to kororad, which then ends */
	KR_TPMMSG_QUOTED = 16,	/* struct kr_tpmquoted */
	KR_TPMMSG_FAIL	 = 17,	/* a string: why not, KR_E_TPM */
};

struct kr_tpmask {
	uint8_t	     extra[32];	/* qualifying data */
	enum kr_bank bank;
	uint32_t     mask;	/* of PCRs, not 0 */
};

struct kr_tpmquoted {
	struct kr_tpmbytes ak;		/* TPM2B_PUBLIC: who signed */
	struct kr_tpmbytes quote, sig;	/* TPM2B_ATTEST, TPMT_SIGNATURE */
	struct kr_pcrs	   pcrs;	/* as they were quoted */
};

/** The parsers return 0, or KR_E_AGENT_SPOKE. */
void kr_tpmask_put(struct kr_wr *w, const struct kr_tpmask *a);
int  kr_tpmask_parse(struct kr_rd *r, struct kr_tpmask *ret, struct kr_err *e);
void kr_tpmquoted_put(struct kr_wr *w, const struct kr_tpmquoted *q);
int  kr_tpmquoted_parse(struct kr_rd *r, struct kr_tpmquoted *ret,
			struct kr_err *e);

#endif
