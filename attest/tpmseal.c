/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tpmseal.c - see tpmseal.h. Runs in korora-tpm; reader and writer of what is
 * sealed also where it is kept.
 *
 * The key is an object below the storage root that has no authorisation but a
 * policy. Sessions are salted by the storage root and encrypt parameters.
 */
#include "attest/tpmseal.h"

#include <string.h>
#include <tss2/tss2_mu.h>

#include "attest/esys.h"
#include "base/fd.h"

#define N0		ESYS_TR_NONE
#define PW		ESYS_TR_PASSWORD	/* an empty one */
#define FORMAT		1u
#define ALL_PCRS	((1u << KR_PCRS) - 1)
#define RC_KIND		(TPM2_RC_FMT1 | 0x3fu)	/* without whose fault */

/* TCG, storage root key of P-256 */
static const TPM2B_PUBLIC root_template = { .publicArea = {
	.type = TPM2_ALG_ECC, .nameAlg = TPM2_ALG_SHA256,
	.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
		TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
		TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED |
		TPMA_OBJECT_DECRYPT,
	.parameters.eccDetail = {
		.symmetric = { .algorithm = TPM2_ALG_AES, .keyBits.aes = 128,
			       .mode.aes = TPM2_ALG_CFB },
		.scheme.scheme = TPM2_ALG_NULL,
		.curveID = TPM2_ECC_NIST_P256,
		.kdf.scheme = TPM2_ALG_NULL },
	.unique.ecc = { .x.size = 32, .y.size = 32 },
} };

static const TPML_PCR_SELECTION no_pcrs = { .count = 0 };
static const TPM2B_DATA no_data = { .size = 0 };

/* ---- on the way ---------------------------------------------------------- */

static int make_root(ESYS_CONTEXT *c, struct kr_esys_handle *ret,
		     struct kr_err *e)
{
	const TPM2B_SENSITIVE_CREATE empty = { .size = 0 };
	TSS2_RC rc = Esys_CreatePrimary(c, ESYS_TR_RH_OWNER, PW, N0, N0,
					&empty, &root_template, &no_data,
					&no_pcrs, &ret->h, NULL, NULL, NULL,
					NULL);

	return rc ? kr_esys_fail(e, rc, "no storage root can be made") : 0;
}

static int session(ESYS_CONTEXT *c, ESYS_TR root, TPM2_SE kind,
		   TPMA_SESSION encrypts, struct kr_esys_handle *ret,
		   struct kr_err *e)
{
	const TPMT_SYM_DEF aes = { .algorithm = TPM2_ALG_AES,
				   .keyBits.aes = 128,
				   .mode.aes = TPM2_ALG_CFB };
	TSS2_RC rc = Esys_StartAuthSession(c, root, N0, N0, N0, N0, NULL, kind,
					   &aes, TPM2_ALG_SHA256, &ret->h);

	if (!rc && encrypts)
		rc = Esys_TRSess_SetAttributes(c, ret->h, encrypts, encrypts);
	return rc ? kr_esys_fail(e, rc, "no session with the TPM") : 0;
}

/* What the PCRs are now becomes part of the session's policy. */
static int policy(ESYS_CONTEXT *c, ESYS_TR s, enum kr_bank bank, uint32_t mask,
		  struct kr_err *e)
{
	const TPML_PCR_SELECTION pcrs = kr_esys_pcrs(bank, mask);
	const TPM2B_DIGEST as_they_are = { .size = 0 };
	TSS2_RC rc = Esys_PolicyPCR(c, s, N0, N0, N0, &as_they_are, &pcrs);

	return rc ? kr_esys_fail(e, rc, "no policy of PCRs") : 0;
}

/* ---- sealing ------------------------------------------------------------- */

/* A bank that is not there would drop out of the policy without a word. */
static int have_pcrs(struct kr_tpm *t, enum kr_bank bank, uint32_t mask,
		     struct kr_err *e)
{
	struct kr_pcrs p = { .bank = bank, .mask = mask };

	if (!mask || mask & ~ALL_PCRS)
		return kr_fail(e, KR_E_TPM, "there are no such PCRs");
	return kr_tpm_pcrs(t, &p, e);
}

