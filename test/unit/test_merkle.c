/* SPDX-License-Identifier: Apache-2.0 */
/* test_merkle.c - RFC 6962's tree: the reference vectors, and all proofs of all
 * small trees, honest and forged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/fd.h"
#include "evidence/merkle.h"

#define N	8
#define N_BIG	65

static const struct { const char *hex; size_t n; } inputs[N] = {
	{ "", 0 }, { "00", 1 }, { "10", 1 }, { "2021", 2 }, { "3031", 2 },
	{ "40414243", 4 }, { "5051525354555657", 8 },
	{ "606162636465666768696a6b6c6d6e6f", 16 },
};

/* Of the first n leaves; from the Certificate Transparency reference code. */
static const char *const roots[N + 1] = {
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

/* Inclusion of leaf 0 in all 8, which is also consistency of 1 with 8. */
static const char *const path_0_8[] = {
	"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
	"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
	"6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
};

static uint8_t leaves[N_BIG][32];

static int make_leaves(void **state)
{
	uint8_t b[16];

	(void)state;
	for (unsigned int i = 0; i < N_BIG; i++) {
		if (i < N)
			assert_true(kr_unhex(inputs[i].hex, b, inputs[i].n));
		else
			memset(b, (int)i, sizeof(b));
		kr_merkle_leaf(b, i < N ? inputs[i].n : sizeof(b), leaves[i]);
	}
	return 0;
}

static void assert_hash(const uint8_t h[32], const char *hex)
{
	char got[65];

	kr_hex(h, 32, got);
	assert_string_equal(got, hex);
}

static void reference_roots(void **state)
{
	struct kr_merkle m = { 0 };
	uint8_t r[32];

	(void)state;
	for (unsigned int n = 0; n <= N; n++) {
		kr_merkle_root(&m, r);
		assert_hash(r, roots[n]);
		kr_merkle_root_of(leaves, n, r);
		assert_hash(r, roots[n]);
		if (n < N)
			kr_merkle_append(&m, leaves[n]);
	}
}

static void reference_paths(void **state)
{
	struct kr_merkle_proof p;

	(void)state;
	kr_merkle_inclusion(leaves, N, 0, &p);
	assert_int_equal(p.n, 3);
	for (unsigned int i = 0; i < 3; i++)
		assert_hash(p.hash[i], path_0_8[i]);
	kr_merkle_consistency(leaves, N, 1, &p);
	assert_int_equal(p.n, 3);
	for (unsigned int i = 0; i < 3; i++)
		assert_hash(p.hash[i], path_0_8[i]);
}

static void every_inclusion(void **state)
{
	struct kr_merkle_proof p;
	uint8_t r[32];

	(void)state;
	for (unsigned int n = 1; n <= N_BIG; n++) {
		kr_merkle_root_of(leaves, n, r);
		for (unsigned int i = 0; i < n; i++) {
			kr_merkle_inclusion(leaves, n, i, &p);
			assert_true(kr_merkle_included(leaves[i], i, n, r, &p));
			assert_false(kr_merkle_included(leaves[(i + 1) % N_BIG],
							i, n, r, &p));
			if (n > 1)
				assert_false(kr_merkle_included(
					leaves[i], (i + 1) % n, n, r, &p));
			if (p.n) {
				p.hash[p.n - 1][7] ^= 1;
				assert_false(kr_merkle_included(leaves[i], i, n,
								r, &p));
			}
		}
	}
}

static void every_consistency(void **state)
{
	struct kr_merkle_proof p;
	uint8_t old[32], r[32], forged[32];

	(void)state;
	for (unsigned int n = 1; n <= N_BIG; n++) {
		kr_merkle_root_of(leaves, n, r);
		for (unsigned int m = 1; m <= n; m++) {
			kr_merkle_root_of(leaves, m, old);
			kr_merkle_consistency(leaves, n, m, &p);
			assert_true(kr_merkle_consistent(m, old, n, r, &p));
			memcpy(forged, old, 32);
			forged[0] ^= 1;
			assert_false(kr_merkle_consistent(m, forged, n, r, &p));
			memcpy(forged, r, 32);
			forged[0] ^= 1;
			assert_false(kr_merkle_consistent(m, old, n, forged,
							  &p));
			if (!p.n)
				continue;
			p.n--;
			assert_false(kr_merkle_consistent(m, old, n, r, &p));
		}
		p.n = 0;
		assert_false(kr_merkle_consistent(0, r, n, r, &p));
	}
}

static void proof_on_the_wire(void **state)
{
	struct kr_merkle_proof p, back;
	uint8_t b[1 + KR_MERKLE_DEPTH * KR_HASH_BYTES];
	struct kr_wr w = KR_WR(b, sizeof(b));
	struct kr_rd r;

	(void)state;
	kr_merkle_consistency(leaves, N_BIG, 37, &p);
	kr_merkle_put(&w, &p);
	r = KR_RD(b, kr_wr_len(&w));
	kr_merkle_get(&r, &back);
	assert_true(kr_rd_done(&r));
	assert_int_equal(back.n, p.n);
	assert_memory_equal(back.hash, p.hash, p.n * KR_HASH_BYTES);
	r = KR_RD(b, kr_wr_len(&w) - 1);
	kr_merkle_get(&r, &back);
	assert_true(r.bad);
	b[0] = KR_MERKLE_DEPTH + 1;
	r = KR_RD(b, sizeof(b));
	kr_merkle_get(&r, &back);
	assert_true(r.bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reference_roots),
		cmocka_unit_test(reference_paths),
		cmocka_unit_test(every_inclusion),
		cmocka_unit_test(every_consistency),
		cmocka_unit_test(proof_on_the_wire),
	};

	return cmocka_run_group_tests(tests, make_leaves, NULL);
}
