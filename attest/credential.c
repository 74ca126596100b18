/* SPDX-License-Identifier: Apache-2.0 */
/*
 * credential.c - credential protection (TPM 2.0, part 1, 24, with the key
 * derivations of 11.4.10 and annexes B.10 and C.6). Pure.
 */
#include "attest/credential.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <string.h>

#include "base/cursor.h"
#include "evidence/ossl.h"

#define IDENTITY	"IDENTITY"	/* labels count with their NULs */
#define COORDINATE_MAX	48u

struct seed {
	uint8_t	b[KR_PCR_BYTES_MAX];
	size_t	n;
};

static void wipe_seed(struct seed *s)
{
	kr_wipe(s, sizeof(*s));
}

static inline void autoctx(EVP_PKEY_CTX **p) { EVP_PKEY_CTX_free(*p); }

/* ---- the seed, for an RSA key -------------------------------------------- */

static bool rsa_seed(const struct kr_tpmkey *ek, struct seed *s,
		     struct kr_wr *out)
{
	const EVP_MD *md = kr_bank_md(ek->hash);
	KR_AUTO(autoctx) EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(ek->key, NULL);
	uint8_t *label = OPENSSL_memdup(IDENTITY, sizeof(IDENTITY));
	uint8_t wrapped[512];
	size_t n = sizeof(wrapped);

	if (!c || !label || RAND_bytes(s->b, (int)s->n) != 1 ||
	    EVP_PKEY_encrypt_init(c) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_rsa_oaep_md(c, md) != 1 ||
	    EVP_PKEY_CTX_set_rsa_mgf1_md(c, md) != 1 ||
	    EVP_PKEY_CTX_set0_rsa_oaep_label(c, label, sizeof(IDENTITY)) != 1) {
		OPENSSL_free(label);
		return false;
	}
	if (EVP_PKEY_encrypt(c, wrapped, &n, s->b, s->n) != 1)
		return false;
	kr_wr_bytes(out, wrapped, n);
	return true;
}

/* ---- the seed, for a key on a curve -------------------------------------- */

static bool coordinate(EVP_PKEY *key, const char *which, uint8_t *out,
		       size_t n)
{
	BIGNUM *v = NULL;
	bool ok = EVP_PKEY_get_bn_param(key, which, &v) == 1 &&
		  BN_bn2binpad(v, out, (int)n) == (int)n;

	BN_free(v);
	return ok;
}

static bool derive(EVP_PKEY *own, EVP_PKEY *peer, uint8_t *z, size_t n)
{
	KR_AUTO(autoctx) EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(own, NULL);
	size_t n_z = n;

	return c && EVP_PKEY_derive_init(c) == 1 &&
	       EVP_PKEY_derive_set_peer(c, peer) == 1 &&
	       EVP_PKEY_derive(c, z, &n_z) == 1 && n_z == n;
}

/* KDFe: one block of the hash is as long as a seed */
static bool kdfe(enum kr_bank hash, const uint8_t *z, const uint8_t *own_x,
		 const uint8_t *ek_x, size_t n, struct seed *s)
{
	uint8_t text[4 + sizeof(IDENTITY) + 3 * COORDINATE_MAX];
	struct kr_wr w = KR_WR(text, sizeof(text));
	bool ok;

	kr_wr_u32(&w, 1);
	kr_wr_bytes(&w, z, n);
	kr_wr_bytes(&w, IDENTITY, sizeof(IDENTITY));
	kr_wr_bytes(&w, own_x, n);
	kr_wr_bytes(&w, ek_x, n);
	ok = !w.bad && EVP_Digest(text, kr_wr_len(&w), s->b, NULL,
				  kr_bank_md(hash), NULL) == 1;
	kr_wipe(text, sizeof(text));
	return ok;
}

static bool ecc_seed(const struct kr_tpmkey *ek, struct seed *s,
		     struct kr_wr *out)
{
	const size_t n = ((size_t)EVP_PKEY_get_bits(ek->key) + 7) / 8;
	KR_AUTO(kr_ossl_autokey) EVP_PKEY *own =
		EVP_EC_gen(n == 32 ? "P-256" : "P-384");
	uint8_t z[COORDINATE_MAX], x[COORDINATE_MAX], y[COORDINATE_MAX];
	uint8_t ek_x[COORDINATE_MAX];
	bool ok = own && n <= COORDINATE_MAX &&
		  coordinate(own, OSSL_PKEY_PARAM_EC_PUB_X, x, n) &&
		  coordinate(own, OSSL_PKEY_PARAM_EC_PUB_Y, y, n) &&
		  coordinate(ek->key, OSSL_PKEY_PARAM_EC_PUB_X, ek_x, n) &&
		  derive(own, ek->key, z, n) &&
		  kdfe(ek->hash, z, x, ek_x, n, s);

	kr_wipe(z, sizeof(z));
	if (!ok)
		return false;
	kr_wr_u16(out, (uint16_t)n);
	kr_wr_bytes(out, x, n);
	kr_wr_u16(out, (uint16_t)n);
	kr_wr_bytes(out, y, n);
	return true;
}

