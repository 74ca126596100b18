/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_qmp_postcopy.c - two agents operate two QEMUs: a VM runs at the
 * destination before its memory is there, does not after all, or is cut off
 * on the way. Needs root. With KORORA_QEMU10 set, that QEMU too. All of it also
 * with a second connection for pages that the VM waits for.
 */
#include <dirent.h>
#include <poll.h>
#include <sys/un.h>

#include "hyper/qmpagent.h"
#include "qmp_pair.h"
#include "need.h"

#define SLOW	(300u << 10)	/* bytes/s: post-copy takes some seconds */

static pid_t relays[2];		/* the hosts between, until they are killed */

/* ---- the way between ----------------------------------------------------- */

static int listen_at(const char *name)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s/%s", top, name);
	unlink(to.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(listen(fd, 2), 0);
	return fd;
}

static void pass(int from, int to)
{
	static char buf[65536];
	ssize_t n = read(from, buf, sizeof(buf));

	for (ssize_t at = 0, k; at < n; at += k) {
		k = write(to, buf + at, (size_t)(n - at));
		if (k <= 0)
			_exit(1);
	}
	if (n <= 0)
		_exit(0);
}

/* What comes at @fd goes to @name and back, in a process of its own; if it
 * listens, what will come. */
static void start_relay(unsigned int no, int fd, bool listens, const char *name)
{
	char path[PATH_MAX];
	int to;

	snprintf(path, sizeof(path), "%s/%s", top, name);
	to = kr_unix_connect(path);	/* the destination awaits all at once */
	relays[no] = fork();
	if (relays[no]) {
		close(to);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* whoever is held by none but the test must end with it */
	dup2(to, 4);
	dup2(fd, 3);
	close_range(5, ~0u, 0);
	if (listens)
		dup2(accept(3, NULL, NULL), 3);
	struct pollfd p[2] = { { .fd = 3, .events = POLLIN },
			       { .fd = 4, .events = POLLIN } };
	fcntl(p[1].fd, F_SETFL, 0);
	while (poll(p, 2, -1) > 0) {
		for (int i = 0; i < 2; i++)
			if (p[i].revents)
				pass(p[i].fd, p[!i].fd);
	}
	_exit(1);
}

/* The source's agent gets a copy of @fd, for its QEMU. */
static void hold(int fd)
{
	struct kr_err e = KR_ERR_NONE;

	assert_int_equal(kr_chan_send(&src.chan, KR_HYPER_HOLD, NULL, 0, &fd,
				      1, &e), 0);
	await(&src, KR_HYPER_DONE, KR_HYPER_HOLD);
}

/* Sockets that the source's QEMU has. */
static unsigned int n_sockets(void)
{
	char path[64], to[64];
	unsigned int n = 0;
	struct dirent *f;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", src.qemu);
	d = opendir(path);
	assert_non_null(d);
	while ((f = readdir(d))) {
		ssize_t len = readlinkat(dirfd(d), f->d_name, to, sizeof(to));

		n += len > 7 && !memcmp(to, "socket:", 7);
	}
	closedir(d);
	return n;
}

/* Under way through a relay, and about to switch. */
static void begin_postcopy(uint64_t bytes_s, bool held)
{
	int at, fd;

	setup_for(&src, false, bytes_s, true);
	setup_for(&dst, true, bytes_s, true);
	say_uri(&dst, KR_HYPER_RECEIVE);
	at = listen_at("relay.sock");
	say_place(&src, KR_HYPER_SEND, "relay.sock");
	fd = accept(at, NULL, NULL);
	assert_true(fd >= 0);
	start_relay(0, fd, false, "mig.sock");
	if (with_preempt)
		start_relay(1, at, true, "mig.sock");
	if (held)
		hold(fd);
	close(fd);
	close(at);
	say(&src, KR_HYPER_POSTCOPY);
	await(&src, KR_HYPER_EVENT, KR_HYPER_AT_SWITCH);
}

static void cut(void)
{
	end_pid(&relays[0], true);
	end_pid(&relays[1], true);
}

static int end_all(void **state)
{
	cut();
	return end_both(state);
}

/* The agent there is another one from now on. */
static struct kr_hyper_ready another_agent(struct side *s)
{
	char sock[PATH_MAX];
	int fd;

	kr_chan_close(&s->chan);
	end_pid(&s->agent, false);
	start_agent(s);
	snprintf(sock, sizeof(sock), "%s/qmp.sock", s->dir);
	fd = kr_unix_connect(sock);
	assert_true(fd >= 0);
	open_fd(s, fd);
	return await(s, KR_HYPER_READY, 0).ready;
}

/* To be resumed where the agent listens. */
static void cancel(void)
{
	uint8_t buf[KR_HYPER_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_hyper_uri m;
	int fd = listen_at("undo.sock");

	fcntl(fd, F_SETFL, O_NONBLOCK);
	snprintf(m.uri, sizeof(m.uri), "unix:%s/undo.sock", top);
	kr_hyper_msg_put_uri(&w, &m);
	assert_int_equal(kr_chan_send(&src.chan, KR_HYPER_UNDO, buf,
				      kr_wr_len(&w), &fd, 1, NULL), 0);
	close(fd);
	await(&src, KR_HYPER_DONE, KR_HYPER_UNDO);
	say(&src, KR_HYPER_CANCEL);
}

/* ---- tests --------------------------------------------------------------- */

static void to_the_end(void **state)
{
	uint64_t t, early;
	struct msg m;

	(void)state;
	need(!cannot(), "root, QEMU and korora-qmp");
	start_pair();
	begin_postcopy(SLOW, true);
	t = kr_now_ns();
	say(&src, KR_HYPER_SWITCH);
	early = await(&dst, KR_HYPER_EVENT, KR_HYPER_LOADED_EARLY).event.at_ns;
	assert_int_equal(ask(&dst).run, KR_HYPER_IS_PAUSED);
	assert_int_equal(ask(&dst).mig, KR_HYPER_MIG_POSTCOPY);
	assert_int_equal(ask(&src).run, KR_HYPER_IS_SWITCHING);
	assert_int_equal(ask(&src).mig, KR_HYPER_MIG_POSTCOPY);
	/* not without CANCEL */
	send_cmd(&src, KR_HYPER_RUN);
	m = await(&src, KR_HYPER_FAIL, KR_HYPER_RUN);
	assert_int_equal(m.fail.kr, KR_E_QMP);
	assert_false(ticks(&dst));
	say(&dst, KR_HYPER_RUN);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_RUNNING);
	print_message("early after %.1f ms\n", (double)(early - t) / 1e6);
	say(&src, KR_HYPER_LETGO);
	say(&src, KR_HYPER_LETGO);		/* idempotent */
	assert_true(ticks(&dst));
	await(&src, KR_HYPER_EVENT, KR_HYPER_SENT);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_LOADED);
	assert_int_equal(ask(&dst).run, KR_HYPER_IS_RUNNING);
	assert_int_equal(ask(&dst).mig, KR_HYPER_MIG_COMPLETED);
	assert_true(ticks(&dst));
	assert_false(ticks(&src));
}

