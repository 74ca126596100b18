/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm.c - hypervisor processes and their end. Runs in kororad. They are started
 * and found again by vmstart.c; what is said to them, and what they say, goes
 * through vmtalk.c.
 */
#include "daemon/vm.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/firewall.h"

#define LAST_WORDS_MS	2000u

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

/* It has no process here: nor has it rules. */
void kr_vm_remove_traces(struct kr_host *h, const char *name)
{
	remove_folder(h, name);
	kr_firewall_unload(h, name);
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
	kr_firewall_forget(v);
	v->dead = true;
	v->ready = false;
	kr_timer_off(&v->retry);
	kr_timer_off(&v->patience);
	kr_timer_off(&v->last);
	kr_wiping_stop(&v->wiping);
	kr_vtpm_forget(&v->tpm);
	kr_vtpmkey_stop(&v->key);
	kr_chan_close(&v->chan);
	kr_io_del(&v->exit);
	kr_fd_close(&v->exit.fd);
	kr_timer_arm(v->host->loop, &v->reap, 0);
}

void kr_vm_gone(struct kr_vm *v, const struct kr_err *e)
{
	struct kr_vm_watch w = v->watch;

	if (v->dead)
		return;
	unhook(v);
	kr_vm_remove_traces(v->host, v->def.name);
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
		kr_vm_gone(v, &e);
		return;
	}
	if (dead) {
		unhook(v);
		kr_vm_remove_traces(v->host, v->def.name);
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
	kr_vm_gone(v, v->why.code ? &v->why : &e);
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

/* From here on it is dying. Is there a process yet that has to be ended? */
static bool give_up(struct kr_vm *v, void (*then)(void *arg, bool dead),
		    void *arg)
{
	assert(!v->dying && !v->dead);
	v->dying = true;
	v->ready = false;
	kr_vm_watch(v, NULL);
	kr_timer_off(&v->retry);
	kr_chan_close(&v->chan);
	kr_vtpmkey_stop(&v->key);
	v->killed = then;
	v->killed_arg = arg;
	if (v->ended || !v->pid) {
		v->ended = true;
		kr_timer_arm(v->host->loop, &v->last, 0);
	}
	return !v->ended;
}

static void shoot(struct kr_vm *v)
{
	syscall(SYS_pidfd_send_signal, v->exit.fd, SIGKILL, NULL, 0);
	kr_timer_arm(v->host->loop, &v->patience, KR_VM_KILL_MS);
}

void kr_vm_kill(struct kr_vm *v, void (*then)(void *arg, bool dead),
		void *arg)
{
	if (give_up(v, then, arg))
		shoot(v);
}

/* What is left of it is said, and no reason to let it live. */
static void on_wiped(void *arg, const struct kr_wiped *w,
		     const struct kr_err *e)
{
	struct kr_vm *v = arg;
	struct kr_err left = KR_ERR_NONE, lost = KR_ERR_NONE;
	json_t *d;

	if (w && w->left)
		kr_fail(&left, KR_E_NOT_WIPED, "%llu bytes of process %d",
			(unsigned long long)w->left, (int)v->pid);
	if (e || left.code)
		kr_log_err(KR_LOG_ERROR, v->def.name, e ? e : &left);
	d = json_pack("{s:s, s:s, s:I, s:I, s:s*}", "vm", v->def.name,
		      "tenant", v->def.tenant,
		      "bytes", (json_int_t)(w ? w->bytes : 0),
		      "left", (json_int_t)(w ? w->left : 0),
		      "error", e ? e->what : NULL);
	if (kr_host_record(v->host, "memory-wiped", d, &lost))
		kr_log_err(KR_LOG_ERROR, v->def.name, &lost);
	json_decref(d);
	shoot(v);
}

void kr_vm_clear(struct kr_vm *v, void (*then)(void *arg, bool dead),
		 void *arg)
{
	if (!give_up(v, then, arg))
		return;
	syscall(SYS_pidfd_send_signal, v->exit.fd, SIGSTOP, NULL, 0);
	v->wiping = (struct kr_wiping){ .done = on_wiped, .arg = v };
	kr_wiping_start(v->host, v->pid, &v->wiping);
}

/* The VM goes on as its hypervisor lets it: commands to its TPM fail. */
static void on_tpm_lost(void *arg)
{
	struct kr_vm *v = arg;
	struct kr_err e = KR_ERR_NONE;
	json_t *d;

	if (v->dying || v->ended)
		return;
	kr_log(KR_LOG_ERROR, "VM %s: its TPM ended; see %s/console/%s."
	       "vtpm.log", v->def.name, v->host->lib, v->def.name);
	d = json_pack("{s:s, s:s}", "vm", v->def.name, "tenant",
		      v->def.tenant);
	if (kr_host_record(v->host, "vm-tpm-ended", d, &e))
		kr_log_err(KR_LOG_ERROR, v->def.name, &e);
	json_decref(d);
}

struct kr_vm *kr_vm_new(struct kr_host *h, const struct kr_vmdef *def)
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
	v->tpm = (struct kr_vtpm){ .lost = on_tpm_lost, .arg = v };
	v->reap = (struct kr_timer){ .fn = on_reap, .arg = v };
	return v;
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
	kr_firewall_fini(h);
}
