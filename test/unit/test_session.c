/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_session.c - control sessions between two hosts; and with peers that
 * are none: raw TLS, old TLS, no certificate, expired, unknown, replayed,
 * silent, slow, out of sequence.
 */
#include "session_stand.h"

/* ---- two hosts ---------------------------------------------------------- */

static void both_come_up_and_agree(void **state)
{
	(void)state;
	connect_both();
	assert_string_equal(a.info.peer, "beta");
	assert_string_equal(b.info.peer, "alpha");
	assert_memory_equal(a.info.keyid, kr_identity_keyid(b.id), 32);
	assert_memory_equal(b.info.keyid, kr_identity_keyid(a.id), 32);
	assert_memory_equal(a.info.binding, b.info.binding, 32);
	assert_string_equal(a.info.tls, "TLSv1.3");
	assert_string_equal(a.info.suite, "TLS_AES_256_GCM_SHA384");
	assert_string_equal(a.info.suite, b.info.suite);
	assert_non_null(strstr(a.info.software, "korora "));
	assert_int_equal(a.info.identity.n_bytes, b.start.identity.n_bytes);
	assert_memory_equal(a.info.identity.bytes, b.start.identity.bytes,
			    a.info.identity.n_bytes);
}

static void each_session_has_its_own_binding(void **state)
{
	uint8_t first[32];

	(void)state;
	connect_both();
	memcpy(first, a.info.binding, 32);
	tear_down(NULL);
	set_up(NULL);
	connect_both();
	assert_memory_not_equal(first, a.info.binding, 32);
}

static void lane_keys_are_equal_and_apart(void **state)
{
	struct kr_lanekey ka = { .lane = 1 }, kb = { .lane = 1 };
	struct kr_lanekey other = { .lane = 2 };
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	begin_both();
	assert_true(kr_session_lane_key(a.session, &ka, &e) < 0);
	assert_int_equal(run(both_up, PATIENCE_MS), 0);
	assert_int_equal(kr_session_lane_key(a.session, &ka, NULL), 0);
	assert_int_equal(kr_session_lane_key(b.session, &kb, NULL), 0);
	assert_memory_equal(ka.key, kb.key, 32);
	assert_int_equal(kr_session_lane_key(b.session, &other, NULL), 0);
	assert_memory_not_equal(ka.key, other.key, 32);
	other = (struct kr_lanekey){ .lane = 1, .migration = { 1 } };
	assert_int_equal(kr_session_lane_key(b.session, &other, NULL), 0);
	assert_memory_not_equal(ka.key, other.key, 32);
	assert_memory_not_equal(ka.key, a.info.binding, 32);
}

static size_t ask_body(uint8_t *out, size_t size)
{
	struct kr_peerfail f = { .kr = 0, .what = "how?" };
	struct kr_wr w = KR_WR(out, size);

	kr_peerfail_put(&w, &f);
	return kr_wr_len(&w);
}

static void messages_arrive(void **state)
{
	uint8_t body[64];
	size_t n = ask_body(body, sizeof(body));

	(void)state;
	connect_both();
	assert_int_equal(kr_session_send(a.session, KR_PEER_ASK, body, n,
					 NULL), 0);
	assert_int_equal(run(b_has_msg, PATIENCE_MS), 0);
	assert_int_equal(b.type, KR_PEER_ASK);
	assert_int_equal(b.n_bytes, n);
	assert_false(b.down);
}

static void heartbeats_keep_it_up(void **state)
{
	(void)state;
	a.start.silent_ms = b.start.silent_ms = 200;
	connect_both();
	assert_int_equal(run(a_down, 700), 1);
	assert_false(a.down || b.down);
	assert_int_equal(a.n_msgs + b.n_msgs, 0);
}

/* The first heartbeat may come long after the handshake's deadline. */
static void late_heartbeats(void **state)
{
	(void)state;
	a.start.handshake_ms = b.start.handshake_ms = 300;
	a.start.silent_ms = b.start.silent_ms = 3000;
	connect_both();
	run(a_down, 600);
	if (a.down)
		print_message("%s\n", a.err.what);
	assert_false(a.down || b.down);
}

