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
#include "plane/account.h"
#include "plane/backpath.h"
#include "plane/worker.h"

#define HAVES_BYTES	(256u * 1024)	/* said at a time */

static int malformed(struct kr_err *e, const char *what)
{
	return kr_fail(e, KR_E_LANE_MALFORMED, "batch: %s", what);
}

/* Where the stretch breaks off inside an item: only an only channel does,
 * at its end. */
static int take_cut(struct kr_worker *w, struct kr_err *e)
{
	if (w->channel || w->flow->multifd)
		return malformed(e, "it is not what it claims to be");
	w->flow->channels[w->channel].cut = true;
	if (kr_channel_cut(w->flow, w->channel,
			   w->head.n_raw - w->stretch.n_bytes, e) < 0)
		return e->code;
	w->stretch.n_bytes = w->head.n_raw;
	return 0;
}

/* Its turn: the stretch again, and what is in it. */
static int mend(struct kr_worker *w, struct kr_err *e)
{
	struct kr_flow *f = w->flow;
	const struct kr_channel *c = &f->channels[w->channel];
	int r;

	if (c->cut || c->loose)
		return malformed(e, "it comes after the stream's end");
	if (w->urgent && (w->head.n_refs || w->head.learn))
		return malformed(e, "it is not to be remembered");
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
	r = kr_channel_scan(f, w->channel, w->raw, w->head.n_raw, &w->items,
			    &w->stretch, e);
	if (!r && w->stretch.n_bytes < w->head.n_raw)
		r = take_cut(w, e);
	if (!r)
		r = kr_channel_take(f, w->channel, &w->stretch, e);
	if (r < 0 || w->urgent)
		return r;
	kr_batch_learn(f->recall, w->raw, &w->items, &w->refs, w->head.learn,
		       NULL);
	return 0;
}

/* Is it what the source has read, page by page? Before it goes any further. */
static int check(struct kr_worker *w, struct kr_err *e)
{
	int r = kr_worker_hash(w, w->head.ticket, e);

	if (!r && memcmp(w->seal, w->head.seal, sizeof(w->seal)))
		r = kr_fail(e, KR_E_ROOT_DIFFERS,
			    "batch %llu is not what the source sealed",
			    (unsigned long long)w->head.ticket);
	return r;
}

static int give(struct kr_worker *w, struct kr_err *e)
{
	int r = kr_account_stretch(w->flow, w->channel, w->raw, &w->stretch,
				   &w->items,
				   (const uint8_t (*)[32])w->digests, e);

	if (w->flow->multifd)	/* the others do not wait for our channel */
		kr_turns_over(w->flow, KR_TURN_GIVE);
	/* what a VM waits for does not wait for a disk */
	w->keeps = !w->urgent && !kr_account_is_late(w->flow);
	return r;
}

/* May the batch go on? An urgent one has an order of its own. */
static int is_mine(struct kr_worker *w, enum kr_turn t, struct kr_err *e)
{
	struct kr_channel *c = &w->flow->channels[w->channel];
	int r;

	if (!w->urgent)
		return kr_turns_mine(w->flow, w->no, t, w->head.ticket, e);
	if (t == KR_TURN_GIVE)
		return 1;
	r = kr_channel_is_open(w->flow, e);
	if (r > 0 && w->head.ticket != c->next_ticket++)
		return malformed(e, "it is out of order");
	return r;
}

/* Something the source's reader does not understand, or in no order. */
static int take_loose(struct kr_worker *w, struct kr_err *e)
{
	struct kr_flow *f = w->flow;

	if (!f->multifd)
		return malformed(e, "it is loose");
	kr_channel_take_loose(f, w->channel);
	w->items.n = 0;
	w->refs.n = 0;
	w->stretch = (struct kr_stretch){ .n_bytes = w->head.n_raw };
	if (check(w, e) < 0)
		return e->code;
	return kr_account_loose(f, w->channel, w->raw, w->head.n_raw, e);
}

