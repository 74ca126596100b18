/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_proof.c - RFC 6962's proofs: the reference vectors, and all pairs of
 * small trees against the definition. What is changed in a proof is found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/fd.h"
#include "evidence/proof.h"

#define N	8
#define N_BIG	130
#define LEVELS	8	/* 2^7 leaves and fewer */

static const struct { const char *hex; size_t n; } inputs[N] = {
	{ "", 0 }, { "00", 1 }, { "10", 1 }, { "2021", 2 }, { "3031", 2 },
	{ "40414243", 4 }, { "5051525354555657", 8 },
	{ "606162636465666768696a6b6c6d6e6f", 16 },
};

#define NODE_0 \
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
#define NODE_1 \
	"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
#define NODE_4 \
	"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
#define NODE_01 \
	"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
#define NODE_23 \
	"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
#define NODE_45 \
	"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
#define NODE_67 \
	"ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
#define NODE_03 \
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
#define NODE_47 \
	"6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"

/* From the Certificate Transparency reference code. */
struct vector {
	uint64_t at, size;
	const char *hashes[3];
};
static const struct vector leaf_vectors[] = {
	{ 0, 1, { NULL } },
	{ 0, 8, { NODE_1, NODE_23, NODE_47 } },
	{ 5, 8, { NODE_4, NODE_67, NODE_03 } },
	{ 2, 3, { NODE_01 } },
	{ 1, 5, { NODE_0, NODE_23, NODE_4 } },
}, growth_vectors[] = {
	{ 1, 1, { NULL } },
	{ 1, 8, { NODE_1, NODE_23, NODE_47 } },
	{ 6, 8, { NODE_45, NODE_67, NODE_03 } },
	{ 2, 5, { NODE_23, NODE_4 } },
};

static uint8_t leaves[N_BIG][32], roots[N_BIG + 1][32];
static uint8_t nodes[LEVELS][N_BIG][32];

static int node(void *arg, unsigned int level, uint64_t idx, uint8_t ret[32],
		struct kr_err *e)
{
	(void)arg;
	(void)e;
	/* only complete subtrees are ever asked for */
	assert_true(level < LEVELS && (idx + 1) << level <= N_BIG);
	memcpy(ret, nodes[level][idx], 32);
	return 0;
}

static const struct kr_proof_tree tree = { node, NULL };

static int make_leaves(void **state)
{
	struct kr_merkle m = { 0 };
	uint8_t b[16];

	(void)state;
	kr_merkle_root(&m, roots[0]);
	for (unsigned int i = 0; i < N_BIG; i++) {
		if (i < N)
			assert_true(kr_unhex(inputs[i].hex, b, inputs[i].n));
		else
			memset(b, (int)i, sizeof(b));
		kr_merkle_leaf(b, i < N ? inputs[i].n : sizeof(b), leaves[i]);
		memcpy(nodes[0][i], leaves[i], 32);
		kr_merkle_append(&m, leaves[i]);
		kr_merkle_root(&m, roots[i + 1]);
	}
	for (unsigned int l = 1; l < LEVELS; l++)
		for (unsigned int i = 0; (i + 1) << l <= N_BIG; i++)
			kr_merkle_node(nodes[l - 1][2 * i],
				       nodes[l - 1][2 * i + 1], nodes[l][i]);
	return 0;
}

/* A tree that grows keeps the root of each last complete subtree. */
static void a_tree_keeps_its_last_subtrees(void **state)
{
	struct kr_merkle m = { 0 };

	(void)state;
	for (unsigned int n = 1; n <= N_BIG; n++) {
		kr_merkle_append(&m, leaves[n - 1]);
		for (unsigned int l = 0; l < LEVELS && n >> l; l++)
			assert_memory_equal(m.node[l],
					    nodes[l][(n >> l) - 1], 32);
	}
}

static void assert_vector(const struct kr_proof *p, const struct vector *v)
{
	unsigned int n = 0;
	char got[65];

	for (; n < 3 && v->hashes[n]; n++) {
		kr_hex(p->hash[n], 32, got);
		assert_string_equal(got, v->hashes[n]);
	}
	assert_int_equal(p->n, n);
}

