/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quote.c - TPMS_ATTEST and TPMT_SIGNATURE (TPM 2.0, part 2, 10.12 and 11.3),
 * verified and read. Pure.
 */
#include "attest/quote.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

#include "base/cursor.h"
#include "evidence/ossl.h"

#define MAGIC		0xff544347u	/* only a TPM begins so */
#define ST_QUOTE	0x8018u
#define ALG_RSASSA	0x0014u
#define ALG_RSAPSS	0x0016u
#define ALG_ECDSA	0x0018u
#define RSA_SIG_MAX	512u
#define ECDSA_NUMBER_MAX 48u
#define SELECT_MAX	3u		/* bytes of a selection of 24 PCRs */

struct sig {
	uint16_t       alg;
	enum kr_bank   hash;
	const uint8_t *a, *b;		/* r and s, or RSA's; borrowed */
	size_t	       n_a, n_b;
};

/* ---- the signature ------------------------------------------------------ */

static bool get_sig(const uint8_t *data, size_t n_bytes, struct sig *s)
{
	struct kr_rd r = KR_RD(data, n_bytes);
	size_t max;

	*s = (struct sig){ 0 };
	s->alg = kr_rd_u16(&r);
	s->hash = kr_bank_of_alg(kr_rd_u16(&r));
	s->n_a = kr_rd_u16(&r);
	s->a = kr_rd_take(&r, s->n_a);
	if (s->alg == ALG_ECDSA) {
		s->n_b = kr_rd_u16(&r);
		s->b = kr_rd_take(&r, s->n_b);
	}
	max = s->alg == ALG_ECDSA ? ECDSA_NUMBER_MAX : RSA_SIG_MAX;
	return kr_rd_done(&r) && s->hash < KR_BANK_N && s->n_a <= max &&
	       s->n_b <= max;
}

/* r and s as OpenSSL wants them; for OPENSSL_free() */
static uint8_t *der(const struct sig *s, size_t *ret_n)
{
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *x = BN_bin2bn(s->a, (int)s->n_a, NULL);
	BIGNUM *y = BN_bin2bn(s->b, (int)s->n_b, NULL);
	uint8_t *out = NULL;
	int n = 0;

	if (pair && x && y && ECDSA_SIG_set0(pair, x, y)) {
		x = y = NULL;
		n = i2d_ECDSA_SIG(pair, &out);
	}
	BN_free(x);
	BN_free(y);
	ECDSA_SIG_free(pair);
	*ret_n = n > 0 ? (size_t)n : 0;
	return out;
}

static bool padding(EVP_PKEY_CTX *c, uint16_t alg)
{
	if (alg == ALG_RSASSA)
		return EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING) > 0;
	return EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PSS_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(c, RSA_PSS_SALTLEN_AUTO) > 0;
}

static bool signed_by(EVP_PKEY *key, const struct sig *s, const uint8_t *body,
		      size_t n)
{
	KR_AUTO(kr_ossl_automd) EVP_MD_CTX *c = EVP_MD_CTX_new();
	const bool ec = s->alg == ALG_ECDSA;
	EVP_PKEY_CTX *how;
	bool ok;

	if (!c || !(ec || s->alg == ALG_RSASSA || s->alg == ALG_RSAPSS) ||
	    !EVP_PKEY_is_a(key, ec ? "EC" : "RSA") ||
	    EVP_DigestVerifyInit(c, &how, kr_bank_md(s->hash), NULL, key) != 1)
		return false;
	if (ec) {
		size_t n_der;
		uint8_t *d = der(s, &n_der);

		ok = d && EVP_DigestVerify(c, d, n_der, body, n) == 1;
		OPENSSL_free(d);
	} else {
		ok = padding(how, s->alg) &&
		     EVP_DigestVerify(c, s->a, s->n_a, body, n) == 1;
	}
	ERR_clear_error();
	return ok;
}

/* ---- what was signed ----------------------------------------------------- */

static size_t get_sized(struct kr_rd *r, uint8_t *out, size_t max)
{
	size_t n = kr_rd_u16(r);

	if (n > max) {
		r->bad = true;
		return 0;
	}
	kr_rd_bytes(r, out, n);
	return n;
}

