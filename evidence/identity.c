/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity.c - the host's key and certificate: made, loaded, used and
 * replaced. Runs in kororad, the one process that holds the private key.
 */
#include "evidence/identity.h"

#include <errno.h>
#include <limits.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "evidence/certify.h"
#include "evidence/ossl.h"

struct kr_identity {
	EVP_PKEY	 *key;
	X509		 *cert;
	char		 *cert_pem;
	struct kr_pubkey *pub;
};

static int path_of(char out[PATH_MAX], const char *dir, const char *file,
		   struct kr_err *e)
{
	if (snprintf(out, PATH_MAX, "%s/%s", dir, file) >= PATH_MAX)
		return kr_fail(e, KR_E_KEY_FILE, "the path is too long");
	return 0;
}

static int write_bio(const char *path, BIO *b, unsigned int mode,
		     struct kr_err *e)
{
	char *p = NULL;
	long n = BIO_get_mem_data(b, &p);
	int r = kr_write_file(path, p, (size_t)n, mode);

	if (r)
		return kr_fail(e, KR_E_KEY_FILE, "cannot write %s: %s", path,
			       strerror(-r));
	return 0;
}

static int write_key(const char *path, EVP_PKEY *key, struct kr_err *e)
{
	/* Secure memory where OpenSSL has some; wiped on free either way. */
	KR_AUTO(kr_ossl_autobio) BIO *b = BIO_new(BIO_s_secmem());

	if (!b || !PEM_write_bio_PKCS8PrivateKey(b, key, NULL, NULL, 0, NULL,
						 NULL))
		return kr_ossl_fail(e, KR_E_CRYPTO, "cannot encode the key");
	return write_bio(path, b, 0600, e);
}

static int read_key(const char *path, EVP_PKEY **ret_key, struct kr_err *e)
{
	KR_AUTO(kr_ossl_autokey) EVP_PKEY *key = NULL;
	KR_AUTO(kr_ossl_autobio) BIO *b = NULL;
	KR_AUTOFREE char *text = NULL;
	struct stat st;
	size_t n;
	int r = kr_read_file(path, KR_PUBKEY_FILE_MAX, &text, &n);

	if (r == -ENOENT)
		return kr_fail(e, KR_E_NOT_INIT, "there is no %s", path);
	if (r)
		return kr_fail(e, KR_E_KEY_FILE, "cannot read %s: %s", path,
			       strerror(-r));
	b = BIO_new_mem_buf(text, (int)n);
	key = b ? PEM_read_bio_PrivateKey(b, NULL, kr_ossl_no_password, NULL)
		: NULL;
	kr_wipe(text, n);
	if (stat(path, &st) || (st.st_mode & 077))
		return kr_fail(e, KR_E_KEY_FILE, "%s may be read by others: "
			       "chmod 600", path);
	if (!key || !kr_ossl_p256(key))
		return kr_ossl_fail(e, KR_E_KEY_FILE,
				    "identity.key is not a P-256 key");
	*ret_key = key;
	key = NULL;
	return 0;
}

int kr_identity_create(const char *dir, const char *name, struct kr_err *e)
{
	KR_AUTO(kr_ossl_autokey) EVP_PKEY *key = NULL;
	KR_AUTO(kr_ossl_autocert) X509 *cert = NULL;
	KR_AUTO(kr_ossl_autobio) BIO *b = BIO_new(BIO_s_mem());
	char kpath[PATH_MAX], cpath[PATH_MAX];
	struct stat st;
	int r;

	if (!kr_ossl_name_ok(name))
		return kr_fail(e, KR_E_USAGE, "a host's name is 1 to 63 of "
			       "a-z 0-9 . _ - and begins with a letter or "
			       "digit; no capitals");
	if ((r = path_of(kpath, dir, KR_IDENTITY_KEY_FILE, e)) ||
	    (r = path_of(cpath, dir, KR_IDENTITY_CERT_FILE, e)))
		return r;
	if (!stat(cpath, &st))
		return kr_fail(e, KR_E_EXISTS, "this host has an identity: %s",
			       cpath);
	if (!stat(kpath, &st)) {
		r = read_key(kpath, &key, e);
	} else {
		key = EVP_EC_gen("P-256");
		r = key ? write_key(kpath, key, e) :
			  kr_ossl_fail(e, KR_E_CRYPTO, "cannot make a key");
	}
	if (r || (r = kr_certify_self(key, name, &cert, e)))
		return r;
	if (!b || !PEM_write_bio_X509(b, cert))
		return kr_ossl_fail(e, KR_E_CRYPTO,
				    "cannot encode the certificate");
	/* Last: an identity exists once its certificate does. */
	return write_bio(cpath, b, 0644, e);
}

