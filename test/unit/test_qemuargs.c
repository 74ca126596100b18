/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_qemuargs.c - QEMU's command line, word by word: what is in it becomes
 * the migrated machine, so a change here breaks VMs that run already.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/fd.h"
#include "hyper/qemuargs.h"

static const char text[] =
	"[vm]\nname = web1\nmachine = pc-q35-7.2\nvcpus = 2\nmemory_mb = 256\n"
	"[boot]\nkernel = images:vmlinuz\ninitrd = images:initrd.img\n"
	"cmdline = console=ttyS0,115200 quiet\n"
	"[disk vda]\nfile = images:web1.raw\n"
	"[disk hda]\nfile = fast:sub/b.qcow2\nformat = qcow2\nbus = ide\n"
	"[disk hdb]\nfile = images:c.raw\nbus = ide\n"
	"[disk cd]\nfile = images:d.raw\nreadonly = on\n"
	"[nic eth0]\nnetwork = lan\nmac = 52:54:00:77:00:10\n";

static const struct kr_hyper_storage storages[] = {
	{ "images", "/srv/images" }, { "fast", "/mnt/a,b" },
};

static const struct kr_hyper_site site = {
	.binary = "/usr/bin/qemu-system-x86_64",
	.cwd = "/run/korora/vm/web1",
	.console_log = "/var/log/korora/web1.log",
	.storages = storages, .n_storages = 2,
	.nic_fds = { 42, -1, -1, -1 },
};

static const char *const golden[] = {
	"/usr/bin/qemu-system-x86_64", "-name", "web1", "-no-user-config",
	"-nodefaults", "-display", "none", "-S", "-machine",
	"pc-q35-7.2,accel=tcg,usb=off,vmport=off,dump-guest-core=off",
	"-cpu", "qemu64", "-smp", "2", "-m", "262152k",
	"-qmp", "unix:qmp.sock,server=on,wait=off", "-sandbox",
	"on,obsolete=deny,elevateprivileges=deny,spawn=deny,"
	"resourcecontrol=deny",
	"-boot", "strict=on", "-kernel", "/srv/images/vmlinuz",
	"-initrd", "/srv/images/initrd.img",
	"-append", "console=ttyS0,115200 quiet",
	"-blockdev", "driver=file,node-name=file-vda,"
	"filename=/srv/images/web1.raw,read-only=off,auto-read-only=off,"
	"cache.direct=off,cache.no-flush=off",
	"-blockdev", "driver=raw,node-name=disk-vda,file=file-vda,"
	"read-only=off,auto-read-only=off",
	"-device", "virtio-blk-pci,drive=disk-vda,id=vda,bus=pcie.0,addr=0x8,"
	"romfile=,bootindex=1",
	"-blockdev", "driver=file,node-name=file-hda,"
	"filename=/mnt/a,,b/sub/b.qcow2,read-only=off,auto-read-only=off,"
	"cache.direct=off,cache.no-flush=off",
	"-blockdev", "{\"driver\":\"qcow2\",\"node-name\":\"disk-hda\","
	"\"file\":\"file-hda\",\"backing\":null,\"read-only\":false,"
	"\"auto-read-only\":false}",
	"-device", "ide-hd,drive=disk-hda,id=hda,bus=ide.0,bootindex=2",
	"-blockdev", "driver=file,node-name=file-hdb,"
	"filename=/srv/images/c.raw,read-only=off,auto-read-only=off,"
	"cache.direct=off,cache.no-flush=off",
	"-blockdev", "driver=raw,node-name=disk-hdb,file=file-hdb,"
	"read-only=off,auto-read-only=off",
	"-device", "ide-hd,drive=disk-hdb,id=hdb,bus=ide.1,bootindex=3",
	"-blockdev", "driver=file,node-name=file-cd,"
	"filename=/srv/images/d.raw,read-only=on,auto-read-only=off,"
	"cache.direct=off,cache.no-flush=off",
	"-blockdev", "driver=raw,node-name=disk-cd,file=file-cd,"
	"read-only=on,auto-read-only=off",
	"-device", "virtio-blk-pci,drive=disk-cd,id=cd,bus=pcie.0,addr=0xb,"
	"romfile=,bootindex=4",
	"-netdev", "tap,id=net-eth0,fd=10,vhost=off",
	"-device", "virtio-net-pci,netdev=net-eth0,id=eth0,"
	"mac=52:54:00:77:00:10,bus=pcie.0,addr=0x10,romfile=",
	"-chardev", "socket,id=con0,path=con.sock,server=on,wait=off,"
	"logfile=/var/log/korora/web1.log,logappend=on",
	"-serial", "chardev:con0", "-incoming", "defer",
};

#define N_GOLDEN	(sizeof(golden) / sizeof(golden[0]))

static struct kr_launch l;

static void parse(struct kr_vmdef *d)
{
	struct kr_err e = KR_ERR_NONE;

	assert_int_equal(kr_vmdef_parse("f", text, strlen(text), d, &e), 0);
}

