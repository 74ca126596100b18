/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_ctattr.c - a message of ctnetlink, of a connection or of what is
 * expected: what is taken from it can be written to a file and read back alike,
 * told to a kernel within bounds, and what a kernel is told is read back as
 * what it was.
 */
#include <assert.h>
#include <string.h>
#include <linux/netfilter/nfnetlink.h>

#include "context/ctattr.h"
#include "context/ctexpattr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void through_a_file(const struct kr_ctentry *c)
{
	uint8_t buf[KR_CTENTRY_BYTES_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_ctentry back;
	struct kr_rd r;

	kr_ctentry_put(&w, c);
	assert(!w.bad);
	r = KR_RD(buf, kr_wr_len(&w));
	assert(!kr_ctentry_get(&r, c->zone, &back, NULL));
	assert(kr_ctentry_same(c, &back) && back.timeout_s == c->timeout_s);
	assert(!kr_ctentry_order(c, &back));
}

/* What only a kernel does to it: translation, being liberal. */
static void through_a_message(const struct kr_ctentry *c)
{
	_Alignas(struct nlmsghdr) char buf[KR_CTATTR_BYTES_MAX];
	const struct nlmsghdr *m;
	struct kr_ctentry back, want = *c;

	for (unsigned int what = 0; what <= KR_CTATTR_DELETE; what++) {
		m = kr_ctattr_put(buf, what, c, 0, 1);
		assert(m->nlmsg_len <= sizeof(buf));
	}
	want.status &= ~(KR_CT_SRC_NAT | KR_CT_DST_NAT);
	if (want.status != c->status)
		return;
	for (int d = 0; d < KR_CTDIR_N && want.tcp.there; d++)
		want.tcp.flags[d] |= KR_CT_TCP_LIBERAL;
	m = kr_ctattr_put(buf, KR_CTATTR_CREATE, c, 0, 1);
	assert(!kr_ctattr_parse(m, m->nlmsg_len, &back, NULL));
	assert(kr_ctentry_same(&back, &want));
}

static void expectation(const struct nlmsghdr *nlh, size_t n)
{
	_Alignas(struct nlmsghdr) char msg[KR_CTEXPATTR_BYTES_MAX];
	uint8_t buf[KR_CTEXPECT_BYTES_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	char name[KR_CTEXPECT_NAME_BYTES];
	struct kr_ctexpect x, back;
	const struct nlmsghdr *m;
	struct kr_rd r;

	if (kr_ctexpattr_parse(nlh, n, &x, NULL))
		return;
	kr_ctexpect_name(&x, name);
	kr_ctexpect_put(&w, &x);
	assert(!w.bad);
	r = KR_RD(buf, kr_wr_len(&w));
	assert(!kr_ctexpect_get(&r, x.zone, &back, NULL));
	assert(kr_ctexpect_same(&x, &back) && !kr_ctexpect_order(&x, &back));
	m = kr_ctexpattr_put(msg, KR_CTEXPATTR_CREATE, &x, 0, 1);
	assert(m->nlmsg_len <= sizeof(msg));
	/* whose helper is not told, which nobody expects */
	if (kr_ctexpattr_parse(m, m->nlmsg_len, &back, NULL))
		return;
	assert(kr_ctexpect_same(&x, &back));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	_Alignas(struct nlmsghdr) uint8_t buf[4096];
	struct kr_ctentry c;
	char name[KR_CTENTRY_NAME_BYTES];

	if (n > sizeof(buf))
		return 0;
	memcpy(buf, data, n);
	if (n >= sizeof(struct nlmsghdr) &&
	    ((const struct nlmsghdr *)buf)->nlmsg_type >> 8 ==
		    NFNL_SUBSYS_CTNETLINK_EXP) {
		expectation((const void *)buf, n);
		return 0;
	}
	if (kr_ctattr_parse((const void *)buf, n, &c, NULL))
		return 0;
	kr_cttuple_name(c.family, &c.orig, name);
	through_a_file(&c);
	through_a_message(&c);
	return 0;
}
