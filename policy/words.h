/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.h - lists of words, "a, b" in a file, and patterns: a word that ends
 * in '*' matches all that begin as it does.
 */
#ifndef KR_POLICY_WORDS_H
#define KR_POLICY_WORDS_H

#include <stdbool.h>
#include <stddef.h>

struct kr_words {
	char	   **word;
	unsigned int n;
};

enum kr_words_wrong { KR_WORDS_OK, KR_WORDS_EMPTY, KR_WORDS_LONG,
		      KR_WORDS_MANY, KR_WORDS_STAR, KR_WORDS_TWICE,
		      KR_WORDS_MEMORY };

/**
 * kr_words_parse() - Split at commas, dropping blanks
 * @max_word: bytes of each; @max: words
 * @ret_w:    for kr_words_fini(), empty on failure
 *
 * A '*' is at a word's end or nowhere.
 */
enum kr_words_wrong kr_words_parse(const char *text, size_t max_word,
				   unsigned int max, struct kr_words *ret_w);
const char *kr_words_why(enum kr_words_wrong w);
void kr_words_fini(struct kr_words *w);

bool kr_words_match(const char *pattern, const char *word);

/** kr_words_have() - Is @word one of them, or matched by one? */
bool kr_words_have(const struct kr_words *w, const char *word);

#endif
