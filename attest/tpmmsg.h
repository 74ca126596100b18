/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tpmmsg.h - messages between kororad and the agent that talks to this host's
 * TPM (korora-tpm): one process for one question. kororad opens the TPM and
 * hands it over; the agent opens nothing.
 */
#ifndef KR_ATTEST_TPMMSG_H
#define KR_ATTEST_TPMMSG_H

#include "attest/tpmseal.h"

#define KR_TPMMSG_BODY_MAX	8192u	/* bytes of any of these messages */
#define KR_TPMMSG_MS		60000u	/* an agent lives that long at most */

enum kr_tpmmsg {
	/* kororad to agent, with the TPM's descriptor; once */
	KR_TPMMSG_QUOTE	    = 1,	/* struct kr_tpmask */
	KR_TPMMSG_ENROL	    = 2,	/* nothing: what it is known by */
	KR_TPMMSG_ACTIVATE  = 3,	/* struct kr_tpmcredential: open it */
	KR_TPMMSG_SEAL	    = 4,	/* struct kr_tpmkeep */
	KR_TPMMSG_UNSEAL    = 5,	/* struct kr_tpmseal */
	/* agent to kororad, which then ends */
	KR_TPMMSG_QUOTED    = 16,	/* struct kr_tpmquoted */
	KR_TPMMSG_FAIL	    = 17,	/* code, a string: why not */
	KR_TPMMSG_ENROLLED  = 18,	/* struct kr_tpmmaterial */
	KR_TPMMSG_ACTIVATED = 19,	/* struct kr_tpmsecret */
	KR_TPMMSG_SEALED    = 20,	/* struct kr_tpmseal */
	KR_TPMMSG_UNSEALED  = 21,	/* the key, KR_TPMSEAL_KEY_BYTES */
};

struct kr_tpmask {
	uint8_t	     extra[32];	/* qualifying data */
	enum kr_bank bank;
	uint32_t     mask;	/* of PCRs, not 0 */
};

/* To be sealed to what the PCRs are. */
struct kr_tpmkeep {
	enum kr_bank bank;
	uint32_t     mask;	/* of PCRs, not 0 */
	uint8_t	     key[KR_TPMSEAL_KEY_BYTES];	/* wipe it */
};

struct kr_tpmquoted {
	struct kr_tpmbytes ak;		/* TPM2B_PUBLIC: who signed */
	struct kr_tpmbytes quote, sig;	/* TPM2B_ATTEST, TPMT_SIGNATURE */
	struct kr_pcrs	   pcrs;	/* as they were quoted */
};

/* Whom to enrol, by nobody's word but the TPM's. */
struct kr_tpmmaterial {
	struct kr_tpmbytes ak, ek;	/* TPM2B_PUBLIC */
	uint8_t		   cert[KR_EKCERT_BYTES_MAX];	/* of @ek, DER */
	size_t		   n_cert;
	struct kr_tpmclock clock;
};

/* What was in a credential; wipe it. */
struct kr_tpmsecret {
	uint8_t	b[KR_TPM_SECRET_MAX];
	size_t	n;
};

/** What other agents' messages are made of, too. */
void kr_tpmbytes_put(struct kr_wr *w, const struct kr_tpmbytes *b);
void kr_tpmbytes_read(struct kr_rd *r, struct kr_tpmbytes *ret);
void kr_tpmclock_put(struct kr_wr *w, const struct kr_tpmclock *c);
void kr_tpmclock_read(struct kr_rd *r, struct kr_tpmclock *ret);

/** The parsers return 0, or KR_E_AGENT_SPOKE. */
void kr_tpmask_put(struct kr_wr *w, const struct kr_tpmask *a);
int  kr_tpmask_parse(struct kr_rd *r, struct kr_tpmask *ret, struct kr_err *e);
void kr_tpmquoted_put(struct kr_wr *w, const struct kr_tpmquoted *q);
int  kr_tpmquoted_parse(struct kr_rd *r, struct kr_tpmquoted *ret,
			struct kr_err *e);
void kr_tpmmaterial_put(struct kr_wr *w, const struct kr_tpmmaterial *m);
int  kr_tpmmaterial_parse(struct kr_rd *r, struct kr_tpmmaterial *ret,
			  struct kr_err *e);
void kr_tpmcredential_put(struct kr_wr *w, const struct kr_tpmcredential *c);
int  kr_tpmcredential_parse(struct kr_rd *r, struct kr_tpmcredential *ret,
			    struct kr_err *e);
void kr_tpmsecret_put(struct kr_wr *w, const struct kr_tpmsecret *s);
int  kr_tpmsecret_parse(struct kr_rd *r, struct kr_tpmsecret *ret,
			struct kr_err *e);
void kr_tpmkeep_put(struct kr_wr *w, const struct kr_tpmkeep *k);
int  kr_tpmkeep_parse(struct kr_rd *r, struct kr_tpmkeep *ret,
		      struct kr_err *e);
int  kr_tpmsealed_parse(struct kr_rd *r, struct kr_tpmseal *ret,
			struct kr_err *e);

#endif
