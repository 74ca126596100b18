/* SPDX-License-Identifier: Apache-2.0 */
/* stateseal.c - see stateseal.h. Nonces are the kinds of blobs. */
#include "vtpm/stateseal.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/fd.h"

#define NONCE_BYTES	12u
#define LABEL		"korora vtpm state 1"
#define BOUND_MAX	(2 * (2 + 64) + KR_STATESEAL_ID_BYTES + 8 + 4 + 4)

static void freectx(EVP_CIPHER_CTX **c)
{
	EVP_CIPHER_CTX_free(*c);
}

static size_t bound(const struct kr_stateseal *s, enum kr_ptmblob type,
		    uint32_t flags, uint8_t *out)
{
	struct kr_wr w = KR_WR(out, BOUND_MAX);

	kr_wr_str(&w, LABEL);
	kr_wr_bytes(&w, s->migration, sizeof(s->migration));
	kr_wr_str(&w, s->vm);
	kr_wr_u64(&w, s->epoch);
	kr_wr_u32(&w, type);
	kr_wr_u32(&w, flags);
	return kr_wr_len(&w);
}

/* Key, nonce and what is bound; @seals or opens. */
static bool begin(EVP_CIPHER_CTX *c, const struct kr_stateseal *s,
		  enum kr_ptmblob type, uint32_t flags, bool seals)
{
	const uint8_t nonce[NONCE_BYTES] = { [NONCE_BYTES - 1] =
						     (uint8_t)type };
	uint8_t with[BOUND_MAX];
	size_t n = bound(s, type, flags, with);
	int got;

	return EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, s->key, nonce,
				 seals) == 1 &&
	       EVP_CipherUpdate(c, NULL, &got, with, (int)n) == 1;
}

int kr_stateseal_make(const struct kr_stateseal *s, enum kr_ptmblob type,
		      uint32_t flags, const uint8_t *in, size_t n_bytes,
		      uint8_t *out, struct kr_err *e)
{
	KR_AUTO(freectx) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n, rest;

	if (!c || n_bytes > KR_PTM_BLOB_MAX ||
	    !begin(c, s, type, flags, true) ||
	    EVP_CipherUpdate(c, out, &n, in, (int)n_bytes) != 1 ||
	    EVP_CipherFinal_ex(c, out + n, &rest) != 1 ||
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG,
				KR_STATESEAL_TAG_BYTES, out + n_bytes) != 1)
		return kr_fail(e, KR_E_CRYPTO, "a TPM's state is not sealed");
	return 0;
}

int kr_stateseal_open(const struct kr_stateseal *s, enum kr_ptmblob type,
		      uint32_t flags, const uint8_t *in, size_t n_bytes,
		      uint8_t *out, struct kr_err *e)
{
	KR_AUTO(freectx) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	size_t n_out = n_bytes - KR_STATESEAL_TAG_BYTES;
	uint8_t tag[KR_STATESEAL_TAG_BYTES];
	int n, rest;

	if (n_bytes < KR_STATESEAL_TAG_BYTES || n_bytes > KR_PTM_BLOB_MAX)
		return kr_fail(e, KR_E_VTPM_STATE, "%zu bytes", n_bytes);
	memcpy(tag, in + n_out, sizeof(tag));
	if (!c || !begin(c, s, type, flags, false) ||
	    EVP_CipherUpdate(c, out, &n, in, (int)n_out) != 1 ||
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, sizeof(tag), tag)
		    != 1) {
		kr_wipe(out, n_out);
		return kr_fail(e, KR_E_CRYPTO, "a TPM's state is not opened");
	}
	if (EVP_CipherFinal_ex(c, out + n, &rest) == 1)
		return 0;
	kr_wipe(out, n_out);
	return kr_fail(e, KR_E_VTPM_STATE, "it was changed, or sealed for "
		       "something else");
}
