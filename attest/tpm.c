/* SPDX-License-Identifier: Apache-2.0 */
/* tpm.c - see tpm.h. Runs in korora-tpm. */
#include "attest/tpm.h"

#include <stdlib.h>
#include <string.h>
#include <tss2/tss2_mu.h>
#include <unistd.h>

#include "attest/endorse.h"
#include "attest/tctifd.h"
#include "base/fd.h"

#define N0	ESYS_TR_NONE
#define PW	ESYS_TR_PASSWORD	/* an empty one */
#define QUOTE_TRIES	3u		/* PCRs have to hold still */

struct kr_tpm {
	struct kr_tctifd      way;
	ESYS_CONTEXT	     *c;
	struct kr_esys_handle ak;
	TPM2B_PUBLIC	      ak_pub;
};

/* ---- opening ------------------------------------------------------------- */

static const TPM2B_PUBLIC ak_template = { .publicArea = {
	.type = TPM2_ALG_ECC, .nameAlg = TPM2_ALG_SHA256,
	.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
		TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
		TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED |
		TPMA_OBJECT_SIGN_ENCRYPT,
	.parameters.eccDetail = {
		.symmetric.algorithm = TPM2_ALG_NULL,
		.scheme = { .scheme = TPM2_ALG_ECDSA,
			    .details.ecdsa.hashAlg = TPM2_ALG_SHA256 },
		.curveID = TPM2_ECC_NIST_P256,
		.kdf.scheme = TPM2_ALG_NULL },
} };

static TSS2_RC make_ak(struct kr_tpm *t)
{
	const TPM2B_SENSITIVE_CREATE empty = { .size = 0 };
	const TPM2B_DATA no_data = { .size = 0 };
	const TPML_PCR_SELECTION no_pcrs = { .count = 0 };
	KR_AUTO(kr_esys_autofree) TPM2B_PUBLIC *pub = NULL;
	TSS2_RC rc = Esys_CreatePrimary(t->c, ESYS_TR_RH_ENDORSEMENT, PW, N0,
					N0, &empty, &ak_template, &no_data,
					&no_pcrs, &t->ak.h, &pub, NULL, NULL,
					NULL);

	if (!rc)
		t->ak_pub = *pub;
	return rc;
}

int kr_tpm_open(int fd, struct kr_tpm **ret_t, struct kr_err *e)
{
	KR_AUTO(kr_tpm_autoclose) struct kr_tpm *t = calloc(1, sizeof(*t));
	TSS2_RC rc;

	if (!t) {
		close(fd);
		return kr_fail(e, KR_E_TPM, "out of memory");
	}
	/* what fails is told by the caller, once */
	setenv("TSS2_LOG", "all+NONE", 0);
	t->ak.h = ESYS_TR_NONE;
	kr_tctifd_init(&t->way, fd);
	rc = Esys_Initialize(&t->c, (TSS2_TCTI_CONTEXT *)&t->way, NULL);
	if (rc)
		return kr_esys_fail(e, rc, "no TPM can be spoken to");
	t->ak.c = t->c;
	rc = make_ak(t);
	if (rc)
		return kr_esys_fail(e, rc, "no attestation key can be made");
	*ret_t = t;
	t = NULL;
	return 0;
}

struct ESYS_CONTEXT *kr_tpm_esys(struct kr_tpm *t)
{
	return t->c;
}

void kr_tpm_close(struct kr_tpm *t)
{
	if (!t)
		return;
	kr_esys_autoflush(&t->ak);
	Esys_Finalize(&t->c);
	close(t->way.fd);
	free(t);
}

/* ---- keys ---------------------------------------------------------------- */

static int put_public(const TPM2B_PUBLIC *pub, struct kr_tpmbytes *ret,
		      struct kr_err *e)
{
	TSS2_RC rc;

