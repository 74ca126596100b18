/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pump.c - the lanes' threads and the hypervisor's socket, from start to
 * end. Runs in the data-plane agent, on its loop; the bytes flow elsewhere.
 */
#include "plane/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "plane/account.h"
#include "plane/channel.h"
#include "plane/flow.h"
#include "plane/worker.h"

struct kr_pump {
	struct kr_loop		 *loop;
	struct kr_plane_start	  start;
	const struct kr_pump_ops *ops;
	void			 *arg;
	bool			  source, failed, finished, told_split;
	bool			  torn;		/* and it was told */
	bool			  told_up[KR_PLANE_LANES_MAX];
	bool			  was_up;	/* a lane, ever */
	struct kr_io		  listener;	/* source, until QEMU is there */
	struct kr_io		  news;
	uint8_t			  n_fds;	/* of QEMU's, that are there */
	int			  fds[KR_PLANE_LANES_MAX];
	struct kr_io		  drains[KR_PLANE_LANES_MAX];
	struct kr_flow		 *flow;
	struct kr_worker	 *workers[KR_PLANE_LANES_MAX];
};

/* ---- the end ----------------------------------------------------------- */

static void on_drain(void *arg, uint32_t events)
{
	static uint8_t nowhere[65536];
	struct kr_io *io = arg;
	ssize_t k = recv(io->fd, nowhere, sizeof(nowhere), MSG_DONTWAIT);

	(void)events;
	if (!k || (k < 0 && errno != EAGAIN && errno != EINTR))
		kr_io_del(io);
}

static void drain(struct kr_pump *p, uint8_t i)
{
	p->drains[i] = (struct kr_io){ .fd = p->fds[i], .fn = on_drain,
				       .arg = &p->drains[i] };
	kr_io_add(p->loop, &p->drains[i], EPOLLIN, NULL);
}

static void free_workers(struct kr_pump *p)
{
	for (int i = 0; i < p->start.n_lanes; i++) {
		kr_worker_free(p->workers[i]);
		p->workers[i] = NULL;
	}
}

/*
 * QEMU 7.2 waits for ever for its multifd channels to sync when one of them
 * breaks meanwhile. So a source that fails breaks the main channel only, and
 * takes what the others write until QEMU closes them, or kororad ends us.
 *
 * With hold it takes all of it, before the split: going over to post-copy, QEMU
 * 7.2 writes the device state with its main loop locked, and nobody's end is a
 * hang-up to it. Behind the split a VM may yet run on what would be thrown away.
 */
static void break_off(struct kr_pump *p)
{
	uint8_t first = p->start.hold ? 0 : 1;

	if (p->n_fds && !p->start.hold)
		shutdown(p->fds[0], SHUT_RDWR);
	free_workers(p);
	for (uint8_t i = first; i < p->n_fds; i++)
		drain(p, i);
}

static void close_all(struct kr_pump *p)
{
	for (uint8_t i = 0; i < p->n_fds; i++)
		kr_io_del(&p->drains[i]);
	/* first, so that QEMU sees it however long a thread takes; but what
	 * nothing came on is another plane's, perhaps: kororad has it, too */
	for (uint8_t i = 0; i < p->n_fds && p->was_up && !p->start.hold; i++)
		shutdown(p->fds[i], SHUT_RDWR);
	free_workers(p);
	kr_io_del(&p->listener);
	kr_fd_close(&p->listener.fd);
	while (p->n_fds)
		kr_fd_close(&p->fds[--p->n_fds]);
}

/* Is a thread still giving QEMU what came whole? News come of it. */
static bool lingers(struct kr_pump *p)
{
	if (!kr_flow_lingers(p->flow))
		return false;
	for (uint8_t i = 0; i < p->start.n_lanes; i++)
		if (p->workers[i] && !kr_flow_has_left(p->flow, i))
			return true;
	return false;
}

/* Return: new lanes can go on. */
static bool tear(struct kr_pump *p)
{
	struct kr_err why = KR_ERR_NONE;
	struct kr_plane_position position;

	p->torn = kr_flow_torn(p->flow, &position, &why);
	if (!p->torn)
		return false;
	free_workers(p);
	memset(p->told_up, 0, sizeof(p->told_up));
	p->ops->torn(p->arg, &position, &why);
	return true;
}

