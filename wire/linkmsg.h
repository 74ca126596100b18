/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linkmsg.h - messages between kororad and a link agent (korora-link): one
 * agent process per connection with a peer. The agent holds a link key that
 * lives a day, never the host's identity; kororad says whom it knows.
 */
#ifndef KR_WIRE_LINKMSG_H
#define KR_WIRE_LINKMSG_H

#include "base/cursor.h"
#include "base/err.h"

#define KR_LINK_DER_MAX		2048u
#define KR_LINK_CA_BYTES_MAX	24576u	/* all fleet CAs, DER */
#define KR_LINK_NAME_MAX	64u
#define KR_LINK_SUITES_MAX	160u

enum kr_linkmsg {
	/* kororad to agent */
	KR_LINK_START = 1,	/* with the TCP socket */
	KR_LINK_KNOWN = 2,	/* answer to WHO and SEEN */
	KR_LINK_SEND  = 3,	/* u16 type, body of a peer message */
	KR_LINK_LANE_KEY = 4,	/* migration id, lane; answered by the same */
	KR_LINK_CLOSE = 5,	/* u16 code, what: say goodbye and end */
	/* agent to kororad */
	KR_LINK_WHO   = 16,	/* keyid, name: is this identity known? */
	KR_LINK_SEEN  = 17,	/* ClientHello random: was it seen before? */
	KR_LINK_UP    = 18,
	KR_LINK_MSG   = 19,	/* u16 type, body: parsed once already */
	KR_LINK_LANE  = 20,	/* with the socket: this is a lane */
	KR_LINK_KEY   = 21,	/* migration id, lane, key */
	KR_LINK_FAIL  = 22,	/* u16 code, what; the agent ends */
};

struct kr_der { uint16_t n_bytes; uint8_t bytes[KR_LINK_DER_MAX]; };

struct kr_linkstart {
	uint8_t	 outgoing;
	uint32_t handshake_ms, silent_ms;
	char	 self[KR_LINK_NAME_MAX];
	char	 peer[KR_LINK_NAME_MAX];	/* expected; "" if incoming */
	char	 suites[KR_LINK_SUITES_MAX];
	struct kr_der key, leaf, identity;	/* PKCS#8, X.509, X.509 */
	uint32_t n_cas_bytes;
	uint8_t	 cas[KR_LINK_CA_BYTES_MAX];	/* u16 length, DER; repeated */
};

enum kr_known { KR_KNOWN_NOT, KR_KNOWN_PINNED, KR_KNOWN_BY_CA };

struct kr_linkknown {
	uint8_t	verdict;		/* enum kr_known; SEEN: 1 if seen */
	char	name[KR_LINK_NAME_MAX];	/* the name it is enrolled under */
};

struct kr_linkup {
	char	peer[KR_LINK_NAME_MAX];
	uint8_t	keyid[32];
	uint8_t	binding[32];		/* RFC 9266 tls-exporter */
	char	tls[16], suite[40], software[64];
	uint16_t version;		/* the highest that both speak */
	struct kr_der identity;
};

struct kr_lanekey {
	uint8_t	migration[16];
	uint8_t	lane;
	uint16_t attempt;		/* 0, or post-copy's lanes anew */
	uint8_t	key[32];		/* zero in the question */
};

void kr_linkstart_put(struct kr_wr *w, const struct kr_linkstart *s);
int  kr_linkstart_parse(struct kr_rd *r, struct kr_linkstart *ret,
			struct kr_err *e);
void kr_linkup_put(struct kr_wr *w, const struct kr_linkup *u);
int  kr_linkup_parse(struct kr_rd *r, struct kr_linkup *ret,
		     struct kr_err *e);
void kr_lanekey_put(struct kr_wr *w, const struct kr_lanekey *k);
int  kr_lanekey_parse(struct kr_rd *r, struct kr_lanekey *ret,
		      struct kr_err *e);
void kr_linkknown_put(struct kr_wr *w, const struct kr_linkknown *k);
int  kr_linkknown_parse(struct kr_rd *r, struct kr_linkknown *ret,
			struct kr_err *e);

#endif
