/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulator.c - see emulator.h. Runs in korora-vtpm while that is still root,
 * before it reads its first foreign byte.
 */
#include "vtpm/emulator.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"

#define FILE_BYTES_MAX	(4u << 20)	/* of a file that it writes */
#define FILES_MAX	64u

#define LOOK	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ALL	((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)

/* A file can only be given what files have. */
static const struct { const char *path; uint64_t may; } system_has[] = {
	{ "/usr",	      LOOK | LANDLOCK_ACCESS_FS_EXECUTE },
	{ "/lib",	      LOOK | LANDLOCK_ACCESS_FS_EXECUTE },
	{ "/lib64",	      LOOK | LANDLOCK_ACCESS_FS_EXECUTE },
	{ "/etc/ssl",	      LOOK },
	{ "/etc/ld.so.cache", LANDLOCK_ACCESS_FS_READ_FILE },
	{ "/dev/urandom",     LANDLOCK_ACCESS_FS_READ_FILE },
};

static int allow(int ruleset, int at, uint64_t may)
{
	struct landlock_path_beneath_attr a = { .allowed_access = may,
						.parent_fd = at };

	return (int)syscall(SYS_landlock_add_rule, ruleset,
			    LANDLOCK_RULE_PATH_BENEATH, &a, 0);
}

/* Its folder and what it is made of; a kernel may lack this. */
static int confine(int folder)
{
	struct landlock_ruleset_attr a = { .handled_access_fs = ALL };
	KR_AUTO(kr_fd_autoclose) int set =
		(int)syscall(SYS_landlock_create_ruleset, &a, sizeof(a), 0);

	if (set < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -1;
	for (size_t i = 0; i < sizeof(system_has) / sizeof(system_has[0]);
	     i++) {
		KR_AUTO(kr_fd_autoclose) int at =
			open(system_has[i].path, O_PATH | O_CLOEXEC);

		if (at >= 0 && allow(set, at, system_has[i].may))
			return -1;
	}
	if (allow(set, folder, LOOK | LANDLOCK_ACCESS_FS_WRITE_FILE |
			       LANDLOCK_ACCESS_FS_REMOVE_FILE |
			       LANDLOCK_ACCESS_FS_MAKE_REG))
		return -1;
	return (int)syscall(SYS_landlock_restrict_self, set, 0);
}

static int become(uid_t uid, gid_t gid)
{
	const struct rlimit file = { FILE_BYTES_MAX, FILE_BYTES_MAX };
	const struct rlimit files = { FILES_MAX, FILES_MAX };
	const struct rlimit none = { 0, 0 };

	for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		prctl(PR_CAPBSET_DROP, cap);
	return setrlimit(RLIMIT_FSIZE, &file) ||
	       setrlimit(RLIMIT_NOFILE, &files) ||
	       setrlimit(RLIMIT_CORE, &none) || setgroups(0, NULL) ||
	       setresgid(gid, gid, gid) || setresuid(uid, uid, uid) ||
	       prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* In the child; the key's number and the channel's are all that it is told. */
static void run(int ctrl, int key, int folder, const struct stat *owner,
		pid_t parent)
{
	char channel[40], from[64];
	char *const argv[] = {
		"swtpm", "socket", "--tpm2", "--tpmstate", "dir=.,mode=0600",
		"--ctrl", channel, "--key", from, "--seccomp", "action=kill",
		NULL,
	};
	char *const env[] = { NULL };

	snprintf(channel, sizeof(channel), "type=unixio,clientfd=%d", ctrl);
	snprintf(from, sizeof(from), "fd=%d,format=binary,mode=aes-256-cbc",
		 key);
	/* only the owner gets into the folder; a change of user clears the
	 * death signal */
	if (confine(folder) || become(owner->st_uid, owner->st_gid) ||
	    fchdir(folder) ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent ||
	    fcntl(ctrl, F_SETFD, 0) || fcntl(key, F_SETFD, 0)) {
		kr_log(KR_LOG_ERROR, "the TPM's emulator: %s",
		       strerror(errno));
		return;
	}
	execve(KR_EMULATOR_BINARY, argv, env);
	kr_log(KR_LOG_ERROR, "%s: %s", KR_EMULATOR_BINARY, strerror(errno));
}

int kr_emulator_start(int key, int folder, int *ret_fd, struct kr_err *e)
{
	pid_t pid, parent = getpid();
	struct stat st;
	int pair[2];

	if (fstat(folder, &st) || !S_ISDIR(st.st_mode))
		return kr_fail(e, KR_E_SYSTEM, "a TPM's folder: %s",
			       strerror(errno));
	if (!st.st_uid || !st.st_gid || st.st_mode & 077)
		return kr_fail(e, KR_E_JAIL, "a TPM's folder is root's, or "
			       "others see into it");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return kr_fail(e, KR_E_SYSTEM, "socketpair: %s",
			       strerror(errno));
	pid = fork();
	if (!pid) {
		run(pair[1], key, folder, &st, parent);
		_exit(127);
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return kr_fail(e, KR_E_SYSTEM, "fork: %s", strerror(errno));
	}
	*ret_fd = pair[0];
	return 0;
}
