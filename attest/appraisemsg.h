/* SPDX-License-Identifier: Apache-2.0 */
/*
 * appraisemsg.h - messages between kororad and the agent that judges what a
 * host says of itself (korora-appraise): one process for one judgement, with
 * no TPM and no file. What is judged comes as a file in memory (said.h), which
 * kororad does not read.
 */
#ifndef KR_ATTEST_APPRAISEMSG_H
#define KR_ATTEST_APPRAISEMSG_H

#include "attest/said.h"
#include "attest/tpm.h"

#define KR_APPRAISEMSG_BODY_MAX	40960u	/* bytes of any of these messages */
#define KR_APPRAISEMSG_MS	20000u	/* an agent lives that long at most */

enum kr_appraisemsg {
	/* kororad to agent, with the evidence's descriptor; once */
	KR_APPRAISEMSG_ASK	= 1,	/* struct kr_appraiseask */
	/* kororad to agent, alone or with the makers that are trusted, in PEM */
	KR_APPRAISEMSG_ENDORSE	= 2,	/* struct kr_endorseask */
	/* agent to kororad, which then ends */
	KR_APPRAISEMSG_RESULT	= 16,	/* struct kr_appraisal */
	KR_APPRAISEMSG_FAIL	= 17,	/* code, a string: no judgement */
	KR_APPRAISEMSG_ENDORSED = 18,	/* struct kr_endorsed */
};

/* What the verifier knows by itself. */
struct kr_appraiseask {
	struct kr_tpmbytes ak;		/* TPM2B_PUBLIC */
	struct kr_binding  binding;
	uint32_t	   mask;	/* of PCRs that were asked for */
	char		   reference[KR_REFERENCE_BYTES_MAX + 1];
};

/** The parsers return 0, or KR_E_AGENT_SPOKE. */
void kr_appraiseask_put(struct kr_wr *w, const struct kr_appraiseask *a);
int  kr_appraiseask_parse(struct kr_rd *r, struct kr_appraiseask *ret,
			  struct kr_err *e);
void kr_appraisal_put(struct kr_wr *w, const struct kr_appraisal *a);
int  kr_appraisal_parse(struct kr_rd *r, struct kr_appraisal *ret,
			struct kr_err *e);

#endif
