/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel.c - the hypervisor's connections: who reads which, how far, and what
 * is found there. Runs in the data-plane agent, on every lane's thread.
 */
#include "plane/channel.h"

#include <stdlib.h>

#include "base/fd.h"
#include "plane/flow.h"
#include "plane/qstream.h"
#include "plane/retained.h"

/* ---- life -------------------------------------------------------------- */

uint8_t kr_channel_count(const struct kr_plane_start *start)
{
	return start->multifd ? start->n_lanes : start->urgent ? 2 : 1;
}

int kr_channel_init_all(struct kr_flow *f, struct kr_err *e)
{
	int r = 0;

	f->channels = calloc(f->n_channels, sizeof(*f->channels));
	if (!f->channels)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	for (uint8_t i = 0; i < f->n_channels; i++)
		f->channels[i].fd = -1;
	for (uint8_t i = 0; !r && i < f->n_channels; i++) {
		struct kr_channel *c = &f->channels[i];

		c->reader = KR_FLOW_NOBODY;
		c->sha = EVP_MD_CTX_new();
		if (!c->sha ||
		    EVP_DigestInit_ex2(c->sha, EVP_sha256(), NULL) != 1)
			return kr_fail(e, KR_E_CRYPTO,
				       "SHA-256 is not available");
		if (i && f->urgent)
			r = kr_qstream_new(0, &c->urgent, e);
		else if (i)
			r = kr_mfstream_new(&c->mf, e);
		else
			c->epoch = 1;
		if (!r && f->source && !f->multifd)
			r = kr_retained_new(KR_RETAINED_BYTES, &c->retained,
					    e);
		kr_credit_init(&c->credit);
		if (f->late || c->urgent)
			kr_credit_late(&c->credit);
	}
	return r;
}

void kr_channel_fini_all(struct kr_flow *f)
{
	for (uint8_t i = 0; f->channels && i < f->n_channels; i++) {
		kr_mfstream_free(f->channels[i].mf);
		kr_qstream_free(f->channels[i].urgent);
		kr_retained_free(f->channels[i].retained);
		EVP_MD_CTX_free(f->channels[i].sha);
		kr_wipe(f->channels[i].carry, sizeof(f->channels[i].carry));
	}
	free(f->channels);
}

void kr_channel_set_fd(struct kr_flow *f, uint8_t channel, int fd)
{
	pthread_mutex_lock(&f->lock);
	f->channels[channel].fd = fd;
	pthread_mutex_unlock(&f->lock);
	kr_flow_wake(f, KR_FLOW_NOBODY);
}

uint8_t kr_channel_of(const struct kr_flow *f, uint8_t lane)
{
	if (f->urgent)
		return lane == f->n_lanes - 1;
	return f->multifd ? lane : 0;
}

/* Does this channel's lane carry nothing else? */
static bool has_own_lane(const struct kr_flow *f, uint8_t channel)
{
	return f->multifd || f->channels[channel].urgent;
}

int kr_channel_fd(struct kr_flow *f, uint8_t channel)
{
	int fd;

	pthread_mutex_lock(&f->lock);
	fd = f->channels[channel].fd;
	pthread_mutex_unlock(&f->lock);
	return fd;
}

/* ---- what is shown ----------------------------------------------------- */

/* Who reads a channel of the hypervisor's own sections or records. */
static struct kr_qstream *qstream_of(const struct kr_flow *f,
				     const struct kr_channel *c)
{
	return c->urgent ?: f->qstream;
}

static const struct kr_qstream_stat *stat_of(const struct kr_flow *f,
					     const struct kr_channel *c)
{
	return c->mf ? kr_mfstream_stat(c->mf) :
		       kr_qstream_stat(qstream_of(f, c));
}

/* What people see of a channel's reader; by whoever reads, under lock. */
static void publish(struct kr_flow *f, uint8_t channel)
{
	static const enum kr_plane_phase phases[KR_QSTREAM_PHASE_N] = {
		[KR_QSTREAM_HEAD] = KR_PLANE_WAITING,
		[KR_QSTREAM_RAM] = KR_PLANE_RAM,
		[KR_QSTREAM_DEVICE] = KR_PLANE_DEVICE,
		[KR_QSTREAM_LATE] = KR_PLANE_LATE,
		[KR_QSTREAM_OPAQUE] = KR_PLANE_OPAQUE,
	};
	struct kr_channel *c = &f->channels[channel];
	const struct kr_qstream_stat *main_s = &f->channels[0].seen;

	c->seen = *stat_of(f, c);
	f->progress.phase = f->loose ? KR_PLANE_OPAQUE : phases[main_s->phase];
	f->progress.rounds = f->multifd ? f->passes.n : main_s->rounds;
	f->progress.ram_bytes = main_s->ram_bytes;
	f->progress.n_pages = f->progress.n_zero_pages = 0;
	for (uint8_t i = 0; i < f->n_channels; i++) {
		f->progress.n_pages += f->channels[i].seen.n_pages;
		f->progress.n_zero_pages += f->channels[i].seen.n_zero_pages;
	}
}

