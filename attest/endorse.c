/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endorse.c - finds the endorsement key (TCG EK Credential Profile for TPM 2.0,
 * 2.5, annex B). Runs where tpm.c does.
 */
#include "attest/endorse.h"

#include <string.h>

#include "base/fd.h"

#define N0	ESYS_TR_NONE
#define READ_BYTES	512u		/* of NV at a time: every TPM can */

#define A_COMMON	(TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | \
			 TPMA_OBJECT_SENSITIVEDATAORIGIN | \
			 TPMA_OBJECT_ADMINWITHPOLICY | \
			 TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT)

/* PolicySecret of the endorsement hierarchy */
#define POLICY_A { .size = 32, .buffer = { \
	0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, \
	0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, \
	0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa } }

/* that, or an authorisation in an NV index */
#define POLICY_B384 { .size = 48, .buffer = { \
	0xb2, 0x6e, 0x7d, 0x28, 0xd1, 0x1a, 0x50, 0xbc, 0x53, 0xd8, 0x82, \
	0xbc, 0xf5, 0xfd, 0x3a, 0x1a, 0x07, 0x41, 0x48, 0xbb, 0x35, 0xd3, \
	0xb4, 0xe4, 0xcb, 0x1c, 0x0a, 0xd9, 0xbd, 0xe4, 0x19, 0xca, 0xcb, \
	0x47, 0xba, 0x09, 0x69, 0x96, 0x46, 0x15, 0x0f, 0x9f, 0xc0, 0x00, \
	0xf3, 0xf8, 0x0e, 0x12 } }

#define AES(bits) { .algorithm = TPM2_ALG_AES, .keyBits.aes = (bits), \
		    .mode.aes = TPM2_ALG_CFB }
#define ECC(curve, bits) { .eccDetail = { .symmetric = AES(bits), \
	.scheme.scheme = TPM2_ALG_NULL, .curveID = (curve), \
	.kdf.scheme = TPM2_ALG_NULL } }

static const struct kind {
	TPM2_HANDLE cert, key;		/* NV index, persistent handle */
	TPMT_PUBLIC made;		/* its template */
} kinds[] = {
	{ 0x01c0000a, 0x8101000a, {
		.type = TPM2_ALG_ECC, .nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = A_COMMON, .authPolicy = POLICY_A,
		.parameters = ECC(TPM2_ECC_NIST_P256, 128),
		.unique.ecc = { .x.size = 32, .y.size = 32 } } },
	{ 0x01c00016, 0x81010016, {
		.type = TPM2_ALG_ECC, .nameAlg = TPM2_ALG_SHA384,
		.objectAttributes = A_COMMON | TPMA_OBJECT_USERWITHAUTH,
		.authPolicy = POLICY_B384,
		.parameters = ECC(TPM2_ECC_NIST_P384, 256) } },
	{ 0x01c00002, 0x81010001, {
		.type = TPM2_ALG_RSA, .nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = A_COMMON, .authPolicy = POLICY_A,
		.parameters.rsaDetail = { .symmetric = AES(128),
			.scheme.scheme = TPM2_ALG_NULL, .keyBits = 2048 },
		.unique.rsa.size = 256 } },
};
#define N_KINDS	(sizeof(kinds) / sizeof(kinds[0]))

/* ---- the certificate ----------------------------------------------------- */

static TSS2_RC nv_size(ESYS_CONTEXT *c, ESYS_TR nv, uint16_t *ret)
{
	KR_AUTO(kr_esys_autofree) TPM2B_NV_PUBLIC *pub = NULL;
	TSS2_RC rc = Esys_NV_ReadPublic(c, nv, N0, N0, N0, &pub, NULL);

	*ret = rc ? 0 : pub->nvPublic.dataSize;
	return rc;
}

static TSS2_RC nv_read(ESYS_CONTEXT *c, ESYS_TR nv, uint8_t *out, uint16_t n)
{
	TSS2_RC rc = 0;

	for (uint16_t at = 0; !rc && at < n;) {
		uint16_t left = (uint16_t)(n - at);
		uint16_t want = left < READ_BYTES ? left : READ_BYTES;
		KR_AUTO(kr_esys_autofree) TPM2B_MAX_NV_BUFFER *b = NULL;

		rc = Esys_NV_Read(c, nv, nv, ESYS_TR_PASSWORD, N0, N0, want,
				  at, &b);
		if (!rc && b->size != want)
			rc = TSS2_ESYS_RC_MALFORMED_RESPONSE;
		if (rc)
			break;
		memcpy(out + at, b->buffer, want);
		at = (uint16_t)(at + want);
	}
	return rc;
}