static void reference_vectors(void **state)
{
	struct kr_proof p;

	(void)state;
	for (size_t i = 0; i < sizeof(leaf_vectors) / sizeof(*leaf_vectors);
	     i++) {
		const struct vector *v = &leaf_vectors[i];

		assert_int_equal(kr_proof_leaf(&tree, v->at, v->size, &p,
					       NULL), 0);
		assert_vector(&p, v);
	}
	for (size_t i = 0; i < sizeof(growth_vectors) /
	     sizeof(*growth_vectors); i++) {
		const struct vector *v = &growth_vectors[i];

		assert_int_equal(kr_proof_growth(&tree, v->at, v->size, &p,
						 NULL), 0);
		assert_vector(&p, v);
	}
}

/* ---- the definitions of RFC 6962, 2.1 ----------------------------------- */

static size_t half(size_t n)
{
	size_t k = 1;

	while (k * 2 < n)
		k *= 2;
	return k;
}

static void mth(size_t at, size_t n, uint8_t ret[32])
{
	uint8_t l[32], r[32];
	size_t k;

	if (n == 1) {
		memcpy(ret, leaves[at], 32);
		return;
	}
	k = half(n);
	mth(at, k, l);
	mth(at + k, n - k, r);
	kr_merkle_node(l, r, ret);
}

static void path(size_t m, size_t at, size_t n, struct kr_proof *p)
{
	size_t k;

	if (n == 1)
		return;
	k = half(n);
	if (m < k) {
		path(m, at, k, p);
		mth(at + k, n - k, p->hash[p->n++]);
	} else {
		path(m - k, at + k, n - k, p);
		mth(at, k, p->hash[p->n++]);
	}
}

static void subproof(size_t m, size_t at, size_t n, bool b, struct kr_proof *p)
{
	size_t k;

	if (m == n) {
		if (!b)
			mth(at, n, p->hash[p->n++]);
		return;
	}
	k = half(n);
	if (m <= k) {
		subproof(m, at, k, b, p);
		mth(at + k, n - k, p->hash[p->n++]);
	} else {
		subproof(m - k, at + k, n - k, false, p);
		mth(at, k, p->hash[p->n++]);
	}
}

static void assert_same(const struct kr_proof *a, const struct kr_proof *b)
{
	assert_int_equal(a->n, b->n);
	assert_memory_equal(a->hash, b->hash, a->n * 32u);
}

/* One hash changed, left out, or too many. */
static bool leaf_falls(struct kr_proof p, size_t m, size_t n)
{
	bool good = false;

	for (unsigned int i = 0; i < p.n; i++) {
		p.hash[i][i] ^= 1;
		good |= kr_proof_has_leaf(&p, m, n, leaves[m], roots[n]);
		p.hash[i][i] ^= 1;
	}
	p.n++;
	memset(p.hash[p.n - 1], 0, 32);
	good |= kr_proof_has_leaf(&p, m, n, leaves[m], roots[n]);
	if (p.n > 1) {
		p.n -= 2;
		good |= kr_proof_has_leaf(&p, m, n, leaves[m], roots[n]);
	}
	return !good;
}

static bool growth_falls(struct kr_proof p, size_t m, size_t n)
{
	bool good = false;

	for (unsigned int i = 0; i < p.n; i++) {
		p.hash[i][i] ^= 1;
		good |= kr_proof_has_grown(&p, m, roots[m], n, roots[n]);
		p.hash[i][i] ^= 1;
	}
	p.n++;
	memset(p.hash[p.n - 1], 0, 32);
	good |= kr_proof_has_grown(&p, m, roots[m], n, roots[n]);
	if (p.n > 1) {
		p.n -= 2;
		good |= kr_proof_has_grown(&p, m, roots[m], n, roots[n]);
	}
	return !good;
}

static void every_leaf(void **state)
{
	struct kr_proof p, want;

	(void)state;
	for (size_t n = 1; n <= N_BIG; n++) {
		for (size_t m = 0; m < n; m++) {
			assert_int_equal(kr_proof_leaf(&tree, m, n, &p, NULL),
					 0);
			want.n = 0;
			path(m, 0, n, &want);
			assert_same(&p, &want);
			assert_true(kr_proof_has_leaf(&p, m, n, leaves[m],
						      roots[n]));
			assert_true(leaf_falls(p, m, n));
			assert_false(kr_proof_has_leaf(&p, m, n,
				leaves[(m + 1) % N_BIG], roots[n]));
			assert_false(kr_proof_has_leaf(&p, m, n, leaves[m],
						       roots[n - 1]));
			assert_false(kr_proof_has_leaf(&p, n, n, leaves[m],
						       roots[n]));
		}
		assert_true(kr_proof_leaf(&tree, n, n, &p, NULL) < 0);
	}
}