	ret->n = 0;
	rc = Tss2_MU_TPM2B_PUBLIC_Marshal(pub, ret->b, sizeof(ret->b),
					  &ret->n);
	return rc ? kr_esys_fail(e, rc, "a key cannot be told") : 0;
}

int kr_tpm_ak(struct kr_tpm *t, struct kr_tpmbytes *ret, struct kr_err *e)
{
	return put_public(&t->ak_pub, ret, e);
}

int kr_tpm_ek(struct kr_tpm *t, struct kr_tpmbytes *ret, uint8_t *ret_cert,
	      size_t *ret_n_cert, struct kr_err *e)
{
	struct kr_endorse k;
	int r = kr_endorse_find(t->c, &k, e);

	if (r)
		return r;
	memcpy(ret_cert, k.cert, k.n_cert);
	*ret_n_cert = k.n_cert;
	r = put_public(&k.pub, ret, e);
	kr_endorse_fini(t->c, &k);
	return r;
}

static int activate(struct kr_tpm *t, const struct kr_endorse *k,
		    const TPM2B_ID_OBJECT *id,
		    const TPM2B_ENCRYPTED_SECRET *secret, uint8_t *ret,
		    size_t *ret_n, struct kr_err *e)
{
	KR_AUTO(kr_esys_autoflush) struct kr_esys_handle s = { t->c, N0 };
	KR_AUTO(kr_esys_autofree) TPM2B_DIGEST *out = NULL;
	int r = kr_endorse_session(t->c, k, &s, e);
	TSS2_RC rc;

	if (r)
		return r;
	rc = Esys_ActivateCredential(t->c, t->ak.h, k->key, PW,
				     s.h == N0 ? PW : s.h, N0, id, secret,
				     &out);
	if (rc && (rc & TSS2_RC_LAYER_MASK) == TSS2_TPM_RC_LAYER)
		return kr_fail(e, KR_E_AK_FOREIGN, "the TPM does not open it");
	if (rc)
		return kr_esys_fail(e, rc, "the TPM did not answer");
	if (out->size > KR_TPM_SECRET_MAX)
		return kr_fail(e, KR_E_AK_FOREIGN, "it holds too much");
	memcpy(ret, out->buffer, out->size);
	*ret_n = out->size;
	kr_wipe(out->buffer, out->size);
	return 0;
}

int kr_tpm_activate(struct kr_tpm *t, const struct kr_tpmcredential *c,
		    uint8_t *ret, size_t *ret_n, struct kr_err *e)
{
	TPM2B_ID_OBJECT id;
	TPM2B_ENCRYPTED_SECRET secret;
	struct kr_endorse k;
	size_t n_id = 0, n_secret = 0;
	int r;

	if (Tss2_MU_TPM2B_ID_OBJECT_Unmarshal(c->id.b, c->id.n, &n_id, &id) ||
	    Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal(
		    c->secret.b, c->secret.n, &n_secret, &secret) ||
	    n_id != c->id.n || n_secret != c->secret.n)
		return kr_fail(e, KR_E_MALFORMED, "a malformed credential");
	r = kr_endorse_find(t->c, &k, e);
	if (r)
		return r;
	r = activate(t, &k, &id, &secret, ret, ret_n, e);
	kr_endorse_fini(t->c, &k);
	return r;
}

/* ---- PCRs ---------------------------------------------------------------- */

/* A TPM answers with as many as it likes to, the lowest first. */
static int read_some(struct kr_tpm *t, struct kr_pcrs *p, uint32_t *left,
		     struct kr_err *e)
{
	const TPML_PCR_SELECTION want = kr_esys_pcrs(p->bank, *left);
	KR_AUTO(kr_esys_autofree) TPML_DIGEST *d = NULL;
	TSS2_RC rc = Esys_PCR_Read(t->c, N0, N0, N0, &want, NULL, NULL, &d);

