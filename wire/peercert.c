/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peercert.c - the check of a peer's certificate chain. Runs in the link
 * agent, inside the TLS handshake, on hostile certificates.
 */
#include "wire/peercert.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

static int common_name(X509 *c, char *out, size_t size)
{
	X509_NAME *n = X509_get_subject_name(c);
	int i = X509_NAME_get_index_by_NID(n, NID_commonName, -1);
	const ASN1_STRING *s;
	int len;

	if (i < 0 || X509_NAME_get_index_by_NID(n, NID_commonName, i) >= 0)
		return -1;
	s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(n, i));
	len = ASN1_STRING_length(s);
	if (len <= 0 || (size_t)len >= size)
		return -1;
	for (int k = 0; k < len; k++) {
		unsigned char c0 = ASN1_STRING_get0_data(s)[k];

		if (c0 <= ' ' || c0 > '~')
			return -1;
	}
	memcpy(out, ASN1_STRING_get0_data(s), (size_t)len);
	out[len] = '\0';
	return 0;
}

/* The one URI a korora certificate carries beside its common name. */
static bool uri_is(X509 *c, const char *name)
{
	GENERAL_NAMES *g = X509_get_ext_d2i(c, NID_subject_alt_name, NULL,
					    NULL);
	char want[KR_LINK_NAME_MAX + 16];
	int n_uris = 0;
	bool ok = false;

	snprintf(want, sizeof(want), "korora:host:%s", name);
	for (int i = 0; i < sk_GENERAL_NAME_num(g); i++) {
		GENERAL_NAME *one = sk_GENERAL_NAME_value(g, i);
		const ASN1_IA5STRING *u = one->d.uniformResourceIdentifier;

		if (one->type != GEN_URI)
			continue;
		n_uris++;
		ok = ASN1_STRING_length(u) == (int)strlen(want) &&
		     !memcmp(ASN1_STRING_get0_data(u), want, strlen(want));
	}
	GENERAL_NAMES_free(g);
	return ok && n_uris == 1;
}

static int key_id(X509 *c, uint8_t out[32])
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(c), &der);
	int ok = n > 0 && EVP_Digest(der, (size_t)n, out, NULL, EVP_sha256(),
				     NULL);

	OPENSSL_free(der);
	return ok ? 0 : -1;
}

static void trust_cas(X509_STORE *st, const struct kr_peercert *p)
{
	struct kr_rd r = KR_RD(p->cas, p->n_cas_bytes);

	while (kr_rd_left(&r) && !r.bad) {
		uint16_t n = kr_rd_u16(&r);
		const uint8_t *der = kr_rd_take(&r, n);
		X509 *c = der ? d2i_X509(NULL, &der, n) : NULL;

		if (c)
			X509_STORE_add_cert(st, c);
		X509_free(c);
	}
}

/* Signatures, validity, CA flags; X509_V_OK or the library's error. */
static int verify_chain(struct kr_peercert *p, X509 *leaf, X509 *identity,
			STACK_OF(X509) *chain, enum kr_known verdict)
{
	X509_STORE *st = X509_STORE_new();
	X509_STORE_CTX *c = X509_STORE_CTX_new();
	int r = X509_V_ERR_OUT_OF_MEM;

	if (!st || !c)
		goto out;
	X509_STORE_set_flags(st, X509_V_FLAG_PARTIAL_CHAIN);
	if (verdict == KR_KNOWN_PINNED)
		X509_STORE_add_cert(st, identity);
	else
		trust_cas(st, p);
	if (X509_STORE_CTX_init(c, st, leaf, chain) != 1)
		goto out;
	X509_VERIFY_PARAM_set_depth(X509_STORE_CTX_get0_param(c), 3);
	r = X509_verify_cert(c) == 1 ? X509_V_OK :
				       X509_STORE_CTX_get_error(c);
	if (r == X509_V_OK && X509_check_ca(identity) != 1)
		r = X509_V_ERR_INVALID_CA;
out:
	X509_STORE_CTX_free(c);
	X509_STORE_free(st);
	ERR_clear_error();
	return r;
}

