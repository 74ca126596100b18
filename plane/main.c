/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - korora-plane, the data-plane agent: one process per migration and
 * side, started by kororad as `korora-plane UID GID` in an empty folder, with
 * its channel on KR_AGENT_FD. It jails itself, is handed QEMU's socket and a
 * lane's, and lives until it is told to stop, or kororad dies; but not if a VM
 * runs on what it carries: then until all of that is there.
 */
#include <seccomp.h>
#include <string.h>

#include "base/chan.h"
#include "base/fd.h"
#include "base/jail.h"
#include "base/log.h"
#include "plane/channel.h"
#include "plane/lane.h"
#include "plane/plane_msg.h"
#include "plane/pump.h"

static struct kr_loop *loop;
static struct kr_chan chan;
static struct kr_pump *pump;
static struct kr_timer beat;
static bool alone;	/* kororad is gone, and a VM runs on what we carry */
static char id[2 * KR_PLANE_ID_BYTES + 1];

static const int calls[] = { SCMP_SYS(accept4), SCMP_SYS(setsockopt),
			     SCMP_SYS(pread64), SCMP_SYS(pwrite64),
			     SCMP_SYS(fdatasync) };

static void send_body(uint16_t type, const struct kr_wr *w)
{
	struct kr_err e = KR_ERR_NONE;

	if (alone || kr_chan_put(&chan, type, w, &e) == 0)
		return;
	kr_log_err(KR_LOG_ERROR, id, &e);
	kr_loop_stop(loop, 1);
}

static void on_up(void *arg, const struct kr_plane_up *up)
{
	uint8_t b[KR_PLANE_BODY_BYTES_MAX];
	struct kr_wr w = KR_WR(b, sizeof(b));

	(void)arg;
	kr_plane_msg_put_up(&w, up);
	send_body(KR_PLANE_UP, &w);
}

static void tell_progress(void *arg)
{
	uint8_t b[KR_PLANE_BODY_BYTES_MAX];
	struct kr_wr w = KR_WR(b, sizeof(b));
	struct kr_plane_progress m;

	(void)arg;
	if (alone)
		return;
	kr_timer_arm(loop, &beat, KR_PLANE_PROGRESS_MS);
	kr_pump_progress(pump, &m);
	kr_plane_msg_put_progress(&w, &m);
	send_body(KR_PLANE_PROGRESS, &w);
}

static void on_manifest(void *arg, const struct kr_manifest *m)
{
	uint8_t b[KR_PLANE_BODY_BYTES_MAX];
	struct kr_wr w = KR_WR(b, sizeof(b));

	tell_progress(arg);
	if (!alone)
		kr_timer_off(&beat);
	kr_manifest_put(&w, m);
	send_body(KR_PLANE_MANIFEST, &w);
}

static void on_socket(void *arg, int fd)
{
	struct kr_err e = KR_ERR_NONE;

	(void)arg;
	if (!kr_chan_send(&chan, KR_PLANE_SOCKET, NULL, 0, &fd, 1, &e))
		return;
	kr_log_err(KR_LOG_ERROR, id, &e);
	kr_loop_stop(loop, 1);
}

static void on_split(void *arg, const struct kr_plane_split *m)
{
	uint8_t b[KR_PLANE_BODY_BYTES_MAX];
	struct kr_wr w = KR_WR(b, sizeof(b));

	tell_progress(arg);
	kr_plane_msg_put_split(&w, m);
	send_body(KR_PLANE_SPLIT, &w);
}

static void on_fail(void *arg, const struct kr_err *e)
{
	uint8_t b[KR_PLANE_BODY_BYTES_MAX];
	struct kr_wr w = KR_WR(b, sizeof(b));

	(void)arg;
	if (!alone)
		kr_timer_off(&beat);
	kr_plane_msg_put_fail(&w, e);
	send_body(KR_PLANE_FAIL, &w);
}

static void on_torn(void *arg, const struct kr_plane_position *p,
		    const struct kr_err *e)
{
	uint8_t b[KR_PLANE_BODY_BYTES_MAX];
	struct kr_wr w = KR_WR(b, sizeof(b));

	if (alone) {	/* nobody has new lanes for us: QEMU is to know */
		kr_loop_stop(loop, 0);
		return;
	}
	tell_progress(arg);
	kr_plane_msg_put_torn(&w, p, e);
	send_body(KR_PLANE_TORN, &w);
}

static const struct kr_pump_ops pump_ops = {
	on_up, on_socket, on_split, on_manifest, on_torn, on_fail,
};

/* QEMU's sockets come first, then the page cache, if there is one. */
static int take_start(const struct kr_plane_start *m, int *fds,
		      unsigned int n_fds, struct kr_err *e)
{
	unsigned int n = m->role == KR_PLANE_SOURCE ? 1 : kr_channel_count(m);
	struct kr_err cause = KR_ERR_NONE;

	if (pump || n_fds != n + !!m->cache_slots) {
		for (unsigned int i = 0; i < n_fds; i++)
			kr_fd_close(&fds[i]);
		return kr_fail(e, KR_E_UNEXPECTED, "START");
	}
	kr_hex(m->id, sizeof(m->id), id);
	if (kr_pump_new(loop, m, fds, m->cache_slots ? fds[n] : -1, &pump_ops,
			NULL, &pump, &cause) < 0)
		on_fail(NULL, &cause);
	else
		kr_timer_arm(loop, &beat, KR_PLANE_PROGRESS_MS);
	return 0;
}

