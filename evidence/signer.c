/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signer.c - a person's private key, opened where it lies and used there.
 * Runs in the client.
 *
 * Files and TPMs are opened through OpenSSL's store, in a library context of
 * their own, so that a provider which offers everything, as tpm2 does, takes
 * part in nothing but this key. For tokens Debian 12 has no provider, only
 * the engine, an interface that OpenSSL 3.0 calls deprecated.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "evidence/signer.h"

#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/ossl.h"

#define TPM_FILE	"-----BEGIN TSS2 PRIVATE KEY-----"

struct kr_signer {
	OSSL_LIB_CTX	 *lib;		/* NULL: OpenSSL's default */
	OSSL_PROVIDER	 *tpm2, *standard;
	ENGINE		 *engine;	/* of a token */
	EVP_PKEY	 *key;
	struct kr_pubkey *pub;
};

static bool begins(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/* The provider does not load without a TPM: only where one is needed. */
static bool is_tpm(const char *where)
{
	KR_AUTOFREE char *text = NULL;

	if (begins(where, "handle:") || begins(where, "object:"))
		return true;
	return !kr_read_file(where, KR_PUBKEY_FILE_MAX, &text, NULL) &&
	       strstr(text, TPM_FILE);
}

static int load_providers(struct kr_signer *s, bool tpm, struct kr_err *e)
{
	s->lib = OSSL_LIB_CTX_new();
	if (!s->lib)
		return kr_ossl_fail(e, KR_E_CRYPTO, "out of memory");
	/* first: the first that can decode a key has it */
	if (tpm && !(s->tpm2 = OSSL_PROVIDER_load(s->lib, "tpm2")))
		return kr_ossl_fail(e, KR_E_KEY_FILE, "the TPM cannot be used: "
				    "is tpm2-openssl installed, is "
				    "TPM2OPENSSL_TCTI right?");
	s->standard = OSSL_PROVIDER_load(s->lib, "default");
	return s->standard ? 0 : kr_ossl_fail(e, KR_E_CRYPTO,
					      "OpenSSL has no provider");
}

static int from_store(struct kr_signer *s, const char *where,
		      struct kr_err *e)
{
	OSSL_STORE_INFO *found = NULL;
	OSSL_STORE_CTX *st;
	int r = load_providers(s, is_tpm(where), e);

	if (r)
		return r;
	st = OSSL_STORE_open_ex(where, s->lib, NULL, UI_OpenSSL(),
				NULL, NULL, NULL, NULL);
	if (st)
		OSSL_STORE_expect(st, OSSL_STORE_INFO_PKEY);
	while (st && !found && !OSSL_STORE_eof(st) &&
	       (found = OSSL_STORE_load(st))) {
		s->key = OSSL_STORE_INFO_get1_PKEY(found);
		if (!s->key) {
			OSSL_STORE_INFO_free(found);
			found = NULL;
		}
	}
	OSSL_STORE_INFO_free(found);
	OSSL_STORE_close(st);
	return s->key ? 0 : kr_ossl_fail(e, KR_E_KEY_FILE,
					 "no private key can be read there");
}

static int from_token(struct kr_signer *s, const char *where,
		      struct kr_err *e)
{
	ENGINE *found;

	ENGINE_load_dynamic();
	found = ENGINE_by_id("pkcs11");
	if (found && ENGINE_init(found))
		s->engine = found;
	ENGINE_free(found);
	if (!s->engine)
		return kr_ossl_fail(e, KR_E_KEY_FILE, "tokens cannot be used: "
				    "is libengine-pkcs11-openssl installed, "
				    "is PKCS11_MODULE_PATH right?");
	s->key = ENGINE_load_private_key(s->engine, where,
					 UI_OpenSSL(), NULL);
	return s->key ? 0 : kr_ossl_fail(e, KR_E_KEY_FILE,
					 "the token gives no such key");
}

static int take_public(struct kr_signer *s, struct kr_err *e)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(s->key, &der);
	int r = n > 0 ? kr_pubkey_parse(der, (size_t)n, &s->pub, e) :
			kr_ossl_fail(e, KR_E_KEY_FILE,
				     "its public key cannot be read");

	OPENSSL_free(der);
	return r;
}

int kr_signer_open(const char *where, struct kr_signer **ret_s,
		   struct kr_err *e)
{
	KR_AUTO(kr_signer_autofree) struct kr_signer *s =
		calloc(1, sizeof(*s));
	int r;

	if (!s)
		return kr_fail(e, KR_E_CRYPTO, "out of memory");
	r = begins(where, "pkcs11:") ? from_token(s, where, e) :
				       from_store(s, where, e);
	if (!r)
		r = take_public(s, e);
	if (r)
		return r;
	*ret_s = s;
	s = NULL;
	return 0;
}

const struct kr_pubkey *kr_signer_pubkey(const struct kr_signer *s)
{
	return s->pub;
}

static int sign(const struct kr_signer *s, const void *data, size_t n_bytes,
		struct kr_dsse_sig *ret_sig, struct kr_err *e)
{
	KR_AUTO(kr_ossl_automd) EVP_MD_CTX *c = EVP_MD_CTX_new();
	size_t n = sizeof(ret_sig->sig);

	if (!c ||
	    EVP_DigestSignInit_ex(c, NULL, "SHA256", s->lib, NULL, s->key,
				  NULL) != 1 ||
	    EVP_DigestSign(c, ret_sig->sig, &n, data, n_bytes) != 1)
		return kr_ossl_fail(e, KR_E_CRYPTO, "the key does not sign");
	ret_sig->sig_bytes = n;
	memcpy(ret_sig->keyid, kr_pubkey_keyid(s->pub), 32);
	/* a token may sign with another key than it showed */
	return kr_pubkey_verify(s->pub, data, n_bytes, ret_sig->sig, n, e);
}

int kr_signer_envelope(const struct kr_signer *s, const char *type,
		       const void *payload, size_t n_bytes, char **ret_text,
		       struct kr_err *e)
{
	KR_AUTOFREE uint8_t *pae = NULL;
	struct kr_dsse_sig sig;
	size_t n;
	int r = kr_dsse_pae(type, payload, n_bytes, &pae, &n, e);

	if (!r)
		r = sign(s, pae, n, &sig, e);
	return r ? r : kr_dsse_build(type, payload, n_bytes, &sig, 1,
				     ret_text, e);
}

void kr_signer_free(struct kr_signer *s)
{
	if (!s)
		return;
	kr_pubkey_free(s->pub);
	EVP_PKEY_free(s->key);
	if (s->engine)
		ENGINE_finish(s->engine);
	if (s->tpm2)
		OSSL_PROVIDER_unload(s->tpm2);
	if (s->standard)
		OSSL_PROVIDER_unload(s->standard);
	OSSL_LIB_CTX_free(s->lib);
	free(s);
}