bool kr_channel_ram_complete(struct kr_flow *f)
{
	bool complete;

	pthread_mutex_lock(&f->lock);
	complete = f->channels[0].seen.phase == KR_QSTREAM_DEVICE;
	pthread_mutex_unlock(&f->lock);
	return complete;
}

/* ---- reading ----------------------------------------------------------- */

/* The list is only ever completed before the main channel's first mark, and
 * others look at it only behind theirs. */
static void find_blocks(struct kr_flow *f, struct kr_stretch *s)
{
	const struct kr_qstream_block *b;
	unsigned int n = kr_qstream_blocks(f->qstream, &b);

	s->blocks = n && !f->blocks.n && !f->segment;
	if (s->blocks)
		f->blocks = (struct kr_mfstream_blocks){ b, n };
}

static void find_span(const struct kr_items *items, struct kr_stretch *s)
{
	for (unsigned int k = 0; k < items->n; k++) {
		const struct kr_item *i = &items->i[k];

		if (i->block)
			continue;
		if (!s->end || i->page < s->low)
			s->low = i->page;
		if (i->page + i->n > s->end)
			s->end = i->page + i->n;
	}
}

/* Behind the split a VM may run on what comes: it has to be understood. */
static int check_late(const struct kr_flow *f, const struct kr_channel *c,
		      struct kr_err *e)
{
	const struct kr_qstream_stat *s = kr_qstream_stat(qstream_of(f, c));

	if (!s->late || s->phase != KR_QSTREAM_OPAQUE)
		return 0;
	return kr_fail(e, f->source ? KR_E_STREAM : KR_E_LANE_MALFORMED,
		       "post-copy: %s", s->reason);
}

static int scan_main(struct kr_flow *f, const uint8_t *raw, size_t n,
		     struct kr_items *items, struct kr_stretch *s,
		     struct kr_err *e)
{
	const uint64_t n_marks = kr_qstream_marks(f->qstream);
	const bool was_late = kr_qstream_stat(f->qstream)->late;
	const bool was_off = kr_qstream_is_off(f->qstream);
	int r = kr_qstream_scan(f->qstream, raw, n, items, &s->n_bytes, e);

	s->mark = kr_qstream_marks(f->qstream) != n_marks;
	s->split = !was_late && kr_qstream_stat(f->qstream)->late;
	s->opens = f->urgent && !was_off && kr_qstream_is_off(f->qstream);
	if (!r)
		r = check_late(f, &f->channels[0], e);
	if (r < 0)
		return r;
	find_blocks(f, s);
	if (s->opens)		/* its lane does not look before it is */
		kr_qstream_urgent(f->channels[1].urgent, f->qstream);
	return 0;
}

int kr_channel_scan(struct kr_flow *f, uint8_t channel, const uint8_t *raw,
		    size_t n, struct kr_items *items, struct kr_stretch *ret_s,
		    struct kr_err *e)
{
	struct kr_channel *c = &f->channels[channel];
	struct kr_stretch s = { 0 };
	uint64_t n_marks;
	int r;

	items->n = 0;
	if (c->mf) {
		n_marks = kr_mfstream_marks(c->mf);
		r = kr_mfstream_scan(c->mf, &f->blocks, raw, n, items,
				     &s.n_bytes, e);
		s.mark = kr_mfstream_marks(c->mf) != n_marks;
	} else if (c->urgent) {
		r = kr_qstream_scan(c->urgent, raw, n, items, &s.n_bytes, e);
		r = r ?: check_late(f, c, e);
	} else {
		r = scan_main(f, raw, n, items, &s, e);
	}
	find_span(items, &s);
	c->more = s.mark || s.split ||
		  items->n > KR_ITEMS_MAX - KR_MFSTREAM_PAGES;
	*ret_s = s;
	return r;
}

int kr_channel_cut(struct kr_flow *f, uint8_t channel, size_t n,
		   struct kr_err *e)
{
	struct kr_channel *c = &f->channels[channel];

	if (!c->mf)
		kr_qstream_cut(qstream_of(f, c), n);
	else if (n)
		kr_mfstream_cut(c->mf, n);
	return c->mf ? 0 : check_late(f, c, e);
}

/* ---- the order of channels --------------------------------------------- */

/* Under lock: have all others reached this channel's epoch? */
static bool is_abreast(const struct kr_flow *f, const struct kr_channel *c)
{
	for (uint8_t i = 0; i < f->n_channels; i++)
		if (!f->channels[i].eof && f->channels[i].epoch < c->epoch)
			return false;
	return true;
}

