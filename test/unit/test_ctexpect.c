/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ctexpect.c - connections that are to come, as values: written and read,
 * told to a kernel, in files; what is odd about one is refused by name. The
 * kernel's own part is in functional/test_expected.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <cmocka.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <openssl/evp.h>

#include "base/fd.h"
#include "context/ctexpattr.h"
#include "context/ctfile.h"

/* One that has all that one can have. */
static struct kr_ctexpect whole(void)
{
	return (struct kr_ctexpect){
		.family = AF_INET, .zone = 7, .zone_dirs = KR_CT_ZONE_BOTH,
		.master = { IPPROTO_TCP, { 10, 0, 0, 1 }, { 10, 0, 0, 2 },
			    40000, 21 },
		.tuple = { IPPROTO_TCP, { 10, 0, 0, 1 }, { 10, 0, 0, 2 }, 0,
			   5555 },
		.src_mask = { 0xff, 0xff, 0xff, 0xff }, .timeout_s = 300,
		.flags = 2, .class = 1, .helper = "ftp",
		.fn = "nat-follow-master",
		.nat = { true, KR_CTDIR_REPLY, { 10, 0, 0, 9 }, 5556 },
	};
}

static struct kr_ctexpect voice6(void)
{
	return (struct kr_ctexpect){
		.family = AF_INET6, .zone = 7, .zone_dirs = KR_CT_ZONE_ORIG,
		.master = { IPPROTO_UDP, { 0xfd, [15] = 1 },
			    { 0xfd, [15] = 2 }, 5060, 5060 },
		.tuple = { IPPROTO_UDP, { 0xfd, [15] = 2 },
			   { 0xfd, [15] = 1 }, 0, 40000 },
		.src_mask = { 0xff }, .sport_mask = 0xffff, .timeout_s = 180,
		.helper = "sip",
	};
}

static struct kr_ctexpect (*const makers[])(void) = { whole, voice6 };

#define N_MAKERS	(sizeof(makers) / sizeof(*makers))

static void one_has_one_form(void **state)
{
	static const char golden[] =
		"0403060a0000010a0000029c400015"	/* master */
		"060a0000010a000002000015b3"		/* expected */
		"ffffffff0000" "0000012c" "0201"	/* mask, life, ... */
		"0003667470"				/* ftp */
		"00116e61742d666f6c6c6f772d6d6173746572"
		"01010a00000915b4";			/* translated */
	uint8_t buf[KR_CTEXPECT_BYTES_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	char hex[2 * sizeof(buf) + 1];
	struct kr_ctexpect x = whole(), back;

	(void)state;
	kr_ctexpect_put(&w, &x);
	kr_hex(buf, kr_wr_len(&w), hex);
	assert_string_equal(hex, golden);
	for (size_t n = 0; n < kr_wr_len(&w); n++) {
		struct kr_rd r = KR_RD(buf, n);

		assert_true(kr_ctexpect_get(&r, 7, &back, NULL) < 0);
	}
	for (size_t i = 0; i < N_MAKERS; i++) {
		struct kr_rd r;

		w = KR_WR(buf, sizeof(buf));
		x = makers[i]();
		kr_ctexpect_put(&w, &x);
		r = KR_RD(buf, kr_wr_len(&w));
		assert_int_equal(kr_ctexpect_get(&r, 7, &back, NULL), 0);
		assert_true(kr_ctexpect_same(&x, &back));
	}
}

static void other_forms_are_refused(void **state)
{
	/* family, directions, flags, class, helper's length, NAT, its way */
	static const struct { size_t at; uint8_t to; } spoilt[] = {
		{ 0, 5 }, { 1, 0 }, { 1, 4 }, { 38, 4 }, { 39, 4 }, { 41, 99 },
		{ 64, 2 }, { 65, 2 },
	};
	uint8_t buf[KR_CTEXPECT_BYTES_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(spoilt) / sizeof(*spoilt); i++) {
		struct kr_err e = KR_ERR_NONE;
		struct kr_wr w = KR_WR(buf, sizeof(buf));
		struct kr_ctexpect x = whole();
		struct kr_rd r;

		kr_ctexpect_put(&w, &x);
		buf[spoilt[i].at] = spoilt[i].to;
		r = KR_RD(buf, kr_wr_len(&w));
		assert_true(kr_ctexpect_get(&r, 7, &x, &e) < 0);
		assert_int_equal(e.kr, KR_E_CT_FILE);
	}
}

static int get_again(uint8_t *p, size_t n, struct kr_ctset *ret)
{
	assert_true(EVP_Digest(p, n - 32, p + n - 32, NULL, EVP_sha256(),
			       NULL));
	return kr_ctfile_get(p, n, ret, NULL);
}

static void they_are_part_of_a_file(void **state)
{
	struct kr_ctset s = { .zone = 7 }, back = { 0 };
	uint8_t *p, *q, with[32], without[32];
	size_t n;

	(void)state;
	assert_int_equal(kr_ctset_digest(&s, without, NULL), 0);
	for (size_t i = 0; i < 2 * N_MAKERS; i++) {
		struct kr_ctexpect x = makers[i % N_MAKERS]();

		assert_int_equal(kr_ctset_expect(&s, &x, NULL), 0);
	}
	kr_ctset_sort(&s);
	assert_int_equal(s.n_expects, N_MAKERS);
	assert_int_equal(kr_ctset_digest(&s, with, NULL), 0);
	assert_memory_not_equal(with, without, 32);
	s.expects[0].timeout_s++;
	assert_int_equal(kr_ctset_digest(&s, without, NULL), 0);
	assert_memory_equal(with, without, 32);
	assert_int_equal(kr_ctfile_put(&s, &p, &n, NULL), 0);
	assert_int_equal(kr_ctfile_get(p, n, &back, NULL), 0);
	assert_int_equal(back.n_expects, N_MAKERS);
	assert_true(kr_ctexpect_same(&back.expects[1], &s.expects[1]));
	kr_ctset_fini(&back);
	p[12] = 0xff;			/* more than there can be */
	assert_true(get_again(p, n, &back) < 0);
	p[12] = 0;
	p[15]++;
	assert_true(get_again(p, n, &back) < 0);
	p[15] -= 2;			/* and something after it */
	assert_true(get_again(p, n, &back) < 0);
	free(p);
	s.expects[0] = s.expects[1];	/* one of them twice */
	assert_int_equal(kr_ctfile_put(&s, &q, &n, NULL), 0);
	assert_true(get_again(q, n, &back) < 0);
	free(q);
	kr_ctset_fini(&s);
}

/* ---- attributes -------------------------------------------------------- */

static _Alignas(struct nlmsghdr) char msg[4096];

/* As the kernel tells it: the helper's name is its master's. */
static struct nlmsghdr *told(const struct kr_ctexpect *x)
{
	struct nlmsghdr *m = kr_ctexpattr_put(msg, KR_CTEXPATTR_CREATE, x, 0,
					      1);

	if (strcmp(x->helper, "sip"))
		mnl_attr_put_strz(m, CTA_EXPECT_HELP_NAME, x->helper);
	return m;
}

static void what_is_told_is_what_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_MAKERS; i++) {
		struct kr_ctexpect x = makers[i](), back;
		struct nlmsghdr *m = told(&x);

		assert_int_equal(kr_ctexpattr_parse(m, m->nlmsg_len, &back,
						    NULL), 0);
		/* whose zone it is, is not told */
		back.zone = x.zone;
		back.zone_dirs = x.zone_dirs;
		assert_true(kr_ctexpect_same(&x, &back));
		for (size_t n = 0; n < m->nlmsg_len; n++)
			assert_true(kr_ctexpattr_parse(m, n, &back, NULL) < 0);
	}
}

