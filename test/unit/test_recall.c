/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_recall.c - a source's and a destination's store stay alike whatever is
 * learned and recalled, and the source finds what there is to be found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "plane/recall.h"

#define PAGE	KR_PAGE_BYTES
#define NONE	KR_RECALL_NONE
#define SLOTS	50u
#define GUEST	40u			/* pages, in each of two blocks */

/* A page's content and digest are made of a number: @digest need not be a
 * real one, only the same for the same content. */
static void make(uint32_t content, uint8_t data[PAGE], uint8_t digest[32])
{
	memset(data, 0, PAGE);
	memset(digest, 0, 32);
	memcpy(data, &content, sizeof(content));
	memcpy(data + PAGE - 4, &content, sizeof(content));
	/* many share a chain */
	digest[0] = (uint8_t)(content % 3);
	memcpy(digest + 20, &content, sizeof(content));
}

static uint32_t content_of(const uint8_t *data)
{
	uint32_t a, b;

	memcpy(&a, data, sizeof(a));
	memcpy(&b, data + PAGE - 4, sizeof(b));
	assert_int_equal(a, b);
	return a;
}

static struct kr_item item(uint16_t block, uint64_t page)
{
	return (struct kr_item){ .page = page, .n = 1, .block = block,
				 .kind = KR_ITEM_PAGE };
}

static struct kr_recall *new_store(uint32_t n_slots, bool index)
{
	struct kr_recall *r = NULL;

	assert_int_equal(kr_recall_new(n_slots, index, &r, NULL), 0);
	return r;
}

static void learn(struct kr_recall *r, uint32_t slot, uint16_t block,
		  uint64_t page, uint32_t content, bool source)
{
	struct kr_item i = item(block, page);
	uint8_t data[PAGE], digest[32];

	make(content, data, digest);
	kr_recall_learn(r, slot, &i, data, source ? digest : NULL);
}

static uint32_t same(struct kr_recall *r, uint32_t content)
{
	uint8_t data[PAGE], digest[32];

	make(content, data, digest);
	return kr_recall_same(r, digest);
}

/* ---- a model: the clock rule, and what each slot holds ------------------ */

static struct {
	uint32_t n_used, hand;
	struct slot {
		bool	     recent;
		uint32_t     content;
		uint16_t     block;
		uint64_t     page;
		unsigned int learned;	/* when */
	} s[SLOTS];
} model;

static uint32_t model_slot(uint32_t slot)
{
	if (slot < model.n_used)
		return slot;
	if (model.n_used < SLOTS)
		return model.n_used++;
	for (;; model.hand = (model.hand + 1) % SLOTS) {
		slot = model.hand;
		if (!model.s[slot].recent)
			break;
		model.s[slot].recent = false;
	}
	model.hand = (model.hand + 1) % SLOTS;
	return slot;
}

static void model_learn(uint32_t slot, uint16_t block, uint64_t page,
			uint32_t content, unsigned int now)
{
	struct slot *x = &model.s[model_slot(slot)];

	*x = (struct slot){ x->recent, content, block, page, now };
}

static void expect_same(struct kr_recall *src, uint32_t content)
{
	uint32_t got = same(src, content);

	if (got != NONE) {
		assert_true(got < model.n_used);
		assert_int_equal(model.s[got].content, content);
		return;
	}
	for (uint32_t i = 0; i < model.n_used; i++)
		assert_int_not_equal(model.s[i].content, content);
}

static void expect_version(struct kr_recall *src, uint16_t block,
			   uint64_t page)
{
	uint32_t want = NONE;

	for (uint32_t i = 0; i < model.n_used; i++)
		if (model.s[i].block == block && model.s[i].page == page &&
		    (want == NONE ||
		     model.s[i].learned > model.s[want].learned))
			want = i;
	assert_int_equal(kr_recall_version(src, block, page), want);
}

/* Both ends recall a slot, which keeps it at both. */
static void recall(struct kr_recall *src, struct kr_recall *dst, uint32_t slot)
{
	const uint8_t *a = kr_recall_content(src, slot);
	const uint8_t *b = kr_recall_content(dst, slot);

	if (slot >= model.n_used) {
		assert_null(a);
		assert_null(b);
		return;
	}
	assert_non_null(a);
	assert_memory_equal(a, b, PAGE);
	assert_int_equal(content_of(a), model.s[slot].content);
	/* to look is not to touch */
	if (rand() % 3 == 0)
		return;
	kr_recall_touch(src, slot);
	kr_recall_touch(dst, slot);
	model.s[slot].recent = true;
}

/* Now and then a slot that is learned into anew, as by a difference. */
static uint32_t some_slot(void)
{
	return rand() % 4 || !model.n_used ? NONE :
		       (uint32_t)rand() % model.n_used;
}

static void both_ends_stay_alike(void **state)
{
	struct kr_recall *src = new_store(SLOTS, true);
	struct kr_recall *dst = new_store(SLOTS, false);

	(void)state;
	memset(&model, 0, sizeof(model));
	srand(1);
	for (unsigned int now = 0; now < 100000; now++) {
		uint32_t content = (uint32_t)rand() % 200;
		uint16_t block = (uint16_t)(rand() & 1);
		uint64_t page = (uint64_t)rand() % GUEST;
		uint32_t slot = some_slot();

		switch (rand() % 4) {
		case 0:
		case 1:
			learn(src, slot, block, page, content, true);
			learn(dst, slot, block, page, content, false);
			model_learn(slot, block, page, content, now);
			break;
		case 2:
			recall(src, dst, (uint32_t)rand() % (SLOTS + 2));
			break;
		case 3:
			expect_same(src, content);
			expect_version(src, block, page);
			break;
		}
	}
	assert_int_equal(model.n_used, SLOTS);
	for (uint32_t i = 0; i < SLOTS; i++)
		recall(src, dst, i);
	kr_recall_free(src);
	kr_recall_free(dst);
}

