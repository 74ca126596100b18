/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_haves.c - what a destination with the key says it has in its page
 * cache, each after its u16 length: no more is kept than there is room for,
 * and a name that was taken is found, at a slot that has it.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "plane/haves.h"
#include "plane/pagecache.h"

#define LIMIT	40u
#define NAME	KR_PAGECACHE_NAME_BYTES

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static uint8_t names[LIMIT][NAME];	/* as they were taken */

static int take(struct kr_haves *h, const uint8_t *p, size_t n,
		uint32_t *n_names)
{
	struct kr_rd r = KR_RD(p, n), nobody = r;
	int ret = kr_haves_add(h, &r, NULL);
	int parsed = kr_haves_add(NULL, &nobody, NULL);

	assert(parsed >= 0 || ret < 0);
	if (ret < 0)
		return ret;
	assert(n >= 4 && (n - 4) % NAME == 0);
	for (p += 4, n -= 4; n && *n_names < LIMIT; p += NAME, n -= NAME)
		memcpy(names[(*n_names)++], p, NAME);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct kr_rd r = KR_RD(data, n);
	struct kr_haves *h = NULL;
	uint32_t n_names = 0;
	int ret = 0;

	if (kr_haves_new(LIMIT, &h, NULL))
		abort();
	while (!ret && kr_rd_left(&r)) {
		size_t k = kr_rd_u16(&r);
		const uint8_t *p = kr_rd_take(&r, k);
		uint8_t *exact;

		if (!p)
			break;
		/* a byte too far is found */
		exact = malloc(k ? k : 1);
		memcpy(exact, p, k);
		ret = take(h, exact, k, &n_names);
		free(exact);
	}
	for (uint32_t i = 0; i < n_names; i++) {
		uint8_t digest[32] = { 0 };
		uint32_t slot;

		memcpy(digest, names[i], NAME);
		slot = kr_haves_find(h, digest);
		assert(slot < n_names && !memcmp(names[slot], names[i], NAME));
	}
	kr_haves_free(h);
	return 0;
}