static void the_golden_line(void **state)
{
	struct kr_err e = KR_ERR_NONE;
	struct kr_vmdef d;

	(void)state;
	parse(&d);
	assert_int_equal(kr_qemuargs_plan(&d, &site, KR_HYPER_INCOMING, &l,
					  &e), 0);
	assert_int_equal(l.argc, N_GOLDEN);
	for (size_t i = 0; i < N_GOLDEN; i++)
		assert_string_equal(l.argv[i], golden[i]);
	assert_null(l.argv[l.argc]);
	assert_int_equal(l.n_fds, 1);
	assert_int_equal(l.fds[0], 42);
	assert_string_equal(l.cwd, "/run/korora/vm/web1");
	assert_string_equal(l.control, "qmp.sock");
	assert_string_equal(l.console, "con.sock");
	/* a fresh start is the same without the last two */
	assert_int_equal(kr_qemuargs_plan(&d, &site, KR_HYPER_FRESH, &l, &e),
			 0);
	assert_int_equal(l.argc, N_GOLDEN - 2);
}

static void a_tpm_is_reached_by_a_descriptor(void **state)
{
	static const char *const tpm[] = {
		"-chardev", "socket,id=chrtpm,fd=11",
		"-tpmdev", "emulator,id=tpm0,chardev=chrtpm",
		"-device", "tpm-crb,tpmdev=tpm0",
	};
	struct kr_hyper_site s = site;
	struct kr_err e = KR_ERR_NONE;
	unsigned int k = 0;
	struct kr_vmdef d;

	(void)state;
	parse(&d);
	d.tpm = KR_VMDEF_TPM_2_0;
	s.tpm_fd = 43;
	assert_int_equal(kr_qemuargs_plan(&d, &s, KR_HYPER_FRESH, &l, &e), 0);
	assert_int_equal(l.argc, N_GOLDEN - 2 + 6);
	while (k < l.argc && strcmp(l.argv[k], tpm[1]))
		k++;
	for (size_t i = 0; i < 6; i++)
		assert_string_equal(l.argv[k - 1 + i], tpm[i]);
	assert_int_equal(l.n_fds, 2);
	assert_int_equal(l.fds[1], 43);
	s.tpm_fd = -1;
	assert_true(kr_qemuargs_plan(&d, &s, KR_HYPER_FRESH, &l, &e) < 0);
}

static void older_machines_have_other_buses(void **state)
{
	struct kr_err e = KR_ERR_NONE;
	struct kr_vmdef d;
	unsigned int seen = 0;

	(void)state;
	parse(&d);
	strcpy(d.machine, "pc-i440fx-7.2");
	assert_int_equal(kr_qemuargs_plan(&d, &site, KR_HYPER_FRESH, &l, &e),
			 0);
	for (unsigned int i = 0; i < l.argc; i++) {
		assert_null(strstr(l.argv[i], "pcie.0"));
		seen += strstr(l.argv[i], "id=hdb,bus=ide.0,unit=1,") != NULL;
	}
	assert_int_equal(seen, 1);
}

/* Two pages more under TCG, by the machine's release: see memory(). */
static void memory_follows_from_the_definition(void **state)
{
	static const struct {
		const char *machine, *size;
		enum kr_vmdef_accel accel;
	} cases[] = {
		{ "pc-q35-7.2",	    "262152k", KR_VMDEF_TCG },
		{ "pc-i440fx-2.12", "262152k", KR_VMDEF_TCG },
		{ "pc-i440fx-8.2",  "262152k", KR_VMDEF_TCG },
		{ "q35",	    "262152k", KR_VMDEF_TCG },
		{ "pc-q35-9.0",	    "256M",    KR_VMDEF_TCG },
		{ "pc-i440fx-10.0", "256M",    KR_VMDEF_TCG },
		{ "pc-q35-7.2",	    "256M",    KR_VMDEF_KVM },
		{ "pc-q35-10.0",    "256M",    KR_VMDEF_KVM },
	};
	struct kr_err e = KR_ERR_NONE;
	struct kr_vmdef d;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned int k = 0;

		parse(&d);
		strcpy(d.machine, cases[i].machine);
		d.accel = cases[i].accel;
		assert_int_equal(kr_qemuargs_plan(&d, &site, KR_HYPER_FRESH,
						  &l, &e), 0);
		while (k < l.argc && strcmp(l.argv[k], "-m"))
			k++;
		assert_true(k + 1 < l.argc);
		assert_string_equal(l.argv[k + 1], cases[i].size);
	}
}

static void what_is_not_here(void **state)
{
	struct kr_hyper_site s = site;
	struct kr_err e = KR_ERR_NONE;
	struct kr_vmdef d;

	(void)state;
	parse(&d);
	s.n_storages = 1;
	assert_true(kr_qemuargs_plan(&d, &s, KR_HYPER_FRESH, &l, &e) < 0);
	assert_int_equal(e.kr, KR_E_NO_STORAGE);
	e = KR_ERR_NONE;
	s = site;
	s.nic_fds[0] = -1;
	assert_true(kr_qemuargs_plan(&d, &s, KR_HYPER_FRESH, &l, &e) < 0);
	assert_int_equal(e.kr, KR_E_NO_NETWORK);
	e = KR_ERR_NONE;
	strcpy(d.machine, "microvm");
	assert_true(kr_qemuargs_plan(&d, &site, KR_HYPER_FRESH, &l, &e) < 0);
	assert_int_equal(e.kr, KR_E_NO_MACHINE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_golden_line),
		cmocka_unit_test(a_tpm_is_reached_by_a_descriptor),
		cmocka_unit_test(older_machines_have_other_buses),
		cmocka_unit_test(memory_follows_from_the_definition),
		cmocka_unit_test(what_is_not_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
