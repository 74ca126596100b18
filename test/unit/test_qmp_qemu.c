/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_qmp_qemu.c - two real korora-qmp agents operate two real QEMUs: a
 * migration with its undo, a cancel, a destination that dies, and liars in
 * QEMU's place. Needs root (agents jail themselves) and QEMU; skips without.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/sockios.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/chan.h"
#include "base/fd.h"
#include "base/jail.h"
#include "hyper/hyper.h"
#include "hyper/hyper_msg.h"
#include "hyper/qemuargs.h"
#include "hyper/tap.h"

#define QEMU		"/usr/bin/qemu-system-x86_64"
#define N_MSGS		64
#define BRIDGE		"krtest0"

/*
 * Boot sector: writes a…z to the serial port for ever and dirties a page.
 *	xor %ax,%ax; mov %ax,%ds; mov %ax,%ss; mov $0x7c00,%sp
 *	mov $0x3f8,%dx; mov $'a',%al
 * 0:	out %al,%dx; inc %al; cmp $'z'+1,%al; jne 1f; mov $'a',%al
 * 1:	mov $0x200,%cx
 * 2:	mov %cx,%bx; push %ax; in $0x61,%al; pop %ax; loop 2b
 *	mov %ax,0x5000; jmp 0b
 */
static const unsigned char ticker[] = {
	0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xd0, 0xbc, 0x00, 0x7c, 0xba, 0xf8,
	0x03, 0xb0, 0x61, 0xee, 0xfe, 0xc0, 0x3c, 0x7b, 0x75, 0x02, 0xb0,
	0x61, 0xb9, 0x00, 0x02, 0x89, 0xcb, 0x50, 0xe4, 0x61, 0x58, 0xe2,
	0xf8, 0xa3, 0x00, 0x50, 0xeb, 0xe7,
};

struct msg {
	uint16_t type;
	union {
		struct kr_hyper_ready  ready;
		struct kr_hyper_done   done;
		struct kr_hyper_fail   fail;
		struct kr_hyper_event  event;
		struct kr_hyper_status status;
	};
};

/* One host: a QEMU, its agent, and what the agent has said. */
struct side {
	pid_t	       qemu, agent;
	struct kr_chan chan;
	struct msg     msgs[N_MSGS];
	unsigned int   n_msgs;
	bool	       gone;
	char	       dir[80];
};

static char top[] = "/tmp/korora-qmp-XXXXXX";
static char agent_path[PATH_MAX];
static struct kr_loop *loop;
static struct side src, dst;
static bool has_net;		/* a namespace with a bridge of our own */

/* ---- what the agents say --------------------------------------------------- */

static void stop_loop(void *arg)
{
	(void)arg;
	kr_loop_stop(loop, 1);
}

static int keep(struct side *s, const struct msg *m, int r)
{
	if (!r && s->n_msgs < N_MSGS)
		s->msgs[s->n_msgs++] = *m;
	kr_loop_stop(loop, 0);
	return r;
}

