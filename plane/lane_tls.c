/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane_tls.c - OpenSSL set up for lanes. Runs in the data-plane agent.
 *
 * The key is bound to the suite's hash, so both hosts configure exactly one
 * suite per lane. The key comes from the attested session, so whoever fails
 * the handshake is not the peer: every TLS failure is forgery, none is
 * misconfiguration.
 */
#include "plane/lane_tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <string.h>

#include "base/suite.h"

static const unsigned char alpn[] = "\x0d" KR_LANE_TLS_ALPN;
static SSL_CTX *ctx;		/* of the process */

#define ALPN_BYTES	(sizeof(alpn) - 1)
/* What is left of it behind a record is moved to its front: two records. */
#define READ_BYTES	(32u * 1024)

static int crypto(struct kr_err *e, const char *what)
{
	return kr_fail(e, KR_E_CRYPTO, "%s: %s", what,
		       ERR_reason_error_string(ERR_peek_error()) ?: "unknown");
}

static int offer_key(SSL *ssl, const EVP_MD *md, const unsigned char **id,
		     size_t *id_bytes, SSL_SESSION **ret_s)
{
	SSL_SESSION *s = SSL_get_app_data(ssl);

	(void)md;
	SSL_SESSION_up_ref(s);
	*ret_s = s;
	*id = (const unsigned char *)KR_LANE_TLS_IDENTITY;
	*id_bytes = strlen(KR_LANE_TLS_IDENTITY);
	return 1;
}

static int find_key(SSL *ssl, const unsigned char *id, size_t id_bytes,
		    SSL_SESSION **ret_s)
{
	SSL_SESSION *s = SSL_get_app_data(ssl);

	*ret_s = NULL;
	if (id_bytes != strlen(KR_LANE_TLS_IDENTITY) ||
	    memcmp(id, KR_LANE_TLS_IDENTITY, id_bytes))
		return 1;
	SSL_SESSION_up_ref(s);
	*ret_s = s;
	return 1;
}

static int choose_alpn(SSL *ssl, const unsigned char **out,
		       unsigned char *out_bytes, const unsigned char *in,
		       unsigned int in_bytes, void *arg)
{
	(void)ssl, (void)arg;
	if (in_bytes != ALPN_BYTES || memcmp(in, alpn, ALPN_BYTES))
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = in + 1;
	*out_bytes = ALPN_BYTES - 1;
	return SSL_TLSEXT_ERR_OK;
}

int kr_lane_tls_init(struct kr_err *e)
{
	unsigned char warm[1];

	if (ctx)
		return 0;
	ctx = SSL_CTX_new(TLS_method());
	if (!ctx || RAND_bytes(warm, sizeof(warm)) != 1 ||
	    SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set1_groups_list(ctx, "X25519:P-256") != 1 ||
	    SSL_CTX_set_num_tickets(ctx, 0) != 1 ||
	    SSL_CTX_set_alpn_protos(ctx, alpn, ALPN_BYTES) != 0)
		return crypto(e, "TLS is not available");
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
				     SSL_OP_NO_COMPRESSION);
	/* no dummy records to look like TLS 1.2: nothing is to be fooled */
	SSL_CTX_clear_options(ctx, SSL_OP_ENABLE_MIDDLEBOX_COMPAT |
				       SSL_OP_ALLOW_NO_DHE_KEX);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
				  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_max_early_data(ctx, 0);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, READ_BYTES);
	SSL_CTX_set_psk_use_session_callback(ctx, offer_key);
	SSL_CTX_set_psk_find_session_callback(ctx, find_key);
	SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, NULL);
	return 0;
}

static int give_key(SSL *ssl, const unsigned char *suite_id,
		    const uint8_t *psk)
{
	SSL_SESSION *s = SSL_SESSION_new();
	const SSL_CIPHER *c = SSL_CIPHER_find(ssl, suite_id);

	if (!s || !c || SSL_SESSION_set1_master_key(s, psk, 32) != 1 ||
	    SSL_SESSION_set_cipher(s, c) != 1 ||
	    SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION) != 1) {
		SSL_SESSION_free(s);
		return -1;
	}
	SSL_set_app_data(ssl, s);
	return 0;
}

int kr_lane_tls_new(int fd, bool server, const char *suite,
		    const uint8_t *psk, SSL **ret_ssl, struct kr_err *e)
{
	const struct kr_suite *found = kr_suite_find(suite);
	SSL *ssl;

	if (!found)
		return kr_fail(e, KR_E_CONFIG, "%s is not a TLS 1.3 suite",
			       suite);
	ERR_clear_error();
	ssl = ctx ? SSL_new(ctx) : NULL;
	if (!ssl || SSL_set_ciphersuites(ssl, found->name) != 1 ||
	    SSL_set_fd(ssl, fd) != 1 || give_key(ssl, found->id, psk)) {
		kr_lane_tls_free(ssl);
		return crypto(e, "cannot start TLS");
	}
	if (server) {
		SSL_set_accept_state(ssl);
	} else {
		SSL_set_connect_state(ssl);
		/* no authority is trusted: a certificate instead of the key
		 * fails */
		SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	}
	*ret_ssl = ssl;
	return 0;
}

int kr_lane_tls_check(SSL *ssl, struct kr_err *e)
{
	const unsigned char *name;
	unsigned int n;

	SSL_get0_alpn_selected(ssl, &name, &n);
	if (SSL_version(ssl) != TLS1_3_VERSION || !SSL_session_reused(ssl) ||
	    n != ALPN_BYTES - 1 || memcmp(name, alpn + 1, n))
		return kr_fail(e, KR_E_LANE_FORGED,
			       "the lane was not made with our key");
	return 0;
}

int kr_lane_tls_outcome(SSL *ssl, int r, bool *ret_write, struct kr_err *e)
{
	int saved = errno;
	unsigned long first = ERR_peek_error();

	switch (SSL_get_error(ssl, r)) {
	case SSL_ERROR_WANT_WRITE:
		*ret_write = true;
		return 0;
	case SSL_ERROR_WANT_READ:
		return 0;
	case SSL_ERROR_ZERO_RETURN:
		return kr_fail(e, KR_E_LANE_LOST,
			       "the peer closed before the end");
	case SSL_ERROR_SYSCALL:
		return kr_fail(e, KR_E_LANE_LOST, "%s",
			       saved ? strerror(saved) : "cut");
	}
	if (ERR_GET_REASON(first) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return kr_fail(e, KR_E_LANE_LOST, "cut without an end");
	return kr_fail(e, KR_E_LANE_FORGED, "TLS: %s",
		       ERR_reason_error_string(first) ?: "unknown");
}

void kr_lane_tls_free(SSL *ssl)
{
	if (!ssl)
		return;
	SSL_SESSION_free(SSL_get_app_data(ssl));
	SSL_free(ssl);
}