/* All of it comes while nobody lets it run: still one after the other. */
static void paused_to_the_end(void **state)
{
	unsigned int before;

	(void)state;
	need(!cannot(), "root, QEMU and korora-qmp");
	start_pair();
	before = n_sockets();
	begin_postcopy(2 << 20, true);
	say(&src, KR_HYPER_SWITCH);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_LOADED_EARLY);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_LOADED);
	await(&src, KR_HYPER_EVENT, KR_HYPER_SENT);
	assert_int_equal(ask(&dst).run, KR_HYPER_IS_PAUSED);
	assert_false(ticks(&dst));
	/* had back, as after any migration; but in post-copy a VM that is
	 * loaded has its disks, so it has to go first */
	end_side(&dst);
	say(&src, KR_HYPER_RUN);
	await(&src, KR_HYPER_EVENT, KR_HYPER_RUNNING);
	assert_true(ticks(&src));
	assert_true(n_sockets() <= before);
}

/* Everybody else dies; the source does not notice, and is had back. */
static void undone(void **state)
{
	struct kr_hyper_ready r;
	unsigned int before;
	struct msg m;
	uint64_t t;

	(void)state;
	need(!cannot(), "root, QEMU and korora-qmp");
	start_pair();
	before = n_sockets();
	begin_postcopy(SLOW, true);
	assert_true(n_sockets() > before);
	say(&src, KR_HYPER_SWITCH);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_LOADED_EARLY);
	cut();
	await(&dst, KR_HYPER_EVENT, KR_HYPER_TORN);
	assert_quiet(&src, KR_HYPER_TORN, 300);
	end_side(&dst);
	r = another_agent(&src);
	assert_int_equal(r.run, KR_HYPER_IS_SWITCHING);
	assert_int_equal(r.mig, KR_HYPER_MIG_POSTCOPY);
	t = kr_now_ns();
	cancel();
	m = await(&src, KR_HYPER_EVENT, KR_HYPER_BROKEN);
	assert_int_equal(m.event.kr, KR_E_CANCELLED);
	print_message("undone after %.1f ms\n",
		      (double)(kr_now_ns() - t) / 1e6);
	say(&src, KR_HYPER_RUN);
	await(&src, KR_HYPER_EVENT, KR_HYPER_RUNNING);
	assert_true(ticks(&src));
	assert_true(n_sockets() <= before);

	/* and it moves all the same */
	start_qemu(&dst, "dst", KR_HYPER_INCOMING);
	await(&dst, KR_HYPER_READY, 0);
	begin(0);
	await(&src, KR_HYPER_EVENT, KR_HYPER_AT_SWITCH);
	say(&src, KR_HYPER_SWITCH);
	await(&src, KR_HYPER_EVENT, KR_HYPER_SENT);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_LOADED);
	say(&dst, KR_HYPER_RUN);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_RUNNING);
	assert_true(ticks(&dst));
}

