/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.c - a lane's thread. Runs in the data-plane agent.
 *
 * Whoever wants something of another thread writes to its eventfd; a thread
 * touches nothing of another's but through plane/flow.h. A failure anywhere
 * wakes everyone, and each closes what is its own.
 */
#include "plane/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"

#define LINGER_MS	3000u	/* then the hypervisor does not take it */

static void leave(struct kr_worker *w)
{
	if (w->has_left)
		return;
	w->has_left = true;
	kr_timer_off(&w->patience);
	kr_timer_off(&w->later);
	kr_io_del(&w->qemu);
	w->watched = 0;
	kr_loop_stop(w->loop, 0);
	kr_flow_lane_left(w->flow, w->no);
}

static void on_impatience(void *arg)
{
	leave(arg);
}

/* Everything ends: tell the peer why, if it can be told. A batch that came
 * whole outlives its lane for a while. */
static void give_up(struct kr_worker *w, const struct kr_err *why)
{
	struct kr_err e = KR_ERR_NONE;
	int r;

	kr_lane_abort(w->lane, why->kr);
	if (w->has_left)
		return;
	r = kr_flow_lingers(w->flow) ? w->side->linger(w, &e) : 0;
	if (r > 0)
		r = kr_worker_watch(w, &e) < 0 ? e.code : 1;
	if (r < 0)
		kr_flow_fail(w->flow, &e);
	if (r <= 0) {
		leave(w);
		return;
	}
	if (!w->patience.fn) {
		w->patience = (struct kr_timer){ .fn = on_impatience,
						 .arg = w };
		kr_timer_arm(w->loop, &w->patience, LINGER_MS);
	}
}

static void fail(struct kr_worker *w, const struct kr_err *e)
{
	kr_flow_fail(w->flow, e);
	w->stage = KR_STAGE_IDLE;	/* what it was at is not to be used */
	give_up(w, e);
}

static void work(struct kr_worker *w)
{
	struct kr_err e = KR_ERR_NONE;

	if (w->has_left)
		return;
	if (kr_flow_over(w->flow, &e))
		give_up(w, &e);
	else if (w->side->work(w, &e) < 0 || kr_worker_watch(w, &e) < 0)
		fail(w, &e);
}

static void on_later(void *arg)
{
	struct kr_worker *w = arg;
	struct kr_err e = KR_ERR_NONE;

	if (w->has_left || kr_flow_over(w->flow, &e))
		return;		/* a wake-up tells what to do then */
	if (w->side->later(w, &e) < 0)
		fail(w, &e);
}

/* ---- the lane's news --------------------------------------------------- */

static void on_up(void *arg, const char *version, const char *suite)
{
	struct kr_worker *w = arg;

	kr_flow_lane_up(w->flow, w->no, version, suite);
	kr_flow_wake(w->flow, w->no);	/* work, but not inside the lane */
}

static int on_data(void *arg, const uint8_t *p, size_t n, struct kr_err *e)
{
	struct kr_worker *w = arg;
	int r = w->side->data(w, p, n, e);
	int watch = r < 0 ? r : kr_worker_watch(w, e);

	if (watch < 0)
		w->stage = KR_STAGE_IDLE;
	return watch < 0 ? watch : r;
}

static int on_end(void *arg, struct kr_err *e)
{
	struct kr_worker *w = arg;

	return w->side->end(w, e);
}

static void on_room(void *arg)
{
	work(arg);
}

static int on_sent_end(void *arg, struct kr_err *e)
{
	struct kr_worker *w = arg;

	return w->side->sent_end(w, e);
}

static void on_done(void *arg)
{
	struct kr_worker *w = arg;

	kr_worker_count(w);
	kr_flow_lane_done(w->flow, w->no);
	leave(w);
}

static void on_fail(void *arg, const struct kr_err *e)
{
	struct kr_worker *w = arg;

	kr_flow_fail(w->flow, e);
	give_up(w, e);
}

static const struct kr_lane_ops lane_ops = {
	.up = on_up, .data = on_data, .end = on_end, .room = on_room,
	.sent_end = on_sent_end, .done = on_done, .fail = on_fail,
};

/* ---- events ------------------------------------------------------------ */

static void on_wake(void *arg, uint32_t events)
{
	struct kr_worker *w = arg;
	eventfd_t n;

	(void)events;
	eventfd_read(w->wake.fd, &n);
	work(w);
}

static void on_qemu(void *arg, uint32_t events)
{
	(void)events;
	work(arg);
}

