/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plane_stand.h - two real korora-plane agents and a stand-in for kororad,
 * for the tests of the data plane. One stand at a time; everything lives in
 * a throw-away folder.
 */
#ifndef KR_TEST_PLANE_STAND_H
#define KR_TEST_PLANE_STAND_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/chan.h"
#include "base/fd.h"
#include "base/jail.h"
#include "plane/plane_msg.h"

#define SRC	KR_PLANE_SOURCE
#define DST	KR_PLANE_DESTINATION

struct side {
	pid_t			 pid;
	struct kr_chan		 chan;
	unsigned int		 n_up;	/* lanes */
	bool			 has_manifest, has_failed, is_gone;
	struct kr_plane_up	 up;	/* the newest */
	struct kr_manifest	 manifest;
	struct kr_plane_fail	 fail;
	struct kr_plane_progress progress;
	uint64_t		 manifest_ns;
	unsigned int		 n_progress;
};

static struct stand {
	char		dir[64], jail[80];
	struct kr_loop *loop;
	struct kr_timer deadline;
	bool		late;
	struct side	side[2];
	bool		(*done)(void);
} stand;

static inline void stand_check(void)
{
	if (stand.done && stand.done())
		kr_loop_stop(stand.loop, 0);
}

static inline int stand_up(void *arg, struct kr_rd *b, int *fds,
			   unsigned int n, struct kr_err *e)
{
	struct side *s = arg;

	(void)fds, (void)n;
	s->n_up++;
	if (kr_plane_msg_parse_up(b, &s->up, e) < 0)
		return e->code;
	stand_check();
	return 0;
}

static inline int stand_progress(void *arg, struct kr_rd *b, int *fds,
				 unsigned int n, struct kr_err *e)
{
	struct side *s = arg;

	(void)fds, (void)n;
	s->n_progress++;
	return kr_plane_msg_parse_progress(b, &s->progress, e);
}

static inline int stand_manifest(void *arg, struct kr_rd *b, int *fds,
				 unsigned int n, struct kr_err *e)
{
	struct side *s = arg;

	(void)fds, (void)n;
	s->manifest_ns = kr_now_ns();
	s->has_manifest = true;
	if (kr_plane_msg_parse_manifest(b, &s->manifest, e) < 0)
		return e->code;
	stand_check();
	return 0;
}

static inline int stand_fail(void *arg, struct kr_rd *b, int *fds,
			     unsigned int n, struct kr_err *e)
{
	struct side *s = arg;

	(void)fds, (void)n;
	s->has_failed = true;
	if (kr_plane_msg_parse_fail(b, &s->fail, e) < 0)
		return e->code;
	stand_check();
	return 0;
}

static inline void stand_gone(void *arg, const struct kr_err *e)
{
	struct side *s = arg;

	(void)e;
	s->is_gone = true;
	stand_check();
}

static const struct kr_grant stand_grants[] = {
	KR_PLANE_DAEMON_GRANTS(stand_up, stand_progress, stand_manifest,
			       stand_fail),
};

static inline void stand_spawn(struct side *s)
{
	struct kr_err e = KR_ERR_NONE;
	int pair[2];

	*s = (struct side){ .chan = { .grants = stand_grants, .n_grants = 4,
				      .gone = stand_gone, .arg = s } };
	assert_int_equal(kr_chan_pair(pair, &e), 0);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (!s->pid) {
		if (dup2(pair[1], KR_AGENT_FD) < 0 ||
		    fcntl(KR_AGENT_FD, F_SETFD, 0) || chdir(stand.jail))
			_exit(120);
		execl(PLANE_EXE, "korora-plane", "65534", "65534",
		      (char *)NULL);
		_exit(121);
	}
	close(pair[1]);
	assert_int_equal(kr_chan_open(stand.loop, &s->chan, pair[0], &e), 0);
}

/* A folder, a loop, two agents. */
static inline void stand_open(void)
{
	struct kr_err e = KR_ERR_NONE;

	memset(&stand, 0, sizeof(stand));
	snprintf(stand.dir, sizeof(stand.dir), "/tmp/korora-plane-XXXXXX");
	assert_non_null(mkdtemp(stand.dir));
	snprintf(stand.jail, sizeof(stand.jail), "%s/jail", stand.dir);
	assert_int_equal(mkdir(stand.jail, 0755), 0);
	assert_int_equal(kr_loop_new(&stand.loop, &e), 0);
	stand_spawn(&stand.side[SRC]);
	stand_spawn(&stand.side[DST]);
}

