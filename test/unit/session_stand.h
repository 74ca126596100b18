/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_stand.h - two hosts with real identities in one process and one
 * loop, connected by TCP, and a raw TLS peer to stand in for either.
 */
#ifndef KR_TEST_SESSION_STAND_H
#define KR_TEST_SESSION_STAND_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "evidence/identity.h"
#include "wire/peermsg.h"
#include "wire/session.h"

#define HANDSHAKE_MS	2000u
#define SILENT_MS	2000u
#define PATIENCE_MS	5000u	/* of a test that goes wrong */

/* ---- a host, and what it hears ------------------------------------------ */

struct host {
	char		    dir[64], name[16];
	struct kr_identity *id;
	struct kr_linkstart start;
	/* whom it knows */
	uint8_t		    known_keyid[32];
	char		    known_as[KR_LINK_NAME_MAX];
	enum kr_known	    verdict;
	uint8_t		    seen[16][32];
	unsigned int	    n_seen;
	bool		    always_seen;
	/* what happened */
	struct kr_session  *session;
	bool		    up, down;
	struct kr_linkup    info;
	struct kr_err	    err;
	unsigned int	    n_msgs;
	uint16_t	    type;
	size_t		    n_bytes;
};

static struct kr_loop *loop;
static struct host a, b;
static bool (*until)(void);

static void look(void)
{
	if (until && until())
		kr_loop_stop(loop, 0);
}

static int on_who(void *arg, const uint8_t keyid[32], const char *name,
		  struct kr_linkknown *ret, struct kr_err *e)
{
	struct host *h = arg;

	(void)e;
	(void)name;
	memset(ret, 0, sizeof(*ret));
	if (h->verdict == KR_KNOWN_PINNED &&
	    memcmp(keyid, h->known_keyid, 32))
		return 0;
	ret->verdict = (uint8_t)h->verdict;
	strcpy(ret->name, h->known_as);
	return 0;
}

static int on_seen(void *arg, const uint8_t random[32], struct kr_err *e)
{
	struct host *h = arg;

	(void)e;
	for (unsigned int i = 0; i < h->n_seen; i++)
		if (!memcmp(h->seen[i], random, 32))
			return 1;
	if (h->n_seen < 16)
		memcpy(h->seen[h->n_seen++], random, 32);
	return h->always_seen;
}

static void on_up(void *arg, const struct kr_linkup *u)
{
	struct host *h = arg;

	assert_false(h->up);
	h->up = true;
	h->info = *u;
	look();
}

static void on_msg(void *arg, uint16_t type, const uint8_t *body, size_t n)
{
	struct host *h = arg;

	(void)body;
	assert_true(h->up && !h->down);
	h->n_msgs++;
	h->type = type;
	h->n_bytes = n;
	look();
}

static void on_down(void *arg, const struct kr_err *e)
{
	struct host *h = arg;

	assert_false(h->down);
	h->down = true;
	if (e)
		h->err = *e;
	look();
}

static const struct kr_session_ops ops = {
	.who = on_who, .seen = on_seen, .up = on_up, .msg = on_msg,
	.down = on_down,
};

static void load_link(struct host *h)
{
	struct kr_identity_link l;

	assert_int_equal(kr_identity_issue_link(h->id, &l, NULL), 0);
	h->start.key.n_bytes = (uint16_t)l.key_bytes;
	memcpy(h->start.key.bytes, l.key, l.key_bytes);
	h->start.leaf.n_bytes = (uint16_t)l.cert_bytes;
	memcpy(h->start.leaf.bytes, l.cert, l.cert_bytes);
	h->start.identity.n_bytes = (uint16_t)l.issuer_bytes;
	memcpy(h->start.identity.bytes, l.issuer, l.issuer_bytes);
	kr_wipe(&l, sizeof(l));
}

static void host_make(struct host *h, const char *name)
{
	snprintf(h->name, sizeof(h->name), "%s", name);
	strcpy(h->dir, "/tmp/test_session.XXXXXX");
	assert_non_null(mkdtemp(h->dir));
	assert_int_equal(kr_identity_create(h->dir, name, NULL), 0);
	assert_int_equal(kr_identity_load(h->dir, &h->id, NULL), 0);
}