static void every_growth(void **state)
{
	struct kr_proof p, want;

	(void)state;
	for (size_t n = 1; n <= N_BIG; n++) {
		for (size_t m = 1; m <= n; m++) {
			assert_int_equal(kr_proof_growth(&tree, m, n, &p,
							 NULL), 0);
			want.n = 0;
			subproof(m, 0, n, true, &want);
			assert_same(&p, &want);
			assert_true(kr_proof_has_grown(&p, m, roots[m], n,
						       roots[n]));
			assert_true(growth_falls(p, m, n));
			assert_false(kr_proof_has_grown(&p, m, roots[m - 1],
							n, roots[n]));
			assert_false(kr_proof_has_grown(&p, m, roots[m], n,
							roots[n - 1]));
		}
		assert_true(kr_proof_growth(&tree, n + 1, n, &p, NULL) < 0);
	}
}

/* From nothing everything grows, and nothing has one root only. */
static void the_empty_tree(void **state)
{
	struct kr_proof p;

	(void)state;
	for (size_t n = 0; n <= N_BIG; n++) {
		assert_int_equal(kr_proof_growth(&tree, 0, n, &p, NULL), 0);
		assert_int_equal(p.n, 0);
		assert_true(kr_proof_has_grown(&p, 0, roots[0], n, roots[n]));
		assert_false(kr_proof_has_grown(&p, 0, roots[1], n, roots[n]));
	}
	assert_false(kr_proof_has_grown(&p, 0, roots[0], 0, roots[1]));
	/* a log that became shorter */
	assert_false(kr_proof_has_grown(&p, 5, roots[5], 4, roots[4]));
	assert_false(kr_proof_has_grown(&p, 1, roots[1], 0, roots[0]));
	assert_false(kr_proof_has_leaf(&p, 0, 0, leaves[0], roots[0]));
	p.n = 1;
	assert_false(kr_proof_has_grown(&p, 0, roots[0], 1, roots[1]));
	assert_true(kr_proof_growth(&tree, 1, KR_PROOF_SIZE_MAX + 1, &p,
				    NULL) < 0);
}

static int count(void *arg, unsigned int level, uint64_t idx, uint8_t ret[32],
		 struct kr_err *e)
{
	unsigned int *n = arg;

	(void)level;
	(void)idx;
	(void)e;
	++*n;
	memset(ret, 0, 32);
	return 0;
}

/* A million entries or two: some look-ups a level, however many there are. */
static void a_long_log_costs_little(void **state)
{
	static const uint64_t sizes[] = { 1000000, (1u << 20) - 1, 1u << 20,
					  (1u << 20) + 1, KR_PROOF_SIZE_MAX };
	struct kr_proof p;

	(void)state;
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned int levels = 0, n = 0;
		const struct kr_proof_tree t = { count, &n };

		while (sizes[i] >> levels)
			levels++;
		for (uint64_t k = 0; k < 20; k++) {
			uint64_t at = sizes[i] / 20 * k + k;

			n = 0;
			assert_int_equal(kr_proof_leaf(&t, at, sizes[i], &p,
						       NULL), 0);
			assert_true(n <= 2 * levels);
			n = 0;
			assert_int_equal(kr_proof_growth(&t, at, sizes[i], &p,
							 NULL), 0);
			assert_true(n <= 2 * levels);
		}
	}
}

/* As many hashes as fit, about trees as large as there can be. */
static void hostile_sizes(void **state)
{
	struct kr_proof p = { .n = KR_PROOF_HASHES_MAX };
	static const uint64_t sizes[] = { 0, 1, 2, 3, KR_PROOF_SIZE_MAX,
					  1ull << 63, UINT64_MAX };
	const size_t n = sizeof(sizes) / sizeof(sizes[0]);

	(void)state;
	for (size_t i = 0; i < n * n; i++) {
		uint64_t a = sizes[i / n], b = sizes[i % n];

		assert_false(kr_proof_has_leaf(&p, a, b, leaves[0], roots[1]));
		assert_false(kr_proof_has_grown(&p, a, roots[1], b, roots[2]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_keeps_its_last_subtrees),
		cmocka_unit_test(reference_vectors),
		cmocka_unit_test(every_leaf),
		cmocka_unit_test(every_growth),
		cmocka_unit_test(the_empty_tree),
		cmocka_unit_test(a_long_log_costs_little),
		cmocka_unit_test(hostile_sizes),
	};

	return cmocka_run_group_tests(tests, make_leaves, NULL);
}
