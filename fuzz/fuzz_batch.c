/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_batch.c - the batches of a peer with the key, each after its u16
 * length, as plane/receive.c takes them: head, squeeze reversed, references
 * put back, pages found and learned by a small store, and read from a small
 * cache. What was taken is written again and must be the same bytes.
 */
#include <assert.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "plane/batch.h"
#include "plane/pagecache.h"
#include "plane/qstream.h"
#include "plane/squeeze.h"

#define LIMIT	(1u << 20)
#define SLOTS	4u
#define N_CACHED	2u		/* of as many slots as the store's */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct end {
	struct kr_recall  *recall;
	struct kr_pagecache *cache;
	struct kr_squeeze *squeeze;
	struct kr_qstream *qstream;
	struct kr_items	   items;
	struct kr_refs	   refs;
	bool		   cut;
};

static uint8_t body[KR_BATCH_BODY_MAX], again[KR_BATCH_BODY_MAX];
static uint8_t raw[KR_BATCH_RAW_MAX];

static void check_head(const struct kr_batch_head *h, const uint8_t *p)
{
	uint8_t b[KR_BATCH_HEAD_BYTES];
	struct kr_wr w = KR_WR(b, sizeof(b));

	kr_batch_head_put(&w, h);
	assert(!w.bad && !memcmp(b, p, sizeof(b)));
	assert(h->n_raw && h->n_raw <= KR_BATCH_RAW_MAX);
	assert(h->n_body <= KR_BATCH_BODY_MAX);
	assert(h->n_refs <= KR_BATCH_REFS_MAX);
}

/* The references are in order, and packing is unpacking backwards. */
static void check_unpacked(struct end *x, const struct kr_batch_head *h,
			   const uint8_t *from)
{
	uint32_t end = 0;

	assert(x->refs.n == h->n_refs);
	for (unsigned int k = 0; k < x->refs.n; k++) {
		assert(x->refs.r[k].at >= end);
		end = x->refs.r[k].at + KR_PAGE_BYTES;
		assert(end <= h->n_raw && x->refs.r[k].slot <
		       (x->refs.r[k].kind == KR_REF_CACHED ? N_CACHED : SLOTS));
	}
	assert(kr_batch_pack(x->recall, raw, h->n_raw, &x->refs, again) ==
	       h->n_body);
	assert(!memcmp(again, from, h->n_body));
}

static int take(struct end *x, const uint8_t *p, size_t n)
{
	struct kr_rd r = KR_RD(p, n);
	struct kr_batch_head h;
	const uint8_t *from = NULL;
	size_t used;

	if (kr_batch_head_parse(&r, &h, NULL) < 0)
		return -1;
	check_head(&h, p);
	if (h.method != KR_SQUEEZE_NONE) {
		if (kr_squeeze_reverse(x->squeeze, h.method, r.p,
				       kr_rd_left(&r), body, h.n_body,
				       NULL) < 0)
			return -1;
		from = body;
	} else {
		from = r.p;
		if (kr_rd_left(&r) != h.n_body)
			return -1;
	}
	x->refs.n = 0;
	memset(raw, 0x5a, h.n_raw);
	if (kr_batch_unpack(x->recall, x->cache, &h, from, raw, &x->refs, NULL) < 0)
		return -1;
	check_unpacked(x, &h, from);
	x->items.n = 0;
	if (x->cut || kr_qstream_scan(x->qstream, raw, h.n_raw, &x->items,
				      &used, NULL) < 0)
		return -1;
	x->cut = used < h.n_raw;
	kr_batch_learn(x->recall, raw, &x->items, &x->refs, h.learn, NULL);
	return 0;
}

/* In memory: two pages, told of. */
static struct kr_pagecache *open_cache(void)
{
	uint8_t key[KR_PAGECACHE_KEY_BYTES] = { 1 };
	uint8_t page[KR_PAGE_BYTES], digest[32];
	struct kr_pagecache *c = NULL;
	int fd = memfd_create("cache", 0), kept = dup(fd);

	if (kr_pagecache_open(fd, key, SLOTS, KR_PAGECACHE_FILL, &c, NULL))
		abort();
	for (uint8_t k = 0; k < N_CACHED; k++) {
		memset(page, k + 1, sizeof(page));
		EVP_Digest(page, sizeof(page), digest, NULL, EVP_sha256(),
			   NULL);
		kr_pagecache_put(c, page, digest);
	}
	kr_pagecache_close(c);
	if (kr_pagecache_open(kept, key, SLOTS, KR_PAGECACHE_TELL, &c, NULL))
		abort();
	assert(kr_pagecache_told(c) == N_CACHED);
	return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct kr_pagecache *cache;	/* nothing is put: the same */
	static struct end x;
	struct kr_rd r = KR_RD(data, n);

	memset(&x, 0, sizeof(x));
	if (!cache)
		cache = open_cache();
	x.cache = cache;
	if (kr_recall_new(SLOTS, false, &x.recall, NULL) ||
	    kr_squeeze_new(&x.squeeze, NULL) ||
	    kr_qstream_new(LIMIT, &x.qstream, NULL))
		abort();
	while (kr_rd_left(&r)) {
		size_t k = kr_rd_u16(&r);
		const uint8_t *p = kr_rd_take(&r, k);
		uint8_t *exact;
		int ret;

		if (!p)
			break;
		/* a byte too far is found */
		exact = malloc(k ? k : 1);
		memcpy(exact, p, k);
		ret = take(&x, exact, k);
		free(exact);
		if (ret < 0)
			break;
	}
	kr_qstream_free(x.qstream);
	kr_squeeze_free(x.squeeze);
	kr_recall_free(x.recall);
	return 0;
}
