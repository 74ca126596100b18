/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctnest.c - see ctnest.h. In the process that speaks with the kernel. An
 * attribute that is not known is not passed over: what it is part of would
 * arrive as less than it was.
 */
#include "context/ctnest.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

#define BIT(x)	KR_CTNEST_BIT(x)

const char kr_ctnest_malformed[] = "it is malformed";
const char kr_ctnest_unknown[] = "it has an attribute that is not known here";

/* ---- read -------------------------------------------------------------- */

static void take(struct kr_ctnest *n, const void *p, size_t n_bytes)
{
	const struct nlattr *a = p;

	memset(n->at, 0, sizeof(n->at));
	while (n->why != kr_ctnest_malformed && n_bytes >= sizeof(*a)) {
		size_t step;

		if (!mnl_attr_ok(a, (int)n_bytes)) {
			n->why = kr_ctnest_malformed;
			return;
		}
		if (mnl_attr_get_type(a) >= KR_CTNEST_TYPES ||
		    !mnl_attr_get_type(a))
			n->why = kr_ctnest_unknown;
		else if (n->at[mnl_attr_get_type(a)])
			n->why = kr_ctnest_malformed;
		else
			n->at[mnl_attr_get_type(a)] = a;
		step = MNL_ALIGN(mnl_attr_get_len(a));
		n_bytes = step < n_bytes ? n_bytes - step : 0;
		a = mnl_attr_next(a);
	}
}

int kr_ctnest_msg(const struct nlmsghdr *nlh, size_t n_bytes,
		  uint8_t *ret_family, struct kr_ctnest *ret_n,
		  struct kr_err *e)
{
	size_t head = MNL_NLMSG_HDRLEN + MNL_ALIGN(sizeof(struct nfgenmsg));
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(nlh);

	/* not mnl_nlmsg_ok(), to which a length of 2 GiB is a negative one */
	if (n_bytes < head || nlh->nlmsg_len < head ||
	    nlh->nlmsg_len > n_bytes)
		return kr_fail(e, KR_E_CT_LEFT, "a malformed message of the "
						"kernel");
	if (g->nfgen_family != AF_INET && g->nfgen_family != AF_INET6)
		return kr_fail(e, KR_E_CT_LEFT, "an entry of family %u",
			       g->nfgen_family);
	*ret_family = g->nfgen_family;
	ret_n->why = NULL;
	take(ret_n, (const uint8_t *)nlh + head, nlh->nlmsg_len - head);
	return 0;
}

struct kr_ctnest kr_ctnest_open(struct kr_ctnest *n, unsigned int type,
				uint32_t known)
{
	struct kr_ctnest in = { .why = n->why };

	if (!n->at[type])
		return in;
	take(&in, mnl_attr_get_payload(n->at[type]),
	     mnl_attr_get_payload_len(n->at[type]));
	for (unsigned int i = 0; i < KR_CTNEST_TYPES; i++)
		if (!in.why && in.at[i] && !(known >> i & 1))
			in.why = kr_ctnest_unknown;
	n->why = in.why;
	return in;
}

