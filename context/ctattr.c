/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctattr.c - see ctattr.h: reading. In the process that exports or follows.
 * An attribute that is not known here is not passed over: the entry would
 * arrive as less than it was.
 */
#include "context/ctattr.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

#define TYPES	32u			/* more than any nest has */

/* A nest taken apart, and whether all that was read from it was as it must. */
struct nest { const struct nlattr *at[TYPES]; const char *why; };

static const char MALFORMED[] = "it is malformed";

static void take(struct nest *n, const void *p, size_t n_bytes)
{
	const struct nlattr *a = p;

	memset(n->at, 0, sizeof(n->at));
	while (n->why != MALFORMED && n_bytes >= sizeof(*a)) {
		size_t step;

		if (!mnl_attr_ok(a, (int)n_bytes)) {
			n->why = MALFORMED;
			return;
		}
		if (mnl_attr_get_type(a) >= TYPES || !mnl_attr_get_type(a))
			n->why = "it has an attribute that is not known here";
		else if (n->at[mnl_attr_get_type(a)])
			n->why = MALFORMED;
		else
			n->at[mnl_attr_get_type(a)] = a;
		step = MNL_ALIGN(mnl_attr_get_len(a));
		n_bytes = step < n_bytes ? n_bytes - step : 0;
		a = mnl_attr_next(a);
	}
}

/* The nest in @type; nothing at all if it is absent. @known: bits of types. */
static struct nest open_nest(struct nest *n, unsigned int type, uint32_t known)
{
	struct nest in = { .why = n->why };

	if (!n->at[type])
		return in;
	take(&in, mnl_attr_get_payload(n->at[type]),
	     mnl_attr_get_payload_len(n->at[type]));
	for (unsigned int i = 0; i < TYPES; i++)
		if (!in.why && in.at[i] && !(known >> i & 1))
			in.why = "it has an attribute that is not known here";
	n->why = in.why;
	return in;
}