static inline void stand_path(char out[128], const char *name)
{
	snprintf(out, 128, "%.60s/%.60s", stand.dir, name);
}

static uint8_t stand_n_lanes = 1;

static inline void stand_start(enum kr_plane_role role, int qemu_fd,
			       uint64_t limit_bytes, uint32_t stall_ms)
{
	struct kr_plane_start m = { .role = role,
				    .id = { 1, 2, 3, 4 },
				    .limit_ram_bytes = limit_bytes,
				    .stall_ms = stall_ms,
				    .n_lanes = stand_n_lanes,
				    .recall_mib = 8 };
	uint8_t b[KR_PLANE_BODY_BYTES_MAX];
	struct kr_wr w = KR_WR(b, sizeof(b));
	struct kr_err e = KR_ERR_NONE;

	kr_plane_msg_put_start(&w, &m);
	assert_false(w.bad);
	assert_int_equal(kr_chan_send(&stand.side[role].chan, KR_PLANE_START,
				      b, kr_wr_len(&w), &qemu_fd, 1, &e), 0);
	close(qemu_fd);
}

static inline void stand_lane(enum kr_plane_role role, uint8_t no, int fd,
			      uint8_t key)
{
	struct kr_plane_lane m = { .lane_no = no };
	uint8_t b[KR_PLANE_BODY_BYTES_MAX];
	struct kr_wr w = KR_WR(b, sizeof(b));
	struct kr_err e = KR_ERR_NONE;

	memset(m.psk, key, sizeof(m.psk));
	kr_plane_msg_put_lane(&w, &m);
	assert_int_equal(kr_chan_send(&stand.side[role].chan, KR_PLANE_LANE,
				      b, kr_wr_len(&w), &fd, 1, &e), 0);
	close(fd);
}

/* A connected pair of TCP sockets over loopback. */
static inline void stand_tcp(int ret_fds[2])
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(l, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(l, 1), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&a, &n), 0);
	ret_fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(ret_fds[0], (struct sockaddr *)&a, n), 0);
	ret_fds[1] = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	assert_true(ret_fds[1] >= 0);
	close(l);
}

static inline void stand_late(void *arg)
{
	(void)arg;
	stand.late = true;
	kr_loop_stop(stand.loop, 1);
}

/* Run until @done; false if that takes longer than @ms. */
static inline bool stand_run(bool (*done)(void), unsigned int ms)
{
	stand.done = done;
	stand.late = false;
	if (done())
		return true;
	stand.deadline = (struct kr_timer){ .fn = stand_late };
	kr_timer_arm(stand.loop, &stand.deadline, ms);
	kr_loop_run(stand.loop);
	kr_timer_off(&stand.deadline);
	return !stand.late;
}

/* Ask an agent to stop; returns its wait status. */
static inline int stand_stop(struct side *s, struct rusage *ret_ru)
{
	struct rusage ru;
	int status = -1;

	if (!s->is_gone)
		kr_chan_send(&s->chan, KR_PLANE_STOP, NULL, 0, NULL, 0, NULL);
	assert_int_equal(wait4(s->pid, &status, 0, ret_ru ?: &ru), s->pid);
	kr_chan_close(&s->chan);
	s->pid = 0;
	return status;
}

static inline void stand_close(void)
{
	char cmd[128];

	for (int i = 0; i < 2; i++)
		if (stand.side[i].pid)
			stand_stop(&stand.side[i], NULL);
	kr_loop_free(stand.loop);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", stand.dir);
	assert_int_equal(system(cmd), 0);
}

static inline bool stand_both_manifests(void)
{
	return (stand.side[SRC].has_manifest || stand.side[SRC].has_failed ||
		stand.side[SRC].is_gone) &&
	       (stand.side[DST].has_manifest || stand.side[DST].has_failed ||
		stand.side[DST].is_gone);
}

static inline bool stand_both_failed(void)
{
	return (stand.side[SRC].has_failed || stand.side[SRC].is_gone) &&
	       (stand.side[DST].has_failed || stand.side[DST].is_gone);
}

static inline bool stand_both_up(void)
{
	return stand_both_failed() ||
	       (stand.side[SRC].n_up == stand_n_lanes &&
		stand.side[DST].n_up == stand_n_lanes);
}

#endif
