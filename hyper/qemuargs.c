/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qemuargs.c - builds QEMU's command line. Runs in kororad, which starts
 * QEMU with it in the VM's run folder: relative socket names there stay
 * within the 107 bytes of a unix address however deep the root lies.
 */
#include "hyper/qemuargs.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * PCI slots, the same for ever: a VM that was started by an older release
 * must find its devices where they were. q35 itself uses 0x1f, i440fx 0x01.
 */
#define SLOT_DISK	0x08	/* + index of the disk */
#define SLOT_NIC	0x10	/* + index of the nic */

/* Append one argument; an overlong command line shows as n_bytes > MAX. */
static void __attribute__((format(printf, 2, 3)))
arg(struct kr_launch *l, const char *fmt, ...)
{
	size_t room = sizeof(l->bytes) - l->n_bytes;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->bytes + l->n_bytes, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room || l->argc == KR_LAUNCH_ARGS_MAX) {
		l->argc = KR_LAUNCH_ARGS_MAX;
		l->n_bytes = sizeof(l->bytes);
		return;
	}
	l->argv[l->argc++] = l->bytes + l->n_bytes;
	l->argv[l->argc] = NULL;
	l->n_bytes += (size_t)n + 1;
}

static bool overlong(const struct kr_launch *l)
{
	return l->n_bytes >= sizeof(l->bytes);
}

/* A comma ends a value in QEMU's options unless it is doubled. */
static bool escape(const char *in, char *out, size_t size)
{
	size_t n = 0;

	for (; *in; in++) {
		if (n + 3 > size)
			return false;
		if (*in == ',')
			out[n++] = ',';
		out[n++] = *in;
	}
	out[n] = '\0';
	return true;
}

static int resolve(const struct kr_hyper_site *s, const char *file,
		   char out[PATH_MAX], struct kr_err *e)
{
	char storage[32];
	const char *path;

	if (!kr_vmdef_file(file, storage, &path))
		return kr_fail(e, KR_E_CONFIG, "malformed file name");
	for (unsigned int i = 0; i < s->n_storages; i++) {
		if (strcmp(s->storages[i].name, storage))
			continue;
		if (snprintf(out, PATH_MAX, "%s/%s", s->storages[i].dir,
			     path) >= PATH_MAX)
			return kr_fail(e, KR_E_NO_STORAGE,
				       "path of '%s' is too long", file);
		return 0;
	}
	return kr_fail(e, KR_E_NO_STORAGE, "storage '%s' is not mapped here",
		       storage);
}

/* The bus that devices sit on, and how disks on ide are named there. */
static int bus_of(const struct kr_vmdef *d, bool *ret_q35, struct kr_err *e)
{
	*ret_q35 = strstr(d->machine, "q35") != NULL;
	if (*ret_q35 || !strncmp(d->machine, "pc-i440fx-", 10) ||
	    !strcmp(d->machine, "pc"))
		return 0;
	return kr_fail(e, KR_E_NO_MACHINE,
		       "machine '%s' is not supported: use a q35 or i440fx",
		       d->machine);
}

