/* SPDX-License-Identifier: Apache-2.0 */
/* test_merkle.c - RFC 6962's tree: the reference vectors, and all small trees
 * against the definition.
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

/* MTH() of RFC 6962, 2.1. */
static void root_of(const uint8_t (*d)[32], size_t n, uint8_t ret[32])
{
	uint8_t l[32], r[32];
	struct kr_merkle none = { 0 };
	size_t k = 1;

	if (!n) {
		kr_merkle_root(&none, ret);
		return;
	}
	if (n == 1) {
		memcpy(ret, d[0], 32);
		return;
	}
	while (k * 2 < n)
		k *= 2;
	root_of(d, k, l);
	root_of(d + k, n - k, r);
	kr_merkle_node(l, r, ret);
}

static void reference_roots(void **state)
{
	struct kr_merkle m = { 0 };
	uint8_t r[32];

	(void)state;
	for (unsigned int n = 0; n <= N; n++) {
		kr_merkle_root(&m, r);
		assert_hash(r, roots[n]);
		root_of(leaves, n, r);
		assert_hash(r, roots[n]);
		if (n < N)
			kr_merkle_append(&m, leaves[n]);
	}
}

static void every_root(void **state)
{
	struct kr_merkle m = { 0 };
	uint8_t got[32], want[32];

	(void)state;
	for (unsigned int n = 1; n <= N_BIG; n++) {
		kr_merkle_append(&m, leaves[n - 1]);
		kr_merkle_root(&m, got);
		root_of(leaves, n, want);
		assert_memory_equal(got, want, 32);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reference_roots),
		cmocka_unit_test(every_root),
	};

	return cmocka_run_group_tests(tests, make_leaves, NULL);
}
