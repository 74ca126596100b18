/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_quote.c - keys and quotes as a TPM would say them, made by hand, so
 * that they can be wrong in ways in which no TPM is. And what they are bound
 * to. test_tpm has real ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "attest/binding.h"
#include "attest/quote.h"
#include "base/cursor.h"
#include "base/fd.h"

#define N(a)	(sizeof(a) / sizeof((a)[0]))
#define ATTESTS	0x50072u		/* attributes of such a key */
#define ENDORSES 0x300b2u

struct bytes {
	uint8_t	b[1200];
	size_t	n;
};

/* ---- by hand ------------------------------------------------------------- */

static void number(struct kr_wr *w, EVP_PKEY *key, const char *which, int n)
{
	BIGNUM *v = NULL;
	uint8_t b[512];

	assert_int_equal(EVP_PKEY_get_bn_param(key, which, &v), 1);
	assert_int_equal(BN_bn2binpad(v, b, n), n);
	BN_free(v);
	kr_wr_u16(w, (uint16_t)n);
	kr_wr_bytes(w, b, (size_t)n);
}

static struct bytes public_of(EVP_PKEY *key, uint32_t attributes)
{
	const bool ec = EVP_PKEY_is_a(key, "EC");
	struct bytes out = { .n = 0 };
	struct kr_wr w = KR_WR(out.b + 2, sizeof(out.b) - 2);

	kr_wr_u16(&w, ec ? 0x23 : 1);
	kr_wr_u16(&w, 0xb);
	kr_wr_u32(&w, attributes);
	kr_wr_u16(&w, 0);		/* policy */
	kr_wr_u16(&w, 0x10);		/* wraps nothing */
	kr_wr_u16(&w, 0x10);		/* any scheme */
	if (ec) {
		const int n = (EVP_PKEY_get_bits(key) + 7) / 8;

		kr_wr_u16(&w, n == 32 ? 3 : 4);
		kr_wr_u16(&w, 0x10);
		number(&w, key, OSSL_PKEY_PARAM_EC_PUB_X, n);
		number(&w, key, OSSL_PKEY_PARAM_EC_PUB_Y, n);
	} else {
		kr_wr_u16(&w, (uint16_t)EVP_PKEY_get_bits(key));
		kr_wr_u32(&w, 0);
		number(&w, key, OSSL_PKEY_PARAM_RSA_N,
		       EVP_PKEY_get_size(key));
	}
	out.n = 2 + kr_wr_len(&w);
	out.b[0] = (uint8_t)((out.n - 2) >> 8);
	out.b[1] = (uint8_t)(out.n - 2);
	return out;
}

static struct kr_tpmkey parsed(EVP_PKEY *key, uint32_t attributes)
{
	const struct bytes b = public_of(key, attributes);
	struct kr_tpmkey k;

	assert_int_equal(kr_tpmkey_parse(b.b, b.n, &k, NULL), 0);
	return k;
}

/* What a TPM would say, but for what is asked to be otherwise. */
struct how {
	uint32_t magic, n_banks;
	uint16_t type, bank;
	uint8_t	 n_select;
	size_t	 n_extra, n_digest, n_more;
};

static const struct how right = { .magic = 0xff544347, .type = 0x8018,
				  .n_banks = 1, .bank = 0xb, .n_select = 3,
				  .n_extra = 32, .n_digest = 32 };

static struct bytes attest(const struct kr_tpmkey *k, const struct how *h)
{
	static const uint8_t zero[128];
	struct bytes out = { .n = 0 };
	struct kr_wr w = KR_WR(out.b + 2, sizeof(out.b) - 2);
	struct kr_tpmname name;

	assert_true(kr_tpmkey_qualified(k, &name));
	kr_wr_u32(&w, h->magic);
	kr_wr_u16(&w, h->type);
	kr_wr_u16(&w, (uint16_t)name.n);
	kr_wr_bytes(&w, name.b, name.n);
	kr_wr_u16(&w, (uint16_t)h->n_extra);
	kr_wr_bytes(&w, zero, h->n_extra);
	kr_wr_u64(&w, 123456);
	kr_wr_u32(&w, 7);
	kr_wr_u32(&w, 2);
	kr_wr_u8(&w, 1);
	kr_wr_u64(&w, 0x2019);
	kr_wr_u32(&w, h->n_banks);
	kr_wr_u16(&w, h->bank);
	kr_wr_u8(&w, h->n_select);
	kr_wr_bytes(&w, "\x97\x00\x80\x00", h->n_select > 4 ? 4 : h->n_select);
	kr_wr_u16(&w, (uint16_t)h->n_digest);
	kr_wr_bytes(&w, zero, h->n_digest + h->n_more);
	assert_false(w.bad);
	out.n = 2 + kr_wr_len(&w);
	out.b[1] = (uint8_t)(out.n - 2);
	return out;
}

