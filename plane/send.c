/* SPDX-License-Identifier: Apache-2.0 */
/*
 * send.c - the source's lane: read a stretch of the hypervisor's stream,
 * hash it, find what both ends remember, squeeze, seal, send. Runs in the
 * data-plane agent, on every lane's thread.
 *
 * One lane at a time reads; while it hashes what it read, the next one reads
 * on, so a stretch stays with one core. The stretch is read straight into
 * the lane's outgoing batch, and on a fast link leaves from there.
 */
#include <assert.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "plane/tcprate.h"
#include "plane/worker.h"

static_assert(KR_BATCH_HEAD_BYTES >= KR_LANE_BATCH_SPARE,
	      "a stretch is in the batch while it awaits its turn");

#define HARD	32u	/* a body that shrinks by less than a 32nd is hard */

static struct kr_span span_begin(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (struct kr_span){
		.wall_ns = kr_now_ns(),
		.cpu_ns = (uint64_t)t.tv_sec * 1000000000u +
			  (uint64_t)t.tv_nsec,
	};
}

static struct kr_span span_end(const struct kr_span *begin)
{
	struct kr_span now = span_begin();

	return (struct kr_span){ now.wall_ns - begin->wall_ns,
				 now.cpu_ns - begin->cpu_ns };
}

/* Read a stretch of whole items. Return: > 0 if there is one; 0 if not yet,
 * or never again. */
static int read_stretch(struct kr_worker *w, struct kr_err *e)
{
	struct kr_flow *f = w->flow;
	uint8_t *raw = kr_lane_batch(w->lane) + KR_BATCH_HEAD_BYTES;
	size_t n = f->n_carry, got, used;
	bool eof = false, cut;
	int r;

	if (n)
		memcpy(raw, f->carry, n);
	r = kr_worker_read(w, raw + n, KR_BATCH_RAW_MAX - n, &got, &eof, e);
	if (r < 0)
		return r;
	n += got;
	if (!got && !eof && !f->more) {
		w->want_in = true;
		return 0;
	}
	r = kr_flow_scan(f, raw, n, &w->items, &used, e);
	if (r < 0)
		return r;
	f->more = kr_items_full(&w->items);
	cut = eof && !f->more;
	if (cut && used < n) {
		kr_qstream_cut(f->qstream, n - used);
		used = n;
	}
	f->n_carry = n - used;
	memcpy(f->carry, raw + used, n - used);
	if (!used && !cut) {
		w->want_in = true;
		return 0;
	}
	w->want_in = false;
	w->raw = raw;
	w->n_raw = used;
	w->ticket = kr_flow_read_on(f, w->no, cut, used > 0);
	return used > 0;
}

/* Squeeze the body, if the link is worth it. Return: what to send. */
static int squeeze(struct kr_worker *w, const uint8_t **body, size_t *n,
		   enum kr_squeeze_method method, struct kr_err *e)
{
	struct kr_span span;
	long k;

	if (method == KR_SQUEEZE_NONE ||
	    kr_hardpages_are(&w->flow->hard, &w->items))
		return 0;
	span = span_begin();
	k = kr_squeeze_forward(w->squeeze, method, *body, *n, w->squeezed, e);
	if (k < 0)
		return (int)k;
	span = span_end(&span);
	w->spent.wall_ns -= span.wall_ns;
	w->spent.cpu_ns -= span.cpu_ns;
	kr_pace_squeezed(&w->pace, method, *n, (size_t)k, span.cpu_ns);
	kr_hardpages_note(&w->flow->hard, &w->items,
			  (size_t)k > *n / HARD * (HARD - 1));
	w->more.squeeze_in_bytes += *n;
	w->more.squeeze_out_bytes += (size_t)k;
	/* zstd's inverse has to see all that zstd saw */
	if (method == KR_SQUEEZE_LZ4 && (!k || (size_t)k >= *n))
		return 0;
	*body = w->squeezed;
	*n = (size_t)k;
	w->head.method = (uint8_t)method;
	return 0;
}

/* For the day the VM, or one like it, comes back. */
static void keep(struct kr_worker *w)
{
	for (unsigned int k = 0; w->flow->cache && k < w->items.n; k++)
		if (w->items.i[k].kind == KR_ITEM_PAGE)
			kr_pagecache_put(w->flow->cache,
					 w->raw + w->items.i[k].at,
					 w->digests[k]);
}

