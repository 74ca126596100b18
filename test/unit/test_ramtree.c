/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ramtree.c - the tree kept up to date page by page is the tree computed
 * from scratch, by a second, naive implementation of its definition.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/fd.h"
#include "plane/ramtree.h"

#define PAGE	KR_RAMTREE_PAGE_BYTES
#define D	32u

struct model {
	const char *name;
	uint64_t    size_bytes, n_pages;
	uint8_t	  (*leaves)[D];
};

static void sha(uint8_t *out, const void *p, size_t n)
{
	assert_int_equal(EVP_Digest(p, n, out, NULL, EVP_sha256(), NULL), 1);
}

/* Root of leaves[0..n), by halving levels in place. */
static void naive_root(const struct model *m, uint8_t out[D])
{
	uint64_t n = m->n_pages;
	uint8_t (*l)[D] = calloc(n + 1, D);

	memcpy(l, m->leaves, n * D);
	for (; n > 1; n = (n + 1) / 2) {
		for (uint64_t i = 0; i < n / 2; i++) {
			uint8_t in[1 + 2 * D] = { 1 };

			memcpy(in + 1, l[2 * i], D);
			memcpy(in + 1 + D, l[2 * i + 1], D);
			sha(l[i], in, sizeof(in));
		}
		if (n % 2)
			memcpy(l[n / 2], l[n - 1], D);
	}
	memcpy(out, l[0], D);
	free(l);
}

static void naive_ram_root(const struct model *m, unsigned int n_blocks,
			   uint8_t out[D])
{
	uint8_t b[2048], root[D];
	struct kr_wr w = KR_WR(b, sizeof(b));

	kr_wr_u32(&w, n_blocks);
	for (unsigned int i = 0; i < n_blocks; i++) {
		naive_root(&m[i], root);
		kr_wr_u8(&w, (uint8_t)strlen(m[i].name));
		kr_wr_bytes(&w, m[i].name, strlen(m[i].name));
		kr_wr_u64(&w, m[i].size_bytes);
		kr_wr_bytes(&w, root, D);
	}
	assert_false(w.bad);
	sha(out, b, kr_wr_len(&w));
}

static struct kr_ramtree *new_tree(struct model *m, unsigned int n)
{
	struct kr_err e = KR_ERR_NONE;
	struct kr_ramtree *t = NULL;

	assert_int_equal(kr_ramtree_new(1 << 30, &t, &e), 0);
	for (unsigned int i = 0; i < n; i++) {
		m[i].n_pages = (m[i].size_bytes + PAGE - 1) / PAGE;
		m[i].leaves = calloc(m[i].n_pages + 1, D);
		assert_int_equal(kr_ramtree_add(t, (const uint8_t *)m[i].name,
						(uint8_t)strlen(m[i].name),
						m[i].size_bytes, &e), 0);
	}
	assert_int_equal(kr_ramtree_ready(t, &e), 0);
	return t;
}

static void expect(struct kr_ramtree *t, const struct model *m, unsigned int n)
{
	struct kr_err e = KR_ERR_NONE;
	uint8_t got[D], want[D];

	assert_int_equal(kr_ramtree_root(t, got, &e), 0);
	naive_ram_root(m, n, want);
	assert_memory_equal(got, want, D);
}

static void set(struct kr_ramtree *t, struct model *m, unsigned int block,
		uint64_t page, unsigned int kind)
{
	uint8_t data[PAGE], digest[D];
	uint64_t n = 1;

	if (kind == 0 || kind == 1) {
		uint8_t fill = kind ? 0xee : 0;

		/* often more than one settles at once */
		n = 1 + (uint64_t)rand() % (m[block].n_pages - page);
		if (rand() % 4)
			n = n % 5 + 1;
		if (n > m[block].n_pages - page)
			n = 1;
		memset(data, fill, PAGE);
		kr_ramtree_fill(t, block, page, n, fill);
		sha(digest, data, PAGE);
	} else {
		for (size_t i = 0; i < PAGE; i++)
			data[i] = (uint8_t)(rand() >> 3);
		sha(digest, data, PAGE);
		kr_ramtree_set(t, block, page, digest);
	}
	for (uint64_t i = 0; i < n; i++)
		memcpy(m[block].leaves[page + i], digest, D);
}

static void same_as_from_scratch(void **state)
{
	struct model m[] = {
		{ .name = "pc.ram", .size_bytes = 1000 * PAGE },
		{ .name = "none", .size_bytes = 0 },
		{ .name = "one", .size_bytes = PAGE },
		{ .name = "two", .size_bytes = 2 * PAGE },
		{ .name = "three", .size_bytes = 3 * PAGE },
		{ .name = "", .size_bytes = 5 * PAGE - 1 },
		{ .name = "/rom@etc/x", .size_bytes = 64 * PAGE },
		{ .name = "odd", .size_bytes = 129 * PAGE },
	};
	const unsigned int n = sizeof(m) / sizeof(m[0]);
	struct kr_ramtree *t = new_tree(m, n);

	(void)state;
	srand(1);
	expect(t, m, n);
	for (unsigned int round = 0; round < 40; round++) {
		for (unsigned int i = 0; i < round * 20; i++) {
			unsigned int b = (unsigned int)rand() % n;

			if (m[b].n_pages)
				set(t, m, b, (uint64_t)rand() % m[b].n_pages,
				    (unsigned int)rand() % 4);
			if (rand() % 64 == 0)
				kr_ramtree_settle(t);
		}
		expect(t, m, n);
	}
	kr_ramtree_free(t);
	for (unsigned int i = 0; i < n; i++)
		free(m[i].leaves);
}