static struct bytes signature(EVP_PKEY *key, uint16_t alg, uint16_t hash,
			      const struct bytes *a)
{
	const EVP_MD *md = hash == 4 ? EVP_sha1() :
			   kr_bank_md(kr_bank_of_alg(hash));
	struct bytes out = { .n = 0 };
	struct kr_wr w = KR_WR(out.b, sizeof(out.b));
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	EVP_PKEY_CTX *p;
	uint8_t sig[600], rs[48];
	size_t n = sizeof(sig);

	assert_int_equal(EVP_DigestSignInit(c, &p, md, NULL, key), 1);
	if (alg == 0x16)
		EVP_PKEY_CTX_set_rsa_padding(p, RSA_PKCS1_PSS_PADDING);
	assert_int_equal(EVP_DigestSign(c, sig, &n, a->b + 2, a->n - 2), 1);
	EVP_MD_CTX_free(c);
	kr_wr_u16(&w, alg);
	kr_wr_u16(&w, hash);
	if (alg == 0x18) {
		const uint8_t *der = sig;
		ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &der, (long)n);
		const int size = (EVP_PKEY_get_bits(key) + 7) / 8;

		BN_bn2binpad(ECDSA_SIG_get0_r(s), rs, size);
		kr_wr_u16(&w, (uint16_t)size);
		kr_wr_bytes(&w, rs, (size_t)size);
		BN_bn2binpad(ECDSA_SIG_get0_s(s), rs, size);
		kr_wr_u16(&w, (uint16_t)size);
		kr_wr_bytes(&w, rs, (size_t)size);
		ECDSA_SIG_free(s);
	} else {
		kr_wr_u16(&w, (uint16_t)n);
		kr_wr_bytes(&w, sig, n);
	}
	out.n = kr_wr_len(&w);
	return out;
}

static enum kr_code verify(const struct kr_tpmkey *k, const struct bytes *a,
			   const struct bytes *s, struct kr_quote *ret)
{
	struct kr_err e = KR_ERR_NONE;

	return kr_quote_verify(k, a->b, a->n, s->b, s->n, ret, &e) ? e.kr
								   : KR_OK;
}

static EVP_PKEY *p256, *p384, *rsa;

static int make_keys(void **state)
{
	(void)state;
	p256 = EVP_EC_gen("P-256");
	p384 = EVP_EC_gen("P-384");
	rsa = EVP_RSA_gen(2048);
	return p256 && p384 && rsa ? 0 : -1;
}

static int free_keys(void **state)
{
	(void)state;
	EVP_PKEY_free(p256);
	EVP_PKEY_free(p384);
	EVP_PKEY_free(rsa);
	return 0;
}

/* ---- keys ---------------------------------------------------------------- */

static void what_a_key_is_for(void **state)
{
	static const struct { uint32_t attributes; bool attests; } x[] = {
		{ ATTESTS, true }, { ATTESTS | 1u << 10, true },
		{ ATTESTS & ~(1u << 1), false },	/* may leave the TPM */
		{ ATTESTS & ~(1u << 4), false },	/* or its parent */
		{ ATTESTS & ~(1u << 5), false },	/* was put into it */
		{ ATTESTS & ~(1u << 16), false },	/* signs anything */
		{ ATTESTS & ~(1u << 18), false },	/* signs nothing */
		{ ATTESTS | 1u << 17, false },		/* decrypts as well */
		{ ENDORSES, false }, { 0, false },
	};

	(void)state;
	for (size_t i = 0; i < N(x); i++) {
		struct kr_tpmkey k = parsed(p256, x[i].attributes);

		assert_int_equal(kr_tpmkey_attests(&k), x[i].attests);
		assert_false(kr_tpmkey_endorses(&k)); /* it wraps nothing */
		kr_tpmkey_fini(&k);
	}
}

static void keys_that_cannot_be(void **state)
{
	EVP_PKEY *const keys[] = { p256, p384, rsa };
	struct kr_tpmkey k;

	(void)state;
	for (size_t i = 0; i < N(keys); i++) {
		struct bytes b = public_of(keys[i], ATTESTS);

		assert_int_equal(kr_tpmkey_parse(b.b, b.n, &k, NULL), 0);
		assert_int_equal(EVP_PKEY_eq(k.key, keys[i]), 1);
		kr_tpmkey_fini(&k);
		for (size_t n = 0; n < b.n; n++)
			assert_true(kr_tpmkey_parse(b.b, n, &k, NULL) < 0);
		assert_true(kr_tpmkey_parse(b.b, b.n + 1, &k, NULL) < 0);
		b.b[5] = 4;			/* named by SHA-1 */
		assert_true(kr_tpmkey_parse(b.b, b.n, &k, NULL) < 0);
		b.b[5] = 0xb;
		b.b[3] ^= 0x40;			/* another type */
		assert_true(kr_tpmkey_parse(b.b, b.n, &k, NULL) < 0);
		b.b[3] ^= 0x40;
		if (keys[i] == rsa)
			continue;
		b.b[b.n - 1] ^= 1;		/* not on its curve */
		assert_true(kr_tpmkey_parse(b.b, b.n, &k, NULL) < 0);
	}
}

