/* SPDX-License-Identifier: Apache-2.0 */
/* seal.c - a stretch's seal. Runs in the data-plane agent, on any thread. */
#include "plane/seal.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "plane/piecesha.h"

#define ITEM_BYTES	(1u + 2u + 8u + 4u + 1u + 32u)

struct kr_seal {
	EVP_MD	   *md;
	EVP_MD_CTX *ctx;
};

int kr_seal_new(struct kr_seal **ret_s, struct kr_err *e)
{
	struct kr_seal *s = calloc(1, sizeof(*s));

	if (!s)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	s->md = EVP_MD_fetch(NULL, "SHA256", NULL);
	s->ctx = EVP_MD_CTX_new();
	if (!s->md || !s->ctx || EVP_DigestInit_ex2(s->ctx, s->md, NULL) != 1) {
		kr_seal_free(s);
		return kr_fail(e, KR_E_CRYPTO, "SHA-256 is not available");
	}
	*ret_s = s;
	return 0;
}

static void add_item(struct kr_piecesha *s, const struct kr_item *i,
		     const uint8_t *digest)
{
	uint8_t b[ITEM_BYTES];
	struct kr_wr w = KR_WR(b, sizeof(b));

	kr_wr_u8(&w, i->kind);
	kr_wr_u16(&w, i->block);
	kr_wr_u64(&w, i->page);
	kr_wr_u32(&w, i->n);
	kr_wr_u8(&w, i->fill);
	if (i->kind == KR_ITEM_PAGE)
		kr_wr_bytes(&w, digest, 32);
	kr_piecesha_add(s, b, kr_wr_len(&w));
}

int kr_seal_make(struct kr_seal *s, uint64_t ticket, uint8_t channel,
		 const uint8_t *raw, size_t n, const struct kr_items *items,
		 const uint8_t (*digests)[32], uint8_t ret_seal[KR_SEAL_BYTES],
		 struct kr_err *e)
{
	struct kr_piecesha sum;
	uint8_t head[8 + 1 + 4];
	struct kr_wr w = KR_WR(head, sizeof(head));
	size_t at = 0;

	if (EVP_DigestInit_ex2(s->ctx, NULL, NULL) != 1)
		return kr_fail(e, KR_E_CRYPTO, "SHA-256 failed");
	kr_piecesha_init(&sum, s->ctx);
	kr_wr_u64(&w, ticket);
	kr_wr_u8(&w, channel);
	kr_wr_u32(&w, items->n);
	kr_piecesha_add(&sum, head, sizeof(head));
	for (unsigned int k = 0; k < items->n; k++)
		add_item(&sum, &items->i[k], digests[k]);
	for (unsigned int k = 0; k < items->n; k++) {
		const struct kr_item *i = &items->i[k];

		if (i->kind != KR_ITEM_PAGE)
			continue;
		kr_piecesha_add(&sum, raw + at, i->at - at);
		at = i->at + KR_PAGE_BYTES;
	}
	kr_piecesha_add(&sum, raw + at, n - at);
	if (!kr_piecesha_flush(&sum) ||
	    EVP_DigestFinal_ex(s->ctx, ret_seal, NULL) != 1)
		return kr_fail(e, KR_E_CRYPTO, "SHA-256 failed");
	return 0;
}

void kr_seal_free(struct kr_seal *s)
{
	if (!s)
		return;
	EVP_MD_CTX_free(s->ctx);
	EVP_MD_free(s->md);
	free(s);
}
