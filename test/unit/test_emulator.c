/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_emulator.c - a VM's TPM as a process: korora-vtpm with a real swtpm,
 * spoken to as QEMU does. What it may not do, who cannot read its state, and
 * that the two of them end together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "swtpm_stand.h"
#include "vtpm/emulator.h"
#include "vtpm/gateorder.h"

#define ITS_UID		1900000123u
#define ANOTHERS_UID	1900000124u
#define INIT_FAILED	0x101u	/* libtpms: the state is not to be read */

static struct {
	char	     dir[64], state[80], empty[80], lock[80], orders[80];
	struct swtpm tpm;
	pid_t	     agent, swtpm;
} t;

static const uint8_t key[KR_EMULATOR_KEY_BYTES] = "a key that is looked for here";

static int set_up(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	need(!geteuid(), "root");
	need(!access(KR_EMULATOR_BINARY, X_OK), "swtpm");
	snprintf(t.dir, sizeof(t.dir), "%s/korora-vtpm-XXXXXX",
		 tmp && strlen(tmp) < 40 ? tmp : "/tmp");
	assert_non_null(mkdtemp(t.dir));
	snprintf(t.state, sizeof(t.state), "%s/state", t.dir);
	snprintf(t.empty, sizeof(t.empty), "%s/empty", t.dir);
	snprintf(t.lock, sizeof(t.lock), "%s/lock", t.dir);
	snprintf(t.orders, sizeof(t.orders), "%s/orders", t.dir);
	assert_int_equal(mkdir(t.empty, 0755), 0);
	assert_int_equal(mkdir(t.state, 0700), 0);
	assert_int_equal(chown(t.state, ITS_UID, ITS_UID), 0);
	return 0;
}

/* ---- processes ----------------------------------------------------------- */

static void place(int fd, int at)
{
	if (dup2(fd, at) < 0)
		_exit(126);
}

static void run_agent(int qemu, int from)
{
	int high[] = { fcntl(open(t.lock, O_RDWR | O_CREAT, 0600), F_DUPFD,
			     100),
		       fcntl(qemu, F_DUPFD, 100), fcntl(from, F_DUPFD, 100),
		       fcntl(open(t.state, O_RDONLY | O_DIRECTORY), F_DUPFD,
			     100),
		       fcntl(kr_unix_listen(t.orders, 0600), F_DUPFD, 100) };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (flock(high[0], LOCK_EX | LOCK_NB) || chdir(t.empty))
		_exit(126);
	place(open("/dev/null", O_RDWR), 2);
	place(high[0], KR_EMULATOR_LOCK_FD);
	place(high[1], KR_EMULATOR_QEMU_FD);
	place(high[2], KR_EMULATOR_KEY_FD);
	place(high[3], KR_EMULATOR_FOLDER_FD);
	place(high[4], KR_EMULATOR_ORDERS_FD);
	close_range(KR_EMULATOR_ORDERS_FD + 1, ~0U, 0);
	execl(VTPM_EXE, "korora-vtpm", "1900000123", "1900000123", NULL);
	_exit(127);
}

static void start_with(const uint8_t *k)
{
	int pair[2], from[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    pair), 0);
	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	assert_int_equal(write(from[1], k, sizeof(key)), sizeof(key));
	close(from[1]);
	t.agent = fork();
	if (!t.agent)
		run_agent(pair[1], from[0]);
	close(pair[1]);
	close(from[0]);
	t.tpm.ctrl = pair[0];
	t.tpm.data = -1;
}

/* The one process that it started. */
static pid_t child_of(pid_t pid)
{
	char path[64], text[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid,
		 (int)pid);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	return (pid_t)atoi(text);
}

static void start(void)
{
	start_with(key);
	power_on(&t.tpm, false);
	t.swtpm = child_of(t.agent);
}

/* Is the folder free for a next one? Within 10 s. */
static bool ends(void)
{
	int fd = open(t.lock, O_RDWR | O_CLOEXEC), n = 0;
	bool free;

	while (!(free = !flock(fd, LOCK_EX | LOCK_NB)) && n++ < 1000)
		usleep(10000);
	close(fd);
	return free;
}

static void hang_up(void)
{
	kr_fd_close(&t.tpm.ctrl);
	kr_fd_close(&t.tpm.data);
	if (t.agent > 0)
		waitpid(t.agent, NULL, 0);
	t.agent = 0;
}

static int tear_down(void **state)
{
	char cmd[96];

	(void)state;
	hang_up();
	snprintf(cmd, sizeof(cmd), "rm -rf %s", t.dir);
	assert_int_equal(system(cmd), 0);
	return 0;
}

/* A line of /proc/PID/status, behind its name. */
static void status_of(pid_t pid, const char *name, char out[64])
{
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	assert_non_null(f);
	out[0] = '\0';
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			snprintf(out, 64, "%.*s",
				 (int)strcspn(line + strlen(name), "\n"),
				 line + strlen(name));
	fclose(f);
}

