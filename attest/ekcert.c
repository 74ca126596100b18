/* SPDX-License-Identifier: Apache-2.0 */
/* ekcert.c - see ekcert.h. */
#include "attest/ekcert.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "evidence/ossl.h"

#define EK_CERTIFICATE	"2.23.133.8.1"	/* tcg-kp-EKCertificate */

static inline void autostore(X509_STORE **p) { X509_STORE_free(*p); }
static inline void autostorectx(X509_STORE_CTX **p) { X509_STORE_CTX_free(*p); }

static X509_STORE *read_roots(const char *pem, size_t n)
{
	KR_AUTO(kr_ossl_autobio) BIO *b = BIO_new_mem_buf(pem, (int)n);
	X509_STORE *s = X509_STORE_new();
	unsigned int n_roots = 0;
	X509 *x;

	while (s && b && (x = PEM_read_bio_X509(b, NULL, kr_ossl_no_password,
						NULL))) {
		n_roots += X509_STORE_add_cert(s, x) == 1;
		X509_free(x);
	}
	ERR_clear_error();		/* the text ended */
	if (n_roots && X509_STORE_set_flags(s, X509_V_FLAG_PARTIAL_CHAIN) == 1)
		return s;
	X509_STORE_free(s);
	return NULL;
}

static bool for_endorsement(X509 *cert)
{
	EXTENDED_KEY_USAGE *uses = X509_get_ext_d2i(cert, NID_ext_key_usage,
						    NULL, NULL);
	bool found = false;

	for (int i = 0; i < sk_ASN1_OBJECT_num(uses); i++) {
		char oid[32];

		OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(uses, i), 1);
		found = found || !strcmp(oid, EK_CERTIFICATE);
	}
	sk_ASN1_OBJECT_pop_free(uses, ASN1_OBJECT_free);
	return found;
}

static int check_chain(X509 *cert, X509_STORE *roots, struct kr_err *e)
{
	KR_AUTO(autostorectx) X509_STORE_CTX *c = X509_STORE_CTX_new();

	if (!c || X509_STORE_CTX_init(c, roots, cert, NULL) != 1)
		return kr_ossl_fail(e, KR_E_CRYPTO, "cannot verify");
	if (X509_verify_cert(c) == 1)
		return 0;
	ERR_clear_error();
	return kr_fail(e, KR_E_EK_CERT, "%s", X509_verify_cert_error_string(
					X509_STORE_CTX_get_error(c)));
}

static X509 *read_cert(const uint8_t *der, size_t n)
{
	X509 *cert = d2i_X509(NULL, &der, (long)n);

	ERR_clear_error();
	return cert;
}

static int check_key(X509 *cert, const struct kr_tpmkey *ek, struct kr_err *e)
{
	if (!for_endorsement(cert))
		return kr_fail(e, KR_E_EK_CERT,
			       "it is not for endorsement keys");
	if (EVP_PKEY_eq(X509_get0_pubkey(cert), ek->key) != 1)
		return kr_fail(e, KR_E_EK_CERT, "it is for another key");
	return kr_tpmkey_endorses(ek) ? 0 :
	       kr_fail(e, KR_E_TPM_KEY, "the key is no endorsement key");
}

int kr_ekcert_verify(const uint8_t *der, size_t n_der, const char *roots,
		     size_t n_roots, const struct kr_tpmkey *ek,
		     struct kr_err *e)
{
	KR_AUTO(autostore) X509_STORE *store = NULL;
	KR_AUTO(kr_ossl_autocert) X509 *cert = NULL;
	int r;

	if (n_roots > KR_EKCERT_ROOTS_MAX ||
	    !(store = read_roots(roots, n_roots)))
		return kr_fail(e, KR_E_KEY_FILE, "no certificates in at most "
			       "%u bytes of PEM", KR_EKCERT_ROOTS_MAX);
	cert = read_cert(der, n_der);
	if (!cert)
		return kr_fail(e, KR_E_EK_CERT, "it is no certificate");
	r = check_chain(cert, store, e);
	return r ? r : check_key(cert, ek, e);
}

/* ---- whom it names ------------------------------------------------------- */

static void put_name(const X509_NAME *name, char out[KR_EKCERT_NAME_BYTES])
{
	KR_AUTO(kr_ossl_autobio) BIO *b = BIO_new(BIO_s_mem());
	int n = b && X509_NAME_print_ex(b, name, 0, XN_FLAG_RFC2253) > 0 ?
		BIO_read(b, out, KR_EKCERT_NAME_BYTES - 1) : 0;

	ERR_clear_error();
	out[n > 0 ? n : 0] = '\0';
	for (char *p = out; *p; p++)	/* escaped already; make sure */
		if (*p < ' ' || *p > '~')
			*p = '?';
}

/* Where the profile wants maker, model and version, beside an empty subject. */
static void put_other_name(X509 *cert, char out[KR_EKCERT_NAME_BYTES])
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name,
						NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && !out[0]; i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);

		if (g->type == GEN_DIRNAME)
			put_name(g->d.directoryName, out);
	}
	GENERAL_NAMES_free(names);
}

int kr_ekcert_read(const uint8_t *der, size_t n_der, const struct kr_tpmkey *ek,
		   struct kr_ekcert_names *ret, struct kr_err *e)
{
	KR_AUTO(kr_ossl_autocert) X509 *cert = read_cert(der, n_der);
	int r;

	if (!cert)
		return kr_fail(e, KR_E_EK_CERT, "it is no certificate");
	r = check_key(cert, ek, e);
	if (r)
		return r;
	put_name(X509_get_subject_name(cert), ret->subject);
	if (!ret->subject[0])
		put_other_name(cert, ret->subject);
	put_name(X509_get_issuer_name(cert), ret->issuer);
	return 0;
}
