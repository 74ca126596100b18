/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_qpostcopy_opaque.c - discards are understood, and what is not right in a
 * stream with post-copy turns it opaque, before the split, behind it, and when
 * it was resumed; pages too far away are refused.
 */
#include "qpostcopy_seen.h"

/* A guest of 16 pages, and a ROM of two; page 0 was sent. */
static void add_vm(void)
{
	begin();
	ADD("QEVM\0\0\0\3\10\0\3\0\20\0\0\0\0\0\0\20\0\0\0\0\0\0\0\20\0");
	ADD("\1\0\0\0\2\3ram\0\0\0\0\0\0\0\4");
	kr_wr_u64(&s, 18 * PAGE | 0x04);
	ADD("\6pc.ram");
	kr_wr_u64(&s, 16 * PAGE);
	ADD("\3rom");
	kr_wr_u64(&s, 2 * PAGE);
	kr_wr_u64(&s, 0x10);
	ADD("\x7e\0\0\0\2\2\0\0\0\2");
	kr_wr_u64(&s, 0x08);
	ADD("\6pc.ram");
	add_page('a');
	kr_wr_u64(&s, 0x10);
	ADD("\x7e\0\0\0\2");
}

static void add_range(uint64_t page, uint64_t n)
{
	kr_wr_u64(&s, page * PAGE);
	kr_wr_u64(&s, n * PAGE);
}

static void add_package(void)
{
	ADD("\10\0\7\0\4\0\0\0\14\10\0\4\0\0hm\10\0\5\0\0");
}

static void turns_opaque(const char *why, bool late)
{
	struct seen x = run(false, 1, KR_ITEMS_MAX);

	assert_int_equal(x.r, 0);
	assert_int_equal(x.stat.phase, KR_QSTREAM_OPAQUE);
	assert_string_equal(x.stat.reason, why);
	assert_int_equal(x.stat.late, late);
	x = run(false, 5000, 3);
	assert_string_equal(x.stat.reason, why);
	assert_int_equal(x.stat.n_bytes, kr_wr_len(&s));
}

static void discards(void **state)
{
	struct seen x;

	(void)state;
	add_vm();
	ADD("\10\0\6\0\51\0\6pc.ram\0");
	add_range(1, 3);
	add_range(4, 12);
	ADD("\10\0\6\0\26\0\3rom\0");
	add_range(0, 2);
	x = run(false, 7, 1);
	assert_string_equal(x.items, "0:0+1=p 0:1+3=d 0:4+c=d 1:0+2=d ");
	assert_string_equal(x.stat.reason,
			    "the stream ended before its RAM was complete");
}

static void bad_discards(void **state)
{
	static const struct { uint64_t start, n; } rows[] = {
		{ 16 * PAGE, PAGE }, { 15 * PAGE, 2 * PAGE },
		{ 0, 17 * PAGE }, { 0, 0 }, { 1, PAGE }, { 0, PAGE + 1 },
		{ 0, UINT64_MAX - PAGE + 1 },
		{ UINT64_MAX - PAGE + 1, PAGE },
		{ UINT64_MAX - PAGE + 1, 2 * PAGE }, { 17 * PAGE, 0 },
	};
	static const char why[] = "a discard outside its block, or twice";

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		add_vm();
		ADD("\10\0\6\0\31\0\6pc.ram\0");
		kr_wr_u64(&s, rows[i].start);
		kr_wr_u64(&s, rows[i].n);
		ADD("whatever follows");
		turns_opaque(why, false);
	}
	/* again, or overlapping, in one command and in two */
	for (uint64_t page = 0; page < 6; page++) {
		add_vm();
		ADD("\10\0\6\0\51\0\6pc.ram\0");
		add_range(5, 1);
		add_range(page, 6 - page);
		ADD("whatever follows");
		turns_opaque(why, false);
		add_vm();
		ADD("\10\0\6\0\31\0\6pc.ram\0");
		add_range(5, 1);
		ADD("\10\0\6\0\31\0\6pc.ram\0");
		add_range(page, 1);
		ADD("whatever follows");
		turns_opaque(why, false);
	}
}

