/* SPDX-License-Identifier: Apache-2.0 */
/* ctexpattr.c - see ctexpattr.h. In the process that speaks with the kernel. */
#include "context/ctexpattr.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

#include "context/ctnest.h"

#define BIT(x)		KR_CTNEST_BIT(x)
#define USERSPACE	0x4u		/* NF_CT_EXPECT_USERSPACE */
#define MSG(x)		(uint16_t)(NFNL_SUBSYS_CTNETLINK_EXP << 8 | (x))

static size_t addr_bytes(int family)
{
	return family == AF_INET ? 4 : 16;
}

/* ---- read -------------------------------------------------------------- */

/* That of the destination is always whole. */
static void mask(struct kr_ctnest *n, struct kr_ctexpect *x)
{
	uint8_t whole[16];
	struct kr_cttuple t = { 0 };
	int none;

	kr_ctnest_tuple(n, CTA_EXPECT_MASK, x->family, &t, &none);
	memset(whole, 0xff, sizeof(whole));
	if (!n->why && (t.l4 != x->tuple.l4 || t.dport != 0xffff ||
			memcmp(t.dst, whole, addr_bytes(x->family))))
		n->why = "its mask is of a kind that is not known here";
	memcpy(x->src_mask, t.src, sizeof(x->src_mask));
	x->sport_mask = t.sport;
}

static void nat(struct kr_ctnest *n, struct kr_ctexpect *x)
{
	struct kr_ctnest in = kr_ctnest_open(n, CTA_EXPECT_NAT,
		BIT(CTA_EXPECT_NAT_DIR) | BIT(CTA_EXPECT_NAT_TUPLE));
	struct kr_cttuple t = { 0 };
	uint32_t dir = kr_ctnest_number(&in, CTA_EXPECT_NAT_DIR, 4);
	int none;

	if (!n->at[CTA_EXPECT_NAT])
		return;
	kr_ctnest_tuple(&in, CTA_EXPECT_NAT_TUPLE, x->family, &t, &none);
	if (!in.why && dir >= KR_CTDIR_N)
		in.why = kr_ctnest_malformed;
	x->nat.there = true;
	x->nat.dir = (uint8_t)dir;
	memcpy(x->nat.addr, t.src, sizeof(x->nat.addr));
	x->nat.port = t.sport;
	n->why = n->why ? n->why : in.why;
}

/* Carried, or the id, which each kernel makes itself. */
#define KNOWN	(BIT(CTA_EXPECT_MASTER) | BIT(CTA_EXPECT_TUPLE) | \
		 BIT(CTA_EXPECT_MASK) | BIT(CTA_EXPECT_TIMEOUT) | \
		 BIT(CTA_EXPECT_ID) | BIT(CTA_EXPECT_HELP_NAME) | \
		 BIT(CTA_EXPECT_ZONE) | BIT(CTA_EXPECT_FLAGS) | \
		 BIT(CTA_EXPECT_CLASS) | BIT(CTA_EXPECT_NAT) | \
		 BIT(CTA_EXPECT_FN))

static void attributes(struct kr_ctnest *n, struct kr_ctexpect *x)
{
	uint32_t flags, class;
	const char *why = n->why;
	int none;

	/* whatever is wrong with the others, these name it */
	n->why = NULL;
	kr_ctnest_tuple(n, CTA_EXPECT_MASTER, x->family, &x->master, &none);
	kr_ctnest_tuple(n, CTA_EXPECT_TUPLE, x->family, &x->tuple, &none);
	n->why = why ? why : n->why;
	mask(n, x);
	x->timeout_s = kr_ctnest_number(n, CTA_EXPECT_TIMEOUT, 4);
	flags = kr_ctnest_number(n, CTA_EXPECT_FLAGS, 4);
	class = kr_ctnest_number(n, CTA_EXPECT_CLASS, 4);
	kr_ctnest_text(n, CTA_EXPECT_HELP_NAME, x->helper, sizeof(x->helper),
		       "its helper's name is too long");
	kr_ctnest_text(n, CTA_EXPECT_FN, x->fn, sizeof(x->fn),
		       "its function's name is too long");
	nat(n, x);
	if (!n->why && flags & USERSPACE)
		n->why = "its helper is a program";
	if (!n->why && (flags & ~KR_CT_EXPECT_FLAGS || class >= KR_CT_CLASSES))
		n->why = "it has a flag or a class that is not known here";
	if (!n->why && !*x->helper)
		n->why = "it has no helper";
	x->flags = (uint8_t)(flags & KR_CT_EXPECT_FLAGS);
	x->class = (uint8_t)class;
	for (unsigned int i = 0; i < KR_CTNEST_TYPES; i++)
		if (!n->why && n->at[i] && !(KNOWN >> i & 1))
			n->why = kr_ctnest_unknown;
}

