/* SPDX-License-Identifier: Apache-2.0 */
/* vtpm.c - see vtpm.h. Runs in kororad, which reads nothing of a TPM's. */
#include "daemon/vtpm.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/migration.h"
#include "daemon/sight.h"
#include "daemon/spawn.h"
#include "daemon/vtpmkey.h"
#include "store/vmrow.h"

#define LOCK_S		5u	/* for the one of an earlier start to end */
#define LATE_MS		2000u	/* a hypervisor that ended is heard of later */

#define CAP(c)		(UINT64_C(1) << (c))

static_assert(KR_EMULATOR_QEMU_FD == KR_LAUNCH_FD_FIRST &&
	      KR_EMULATOR_KEY_FD == KR_LAUNCH_FD_FIRST + 1 &&
	      KR_EMULATOR_FOLDER_FD == KR_LAUNCH_FD_FIRST + 2 &&
	      KR_EMULATOR_ORDERS_FD == KR_LAUNCH_FD_FIRST + 3,
	      "as spawn.c places them");

/* ---- its folder, and whose it is ----------------------------------------- */

/* The users that have a folder here already, a bit for each. */
static void find_taken(struct kr_host *h, uint64_t taken[KR_CONFIG_VTPMS / 64])
{
	char path[PATH_MAX];
	struct dirent *f;
	DIR *d;

	snprintf(path, sizeof(path), "%s/vtpm", h->lib);
	d = opendir(path);
	while (d && (f = readdir(d))) {
		struct stat st;
		uint32_t i;

		if (!kr_vmdef_name_ok(f->d_name))
			continue;
		kr_vtpmkey_path(h, f->d_name, "state", path);
		if (lstat(path, &st))
			continue;
		i = st.st_uid - h->cfg.vtpm_first_uid;
		if (i < KR_CONFIG_VTPMS)
			taken[i / 64] |= UINT64_C(1) << i % 64;
	}
	if (d)
		closedir(d);
}

/* A folder that is root's was made and not given away: a crash. */
static int give_away(struct kr_host *h, int folder, const char *path,
		     struct kr_err *e)
{
	uint64_t taken[KR_CONFIG_VTPMS / 64] = { 0 };
	uint32_t i = 0;
	uid_t uid;

	find_taken(h, taken);
	while (i < KR_CONFIG_VTPMS && taken[i / 64] >> i % 64 & 1)
		i++;
	if (i == KR_CONFIG_VTPMS)
		return kr_fail(e, KR_E_VTPM_NONE, "%u VMs have a TPM here",
			       KR_CONFIG_VTPMS);
	uid = h->cfg.vtpm_first_uid + i;
	return fchown(folder, uid, uid) ?
	       kr_fail(e, KR_E_SYSTEM, "%s: %s", path, strerror(errno)) : 0;
}

static int open_folder(struct kr_host *h, const char *vm, int *ret_fd,
		       struct stat *ret_st, struct kr_err *e)
{
	KR_AUTO(kr_fd_autoclose) int fd = -1;
	char path[PATH_MAX];
	int r;

	kr_vtpmkey_path(h, vm, "state", path);
	r = -kr_mkdirs(path, 0700);
	if (!r)
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
				O_CLOEXEC);
	if (r || fd < 0 || fstat(fd, ret_st))
		return kr_fail(e, KR_E_SYSTEM, "%s: %s", path,
			       strerror(r ? r : errno));
	if (!ret_st->st_uid) {
		r = give_away(h, fd, path, e);
		if (r)
			return r;
		fstat(fd, ret_st);
	}
	*ret_fd = kr_fd_take(&fd);
	return 0;
}

/* ---- its process --------------------------------------------------------- */

static void on_late(void *arg)
{
	struct kr_vtpm *t = arg;

	t->lost(t->arg);
}

static void on_exit_io(void *arg, uint32_t events)
{
	struct kr_vtpm *t = arg;
	struct kr_loop *l = t->exit.loop;

	(void)events;
	kr_io_del(&t->exit);
	kr_fd_close(&t->exit.fd);
	t->pid = 0;
	kr_timer_arm(l, &t->late, LATE_MS);
}

static int follow(struct kr_host *h, struct kr_vtpm *t, pid_t pid,
		  struct kr_err *e)
{
	t->late = (struct kr_timer){ .fn = on_late, .arg = t };
	t->exit = (struct kr_io){ .fn = on_exit_io, .arg = t };
	t->exit.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (t->exit.fd < 0)
		return kr_fail(e, KR_E_SYSTEM, "pidfd of %d: %s", (int)pid,
			       strerror(errno));
	fcntl(t->exit.fd, F_SETFD, FD_CLOEXEC);
	t->pid = pid;
	return kr_io_add(h->loop, &t->exit, EPOLLIN, e);
}