/* The stretch's turn has come. */
static int mend(struct kr_worker *w, struct kr_err *e)
{
	struct kr_flow *f = w->flow;
	const uint8_t (*digests)[32] = (const uint8_t (*)[32])w->digests;
	enum kr_squeeze_method method = kr_pace_method(&w->pace);
	uint8_t *batch = kr_lane_batch(w->lane);
	struct kr_wr wr = KR_WR(batch, KR_BATCH_HEAD_BYTES);
	const uint8_t *body = w->raw;
	size_t n = w->n_raw;
	struct kr_span span = span_begin();
	uint64_t blocked_ns, sent, received;
	uint16_t peer_waits;
	int r = kr_flow_account(f, w->raw, w->n_raw, &w->items, digests, e);

	if (r < 0)
		return r;
	kr_batch_find(f->recall, f->there, w->raw, &w->items, digests,
		      method != KR_SQUEEZE_NONE, &w->refs);
	w->head = (struct kr_batch_head){
		.ticket = w->ticket, .n_raw = (uint32_t)w->n_raw,
		.n_refs = (uint16_t)w->refs.n,
		.learn = kr_flow_learns(f, method != KR_SQUEEZE_NONE,
					&w->items, &w->refs),
	};
	if (w->refs.n) {
		n = kr_batch_pack(f->recall, w->raw, w->n_raw, &w->refs,
				  w->body);
		body = w->body;
	}
	kr_batch_learn(f->recall, w->raw, &w->items, &w->refs, w->head.learn,
		       digests);
	kr_flow_turn_over(f, KR_TURN_MEND);
	kr_worker_note(w);
	keep(w);
	w->head.n_body = (uint32_t)n;
	r = squeeze(w, &body, &n, method, e);
	if (r < 0)
		return r;
	kr_batch_head_put(&wr, &w->head);
	if (body != w->raw)
		memcpy(batch + KR_BATCH_HEAD_BYTES, body, n);
	kr_lane_send(w->lane, KR_BATCH_HEAD_BYTES + n);
	span = span_end(&span);
	kr_pace_worked(&w->pace, w->n_raw, w->spent.cpu_ns + span.cpu_ns,
		       w->spent.wall_ns + span.wall_ns);
	kr_lane_load(w->lane, &blocked_ns, &peer_waits);
	kr_lane_wire(w->lane, &sent, &received);
	if (kr_pace_wants_rate(&w->pace, sent))
		kr_pace_rate(&w->pace, kr_tcprate(kr_lane_fd(w->lane)));
	kr_pace_link(&w->pace, kr_now_ns(), sent, blocked_ns, peer_waits);
	kr_worker_count(w);
	return 0;
}

static int begin(struct kr_worker *w, struct kr_err *e)
{
	struct kr_span span = span_begin();
	int r = read_stretch(w, e);

	if (r <= 0)
		return r;
	r = kr_worker_hash(w, e);
	w->spent = span_end(&span);
	w->stage = KR_STAGE_MEND;
	return r < 0 ? r : 1;
}

/* Is there anything to read, and is it ours? Return: > 0 to go on. */
static int look(struct kr_worker *w)
{
	if (!kr_lane_batch(w->lane))
		return 0;		/* room() comes back here */
	switch (kr_flow_may_read(w->flow, w->no)) {
	case KR_FLOW_READ:
		w->stage = KR_STAGE_READ;
		return 1;
	case KR_FLOW_WAIT:
		return 0;
	case KR_FLOW_END:
		w->stage = KR_STAGE_END;
		w->want_in = false;
		kr_lane_end(w->lane);
		return 0;
	}
	return 0;
}

static int forward(struct kr_worker *w, struct kr_err *e)
{
	int r = 1;

	while (r > 0) {
		switch (w->stage) {
		case KR_STAGE_READ:
			/* a sign of life may be on its way out just now */
			if (!kr_lane_batch(w->lane)) {
				w->want_in = false;
				return 0;	/* room() comes back here */
			}
			r = begin(w, e);
			/* the stream's end is found without a stretch */
			if (!r && !w->want_in) {
				w->stage = KR_STAGE_IDLE;
				r = 1;
			}
			break;
		case KR_STAGE_MEND:
			if (!kr_lane_batch(w->lane))
				return 0;
			r = kr_flow_my_turn(w->flow, w->no, KR_TURN_MEND,
					    w->ticket, e);
			if (r <= 0)
				break;
			w->stage = KR_STAGE_IDLE;
			r = mend(w, e);
			r = r < 0 ? r : 1;
			break;
		case KR_STAGE_IDLE:
			r = look(w);
			break;
		default:
			r = 0;
		}
	}
	return r;
}

static int send_work(struct kr_worker *w, struct kr_err *e)
{
	if (w->n_left) {
		int r = kr_worker_write(w, e);

		if (r < 0)
			return r;
		if (!w->n_left)
			kr_lane_resume(w->lane);
	}
	return forward(w, e);
}

static int malformed(struct kr_err *e, const char *what)
{
	return kr_fail(e, KR_E_LANE_MALFORMED, "backward: %s", what);
}

static int take_haves(struct kr_worker *w, struct kr_rd *r, struct kr_err *e)
{
	uint32_t slot = kr_rd_u32(r);
	size_t n = kr_rd_left(r) / KR_PAGECACHE_NAME_BYTES;

	if (r->bad || kr_rd_left(r) % KR_PAGECACHE_NAME_BYTES)
		return malformed(e, "malformed names of pages");
	return w->flow->there ? kr_haves_add(w->flow->there, slot, r->p,
					     (uint32_t)n, e) : 0;
}

/* The return path, and what else the destination says. */
static int send_data(struct kr_worker *w, const uint8_t *p, size_t n,
		     struct kr_err *e)
{
	struct kr_rd rd = KR_RD(p, n);
	uint8_t what = kr_rd_u8(&rd);
	int r;

	if (w->no)
		return malformed(e, "not on the first lane");
	if (what == KR_BACK_HAVES)
		return take_haves(w, &rd, e);
	if (what != KR_BACK_STREAM)
		return malformed(e, "of no kind");
	w->left = rd.p;
	w->n_left = kr_rd_left(&rd);
	r = kr_worker_write(w, e);
	if (r < 0)
		return r;
	return w->n_left ? KR_LANE_HOLD : 0;
}

static int send_end(struct kr_worker *w, struct kr_err *e)
{
	(void)w, (void)e;
	return 0;
}

static int send_sent_end(struct kr_worker *w, struct kr_err *e)
{
	kr_worker_count(w);
	return kr_flow_lane_ended(w->flow, w->no, e);
}

const struct kr_worker_side kr_send_side = {
	.work = send_work, .data = send_data, .sent_end = send_sent_end,
	.end = send_end,
};
