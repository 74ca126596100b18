/* SPDX-License-Identifier: Apache-2.0 */
/* test_peermsg.c - every message between hosts, there and back, cut short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/fd.h"
#include "wire/enrolmsg.h"
#include "wire/frame.h"
#include "wire/peermsg.h"
#include "wire/quotemsg.h"

static uint8_t buf[KR_FRAME_BODY_BYTES_MAX];

static struct kr_terms terms(void)
{
	struct kr_terms t = {
		.vm = "web-1", .epoch = 8, .from_name = "a", .to_name = "b",
		.requested_by = "anna", .strategy = "precopy",
		.protection = { "TLSv1.3", "TLS_AES_256_GCM_SHA384",
				"TLS_AES_128_GCM_SHA256", 1, "none" },
		.stream = { .ram_bytes = 1 << 30, .stream_bytes = 987654 },
		.times = { 1700000000001, 1700000000002, 1700000000003,
			   1700000000004 },
		.total_ms = 5210, .downtime_us = 48123, .rounds = 3,
		.wire_bytes = 456789,
		.from_log = { .size = 17 }, .to_log = { .size = 4 },
	};

	memset(t.migration, 0x11, sizeof(t.migration));
	memset(t.nonce_to, 0x66, sizeof(t.nonce_to));
	memset(t.stream.ram_root, 0x99, sizeof(t.stream.ram_root));
	t.postcopy.early = true;
	t.postcopy.owed_pages = 700;
	t.postcopy.recoveries = 2;
	return t;
}

static struct kr_dsse_sig sig(void)
{
	struct kr_dsse_sig s = { .sig_bytes = 71 };

	memset(s.sig, 0x30, s.sig_bytes);
	return s;
}

static struct kr_vmdef def(void)
{
	static const char text[] =
		"[vm]\nname = web-1\nmachine = pc-q35-7.2\nvcpus = 2\n"
		"memory_mb = 1024\n[disk vda]\nfile = images:web/1.raw\n"
		"[nic eth0]\nnetwork = lan\nmac = 52:54:00:00:00:01\n";
	struct kr_vmdef d;
	struct kr_err e = KR_ERR_NONE;
	int r = kr_vmdef_parse("web-1.vm", text, sizeof(text) - 1, &d, &e);

	if (r)
		print_message("%s\n", e.what);
	assert_int_equal(r, 0);
	return d;
}

static struct kr_offer *offer(void)
{
	struct kr_offer *o = calloc(1, sizeof(*o));

	assert_non_null(o);
	o->terms = terms();
	o->sig = sig();
	o->def = def();
	o->hyper_version = 0x070200;
	o->disks[0] = (struct kr_disk_id){ 1 << 26, 4711 };
	o->disks[KR_VMDEF_DISKS_MAX - 1] = (struct kr_disk_id){ 1, 2 };
	return o;
}

static int check(uint16_t type, size_t n, struct kr_err *e)
{
	return kr_peermsg_check(type, buf, n, e);
}

/* Each beginning of it, and it with one byte more, is malformed. */
static void cut(uint16_t type, size_t n)
{
	assert_true(n < sizeof(buf));
	buf[n] = 0;
	assert_int_equal(check(type, n, NULL), 0);
	for (size_t k = 0; k <= n + 1; k++) {
		struct kr_err e = KR_ERR_NONE;

		if (k == n)
			continue;
		assert_true(check(type, k, &e) < 0);
		assert_int_equal(e.kr, KR_E_MALFORMED);
	}
}

/* ---- there and back ----------------------------------------------------- */

static void hello(void **state)
{
	struct kr_hello h = { 1, 3, "korora 0.1.0" }, back;
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_rd r;

	(void)state;
	kr_hello_put(&w, &h);
	r = KR_RD(buf, kr_wr_len(&w));
	assert_int_equal(kr_hello_parse(&r, &back, NULL), 0);
	assert_int_equal(back.version_min, 1);
	assert_int_equal(back.version_max, 3);
	assert_string_equal(back.software, "korora 0.1.0");
	for (size_t n = 0; n < kr_wr_len(&w); n++) {
		r = KR_RD(buf, n);
		assert_true(kr_hello_parse(&r, &back, NULL) < 0);
	}
}

