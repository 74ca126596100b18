/* SPDX-License-Identifier: Apache-2.0 */
/*
 * send.c - the source's lane: read a stretch of the hypervisor's stream,
 * hash it, find what both ends remember, squeeze, seal, send. Runs in the
 * data-plane agent, on every lane's thread.
 *
 * One lane at a time reads an only channel; while it hashes what it read, the
 * next one reads on, so a stretch stays with one core. With multifd each lane
 * reads its own. The stretch is read straight into the lane's outgoing batch,
 * and on a fast link leaves from there.
 */
#include <assert.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "plane/account.h"
#include "plane/retained.h"
#include "plane/tcprate.h"
#include "plane/worker.h"

static_assert(KR_BATCH_HEAD_BYTES >= KR_LANE_BATCH_SPARE,
	      "a stretch is in the batch while it awaits its turn");

#define WAITS	900u	/* permille: the peer has nothing else to do */
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
	struct kr_channel *c = &f->channels[w->channel];
	uint8_t *raw = kr_lane_batch(w->lane) + KR_BATCH_HEAD_BYTES;
	size_t n = c->n_carry, max = n + KR_CREDIT_STRETCH_MIN, got;
	bool eof = false, cut;
	int r;

	if (max < c->n_read)
		max = c->n_read;
	if (max > KR_BATCH_RAW_MAX)
		max = KR_BATCH_RAW_MAX;
	if (n)
		memcpy(raw, c->carry, n);
	r = kr_worker_read(w, raw + n, max - n, &got, &eof, e);
	if (r < 0)
		return r;
	n += got;
	if (!got && !eof && !c->more) {
		w->want_in = true;
		return 0;
	}
	r = kr_channel_scan(f, w->channel, raw, n, &w->items, &w->stretch, e);
	if (r < 0)
		return r;
	cut = eof && !c->more;
	if (cut) {
		r = kr_channel_cut(f, w->channel, n - w->stretch.n_bytes, e);
		if (r < 0)
			return r;
		w->stretch.n_bytes = n;
	}
	c->n_carry = n - w->stretch.n_bytes;
	memcpy(c->carry, raw + w->stretch.n_bytes, c->n_carry);
	if (!w->stretch.n_bytes && !cut) {
		w->want_in = true;
		return 0;
	}
	w->want_in = false;
	w->raw = raw;
	kr_channel_read_on(f, w->no, cut, &w->stretch);
	if (w->stretch.loose)
		w->items.n = 0;
	return w->stretch.n_bytes > 0;
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
	kr_pace_squeezed(&w->pace, method, *n, (size_t)k, span.cpu_ns,
			 span.wall_ns);
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

static void head(struct kr_worker *w)
{
	w->head = (struct kr_batch_head){
		.ticket = w->stretch.ticket,
		.n_raw = (uint32_t)w->stretch.n_bytes,
		.n_body = (uint32_t)w->stretch.n_bytes,
		.channel = w->channel, .loose = w->stretch.loose,
	};
	memcpy(w->head.seal, w->seal, sizeof(w->head.seal));
}

/* Until the peer has taken it. */
static void retain(struct kr_worker *w, const uint8_t *body)
{
	struct kr_flow *f = w->flow;

	kr_retained_keep(f->channels[w->channel].retained, w->no,
			 kr_channel_credit_of(f, w->no).sent, &w->head, body);
}

/* The head, and what both ends remember: the body to send. In turn, but for an
 * urgent one, which is not remembered. */
static int mend(struct kr_worker *w, bool link_is_slow, const uint8_t **body,
		struct kr_err *e)
{
	struct kr_flow *f = w->flow;
	const uint8_t (*digests)[32] = (const uint8_t (*)[32])w->digests;
	const bool may_lack = w->urgent || f->late;	/* the peer, torn */
	int r = kr_account_stretch(f, w->channel, w->raw, &w->stretch,
				   &w->items, digests, e);

	if (r < 0)
		return r;
	if (w->stretch.split)
		kr_account_tell_split(f);
	if (w->stretch.opens)
		kr_channel_open(f);
	w->keeps = !may_lack;
	if (w->urgent) {
		w->refs.n = 0;
		retain(w, *body);
		return 0;
	}
	kr_batch_find(f->recall, f->there, w->raw, &w->items, digests,
		      link_is_slow, &w->refs);
	w->head.n_refs = (uint16_t)w->refs.n;
	w->head.learn = kr_account_learns(f, link_is_slow, &w->items,
					  &w->refs);
	if (w->refs.n) {
		w->head.n_body = (uint32_t)kr_batch_pack(
			f->recall, w->raw, w->head.n_raw, &w->refs, w->body);
		*body = w->body;
	}
	if (may_lack)
		retain(w, *body);
	kr_batch_learn(f->recall, w->raw, &w->items, &w->refs, w->head.learn,
		       digests);
	kr_turns_over(f, KR_TURN_MEND);
	kr_worker_note(w);
	return 0;
}