/* A number of exactly @n bytes; 0 if it is absent. */
static uint32_t number(struct nest *n, unsigned int type, size_t n_bytes)
{
	const struct nlattr *a = n->at[type];
	struct kr_rd r;

	if (!a || n->why)
		return 0;
	r = KR_RD(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
	if (kr_rd_left(&r) != n_bytes) {
		n->why = MALFORMED;
		return 0;
	}
	return (uint32_t)kr_rd_be(&r, n_bytes);
}

static void address(struct nest *n, unsigned int type, size_t n_bytes,
		    uint8_t *out)
{
	const struct nlattr *a = n->at[type];

	if (!a || mnl_attr_get_payload_len(a) != n_bytes)
		n->why = n->why ? n->why : MALFORMED;
	else
		memcpy(out, mnl_attr_get_payload(a), n_bytes);
}

#define BIT(x)	(1u << (x))

/* Ports, or what is in their place. */
static void identifiers(struct nest *p, struct kr_cttuple *t)
{
	bool six = t->l4 == IPPROTO_ICMPV6;

	if (t->l4 == IPPROTO_ICMP || six) {
		unsigned int id = six ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID;

		t->sport = (uint16_t)number(p, id, 2);
		t->dport = (uint16_t)(number(p, id + 1, 1) << 8 |
				      number(p, id + 2, 1));
	} else {
		t->sport = (uint16_t)number(p, CTA_PROTO_SRC_PORT, 2);
		t->dport = (uint16_t)number(p, CTA_PROTO_DST_PORT, 2);
	}
}

/* @ret_zone: one that is for this direction alone, -1 = none */
static void tuple(struct nest *n, unsigned int type, int family,
		  struct kr_cttuple *t, int *ret_zone)
{
	bool v4 = family == AF_INET;
	size_t bytes = v4 ? 4 : 16;
	struct nest in = open_nest(n, type, BIT(CTA_TUPLE_IP) |
				   BIT(CTA_TUPLE_PROTO) | BIT(CTA_TUPLE_ZONE));
	struct nest ip = open_nest(&in, CTA_TUPLE_IP, v4 ?
		BIT(CTA_IP_V4_SRC) | BIT(CTA_IP_V4_DST) :
		BIT(CTA_IP_V6_SRC) | BIT(CTA_IP_V6_DST));
	struct nest p = open_nest(&in, CTA_TUPLE_PROTO, BIT(TYPES - 1) - 1);

	address(&ip, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, bytes, t->src);
	address(&ip, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, bytes, t->dst);
	if (!p.at[CTA_PROTO_NUM])
		p.why = p.why ? p.why : MALFORMED;
	t->l4 = (uint8_t)number(&p, CTA_PROTO_NUM, 1);
	identifiers(&p, t);
	*ret_zone = in.at[CTA_TUPLE_ZONE] ?
			    (int)number(&in, CTA_TUPLE_ZONE, 2) : -1;
	n->why = n->why ? n->why : in.why ? in.why : ip.why ? ip.why : p.why;
}

static void zone(struct nest *n, int zone_orig, int zone_reply,
		 struct kr_ctentry *c)
{
	c->zone_dirs = KR_CT_ZONE_BOTH;
	if (zone_orig < 0 && zone_reply < 0)
		return;
	if (n->at[CTA_ZONE] || (zone_orig >= 0 && zone_reply >= 0)) {
		n->why = n->why ? n->why : "it is in several zones";
		return;
	}
	c->zone = (uint16_t)(zone_orig >= 0 ? zone_orig : zone_reply);
	if (c->zone)
		c->zone_dirs = zone_orig >= 0 ? KR_CT_ZONE_ORIG :
						KR_CT_ZONE_REPLY;
}

static uint8_t tcp_flags(struct nest *n, unsigned int type)
{
	/* u8 flags, u8 mask, which the kernel leaves 0 */
	return (uint8_t)(number(n, type, 2) >> 8 & KR_CT_TCP_FLAGS);
}

static void protocol(struct nest *n, struct kr_ctentry *c)
{
	struct nest in = open_nest(n, CTA_PROTOINFO, BIT(CTA_PROTOINFO_TCP) |
						     BIT(CTA_PROTOINFO_SCTP));
	struct nest tcp = open_nest(&in, CTA_PROTOINFO_TCP, BIT(6) - 1);
	struct nest sctp = open_nest(&in, CTA_PROTOINFO_SCTP, BIT(4) - 1);

	c->tcp.there = in.at[CTA_PROTOINFO_TCP];
	c->tcp.state = (uint8_t)number(&tcp, CTA_PROTOINFO_TCP_STATE, 1);
	c->sctp.there = in.at[CTA_PROTOINFO_SCTP];
	c->sctp.state = (uint8_t)number(&sctp, CTA_PROTOINFO_SCTP_STATE, 1);
	for (unsigned int d = 0; d < KR_CTDIR_N; d++) {
		c->tcp.wscale[d] = (uint8_t)number(
			&tcp, CTA_PROTOINFO_TCP_WSCALE_ORIGINAL + d, 1);
		c->tcp.flags[d] = tcp_flags(
			&tcp, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL + d);
		c->sctp.vtag[d] = number(
			&sctp, CTA_PROTOINFO_SCTP_VTAG_ORIGINAL + d, 4);
	}
	if ((c->tcp.there && c->orig.l4 != IPPROTO_TCP) ||
	    (c->sctp.there && c->orig.l4 != IPPROTO_SCTP))
		in.why = MALFORMED;
	n->why = n->why ? n->why : in.why ? in.why : tcp.why ? tcp.why :
								 sctp.why;
}

static void helper(struct nest *n, struct kr_ctentry *c)
{
	struct nest in = open_nest(n, CTA_HELP, BIT(CTA_HELP_NAME) |
						BIT(CTA_HELP_INFO));
	const struct nlattr *a = in.at[CTA_HELP_NAME];
	size_t len;

	if (in.at[CTA_HELP_INFO] && mnl_attr_get_payload_len(
					    in.at[CTA_HELP_INFO]))
		n->why = "its helper has a state of its own";
	if (!a || n->why)
		return;
	len = strnlen(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
	if (len >= sizeof(c->helper)) {
		n->why = "its helper's name is too long";
		return;
	}
	memcpy(c->helper, mnl_attr_get_payload(a), len);
	for (size_t i = 0; i < len; i++)
		if (c->helper[i] <= ' ' || c->helper[i] > '~')
			n->why = MALFORMED;
}

static void labels(struct nest *n, struct kr_ctentry *c)
{
	const struct nlattr *a = n->at[CTA_LABELS];

	if (!a)
		return;
	if (mnl_attr_get_payload_len(a) > sizeof(c->labels))
		n->why = "it has more labels than are known here";
	else
		memcpy(c->labels, mnl_attr_get_payload(a),
		       mnl_attr_get_payload_len(a));
}

static void adjustments(struct nest *n, struct kr_ctentry *c)
{
	struct nest in = open_nest(n, CTA_SYNPROXY, BIT(4) - 1);

	c->synproxy.there = n->at[CTA_SYNPROXY];
	c->synproxy.isn = number(&in, CTA_SYNPROXY_ISN, 4);
	c->synproxy.its = number(&in, CTA_SYNPROXY_ITS, 4);
	c->synproxy.tsoff = number(&in, CTA_SYNPROXY_TSOFF, 4);
	n->why = n->why ? n->why : in.why;
	for (unsigned int d = 0; d < KR_CTDIR_N; d++) {
		struct kr_ctseqadj *s = &c->seqadj[d];

		in = open_nest(n, CTA_SEQ_ADJ_ORIG + d, BIT(4) - 1);
		c->has_seqadj[d] = n->at[CTA_SEQ_ADJ_ORIG + d];
		s->pos = number(&in, CTA_SEQADJ_CORRECTION_POS, 4);
		s->before = number(&in, CTA_SEQADJ_OFFSET_BEFORE, 4);
		s->after = number(&in, CTA_SEQADJ_OFFSET_AFTER, 4);
		n->why = n->why ? n->why : in.why;
	}
}

/* Of all attributes: carried, or known to be made by each kernel itself. The
 * last is the time of an event. */
#define KNOWN	(BIT(CTA_TUPLE_ORIG) | BIT(CTA_TUPLE_REPLY) | \
		 BIT(CTA_STATUS) | BIT(CTA_PROTOINFO) | BIT(CTA_HELP) | BIT(CTA_TIMEOUT) | \
		 BIT(CTA_MARK) | BIT(CTA_COUNTERS_ORIG) | \
		 BIT(CTA_COUNTERS_REPLY) | BIT(CTA_USE) | BIT(CTA_ID) | \
		 BIT(CTA_TUPLE_MASTER) | BIT(CTA_SEQ_ADJ_ORIG) | \
		 BIT(CTA_SEQ_ADJ_REPLY) | BIT(CTA_ZONE) | BIT(CTA_TIMESTAMP) | \
		 BIT(CTA_LABELS) | BIT(CTA_SYNPROXY) | BIT(27))

static void attributes(struct nest *n, struct kr_ctentry *c)
{
	int zone_orig, zone_reply, none;
	const char *why = n->why;

	/* whatever is wrong with the others, these name it */
	n->why = NULL;
	c->zone = (uint16_t)number(n, CTA_ZONE, 2);
	tuple(n, CTA_TUPLE_ORIG, c->family, &c->orig, &zone_orig);
	n->why = why ? why : n->why;
	tuple(n, CTA_TUPLE_REPLY, c->family, &c->reply, &zone_reply);
	if (!n->why && c->orig.l4 != c->reply.l4)
		n->why = MALFORMED;
	zone(n, zone_orig, zone_reply, c);
	c->status = number(n, CTA_STATUS, 4) & KR_CT_STATUS & ~KR_CT_EXPECTED;
	if (n->at[CTA_TUPLE_MASTER]) {
		c->status |= KR_CT_EXPECTED;
		tuple(n, CTA_TUPLE_MASTER, c->family, &c->master, &none);
	}
	c->timeout_s = number(n, CTA_TIMEOUT, 4);
	c->mark = number(n, CTA_MARK, 4);
	protocol(n, c);
	helper(n, c);
	labels(n, c);
	adjustments(n, c);
	if (!n->why && n->at[CTA_SECCTX])
		n->why = "it has a security label";
	for (unsigned int i = 0; i < TYPES; i++)
		if (!n->why && n->at[i] && !(KNOWN >> i & 1))
			n->why = "it has an attribute that is not known here";
}

int kr_ctattr_parse(const struct nlmsghdr *nlh, size_t n_bytes,
		    struct kr_ctentry *ret_c, struct kr_err *e)
{
	size_t head = MNL_NLMSG_HDRLEN + MNL_ALIGN(sizeof(struct nfgenmsg));
	struct kr_ctentry c = { 0 };
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(nlh);
	struct nest n = { .why = NULL };
	char name[KR_CTENTRY_NAME_BYTES];

	*ret_c = c;
	/* not mnl_nlmsg_ok(), to which a length of 2 GiB is a negative one */
	if (n_bytes < head || nlh->nlmsg_len < head ||
	    nlh->nlmsg_len > n_bytes)
		return kr_fail(e, KR_E_CT_LEFT, "a malformed message of the "
						"kernel");
	c.family = g->nfgen_family;
	if (c.family != AF_INET && c.family != AF_INET6)
		return kr_fail(e, KR_E_CT_LEFT, "an entry of family %u",
			       c.family);
	take(&n, (const uint8_t *)nlh + head, nlh->nlmsg_len - head);
	attributes(&n, &c);
	*ret_c = c;
	if (n.why)
		return kr_fail(e, KR_E_CT_LEFT, "%s: %s",
			       kr_cttuple_name(c.family, &c.orig, name), n.why);
	return 0;
}