/* ---- what the seed protects ---------------------------------------------- */

/* KDFa, at most one block: HMAC(seed, 1 || label || 0 || context || bits) */
static bool kdfa(enum kr_bank hash, const struct seed *s, const char *label,
		 const struct kr_tpmname *context, uint32_t bits, uint8_t *ret)
{
	uint8_t text[4 + 16 + KR_TPMNAME_BYTES_MAX + 4];
	struct kr_wr w = KR_WR(text, sizeof(text));

	kr_wr_u32(&w, 1);
	kr_wr_bytes(&w, label, strlen(label) + 1);
	if (context)
		kr_wr_bytes(&w, context->b, context->n);
	kr_wr_u32(&w, bits);
	return !w.bad && HMAC(kr_bank_md(hash), s->b, (int)s->n, text,
			      kr_wr_len(&w), ret, NULL);
}

static bool encrypt(const struct kr_tpmkey *ek, const struct seed *s,
		    const struct kr_tpmname *ak, uint8_t *text, size_t n)
{
	static const uint8_t iv[16];
	const EVP_CIPHER *aes = ek->aes_bits == 128 ? EVP_aes_128_cfb128()
						    : EVP_aes_256_cfb128();
	uint8_t key[KR_PCR_BYTES_MAX];
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int out;
	bool ok = c &&
		  kdfa(ek->hash, s, "STORAGE", ak, ek->aes_bits, key) &&
		  EVP_EncryptInit_ex(c, aes, NULL, key, iv) == 1 &&
		  EVP_EncryptUpdate(c, text, &out, text, (int)n) == 1;

	EVP_CIPHER_CTX_free(c);
	kr_wipe(key, sizeof(key));
	return ok;
}

/* TPM2B_ID_OBJECT: HMAC of the encrypted secret and the key's name, both */
static bool protect(const struct kr_tpmkey *ek, const struct seed *s,
		    const struct kr_tpmname *ak, const uint8_t *secret,
		    size_t n_secret, struct kr_wr *w)
{
	const size_t n_hash = kr_bank_bytes(ek->hash);
	uint8_t text[2 + KR_TPM_SECRET_MAX + KR_TPMNAME_BYTES_MAX];
	uint8_t key[KR_PCR_BYTES_MAX], mac[KR_PCR_BYTES_MAX];
	struct kr_wr t = KR_WR(text, sizeof(text));
	const size_t n = 2 + n_secret;
	bool ok;

	kr_wr_u16(&t, (uint16_t)n_secret);
	kr_wr_bytes(&t, secret, n_secret);
	kr_wr_bytes(&t, ak->b, ak->n);
	ok = !t.bad && encrypt(ek, s, ak, text, n) &&
	     kdfa(ek->hash, s, "INTEGRITY", NULL, (uint32_t)n_hash * 8, key) &&
	     HMAC(kr_bank_md(ek->hash), key, (int)n_hash, text, kr_wr_len(&t),
		  mac, NULL);
	kr_wr_u16(w, (uint16_t)(2 + n_hash + n));
	kr_wr_u16(w, (uint16_t)n_hash);
	kr_wr_bytes(w, mac, n_hash);
	kr_wr_bytes(w, text, n);
	kr_wipe(key, sizeof(key));
	kr_wipe(text, sizeof(text));
	return ok && !w->bad;
}

int kr_credential_make(const struct kr_tpmkey *ek, const struct kr_tpmname *ak,
		       const uint8_t *secret, size_t n_secret,
		       struct kr_tpmcredential *ret, struct kr_err *e)
{
	KR_AUTO(wipe_seed) struct seed s = { .n = kr_bank_bytes(ek->hash) };
	struct kr_wr id = KR_WR(ret->id.b, sizeof(ret->id.b));
	struct kr_wr body = KR_WR(ret->secret.b + 2,
				  sizeof(ret->secret.b) - 2);
	struct kr_wr size = KR_WR(ret->secret.b, 2);

	if (!kr_tpmkey_endorses(ek))
		return kr_fail(e, KR_E_TPM_KEY, "it is no endorsement key");
	if (!n_secret || n_secret > KR_TPM_SECRET_MAX)
		return kr_fail(e, KR_E_LIMIT, "a secret of %zu bytes",
			       n_secret);
	ERR_clear_error();
	if (!(EVP_PKEY_is_a(ek->key, "RSA") ? rsa_seed(ek, &s, &body)
					    : ecc_seed(ek, &s, &body)) ||
	    body.bad || !protect(ek, &s, ak, secret, n_secret, &id))
		return kr_ossl_fail(e, KR_E_CRYPTO, "cannot make a credential");
	kr_wr_u16(&size, (uint16_t)kr_wr_len(&body));
	ret->secret.n = 2 + kr_wr_len(&body);
	ret->id.n = kr_wr_len(&id);
	return 0;
}
