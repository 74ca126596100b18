/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_plane_hostile_multifd.c - a source that has the keys and lies about
 * multifd channels: it sends a real destination agent packets and batches that
 * no honest source sends. Each must end with KR_E_LANE_MALFORMED, with little
 * memory, and never hang; what comes in any order that is allowed must arrive.
 */
#include "plane_liar.h"

#include "plane/mfstream.h"

#define CHANNELS	3u		/* beside the main one */
#define F_SYNC		1u
#define F_ZSTD		4u

static uint64_t ticket;			/* the next one of an honest source */

/* ---- what the channels bring ------------------------------------------- */

struct packet {
	uint32_t    flags, room, n_pages, n_body, n_zero;
	const char *block;
	uint64_t    at;			/* of the first page; others follow */
};

static struct packet some_pages(void)
{
	return (struct packet){ .room = KR_MFSTREAM_PAGES, .n_pages = 2,
				.n_body = 2 * PAGE, .block = "pc.ram" };
}

/* The head as it is told, and 2 pages. */
static uint32_t put_packet(struct batch *b, const struct packet *p)
{
	struct kr_wr *w = &b->w;
	uint8_t *h = kr_wr_room(w, KR_MFSTREAM_HEAD_BYTES);
	struct kr_wr head = KR_WR(h, KR_MFSTREAM_HEAD_BYTES);
	uint32_t n = p->n_pages ? 2 * PAGE : 0;

	memset(h, 0, KR_MFSTREAM_HEAD_BYTES);
	kr_wr_u32(&head, 0x11223344);
	kr_wr_u32(&head, 1);
	kr_wr_u32(&head, p->flags);
	kr_wr_u32(&head, p->room);
	kr_wr_u32(&head, p->n_pages);
	kr_wr_u32(&head, p->n_body);
	kr_wr_u64(&head, 0);
	kr_wr_u32(&head, p->n_zero);
	if (p->block)
		memcpy(h + 64, p->block, strlen(p->block));
	head.p = h + 320;
	for (uint64_t i = 0; i < KR_MFSTREAM_PAGES; i++)
		kr_wr_u64(&head, p->at + i * PAGE);
	for (uint32_t i = 0; i < n / PAGE; i++) {
		kr_items_page(&b->items, 0, p->at / PAGE + i,
			      (uint32_t)kr_wr_len(w) - KR_BATCH_HEAD_BYTES);
		memset(kr_wr_room(w, PAGE), 'p', PAGE);
	}
	return KR_MFSTREAM_HEAD_BYTES + n;
}

static struct batch *add_packet(unsigned int lane, uint64_t t,
				const struct packet *p)
{
	struct batch *b = add(lane, t);

	return seal(b, put_packet(b, p));
}

static struct batch *add_pages(unsigned int lane, uint64_t t)
{
	struct packet p = some_pages();

	return add_packet(lane, t, &p);
}

static struct batch *add_sync(unsigned int lane, uint64_t t)
{
	struct packet p = { .flags = F_SYNC };

	return add_packet(lane, t, &p);
}

static struct batch *add_init(unsigned int lane, uint64_t t)
{
	struct batch *b = add(lane, t);

	kr_wr_u32(&b->w, 0x11223344);
	kr_wr_u32(&b->w, 1);
	memset(kr_wr_room(&b->w, 56), 0, 56);
	return seal(b, KR_MFSTREAM_INIT_BYTES);
}

/* The main channel up to its first mark. */
static struct batch *add_setup(uint64_t t)
{
	struct batch *b = add(0, t);

	kr_wr_bytes(&b->w, "QEVM\0\0\0\3\1\0\0\0\2\3ram\0\0\0\0\0\0\0\4", 25);
	kr_wr_u64(&b->w, PAGES * PAGE | 0x04);
	kr_wr_bytes(&b->w, "\6pc.ram", 7);
	kr_wr_u64(&b->w, PAGES * PAGE);
	kr_wr_u64(&b->w, 0x10);
	return seal(b, 25 + 8 + 7 + 8 + 8);
}

/* Up to its next mark; @type: 2, or 3 for the last. */
static struct batch *add_section(uint64_t t, uint8_t type)
{
	struct batch *b = add(0, t);

	kr_wr_bytes(&b->w, "\x7e\0\0\0\2", 5);
	kr_wr_u8(&b->w, type);
	kr_wr_u32(&b->w, 2);
	kr_wr_u64(&b->w, 0x10);
	return seal(b, 5 + 5 + 8);
}

static struct batch *add_device(uint64_t t)
{
	struct batch *b = add(0, t);

	kr_wr_bytes(&b->w, "\x7e\0\0\0\2 some device", 17);
	return seal(b, 17);
}

static void add_syncs(void)
{
	for (unsigned int i = 1; i <= CHANNELS; i++)
		add_sync(i, ticket++);
}