/* Under lock: does nothing else have to be read before? */
static bool is_next(const struct kr_flow *f, const struct kr_channel *c)
{
	bool free = !f->hold || f->asked;

	if (c->urgent)
		return c->open && free;
	return (!c->split || free) &&
	       (!f->multifd || f->loose || is_abreast(f, c));
}

/* Under lock: it was not connected, or nothing could come on it. */
static bool never_came(const struct kr_flow *f, const struct kr_channel *c)
{
	return c->urgent && f->channels[0].eof && (c->fd < 0 || !c->open);
}

enum kr_channel_may kr_channel_may_read(struct kr_flow *f, uint8_t lane,
					bool link_matters)
{
	struct kr_channel *c = &f->channels[kr_channel_of(f, lane)];
	enum kr_channel_may may = KR_CHANNEL_WAIT;

	pthread_mutex_lock(&f->lock);
	kr_credit_link(&c->credit, lane, link_matters);
	if (c->eof || never_came(f, c)) {
		/* the peer is done with it only once it owns the VM */
		if (!f->hold || !f->channels[0].split)
			may = KR_CHANNEL_END;
	} else if (c->fd >= 0 && is_next(f, c) &&
		   (c->reader == lane || c->reader == KR_FLOW_NOBODY)) {
		bool room = kr_credit_room(&c->credit);

		c->reader = room ? lane : KR_FLOW_NOBODY;
		c->n_read = kr_credit_stretch(&c->credit);
		may = room ? KR_CHANNEL_READ : KR_CHANNEL_FULL;
	}
	f->lanes[lane].idle = may == KR_CHANNEL_WAIT ||
			      may == KR_CHANNEL_FULL;
	pthread_mutex_unlock(&f->lock);
	return may;
}

/* Under lock, multifd: is this stretch in no order? Then all that follow. */
static bool is_loose(struct kr_flow *f, const struct kr_channel *c)
{
	f->loose |= stat_of(f, c)->phase == KR_QSTREAM_OPAQUE;
	/* past a mark that an ended channel will never come to */
	for (uint8_t i = 0; i < f->n_channels; i++)
		f->loose |= f->channels[i].epoch < c->epoch;
	return f->loose;
}

/* Under lock: who reads an only channel next? Every lane has its share. */
static uint8_t next_reader(const struct kr_flow *f, uint8_t lane)
{
	uint8_t n = kr_flow_in_order(f);

	for (uint8_t i = 1; i < n; i++)
		if (f->lanes[(lane + i) % n].idle)
			return (uint8_t)((lane + i) % n);
	return KR_FLOW_NOBODY;
}

/*
 * Under lock, in the order of tickets. QEMU goes through memory from its
 * beginning, over one epoch or several, so one that goes back behind what
 * earlier ones brought is of another pass. Within an epoch the channels are
 * in no order.
 */
static void count_pass(struct kr_passes *p, uint64_t epoch,
		       const struct kr_stretch *s)
{
	if (!s->end)
		return;
	if (epoch != p->epoch) {
		p->epoch = epoch;
		p->behind = p->end;
	}
	if (!p->n || s->low < p->behind) {
		p->n++;
		p->behind = p->end = 0;
	}
	if (s->end > p->end)
		p->end = s->end;
}

void kr_channel_read_on(struct kr_flow *f, uint8_t lane, bool eof,
			struct kr_stretch *s)
{
	uint8_t channel = kr_channel_of(f, lane), next = KR_FLOW_NOBODY;
	struct kr_channel *c = &f->channels[channel];
	bool all = eof;

	pthread_mutex_lock(&f->lock);
	s->loose = s->n_bytes && f->multifd && is_loose(f, c);
	if (s->loose) {
		s->ticket = 0;
		all = true;
	} else if (s->n_bytes && c->urgent) {
		s->ticket = c->next_ticket++;
	} else if (s->n_bytes) {
		s->ticket = f->next_ticket++;
		count_pass(&f->passes, c->epoch, s);
		c->epoch += s->mark;
		all |= s->mark;
	}
	c->eof |= eof;
	c->split |= s->split;
	if (s->split)
		kr_credit_late(&c->credit);
	kr_credit_sent(&c->credit, &f->lanes[lane].credit, s->n_bytes,
		       kr_now_ns());
	if (!has_own_lane(f, channel))
		c->reader = next = next_reader(f, lane);
	publish(f, channel);
	pthread_mutex_unlock(&f->lock);
	if (all)
		kr_flow_wake(f, KR_FLOW_NOBODY);
	else if (next != KR_FLOW_NOBODY)
		kr_flow_wake(f, next);
}

/* ---- credit ------------------------------------------------------------ */

/* Under lock: who was refused, and may read now? This lane, if it has nothing
 * else to do: it is awake. */
