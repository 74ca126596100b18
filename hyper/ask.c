/* SPDX-License-Identifier: Apache-2.0 */
/* ask.c - runs a program and collects what it prints. Runs in kororad. */
#include "hyper/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

static int start(char *const argv[], int fd, int out, pid_t *ret_pid)
{
	static char *const no_env[] = { NULL };
	posix_spawn_file_actions_t a;
	int r;

	posix_spawn_file_actions_init(&a);
	posix_spawn_file_actions_addopen(&a, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&a, out, 1);
	posix_spawn_file_actions_addopen(&a, 2, "/dev/null", O_WRONLY, 0);
	if (fd >= 0)
		posix_spawn_file_actions_adddup2(&a, fd, KR_ASK_FD);
	posix_spawn_file_actions_addclosefrom_np(
		&a, fd >= 0 ? KR_ASK_FD + 1 : 3);
	r = posix_spawn(ret_pid, argv[0], &a, NULL, argv, no_env);
	posix_spawn_file_actions_destroy(&a);
	return r;
}

/* Until the program closes its output. 0, or why not. */
static enum kr_code collect(int fd, uint64_t due_ns, char *out, size_t size)
{
	size_t n = 0;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		uint64_t now = kr_now_ns();
		char spill[512];
		ssize_t got;

		if (now >= due_ns ||
		    poll(&p, 1, (int)((due_ns - now) / 1000000u) + 1) == 0)
			return KR_E_HYPER_SLOW;
		got = n < size - 1 ? read(fd, out + n, size - 1 - n) :
				     read(fd, spill, sizeof(spill));
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			break;
		if (n == size - 1)
			return KR_E_LIMIT;
		n += (size_t)got;
	}
	out[n] = '\0';
	return KR_OK;
}

/* Wait for the end, within what is left of the time. */
static bool reap(pid_t pid, uint64_t due_ns, int *ret_status)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t now = kr_now_ns();
	bool in_time = fd < 0 ||
		poll(&p, 1, now < due_ns ?
		     (int)((due_ns - now) / 1000000u) + 1 : 0) > 0;

	kr_fd_close(&fd);
	if (!in_time)
		kill(pid, SIGKILL);
	while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
		;
	return in_time;
}

int kr_ask_run(char *const argv[], int fd, unsigned int time_ms, char *out,
	       size_t size, int *ret_exit, struct kr_err *e)
{
	uint64_t due_ns = kr_now_ns() + time_ms * 1000000ull;
	KR_AUTO(kr_fd_autoclose) int in = -1;
	int pipes[2], r, status = 0;
	enum kr_code why;
	bool in_time;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC))
		return kr_fail(e, KR_E_SYSTEM, "pipe: %s", strerror(errno));
	in = pipes[0];
	r = start(argv, fd, pipes[1], &pid);
	close(pipes[1]);
	if (r)
		return kr_fail(e, KR_E_NO_QEMU, "%s: %s", argv[0],
			       strerror(r));
	why = collect(in, due_ns, out, size);
	if (why)
		kill(pid, SIGKILL);
	in_time = reap(pid, due_ns, &status);
	if (why == KR_E_LIMIT)
		return kr_fail(e, why, "%s prints more than %zu bytes",
			       argv[0], size);
	if (why || !in_time)
		return kr_fail(e, KR_E_HYPER_SLOW, "%s took more than %u ms",
			       argv[0], time_ms);
	if (!WIFEXITED(status))
		return kr_fail(e, KR_E_NO_QEMU, "%s died of signal %d",
			       argv[0], WTERMSIG(status));
	*ret_exit = WEXITSTATUS(status);
	return 0;
}