/* Nothing was held, so the source does notice. */
static void torn_and_undone(void **state)
{
	struct msg m;

	(void)state;
	need(!cannot(), "root, QEMU and korora-qmp");
	start_pair();
	begin_postcopy(SLOW, false);
	say(&src, KR_HYPER_SWITCH);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_LOADED_EARLY);
	cut();
	await(&src, KR_HYPER_EVENT, KR_HYPER_TORN);
	end_side(&dst);
	/* it may have been tried to mend it */
	say_place(&src, KR_HYPER_RESUME, "nowhere.sock");
	if (!strcmp(qemu, QEMU)) {	/* 10.0 tells how that ended */
		send_cmd(&src, KR_HYPER_CANCEL);
		m = await(&src, KR_HYPER_FAIL, KR_HYPER_CANCEL);
		assert_int_equal(m.fail.kr, KR_E_VM_STATE);
	}
	sleep(1);
	assert_int_equal(another_agent(&src).mig, KR_HYPER_MIG_TORN);
	cancel();
	m = await(&src, KR_HYPER_EVENT, KR_HYPER_BROKEN);
	assert_int_equal(m.event.kr, KR_E_CANCELLED);
	say(&src, KR_HYPER_RUN);
	await(&src, KR_HYPER_EVENT, KR_HYPER_RUNNING);
	assert_true(ticks(&src));
	assert_quiet(&src, KR_HYPER_TORN, 50);
	assert_quiet(&src, KR_HYPER_MENDED, 0);
}

/* Not at once, for QEMU 7.2 (hyper/qmpscript.c). */
static void torn_and_mended(void **state)
{
	uint64_t at;

	(void)state;
	need(!cannot(), "root, QEMU and korora-qmp");
	start_pair();
	begin_postcopy(SLOW, false);
	say(&src, KR_HYPER_SWITCH);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_LOADED_EARLY);
	say(&dst, KR_HYPER_RUN);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_RUNNING);
	cut();
	await(&src, KR_HYPER_EVENT, KR_HYPER_TORN);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_TORN);
	assert_int_equal(ask(&src).mig, KR_HYPER_MIG_TORN);
	/* an agent that comes now knows it, too; there, QEMU may stand still
	 * for a page, and answer nobody */
	at = kr_now_ns();
	assert_int_equal(another_agent(&src).mig, KR_HYPER_MIG_TORN);
	say_place(&dst, KR_HYPER_RECOVER, "again.sock");
	say_place(&src, KR_HYPER_RESUME, "again.sock");
	assert_true(kr_now_ns() - at >= KR_QMPAGENT_CALM_MS * 1000000ull);
	await(&src, KR_HYPER_EVENT, KR_HYPER_MENDED);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_MENDED);
	assert_quiet(&dst, KR_HYPER_LOADED_EARLY, 200);
	await(&src, KR_HYPER_EVENT, KR_HYPER_SENT);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_LOADED);
	assert_true(ticks(&dst));
	assert_false(ticks(&src));
}

/* Agents that come in the midst of it know which side they are on. */
static void other_agents(void **state)
{
	struct kr_hyper_ready r;

	(void)state;
	need(!cannot(), "root, QEMU and korora-qmp");
	start_pair();
	begin_postcopy(SLOW, true);
	another_agent(&src);
	r = another_agent(&dst);
	assert_int_equal(r.run, KR_HYPER_IS_WAITING);
	say(&src, KR_HYPER_SWITCH);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_LOADED_EARLY);
	r = another_agent(&dst);
	assert_int_equal(r.run, KR_HYPER_IS_PAUSED);
	assert_int_equal(r.mig, KR_HYPER_MIG_POSTCOPY);
	r = another_agent(&src);
	assert_int_equal(r.run, KR_HYPER_IS_SWITCHING);
	say(&dst, KR_HYPER_RUN);
	say(&src, KR_HYPER_LETGO);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_LOADED);
	await(&src, KR_HYPER_EVENT, KR_HYPER_SENT);
	assert_quiet(&dst, KR_HYPER_LOADED_EARLY, 50);
	assert_true(ticks(&dst));
}

static int preempt(void **state)
{
	(void)state;
	with_preempt = true;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(to_the_end, end_all),
		cmocka_unit_test_teardown(paused_to_the_end, end_all),
		cmocka_unit_test_teardown(undone, end_all),
		cmocka_unit_test_teardown(torn_and_undone, end_all),
		cmocka_unit_test_teardown(torn_and_mended, end_all),
		cmocka_unit_test_teardown(other_agents, end_all),
	};
	const char *dir = getenv("KORORA_QEMU10");
	static char newer[PATH_MAX];
	int r;

	signal(SIGPIPE, SIG_IGN);
	r = cmocka_run_group_tests_name(QEMU, tests, make_disks, NULL);
	if (!r)
		r = cmocka_run_group_tests_name(QEMU " with preempt", tests,
						preempt, NULL);
	snprintf(newer, sizeof(newer), "%s/qemu", dir ? dir : "");
	if (!r && dir && !access(newer, X_OK)) {
		qemu = newer;
		r = cmocka_run_group_tests_name("newer with preempt", tests,
						preempt, NULL);
		with_preempt = false;
	}
	if (!r && qemu == newer)
		r = cmocka_run_group_tests_name(newer, tests, NULL, NULL);
	return r || remove_top(NULL);
}
