/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wordindex.h - which of many words and patterns (words.h) match a text, found
 * by hashing and not by looking through them.
 */
#ifndef KR_POLICY_WORDINDEX_H
#define KR_POLICY_WORDINDEX_H

#include <stddef.h>
#include <stdint.h>

#define KR_WORDINDEX_PATTERN_MAX 64u	/* bytes of a pattern, its '*' too */

struct kr_wordindex;

/** kr_wordindex_new() - Room for @n words; NULL if memory is out. */
struct kr_wordindex *kr_wordindex_new(size_t n);
void kr_wordindex_free(struct kr_wordindex *x);

/**
 * kr_wordindex_put() - Add a word, of at most KR_WORDINDEX_PATTERN_MAX bytes
 * @seed: only looked for with the same; equal ones may be different things
 * @word: borrowed as long as @x lives
 * @n:    what kr_wordindex_each() tells
 */
void kr_wordindex_put(struct kr_wordindex *x, uint64_t seed, const char *word,
		      uint32_t n);

/** kr_wordindex_each() - All that match @text, each word once. */
void kr_wordindex_each(const struct kr_wordindex *x, uint64_t seed,
		       const char *text, void (*fn)(void *arg, uint32_t n),
		       void *arg);

/** kr_wordindex_seed() - A seed of @text, on top of another or 0. */
uint64_t kr_wordindex_seed(uint64_t seed, const char *text);

#endif
