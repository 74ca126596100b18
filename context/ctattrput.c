/* SPDX-License-Identifier: Apache-2.0 */
/* ctattrput.c - see ctattr.h: writing. In the process that imports. */
#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

#include "context/ctattr.h"
#include "context/ctnest.h"

static void put_key(struct nlmsghdr *m, const struct kr_ctentry *c,
		    const struct kr_cttuple *reply)
{
	kr_ctnest_put_tuple(m, CTA_TUPLE_ORIG, c->family, &c->orig,
			    c->zone_dirs == KR_CT_ZONE_ORIG ? c->zone : 0);
	if (reply)
		kr_ctnest_put_tuple(m, CTA_TUPLE_REPLY, c->family, reply,
				    c->zone_dirs == KR_CT_ZONE_REPLY ?
					    c->zone : 0);
	if (c->zone && c->zone_dirs == KR_CT_ZONE_BOTH)
		mnl_attr_put_u16(m, CTA_ZONE, htons(c->zone));
}

/* The kernel makes the reply's tuple itself, from the untranslated one and
 * these: given the translated one, it would find nothing to translate. */
static void put_nat(struct nlmsghdr *m, uint16_t type, int family,
		    const uint8_t *addr, uint16_t port)
{
	struct nlattr *nest = mnl_attr_nest_start(m, type), *in;
	bool v4 = family == AF_INET;
	size_t n = v4 ? 4 : 16;

	mnl_attr_put(m, v4 ? CTA_NAT_V4_MINIP : CTA_NAT_V6_MINIP, n, addr);
	mnl_attr_put(m, v4 ? CTA_NAT_V4_MAXIP : CTA_NAT_V6_MAXIP, n, addr);
	in = mnl_attr_nest_start(m, CTA_NAT_PROTO);
	mnl_attr_put_u16(m, CTA_PROTONAT_PORT_MIN, htons(port));
	mnl_attr_put_u16(m, CTA_PROTONAT_PORT_MAX, htons(port));
	mnl_attr_nest_end(m, in);
	mnl_attr_nest_end(m, nest);
}

static void put_tcp_flags(struct nlmsghdr *m, unsigned int dir, uint8_t flags,
			  uint8_t mask)
{
	struct nf_ct_tcp_flags f = { flags, mask };

	mnl_attr_put(m, (uint16_t)(CTA_PROTOINFO_TCP_FLAGS_ORIGINAL + dir),
		     sizeof(f), &f);
}

/* Without a mask the kernel takes no flag, and without its flag no scale. */
static void put_tcp(struct nlmsghdr *m, const struct kr_ctentry *c)
{
	struct nlattr *nest = mnl_attr_nest_start(m, CTA_PROTOINFO), *in;

	in = mnl_attr_nest_start(m, CTA_PROTOINFO_TCP);
	mnl_attr_put_u8(m, CTA_PROTOINFO_TCP_STATE, c->tcp.state);
	for (unsigned int d = 0; d < KR_CTDIR_N; d++) {
		mnl_attr_put_u8(m, (uint16_t)(
			CTA_PROTOINFO_TCP_WSCALE_ORIGINAL + d),
			c->tcp.wscale[d]);
		put_tcp_flags(m, d, c->tcp.flags[d] | KR_CT_TCP_LIBERAL, 0xff);
	}
	mnl_attr_nest_end(m, in);
	mnl_attr_nest_end(m, nest);
}

static void put_strict(struct nlmsghdr *m, const struct kr_ctentry *c)
{
	struct nlattr *nest = mnl_attr_nest_start(m, CTA_PROTOINFO), *in;

	in = mnl_attr_nest_start(m, CTA_PROTOINFO_TCP);
	for (unsigned int d = 0; d < KR_CTDIR_N; d++)
		put_tcp_flags(m, d, c->tcp.flags[d], KR_CT_TCP_LIBERAL);
	mnl_attr_nest_end(m, in);
	mnl_attr_nest_end(m, nest);
}

static void put_sctp(struct nlmsghdr *m, const struct kr_ctentry *c)
{
	struct nlattr *nest = mnl_attr_nest_start(m, CTA_PROTOINFO), *in;

	in = mnl_attr_nest_start(m, CTA_PROTOINFO_SCTP);
	mnl_attr_put_u8(m, CTA_PROTOINFO_SCTP_STATE, c->sctp.state);
	for (unsigned int d = 0; d < KR_CTDIR_N; d++)
		mnl_attr_put_u32(m, (uint16_t)(
			CTA_PROTOINFO_SCTP_VTAG_ORIGINAL + d),
			htonl(c->sctp.vtag[d]));
	mnl_attr_nest_end(m, in);
	mnl_attr_nest_end(m, nest);
}