/* A pipe that has the key in it, and nothing else ever. */
static int key_pipe(const uint8_t *key, int *ret_fd, struct kr_err *e)
{
	int p[2];
	bool ok;

	if (pipe2(p, O_CLOEXEC))
		return kr_fail(e, KR_E_SYSTEM, "pipe: %s", strerror(errno));
	ok = write(p[1], key, KR_EMULATOR_KEY_BYTES) == KR_EMULATOR_KEY_BYTES;
	close(p[1]);
	*ret_fd = p[0];
	return ok ? 0 : kr_fail(e, KR_E_SYSTEM, "pipe: %s", strerror(errno));
}

static int listen_for_orders(struct kr_host *h, const char *vm, int *ret_fd,
			     struct kr_err *e)
{
	char path[PATH_MAX];

	kr_vtpmkey_path(h, vm, "orders", path);
	*ret_fd = kr_unix_listen(path, 0600);
	return *ret_fd < 0 ? kr_fail(e, KR_E_SYSTEM, "%s: %s", path,
				     strerror(-*ret_fd)) : 0;
}

int kr_vtpm_order(struct kr_host *h, const char *vm,
		  const struct kr_gateorder *o, struct kr_err *e)
{
	uint8_t buf[KR_GATEORDER_BYTES_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	char path[PATH_MAX];
	KR_AUTO(kr_fd_autoclose) int fd = -1;
	bool said;

	kr_vtpmkey_path(h, vm, "orders", path);
	fd = kr_unix_connect(path);
	kr_gateorder_put(&w, o);
	said = fd >= 0 && send(fd, buf, kr_wr_len(&w), MSG_NOSIGNAL) ==
				  (ssize_t)kr_wr_len(&w);
	kr_wipe(buf, sizeof(buf));
	return said ? 0 : kr_fail(e, KR_E_VTPM_LOST, "the TPM of %s does not "
				  "take orders", vm);
}

static int launch(struct kr_host *h, const char *vm, uid_t uid, gid_t gid,
		  const int fds[4], pid_t *ret_pid, struct kr_err *e)
{
	KR_AUTOFREE struct kr_launch *l = calloc(1, sizeof(*l));
	char path[PATH_MAX], log[PATH_MAX], lock[PATH_MAX], who[2][16];

	if (!l)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	snprintf(path, sizeof(path), "%s/korora-vtpm", h->libexec);
	if (access(path, X_OK))
		return kr_fail(e, KR_E_SYSTEM, "%s: %s", path,
			       strerror(errno));
	snprintf(who[0], sizeof(who[0]), "%u", uid);
	snprintf(who[1], sizeof(who[1]), "%u", gid);
	snprintf(l->cwd, sizeof(l->cwd), "%s/empty", h->run);
	snprintf(log, sizeof(log), "%s/console/%s.vtpm.log", h->lib, vm);
	kr_vtpmkey_path(h, vm, "lock", lock);
	l->argv[0] = path;
	l->argv[1] = who[0];
	l->argv[2] = who[1];
	l->argc = 3;
	memcpy(l->fds, fds, 4 * sizeof(fds[0]));
	l->n_fds = 4;
	l->keep = CAP(CAP_SYS_CHROOT) | CAP(CAP_SETUID) | CAP(CAP_SETGID) |
		  CAP(CAP_SETPCAP);
	l->lock_s = LOCK_S;
	return kr_spawn_lasting(l, log, lock, ret_pid, e);
}

int kr_vtpm_start(struct kr_host *h, const char *vm,
		  const uint8_t key[KR_EMULATOR_KEY_BYTES],
		  struct kr_vtpm *t, int *ret_fd, struct kr_err *e)
{
	int pair[2], fds[4] = { -1, -1, -1, -1 };
	struct stat owner;
	pid_t pid;
	int r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return kr_fail(e, KR_E_SYSTEM, "socketpair: %s",
			       strerror(errno));
	fds[0] = pair[1];
	r = key_pipe(key, &fds[1], e);
	if (!r)
		r = open_folder(h, vm, &fds[2], &owner, e);
	if (!r)
		r = listen_for_orders(h, vm, &fds[3], e);
	if (!r)
		r = launch(h, vm, owner.st_uid, owner.st_gid, fds, &pid, e);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		kr_fd_close(&fds[i]);
	if (!r)
		r = follow(h, t, pid, e);
	if (r)
		close(pair[0]);		/* which ends what was started */
	else
		*ret_fd = pair[0];
	return r;
}

static pid_t holder(struct kr_host *h, const char *vm)
{
	char path[PATH_MAX];

	kr_vtpmkey_path(h, vm, "lock", path);
	return kr_spawn_holder(path);
}

void kr_vtpm_adopt(struct kr_host *h, const char *vm, struct kr_vtpm *t)
{
	pid_t pid = holder(h, vm);

	if (pid && !follow(h, t, pid, NULL))
		return;
	t->pid = 0;
	kr_timer_arm(h->loop, &t->late, 0);
}

void kr_vtpm_forget(struct kr_vtpm *t)
{
	kr_timer_off(&t->late);
	kr_io_del(&t->exit);
	if (t->pid)
		kr_fd_close(&t->exit.fd);
	t->pid = 0;
}

/* ---- the end of it ------------------------------------------------------- */

/* What the file system kept of it elsewhere is of no use without the key. */
static int wipe_file(int dir, const char *name)
{
	static const uint8_t zeros[4096];
	KR_AUTO(kr_fd_autoclose) int fd =
		openat(dir, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK |
				  O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ENXIO)	/* a socket holds nothing */
		return unlinkat(dir, name, 0);
	if (fd < 0 || fstat(fd, &st))
		return -1;
	for (off_t at = 0; at < st.st_size; at += (off_t)sizeof(zeros))
		if (pwrite(fd, zeros, sizeof(zeros), at) < 0)
			return -1;
	return fsync(fd) || unlinkat(dir, name, 0);
}

/* Its files, and it; one that is not there is wiped. */
static int wipe_folder(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *f;
	int r = 0;

	if (!d)
		return errno == ENOENT ? 0 : -1;
	while (!r && (f = readdir(d)))
		if (f->d_type != DT_DIR)
			r = wipe_file(dirfd(d), f->d_name);
	closedir(d);
	return r || rmdir(path);
}

int kr_vtpm_wipe(struct kr_host *h, const char *vm, struct kr_err *e)
{
	char path[PATH_MAX];
	pid_t pid = holder(h, vm);

	if (pid)
		return kr_fail(e, KR_E_VM_STATE, "the TPM of %s is in use by "
			       "process %d", vm, (int)pid);
	/* the key first: without it the rest is noise */
	kr_vtpmkey_path(h, vm, "key", path);
	if (!access(path, F_OK) && wipe_file(AT_FDCWD, path))
		return kr_fail(e, KR_E_SYSTEM, "%s: %s", path,
			       strerror(errno));
	kr_vtpmkey_path(h, vm, "state", path);
	if (!wipe_folder(path)) {
		kr_vtpmkey_path(h, vm, "", path);
		if (!wipe_folder(path))
			return 0;
	}
	return kr_fail(e, KR_E_SYSTEM, "%s: %s", path, strerror(errno));
}

/* ---- what moved away, or never came -------------------------------------- */

#define SWEEP_MS	1000u	/* for a TPM to end */

/* A VM whose TPM has nothing to do here; one that ran here has a row.
 * @tenant: whose it is, "" if no row says so */
static bool is_left(struct kr_host *h, const char *vm,
		    char tenant[KR_SIGHT_TENANT_BYTES])
{
	static struct kr_vmrow row;
	struct kr_err e = KR_ERR_NONE;
	char path[PATH_MAX];

	tenant[0] = '\0';
	if (kr_mig_of_vm(h, vm))
		return false;
	if (!kr_vmrow_get(h->store, vm, &row, &e)) {
		kr_sight_tenant(&row, tenant);
		return row.state == KR_VM_MOVED;
	}
	kr_vtpmkey_path(h, vm, "key", path);
	return e.kr == KR_E_NO_VM && access(path, F_OK);
}

static void sweep_one(struct kr_host *h, const char *vm, const char *tenant)
{
	struct kr_err e = KR_ERR_NONE;
	json_t *d;

	if (kr_vtpm_wipe(h, vm, &e)) {
		if (e.kr != KR_E_VM_STATE)
			kr_log_err(KR_LOG_ERROR, vm, &e);
		kr_timer_arm(h->loop, &h->vtpm_sweep, SWEEP_MS);
		return;
	}
	kr_log(KR_LOG_INFO, "VM %s: its TPM is erased here", vm);
	d = json_pack("{s:s, s:s}", "vm", vm, "tenant", tenant);
	if (kr_host_record(h, "vm-tpm-erased", d, &e))
		kr_log_err(KR_LOG_ERROR, vm, &e);
	json_decref(d);
}

static void on_sweep(void *arg)
{
	kr_vtpm_sweep(arg);
}

void kr_vtpm_sweep(struct kr_host *h)
{
	char path[PATH_MAX], tenant[KR_SIGHT_TENANT_BYTES];
	struct dirent *f;
	DIR *d;

	h->vtpm_sweep.fn = on_sweep;
	h->vtpm_sweep.arg = h;
	snprintf(path, sizeof(path), "%s/vtpm", h->lib);
	d = opendir(path);
	while (d && (f = readdir(d)))
		if (kr_vmdef_name_ok(f->d_name) &&
		    is_left(h, f->d_name, tenant))
			sweep_one(h, f->d_name, tenant);
	if (d)
		closedir(d);
}