/* May @cert be the identity of @key? Reads it into @ret_*. */
static int take_cert(EVP_PKEY *key, const char *pem, size_t n,
		     X509 **ret_cert, struct kr_pubkey **ret_pub,
		     struct kr_err *e)
{
	KR_AUTO(kr_ossl_autocert) X509 *cert = NULL;
	KR_AUTO(kr_ossl_autobio) BIO *b = BIO_new_mem_buf(pem, (int)n);
	uint32_t usage;
	int r;

	cert = b ? PEM_read_bio_X509(b, NULL, kr_ossl_no_password, NULL) : NULL;
	if (!cert)
		return kr_ossl_fail(e, KR_E_KEY_FILE, "not a PEM certificate");
	if (X509_check_private_key(cert, key) != 1)
		return kr_ossl_fail(e, KR_E_KEY_FILE,
				    "the certificate is for another key");
	/* An absent key usage extension allows everything: all bits set. */
	usage = X509_get_key_usage(cert);
	if (X509_check_ca(cert) != 1 || !(usage & KU_KEY_CERT_SIGN) ||
	    !(usage & KU_DIGITAL_SIGNATURE))
		return kr_fail(e, KR_E_KEY_FILE, "the certificate must be "
			       "CA:TRUE with digitalSignature and keyCertSign");
	r = kr_pubkey_parse(pem, n, ret_pub, e);
	if (r)
		return r;
	*ret_cert = cert;
	cert = NULL;
	return 0;
}

/* The first certificate alone, as text. */
static int own_pem(X509 *cert, char **ret_pem, struct kr_err *e)
{
	KR_AUTO(kr_ossl_autobio) BIO *b = BIO_new(BIO_s_mem());
	char *p = NULL;
	long n = 0;

	if (b && PEM_write_bio_X509(b, cert))
		n = BIO_get_mem_data(b, &p);
	*ret_pem = n > 0 ? strndup(p, (size_t)n) : NULL;
	if (!*ret_pem)
		return kr_ossl_fail(e, KR_E_CRYPTO,
				    "cannot encode the certificate");
	return 0;
}

int kr_identity_load(const char *dir, struct kr_identity **ret_id,
		     struct kr_err *e)
{
	KR_AUTO(kr_identity_autofree) struct kr_identity *id =
		calloc(1, sizeof(*id));
	KR_AUTOFREE char *pem = NULL;
	char kpath[PATH_MAX], cpath[PATH_MAX];
	size_t n;
	int r;

	if (!id)
		return kr_fail(e, KR_E_CRYPTO, "out of memory");
	if ((r = path_of(kpath, dir, KR_IDENTITY_KEY_FILE, e)) ||
	    (r = path_of(cpath, dir, KR_IDENTITY_CERT_FILE, e)))
		return r;
	r = kr_read_file(cpath, KR_PUBKEY_FILE_MAX, &pem, &n);
	if (r == -ENOENT)
		return kr_fail(e, KR_E_NOT_INIT, "there is no %s", cpath);
	if (r)
		return kr_fail(e, KR_E_KEY_FILE, "cannot read %s: %s", cpath,
			       strerror(-r));
	if ((r = read_key(kpath, &id->key, e)) ||
	    (r = take_cert(id->key, pem, n, &id->cert, &id->pub, e)) ||
	    (r = own_pem(id->cert, &id->cert_pem, e)))
		return r;
	*ret_id = id;
	id = NULL;
	return 0;
}

const char *kr_identity_name(const struct kr_identity *id)
{
	return kr_pubkey_name(id->pub);
}

const uint8_t *kr_identity_keyid(const struct kr_identity *id)
{
	return kr_pubkey_keyid(id->pub);
}

const struct kr_pubkey *kr_identity_pubkey(const struct kr_identity *id)
{
	return id->pub;
}

const char *kr_identity_cert_pem(const struct kr_identity *id)
{
	return id->cert_pem;
}

int kr_identity_sign(const struct kr_identity *id, const void *data,
		     size_t n_bytes, uint8_t *ret_sig, size_t *ret_sig_bytes,
		     struct kr_err *e)
{
	KR_AUTO(kr_ossl_automd) EVP_MD_CTX *c = EVP_MD_CTX_new();
	size_t n = KR_SIG_BYTES_MAX;

	if (!c ||
	    EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, id->key) != 1 ||
	    EVP_DigestSign(c, ret_sig, &n, data, n_bytes) != 1)
		return kr_ossl_fail(e, KR_E_CRYPTO, "cannot sign");
	*ret_sig_bytes = n;
	return 0;
}

