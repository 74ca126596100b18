/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ctentry.c - connections as values: written and read, told to a kernel,
 * in files; what is odd about one is refused by name. The kernel's own part is
 * in functional/test_context.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <cmocka.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <openssl/evp.h>

#include "base/fd.h"
#include "context/ctattr.h"
#include "context/ctfile.h"
#include "context/ctstream.h"

/* One that has all that one can have at a time. */
static struct kr_ctentry whole(void)
{
	struct kr_ctentry c = {
		.family = AF_INET, .zone = 7, .zone_dirs = KR_CT_ZONE_BOTH,
		.orig = { IPPROTO_TCP, { 10, 0, 0, 1 }, { 10, 0, 0, 2 }, 40000,
			  21 },
		.reply = { IPPROTO_TCP, { 10, 0, 0, 2 }, { 10, 0, 0, 1 }, 21,
			   40000 },
		.status = 0x2006 | KR_CT_EXPECTED, .timeout_s = 432000,
		.mark = 0x12345678, .labels = { 1, [15] = 0x80 },
		.helper = "ftp",
		.tcp = { true, 3, { 7, 9 }, { 0x03, 0x0b } },
		.synproxy = { true, 1, 2, 3 },
		.has_seqadj = { true, true },
		.seqadj = { { 4, 5, 6 }, { 7, 8, 9 } },
		.master = { IPPROTO_TCP, { 10, 0, 0, 1 }, { 10, 0, 0, 2 },
			    40001, 20 },
	};

	return c;
}

static struct kr_ctentry sctp6(void)
{
	return (struct kr_ctentry){
		.family = AF_INET6, .zone = 7, .zone_dirs = KR_CT_ZONE_ORIG,
		.orig = { IPPROTO_SCTP, { 0xfd, [15] = 1 },
			  { 0xfd, [15] = 2 }, 1, 2 },
		.reply = { IPPROTO_SCTP, { 0xfd, [15] = 2 },
			   { 0xfd, [15] = 1 }, 2, 1 },
		.status = 6, .timeout_s = 10,
		.sctp = { true, 4, { 0xdeadbeef, 0xcafebabe } },
	};
}

static struct kr_ctentry ping(void)
{
	return (struct kr_ctentry){
		.family = AF_INET, .zone = 7, .zone_dirs = KR_CT_ZONE_REPLY,
		.orig = { IPPROTO_ICMP, { 10, 0, 0, 1 }, { 10, 0, 0, 2 }, 77,
			  8 << 8 },
		.reply = { IPPROTO_ICMP, { 10, 0, 0, 2 }, { 10, 0, 0, 1 }, 77,
			   0 },
		.status = 2, .timeout_s = 30,
	};
}

static struct kr_ctentry (*const makers[])(void) = { whole, sctp6, ping };

#define N_MAKERS	(sizeof(makers) / sizeof(*makers))

/* ---- values and files -------------------------------------------------- */

