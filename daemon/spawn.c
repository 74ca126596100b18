/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn.c - fork and exec. Runs in kororad; between fork and exec only
 * async-signal-safe calls are made.
 */
#include "daemon/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/jail.h"

#define LOCK_FD	3	/* the lock's number in the hypervisor */

/* Signals as a new process expects them. */
static void plain_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
}

int kr_spawn_agent(struct kr_host *h, const char *name, struct kr_chan *c,
		   pid_t *ret_pid, struct kr_err *e)
{
	char path[PATH_MAX], empty[PATH_MAX], uid[16], gid[16];
	char *argv[] = { path, uid, gid, NULL };
	int pair[2];
	pid_t pid;
	int r;

	snprintf(path, sizeof(path), "%s/%s", h->libexec, name);
	snprintf(empty, sizeof(empty), "%s/empty", h->run);
	snprintf(uid, sizeof(uid), "%u", h->cfg.agent_uid);
	snprintf(gid, sizeof(gid), "%u", h->cfg.agent_gid);
	if (access(path, X_OK))
		return kr_fail(e, KR_E_SYSTEM, "%s: %s", path,
			       strerror(errno));
	r = kr_chan_pair(pair, e);
	if (r)
		return r;
	pid = fork();
	if (!pid) {
		plain_signals();
		if (dup2(pair[1], KR_AGENT_FD) < 0 || chdir(empty))
			_exit(126);
		close_range(KR_AGENT_FD + 1, ~0U, 0);
		execv(path, argv);
		_exit(127);
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return kr_fail(e, KR_E_SYSTEM, "fork: %s", strerror(errno));
	}
	*ret_pid = pid;
	r = kr_chan_open(h->loop, c, pair[0], e);
	if (r)
		close(pair[0]);
	return r;
}

/* In the child: descriptors to their places, by way of high numbers. */
static int place_fds(const struct kr_launch *l, int log, int lock)
{
	int high[KR_LAUNCH_FDS_MAX], lock_high = fcntl(lock, F_DUPFD, 100);

	if (lock_high < 0)
		return -1;

	for (unsigned int i = 0; i < l->n_fds; i++) {
		high[i] = fcntl(l->fds[i], F_DUPFD, 100);
		if (high[i] < 0)
			return -1;
	}
	if (dup2(log, 1) < 0 || dup2(log, 2) < 0)
		return -1;
	for (unsigned int i = 0; i < l->n_fds; i++)
		if (dup2(high[i], KR_LAUNCH_FD_FIRST + (int)i) < 0)
			return -1;
	if (dup2(lock_high, LOCK_FD) < 0)
		return -1;
	close_range(LOCK_FD + 1, KR_LAUNCH_FD_FIRST - 1, 0);
	close_range(KR_LAUNCH_FD_FIRST + l->n_fds, ~0U, 0);
	return 0;
}

/*
 * In the child: a process that got as far as exec can be found again, whatever
 * became of kororad meanwhile. The lock goes with the process into the
 * hypervisor and ends with it: it says, to any kororad and whatever that may
 * look at, whether the VM has a process here.
 */
static int take_lock(const char *path, unsigned int wait_s)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	alarm(wait_s);		/* which ends this process, if it comes */
	if (fd >= 0 && (flock(fd, wait_s ? LOCK_EX : LOCK_EX | LOCK_NB) ||
			ftruncate(fd, 0))) {
		close(fd);
		fd = -1;
	}
	alarm(0);
	return fd;
}

static int write_pid(int fd)
{
	char text[16];
	size_t at = sizeof(text);

	text[--at] = '\n';
	for (pid_t p = getpid(); p; p /= 10)
		text[--at] = (char)('0' + p % 10);
	return write(fd, text + at, sizeof(text) - at) !=
	       (ssize_t)(sizeof(text) - at);
}

static int name_pid(const char *file)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	return fd < 0 || write_pid(fd);
}

/*
 * In the child: it is root, without what else root may do than @keep. Exec
 * gives root what the bounding set has; without new privileges no more than
 * that.
 */
static int shed_capabilities(uint64_t keep)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct set[_LINUX_CAPABILITY_U32S_3] = { 0 };
	if (syscall(SYS_capget, &head, set))
		return -1;
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		if (!(keep >> cap & 1) && prctl(PR_CAPBSET_DROP, cap))
			return -1;
	for (unsigned int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		uint32_t bits = (uint32_t)(keep >> 32 * i);

		set[i].permitted &= bits;
		set[i].effective &= bits;
		set[i].inheritable = 0;
	}
	return syscall(SYS_capset, &head, set) ||
	       prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

int kr_spawn_lasting(const struct kr_launch *l, const char *log,
		     const char *lock, pid_t *ret_pid, struct kr_err *e)
{
	KR_AUTO(kr_fd_autoclose) int null = open("/dev/null", O_RDONLY |
						 O_CLOEXEC);
	KR_AUTO(kr_fd_autoclose) int out = open(log, O_WRONLY | O_CREAT |
						O_APPEND | O_CLOEXEC, 0600);
	pid_t pid;

	if (null < 0 || out < 0)
		return kr_fail(e, KR_E_SYSTEM, "%s: %s", log, strerror(errno));
	if (access(l->argv[0], X_OK))
		return kr_fail(e, KR_E_NO_QEMU, "%s: %s", l->argv[0],
			       strerror(errno));
	pid = fork();
	if (!pid) {
		int fd;

		plain_signals();
		setsid();
		setpriority(PRIO_PROCESS, 0, 0);
		fd = take_lock(lock, l->lock_s);
		if (fd < 0 || write_pid(fd) || chdir(l->cwd))
			_exit(126);
		if ((l->pid_file && name_pid(l->pid_file)) ||
		    dup2(null, 0) < 0 || place_fds(l, out, fd) ||
		    shed_capabilities(l->keep))
			_exit(126);
		execv(l->argv[0], l->argv);
		_exit(127);
	}
	if (pid < 0)
		return kr_fail(e, KR_E_SYSTEM, "fork: %s", strerror(errno));
	*ret_pid = pid;
	return 0;
}

pid_t kr_spawn_holder(const char *lock)
{
	KR_AUTO(kr_fd_autoclose) int fd = open(lock, O_RDWR | O_CLOEXEC);
	KR_AUTOFREE char *text = NULL;
	pid_t pid;

	if (fd < 0 || !flock(fd, LOCK_EX | LOCK_NB) ||
	    kr_read_file(lock, 32, &text, NULL))
		return 0;
	pid = (pid_t)strtol(text, NULL, 10);
	return pid > 1 ? pid : 0;
}