#define ON(name, TYPE) \
static int on_##name(void *arg, struct kr_rd *r, int *fds, \
		     unsigned int n_fds, struct kr_err *e) \
{ \
	struct msg m = { .type = TYPE }; \
	(void)fds, (void)n_fds; \
	return keep(arg, &m, kr_hyper_msg_##name(r, &m.name, e)); \
}
ON(ready, KR_HYPER_READY)
ON(done, KR_HYPER_DONE)
ON(fail, KR_HYPER_FAIL)
ON(event, KR_HYPER_EVENT)
ON(status, KR_HYPER_STATUS)

static const struct kr_grant grants[] = {
	{ KR_HYPER_READY, KR_HYPER_BODY_MAX, 0, "READY", on_ready },
	{ KR_HYPER_DONE, KR_HYPER_BODY_MAX, 0, "DONE", on_done },
	{ KR_HYPER_FAIL, KR_HYPER_BODY_MAX, 0, "FAIL", on_fail },
	{ KR_HYPER_EVENT, KR_HYPER_BODY_MAX, 0, "EVENT", on_event },
	{ KR_HYPER_STATUS, KR_HYPER_BODY_MAX, 0, "STATUS", on_status },
};

static void on_gone(void *arg, const struct kr_err *e)
{
	struct side *s = arg;

	(void)e;
	s->gone = true;
	kr_loop_stop(loop, 0);
}

static void dump(const struct side *s)
{
	for (unsigned int i = 0; i < s->n_msgs; i++) {
		const struct msg *m = &s->msgs[i];

		if (m->type == KR_HYPER_EVENT)
			print_message("%s: EVENT %s %u %s\n", s->dir,
				      kr_hyper_msg_what_name(m->event.what),
				      m->event.kr, m->event.reason);
		else if (m->type == KR_HYPER_FAIL)
			print_message("%s: FAIL %s %u %s\n", s->dir,
				      kr_hyper_msg_command_name(
					      m->fail.command),
				      m->fail.kr, m->fail.what);
		else if (m->type == KR_HYPER_DONE)
			print_message("%s: DONE %s\n", s->dir,
				      kr_hyper_msg_command_name(
					      m->done.command));
		else
			print_message("%s: %x\n", s->dir, m->type);
	}
}

/* Take the first message of this kind, waiting for it. */
static struct msg await(struct side *s, uint16_t type, int which)
{
	uint64_t due_ns = kr_now_ns() + 30000000000u;

	for (;;) {
		struct kr_timer t = { .fn = stop_loop };

		for (unsigned int i = 0; i < s->n_msgs; i++) {
			struct msg m = s->msgs[i];
			bool fits = m.type == type &&
				(type == KR_HYPER_EVENT ?
				 (int)m.event.what == which :
				 type == KR_HYPER_DONE ?
				 m.done.command == which :
				 type == KR_HYPER_FAIL ?
				 m.fail.command == which : true);

			if (!fits)
				continue;
			s->n_msgs--;
			memmove(&s->msgs[i], &s->msgs[i + 1],
				(s->n_msgs - i) * sizeof(m));
			return m;
		}
		if (s->gone || kr_now_ns() > due_ns) {
			dump(&src);
			dump(&dst);
			fail_msg("%s: %x/%x did not come%s", s->dir, type,
				 which, s->gone ? ", agent gone" : "");
		}
		kr_timer_arm(loop, &t, 1000);
		kr_loop_run(loop);
		kr_timer_off(&t);
	}
}

/* No such event, in a while. */
static void assert_quiet(struct side *s, int what, unsigned int ms)
{
	uint64_t due_ns = kr_now_ns() + ms * 1000000ull;

	while (kr_now_ns() < due_ns) {
		struct kr_timer t = { .fn = stop_loop };

		kr_timer_arm(loop, &t, 50);
		kr_loop_run(loop);
		kr_timer_off(&t);
		for (unsigned int i = 0; i < s->n_msgs; i++)
			assert_false(s->msgs[i].type == KR_HYPER_EVENT &&
				     (int)s->msgs[i].event.what == what);
	}
}

/* ---- what they are told ---------------------------------------------------- */

static void send_cmd(struct side *s, uint16_t type)
{
	struct kr_err e = KR_ERR_NONE;

	assert_int_equal(kr_chan_send(&s->chan, type, NULL, 0, NULL, 0, &e), 0);
}

static void say(struct side *s, uint16_t type)
{
	send_cmd(s, type);
	await(s, KR_HYPER_DONE, type);
}

static void setup(struct side *s, bool incoming, uint64_t bytes_s)
{
	uint8_t buf[KR_HYPER_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_hyper_setup m = { incoming, bytes_s, 300 };
	struct kr_err e = KR_ERR_NONE;

	kr_hyper_msg_put_setup(&w, &m);
	assert_int_equal(kr_chan_put(&s->chan, KR_HYPER_SETUP, &w, &e), 0);
	await(s, KR_HYPER_DONE, KR_HYPER_SETUP);
}

/* Both ends meet at a socket in the top folder. */
static void say_uri(struct side *s, uint16_t type)
{
	uint8_t buf[KR_HYPER_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_hyper_uri m;
	struct kr_err e = KR_ERR_NONE;

	snprintf(m.uri, sizeof(m.uri), "unix:%s/mig.sock", top);
	kr_hyper_msg_put_uri(&w, &m);
	assert_int_equal(kr_chan_put(&s->chan, type, &w, &e), 0);
	await(s, KR_HYPER_DONE, type);
}

static struct kr_hyper_status ask(struct side *s)
{
	send_cmd(s, KR_HYPER_ASK);
	return await(s, KR_HYPER_STATUS, 0).status;
}

/* ---- starting and ending ---------------------------------------------------- */

static void start_agent(struct side *s)
{
	struct kr_err e = KR_ERR_NONE;
	char jail[PATH_MAX];
	int fds[2];

	snprintf(jail, sizeof(jail), "%s/empty", top);
	mkdir(jail, 0755);
	assert_int_equal(kr_chan_pair(fds, &e), 0);
	s->agent = fork();
	if (!s->agent) {
		/* the sanitizer's leak check needs what the jail forbids */
		setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
		if (dup2(fds[1], KR_AGENT_FD) < 0 || chdir(jail))
			_exit(126);
		if (fds[1] == KR_AGENT_FD)
			fcntl(KR_AGENT_FD, F_SETFD, 0);
		execl(agent_path, "korora-qmp", "65534", "65534", NULL);
		_exit(127);
	}
	close(fds[1]);
	s->chan = (struct kr_chan){ .grants = grants,
				    .n_grants = sizeof(grants) /
						sizeof(grants[0]),
				    .gone = on_gone, .arg = s };
	assert_int_equal(kr_chan_open(loop, &s->chan, fds[0], &e), 0);
	s->gone = false;
	s->n_msgs = 0;
}

static void open_fd(struct side *s, int fd)
{
	uint8_t buf[KR_HYPER_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_hyper_open m = { "t" };
	struct kr_err e = KR_ERR_NONE;

	kr_hyper_msg_put_open(&w, &m);
	assert_int_equal(kr_chan_send(&s->chan, KR_HYPER_OPEN, buf,
				      kr_wr_len(&w), &fd, 1, &e), 0);
	close(fd);
}

static void start_qemu(struct side *s, const char *name,
		       enum kr_hyper_mode mode)
{
	static const char base[] =
		"[vm]\nname = t\nmachine = q35\nvcpus = 1\nmemory_mb = 64\n"
		"[disk hda]\nfile = top:boot.raw\nbus = ide\n"
		"[disk vdb]\nfile = top:data.qcow2\nformat = qcow2\n";
	static const char nic[] =
		"[nic eth0]\nnetwork = lan\nmac = 52:54:00:77:00:10\n";
	static struct kr_launch l;
	struct kr_hyper_storage top_dir = { "top", top };
	struct kr_hyper_site site = { .binary = QEMU, .cwd = s->dir,
				      .storages = &top_dir, .n_storages = 1 };
	char log[PATH_MAX], sock[PATH_MAX], tap[IFNAMSIZ], text[512];
	struct kr_err e = KR_ERR_NONE;
	struct kr_vmdef d;
	int fd = -1;

	snprintf(text, sizeof(text), "%s%s", base, has_net ? nic : "");
	if (has_net)
		assert_int_equal(kr_tap_open(BRIDGE, tap, &site.nic_fds[0],
					     &e), 0);

	snprintf(s->dir, sizeof(s->dir), "%s/%s", top, name);
	snprintf(log, sizeof(log), "%s/con.log", s->dir);
	snprintf(sock, sizeof(sock), "%s/qmp.sock", s->dir);
	site.console_log = log;
	mkdir(s->dir, 0700);
	unlink(sock);
	unlink(log);
	assert_int_equal(kr_vmdef_parse("t", text, strlen(text), &d, &e), 0);
	assert_int_equal(kr_qemuargs_plan(&d, &site, mode, &l, &e),
			 0);
	s->qemu = fork();
	if (!s->qemu) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (chdir(l.cwd) ||
		    (l.n_fds && dup2(l.fds[0], KR_LAUNCH_FD_FIRST) < 0))
			_exit(126);
		execv(l.argv[0], l.argv);
		_exit(127);
	}
	if (has_net) {
		/* QEMU alone holds it now */
		close(site.nic_fds[0]);
		assert_true(if_nametoindex(tap) > 0);
	}
	for (int i = 0; i < 1000 && fd < 0; i++) {
		usleep(10000);
		fd = kr_unix_connect(sock);
	}
	assert_true(fd >= 0);
	start_agent(s);
	open_fd(s, fd);
}

static void end_pid(pid_t *pid, bool kill_it)
{
	if (*pid <= 0)
		return;
	if (kill_it)
		kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	*pid = 0;
}

static void end_side(struct side *s)
{
	kr_chan_close(&s->chan);
	end_pid(&s->agent, true);
	end_pid(&s->qemu, true);
}

/* Has the guest written since? */
static bool ticks(const struct side *s)
{
	char log[PATH_MAX];
	struct stat a = { 0 }, b = { 0 };

	snprintf(log, sizeof(log), "%s/con.log", s->dir);
	stat(log, &a);
	for (int i = 0; i < 20; i++) {
		usleep(50000);
		stat(log, &b);
		if (b.st_size > a.st_size)
			return true;
	}
	return false;
}

/* A VM that runs here, and one that waits for it there. */
static void start_pair(void)
{
	struct msg m;

	start_qemu(&src, "src", KR_HYPER_FRESH);
	m = await(&src, KR_HYPER_READY, 0);
	assert_int_equal(m.ready.run, KR_HYPER_IS_PAUSED);
	assert_int_equal(m.ready.mig, KR_HYPER_MIG_NONE);
	assert_true(strchr(m.ready.version, '.') != NULL);
	say(&src, KR_HYPER_RUN);
	await(&src, KR_HYPER_EVENT, KR_HYPER_RUNNING);
	assert_true(ticks(&src));
	start_qemu(&dst, "dst", KR_HYPER_INCOMING);
	m = await(&dst, KR_HYPER_READY, 0);
	assert_int_equal(m.ready.run, KR_HYPER_IS_WAITING);
	/* not before it is loaded */
	send_cmd(&dst, KR_HYPER_RUN);
	m = await(&dst, KR_HYPER_FAIL, KR_HYPER_RUN);
	assert_int_equal(m.fail.kr, KR_E_VM_STATE);
}

static void begin(uint64_t bytes_s)
{
	setup(&src, false, bytes_s);
	setup(&dst, true, bytes_s);
	say_uri(&dst, KR_HYPER_RECEIVE);
	say_uri(&src, KR_HYPER_SEND);
}

static int end_pair(void **state)
{
	(void)state;
	end_side(&src);
	end_side(&dst);
	return 0;
}

static bool cannot(void)
{
	return geteuid() || access(QEMU, X_OK) || access(agent_path, X_OK);
}

/* ---- the tests --------------------------------------------------------------- */

static void migrate_undo_migrate(void **state)
{
	struct kr_hyper_status st;
	uint64_t stopped_ns, t;
	struct msg m;

	(void)state;
	if (cannot())
		skip();
	start_pair();
	say(&src, KR_HYPER_RUN);		/* idempotent */
	begin(0);
	stopped_ns = await(&src, KR_HYPER_EVENT, KR_HYPER_STOPPED).event.at_ns;
	m = await(&src, KR_HYPER_EVENT, KR_HYPER_AT_SWITCH);
	assert_int_equal(m.event.at_ns, stopped_ns);
	assert_true(stopped_ns <= kr_now_ns() &&
		    kr_now_ns() - stopped_ns < 5000000000u);
	st = ask(&src);
	assert_int_equal(st.run, KR_HYPER_IS_SWITCHING);
	assert_int_equal(st.mig, KR_HYPER_MIG_AT_SWITCH);
	assert_true(st.total_bytes > 64 << 20);
	assert_true(st.sent_bytes > 0);
	/* QEMU itself refuses to run now */
	send_cmd(&src, KR_HYPER_RUN);
	m = await(&src, KR_HYPER_FAIL, KR_HYPER_RUN);
	assert_int_equal(m.fail.kr, KR_E_QMP);
	say(&src, KR_HYPER_SWITCH);
	await(&src, KR_HYPER_EVENT, KR_HYPER_SENT);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_LOADED);
	assert_int_equal(ask(&src).run, KR_HYPER_IS_MIGRATED);
	st = ask(&dst);
	assert_int_equal(st.run, KR_HYPER_IS_PAUSED);
	assert_int_equal(st.mig, KR_HYPER_MIG_COMPLETED);
	assert_false(ticks(&src));
	assert_false(ticks(&dst));

	/* undo: the source takes its disks again, so the copy cannot */
	say(&src, KR_HYPER_RUN);
	await(&src, KR_HYPER_EVENT, KR_HYPER_RUNNING);
	assert_true(ticks(&src));
	send_cmd(&dst, KR_HYPER_RUN);
	m = await(&dst, KR_HYPER_FAIL, KR_HYPER_RUN);
	assert_int_equal(m.fail.kr, KR_E_QMP);
	say(&dst, KR_HYPER_END);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_SHUTDOWN);
	m = await(&dst, KR_HYPER_EVENT, KR_HYPER_GONE);
	assert_int_equal(m.event.kr, KR_E_QMP_LOST);
	end_side(&dst);

	/* and a second time, to the end */
	start_qemu(&dst, "dst", KR_HYPER_INCOMING);
	await(&dst, KR_HYPER_READY, 0);
	begin(0);
	t = await(&src, KR_HYPER_EVENT, KR_HYPER_AT_SWITCH).event.at_ns;
	say(&src, KR_HYPER_SWITCH);
	await(&src, KR_HYPER_EVENT, KR_HYPER_SENT);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_LOADED);
	say(&dst, KR_HYPER_RUN);
	m = await(&dst, KR_HYPER_EVENT, KR_HYPER_RUNNING);
	print_message("downtime %.1f ms\n",
		      (double)(m.event.at_ns - t) / 1e6);
	assert_true(ticks(&dst));
	assert_false(ticks(&src));
	say(&dst, KR_HYPER_PAUSE);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_STOPPED);
	assert_false(ticks(&dst));
}