int kr_ctexpattr_parse(const struct nlmsghdr *nlh, size_t n_bytes,
		       struct kr_ctexpect *ret_x, struct kr_err *e)
{
	struct kr_ctexpect x = { .zone_dirs = KR_CT_ZONE_BOTH };
	char name[KR_CTEXPECT_NAME_BYTES];
	struct kr_ctnest n;
	int r;

	*ret_x = x;
	r = kr_ctnest_msg(nlh, n_bytes, &x.family, &n, e);
	if (r)
		return r;
	attributes(&n, &x);
	*ret_x = x;
	if (n.why)
		return kr_fail(e, KR_E_CT_LEFT, "%s: %s",
			       kr_ctexpect_name(&x, name), n.why);
	return 0;
}

/* ---- written ----------------------------------------------------------- */

/* Its master is looked for by the zone of the original direction. */
static void put_master(struct nlmsghdr *m, const struct kr_ctentry *c)
{
	kr_ctnest_put_tuple(m, CTA_EXPECT_MASTER, c->family, &c->orig, 0);
	if (c->zone && c->zone_dirs != KR_CT_ZONE_REPLY)
		mnl_attr_put_u16(m, CTA_EXPECT_ZONE, htons(c->zone));
}

struct nlmsghdr *kr_ctexpattr_ask(void *buf, const struct kr_ctentry *c,
				  uint32_t seq)
{
	struct nlmsghdr *m = kr_ctnest_put_msg(buf, MSG(IPCTNL_MSG_EXP_GET),
					       NLM_F_DUMP | NLM_F_ACK, seq,
					       c ? c->family : AF_UNSPEC);

	/* NLM_F_ACK as of a connection without a helper it says nothing */
	if (c)
		put_master(m, c);
	return m;
}

static void put_mask(struct nlmsghdr *m, const struct kr_ctexpect *x)
{
	struct kr_cttuple t = { .l4 = x->tuple.l4, .sport = x->sport_mask,
				.dport = 0xffff };

	memcpy(t.src, x->src_mask, sizeof(t.src));
	memset(t.dst, 0xff, addr_bytes(x->family));
	kr_ctnest_put_tuple(m, CTA_EXPECT_MASK, x->family, &t, 0);
}

static void put_nat(struct nlmsghdr *m, const struct kr_ctexpect *x)
{
	struct nlattr *nest = mnl_attr_nest_start(m, CTA_EXPECT_NAT);
	struct kr_cttuple t = { .l4 = x->master.l4, .sport = x->nat.port };

	memcpy(t.src, x->nat.addr, sizeof(t.src));
	mnl_attr_put_u32(m, CTA_EXPECT_NAT_DIR, htonl(x->nat.dir));
	kr_ctnest_put_tuple(m, CTA_EXPECT_NAT_TUPLE, x->family, &t, 0);
	mnl_attr_nest_end(m, nest);
}

/*
 * A kernel tells its master's helper, but takes the one it is told for that of
 * what comes: who sends a file by FTP could have the helper open ports by
 * what is in it. Only SIP reads on in what it expected.
 */
static bool for_itself(const struct kr_ctexpect *x)
{
	return !strcmp(x->helper, "sip") && !x->class;
}

struct nlmsghdr *kr_ctexpattr_put(void *buf, enum kr_ctexpattr what,
				  const struct kr_ctexpect *x, uint16_t flags,
				  uint32_t seq)
{
	struct nlmsghdr *m = kr_ctnest_put_msg(buf,
		MSG(what == KR_CTEXPATTR_DELETE ? IPCTNL_MSG_EXP_DELETE :
						  IPCTNL_MSG_EXP_NEW),
		flags, seq, x->family);
	struct kr_ctentry master = kr_ctexpect_master(x);

	if (what == KR_CTEXPATTR_CREATE)
		m->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	put_master(m, &master);
	kr_ctnest_put_tuple(m, CTA_EXPECT_TUPLE, x->family, &x->tuple, 0);
	if (what == KR_CTEXPATTR_DELETE)
		return m;
	put_mask(m, x);
	mnl_attr_put_u32(m, CTA_EXPECT_TIMEOUT, htonl(x->timeout_s));
	mnl_attr_put_u32(m, CTA_EXPECT_FLAGS, htonl(x->flags));
	mnl_attr_put_u32(m, CTA_EXPECT_CLASS, htonl(x->class));
	if (for_itself(x))
		mnl_attr_put_strz(m, CTA_EXPECT_HELP_NAME, x->helper);
	if (*x->fn)
		mnl_attr_put_strz(m, CTA_EXPECT_FN, x->fn);
	if (x->nat.there)
		put_nat(m, x);
	return m;
}