/* An io that waits for nothing is taken out: a hang-up would spin. */
int kr_worker_watch(struct kr_worker *w, struct kr_err *e)
{
	uint32_t want = (w->want_in ? EPOLLIN : 0) |
			(w->want_out ? EPOLLOUT : 0);
	int r = 0;

	if (want == w->watched)
		return 0;
	w->qemu.fd = kr_channel_fd(w->flow, w->channel);
	if (!want)
		kr_io_del(&w->qemu);
	else if (w->watched)
		kr_io_want(&w->qemu, want);
	else
		r = kr_io_add(w->loop, &w->qemu, want, e);
	w->watched = want;
	return r;
}

static void *run(void *arg)
{
	struct kr_worker *w = arg;

	kr_loop_run(w->loop);
	return NULL;
}

/* ---- for the sides ----------------------------------------------------- */

int kr_worker_hash(struct kr_worker *w, uint64_t ticket, struct kr_err *e)
{
	int r;

	for (unsigned int k = 0; k < w->items.n; k++)
		if (w->items.i[k].kind == KR_ITEM_PAGE)
			kr_manysha_add(w->sha, w->raw + w->items.i[k].at,
				       KR_PAGE_BYTES, w->digests[k]);
	r = kr_manysha_flush(w->sha, e);
	if (r < 0)
		return r;
	return kr_seal_make(w->sealer, ticket, w->channel, w->raw,
			    w->stretch.n_bytes, &w->items,
			    (const uint8_t (*)[32])w->digests, w->seal, e);
}

/* QEMU's socket is over: by its doing, or by ours, since all is over. */
static int broke(struct kr_worker *w, const char *what, struct kr_err *e)
{
	int saved = errno;

	if (kr_flow_over(w->flow, e))
		return e->code;
	return kr_fail(e, KR_E_STREAM, "%s QEMU: %s", what, strerror(saved));
}

/*
 * A socket is reset where its other end closed it with something unread. At
 * the source that is the return path's last, which may go unheard. A
 * destination's QEMU that has loaded has read all of its main channel; one
 * that a VM may run on already is kororad's to judge.
 */
static bool reset_is_end(const struct kr_worker *w)
{
	struct kr_plane_split m;

	return w->flow->source || w->flow->late ||
	       kr_flow_has_split(w->flow, &m);
}

/* Whoever is handed a socket may make it a blocking one, for all its owners:
 * QEMU does. A lane's thread must not block. */
int kr_worker_read(struct kr_worker *w, uint8_t *p, size_t n, size_t *ret_n,
		   bool *ret_eof, struct kr_err *e)
{
	int fd = kr_channel_fd(w->flow, w->channel);

	*ret_n = 0;
	while (*ret_n < n) {
		ssize_t k = recv(fd, p + *ret_n, n - *ret_n, MSG_DONTWAIT);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0 && errno == EAGAIN)
			break;
		if (!k || (k < 0 && errno == ECONNRESET && reset_is_end(w))) {
			if (*ret_n)	/* first what came before it */
				break;
			/* or it was we who closed it, since all is over */
			if (kr_flow_over(w->flow, e))
				return e->code;
			*ret_eof = true;
			break;
		}
		if (k < 0)
			return broke(w, "reading from", e);
		*ret_n += (size_t)k;
	}
	w->more.from_qemu_bytes += *ret_n;
	return 0;
}

/*
 * The return path may go unheard once the source's QEMU has closed. The
 * forward stream may not, but for one thing: behind its last sync mark QEMU
 * 7.2 sometimes sends one more packet, of no pages, and the other end, which
 * has all its memory, may have closed the channel by then. What is loose
 * cannot be told from that. It is let go as well: QEMU does not say that it
 * has loaded before it took every channel up to the last mark, and whatever
 * else closes a channel breaks the main one, which is always heard. And QEMU
 * 10.0 that has all pages may close the urgent channel before the record that
 * ends it, which QEMU 7.2 waits for.
 */
static bool may_go_unheard(const struct kr_worker *w)
{
	if (w->flow->source)
		return true;
	return w->channel &&
	       (w->head.loose ||
		(!w->items.n &&
		 (w->urgent || kr_channel_ram_complete(w->flow))));
}