static void cancel_midway(void **state)
{
	struct kr_hyper_status st;
	struct msg m;

	(void)state;
	if (cannot())
		skip();
	start_pair();
	begin(100 << 10);		/* slow enough to last */
	usleep(300000);
	st = ask(&src);
	assert_int_equal(st.mig, KR_HYPER_MIG_ACTIVE);
	assert_int_equal(st.run, KR_HYPER_IS_RUNNING);
	assert_true(st.left_bytes > 0);
	say(&src, KR_HYPER_CANCEL);
	m = await(&src, KR_HYPER_EVENT, KR_HYPER_BROKEN);
	assert_int_equal(m.event.kr, KR_E_CANCELLED);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_BROKEN);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_GONE);
	assert_true(ticks(&src));
	end_side(&dst);

	/* at the switch: it resumes by itself */
	start_qemu(&dst, "dst", KR_HYPER_INCOMING);
	await(&dst, KR_HYPER_READY, 0);
	begin(0);
	await(&src, KR_HYPER_EVENT, KR_HYPER_AT_SWITCH);
	say(&src, KR_HYPER_CANCEL);
	await(&src, KR_HYPER_EVENT, KR_HYPER_RUNNING);
	m = await(&src, KR_HYPER_EVENT, KR_HYPER_BROKEN);
	assert_int_equal(m.event.kr, KR_E_CANCELLED);
	assert_int_equal(ask(&src).run, KR_HYPER_IS_RUNNING);
	assert_true(ticks(&src));
}