static int add_disk(struct kr_launch *l, const struct kr_vmdef *d, uint32_t i,
		    const struct kr_hyper_site *s, bool q35, struct kr_err *e)
{
	const struct kr_vmdef_disk *x = &d->disks[i];
	char path[PATH_MAX], esc[2 * PATH_MAX];
	const char *ro = x->readonly ? "on" : "off";
	uint32_t ide = 0;
	int r = resolve(s, x->file, path, e);

	if (r)
		return r;
	if (!escape(path, esc, sizeof(esc)))
		return kr_fail(e, KR_E_NO_STORAGE, "path of '%s' is too long",
			       x->file);
	for (uint32_t k = 0; k < i; k++)
		ide += d->disks[k].bus == KR_VMDEF_IDE;
	arg(l, "-blockdev");
	arg(l, "driver=file,node-name=file-%s,filename=%s,read-only=%s,"
	    "auto-read-only=off,cache.direct=off,cache.no-flush=off", x->name,
	    esc, ro);
	arg(l, "-blockdev");
	if (x->format == KR_VMDEF_QCOW2)	/* only JSON can say null */
		arg(l, "{\"driver\":\"qcow2\",\"node-name\":\"disk-%s\","
		    "\"file\":\"file-%s\",\"backing\":null,"
		    "\"read-only\":%s,\"auto-read-only\":false}", x->name,
		    x->name, x->readonly ? "true" : "false");
	else
		arg(l, "driver=%s,node-name=disk-%s,file=file-%s,read-only=%s,"
		    "auto-read-only=off", kr_vmdef_format_name(x->format),
		    x->name, x->name, ro);
	arg(l, "-device");
	if (x->bus == KR_VMDEF_VIRTIO)
		arg(l, "virtio-blk-pci,drive=disk-%s,id=%s,bus=%s,addr=0x%x,"
		    "romfile=,bootindex=%u", x->name, x->name,
		    q35 ? "pcie.0" : "pci.0", SLOT_DISK + i, i + 1);
	else if (q35)
		arg(l, "ide-hd,drive=disk-%s,id=%s,bus=ide.%u,bootindex=%u",
		    x->name, x->name, ide, i + 1);
	else
		arg(l, "ide-hd,drive=disk-%s,id=%s,bus=ide.%u,unit=%u,"
		    "bootindex=%u", x->name, x->name, ide / 2, ide % 2, i + 1);
	return 0;
}

static int add_nic(struct kr_launch *l, const struct kr_vmdef_nic *x,
		   uint32_t i, int fd, bool q35, struct kr_err *e)
{
	if (fd < 0)
		return kr_fail(e, KR_E_NO_NETWORK, "no tap for network '%s'",
			       x->network);
	l->fds[l->n_fds] = fd;
	arg(l, "-netdev");
	arg(l, "tap,id=net-%s,fd=%u,vhost=off", x->name,
	    KR_LAUNCH_FD_FIRST + l->n_fds);
	l->n_fds++;
	/* no option ROM: its size would be part of the migrated memory */
	arg(l, "-device");
	arg(l, "%s,netdev=net-%s,id=%s,mac=%s,bus=%s,addr=0x%x,romfile=",
	    x->model, x->name, x->name, x->mac, q35 ? "pcie.0" : "pci.0",
	    SLOT_NIC + i);
	return 0;
}

static int add_boot(struct kr_launch *l, const struct kr_vmdef *d,
		    const struct kr_hyper_site *s, struct kr_err *e)
{
	char path[PATH_MAX];
	int r;

	arg(l, "-boot");
	arg(l, "strict=on");
	if (!d->kernel[0])
		return 0;
	if ((r = resolve(s, d->kernel, path, e)))
		return r;
	arg(l, "-kernel");
	arg(l, "%s", path);
	if (d->initrd[0]) {
		if ((r = resolve(s, d->initrd, path, e)))
			return r;
		/* QEMU takes a list here, so commas count */
		if (strchr(path, ','))
			return kr_fail(e, KR_E_NO_STORAGE,
				       "the initrd's path holds a comma");
		arg(l, "-initrd");
		arg(l, "%s", path);
	}
	if (d->cmdline[0]) {
		arg(l, "-append");
		arg(l, "%s", d->cmdline);
	}
	return 0;
}

static int add_console(struct kr_launch *l, const struct kr_hyper_site *s,
		       struct kr_err *e)
{
	char esc[2 * PATH_MAX];

	if (!escape(s->console_log, esc, sizeof(esc)))
		return kr_fail(e, KR_E_CONFIG, "console log path is too long");
	arg(l, "-chardev");
	arg(l, "socket,id=con0,path=" KR_QEMUARGS_CONSOLE ",server=on,"
	    "wait=off,logfile=%s,logappend=on", esc);
	arg(l, "-serial");
	arg(l, "chardev:con0");
	l->console = KR_QEMUARGS_CONSOLE;
	return 0;
}

