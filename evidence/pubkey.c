/* SPDX-License-Identifier: Apache-2.0 */
/* pubkey.c - public keys and their signatures. Runs in kororad and, to verify
 * receipts and logs, in the client.
 */
#include "evidence/pubkey.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "evidence/ossl.h"

struct kr_pubkey {
	EVP_PKEY *key;
	uint8_t	  keyid[32];
	char	  name[64];
};

static bool holds(const void *data, size_t n, const char *what)
{
	return memmem(data, n, what, strlen(what));
}

static X509 *read_cert(const void *data, size_t n)
{
	const unsigned char *p = data;
	KR_AUTO(kr_ossl_autobio) BIO *b = NULL;

	if (!holds(data, n, "-----BEGIN "))
		return d2i_X509(NULL, &p, (long)n);
	if (!holds(data, n, "-----BEGIN CERTIFICATE-----"))
		return NULL;
	b = BIO_new_mem_buf(data, (int)n);
	return b ? PEM_read_bio_X509(b, NULL, kr_ossl_no_password, NULL) : NULL;
}

static EVP_PKEY *read_key(const void *data, size_t n)
{
	const unsigned char *p = data;
	KR_AUTO(kr_ossl_autobio) BIO *b = NULL;

	if (!holds(data, n, "-----BEGIN "))
		return d2i_PUBKEY(NULL, &p, (long)n);
	b = BIO_new_mem_buf(data, (int)n);
	return b ? PEM_read_bio_PUBKEY(b, NULL, kr_ossl_no_password, NULL)
		 : NULL;
}

int kr_pubkey_parse(const void *data, size_t n_bytes, struct kr_pubkey **ret_k,
		    struct kr_err *e)
{
	KR_AUTO(kr_ossl_autocert) X509 *cert = NULL;
	KR_AUTO(kr_pubkey_autofree) struct kr_pubkey *k = NULL;
	int r;

	if (!data || !n_bytes || n_bytes > KR_PUBKEY_FILE_MAX)
		return kr_fail(e, KR_E_KEY_FILE, "a key or certificate has at "
			       "most %u bytes", KR_PUBKEY_FILE_MAX);
	k = calloc(1, sizeof(*k));
	if (!k)
		return kr_fail(e, KR_E_CRYPTO, "out of memory");
	cert = read_cert(data, n_bytes);
	if (cert && !kr_ossl_cert_name(cert, k->name))
		return kr_fail(e, KR_E_KEY_FILE, "the certificate does not "
			       "name a korora host");
	ERR_clear_error();
	k->key = cert ? X509_get_pubkey(cert) : read_key(data, n_bytes);
	if (!k->key)
		return kr_ossl_fail(e, KR_E_KEY_FILE,
				    "not a certificate or public key");
	if (!kr_ossl_p256(k->key))
		return kr_fail(e, KR_E_KEY_FILE, "not an ECDSA P-256 key");
	r = kr_ossl_keyid(k->key, k->keyid, e);
	if (r)
		return r;
	*ret_k = k;
	k = NULL;
	return 0;
}

int kr_pubkey_load(const char *path, struct kr_pubkey **ret_k,
		   struct kr_err *e)
{
	KR_AUTOFREE char *data = NULL;
	size_t n;
	int r = kr_read_file(path, KR_PUBKEY_FILE_MAX, &data, &n);

	if (r)
		return kr_fail(e, KR_E_KEY_FILE, "cannot read %s: %s", path,
			       strerror(-r));
	return kr_pubkey_parse(data, n, ret_k, e);
}

const uint8_t *kr_pubkey_keyid(const struct kr_pubkey *k)
{
	return k->keyid;
}

const char *kr_pubkey_name(const struct kr_pubkey *k)
{
	return k->name;
}

int kr_pubkey_pem(const struct kr_pubkey *k, char **ret_pem, struct kr_err *e)
{
	KR_AUTO(kr_ossl_autobio) BIO *b = BIO_new(BIO_s_mem());
	char *p = NULL;
	long n = 0;

	if (b && PEM_write_bio_PUBKEY(b, k->key))
		n = BIO_get_mem_data(b, &p);
	*ret_pem = n > 0 ? strndup(p, (size_t)n) : NULL;
	if (!*ret_pem)
		return kr_ossl_fail(e, KR_E_CRYPTO, "cannot encode a key");
	return 0;
}

int kr_pubkey_verify(const struct kr_pubkey *k, const void *data,
		     size_t n_bytes, const uint8_t *sig, size_t sig_bytes,
		     struct kr_err *e)
{
	KR_AUTO(kr_ossl_automd) EVP_MD_CTX *c = EVP_MD_CTX_new();

	if (!c || EVP_DigestVerifyInit(c, NULL, EVP_sha256(), NULL,
				       k->key) != 1)
		return kr_ossl_fail(e, KR_E_CRYPTO, "cannot verify");
	if (!sig_bytes || sig_bytes > KR_SIG_BYTES_MAX ||
	    EVP_DigestVerify(c, sig, sig_bytes, data, n_bytes) != 1) {
		ERR_clear_error();
		return kr_fail(e, KR_E_SIGNATURE, "the signature%s%s does not "
			       "verify", *k->name ? " of " : "", k->name);
	}
	return 0;
}

void kr_pubkey_free(struct kr_pubkey *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->key);
	free(k);
}