static int policy_digest(ESYS_CONTEXT *c, enum kr_bank bank, uint32_t mask,
			 TPM2B_DIGEST *ret, struct kr_err *e)
{
	KR_AUTO(kr_esys_autoflush) struct kr_esys_handle s = { c, N0 };
	KR_AUTO(kr_esys_autofree) TPM2B_DIGEST *d = NULL;
	int r = session(c, N0, TPM2_SE_TRIAL, 0, &s, e);
	TSS2_RC rc;

	if (r || (r = policy(c, s.h, bank, mask, e)))
		return r;
	rc = Esys_PolicyGetDigest(c, s.h, N0, N0, N0, &d);
	if (rc)
		return kr_esys_fail(e, rc, "a policy cannot be read");
	*ret = *d;
	return 0;
}

static int create(ESYS_CONTEXT *c, const TPM2B_DIGEST *policy,
		  const uint8_t *key, struct kr_tpmseal *ret, struct kr_err *e)
{
	KR_AUTO(kr_esys_autoflush) struct kr_esys_handle root = { c, N0 };
	KR_AUTO(kr_esys_autoflush) struct kr_esys_handle s = { c, N0 };
	KR_AUTO(kr_esys_autofree) TPM2B_PRIVATE *priv = NULL;
	KR_AUTO(kr_esys_autofree) TPM2B_PUBLIC *pub = NULL;
	TPM2B_SENSITIVE_CREATE in = {
		.sensitive.data.size = KR_TPMSEAL_KEY_BYTES };
	const TPM2B_PUBLIC wanted = { .publicArea = {
		.type = TPM2_ALG_KEYEDHASH, .nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = TPMA_OBJECT_FIXEDTPM |
			TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_NODA |
			TPMA_OBJECT_ADMINWITHPOLICY,
		.authPolicy = *policy,
		.parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL } };
	size_t n_pub = 0, n_priv = 0;
	TSS2_RC rc;
	int r = make_root(c, &root, e);

	if (r || (r = session(c, root.h, TPM2_SE_HMAC,
			      TPMA_SESSION_DECRYPT |
			      TPMA_SESSION_CONTINUESESSION, &s, e)))
		return r;
	memcpy(in.sensitive.data.buffer, key, KR_TPMSEAL_KEY_BYTES);
	rc = Esys_Create(c, root.h, s.h, N0, N0, &in, &wanted, &no_data,
			 &no_pcrs, &priv, &pub, NULL, NULL, NULL);
	kr_wipe(&in, sizeof(in));
	if (!rc)
		rc = Tss2_MU_TPM2B_PUBLIC_Marshal(pub, ret->pub,
						  sizeof(ret->pub), &n_pub);
	if (!rc)
		rc = Tss2_MU_TPM2B_PRIVATE_Marshal(priv, ret->priv,
						   sizeof(ret->priv), &n_priv);
	ret->n_pub = (uint16_t)n_pub;
	ret->n_priv = (uint16_t)n_priv;
	return rc ? kr_esys_fail(e, rc, "the TPM does not seal") : 0;
}

int kr_tpmseal_make(struct kr_tpm *t, enum kr_bank bank, uint32_t mask,
		 const uint8_t key[KR_TPMSEAL_KEY_BYTES], struct kr_tpmseal *ret,
		 struct kr_err *e)
{
	ESYS_CONTEXT *c = kr_tpm_esys(t);
	TPM2B_DIGEST d;
	int r = have_pcrs(t, bank, mask, e);

	if (!r)
		r = policy_digest(c, bank, mask, &d, e);
	if (r)
		return r;
	ret->bank = bank;
	ret->mask = mask;
	return create(c, &d, key, ret, e);
}

/* ---- opening ------------------------------------------------------------- */

static bool says(TSS2_RC rc, TSS2_RC kind)
{
	return (rc & TSS2_RC_LAYER_MASK) == TSS2_TPM_RC_LAYER &&
	       (rc & RC_KIND) == kind;
}

static int load(ESYS_CONTEXT *c, ESYS_TR root, const struct kr_tpmseal *s,
		struct kr_esys_handle *ret, struct kr_err *e)
{
	TPM2B_PUBLIC pub = { .size = 0 };
	TPM2B_PRIVATE priv;
	size_t n_pub = 0, n_priv = 0;
	TSS2_RC rc;