int kr_worker_write(struct kr_worker *w, struct kr_err *e)
{
	int fd = kr_channel_fd(w->flow, w->channel);

	w->want_out = false;
	if (fd < 0)
		return 0;		/* it wakes us when it is there */
	if (w->deaf && !may_go_unheard(w))
		return kr_fail(e, KR_E_STREAM, "QEMU has closed a channel");
	while (w->n_left && !w->deaf) {
		ssize_t k = send(fd, w->left, w->n_left,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0 && errno == EAGAIN) {
			w->want_out = true;
			return 0;
		}
		if (k < 0 && (errno == EPIPE || errno == ECONNRESET) &&
		    may_go_unheard(w)) {
			w->deaf = true;
			break;
		}
		if (k < 0)
			return broke(w, "writing to", e);
		w->left += k;
		w->n_left -= (size_t)k;
		w->more.to_qemu_bytes += (size_t)k;
		if (w->flow->source)	/* the first lane's only */
			w->flow->n_back += (size_t)k;
	}
	w->n_left = 0;
	return 0;
}

void kr_worker_keep(struct kr_worker *w)
{
	for (unsigned int k = 0; w->flow->cache && k < w->items.n; k++)
		if (w->items.i[k].kind == KR_ITEM_PAGE)
			kr_pagecache_put(w->flow->cache,
					 w->raw + w->items.i[k].at,
					 w->digests[k]);
}

void kr_worker_note(struct kr_worker *w)
{
	for (unsigned int k = 0; k < w->refs.n; k++) {
		w->more.n_same_pages += w->refs.r[k].kind == KR_REF_SAME;
		w->more.n_delta_pages += w->refs.r[k].kind == KR_REF_DELTA;
		w->more.n_cached_pages += w->refs.r[k].kind == KR_REF_CACHED;
	}
}

void kr_worker_count(struct kr_worker *w)
{
	w->more.method = w->head.method;
	kr_flow_count(w->flow, w->no, w->lane, &w->more, w->arrived_ns);
	w->more = (struct kr_plane_progress){ 0 };
}

/* ---- life -------------------------------------------------------------- */

int kr_worker_new(struct kr_flow *f, uint8_t no, int fd,
		  const struct kr_lane_cfg *cfg,
		  const uint8_t psk[KR_LANE_PSK_BYTES],
		  struct kr_worker **ret_w, struct kr_err *e)
{
	struct kr_worker *w = calloc(1, sizeof(*w));
	int r = w ? 0 : kr_fail(e, KR_E_SYSTEM, "out of memory");

	if (r < 0) {
		kr_fd_close(&fd);
		return r;
	}
	w->flow = f;
	w->no = no;
	w->channel = kr_channel_of(f, no);
	w->urgent = f->channels[w->channel].urgent;
	w->side = f->source ? &kr_send_side : &kr_receive_side;
	w->wake = (struct kr_io){ .fd = f->lanes[no].wake_fd, .fn = on_wake,
				  .arg = w };
	w->qemu = (struct kr_io){ .fd = -1, .fn = on_qemu, .arg = w };
	w->later = (struct kr_timer){ .fn = on_later, .arg = w };
	w->squeezed = malloc(kr_squeeze_bound(KR_BATCH_BODY_MAX));
	kr_pace_init(&w->pace);
	if (!w->squeezed)
		r = kr_fail(e, KR_E_SYSTEM, "out of memory");
	if (!r)
		r = kr_manysha_new(false, &w->sha, e);
	if (!r)
		r = kr_seal_new(&w->sealer, e);
	if (!r)
		r = kr_squeeze_new(&w->squeeze, e);
	if (!r)
		r = kr_loop_new(&w->loop, e);
	if (!r)
		r = kr_io_add(w->loop, &w->wake, EPOLLIN, e);
	if (r < 0)
		kr_fd_close(&fd);
	else
		r = kr_lane_new(w->loop, fd, cfg, psk, &lane_ops, w, &w->lane,
				e);
	if (!r && pthread_create(&w->thread, NULL, run, w))
		r = kr_fail(e, KR_E_SYSTEM, "no thread for a lane");
	if (r < 0) {
		kr_worker_free(w);
		return r;
	}
	w->runs = true;
	*ret_w = w;
	return 0;
}

void kr_worker_free(struct kr_worker *w)
{
	if (!w)
		return;
	if (w->runs)
		pthread_join(w->thread, NULL);
	kr_lane_free(w->lane);
	kr_io_del(&w->wake);
	kr_io_del(&w->qemu);
	kr_loop_free(w->loop);
	kr_squeeze_free(w->squeeze);
	kr_manysha_free(w->sha);
	kr_seal_free(w->sealer);
	free(w->squeezed);
	free(w);
}
