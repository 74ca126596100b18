/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.c - the control session's life: handshake, hello, messages, end.
 * Runs in the link agent, jailed, on hostile bytes.
 *
 * Deadlines: the handshake and the hello together have handshake_ms; after
 * that a complete frame must come every silent_ms (the peer's heartbeat sees
 * to it), so neither a frozen peer nor one byte a second holds us for long.
 */
#include "wire/session.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "wire/peercert.h"
#include "wire/peermsg.h"
#include "wire/tlserr.h"

enum st { HANDSHAKE, HELLO, UP, DEAD };

struct kr_session {
	struct kr_loop		    *loop;
	const struct kr_session_ops *ops;
	const struct kr_linkstart   *start;
	void			    *arg;
	struct kr_io		     io;
	struct kr_timer		     beat, deadline;
	SSL_CTX			    *ctx;
	SSL			    *ssl;
	struct kr_peercert	     cert;
	struct kr_linkup	     up;
	enum st			     st;
	bool			     hello_seen, replayed;
	uint64_t		     seq_in, seq_out;
	size_t			     n_in, n_out;
	uint8_t			     in[KR_FRAME_BYTES_MAX];
	uint8_t			     out[KR_SESSION_OUT_MAX];
};

static void die(struct kr_session *s, const struct kr_err *e)
{
	if (s->st == DEAD)
		return;
	s->st = DEAD;
	kr_io_del(&s->io);
	kr_timer_off(&s->beat);
	kr_timer_off(&s->deadline);
	s->ops->down(s->arg, e);
}

/* ---- set-up ------------------------------------------------------------ */

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *n_out,
		   const unsigned char *in, unsigned int n_in, void *arg)
{
	unsigned char *sel;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&sel, n_out,
				  (const unsigned char *)KR_WIRE_ALPN,
				  sizeof(KR_WIRE_ALPN) - 1, in, n_in) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = sel;
	return SSL_TLSEXT_ERR_OK;
}

static int on_client_hello(SSL *ssl, int *alert, void *arg)
{
	struct kr_session *s = arg;
	const unsigned char *random;
	size_t n = SSL_client_hello_get0_random(ssl, &random);

	if (s->hello_seen)	/* a second one after HelloRetryRequest */
		return SSL_CLIENT_HELLO_SUCCESS;
	s->hello_seen = true;
	if (n != 32 || s->ops->seen(s->arg, random, NULL)) {
		s->replayed = true;
		*alert = SSL_AD_ACCESS_DENIED;
		return SSL_CLIENT_HELLO_ERROR;
	}
	return SSL_CLIENT_HELLO_SUCCESS;
}

static int load_identity(SSL_CTX *c, const struct kr_linkstart *st)
{
	const uint8_t *k = st->key.bytes, *i = st->identity.bytes;
	EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &k, st->key.n_bytes);
	X509 *identity = d2i_X509(NULL, &i, st->identity.n_bytes);
	int ok = key && identity &&
		 SSL_CTX_use_certificate_ASN1(c, st->leaf.n_bytes,
					      st->leaf.bytes) == 1 &&
		 SSL_CTX_use_PrivateKey(c, key) == 1 &&
		 SSL_CTX_add1_chain_cert(c, identity) == 1;

	EVP_PKEY_free(key);
	X509_free(identity);
	return ok ? 0 : -1;
}

static int set_up_tls(struct kr_session *s, int fd, struct kr_err *e)
{
	const struct kr_linkstart *st = s->start;
	SSL_CTX *c = SSL_CTX_new(TLS_method());

	s->ctx = c;
	if (!c || !SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) ||
	    !SSL_CTX_set_max_proto_version(c, TLS1_3_VERSION) ||
	    !SSL_CTX_set_ciphersuites(c, st->suites) || load_identity(c, st) ||
	    !SSL_CTX_set_num_tickets(c, 0))
		return kr_tlserr_take(false, e);
	SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE |
			 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	kr_peercert_install(c, &s->cert);
	SSL_CTX_set_alpn_select_cb(c, on_alpn, NULL);
	SSL_CTX_set_client_hello_cb(c, on_client_hello, s);
	s->ssl = SSL_new(c);
	if (!s->ssl || !SSL_set_fd(s->ssl, fd) ||
	    SSL_set_alpn_protos(s->ssl, (const unsigned char *)KR_WIRE_ALPN,
				sizeof(KR_WIRE_ALPN) - 1))
		return kr_tlserr_take(false, e);
	if (st->outgoing)
		SSL_set_connect_state(s->ssl);
	else
		SSL_set_accept_state(s->ssl);
	return 0;
}