static void an_entry_has_one_form(void **state)
{
	static const char golden[] =
		"0403060a0000010a0000029c400015"	/* original */
		"060a0000020a00000100159c40"		/* reply */
		"00002007000697801234567"
		"8fd"					/* parts: no SCTP */
		"0307090" "30b"				/* TCP */
		"000000010000000200000003"		/* proxy */
		"01000000000000000000000000000080"	/* labels */
		"0003667470"				/* ftp */
		"060a0000010a0000029c410014"		/* master */
		"000000040000000500000006000000070000000800000009";
	uint8_t buf[KR_CTENTRY_BYTES_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	char hex[2 * sizeof(buf) + 1];
	struct kr_ctentry c = whole(), back;

	(void)state;
	kr_ctentry_put(&w, &c);
	assert_false(w.bad);
	kr_hex(buf, kr_wr_len(&w), hex);
	assert_string_equal(hex, golden);
	for (size_t n = 0; n < kr_wr_len(&w); n++) {
		struct kr_rd r = KR_RD(buf, n);

		assert_true(kr_ctentry_get(&r, 7, &back, NULL));
	}
	for (size_t i = 0; i < N_MAKERS; i++) {
		struct kr_rd r;

		w = KR_WR(buf, sizeof(buf));
		c = makers[i]();
		kr_ctentry_put(&w, &c);
		r = KR_RD(buf, kr_wr_len(&w));
		assert_int_equal(kr_ctentry_get(&r, 7, &back, NULL), 0);
		assert_true(kr_ctentry_same(&c, &back));
	}
}

static void other_forms_are_refused(void **state)
{
	struct kr_ctentry c;
	uint8_t buf[KR_CTENTRY_BYTES_MAX];
	/* what is spoilt: family, directions, protocol, status, flags */
	static const struct { size_t at; uint8_t to; } spoilt[] = {
		{ 0, 5 }, { 1, 0 }, { 1, 4 }, { 2, 17 }, { 28, 0xff },
		{ 44, 0xff },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(spoilt) / sizeof(*spoilt); i++) {
		struct kr_err e = KR_ERR_NONE;
		struct kr_wr w = KR_WR(buf, sizeof(buf));
		struct kr_rd r;

		c = whole();
		kr_ctentry_put(&w, &c);
		buf[spoilt[i].at] = spoilt[i].to;
		r = KR_RD(buf, kr_wr_len(&w));
		assert_true(kr_ctentry_get(&r, 7, &c, &e) < 0);
		assert_int_equal(e.kr, KR_E_CT_FILE);
	}
}

static void fill(struct kr_ctset *s, bool backwards)
{
	s->zone = 7;
	for (size_t i = 0; i < N_MAKERS; i++) {
		struct kr_ctentry c =
			makers[backwards ? N_MAKERS - 1 - i : i]();

		assert_int_equal(kr_ctset_add(s, &c, NULL), 0);
	}
	kr_ctset_sort(s);
}

static void one_state_has_one_file(void **state)
{
	struct kr_ctset a = { 0 }, b = { 0 }, back = { 0 };
	uint8_t *pa, *pb, da[32], db[32];
	size_t na, nb;

	(void)state;
	fill(&a, false);
	fill(&b, true);
	assert_int_equal(kr_ctfile_put(&a, &pa, &na, NULL), 0);
	assert_int_equal(kr_ctfile_put(&b, &pb, &nb, NULL), 0);
	assert_int_equal(na, nb);
	assert_memory_equal(pa, pb, na);
	assert_int_equal(kr_ctfile_get(pa, na, &back, NULL), 0);
	assert_int_equal(back.n, N_MAKERS);
	/* time alone does not change the state */
	for (size_t i = 0; i < b.n; i++)
		b.v[i].timeout_s--;
	assert_int_equal(kr_ctset_digest(&back, da, NULL), 0);
	assert_int_equal(kr_ctset_digest(&b, db, NULL), 0);
	assert_memory_equal(da, db, 32);
	b.v[0].mark++;
	assert_int_equal(kr_ctset_digest(&b, db, NULL), 0);
	assert_memory_not_equal(da, db, 32);
	kr_ctset_fini(&a);
	kr_ctset_fini(&b);
	kr_ctset_fini(&back);
	free(pa);
	free(pb);
}

/* With its digest made right. */
static int get_spoilt(uint8_t *p, size_t n)
{
	struct kr_ctset s = { 0 };

	assert_true(EVP_Digest(p, n - 32, p + n - 32, NULL, EVP_sha256(),
			       NULL));
	return kr_ctfile_get(p, n, &s, NULL);
}

static void spoilt_files_are_refused(void **state)
{
	struct kr_ctset s = { 0 };
	uint8_t *p;
	size_t n;

	(void)state;
	fill(&s, false);
	assert_int_equal(kr_ctfile_put(&s, &p, &n, NULL), 0);
	kr_ctset_fini(&s);
	for (size_t i = 0; i < n; i++) {
		p[i] ^= 1;
		assert_true(kr_ctfile_get(p, n, &s, NULL) < 0);
		p[i] ^= 1;
		assert_true(kr_ctfile_get(p, i, &s, NULL) < 0);
	}
	p[8] = 0xff;			/* four thousand million entries */
	assert_true(get_spoilt(p, n) < 0);
	p[8] = 0;
	p[11]++;
	assert_true(get_spoilt(p, n) < 0);
	p[11] = 1;			/* one, and something after it */
	assert_true(get_spoilt(p, n) < 0);
	free(p);
}

static void the_smallest_are_taken(void **state)
{
	struct kr_ctset s = { .zone = 7 }, back = { 0 };
	struct kr_ctentry c = ping();
	uint8_t *p;
	size_t n;

	(void)state;
	for (c.orig.sport = 0; c.orig.sport < 100; c.orig.sport++)
		assert_int_equal(kr_ctset_add(&s, &c, NULL), 0);
	kr_ctset_sort(&s);
	assert_int_equal(kr_ctfile_put(&s, &p, &n, NULL), 0);
	assert_int_equal(kr_ctfile_get(p, n, &back, NULL), 0);
	assert_int_equal(back.n, 100);
	kr_ctset_fini(&s);
	kr_ctset_fini(&back);
	free(p);
}

static void entries_out_of_order_are_refused(void **state)
{
	struct kr_ctset s = { 0 };
	struct kr_ctentry first;
	uint8_t *p;
	size_t n;

	(void)state;
	fill(&s, false);
	first = s.v[0];
	s.v[0] = s.v[1];
	s.v[1] = first;
	assert_int_equal(kr_ctfile_put(&s, &p, &n, NULL), 0);
	assert_true(get_spoilt(p, n) < 0);
	free(p);
	s.v[1] = s.v[0];		/* one of them twice */
	assert_int_equal(kr_ctfile_put(&s, &p, &n, NULL), 0);
	assert_true(get_spoilt(p, n) < 0);
	free(p);
	kr_ctset_fini(&s);
}

static void what_is_sent_is_what_arrives(void **state)
{
	struct kr_ctdelta d = { .anew = true }, back = { 0 };
	struct kr_ctstream_head h;
	struct kr_ctentry c = ping();
	uint8_t *p, head[KR_CTSTREAM_HEAD_BYTES];
	size_t n;

	(void)state;
	fill(&d.put, false);
	d.gone.zone = 7;
	assert_int_equal(kr_ctset_add(&d.gone, &c, NULL), 0);
	assert_int_equal(kr_ctstream_put(&d, true, &p, &n, NULL), 0);
	assert_int_equal(kr_ctstream_head(p, &h, NULL), 0);
	assert_int_equal(h.kind, KR_CTSTREAM_ANEW | KR_CTSTREAM_LAST);
	assert_int_equal(sizeof(head) + h.n_put + h.n_gone, n);
	assert_int_equal(kr_ctstream_body(&h, p + sizeof(head), &back, NULL),
			 0);
	assert_true(back.anew);
	assert_int_equal(back.put.n, N_MAKERS);
	assert_int_equal(back.gone.n, 1);
	/* as if it had begun without that one */
	assert_int_equal(kr_ctset_apply(&d.put, &back.gone, &back.put, NULL),
			 0);
	assert_int_equal(d.put.n, 1);
	assert_int_equal(kr_ctset_apply(&d.put, &back.put, &back.gone, NULL),
			 0);
	assert_int_equal(d.put.n, N_MAKERS);
	/* each of both lengths is limited, and there is no other kind */
	for (size_t at = 0; at < sizeof(head); at += at ? 4 : 1) {
		memcpy(head, p, sizeof(head));
		head[at] |= 0x80;
		assert_true(kr_ctstream_head(head, &h, NULL) < 0);
	}
	free(p);
	kr_ctdelta_fini(&d);
	kr_ctdelta_fini(&back);
}

/* ---- attributes -------------------------------------------------------- */

static _Alignas(struct nlmsghdr) char msg[4096];

static void what_is_told_is_what_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_MAKERS; i++) {
		struct kr_ctentry c = makers[i](), back;
		struct nlmsghdr *m = kr_ctattr_put(msg, KR_CTATTR_CREATE, &c,
						   0, 1);

		assert_int_equal(kr_ctattr_parse(m, m->nlmsg_len, &back, NULL),
				 0);
		c.tcp.flags[0] |= c.tcp.there ? KR_CT_TCP_LIBERAL : 0;
		c.tcp.flags[1] |= c.tcp.there ? KR_CT_TCP_LIBERAL : 0;
		assert_true(kr_ctentry_same(&c, &back));
		for (size_t n = 0; n < m->nlmsg_len; n++)
			assert_true(kr_ctattr_parse(m, n, &back, NULL) < 0);
	}
}

