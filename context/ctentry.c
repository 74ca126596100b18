/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctentry.c - see ctentry.h. Pure; in the process that imports or exports.
 */
#include "context/ctentry.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* What follows the fields that every entry has. */
enum {
	PART_TCP = 1, PART_SCTP = 2, PART_SYNPROXY = 4, PART_LABELS = 8,
	PART_HELPER = 16, PART_MASTER = 32, PART_SEQ_ORIG = 64,
	PART_SEQ_REPLY = 128,
};

static const uint8_t no_labels[KR_CT_LABELS_BYTES];

static size_t addr_bytes(int family)
{
	return family == AF_INET ? 4 : 16;
}

/* ---- written and read -------------------------------------------------- */

void kr_cttuple_put(struct kr_wr *w, int family, const struct kr_cttuple *t)
{
	kr_wr_u8(w, t->l4);
	kr_wr_bytes(w, t->src, addr_bytes(family));
	kr_wr_bytes(w, t->dst, addr_bytes(family));
	kr_wr_u16(w, t->sport);
	kr_wr_u16(w, t->dport);
}

void kr_cttuple_get(struct kr_rd *r, int family, struct kr_cttuple *ret_t)
{
	ret_t->l4 = kr_rd_u8(r);
	kr_rd_bytes(r, ret_t->src, addr_bytes(family));
	kr_rd_bytes(r, ret_t->dst, addr_bytes(family));
	ret_t->sport = kr_rd_u16(r);
	ret_t->dport = kr_rd_u16(r);
}

static uint8_t parts_of(const struct kr_ctentry *c)
{
	return (uint8_t)(
		(c->tcp.there ? PART_TCP : 0) |
		(c->sctp.there ? PART_SCTP : 0) |
		(c->synproxy.there ? PART_SYNPROXY : 0) |
		(memcmp(c->labels, no_labels, sizeof(no_labels)) ?
			 PART_LABELS : 0) |
		(*c->helper ? PART_HELPER : 0) |
		(c->status & KR_CT_EXPECTED ? PART_MASTER : 0) |
		(c->has_seqadj[KR_CTDIR_ORIG] ? PART_SEQ_ORIG : 0) |
		(c->has_seqadj[KR_CTDIR_REPLY] ? PART_SEQ_REPLY : 0));
}

static void put_seqadj(struct kr_wr *w, const struct kr_ctseqadj *s)
{
	kr_wr_u32(w, s->pos);
	kr_wr_u32(w, s->before);
	kr_wr_u32(w, s->after);
}

static void get_seqadj(struct kr_rd *r, struct kr_ctseqadj *s)
{
	s->pos = kr_rd_u32(r);
	s->before = kr_rd_u32(r);
	s->after = kr_rd_u32(r);
}

/* What tells a connection from others: first, so that bytes sort alike. */
static void put_key(struct kr_wr *w, const struct kr_ctentry *c)
{
	kr_wr_u8(w, c->family == AF_INET ? 4 : 6);
	kr_wr_u8(w, c->zone_dirs);
	kr_cttuple_put(w, c->family, &c->orig);
}

void kr_ctentry_put(struct kr_wr *w, const struct kr_ctentry *c)
{
	uint8_t parts = parts_of(c);

	put_key(w, c);
	kr_cttuple_put(w, c->family, &c->reply);
	kr_wr_u32(w, c->status);
	kr_wr_u32(w, c->timeout_s);
	kr_wr_u32(w, c->mark);
	kr_wr_u8(w, parts);
	if (parts & PART_TCP) {
		kr_wr_u8(w, c->tcp.state);
		kr_wr_bytes(w, c->tcp.wscale, KR_CTDIR_N);
		kr_wr_bytes(w, c->tcp.flags, KR_CTDIR_N);
	}
	if (parts & PART_SCTP) {
		kr_wr_u8(w, c->sctp.state);
		kr_wr_u32(w, c->sctp.vtag[KR_CTDIR_ORIG]);
		kr_wr_u32(w, c->sctp.vtag[KR_CTDIR_REPLY]);
	}
	if (parts & PART_SYNPROXY) {
		kr_wr_u32(w, c->synproxy.isn);
		kr_wr_u32(w, c->synproxy.its);
		kr_wr_u32(w, c->synproxy.tsoff);
	}
	if (parts & PART_LABELS)
		kr_wr_bytes(w, c->labels, sizeof(c->labels));
	if (parts & PART_HELPER)
		kr_wr_str(w, c->helper);
	if (parts & PART_MASTER)
		kr_cttuple_put(w, c->family, &c->master);
	for (int d = 0; d < KR_CTDIR_N; d++)
		if (c->has_seqadj[d])
			put_seqadj(w, &c->seqadj[d]);
}

