/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm.c - hypervisor processes: start, find again, end. Runs in kororad. What
 * is said to them, and what they say, goes through vmtalk.c.
 */
#include "daemon/vm.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/spawn.h"
#include "hyper/qemuargs.h"
#include "hyper/tap.h"

#define LAST_WORDS_MS	2000u
#define DEV_USERFAULTFD	(8u << 16)	/* QEMU from here on opens that */

void kr_vm_folder(const struct kr_host *h, const char *name, char *out,
		  size_t size)
{
	snprintf(out, size, "%s/vm/%s", h->run, name);
}

struct kr_vm *kr_vm_find(struct kr_host *h, const char *name)
{
	for (struct kr_vm *v = h->vms; v; v = v->next)
		if (!v->dead && !strcmp(v->def.name, name))
			return v;
	return NULL;
}

/* ---- the end ----------------------------------------------------------- */

static void remove_folder(const struct kr_host *h, const char *name)
{
	char path[PATH_MAX];
	struct dirent *f;
	DIR *d;

	kr_vm_folder(h, name, path, sizeof(path));
	d = opendir(path);
	while (d && (f = readdir(d)))
		unlinkat(dirfd(d), f->d_name, 0);
	if (d)
		closedir(d);
	rmdir(path);
}

static void on_reap(void *arg)
{
	struct kr_vm *v = arg, **p = &v->host->vms;

	while (*p && *p != v)
		p = &(*p)->next;
	if (*p)
		*p = v->next;
	free(v);
}

static void unhook(struct kr_vm *v)
{
	v->dead = true;
	v->ready = false;
	kr_timer_off(&v->retry);
	kr_timer_off(&v->patience);
	kr_timer_off(&v->last);
	kr_chan_close(&v->chan);
	kr_io_del(&v->exit);
	kr_fd_close(&v->exit.fd);
	kr_timer_arm(v->host->loop, &v->reap, 0);
}

static void gone(struct kr_vm *v, const struct kr_err *e)
{
	struct kr_vm_watch w = v->watch;

	if (v->dead)
		return;
	unhook(v);
	remove_folder(v->host, v->def.name);
	if (w.gone)
		w.gone(w.arg, e);
}

/* The end of a kill: it is dead, or who waits for that is told otherwise. */
static void killed(struct kr_vm *v, bool dead)
{
	void (*then)(void *arg, bool dead) = v->killed;
	struct kr_err e = KR_ERR_NONE;

	v->killed = NULL;
	kr_timer_off(&v->patience);
	if (dead && !then) {
		kr_fail(&e, KR_E_HYPER_DIED, "%s: process %d ended at last",
			v->def.name, (int)v->pid);
		gone(v, &e);
		return;
	}
	if (dead) {
		unhook(v);
		remove_folder(v->host, v->def.name);
	}
	if (then)
		then(v->killed_arg, dead);
}

void kr_vm_last_words(struct kr_vm *v)
{
	struct kr_err e = KR_ERR_NONE;

	if (v->dying) {
		killed(v, true);
		return;
	}
	kr_fail(&e, KR_E_HYPER_DIED, "%s: process %d ended", v->def.name,
		(int)v->pid);
	gone(v, &e);
}

static void on_last(void *arg)
{
	kr_vm_last_words(arg);
}

/* Why it ended comes through its agent, later than its end perhaps: a guest
 * that went off is not one that was lost. */
static void on_exit_io(void *arg, uint32_t events)
{
	struct kr_vm *v = arg;

	(void)events;
	waitpid(v->pid, NULL, WNOHANG);
	kr_io_del(&v->exit);
	kr_timer_off(&v->retry);
	v->ended = true;
	v->ready = false;
	if (v->dying || v->said_all || v->chan.io.fd < 0)
		kr_vm_last_words(v);
	else
		kr_timer_arm(v->host->loop, &v->last, LAST_WORDS_MS);
}

static void on_patience(void *arg)
{
	struct kr_vm *v = arg;

	kr_log(KR_LOG_ERROR, "VM %s: process %d does not end; its lock keeps "
	       "it from a second start", v->def.name, (int)v->pid);
	killed(v, false);
}

void kr_vm_kill(struct kr_vm *v, void (*then)(void *arg, bool dead),
		void *arg)
{
	assert(!v->dying && !v->dead);
	v->dying = true;
	v->ready = false;
	kr_vm_watch(v, NULL);
	kr_timer_off(&v->retry);
	kr_chan_close(&v->chan);
	v->killed = then;
	v->killed_arg = arg;
	if (v->ended) {
		kr_timer_arm(v->host->loop, &v->last, 0);
		return;
	}
	syscall(SYS_pidfd_send_signal, v->exit.fd, SIGKILL, NULL, 0);
	kr_timer_arm(v->host->loop, &v->patience, KR_VM_KILL_MS);
}

void kr_vm_wait(struct kr_vm *v, unsigned int ms)
{
	struct pollfd p = { .fd = v->exit.fd, .events = POLLIN };

	if (poll(&p, 1, (int)ms) > 0)
		on_exit_io(v, 0);
}

void kr_vm_fini(struct kr_host *h)
{
	while (h->vms) {
		struct kr_vm *v = h->vms;

		if (!v->dead)
			unhook(v);
		kr_timer_off(&v->reap);
		on_reap(v);
	}
}

/* ---- the start --------------------------------------------------------- */

static void lock_path(const struct kr_host *h, const char *name, char *out,
		      size_t size)
{
	snprintf(out, size, "%s/vm/%s.lock", h->lib, name);
}