/* The body into the batch; the stretch, which is there, is wanted after it. */
static void fill_batch(struct kr_worker *w, uint8_t *batch, const uint8_t *body,
		       size_t n)
{
	struct kr_wr wr = KR_WR(batch, KR_BATCH_HEAD_BYTES);

	kr_batch_head_put(&wr, &w->head);
	if (body == w->raw)
		return;
	if (w->keeps && w->flow->cache) {
		memcpy(w->mended, w->raw, w->stretch.n_bytes);
		w->raw = w->mended;
	}
	memcpy(batch + KR_BATCH_HEAD_BYTES, body, n);
}

/* Is it withheld? send_later() looks. */
static void await_credit(struct kr_worker *w)
{
	if (!w->later.due_ns)
		kr_timer_arm(w->loop, &w->later, w->flow->stall_ms / 2);
}

/* Seal, and bring to the kernel. */
static void carry(struct kr_worker *w, size_t n)
{
	struct kr_span span = span_begin();
	uint64_t before, after, received;

	kr_lane_wire(w->lane, &before, &received);
	kr_lane_send(w->lane, n);
	kr_lane_wire(w->lane, &after, &received);
	span = span_end(&span);
	kr_pace_carried(&w->pace, after - before, span.cpu_ns);
}

static void pace(struct kr_worker *w, const struct kr_span *last)
{
	uint64_t blocked_ns, sent, received;
	uint16_t peer_waits;

	kr_pace_worked(&w->pace, w->stretch.n_bytes,
		       w->spent.cpu_ns + last->cpu_ns,
		       w->spent.wall_ns + last->wall_ns);
	kr_lane_load(w->lane, &blocked_ns, &peer_waits);
	blocked_ns += w->full_ns;	/* what the socket held up, once */
	kr_lane_wire(w->lane, &sent, &received);
	if (kr_pace_wants_rate(&w->pace, sent))
		kr_pace_rate(&w->pace, kr_tcprate(kr_lane_fd(w->lane)));
	kr_pace_link(&w->pace, kr_now_ns(), sent, blocked_ns, peer_waits);
}

/* The stretch's turn has come, or it has none. */
static int send_stretch(struct kr_worker *w, struct kr_err *e)
{
	enum kr_squeeze_method method = kr_pace_method(&w->pace);
	bool link_is_slow = method != KR_SQUEEZE_NONE &&
			    kr_pace_link_bound(&w->pace, method);
	const uint8_t *body = w->raw;
	struct kr_span span = span_begin();
	size_t n;
	int r;

	head(w);
	w->keeps = false;
	if (w->stretch.loose)
		r = kr_account_loose(w->flow, w->channel, w->raw,
				     w->stretch.n_bytes, e);
	else
		r = mend(w, link_is_slow, &body, e);
	if (r < 0)
		return r;
	n = w->head.n_body;
	r = squeeze(w, &body, &n, method, e);
	if (r < 0)
		return r;
	fill_batch(w, kr_lane_batch(w->lane), body, n);
	span = span_end(&span);
	carry(w, KR_BATCH_HEAD_BYTES + n);
	await_credit(w);
	pace(w, &span);
	/* the link is at work meanwhile; nothing waits for a disk */
	if (w->keeps)
		kr_worker_keep(w);
	kr_worker_count(w);
	return 0;
}

/* What lanes before this one did not bring. Return: > 0 if there was some. */
static int send_again(struct kr_worker *w)
{
	struct kr_retained *kept = w->flow->channels[w->channel].retained;
	uint8_t *batch = kr_lane_batch(w->lane);
	struct kr_wr wr = KR_WR(batch, KR_BATCH_HEAD_BYTES);

	if (!batch || !kept ||
	    !kr_retained_again(kept, w->no,
			       kr_channel_credit_of(w->flow, w->no).sent,
			       &w->head, batch + KR_BATCH_HEAD_BYTES))
		return 0;
	kr_channel_again(w->flow, w->no, w->head.n_raw);
	kr_batch_head_put(&wr, &w->head);
	kr_lane_send(w->lane, KR_BATCH_HEAD_BYTES + w->head.n_body);
	await_credit(w);
	kr_worker_count(w);
	return 1;
}

static int begin(struct kr_worker *w, struct kr_err *e)
{
	struct kr_span span = span_begin();
	int r = read_stretch(w, e);

	if (r <= 0)
		return r;
	r = kr_worker_hash(w, w->stretch.ticket, e);
	w->spent = span_end(&span);
	w->stage = KR_STAGE_MEND;
	return r < 0 ? r : 1;
}

/* Is there anything to read, and is it ours? Return: > 0 to go on. */
static int look(struct kr_worker *w)
{
	if (!kr_lane_batch(w->lane))
		return 0;		/* room() comes back here */
	switch (kr_channel_may_read(w->flow, w->no,
				    kr_pace_link_matters(&w->pace))) {
	case KR_CHANNEL_READ:
		if (w->full_since_ns)
			w->full_ns += kr_now_ns() - w->full_since_ns;
		w->full_since_ns = 0;
		w->stage = KR_STAGE_READ;
		return 1;
	case KR_CHANNEL_FULL:
		if (!w->full_since_ns)
			w->full_since_ns = kr_now_ns();
		return 0;
	case KR_CHANNEL_WAIT:
		return 0;
	case KR_CHANNEL_END:
		w->stage = KR_STAGE_END;
		w->want_in = false;
		kr_lane_end(w->lane);
		return 0;
	}
	return 0;
}

