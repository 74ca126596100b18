/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_qpostcopy.c - post-copy in QEMU's stream: what 7.2 and 10.0 wrote is
 * read to its end, and the split is where it is. A stream that was resumed
 * likewise.
 *
 * Samples of migrations of VMs of 192 MiB that ran Linux. Left out are page
 * records, whole ones, repeated sections, what pages hold, and the middle of
 * the package, whose length was changed accordingly.
 */
#include "qpostcopy_seen.h"

/* After each but the last comes a page's content. */
struct piece {
	const char *p;
	size_t	    n;
};
#define PIECE(text)	{ text, sizeof(text) - 1 }

/* QEMU 7.2.22, machine pc-q35-7.2 */
static const struct piece post_7_2[] = {
	PIECE("QEVM\0\0\0\3\7\0\0\0\12pc-q35-7.2\10\0\1\0\0\10\0\2\0\4\0\0"
	      "\0\1\10\0\3\0\20\0\0\0\0\0\0\20\0\0\0\0\0\0\0\20\0\1\0\0\0\2"
	      "\3ram\0\0\0\0\0\0\0\4\0\0\0\0\14\10 \4\6pc.ram\0\0\0\0\14\0"
	      "\0\0\24/rom@etc/acpi/tables\0\0\0\0\0\2\0\0\7pc.bios\0\0\0\0"
	      "\0\4\0\0\6pc.rom\0\0\0\0\0\2\0\0\25/rom@etc/table-loader\0\0"
	      "\0\0\0\0\20\0\22/rom@etc/acpi/rsdp\0\0\0\0\0\0\20\0\0\0\0\0"
	      "\0\0\0\20~\0\0\0\2\2\0\0\0\2\0\0\0\0\0\0\0\10\6pc.ram"),
	PIECE("\0\0\0\0\0\0\20\"\0\0\0\0\0\0\0`("),
	PIECE("\0\0\0\0\0\0\0\20~\0\0\0\2\10\0\6\0\31\0\6pc.ram\0\0\0\0\0\0"
	      "\336\360\0\0\0\0\0\13!\20\0\10\0\6\0'\0\24/rom@etc/acpi/tabl"
	      "es\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2\0\0\10\0\6\0\32\0\7pc.bios"
	      "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\4\0\0\10\0\6\0\31\0\6pc.rom\0\0"
	      "\0\0\0\0\0\0\0\0\0\0\0\0\2\0\0\10\0\6\0(\0\25/rom@etc/table-"
	      "loader\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\20\0\10\0\6\0%\0\22/rom"
	      "@etc/acpi/rsdp\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\20\0\10\0\2\0\4"
	      "\0\0\0\2\10\0\7\0\4\0\0\0h\10\0\4\0\0\4\0\0\0\0\5timer\0\0\0"
	      "\0\0\0\0\2\0\0\0\4\230\237\216|\0\0\0\0\0\0\0\0\0\0\0\1\263"
	      "\311P\211~\0\0\0\0\4\0\0\0\4\12cpu_c\0\0\0\0\0\0\0\0\0\0\0\0"
	      "\0\0\0\0\0\0\0\0\0~\0\0\0(\10\0\2\0\4\0\0\0\3\10\0\5\0\0\10"
	      "\0\2\0\4\0\0\0\4\2\0\0\0\2\0\0\0\0\0\336\360\10\6pc.ram"),
	PIECE("\0\0\0\0\0\337\0("),
	PIECE("\0\0\0\0\0\0\0\20~\0\0\0\2\3\0\0\0\2\0\0\0\0\0\0\0\20~\0\0\0"
	      "\2\0"),
};