static void bad_discard_heads(void **state)
{
	(void)state;
	add_vm();
	ADD("\10\0\6\0\31\0\6pc.rum\0");
	add_range(1, 1);
	turns_opaque("a discard of no block", false);
	add_vm();
	ADD("\10\0\6\0\31\0\6pc.ram!");
	add_range(1, 1);
	turns_opaque("a discard of no block", false);
	for (int n = 0; n < 0x51; n++) {
		if (n == 9 + 16 || n == 9 + 32 || n == 9 + 48 || n == 9 + 64)
			continue;
		add_vm();
		ADD("\10\0\6\0");
		kr_wr_u8(&s, (uint8_t)n);
		ADD("\0\6pc.ram\0");
		add_range(1, 1);
		add_range(2, 1);
		add_range(3, 1);
		add_range(4, 1);
		turns_opaque(n ? "unknown discard" : "unknown command", false);
	}
	add_vm();
	ADD("\10\0\6\0\31\1\6pc.ram\0");
	turns_opaque("unknown discard", false);
	/* not advised; before there are blocks */
	add_vm();
	memcpy(bytes + 10, "\2\0\4", 3);
	memmove(bytes + 17, bytes + 29, kr_wr_len(&s) - 29);
	s.p -= 12;
	ADD("\10\0\6\0\31\0\6pc.ram\0");
	turns_opaque("unknown discard", false);
	add_vm();
	s.p = bytes + 29;
	ADD("\10\0\6\0\31\0\6pc.ram\0");
	turns_opaque("a discard of no block", false);
}

static void bad_packages(void **state)
{
	static const uint32_t lengths[] = { 0, 9, KR_QSTREAM_PACKAGE_MAX + 1,
					    UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		add_vm();
		ADD("\10\0\7\0\4");
		kr_wr_u32(&s, lengths[i]);
		ADD("\10\0\4\0\0\10\0\5\0\0");
		turns_opaque("a package too short or too long", false);
	}
	add_vm();
	ADD("\10\0\7\0\4\0\0\0\14hm\10\0\4\0\0\10\0\5\0\0");
	turns_opaque("a package that does not begin with LISTEN", false);
	add_vm();
	ADD("\10\0\7\0\4\0\0\0\14\10\0\4\0\1hm\10\0\5\0\0");
	turns_opaque("a package that does not begin with LISTEN", false);
	add_vm();
	ADD("\10\0\7\0\4\0\0\0\14\10\0\4\0\0\10\0\5\0\0hm");
	turns_opaque("a package that does not end with RUN", false);
	add_vm();
	ADD("\10\0\7\0\4\0\0\0\12\10\0\4\0\0\10\0\4\0\0");
	turns_opaque("a package that does not end with RUN", false);
	begin();
	ADD("QEVM\0\0\0\3\10\0\3\0\20\0\0\0\0\0\0\20\0\0\0\0\0\0\0\20\0");
	add_package();
	turns_opaque("a package without post-copy", false);
	add_vm();
	memcpy(bytes + 10, "\2\0\4", 3);
	memmove(bytes + 17, bytes + 29, kr_wr_len(&s) - 29);
	s.p -= 12;
	add_package();
	turns_opaque("a package without post-copy", false);
}

/* LISTEN and RUN that come by themselves, and what only a resumed one has. */
static void bad_orders(void **state)
{
	(void)state;
	add_vm();
	ADD("\10\0\4\0\0");
	turns_opaque("unknown command", false);
	add_vm();
	ADD("\10\0\5\0\0");
	turns_opaque("unknown command", false);
	add_vm();
	ADD("\10\0\11\0\0");
	turns_opaque("unknown command", false);
	add_vm();
	ADD("\10\0\12\0\4\3rom");
	turns_opaque("unknown command", false);
	begin();
	ADD("QEVM\0\0\0\3\10\0\3\0\0");
	turns_opaque("unknown command", false);
	begin();
	ADD("QEVM\0\0\0\3\10\0\3\0\20\0\0\0\0\0\40\20\0\0\0\0\0\0\0\20\0");
	turns_opaque("post-copy with pages not of 4 KiB", false);
}

