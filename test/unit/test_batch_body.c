/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_batch_body.c - the body of a batch that is not what its head says, or
 * refers to what is not there, is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "plane/batch.h"

#define PAGE	KR_PAGE_BYTES

static uint8_t body[KR_BATCH_BODY_MAX];
static struct kr_refs got_refs;

struct body {
	struct kr_wr w;
	struct kr_batch_head h;
};

static struct body stretch_of(uint32_t n)
{
	return (struct body){ KR_WR(body, sizeof(body)), { .n_raw = n } };
}

static void ref(struct body *b, uint32_t at, uint8_t kind, uint32_t slot)
{
	kr_wr_u32(&b->w, at);
	kr_wr_u8(&b->w, kind);
	kr_wr_u32(&b->w, slot);
	b->h.n_refs++;
}

static void rest(struct body *b, size_t n)
{
	while (n--)
		kr_wr_u8(&b->w, 'r');
}

/* A store whose slots 0 and 1 were learned. */
static struct kr_recall *store_of_two(void)
{
	static const uint8_t pages[2][PAGE];
	struct kr_recall *m = NULL;
	struct kr_item i = { .page = 1, .n = 1, .kind = KR_ITEM_PAGE };

	assert_int_equal(kr_recall_new(4, false, &m, NULL), 0);
	kr_recall_learn(m, KR_RECALL_NONE, &i, pages[0], NULL);
	kr_recall_learn(m, KR_RECALL_NONE, &i, pages[1], NULL);
	return m;
}

static int unpack(struct body *b, struct kr_err *e)
{
	struct kr_recall *m = store_of_two();
	uint8_t *from, *to = malloc(b->h.n_raw);
	int r;

	b->h.n_body = (uint32_t)kr_wr_len(&b->w);
	from = malloc(b->h.n_body ? b->h.n_body : 1);
	memcpy(from, body, b->h.n_body);
	r = kr_batch_unpack(m, NULL, &b->h, from, to, &got_refs, e);
	free(from);
	free(to);
	kr_recall_free(m);
	return r;
}

static void expect_refused(struct body b)
{
	struct kr_err e = KR_ERR_NONE;

	assert_true(unpack(&b, &e) < 0);
	assert_int_equal(e.kr, KR_E_LANE_MALFORMED);
}

static void good_references(void **state)
{
	struct body b = stretch_of(4 * PAGE);

	(void)state;
	ref(&b, 0, KR_REF_SAME, 0);
	ref(&b, PAGE, KR_REF_SAME, 0);
	ref(&b, 3 * PAGE, KR_REF_DELTA, 1);
	rest(&b, 2 * PAGE);
	assert_int_equal(unpack(&b, NULL), 0);
	assert_int_equal(got_refs.n, 3);
}

static void bad_references(void **state)
{
	static const struct { uint32_t at[2]; uint8_t kind; uint32_t slot; }
	rows[] = {
		{ { 0, PAGE }, KR_REF_SAME, 2 },	/* never learned */
		{ { 0, PAGE }, KR_REF_DELTA, 3 },
		{ { 0, PAGE }, KR_REF_SAME, 4 },	/* no such slot */
		{ { 0, PAGE }, KR_REF_SAME, UINT32_MAX },
		{ { 0, PAGE }, 0, 0 },
		{ { 0, PAGE }, KR_REF_CACHED, 0 },	/* no cache */
		{ { 0, PAGE }, KR_REF_CACHED + 1, 0 },
		{ { 0, PAGE }, 255, 0 },
		{ { PAGE, 0 }, KR_REF_SAME, 0 },	/* descending */
		{ { PAGE, PAGE }, KR_REF_SAME, 0 },
		{ { 0, PAGE - 1 }, KR_REF_SAME, 0 },	/* overlapping */
		{ { 0, 1 }, KR_REF_SAME, 0 },
		{ { 0, 3 * PAGE + 1 }, KR_REF_SAME, 0 },	/* beyond */
		{ { 0, UINT32_MAX }, KR_REF_SAME, 0 },
		{ { 0, UINT32_MAX - PAGE + 1 }, KR_REF_SAME, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int last = 0; last < 2; last++) {
			struct body b = stretch_of(4 * PAGE);

			/* one of the two is bad by itself, or both together */
			ref(&b, rows[i].at[0],
			    last ? KR_REF_SAME : rows[i].kind,
			    last ? 0 : rows[i].slot);
			ref(&b, rows[i].at[1], rows[i].kind, rows[i].slot);
			rest(&b, 2 * PAGE);
			expect_refused(b);
		}
}

static void wrong_size(void **state)
{
	(void)state;
	for (size_t n = 0; n < 4 * PAGE; n += n < 20 || n > 4000 ? 1 : 97) {
		struct body b = stretch_of(3 * PAGE);

		if (n == 2 * PAGE)
			continue;
		ref(&b, PAGE, KR_REF_SAME, 0);
		rest(&b, n);
		expect_refused(b);
		b = stretch_of(3 * PAGE);
		ref(&b, 0, KR_REF_DELTA, 0);
		rest(&b, n == 3 * PAGE ? 0 : n);
		expect_refused(b);
	}
}

/* References themselves are cut short. */
static void cut_references(void **state)
{
	(void)state;
	for (size_t n = 0; n < 2 * KR_BATCH_REF_BYTES; n++) {
		struct body b = stretch_of(2 * PAGE);

		ref(&b, 0, KR_REF_SAME, 0);
		ref(&b, PAGE, KR_REF_SAME, 0);
		b.w.p = b.w.start + n;
		expect_refused(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_references),
		cmocka_unit_test(bad_references),
		cmocka_unit_test(wrong_size),
		cmocka_unit_test(cut_references),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
