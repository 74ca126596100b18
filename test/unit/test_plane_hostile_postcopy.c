/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_plane_hostile_postcopy.c - a source that lies about post-copy, to a real
 * agent: what is not missing, not understood or not as it was sealed is refused
 * before the hypervisor has a byte of it, and what came before is given whole.
 * What is wrong before the split means that there is none.
 */
#include "plane_late.h"

/* ---- the truth --------------------------------------------------------- */

static void missing_pages(void **state)
{
	const struct side *d;
	struct batch *b;

	(void)state;
	honest(add_late(0, 1, 1, 3));
	honest(add_late(0, 2, 700, 2));	/* never sent */
	b = add_late(0, 3, 4, 1);
	PUT(b, "\10\0\2\0\4ping" SECTION);
	put_zeroes(b, 5, 2);
	put_end(b);
	honest(b);
	honest(add_end(4));
	d = expect_manifest();
	assert_true(d->has_split);
	assert_int_equal(d->split.manifest.opaque, 0);
	assert_int_equal(d->split.manifest.n_pages, 2);
	assert_int_equal(d->split.owed_pages, PAGES - 1);
	assert_int_equal(d->split.manifest.ram_bytes, PAGES * PAGE);
	assert_int_equal(d->manifest.opaque, 0);
	assert_int_equal(d->manifest.n_pages, 2 + 8);
	assert_memory_not_equal(d->split.manifest.ram_root,
				d->manifest.ram_root, 32);
	assert_int_equal(d->progress.n_late_pages, 8);
	assert_int_equal(d->progress.n_missing_pages, PAGES - 1 - 8);
	assert_int_equal(drained->n_bytes, given);
}

/* ---- behind the split -------------------------------------------------- */

static void not_missing(void **state)
{
	for (unsigned int kind = 0; kind < 3; kind++) {
		struct batch *b;

		begin_split(state);
		honest(add_late(0, 1, 3, 1));
		b = add(0, 2);
		PUT(b, SECTION);
		put_named(b, 4, 'd');
		if (kind == 0)
			put_named(b, 0, 'x');
		else if (kind == 1)
			put_named(b, 3, 'x');
		else
			put_zeroes(b, 1, 3);	/* the last came */
		put_end(b);
		end_batch(b);
		expect_given(KR_E_LANE_MALFORMED);
	}
}

static void twice_in_a_stretch(void **state)
{
	for (unsigned int kind = 0; kind < 2; kind++) {
		struct batch *b;

		begin_split(state);
		b = add(0, 1);
		PUT(b, SECTION);
		put_named(b, 4, 'd');
		if (kind)
			put_zeroes(b, 4, 1);
		else
			put_named(b, 4, 'd');
		put_end(b);
		end_batch(b);
		expect_given(KR_E_LANE_MALFORMED);
	}
}

static void not_understood(void **state)
{
	static const struct { const char *p; size_t n; } rows[] = {
		{ "\4\0\0\0\3", 5 }, { "\0", 1 }, { "\2\0\0\0\3", 5 },
		{ "\10\0\5\0\0", 5 }, { "\10\0\3\0\20................", 21 },
		{ SECTION "\0\0\0\0\0\0\0\100", 13 }, { "QEVM", 4 },
		{ SECTION "\0\0\0\0\0\1\0\10\3vga", 17 },
		{ SECTION "\0\0\0\0\0\100\0\10\6pc.ram", 20 }, /* outside */
		{ "\3\0\0\0\2\0\0\0\0\0\0\0\20\0!", 15 },
		{ "\2\0\0\0\2\0\0\0\0\0\0\100\10\6pc.ram half", 25 },
	};

	for (size_t i = 0; i <= sizeof(rows) / sizeof(rows[0]); i++) {
		struct batch *b;

		begin_split(state);
		honest(add_late(0, 1, 1, 2));
		b = add(0, 2);
		if (i < sizeof(rows) / sizeof(rows[0]))
			put(b, rows[i].p, rows[i].n);
		else
			put_discard(b, 3, 1);
		end_batch(b);
		expect_given(KR_E_LANE_MALFORMED);
	}
}