static void get_clock(struct kr_rd *r, struct kr_tpmclock *c)
{
	uint8_t safe;

	c->clock_ms = kr_rd_u64(r);
	c->resets = kr_rd_u32(r);
	c->restarts = kr_rd_u32(r);
	safe = kr_rd_u8(r);
	r->bad = r->bad || safe > 1;
	c->safe = safe == 1;
}

/* TPMS_PCR_SELECTION */
static void get_selection(struct kr_rd *r, struct kr_quote *q)
{
	uint8_t n;

	q->alg = kr_rd_u16(r);
	n = kr_rd_u8(r);
	if (n > SELECT_MAX)
		r->bad = true;
	for (unsigned int i = 0; i < n && !r->bad; i++)
		q->mask |= (uint32_t)kr_rd_u8(r) << 8 * i;
}

static int get_quote(struct kr_rd *r, struct kr_quote *q, struct kr_err *e)
{
	uint32_t magic = kr_rd_u32(r), n_banks;
	uint16_t type = kr_rd_u16(r);

	if (r->bad || magic != MAGIC || type != ST_QUOTE)
		return kr_fail(e, KR_E_QUOTE, "it is no quote of a TPM");
	q->signer.n = get_sized(r, q->signer.b, sizeof(q->signer.b));
	q->n_extra = get_sized(r, q->extra, sizeof(q->extra));
	get_clock(r, &q->clock);
	q->firmware = kr_rd_u64(r);
	n_banks = kr_rd_u32(r);
	if (!r->bad && n_banks != 1)
		return kr_fail(e, KR_E_PCR_BANK,
			       "it is over %u banks, not over one", n_banks);
	get_selection(r, q);
	if (get_sized(r, q->digest, sizeof(q->digest)) !=
		    kr_bank_bytes(q->hash) || !kr_rd_done(r))
		return kr_fail(e, KR_E_QUOTE, "it is malformed");
	return 0;
}

/* What is in a TPM2B_ATTEST. */
static bool unwrap(const uint8_t *attest, size_t n_attest, struct kr_rd *ret)
{
	uint16_t n;

	*ret = KR_RD(attest, n_attest);
	n = kr_rd_u16(ret);
	return n_attest <= KR_QUOTE_BYTES_MAX && !ret->bad &&
	       n == kr_rd_left(ret);
}

int kr_quote_peek(const uint8_t *attest, size_t n_attest, enum kr_bank hash,
		  struct kr_quote *ret_q, struct kr_err *e)
{
	struct kr_quote q = { .hash = hash };
	struct kr_rd r;
	int res;

	if (!unwrap(attest, n_attest, &r))
		return kr_fail(e, KR_E_QUOTE, "it is malformed");
	res = get_quote(&r, &q, e);
	if (!res)
		*ret_q = q;
	return res;
}

int kr_quote_verify(const struct kr_tpmkey *ak, const uint8_t *attest,
		    size_t n_attest, const uint8_t *sig, size_t n_sig,
		    struct kr_quote *ret_q, struct kr_err *e)
{
	struct kr_tpmname own;
	struct kr_quote q;
	struct kr_rd r;
	struct sig s;
	int res;

	if (!unwrap(attest, n_attest, &r) || n_sig > KR_TPMSIG_BYTES_MAX ||
	    !get_sig(sig, n_sig, &s))
		return kr_fail(e, KR_E_QUOTE, "quote or signature malformed");
	if (!signed_by(ak->key, &s, r.p, kr_rd_left(&r)))
		return kr_fail(e, KR_E_QUOTE_FORGED,
			       "the signature does not verify");
	res = kr_quote_peek(attest, n_attest, s.hash, &q, e);
	if (res)
		return res;
	if (!kr_tpmkey_qualified(ak, &own) || own.n != q.signer.n ||
	    memcmp(own.b, q.signer.b, own.n))
		return kr_fail(e, KR_E_QUOTE_FORGED,
			       "it names another key as its signer");
	*ret_q = q;
	return 0;
}

bool kr_quote_has(const struct kr_quote *q, const struct kr_pcrs *p)
{
	uint8_t d[KR_PCR_BYTES_MAX];

	return q->alg == kr_bank_alg(p->bank) && q->mask == p->mask &&
	       kr_pcrs_digest(p, q->hash, d) &&
	       !memcmp(d, q->digest, kr_bank_bytes(q->hash));
}
