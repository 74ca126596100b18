/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jail.c - an agent's start and its jail. Runs in every agent, as root for
 * its first lines, and never again after kr_jail_enter().
 */
#include "base/jail.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <malloc.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

/* gcc says it by macros, clang by __has_feature() */
#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif

#ifdef SANITIZED
/* The leak check at exit needs what no jail allows (ptrace, /proc). */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

static uid_t uid;
static gid_t gid;

/* What any agent's loop, allocator, threads and log need. */
static const int common[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev),
	SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(recvfrom),
	SCMP_SYS(sendto), SCMP_SYS(shutdown), SCMP_SYS(close),
	SCMP_SYS(getsockopt), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_ctl), SCMP_SYS(poll), SCMP_SYS(fcntl),
	SCMP_SYS(futex), SCMP_SYS(munmap), SCMP_SYS(mremap),
	SCMP_SYS(madvise), SCMP_SYS(brk), SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday), SCMP_SYS(getrandom), SCMP_SYS(getpid),
	SCMP_SYS(gettid), SCMP_SYS(getppid), SCMP_SYS(sched_yield),
	SCMP_SYS(restart_syscall), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(exit), SCMP_SYS(exit_group),
#ifdef SANITIZED
	/* the sanitizers' runtime reports and unwinds with these */
	SCMP_SYS(mmap), SCMP_SYS(mprotect), SCMP_SYS(sigaltstack),
	SCMP_SYS(rt_sigaction), SCMP_SYS(getrusage), SCMP_SYS(readlink),
	SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(stat), SCMP_SYS(fstat),
	SCMP_SYS(newfstatat), SCMP_SYS(lseek), SCMP_SYS(prctl),
	SCMP_SYS(sched_getaffinity), SCMP_SYS(tgkill), SCMP_SYS(clone),
	SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep),
#endif
};

int kr_agent_init(const char *name, int argc, char **argv,
		  struct kr_loop **ret_l, struct kr_err *e)
{
	struct rlimit none = { 0, 0 };

	kr_log_init(name);
	signal(SIGPIPE, SIG_IGN);
	if (argc != 3)
		return kr_fail(e, KR_E_USAGE,
			       "%s is started by kororad only", name);
	uid = (uid_t)strtoul(argv[1], NULL, 10);
	gid = (gid_t)strtoul(argv[2], NULL, 10);
	if (!uid || !gid)
		return kr_fail(e, KR_E_JAIL, "an agent does not run as root");
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return kr_loop_new(ret_l, e);
}

#define FS_READ	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_ALL	((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)

/*
 * No rule at all: no path is there for what is in @denied. Older kernels lack
 * it.
 */
static int landlock(uint64_t denied)
{
	struct landlock_ruleset_attr a = { .handled_access_fs = denied };
	int fd = (int)syscall(SYS_landlock_create_ruleset, &a, sizeof(a), 0);

	if (fd < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno;
	if (syscall(SYS_landlock_restrict_self, fd, 0))
		return -errno;
	close(fd);
	return 0;
}

/* A thread shares everything with its maker. clone3() takes its flags in
 * memory, where no filter sees them: the C library then uses clone(). */
static int allow_threads(scmp_filter_ctx f)
{
	static const int calls[] = {
		SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
#ifndef SANITIZED
		SCMP_SYS(rt_sigaction),		/* the C library's own */
#endif
		SCMP_SYS(epoll_create1), SCMP_SYS(eventfd2),
	};
	const unsigned long thread = CLONE_VM | CLONE_FS | CLONE_FILES |
				     CLONE_SIGHAND | CLONE_THREAD;
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(calls) / sizeof(calls[0]); i++)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0);
#ifndef SANITIZED
	if (!r)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ, thread,
					     thread));
#endif
	(void)thread;
	if (!r)
		r = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS),
				     SCMP_SYS(clone3), 0);
	return r;
}