static void host_free(struct host *h)
{
	char path[128];

	kr_identity_free(h->id);
	snprintf(path, sizeof(path), "%s/" KR_IDENTITY_KEY_FILE, h->dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/" KR_IDENTITY_CERT_FILE, h->dir);
	unlink(path);
	rmdir(h->dir);
}

static void knows(struct host *h, const struct host *other)
{
	h->verdict = KR_KNOWN_PINNED;
	memcpy(h->known_keyid, kr_identity_keyid(other->id), 32);
	strcpy(h->known_as, other->name);
}

/* As if no test had been before: both know each other, a calls. */
static void host_reset(struct host *h, const struct host *other)
{
	struct host fresh = { .id = h->id };

	memcpy(fresh.dir, h->dir, sizeof(h->dir));
	memcpy(fresh.name, h->name, sizeof(h->name));
	*h = fresh;
	h->start.handshake_ms = HANDSHAKE_MS;
	h->start.silent_ms = SILENT_MS;
	strcpy(h->start.self, h->name);
	strcpy(h->start.suites, "TLS_AES_256_GCM_SHA384:"
				"TLS_CHACHA20_POLY1305_SHA256");
	load_link(h);
	knows(h, other);
}

static int group_set_up(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	host_make(&a, "alpha");
	host_make(&b, "beta");
	return 0;
}

static int group_tear_down(void **state)
{
	(void)state;
	host_free(&a);
	host_free(&b);
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	host_reset(&a, &b);
	host_reset(&b, &a);
	a.start.outgoing = 1;
	strcpy(a.start.peer, b.name);
	until = NULL;
	return kr_loop_new(&loop, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	kr_session_free(a.session);
	kr_session_free(b.session);
	kr_loop_free(loop);
	return 0;
}

/* ---- running ------------------------------------------------------------ */

static void too_long(void *arg)
{
	(void)arg;
	kr_loop_stop(loop, 1);
}

/* 0 once @cond holds, 1 if it does not within @ms. */
static int run(bool (*cond)(void), unsigned int ms)
{
	struct kr_timer t = { .fn = too_long };
	int r;

	if (cond && cond())
		return 0;
	until = cond;
	kr_timer_arm(loop, &t, ms);
	r = kr_loop_run(loop);
	kr_timer_off(&t);
	until = NULL;
	return r;
}

/* A pair of connected TCP sockets, as two hosts would have. */
static void tcp_pair(int fd[2])
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(l, (struct sockaddr *)&at, n), 0);
	assert_int_equal(listen(l, 1), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&at, &n), 0);
	fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd[0], (struct sockaddr *)&at, n), 0);
	fd[1] = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd[1] >= 0);
	close(l);
	for (int i = 0; i < 2; i++)
		assert_int_equal(fcntl(fd[i], F_SETFL, O_NONBLOCK), 0);
}

static void begin(struct host *h, int fd)
{
	struct kr_err e = KR_ERR_NONE;

	if (kr_session_new(loop, fd, &h->start, &ops, h, &h->session, &e))
		fail_msg("%s: %s", h->name, e.what);
}

static void begin_both(void)
{
	int fd[2];

	tcp_pair(fd);
	begin(&a, fd[0]);
	begin(&b, fd[1]);
}

static bool both_up(void) { return a.up && b.up; }
static bool both_down(void) { return a.down && b.down; }
static bool b_up(void) { return b.up; }
static bool b_down(void) { return b.down; }
static bool a_down(void) { return a.down; }
static bool b_has_msg(void) { return b.n_msgs || b.down; }

static void connect_both(void)
{
	begin_both();
	assert_int_equal(run(both_up, PATIENCE_MS), 0);
}

static void expect(const struct host *h, enum kr_code kr)
{
	if (!h->down || h->err.kr != kr)
		print_message("%s: up %d, down %d, %u %s\n", h->name, h->up,
			      h->down, h->err.kr, h->err.what);
	assert_true(h->down);
	assert_int_equal(h->err.kr, kr);
}

/* ---- raw peers ---------------------------------------------------------- */

static struct raw {
	struct kr_io io;
	SSL_CTX	    *ctx;
	SSL	    *ssl;
	bool	     done, failed;
	void	   (*then)(void);	/* once, after the handshake */
} raw;

static void raw_io(void *arg, uint32_t events)
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

static int any_certificate(int ok, X509_STORE_CTX *c)
{
	(void)ok;
	(void)c;
	return 1;
}

/* As @h would come, with nothing sent yet; @h NULL: without certificate. */
static void raw_new(int fd, const struct host *h)
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

static void raw_go(bool client)
{
	if (client)
		SSL_set_connect_state(raw.ssl);
	else
		SSL_set_accept_state(raw.ssl);
	assert_int_equal(kr_io_add(loop, &raw.io, EPOLLIN | EPOLLOUT, NULL),
			 0);
}

static void raw_end(void)
{
	kr_io_del(&raw.io);
	SSL_free(raw.ssl);
	SSL_CTX_free(raw.ctx);
	kr_fd_close(&raw.io.fd);
	ERR_clear_error();
}

#endif
