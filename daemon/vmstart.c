/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vmstart.c - a VM's start: at once, or, if it has a TPM, once that one's key
 * is here; and finding again what an earlier kororad started. Runs in kororad.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/firewall.h"
#include "daemon/spawn.h"
#include "daemon/vm.h"
#include "hyper/qemuargs.h"
#include "hyper/tap.h"

#define DEV_USERFAULTFD	(8u << 16)	/* QEMU from here on opens that */

static void lock_path(const struct kr_host *h, const char *name, char *out,
		      size_t size)
{
	snprintf(out, size, "%s/vm/%s.lock", h->lib, name);
}

static pid_t find_pid(const struct kr_host *h, const char *name)
{
	char path[PATH_MAX];

	lock_path(h, name, path, sizeof(path));
	return kr_spawn_holder(path);
}

static void list(struct kr_vm *v)
{
	v->next = v->host->vms;
	v->host->vms = v;
}

/* From here on its death is noticed. */
static int follow(struct kr_vm *v, pid_t pid, struct kr_err *e)
{
	v->exit.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (v->exit.fd < 0)
		return kr_fail(e, KR_E_SYSTEM, "pidfd of %d: %s", (int)pid,
			       strerror(errno));
	fcntl(v->exit.fd, F_SETFD, FD_CLOEXEC);
	if (kr_io_add(v->host->loop, &v->exit, EPOLLIN, e))
		return e ? e->code : -EIO;
	v->pid = pid;
	kr_timer_arm(v->host->loop, &v->retry, 0);
	return 0;
}

static int open_taps(struct kr_vm *v, int *fds, struct kr_err *e)
{
	const struct kr_vmdef *d = &v->def;

	for (unsigned int i = 0; i < d->n_nics; i++) {
		const char *bridge = kr_config_network(&v->host->cfg,
						       d->nics[i].network);
		int r;

		if (!bridge)
			return kr_fail(e, KR_E_NO_NETWORK,
				       "network %s of %s is not mapped",
				       d->nics[i].network, d->name);
		r = kr_tap_open(bridge, v->taps[i], &fds[i], e);
		if (r)
			return r;
	}
	return 0;
}

/* Its rules are in the kernel, or will never be: then it is ended, before its
 * first instruction. */
static void on_loaded(struct kr_vm *v, const struct kr_err *why)
{
	if (why)
		v->why = *why;
	for (uint32_t i = 0; !v->why.code && i < v->def.n_nics; i++)
		kr_tap_up(v->taps[i], &v->why);
	if (v->dying || v->ended)
		return;
	if (v->why.code) {
		kr_chan_close(&v->chan);
		kr_timer_off(&v->retry);
		syscall(SYS_pidfd_send_signal, v->exit.fd, SIGKILL, NULL, 0);
		return;
	}
	v->guard = v->mode == KR_HYPER_FRESH ? KR_VM_GUARDED : KR_VM_ASLEEP;
	kr_vm_tell_ready(v);
}

/* Where a VM comes to, its rules sleep until it runs: they would not know the
 * connections that it still has elsewhere. */
static int guard(struct kr_vm *v, struct kr_err *e)
{
	int r = 0;

	if (v->def.firewall) {
		v->guard = KR_VM_LOADING;
		r = kr_firewall_fits(v->host, &v->def, e);
		return r ? r : kr_firewall_load(v, v->mode != KR_HYPER_FRESH,
						on_loaded, e);
	}
	for (uint32_t i = 0; !r && i < v->def.n_nics; i++)
		r = kr_tap_up(v->taps[i], e);
	return r;
}

static int plan(struct kr_host *h, const struct kr_vmdef *d,
		enum kr_hyper_mode mode, const int *nics, int tpm,
		struct kr_launch *ret_l, struct kr_err *e)
{
	struct kr_hyper_storage st[KR_CONFIG_MAPS_MAX];
	char cwd[PATH_MAX], console[PATH_MAX];
	struct kr_hyper_site site = {
		.binary = h->cfg.qemu_binary, .cwd = cwd,
		.console_log = console, .storages = st,
		.n_storages = h->cfg.n_storages, .tpm_fd = tpm,
	};
	const struct kr_hyper *hy;
	int r = kr_hyper_find(d->hypervisor, &hy, e);

	if (r)
		return r;
	kr_vm_folder(h, d->name, cwd, sizeof(cwd));
	snprintf(console, sizeof(console), "%s/console/%s.log", h->lib,
		 d->name);
	for (unsigned int i = 0; i < h->cfg.n_storages; i++)
		st[i] = (struct kr_hyper_storage){ h->cfg.storages[i].name,
						   h->cfg.storages[i].value };
	memcpy(site.nic_fds, nics, sizeof(site.nic_fds));
	r = -kr_mkdirs(cwd, 0700);
	if (r)
		return kr_fail(e, KR_E_SYSTEM, "%s: %s", cwd, strerror(r));
	return hy->plan(d, &site, mode, ret_l, e);
}

/* What a hypervisor may: open disks of another owner, and, if the VM runs there
 * before its memory is, see to that: userfaultfd(2) wants CAP_SYS_PTRACE,
 * unless the hypervisor opens /dev/userfaultfd (QEMU does from 8.0 on). */
