/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment.c - what came of a resumed stream, a bit for each page. Runs in the
 * data-plane agent, on whichever thread has its turn.
 */
#include "plane/segment.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"

#define DIGEST	KR_SEGMENT_DIGEST_BYTES
#define PAGE	KR_PAGE_BYTES

struct kr_segment {
	unsigned int n_channels;
	EVP_MD_CTX *sha[KR_SEGMENT_CHANNELS_MAX];
	uint64_t   *came[KR_SEGMENT_BLOCKS_MAX];	/* a bit for a page */
	uint64_t    n_words[KR_SEGMENT_BLOCKS_MAX];
	int	    fill;		/* that @filled is of; -1 = none */
	uint8_t	    filled[DIGEST];
};

static int crypto(struct kr_err *e)
{
	return kr_fail(e, KR_E_CRYPTO, "SHA-256 failed");
}

int kr_segment_new(unsigned int n_channels, struct kr_segment **ret_s,
		   struct kr_err *e)
{
	struct kr_segment *s = calloc(1, sizeof(*s));

	assert(n_channels && n_channels <= KR_SEGMENT_CHANNELS_MAX);
	if (!s)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	s->fill = -1;
	s->n_channels = n_channels;
	for (unsigned int i = 0; i < n_channels; i++) {
		s->sha[i] = EVP_MD_CTX_new();
		if (s->sha[i] &&
		    EVP_DigestInit_ex2(s->sha[i], EVP_sha256(), NULL) == 1)
			continue;
		kr_segment_free(s);
		return crypto(e);
	}
	*ret_s = s;
	return 0;
}

/* Room for bits up to @page; it doubles, so it is rarely moved. */
static int grow(struct kr_segment *s, uint16_t block, uint64_t page,
		struct kr_err *e)
{
	uint64_t old = s->n_words[block], n = page / 64 + 1;
	uint64_t *words;

	if (n <= old)
		return 0;
	if (n < 2 * old)
		n = 2 * old;
	words = realloc(s->came[block], n * sizeof(*words));
	if (!words)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	memset(words + old, 0, (n - old) * sizeof(*words));
	s->came[block] = words;
	s->n_words[block] = n;
	return 0;
}

static int note(struct kr_segment *s, unsigned int channel, uint16_t block,
		uint64_t page, const uint8_t *digest, struct kr_err *e)
{
	uint8_t b[2 + 8 + DIGEST];
	struct kr_wr w = KR_WR(b, sizeof(b));
	uint64_t *word = &s->came[block][page / 64];
	uint64_t bit = UINT64_C(1) << (page % 64);

	if (*word & bit)
		return 1;
	*word |= bit;
	kr_wr_u16(&w, block);
	kr_wr_u64(&w, page);
	kr_wr_bytes(&w, digest, DIGEST);
	return EVP_DigestUpdate(s->sha[channel], b, sizeof(b)) == 1 ?
	       0 : crypto(e);
}

static const uint8_t *digest_of_fill(struct kr_segment *s, uint8_t fill)
{
	uint8_t page[PAGE];

	if (s->fill == fill)
		return s->filled;
	memset(page, fill, PAGE);
	if (EVP_Digest(page, PAGE, s->filled, NULL, EVP_sha256(), NULL) != 1)
		return NULL;
	s->fill = fill;
	return s->filled;
}

int kr_segment_take(struct kr_segment *s, unsigned int channel,
		    const struct kr_item *i, const uint8_t *digest,
		    struct kr_err *e)
{
	int r;

	assert(i->block < KR_SEGMENT_BLOCKS_MAX && i->n);
	assert(channel < s->n_channels);
	if (i->kind == KR_ITEM_FILL)
		digest = digest_of_fill(s, i->fill);
	if (!digest)
		return crypto(e);
	r = grow(s, i->block, i->page + i->n - 1, e);
	for (uint64_t k = 0; !r && k < i->n; k++)
		r = note(s, channel, i->block, i->page + k, digest, e);
	return r;
}

int kr_segment_root(struct kr_segment *s, uint8_t ret_root[DIGEST],
		    struct kr_err *e)
{
	uint8_t d[KR_SEGMENT_CHANNELS_MAX][DIGEST] = { 0 };
	bool good = true;

	for (unsigned int i = 0; i < s->n_channels; i++)
		good &= EVP_DigestFinal_ex(s->sha[i], d[i], NULL) == 1;
	if (s->n_channels > 1)
		good &= EVP_Digest(d, (size_t)s->n_channels * DIGEST,
				   ret_root, NULL, EVP_sha256(), NULL) == 1;
	else
		memcpy(ret_root, d[0], DIGEST);
	return good ? 0 : crypto(e);
}

void kr_segment_free(struct kr_segment *s)
{
	if (!s)
		return;
	for (unsigned int i = 0; i < KR_SEGMENT_BLOCKS_MAX; i++)
		free(s->came[i]);
	for (unsigned int i = 0; i < s->n_channels; i++)
		EVP_MD_CTX_free(s->sha[i]);
	free(s);
}
