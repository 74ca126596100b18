/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_plane_hostile_urgent.c - a source that lies about pages that were asked
 * for, which have a channel of their own that takes no turns: to a real agent,
 * from the split on and resumed.
 */
#include "plane_late.h"

#define URGENT_LANE	2u

/* Pages that were asked for, as the channel's stretch number @no. */
static struct batch *add_urgent(uint64_t no, uint64_t page, unsigned int n)
{
	struct batch *b = add(URGENT_LANE, no);

	b->h.channel = 1;
	b->h.learn = false;
	for (uint64_t i = page; i < page + n; i++)
		put_named(b, i, (uint8_t)i);
	return b;
}

static int begin_urgent(void **state)
{
	begin_split(state);
	script.urgent = true;
	return 0;
}

static int begin_urgent_resumed(void **state)
{
	begin_resumed(state);
	script.urgent = true;
	return 0;
}

static void urgent_pages(void **state)
{
	const struct side *d;
	struct batch *b;

	(void)state;
	b = add_urgent(0, 1, 1);
	put_record(&b->w, 2);
	kr_items_page(&b->items, 0, 2, (uint32_t)kr_wr_len(&b->w) -
				       KR_BATCH_HEAD_BYTES);
	memset(kr_wr_room(&b->w, PAGE), 'u', PAGE);
	honest(b);
	honest(add_late(1, 1, 3, 2));
	b = add_urgent(1, 700, 1);
	put_zeroes(b, 5, 2);
	honest(b);
	b = add_urgent(2, 0, 0);
	kr_wr_u64(&b->w, 0x10);
	honest(b);
	honest(add_end(2));
	d = expect_manifest();
	assert_int_equal(d->manifest.opaque, 0);
	assert_int_equal(d->manifest.n_pages, 2 + 7);
	assert_int_equal(d->progress.n_late_pages, 7);
	assert_int_equal(d->progress.n_urgent_pages, 5);
	assert_int_equal(d->manifest.stream_bytes, given);
	assert_int_equal(drained->n_bytes, given);
}

/* A background batch never comes; what is urgent does not wait for it. */
static void urgent_past_a_gap(void **state)
{
	(void)state;
	honest(add_urgent(0, 1, 2));
	honest(add_urgent(1, 3, 1));
	script.lanes[0].no_end = script.lanes[URGENT_LANE].no_end = true;
	end_batch(add_late(1, 2, 10, 1));	/* and where is 1? */
	script.lanes[1].no_end = true;
	set_out();
	assert_true(stand_await(is_given));
	assert_false(is_decided());
	clear_away();
}

static void urgent_twice(void **state)
{
	for (unsigned int kind = 0; kind < 2; kind++) {
		begin_urgent(state);
		honest(add_urgent(0, 1, 2));
		end_batch(add_urgent(1, kind ? 2 : 0, 1));
		expect_given(KR_E_LANE_MALFORMED);
	}
}

/* On either channel, whichever comes first. */
static void urgent_and_late(void **state)
{
	const struct batch *a, *b;
	uint64_t split = given;

	(void)state;
	a = end_batch(add_urgent(0, 1, 2));
	b = end_batch(add_late(0, 1, 2, 1));
	expect_failure(KR_E_LANE_MALFORMED);
	assert_true(drained->n_bytes == split + a->h.n_raw ||
		    drained->n_bytes == split + b->h.n_raw);
}

static void urgent_out_of_range(void **state)
{
	struct batch *b;

	(void)state;
	honest(add_urgent(0, 1, 1));
	b = add_urgent(1, PAGES, 1);
	b->items.n = 0;
	end_batch(b);
	expect_given(KR_E_LANE_MALFORMED);
}