/* Has the stretch's turn come, if it takes one? */
static int is_mine(struct kr_worker *w, struct kr_err *e)
{
	return w->stretch.loose || w->urgent ? 1 :
	       kr_turns_mine(w->flow, w->no, KR_TURN_MEND, w->stretch.ticket,
			     e);
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
			r = is_mine(w, e);
			if (r <= 0)
				break;
			w->stage = KR_STAGE_IDLE;
			r = send_stretch(w, e);
			r = r < 0 ? r : 1;
			break;
		case KR_STAGE_IDLE:
			r = send_again(w);
			if (!r)
				r = look(w);
			break;
		default:
			r = 0;
		}
	}
	return r;
}

/* Its lane is gone. What has a ticket is kept for another. */
static int send_linger(struct kr_worker *w, struct kr_err *e)
{
	const uint8_t *body = w->raw;
	int r;

	if (w->stage != KR_STAGE_MEND)
		return 0;
	r = is_mine(w, e);
	if (r <= 0)
		return r < 0 ? r : 1;
	w->stage = KR_STAGE_IDLE;
	head(w);
	return mend(w, false, &body, e);
}

static int send_work(struct kr_worker *w, struct kr_err *e)
{
	if (w->n_left) {
		int r = kr_worker_write(w, e);

		if (r < 0)
			return r;
		if (!w->n_left) {
			kr_channel_uncounted(w->flow, w->no, false);
			kr_lane_resume(w->lane);
		}
	}
	return forward(w, e);
}

static int malformed(struct kr_err *e, const char *what)
{
	return kr_fail(e, KR_E_LANE_MALFORMED, "backward: %s", what);
}

static int take_credit(struct kr_worker *w, struct kr_rd *r, struct kr_err *e)
{
	uint64_t total = kr_rd_u64(r);

	if (!kr_rd_done(r))
		return malformed(e, "malformed credit");
	return kr_channel_credit(w->flow, w->no, total, e);
}

/* The return path, and what else the destination says. */
static int send_data(struct kr_worker *w, const uint8_t *p, size_t n,
		     struct kr_err *e)
{
	struct kr_rd rd = KR_RD(p, n);
	uint8_t what = kr_rd_u8(&rd);
	int r;

	if (what == KR_BACK_CREDIT)
		return take_credit(w, &rd, e);
	if (w->no)
		return malformed(e, "not on the first lane");
	if (what == KR_BACK_HAVES)
		return kr_haves_add(w->flow->there, &rd, e);
	if (what != KR_BACK_STREAM)
		return malformed(e, "of no kind");
	w->left = rd.p;
	w->n_left = kr_rd_left(&rd);
	if (kr_flow_holds(w->flow) &&
	    kr_pageask_read(&w->flow->pageask, w->left, w->n_left))
		kr_flow_asked(w->flow);
	r = kr_worker_write(w, e);
	if (r < 0)
		return r;
	if (!w->n_left)
		return 0;
	kr_channel_uncounted(w->flow, w->no, true);
	return KR_LANE_HOLD;
}

/*
 * Does the peer hold back credit? It may take its time, if its QEMU does not
 * drain. But one that has all we sent, and half a stall time later says that it
 * waits for more, has said before that what it had was taken.
 */
static int send_later(struct kr_worker *w, struct kr_err *e)
{
	struct kr_credit_lane now = kr_channel_credit_of(w->flow, w->no);
	bool same = !now.free && now.taken == w->before.taken &&
		    now.taken < w->before.sent;
	bool had_all = w->has_all;
	uint64_t blocked_ns;
	uint16_t peer_waits;

	kr_lane_load(w->lane, &blocked_ns, &peer_waits);
	w->has_all = same && kr_tcprate_all_there(kr_lane_fd(w->lane));
	if (had_all && w->has_all && peer_waits >= WAITS)
		return kr_fail(e, KR_E_LANE_STALLED,
			       "the peer has %llu bytes for which it gives no "
			       "credit",
			       (unsigned long long)(now.sent - now.taken));
	w->before = now;
	kr_timer_arm(w->loop, &w->later, w->flow->stall_ms / 2);
	return 0;
}

static int send_end(struct kr_worker *w, struct kr_err *e)
{
	(void)e;
	kr_channel_uncounted(w->flow, w->no, true);
	return 0;
}

static int send_sent_end(struct kr_worker *w, struct kr_err *e)
{
	kr_worker_count(w);
	return kr_turns_lane_ended(w->flow, w->no, e);
}

const struct kr_worker_side kr_send_side = {
	.work = send_work, .data = send_data, .sent_end = send_sent_end,
	.end = send_end, .linger = send_linger, .later = send_later,
};
