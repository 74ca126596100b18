/* SPDX-License-Identifier: Apache-2.0 */
/* certify.c - building certificates and requests. Runs in kororad. */
#include "evidence/certify.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ext { int nid; const char *value; };	/* NULL: the SAN URI */

/* pathlen:0: an identity may sign its own links and nothing below them. */
static const struct ext identity_exts[] = {
	{ NID_basic_constraints, "critical,CA:TRUE,pathlen:0" },
	{ NID_key_usage, "critical,digitalSignature,keyCertSign" },
	{ NID_subject_key_identifier, "hash" },
	{ NID_subject_alt_name, NULL },
};
static const struct ext request_exts[] = {
	{ NID_basic_constraints, "critical,CA:TRUE,pathlen:0" },
	{ NID_key_usage, "critical,digitalSignature,keyCertSign" },
	{ NID_subject_alt_name, NULL },
};
static const struct ext link_exts[] = {
	{ NID_basic_constraints, "critical,CA:FALSE" },
	{ NID_key_usage, "critical,digitalSignature" },
	{ NID_ext_key_usage, "serverAuth,clientAuth" },
	{ NID_subject_key_identifier, "hash" },
	{ NID_authority_key_identifier, "keyid" },
	{ NID_subject_alt_name, NULL },
};
#define N_OF(a)	(sizeof(a) / sizeof((a)[0]))

/* @name is [a-z0-9._-], so it cannot say anything in OpenSSL's syntax. */
static X509_EXTENSION *make_ext(X509V3_CTX *c, const struct ext *x,
				const char *name)
{
	char uri[96];

	snprintf(uri, sizeof(uri), "URI:%s%s", KR_OSSL_URI, name);
	return X509V3_EXT_conf_nid(NULL, c, x->nid, x->value ? x->value : uri);
}

static bool add_exts(X509 *cert, X509 *issuer, const struct ext *x, size_t n,
		     const char *name)
{
	X509V3_CTX c;

	X509V3_set_ctx(&c, issuer, cert, NULL, NULL, 0);
	for (size_t i = 0; i < n; i++) {
		X509_EXTENSION *ext = NULL;
		int ok;

		/* An authority may have given us no key identifier. */
		if (x[i].nid == NID_authority_key_identifier &&
		    X509_get_ext_by_NID(issuer, NID_subject_key_identifier,
					-1) < 0)
			continue;
		ext = make_ext(&c, &x[i], name);
		ok = ext && X509_add_ext(cert, ext, -1);
		X509_EXTENSION_free(ext);
		if (!ok)
			return false;
	}
	return true;
}

static bool set_serial(X509 *cert)
{
	unsigned char b[16];
	BIGNUM *n = NULL;
	bool ok;

	if (RAND_bytes(b, sizeof(b)) != 1)
		return false;
	b[0] = (unsigned char)((b[0] & 0x7f) | 0x40);	/* positive, 16 bytes */
	n = BN_bin2bn(b, sizeof(b), NULL);
	ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
	BN_free(n);
	return ok;
}

static bool set_name(X509_NAME *dn, const char *name)
{
	return X509_NAME_add_entry_by_NID(dn, NID_commonName, MBSTRING_UTF8,
					  (const unsigned char *)name, -1, -1,
					  0) == 1;
}

/* What both certificates have in common; the caller adds the rest. */
static X509 *begin(EVP_PKEY *key, const char *name, int days, long seconds)
{
	X509 *cert = X509_new();

	if (cert && X509_set_version(cert, X509_VERSION_3) &&
	    set_serial(cert) && set_name(X509_get_subject_name(cert), name) &&
	    X509_gmtime_adj(X509_getm_notBefore(cert),
			    -KR_CERTIFY_BACKDATE_S) &&
	    X509_time_adj_ex(X509_getm_notAfter(cert), days, seconds, NULL) &&
	    X509_set_pubkey(cert, key))
		return cert;
	X509_free(cert);
	return NULL;
}

int kr_certify_self(EVP_PKEY *key, const char *name, X509 **ret_cert,
		    struct kr_err *e)
{
	KR_AUTO(kr_ossl_autocert) X509 *cert =
		begin(key, name, KR_CERTIFY_IDENTITY_DAYS, 0);

	if (!cert ||
	    !X509_set_issuer_name(cert, X509_get_subject_name(cert)) ||
	    !add_exts(cert, cert, identity_exts, N_OF(identity_exts), name) ||
	    !X509_sign(cert, key, EVP_sha256()))
		return kr_ossl_fail(e, KR_E_CRYPTO,
				    "cannot make a certificate");
	*ret_cert = cert;
	cert = NULL;
	return 0;
}

int kr_certify_link(EVP_PKEY *signer, X509 *issuer, EVP_PKEY *key,
		    const char *name, X509 **ret_cert, struct kr_err *e)
{
	KR_AUTO(kr_ossl_autocert) X509 *cert =
		begin(key, name, 0, KR_CERTIFY_LINK_S);

	if (!cert ||
	    !X509_set_issuer_name(cert, X509_get_subject_name(issuer)) ||
	    !add_exts(cert, issuer, link_exts, N_OF(link_exts), name) ||
	    !X509_sign(cert, signer, EVP_sha256()))
		return kr_ossl_fail(e, KR_E_CRYPTO,
				    "cannot make a certificate");
	*ret_cert = cert;
	cert = NULL;
	return 0;
}

static bool fill_request(X509_REQ *q, EVP_PKEY *key, const char *name)
{
	STACK_OF(X509_EXTENSION) *all = sk_X509_EXTENSION_new_null();
	X509V3_CTX c;
	bool ok = all;

	X509V3_set_ctx(&c, NULL, NULL, q, NULL, 0);
	for (size_t i = 0; ok && i < N_OF(request_exts); i++) {
		X509_EXTENSION *x = make_ext(&c, &request_exts[i], name);

		ok = x && sk_X509_EXTENSION_push(all, x);
		if (!ok)
			X509_EXTENSION_free(x);
	}
	ok = ok && X509_REQ_set_version(q, X509_REQ_VERSION_1) &&
	     set_name(X509_REQ_get_subject_name(q), name) &&
	     X509_REQ_set_pubkey(q, key) && X509_REQ_add_extensions(q, all) &&
	     X509_REQ_sign(q, key, EVP_sha256());
	sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
	return ok;
}

int kr_certify_request(EVP_PKEY *key, const char *name, char **ret_pem,
		       struct kr_err *e)
{
	KR_AUTO(kr_ossl_autobio) BIO *b = BIO_new(BIO_s_mem());
	X509_REQ *q = X509_REQ_new();
	char *p = NULL, *text = NULL;
	long n = 0;

	if (b && q && fill_request(q, key, name) &&
	    PEM_write_bio_X509_REQ(b, q))
		n = BIO_get_mem_data(b, &p);
	if (n > 0)
		text = strndup(p, (size_t)n);
	X509_REQ_free(q);
	if (!text)
		return kr_ossl_fail(e, KR_E_CRYPTO, "cannot make a request");
	*ret_pem = text;
	return 0;
}
