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
#include "plane/pagecache.h"
#include "plane/plane_msg.h"

#define SRC	KR_PLANE_SOURCE
#define DST	KR_PLANE_DESTINATION

struct side {
	pid_t			 pid;
	struct kr_chan		 chan;
	int			 far_fd;	/* with hold */
	unsigned int		 n_up;	/* lanes */
	bool			 has_split, has_manifest, has_failed, is_gone;
	struct kr_plane_up	 up;	/* the newest */
	struct kr_plane_split	 split;
	struct kr_manifest	 manifest;
	struct kr_plane_fail	 fail;
	unsigned int		 n_torn;
	struct kr_plane_torn	 torn;
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
	if (kr_plane_msg_parse_progress(b, &s->progress, e) < 0)
		return e->code;
	stand_check();
	return 0;
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

static inline int stand_split(void *arg, struct kr_rd *b, int *fds,
			      unsigned int n, struct kr_err *e)
{
	struct side *s = arg;

	(void)fds, (void)n;
	if (s->has_split || s->has_manifest || s->has_failed)
		return kr_fail(e, KR_E_UNEXPECTED, "SPLIT");
	s->has_split = true;
	if (kr_plane_msg_parse_split(b, &s->split, e) < 0)
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

static inline int stand_torn(void *arg, struct kr_rd *b, int *fds,
			     unsigned int n, struct kr_err *e)
{
	struct side *s = arg;

	(void)fds, (void)n;
	s->n_torn++;
	if (kr_plane_msg_parse_torn(b, &s->torn, e) < 0)
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

static inline int stand_socket(void *arg, struct kr_rd *r, int *fds,
			       unsigned int n_fds, struct kr_err *e)
{
	struct side *s = arg;

	(void)r, (void)e;
	assert_int_equal(n_fds, 1);
	s->far_fd = fds[0];
	stand_check();
	return 0;
}

static const struct kr_grant stand_grants[] = {
	KR_PLANE_DAEMON_GRANTS(stand_up, stand_progress, stand_manifest,
			       stand_fail, stand_split, stand_socket,
			       stand_torn),
};
#define N_STAND_GRANTS	(sizeof(stand_grants) / sizeof(stand_grants[0]))

static inline void stand_spawn(struct side *s)
{
	struct kr_err e = KR_ERR_NONE;
	int pair[2];

	*s = (struct side){ .chan = { .grants = stand_grants,
				      .n_grants = N_STAND_GRANTS,
				      .gone = stand_gone, .arg = s },
			    .far_fd = -1 };
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
static bool stand_resumed, stand_urgent, stand_hold;
static uint32_t stand_recall_mib = 8;
static uint16_t stand_padding;		/* of records, in bytes */
static uint32_t stand_rekey_mib;
static uint32_t stand_cache_slots;	/* 0 = none; the files outlast stands */
static char stand_caches[2][32];	/* by role */

static inline void stand_cache_key(uint8_t key[KR_PAGECACHE_KEY_BYTES])
{
	for (size_t i = 0; i < KR_PAGECACHE_KEY_BYTES; i++)
		key[i] = (uint8_t)(i * 7 + 1);
}

/* From now on both sides have a cache, empty at first. */
static inline void stand_make_caches(uint32_t n_slots)
{
	stand_cache_slots = n_slots;
	for (int i = 0; i < 2; i++) {
		int fd;

		strcpy(stand_caches[i], "/tmp/korora-cache-XXXXXX");
		fd = mkstemp(stand_caches[i]);
		assert_true(fd >= 0);
		close(fd);
	}
}

static inline void stand_remove_caches(void)
{
	stand_cache_slots = 0;
	for (int i = 0; i < 2; i++)
		assert_int_equal(unlink(stand_caches[i]), 0);
}

/* START with as many descriptors as the role takes; they are closed. */
static inline void stand_start_on(enum kr_plane_role role, bool multifd,
				  const int *fds, unsigned int n_fds,
				  uint64_t limit_bytes, uint32_t stall_ms)
{
	struct kr_plane_start m = { .role = role,
				    .id = { 5, 6, 7, 8 },
				    .limit_ram_bytes = limit_bytes,
				    .stall_ms = stall_ms,
				    .n_lanes = stand_n_lanes,
				    .multifd = multifd,
				    .resumed = stand_resumed,
				    .urgent = stand_urgent,
				    .hold = role == SRC && stand_hold,
				    .padding_bytes = stand_padding,
				    .rekey_mib = stand_rekey_mib,
				    .cache_slots = stand_cache_slots,
				    .cache_keeps = true,
				    .recall_mib = stand_recall_mib };
	int all[KR_CHAN_FDS_MAX];
	uint8_t b[KR_PLANE_BODY_BYTES_MAX];
	struct kr_wr w = KR_WR(b, sizeof(b));
	struct kr_err e = KR_ERR_NONE;

	assert_true(n_fds < KR_CHAN_FDS_MAX);
	memcpy(all, fds, n_fds * sizeof(*fds));
	if (stand_cache_slots) {
		stand_cache_key(m.cache_key);
		all[n_fds] = open(stand_caches[role], O_RDWR | O_CLOEXEC);
		assert_true(all[n_fds++] >= 0);
	}
	kr_plane_msg_put_start(&w, &m);
	assert_false(w.bad);
	assert_int_equal(kr_chan_send(&stand.side[role].chan, KR_PLANE_START,
				      b, kr_wr_len(&w), all, n_fds, &e), 0);
	for (unsigned int i = 0; i < n_fds; i++)
		close(all[i]);
}

static inline void stand_start(enum kr_plane_role role, int qemu_fd,
			       uint64_t limit_bytes, uint32_t stall_ms)
{
	stand_start_on(role, false, &qemu_fd, 1, limit_bytes, stall_ms);
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

/* An order that says no more than that. */
static inline void stand_order(enum kr_plane_role role, enum kr_plane_msg order)
{
	assert_int_equal(kr_chan_send(&stand.side[role].chan, (uint16_t)order,
				      NULL, 0, NULL, 0, NULL), 0);
}

/* New lanes will come, to where the peer is. */
static inline void stand_mend(enum kr_plane_role role,
			      const struct kr_plane_position *peer)
{
	uint8_t b[KR_PLANE_BODY_BYTES_MAX];
	struct kr_wr w = KR_WR(b, sizeof(b));

	kr_plane_msg_put_mend(&w, peer);
	assert_int_equal(kr_chan_put(&stand.side[role].chan, KR_PLANE_MEND, &w,
				     NULL), 0);
	stand.side[role].n_up = 0;
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

/*
 * What has to come about. Nothing that passes waits as long as this: on a
 * busy machine, under a sanitizer, what hangs takes a while to tell.
 */
static inline bool stand_await(bool (*done)(void))
{
	return stand_run(done, 120000);
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
	kr_fd_close(&stand.side[SRC].far_fd);
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
