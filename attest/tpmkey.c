/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tpmkey.c - TPMT_PUBLIC (TPM 2.0, part 2, 12.2.4) read and made a key of
 * OpenSSL's. Pure.
 */
#include "attest/tpmkey.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <string.h>

#include "base/cursor.h"
#include "evidence/ossl.h"

#define ALG_NULL	0x0010u
#define ALG_AES		0x0006u
#define ALG_CFB		0x0043u
#define ALG_RSA		0x0001u
#define ALG_ECC		0x0023u
#define ALG_RSAES	0x0015u		/* the one scheme without a hash */
#define ALG_ECDAA	0x001au		/* the one with a counter */
#define RSA_E		65537u

#define A_FIXED_TPM	(1u << 1)
#define A_FIXED_PARENT	(1u << 4)
#define A_ORIGIN	(1u << 5)	/* the TPM made it */
#define A_RESTRICTED	(1u << 16)
#define A_DECRYPT	(1u << 17)
#define A_SIGN		(1u << 18)
#define A_ITS_OWN	(A_FIXED_TPM | A_FIXED_PARENT | A_ORIGIN | A_RESTRICTED)

static const uint8_t endorsement[4] = { 0x40, 0x00, 0x00, 0x0b };

static const struct curve {
	uint16_t    id;
	uint8_t	    n_bytes;
	const char *name;
} curves[] = {
	{ 0x0003, 32, "P-256" },
	{ 0x0004, 48, "P-384" },
};

struct parts {			/* borrowed from what is parsed */
	const struct curve *curve;	/* NULL: RSA */
	const uint8_t	   *a, *b;	/* x and y, or the modulus */
	size_t		    n_a, n_b;
};

/* ---- parsing ------------------------------------------------------------ */

static void get_symmetric(struct kr_rd *r, struct kr_tpmkey *k)
{
	uint16_t alg = kr_rd_u16(r), mode;

	if (alg == ALG_NULL)
		return;
	k->aes_bits = kr_rd_u16(r);
	mode = kr_rd_u16(r);
	r->bad = r->bad || alg != ALG_AES || mode != ALG_CFB ||
		 (k->aes_bits != 128 && k->aes_bits != 256);
}

static void skip_scheme(struct kr_rd *r)
{
	uint16_t scheme = kr_rd_u16(r);

	if (scheme != ALG_NULL && scheme != ALG_RSAES)
		kr_rd_u16(r);		/* its hash */
	r->bad = r->bad || scheme == ALG_ECDAA;
}

static const uint8_t *get_sized(struct kr_rd *r, size_t *ret_n)
{
	*ret_n = kr_rd_u16(r);
	return kr_rd_take(r, *ret_n);
}

static void get_rsa(struct kr_rd *r, struct parts *p)
{
	uint16_t bits;
	uint32_t exponent;

	skip_scheme(r);
	bits = kr_rd_u16(r);
	exponent = kr_rd_u32(r);
	p->a = get_sized(r, &p->n_a);
	r->bad = r->bad || (exponent && exponent != RSA_E) ||
		 (bits != 2048 && bits != 3072 && bits != 4096) ||
		 p->n_a != bits / 8u;
}

static void get_ecc(struct kr_rd *r, struct parts *p)
{
	uint16_t id;

	skip_scheme(r);
	id = kr_rd_u16(r);
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (curves[i].id == id)
			p->curve = &curves[i];
	skip_scheme(r);			/* of key derivation */
	p->a = get_sized(r, &p->n_a);
	p->b = get_sized(r, &p->n_b);
	r->bad = r->bad || !p->curve || p->n_a > p->curve->n_bytes ||
		 p->n_b > p->curve->n_bytes;
}

static bool get_public(struct kr_rd *r, struct kr_tpmkey *k, struct parts *p)
{
	uint16_t type = kr_rd_u16(r);

	k->hash = kr_bank_of_alg(kr_rd_u16(r));
	k->attributes = kr_rd_u32(r);
	kr_rd_take(r, kr_rd_u16(r));	/* the policy of its use */
	get_symmetric(r, k);
	if (type == ALG_RSA)
		get_rsa(r, p);
	else if (type == ALG_ECC)
		get_ecc(r, p);
	else
		r->bad = true;
	return kr_rd_done(r) && k->hash < KR_BANK_N;
}

/* ---- OpenSSL ------------------------------------------------------------ */

