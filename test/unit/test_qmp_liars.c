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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(liars, end_both),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, make_top, remove_top);
}