static void get_parts(struct kr_rd *r, struct kr_ctentry *c)
{
	uint8_t parts = kr_rd_u8(r);

	if ((c->tcp.there = parts & PART_TCP)) {
		c->tcp.state = kr_rd_u8(r);
		kr_rd_bytes(r, c->tcp.wscale, KR_CTDIR_N);
		kr_rd_bytes(r, c->tcp.flags, KR_CTDIR_N);
	}
	if ((c->sctp.there = parts & PART_SCTP)) {
		c->sctp.state = kr_rd_u8(r);
		c->sctp.vtag[KR_CTDIR_ORIG] = kr_rd_u32(r);
		c->sctp.vtag[KR_CTDIR_REPLY] = kr_rd_u32(r);
	}
	if ((c->synproxy.there = parts & PART_SYNPROXY)) {
		c->synproxy.isn = kr_rd_u32(r);
		c->synproxy.its = kr_rd_u32(r);
		c->synproxy.tsoff = kr_rd_u32(r);
	}
	if (parts & PART_LABELS)
		kr_rd_bytes(r, c->labels, sizeof(c->labels));
	if (parts & PART_HELPER)
		kr_rd_str(r, c->helper, sizeof(c->helper));
	if (parts & PART_MASTER)
		kr_cttuple_get(r, c->family, &c->master);
	c->has_seqadj[KR_CTDIR_ORIG] = parts & PART_SEQ_ORIG;
	c->has_seqadj[KR_CTDIR_REPLY] = parts & PART_SEQ_REPLY;
	for (int d = 0; d < KR_CTDIR_N; d++)
		if (c->has_seqadj[d])
			get_seqadj(r, &c->seqadj[d]);
	if (parts != parts_of(c))
		r->bad = true;
}

static bool in_range(const struct kr_ctentry *c)
{
	return c->zone_dirs >= KR_CT_ZONE_ORIG &&
	       c->zone_dirs <= KR_CT_ZONE_BOTH &&
	       (c->zone || c->zone_dirs == KR_CT_ZONE_BOTH) &&
	       c->orig.l4 == c->reply.l4 && !(c->status & ~KR_CT_STATUS) &&
	       (!c->tcp.there || c->orig.l4 == IPPROTO_TCP) &&
	       (!c->sctp.there || c->orig.l4 == IPPROTO_SCTP) &&
	       !((c->tcp.flags[0] | c->tcp.flags[1]) & ~KR_CT_TCP_FLAGS);
}

int kr_ctentry_get(struct kr_rd *r, uint16_t zone, struct kr_ctentry *ret_c,
		   struct kr_err *e)
{
	struct kr_ctentry c = { .zone = zone };
	uint8_t version = kr_rd_u8(r);

	c.family = version == 4 ? AF_INET : AF_INET6;
	c.zone_dirs = kr_rd_u8(r);
	kr_cttuple_get(r, c.family, &c.orig);
	kr_cttuple_get(r, c.family, &c.reply);
	c.status = kr_rd_u32(r);
	c.timeout_s = kr_rd_u32(r);
	c.mark = kr_rd_u32(r);
	get_parts(r, &c);
	if (!kr_rd_done(r) || (version != 4 && version != 6) || !in_range(&c))
		return kr_fail(e, KR_E_CT_FILE, "a malformed entry");
	*ret_c = c;
	return 0;
}

/* ---- compared ---------------------------------------------------------- */

static int order(unsigned int a, unsigned int b)
{
	return a < b ? -1 : a > b;
}

