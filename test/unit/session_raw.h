/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_raw.h - a raw TLS peer that stands in for either host of the stand,
 * and says what it likes.
 */
#ifndef KR_TEST_SESSION_RAW_H
#define KR_TEST_SESSION_RAW_H

#include "session_stand.h"

static struct raw {
	struct kr_io io;
	SSL_CTX	    *ctx;
	SSL	    *ssl;
	bool	     done, failed;
	void	   (*then)(void);	/* once, after the handshake */
} raw;

static inline void raw_io(void *arg, uint32_t events)
{
	char waste[4096];

	(void)arg;
	(void)events;
	if (!raw.done && SSL_do_handshake(raw.ssl) == 1) {
		raw.done = true;
		kr_io_want(&raw.io, EPOLLIN);
		if (raw.then)
			raw.then();
	}
	if (raw.done)
		while (SSL_read(raw.ssl, waste, sizeof(waste)) > 0)
			;
	if (SSL_get_shutdown(raw.ssl) || recv(raw.io.fd, waste, 1, MSG_PEEK |
					      MSG_DONTWAIT) == 0) {
		raw.failed = true;
		kr_io_del(&raw.io);
	}
	ERR_clear_error();
}

static inline int any_certificate(int ok, X509_STORE_CTX *c)
{
	(void)ok;
	(void)c;
	return 1;
}

/* As @h would come, with nothing sent yet; @h NULL: without certificate. */
static inline void raw_new(int fd, const struct host *h)
{
	memset(&raw, 0, sizeof(raw));
	raw.ctx = SSL_CTX_new(TLS_method());
	SSL_CTX_set_verify(raw.ctx, SSL_VERIFY_PEER, any_certificate);
	if (h) {
		const uint8_t *k = h->start.key.bytes;
		const uint8_t *i = h->start.identity.bytes;
		EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &k,
						   h->start.key.n_bytes);
		X509 *id = d2i_X509(NULL, &i, h->start.identity.n_bytes);

		SSL_CTX_use_certificate_ASN1(raw.ctx, h->start.leaf.n_bytes,
					     h->start.leaf.bytes);
		SSL_CTX_use_PrivateKey(raw.ctx, key);
		SSL_CTX_add1_chain_cert(raw.ctx, id);
		EVP_PKEY_free(key);
		X509_free(id);
	}
	raw.ssl = SSL_new(raw.ctx);
	SSL_set_fd(raw.ssl, fd);
	SSL_set_alpn_protos(raw.ssl, (const unsigned char *)KR_WIRE_ALPN,
			    sizeof(KR_WIRE_ALPN) - 1);
	raw.io = (struct kr_io){ .fd = fd, .fn = raw_io };
}

static inline void raw_go(bool client)
{
	if (client)
		SSL_set_connect_state(raw.ssl);
	else
		SSL_set_accept_state(raw.ssl);
	assert_int_equal(kr_io_add(loop, &raw.io, EPOLLIN | EPOLLOUT, NULL),
			 0);
}

static inline void raw_end(void)
{
	kr_io_del(&raw.io);
	SSL_free(raw.ssl);
	SSL_CTX_free(raw.ctx);
	kr_fd_close(&raw.io.fd);
	ERR_clear_error();
}

/* ---- frames, good or bad ------------------------------------------------ */

static uint64_t next_seq;

static inline void raw_frame_seq(uint16_t type, uint64_t seq, const void *body,
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

static inline void raw_frame(uint16_t type, const void *body, size_t n)
{
	raw_frame_seq(type, next_seq++, body, n);
}

static inline void raw_hello_of(uint16_t min, uint16_t max)
{
	struct kr_hello h = { min, max, "raw" };
	uint8_t body[64];
	struct kr_wr w = KR_WR(body, sizeof(body));

	kr_hello_put(&w, &h);
	raw_frame(KR_PEER_HELLO, body, kr_wr_len(&w));
}

static inline void raw_hello(void)
{
	raw_hello_of(KR_WIRE_VERSION_MIN, KR_WIRE_VERSION_MAX);
}

/* A raw peer that is alpha in all but manners. */
static inline void raw_as_a(void (*then)(void))
{
	int fd[2];

	next_seq = 0;
	tcp_pair(fd);
	begin(&b, fd[1]);
	raw_new(fd[0], &a);
	raw.then = then;
	raw_go(true);
}

#endif