/* ---- what holds ---------------------------------------------------------- */

static void a_tpm_works_and_ends_with_its_vm(void **state)
{
	uint8_t out[256];

	(void)state;
	start();
	assert_int_equal(tell(&t.tpm, startup, sizeof(startup), out), 0);
	assert_int_equal(tell(&t.tpm, extend, sizeof(extend), out), 0);
	assert_int_equal(tell(&t.tpm, pcr_read, sizeof(pcr_read), out), 0);
	hang_up();
	assert_true(ends());
}

static void it_is_nobody_who_may_anything(void **state)
{
	char text[64];

	(void)state;
	start();
	for (int i = 0; i < 2; i++) {
		status_of(i ? t.agent : t.swtpm, "Uid:\t", text);
		assert_string_equal(text, "1900000123\t1900000123\t"
					  "1900000123\t1900000123");
	}
	status_of(t.swtpm, "CapBnd:\t", text);
	assert_string_equal(text, "0000000000000000");
	status_of(t.swtpm, "NoNewPrivs:\t", text);
	assert_string_equal(text, "1");
	status_of(t.swtpm, "Seccomp:\t", text);
	assert_string_equal(text, "2");
	status_of(t.agent, "Seccomp:\t", text);
	assert_string_equal(text, "2");
}

/* Its descriptors are three, the lock, its channel, and the guest's. */
static void it_is_handed_nothing_else(void **state)
{
	char path[64], to[256];
	struct dirent *f;
	unsigned int n = 0;
	DIR *d;

	(void)state;
	start();
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)t.swtpm);
	d = opendir(path);
	assert_non_null(d);
	while ((f = readdir(d))) {
		ssize_t k = readlinkat(dirfd(d), f->d_name, to,
				       sizeof(to) - 1);

		if (k < 0)
			continue;
		to[k] = '\0';
		n += !strncmp(to, "socket:", 7);
		assert_true(!strncmp(to, "socket:", 7) ||
			    !strncmp(to, "/dev/", 5) ||
			    !strncmp(to, "pipe:", 5) ||
			    !strncmp(to, "anon_inode:", 11) ||
			    !strncmp(to, t.dir, strlen(t.dir)));
	}
	closedir(d);
	assert_in_range(n, 2, 3);
}

static bool finds(const char *path, const void *what, size_t n)
{
	static char text[65536];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t k = read(fd, text, sizeof(text));

	assert_true(fd >= 0 && k > 0);
	close(fd);
	return memmem(text, (size_t)k, what, n) != NULL;
}

