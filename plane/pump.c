/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pump.c - QEMU's socket and the lane, joined. Runs in the data-plane agent.
 *
 * No buffer of its own: what QEMU writes is read straight into the lane's
 * outgoing batch, and what the lane received stays in the lane's memory until
 * QEMU took it. Hashing happens on the way, while the bytes are in the cache;
 * this is where worker threads would take pages off the reader's hands.
 */
#include "plane/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "plane/lane.h"
#include "plane/qstream.h"
#include "plane/ramtree.h"

struct kr_pump {
	struct kr_loop		 *loop;
	struct kr_plane_start	  start;
	const struct kr_pump_ops *ops;
	void			 *arg;
	bool			  source, up, failed, finished;

	int			  fd;		/* QEMU's, -1 = closed */
	struct kr_io		  io;
	uint32_t		  watched;
	bool			  listening;
	bool			  eof;		/* QEMU wrote its last byte */
	bool			  deaf;		/* QEMU reads no more */

	struct kr_lane		 *lane;
	uint8_t			  lane_no;
	const uint8_t		 *left;		/* of a received batch, for */
	size_t			  n_left;	/* QEMU; the lane's memory */

	struct kr_qstream	 *qstream;
	struct kr_ramtree	 *tree;
	uint64_t		  from_qemu, to_qemu;
};

static void close_qemu(struct kr_pump *p)
{
	kr_io_del(&p->io);
	p->watched = 0;
	kr_fd_close(&p->fd);
}

static void fail(struct kr_pump *p, const struct kr_err *e)
{
	if (p->failed)
		return;
	p->failed = true;
	close_qemu(p);
	kr_lane_abort(p->lane, e->kr);
	p->ops->fail(p->arg, e);
}

/* An io that waits for nothing is taken out: a hang-up would spin. */
static void watch(struct kr_pump *p)
{
	bool in = p->listening ||
		  (p->up && !p->eof && p->lane && kr_lane_batch(p->lane));
	bool out = p->n_left && !p->listening;
	uint32_t want = (in ? EPOLLIN : 0) | (out ? EPOLLOUT : 0);
	struct kr_err e = KR_ERR_NONE;

	if (p->fd < 0 || want == p->watched)
		return;
	if (!want)
		kr_io_del(&p->io);
	else if (p->watched)
		kr_io_want(&p->io, want);
	else if (kr_io_add(p->loop, &p->io, want, &e) < 0) {
		fail(p, &e);
		return;
	}
	p->watched = want;
}

/* ---- the forward stream, read ------------------------------------------ */

static int on_blocks(void *arg, const struct kr_qstream_block *b,
		     unsigned int n, struct kr_err *e)
{
	struct kr_pump *p = arg;
	int r = 0;

	for (unsigned int i = 0; !r && i < n; i++)
		r = kr_ramtree_add(p->tree, b[i].name, b[i].name_bytes,
				   b[i].size_bytes, e);
	return r < 0 ? r : kr_ramtree_ready(p->tree, e);
}

static int on_page(void *arg, unsigned int block, uint64_t page,
		   const uint8_t *data, uint8_t fill, struct kr_err *e)
{
	struct kr_pump *p = arg;

	(void)e;
	kr_ramtree_set(p->tree, block, page, data, fill);
	return 0;
}

static int on_pause(void *arg, struct kr_err *e)
{
	struct kr_pump *p = arg;

	(void)e;
	kr_ramtree_settle(p->tree);
	return 0;
}

static const struct kr_qstream_ops reader = { on_blocks, on_page, on_pause };

static int finish(struct kr_pump *p, struct kr_err *e)
{
	const struct kr_qstream_stat *s = kr_qstream_stat(p->qstream);
	struct kr_manifest m = { 0 };
	int r = kr_qstream_finish(p->qstream, m.device_digest, e);

	if (!r)
		r = kr_ramtree_root(p->tree, m.ram_root, e);
	if (r < 0)
		return r;
	m.opaque = s->phase == KR_QSTREAM_OPAQUE;
	m.ram_bytes = s->ram_bytes;
	m.stream_bytes = s->n_bytes;
	m.n_pages = s->n_pages;
	m.n_zero_pages = s->n_zero_pages;
	snprintf(m.reason, sizeof(m.reason), "%s", s->reason ?: "");
	p->finished = true;
	p->ops->manifest(p->arg, &m);
	return 0;
}

