/* SPDX-License-Identifier: Apache-2.0 */
/* ossl.c - OpenSSL made to fit. Used by evidence/ in kororad and the client. */
#include "evidence/ossl.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

int kr_ossl_fail(struct kr_err *e, enum kr_code kr, const char *what)
{
	const char *why = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return kr_fail(e, kr, "%s%s%s", what, why ? ": " : "", why ? why : "");
}

bool kr_ossl_p256(EVP_PKEY *key)
{
	char group[32] = "";
	size_t n;

	return EVP_PKEY_is_a(key, "EC") &&
	       EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME,
					      group, sizeof(group), &n) == 1 &&
	       !strcmp(group, "prime256v1");
}

int kr_ossl_keyid(EVP_PKEY *key, uint8_t ret_keyid[32], struct kr_err *e)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	int ok = n > 0 && EVP_Digest(der, (size_t)n, ret_keyid, NULL,
				     EVP_sha256(), NULL);

	OPENSSL_free(der);
	return ok ? 0 : kr_ossl_fail(e, KR_E_CRYPTO, "cannot hash a key");
}

bool kr_ossl_name_ok(const char *name)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	static const char rest[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t n = strlen(name);

	return n && n < 64 && strspn(name, first) && strspn(name, rest) == n;
}

/* True if @s is exactly @n bytes of @text. */
static bool is_text(const ASN1_STRING *s, const char *text, size_t n)
{
	return (size_t)ASN1_STRING_length(s) == n &&
	       !memcmp(ASN1_STRING_get0_data(s), text, n);
}

static bool common_name_is(X509 *cert, const char *name)
{
	const X509_NAME *dn = X509_get_subject_name(cert);
	int i = X509_NAME_get_index_by_NID(dn, NID_commonName, -1);

	return i >= 0 &&
	       X509_NAME_get_index_by_NID(dn, NID_commonName, i) < 0 &&
	       is_text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(dn, i)),
		       name, strlen(name));
}

bool kr_ossl_cert_name(X509 *cert, char *out)
{
	const size_t n_prefix = sizeof(KR_OSSL_URI) - 1;
	GENERAL_NAMES *all =
		X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	unsigned int n_found = 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
		int type;
		ASN1_STRING *s = GENERAL_NAME_get0_value(
			sk_GENERAL_NAME_value(all, i), &type);
		size_t n = type == GEN_URI ? (size_t)ASN1_STRING_length(s) : 0;

		if (n <= n_prefix || n - n_prefix > 63 ||
		    memcmp(ASN1_STRING_get0_data(s), KR_OSSL_URI, n_prefix))
			continue;
		n -= n_prefix;
		memcpy(out, ASN1_STRING_get0_data(s) + n_prefix, n);
		out[n] = '\0';
		/* A NUL inside makes the text shorter than the value. */
		n_found += strlen(out) == n ? 1 : 2;
	}
	GENERAL_NAMES_free(all);
	return n_found == 1 && kr_ossl_name_ok(out) &&
	       common_name_is(cert, out);
}

int kr_ossl_no_password(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}