static void goodbye(void **state)
{
	struct kr_err why = KR_ERR_NONE;

	(void)state;
	connect_both();
	kr_session_bye(a.session, NULL);
	assert_int_equal(run(both_down, PATIENCE_MS), 0);
	expect(&b, KR_E_PEER_CLOSED);
	tear_down(NULL);
	set_up(NULL);
	connect_both();
	kr_fail(&why, KR_E_LIMIT, "enough");
	kr_session_bye(a.session, &why);
	assert_int_equal(run(both_down, PATIENCE_MS), 0);
	expect(&b, KR_E_PEER_REFUSED);
	assert_string_equal(b.err.what, "KR-1011 enough");
	assert_true(kr_session_send(a.session, KR_PEER_ASK, NULL, 0, NULL) <
		    0);
}

static void a_peer_that_does_not_read(void **state)
{
	static uint8_t body[KR_FRAME_BODY_BYTES_MAX];
	struct kr_err e = KR_ERR_NONE;
	unsigned int n = 0;

	(void)state;
	connect_both();
	while (!kr_session_send(a.session, KR_PEER_ASK, body, sizeof(body),
				&e))
		assert_true(++n < 2000);
	assert_int_equal(e.kr, KR_E_LIMIT);
}

/* ---- who they are ------------------------------------------------------- */

static void refused(enum kr_code at_a, enum kr_code at_b)
{
	begin_both();
	assert_int_equal(run(both_down, PATIENCE_MS), 0);
	expect(&a, at_a);
	expect(&b, at_b);
	assert_false(b.up);
}

static void an_unknown_caller(void **state)
{
	(void)state;
	b.verdict = KR_KNOWN_NOT;
	refused(KR_E_REFUSED_US, KR_E_PEER_UNKNOWN);
}

static void an_unknown_host_called(void **state)
{
	(void)state;
	a.verdict = KR_KNOWN_NOT;
	refused(KR_E_PEER_UNKNOWN, KR_E_REFUSED_US);
}

/* The right name does not help: the key is what is pinned. */
static void an_impostor_of_the_same_name(void **state)
{
	(void)state;
	b.known_keyid[0] ^= 1;
	refused(KR_E_REFUSED_US, KR_E_PEER_UNKNOWN);
}

static void another_host_than_called(void **state)
{
	(void)state;
	strcpy(a.start.peer, "gamma");
	begin_both();
	assert_int_equal(run(both_down, PATIENCE_MS), 0);
	expect(&a, KR_E_PEER_NAME);
	assert_false(a.up);
}

static void enrolled_under_another_name(void **state)
{
	(void)state;
	strcpy(b.known_as, "alfa");
	refused(KR_E_REFUSED_US, KR_E_PEER_NAME);
}

static EVP_PKEY *identity_key(const struct host *h)
{
	char path[128];
	EVP_PKEY *k;
	FILE *f;

	snprintf(path, sizeof(path), "%s/" KR_IDENTITY_KEY_FILE, h->dir);
	f = fopen(path, "r");
	assert_non_null(f);
	k = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	fclose(f);
	assert_non_null(k);
	return k;
}

/* The same certificate, valid from..to now + these seconds. */
static void forge_times(const struct host *h, struct kr_der *d, long from,
			long to)
{
	const uint8_t *in = d->bytes;
	uint8_t *out = d->bytes;
	EVP_PKEY *k = identity_key(h);
	X509 *c = d2i_X509(NULL, &in, d->n_bytes);

	assert_non_null(c);
	X509_gmtime_adj(X509_getm_notBefore(c), from);
	X509_gmtime_adj(X509_getm_notAfter(c), to);
	assert_true(X509_sign(c, k, EVP_sha256()) > 0);
	assert_true(i2d_X509(c, NULL) <= (int)sizeof(d->bytes));
	d->n_bytes = (uint16_t)i2d_X509(c, &out);
	X509_free(c);
	EVP_PKEY_free(k);
}