static void lengths_that_lie_are_refused(void **state)
{
	static const uint32_t lies[] = { 0, 19, 4097, 0x7fffffff, 0x80000000,
					 0xffffffff };
	struct kr_ctentry c = ping();
	struct nlmsghdr *m = kr_ctattr_put(msg, KR_CTATTR_CREATE, &c, 0, 1);

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		m->nlmsg_len = lies[i];
		assert_true(kr_ctattr_parse(m, sizeof(msg), &c, NULL) < 0);
	}
}

static void refused_for(struct nlmsghdr *m, const char *why)
{
	struct kr_err e = KR_ERR_NONE;
	struct kr_ctentry c;

	assert_true(kr_ctattr_parse(m, m->nlmsg_len, &c, &e) < 0);
	assert_int_equal(e.kr, KR_E_CT_LEFT);
	assert_non_null(strstr(e.what, "udp 10.0.0.1:40000 > 10.0.0.2:21: "));
	assert_non_null(strstr(e.what, why));
}

static struct nlmsghdr *plain(void)
{
	struct kr_ctentry c = whole();

	c = (struct kr_ctentry){ .family = AF_INET, .orig = c.orig,
				 .zone_dirs = KR_CT_ZONE_BOTH,
				 .reply = c.reply, .status = 2 };
	c.orig.l4 = c.reply.l4 = IPPROTO_UDP;
	return kr_ctattr_put(msg, KR_CTATTR_CREATE, &c, 0, 1);
}