static void the_destination_dies(void **state)
{
	struct msg m;

	(void)state;
	if (cannot())
		skip();
	start_pair();
	begin(100 << 10);
	usleep(300000);
	end_pid(&dst.qemu, true);
	m = await(&dst, KR_HYPER_EVENT, KR_HYPER_GONE);
	assert_int_equal(m.event.kr, KR_E_QMP_LOST);
	m = await(&src, KR_HYPER_EVENT, KR_HYPER_BROKEN);
	assert_int_equal(m.event.kr, KR_E_HYPER_FAILED);
	assert_true(m.event.reason[0] != '\0');
	assert_true(ticks(&src));
	end_side(&dst);

	/* at the switch */
	start_qemu(&dst, "dst", KR_HYPER_INCOMING);
	await(&dst, KR_HYPER_READY, 0);
	begin(0);
	await(&src, KR_HYPER_EVENT, KR_HYPER_AT_SWITCH);
	end_pid(&dst.qemu, true);
	say(&src, KR_HYPER_SWITCH);
	await(&src, KR_HYPER_EVENT, KR_HYPER_BROKEN);
	await(&src, KR_HYPER_EVENT, KR_HYPER_RUNNING);
	assert_true(ticks(&src));
	assert_quiet(&src, KR_HYPER_SENT, 200);
}