static int filter(const struct kr_jail *j)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r = 0;

	if (!f)
		return -ENOMEM;
	for (size_t i = 0; !r && i < sizeof(common) / sizeof(common[0]); i++)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, common[i], 0);
	for (size_t i = 0; !r && i < j->n_calls; i++)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, j->calls[i], 0);
	if (!r && j->threads)
		r = allow_threads(f);
	if (!r && j->net_admin)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				     SCMP_A0(SCMP_CMP_EQ, AF_NETLINK, 0));
#ifndef SANITIZED
	/* memory, but never executable memory */
	if (!r)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC,
					     0));
	if (!r)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC,
					     0));
#endif
	if (!r)
		r = seccomp_load(f);
	seccomp_release(f);
	return r;
}

/* What reaches other processes of the agents' user, or starts a program. */
static const int reaching[] = {
	SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev), SCMP_SYS(kill), SCMP_SYS(tkill),
	SCMP_SYS(rt_sigqueueinfo), SCMP_SYS(rt_tgsigqueueinfo),
	SCMP_SYS(pidfd_open), SCMP_SYS(pidfd_send_signal),
	SCMP_SYS(pidfd_getfd), SCMP_SYS(execve), SCMP_SYS(execveat),
	SCMP_SYS(setpriority), SCMP_SYS(bpf), SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(mount),
	SCMP_SYS(keyctl), SCMP_SYS(io_uring_setup),
};

/* Refused, not killed: what a resolver's module tries is the system's choice. */
static int keep_to_itself(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	int r = 0;

	if (!f)
		return -ENOMEM;
	for (size_t i = 0; !r && i < sizeof(reaching) / sizeof(reaching[0]);
	     i++)
		r = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM),
				     reaching[i], 0);
	if (!r)
		r = seccomp_load(f);
	seccomp_release(f);
	return r;
}

/* What setresuid() left of the capabilities, but for one: none of the others. */
static int keep_net_admin(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct set[_LINUX_CAPABILITY_U32S_3] = { 0 };

	set[CAP_TO_INDEX(CAP_NET_ADMIN)].permitted =
		set[CAP_TO_INDEX(CAP_NET_ADMIN)].effective =
			CAP_TO_MASK(CAP_NET_ADMIN);
	return (int)syscall(SYS_capset, &head, set);
}

static int drop(uint64_t denied, bool net_admin, struct kr_err *e)
{
	int r;

	for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		prctl(PR_CAPBSET_DROP, cap);
	if (prctl(PR_SET_KEEPCAPS, net_admin) || setgroups(0, NULL) ||
	    setresgid(gid, gid, gid) || setresuid(uid, uid, uid) ||
	    (net_admin && (keep_net_admin() || prctl(PR_SET_KEEPCAPS, 0))))
		return kr_fail(e, KR_E_JAIL, "setresuid: %s",
			       strerror(errno));
	/* changing ids clears the death signal and dumpable: set both anew */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || prctl(PR_SET_DUMPABLE, 0) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return kr_fail(e, KR_E_JAIL, "prctl: %s", strerror(errno));
	r = landlock(denied);
	return r ? kr_fail(e, KR_E_JAIL, "landlock: %s", strerror(-r)) : 0;
}

int kr_jail_unprivileged(struct kr_err *e)
{
	int r = drop(FS_ALL & ~FS_READ, false, e);

	if (r)
		return r;
	r = keep_to_itself();
	return r ? kr_fail(e, KR_E_JAIL, "seccomp: %s", strerror(-r)) : 0;
}

int kr_jail_enter(const struct kr_jail *j, struct kr_err *e)
{
	int r;

	tzset();
	/* or malloc() reads files: how many processors there are, with the
	 * third thread, and whether it may give back what a thread freed */
	if (j->threads)
		mallopt(M_ARENA_MAX, 1);
	if (chroot(".") || chdir("/"))
		return kr_fail(e, KR_E_JAIL, "chroot: %s", strerror(errno));
	r = drop(FS_ALL, j->net_admin, e);
	if (r)
		return r;
	if (j->outlives)
		prctl(PR_SET_PDEATHSIG, 0);
	r = filter(j);
	if (r)
		return kr_fail(e, KR_E_JAIL, "seccomp: %s", strerror(-r));
	return 0;
}
