/* SPDX-License-Identifier: Apache-2.0 */
/* test_chan.c - a channel takes what its grants name, and nothing else. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/chan.h"
#include "base/fd.h"

enum { PLAIN = 7, WITH_FD = 8, REFUSED = 9, UNKNOWN = 10 };

static struct kr_loop *loop;
static struct kr_chan here, there;
static unsigned int n_got, n_gone;
static size_t got_bytes;
static int got_fd;
static struct kr_err why;
static uint8_t big[KR_CHAN_BYTES_MAX + 8];

static int on_any(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		  struct kr_err *e)
{
	(void)arg;
	(void)e;
	n_got++;
	got_bytes = kr_rd_left(r);
	if (n_fds) {
		got_fd = fds[0];
		for (unsigned int i = 1; i < n_fds; i++)
			close(fds[i]);
	}
	kr_loop_stop(loop, 0);
	return 0;
}

static int on_refused(void *arg, struct kr_rd *r, int *fds,
		      unsigned int n_fds, struct kr_err *e)
{
	(void)arg;
	(void)r;
	(void)fds;
	(void)n_fds;
	return kr_fail(e, KR_E_MALFORMED, "not this");
}

static const struct kr_grant grants[] = {
	{ PLAIN, 16, 0, "plain", on_any },
	{ WITH_FD, 4, 2, "with fd", on_any },
	{ REFUSED, 4, 0, "refused", on_refused },
};

static void on_gone(void *arg, const struct kr_err *e)
{
	(void)arg;
	n_gone++;
	why = *e;
	kr_loop_stop(loop, 0);
}

static void too_long(void *arg)
{
	(void)arg;
	kr_loop_stop(loop, 1);
}

/* Until something came or the channel ended. */
static void run(void)
{
	struct kr_timer t = { .fn = too_long };

	kr_timer_arm(loop, &t, 2000);
	assert_int_equal(kr_loop_run(loop), 0);
	kr_timer_off(&t);
}