static void step(void **state)
{
	(void)state;
	for (unsigned int k = 0; k < KR_STATEMENT_N; k++) {
		struct kr_step s = { .kind = k, .terms = terms(),
				     .sig = sig() }, back;
		struct kr_wr w = KR_WR(buf, sizeof(buf));
		struct kr_rd r;

		kr_step_put(&w, &s);
		assert_false(w.bad);
		r = KR_RD(buf, kr_wr_len(&w));
		assert_int_equal(kr_step_parse(&r, &back, NULL), 0);
		assert_int_equal(back.kind, k);
		assert_memory_equal(&back.sig, &s.sig, sizeof(s.sig));
		assert_string_equal(back.terms.vm, "web-1");
		assert_int_equal(back.terms.epoch, 8);
		assert_int_equal(back.terms.times.running_ms, 1700000000004);
		assert_true(back.terms.postcopy.early);
		assert_int_equal(back.terms.postcopy.recoveries, 2);
		assert_memory_equal(back.terms.stream.ram_root,
				    s.terms.stream.ram_root, 32);
		if (!k)
			cut(KR_PEER_STEP, kr_wr_len(&w));
	}
}

static void step_of_no_kind(void **state)
{
	struct kr_step s = { .terms = terms(), .sig = sig() };
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	(void)state;
	kr_step_put(&w, &s);
	for (unsigned int k = KR_STATEMENT_N; k < 256; k++) {
		struct kr_err e = KR_ERR_NONE;

		buf[0] = (uint8_t)k;
		assert_true(check(KR_PEER_STEP, kr_wr_len(&w), &e) < 0);
		assert_int_equal(e.kr, KR_E_MALFORMED);
	}
}

static void signature_too_long(void **state)
{
	struct kr_step s = { .terms = terms(), .sig = sig() };
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	size_t at;

	(void)state;
	kr_step_put(&w, &s);
	at = kr_wr_len(&w) - s.sig.sig_bytes - 2;
	for (unsigned int n = 0; n < 65536; n++) {
		buf[at] = (uint8_t)(n >> 8);
		buf[at + 1] = (uint8_t)n;
		assert_int_equal(check(KR_PEER_STEP, at + 2 + n > sizeof(buf) ?
				       sizeof(buf) : at + 2 + n, NULL) == 0,
				 n <= KR_SIG_BYTES_MAX);
	}
}

static void fail_ask_and_bye(void **state)
{
	static const uint16_t types[] = { KR_PEER_FAIL, KR_PEER_ASK,
					  KR_PEER_BYE };
	struct kr_peerfail f = { .kr = KR_E_TIMEOUT, .what = "too\tslow" };
	struct kr_peerfail back;
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_rd r;

	(void)state;
	memset(f.migration, 0xab, sizeof(f.migration));
	kr_peerfail_put(&w, &f);
	r = KR_RD(buf, kr_wr_len(&w));
	assert_int_equal(kr_peerfail_parse(&r, &back, NULL), 0);
	assert_memory_equal(back.migration, f.migration, 16);
	assert_int_equal(back.kr, KR_E_TIMEOUT);
	assert_string_equal(back.what, "too\tslow");
	for (unsigned int i = 0; i < 3; i++)
		cut(types[i], kr_wr_len(&w));
}

