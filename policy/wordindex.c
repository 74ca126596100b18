/* SPDX-License-Identifier: Apache-2.0 */
/* wordindex.c - words and patterns in a table of hashed keys. Pure. */
#include "policy/wordindex.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	const char *word;
	uint64_t    seed;
	uint32_t    n;
	uint32_t    next;	/* same slot; + 1, 0: none */
};

struct kr_wordindex {
	struct entry *entry;
	uint32_t     *slot;	/* the first entry + 1 */
	uint32_t      n, n_slots;
	uint64_t      lengths;	/* of patterns, without their '*' */
};

static uint64_t hashed(uint64_t h, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)	/* FNV-1a */
		h = (h ^ (uint8_t)p[i]) * UINT64_C(0x100000001b3);
	return (h ^ 0xff) * UINT64_C(0x100000001b3);
}

uint64_t kr_wordindex_seed(uint64_t seed, const char *text)
{
	return hashed(seed ? seed : UINT64_C(0xcbf29ce484222325), text,
		      strlen(text));
}

/* A pattern hashes as what is before its '*', and a byte no word has. */
static uint32_t slot_of(const struct kr_wordindex *x, uint64_t seed,
			const char *word, size_t n, bool pattern)
{
	uint64_t h = hashed(hashed(seed, word, n), pattern ? "*" : "",
			    pattern);

	return (uint32_t)(h >> 32) & (x->n_slots - 1);
}

static size_t stem(const char *word, bool *ret_pattern)
{
	size_t n = strlen(word);

	*ret_pattern = n && word[n - 1] == '*';
	return n - *ret_pattern;
}

struct kr_wordindex *kr_wordindex_new(size_t n)
{
	struct kr_wordindex *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	for (x->n_slots = 16; x->n_slots < 2 * n;)
		x->n_slots *= 2;
	x->entry = calloc(n + 1, sizeof(x->entry[0]));
	x->slot = calloc(x->n_slots, sizeof(x->slot[0]));
	if (!x->entry || !x->slot) {
		kr_wordindex_free(x);
		return NULL;
	}
	return x;
}

void kr_wordindex_free(struct kr_wordindex *x)
{
	if (!x)
		return;
	free(x->entry);
	free(x->slot);
	free(x);
}

void kr_wordindex_put(struct kr_wordindex *x, uint64_t seed, const char *word,
		      uint32_t n)
{
	bool pattern;
	size_t len = stem(word, &pattern);
	uint32_t *slot = &x->slot[slot_of(x, seed, word, len, pattern)];

	if (pattern)
		x->lengths |= UINT64_C(1) << len;
	x->entry[x->n] = (struct entry){ word, seed, n, *slot };
	*slot = ++x->n;
}

/* Those in one slot that are the first @len bytes of @text, or begin so. */
static void look(const struct kr_wordindex *x, uint64_t seed,
		 const char *text, size_t len, bool pattern,
		 void (*fn)(void *arg, uint32_t n), void *arg)
{
	uint32_t i = x->slot[slot_of(x, seed, text, len, pattern)];

	for (; i; i = x->entry[i - 1].next) {
		const struct entry *w = &x->entry[i - 1];
		bool is_pattern;

		if (w->seed == seed && stem(w->word, &is_pattern) == len &&
		    is_pattern == pattern && !strncmp(w->word, text, len))
			fn(arg, w->n);
	}
}

void kr_wordindex_each(const struct kr_wordindex *x, uint64_t seed,
		       const char *text, void (*fn)(void *arg, uint32_t n),
		       void *arg)
{
	size_t n = strlen(text);

	look(x, seed, text, n, false, fn, arg);
	for (size_t len = 0; len < KR_WORDINDEX_PATTERN_MAX && len <= n; len++)
		if (x->lengths >> len & 1)
			look(x, seed, text, len, true, fn, arg);
}