/* Up to where pages may come, on every lane. */
static void add_opening(void)
{
	for (unsigned int i = 1; i <= CHANNELS; i++)
		add_init(i, ticket++);
	add_syncs();
	add_setup(ticket++);
}

static void add_rest(void)
{
	add_syncs();
	add_section(ticket++, 3);
	add_device(ticket++);
}

static int begin_multifd(void **state)
{
	begin(state);
	script.multifd = true;
	ticket = 0;
	return 0;
}

/* Again, for another lie in the same test. */
static void begin_opened(void)
{
	begin_multifd(NULL);
	add_opening();
}

/* ---- packets that are not what they say -------------------------------- */

/* All ends well, but for this one: it must be what is refused. */
static void expect_bad_packet(const struct packet *p)
{
	begin_opened();
	add_pages(1, ticket++);
	add_packet(2, ticket++, p);
	expect_malformed();
}

static void block_that_is_not_there(void **state)
{
	static const char *const names[] = { "pc.rom", "pc.ra", "pc.ram2",
					     NULL };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct packet p = some_pages();

		p.block = names[i];
		expect_bad_packet(&p);
	}
}

static void pages_outside_their_block(void **state)
{
	static const uint64_t offsets[] = {
		PAGES * PAGE, (PAGES - 1) * PAGE, 1, UINT64_MAX - PAGE + 1,
		UINT64_MAX,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		struct packet p = some_pages();

		p.at = offsets[i];
		expect_bad_packet(&p);
	}
}

static void wrong_page_counts(void **state)
{
	static const struct { uint32_t room, n_pages, n_body, n_zero; }
	rows[] = {
		{ 128, 129, 129 * PAGE, 0 }, { 128, 2, PAGE, 0 },
		{ 128, 2, 2 * PAGE, 127 }, { 128, 0, 0, 129 },
		{ 129, 2, 2 * PAGE, 0 }, { 1, 2, 2 * PAGE, 0 },
		{ 128, UINT32_MAX, 0u - PAGE, 0 },
		{ 128, 2, 2 * PAGE, UINT32_MAX },
		{ 0, 2, 2 * PAGE, 0 }, { 129, 0, 0, 0 },
		/* the other pages never come */
		{ 128, 1, PAGE, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct packet p = some_pages();

		p.room = rows[i].room;
		p.n_pages = rows[i].n_pages;
		p.n_body = rows[i].n_body;
		p.n_zero = rows[i].n_zero;
		expect_bad_packet(&p);
	}
}

/* What no ticket is given for. */
static void not_understood(void **state)
{
	struct packet p = some_pages();

	(void)state;
	p.flags = F_ZSTD;
	expect_bad_packet(&p);
	begin_opened();
	add_init(1, ticket++);
	expect_malformed();
}

static void pages_before_their_blocks(void **state)
{
	(void)state;
	for (unsigned int i = 1; i <= CHANNELS; i++)
		add_init(i, ticket++);
	add_pages(1, ticket++);
	expect_malformed();
}

/* ---- epochs ------------------------------------------------------------ */

static void ahead_of_another_channel(void **state)
{
	(void)state;
	add_opening();
	add_sync(1, ticket++);
	add_pages(1, ticket++);
	expect_malformed();
}

static void ahead_of_the_main_channel(void **state)
{
	(void)state;
	for (unsigned int i = 1; i <= CHANNELS; i++)
		add_init(i, ticket++);
	add_syncs();
	add_pages(1, ticket++);
	add_setup(ticket++);
	expect_malformed();
}

static void main_ahead_of_the_others(void **state)
{
	(void)state;
	add_init(1, ticket++);
	add_init(2, ticket++);
	add_setup(ticket++);
	add_init(3, ticket++);
	expect_malformed();

	begin_opened();
	add_section(ticket++, 2);
	add_section(ticket++, 2);
	expect_malformed();
}

/* A stretch that does not stop behind its mark. */
static void on_behind_a_mark(void **state)
{
	struct packet p = some_pages();
	struct batch *b;
	uint32_t n;

	(void)state;
	add_opening();
	b = add(1, ticket++);
	n = put_packet(b, &(struct packet){ .flags = F_SYNC });
	seal(b, n + put_packet(b, &p));
	expect_malformed();
}

/* ---- batches ----------------------------------------------------------- */

static void channel_that_does_not_exist(void **state)
{
	static const uint8_t channels[] = { 0, 2, CHANNELS + 1, 15, 16, 255 };

	(void)state;
	for (size_t i = 0; i < sizeof(channels); i++)
		for (unsigned int loose = 0; loose < 2; loose++) {
			struct batch *b;

			begin_opened();
			b = add_pages(1, loose ? 0 : ticket);
			b->h.channel = channels[i];
			b->h.loose = loose;
			b->h.learn = !loose;
			seal(b, b->h.n_raw);
			expect_malformed();
		}
}

static void repeated_batches(void **state)
{
	(void)state;
	for (unsigned int k = 0; k < 20; k++) {
		unsigned int lane = k % (CHANNELS + 1);

		begin_opened();
		add_pages(1, ticket);
		if (lane)
			add_pages(lane, ticket);
		else
			add_section(ticket, 2);
		expect_malformed();
	}
}

static void reordered_on_its_lane(void **state)
{
	(void)state;
	add_opening();
	add_pages(1, ticket + 1);
	add_pages(1, ticket);
	expect_malformed();
}

static void missing_batch(void **state)
{
	(void)state;
	for (unsigned int waits = 0; waits < 2; waits++) {
		begin_opened();
		for (unsigned int i = 1; i <= CHANNELS; i++)
			add_pages(i, ticket + i);
		add_section(ticket + CHANNELS + 1, 2);
		for (unsigned int i = 0; waits && i <= CHANNELS; i++)
			script.lanes[i].no_end = true;
		expect_malformed();
	}
}

/* ---- loose ------------------------------------------------------------- */

static struct batch *add_loose(unsigned int lane)
{
	struct batch *b = add_pages(lane, 0);

	b->h.loose = true;
	b->h.learn = false;
	return seal(b, b->h.n_raw);
}

static void in_order_behind_a_loose_one(void **state)
{
	(void)state;
	add_opening();
	add_loose(1);
	add_pages(1, ticket++);
	expect_malformed();
}

/* Another one waits for a ticket that a loose channel does not bring. */
static void missing_behind_a_loose_one(void **state)
{
	(void)state;
	add_opening();
	add_loose(1);
	add_pages(2, ticket + 1);
	expect_malformed();
}

static void loose_and_more(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		struct batch *b;

		begin_opened();
		b = add_loose(1);
		if (i == 0)
			b->h.ticket = ticket;
		else if (i == 1)
			b->h.learn = true;
		else if (i == 2)
			b->h.n_refs = 1;
		else
			b->h.n_body--;
		seal(b, b->h.n_raw);
		expect_malformed();
	}
}