static int refuse(struct kr_peercert *p, enum kr_known verdict, int v)
{
	switch (v) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		kr_fail(&p->err, KR_E_PEER_EXPIRED, "%s: %s", p->name,
			X509_verify_cert_error_string(v));
		return X509_V_ERR_CERT_HAS_EXPIRED;
	default:
		break;
	}
	if (verdict == KR_KNOWN_NOT) {
		char fp[65];

		for (int i = 0; i < 32; i++)
			snprintf(fp + 2 * i, 3, "%02x", p->keyid[i]);
		kr_fail(&p->err, KR_E_PEER_UNKNOWN,
			"it calls itself %s, key id %.16s…", p->name, fp);
		return X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT;
	}
	kr_fail(&p->err, KR_E_PEER_CERT, "%s: %s", p->name,
		X509_verify_cert_error_string(v));
	return X509_V_ERR_CERT_REJECTED;
}

/* The names on both certificates, enrolled and expected must be one. */
static int check_names(struct kr_peercert *p, X509 *leaf, X509 *identity,
		       const struct kr_linkknown *k)
{
	char cn[KR_LINK_NAME_MAX];

	if (common_name(leaf, cn, sizeof(cn)))
		return kr_fail(&p->err, KR_E_PEER_NAME,
			       "its link certificate has no usable name");
	if (strcmp(cn, p->name))
		return kr_fail(&p->err, KR_E_PEER_NAME,
			       "%s presented a certificate for %s", p->name,
			       cn);
	if (!uri_is(leaf, p->name) || !uri_is(identity, p->name))
		return kr_fail(&p->err, KR_E_PEER_NAME,
			       "%s: a certificate's URI is not korora:host:%s",
			       p->name, p->name);
	if (strcmp(p->name, k->name))
		return kr_fail(&p->err, KR_E_PEER_NAME,
			       "enrolled as %s, certified as %s", k->name,
			       p->name);
	if (p->expect[0] && strcmp(p->expect, p->name))
		return kr_fail(&p->err, KR_E_PEER_NAME,
			       "expected %s, met %s", p->expect, p->name);
	return 0;
}

static int check(struct kr_peercert *p, X509 *leaf, STACK_OF(X509) *chain)
{
	struct kr_linkknown k = { 0 };
	unsigned char *der = p->identity.bytes;
	X509 *identity = NULL;
	int v, n;

	for (int i = 0; i < sk_X509_num(chain) && !identity; i++)
		if (X509_check_issued(sk_X509_value(chain, i), leaf) ==
		    X509_V_OK)
			identity = sk_X509_value(chain, i);
	if (!identity || common_name(identity, p->name, sizeof(p->name)) ||
	    key_id(identity, p->keyid)) {
		kr_fail(&p->err, KR_E_PEER_UNKNOWN,
			"it presented no korora identity");
		return X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT;
	}
	n = i2d_X509(identity, NULL);
	if (n <= 0 || n > (int)sizeof(p->identity.bytes)) {
		kr_fail(&p->err, KR_E_PEER_CERT, "identity certificate of %d "
			"bytes", n);
		return X509_V_ERR_CERT_REJECTED;
	}
	p->identity.n_bytes = (uint16_t)i2d_X509(identity, &der);
	if (p->who(p->arg, p->keyid, p->name, &k, &p->err) < 0)
		return X509_V_ERR_APPLICATION_VERIFICATION;
	v = verify_chain(p, leaf, identity, chain, (enum kr_known)k.verdict);
	if (v != X509_V_OK)
		return refuse(p, (enum kr_known)k.verdict, v);
	if (k.verdict == KR_KNOWN_NOT)
		return refuse(p, KR_KNOWN_NOT, X509_V_ERR_CERT_UNTRUSTED);
	return check_names(p, leaf, identity, &k) ? X509_V_ERR_CERT_REJECTED : X509_V_OK;
}

static int on_verify(X509_STORE_CTX *ctx, void *arg)
{
	int v = check(arg, X509_STORE_CTX_get0_cert(ctx),
		      X509_STORE_CTX_get0_untrusted(ctx));

	X509_STORE_CTX_set_error(ctx, v);
	return v == X509_V_OK;
}

void kr_peercert_install(SSL_CTX *ctx, struct kr_peercert *p)
{
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER |
			   SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, on_verify, p);
}