static void over_the_split(void **state)
{
	struct batch *b;

	(void)state;
	b = put_split(add(0, 0));
	PUT(b, SECTION);
	put_named(b, 2, 'c');
	end_batch(b);
	expect_malformed();
	assert_false(stand.side[DST].has_split);
	assert_int_equal(drained->n_bytes, 0);
}

static void early_end(void **state)
{
	(void)state;
	honest(add_late(0, 1, 1, 2));
	expect_given(KR_E_LANE_MALFORMED);
}

/* All before it was verified, on both lanes, and QEMU is slow. */
static void forged_late(void **state)
{
	for (unsigned int deaf = 0; deaf < 2; deaf++) {
		struct batch *b;

		begin_split(state);
		script.deaf_ms = deaf * 700;
		for (uint64_t t = 1; t < 9; t++)
			honest(add_late(t % 2, t, 1 + 50 * t, 50));
		b = add_late(1, 9, 10, 1);
		b->forged = true;
		end_batch(b);
		end_batch(add_late(0, 10, 11, 1));
		expect_given(KR_E_ROOT_DIFFERS);
	}
}

/* ---- before it: then there is none ------------------------------------- */

static void expect_no_split(void)
{
	const struct side *d = expect_manifest();

	assert_false(d->has_split);
	assert_int_equal(d->manifest.opaque, 1);
	assert_int_equal(drained->n_bytes, d->manifest.stream_bytes);
}

static void bad_discards(void **state)
{
	static const struct { uint64_t page, n; } rows[] = {
		{ PAGES, 1 }, { PAGES - 1, 2 }, { 0, PAGES + 1 }, { 1, 0 },
		{ 4, 2 }, { 5, 1 }, { 0, 1 }, { UINT64_MAX / PAGE, 1 },
	};

	for (size_t i = 0; i <= sizeof(rows) / sizeof(rows[0]); i++) {
		struct batch *b;

		begin(state);
		b = put_early(add(0, 0));
		put_discard(b, 5, 3);
		kr_items_discard(&b->items, 0, 5, 3);
		if (i < sizeof(rows) / sizeof(rows[0])) {
			put_discard(b, rows[i].page, rows[i].n);
		} else {
			put_discard(b, 9, 1);
			b->w.p[-17 - 1] = 'n';		/* its name */
		}
		put_package(b);
		end_batch(b);
		expect_no_split();
	}
}

static void bad_packages(void **state)
{
	static const struct { const char *p; size_t n; } rows[] = {
		{ "\10\0\5\0\0", 5 }, { "\10\0\4\0\0\10\0\5\0\0", 10 },
		{ "\10\0\7\0\4\0\0\0\14hm\10\0\5\0\0\10\0\5\0\0", 21 },
		{ "\10\0\7\0\4\0\0\0\14\10\0\4\0\0hm\10\0\4\0\0", 21 },
		{ "\10\0\7\0\4\377\0\0\14\10\0\4\0\0hm\10\0\5\0\0", 21 },
		{ "\10\0\7\0\4\0\0\0\11\10\0\4\0\0\10\0\5\0", 18 },
		{ "\10\0\7\0\4\0\1\0\0\10\0\4\0\0hm\10\0\5\0\0", 21 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct batch *b;

		begin(state);
		b = put_early(add(0, 0));
		put(b, rows[i].p, rows[i].n);
		end_batch(b);
		expect_no_split();
	}
}

#define TEST(name)	cmocka_unit_test_setup(name, begin)
#define LATE(name)	cmocka_unit_test_setup(name, begin_split)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LATE(missing_pages),
		TEST(not_missing),
		TEST(twice_in_a_stretch),
		TEST(not_understood),
		TEST(over_the_split),
		LATE(early_end),
		TEST(forged_late),
		TEST(bad_discards),
		TEST(bad_packages),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
