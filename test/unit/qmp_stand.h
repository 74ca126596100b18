/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp_stand.h - korora-qmp agents and a stand-in for kororad. Everything lives in
 * a throw-away folder.
 */
#ifndef KR_TEST_QMP_STAND_H
#define KR_TEST_QMP_STAND_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/chan.h"
#include "base/fd.h"
#include "base/jail.h"
#include "hyper/hyper_msg.h"

#define N_MSGS		64

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
static struct kr_loop *loop;
static struct side src, dst;

/* ---- what the agents say --------------------------------------------------- */

static inline void stop_loop(void *arg)
{
	(void)arg;
	kr_loop_stop(loop, 1);
}

static inline int keep(struct side *s, const struct msg *m, int r)
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

static inline void on_gone(void *arg, const struct kr_err *e)
{
	struct side *s = arg;

	(void)e;
	s->gone = true;
	kr_loop_stop(loop, 0);
}

static inline void dump(const struct side *s)
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
static inline struct msg await(struct side *s, uint16_t type, int which)
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
static inline void assert_quiet(struct side *s, int what, unsigned int ms)
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

static inline void send_cmd(struct side *s, uint16_t type)
{
	struct kr_err e = KR_ERR_NONE;

	assert_int_equal(kr_chan_send(&s->chan, type, NULL, 0, NULL, 0, &e), 0);
}

static inline void say(struct side *s, uint16_t type)
{
	send_cmd(s, type);
	await(s, KR_HYPER_DONE, type);
}

static bool with_preempt;	/* post-copy's second connection */

static inline void setup_for(struct side *s, bool incoming, uint64_t bytes_s,
			     bool postcopy)
{
	uint8_t buf[KR_HYPER_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_hyper_setup m = { .incoming = incoming,
				    .max_bandwidth_bytes_s = bytes_s,
				    .downtime_limit_ms = 300,
				    .postcopy = postcopy,
				    .preempt = postcopy && with_preempt };
	struct kr_err e = KR_ERR_NONE;

	kr_hyper_msg_put_setup(&w, &m);
	assert_int_equal(kr_chan_put(&s->chan, KR_HYPER_SETUP, &w, &e), 0);
	await(s, KR_HYPER_DONE, KR_HYPER_SETUP);
}

static inline void setup(struct side *s, bool incoming, uint64_t bytes_s)
{
	setup_for(s, incoming, bytes_s, false);
}

/* A socket in the top folder. */
static inline void say_place(struct side *s, uint16_t type, const char *name)
{
	uint8_t buf[KR_HYPER_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_hyper_uri m;
	struct kr_err e = KR_ERR_NONE;

	snprintf(m.uri, sizeof(m.uri), "unix:%s/%s", top, name);
	kr_hyper_msg_put_uri(&w, &m);
	assert_int_equal(kr_chan_put(&s->chan, type, &w, &e), 0);
	await(s, KR_HYPER_DONE, type);
}

/* Where both ends meet. */
static inline void say_uri(struct side *s, uint16_t type)
{
	say_place(s, type, "mig.sock");
}

static inline struct kr_hyper_status ask(struct side *s)
{
	send_cmd(s, KR_HYPER_ASK);
	return await(s, KR_HYPER_STATUS, 0).status;
}

/* ---- starting and ending ---------------------------------------------------- */

static inline void start_agent(struct side *s)
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
		execl(QMP_EXE, "korora-qmp", "65534", "65534", NULL);
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

static inline void open_fd(struct side *s, int fd)
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

static inline void end_pid(pid_t *pid, bool kill_it)
{
	if (*pid <= 0)
		return;
	if (kill_it)
		kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	*pid = 0;
}

static inline void end_side(struct side *s)
{
	kr_chan_close(&s->chan);
	end_pid(&s->agent, true);
	end_pid(&s->qemu, true);
}

static inline int end_both(void **state)
{
	(void)state;
	end_side(&src);
	end_side(&dst);
	return 0;
}

static inline int make_top(void **state)
{
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	if (!mkdtemp(top) || kr_loop_new(&loop, &e))
		return -1;
	return chmod(top, 0755);
}

static inline int remove_top(void **state)
{
	char cmd[64];

	(void)state;
	kr_loop_free(loop);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", top);
	return system(cmd);
}

#endif