/* An agent that comes later learns the state from QEMU. */
static void a_second_agent(void **state)
{
	char sock[PATH_MAX];
	struct msg m;
	int fd;

	(void)state;
	if (cannot())
		skip();
	start_pair();
	begin(0);
	await(&src, KR_HYPER_EVENT, KR_HYPER_AT_SWITCH);
	kr_chan_close(&src.chan);
	end_pid(&src.agent, false);	/* it ends with its channel */
	start_agent(&src);
	snprintf(sock, sizeof(sock), "%s/qmp.sock", src.dir);
	fd = kr_unix_connect(sock);
	assert_true(fd >= 0);
	open_fd(&src, fd);
	m = await(&src, KR_HYPER_READY, 0);
	assert_int_equal(m.ready.run, KR_HYPER_IS_SWITCHING);
	assert_int_equal(m.ready.mig, KR_HYPER_MIG_AT_SWITCH);
	say(&src, KR_HYPER_SWITCH);
	await(&src, KR_HYPER_EVENT, KR_HYPER_SENT);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_LOADED);
}

/* ---- in QEMU's place --------------------------------------------------------- */

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
	if (geteuid() || access(agent_path, X_OK))
		skip();
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

static void taps_vanish(void **state)
{
	struct kr_err e = KR_ERR_NONE;
	char name[IFNAMSIZ];
	int fd;

	(void)state;
	assert_true(kr_tap_open("nobridge", name, &fd, &e) < 0);
	assert_int_equal(e.kr, KR_E_NO_NETWORK);
	if (!has_net)
		skip();
	e = KR_ERR_NONE;
	assert_true(kr_tap_open("lo", name, &fd, &e) < 0);
	assert_int_equal(e.kr, KR_E_NO_NETWORK);
	e = KR_ERR_NONE;
	assert_int_equal(kr_tap_open(BRIDGE, name, &fd, &e), 0);
	assert_memory_equal(name, "krt", 3);
	assert_true(if_nametoindex(name) > 0);
	close(fd);
	assert_int_equal(if_nametoindex(name), 0);
}