	if (Tss2_MU_TPM2B_PUBLIC_Unmarshal(s->pub, s->n_pub, &n_pub, &pub) ||
	    Tss2_MU_TPM2B_PRIVATE_Unmarshal(s->priv, s->n_priv, &n_priv,
					    &priv) ||
	    n_pub != s->n_pub || n_priv != s->n_priv)
		return kr_fail(e, KR_E_TPMSEAL_FOREIGN, "it is malformed");
	rc = Esys_Load(c, root, PW, N0, N0, &priv, &pub, &ret->h);
	if (rc && (rc & TSS2_RC_LAYER_MASK) == TSS2_TPM_RC_LAYER &&
	    rc & TPM2_RC_FMT1)
		return kr_fail(e, KR_E_TPMSEAL_FOREIGN,
			       "the TPM does not take it");
	return rc ? kr_esys_fail(e, rc, "a sealed key cannot be loaded") : 0;
}

static int unseal(ESYS_CONTEXT *c, ESYS_TR sealed, ESYS_TR s,
		  uint8_t *ret_key, struct kr_err *e)
{
	KR_AUTO(kr_esys_autofree) TPM2B_SENSITIVE_DATA *out = NULL;
	TSS2_RC rc = Esys_Unseal(c, sealed, s, N0, N0, &out);

	if (says(rc, TPM2_RC_POLICY_FAIL) || rc == TPM2_RC_PCR_CHANGED)
		return kr_fail(e, KR_E_TPMSEAL_STATE,
			       "its PCRs are not what they were");
	if (rc)
		return kr_esys_fail(e, rc, "the TPM does not unseal");
	if (out->size == KR_TPMSEAL_KEY_BYTES)
		memcpy(ret_key, out->buffer, KR_TPMSEAL_KEY_BYTES);
	kr_wipe(out->buffer, sizeof(out->buffer));
	return out->size == KR_TPMSEAL_KEY_BYTES ? 0 :
	       kr_fail(e, KR_E_TPMSEAL_FOREIGN, "it is no key");
}

int kr_tpmseal_open(struct kr_tpm *t, const struct kr_tpmseal *s,
		    uint8_t *ret_key, struct kr_err *e)
{
	ESYS_CONTEXT *c = kr_tpm_esys(t);
	KR_AUTO(kr_esys_autoflush) struct kr_esys_handle root = { c, N0 };
	KR_AUTO(kr_esys_autoflush) struct kr_esys_handle sealed = { c, N0 };
	KR_AUTO(kr_esys_autoflush) struct kr_esys_handle way = { c, N0 };
	int r = make_root(c, &root, e);

	if (!r)
		r = load(c, root.h, s, &sealed, e);
	if (!r)
		r = session(c, root.h, TPM2_SE_POLICY,
			    TPMA_SESSION_ENCRYPT |
			    TPMA_SESSION_CONTINUESESSION, &way, e);
	if (!r)
		r = policy(c, way.h, s->bank, s->mask, e);
	if (!r)
		r = unseal(c, sealed.h, way.h, ret_key, e);
	return r;
}

/* ---- bytes --------------------------------------------------------------- */

static void get_blob(struct kr_rd *r, uint8_t *b, uint16_t *n)
{
	*n = kr_rd_u16(r);
	if (!*n || *n > KR_TPMSEAL_BLOB_MAX)
		r->bad = true;
	else
		kr_rd_bytes(r, b, *n);
}

void kr_tpmseal_put(struct kr_wr *w, const struct kr_tpmseal *s)
{
	kr_wr_u8(w, FORMAT);
	kr_wr_u16(w, kr_bank_alg(s->bank));
	kr_wr_u32(w, s->mask);
	kr_wr_u16(w, s->n_pub);
	kr_wr_bytes(w, s->pub, s->n_pub);
	kr_wr_u16(w, s->n_priv);
	kr_wr_bytes(w, s->priv, s->n_priv);
}

void kr_tpmseal_get(struct kr_rd *r, struct kr_tpmseal *ret)
{
	r->bad = kr_rd_u8(r) != FORMAT || r->bad;
	ret->bank = kr_bank_of_alg(kr_rd_u16(r));
	ret->mask = kr_rd_u32(r);
	if (ret->bank == KR_BANK_N || !ret->mask || ret->mask & ~ALL_PCRS)
		r->bad = true;
	get_blob(r, ret->pub, &ret->n_pub);
	get_blob(r, ret->priv, &ret->n_priv);
}
