/* SPDX-License-Identifier: Apache-2.0 */
/* test_linkmsg.c - what kororad and its link agents say to each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/chan.h"
#include "wire/linkmsg.h"

static uint8_t buf[KR_CHAN_BYTES_MAX];

static union {
	struct kr_linkstart start;
	struct kr_linkup    up;
	struct kr_lanekey   key;
	struct kr_linkknown known;
} out;

static int parse_start(struct kr_rd *r, struct kr_err *e)
{
	return kr_linkstart_parse(r, &out.start, e);
}

static int parse_up(struct kr_rd *r, struct kr_err *e)
{
	return kr_linkup_parse(r, &out.up, e);
}

static int parse_key(struct kr_rd *r, struct kr_err *e)
{
	return kr_lanekey_parse(r, &out.key, e);
}

static int parse_known(struct kr_rd *r, struct kr_err *e)
{
	return kr_linkknown_parse(r, &out.known, e);
}

/* Whole it is read; each beginning, and one byte more, is refused. */
static void cut(int (*parse)(struct kr_rd *, struct kr_err *),
		const struct kr_wr *w)
{
	size_t n = kr_wr_len(w);

	assert_false(w->bad);
	buf[n] = 0;
	for (size_t k = 0; k <= n + 1; k++) {
		struct kr_rd r = KR_RD(buf, k);
		struct kr_err e = KR_ERR_NONE;

		if (k == n)
			continue;
		assert_true(parse(&r, &e) < 0);
		assert_int_equal(e.kr, KR_E_AGENT_SPOKE);
	}
	assert_int_equal(parse(&KR_RD(buf, n), NULL), 0);
}

static void der(struct kr_der *d, uint16_t n, uint8_t with)
{
	d->n_bytes = n;
	memset(d->bytes, with, n);
}

static void start(void **state)
{
	static struct kr_linkstart s = {
		.outgoing = 1, .handshake_ms = 10000, .silent_ms = 70000,
		.self = "a", .peer = "b",
		.suites = "TLS_AES_256_GCM_SHA384",
		.n_cas_bytes = 7, .cas = { 0, 5, 1, 2, 3, 4, 5 },
	};
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	(void)state;
	der(&s.key, 138, 1);
	der(&s.leaf, 400, 2);
	der(&s.identity, KR_LINK_DER_MAX, 3);
	kr_linkstart_put(&w, &s);
	cut(parse_start, &w);
	assert_int_equal(out.start.outgoing, 1);
	assert_int_equal(out.start.handshake_ms, 10000);
	assert_int_equal(out.start.silent_ms, 70000);
	assert_string_equal(out.start.self, "a");
	assert_string_equal(out.start.peer, "b");
	assert_string_equal(out.start.suites, s.suites);
	assert_int_equal(out.start.key.n_bytes, 138);
	assert_int_equal(out.start.identity.n_bytes, KR_LINK_DER_MAX);
	assert_memory_equal(out.start.leaf.bytes, s.leaf.bytes, 400);
	assert_int_equal(out.start.n_cas_bytes, 7);
	assert_memory_equal(out.start.cas, s.cas, 7);
}

static void the_largest_start_fits_the_channel(void **state)
{
	static struct kr_linkstart s;
	struct kr_wr w = KR_WR(buf, KR_CHAN_BYTES_MAX - 2);

	(void)state;
	memset(s.self, 'a', sizeof(s.self) - 1);
	memset(s.peer, 'b', sizeof(s.peer) - 1);
	memset(s.suites, 'c', sizeof(s.suites) - 1);
	der(&s.key, KR_LINK_DER_MAX, 1);
	der(&s.leaf, KR_LINK_DER_MAX, 2);
	der(&s.identity, KR_LINK_DER_MAX, 3);
	s.n_cas_bytes = KR_LINK_CA_BYTES_MAX;
	kr_linkstart_put(&w, &s);
	assert_false(w.bad);
	/* what the agent's grant allows for it */
	assert_true(kr_wr_len(&w) <= sizeof(s));
	assert_int_equal(parse_start(&KR_RD(buf, kr_wr_len(&w)), NULL), 0);
}

