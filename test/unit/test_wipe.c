/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_wipe.c - a process that has a secret wherever one may be, and a real
 * korora-wipe that overwrites it. Needs root, as every agent does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/chan.h"
#include "base/fd.h"
#include "base/jail.h"
#include "clear/wipe.h"
#include "clear/wipemsg.h"
#include "need.h"

#define PAGE	4096u
#define AREA	(1u << 20)	/* of each kind of memory */
#define ROOM	(64u << 20)	/* reserved, and hardly touched */

static const char secret[] = "correct horse battery staple";

static void lines_of_maps(void **state)
{
	static const struct { const char *line; bool is, files_too; } lines[] = {
		{ "7f0000000000-7f0000002000 rw-p 00000000 00:00 0 ", true,
		  false },
		{ "7f0000000000-7f0000002000 rw-p 00000000 00:00 0          "
		  "[heap]", true, false },
		{ "7f0000000000-7f0000002000 rw-p 00001000 fe:01 17 /bin/x",
		  true, false },
		{ "7f0000000000-7f0000002000 rw-s 00000000 00:01 9 "
		  "/memfd:ram (deleted)", true, true },
		{ "7f0000000000-7f0000002000 rw-s 00000000 00:05 9 /dev/kvm",
		  false, false },
		{ "7f0000000000-7f0000002000 rw-s 00000000 fe:01 9 /var/a/memfd:",
		  false, false },
		{ "7f0000000000-7f0000002000 r--p 00000000 00:00 0 ", false,
		  false },
		{ "7f0000002000-7f0000002000 rw-p 00000000 00:00 0 ", false,
		  false },
		{ "7f0000000001-7f0000002000 rw-p 00000000 00:00 0 ", false,
		  false },
		{ "7f0000000000-7f0000002000 rw 00000000 00:00 0 ", false,
		  false },
		{ "7f0000000000 rw-p", false, false },
		{ "", false, false },
	};
	struct kr_wipe_map m;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(kr_wipe_map(lines[i].line, &m), lines[i].is);
		if (!lines[i].is)
			continue;
		assert_int_equal(m.files_too, lines[i].files_too);
		assert_true(m.start == 0x7f0000000000 &&
			    m.end == 0x7f0000002000);
	}
}

/* ---- who has a secret -------------------------------------------------- */

struct place {
	char *at;
	bool  stays;		/* others have it, too */
};

enum { PRIVATE, MEMFD, HEAP, STACK, FILE_CHANGED, FILE_SHARED, PLACES };

static char *map(size_t n, int flags, int fd)
{
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (p == MAP_FAILED)
		_exit(126);
	return p;
}

/* Tells where it put them, and stops for good. */
static void keep_secrets(int to, int file)
{
	char on_stack[PAGE];
	struct place p[PLACES] = {
		[PRIVATE] = { map(ROOM, MAP_PRIVATE | MAP_ANONYMOUS, -1),
			      false },
		[HEAP] = { malloc(AREA / 16), false },
		[STACK] = { on_stack, false },
		[FILE_CHANGED] = { map(AREA, MAP_PRIVATE, file), false },
		[FILE_SHARED] = { map(AREA, MAP_SHARED, file), true },
	};
	int fd = memfd_create("ram", 0);

	if (fd < 0 || ftruncate(fd, AREA))
		_exit(126);
	p[MEMFD] = (struct place){ map(AREA, MAP_SHARED, fd), false };
	p[PRIVATE].at += ROOM / 2 + 3;
	for (int i = 0; i < PLACES; i++)
		memcpy(p[i].at, secret, sizeof(secret));
	if (write(to, p, sizeof(p)) != sizeof(p))
		_exit(126);
	for (;;)
		pause();
}

static pid_t pid;
static struct place places[PLACES];