/* ---- QEMU to lane ------------------------------------------------------ */

static int read_qemu(struct kr_pump *p, struct kr_err *e)
{
	uint8_t *batch = kr_lane_batch(p->lane);
	size_t n = 0;
	int r = 0;

	if (!batch)
		return 0;
	while (!r && n < KR_PUMP_BATCH_BYTES) {
		ssize_t k = read(p->fd, batch + n, KR_PUMP_BATCH_BYTES - n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0 && errno == EAGAIN)
			break;
		/* reset: it closed without reading the return path's last */
		if (!k || (k < 0 && errno == ECONNRESET)) {
			p->eof = true;
			break;
		}
		if (k < 0)
			return kr_fail(e, KR_E_STREAM, "reading from QEMU: %s",
				       strerror(errno));
		if (p->source)
			r = kr_qstream_push(p->qstream, batch + n, (size_t)k,
					    e);
		n += (size_t)k;
	}
	if (r < 0)
		return r;
	p->from_qemu += n;
	if (n)
		kr_lane_send(p->lane, n);
	if (p->eof)
		kr_lane_end(p->lane);
	return 0;
}

/* ---- lane to QEMU ------------------------------------------------------ */

/* Write what is left of the batch. The return path may go unheard once the
 * source's QEMU has closed; the forward stream may not. */
static int write_qemu(struct kr_pump *p, struct kr_err *e)
{
	while (p->n_left && !p->deaf) {
		ssize_t k = send(p->fd, p->left, p->n_left,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0 && errno == EAGAIN)
			return 0;
		if (k < 0 && p->source &&
		    (errno == EPIPE || errno == ECONNRESET)) {
			p->deaf = true;
			break;
		}
		if (k < 0)
			return kr_fail(e, KR_E_STREAM, "writing to QEMU: %s",
				       strerror(errno));
		p->left += k;
		p->n_left -= (size_t)k;
		p->to_qemu += (size_t)k;
	}
	p->n_left = 0;
	return 0;
}

static int on_data(void *arg, const uint8_t *data, size_t n, struct kr_err *e)
{
	struct kr_pump *p = arg;
	int r = p->source ? 0 : kr_qstream_push(p->qstream, data, n, e);

	if (r < 0)
		return r;
	p->left = data;
	p->n_left = n;
	if (!p->listening)
		r = write_qemu(p, e);
	watch(p);
	if (r < 0)
		return r;
	return p->n_left ? KR_LANE_HOLD : 0;
}

static int on_end(void *arg, struct kr_err *e)
{
	struct kr_pump *p = arg;

	if (p->fd >= 0 && !p->listening)
		shutdown(p->fd, SHUT_WR);
	return p->source ? 0 : finish(p, e);
}

/* ---- the lane's other news --------------------------------------------- */

static void on_up(void *arg, const char *version, const char *suite)
{
	struct kr_pump *p = arg;
	struct kr_plane_up up = { .lane_no = p->lane_no };

	p->up = true;
	snprintf(up.tls_version, sizeof(up.tls_version), "%s", version);
	snprintf(up.suite, sizeof(up.suite), "%s", suite);
	p->ops->up(p->arg, &up);
	watch(p);
}

static void on_room(void *arg)
{
	watch(arg);
}

static int on_sent_end(void *arg, struct kr_err *e)
{
	struct kr_pump *p = arg;

	return p->source ? finish(p, e) : 0;
}

static void on_done(void *arg)
{
	close_qemu(arg);
}

static void on_fail(void *arg, const struct kr_err *e)
{
	fail(arg, e);
}

static const struct kr_lane_ops lane_ops = {
	.up = on_up, .data = on_data, .end = on_end, .room = on_room,
	.sent_end = on_sent_end, .done = on_done, .fail = on_fail,
};

/* ---- QEMU's socket ----------------------------------------------------- */

static int accept_qemu(struct kr_pump *p, struct kr_err *e)
{
	int fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return errno == EAGAIN || errno == EINTR ? 0 :
			kr_fail(e, KR_E_STREAM, "accept: %s", strerror(errno));
	close_qemu(p);
	p->listening = false;
	p->fd = p->io.fd = fd;
	return 0;
}