static void up(void **state)
{
	static struct kr_linkup u = {
		.peer = "b", .tls = "TLSv1.3",
		.suite = "TLS_AES_256_GCM_SHA384", .software = "korora 0.1.0",
		.version = 0x0203,
	};
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	(void)state;
	memset(u.keyid, 0x11, sizeof(u.keyid));
	memset(u.binding, 0x22, sizeof(u.binding));
	der(&u.identity, 500, 4);
	kr_linkup_put(&w, &u);
	cut(parse_up, &w);
	assert_string_equal(out.up.peer, "b");
	assert_memory_equal(out.up.keyid, u.keyid, 32);
	assert_memory_equal(out.up.binding, u.binding, 32);
	assert_string_equal(out.up.tls, u.tls);
	assert_string_equal(out.up.suite, u.suite);
	assert_string_equal(out.up.software, u.software);
	assert_int_equal(out.up.version, 0x0203);
	assert_int_equal(out.up.identity.n_bytes, 500);
}

static void lane_key(void **state)
{
	struct kr_lanekey k = { .lane = 3, .attempt = 0x0102 };
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	(void)state;
	memset(k.migration, 0x33, sizeof(k.migration));
	memset(k.key, 0x44, sizeof(k.key));
	kr_lanekey_put(&w, &k);
	assert_int_equal(kr_wr_len(&w), 16 + 1 + 2 + 32);
	assert_memory_equal(buf + 16, "\3\1\2\x44", 4);
	cut(parse_key, &w);
	assert_memory_equal(out.key.migration, k.migration, 16);
	assert_int_equal(out.key.lane, 3);
	assert_int_equal(out.key.attempt, 0x0102);
	assert_memory_equal(out.key.key, k.key, 32);
}

static void known(void **state)
{
	struct kr_linkknown k = { KR_KNOWN_BY_CA, "b" };
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	(void)state;
	kr_linkknown_put(&w, &k);
	cut(parse_known, &w);
	assert_int_equal(out.known.verdict, KR_KNOWN_BY_CA);
	assert_string_equal(out.known.name, "b");
}

/* A length that promises more than there is room for, though it is sent. */
static void certificates_are_bounded(void **state)
{
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	(void)state;
	kr_wr_str(&w, "b");
	kr_wr_room(&w, 64);
	memset(buf + 3, 0, 64);
	kr_wr_str(&w, "");
	kr_wr_str(&w, "");
	kr_wr_str(&w, "");
	kr_wr_u16(&w, KR_LINK_DER_MAX + 1);
	kr_wr_room(&w, KR_LINK_DER_MAX + 1);
	assert_true(parse_up(&KR_RD(buf, kr_wr_len(&w)), NULL) < 0);
}

static void authorities_are_bounded(void **state)
{
	static const struct kr_linkstart s;
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	size_t n;

	(void)state;
	kr_linkstart_put(&w, &s);
	n = kr_wr_len(&w);
	w.p -= 4;
	kr_wr_u32(&w, KR_LINK_CA_BYTES_MAX + 1);
	memset(buf + n, 0, KR_LINK_CA_BYTES_MAX + 1);
	assert_true(parse_start(&KR_RD(buf, n + KR_LINK_CA_BYTES_MAX + 1),
				NULL) < 0);
	w.p -= 4;
	kr_wr_u32(&w, UINT32_MAX);
	assert_true(parse_start(&KR_RD(buf, n), NULL) < 0);
}

static void names_are_bounded(void **state)
{
	char name[KR_LINK_NAME_MAX + 1] = { 0 };
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	(void)state;
	memset(name, 'n', KR_LINK_NAME_MAX);
	kr_wr_u8(&w, KR_KNOWN_PINNED);
	kr_wr_str(&w, name);
	assert_true(parse_known(&KR_RD(buf, kr_wr_len(&w)), NULL) < 0);
	w = KR_WR(buf, sizeof(buf));
	kr_wr_u8(&w, KR_KNOWN_PINNED);
	kr_wr_str(&w, name + 1);
	assert_int_equal(parse_known(&KR_RD(buf, kr_wr_len(&w)), NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(start),
		cmocka_unit_test(the_largest_start_fits_the_channel),
		cmocka_unit_test(up),
		cmocka_unit_test(lane_key),
		cmocka_unit_test(known),
		cmocka_unit_test(certificates_are_bounded),
		cmocka_unit_test(authorities_are_bounded),
		cmocka_unit_test(names_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