static void end(struct kr_pump *p, const struct kr_err *e)
{
	p->failed = true;
	/* before QEMU finds its socket closed, and says no more than that */
	p->ops->fail(p->arg, e);
	if (p->source && (p->start.multifd ||
			  (p->start.hold && !p->told_split)))
		break_off(p);
	else
		close_all(p);
}

static void fail(struct kr_pump *p, const struct kr_err *e)
{
	struct kr_err why = KR_ERR_NONE;

	if (p->failed || p->torn)
		return;
	if (!kr_flow_over(p->flow, &why))
		kr_flow_fail(p->flow, e);
	if (!lingers(p) && !tear(p))
		end(p, e);
}

/* ---- news of the lanes ------------------------------------------------- */

static void tell_up(struct kr_pump *p)
{
	for (int i = 0; i < p->start.n_lanes; i++) {
		struct kr_plane_up up;

		if (!p->told_up[i] && kr_flow_is_up(p->flow, (uint8_t)i, &up)) {
			p->told_up[i] = p->was_up = true;
			p->ops->up(p->arg, &up);
		}
	}
}

static void tell_split(struct kr_pump *p)
{
	struct kr_plane_split m;

	if (p->told_split || !kr_flow_has_split(p->flow, &m))
		return;
	p->told_split = true;
	p->ops->split(p->arg, &m);
}

static void finish(struct kr_pump *p)
{
	struct kr_err e = KR_ERR_NONE;
	struct kr_manifest m;

	for (uint8_t i = 0; !p->source && i < p->n_fds; i++)
		shutdown(p->fds[i], SHUT_WR);
	if (kr_account_manifest(p->flow, &m, &e) < 0) {
		fail(p, &e);
		return;
	}
	p->finished = true;
	p->ops->manifest(p->arg, &m);
}

static void on_news(void *arg, uint32_t events)
{
	struct kr_pump *p = arg;
	struct kr_err e = KR_ERR_NONE;
	eventfd_t n;

	(void)events;
	eventfd_read(p->news.fd, &n);
	if (p->failed || p->torn)
		return;
	tell_split(p);
	if (kr_flow_over(p->flow, &e)) {
		fail(p, &e);
		return;
	}
	tell_up(p);
	if (!p->finished && kr_flow_complete(p->flow))
		finish(p);
	if (!p->failed && kr_flow_done(p->flow))
		close_all(p);
}

/* ---- QEMU's sockets ---------------------------------------------------- */

static void on_connect(void *arg, uint32_t events)
{
	struct kr_pump *p = arg;
	struct kr_err e = KR_ERR_NONE;
	int fd = accept4(p->listener.fd, NULL, NULL,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return;
		kr_fail(&e, KR_E_STREAM, "accept: %s", strerror(errno));
		fail(p, &e);
		return;
	}
	p->fds[p->n_fds++] = fd;
	if (p->n_fds == kr_channel_count(&p->start)) {
		kr_io_del(&p->listener);
		kr_fd_close(&p->listener.fd);
	}
	if (p->start.hold && p->n_fds == 1)
		p->ops->socket(p->arg, fd);
	if (!p->failed)
		kr_channel_set_fd(p->flow, p->n_fds - 1, fd);
	else if (p->n_fds == 1)
		shutdown(fd, SHUT_RDWR);
	else
		drain(p, p->n_fds - 1);
}

/* ---- life -------------------------------------------------------------- */

static void set_non_blocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* As much as the kernel allows of it: a lane need not wait until the last byte
 * of its stretch is read. */
static void make_room(int fd)
{
	int n = 2 * KR_BATCH_RAW_MAX;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &n, sizeof(n));
}

int kr_pump_new(struct kr_loop *l, const struct kr_plane_start *start,
		const int *qemu_fds, int cache_fd,
		const struct kr_pump_ops *ops, void *arg,
		struct kr_pump **ret_p, struct kr_err *e)
{
	bool source = start->role == KR_PLANE_SOURCE;
	uint8_t n_fds = source ? 1 : kr_channel_count(start);
	struct kr_pump *p = calloc(1, sizeof(*p));
	int r;

