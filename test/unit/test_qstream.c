/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_qstream.c - QEMU's stream is understood however it is cut into pieces,
 * and its digest is what PROTOCOL.lane.md says.
 */
#include "qstream_seen.h"

#include "base/fd.h"

static void expect_vm(const struct seen *x)
{
	assert_int_equal(x->r, 0);
	assert_null(x->stat.reason);
	assert_int_equal(x->stat.phase, KR_QSTREAM_DEVICE);
	assert_int_equal(x->n_blocks, 2);
	assert_string_equal(x->pages, "0:0=a 0:1=b 0:2=0z 1:1=0z 1:0=c "
				      "0:1=d 0:4=1z ");
	assert_int_equal(x->stat.n_pages, 7);
	assert_int_equal(x->stat.n_zero_pages, 3);
	assert_int_equal(x->stat.ram_bytes, 0x7000);
	assert_int_equal(x->stat.n_bytes, kr_wr_len(&s));
	expect_digest(x);
}

static void every_split(void **state)
{
	struct seen x;

	(void)state;
	add_vm();
	x = run(SIZE_MAX, 1);
	expect_vm(&x);
	x = run(1, 1);
	expect_vm(&x);
	for (size_t i = 0; i <= kr_wr_len(&s); i++) {
		x = run(i, SIZE_MAX);
		expect_vm(&x);
	}
	for (size_t step = 2; step < 4200; step += 7) {
		x = run(step, step);
		expect_vm(&x);
	}
}

/* A list that is nearly full holds the reader up, and loses nothing. */
static void little_room(void **state)
{
	struct seen x;

	(void)state;
	add_vm();
	for (unsigned int room = 1; room < 8; room++) {
		x = run_with_room(SIZE_MAX, 1, room);
		expect_vm(&x);
		x = run_with_room(1000, 4099, room);
		expect_vm(&x);
	}
}

static void full_list_takes_nothing(void **state)
{
	struct kr_qstream *q = NULL;
	static struct kr_items items;
	size_t used = 1;

	(void)state;
	add_vm();
	items.n = KR_ITEMS_MAX;
	assert_int_equal(kr_qstream_new(LIMIT, &q, NULL), 0);
	assert_int_equal(kr_qstream_scan(q, stream_bytes, kr_wr_len(&s),
					 &items, &used, NULL), 0);
	assert_int_equal(used, 0);
	assert_int_equal(kr_qstream_stat(q)->n_bytes, 0);
	assert_int_equal(items.n, KR_ITEMS_MAX);
	kr_qstream_free(q);
}

static void blocks_by_name(void **state)
{
	const struct kr_qstream_block *b;
	static struct kr_items items;
	struct kr_qstream *q = NULL;
	size_t used;

	(void)state;
	add_vm();
	assert_int_equal(kr_qstream_new(LIMIT, &q, NULL), 0);
	assert_int_equal(kr_qstream_blocks(q, &b), 0);
	assert_int_equal(kr_qstream_scan(q, stream_bytes, kr_wr_len(&s),
					 &items, &used, NULL), 0);
	assert_int_equal(used, kr_wr_len(&s));
	assert_int_equal(kr_qstream_blocks(q, &b), 2);
	assert_int_equal(b[0].name_bytes, 6);
	assert_memory_equal(b[0].name, "pc.ram", 6);
	assert_int_equal(b[0].size_bytes, 0x5000);
	assert_int_equal(b[1].name_bytes, 4);
	assert_memory_equal(b[1].name, "vga!", 4);
	assert_int_equal(b[1].size_bytes, 0x2000);
	kr_qstream_free(q);
}

/* Zero pages in a row are one item; a gap, another fill or block ends it. */
static void fills_join(void **state)
{
	static const struct {
		uint64_t    record;
		const char *block;
		uint8_t	    fill;
	} rows[] = {
		{ 0x0000 | 0x02, "\6pc.ram", 0 }, { 0x1000 | 0x22, "", 0 },
		{ 0x2000 | 0x22, "", 0 },	  { 0x3000 | 0x22, "", 7 },
		{ 0x4000 | 0x22, "", 7 },	  { 0x0000 | 0x02, "\4vga!", 7 },
		{ 0x1000 | 0x22, "", 7 },	  { 0x0000 | 0x22, "", 7 },
	};
	static const struct {
		unsigned int block, page, n, fill;
	} want[] = { { 0, 0, 3, 0 }, { 0, 3, 2, 7 }, { 1, 0, 2, 7 },
		     { 1, 0, 1, 7 } };
	static struct kr_items items;
	struct kr_qstream *q = NULL;
	size_t used;

	(void)state;
	begin();
	add_head();
	add_blocks();
	ADD("\2\0\0\0\2");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		add_u64(rows[i].record);
		add(rows[i].block, strlen(rows[i].block));
		add(&rows[i].fill, 1);
	}
	items.n = 0;
	assert_int_equal(kr_qstream_new(LIMIT, &q, NULL), 0);
	assert_int_equal(kr_qstream_scan(q, stream_bytes, kr_wr_len(&s),
					 &items, &used, NULL), 0);
	assert_int_equal(used, kr_wr_len(&s));
	assert_int_equal(items.n, sizeof(want) / sizeof(want[0]));
	for (unsigned int i = 0; i < items.n; i++) {
		assert_int_equal(items.i[i].kind, KR_ITEM_FILL);
		assert_int_equal(items.i[i].block, want[i].block);
		assert_int_equal(items.i[i].page, want[i].page);
		assert_int_equal(items.i[i].n, want[i].n);
		assert_int_equal(items.i[i].fill, want[i].fill);
	}
	assert_int_equal(kr_qstream_stat(q)->n_zero_pages, 8);
	kr_qstream_free(q);
}

static void golden(void **state)
{
	char hex[65];
	struct seen x;

	(void)state;
	add_vm();
	x = run(SIZE_MAX, 1);
	kr_hex(x.digest, 32, hex);
	assert_string_equal(hex, "af187bdd73f02fa549dc5c63adcee069bc39e05efff13b98ca5e319aaaa32a46");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_split),
		cmocka_unit_test(little_room),
		cmocka_unit_test(full_list_takes_nothing),
		cmocka_unit_test(blocks_by_name),
		cmocka_unit_test(fills_join),
		cmocka_unit_test(golden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