	if (rc)
		return kr_esys_fail(e, rc, "PCRs cannot be read");
	if (!d->count)
		return kr_fail(e, KR_E_TPM, "the TPM has no such bank: %s",
			       kr_bank_name(p->bank));
	for (uint32_t i = 0; i < d->count && *left; i++) {
		unsigned int pcr = (unsigned int)__builtin_ctz(*left);

		if (d->digests[i].size != kr_bank_bytes(p->bank))
			return kr_fail(e, KR_E_TPM, "a PCR of another bank");
		memcpy(p->value[pcr], d->digests[i].buffer,
		       d->digests[i].size);
		*left &= *left - 1;
	}
	return 0;
}

int kr_tpm_pcrs(struct kr_tpm *t, struct kr_pcrs *p, struct kr_err *e)
{
	uint32_t left = p->mask & ((1u << KR_PCRS) - 1);
	int r = 0;

	while (!r && left)
		r = read_some(t, p, &left, e);
	return r;
}

static int quote(struct kr_tpm *t, const TPM2B_DATA *extra,
		 const struct kr_pcrs *p, struct kr_tpmbytes *ret_attest,
		 struct kr_tpmbytes *ret_sig, struct kr_err *e)
{
	const TPML_PCR_SELECTION what = kr_esys_pcrs(p->bank, p->mask);
	const TPMT_SIG_SCHEME own = { .scheme = TPM2_ALG_NULL };
	KR_AUTO(kr_esys_autofree) TPM2B_ATTEST *said = NULL;
	KR_AUTO(kr_esys_autofree) TPMT_SIGNATURE *sig = NULL;
	TSS2_RC rc = Esys_Quote(t->c, t->ak.h, PW, N0, N0, extra, &own, &what,
				&said, &sig);

	ret_attest->n = ret_sig->n = 0;
	if (!rc)
		rc = Tss2_MU_TPM2B_ATTEST_Marshal(said, ret_attest->b,
						  sizeof(ret_attest->b),
						  &ret_attest->n);
	if (!rc)
		rc = Tss2_MU_TPMT_SIGNATURE_Marshal(sig, ret_sig->b,
						    sizeof(ret_sig->b),
						    &ret_sig->n);
	return rc ? kr_esys_fail(e, rc, "the TPM does not quote") : 0;
}

int kr_tpm_quote(struct kr_tpm *t, const uint8_t *extra, size_t n_extra,
		 struct kr_pcrs *p, struct kr_tpmbytes *ret_attest,
		 struct kr_tpmbytes *ret_sig, struct kr_err *e)
{
	TPM2B_DATA data = { .size = (uint16_t)n_extra };
	int r;

	if (n_extra > KR_QUOTE_EXTRA_MAX)
		return kr_fail(e, KR_E_LIMIT, "too much to be bound");
	memcpy(data.buffer, extra, n_extra);
	for (unsigned int i = 0; i < QUOTE_TRIES; i++) {
		struct kr_pcrs before = *p;

		r = kr_tpm_pcrs(t, &before, e);
		if (!r)
			r = quote(t, &data, p, ret_attest, ret_sig, e);
		if (!r)
			r = kr_tpm_pcrs(t, p, e);
		if (r || !memcmp(&before, p, sizeof(before)))
			return r;
	}
	return kr_fail(e, KR_E_TPM, "the PCRs do not hold still");
}

int kr_tpm_clock(struct kr_tpm *t, struct kr_tpmclock *ret, struct kr_err *e)
{
	KR_AUTO(kr_esys_autofree) TPMS_TIME_INFO *now = NULL;
	TSS2_RC rc = Esys_ReadClock(t->c, N0, N0, N0, &now);

	if (rc)
		return kr_esys_fail(e, rc, "the TPM's clock cannot be read");
	*ret = (struct kr_tpmclock){ now->clockInfo.clock,
				     now->clockInfo.resetCount,
				     now->clockInfo.restartCount,
				     now->clockInfo.safe };
	return 0;
}
