/* SPDX-License-Identifier: Apache-2.0 */
/* contextview.c - see contextview.h. */
#include "client/contextview.h"

#include <stdio.h>
#include <string.h>
#include <arpa/inet.h>

#include "base/fd.h"
#include "client/columns.h"

static json_t *tuple_json(const struct kr_ctentry *c,
			  const struct kr_cttuple *t)
{
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];

	inet_ntop(c->family, t->src, src, sizeof(src));
	inet_ntop(c->family, t->dst, dst, sizeof(dst));
	if (t->l4 == IPPROTO_ICMP || t->l4 == IPPROTO_ICMPV6)
		return json_pack("{s:i, s:s, s:s, s:i, s:i, s:i}", "protocol",
				 t->l4, "src", src, "dst", dst, "id", t->sport,
				 "type", t->dport >> 8, "code", t->dport & 255);
	return json_pack("{s:i, s:s, s:s, s:i, s:i}", "protocol", t->l4, "src",
			 src, "dst", dst, "sport", t->sport, "dport", t->dport);
}

static json_t *tcp_json(const struct kr_ctentry *c)
{
	return json_pack("{s:s, s:[ii], s:[ii]}", "state",
			 kr_ctentry_tcp_state(c), "wscale", c->tcp.wscale[0],
			 c->tcp.wscale[1], "flags", c->tcp.flags[0],
			 c->tcp.flags[1]);
}

static json_t *sctp_json(const struct kr_ctentry *c)
{
	return json_pack("{s:i, s:[II]}", "state", c->sctp.state, "vtag",
			 (json_int_t)c->sctp.vtag[0],
			 (json_int_t)c->sctp.vtag[1]);
}

static json_t *seqadj_json(const struct kr_ctseqadj *s)
{
	return json_pack("{s:I, s:I, s:I}", "position", (json_int_t)s->pos,
			 "before", (json_int_t)s->before, "after",
			 (json_int_t)s->after);
}

static void add_extensions(json_t *j, const struct kr_ctentry *c)
{
	static const uint8_t none[KR_CT_LABELS_BYTES];
	char hex[2 * KR_CT_LABELS_BYTES + 1];

	if (c->tcp.there)
		json_object_set_new(j, "tcp", tcp_json(c));
	if (c->sctp.there)
		json_object_set_new(j, "sctp", sctp_json(c));
	if (c->synproxy.there)
		json_object_set_new(j, "synproxy", json_pack(
			"{s:I, s:I, s:I}", "isn", (json_int_t)c->synproxy.isn,
			"its", (json_int_t)c->synproxy.its, "tsoff",
			(json_int_t)c->synproxy.tsoff));
	if (memcmp(c->labels, none, sizeof(none))) {
		kr_hex(c->labels, sizeof(c->labels), hex);
		json_object_set_new(j, "labels", json_string(hex));
	}
	if (*c->helper)
		json_object_set_new(j, "helper", json_string(c->helper));
	if (c->status & KR_CT_EXPECTED)
		json_object_set_new(j, "master", tuple_json(c, &c->master));
	if (c->has_seqadj[KR_CTDIR_ORIG])
		json_object_set_new(j, "adjusted",
				    seqadj_json(&c->seqadj[KR_CTDIR_ORIG]));
	if (c->has_seqadj[KR_CTDIR_REPLY])
		json_object_set_new(j, "adjusted_reply",
				    seqadj_json(&c->seqadj[KR_CTDIR_REPLY]));
}

json_t *kr_contextview_json(const struct kr_ctentry *c)
{
	static const char *const dirs[] = { "", "original", "reply", "both" };
	char name[KR_CTENTRY_NAME_BYTES];
	const char *state = kr_ctentry_tcp_state(c);
	json_t *j = json_pack(
		"{s:s, s:s, s:s, s:o, s:o, s:i, s:I, s:I}", "name",
		kr_cttuple_name(c->family, &c->orig, name), "state",
		state ? state : "-", "zone_of", dirs[c->zone_dirs], "original",
		tuple_json(c, &c->orig), "reply", tuple_json(c, &c->reply),
		"status", (int)c->status, "timeout_s",
		(json_int_t)c->timeout_s, "mark", (json_int_t)c->mark);

	/* how others see it: what it answers from and to, if translated */
	if (c->status & (KR_CT_SRC_NAT | KR_CT_DST_NAT))
		json_object_set_new(j, "answers", json_string(
			kr_cttuple_name(c->family, &c->reply, name)));
	add_extensions(j, c);
	return j;
}

json_t *kr_contextview_expect(const struct kr_ctexpect *x)
{
	struct kr_ctentry c = kr_ctexpect_master(x);
	char name[KR_CTEXPECT_NAME_BYTES], addr[INET6_ADDRSTRLEN];
	json_t *j = json_pack(
		"{s:s, s:s, s:o, s:o, s:i, s:i, s:I}", "name",
		kr_ctexpect_name(x, name), "helper", x->helper, "expected",
		tuple_json(&c, &x->tuple), "master",
		tuple_json(&c, &x->master), "class", x->class, "flags",
		x->flags, "timeout_s", (json_int_t)x->timeout_s);

	inet_ntop(x->family, x->src_mask, addr, sizeof(addr));
	json_object_set_new(j, "mask", json_pack("{s:s, s:i}", "src", addr,
						 "sport", x->sport_mask));
	if (*x->fn)
		json_object_set_new(j, "then", json_string(x->fn));
	if (x->nat.there) {
		inet_ntop(x->family, x->nat.addr, addr, sizeof(addr));
		json_object_set_new(j, "translated", json_pack(
			"{s:i, s:s, s:i}", "direction", x->nat.dir, "to", addr,
			"port", x->nat.port));
	}
	return j;
}

json_t *kr_contextview_set(const struct kr_ctset *s, struct kr_err *e)
{
	json_t *rows, *expected;
	uint8_t digest[32];
	char hex[65];

	if (kr_ctset_digest(s, digest, e))
		return NULL;
	kr_hex(digest, sizeof(digest), hex);
	rows = json_array();
	expected = json_array();
	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(rows, kr_contextview_json(&s->v[i]));
	for (size_t i = 0; i < s->n_expects; i++)
		json_array_append_new(expected,
				      kr_contextview_expect(&s->expects[i]));
	return json_pack("{s:i, s:s, s:o, s:o}", "zone", s->zone, "state", hex,
			 "connections", rows, "expected", expected);
}

void kr_contextview_table(const json_t *set)
{
	static const struct kr_column cols[] = {
		{ "Connection", "name", KR_CELL_TEXT },
		{ "State", "state", KR_CELL_TEXT },
		{ "Seconds left", "timeout_s", KR_CELL_COUNT },
		{ "Answers", "answers", KR_CELL_TEXT },
	};
	const json_t *x;
	size_t i;

	kr_columns_table(json_object_get(set, "connections"), cols,
			 sizeof(cols) / sizeof(*cols), "no connections");
	json_array_foreach(json_object_get(set, "expected"), i, x)
		printf("%s, by its %s\n",
		       json_string_value(json_object_get(x, "name")),
		       json_string_value(json_object_get(x, "helper")));
	printf("zone %d, state %s\n",
	       (int)json_integer_value(json_object_get(set, "zone")),
	       json_string_value(json_object_get(set, "state")));
}
