/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tlogproof.c - proofs as text: written as C2SP says, read back, and
 * refused when they were altered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "evidence/b64.h"
#include "evidence/tlogproof.h"

#define RECORD	"{\"index\":1}"
#define LINE	"\xe2\x80\x94 korora/alpha AAAAAAAA\n"

static uint8_t leaves[3][32], roots[4][32];

static int node(void *arg, unsigned int level, uint64_t idx, uint8_t ret[32],
		struct kr_err *e)
{
	(void)arg;
	(void)e;
	if (level)
		kr_merkle_node(leaves[2 * idx], leaves[2 * idx + 1], ret);
	else
		memcpy(ret, leaves[idx], 32);
	return 0;
}

static int make(void **state)
{
	struct kr_merkle m = { 0 };

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		kr_merkle_leaf(i == 1 ? RECORD : "x", i == 1 ?
			       strlen(RECORD) : 1, leaves[i]);
		kr_merkle_append(&m, leaves[i]);
		kr_merkle_root(&m, roots[i + 1]);
	}
	return 0;
}

static void put_note(char *out, unsigned int size)
{
	char b64[KR_B64_CHARS(32) + 1];

	kr_b64_put(roots[size], 32, b64);
	snprintf(out, KR_CHECKPOINT_NOTE_MAX, "korora/alpha\n%u\n%s\n\n" LINE,
		 size, b64);
}

static char *put(bool growth, uint64_t at)
{
	static const struct kr_proof_tree t = { node, NULL };
	struct kr_tlogproof p = { .growth = growth, .at = at };
	char *text = NULL;

	put_note(p.note, 3);
	p.record = (uint8_t *)RECORD;
	p.n_record = growth ? 0 : strlen(RECORD);
	assert_int_equal(growth ? kr_proof_growth(&t, at, 3, &p.proof, NULL) :
			 kr_proof_leaf(&t, at, 3, &p.proof, NULL), 0);
	assert_int_equal(kr_tlogproof_put(&p, &text, NULL), 0);
	return text;
}

/* Byte for byte what the specification's example has. */
static void the_published_form(void **state)
{
	KR_AUTOFREE char *text = put(false, 1);
	char want[2 * KR_CHECKPOINT_NOTE_MAX], note[KR_CHECKPOINT_NOTE_MAX];
	char b64[3][64];

	(void)state;
	kr_b64_put(RECORD, strlen(RECORD), b64[0]);
	kr_b64_put(leaves[0], 32, b64[1]);
	kr_b64_put(leaves[2], 32, b64[2]);
	put_note(note, 3);
	snprintf(want, sizeof(want), "c2sp.org/tlog-proof@v1\nextra %s\n"
		 "index 1\n%s\n%s\n\n%s", b64[0], b64[1], b64[2], note);
	assert_string_equal(text, want);
	free(text);
	text = put(true, 2);
	snprintf(want, sizeof(want), "old 2\n%s\n\n%s", b64[2], note);
	assert_string_equal(text, want);
}

static void there_and_back(void **state)
{
	KR_AUTOFREE char *leaf = put(false, 1), *growth = put(true, 2);
	struct kr_tlogproof p;

	(void)state;
	assert_int_equal(kr_tlogproof_parse(leaf, &p, NULL), 0);
	assert_false(p.growth);
	assert_int_equal(p.at, 1);
	assert_int_equal(p.proof.n, 2);
	assert_int_equal(p.n_record, strlen(RECORD));
	assert_memory_equal(p.record, RECORD, p.n_record);
	assert_int_equal(kr_tlogproof_check(&p, NULL, NULL), 0);
	kr_tlogproof_fini(&p);

	assert_int_equal(kr_tlogproof_parse(growth, &p, NULL), 0);
	assert_true(p.growth);
	assert_int_equal(kr_tlogproof_check(&p, roots[2], NULL), 0);
	assert_true(kr_tlogproof_check(&p, roots[1], NULL) < 0);
	kr_tlogproof_fini(&p);
}

