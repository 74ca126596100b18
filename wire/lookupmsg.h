/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lookupmsg.h - messages between kororad and a look-up agent (korora-lookup):
 * one process for one question, since the resolver blocks and reads what
 * strangers answer.
 */
#ifndef KR_WIRE_LOOKUPMSG_H
#define KR_WIRE_LOOKUPMSG_H

#include "base/cursor.h"
#include "base/err.h"

#define KR_LOOKUP_NAME_MAX	256u	/* bytes of a name, with its NUL */
#define KR_LOOKUP_WHAT_MAX	128u	/* bytes of a reason, with its NUL */
#define KR_LOOKUP_BODY_MAX	300u	/* bytes of any of these messages */
#define KR_LOOKUP_MS		12000u	/* an agent lives that long at most;
					   who asked waits less, and says why */

enum kr_lookupmsg {
	/* kororad to agent */
	KR_LOOKUP_ASK	= 1,	/* a name; once */
	/* agent to kororad, which then ends */
	KR_LOOKUP_FOUND = 16,
	KR_LOOKUP_FAIL	= 17,	/* what the resolver says */
};

/* An IPv4 or IPv6 address, in network order. */
struct kr_lookupfound {
	uint8_t	 n_bytes;	/* 4 or 16 */
	uint8_t	 bytes[16];
	uint32_t scope;		/* interface of a link-local one, else 0 */
};

void kr_lookupfound_put(struct kr_wr *w, const struct kr_lookupfound *f);
int  kr_lookupfound_parse(struct kr_rd *r, struct kr_lookupfound *ret,
			  struct kr_err *e);

#endif