static void mend_and_mended(void **state)
{
	struct kr_mend m = { .attempt = 0x0203, .goes_on = true,
			     .position = 0x0405060708090a0b,
			     .urgent = 12 }, back;
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_rd r;

	(void)state;
	memset(m.migration, 0xcd, sizeof(m.migration));
	kr_mend_put(&w, &m);
	assert_int_equal(kr_wr_len(&w), KR_MEND_BYTES);
	assert_memory_equal(buf + 15, "\xcd\2\3\1\4\5\6\7\10\11\12\13", 12);
	r = KR_RD(buf, kr_wr_len(&w));
	assert_int_equal(kr_mend_parse(&r, &back, NULL), 0);
	assert_memory_equal(back.migration, m.migration, 16);
	assert_int_equal(back.attempt, 0x0203);
	assert_true(back.goes_on);
	assert_int_equal(back.position, m.position);
	assert_int_equal(back.urgent, m.urgent);
	cut(KR_PEER_MEND, kr_wr_len(&w));
	cut(KR_PEER_MENDED, kr_wr_len(&w));
	/* 0 is the attempt that made the first lanes: their keys are spent */
	buf[18] = 2;
	assert_true(check(KR_PEER_MEND, kr_wr_len(&w), NULL) < 0);
	buf[18] = 0;
	memset(buf + 16, 0, 2);
	assert_true(check(KR_PEER_MEND, kr_wr_len(&w), NULL) < 0);
	assert_true(check(KR_PEER_MENDED, kr_wr_len(&w), NULL) < 0);
}

static void logs(void **state)
{
	struct kr_logseen s = { .size = KR_PROOF_SIZE_MAX, .first = true }, s2;
	struct kr_loghead h = { .from = 3, .size = 9,
				.sig.sig_bytes = KR_SIG_BYTES_MAX,
				.proof.n = KR_PROOF_HASHES_MAX,
				.policy = { .index = 4,
					    .n_record = KR_INFORCE_RECORD_MAX,
					    .proof.n = 2 } }, h2;
	size_t at;
	struct kr_logcosign c = { .size = 9, .sig.sig_bytes = 70 }, c2;
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_rd r;

	(void)state;
	memset(s.migration, 0xab, sizeof(s.migration));
	kr_logseen_put(&w, &s);
	r = KR_RD(buf, kr_wr_len(&w));
	assert_int_equal(kr_logseen_parse(&r, &s2, NULL), 0);
	assert_memory_equal(s2.migration, s.migration, 16);
	assert_int_equal(s2.size, s.size);
	assert_true(s2.first);
	cut(KR_PEER_LOG_SEEN, kr_wr_len(&w));
	buf[24] = 2;
	assert_true(check(KR_PEER_LOG_SEEN, kr_wr_len(&w), NULL) < 0);
	buf[24] = 0;
	buf[17] = 0x20;		/* 2^53 and more */
	assert_true(check(KR_PEER_LOG_SEEN, kr_wr_len(&w), NULL) < 0);

	w = KR_WR(buf, sizeof(buf));
	memset(h.root, 7, sizeof(h.root));
	memset(h.proof.hash, 8, sizeof(h.proof.hash));
	memset(h.policy.record, 9, sizeof(h.policy.record));
	memset(h.policy.proof.hash, 10, 2 * 32);
	kr_loghead_put(&w, &h);
	r = KR_RD(buf, kr_wr_len(&w));
	assert_int_equal(kr_loghead_parse(&r, &h2, NULL), 0);
	assert_int_equal(h2.from, 3);
	assert_int_equal(h2.size, 9);
	assert_memory_equal(h2.root, h.root, 32);
	assert_int_equal(h2.sig.sig_bytes, KR_SIG_BYTES_MAX);
	assert_int_equal(h2.proof.n, KR_PROOF_HASHES_MAX);
	assert_memory_equal(h2.proof.hash, h.proof.hash, sizeof(h.proof.hash));
	assert_int_equal(h2.policy.index, 4);
	assert_int_equal(h2.policy.n_record, KR_INFORCE_RECORD_MAX);
	assert_memory_equal(h2.policy.record, h.policy.record,
			    KR_INFORCE_RECORD_MAX);
	assert_int_equal(h2.policy.proof.n, 2);
	assert_memory_equal(h2.policy.proof.hash, h.policy.proof.hash, 64);
	cut(KR_PEER_LOG_HEAD, kr_wr_len(&w));
	/* a byte more of the record than there may be; it is there */
	at = kr_wr_len(&w) - 65 - KR_INFORCE_RECORD_MAX - 2;
	buf[at + 1]++;
	buf[kr_wr_len(&w)] = 10;
	assert_true(check(KR_PEER_LOG_HEAD, kr_wr_len(&w) + 1, NULL) < 0);
	buf[at + 1]--;
	assert_int_equal(check(KR_PEER_LOG_HEAD, kr_wr_len(&w), NULL), 0);
	buf[at - 7] = 0x20;	/* an entry of 2^53 and more */
	assert_true(check(KR_PEER_LOG_HEAD, kr_wr_len(&w), NULL) < 0);
	buf[at - 7] = 0;
	/* one hash more than there may be, and the bytes for it */
	buf[66 + KR_SIG_BYTES_MAX] = KR_PROOF_HASHES_MAX + 1;
	memset(w.p, 0, 32);
	assert_true(check(KR_PEER_LOG_HEAD, kr_wr_len(&w) + 32, NULL) < 0);

	w = KR_WR(buf, sizeof(buf));
	kr_logcosign_put(&w, &c);
	r = KR_RD(buf, kr_wr_len(&w));
	assert_int_equal(kr_logcosign_parse(&r, &c2, NULL), 0);
	assert_int_equal(c2.size, 9);
	assert_int_equal(c2.sig.sig_bytes, 70);
	cut(KR_PEER_LOG_COSIGN, kr_wr_len(&w));
}