static uint8_t not_refused(struct kr_flow *f, uint8_t lane,
			   struct kr_credit *c)
{
	if (!c->refused || !kr_credit_room(c))
		return KR_FLOW_NOBODY;
	c->refused = false;
	return has_own_lane(f, kr_channel_of(f, lane)) ||
	       f->lanes[lane].idle ? lane : next_reader(f, lane);
}

int kr_channel_credit(struct kr_flow *f, uint8_t lane, uint64_t total,
		      struct kr_err *e)
{
	struct kr_channel *ch = &f->channels[kr_channel_of(f, lane)];
	struct kr_credit *c = &ch->credit;
	uint8_t next = KR_FLOW_NOBODY;
	int r;

	pthread_mutex_lock(&f->lock);
	r = kr_credit_taken(c, &f->lanes[lane].credit, total, kr_now_ns(), e);
	if (!r)
		next = not_refused(f, lane, c);
	pthread_mutex_unlock(&f->lock);
	if (!r && ch->retained)
		kr_retained_taken(ch->retained, lane, total);
	if (next != KR_FLOW_NOBODY)
		kr_flow_wake(f, next);
	return r;
}

void kr_channel_again(struct kr_flow *f, uint8_t lane, size_t n)
{
	struct kr_credit *c = &f->channels[kr_channel_of(f, lane)].credit;

	pthread_mutex_lock(&f->lock);
	kr_credit_sent(c, &f->lanes[lane].credit, n, kr_now_ns());
	pthread_mutex_unlock(&f->lock);
}

struct kr_credit_lane kr_channel_credit_of(struct kr_flow *f, uint8_t lane)
{
	struct kr_credit_lane l;

	pthread_mutex_lock(&f->lock);
	l = f->lanes[lane].credit;
	pthread_mutex_unlock(&f->lock);
	return l;
}

void kr_channel_uncounted(struct kr_flow *f, uint8_t lane, bool uncounted)
{
	struct kr_credit *c = &f->channels[kr_channel_of(f, lane)].credit;
	uint8_t next;

	pthread_mutex_lock(&f->lock);
	kr_credit_free(c, &f->lanes[lane].credit, uncounted);
	next = not_refused(f, lane, c);
	pthread_mutex_unlock(&f->lock);
	if (next != KR_FLOW_NOBODY)
		kr_flow_wake(f, next);
}

/* ---- the destination --------------------------------------------------- */

/* Multifd: would an honest source have given this stretch a ticket? */
static int check_order(const struct kr_flow *f, uint8_t channel,
		       struct kr_err *e)
{
	const struct kr_channel *c = &f->channels[channel];

	if (stat_of(f, c)->phase == KR_QSTREAM_OPAQUE)
		return kr_fail(e, KR_E_LANE_MALFORMED,
			       "channel %u is not what it claims to be",
			       channel);
	for (uint8_t i = 0; i < f->n_channels; i++)
		if (f->channels[i].epoch < c->epoch)
			return kr_fail(e, KR_E_LANE_MALFORMED,
				       "channel %u is ahead of %u", channel,
				       i);
	return 0;
}

void kr_channel_open(struct kr_flow *f)
{
	pthread_mutex_lock(&f->lock);
	f->channels[1].open = true;
	pthread_mutex_unlock(&f->lock);
	kr_flow_wake(f, f->n_lanes - 1);
}

int kr_channel_is_open(struct kr_flow *f, struct kr_err *e)
{
	bool open, over, ended = true;

	pthread_mutex_lock(&f->lock);
	open = f->channels[1].open;
	over = f->failed || f->stopping;
	if (over)
		*e = f->error;
	for (uint8_t i = 0; i < kr_flow_in_order(f); i++)
		ended &= f->lanes[i].ended;
	pthread_mutex_unlock(&f->lock);
	if (open)
		return 1;
	if (over)
		return e->code;
	return ended ? kr_fail(e, KR_E_LANE_MALFORMED, "pages that nobody "
			       "can have asked for") : 0;
}

int kr_channel_take(struct kr_flow *f, uint8_t channel,
		    const struct kr_stretch *s, struct kr_err *e)
{
	struct kr_channel *c = &f->channels[channel];
	int r = f->multifd ? check_order(f, channel, e) : 0;

	if (r < 0)
		return r;
	pthread_mutex_lock(&f->lock);
	count_pass(&f->passes, c->epoch, s);
	publish(f, channel);
	pthread_mutex_unlock(&f->lock);
	c->epoch += s->mark;
	return 0;
}

void kr_channel_take_loose(struct kr_flow *f, uint8_t channel)
{
	f->channels[channel].loose = true;
	pthread_mutex_lock(&f->lock);
	f->loose = true;
	f->progress.phase = KR_PLANE_OPAQUE;
	pthread_mutex_unlock(&f->lock);
}
