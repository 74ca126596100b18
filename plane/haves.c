/* SPDX-License-Identifier: Apache-2.0 */
/* haves.c - the destination's page cache, as the source knows it. In the
 * data-plane agent; the names are the peer's. */
#include "plane/haves.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "plane/pagecache.h"

#define NAME	KR_PAGECACHE_NAME_BYTES

struct kr_haves {
	pthread_mutex_t lock;
	uint32_t	limit, n, mask;
	uint8_t	      (*names)[NAME];
	uint32_t       *heads, *chain;
};

int kr_haves_new(uint32_t limit, struct kr_haves **ret_h, struct kr_err *e)
{
	struct kr_haves *h = calloc(1, sizeof(*h));
	size_t n_heads = 1;

	while (n_heads < limit)
		n_heads *= 2;
	if (h) {
		pthread_mutex_init(&h->lock, NULL);
		h->limit = limit;
		h->mask = (uint32_t)n_heads - 1;
		h->names = malloc((limit + 1ul) * NAME);
		h->heads = malloc(n_heads * sizeof(*h->heads));
		h->chain = malloc((limit + 1ul) * sizeof(*h->chain));
	}
	if (!h || !h->names || !h->heads || !h->chain) {
		kr_haves_free(h);
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	}
	memset(h->heads, 0xff, n_heads * sizeof(*h->heads));
	*ret_h = h;
	return 0;
}

static uint32_t *head(struct kr_haves *h, const uint8_t *name)
{
	uint32_t v;

	memcpy(&v, name, sizeof(v));
	return &h->heads[v & h->mask];
}

int kr_haves_add(struct kr_haves *h, struct kr_rd *r, struct kr_err *e)
{
	uint32_t slot = kr_rd_u32(r);
	bool in_order;

	if (r->bad || kr_rd_left(r) % NAME)
		return kr_fail(e, KR_E_LANE_MALFORMED,
			       "malformed names of pages");
	if (!h)
		return 0;
	pthread_mutex_lock(&h->lock);
	in_order = slot == h->n || h->n == h->limit;
	while (in_order && h->n < h->limit && kr_rd_left(r)) {
		const uint8_t *name = kr_rd_take(r, NAME);
		uint32_t *p = head(h, name);

		memcpy(h->names[h->n], name, NAME);
		h->chain[h->n] = *p;
		*p = h->n++;
	}
	pthread_mutex_unlock(&h->lock);
	return in_order ? 0 : kr_fail(e, KR_E_LANE_MALFORMED,
				      "pages of a cache out of order");
}

uint32_t kr_haves_find(struct kr_haves *h, const uint8_t digest[32])
{
	uint32_t i;

	if (!h)
		return KR_HAVES_NONE;
	pthread_mutex_lock(&h->lock);
	i = *head(h, digest);
	while (i != KR_HAVES_NONE && memcmp(h->names[i], digest, NAME))
		i = h->chain[i];
	pthread_mutex_unlock(&h->lock);
	return i;
}

void kr_haves_free(struct kr_haves *h)
{
	if (!h)
		return;
	pthread_mutex_destroy(&h->lock);
	free(h->names);
	free(h->heads);
	free(h->chain);
	free(h);
}
