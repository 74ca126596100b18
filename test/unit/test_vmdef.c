/* SPDX-License-Identifier: Apache-2.0 */
/* test_vmdef.c - VM definitions: canonical text, wire, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/fd.h"
#include "hyper/vmdef.h"

static const char web1[] =
	"[vm]\nname = web1\nmachine = pc-q35-7.2\ncpu = qemu64\nvcpus = 1\n"
	"memory_mb = 256\naccel = tcg\n\n"
	"[boot]\nkernel = images:vmlinuz\ninitrd = images:initrd.img\n"
	"cmdline = console=ttyS0 quiet\n\n"
	"[disk vda]\nfile = images:web1.raw\nformat = raw\n\n"
	"[nic eth0]\nnetwork = lan\nmac = 52:54:00:77:00:1A\n";

static const char canonical[] =
	"[vm]\nname = web1\ntenant = default\nhypervisor = qemu\n"
	"machine = pc-q35-7.2\ncpu = qemu64\nvcpus = 1\nmemory_mb = 256\naccel = tcg\n"
	"console = on\n\n"
	"[boot]\nkernel = images:vmlinuz\ninitrd = images:initrd.img\n"
	"cmdline = console=ttyS0 quiet\n\n"
	"[disk vda]\nfile = images:web1.raw\nformat = raw\nbus = virtio\n"
	"readonly = off\n\n"
	"[nic eth0]\nnetwork = lan\nmac = 52:54:00:77:00:1a\n"
	"model = virtio-net-pci\n";

static void prints_canonically(void **state)
{
	struct kr_err e = KR_ERR_NONE;
	char out[KR_VMDEF_TEXT_MAX], again[KR_VMDEF_TEXT_MAX], hex[65];
	uint8_t md[KR_VMDEF_DIGEST_BYTES];
	struct kr_vmdef d;

	(void)state;
	assert_int_equal(kr_vmdef_parse("web1.vm", web1, strlen(web1), &d, &e),
			 0);
	assert_int_equal(kr_vmdef_print(&d, out), strlen(canonical));
	assert_string_equal(out, canonical);
	assert_int_equal(kr_vmdef_parse("c", out, strlen(out), &d, &e), 0);
	kr_vmdef_print(&d, again);
	assert_string_equal(out, again);
	assert_int_equal(kr_vmdef_digest(&d, md, &e), 0);
	kr_hex(md, sizeof(md), hex);
	/* sha256sum of the canonical text */
	assert_string_equal(hex, 
		"cd14d1b3ca1cc8add2167118ffae9b32"
		"8252f043c4c61399b55c309b54bdf5e7");
}

/* A number is printed if there is one. */
static void has_a_revision(void **state)
{
	struct kr_err e = KR_ERR_NONE;
	char text[KR_VMDEF_TEXT_MAX], out[KR_VMDEF_TEXT_MAX];
	const char *boot = strstr(canonical, "\n[boot]");
	struct kr_vmdef d;

	(void)state;
	snprintf(text, sizeof(text), "%.*srevision = %u\n%s",
		 (int)(boot - canonical), canonical, KR_VMDEF_REVISION_MAX,
		 boot);
	assert_int_equal(kr_vmdef_parse("f", text, strlen(text), &d, &e), 0);
	assert_int_equal(d.revision, KR_VMDEF_REVISION_MAX);
	kr_vmdef_print(&d, out);
	assert_string_equal(out, text);
	assert_int_equal(kr_vmdef_parse("f", canonical, strlen(canonical), &d,
					&e), 0);
	assert_int_equal(d.revision, 0);
	snprintf(text, sizeof(text), "%.*srevision = 0\n%s",
		 (int)(boot - canonical), canonical, boot);
	assert_true(kr_vmdef_parse("f", text, strlen(text), &d, &e) < 0);
}

