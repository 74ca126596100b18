/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enrolmsg.h - what is said to enrol a peer's attestation key: what its TPM is
 * known by, a credential for that, and what shows that it was opened in this
 * session. Peer messages (peermsg.h); nothing in them is read on the way.
 */
#ifndef KR_WIRE_ENROLMSG_H
#define KR_WIRE_ENROLMSG_H

#include "attest/binding.h"
#include "attest/tpmmsg.h"

/* TPM_KEYS */
struct kr_enrolkeys {
	uint8_t		      question[16];
	struct kr_tpmmaterial m;
};

/* TPM_CREDENTIAL */
struct kr_enrolcredential {
	uint8_t			question[16];
	struct kr_tpmcredential c;
};

/* TPM_OPENED */
struct kr_enrolopened {
	uint8_t	question[16];
	uint8_t	shown[KR_BINDING_BYTES];	/* see kr_enrolmsg_show() */
};

/** The parsers return 0, or KR_E_MALFORMED. */
void kr_enrolmsg_keys_put(struct kr_wr *w, const struct kr_enrolkeys *k);
int  kr_enrolmsg_keys_parse(struct kr_rd *r, struct kr_enrolkeys *ret,
			    struct kr_err *e);
void kr_enrolmsg_credential_put(struct kr_wr *w,
				const struct kr_enrolcredential *c);
int  kr_enrolmsg_credential_parse(struct kr_rd *r,
				  struct kr_enrolcredential *ret,
				  struct kr_err *e);
void kr_enrolmsg_opened_put(struct kr_wr *w, const struct kr_enrolopened *o);
int  kr_enrolmsg_opened_parse(struct kr_rd *r, struct kr_enrolopened *ret,
			      struct kr_err *e);

/**
 * kr_enrolmsg_show() - What stands for a credential's secret, in one session
 * @attester, @verifier: key ids of who opened it and of who made it
 * @exporter:		 of their session
 * @secret:		 KR_TPM_SECRET_MAX bytes
 *
 * The digest of a binding in which it is the nonce, for no VM and no policy.
 * The secret itself is not said: who passes a credential on to another host,
 * whose TPM it is for, gets an answer that is good in their session alone.
 *
 * Return: 0; KR_E_CRYPTO.
 */
int kr_enrolmsg_show(const uint8_t attester[32], const uint8_t verifier[32],
		     const uint8_t exporter[32], const uint8_t *secret,
		     uint8_t ret[KR_BINDING_BYTES], struct kr_err *e);

#endif