static void tpm_keys(void **state)
{
	static struct kr_enrolkeys k = { .m = {
		.ak = { .n = KR_TPM_BLOB_MAX }, .ek = { .n = 3 },
		.n_cert = KR_EKCERT_BYTES_MAX,
		.clock = { 0x1122334455667788, 5, 6, true } } }, k2;
	struct kr_enrolcredential c = { .c = {
		.id = { .n = KR_TPM_BLOB_MAX },
		.secret = { .n = KR_TPM_BLOB_MAX } } }, c2;
	struct kr_enrolopened o, o2;
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_rd r;

	(void)state;
	memset(k.question, 0x44, sizeof(k.question));
	memset(k.m.ak.b, 1, sizeof(k.m.ak.b));
	memset(k.m.ek.b, 2, 3);
	memset(k.m.cert, 3, sizeof(k.m.cert));
	kr_enrolmsg_keys_put(&w, &k);
	r = KR_RD(buf, kr_wr_len(&w));
	assert_int_equal(kr_enrolmsg_keys_parse(&r, &k2, NULL), 0);
	assert_memory_equal(k2.question, k.question, 16);
	assert_int_equal(k2.m.ak.n, k.m.ak.n);
	assert_memory_equal(k2.m.ak.b, k.m.ak.b, k.m.ak.n);
	assert_memory_equal(k2.m.ek.b, k.m.ek.b, 3);
	assert_int_equal(k2.m.n_cert, k.m.n_cert);
	assert_memory_equal(k2.m.cert, k.m.cert, k.m.n_cert);
	assert_memory_equal(&k2.m.clock, &k.m.clock, sizeof(k.m.clock));
	cut(KR_PEER_TPM_KEYS, kr_wr_len(&w));
	buf[17]++;		/* a byte more of the key than there may be */
	assert_true(check(KR_PEER_TPM_KEYS, kr_wr_len(&w) + 1, NULL) < 0);
	memset(buf + 16, 0, 2);	/* none */
	assert_true(check(KR_PEER_TPM_KEYS, kr_wr_len(&w) - 1024, NULL) < 0);

	w = KR_WR(buf, sizeof(buf));
	memset(c.question, 0x55, sizeof(c.question));
	memset(c.c.id.b, 4, sizeof(c.c.id.b));
	memset(c.c.secret.b, 5, sizeof(c.c.secret.b));
	kr_enrolmsg_credential_put(&w, &c);
	r = KR_RD(buf, kr_wr_len(&w));
	assert_int_equal(kr_enrolmsg_credential_parse(&r, &c2, NULL), 0);
	assert_memory_equal(&c2, &c, sizeof(c));
	cut(KR_PEER_TPM_CREDENTIAL, kr_wr_len(&w));

	w = KR_WR(buf, sizeof(buf));
	memset(&o, 0x66, sizeof(o));
	kr_enrolmsg_opened_put(&w, &o);
	assert_int_equal(kr_wr_len(&w), 48);
	r = KR_RD(buf, kr_wr_len(&w));
	assert_int_equal(kr_enrolmsg_opened_parse(&r, &o2, NULL), 0);
	assert_memory_equal(&o2, &o, sizeof(o));
	cut(KR_PEER_TPM_OPENED, kr_wr_len(&w));
}