static void an_expired_link_certificate(void **state)
{
	(void)state;
	forge_times(&a, &a.start.leaf, -7200, -3600);
	refused(KR_E_REFUSED_US, KR_E_PEER_EXPIRED);
}

static void a_certificate_from_tomorrow(void **state)
{
	(void)state;
	forge_times(&b, &b.start.leaf, 3600, 7200);
	refused(KR_E_PEER_EXPIRED, KR_E_REFUSED_US);
}

static void an_expired_identity(void **state)
{
	(void)state;
	forge_times(&a, &a.start.identity, -7200, -3600);
	refused(KR_E_REFUSED_US, KR_E_PEER_EXPIRED);
}

/* A link certificate that the presented identity never signed. */
static void a_borrowed_identity(void **state)
{
	struct kr_der own = a.start.identity;

	(void)state;
	a.start.identity = b.start.identity;
	memcpy(b.known_keyid, kr_identity_keyid(b.id), 32);
	strcpy(b.known_as, "beta");
	refused(KR_E_REFUSED_US, KR_E_PEER_UNKNOWN);
	a.start.identity = own;
}

static void known_by_a_fleet_authority_that_never_signed(void **state)
{
	(void)state;
	b.verdict = KR_KNOWN_BY_CA;
	strcpy(b.known_as, "alpha");
	begin_both();
	assert_int_equal(run(both_down, PATIENCE_MS), 0);
	expect(&b, KR_E_PEER_CERT);
	assert_false(b.up);
}

static void known_by_a_fleet_authority(void **state)
{
	struct kr_wr w = KR_WR(b.start.cas, sizeof(b.start.cas));

	(void)state;
	/* alpha's self-signed identity is its own authority */
	b.verdict = KR_KNOWN_BY_CA;
	strcpy(b.known_as, "alpha");
	kr_wr_u16(&w, a.start.identity.n_bytes);
	kr_wr_bytes(&w, a.start.identity.bytes, a.start.identity.n_bytes);
	b.start.n_cas_bytes = (uint32_t)kr_wr_len(&w);
	connect_both();
}

static void no_suite_in_common(void **state)
{
	(void)state;
	strcpy(a.start.suites, "TLS_AES_128_GCM_SHA256");
	begin_both();
	assert_int_equal(run(both_down, PATIENCE_MS), 0);
	expect(&b, KR_E_TLS_HANDSHAKE);
	assert_false(a.up || b.up);
}

/* ---- raw peers ---------------------------------------------------------- */

/* b is called by a raw client; what becomes of b? */
static void called_raw(const struct host *h, void (*tune)(SSL *),
		       enum kr_code want)
{
	int fd[2];

	tcp_pair(fd);
	begin(&b, fd[1]);
	raw_new(fd[0], h);
	if (tune)
		tune(raw.ssl);
	raw_go(true);
	assert_int_equal(run(b_down, PATIENCE_MS), 0);
	expect(&b, want);
	assert_false(b.up);
	raw_end();
}

static void only_tls_1_2(SSL *s)
{
	SSL_set_max_proto_version(s, TLS1_2_VERSION);
}

static void another_protocol(SSL *s)
{
	SSL_set_alpn_protos(s, (const unsigned char *)"\x08http/1.1", 9);
}

static void no_protocol(SSL *s)
{
	SSL_set_alpn_protos(s, NULL, 0);
}

static void a_caller_without_certificate(void **state)
{
	(void)state;
	called_raw(NULL, NULL, KR_E_PEER_ANON);
}

static void a_caller_with_old_tls(void **state)
{
	(void)state;
	called_raw(&a, only_tls_1_2, KR_E_TLS_VERSION);
}

static void a_caller_with_another_protocol(void **state)
{
	(void)state;
	called_raw(&a, another_protocol, KR_E_TLS_ALPN);
}

static void a_caller_with_no_protocol(void **state)
{
	(void)state;
	called_raw(&a, no_protocol, KR_E_TLS_ALPN);
}