static int setup(void **state)
{
	char name[] = "/tmp/korora-test-XXXXXX";
	int file = mkstemp(name), p[2], status;

	(void)state;
	if (file < 0 || unlink(name) || ftruncate(file, AREA) || pipe(p))
		return -1;
	pid = fork();
	if (!pid)
		keep_secrets(p[1], file);
	if (read(p[0], places, sizeof(places)) != sizeof(places))
		return -1;
	close(p[0]);
	close(p[1]);
	close(file);
	kill(pid, SIGSTOP);
	return waitpid(pid, &status, WUNTRACED) == pid ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	kill(pid, SIGKILL);
	return waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

static int of(const char *what, int flags)
{
	char path[48];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
	fd = open(path, flags | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

/* Has it the secret there still? */
static bool has(const struct place *p)
{
	char there[sizeof(secret)];
	int fd = of("mem", O_RDONLY);

	assert_int_equal(pread(fd, there, sizeof(there), (off_t)(intptr_t)p->at),
			 sizeof(there));
	close(fd);
	return !memcmp(there, secret, sizeof(secret));
}

/* ---- a real agent ------------------------------------------------------ */

static struct kr_loop *loop;
static struct kr_wiped wiped;
static char failed[KR_WIPEMSG_WHAT_MAX];

static int on_wiped(void *arg, struct kr_rd *r, int *fds, unsigned int n,
		    struct kr_err *e)
{
	(void)arg, (void)fds, (void)n, (void)e;
	wiped.bytes = kr_rd_u64(r);
	wiped.left = kr_rd_u64(r);
	assert_true(kr_rd_done(r));
	return 0;
}

static int on_fail(void *arg, struct kr_rd *r, int *fds, unsigned int n,
		   struct kr_err *e)
{
	(void)arg, (void)fds, (void)n, (void)e;
	kr_rd_str(r, failed, sizeof(failed));
	assert_true(kr_rd_done(r));
	return 0;
}

static void gone(void *arg, const struct kr_err *e)
{
	(void)arg, (void)e;
	kr_loop_stop(loop, 0);
}

/* Its exit status; what it said is in wiped or failed. */
static int order(const int fds[KR_WIPEMSG_FDS], unsigned int n)
{
	static const struct kr_grant grants[] = {
		{ KR_WIPEMSG_WIPED, KR_WIPEMSG_BODY_MAX, 0, "wiped", on_wiped },
		{ KR_WIPEMSG_FAIL, KR_WIPEMSG_BODY_MAX, 0, "fail", on_fail },
	};
	struct kr_chan c = { .grants = grants, .n_grants = 2, .gone = gone };
	int pair[2], status;
	pid_t agent;

	wiped = (struct kr_wiped){ 0 };
	failed[0] = '\0';
	assert_int_equal(kr_loop_new(&loop, NULL), 0);
	assert_int_equal(kr_chan_pair(pair, NULL), 0);
	agent = fork();
	if (!agent) {
		if (dup2(pair[1], KR_AGENT_FD) < 0)
			_exit(126);
		close_range(KR_AGENT_FD + 1, ~0U, 0);
		execl(WIPE_EXE, "korora-wipe", "65534", "65534", NULL);
		_exit(127);
	}
	close(pair[1]);
	assert_int_equal(kr_chan_open(loop, &c, pair[0], NULL), 0);
	assert_int_equal(kr_chan_put_fds(&c, KR_WIPEMSG_WIPE, NULL, fds, n,
					 NULL), 0);
	kr_loop_run(loop);
	kr_chan_close(&c);
	kr_loop_free(loop);
	assert_int_equal(waitpid(agent, &status, 0), agent);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void secrets_are_gone(void **state)
{
	int fds[KR_WIPEMSG_FDS];

	(void)state;
	need(!geteuid(), "root");
	fds[0] = of("maps", O_RDONLY);
	fds[1] = of("pagemap", O_RDONLY);
	fds[2] = of("mem", O_RDWR);
	for (int i = 0; i < PLACES; i++)
		assert_true(has(&places[i]));
	assert_int_equal(order(fds, KR_WIPEMSG_FDS), 0);
	assert_string_equal(failed, "");
	for (int i = 0; i < PLACES; i++)
		assert_int_equal(has(&places[i]), places[i].stays);
	/* each place is a page at least; what was never touched stays so */
	assert_true(wiped.bytes >= (PLACES - 1) * PAGE);
	assert_true(wiped.bytes < ROOM / 4);
	assert_int_equal(wiped.left, 0);
	for (unsigned int i = 0; i < KR_WIPEMSG_FDS; i++)
		close(fds[i]);
}

/* It says so, and nobody takes that for wiped. */
static void what_it_cannot_write_is_told(void **state)
{
	int fds[KR_WIPEMSG_FDS];

	(void)state;
	need(!geteuid(), "root");
	fds[0] = of("maps", O_RDONLY);
	fds[1] = of("pagemap", O_RDONLY);
	fds[2] = of("mem", O_RDONLY);
	assert_int_equal(order(fds, KR_WIPEMSG_FDS), 0);
	assert_true(wiped.left >= (PLACES - 1) * PAGE && !wiped.bytes);
	assert_true(has(&places[PRIVATE]));
	close(fds[1]);
	fds[1] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	lseek(fds[0], 0, SEEK_SET);
	assert_int_equal(order(fds, KR_WIPEMSG_FDS), 0);
	assert_string_equal(failed, "pages of a hypervisor: too few");
	assert_int_equal(order(fds, 2), 0);	/* no order: it hangs up */
	assert_true(!wiped.bytes && !wiped.left && !failed[0]);
	for (unsigned int i = 0; i < KR_WIPEMSG_FDS; i++)
		close(fds[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_maps),
		cmocka_unit_test_setup_teardown(secrets_are_gone, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_it_cannot_write_is_told,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