static bool make_net(void)
{
	KR_AUTO(kr_fd_autoclose) int s = -1;

	if (geteuid() || unshare(CLONE_NEWNET))
		return false;
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return s >= 0 && !ioctl(s, SIOCBRADDBR, BRIDGE);
}

static int make_top(void **state)
{
	unsigned char sector[512] = { [510] = 0x55, [511] = 0xaa };
	char path[PATH_MAX], cmd[PATH_MAX + 100];
	struct kr_err e = KR_ERR_NONE;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	(void)state;
	has_net = make_net();
	if (n < 0 || !mkdtemp(top) || kr_loop_new(&loop, &e))
		return -1;
	chmod(top, 0755);
	path[n] = '\0';
	snprintf(agent_path, sizeof(agent_path),
		 "%.3000s/../../hyper/korora-qmp", dirname(path));
	memcpy(sector, ticker, sizeof(ticker));
	snprintf(path, sizeof(path), "%s/boot.raw", top);
	if (kr_write_file(path, sector, sizeof(sector), 0600) ||
	    truncate(path, 1 << 20))
		return -1;
	snprintf(cmd, sizeof(cmd),
		 "qemu-img create -q -f qcow2 %s/data.qcow2 4M", top);
	return access(QEMU, X_OK) || !system(cmd) ? 0 : -1;
}

static int remove_top(void **state)
{
	char cmd[64];

	(void)state;
	kr_loop_free(loop);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", top);
	return system(cmd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(migrate_undo_migrate, end_pair),
		cmocka_unit_test_teardown(cancel_midway, end_pair),
		cmocka_unit_test_teardown(the_destination_dies, end_pair),
		cmocka_unit_test_teardown(a_second_agent, end_pair),
		cmocka_unit_test_teardown(liars, end_pair),
		cmocka_unit_test(taps_vanish),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, make_top, remove_top);
}