static void urgent_not_understood(void **state)
{
	static const struct { const char *p; size_t n; } rows[] = {
		{ SECTION, 5 }, { "\0\0\0\0\0\0\20", 7 },
		{ "\0\0\0\0\0\0\0\20!", 9 },
		{ "\0\0\0\0\0\0\100\10\6pc.ram half", 19 },
		{ "\0\0\0\0\0\0\100\10\3vga", 12 },
		{ "\0\0\0\0\0\0\100\50", 8 },	/* of no block */
		{ "\0\0\0\0\0\100\0\4\6pc.ram", 15 },
		{ "\0\0\0\0\0\0\0\100", 8 },
		{ "\0\0\0\0\0\0\2\0", 8 },
		{ "QEVM\0\0\0\3", 8 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct batch *b;

		begin_urgent(state);
		b = add_urgent(0, 1, 0);
		put(b, rows[i].p, rows[i].n);
		end_batch(b);
		expect_given(KR_E_LANE_MALFORMED);
	}
}

/* Its stretches are numbered, sealed and of its lane, and refer to nothing. */
static void urgent_forged(void **state)
{
	for (unsigned int kind = 0; kind < 7; kind++) {
		struct batch *b;

		begin_urgent(state);
		honest(add_urgent(0, 1, 1));
		b = add_urgent(1, 2, 1);
		b->forged = kind == 0;
		b->h.ticket = kind == 1 ? 0 : kind == 2 ? 2 : 1;
		b->h.channel = kind != 3;
		b->h.learn = kind == 4;
		b->h.loose = kind == 5;
		if (kind == 5)
			b->h.ticket = 0;
		end_batch(b);
		if (kind == 6) {	/* sealed as of the other channel */
			struct kr_wr head = KR_WR(b->b, KR_BATCH_HEAD_BYTES);

			b->h.channel = 0;
			make_seal(b);
			b->h.channel = 1;
			kr_batch_head_put(&head, &b->h);
		}
		expect_given(kind == 0 || kind == 6 ? KR_E_ROOT_DIFFERS :
						      KR_E_LANE_MALFORMED);
	}
}

/* It waits for the split, as long as there may be one. */
static void urgent_without_split(void **state)
{
	begin(state);
	script.urgent = true;
	end_batch(put_early(add(0, 0)));
	end_batch(add_urgent(0, 1, 1));
	expect_malformed();
	assert_false(stand.side[DST].has_split);
	assert_int_equal(drained->n_bytes, script.lanes[0].batches[0].h.n_raw);
}

static void urgent_on_anothers_lane(void **state)
{
	struct batch *b;

	(void)state;
	script.n_lanes = URGENT_LANE + 1;
	b = add(0, 1);
	b->h.channel = 1;
	b->h.learn = false;
	put_named(b, 1, 'u');
	end_batch(b);
	expect_given(KR_E_LANE_MALFORMED);
}

static void urgent_resumed(void **state)
{
	const struct side *d;

	(void)state;
	honest(add_urgent(0, 900, 1));
	honest(add_late(0, 1, 7, 3));
	honest(add_end(2));
	d = expect_manifest();
	assert_int_equal(d->manifest.n_pages, 4);
	assert_int_equal(d->progress.n_urgent_pages, 1);
	assert_int_equal(drained->n_bytes, given);
}

static void urgent_resumed_twice(void **state)
{
	(void)state;
	honest(add_urgent(0, 7, 3));
	end_batch(add_urgent(1, 9, 1));
	expect_given(KR_E_LANE_MALFORMED);
}

static void urgent_resumed_too_far(void **state)
{
	struct batch *b;

	(void)state;
	honest(add_urgent(0, (16u << 20) / PAGE - 1, 1));
	b = add_urgent(1, (16u << 20) / PAGE, 1);
	b->items.n = 0;
	end_batch(b);
	expect_given(KR_E_RAM_LIMIT);
}

#define TEST(name)	cmocka_unit_test_setup(name, begin)
#define URGENT(name)	cmocka_unit_test_setup(name, begin_urgent)
#define URGENT_RESUMED(name) \
	cmocka_unit_test_setup(name, begin_urgent_resumed)

int main(void)
{
	const struct CMUnitTest tests[] = {
		URGENT(urgent_pages),
		URGENT(urgent_past_a_gap),
		TEST(urgent_twice),
		URGENT(urgent_and_late),
		URGENT(urgent_out_of_range),
		TEST(urgent_not_understood),
		TEST(urgent_forged),
		TEST(urgent_without_split),
		URGENT(urgent_on_anothers_lane),
		URGENT_RESUMED(urgent_resumed),
		URGENT_RESUMED(urgent_resumed_twice),
		URGENT_RESUMED(urgent_resumed_too_far),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
