/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctentry.h - what the kernel knows of one connection, as a value: all of it
 * that another kernel can be given. Reading it from the kernel and telling it
 * to one is ctattr.h.
 *
 * Not part of it, as no kernel takes them: counters, the time it began, its id
 * and the windows of TCP (see KR_CT_TCP_LIBERAL). Bytes of addresses are in
 * the order of the network, numbers in the machine's.
 */
#ifndef KR_CONTEXT_CTENTRY_H
#define KR_CONTEXT_CTENTRY_H

#include "base/cursor.h"
#include "base/err.h"

#define KR_CT_HELPER_BYTES	16u	/* of a helper's name, with the NUL */
#define KR_CT_LABELS_BYTES	16u
#define KR_CTENTRY_BYTES_MAX	256u	/* of kr_ctentry_put() */
#define KR_CTENTRY_NAME_BYTES	160u	/* of kr_ctentry_name() */

/* Bits of status that are carried: enum ip_conntrack_status of the kernel. */
#define KR_CT_EXPECTED		0x0001u	/* has a master */
#define KR_CT_SRC_NAT		0x0010u
#define KR_CT_DST_NAT		0x0020u
#define KR_CT_STATUS		(0x2406u | KR_CT_EXPECTED | KR_CT_SRC_NAT | \
				 KR_CT_DST_NAT)	/* seen reply, assured, fixed */
						/* timeout, helper */

/* Of a direction of TCP; numbers of linux/netfilter/nf_conntrack_tcp.h. */
#define KR_CT_TCP_LIBERAL	0x08u	/* do not judge by windows */
/* Those carried. Whether an acknowledgement was seen, or is waited for, goes
 * with windows, which are not. */
#define KR_CT_TCP_FLAGS		0x8fu

enum kr_ctdir { KR_CTDIR_ORIG, KR_CTDIR_REPLY, KR_CTDIR_N };

/* The zone is meant for packets of: */
#define KR_CT_ZONE_ORIG		1u
#define KR_CT_ZONE_REPLY	2u
#define KR_CT_ZONE_BOTH		3u

struct kr_cttuple {
	uint8_t	 l4;			/* IPPROTO_ */
	uint8_t	 src[16], dst[16];	/* IPv4 in the first 4, then 0 */
	/* ports; of GRE, keys; of ICMP, its identifier, and type << 8 | code;
	 * else 0 */
	uint16_t sport, dport;
};

struct kr_ctseqadj { uint32_t pos, before, after; };

struct kr_ctentry {
	uint8_t		   family;	/* AF_INET or AF_INET6 */
	uint8_t		   zone_dirs;	/* KR_CT_ZONE_; BOTH for zone 0 */
	uint16_t	   zone;
	struct kr_cttuple  orig, reply;	/* reply as NAT made it */
	uint32_t	   status;	/* of KR_CT_STATUS */
	uint32_t	   timeout_s;	/* left of its life */
	uint32_t	   mark;
	uint8_t		   labels[KR_CT_LABELS_BYTES];	/* all 0 = none */
	char		   helper[KR_CT_HELPER_BYTES];	/* "" = none */
	struct {
		bool	there;
		uint8_t	state, wscale[KR_CTDIR_N], flags[KR_CTDIR_N];
	} tcp;
	struct {
		bool	 there;
		uint8_t	 state;
		uint32_t vtag[KR_CTDIR_N];
	} sctp;
	struct {
		bool	 there;
		uint32_t isn, its, tsoff;
	} synproxy;
	bool		   has_seqadj[KR_CTDIR_N];
	struct kr_ctseqadj seqadj[KR_CTDIR_N];
	struct kr_cttuple  master;	/* orig of whom it is expected by, if */
					/* KR_CT_EXPECTED; in the same zone */
};

/**
 * kr_ctentry_put() - Write it for a file; all but the number of its zone
 *
 * There is one way to write an entry, and the bytes of what tells it from
 * others come first. At most KR_CTENTRY_BYTES_MAX.
 */
void kr_ctentry_put(struct kr_wr *w, const struct kr_ctentry *c);

/**
 * kr_ctentry_get() - Read all of @r as an entry of @zone
 * @ret_c: untouched on failure
 * Return: 0; KR_E_CT_FILE if kr_ctentry_put() would not have written that.
 */
int kr_ctentry_get(struct kr_rd *r, uint16_t zone, struct kr_ctentry *ret_c,
		   struct kr_err *e);

/**
 * kr_ctentry_order() - Which comes first? As memcmp() says it.
 * 0 if they are the same connection: zone, protocols and original direction.
 */
int kr_ctentry_order(const struct kr_ctentry *a, const struct kr_ctentry *b);

/** kr_ctentry_same() - All alike, but for what is left of their lives? */
bool kr_ctentry_same(const struct kr_ctentry *a, const struct kr_ctentry *b);

/**
 * kr_ctentry_inverse() - What answers would be, without NAT
 * What ICMP answers with is taken from @c's reply.
 */
struct kr_cttuple kr_ctentry_inverse(const struct kr_ctentry *c);

/** kr_cttuple_put() - Write it for a file; @family decides its length. */
void kr_cttuple_put(struct kr_wr *w, int family, const struct kr_cttuple *t);

/** kr_cttuple_get() - Read one, into one that is zeroed. */
void kr_cttuple_get(struct kr_rd *r, int family, struct kr_cttuple *ret_t);

/** kr_cttuple_order() - As memcmp() says it of what kr_cttuple_put() writes. */
int kr_cttuple_order(const struct kr_cttuple *a, const struct kr_cttuple *b);

/** kr_cttuple_same() - Of entries of one family. */
bool kr_cttuple_same(const struct kr_cttuple *a, const struct kr_cttuple *b);

/**
 * kr_cttuple_name() - "tcp 10.0.0.1:40000 > 10.0.0.2:80", for people
 * @out: KR_CTENTRY_NAME_BYTES
 * Return: @out
 */
const char *kr_cttuple_name(int family, const struct kr_cttuple *t, char *out);

/** kr_ctentry_tcp_state() - "ESTABLISHED"; NULL if it is no TCP's. */
const char *kr_ctentry_tcp_state(const struct kr_ctentry *c);

#endif
