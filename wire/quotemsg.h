/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quotemsg.h - what is said to have a peer tell what it booted: a challenge,
 * and the evidence (attest/said.h) in parts, each of which is asked for, so
 * that no more is under way than one. Peer messages (peermsg.h).
 */
#ifndef KR_WIRE_QUOTEMSG_H
#define KR_WIRE_QUOTEMSG_H

#include "attest/said.h"

#define KR_QUOTEMSG_PART_MAX	30720u	/* bytes of evidence in a message */

/* QUOTE_ASK */
struct kr_quoteask {
	uint8_t	     question[16];
	uint8_t	     nonce[32];
	uint8_t	     policy[32];	/* digest of who asks: its policy */
	enum kr_side role;		/* of who is asked */
	enum kr_bank bank;
	uint32_t     mask;		/* of PCRs, not 0 */
	char	     vm[64];		/* "": for none */
};

/* QUOTE_PART */
struct kr_quotepart {
	uint8_t	       question[16];
	uint32_t       total;	/* bytes, 1..KR_SAID_BYTES_MAX */
	uint32_t       offset;	/* of these */
	const uint8_t *bytes;	/* in the message; within total */
	size_t	       n;	/* 1..KR_QUOTEMSG_PART_MAX */
};

/* QUOTE_MORE: the part that begins there */
struct kr_quotemore {
	uint8_t	 question[16];
	uint32_t offset;
};

/** The parsers return 0, or KR_E_MALFORMED. */
void kr_quotemsg_ask_put(struct kr_wr *w, const struct kr_quoteask *a);
int  kr_quotemsg_ask_parse(struct kr_rd *r, struct kr_quoteask *ret,
			   struct kr_err *e);
void kr_quotemsg_part_put(struct kr_wr *w, const struct kr_quotepart *p);
int  kr_quotemsg_part_parse(struct kr_rd *r, struct kr_quotepart *ret,
			    struct kr_err *e);
void kr_quotemsg_more_put(struct kr_wr *w, const struct kr_quotemore *m);
int  kr_quotemsg_more_parse(struct kr_rd *r, struct kr_quotemore *ret,
			    struct kr_err *e);

#endif