/* ---- quotes -------------------------------------------------------------- */

static void every_kind_of_signature(void **state)
{
	const struct { EVP_PKEY *key; uint16_t alg, hash; enum kr_code want; }
	x[] = {
		{ p256, 0x18, 0xb, KR_OK }, { p384, 0x18, 0xc, KR_OK },
		{ p256, 0x18, 0xd, KR_OK }, { rsa, 0x14, 0xb, KR_OK },
		{ rsa, 0x16, 0xb, KR_OK }, { rsa, 0x16, 0xc, KR_OK },
		{ p256, 0x18, 4, KR_E_QUOTE }, { rsa, 0x14, 4, KR_E_QUOTE },
	};

	(void)state;
	for (size_t i = 0; i < N(x); i++) {
		struct kr_tpmkey k = parsed(x[i].key, ATTESTS);
		struct how h = right;
		struct bytes a, s;
		struct kr_quote q;

		h.n_digest = x[i].hash == 0xc ? 48 : x[i].hash == 0xd ? 64 : 32;
		a = attest(&k, &h);
		s = signature(x[i].key, x[i].alg, x[i].hash, &a);
		assert_int_equal(verify(&k, &a, &s, &q), x[i].want);
		if (!x[i].want) {
			assert_int_equal(q.mask, 0x800097);
			assert_int_equal(q.alg, 0xb);
			assert_int_equal(q.clock.clock_ms, 123456);
			assert_int_equal(q.clock.resets, 7);
			assert_int_equal(q.clock.restarts, 2);
			assert_true(q.clock.safe);
			/* called another kind than it is */
			for (uint8_t alg = 0x14; alg <= 0x1a; alg++) {
				s.b[1] = alg;
				if (alg != x[i].alg)
					assert_true(verify(&k, &a, &s, &q));
			}
		}
		kr_tpmkey_fini(&k);
	}
}

/* Signed by the right key, and yet no quote that counts. */
static void what_is_signed_and_no_quote(void **state)
{
	struct kr_tpmkey k = parsed(p256, ATTESTS), other;
	struct how h[9];
	const enum kr_code want[N(h)] = { [7] = KR_E_PCR_BANK,
					  [8] = KR_E_PCR_BANK };
	struct bytes a, s;
	struct kr_quote q;

	(void)state;
	for (size_t i = 0; i < N(h); i++)
		h[i] = right;
	h[0].magic = 0;			/* what anyone can have signed */
	h[1].type = 0x8017;
	h[2].n_extra = 65;
	h[3].n_select = 4;
	h[4].n_digest = 20;
	h[5].n_digest = 48;
	h[6].n_more = 1;
	h[7].n_banks = 0;
	h[8].n_banks = 2;
	for (size_t i = 0; i < N(h); i++) {
		a = attest(&k, &h[i]);
		s = signature(p256, 0x18, 0xb, &a);
		assert_int_equal(verify(&k, &a, &s, &q),
				 want[i] ? want[i] : KR_E_QUOTE);
	}
	/* a key of the same number, but with which anything can be signed */
	other = parsed(p256, ATTESTS & ~(1u << 16));
	a = attest(&other, &right);
	s = signature(p256, 0x18, 0xb, &a);
	assert_int_equal(verify(&other, &a, &s, &q), KR_OK);
	assert_false(kr_tpmkey_attests(&other));
	assert_int_equal(verify(&k, &a, &s, &q), KR_E_QUOTE_FORGED);
	kr_tpmkey_fini(&other);
	kr_tpmkey_fini(&k);
}

static void cut_quotes_are_refused(void **state)
{
	struct kr_tpmkey k = parsed(p256, ATTESTS);
	struct bytes a = attest(&k, &right);
	struct bytes s = signature(p256, 0x18, 0xb, &a), b;
	struct kr_quote q;

	(void)state;
	for (b = a, b.n = 0; b.n < a.n; b.n++) {
		assert_int_equal(verify(&k, &b, &s, &q), KR_E_QUOTE);
		assert_true(kr_quote_peek(b.b, b.n, KR_BANK_SHA256, &q,
					  NULL) < 0);
	}
	for (b = s, b.n = 0; b.n < s.n; b.n++)
		assert_int_equal(verify(&k, &a, &b, &q), KR_E_QUOTE);
	b.n++;
	assert_int_equal(verify(&k, &a, &b, &q), KR_E_QUOTE);
	kr_tpmkey_fini(&k);
}