static int is_helper(const struct nlattr *a, void *arg)
{
	*(bool *)arg |= mnl_attr_get_type(a) == CTA_EXPECT_HELP_NAME;
	return MNL_CB_OK;
}

/* Or a kernel has the helper read what comes, too. */
static void no_helper_is_given_to_data(void **state)
{
	static const struct { const char *helper; uint8_t class; bool given; }
	of[] = {
		{ "ftp", 0, false }, { "tftp", 0, false }, { "sip", 1, false },
		{ "sip", 0, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(of) / sizeof(*of); i++) {
		struct kr_ctexpect x = whole();
		struct nlmsghdr *m;
		bool given = false;

		strcpy(x.helper, of[i].helper);
		x.class = of[i].class;
		m = kr_ctexpattr_put(msg, KR_CTEXPATTR_CREATE, &x, 0, 1);
		mnl_attr_parse(m, sizeof(struct nfgenmsg), is_helper, &given);
		assert_int_equal(given, of[i].given);
	}
}

static void refused_for(struct nlmsghdr *m, const char *why)
{
	struct kr_err e = KR_ERR_NONE;
	struct kr_ctexpect x;

	assert_true(kr_ctexpattr_parse(m, m->nlmsg_len, &x, &e) < 0);
	assert_int_equal(e.kr, KR_E_CT_LEFT);
	assert_non_null(strstr(e.what, "expected tcp 10.0.0.1:0 > "
				       "10.0.0.2:5555: "));
	assert_non_null(strstr(e.what, why));
}

static void what_cannot_be_carried_is_named(void **state)
{
	struct kr_ctexpect x = whole();
	struct nlmsghdr *m = told(&x);

	(void)state;
	mnl_attr_put_u32(m, 31, 0);
	refused_for(m, "not known here");
	m = told(&x);			/* twice */
	mnl_attr_put_u32(m, CTA_EXPECT_CLASS, 0);
	refused_for(m, "malformed");
	m = kr_ctexpattr_put(msg, KR_CTEXPATTR_CREATE, &x, 0, 1);
	refused_for(m, "no helper");
	m = kr_ctexpattr_put(msg, KR_CTEXPATTR_CREATE, &x, 0, 1);
	mnl_attr_put_strz(m, CTA_EXPECT_HELP_NAME, "a name of 16 let");
	refused_for(m, "too long");
	x.flags = 4;
	refused_for(told(&x), "its helper is a program");
	x.flags = 8;
	refused_for(told(&x), "a flag or a class");
	x.flags = 0;
	x.class = 4;
	refused_for(told(&x), "a flag or a class");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_has_one_form),
		cmocka_unit_test(other_forms_are_refused),
		cmocka_unit_test(they_are_part_of_a_file),
		cmocka_unit_test(what_is_told_is_what_is_read),
		cmocka_unit_test(no_helper_is_given_to_data),
		cmocka_unit_test(what_cannot_be_carried_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
