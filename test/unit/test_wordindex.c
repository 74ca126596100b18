/* SPDX-License-Identifier: Apache-2.0 */
/* test_wordindex.c - the index finds what looking through all words would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/wordindex.h"
#include "policy/words.h"

#define N(a)	(sizeof(a) / sizeof((a)[0]))
#define LONGEST	"vm:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const char *const words[] = {
	"*", "vm:*", "vm:a*", "vm:a", "vm:ab", "vm:ab*", "host:*", "v*", "",
	"vm:a", LONGEST, LONGEST "*",
};
static const char *const texts[] = {
	"", "v", "vm:", "vm:a", "vm:ab", "vm:abc", "vm:b", "host:a", "*",
	"vm:a*", "vm:*", LONGEST, LONGEST "a", LONGEST "aa",
};

static unsigned int seen[N(words)];

static void see(void *arg, uint32_t n)
{
	(void)arg;
	seen[n]++;
}

static void finds_each_that_matches_once(void **state)
{
	struct kr_wordindex *x = kr_wordindex_new(N(words));

	(void)state;
	assert_int_equal(strlen(LONGEST "*"), KR_WORDINDEX_PATTERN_MAX);
	assert_non_null(x);
	for (uint32_t i = 0; i < N(words); i++)
		kr_wordindex_put(x, 7, words[i], i);
	for (size_t t = 0; t < N(texts); t++) {
		memset(seen, 0, sizeof(seen));
		kr_wordindex_each(x, 7, texts[t], see, NULL);
		for (size_t i = 0; i < N(words); i++)
			if (seen[i] != kr_words_match(words[i], texts[t]))
				fail_msg("%s, %s: %u", words[i], texts[t],
					 seen[i]);
	}
	kr_wordindex_free(x);
}

static void another_seed_is_another_index(void **state)
{
	struct kr_wordindex *x = kr_wordindex_new(2);
	uint64_t anna = kr_wordindex_seed(0, "anna");

	(void)state;
	assert_non_null(x);
	kr_wordindex_put(x, anna, "vm:a", 0);
	kr_wordindex_put(x, kr_wordindex_seed(anna, "migrate"), "vm:a", 1);
	memset(seen, 0, sizeof(seen));
	kr_wordindex_each(x, anna, "vm:a", see, NULL);
	kr_wordindex_each(x, kr_wordindex_seed(0, "otto"), "vm:a", see, NULL);
	assert_int_equal(seen[0], 1);
	assert_int_equal(seen[1], 0);
	kr_wordindex_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_each_that_matches_once),
		cmocka_unit_test(another_seed_is_another_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