/* ---- sending ----------------------------------------------------------- */

static void want(struct kr_session *s, bool out)
{
	kr_io_want(&s->io, EPOLLIN | (out ? EPOLLOUT : 0));
}

/* Cause of a failed TLS call; 0 if it only has to wait. */
static int tls_failed(struct kr_session *s, int rc, struct kr_err *e)
{
	bool proved = s->st != HANDSHAKE;

	switch (SSL_get_error(s->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		return 0;
	case SSL_ERROR_WANT_WRITE:
		want(s, true);
		return 0;
	case SSL_ERROR_ZERO_RETURN:
		return kr_fail(e, KR_E_PEER_CLOSED,
			       "the peer ended the session");
	case SSL_ERROR_SYSCALL:
		ERR_clear_error();
		return kr_fail(e, KR_E_PEER_TRUNCATED, "%s",
			       proved ? "the connection was cut" :
			       "the connection was cut in the handshake");
	default:
		break;
	}
	if (s->cert.err.code) {
		ERR_clear_error();
		if (e)
			*e = s->cert.err;
		return s->cert.err.code;
	}
	if (s->replayed) {
		ERR_clear_error();
		return kr_fail(e, KR_E_REPLAYED,
			       "this ClientHello was seen before");
	}
	return kr_tlserr_take(proved, e);
}

static int flush(struct kr_session *s, struct kr_err *e)
{
	while (s->n_out) {
		int rc = SSL_write(s->ssl, s->out, (int)s->n_out);

		if (rc <= 0)
			return tls_failed(s, rc, e);
		s->n_out -= (size_t)rc;
		memmove(s->out, s->out + rc, s->n_out);
	}
	want(s, false);
	return 0;
}

int kr_session_send(struct kr_session *s, uint16_t type, const uint8_t *body,
		    size_t n_bytes, struct kr_err *e)
{
	struct kr_wr w = KR_WR(s->out + s->n_out,
			       sizeof(s->out) - s->n_out);
	struct kr_frame f = { .type = type, .seq = s->seq_out, .body = body,
			      .n_bytes = n_bytes };

	if (s->st != UP && s->st != HELLO)
		return kr_fail(e, KR_E_PEER_CLOSED, "no session");
	kr_frame_put(&w, &f);
	if (w.bad)
		return kr_fail(e, KR_E_LIMIT, "the peer does not read");
	s->seq_out++;
	s->n_out += kr_wr_len(&w);
	return flush(s, e);
}

/* ---- receiving --------------------------------------------------------- */

static int hello_send(struct kr_session *s, struct kr_err *e)
{
	struct kr_hello h = { KR_WIRE_VERSION_MIN, KR_WIRE_VERSION_MAX,
			      "korora " KR_VERSION };
	uint8_t buf[128];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	kr_hello_put(&w, &h);
	return kr_session_send(s, KR_PEER_HELLO, buf, kr_wr_len(&w), e);
}

static int hello_take(struct kr_session *s, const struct kr_frame *f,
		      struct kr_err *e)
{
	struct kr_rd r = KR_RD(f->body, f->n_bytes);
	struct kr_hello h;
	int rc;

	if (f->type != KR_PEER_HELLO)
		return kr_fail(e, KR_E_UNEXPECTED, "type %u before hello",
			       f->type);
	rc = kr_hello_parse(&r, &h, e);
	if (rc)
		return rc;
	if (h.version_min > KR_WIRE_VERSION_MAX ||
	    h.version_max < KR_WIRE_VERSION_MIN)
		return kr_fail(e, KR_E_VERSION, "the peer (%.63s) speaks "
			       "version %u to %u, this host %u to %u",
			       h.software, h.version_min, h.version_max,
			       KR_WIRE_VERSION_MIN, KR_WIRE_VERSION_MAX);
	snprintf(s->up.software, sizeof(s->up.software), "%s", h.software);
	s->up.version = h.version_max < KR_WIRE_VERSION_MAX ?
			h.version_max : KR_WIRE_VERSION_MAX;
	s->st = UP;
	kr_timer_arm(s->loop, &s->deadline, s->start->silent_ms);
	s->ops->up(s->arg, &s->up);
	return 0;
}

static int bye_take(const struct kr_frame *f, struct kr_err *e)
{
	struct kr_rd r = KR_RD(f->body, f->n_bytes);
	struct kr_peerfail b;
	int rc = kr_peerfail_parse(&r, &b, e);

	if (rc)
		return rc;
	if (!b.kr)
		return kr_fail(e, KR_E_PEER_CLOSED, "the peer said goodbye");
	return kr_fail(e, KR_E_PEER_REFUSED, "KR-%04u %s", b.kr, b.what);
}

static int frame_take(struct kr_session *s, const struct kr_frame *f,
		      struct kr_err *e)
{
	int rc;

	if (f->seq != s->seq_in)
		return kr_fail(e, KR_E_REPLAYED,
			       "message %llu where %llu was due",
			       (unsigned long long)f->seq,
			       (unsigned long long)s->seq_in);
	s->seq_in++;
	if (s->st == HELLO)
		return hello_take(s, f, e);
	kr_timer_arm(s->loop, &s->deadline, s->start->silent_ms);
	if (f->type == KR_PEER_ALIVE && !f->n_bytes)
		return 0;
	if (f->type == KR_PEER_BYE)
		return bye_take(f, e);
	rc = kr_peermsg_check(f->type, f->body, f->n_bytes, e);
	if (!rc)
		s->ops->msg(s->arg, f->type, f->body, f->n_bytes);
	return rc;
}

static int frames(struct kr_session *s, struct kr_err *e)
{
	size_t at = 0;

	while (s->st != DEAD) {
		struct kr_frame f;
		size_t used;
		int rc = kr_frame_parse(s->in + at, s->n_in - at, &f, &used,
					e);

		if (rc < 0)
			return rc;
		if (rc == KR_FRAME_MORE)
			break;
		rc = frame_take(s, &f, e);
		if (rc < 0)
			return rc;
		at += used;
	}
	s->n_in -= at;
	memmove(s->in, s->in + at, s->n_in);
	return 0;
}

static int read_some(struct kr_session *s, struct kr_err *e)
{
	for (;;) {
		int rc = SSL_read(s->ssl, s->in + s->n_in,
				  (int)(sizeof(s->in) - s->n_in));

		if (rc <= 0)
			return tls_failed(s, rc, e);
		s->n_in += (size_t)rc;
		rc = frames(s, e);
		if (rc || s->st == DEAD)
			return rc;
	}
}

static int handshake(struct kr_session *s, struct kr_err *e)
{
	const unsigned char *alpn;
	unsigned int n_alpn;
	int rc = SSL_do_handshake(s->ssl);

	if (rc != 1)
		return tls_failed(s, rc, e);
	SSL_get0_alpn_selected(s->ssl, &alpn, &n_alpn);
	if (n_alpn != sizeof(KR_WIRE_ALPN) - 2 ||
	    memcmp(alpn, &KR_WIRE_ALPN[1], n_alpn))
		return kr_fail(e, KR_E_TLS_ALPN, "no ALPN was agreed");
	if (SSL_export_keying_material(s->ssl, s->up.binding,
				       sizeof(s->up.binding),
				       "EXPORTER-Channel-Binding", 24,
				       (const unsigned char *)"", 0, 1) != 1)
		return kr_tlserr_take(false, e);
	memcpy(s->up.peer, s->cert.name, sizeof(s->up.peer));
	memcpy(s->up.keyid, s->cert.keyid, sizeof(s->up.keyid));
	s->up.identity = s->cert.identity;
	snprintf(s->up.tls, sizeof(s->up.tls), "%s", SSL_get_version(s->ssl));
	snprintf(s->up.suite, sizeof(s->up.suite), "%s",
		 SSL_get_cipher_name(s->ssl));
	s->st = HELLO;
	kr_timer_arm(s->loop, &s->beat, s->start->silent_ms / 4);
	return hello_send(s, e);
}

static void ready(void *arg, uint32_t events)
{
	struct kr_session *s = arg;
	struct kr_err e = KR_ERR_NONE;
	int rc = 0;

	if (s->st == HANDSHAKE) {
		want(s, false);
		rc = handshake(s, &e);
	}
	if (!rc && s->st != HANDSHAKE && events & EPOLLOUT)
		rc = flush(s, &e);
	if (!rc && s->st != HANDSHAKE && s->st != DEAD)
		rc = read_some(s, &e);
	if (rc < 0)
		kr_session_bye(s, &e);
}

static void on_beat(void *arg)
{
	struct kr_session *s = arg;

	kr_timer_arm(s->loop, &s->beat, s->start->silent_ms / 4);
	if (s->st == UP && !s->n_out)
		kr_session_send(s, KR_PEER_ALIVE, NULL, 0, NULL);
}

static void on_deadline(void *arg)
{
	struct kr_session *s = arg;
	struct kr_err e = KR_ERR_NONE;

	kr_fail(&e, KR_E_PEER_SILENT, s->st == UP ?
		"no complete message for %u ms" :
		"not introduced after %u ms",
		s->st == UP ? s->start->silent_ms : s->start->handshake_ms);
	kr_session_bye(s, &e);
}

/* ---- life -------------------------------------------------------------- */

int kr_session_new(struct kr_loop *l, int fd, const struct kr_linkstart *st,
		   const struct kr_session_ops *ops, void *arg,
		   struct kr_session **ret, struct kr_err *e)
{
	struct kr_session *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	s->loop = l;
	s->ops = ops;
	s->start = st;
	s->arg = arg;
	s->io = (struct kr_io){ .fd = fd, .fn = ready, .arg = s };
	s->beat = (struct kr_timer){ .fn = on_beat, .arg = s };
	s->deadline = (struct kr_timer){ .fn = on_deadline, .arg = s };
	s->cert = (struct kr_peercert){
		.expect = st->peer, .cas = st->cas,
		.n_cas_bytes = st->n_cas_bytes, .who = ops->who, .arg = arg,
	};
	rc = set_up_tls(s, fd, e);
	if (!rc)
		rc = kr_io_add(l, &s->io, EPOLLIN | EPOLLOUT, e);
	if (rc) {
		kr_session_free(s);
		return rc;
	}
	kr_timer_arm(l, &s->deadline, st->handshake_ms);
	*ret = s;
	return 0;
}

int kr_session_lane_key(struct kr_session *s, struct kr_lanekey *k,
			struct kr_err *e)
{
	static const char label[] = "EXPORTER-korora-lane-1";
	uint8_t context[19];

	memcpy(context, k->migration, 16);
	context[16] = k->lane;
	context[17] = (uint8_t)(k->attempt >> 8);
	context[18] = (uint8_t)k->attempt;
	if (s->st != UP ||
	    SSL_export_keying_material(s->ssl, k->key, sizeof(k->key), label,
				       sizeof(label) - 1, context,
				       sizeof(context), 1) != 1)
		return kr_fail(e, KR_E_CRYPTO, "no lane key: no session");
	return 0;
}

void kr_session_bye(struct kr_session *s, const struct kr_err *e)
{
	struct kr_peerfail b = { .kr = e ? (uint16_t)e->kr : 0 };
	uint8_t buf[KR_TEXT_BYTES_MAX + 32];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	if (s->st == UP || s->st == HELLO) {
		if (e)
			snprintf(b.what, sizeof(b.what), "%.*s",
				 (int)sizeof(b.what) - 1, e->what);
		kr_peerfail_put(&w, &b);
		kr_session_send(s, KR_PEER_BYE, buf, kr_wr_len(&w), NULL);
		SSL_shutdown(s->ssl);
		ERR_clear_error();
	}
	die(s, e);
}

void kr_session_linger(struct kr_session *s)
{
	struct pollfd p = { .fd = s ? s->io.fd : -1, .events = POLLIN };
	uint64_t end = kr_now_ns() + KR_SESSION_LINGER_MS * 1000000u;
	char waste[4096];

	if (p.fd < 0)
		return;
	shutdown(p.fd, SHUT_WR);
	while (kr_now_ns() < end && poll(&p, 1, KR_SESSION_LINGER_MS) == 1 &&
	       recv(p.fd, waste, sizeof(waste), MSG_DONTWAIT) > 0)
		;
}

void kr_session_free(struct kr_session *s)
{
	if (!s)
		return;
	kr_io_del(&s->io);
	kr_timer_off(&s->beat);
	kr_timer_off(&s->deadline);
	SSL_free(s->ssl);
	SSL_CTX_free(s->ctx);
	kr_fd_close(&s->io.fd);
	kr_wipe(s, sizeof(*s));
	free(s);
}
