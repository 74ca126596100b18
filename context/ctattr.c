/* SPDX-License-Identifier: Apache-2.0 */
/* ctattr.c - see ctattr.h: reading. In the process that exports or follows. */
#include "context/ctattr.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

#include "context/ctnest.h"

#define BIT(x)	KR_CTNEST_BIT(x)

static void zone(struct kr_ctnest *n, int zone_orig, int zone_reply,
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

static uint8_t tcp_flags(struct kr_ctnest *n, unsigned int type)
{
	/* u8 flags, u8 mask, which the kernel leaves 0 */
	return (uint8_t)(kr_ctnest_number(n, type, 2) >> 8 & KR_CT_TCP_FLAGS);
}

static void protocol(struct kr_ctnest *n, struct kr_ctentry *c)
{
	struct kr_ctnest in = kr_ctnest_open(n, CTA_PROTOINFO,
		BIT(CTA_PROTOINFO_TCP) | BIT(CTA_PROTOINFO_SCTP));
	struct kr_ctnest tcp = kr_ctnest_open(&in, CTA_PROTOINFO_TCP,
					      BIT(6) - 1);
	struct kr_ctnest sctp = kr_ctnest_open(&in, CTA_PROTOINFO_SCTP,
					       BIT(4) - 1);

	c->tcp.there = in.at[CTA_PROTOINFO_TCP];
	c->tcp.state = (uint8_t)kr_ctnest_number(&tcp,
						 CTA_PROTOINFO_TCP_STATE, 1);
	c->sctp.there = in.at[CTA_PROTOINFO_SCTP];
	c->sctp.state = (uint8_t)kr_ctnest_number(&sctp,
						  CTA_PROTOINFO_SCTP_STATE, 1);
	for (unsigned int d = 0; d < KR_CTDIR_N; d++) {
		c->tcp.wscale[d] = (uint8_t)kr_ctnest_number(
			&tcp, CTA_PROTOINFO_TCP_WSCALE_ORIGINAL + d, 1);
		c->tcp.flags[d] = tcp_flags(
			&tcp, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL + d);
		c->sctp.vtag[d] = kr_ctnest_number(
			&sctp, CTA_PROTOINFO_SCTP_VTAG_ORIGINAL + d, 4);
	}
	if ((c->tcp.there && c->orig.l4 != IPPROTO_TCP) ||
	    (c->sctp.there && c->orig.l4 != IPPROTO_SCTP))
		in.why = kr_ctnest_malformed;
	n->why = n->why ? n->why : in.why ? in.why : tcp.why ? tcp.why :
								 sctp.why;
}

static void helper(struct kr_ctnest *n, struct kr_ctentry *c)
{
	struct kr_ctnest in = kr_ctnest_open(n, CTA_HELP, BIT(CTA_HELP_NAME) |
							  BIT(CTA_HELP_INFO));

	if (in.at[CTA_HELP_INFO] && mnl_attr_get_payload_len(
					    in.at[CTA_HELP_INFO]))
		in.why = "its helper has a state of its own";
	kr_ctnest_text(&in, CTA_HELP_NAME, c->helper, sizeof(c->helper),
		       "its helper's name is too long");
	n->why = n->why ? n->why : in.why;
}

static void labels(struct kr_ctnest *n, struct kr_ctentry *c)
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

static void adjustments(struct kr_ctnest *n, struct kr_ctentry *c)
{
	struct kr_ctnest in = kr_ctnest_open(n, CTA_SYNPROXY, BIT(4) - 1);

	c->synproxy.there = n->at[CTA_SYNPROXY];
	c->synproxy.isn = kr_ctnest_number(&in, CTA_SYNPROXY_ISN, 4);
	c->synproxy.its = kr_ctnest_number(&in, CTA_SYNPROXY_ITS, 4);
	c->synproxy.tsoff = kr_ctnest_number(&in, CTA_SYNPROXY_TSOFF, 4);
	n->why = n->why ? n->why : in.why;
	for (unsigned int d = 0; d < KR_CTDIR_N; d++) {
		struct kr_ctseqadj *s = &c->seqadj[d];

		in = kr_ctnest_open(n, CTA_SEQ_ADJ_ORIG + d, BIT(4) - 1);
		c->has_seqadj[d] = n->at[CTA_SEQ_ADJ_ORIG + d];
		s->pos = kr_ctnest_number(&in, CTA_SEQADJ_CORRECTION_POS, 4);
		s->before = kr_ctnest_number(&in, CTA_SEQADJ_OFFSET_BEFORE, 4);
		s->after = kr_ctnest_number(&in, CTA_SEQADJ_OFFSET_AFTER, 4);
		n->why = n->why ? n->why : in.why;
	}
}

/* Of all attributes: carried, or known to be made by each kernel itself. The
 * last is the time of an event. */
#define KNOWN	(BIT(CTA_TUPLE_ORIG) | BIT(CTA_TUPLE_REPLY) | \
		 BIT(CTA_STATUS) | BIT(CTA_PROTOINFO) | BIT(CTA_HELP) | \
		 BIT(CTA_TIMEOUT) | \
		 BIT(CTA_MARK) | BIT(CTA_COUNTERS_ORIG) | \
		 BIT(CTA_COUNTERS_REPLY) | BIT(CTA_USE) | BIT(CTA_ID) | \
		 BIT(CTA_TUPLE_MASTER) | BIT(CTA_SEQ_ADJ_ORIG) | \
		 BIT(CTA_SEQ_ADJ_REPLY) | BIT(CTA_ZONE) | BIT(CTA_TIMESTAMP) | \
		 BIT(CTA_LABELS) | BIT(CTA_SYNPROXY) | BIT(27))