static unsigned int n_open(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static int set_up(void **state)
{
	int fd[2];

	(void)state;
	n_got = n_gone = 0;
	got_fd = -1;
	why = KR_ERR_NONE;
	here = there = (struct kr_chan){
		.grants = grants, .gone = on_gone,
		.n_grants = sizeof(grants) / sizeof(grants[0]),
	};
	return kr_loop_new(&loop, NULL) || kr_chan_pair(fd, NULL) ||
	       kr_chan_open(loop, &here, fd[0], NULL) ||
	       kr_chan_open(loop, &there, fd[1], NULL);
}

static int tear_down(void **state)
{
	(void)state;
	kr_chan_close(&here);
	kr_chan_close(&there);
	kr_fd_close(&got_fd);
	kr_loop_free(loop);
	return 0;
}

static void ended_with(enum kr_code kr)
{
	assert_int_equal(n_got, 0);
	assert_int_equal(n_gone, 1);
	assert_int_equal(why.kr, kr);
	assert_null(here.io.loop);
}

/* ---- what is granted ---------------------------------------------------- */

static void granted_messages_arrive(void **state)
{
	(void)state;
	assert_int_equal(kr_chan_send(&there, PLAIN, "hello", 5, NULL, 0,
				      NULL), 0);
	run();
	assert_int_equal(n_got, 1);
	assert_int_equal(got_bytes, 5);
	assert_int_equal(kr_chan_send(&there, PLAIN, big, 16, NULL, 0, NULL),
			 0);
	run();
	assert_int_equal(got_bytes, 16);
	assert_int_equal(kr_chan_send(&there, PLAIN, NULL, 0, NULL, 0, NULL),
			 0);
	run();
	assert_int_equal(got_bytes, 0);
	assert_int_equal(n_gone, 0);
}

static void granted_descriptors_arrive(void **state)
{
	int fd[2];

	(void)state;
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	assert_int_equal(kr_chan_send(&there, WITH_FD, "x", 1, fd, 1, NULL),
			 0);
	run();
	assert_int_equal(n_got, 1);
	assert_true(got_fd >= 0);
	assert_int_equal(fcntl(got_fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(write(fd[1], "y", 1), 1);
	assert_int_equal(read(got_fd, big, 1), 1);
	close(fd[0]);
	close(fd[1]);
}

static void writers_are_sent_unless_bad(void **state)
{
	uint8_t b[2];
	struct kr_wr w = KR_WR(b, sizeof(b));
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	kr_wr_u16(&w, 1);
	assert_int_equal(kr_chan_put(&there, PLAIN, &w, NULL), 0);
	run();
	assert_int_equal(got_bytes, 2);
	kr_wr_u8(&w, 1);
	assert_true(kr_chan_put(&there, PLAIN, &w, &e) < 0);
	assert_int_equal(e.kr, KR_E_LIMIT);
}

static void so_they_are_with_descriptors(void **state)
{
	uint8_t b[2];
	struct kr_wr w = KR_WR(b, sizeof(b));
	struct kr_err e = KR_ERR_NONE;
	int fd[2];

	(void)state;
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	kr_wr_u16(&w, 1);
	assert_int_equal(kr_chan_put_fds(&there, WITH_FD, &w, fd, 1, NULL), 0);
	run();
	assert_int_equal(n_got, 1);
	assert_int_equal(got_bytes, 2);
	assert_int_equal(write(fd[1], "y", 1), 1);
	assert_int_equal(read(got_fd, big, 1), 1);
	assert_int_equal(kr_chan_put_fds(&there, PLAIN, NULL, NULL, 0, NULL),
			 0);
	run();
	assert_int_equal(got_bytes, 0);
	kr_wr_u8(&w, 1);
	assert_true(kr_chan_put_fds(&there, WITH_FD, &w, fd, 1, &e) < 0);
	assert_int_equal(e.kr, KR_E_LIMIT);
	close(fd[0]);
	close(fd[1]);
}

/* ---- what is not -------------------------------------------------------- */

static void unknown_type(void **state)
{
	(void)state;
	kr_chan_send(&there, UNKNOWN, NULL, 0, NULL, 0, NULL);
	run();
	ended_with(KR_E_AGENT_SPOKE);
}

static void one_byte_more_than_granted(void **state)
{
	(void)state;
	kr_chan_send(&there, PLAIN, big, 17, NULL, 0, NULL);
	run();
	ended_with(KR_E_AGENT_SPOKE);
}

static void no_type(void **state)
{
	(void)state;
	assert_int_equal(send(there.io.fd, "x", 1, 0), 1);
	run();
	ended_with(KR_E_AGENT_SPOKE);
}

static void longer_than_any_message(void **state)
{
	(void)state;
	big[1] = PLAIN;
	assert_int_equal(send(there.io.fd, big, sizeof(big), 0), sizeof(big));
	run();
	ended_with(KR_E_AGENT_SPOKE);
	memset(big, 0, 2);
}

static void descriptors_where_none_are_granted(void **state)
{
	unsigned int before = n_open();
	int fds[KR_CHAN_FDS_MAX] = { 0 };

	(void)state;
	kr_chan_send(&there, PLAIN, "x", 1, fds, 1, NULL);
	run();
	ended_with(KR_E_AGENT_SPOKE);
	assert_int_equal(n_open(), before - 1);	/* here's own alone */
}

static void more_descriptors_than_granted(void **state)
{
	unsigned int before = n_open();
	int fds[KR_CHAN_FDS_MAX] = { 0 };

	(void)state;
	kr_chan_send(&there, WITH_FD, "x", 1, fds, 3, NULL);
	run();
	ended_with(KR_E_AGENT_SPOKE);
	assert_int_equal(n_open(), before - 1);
}

/* More than the receiver made room for: the kernel cuts, nothing leaks. */
static void more_descriptors_than_there_is_room(void **state)
{
	int fds[KR_CHAN_FDS_MAX + 4] = { 0 };
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(fds))];
	} ctl = { 0 };
	uint8_t head[2] = { 0, WITH_FD };
	struct iovec iov = { head, sizeof(head) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = &ctl,
			    .msg_controllen = sizeof(ctl) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	unsigned int before = n_open();

	(void)state;
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(h), fds, sizeof(fds));
	assert_int_equal(sendmsg(there.io.fd, &m, 0), sizeof(head));
	run();
	ended_with(KR_E_AGENT_SPOKE);
	assert_int_equal(n_open(), before - 1);
}