static int start(void *arg, struct kr_rd *body, int *fds, unsigned int n_fds,
		 struct kr_err *e)
{
	uint8_t *secret = (uint8_t *)(uintptr_t)body->p;
	size_t n_secret = kr_rd_left(body);
	struct kr_plane_start m;
	int r = kr_plane_msg_parse_start(body, &m, e);

	(void)arg;
	kr_wipe(secret, n_secret);
	if (r < 0) {
		for (unsigned int i = 0; i < n_fds; i++)
			kr_fd_close(&fds[i]);
		kr_wipe(&m, sizeof(m));
		return r;
	}
	r = take_start(&m, fds, n_fds, e);
	kr_wipe(&m, sizeof(m));
	return r;
}

static int lane(void *arg, struct kr_rd *body, int *fds, unsigned int n_fds,
		struct kr_err *e)
{
	KR_AUTO(kr_fd_autoclose) int fd = n_fds ? fds[0] : -1;
	uint8_t *secret = (uint8_t *)(uintptr_t)body->p;
	size_t n_secret = kr_rd_left(body);
	struct kr_plane_lane m;
	int r = kr_plane_msg_parse_lane(body, &m, e);

	(void)arg;
	/* the channel's buffer is ours, and must not keep the key */
	kr_wipe(secret, n_secret);
	if (!r && (!pump || fd < 0))
		r = kr_fail(e, KR_E_UNEXPECTED, "LANE");
	if (!r)
		kr_pump_lane(pump, kr_fd_take(&fd), &m);
	kr_wipe(&m, sizeof(m));
	return r;
}

static int stop(void *arg, struct kr_rd *body, int *fds, unsigned int n_fds,
		struct kr_err *e)
{
	(void)arg, (void)body, (void)fds, (void)n_fds, (void)e;
	kr_loop_stop(loop, 0);
	return 0;
}

static int go(void *arg, struct kr_rd *body, int *fds, unsigned int n_fds,
	      struct kr_err *e)
{
	(void)arg, (void)body, (void)fds, (void)n_fds;
	if (!pump)
		return kr_fail(e, KR_E_UNEXPECTED, "GO");
	kr_pump_go(pump);
	return 0;
}

static int tear(void *arg, struct kr_rd *body, int *fds, unsigned int n_fds,
		struct kr_err *e)
{
	(void)arg, (void)body, (void)fds, (void)n_fds;
	if (!pump)
		return kr_fail(e, KR_E_UNEXPECTED, "TEAR");
	kr_pump_tear(pump);
	return 0;
}

static int mend(void *arg, struct kr_rd *body, int *fds, unsigned int n_fds,
		struct kr_err *e)
{
	struct kr_plane_position p;
	int r = kr_plane_msg_parse_mend(body, &p, e);

	(void)arg, (void)fds, (void)n_fds;
	if (!r && !pump)
		r = kr_fail(e, KR_E_UNEXPECTED, "MEND");
	if (!r)
		kr_pump_mend(pump, &p);
	return r;
}

/* Alone, this goes on to the end of it. */
static void look(void *arg)
{
	(void)arg;
	if (kr_pump_is_closed(pump))
		kr_loop_stop(loop, 0);
	else
		kr_timer_arm(loop, &beat, KR_PLANE_PROGRESS_MS);
}

static void gone(void *arg, const struct kr_err *e)
{
	(void)arg;
	if (e->kr != KR_E_AGENT_DIED)
		kr_log_err(KR_LOG_WARN, id, e);
	if (!pump || !kr_pump_goes_on(pump)) {
		kr_loop_stop(loop, 0);
		return;
	}
	alone = true;
	kr_chan_close(&chan);
	beat.fn = look;
	kr_timer_arm(loop, &beat, KR_PLANE_PROGRESS_MS);
}

static const struct kr_grant grants[] = {
	KR_PLANE_AGENT_GRANTS(start, lane, stop, go, tear, mend),
};

int main(int argc, char **argv)
{
	const struct kr_jail jail = { calls, sizeof(calls) / sizeof(*calls),
				      .threads = true, .outlives = true };
	struct kr_err e = KR_ERR_NONE;
	int r;

	beat = (struct kr_timer){ .fn = tell_progress };
	chan = (struct kr_chan){ .grants = grants,
				 .n_grants = sizeof(grants) / sizeof(*grants),
				 .gone = gone };
	r = kr_agent_init("korora-plane", argc, argv, &loop, &e);
	if (!r)
		r = kr_lane_init(&e);
	if (!r)
		r = kr_jail_enter(&jail, &e);
	if (!r)
		r = kr_chan_open(loop, &chan, KR_AGENT_FD, &e);
	if (r < 0) {
		kr_log_err(KR_LOG_ERROR, "start", &e);
		return 1;
	}
	r = kr_loop_run(loop);
	kr_pump_free(pump);
	kr_chan_close(&chan);
	kr_loop_free(loop);
	return r;
}
