/* SPDX-License-Identifier: Apache-2.0 */
/* stateset.c - open addressing, linear probing, at most half full. */
#include "model/stateset.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS	(1u << 12)

struct kr_stateset {
	size_t	  key_bytes;
	uint32_t  n;
	uint8_t	 *keys;		/* [n_slots / 2] */
	uint32_t *slots;	/* number + 1; 0: free */
	uint32_t  n_slots;	/* a power of two */
};

struct kr_stateset *kr_stateset_new(size_t key_bytes)
{
	struct kr_stateset *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->key_bytes = key_bytes;
	x->n_slots = FIRST_SLOTS;
	x->keys = malloc(FIRST_SLOTS / 2 * key_bytes);
	x->slots = calloc(FIRST_SLOTS, sizeof(x->slots[0]));
	if (!x->keys || !x->slots) {
		kr_stateset_free(x);
		return NULL;
	}
	return x;
}

void kr_stateset_free(struct kr_stateset *x)
{
	if (!x)
		return;
	free(x->keys);
	free(x->slots);
	free(x);
}

uint32_t kr_stateset_count(const struct kr_stateset *x)
{
	return x->n;
}

const uint8_t *kr_stateset_key(const struct kr_stateset *x, uint32_t i)
{
	return x->keys + (size_t)i * x->key_bytes;
}

/* Where @key is, or would be. */
static uint32_t *slot(const struct kr_stateset *x, const uint8_t *key)
{
	uint64_t h = 0, w;
	uint32_t at;

	for (size_t i = 0; i < x->key_bytes; i += sizeof(w)) {
		size_t n = x->key_bytes - i;

		w = 0;
		memcpy(&w, key + i, n < sizeof(w) ? n : sizeof(w));
		h = (h ^ w) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 32;	/* low bits of a product know only low ones */
		h *= UINT64_C(0xff51afd7ed558ccd);
		h ^= h >> 33;
	}
	at = (uint32_t)h & (x->n_slots - 1);
	while (x->slots[at] &&
	       memcmp(kr_stateset_key(x, x->slots[at] - 1), key,
		      x->key_bytes) != 0)
		at = (at + 1) & (x->n_slots - 1);
	return &x->slots[at];
}

static bool grow(struct kr_stateset *x)
{
	uint32_t *slots;
	uint8_t *keys;

	if (x->n_slots > UINT32_MAX / 2)
		return false;
	slots = calloc((size_t)x->n_slots * 2, sizeof(slots[0]));
	keys = realloc(x->keys, x->n_slots * x->key_bytes);
	if (keys)
		x->keys = keys;
	if (!keys || !slots) {
		free(slots);
		return false;
	}
	free(x->slots);
	x->slots = slots;
	x->n_slots *= 2;
	for (uint32_t i = 0; i < x->n; i++)
		*slot(x, kr_stateset_key(x, i)) = i + 1;
	return true;
}

uint32_t kr_stateset_add(struct kr_stateset *x, const uint8_t *key,
			 bool *ret_new)
{
	uint32_t *at = slot(x, key);

	*ret_new = !*at;
	if (*at)
		return *at - 1;
	if (x->n >= x->n_slots / 2) {
		if (!grow(x))
			return UINT32_MAX;
		at = slot(x, key);
	}
	memcpy(x->keys + (size_t)x->n * x->key_bytes, key, x->key_bytes);
	*at = ++x->n;
	return x->n - 1;
}