/* Behind the split. */
static void bad_late(void **state)
{
	static const struct { const char *p; size_t n; const char *why; }
	rows[] = {
		{ "\0", 1, "unknown section in post-copy" },
		{ "\4\0\0\0\3", 5, "unknown section in post-copy" },
		{ "\1\0\0\0\2\3ram\0\0\0\0\0\0\0\4", 17,
		  "unknown section in post-copy" },
		{ "\7\0\0\0\0", 5, "unknown section in post-copy" },
		{ "\2\0\0\0\3", 5, "a section that was not started" },
		{ "\10\0\6\0\31\0\6pc.ram\0", 15, "unknown command" },
		{ "\10\0\7\0\4\0\0\0\12\10\0\4\0\0\10\0\5\0\0", 19,
		  "unknown command" },
		{ "\10\0\11\0\0", 5, "unknown command" },
		{ "\10\0\12\0\4\3rom", 9, "unknown command" },
		{ "\10\0\3\0\20................", 21, "unknown command" },
		{ "\10\0\13\0\0", 5, "unknown command" },
		{ "\2\0\0\0\2\0\0\0\0\0\0\20\4", 13, "a second block list" },
		{ "\2\0\0\0\2\0\0\0\0\0\0\20\2\3rim", 17,
		  "a page of no block" },
		{ "\2\0\0\0\2\0\0\0\0\0\0\40\2\3rom", 17,
		  "a page outside its block" },
		{ "\2\0\0\0\2\0\0\0\0\0\0\40\0", 13, "unknown page record" },
		{ "\3\0\0\0\2\0\0\0\0\0\0\0\20\2\0\0\0\2", 18,
		  "unknown section in post-copy" },
		{ "\3\0\0\0\2\0\0\0\0\0\0\0\20\10\0\2\0\4", 18,
		  "unknown section in post-copy" },
		{ "\3\0\0\0\2\0\0\0\0\0\0\0\20~\0\0\0\2\0\0", 20,
		  "bytes behind the end" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		add_vm();
		add_package();
		kr_wr_bytes(&s, rows[i].p, rows[i].n);
		turns_opaque(rows[i].why, true);
	}
}

/* ---- resumed ----------------------------------------------------------- */

static void add_resumed(void)
{
	begin();
	ADD("\10\0\12\0\7\6pc.ram\10\0\12\0\4\3rom\10\0\2\0\4ping\10\0\11\0\0");
}

static void bad_resumed(void **state)
{
	static const struct { const char *p; size_t n; const char *why; }
	rows[] = {
		{ "QEVM\0\0\0\3", 8, "unknown section in post-copy" },
		{ "\2\0\0\0\2", 5, "a section that was not started" },
		{ "\10\0\12\0\4\3rom\10\0\12\0\4\3rom", 18, "unknown blocks" },
		{ "\10\0\12\0\4\4rom!", 10, "unknown command" },
		{ "\10\0\12\0\0", 5, "unknown command" },
		{ "\10\0\1\0\0", 5, "unknown command" },
		{ "\10\0\11\0\0\10\0\11\0\0", 10, "unknown command" },
		{ "\10\0\11\0\0\10\0\12\0\4\3rom", 14, "unknown command" },
		{ "\10\0\7\0\4\0\0\0\12", 9, "unknown command" },
		{ "\10\0\12\0\4\3rom\10\0\11\0\0\2\0\0\0\2"
		  "\0\0\0\0\0\0\0\2\3rim", 31, "a page of no block" },
		{ "\10\0\12\0\4\3rom\10\0\11\0\0\2\0\0\0\2"
		  "\0\0\0\0\0\0\0\42", 27, "a page of no block" },
		{ "\10\0\11\0\0\2\0\0\0\2\0\0\0\0\0\0\0\20"
		  "\2\0\0\0\3", 23, "a section that was not started" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct seen x;

		begin();
		kr_wr_bytes(&s, rows[i].p, rows[i].n);
		x = run(true, 1, KR_ITEMS_MAX);
		assert_int_equal(x.r, 0);
		assert_int_equal(x.stat.phase, KR_QSTREAM_OPAQUE);
		assert_string_equal(x.stat.reason, rows[i].why);
	}
	begin();
	for (unsigned int i = 0; i <= KR_QSTREAM_BLOCKS_MAX; i++) {
		ADD("\10\0\12\0\3\2");
		kr_wr_u16(&s, (uint16_t)i);
	}
	assert_string_equal(run(true, 999, 1).stat.reason, "unknown blocks");
}

/* How far pages lie, in all blocks together, is bounded. */
static void resumed_reach(void **state)
{
	static const struct { uint64_t ram, rom; bool good; } rows[] = {
		{ LIMIT - PAGE, 0, false }, { LIMIT - 2 * PAGE, 0, true },
		{ LIMIT - 2 * PAGE, PAGE, false }, { 0, LIMIT - 2 * PAGE, true },
		{ 0, LIMIT - PAGE, false }, { LIMIT, 0, false },
		{ UINT64_MAX - PAGE + 1, 0, false },
		{ 0, UINT64_MAX - PAGE + 1, false },
		{ LIMIT / 2, LIMIT / 2, false },
		{ LIMIT / 2, LIMIT / 2 - 2 * PAGE, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct seen x;

		add_resumed();
		ADD("\2\0\0\0\2");
		kr_wr_u64(&s, rows[i].ram | 0x02);
		ADD("\6pc.ram\0");
		kr_wr_u64(&s, rows[i].rom | 0x02);
		ADD("\3rom\0");
		x = run(true, 3, KR_ITEMS_MAX);
		assert_int_equal(x.r == 0, rows[i].good);
		if (!rows[i].good)
			assert_int_equal(x.e.kr, KR_E_RAM_LIMIT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(discards),
		cmocka_unit_test(bad_discards),
		cmocka_unit_test(bad_discard_heads),
		cmocka_unit_test(bad_packages),
		cmocka_unit_test(bad_orders),
		cmocka_unit_test(bad_late),
		cmocka_unit_test(bad_resumed),
		cmocka_unit_test(resumed_reach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
