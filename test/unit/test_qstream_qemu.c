/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_qstream_qemu.c - what real QEMUs wrote, in samples: 7.2 and 10.0 are
 * read to the end of RAM, and what they write when they are told to do what
 * the reader does not know turns it opaque at that very byte.
 *
 * Taken from migrations of VMs that had not booted, with return path. Page
 * records were left out, whole ones, but for the first two and one of the last.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "plane/qstream.h"

#define PAGE	  KR_PAGE_BYTES
#define LIMIT	  (1u << 30)
#define PAGE_TOLD 18		/* of the page's bytes; the rest is zero */

/* QEMU 7.2.22, machine pc-q35-7.2 */
static const char qemu_7_2_head[] =
	"QEVM\0\0\0\3\7\0\0\0\12pc-q35-7.2\10\0\1\0\0\10\0\2\0\4\0\0\0"
	"\1\1\0\0\0\2\3ram\0\0\0\0\0\0\0\4\0\0\0\0\0(@\4\6pc.ram\0\0\0"
	"\0\0  \0\24/rom@etc/acpi/tables\0\0\0\0\0\2\0\0\7pc.bios\0\0\0"
	"\0\0\4\0\0\6pc.rom\0\0\0\0\0\2\0\0\25/rom@etc/table-loader\0\0"
	"\0\0\0\0\20\0\22/rom@etc/acpi/rsdp\0\0\0\0\0\0\20\0\0\0\0\0\0"
	"\0\0\20~\0\0\0\2\2\0\0\0\2\0\0\0\0\0\0\0\2\6pc.ram\0\0\0\0\0\0"
	"\0\20\42\0\0\0\0\0\0\0\0\10\22/rom@etc/acpi/rsdpRSD PTR \0BOCH"
	"S \0\222!";

/* its end of RAM */
static const char qemu_7_2_tail[] =
	"\0\0\0\0\0\0\0\20~\0\0\0\2\3\0\0\0\2\0\0\0\0\0\0\0\20~\0\0\0\2"
	"\4\0\0\0\0\5timer\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	"\0\0\0\0\0\0\0\0\0\0";

/* QEMU 10.0.2, machine pc-q35-7.2 */
static const char qemu_10_0_old_head[] =
	"QEVM\0\0\0\3\7\0\0\0\12pc-q35-7.2\10\0\1\0\0\10\0\2\0\4\0\0\0"
	"\1\1\0\0\0\1\3ram\0\0\0\0\0\0\0\4\0\0\0\0\0(@\4\6pc.ram\0\0\0"
	"\0\0  \0\24/rom@etc/acpi/tables\0\0\0\0\0\2\0\0\7pc.bios\0\0\0"
	"\0\0\4\0\0\6pc.rom\0\0\0\0\0\2\0\0\25/rom@etc/table-loader\0\0"
	"\0\0\0\0\20\0\22/rom@etc/acpi/rsdp\0\0\0\0\0\0\20\0\0\0\0\0\0"
	"\0\0\20~\0\0\0\1\2\0\0\0\1\0\0\0\0\0\0\0\2\6pc.ram\0\0\0\0\0\0"
	"\0\20\42\0\0\0\0\0\0\0\0\10\22/rom@etc/acpi/rsdpRSD PTR \0BOCH"
	"S \0\2\42";

/* its end of RAM */
static const char qemu_10_0_old_tail[] =
	"\0\0\0\0\0\0\0\20~\0\0\0\1\3\0\0\0\1\0\0\0\0\0\0\0\20~\0\0\0\1"
	"\4\0\0\0\0\5timer\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	"\0\0\0\0\0\0\0\0\0\0";

