/* SPDX-License-Identifier: Apache-2.0 */
/*
 * receive.c - the destination's lane: open, stretch, put back what both ends
 * remember, read and hash as the source did, and give the hypervisor the
 * very bytes. Runs in the data-plane agent, on every lane's thread; the
 * batches are the peer's.
 *
 * A batch stays in the lane's memory until the hypervisor has taken it, and
 * the lane takes no other meanwhile: TCP carries the pressure to the source.
 */
#include <string.h>

#include "base/fd.h"
#include "plane/worker.h"

#define HAVES_BYTES	(256u * 1024)	/* said at a time */

static int malformed(struct kr_err *e, const char *what)
{
	return kr_fail(e, KR_E_LANE_MALFORMED, "batch: %s", what);
}

/* Its turn: the stretch again, and what is in it. */
static int mend(struct kr_worker *w, struct kr_err *e)
{
	struct kr_flow *f = w->flow;
	size_t used;
	int r;

	if (f->cut)
		return malformed(e, "it comes after the stream's end");
	if (w->head.n_refs) {
		r = kr_batch_unpack(f->recall, f->cache, &w->head, w->raw,
				    w->mended, &w->refs, e);
		if (r < 0)
			return r;
		w->raw = w->mended;
		kr_worker_note(w);
	} else {
		w->refs.n = 0;
	}
	w->n_raw = w->head.n_raw;
	r = kr_flow_scan(f, w->raw, w->n_raw, &w->items, &used, e);
	if (r < 0)
		return r;
	if (used < w->n_raw) {
		/* only where the stream itself was cut short */
		f->cut = true;
		kr_qstream_cut(f->qstream, w->n_raw - used);
	}
	kr_batch_learn(f->recall, w->raw, &w->items, &w->refs, w->head.learn,
		       NULL);
	return 0;
}

static int give(struct kr_worker *w, struct kr_err *e)
{
	int r = kr_flow_account(w->flow, w->raw, w->n_raw, &w->items,
				(const uint8_t (*)[32])w->digests, e);

	w->left = w->raw;
	w->n_left = w->n_raw;
	return r;
}

/* As far as it goes. Return: > 0 when the batch is through. */
static int forward(struct kr_worker *w, struct kr_err *e)
{
	int r;

	switch (w->stage) {
	case KR_STAGE_MEND:
		r = kr_flow_my_turn(w->flow, w->no, KR_TURN_MEND,
				    w->head.ticket, e);
		if (r > 0)
			r = mend(w, e) < 0 ? e->code : 1;
		if (r <= 0)
			return r;
		kr_flow_turn_over(w->flow, KR_TURN_MEND);
		r = kr_worker_hash(w, e);
		if (r < 0)
			return r;
		w->stage = KR_STAGE_GIVE;
		__attribute__((fallthrough));
	case KR_STAGE_GIVE:
		r = kr_flow_my_turn(w->flow, w->no, KR_TURN_GIVE,
				    w->head.ticket, e);
		if (r > 0)
			r = give(w, e) < 0 ? e->code : 1;
		if (r <= 0)
			return r;
		w->stage = KR_STAGE_WRITE;
		__attribute__((fallthrough));
	case KR_STAGE_WRITE:
		r = kr_worker_write(w, e);
		if (r < 0 || w->n_left)
			return r;
		kr_flow_turn_over(w->flow, KR_TURN_GIVE);
		kr_worker_count(w);
		w->stage = KR_STAGE_IDLE;
		return 1;
	default:
		return 0;
	}
}

static int receive_data(struct kr_worker *w, const uint8_t *p, size_t n,
			struct kr_err *e)
{
	struct kr_rd rd = KR_RD(p, n);
	int r = kr_batch_head_parse(&rd, &w->head, e);

	if (r < 0)
		return r;
	w->arrived_ns = kr_now_ns();
	n = kr_rd_left(&rd);
	if (w->head.method != KR_SQUEEZE_NONE) {
		r = kr_squeeze_reverse(w->squeeze, w->head.method, rd.p, n,
				       w->body, w->head.n_body, e);
		if (r < 0)
			return r;
		w->raw = w->body;
	} else if (n != w->head.n_body) {
		return malformed(e, "its size is wrong");
	} else {
		w->raw = (uint8_t *)(uintptr_t)rd.p;
	}
	w->stage = KR_STAGE_MEND;
	r = forward(w, e);
	if (r < 0)
		return r;
	return r ? 0 : KR_LANE_HOLD;
}

/* Name what is in the page cache, a frame full. Return: > 0 if all is said. */
static int say_haves(struct kr_worker *w)
{
	struct kr_pagecache *c = w->flow->cache;
	struct kr_wr wr = KR_WR(kr_lane_batch(w->lane), HAVES_BYTES);
	uint32_t n = c ? kr_pagecache_used(c) : 0;

	if (w->n_said == n)
		return 1;
	kr_wr_u8(&wr, KR_BACK_HAVES);
	kr_wr_u32(&wr, w->n_said);
	while (w->n_said < n &&
	       wr.p + KR_PAGECACHE_NAME_BYTES <= wr.end)
		kr_wr_bytes(&wr, kr_pagecache_name(c, w->n_said++),
			    KR_PAGECACHE_NAME_BYTES);
	kr_lane_send(w->lane, kr_wr_len(&wr));
	return 0;
}

/* The return path, on the first lane; in its pauses, what is cached here. */
static int back(struct kr_worker *w, struct kr_err *e)
{
	uint8_t *p;
	bool eof = false;
	size_t n;
	int r;

	w->want_in = false;
	while ((p = kr_lane_batch(w->lane)) && !w->back_ended) {
		p[0] = KR_BACK_STREAM;
		r = kr_worker_read(w, p + 1, KR_BATCH_RAW_MAX, &n, &eof, e);
		if (r < 0)
			return r;
		w->back_ended = eof;
		if (n)
			kr_lane_send(w->lane, n + 1);
		if (eof)
			kr_lane_end(w->lane);
		if (!n && !eof && say_haves(w)) {
			w->want_in = true;
			break;
		}
	}
	return 0;
}

/* The other lanes carry nothing back, and end with the source. */
static void end_back(struct kr_worker *w)
{
	if (w->all_came && !w->back_ended && kr_lane_batch(w->lane)) {
		w->back_ended = true;
		kr_lane_end(w->lane);
	}
}

static int receive_work(struct kr_worker *w, struct kr_err *e)
{
	int r = forward(w, e);

	if (r < 0)
		return r;
	if (r > 0)
		kr_lane_resume(w->lane);
	if (!w->no)
		return back(w, e);
	end_back(w);
	return 0;
}

static int receive_end(struct kr_worker *w, struct kr_err *e)
{
	kr_worker_count(w);
	w->all_came = true;
	kr_flow_wake(w->flow, w->no);
	return kr_flow_lane_ended(w->flow, w->no, e);
}

static int receive_sent_end(struct kr_worker *w, struct kr_err *e)
{
	(void)w, (void)e;
	return 0;
}

const struct kr_worker_side kr_receive_side = {
	.work = receive_work, .data = receive_data,
	.sent_end = receive_sent_end, .end = receive_end,
};