/* Numbers may be shorter than their curve's, a point's may not. */
static size_t put_point(const struct parts *p, uint8_t *out)
{
	const size_t n = p->curve->n_bytes;

	memset(out, 0, 1 + 2 * n);
	out[0] = POINT_CONVERSION_UNCOMPRESSED;
	memcpy(out + 1 + n - p->n_a, p->a, p->n_a);
	memcpy(out + 1 + 2 * n - p->n_b, p->b, p->n_b);
	return 1 + 2 * n;
}

static bool build_ecc(OSSL_PARAM_BLD *b, const struct parts *p,
		      uint8_t *point)
{
	return OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME,
					       p->curve->name, 0) &&
	       OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY,
						point, put_point(p, point));
}

static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *b)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (params && c && EVP_PKEY_fromdata_init(c) == 1)
		EVP_PKEY_fromdata(c, &key, EVP_PKEY_PUBLIC_KEY, params);
	EVP_PKEY_CTX_free(c);
	OSSL_PARAM_free(params);
	return key;
}

static EVP_PKEY *make_key(const struct parts *p)
{
	uint8_t point[1 + 2 * 48];
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	BIGNUM *n = p->curve ? NULL : BN_bin2bn(p->a, (int)p->n_a, NULL);
	EVP_PKEY *key = NULL;

	if (b && p->curve && build_ecc(b, p, point))
		key = from_params("EC", b);
	else if (b && n &&
		 OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n) &&
		 OSSL_PARAM_BLD_push_uint(b, OSSL_PKEY_PARAM_RSA_E, RSA_E))
		key = from_params("RSA", b);
	BN_free(n);
	OSSL_PARAM_BLD_free(b);
	return key;
}

/* ---- names -------------------------------------------------------------- */

/* nameAlg || H(first || second) */
static bool make_name(enum kr_bank hash, const uint8_t *first, size_t n_first,
		      const uint8_t *second, size_t n_second,
		      struct kr_tpmname *ret)
{
	KR_AUTO(kr_ossl_automd) EVP_MD_CTX *c = EVP_MD_CTX_new();

	ret->b[0] = (uint8_t)(kr_bank_alg(hash) >> 8);
	ret->b[1] = (uint8_t)kr_bank_alg(hash);
	ret->n = 2 + kr_bank_bytes(hash);
	return c && EVP_DigestInit_ex(c, kr_bank_md(hash), NULL) == 1 &&
	       EVP_DigestUpdate(c, first, n_first) == 1 &&
	       EVP_DigestUpdate(c, second, n_second) == 1 &&
	       EVP_DigestFinal_ex(c, ret->b + 2, NULL) == 1;
}

bool kr_tpmkey_qualified(const struct kr_tpmkey *k, struct kr_tpmname *ret)
{
	return make_name(k->hash, endorsement, sizeof(endorsement), k->name.b,
			 k->name.n, ret);
}

int kr_tpmkey_parse(const uint8_t *data, size_t n_bytes,
		    struct kr_tpmkey *ret_k, struct kr_err *e)
{
	struct kr_rd r = KR_RD(data, n_bytes);
	struct kr_tpmkey k = { 0 };
	struct parts p = { 0 };
	uint16_t n_inner = kr_rd_u16(&r);

	if (n_bytes > KR_TPMKEY_BYTES_MAX || n_inner != kr_rd_left(&r) ||
	    !get_public(&r, &k, &p))
		return kr_fail(e, KR_E_TPM_KEY, "a malformed public key");
	if (!make_name(k.hash, data + 2, n_bytes - 2, NULL, 0, &k.name))
		return kr_ossl_fail(e, KR_E_CRYPTO, "cannot name a key");
	ERR_clear_error();
	k.key = make_key(&p);
	if (!k.key)
		return kr_ossl_fail(e, KR_E_TPM_KEY,
				    "a public key that cannot be");
	*ret_k = k;
	return 0;
}

/* ---- what it is for ------------------------------------------------------ */

static bool is(const struct kr_tpmkey *k, uint32_t use)
{
	return (k->attributes & (A_ITS_OWN | A_SIGN | A_DECRYPT)) ==
	       (A_ITS_OWN | use);
}

bool kr_tpmkey_attests(const struct kr_tpmkey *k)
{
	return is(k, A_SIGN);
}

bool kr_tpmkey_endorses(const struct kr_tpmkey *k)
{
	return is(k, A_DECRYPT) && k->aes_bits;
}

void kr_tpmkey_fini(struct kr_tpmkey *k)
{
	EVP_PKEY_free(k->key);
	*k = (struct kr_tpmkey){ 0 };
}
