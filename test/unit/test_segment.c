/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_segment.c - a resumed stream's pages: one number for all in their
 * order, however their runs are cut, and none of them twice.
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
#include "plane/segment.h"

#define PAGE	KR_PAGE_BYTES
#define D	KR_SEGMENT_DIGEST_BYTES

static struct kr_segment *new_segment(void)
{
	struct kr_segment *s = NULL;

	assert_int_equal(kr_segment_new(1, &s, NULL), 0);
	return s;
}

static struct kr_item fill(uint16_t block, uint64_t page, uint32_t n, uint8_t c)
{
	return (struct kr_item){ .kind = KR_ITEM_FILL, .block = block,
				 .page = page, .n = n, .fill = c };
}

static int take_page(struct kr_segment *s, uint16_t block, uint64_t page)
{
	const struct kr_item i = { .kind = KR_ITEM_PAGE, .block = block,
				   .page = page, .n = 1 };
	uint8_t digest[D];

	memset(digest, (int)page + block, D);
	return kr_segment_take(s, 0, &i, digest, NULL);
}

static void root_is_of_all_in_order(void **state)
{
	uint8_t bytes[5 * (2 + 8 + D)], filled[PAGE], d[D], got[D], want[D];
	struct kr_wr w = KR_WR(bytes, sizeof(bytes));

	(void)state;
	memset(filled, 'f', PAGE);
	EVP_Digest(filled, PAGE, d, NULL, EVP_sha256(), NULL);
	for (unsigned int i = 0; i < 5; i++) {
		kr_wr_u16(&w, i == 4 ? 7 : 3);
		kr_wr_u64(&w, i == 4 ? 100000 : 60 + i);
		if (i == 4)
			memset(kr_wr_room(&w, D), (int)(uint8_t)100007, D);
		else
			kr_wr_bytes(&w, d, D);
	}
	assert_false(w.bad);
	EVP_Digest(bytes, sizeof(bytes), want, NULL, EVP_sha256(), NULL);
	for (uint32_t cut = 0; cut <= 4; cut++) {
		struct kr_segment *s = new_segment();
		const struct kr_item a = fill(3, 60, cut, 'f');
		const struct kr_item b = fill(3, 60 + cut, 4 - cut, 'f');

		assert_true(!cut || !kr_segment_take(s, 0, &a, NULL, NULL));
		assert_true(cut == 4 || !kr_segment_take(s, 0, &b, NULL, NULL));
		assert_int_equal(take_page(s, 7, 100000), 0);
		assert_int_equal(kr_segment_root(s, got, NULL), 0);
		assert_memory_equal(got, want, D);
		kr_segment_free(s);
	}
}

static void none_twice(void **state)
{
	static bool came[2][5000];
	struct kr_segment *s = new_segment();
	struct kr_item i;

	(void)state;
	srand(4);
	for (unsigned int k = 0; k < 20000; k++) {
		uint16_t block = (uint16_t)(rand() % 2);
		uint64_t page = (uint64_t)rand() % 5000;

		/* what is refused ends a stream: here it goes on */
		assert_int_equal(take_page(s, block ? 1023 : 0, page),
				 came[block][page]);
		came[block][page] = true;
	}
	i = fill(5, 1, 64, 0);
	assert_int_equal(kr_segment_take(s, 0, &i, NULL, NULL), 0);
	i = fill(5, 64, 2, 0);
	assert_int_equal(kr_segment_take(s, 0, &i, NULL, NULL), 1);
	kr_segment_free(s);
	kr_segment_free(NULL);
}

/* Two channels: none twice on either, and each has an order of its own. */
static void two_channels(void **state)
{
	uint8_t roots[3][D];

	(void)state;
	for (unsigned int k = 0; k < 3; k++) {
		const struct kr_item i = fill(3, 60, 2, 'f');
		const struct kr_item j = fill(3, 9, 1, 'g');
		struct kr_segment *s = NULL;

		assert_int_equal(kr_segment_new(2, &s, NULL), 0);
		if (k)
			assert_int_equal(kr_segment_take(s, k - 1, &j, NULL,
							 NULL), 0);
		assert_int_equal(kr_segment_take(s, 1, &i, NULL, NULL), 0);
		assert_int_equal(kr_segment_take(s, 0, &i, NULL, NULL), 1);
		if (!k)
			assert_int_equal(kr_segment_take(s, 0, &j, NULL,
							 NULL), 0);
		assert_int_equal(kr_segment_root(s, roots[k], NULL), 0);
		kr_segment_free(s);
	}
	assert_memory_equal(roots[0], roots[1], D);
	assert_memory_not_equal(roots[1], roots[2], D);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_is_of_all_in_order),
		cmocka_unit_test(none_twice),
		cmocka_unit_test(two_channels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