static void what_cannot_be_carried_is_named(void **state)
{
	struct nlmsghdr *m = plain();
	struct nlattr *nest;

	(void)state;
	mnl_attr_put_u32(m, 31, 0);
	refused_for(m, "not known here");
	m = plain();
	nest = mnl_attr_nest_start(m, CTA_SECCTX);
	mnl_attr_put_strz(m, CTA_SECCTX_NAME, "label");
	mnl_attr_nest_end(m, nest);
	refused_for(m, "security label");
	m = plain();
	nest = mnl_attr_nest_start(m, CTA_HELP);
	mnl_attr_put_strz(m, CTA_HELP_NAME, "own");
	mnl_attr_put_u32(m, CTA_HELP_INFO, 1);
	mnl_attr_nest_end(m, nest);
	refused_for(m, "state of its own");
	m = plain();
	nest = mnl_attr_nest_start(m, CTA_PROTOINFO);
	mnl_attr_put(m, CTA_PROTOINFO_DCCP, 0, NULL);
	mnl_attr_nest_end(m, nest);
	refused_for(m, "not known here");
	m = plain();
	mnl_attr_put(m, CTA_LABELS, 20, "more labels than 128");
	refused_for(m, "more labels");
	m = plain();			/* twice */
	mnl_attr_put_u32(m, CTA_MARK, 0);
	refused_for(m, "malformed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_has_one_form),
		cmocka_unit_test(other_forms_are_refused),
		cmocka_unit_test(one_state_has_one_file),
		cmocka_unit_test(spoilt_files_are_refused),
		cmocka_unit_test(the_smallest_are_taken),
		cmocka_unit_test(entries_out_of_order_are_refused),
		cmocka_unit_test(what_is_sent_is_what_arrives),
		cmocka_unit_test(what_is_told_is_what_is_read),
		cmocka_unit_test(lengths_that_lie_are_refused),
		cmocka_unit_test(what_cannot_be_carried_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
