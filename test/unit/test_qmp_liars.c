/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_qmp_liars.c - an agent and somebody in QEMU's place who says what no
 * QEMU says. Needs root.
 */
#include "qmp_stand.h"
#include "need.h"

#define GREETING "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, " \
	"\"minor\": 2, \"major\": 7}}, \"capabilities\": []}}\r\n"

/* OPEN on a socket with @head in it, and perhaps @fill @n times. */
static enum kr_code lie(const char *head, char fill, size_t n)
{
	int fds[2], big = 4 << 20;
	struct msg m;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    fds), 0);
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &big, sizeof(big));
	start_agent(&src);
	snprintf(src.dir, sizeof(src.dir), "%s", "liar");
	open_fd(&src, fds[1]);
	send(fds[0], head, strlen(head), MSG_NOSIGNAL);
	for (size_t i = 0; i < n; i += 4096) {
		char block[4096];

		memset(block, fill, sizeof(block));
		if (send(fds[0], block, sizeof(block), MSG_NOSIGNAL) < 0)
			break;
	}
	if (n)
		send(fds[0], "\n", 1, MSG_NOSIGNAL);
	if (fill == 'E')	/* end */
		shutdown(fds[0], SHUT_WR);
	m = await(&src, KR_HYPER_FAIL, KR_HYPER_OPEN);
	assert_int_equal(await(&src, KR_HYPER_EVENT,
			       KR_HYPER_GONE).event.kr, m.fail.kr);
	/* the agent lives, and says that there is nothing to operate */
	send_cmd(&src, KR_HYPER_RUN);
	assert_int_equal(await(&src, KR_HYPER_FAIL, KR_HYPER_RUN).fail.kr,
			 KR_E_QMP_LOST);
	close(fds[0]);
	end_side(&src);
	return (enum kr_code)m.fail.kr;
}

static void liars(void **state)
{
	(void)state;
	need(!geteuid() && !access(QMP_EXE, X_OK), "root and " QMP_EXE);
	assert_int_equal(lie("SSH-2.0-OpenSSH\r\n", 0, 0), KR_E_QMP_MALFORMED);
	assert_int_equal(lie(GREETING, 'x', 1 << 20), KR_E_QMP_MALFORMED);
	assert_int_equal(lie(GREETING, '[', 8192), KR_E_QMP_MALFORMED);
	assert_int_equal(lie(GREETING "{\"return\": {}}\n", 0, 0),
			 KR_E_QMP_MALFORMED);
	assert_int_equal(lie(GREETING "{\"return\": {}, \"id\": 9}\n", 0, 0),
			 KR_E_QMP_MALFORMED);
	assert_int_equal(lie(GREETING GREETING, 0, 0), KR_E_QMP_MALFORMED);
	assert_int_equal(lie("{\"return\": {}, \"id\": 1}\n", 0, 0),
			 KR_E_QMP_MALFORMED);
	assert_int_equal(lie(GREETING, 'E', 0), KR_E_QMP_LOST);
}

/* Why it goes off when it is told to stop; NULL: it does not. */
static const char *off_by;

/*
 * In QEMU's place: the destination of post-copy, which loads until it is told
 * to stop, and holds nothing.
 */
static void slow_loader(int fd)
{
	const char *status = "inmigrate";
	char line[4096], out[256];
	FILE *f = fdopen(fd, "r");

	dprintf(fd, "%s", GREETING);
	while (fgets(line, sizeof(line), f)) {
		const char *id = strstr(line, "\"id\":");

		if (strstr(line, "\"stop\""))
			status = "paused";
		if (strstr(line, "query-status"))
			snprintf(out, sizeof(out), "\"return\": {\"status\": "
				 "\"%s\"}", status);
		else if (strstr(line, "query-migrate"))
			snprintf(out, sizeof(out), "\"return\": {\"status\": "
				 "\"postcopy-active\"}");
		else if (strstr(line, "closefd"))
			snprintf(out, sizeof(out), "\"error\": {\"class\": "
				 "\"GenericError\", \"desc\": \"no\"}");
		else
			snprintf(out, sizeof(out), "\"return\": {}");
		dprintf(fd, "{%s, \"id\": %d}\n", out, atoi(id + 5));
		if (off_by && strstr(line, "\"stop\""))
			dprintf(fd, "{\"event\": \"SHUTDOWN\", \"data\": {"
				"\"guest\": true, \"reason\": \"%s\"}, "
				"\"timestamp\": {\"seconds\": 1, "
				"\"microseconds\": 1}}\n", off_by);
	}
	_exit(0);
}

static struct kr_hyper_ready open_loader(void)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    fds), 0);
	src.qemu = fork();
	if (!src.qemu)
		slow_loader(fds[0]);
	close(fds[0]);
	start_agent(&src);
	snprintf(src.dir, sizeof(src.dir), "%s", "slow");
	open_fd(&src, fds[1]);
	return await(&src, KR_HYPER_READY, 0).ready;
}

/* A guest that panics has not gone off as it wished. */
static void goes_off(const char *by, enum kr_code code)
{
	off_by = by;
	open_loader();
	say(&src, KR_HYPER_PAUSE);
	assert_int_equal(await(&src, KR_HYPER_EVENT,
			       KR_HYPER_SHUTDOWN).event.kr, code);
	off_by = NULL;
}

static void off_by_its_own_will(void **state)
{
	(void)state;
	need(!geteuid() && !access(QMP_EXE, X_OK), "root and " QMP_EXE);
	goes_off("guest-shutdown", KR_OK);
}

static void off_by_a_panic(void **state)
{
	(void)state;
	need(!geteuid() && !access(QMP_EXE, X_OK), "root and " QMP_EXE);
	goes_off("guest-panic", KR_E_HYPER_DIED);
}

/* Looking whether it has loaded keeps nobody from anything. */
static void it_loads_for_long(void **state)
{
	struct kr_hyper_ready r;

	(void)state;
	need(!geteuid() && !access(QMP_EXE, X_OK), "root and " QMP_EXE);
	r = open_loader();
	assert_int_equal(r.run, KR_HYPER_IS_WAITING);
	assert_int_equal(r.mig, KR_HYPER_MIG_POSTCOPY);
	for (int i = 0; i < 50; i++)
		assert_int_equal(ask(&src).run, KR_HYPER_IS_WAITING);
	say(&src, KR_HYPER_LETGO);
	assert_quiet(&src, KR_HYPER_LOADED_EARLY, 100);
	say(&src, KR_HYPER_PAUSE);
	await(&src, KR_HYPER_EVENT, KR_HYPER_LOADED_EARLY);
	assert_int_equal(ask(&src).run, KR_HYPER_IS_PAUSED);
	assert_quiet(&src, KR_HYPER_LOADED_EARLY, 50);
}

/* HOLD brings what is to be held, or kororad is not kororad. */
static void hold_of_nothing(void **state)
{
	(void)state;
	need(!geteuid() && !access(QMP_EXE, X_OK), "root and " QMP_EXE);
	start_agent(&src);
	send_cmd(&src, KR_HYPER_HOLD);
	for (int i = 0; i < 100 && !src.gone; i++)
		assert_quiet(&src, KR_HYPER_GONE, 10);
	assert_true(src.gone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(liars, end_both),
		cmocka_unit_test_teardown(it_loads_for_long, end_both),
		cmocka_unit_test_teardown(hold_of_nothing, end_both),
		cmocka_unit_test_teardown(off_by_its_own_will, end_both),
		cmocka_unit_test_teardown(off_by_a_panic, end_both),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, make_top, remove_top);
}