static void attributes(struct kr_ctnest *n, struct kr_ctentry *c)
{
	int zone_orig, zone_reply, none;
	const char *why = n->why;

	/* whatever is wrong with the others, these name it */
	n->why = NULL;
	c->zone = (uint16_t)kr_ctnest_number(n, CTA_ZONE, 2);
	kr_ctnest_tuple(n, CTA_TUPLE_ORIG, c->family, &c->orig, &zone_orig);
	n->why = why ? why : n->why;
	kr_ctnest_tuple(n, CTA_TUPLE_REPLY, c->family, &c->reply, &zone_reply);
	if (!n->why && c->orig.l4 != c->reply.l4)
		n->why = kr_ctnest_malformed;
	zone(n, zone_orig, zone_reply, c);
	c->status = kr_ctnest_number(n, CTA_STATUS, 4) & KR_CT_STATUS &
		    ~KR_CT_EXPECTED;
	if (n->at[CTA_TUPLE_MASTER]) {
		c->status |= KR_CT_EXPECTED;
		kr_ctnest_tuple(n, CTA_TUPLE_MASTER, c->family, &c->master,
				&none);
	}
	c->timeout_s = kr_ctnest_number(n, CTA_TIMEOUT, 4);
	c->mark = kr_ctnest_number(n, CTA_MARK, 4);
	protocol(n, c);
	helper(n, c);
	labels(n, c);
	adjustments(n, c);
	if (!n->why && n->at[CTA_SECCTX])
		n->why = "it has a security label";
	for (unsigned int i = 0; i < KR_CTNEST_TYPES; i++)
		if (!n->why && n->at[i] && !(KNOWN >> i & 1))
			n->why = kr_ctnest_unknown;
}

int kr_ctattr_parse(const struct nlmsghdr *nlh, size_t n_bytes,
		    struct kr_ctentry *ret_c, struct kr_err *e)
{
	struct kr_ctentry c = { 0 };
	char name[KR_CTENTRY_NAME_BYTES];
	struct kr_ctnest n;
	int r;

	*ret_c = c;
	r = kr_ctnest_msg(nlh, n_bytes, &c.family, &n, e);
	if (r)
		return r;
	attributes(&n, &c);
	*ret_c = c;
	if (n.why)
		return kr_fail(e, KR_E_CT_LEFT, "%s: %s",
			       kr_cttuple_name(c.family, &c.orig, name), n.why);
	return 0;
}
