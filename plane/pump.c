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

#include "base/fd.h"
#include "plane/flow.h"
#include "plane/worker.h"

struct kr_pump {
	struct kr_loop		 *loop;
	struct kr_plane_start	  start;
	const struct kr_pump_ops *ops;
	void			 *arg;
	bool			  source, failed, finished;
	bool			  told_up[KR_PLANE_LANES_MAX];
	struct kr_io		  listener;	/* source, until QEMU comes */
	struct kr_io		  news;
	int			  fd;		/* QEMU's; -1 = not there */
	struct kr_flow		 *flow;
	struct kr_worker	 *workers[KR_PLANE_LANES_MAX];
};

static void close_all(struct kr_pump *p)
{
	/* first, so that QEMU sees it however long a thread takes */
	if (p->fd >= 0)
		shutdown(p->fd, SHUT_RDWR);
	for (int i = 0; i < p->start.n_lanes; i++) {
		kr_worker_free(p->workers[i]);
		p->workers[i] = NULL;
	}
	kr_io_del(&p->listener);
	kr_fd_close(&p->listener.fd);
	kr_fd_close(&p->fd);
}

static void fail(struct kr_pump *p, const struct kr_err *e)
{
	if (p->failed)
		return;
	p->failed = true;
	kr_flow_fail(p->flow, e);
	/* before QEMU finds its socket closed, and says no more than that */
	p->ops->fail(p->arg, e);
	close_all(p);
}

/* ---- news of the lanes ------------------------------------------------- */

static void tell_up(struct kr_pump *p)
{
	for (int i = 0; i < p->start.n_lanes; i++) {
		struct kr_plane_up up;

		if (!p->told_up[i] && kr_flow_is_up(p->flow, (uint8_t)i, &up)) {
			p->told_up[i] = true;
			p->ops->up(p->arg, &up);
		}
	}
}

static void finish(struct kr_pump *p)
{
	struct kr_err e = KR_ERR_NONE;
	struct kr_manifest m;

	if (!p->source)
		shutdown(p->fd, SHUT_WR);
	if (kr_flow_manifest(p->flow, &m, &e) < 0) {
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
	if (p->failed)
		return;
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

/* ---- QEMU's socket ----------------------------------------------------- */

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
	kr_io_del(&p->listener);
	kr_fd_close(&p->listener.fd);
	p->fd = fd;
	kr_flow_set_qemu(p->flow, fd);
}

/* ---- life -------------------------------------------------------------- */

int kr_pump_new(struct kr_loop *l, const struct kr_plane_start *start,
		int qemu_fd, int cache_fd, const struct kr_pump_ops *ops, void *arg,
		struct kr_pump **ret_p, struct kr_err *e)
{
	struct kr_pump *p = calloc(1, sizeof(*p));
	int r;

	if (!p) {
		kr_fd_close(&qemu_fd);
		kr_fd_close(&cache_fd);
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	}
	p->loop = l;
	p->start = *start;
	kr_wipe(p->start.cache_key, sizeof(p->start.cache_key));
	p->ops = ops;
	p->arg = arg;
	p->source = start->role == KR_PLANE_SOURCE;
	p->fd = p->source ? -1 : qemu_fd;
	p->listener = (struct kr_io){ .fd = p->source ? qemu_fd : -1,
				      .fn = on_connect, .arg = p };
	fcntl(qemu_fd, F_SETFL, fcntl(qemu_fd, F_GETFL) | O_NONBLOCK);
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
	if (!p->source)
		kr_flow_set_qemu(p->flow, qemu_fd);
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
	};
	uint8_t no = lane->lane_no;
	int r;

	if (p->failed || no >= p->start.n_lanes || p->told_up[no] ||
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