/* Of each that is in it another digest, and of none the secret. */
static void what_is_shown_is_of_one_session(void **state)
{
	uint8_t in[4][32], first[32], other[32];

	(void)state;
	for (uint8_t i = 0; i < 4; i++)
		memset(in[i], 0x10 + i, 32);
	assert_int_equal(kr_enrolmsg_show(in[0], in[1], in[2], in[3], first,
					  NULL), 0);
	for (uint8_t i = 0; i < 4; i++) {
		in[i][31] ^= 1;
		assert_int_equal(kr_enrolmsg_show(in[0], in[1], in[2], in[3],
						  other, NULL), 0);
		assert_memory_not_equal(first, other, 32);
		in[i][31] ^= 1;
	}
	assert_int_equal(kr_enrolmsg_show(in[1], in[0], in[2], in[3], other,
					  NULL), 0);
	assert_memory_not_equal(first, other, 32);
}

static void quotes(void **state)
{
	struct kr_quoteask a = { .role = KR_TARGET, .bank = KR_BANK_SHA384,
				 .mask = 0xffffff }, a2;
	static uint8_t part[KR_QUOTEMSG_PART_MAX];
	struct kr_quotepart p = { .total = KR_SAID_BYTES_MAX, .bytes = part,
				  .n = sizeof(part) }, p2;
	struct kr_quotemore m = { .offset = 0x11223344 }, m2;
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_rd r;
	size_t n;

	(void)state;
	memset(a.question, 1, sizeof(a.question));
	memset(a.nonce, 2, sizeof(a.nonce));
	memset(a.policy, 3, sizeof(a.policy));
	memset(a.vm, 'v', sizeof(a.vm) - 1);
	kr_quotemsg_ask_put(&w, &a);
	n = kr_wr_len(&w);
	r = KR_RD(buf, n);
	assert_int_equal(kr_quotemsg_ask_parse(&r, &a2, NULL), 0);
	assert_memory_equal(&a2, &a, sizeof(a));
	cut(KR_PEER_QUOTE_ASK, n);
	buf[80] = KR_SIDE_N;
	assert_true(check(KR_PEER_QUOTE_ASK, n, NULL) < 0);
	buf[80] = KR_SOURCE;
	assert_int_equal(check(KR_PEER_QUOTE_ASK, n, NULL), 0);
	buf[82] = 0x04;		/* SHA-1 */
	assert_true(check(KR_PEER_QUOTE_ASK, n, NULL) < 0);
	buf[82] = 0x0c;
	buf[83] = 1;		/* the 25th PCR */
	assert_true(check(KR_PEER_QUOTE_ASK, n, NULL) < 0);
	memset(buf + 83, 0, 4);
	assert_true(check(KR_PEER_QUOTE_ASK, n, NULL) < 0);

	w = KR_WR(buf, sizeof(buf));
	memset(p.question, 4, sizeof(p.question));
	memset(part, 5, sizeof(part));
	p.offset = p.total - KR_QUOTEMSG_PART_MAX;
	kr_quotemsg_part_put(&w, &p);
	assert_false(w.bad);
	n = kr_wr_len(&w);
	r = KR_RD(buf, n);
	assert_int_equal(kr_quotemsg_part_parse(&r, &p2, NULL), 0);
	assert_memory_equal(p2.question, p.question, 16);
	assert_int_equal(p2.total, p.total);
	assert_int_equal(p2.offset, p.offset);
	assert_int_equal(p2.n, p.n);
	assert_memory_equal(p2.bytes, part, p.n);
	assert_int_equal(check(KR_PEER_QUOTE_PART, n - 1, NULL), 0);
	assert_true(check(KR_PEER_QUOTE_PART, n + 1, NULL) < 0);
	assert_true(check(KR_PEER_QUOTE_PART, 24, NULL) < 0);
	buf[23]++;		/* it ends behind all of it */
	assert_true(check(KR_PEER_QUOTE_PART, n, NULL) < 0);
	memset(buf + 20, 0xff, 4);
	assert_true(check(KR_PEER_QUOTE_PART, n, NULL) < 0);
	memset(buf + 20, 0, 4);
	assert_int_equal(check(KR_PEER_QUOTE_PART, n, NULL), 0);
	buf[19]++;		/* more than there may be */
	assert_true(check(KR_PEER_QUOTE_PART, n, NULL) < 0);

	w = KR_WR(buf, sizeof(buf));
	kr_quotemsg_more_put(&w, &m);
	n = kr_wr_len(&w);
	assert_int_equal(n, 20);
	r = KR_RD(buf, n);
	assert_int_equal(kr_quotemsg_more_parse(&r, &m2, NULL), 0);
	assert_memory_equal(&m2, &m, sizeof(m));
	cut(KR_PEER_QUOTE_MORE, n);
}