	if (!p) {
		for (uint8_t i = 0; i < n_fds; i++)
			close(qemu_fds[i]);
		kr_fd_close(&cache_fd);
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	}
	p->loop = l;
	p->start = *start;
	kr_wipe(p->start.cache_key, sizeof(p->start.cache_key));
	p->ops = ops;
	p->arg = arg;
	p->source = source;
	p->listener = (struct kr_io){ .fd = source ? qemu_fds[0] : -1,
				      .fn = on_connect, .arg = p };
	for (uint8_t i = 0; i < n_fds; i++)
		set_non_blocking(qemu_fds[i]);
	for (; !source && p->n_fds < n_fds; p->n_fds++) {
		p->fds[p->n_fds] = qemu_fds[p->n_fds];
		make_room(p->fds[p->n_fds]);
	}
	r = kr_flow_new(start, cache_fd, &p->flow, e);
	if (!r) {
		p->news = (struct kr_io){ .fd = p->flow->news_fd,
					  .fn = on_news, .arg = p };
		r = kr_io_add(l, &p->news, EPOLLIN, e);
	}
	if (!r && p->source)
		r = kr_io_add(l, &p->listener, EPOLLIN, e);
	if (r < 0) {
		kr_pump_free(p);
		return r;
	}
	for (uint8_t i = 0; i < p->n_fds; i++)
		kr_channel_set_fd(p->flow, i, p->fds[i]);
	*ret_p = p;
	return 0;
}

void kr_pump_lane(struct kr_pump *p, int fd, const struct kr_plane_lane *lane)
{
	struct kr_err e = KR_ERR_NONE;
	struct kr_lane_cfg cfg = {
		.server = !p->source,
		.suite = p->start.suite,
		.stall_ms = p->start.stall_ms,
		.padding_bytes = p->start.padding_bytes,
		.rekey_bytes = (uint64_t)p->start.rekey_mib << 20,
	};
	uint8_t no = lane->lane_no;
	int r;

	if (p->failed || p->torn || no >= p->start.n_lanes || p->told_up[no] ||
	    p->workers[no]) {
		kr_fd_close(&fd);
		r = kr_fail(&e, KR_E_LANE_USED, "lane %u", no);
	} else {
		r = kr_worker_new(p->flow, no, fd, &cfg, lane->psk,
				  &p->workers[no], &e);
	}
	if (r < 0)
		fail(p, &e);
}

bool kr_pump_goes_on(const struct kr_pump *p)
{
	bool all_up = true;

	for (uint8_t i = 0; i < p->start.n_lanes; i++)
		all_up &= p->told_up[i];
	return !p->failed && !p->torn && all_up &&
	       (p->start.resumed ||
		(p->told_split && !kr_flow_holds(p->flow)));
}

bool kr_pump_is_closed(const struct kr_pump *p)
{
	return !p->n_fds && p->listener.fd < 0;
}

void kr_pump_go(struct kr_pump *p)
{
	kr_flow_go(p->flow);
}

void kr_pump_tear(struct kr_pump *p)
{
	struct kr_err e = KR_ERR_NONE;

	if (p->failed || p->torn || kr_pump_is_closed(p))
		return;		/* told, or nothing is owed on them */
	kr_fail(&e, KR_E_LANE_LOST, "new lanes are to be set up");
	fail(p, &e);
}

void kr_pump_mend(struct kr_pump *p, const struct kr_plane_position *peer)
{
	struct kr_err e = KR_ERR_NONE;

	if (p->failed)
		return;
	if (!p->torn)
		kr_fail(&e, KR_E_UNEXPECTED, "no lanes are to be mended");
	else
		kr_flow_mend(p->flow, peer, &e);
	p->torn = false;
	if (e.code)
		end(p, &e);
}

void kr_pump_progress(const struct kr_pump *p,
		      struct kr_plane_progress *ret_m)
{
	kr_flow_progress(p->flow, ret_m);
}

void kr_pump_free(struct kr_pump *p)
{
	if (!p)
		return;
	if (p->flow)
		kr_flow_stop(p->flow);
	close_all(p);
	kr_io_del(&p->news);
	kr_flow_free(p->flow);
	free(p);
}