/* QEMU 10.0.2, machine pc-q35-10.0 */
static const struct piece post_10_0[] = {
	PIECE("QEVM\0\0\0\3\7\0\0\0\13pc-q35-10.0\10\0\1\0\0\10\0\2\0\4\0\0"
	      "\0\1\10\0\3\0\20\0\0\0\0\0\0\20\0\0\0\0\0\0\0\20\0\1\0\0\0\1"
	      "\3ram\0\0\0\0\0\0\0\4\0\0\0\0\14\10 \4\6pc.ram\0\0\0\0\14\0"
	      "\0\0\24/rom@etc/acpi/tables\0\0\0\0\0\2\0\0\7pc.bios\0\0\0\0"
	      "\0\4\0\0\6pc.rom\0\0\0\0\0\2\0\0\25/rom@etc/table-loader\0\0"
	      "\0\0\0\0\20\0\22/rom@etc/acpi/rsdp\0\0\0\0\0\0\20\0\0\0\0\0"
	      "\0\0\0\20~\0\0\0\1\2\0\0\0\1\0\0\0\0\0\0\0\10\6pc.ram"),
	PIECE("\0\0\0\0\0\0\20\"\0\0\0\0\0\0\0`("),
	PIECE("\0\0\0\0\0\0\0\20~\0\0\0\1\10\0\13\0\0\10\0\6\0\31\0\6pc.ram"
	      "\0\0\0\0\0\0\336\360\0\0\0\0\0\13!\20\0\10\0\6\0'\0\24/rom@e"
	      "tc/acpi/tables\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2\0\0\10\0\6\0\32"
	      "\0\7pc.bios\0\0\0\0\0\0\0\0\0\0\0\0\0\0\4\0\0\10\0\6\0\31\0"
	      "\6pc.rom\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2\0\0\10\0\6\0(\0\25/ro"
	      "m@etc/table-loader\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\20\0\10\0\6"
	      "\0%\0\22/rom@etc/acpi/rsdp\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\20"
	      "\0\10\0\2\0\4\0\0\0\2\10\0\7\0\4\0\0\0h\10\0\4\0\0\4\0\0\0\0"
	      "\5timer\0\0\0\0\0\0\0\2\0\0\0\4\230 \254\270\0\0\0\0\0\0\0\0"
	      "\0\0\0\1\263\232Q)~\0\0\0\0\4\0\0\0\3\12cpu_c\0\0\0\0\0\0\0"
	      "\0\0\0\0\0\0\0\0\0\0\0\0\0\0~\0\0\0'\10\0\2\0\4\0\0\0\3\10\0"
	      "\5\0\0\10\0\2\0\4\0\0\0\4\2\0\0\0\1\0\0\0\0\0\336\360\10\6pc"
	      ".ram"),
	PIECE("\0\0\0\0\0\337\0("),
	PIECE("\0\0\0\0\0\0\0\20~\0\0\0\1\3\0\0\0\1\0\0\0\0\1\30\300\10\6pc"
	      ".ram"),
	PIECE("\0\0\0\0\0\0\0\20~\0\0\0\1\0"),
};

/* QEMU 7.2.22, told to resume */
static const struct piece resumed_7_2[] = {
	PIECE("\10\0\12\0\7\6pc.ram\10\0\12\0\25\24/rom@etc/acpi/tables\10"
	      "\0\12\0\10\7pc.bios\10\0\12\0\7\6pc.rom\10\0\12\0\26\25/rom@"
	      "etc/table-loader\10\0\12\0\23\22/rom@etc/acpi/rsdp\10\0\11\0"
	      "\0\2\0\0\0\2\0\0\0\0\7#\220\10\6pc.ram"),
	PIECE("\0\0\0\0\7#\240("),
	PIECE("\0\0\0\0\7#\300\"\0\0\0\0\0\0\0\0\20~\0\0\0\2\3\0\0\0\2\0\0"
	      "\0\0\1\7\20\10\6pc.ram"),
	PIECE("\0\0\0\0\0\0\0\20~\0\0\0\2\0"),
};

/* QEMU 10.0.2, likewise */
static const struct piece resumed_10_0[] = {
	PIECE("\10\0\12\0\7\6pc.ram\10\0\12\0\25\24/rom@etc/acpi/tables\10"
	      "\0\12\0\10\7pc.bios\10\0\12\0\7\6pc.rom\10\0\12\0\26\25/rom@"
	      "etc/table-loader\10\0\12\0\23\22/rom@etc/acpi/rsdp\10\0\11\0"
	      "\0\2\0\0\0\1\0\0\0\0\1\15@\10\6pc.ram"),
	PIECE("\0\0\0\0\1\15P("),
	PIECE("\0\0\0\0\1\22\20\"\0\0\0\0\0\0\0\0\20~\0\0\0\1\3\0\0\0\1\0\0"
	      "\0\0\0\0\0\20~\0\0\0\1\0"),
};