/* As far as it goes. Return: > 0 when the batch is through. */
static int forward(struct kr_worker *w, struct kr_err *e)
{
	int r;

	switch (w->stage) {
	case KR_STAGE_MEND:
		r = is_mine(w, KR_TURN_MEND, e);
		if (r > 0)
			r = mend(w, e) < 0 ? e->code : 1;
		if (r <= 0)
			return r;
		if (!w->urgent)
			kr_turns_over(w->flow, KR_TURN_MEND);
		r = check(w, e);
		if (r < 0)
			return r;
		w->stage = KR_STAGE_GIVE;
		__attribute__((fallthrough));
	case KR_STAGE_GIVE:
		r = is_mine(w, KR_TURN_GIVE, e);
		if (r > 0)
			r = give(w, e) < 0 ? e->code : 1;
		if (r <= 0)
			return r;
		w->stage = KR_STAGE_WRITE;
		w->left = w->raw;
		w->n_left = w->head.n_raw;
		__attribute__((fallthrough));
	case KR_STAGE_WRITE:
		r = kr_worker_write(w, e);
		if (r < 0 || w->n_left)
			return r;
		if (w->urgent)
			w->flow->channels[w->channel].n_given++;
		else if (!w->flow->multifd)
			kr_turns_over(w->flow, KR_TURN_GIVE);
		if (w->stretch.split)
			kr_account_tell_split(w->flow);
		if (w->stretch.opens)
			kr_channel_open(w->flow);
		if (w->keeps)
			kr_worker_keep(w);
		kr_worker_count(w);
		w->stage = KR_STAGE_IDLE;
		w->n_taken += w->head.n_raw;
		if (!w->later.due_ns)
			kr_timer_arm(w->loop, &w->later, KR_CREDIT_SAY_MS);
		return 1;
	default:
		return 0;
	}
}

/* Acknowledge what QEMU has taken, if there is room for it. */
static void say_credit(struct kr_worker *w)
{
	uint8_t *p = kr_lane_batch(w->lane);
	struct kr_wr wr;

	if (!p || w->n_credited == w->n_taken)
		return;
	wr = KR_WR(p, KR_CREDIT_BYTES);
	w->n_credited = w->n_taken;
	kr_wr_u8(&wr, KR_BACK_CREDIT);
	kr_wr_u64(&wr, w->n_taken);
	kr_lane_send(w->lane, kr_wr_len(&wr));
}

static int receive_later(struct kr_worker *w, struct kr_err *e)
{
	(void)e;
	if (!w->back_ended)
		say_credit(w);
	return 0;
}

static int receive_data(struct kr_worker *w, const uint8_t *p, size_t n,
			struct kr_err *e)
{
	struct kr_rd rd = KR_RD(p, n);
	int r = kr_batch_head_parse(&rd, &w->head, e);

	if (r < 0)
		return r;
	if (w->head.channel != w->channel)
		return malformed(e, "it is of another channel");
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
	if (w->head.loose) {
		if (w->head.n_body != w->head.n_raw)
			return malformed(e, "its body's size is wrong");
		r = take_loose(w, e);
		if (r < 0)
			return r;
		w->stage = KR_STAGE_WRITE;
		w->left = w->raw;
		w->n_left = w->head.n_raw;
	}
	r = forward(w, e);
	if (r < 0)
		return r;
	return r ? 0 : KR_LANE_HOLD;
}

static int receive_linger(struct kr_worker *w, struct kr_err *e)
{
	int r = forward(w, e);

	w->want_in = false;		/* the return path has ended */
	return r < 0 ? r : w->stage != KR_STAGE_IDLE;
}

/* Name what is in the page cache, a frame full. Return: > 0 if all is said. */
static int say_haves(struct kr_worker *w)
{
	struct kr_pagecache *c = w->flow->cache;
	struct kr_wr wr = KR_WR(kr_lane_batch(w->lane), HAVES_BYTES);
	uint32_t n = c && !w->flow->mended ? kr_pagecache_told(c) : 0;

	if (w->n_said >= n)
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
		n = kr_backpath_again(w->flow->backpath, p + 1,
				      KR_BATCH_RAW_MAX);
		if (n) {
			kr_lane_send(w->lane, n + 1);
			continue;
		}
		r = kr_worker_read(w, p + 1, KR_BATCH_RAW_MAX, &n, &eof, e);
		if (r < 0)
			return r;
		kr_backpath_read(w->flow->backpath, p + 1, n);
		w->back_ended = eof;
		if (n)
			kr_lane_send(w->lane, n + 1);
		if (eof) {
			say_credit(w);
			kr_lane_end(w->lane);
		}
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
		say_credit(w);
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
	if (!w->later.due_ns && !w->back_ended)
		say_credit(w);		/* there was no room */
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
	return kr_turns_lane_ended(w->flow, w->no, e);
}

static int receive_sent_end(struct kr_worker *w, struct kr_err *e)
{
	(void)w, (void)e;
	return 0;
}

const struct kr_worker_side kr_receive_side = {
	.work = receive_work, .data = receive_data,
	.sent_end = receive_sent_end, .end = receive_end,
	.linger = receive_linger, .later = receive_later,
};