static uint64_t count_missing(const struct model *m, unsigned int n)
{
	static const uint8_t none[D];
	uint64_t n_missing = 0;

	for (unsigned int i = 0; i < n; i++)
		for (uint64_t k = 0; k < m[i].n_pages; k++)
			n_missing += !memcmp(m[i].leaves[k], none, D);
	return n_missing;
}

static bool lacks(const struct model *m, uint64_t page, uint64_t n)
{
	const struct model part = { .n_pages = n, .leaves = m->leaves + page };

	return count_missing(&part, 1) == n;
}

/* Cleared is as if never sent, and both are known to be missing. */
static void cleared_pages(void **state)
{
	struct model m[] = {
		{ .name = "pc.ram", .size_bytes = 700 * PAGE },
		{ .name = "rom", .size_bytes = 3 * PAGE - 5 },
	};
	struct kr_ramtree *t = new_tree(m, 2);

	(void)state;
	srand(2);
	assert_int_equal(kr_ramtree_missing(t), 703);
	for (unsigned int i = 0; i < 2000; i++) {
		unsigned int b = (unsigned int)rand() % 2;
		uint64_t page = (uint64_t)rand() % m[b].n_pages;
		uint64_t n = 1 + (uint64_t)rand() % (m[b].n_pages - page);

		if (n > 9 && rand() % 16)
			n = 9;
		assert_int_equal(kr_ramtree_lacks(t, b, page, n),
				 lacks(&m[b], page, n));
		if (rand() % 2) {
			kr_ramtree_clear(t, b, page, n);
			memset(m[b].leaves[page], 0, n * D);
		} else {
			set(t, m, b, page, (unsigned int)rand() % 4);
		}
		assert_int_equal(kr_ramtree_missing(t), count_missing(m, 2));
		if (i % 100 == 0)
			expect(t, m, 2);
	}
	for (unsigned int b = 0; b < 2; b++) {
		kr_ramtree_clear(t, b, 0, m[b].n_pages);
		memset(m[b].leaves, 0, m[b].n_pages * D);
	}
	assert_int_equal(kr_ramtree_missing(t), 703);
	expect(t, m, 2);
	kr_ramtree_free(t);
	free(m[0].leaves);
	free(m[1].leaves);
}

/* Every size up to a few levels, with its last page set alone. */
static void every_small_size(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 70; n++) {
		struct model m = { .name = "b", .size_bytes = n * PAGE };
		struct kr_ramtree *t = new_tree(&m, 1);

		expect(t, &m, 1);
		set(t, &m, 0, n - 1, 2);
		expect(t, &m, 1);
		set(t, &m, 0, n / 2, 0);
		expect(t, &m, 1);
		kr_ramtree_free(t);
		free(m.leaves);
	}
}

static void golden(void **state)
{
	struct model m = { .name = "pc.ram", .size_bytes = 3 * PAGE };
	struct kr_ramtree *t = new_tree(&m, 1);
	uint8_t page[PAGE], digest[D], got[D];
	char hex[2 * D + 1];

	(void)state;
	memset(page, 'k', PAGE);
	sha(digest, page, PAGE);
	kr_ramtree_set(t, 0, 0, digest);
	kr_ramtree_fill(t, 0, 2, 1, 0);
	assert_int_equal(kr_ramtree_root(t, got, NULL), 0);
	kr_hex(got, D, hex);
	assert_string_equal(hex, "ae048d49e14a16599f5e9b922860ab283f6aed34220709c6aef9b7215463375c");
	kr_ramtree_free(t);
	free(m.leaves);
}

/* A page set to what it is already, and a fill of nothing, change nothing. */
static void the_same_again(void **state)
{
	struct model m = { .name = "pc.ram", .size_bytes = 100 * PAGE };
	struct kr_ramtree *t = new_tree(&m, 1);

	(void)state;
	set(t, &m, 0, 50, 2);
	expect(t, &m, 1);
	kr_ramtree_set(t, 0, 50, m.leaves[50]);
	kr_ramtree_fill(t, 0, 50, 0, 0xff);
	expect(t, &m, 1);
	assert_int_equal(kr_ramtree_pages(t, 0), 100);
	assert_int_equal(kr_ramtree_pages(t, 1), 0);
	kr_ramtree_free(t);
	free(m.leaves);
}

static void limits(void **state)
{
	struct kr_err e = KR_ERR_NONE;
	struct kr_ramtree *t = NULL;
	uint8_t root[D], zero[D] = { 0 };

	(void)state;
	assert_int_equal(kr_ramtree_new(10 * PAGE, &t, &e), 0);
	assert_int_equal(kr_ramtree_root(t, root, &e), 0);
	assert_memory_equal(root, zero, D);
	assert_int_equal(kr_ramtree_add(t, zero, 1, 9 * PAGE, &e), 0);
	assert_true(kr_ramtree_add(t, zero, 1, 2 * PAGE, &e) < 0);
	assert_int_equal(e.kr, KR_E_RAM_LIMIT);
	assert_true(kr_ramtree_add(t, zero, 1, UINT64_MAX, NULL) < 0);
	for (unsigned int i = 1; i < KR_RAMTREE_BLOCKS_MAX; i++)
		assert_int_equal(kr_ramtree_add(t, zero, 1, 0, NULL), 0);
	assert_true(kr_ramtree_add(t, zero, 1, 0, NULL) < 0);
	kr_ramtree_free(t);
	kr_ramtree_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_as_from_scratch),
		cmocka_unit_test(cleared_pages),
		cmocka_unit_test(every_small_size),
		cmocka_unit_test(golden),
		cmocka_unit_test(the_same_again),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