static void a_callee_with_old_tls(void **state)
{
	int fd[2];

	(void)state;
	tcp_pair(fd);
	begin(&a, fd[0]);
	raw_new(fd[1], &b);
	only_tls_1_2(raw.ssl);
	raw_go(false);
	assert_int_equal(run(a_down, PATIENCE_MS), 0);
	expect(&a, KR_E_TLS_VERSION);
	raw_end();
}

/* A server that ignores ALPN, as most do that do not know the protocol. */
static void a_callee_that_picks_no_protocol(void **state)
{
	int fd[2];

	(void)state;
	tcp_pair(fd);
	begin(&a, fd[0]);
	raw_new(fd[1], &b);
	raw_go(false);
	assert_int_equal(run(a_down, PATIENCE_MS), 0);
	expect(&a, KR_E_TLS_ALPN);
	assert_false(a.up);
	raw_end();
}

static void bytes_that_are_no_tls(void **state)
{
	int fd[2];

	(void)state;
	tcp_pair(fd);
	begin(&b, fd[1]);
	assert_true(write(fd[0], "GET / HTTP/1.0\r\n\r\n", 18) == 18);
	assert_int_equal(run(b_down, PATIENCE_MS), 0);
	assert_true(b.err.kr == KR_E_TLS_HANDSHAKE ||
		    b.err.kr == KR_E_TLS_VERSION);
	close(fd[0]);
}

/* ---- replay ------------------------------------------------------------- */