static int read_and_check(const char *text, enum kr_code *ret_kr)
{
	struct kr_err e = KR_ERR_NONE;
	struct kr_tlogproof p;
	int r = kr_tlogproof_parse(text, &p, &e);

	if (!r) {
		r = kr_tlogproof_check(&p, roots[2], &e);
		kr_tlogproof_fini(&p);
	}
	*ret_kr = e.kr;
	return r;
}

/* Whatever byte is altered before the signatures, it is found; so is each
 * beginning of it that lacks some of that.
 */
static void altered(void **state)
{
	(void)state;
	for (unsigned int k = 0; k < 2; k++) {
		KR_AUTOFREE char *text = put(k, 1 + k);
		size_t n = (size_t)(strstr(text, LINE) - text);
		enum kr_code kr;

		assert_int_equal(read_and_check(text, &kr), 0);
		for (size_t i = 0; i < n; i++) {
			bool origin = strstr(text, "korora/alpha") + 7 <=
					      text + i &&
				      text + i < strstr(text, "alpha") + 5;
			char was = text[i];

			text[i] = (char)(was ^ 1);
			/* whose log it is, the signature says */
			if (!origin) {
				assert_true(read_and_check(text, &kr) < 0);
				assert_int_equal(kr, KR_E_PROOF_BAD);
			}
			text[i] = '\0';
			assert_true(read_and_check(text, &kr) < 0);
			assert_int_equal(kr, KR_E_PROOF_BAD);
			text[i] = was;
		}
	}
}

static void malformed(void **state)
{
	static const char *const texts[] = {
		"", "\n", "old\n\nx\n", "old 01\n\nx\n", "old -1\n\nx\n",
		"old 1\nAAAA\n\nx\n", "index 1\n\nx\n",
		"c2sp.org/tlog-proof@v2\nindex 1\n\nx\n",
		"c2sp.org/tlog-proof@v1\nextra A\nindex 1\n\nx\n",
		"c2sp.org/tlog-proof@v1\nindex 1", "c2sp.org/tlog-proof@v1",
		"old 1000000000000000000\n\nx\n",
	};
	struct kr_tlogproof p;
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		e = KR_ERR_NONE;
		assert_true(kr_tlogproof_parse(texts[i], &p, &e) < 0);
		assert_int_equal(e.kr, KR_E_PROOF_BAD);
	}
	/* without the entry it proves nothing that one could see */
	assert_int_equal(kr_tlogproof_parse("c2sp.org/tlog-proof@v1\n"
					    "index 1\n\nx\n", &p, NULL), 0);
	assert_true(kr_tlogproof_check(&p, NULL, NULL) < 0);
	put_note(p.note, 3);
	e = KR_ERR_NONE;
	assert_true(kr_tlogproof_check(&p, NULL, &e) < 0);
	assert_int_equal(e.kr, KR_E_PROOF_BAD);
	kr_tlogproof_fini(&p);
}

/* One hash more than the published limit. */
static void too_many_hashes(void **state)
{
	char text[8192] = "old 1\n";
	struct kr_tlogproof p;

	(void)state;
	for (unsigned int i = 0; i <= KR_PROOF_HASHES_MAX; i++) {
		char *at = text + strlen(text);

		memset(at, 'A', 43);
		strcpy(at + 43, "=\n");
		strcpy(at + 45, "\nx\n");
		assert_int_equal(kr_tlogproof_parse(text, &p, NULL) == 0,
				 i < KR_PROOF_HASHES_MAX);
		if (i < KR_PROOF_HASHES_MAX)
			kr_tlogproof_fini(&p);
		at[45] = '\0';
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_published_form),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(altered),
		cmocka_unit_test(malformed),
		cmocka_unit_test(too_many_hashes),
	};

	return cmocka_run_group_tests(tests, make, NULL);
}
