/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_qstream_opaque.c - what is not understood of QEMU's stream, or is not
 * all there, turns it opaque, and the digest covers it; more memory than may be
 * is refused.
 */
#include "qstream_seen.h"

/* A stream cut anywhere: never an error, opaque before the end of RAM, and
 * the digest covers a page's bytes if they are not all there. */
static void every_cut(void **state)
{
	size_t n;

	(void)state;
	add_vm();
	n = kr_wr_len(&s);
	for (size_t k = 0; k < n; k++) {
		struct seen x, y;

		s.p = stream_bytes + k;
		x = run(SIZE_MAX, 1);
		y = run(k / 2, 1001);
		assert_int_equal(x.r, 0);
		assert_int_equal(x.stat.n_bytes, k);
		assert_int_equal(y.stat.n_bytes, k);
		assert_memory_equal(x.digest, y.digest, 32);
		assert_string_equal(x.pages, y.pages);
		if (x.stat.phase != KR_QSTREAM_DEVICE)
			assert_string_equal(x.stat.reason,
				"the stream ended before its RAM was complete");
	}
}

static void cut_in_a_page(void **state)
{
	struct seen x;

	(void)state;
	begin();
	add_head();
	add_blocks();
	ADD("\2\0\0\0\2");
	add_u64(0x08);
	ADD("\6pc.ram" "some of a page");
	x = run(10, 10);
	assert_int_equal(x.stat.phase, KR_QSTREAM_OPAQUE);
	assert_string_equal(x.pages, "");
	assert_int_equal(x.stat.n_bytes, kr_wr_len(&s));
	expect_digest(&x);
}

static void turns_opaque(const char *why)
{
	struct seen x;

	ADD(" and whatever follows \2\0\0\0\2");
	x = run(SIZE_MAX, 1);
	assert_int_equal(x.r, 0);
	assert_int_equal(x.stat.phase, KR_QSTREAM_OPAQUE);
	assert_string_equal(x.stat.reason, why);
	assert_true(strlen(why) < 64);
	expect_digest(&x);
	x = run(3, 1);
	assert_string_equal(x.stat.reason, why);
	expect_digest(&x);
}

static void unknown_heads(void **state)
{
	(void)state;
	begin();
	ADD("RIFF\0\0\0\3");
	turns_opaque("not a QEMU stream of version 3");
	begin();
	ADD("QEVM\0\0\0\4");
	turns_opaque("not a QEMU stream of version 3");
	begin();
	ADD("QEVM\0\0\0\3\5");
	turns_opaque("unknown section before the end of RAM");
	begin();
	ADD("QEVM\0\0\0\3\7\0\0\1\0");
	turns_opaque("unknown configuration");
	begin();
	add_head();
	ADD("\7\0\0\0\0\5\032configuration/capabilities\0\0\0\1");
	turns_opaque("unknown configuration");
	begin();
	ADD("QEVM\0\0\0\3\7\0\0\0\0\5\036configuration/target-page-bits"
	    "\0\0\0\1\0\0\0\020");
	turns_opaque("pages are not of 4 KiB");
	begin();
	add_head();
	ADD("\010\0\3\0\0");
	turns_opaque("unknown command");
	begin();
	add_head();
	ADD("\1\0\0\0\1\5block\0\0\0\0\0\0\0\1");
	turns_opaque("another section before the end of RAM");
	begin();
	add_head();
	ADD("\1\0\0\0\2\3ram\0\0\0\0\0\0\0\5");
	turns_opaque("unknown RAM section");
	begin();
	add_head();
	ADD("\2\0\0\0\2");
	turns_opaque("a section that was not started");
}

static void unknown_records(void **state)
{
	static const struct {
		unsigned int flags;
		const char  *why;
	} rows[] = {
		{ 0x40, "XBZRLE pages" },
		{ 0x60, "XBZRLE pages" },
		{ 0x100, "compressed pages" },
		{ 0x80, "RDMA" },
		{ 0x200, "multifd" },
		{ 0x00, "unknown page record" },
		{ 0x0a, "unknown page record" },
		{ 0x30, "unknown page record" },
		{ 0x28, "a page of no block" },
		{ 0x04, "a second block list" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin();
		add_head();
		add_blocks();
		ADD("\2\0\0\0\2");
		add_u64(0x1000 | rows[i].flags);
		turns_opaque(rows[i].why);
	}
	begin();
	add_head();
	add_blocks();
	ADD("\2\0\0\0\2");
	add_u64(0x5000 | 0x08);
	ADD("\6pc.ram");
	turns_opaque("a page outside its block");
	begin();
	add_head();
	add_blocks();
	ADD("\2\0\0\0\2");
	add_u64(0x08);
	ADD("\6pc.rom");
	turns_opaque("a page of no block");
	begin();
	add_head();
	ADD("\1\0\0\0\2\3ram\0\0\0\0\0\0\0\4");
	add_u64(0x3000 | 0x04);
	ADD("\1a");
	add_u64(0x2000);
	ADD("\1b");
	add_u64(0x2000);
	turns_opaque("unknown block list");
	begin();
	add_head();
	ADD("\1\0\0\0\2\3ram\0\0\0\0\0\0\0\4");
	add_u64(0x3000 | 0x04);
	ADD("\1a");
	add_u64(0x1000);
	ADD("\1a");
	add_u64(0x1000);
	turns_opaque("unknown block list");
}

static void too_much_ram(void **state)
{
	struct seen x;

	(void)state;
	begin();
	add_head();
	ADD("\1\0\0\0\2\3ram\0\0\0\0\0\0\0\4");
	add_u64(LIMIT + 0x1000 + 0x04);
	x = run(SIZE_MAX, 1);
	assert_true(x.r < 0);
	assert_int_equal(x.e.kr, KR_E_RAM_LIMIT);
	assert_int_equal(x.n_blocks, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut),
		cmocka_unit_test(cut_in_a_page),
		cmocka_unit_test(unknown_heads),
		cmocka_unit_test(unknown_records),
		cmocka_unit_test(too_much_ram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