static int privileges(struct kr_host *h, enum kr_hyper_mode mode,
		      uint64_t *ret_keep, struct kr_err *e)
{
	uint32_t version;
	int r;

	*ret_keep = UINT64_C(1) << CAP_DAC_OVERRIDE;
	if (mode != KR_HYPER_INCOMING_EARLY)
		return 0;
	r = kr_host_hyper_version(h, &version, e);
	if (!r && (version < DEV_USERFAULTFD ||
		   access("/dev/userfaultfd", R_OK | W_OK)))
		*ret_keep |= UINT64_C(1) << CAP_SYS_PTRACE;
	return r;
}

/* @tpm: its channel, borrowed; -1 if it has none. */
static int launch(struct kr_vm *v, int tpm, struct kr_err *e)
{
	int nics[KR_VMDEF_NICS_MAX] = { -1, -1, -1, -1 };
	KR_AUTOFREE struct kr_launch *l = calloc(1, sizeof(*l));
	char log[PATH_MAX], lock[PATH_MAX];
	struct kr_host *h = v->host;
	pid_t pid;
	int r;

	if (!l)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	snprintf(log, sizeof(log), "%s/console/%s.qemu.log", h->lib,
		 v->def.name);
	lock_path(h, v->def.name, lock, sizeof(lock));
	r = open_taps(v, nics, e);
	if (!r)
		r = guard(v, e);
	if (!r)
		r = plan(h, &v->def, v->mode, nics, tpm, l, e);
	if (!r)
		r = privileges(h, v->mode, &l->keep, e);
	if (!r)
		r = kr_spawn_lasting(l, log, lock, &pid, e);
	for (unsigned int i = 0; i < KR_VMDEF_NICS_MAX; i++)
		kr_fd_close(&nics[i]);
	if (!r) {
		r = follow(v, pid, e);
		if (r)
			kill(pid, SIGKILL);
	}
	if (r) {
		kr_firewall_forget(v);
		kr_vm_remove_traces(h, v->def.name);
	}
	return r;
}

/* ---- with a TPM ---------------------------------------------------------- */

static int launch_with_tpm(struct kr_vm *v, struct kr_err *e)
{
	KR_AUTO(kr_fd_autoclose) int fd = -1;
	int r = kr_vtpm_start(v->host, v->def.name, v->key.key, &v->tpm, &fd,
			      e);

	kr_vtpmkey_stop(&v->key);
	return r ? r : launch(v, fd, e);
}

/* It was listed, without a process, while the key was asked for. */
static void on_key(void *arg, const struct kr_err *e)
{
	struct kr_vm *v = arg;
	struct kr_err why = e ? *e : KR_ERR_NONE;

	if (e || launch_with_tpm(v, &why))
		kr_vm_gone(v, &why);
}

static int ask_key(struct kr_vm *v, struct kr_err *e)
{
	int r = 0;

	if (v->mode != KR_HYPER_FRESH)	/* it brings its own */
		r = kr_vtpm_wipe(v->host, v->def.name, e);
	v->key = (struct kr_vtpmkey){ .done = on_key, .arg = v };
	return r ? r : kr_vtpmkey_ask(v->host, v->def.name, &v->key, e);
}

/* ---- either way ---------------------------------------------------------- */

int kr_vm_spawn(struct kr_host *h, const struct kr_vmdef *def,
		enum kr_hyper_mode mode, const struct kr_vm_watch *watch,
		struct kr_vm **ret_v, struct kr_err *e)
{
	struct kr_vm *v = kr_vm_find(h, def->name);
	pid_t pid = v ? v->pid : find_pid(h, def->name);
	int r;

	if (v || pid)
		return kr_fail(e, KR_E_VM_STATE, "%s has a process here "
			       "already: %d", def->name, (int)pid);
	v = kr_vm_new(h, def);
	if (!v)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	v->mode = mode;
	r = def->tpm ? ask_key(v, e) : launch(v, -1, e);
	if (r) {
		free(v);
		return r;
	}
	list(v);
	kr_vm_watch(v, watch);
	*ret_v = v;
	return 0;
}

void kr_vm_tidy(struct kr_host *h)
{
	char path[PATH_MAX];
	struct dirent *f;
	DIR *d;

	snprintf(path, sizeof(path), "%s/vm", h->run);
	d = opendir(path);
	while (d && (f = readdir(d))) {
		pid_t pid;

		if (!kr_vmdef_name_ok(f->d_name) || kr_vm_find(h, f->d_name))
			continue;
		pid = find_pid(h, f->d_name);
		if (pid) {
			kr_log(KR_LOG_WARN, "ending hypervisor %d of %s, which "
			       "nothing here accounts for", (int)pid,
			       f->d_name);
			kill(pid, SIGKILL);
		}
		kr_vm_remove_traces(h, f->d_name);
	}
	if (d)
		closedir(d);
	kr_firewall_tidy(h);
}

int kr_vm_adopt(struct kr_host *h, const struct kr_vmdef *def,
		struct kr_vm **ret_v, struct kr_err *e)
{
	pid_t pid = find_pid(h, def->name);
	struct kr_vm *v;
	int r;

	if (!pid) {
		kr_vm_remove_traces(h, def->name);
		return 1;
	}
	v = kr_vm_new(h, def);
	if (!v)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	if (def->firewall)	/* loaded; whether they sleep is not known */
		v->guard = KR_VM_ASLEEP;
	r = follow(v, pid, e);
	if (r) {
		free(v);
		return r;
	}
	list(v);
	if (def->tpm)
		kr_vtpm_adopt(h, def->name, &v->tpm);
	*ret_v = v;
	return 0;
}