/* QEMU 10.0.2, machine pc-q35-10.0: SWITCHOVER_START, too */
static const char qemu_10_0_head[] =
	"QEVM\0\0\0\3\7\0\0\0\13pc-q35-10.0\10\0\1\0\0\10\0\2\0\4\0\0\0"
	"\1\1\0\0\0\1\3ram\0\0\0\0\0\0\0\4\0\0\0\0\0(@\4\6pc.ram\0\0\0"
	"\0\0  \0\24/rom@etc/acpi/tables\0\0\0\0\0\2\0\0\7pc.bios\0\0\0"
	"\0\0\4\0\0\6pc.rom\0\0\0\0\0\2\0\0\25/rom@etc/table-loader\0\0"
	"\0\0\0\0\20\0\22/rom@etc/acpi/rsdp\0\0\0\0\0\0\20\0\0\0\0\0\0"
	"\0\0\20~\0\0\0\1\2\0\0\0\1\0\0\0\0\0\0\0\2\6pc.ram\0\0\0\0\0\0"
	"\0\20\42\0\0\0\0\0\0\0\0\10\22/rom@etc/acpi/rsdpRSD PTR \0BOCH"
	"S \0\2\42";

/* its end of RAM */
static const char qemu_10_0_tail[] =
	"\0\0\0\0\0\0\0\20~\0\0\0\1\10\0\13\0\0\3\0\0\0\1\0\0\0\0\0\0\0"
	"\20~\0\0\0\1\4\0\0\0\0\5timer\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\0"
	"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/* QEMU 10.0.2 with virtio-mem, a device that is loaded before RAM */
static const char early_device[] =
	"QEVM\0\0\0\3\7\0\0\0\15pc-i440fx-7.2\10\0\1\0\0\10\0\2\0\4\0\0"
	"\0\1\1\0\0\0\1\3ram\0\0\0\0\0\0\0\4\0\0\0\0\14\10 \4\6pc.ram\0"
	"\0\0\0\10\0\0\0\0220000:00:1c.0/vmem0\0\0\0\0\4\0\0\0\24/rom@e"
	"tc/acpi/tables\0\0\0\0\0\2\0\0\7pc.bios\0\0\0\0\0\4\0\0\6pc.ro"
	"m\0\0\0\0\0\2\0\0\25/rom@etc/table-loader\0\0\0\0\0\0\20\0\22/"
	"rom@etc/acpi/rsdp\0\0\0\0\0\0\20\0\0\0\0\0\0\0\0\20~\0\0\0\1\4"
	"\0\0\0%$0000:00:1c.0/virtio-mem-device-early\0\0\0\0\0\0\0\1\0"
	"\0\0\1\0\0\0\0\0\0\0\0\4\0\0\0";

/* QEMU 10.0.2 with the capability xbzrle, in its third round */
static const char xbzrle[] =
	"QEVM\0\0\0\3\7\0\0\0\15pc-i440fx-7.2\10\0\1\0\0\10\0\2\0\4\0\0"
	"\0\1\1\0\0\0\1\3ram\0\0\0\0\0\0\0\4\0\0\0\0\2\10@\4\6pc.ram\0"
	"\0\0\0\2\0 \0\24/rom@etc/acpi/tables\0\0\0\0\0\2\0\0\7pc.bios"
	"\0\0\0\0\0\4\0\0\6pc.rom\0\0\0\0\0\2\0\0\25/rom@etc/table-load"
	"er\0\0\0\0\0\0\20\0\22/rom@etc/acpi/rsdp\0\0\0\0\0\0\20\0\0\0"
	"\0\0\0\0\0\20~\0\0\0\1\2\0\0\0\1\0\0\0\0\0\0p`\1\0\4\360\27\1"
	"\232\0\0\0\0\0\0\200`\1\0\35\331\2\18\11\2";

static uint8_t bytes[3 * PAGE];
static size_t n_bytes;

static void add(const char *p, size_t n)
{
	assert_true(n <= sizeof(bytes) - n_bytes);
	memcpy(bytes + n_bytes, p, n);
	n_bytes += n;
}

/* A sample without the NUL that C gives it. */
#define ADD(sample)	add((sample), sizeof(sample) - 1)

static void add_rest_of_page(void)
{
	static const char zeros[PAGE - PAGE_TOLD];

	add(zeros, sizeof(zeros));
}

struct seen {
	struct kr_qstream_stat stat;
	unsigned int	       n_blocks;
	uint64_t	       sizes_bytes;
	unsigned int	       n_items;
	size_t		       opaque_at;	/* bytes read when it turned */
	char		       last_block[32];	/* of the last page */
};