static void a_handler_that_refuses(void **state)
{
	(void)state;
	kr_chan_send(&there, REFUSED, NULL, 0, NULL, 0, NULL);
	run();
	ended_with(KR_E_MALFORMED);
}

static void the_other_end_closes(void **state)
{
	(void)state;
	kr_chan_close(&there);
	kr_chan_close(&there);	/* a no-op */
	run();
	ended_with(KR_E_AGENT_DIED);
}

/* ---- sending ------------------------------------------------------------ */

static void sending_never_blocks(void **state)
{
	struct kr_err e = KR_ERR_NONE;
	unsigned int n = 0;

	(void)state;
	while (!kr_chan_send(&there, PLAIN, big, 16384, NULL, 0, &e))
		assert_true(++n < 100000);
	assert_int_equal(e.kr, KR_E_LIMIT);
	assert_true(n > 10);
}

static void sending_is_bounded(void **state)
{
	int fds[KR_CHAN_FDS_MAX + 1] = { 0 };
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	assert_true(kr_chan_send(&there, PLAIN, big, KR_CHAN_BYTES_MAX - 1,
				 NULL, 0, &e) < 0);
	assert_int_equal(e.kr, KR_E_LIMIT);
	e = KR_ERR_NONE;
	assert_true(kr_chan_send(&there, PLAIN, big, 1, fds,
				 KR_CHAN_FDS_MAX + 1, &e) < 0);
	assert_int_equal(e.kr, KR_E_LIMIT);
	kr_chan_close(&there);
	e = KR_ERR_NONE;
	assert_true(kr_chan_send(&there, PLAIN, big, 1, NULL, 0, &e) < 0);
	assert_int_equal(e.kr, KR_E_AGENT_DIED);
}

/* It had something to say, and did not read what we said meanwhile. */
static void last_words_are_heard(void **state)
{
	(void)state;
	assert_int_equal(kr_chan_send(&here, PLAIN, big, 2, NULL, 0, NULL), 0);
	assert_int_equal(kr_chan_send(&there, PLAIN, big, 3, NULL, 0, NULL),
			 0);
	assert_int_equal(kr_chan_send(&there, PLAIN, big, 4, NULL, 0, NULL),
			 0);
	kr_chan_close(&there);
	run();
	assert_int_equal(n_got, 1);
	assert_int_equal(got_bytes, 3);
	run();
	assert_int_equal(n_got, 2);
	assert_int_equal(got_bytes, 4);
	assert_int_equal(n_gone, 0);
	run();
	assert_int_equal(n_gone, 1);
	assert_int_equal(why.kr, KR_E_AGENT_DIED);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(granted_messages_arrive), T(granted_descriptors_arrive),
		T(writers_are_sent_unless_bad),
		T(so_they_are_with_descriptors), T(unknown_type),
		T(one_byte_more_than_granted), T(no_type),
		T(longer_than_any_message),
		T(descriptors_where_none_are_granted),
		T(more_descriptors_than_granted),
		T(more_descriptors_than_there_is_room),
		T(a_handler_that_refuses), T(the_other_end_closes), T(last_words_are_heard),
		T(sending_never_blocks), T(sending_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
