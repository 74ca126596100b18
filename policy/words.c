/* SPDX-License-Identifier: Apache-2.0 */
/* words.c - lists of words and patterns. Pure. */
#include "policy/words.h"

#include <stdlib.h>
#include <string.h>

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

static enum kr_words_wrong add(struct kr_words *w, const char *p, size_t n,
			       size_t max_word)
{
	const char *star = memchr(p, '*', n);

	if (!n)
		return KR_WORDS_EMPTY;
	if (n > max_word)
		return KR_WORDS_LONG;
	if (star && star != p + n - 1)
		return KR_WORDS_STAR;
	w->word[w->n] = strndup(p, n);
	if (!w->word[w->n])
		return KR_WORDS_MEMORY;
	for (unsigned int i = 0; i < w->n; i++)
		if (!strcmp(w->word[i], w->word[w->n])) {
			free(w->word[w->n]);
			return KR_WORDS_TWICE;
		}
	w->n++;
	return KR_WORDS_OK;
}

enum kr_words_wrong kr_words_parse(const char *text, size_t max_word,
				   unsigned int max, struct kr_words *ret_w)
{
	enum kr_words_wrong wrong = KR_WORDS_OK;
	size_t n_commas = 0;

	*ret_w = (struct kr_words){ 0 };
	for (const char *p = text; *p; p++)
		n_commas += *p == ',';
	if (n_commas >= max)
		return KR_WORDS_MANY;
	ret_w->word = calloc(n_commas + 1, sizeof(ret_w->word[0]));
	if (!ret_w->word)
		return KR_WORDS_MEMORY;
	for (const char *p = text; p && !wrong;) {
		const char *comma = strchr(p, ',');
		const char *stop = comma ? comma : p + strlen(p);

		while (p < stop && blank(*p))
			p++;
		while (p < stop && blank(stop[-1]))
			stop--;
		wrong = add(ret_w, p, (size_t)(stop - p), max_word);
		p = comma ? comma + 1 : NULL;
	}
	if (wrong)
		kr_words_fini(ret_w);
	return wrong;
}

const char *kr_words_why(enum kr_words_wrong w)
{
	static const char *const texts[] = {
		[KR_WORDS_OK]	  = "fine",
		[KR_WORDS_EMPTY]  = "a word is missing",
		[KR_WORDS_LONG]	  = "a word is too long",
		[KR_WORDS_MANY]	  = "too many words",
		[KR_WORDS_STAR]	  = "'*' may only end a word",
		[KR_WORDS_TWICE]  = "a word is there twice",
		[KR_WORDS_MEMORY] = "out of memory",
	};

	return texts[w];
}

void kr_words_fini(struct kr_words *w)
{
	for (unsigned int i = 0; i < w->n; i++)
		free(w->word[i]);
	free(w->word);
	*w = (struct kr_words){ 0 };
}

bool kr_words_match(const char *pattern, const char *word)
{
	size_t n = strlen(pattern);

	if (n && pattern[n - 1] == '*')
		return !strncmp(pattern, word, n - 1);
	return !strcmp(pattern, word);
}

bool kr_words_have(const struct kr_words *w, const char *word)
{
	for (unsigned int i = 0; i < w->n; i++)
		if (kr_words_match(w->word[i], word))
			return true;
	return false;
}