/* A text as long as its room, without its NUL, and with one in it. */
static void texts_are_bounded(void **state)
{
	static const struct { size_t n; char bad; bool ok; } rows[] = {
		{ 0, 0, true }, { KR_TEXT_BYTES_MAX - 1, 0, true },
		{ KR_TEXT_BYTES_MAX, 0, false }, { 65535, 0, false },
		{ 5, '\x01', false }, { 5, '\x1b', false }, { 5, '\n', true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kr_wr w = KR_WR(buf, sizeof(buf));
		size_t n = rows[i].n < 20000 ? rows[i].n : 20000;

		memset(buf, 0, 20);
		kr_wr_room(&w, 18);
		kr_wr_u16(&w, (uint16_t)rows[i].n);
		memset(buf + 20, 'x', n);
		if (rows[i].bad)
			buf[22] = (uint8_t)rows[i].bad;
		assert_int_equal(check(KR_PEER_FAIL, 20 + n, NULL) == 0,
				 rows[i].ok);
	}
	memset(buf, 0, 20);
	buf[19] = 3;
	memcpy(buf + 20, "a\0b", 3);
	assert_true(check(KR_PEER_FAIL, 23, NULL) < 0);
}

static void offer_and_check(void **state)
{
	KR_AUTO(kr_autofree) struct kr_offer *o = offer();
	KR_AUTO(kr_autofree) struct kr_offer *back = calloc(1, sizeof(*back));
	uint8_t again[KR_FRAME_BODY_BYTES_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_wr w2 = KR_WR(again, sizeof(again));
	struct kr_rd r;

	(void)state;
	assert_non_null(back);
	kr_offer_put(&w, o);
	assert_false(w.bad);
	r = KR_RD(buf, kr_wr_len(&w));
	assert_int_equal(kr_offer_parse(&r, back, NULL), 0);
	assert_int_equal(back->hyper_version, 0x070200);
	assert_memory_equal(back->disks, o->disks, sizeof(o->disks));
	assert_string_equal(back->def.disks[0].file, "images:web/1.raw");
	kr_offer_put(&w2, back);
	assert_int_equal(kr_wr_len(&w2), kr_wr_len(&w));
	assert_memory_equal(again, buf, kr_wr_len(&w));
	cut(KR_PEER_OFFER, kr_wr_len(&w));
	cut(KR_PEER_CHECK, kr_wr_len(&w));
}

/* As many channels as the hypervisor has, and never both. */
static void offered_channels(void **state)
{
	KR_AUTO(kr_autofree) struct kr_offer *o = offer();
	KR_AUTO(kr_autofree) struct kr_offer *back = calloc(1, sizeof(*back));

	(void)state;
	assert_non_null(back);
	for (unsigned int i = 0; i < 4; i++) {
		struct kr_wr w = KR_WR(buf, sizeof(buf));
		struct kr_rd r;

		o->multifd = i & 1;
		o->preempt = i & 2;
		kr_offer_put(&w, o);
		r = KR_RD(buf, kr_wr_len(&w));
		if (i == 3) {
			assert_true(kr_offer_parse(&r, back, NULL) < 0);
			break;
		}
		assert_int_equal(kr_offer_parse(&r, back, NULL), 0);
		assert_int_equal(back->multifd, o->multifd);
		assert_int_equal(back->preempt, o->preempt);
	}
}

static void checks(void **state)
{
	static struct kr_checks c = { .n = KR_CHECKS_MAX }, back;
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_rd r;

	(void)state;
	memset(c.question, 0x22, sizeof(c.question));
	for (unsigned int i = 0; i < c.n; i++) {
		c.c[i] = (struct kr_check){ .ok = i % 2, .kr = KR_E_NO_QEMU,
					    .name = "hypervisor" };
		memset(c.c[i].message, 'm', KR_TEXT_BYTES_MAX - 1);
	}
	kr_checks_put(&w, &c);
	assert_false(w.bad);
	r = KR_RD(buf, kr_wr_len(&w));
	assert_int_equal(kr_checks_parse(&r, &back, NULL), 0);
	assert_int_equal(back.n, KR_CHECKS_MAX);
	assert_memory_equal(back.question, c.question, sizeof(c.question));
	assert_memory_equal(back.c, c.c, sizeof(c.c));
	cut(KR_PEER_CHECKED, kr_wr_len(&w));

	buf[17] = KR_CHECKS_MAX + 1;	/* after the question */
	assert_true(check(KR_PEER_CHECKED, kr_wr_len(&w), NULL) < 0);
	memset(buf + 16, 0, 2);
	assert_int_equal(check(KR_PEER_CHECKED, 18, NULL), 0);
}

/* ---- types -------------------------------------------------------------- */

static void other_types_are_unexpected(void **state)
{
	(void)state;
	for (unsigned int t = 0; t < 65536; t++) {
		struct kr_err e = KR_ERR_NONE;

		if (t == KR_PEER_BYE ||
		    (t >= KR_PEER_OFFER && t <= KR_PEER_QUOTE_MORE))
			continue;	/* among them the agents' own */
		assert_true(kr_peermsg_check((uint16_t)t, buf, 0, &e) < 0);
		assert_int_equal(e.kr, KR_E_UNEXPECTED);
	}
}

/* Whatever the sender puts in, it fits a frame. */
static void the_longest_offer_fits_a_frame(void **state)
{
	(void)state;
	assert_true(KR_TERMS_BYTES_MAX + 2 + KR_SIG_BYTES_MAX + 4 +
		    16 * KR_VMDEF_DISKS_MAX + KR_VMDEF_WIRE_MAX <=
		    KR_FRAME_BODY_BYTES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello),
		cmocka_unit_test(step),
		cmocka_unit_test(step_of_no_kind),
		cmocka_unit_test(signature_too_long),
		cmocka_unit_test(fail_ask_and_bye),
		cmocka_unit_test(mend_and_mended),
		cmocka_unit_test(logs),
		cmocka_unit_test(tpm_keys),
		cmocka_unit_test(what_is_shown_is_of_one_session),
		cmocka_unit_test(quotes),
		cmocka_unit_test(texts_are_bounded),
		cmocka_unit_test(offer_and_check),
		cmocka_unit_test(offered_channels),
		cmocka_unit_test(checks),
		cmocka_unit_test(other_types_are_unexpected),
		cmocka_unit_test(the_longest_offer_fits_a_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