uint32_t kr_ctnest_number(struct kr_ctnest *n, unsigned int type,
			  size_t n_bytes)
{
	const struct nlattr *a = n->at[type];
	struct kr_rd r;

	if (!a || n->why)
		return 0;
	r = KR_RD(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
	if (kr_rd_left(&r) != n_bytes) {
		n->why = kr_ctnest_malformed;
		return 0;
	}
	return (uint32_t)kr_rd_be(&r, n_bytes);
}

void kr_ctnest_text(struct kr_ctnest *n, unsigned int type, char *out,
		    size_t size, const char *long_why)
{
	const struct nlattr *a = n->at[type];
	size_t len;

	if (!a || n->why)
		return;
	len = strnlen(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
	if (len >= size) {
		n->why = long_why;
		return;
	}
	memcpy(out, mnl_attr_get_payload(a), len);
	out[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (out[i] <= ' ' || out[i] > '~')
			n->why = kr_ctnest_malformed;
}

static void address(struct kr_ctnest *n, unsigned int type, size_t n_bytes,
		    uint8_t *out)
{
	const struct nlattr *a = n->at[type];

	if (!a || mnl_attr_get_payload_len(a) != n_bytes)
		n->why = n->why ? n->why : kr_ctnest_malformed;
	else
		memcpy(out, mnl_attr_get_payload(a), n_bytes);
}

/* Ports, or what is in their place. */
static void identifiers(struct kr_ctnest *p, struct kr_cttuple *t)
{
	bool six = t->l4 == IPPROTO_ICMPV6;

	if (t->l4 == IPPROTO_ICMP || six) {
		unsigned int id = six ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID;

		t->sport = (uint16_t)kr_ctnest_number(p, id, 2);
		t->dport = (uint16_t)(kr_ctnest_number(p, id + 1, 1) << 8 |
				      kr_ctnest_number(p, id + 2, 1));
	} else {
		t->sport = (uint16_t)kr_ctnest_number(p, CTA_PROTO_SRC_PORT, 2);
		t->dport = (uint16_t)kr_ctnest_number(p, CTA_PROTO_DST_PORT, 2);
	}
}

void kr_ctnest_tuple(struct kr_ctnest *n, unsigned int type, int family,
		     struct kr_cttuple *ret_t, int *ret_zone)
{
	bool v4 = family == AF_INET;
	size_t bytes = v4 ? 4 : 16;
	struct kr_ctnest in = kr_ctnest_open(n, type, BIT(CTA_TUPLE_IP) |
					     BIT(CTA_TUPLE_PROTO) |
					     BIT(CTA_TUPLE_ZONE));
	struct kr_ctnest ip = kr_ctnest_open(&in, CTA_TUPLE_IP, v4 ?
		BIT(CTA_IP_V4_SRC) | BIT(CTA_IP_V4_DST) :
		BIT(CTA_IP_V6_SRC) | BIT(CTA_IP_V6_DST));
	struct kr_ctnest p = kr_ctnest_open(&in, CTA_TUPLE_PROTO,
					    BIT(KR_CTNEST_TYPES - 1) - 1);

	address(&ip, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, bytes, ret_t->src);
	address(&ip, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, bytes, ret_t->dst);
	if (!p.at[CTA_PROTO_NUM])
		p.why = p.why ? p.why : kr_ctnest_malformed;
	ret_t->l4 = (uint8_t)kr_ctnest_number(&p, CTA_PROTO_NUM, 1);
	identifiers(&p, ret_t);
	*ret_zone = in.at[CTA_TUPLE_ZONE] ?
			    (int)kr_ctnest_number(&in, CTA_TUPLE_ZONE, 2) : -1;
	n->why = n->why ? n->why : in.why ? in.why : ip.why ? ip.why : p.why;
}

/* ---- written ----------------------------------------------------------- */

struct nlmsghdr *kr_ctnest_put_msg(void *buf, uint16_t msg, uint16_t flags,
				   uint32_t seq, uint8_t family)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(m, sizeof(*g));

	m->nlmsg_type = msg;
	m->nlmsg_flags = NLM_F_REQUEST | flags;
	m->nlmsg_seq = seq;
	*g = (struct nfgenmsg){ .nfgen_family = family,
				.version = NFNETLINK_V0 };
	return m;
}

static void put_ids(struct nlmsghdr *m, const struct kr_cttuple *t)
{
	bool six = t->l4 == IPPROTO_ICMPV6;
	uint16_t id = six ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID;

	if (t->l4 == IPPROTO_ICMP || six) {
		mnl_attr_put_u16(m, id, htons(t->sport));
		mnl_attr_put_u8(m, (uint16_t)(id + 1),
				(uint8_t)(t->dport >> 8));
		mnl_attr_put_u8(m, (uint16_t)(id + 2), (uint8_t)t->dport);
	} else {
		mnl_attr_put_u16(m, CTA_PROTO_SRC_PORT, htons(t->sport));
		mnl_attr_put_u16(m, CTA_PROTO_DST_PORT, htons(t->dport));
	}
}

void kr_ctnest_put_tuple(struct nlmsghdr *m, uint16_t type, int family,
			 const struct kr_cttuple *t, uint16_t zone)
{
	bool v4 = family == AF_INET;
	size_t n = v4 ? 4 : 16;
	struct nlattr *nest = mnl_attr_nest_start(m, type), *in;

	in = mnl_attr_nest_start(m, CTA_TUPLE_IP);
	mnl_attr_put(m, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, n, t->src);
	mnl_attr_put(m, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, n, t->dst);
	mnl_attr_nest_end(m, in);
	in = mnl_attr_nest_start(m, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(m, CTA_PROTO_NUM, t->l4);
	put_ids(m, t);
	mnl_attr_nest_end(m, in);
	if (zone)
		mnl_attr_put_u16(m, CTA_TUPLE_ZONE, htons(zone));
	mnl_attr_nest_end(m, nest);
}