/* ---- what it is bound to ------------------------------------------------- */

static struct kr_binding sample(void)
{
	struct kr_binding b = { .role = KR_SOURCE, .vm = "web-1" };

	memset(b.attester, 1, 32);
	memset(b.verifier, 2, 32);
	memset(b.nonce, 3, 32);
	memset(b.exporter, 4, 32);
	memset(b.policy, 5, 32);
	return b;
}

#define M(member, kr)	{ offsetof(struct kr_binding, member), kr }

static void what_differs_is_named(void **state)
{
	static const struct { size_t at; enum kr_code kr; } x[] = {
		M(attester, KR_E_ATTEST_RELAYED),
		M(attester[31], KR_E_ATTEST_RELAYED),
		M(verifier, KR_E_ATTEST_RELAYED), M(nonce, KR_E_ATTEST_NONCE),
		M(exporter[31], KR_E_ATTEST_CHANNEL),
		M(role, KR_E_ATTEST_ROLE), M(vm, KR_E_ATTEST_VM),
		M(vm[5], KR_E_ATTEST_VM), M(policy, KR_E_ATTEST_POLICY),
	};
	const struct kr_binding want = sample();
	uint8_t d[KR_BINDING_BYTES], other[KR_BINDING_BYTES];
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	assert_int_equal(kr_binding_digest(&want, d, NULL), 0);
	assert_int_equal(kr_binding_check(&want, &want, d, 32, NULL), 0);
	for (size_t i = 0; i < N(x); i++) {
		struct kr_binding b = want;

		e = KR_ERR_NONE;
		((char *)&b)[x[i].at] ^= 1;
		assert_true(kr_binding_check(&b, &want, d, 32, &e) < 0);
		assert_int_equal(e.kr, x[i].kr);
		/* and said rightly, but signed otherwise */
		e = KR_ERR_NONE;
		assert_int_equal(kr_binding_digest(&b, other, NULL), 0);
		assert_true(kr_binding_check(&want, &want, other, 32, &e) < 0);
		assert_int_equal(e.kr, KR_E_ATTEST_CLAIMS);
	}
	assert_true(kr_binding_check(&want, &want, d, 31, NULL) < 0);
	assert_true(kr_binding_check(&want, &want, d, 0, NULL) < 0);
}

/* Of no two bindings the hashed texts are the same. */
static void the_binding_is_this_text(void **state)
{
	static const struct { const char *label; uint8_t fill; } parts[] = {
		{ "attester", 1 }, { "verifier", 2 }, { "nonce", 3 },
		{ "exporter", 4 },
	};
	const struct kr_binding b = sample();
	uint8_t text[512], got[32], want[32], fill[32];
	struct kr_wr w = KR_WR(text, sizeof(text));

	(void)state;
	kr_wr_str(&w, "korora attestation binding v1");
	for (size_t i = 0; i < N(parts); i++) {
		memset(fill, parts[i].fill, 32);
		kr_wr_str(&w, parts[i].label);
		kr_wr_u16(&w, 32);
		kr_wr_bytes(&w, fill, 32);
	}
	kr_wr_str(&w, "role");
	kr_wr_u16(&w, 1);
	kr_wr_u8(&w, 0);
	kr_wr_str(&w, "vm");
	kr_wr_str(&w, "web-1");
	kr_wr_str(&w, "policy");
	kr_wr_u16(&w, 32);
	memset(fill, 5, 32);
	kr_wr_bytes(&w, fill, 32);
	EVP_Digest(text, kr_wr_len(&w), want, NULL, EVP_sha256(), NULL);
	assert_int_equal(kr_binding_digest(&b, got, NULL), 0);
	assert_memory_equal(got, want, 32);
	/* and this, which PROTOCOL.evidence.md has, too */
	assert_true(kr_unhex("6b7c762b86326ee0b255b94c3e200566"
			     "2a8abd88002f69919abcab9ce3697bef", want, 32));
	assert_memory_equal(got, want, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_key_is_for),
		cmocka_unit_test(keys_that_cannot_be),
		cmocka_unit_test(every_kind_of_signature),
		cmocka_unit_test(what_is_signed_and_no_quote),
		cmocka_unit_test(cut_quotes_are_refused),
		cmocka_unit_test(what_differs_is_named),
		cmocka_unit_test(the_binding_is_this_text),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