/* One DER object into a buffer of the caller's. */
static int put_der(unsigned char *der, int n, uint8_t *out, size_t size,
		   size_t *ret_n, struct kr_err *e)
{
	int r = 0;

	if (n > 0 && (size_t)n <= size) {
		memcpy(out, der, (size_t)n);
		*ret_n = (size_t)n;
	} else {
		r = kr_ossl_fail(e, KR_E_CRYPTO, "cannot encode a link");
	}
	if (n > 0)
		OPENSSL_clear_free(der, (size_t)n);
	return r;
}

static int put_key(EVP_PKEY *key, struct kr_identity_link *l, struct kr_err *e)
{
	PKCS8_PRIV_KEY_INFO *p8 = EVP_PKEY2PKCS8(key);
	unsigned char *der = NULL;
	int n = p8 ? i2d_PKCS8_PRIV_KEY_INFO(p8, &der) : -1;

	PKCS8_PRIV_KEY_INFO_free(p8);
	return put_der(der, n, l->key, sizeof(l->key), &l->key_bytes, e);
}

static int put_cert(X509 *cert, uint8_t *out, size_t size, size_t *ret_n,
		    struct kr_err *e)
{
	unsigned char *der = NULL;
	int n = i2d_X509(cert, &der);

	return put_der(der, n, out, size, ret_n, e);
}

int kr_identity_issue_link(const struct kr_identity *id,
			   struct kr_identity_link *ret_link,
			   struct kr_err *e)
{
	KR_AUTO(kr_ossl_autokey) EVP_PKEY *key = EVP_EC_gen("P-256");
	KR_AUTO(kr_ossl_autocert) X509 *cert = NULL;
	struct kr_identity_link *l = ret_link;
	int r;

	if (!key)
		return kr_ossl_fail(e, KR_E_CRYPTO, "cannot make a key");
	r = kr_certify_link(id->key, id->cert, key, kr_identity_name(id),
			    &cert, e);
	if (r || (r = put_key(key, l, e)) ||
	    (r = put_cert(cert, l->cert, sizeof(l->cert), &l->cert_bytes, e)))
		return r;
	return put_cert(id->cert, l->issuer, sizeof(l->issuer),
			&l->issuer_bytes, e);
}

int kr_identity_csr(const struct kr_identity *id, char **ret_pem,
		    struct kr_err *e)
{
	return kr_certify_request(id->key, kr_identity_name(id), ret_pem, e);
}

int kr_identity_install_cert(struct kr_identity *id, const char *dir,
			     const char *pem, struct kr_err *e)
{
	KR_AUTO(kr_ossl_autocert) X509 *cert = NULL;
	KR_AUTO(kr_pubkey_autofree) struct kr_pubkey *pub = NULL;
	KR_AUTOFREE char *text = NULL;
	char path[PATH_MAX];
	X509 *old_cert = id->cert;
	struct kr_pubkey *old_pub = id->pub;
	char *old_text = id->cert_pem;
	size_t n = strlen(pem);
	int r;

	if ((r = path_of(path, dir, KR_IDENTITY_CERT_FILE, e)) ||
	    (r = take_cert(id->key, pem, n, &cert, &pub, e)) ||
	    (r = own_pem(cert, &text, e)))
		return r;
	if (strcmp(kr_pubkey_name(pub), kr_identity_name(id)))
		return kr_fail(e, KR_E_KEY_FILE, "the certificate is for %s, "
			       "this host is %s", kr_pubkey_name(pub),
			       kr_identity_name(id));
	if (X509_cmp_current_time(X509_get0_notBefore(cert)) >= 0 ||
	    X509_cmp_current_time(X509_get0_notAfter(cert)) <= 0)
		return kr_fail(e, KR_E_KEY_FILE,
			       "the certificate is not valid now");
	r = kr_write_file(path, pem, n, 0644);
	if (r)
		return kr_fail(e, KR_E_KEY_FILE, "cannot write %s: %s", path,
			       strerror(-r));
	id->cert = cert;
	id->pub = pub;
	id->cert_pem = text;
	cert = old_cert;	/* the old ones go with this scope */
	pub = old_pub;
	text = old_text;
	return 0;
}

void kr_identity_free(struct kr_identity *id)
{
	if (!id)
		return;
	EVP_PKEY_free(id->key);
	X509_free(id->cert);
	kr_pubkey_free(id->pub);
	free(id->cert_pem);
	free(id);
}