static void its_key_is_in_no_list_and_no_file(void **state)
{
	static const char *const lists[] = { "cmdline", "environ" };
	char path[160];

	(void)state;
	start();
	for (int i = 0; i < 2; i++) {
		char text[4096];
		int fd;
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%d/%s", (int)t.swtpm,
			 lists[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = read(fd, text, sizeof(text));
		close(fd);
		assert_true(n >= 0);
		assert_null(memmem(text, (size_t)n, key, 16));
	}
	snprintf(path, sizeof(path), "%s/" KR_EMULATOR_STATE, t.state);
	assert_false(finds(path, key, 16));
}

/* Of another VM's TPM, and of an agent. */
static void others_cannot_read_its_state(void **state)
{
	static const uid_t others[] = { ANOTHERS_UID, 65534 };

	(void)state;
	start();
	for (size_t i = 0; i < 2; i++) {
		int status;
		pid_t pid = fork();

		if (!pid) {
			char path[160];

			snprintf(path, sizeof(path), "%s/" KR_EMULATOR_STATE,
				 t.state);
			if (chmod(t.dir, 0755) || setgid(others[i]) ||
			    setuid(others[i]))
				_exit(2);
			_exit(open(path, O_RDONLY | O_CLOEXEC) >= 0 ||
			      open(t.state, O_RDONLY | O_CLOEXEC) >= 0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

/* A copied folder, without the key: it does not begin, nor is it begun anew. */
static void another_key_does_not_open_it(void **state)
{
	static const uint8_t other[sizeof(key)] = "another key";
	static const uint8_t datafd[] = { BE(KR_PTM_SET_DATAFD) };
	int pair[2];

	(void)state;
	start();
	hang_up();
	assert_true(ends());
	start_with(other);
	assert_int_equal(SAY(&t.tpm, BE(KR_PTM_GET_CAPABILITY)), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    pair), 0);
	assert_int_equal(say(&t.tpm, datafd, sizeof(datafd), pair[1]), 0);
	close(pair[1]);
	t.tpm.data = pair[0];
	assert_int_equal(SAY(&t.tpm, BE(KR_PTM_STOP)), 0);
	assert_int_equal(SAY(&t.tpm, BE(KR_PTM_INIT), BE(0)), INIT_FAILED);
	hang_up();
	assert_true(ends());
	start();		/* with its own it does, still */
}

static void when_it_dies_its_vm_hears_of_it(void **state)
{
	struct pollfd p;
	char c;

	(void)state;
	start();
	assert_int_equal(kill(t.swtpm, SIGKILL), 0);
	p = (struct pollfd){ t.tpm.ctrl, POLLIN, 0 };
	assert_int_equal(poll(&p, 1, 20000), 1);
	assert_int_equal(read(t.tpm.ctrl, &c, 1), 0);
	assert_true(ends());
}

static void it_does_not_outlive_its_gate(void **state)
{
	(void)state;
	start();
	assert_int_equal(kill(t.agent, SIGKILL), 0);
	assert_true(ends());
}

static void order(enum kr_gateway way, const uint8_t *more, size_t n)
{
	struct kr_gateorder o = { .way = way, .seal = {
		.key = "of one migration", .vm = "web1", .epoch = 2 } };
	uint8_t buf[KR_GATEORDER_BYTES_MAX + 8];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	KR_AUTO(kr_fd_autoclose) int fd = kr_unix_connect(t.orders);

	kr_gateorder_put(&w, &o);
	kr_wr_bytes(&w, more, n);
	assert_int_equal(send(fd, buf, kr_wr_len(&w), 0), kr_wr_len(&w));
	shutdown(fd, SHUT_WR);
	assert_int_equal(read(fd, buf, 1), 0);	/* it was read */
}

static uint32_t take_out(uint8_t type)
{
	return SAY(&t.tpm, BE(KR_PTM_GET_STATEBLOB), BE(1), BE(type), BE(0));
}

/* Of each kind once, as long as it may; none without an order. */
static void state_comes_out_by_order(void **state)
{
	(void)state;
	start();
	assert_int_not_equal(take_out(KR_PTM_PERMANENT), 0);
	order(KR_GATE_OUT, NULL, 0);
	assert_int_equal(take_out(KR_PTM_PERMANENT), 0);
	assert_true(t.tpm.said.n_blob > KR_STATESEAL_TAG_BYTES);
	assert_int_not_equal(take_out(KR_PTM_PERMANENT), 0);
	order(KR_GATE_SHUT, NULL, 0);
	assert_int_not_equal(take_out(KR_PTM_VOLATILE), 0);
	order(KR_GATE_OUT, (const uint8_t *)"x", 1);
	assert_int_not_equal(take_out(KR_PTM_VOLATILE), 0);
	order(KR_GATE_WAYS, NULL, 0);
	assert_int_not_equal(take_out(KR_PTM_VOLATILE), 0);
}

static void an_order_is_as_specified(void **state)
{
	struct kr_gateorder o = { .way = KR_GATE_IN, .seal = {
		.key = "key", .migration = "id", .vm = "a", .epoch = 7 } }, b;
	uint8_t bytes[1 + 32 + 16 + 8 + 2 + 1] = { 2, 'k', 'e', 'y' }, buf[160];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	(void)state;
	memcpy(bytes + 33, "id", 2);
	bytes[56] = 7;
	bytes[58] = 1;
	bytes[59] = 'a';
	kr_gateorder_put(&w, &o);
	assert_int_equal(kr_wr_len(&w), sizeof(bytes));
	assert_memory_equal(buf, bytes, sizeof(bytes));
	for (size_t n = 0; n <= sizeof(bytes) + 1; n++) {
		struct kr_rd r = KR_RD(buf, n);

		assert_int_equal(!kr_gateorder_parse(&r, &b, NULL),
				 n == sizeof(bytes));
	}
	assert_memory_equal(&b, &o, sizeof(o));
}

/* As root, or where others see, it does not run at all. */
static void a_folder_of_others_is_refused(void **state)
{
	int status;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(chown(t.state, i ? ITS_UID : 0, i ? ITS_UID :
							       0), 0);
		assert_int_equal(chmod(t.state, i ? 0710 : 0700), 0);
		start_with(key);
		assert_int_equal(waitpid(t.agent, &status, 0), t.agent);
		t.agent = 0;
		assert_int_equal(WEXITSTATUS(status), 1);
		hang_up();
	}
}

int main(void)
{
#define WITH(f)	cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH(a_tpm_works_and_ends_with_its_vm),
		WITH(it_is_nobody_who_may_anything),
		WITH(it_is_handed_nothing_else),
		WITH(its_key_is_in_no_list_and_no_file),
		WITH(others_cannot_read_its_state),
		WITH(another_key_does_not_open_it),
		WITH(when_it_dies_its_vm_hears_of_it),
		WITH(it_does_not_outlive_its_gate),
		WITH(state_comes_out_by_order),
		cmocka_unit_test(an_order_is_as_specified),
		WITH(a_folder_of_others_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