/*
 * QEMU before 9.0 loses guest writes while it migrates a VM under TCG: where
 * a RAM block is a multiple of 64 pages, clearing its dirty bits takes a short
 * cut that leaves the translated code's TLB unaware, and later writes to those
 * pages are not seen ("physmem: Fix migration dirty bitmap coherency with TCG
 * memory access" mended it). Two pages more, and the short cut is not taken.
 *
 * Both hosts must come to the same size, whatever QEMU each has. So not this
 * QEMU's release counts but the machine's, "pc-q35-9.0": a QEMU that is older
 * than the machine cannot run it. A name without one is taken for an old one.
 */
static bool may_lose_writes(const struct kr_vmdef *d)
{
	const char *release = strrchr(d->machine, '-');

	return d->accel == KR_VMDEF_TCG &&
	       (!release || strtoul(release + 1, NULL, 10) < 9);
}

static void memory(struct kr_launch *l, const struct kr_vmdef *d)
{
	arg(l, "-m");
	if (may_lose_writes(d))
		arg(l, "%lluk", (unsigned long long)d->memory_mb * 1024 + 8);
	else
		arg(l, "%uM", d->memory_mb);
}

/* What it is called is part of the stream; a VM has one. */
static int add_tpm(struct kr_launch *l, int fd, struct kr_err *e)
{
	if (fd < 0)
		return kr_fail(e, KR_E_SYSTEM, "no channel to its TPM");
	l->fds[l->n_fds] = fd;
	arg(l, "-chardev");
	arg(l, "socket,id=chrtpm,fd=%u", KR_LAUNCH_FD_FIRST + l->n_fds);
	l->n_fds++;
	arg(l, "-tpmdev");
	arg(l, "emulator,id=tpm0,chardev=chrtpm");
	arg(l, "-device");
	arg(l, "tpm-crb,tpmdev=tpm0");
	return 0;
}

static void add_machine(struct kr_launch *l, const struct kr_vmdef *d)
{
	arg(l, "-name");
	arg(l, "%s", d->name);
	arg(l, "-no-user-config");
	arg(l, "-nodefaults");
	arg(l, "-display");
	arg(l, "none");
	arg(l, "-S");
	arg(l, "-machine");
	arg(l, "%s,accel=%s,usb=off,vmport=off,dump-guest-core=off",
	    d->machine, kr_vmdef_accel_name(d->accel));
	arg(l, "-cpu");
	arg(l, "%s", d->cpu);
	arg(l, "-smp");
	arg(l, "%u", d->vcpus);
	memory(l, d);
	arg(l, "-qmp");
	arg(l, "unix:" KR_QEMUARGS_CONTROL ",server=on,wait=off");
	l->control = KR_QEMUARGS_CONTROL;
	arg(l, "-sandbox");
	arg(l, "on,obsolete=deny,elevateprivileges=deny,spawn=deny,"
	    "resourcecontrol=deny");
}

int kr_qemuargs_plan(const struct kr_vmdef *d, const struct kr_hyper_site *s,
		     enum kr_hyper_mode mode, struct kr_launch *l,
		     struct kr_err *e)
{
	bool q35;
	int r = bus_of(d, &q35, e);

	if (r)
		return r;
	l->argc = l->n_fds = 0;
	l->n_bytes = 0;
	l->console = NULL;
	l->pid_file = "qemu.pid";
	if (snprintf(l->cwd, sizeof(l->cwd), "%s", s->cwd) >= PATH_MAX)
		return kr_fail(e, KR_E_CONFIG, "run folder path is too long");
	arg(l, "%s", s->binary);
	add_machine(l, d);
	if ((r = add_boot(l, d, s, e)))
		return r;
	for (uint32_t i = 0; i < d->n_disks; i++)
		if ((r = add_disk(l, d, i, s, q35, e)))
			return r;
	for (uint32_t i = 0; i < d->n_nics; i++)
		if ((r = add_nic(l, &d->nics[i], i, s->nic_fds[i], q35, e)))
			return r;
	if (d->tpm && (r = add_tpm(l, s->tpm_fd, e)))
		return r;
	if (d->console && (r = add_console(l, s, e)))
		return r;
	if (mode != KR_HYPER_FRESH) {
		arg(l, "-incoming");
		arg(l, "defer");
	}
	if (overlong(l))
		return kr_fail(e, KR_E_LIMIT, "command line is too long");
	return 0;
}