static void goes_over_the_wire(void **state)
{
	uint8_t buf[KR_VMDEF_WIRE_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	char a[KR_VMDEF_TEXT_MAX], b[KR_VMDEF_TEXT_MAX];
	struct kr_err e = KR_ERR_NONE;
	struct kr_vmdef d, back;
	struct kr_rd r;

	(void)state;
	assert_int_equal(kr_vmdef_parse("f", web1, strlen(web1), &d, &e), 0);
	kr_vmdef_put(&d, &w);
	assert_false(w.bad);
	r = KR_RD(buf, kr_wr_len(&w));
	assert_int_equal(kr_vmdef_get(&r, &back, &e), 0);
	assert_true(kr_rd_done(&r));
	kr_vmdef_print(&d, a);
	kr_vmdef_print(&back, b);
	assert_string_equal(a, b);

	/* valid, but not canonical */
	w = KR_WR(buf, sizeof(buf));
	kr_wr_str(&w, web1);
	r = KR_RD(buf, kr_wr_len(&w));
	assert_true(kr_vmdef_get(&r, &back, &e) < 0);
	assert_int_equal(e.kr, KR_E_MALFORMED);
	/* cut */
	e = KR_ERR_NONE;
	r = KR_RD(buf, kr_wr_len(&w) - 1);
	assert_true(kr_vmdef_get(&r, &back, &e) < 0);
	assert_int_equal(e.kr, KR_E_MALFORMED);
}

#define VM	"[vm]\nname = a\nmachine = q35\nvcpus = 1\nmemory_mb = 64\n"
#define DISK(n)	"[disk " n "]\nfile = s:f\n"
#define IDE(n)	DISK(n) "bus = ide\n"
#define NIC(n, mac) "[nic " n "]\nnetwork = lan\nmac = " mac "\n"

static void refuses_bad_ones(void **state)
{
	static const struct { const char *text, *what; } bad[] = {
		{ "", "f.vm:1: nothing is in it: it needs a section [vm] with "
		  "name, machine, vcpus, memory_mb" },
		{ "\n# a comment\n", "f.vm:1: nothing is in it: it needs a "
		  "section [vm] with name, machine, vcpus, memory_mb" },
		{ "[boot]\n", "f.vm:1: there is no [vm], which must have name, "
		  "machine, vcpus, memory_mb" },
		{ "[vm]\nname = a\n", "f.vm:1: [vm] lacks 'machine'" },
		{ "\n[vm]\nname = a\n[boot]\n", "f.vm:2: [vm] lacks 'machine'" },
		{ "[vm]\nmemroy = 1\n", "f.vm:2: unknown key 'memroy' in [vm]" },
		{ "[cpu]\n", "f.vm:1: unknown section [cpu]" },
		{ "[vm]\nname = A\n", "f.vm:2: 'name' must be 1 to 63 of a-z "
		  "0-9 . _ -, beginning with a letter or digit" },
		{ "[vm]\nname = ../a\n", "f.vm:2: 'name' must be 1 to 63 of "
		  "a-z 0-9 . _ -, beginning with a letter or digit" },
		{ "[vm]\nname = a\nname = a\n",
		  "f.vm:3: 'name' is given twice" },
		{ "[vm]\nvcpus = 0\n",
		  "f.vm:2: 'vcpus' must be a number from 1 to 64" },
		{ "[vm]\nvcpus = 65\n",
		  "f.vm:2: 'vcpus' must be a number from 1 to 64" },
		{ "[vm]\nvcpus = 01\n",
		  "f.vm:2: 'vcpus' must be a number from 1 to 64" },
		{ "[vm]\nvcpus = -1\n",
		  "f.vm:2: 'vcpus' must be a number from 1 to 64" },
		{ "[vm]\nmemory_mb = 18446744073709551617\n",
		  "f.vm:2: 'memory_mb' must be a number from 4 to 1048576" },
		{ "[vm]\nmemory_mb = 3\n",
		  "f.vm:2: 'memory_mb' must be a number from 4 to 1048576" },
		{ "[vm]\naccel = xen\n", "f.vm:2: 'accel' must be tcg or kvm" },
		{ "[vm]\ntpm = 1.2\n", "f.vm:2: 'tpm' must be none or 2.0" },
		{ "[vm]\nconsole = 1\n", "f.vm:2: 'console' must be on or off" },
		{ "[vm]\nmachine = q35,usb=on\n",
		  "f.vm:2: 'machine' must be a machine type, such as "
		  "pc-q35-7.2" },
		{ "[vm x]\n", "f.vm:1: [vm] has no name" },
		{ VM "[vm]\n", "f.vm:6: a second [vm]" },
		{ VM "[boot]\ninitrd = s:f\n",
		  "f.vm:7: initrd and cmdline need a kernel" },
		{ VM "[disk]\n", "f.vm:6: [disk NAME] needs a name of 1 to 15 "
		  "a-z 0-9, beginning with a letter" },
		{ VM "[disk vda]\n", "f.vm:6: [disk] lacks 'file'" },
		{ VM "[disk vda]\nfile = /etc/shadow\n",
		  "f.vm:7: 'file' must be STORAGE:PATH with a plain relative "
		  "path" },
		{ VM "[disk vda]\nfile = s:/etc/shadow\n",
		  "f.vm:7: 'file' must be STORAGE:PATH with a plain relative "
		  "path" },
		{ VM "[disk vda]\nfile = s:a/../../b\n",
		  "f.vm:7: 'file' must be STORAGE:PATH with a plain relative "
		  "path" },
		{ VM "[disk vda]\nfile = s:..\n",
		  "f.vm:7: 'file' must be STORAGE:PATH with a plain relative "
		  "path" },
		{ VM "[disk vda]\nfile = s:a//b\n",
		  "f.vm:7: 'file' must be STORAGE:PATH with a plain relative "
		  "path" },
		{ VM "[disk vda]\nfile = s:a,read-only=off\n",
		  "f.vm:7: 'file' must be STORAGE:PATH with a plain relative "
		  "path" },
		{ VM DISK("vda") DISK("vda"), "f.vm:8: a second disk 'vda'" },
		{ VM IDE("a") "readonly = on\n",
		  "f.vm:9: disk 'a': an ide disk cannot be readonly" },
		{ VM IDE("a") IDE("b") IDE("c") IDE("d") IDE("e"),
		  "f.vm:20: more than 4 ide disks" },
		{ VM DISK("a") DISK("b") DISK("c") DISK("d") DISK("e")
		  DISK("f") DISK("g") DISK("h") DISK("i"),
		  "f.vm:22: more than 8 disks" },
		{ VM "[nic e]\nnetwork = lan\n", "f.vm:6: [nic] lacks 'mac'" },
		{ VM NIC("e", "53:54:00:00:00:01"),
		  "f.vm:8: 'mac' must be a unicast MAC address" },
		{ VM NIC("e", "00:00:00:00:00:00"),
		  "f.vm:8: 'mac' must be a unicast MAC address" },
		{ VM NIC("e", "52:54:00:00:00"),
		  "f.vm:8: 'mac' must be a MAC address" },
		{ VM NIC("e", "52:54:00:00:00:aa") NIC("f", "52:54:00:00:00:AA"),
		  "f.vm:11: nic 'f': its mac is used twice" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct kr_err e = KR_ERR_NONE;
		struct kr_vmdef d;

		assert_true(kr_vmdef_parse("f.vm", bad[i].text,
					   strlen(bad[i].text), &d, &e) < 0);
		assert_int_equal(e.kr, KR_E_CONFIG);
		assert_string_equal(e.what, bad[i].what);
	}
}

/* Texts that were written before there was that key are as they were. */
static void a_tpm_is_told_only_if_there_is_one(void **state)
{
	static const char with[] = VM "tpm = 2.0\n", none[] = VM "tpm = none\n";
	char text[KR_VMDEF_TEXT_MAX], plain[KR_VMDEF_TEXT_MAX];
	struct kr_vmdef d;

	(void)state;
	assert_int_equal(kr_vmdef_parse("f", VM, strlen(VM), &d, NULL), 0);
	assert_int_equal(d.tpm, KR_VMDEF_NO_TPM);
	kr_vmdef_print(&d, plain);
	assert_null(strstr(plain, "tpm"));
	assert_int_equal(kr_vmdef_parse("f", none, strlen(none), &d, NULL), 0);
	kr_vmdef_print(&d, text);
	assert_string_equal(text, plain);
	assert_int_equal(kr_vmdef_parse("f", with, strlen(with), &d, NULL), 0);
	assert_int_equal(d.tpm, KR_VMDEF_TPM_2_0);
	kr_vmdef_print(&d, text);
	assert_non_null(strstr(text, "console = on\ntpm = 2.0\n"));
}

/* The longest definition there is fits its macros. */
static void the_longest_fits(void **state)
{
	struct kr_vmdef d = { .vcpus = 64, .memory_mb = 1048576,
			      .accel = KR_VMDEF_KVM, .console = false,
			      .tpm = KR_VMDEF_TPM_2_0,
			      .n_disks = KR_VMDEF_DISKS_MAX,
			      .n_nics = KR_VMDEF_NICS_MAX };
	uint8_t buf[KR_VMDEF_WIRE_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_err e = KR_ERR_NONE;
	struct kr_vmdef back;
	struct kr_rd r;

	(void)state;
#define FILL(f)	memset(f, 'a', sizeof(f) - 1)
	FILL(d.name);
	FILL(d.hypervisor);
	FILL(d.machine);
	FILL(d.cpu);
	FILL(d.kernel);
	d.kernel[1] = ':';
	FILL(d.tenant);
	FILL(d.initrd);
	d.initrd[1] = ':';
	FILL(d.cmdline);
	for (unsigned int i = 0; i < d.n_disks; i++) {
		FILL(d.disks[i].name);
		d.disks[i].name[1] = (char)('0' + i);
		FILL(d.disks[i].file);
		d.disks[i].file[1] = ':';
		d.disks[i].format = KR_VMDEF_QCOW2;
	}
	for (unsigned int i = 0; i < d.n_nics; i++) {
		FILL(d.nics[i].name);
		d.nics[i].name[1] = (char)('0' + i);
		FILL(d.nics[i].network);
		FILL(d.nics[i].model);
		strcpy(d.nics[i].mac, "52:54:00:00:00:00");
		d.nics[i].mac[16] = (char)('0' + i);
	}
	kr_vmdef_put(&d, &w);
	assert_false(w.bad);
	r = KR_RD(buf, kr_wr_len(&w));
	assert_int_equal(kr_vmdef_get(&r, &back, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_canonically),
		cmocka_unit_test(has_a_revision),
		cmocka_unit_test(goes_over_the_wire),
		cmocka_unit_test(refuses_bad_ones),
		cmocka_unit_test(a_tpm_is_told_only_if_there_is_one),
		cmocka_unit_test(the_longest_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