int kr_cttuple_order(const struct kr_cttuple *a, const struct kr_cttuple *b)
{
	int o = order(a->l4, b->l4);

	if (!o)
		o = memcmp(a->src, b->src, sizeof(a->src));
	if (!o)
		o = memcmp(a->dst, b->dst, sizeof(a->dst));
	if (!o)
		o = order(a->sport, b->sport);
	return o ? o : order(a->dport, b->dport);
}

/* As the bytes of put_key() would be, which is too slow for very many. */
int kr_ctentry_order(const struct kr_ctentry *a, const struct kr_ctentry *b)
{
	int o = order(a->zone, b->zone);

	if (!o)
		o = order(a->family, b->family);
	if (!o)
		o = order(a->zone_dirs, b->zone_dirs);
	return o ? o : kr_cttuple_order(&a->orig, &b->orig);
}

bool kr_ctentry_same(const struct kr_ctentry *a, const struct kr_ctentry *b)
{
	uint8_t ba[KR_CTENTRY_BYTES_MAX], bb[KR_CTENTRY_BYTES_MAX];
	struct kr_wr wa = KR_WR(ba, sizeof(ba)), wb = KR_WR(bb, sizeof(bb));
	struct kr_ctentry young = *a;

	young.timeout_s = b->timeout_s;
	kr_ctentry_put(&wa, &young);
	kr_ctentry_put(&wb, b);
	return a->zone == b->zone && kr_wr_len(&wa) == kr_wr_len(&wb) &&
	       !memcmp(ba, bb, kr_wr_len(&wa));
}

bool kr_cttuple_same(const struct kr_cttuple *a, const struct kr_cttuple *b)
{
	return !kr_cttuple_order(a, b);
}

static bool is_icmp(const struct kr_cttuple *t)
{
	return t->l4 == IPPROTO_ICMP || t->l4 == IPPROTO_ICMPV6;
}

struct kr_cttuple kr_ctentry_inverse(const struct kr_ctentry *c)
{
	struct kr_cttuple t = { .l4 = c->orig.l4, .sport = c->orig.dport,
				.dport = c->orig.sport };

	memcpy(t.src, c->orig.dst, sizeof(t.src));
	memcpy(t.dst, c->orig.src, sizeof(t.dst));
	if (is_icmp(&t)) {
		t.sport = c->orig.sport;
		t.dport = c->reply.dport;
	}
	return t;
}

/* ---- shown ------------------------------------------------------------- */

static const struct { uint8_t l4; const char *name; } protocols[] = {
	{ IPPROTO_TCP, "tcp" }, { IPPROTO_UDP, "udp" },
	{ IPPROTO_SCTP, "sctp" }, { IPPROTO_UDPLITE, "udplite" },
	{ IPPROTO_GRE, "gre" }, { IPPROTO_ICMP, "icmp" },
	{ IPPROTO_ICMPV6, "icmpv6" },
};

const char *kr_cttuple_name(int family, const struct kr_cttuple *t, char *out)
{
	char l4[16], src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	const char *open = family == AF_INET6 ? "[" : "";
	const char *close = family == AF_INET6 ? "]" : "";

	snprintf(l4, sizeof(l4), "protocol %u", t->l4);
	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
		if (protocols[i].l4 == t->l4)
			snprintf(l4, sizeof(l4), "%s", protocols[i].name);
	inet_ntop(family, t->src, src, sizeof(src));
	inet_ntop(family, t->dst, dst, sizeof(dst));
	if (is_icmp(t))
		snprintf(out, KR_CTENTRY_NAME_BYTES,
			 "%s %s > %s type %u code %u id %u", l4, src, dst,
			 t->dport >> 8, t->dport & 255, t->sport);
	else if (t->sport || t->dport)
		snprintf(out, KR_CTENTRY_NAME_BYTES,
			 "%s %s%s%s:%u > %s%s%s:%u", l4, open, src, close,
			 t->sport, open, dst, close, t->dport);
	else
		snprintf(out, KR_CTENTRY_NAME_BYTES, "%s %s > %s", l4, src,
			 dst);
	return out;
}

const char *kr_ctentry_tcp_state(const struct kr_ctentry *c)
{
	static const char *const names[] = {
		"NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT",
		"CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2",
	};

	if (!c->tcp.there)
		return NULL;
	return c->tcp.state < sizeof(names) / sizeof(*names) ?
		       names[c->tcp.state] : "?";
}