static void loose_on_an_only_channel(void **state)
{
	struct batch *b;

	(void)state;
	script.multifd = false;
	add_first(0);
	b = add_honest(0, 0);
	b->h.loose = true;
	b->h.learn = false;
	seal(b, b->h.n_raw);
	expect_malformed();
}

/* ---- and the truth ----------------------------------------------------- */

static const struct kr_manifest *expect_manifest(void)
{
	const struct side *d = &stand.side[DST];
	uint64_t n = 0;

	for (unsigned int i = 0; i < script.n_lanes; i++)
		for (unsigned int k = 0; k < script.lanes[i].n; k++)
			n += script.lanes[i].batches[k].h.n_raw;
	set_out();
	assert_true(stand_await(is_decided));
	if (!d->has_manifest)
		fail_msg("%d: %s", d->fail.kr, d->fail.what);
	clear_away();
	assert_int_equal(drained->n_bytes, n);
	assert_int_equal(d->manifest.stream_bytes, n);
	return &d->manifest;
}

/* Within an epoch channels are in no order, and nor are their lanes. */
static void any_order_within_an_epoch(void **state)
{
	const struct kr_manifest *m;

	(void)state;
	add_opening();
	srand(5);
	for (unsigned int i = 0; i < 60; i++) {
		add_pages(1 + (unsigned int)rand() % CHANNELS, ticket++);
		if (i == 30) {
			add_syncs();
			add_section(ticket++, 2);
		}
	}
	add_rest();
	m = expect_manifest();
	assert_string_equal(m->reason, "");
	assert_int_equal(m->opaque, 0);
	assert_int_equal(m->n_pages, 120);
}

/* Some are loose from here on, others have tickets until they are told. */
static void loose_from_here_on(void **state)
{
	const struct kr_manifest *m;

	(void)state;
	add_opening();
	add_pages(1, ticket++);
	for (unsigned int i = 0; i < 5; i++)
		add_loose(2);
	add_pages(1, ticket++);
	add_loose(1);
	add_loose(0);
	m = expect_manifest();
	assert_int_equal(m->opaque, 1);
	assert_int_equal(m->n_pages, 4);
}

#define TEST(name)	cmocka_unit_test_setup(name, begin_multifd)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(any_order_within_an_epoch),
		TEST(loose_from_here_on),
		TEST(block_that_is_not_there),
		TEST(pages_outside_their_block),
		TEST(wrong_page_counts),
		TEST(not_understood),
		TEST(pages_before_their_blocks),
		TEST(ahead_of_another_channel),
		TEST(ahead_of_the_main_channel),
		TEST(main_ahead_of_the_others),
		TEST(on_behind_a_mark),
		TEST(channel_that_does_not_exist),
		TEST(repeated_batches),
		TEST(reordered_on_its_lane),
		TEST(missing_batch),
		TEST(in_order_behind_a_loose_one),
		TEST(missing_behind_a_loose_one),
		TEST(loose_and_more),
		TEST(loose_on_an_only_channel),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