static void qemu_event(void *arg, uint32_t events)
{
	struct kr_pump *p = arg;
	struct kr_err e = KR_ERR_NONE;
	int r = 0;

	if (p->listening) {
		r = accept_qemu(p, &e);
	} else {
		if (p->n_left && events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) {
			r = write_qemu(p, &e);
			if (!r && !p->n_left)
				kr_lane_resume(p->lane);
		}
		if (!r && p->up && !p->eof && !p->failed &&
		    events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			r = read_qemu(p, &e);
	}
	if (r < 0)
		fail(p, &e);
	watch(p);
}

int kr_pump_new(struct kr_loop *l, const struct kr_plane_start *start,
		int qemu_fd, const struct kr_pump_ops *ops, void *arg,
		struct kr_pump **ret_p, struct kr_err *e)
{
	struct kr_pump *p = calloc(1, sizeof(*p));
	int r;

	if (!p) {
		kr_fd_close(&qemu_fd);
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	}
	p->loop = l;
	p->start = *start;
	p->ops = ops;
	p->arg = arg;
	p->source = start->role == KR_PLANE_SOURCE;
	p->listening = p->source;
	p->fd = qemu_fd;
	p->io = (struct kr_io){ .fd = qemu_fd, .fn = qemu_event, .arg = p };
	fcntl(qemu_fd, F_SETFL, fcntl(qemu_fd, F_GETFL) | O_NONBLOCK);
	r = kr_qstream_new(start->limit_ram_bytes, &reader, p, &p->qstream, e);
	if (!r)
		r = kr_ramtree_new(start->limit_ram_bytes, &p->tree, e);
	if (r < 0) {
		kr_pump_free(p);
		return r;
	}
	watch(p);
	*ret_p = p;
	return 0;
}

void kr_pump_lane(struct kr_pump *p, int fd, const struct kr_plane_lane *lane)
{
	struct kr_err e = KR_ERR_NONE;
	int r;

	struct kr_lane_cfg cfg = {
		.server = !p->source,
		.suite = p->start.suite,
		.stall_ms = p->start.stall_ms,
	};

	if (p->lane || p->failed) {
		kr_fd_close(&fd);
		r = kr_fail(&e, KR_E_LANE_USED, "lane %u", lane->lane_no);
	} else {
		p->lane_no = lane->lane_no;
		r = kr_lane_new(p->loop, fd, &cfg, lane->psk, &lane_ops, p,
				&p->lane, &e);
	}
	if (r < 0)
		fail(p, &e);
}

void kr_pump_progress(const struct kr_pump *p,
		      struct kr_plane_progress *ret_m)
{
	static const enum kr_plane_phase phases[KR_QSTREAM_PHASE_N] = {
		[KR_QSTREAM_HEAD] = KR_PLANE_WAITING,
		[KR_QSTREAM_RAM] = KR_PLANE_RAM,
		[KR_QSTREAM_DEVICE] = KR_PLANE_DEVICE,
		[KR_QSTREAM_OPAQUE] = KR_PLANE_OPAQUE,
	};
	const struct kr_qstream_stat *s = kr_qstream_stat(p->qstream);

	*ret_m = (struct kr_plane_progress){
		.phase = p->finished ? KR_PLANE_DONE : phases[s->phase],
		.from_qemu_bytes = p->from_qemu,
		.to_qemu_bytes = p->to_qemu,
		.ram_bytes = s->ram_bytes,
		.n_pages = s->n_pages,
		.n_zero_pages = s->n_zero_pages,
		.rounds = s->rounds,
	};
	if (p->lane)
		kr_lane_wire(p->lane, &ret_m->wire_sent_bytes,
			     &ret_m->wire_received_bytes);
}

void kr_pump_free(struct kr_pump *p)
{
	if (!p)
		return;
	kr_lane_abort(p->lane, KR_E_CANCELLED);
	kr_lane_free(p->lane);
	close_qemu(p);
	kr_qstream_free(p->qstream);
	kr_ramtree_free(p->tree);
	free(p);
}