static void add_pieces(const struct piece *p, size_t n)
{
	begin();
	for (size_t i = 0; i < n; i++) {
		if (i)
			add_page('p');
		kr_wr_bytes(&s, p[i].p, p[i].n);
	}
}
#define ADD_PIECES(p)	add_pieces(p, sizeof(p) / sizeof(*(p)))

static size_t find_split(void)
{
	for (size_t i = 0; i + 5 < kr_wr_len(&s); i++)
		if (!memcmp(bytes + i, "\10\0\5\0\0", 5))
			return i + 5;
	fail();
	return 0;
}

static void expect_post(const char *items, unsigned int n_pages)
{
	for (size_t step = 1; step < 40000; step = step * 3 + 1) {
		struct seen x = run(false, step, step % 5 ? KR_ITEMS_MAX : 1);

		assert_null(x.stat.reason);
		assert_int_equal(x.r, 0);
		assert_true(x.stat.late);
		assert_int_equal(x.stat.phase, KR_QSTREAM_LATE);
		assert_int_equal(x.stat.n_bytes, kr_wr_len(&s));
		assert_int_equal(x.stat.n_pages, n_pages);
		assert_int_equal(x.split, find_split());
		assert_int_equal(x.n_blocks, 6);
		assert_string_equal(x.items, items);
	}
}

static void qemu_7_2(void **state)
{
	(void)state;
	ADD_PIECES(post_7_2);
	expect_post("0:0+1=p 0:1+1=z 0:6+1=p 0:def+b211=d 1:0+20=d "
		    "2:0+40=d 3:0+20=d 4:0+1=d 5:0+1=d "
		    "0:def+1=p 0:df0+1=p ", 5);
}

static void qemu_10_0(void **state)
{
	(void)state;
	ADD_PIECES(post_10_0);
	expect_post("0:0+1=p 0:1+1=z 0:6+1=p 0:def+b211=d 1:0+20=d "
		    "2:0+40=d 3:0+20=d 4:0+1=d 5:0+1=d "
		    "0:def+1=p 0:df0+1=p 0:118c+1=p ", 6);
}

static void expect_resumed(const char *items, unsigned int n_pages)
{
	for (size_t step = 1; step < 40000; step = step * 3 + 1) {
		struct seen x = run(true, step, step % 5 ? KR_ITEMS_MAX : 1);

		assert_null(x.stat.reason);
		assert_int_equal(x.r, 0);
		assert_true(x.stat.late);
		assert_int_equal(x.stat.phase, KR_QSTREAM_LATE);
		assert_int_equal(x.stat.n_bytes, kr_wr_len(&s));
		assert_int_equal(x.stat.n_pages, n_pages);
		assert_int_equal(x.stat.ram_bytes, 0);
		assert_int_equal(x.n_blocks, 6);
		assert_string_equal(x.items, items);
	}
}

static void qemu_7_2_resumed(void **state)
{
	(void)state;
	ADD_PIECES(resumed_7_2);
	expect_resumed("0:7239+1=p 0:723a+1=p 0:723c+1=z 0:1071+1=p ", 4);
}

static void qemu_10_0_resumed(void **state)
{
	(void)state;
	ADD_PIECES(resumed_10_0);
	expect_resumed("0:10d4+1=p 0:10d5+1=p 0:1121+1=z ", 3);
}

/* Never an error; opaque anywhere but at the end; late only past the split. */
static void every_cut(void **state)
{
	size_t n, split;

	(void)state;
	ADD_PIECES(post_7_2);
	n = kr_wr_len(&s);
	split = find_split();
	for (size_t k = 0; k < n; k += k < 1000 || k > n - 200 ? 1 : 13) {
		struct seen x;

		s.p = bytes + k;
		x = run(false, 1001, KR_ITEMS_MAX);
		assert_int_equal(x.r, 0);
		assert_int_equal(x.stat.phase, KR_QSTREAM_OPAQUE);
		assert_string_equal(x.stat.reason,
			"the stream ended before its RAM was complete");
		assert_int_equal(x.stat.late, k >= split);
		assert_int_equal(x.split, k >= split ? split : 0);
		assert_int_equal(x.stat.n_bytes, k);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(qemu_7_2),
		cmocka_unit_test(qemu_10_0),
		cmocka_unit_test(qemu_7_2_resumed),
		cmocka_unit_test(qemu_10_0_resumed),
		cmocka_unit_test(every_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