/*
 * The process of an earlier start, 0 if there is none. A pid may have been
 * given to somebody else since, and /run may have been lost; the lock tells
 * (spawn.c).
 */
static pid_t find_pid(const struct kr_host *h, const char *name)
{
	char path[PATH_MAX];
	KR_AUTOFREE char *text = NULL;
	KR_AUTO(kr_fd_autoclose) int fd = -1;
	pid_t pid;

	lock_path(h, name, path, sizeof(path));
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || !flock(fd, LOCK_EX | LOCK_NB) ||
	    kr_read_file(path, 32, &text, NULL))
		return 0;
	pid = (pid_t)strtol(text, NULL, 10);
	return pid > 1 ? pid : 0;
}

static struct kr_vm *vm_new(struct kr_host *h, const struct kr_vmdef *def)
{
	struct kr_vm *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->host = h;
	v->def = *def;
	kr_vm_talk(v);
	v->exit = (struct kr_io){ .fd = -1, .fn = on_exit_io, .arg = v };
	v->patience = (struct kr_timer){ .fn = on_patience, .arg = v };
	v->last = (struct kr_timer){ .fn = on_last, .arg = v };
	v->reap = (struct kr_timer){ .fn = on_reap, .arg = v };
	return v;
}

/* From here on the VM is listed and its death is noticed. */
static int follow(struct kr_vm *v, pid_t pid, struct kr_err *e)
{
	v->pid = pid;
	v->exit.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (v->exit.fd < 0)
		return kr_fail(e, KR_E_SYSTEM, "pidfd of %d: %s", (int)pid,
			       strerror(errno));
	fcntl(v->exit.fd, F_SETFD, FD_CLOEXEC);
	if (kr_io_add(v->host->loop, &v->exit, EPOLLIN, e))
		return e ? e->code : -EIO;
	v->next = v->host->vms;
	v->host->vms = v;
	kr_timer_arm(v->host->loop, &v->retry, 0);
	return 0;
}

static int open_taps(struct kr_host *h, const struct kr_vmdef *d, int *fds,
		     struct kr_err *e)
{
	for (unsigned int i = 0; i < d->n_nics; i++) {
		const char *bridge = kr_config_network(&h->cfg,
						       d->nics[i].network);
		char name[IFNAMSIZ];
		int r;

		if (!bridge)
			return kr_fail(e, KR_E_NO_NETWORK,
				       "network %s of %s is not mapped",
				       d->nics[i].network, d->name);
		r = kr_tap_open(bridge, name, &fds[i], e);
		if (r)
			return r;
	}
	return 0;
}

static int plan(struct kr_host *h, const struct kr_vmdef *d,
		enum kr_hyper_mode mode, const int *nics,
		struct kr_launch *ret_l, struct kr_err *e)
{
	struct kr_hyper_storage st[KR_CONFIG_MAPS_MAX];
	char cwd[PATH_MAX], console[PATH_MAX];
	struct kr_hyper_site site = {
		.binary = h->cfg.qemu_binary, .cwd = cwd,
		.console_log = console, .storages = st,
		.n_storages = h->cfg.n_storages,
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

int kr_vm_spawn(struct kr_host *h, const struct kr_vmdef *def,
		enum kr_hyper_mode mode, const struct kr_vm_watch *watch,
		struct kr_vm **ret_v, struct kr_err *e)
{
	int nics[KR_VMDEF_NICS_MAX] = { -1, -1, -1, -1 };
	KR_AUTOFREE struct kr_launch *l = calloc(1, sizeof(*l));
	struct kr_vm *v = vm_new(h, def);
	char log[PATH_MAX], lock[PATH_MAX];
	uint32_t version = 0;
	pid_t pid;
	int r;

	if (!l || !v) {
		free(v);
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	}
	snprintf(log, sizeof(log), "%s/console/%s.qemu.log", h->lib,
		 def->name);
	lock_path(h, def->name, lock, sizeof(lock));
	pid = kr_vm_find(h, def->name) ? kr_vm_find(h, def->name)->pid :
					 find_pid(h, def->name);
	r = pid ? kr_fail(e, KR_E_VM_STATE, "%s has a process here already: "
			  "%d", def->name, (int)pid) :
		  open_taps(h, def, nics, e);
	if (!r)
		r = plan(h, def, mode, nics, l, e);
	if (!r && mode == KR_HYPER_INCOMING_EARLY) {
		r = kr_host_hyper_version(h, &version, e);
		l->ptrace = version < DEV_USERFAULTFD ||
			    access("/dev/userfaultfd", R_OK | W_OK);
	}
	if (!r)
		r = kr_spawn_hyper(l, log, lock, &pid, e);
	for (unsigned int i = 0; i < KR_VMDEF_NICS_MAX; i++)
		kr_fd_close(&nics[i]);
	if (!r) {
		r = follow(v, pid, e);
		if (r)
			kill(pid, SIGKILL);
	}
	if (r) {
		if (r != -EBUSY)	/* else it is not ours to remove */
			remove_folder(h, def->name);
		free(v);
		return r;
	}
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
		remove_folder(h, f->d_name);
	}
	if (d)
		closedir(d);
}

int kr_vm_adopt(struct kr_host *h, const struct kr_vmdef *def,
		struct kr_vm **ret_v, struct kr_err *e)
{
	pid_t pid = find_pid(h, def->name);
	struct kr_vm *v;
	int r;

	if (!pid) {
		remove_folder(h, def->name);
		return 1;
	}
	v = vm_new(h, def);
	if (!v)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	r = follow(v, pid, e);
	if (r) {
		free(v);
		return r;
	}
	*ret_v = v;
	return 0;
}