/* An index may be larger than what is in it: DER says how long it is. */
static size_t der_bytes(const uint8_t *p, size_t n)
{
	size_t len = n >= 4 && p[0] == 0x30 && p[1] == 0x82 ?
		     4u + ((size_t)p[2] << 8 | p[3]) : 0;

	return len <= n ? len : 0;
}

static bool read_cert(ESYS_CONTEXT *c, TPM2_HANDLE index, struct kr_endorse *k)
{
	uint16_t n;
	ESYS_TR nv;
	bool ok;

	if (Esys_TR_FromTPMPublic(c, index, N0, N0, N0, &nv))
		return false;
	ok = !nv_size(c, nv, &n) && n <= sizeof(k->cert) &&
	     !nv_read(c, nv, k->cert, n);
	Esys_TR_Close(c, &nv);
	k->n_cert = ok ? der_bytes(k->cert, n) : 0;
	return k->n_cert;
}

/* ---- the key ------------------------------------------------------------- */

static TSS2_RC kept(ESYS_CONTEXT *c, const struct kind *x,
		    struct kr_endorse *k)
{
	KR_AUTO(kr_esys_autofree) TPM2B_PUBLIC *pub = NULL;
	TSS2_RC rc = Esys_TR_FromTPMPublic(c, x->key, N0, N0, N0, &k->key);

	if (rc)
		return rc;
	rc = Esys_ReadPublic(c, k->key, N0, N0, N0, &pub, NULL, NULL);
	if (rc)
		Esys_TR_Close(c, &k->key);
	else
		k->pub = *pub;
	return rc;
}

static TSS2_RC make(ESYS_CONTEXT *c, const struct kind *x,
		    struct kr_endorse *k)
{
	const TPM2B_SENSITIVE_CREATE empty = { .size = 0 };
	const TPM2B_PUBLIC how = { .publicArea = x->made };
	const TPM2B_DATA no_data = { .size = 0 };
	const TPML_PCR_SELECTION no_pcrs = { .count = 0 };
	KR_AUTO(kr_esys_autofree) TPM2B_PUBLIC *pub = NULL;
	TSS2_RC rc = Esys_CreatePrimary(c, ESYS_TR_RH_ENDORSEMENT,
					ESYS_TR_PASSWORD, N0, N0, &empty, &how,
					&no_data, &no_pcrs, &k->key, &pub,
					NULL, NULL, NULL);

	if (rc)
		return rc;
	k->made = true;
	k->pub = *pub;
	return 0;
}

int kr_endorse_find(ESYS_CONTEXT *c, struct kr_endorse *ret, struct kr_err *e)
{
	for (size_t i = 0; i < N_KINDS; i++) {
		TSS2_RC rc;

		*ret = (struct kr_endorse){ .key = ESYS_TR_NONE };
		if (!read_cert(c, kinds[i].cert, ret))
			continue;
		rc = kept(c, &kinds[i], ret);
		if (rc)
			rc = make(c, &kinds[i], ret);
		return rc ? kr_esys_fail(e, rc, "no endorsement key") : 0;
	}
	return kr_fail(e, KR_E_TPM, "the TPM has no endorsement certificate");
}

int kr_endorse_session(ESYS_CONTEXT *c, const struct kr_endorse *k,
		       struct kr_esys_handle *ret, struct kr_err *e)
{
	const TPMT_SYM_DEF none = { .algorithm = TPM2_ALG_NULL };
	TSS2_RC rc;

	*ret = (struct kr_esys_handle){ c, ESYS_TR_NONE };
	if (k->pub.publicArea.objectAttributes & TPMA_OBJECT_USERWITHAUTH)
		return 0;
	rc = Esys_StartAuthSession(c, N0, N0, N0, N0, N0, NULL,
				   TPM2_SE_POLICY, &none,
				   k->pub.publicArea.nameAlg, &ret->h);
	if (!rc)
		rc = Esys_PolicySecret(c, ESYS_TR_RH_ENDORSEMENT, ret->h,
				       ESYS_TR_PASSWORD, N0, N0, NULL, NULL,
				       NULL, 0, NULL, NULL);
	if (!rc)
		return 0;
	kr_esys_autoflush(ret);
	return kr_esys_fail(e, rc, "the endorsement key cannot be used");
}

void kr_endorse_fini(ESYS_CONTEXT *c, struct kr_endorse *k)
{
	if (k->made)
		Esys_FlushContext(c, k->key);
	else if (k->key != ESYS_TR_NONE)
		Esys_TR_Close(c, &k->key);
	k->key = ESYS_TR_NONE;
	k->made = false;
}