/* Three numbers, types 1 to 3: of a sequence's adjustment, and of a proxy. */
static void put_three(struct nlmsghdr *m, uint16_t type, uint32_t a, uint32_t b,
		      uint32_t c)
{
	struct nlattr *nest = mnl_attr_nest_start(m, type);

	mnl_attr_put_u32(m, 1, htonl(a));
	mnl_attr_put_u32(m, 2, htonl(b));
	mnl_attr_put_u32(m, 3, htonl(c));
	mnl_attr_nest_end(m, nest);
}

static void put_helper(struct nlmsghdr *m, const char *name)
{
	struct nlattr *nest = mnl_attr_nest_start(m, CTA_HELP);

	mnl_attr_put_strz(m, CTA_HELP_NAME, name);
	mnl_attr_nest_end(m, nest);
}

/* What may change while a connection lives. */
static void put_state(struct nlmsghdr *m, const struct kr_ctentry *c)
{
	static const uint8_t none[KR_CT_LABELS_BYTES];

	mnl_attr_put_u32(m, CTA_TIMEOUT, htonl(c->timeout_s));
	mnl_attr_put_u32(m, CTA_MARK, htonl(c->mark));
	if (c->tcp.there)
		put_tcp(m, c);
	if (c->sctp.there)
		put_sctp(m, c);
	if (memcmp(c->labels, none, sizeof(none)))
		mnl_attr_put(m, CTA_LABELS, sizeof(c->labels), c->labels);
	for (unsigned int d = 0; d < KR_CTDIR_N; d++)
		if (c->has_seqadj[d])
			put_three(m, (uint16_t)(CTA_SEQ_ADJ_ORIG + d),
				  c->seqadj[d].pos, c->seqadj[d].before,
				  c->seqadj[d].after);
	if (c->synproxy.there)
		put_three(m, CTA_SYNPROXY, c->synproxy.isn, c->synproxy.its,
			  c->synproxy.tsoff);
}

static void put_status(struct nlmsghdr *m, uint32_t status)
{
	mnl_attr_put_u32(m, CTA_STATUS, htonl(status | IPS_CONFIRMED));
}

static void put_new(struct nlmsghdr *m, const struct kr_ctentry *c)
{
	const uint32_t nat = KR_CT_SRC_NAT | KR_CT_DST_NAT;
	struct kr_cttuple plain = kr_ctentry_inverse(c);

	put_key(m, c, c->status & nat ? &plain : &c->reply);
	if (c->status & KR_CT_SRC_NAT)
		put_nat(m, CTA_NAT_SRC, c->family, c->reply.dst,
			c->orig.l4 == IPPROTO_ICMP ||
			c->orig.l4 == IPPROTO_ICMPV6 ? c->reply.sport :
						       c->reply.dport);
	if (c->status & KR_CT_DST_NAT)
		put_nat(m, CTA_NAT_DST, c->family, c->reply.src,
			c->reply.sport);
	/* what the kernel sets itself when it is told of NAT or a master, it
	 * must not be told; that it is confirmed, it must */
	put_status(m, c->status & ~(nat | KR_CT_EXPECTED));
	put_state(m, c);
	if (*c->helper)
		put_helper(m, c->helper);
	if (c->status & KR_CT_EXPECTED)
		kr_ctnest_put_tuple(m, CTA_TUPLE_MASTER, c->family, &c->master,
				    0);
}

struct nlmsghdr *kr_ctattr_put(void *buf, enum kr_ctattr what,
			       const struct kr_ctentry *c, uint16_t flags,
			       uint32_t seq)
{
	static const uint16_t messages[] = {
		[KR_CTATTR_GET] = IPCTNL_MSG_CT_GET,
		[KR_CTATTR_CREATE] = IPCTNL_MSG_CT_NEW,
		[KR_CTATTR_UPDATE] = IPCTNL_MSG_CT_NEW,
		[KR_CTATTR_STRICT] = IPCTNL_MSG_CT_NEW,
		[KR_CTATTR_DELETE] = IPCTNL_MSG_CT_DELETE,
	};
	struct nlmsghdr *m = kr_ctnest_put_msg(buf,
		(uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | messages[what]), flags,
		seq, c->family);

	if (what == KR_CTATTR_CREATE) {
		m->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
		put_new(m, c);
		return m;
	}
	put_key(m, c, c->zone_dirs == KR_CT_ZONE_REPLY ? &c->reply : NULL);
	if (what == KR_CTATTR_STRICT)
		put_strict(m, c);
	if (what == KR_CTATTR_UPDATE) {
		put_status(m, c->status);
		put_state(m, c);
	}
	return m;
}