static void a_replayed_client_hello(void **state)
{
	uint8_t hello[2048];
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	SSL *s = SSL_new(ctx);
	int fd[2], n;

	(void)state;
	SSL_set_bio(s, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_alpn_protos(s, (const unsigned char *)KR_WIRE_ALPN,
			    sizeof(KR_WIRE_ALPN) - 1);
	SSL_set_connect_state(s);
	SSL_do_handshake(s);
	n = BIO_read(SSL_get_wbio(s), hello, sizeof(hello));
	assert_true(n > 100 && n < (int)sizeof(hello));
	SSL_free(s);
	SSL_CTX_free(ctx);

	for (int i = 0; i < 2; i++) {
		tcp_pair(fd);
		begin(&b, fd[1]);
		assert_int_equal(write(fd[0], hello, (size_t)n), n);
		if (!i) {	/* the first is answered, and waits */
			assert_int_equal(run(b_down, 100), 1);
			assert_int_equal(b.n_seen, 1);
			kr_session_free(b.session);
			b.session = NULL;
		} else {
			assert_int_equal(run(b_down, PATIENCE_MS), 0);
			expect(&b, KR_E_REPLAYED);
		}
		close(fd[0]);
	}
}

static void an_own_hello_that_was_seen(void **state)
{
	(void)state;
	b.always_seen = true;
	refused(KR_E_REFUSED_US, KR_E_REPLAYED);
}

/* ---- frames out of order, and worse ------------------------------------- */

static uint64_t next_seq;

static void raw_frame_seq(uint16_t type, uint64_t seq, const void *body,
			  size_t n)
{
	static uint8_t out[KR_FRAME_BYTES_MAX];
	struct kr_frame f = { .type = type, .seq = seq, .body = body,
			      .n_bytes = n };
	struct kr_wr w = KR_WR(out, sizeof(out));

	kr_frame_put(&w, &f);
	assert_false(w.bad);
	assert_int_equal(SSL_write(raw.ssl, out, (int)kr_wr_len(&w)),
			 kr_wr_len(&w));
}

static void raw_frame(uint16_t type, const void *body, size_t n)
{
	raw_frame_seq(type, next_seq++, body, n);
}

static void raw_hello_of(uint16_t min, uint16_t max)
{
	struct kr_hello h = { min, max, "raw" };
	uint8_t body[64];
	struct kr_wr w = KR_WR(body, sizeof(body));

	kr_hello_put(&w, &h);
	raw_frame(KR_PEER_HELLO, body, kr_wr_len(&w));
}

static void raw_hello(void)
{
	raw_hello_of(1, 1);
}

/* A raw peer that is alpha in all but manners. */
static void raw_as_a(void (*then)(void))
{
	int fd[2];

	next_seq = 0;
	tcp_pair(fd);
	begin(&b, fd[1]);
	raw_new(fd[0], &a);
	raw.then = then;
	raw_go(true);
}

static void rude(void (*then)(void), bool up, enum kr_code want)
{
	raw_as_a(then);
	assert_int_equal(run(b_down, PATIENCE_MS), 0);
	expect(&b, want);
	assert_int_equal(b.up, up);
	raw_end();
}

static void speak_first(void)
{
	raw_frame(KR_PEER_ALIVE, NULL, 0);
}

static void hello_twice(void)
{
	raw_hello();
	raw_hello();
}

static void hello_malformed(void)
{
	raw_frame(KR_PEER_HELLO, "\0\1\0\1\0\5abc", 9);
}

static void hello_too_new(void)
{
	raw_hello_of(2, 9);
}

static void start_at_one(void)
{
	next_seq = 1;
	raw_hello();
}

static void skip_one(void)
{
	raw_hello();
	raw_frame_seq(KR_PEER_ALIVE, 2, NULL, 0);
}

static void repeat(void)
{
	raw_hello();
	raw_frame_seq(KR_PEER_ALIVE, 1, NULL, 0);
	raw_frame_seq(KR_PEER_ALIVE, 1, NULL, 0);
}

static void unknown_type(void)
{
	raw_hello();
	raw_frame(999, NULL, 0);
}

static void alive_with_body(void)
{
	raw_hello();
	raw_frame(KR_PEER_ALIVE, "x", 1);
}

static void malformed_step(void)
{
	raw_hello();
	raw_frame(KR_PEER_STEP, "not a step", 10);
}

static void oversized(void)
{
	raw_hello();
	SSL_write(raw.ssl, "\x00\x00\x80\x0b", 4);
}

static void undersized(void)
{
	raw_hello();
	SSL_write(raw.ssl, "\x00\x00\x00\x09", 4);
}

static void frames_are_checked(void **state)
{
	static const struct {
		void (*then)(void);
		bool up;
		enum kr_code want;
	} rows[] = {
		{ speak_first, false, KR_E_UNEXPECTED },
		{ hello_twice, true, KR_E_UNEXPECTED },
		{ hello_malformed, false, KR_E_MALFORMED },
		{ hello_too_new, false, KR_E_VERSION },
		{ start_at_one, false, KR_E_REPLAYED },
		{ skip_one, true, KR_E_REPLAYED },
		{ repeat, true, KR_E_REPLAYED },
		{ unknown_type, true, KR_E_UNEXPECTED },
		{ alive_with_body, true, KR_E_UNEXPECTED },
		{ malformed_step, true, KR_E_MALFORMED },
		{ oversized, true, KR_E_FRAME_SIZE },
		{ undersized, true, KR_E_MALFORMED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		tear_down(NULL);
		set_up(NULL);
		rude(rows[i].then, rows[i].up, rows[i].want);
		assert_int_equal(b.n_msgs, 0);
	}
}

static void garbage_after_the_handshake(void **state)
{
	static const uint8_t record[] = { 23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6,
					  7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
					  17, 18, 19, 20 };

	(void)state;
	raw_as_a(raw_hello);
	assert_int_equal(run(b_up, PATIENCE_MS), 0);
	assert_int_equal(write(raw.io.fd, record, sizeof(record)),
			 sizeof(record));
	assert_int_equal(run(b_down, PATIENCE_MS), 0);
	expect(&b, KR_E_TLS_FORGED);
	raw_end();
}

static void cut_without_an_end(void **state)
{
	(void)state;
	raw_as_a(raw_hello);
	assert_int_equal(run(b_up, PATIENCE_MS), 0);
	kr_io_del(&raw.io);
	shutdown(raw.io.fd, SHUT_WR);
	assert_int_equal(run(b_down, PATIENCE_MS), 0);
	expect(&b, KR_E_PEER_TRUNCATED);
	raw_end();
}

/* ---- silence ------------------------------------------------------------ */

static uint64_t ms_since(uint64_t began)
{
	return (kr_now_ns() - began) / 1000000;
}

static void a_caller_that_says_nothing(void **state)
{
	uint64_t began = kr_now_ns();
	int fd[2];

	(void)state;
	b.start.handshake_ms = 150;
	tcp_pair(fd);
	begin(&b, fd[1]);
	assert_int_equal(run(b_down, PATIENCE_MS), 0);
	expect(&b, KR_E_PEER_SILENT);
	assert_in_range(ms_since(began), 145, 2000);
	close(fd[0]);
}

static void a_caller_that_shakes_hands_and_says_no_more(void **state)
{
	(void)state;
	b.start.handshake_ms = 300;
	raw_as_a(NULL);
	assert_int_equal(run(b_down, PATIENCE_MS), 0);
	expect(&b, KR_E_PEER_SILENT);
	assert_true(raw.done && !b.up);
	raw_end();
}

static void a_peer_that_falls_silent(void **state)
{
	uint64_t began;

	(void)state;
	b.start.handshake_ms = 1000;
	b.start.silent_ms = 200;
	raw_as_a(raw_hello);
	assert_int_equal(run(b_up, PATIENCE_MS), 0);
	raw_frame(KR_PEER_ALIVE, NULL, 0);
	began = kr_now_ns();
	assert_int_equal(run(b_down, PATIENCE_MS), 0);
	expect(&b, KR_E_PEER_SILENT);
	assert_in_range(ms_since(began), 150, 900);
	raw_end();
}

/* One byte of a frame now and then is no sign of life. */
static struct kr_timer drip;
static const uint8_t slow_frame[KR_FRAME_BODY_BYTES_MAX] = { 0, 0, 0x7f };
static unsigned int n_drips;

static void on_drip(void *arg)
{
	(void)arg;
	kr_timer_arm(loop, &drip, 20);
	if (SSL_write(raw.ssl, slow_frame + n_drips, 1) == 1)
		n_drips++;
}

static void a_peer_of_one_byte_at_a_time(void **state)
{
	uint64_t began;

	(void)state;
	b.start.handshake_ms = 1000;
	b.start.silent_ms = 300;
	raw_as_a(raw_hello);
	assert_int_equal(run(b_up, PATIENCE_MS), 0);
	raw_frame(KR_PEER_ALIVE, NULL, 0);
	n_drips = 0;
	drip = (struct kr_timer){ .fn = on_drip };
	kr_timer_arm(loop, &drip, 20);
	began = kr_now_ns();
	assert_int_equal(run(b_down, PATIENCE_MS), 0);
	kr_timer_off(&drip);
	expect(&b, KR_E_PEER_SILENT);
	assert_in_range(ms_since(began), 250, 1500);
	assert_true(n_drips > 3);
	raw_end();
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(both_come_up_and_agree), T(each_session_has_its_own_binding),
		T(lane_keys_are_equal_and_apart), T(messages_arrive),
		T(heartbeats_keep_it_up), T(late_heartbeats), T(goodbye),
		T(a_peer_that_does_not_read),
		T(an_unknown_caller), T(an_unknown_host_called),
		T(an_impostor_of_the_same_name), T(another_host_than_called),
		T(enrolled_under_another_name), T(an_expired_link_certificate),
		T(a_certificate_from_tomorrow), T(an_expired_identity),
		T(a_borrowed_identity),
		T(known_by_a_fleet_authority_that_never_signed),
		T(known_by_a_fleet_authority), T(no_suite_in_common),
		T(a_caller_without_certificate), T(a_caller_with_old_tls),
		T(a_caller_with_another_protocol),
		T(a_caller_with_no_protocol), T(a_callee_with_old_tls),
		T(a_callee_that_picks_no_protocol), T(bytes_that_are_no_tls),
		T(a_replayed_client_hello), T(an_own_hello_that_was_seen),
		T(frames_are_checked), T(garbage_after_the_handshake),
		T(cut_without_an_end), T(a_caller_that_says_nothing),
		T(a_caller_that_shakes_hands_and_says_no_more),
		T(a_peer_that_falls_silent), T(a_peer_of_one_byte_at_a_time),
	};

	return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
