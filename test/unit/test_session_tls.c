/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_session_tls.c - peers that are none, before a session is up: old TLS,
 * no certificate, no TLS at all, a handshake that was recorded.
 */
#include "session_raw.h"

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

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_caller_without_certificate),
		T(a_caller_with_old_tls),
		T(a_caller_with_another_protocol),
		T(a_caller_with_no_protocol),
		T(a_callee_with_old_tls),
		T(a_callee_that_picks_no_protocol),
		T(bytes_that_are_no_tls),
		T(a_replayed_client_hello),
		T(an_own_hello_that_was_seen),
	};

	return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