/* Show all, @step bytes more at a time. */
static struct seen show(size_t step)
{
	static struct kr_items items;
	const struct kr_qstream_block *b;
	struct seen x = { .n_items = 0 };
	struct kr_err e = KR_ERR_NONE;
	struct kr_qstream *q;
	size_t at = 0, used;

	items.n = 0;
	assert_int_equal(kr_qstream_new(LIMIT, &q, &e), 0);
	for (size_t end = 0; end < n_bytes;) {
		end = n_bytes - end > step ? end + step : n_bytes;
		assert_int_equal(kr_qstream_scan(q, bytes + at, end - at,
						 &items, &used, &e), 0);
		at += used;
		if (!x.opaque_at &&
		    kr_qstream_stat(q)->phase == KR_QSTREAM_OPAQUE)
			x.opaque_at = at;
	}
	assert_int_equal(at, n_bytes);
	kr_qstream_finish(q);
	x.stat = *kr_qstream_stat(q);
	x.n_items = items.n;
	x.n_blocks = kr_qstream_blocks(q, &b);
	for (unsigned int i = 0; i < x.n_blocks; i++)
		x.sizes_bytes += b[i].size_bytes;
	if (items.n) {
		b += items.i[items.n - 1].block;
		memcpy(x.last_block, b->name, b->name_bytes);
	}
	kr_qstream_free(q);
	return x;
}

static void expect_parsed(void)
{
	for (size_t step = 1; step < 2 * n_bytes; step = step * 3 + 1) {
		struct seen x = show(step);

		assert_null(x.stat.reason);
		assert_int_equal(x.stat.phase, KR_QSTREAM_DEVICE);
		assert_int_equal(x.stat.n_bytes, n_bytes);
		assert_int_equal(x.stat.n_pages, 3);
		assert_int_equal(x.stat.n_zero_pages, 2);
		assert_int_equal(x.stat.ram_bytes, 0x284000);
		assert_int_equal(x.sizes_bytes, 0x284000);
		assert_int_equal(x.n_blocks, 6);
		assert_int_equal(x.n_items, 2);	/* two fills are one run */
		assert_string_equal(x.last_block, "/rom@etc/acpi/rsdp");
	}
}

#define PARSED(name)							\
static void name##_is_parsed(void **state)				\
{									\
	(void)state;							\
	n_bytes = 0;							\
	ADD(name##_head);						\
	add_rest_of_page();						\
	ADD(name##_tail);						\
	expect_parsed();						\
}
PARSED(qemu_7_2)
PARSED(qemu_10_0_old)
PARSED(qemu_10_0)

static void expect_opaque(const char *why, size_t tail)
{
	struct seen x = show(1);

	assert_int_equal(x.stat.phase, KR_QSTREAM_OPAQUE);
	assert_string_equal(x.stat.reason, why);
	assert_int_equal(x.opaque_at, n_bytes - tail);
	assert_int_equal(x.stat.n_bytes, n_bytes);
	x = show(n_bytes);
	assert_string_equal(x.stat.reason, why);
	assert_int_equal(x.stat.n_bytes, n_bytes);
}

static void a_device_before_ram(void **state)
{
	(void)state;
	n_bytes = 0;
	ADD(early_device);
	/* after its type: id, name, instance, version and 16 bytes of it */
	expect_opaque("unknown section before the end of RAM",
		      4 + 1 + sizeof("0000:00:1c.0/virtio-mem-device-early") -
		      1 + 4 + 4 + 16);
}

static void deltas_of_pages(void **state)
{
	(void)state;
	n_bytes = 0;
	ADD(xbzrle);
	expect_opaque("XBZRLE pages", 24);	/* after the record's head */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(qemu_7_2_is_parsed),
		cmocka_unit_test(qemu_10_0_old_is_parsed),
		cmocka_unit_test(qemu_10_0_is_parsed),
		cmocka_unit_test(a_device_before_ram),
		cmocka_unit_test(deltas_of_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