/* ---- one rule at a time ------------------------------------------------ */

static void recalled_slots_are_kept(void **state)
{
	struct kr_recall *r = new_store(4, true);

	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		learn(r, NONE, 0, i, i, true);
	kr_recall_touch(r, 0);
	kr_recall_touch(r, 2);
	for (uint32_t i = 0; i < 4; i++)
		assert_non_null(kr_recall_content(r, i));
	learn(r, NONE, 0, 10, 10, true);	/* over 0, into 1 */
	learn(r, NONE, 0, 11, 11, true);	/* over 2, into 3 */
	assert_int_equal(same(r, 0), 0);
	assert_int_equal(same(r, 10), 1);
	assert_int_equal(same(r, 2), 2);
	assert_int_equal(same(r, 11), 3);
	assert_int_equal(same(r, 1), NONE);
	assert_int_equal(same(r, 3), NONE);
	/* passed over once, not for ever; looking up keeps nothing */
	learn(r, NONE, 0, 12, 12, true);
	assert_int_equal(same(r, 12), 0);
	assert_int_equal(same(r, 0), NONE);
	kr_recall_free(r);
}

static void all_recalled(void **state)
{
	struct kr_recall *r = new_store(4, true);

	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		learn(r, NONE, 0, i, i, true);
	for (uint32_t i = 0; i < 4; i++)
		kr_recall_touch(r, i);
	for (uint32_t i = 0; i < 4; i++) {
		learn(r, NONE, 0, 10 + i, 10 + i, true);
		assert_int_equal(same(r, 10 + i), i);
	}
	kr_recall_free(r);
}

static void newest_version(void **state)
{
	struct kr_recall *r = new_store(8, true);

	(void)state;
	assert_int_equal(kr_recall_version(r, 0, 5), NONE);
	learn(r, NONE, 0, 5, 100, true);
	learn(r, NONE, 1, 5, 101, true);
	learn(r, NONE, 0, 5, 102, true);
	assert_int_equal(kr_recall_version(r, 0, 5), 2);
	assert_int_equal(kr_recall_version(r, 1, 5), 1);
	assert_int_equal(kr_recall_version(r, 2, 5), NONE);
	assert_int_equal(kr_recall_version(r, 0, 6), NONE);
	/* the older one of the two is learned anew */
	learn(r, 0, 0, 5, 103, true);
	assert_int_equal(kr_recall_version(r, 0, 5), 0);
	assert_int_equal(same(r, 100), NONE);
	assert_int_equal(same(r, 103), 0);
	/* and becomes another page */
	learn(r, 0, 7, 9, 104, true);
	assert_int_equal(kr_recall_version(r, 0, 5), 2);
	assert_int_equal(kr_recall_version(r, 7, 9), 0);
	kr_recall_free(r);
}

static void same_content_twice(void **state)
{
	struct kr_recall *r = new_store(2, true);

	(void)state;
	learn(r, NONE, 0, 1, 7, true);
	learn(r, NONE, 0, 2, 7, true);
	assert_true(same(r, 7) < 2);
	learn(r, 1, 0, 2, 8, true);
	assert_int_equal(same(r, 7), 0);
	learn(r, 0, 0, 1, 9, true);
	assert_int_equal(same(r, 7), NONE);
	kr_recall_free(r);
}

static void never_learned(void **state)
{
	struct kr_recall *r = new_store(4, false);

	(void)state;
	assert_null(kr_recall_content(r, 0));
	learn(r, NONE, 0, 0, 1, false);
	assert_non_null(kr_recall_content(r, 0));
	assert_null(kr_recall_content(r, 1));
	assert_null(kr_recall_content(r, 4));
	assert_null(kr_recall_content(r, NONE));
	kr_recall_free(r);
}

static void no_slots(void **state)
{
	(void)state;
	for (int index = 0; index < 2; index++) {
		struct kr_recall *r = new_store(0, index);

		for (uint32_t i = 0; i < 10; i++) {
			learn(r, NONE, 0, i, i, index);
			assert_null(kr_recall_content(r, i));
			if (!index)
				continue;
			assert_int_equal(same(r, i), NONE);
			assert_int_equal(kr_recall_version(r, 0, i), NONE);
		}
		assert_null(kr_recall_content(r, NONE));
		kr_recall_free(r);
	}
	kr_recall_free(NULL);
}

static void one_slot(void **state)
{
	struct kr_recall *r = new_store(1, true);

	(void)state;
	for (uint32_t i = 0; i < 10; i++) {
		learn(r, NONE, 0, i, i, true);
		assert_int_equal(content_of(kr_recall_content(r, 0)), i);
		assert_int_equal(same(r, i), 0);
		if (i)
			assert_int_equal(same(r, i - 1), NONE);
	}
	kr_recall_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_stay_alike),
		cmocka_unit_test(recalled_slots_are_kept),
		cmocka_unit_test(all_recalled),
		cmocka_unit_test(newest_version),
		cmocka_unit_test(same_content_twice),
		cmocka_unit_test(never_learned),
		cmocka_unit_test(no_slots),
		cmocka_unit_test(one_slot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
