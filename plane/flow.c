/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow.c - what a migration's lanes share: its life, waking, failure, and what
 * is told of the lanes. Runs in the data-plane agent, on every lane's thread
 * and on its loop.
 */
#include "plane/flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/fd.h"
#include "plane/backpath.h"
#include "plane/channel.h"
#include "plane/haves.h"
#include "plane/pagecache.h"
#include "plane/qstream.h"
#include "plane/ramtree.h"
#include "plane/recall.h"
#include "plane/retained.h"
#include "plane/segment.h"

/* ---- life -------------------------------------------------------------- */

static int init(struct kr_flow *f, const struct kr_plane_start *start,
		int cache_fd, struct kr_err *e)
{
	int r = kr_qstream_new(start->limit_ram_bytes, &f->qstream, e);

	if (!r)
		r = kr_ramtree_new(start->limit_ram_bytes, &f->tree, e);
	if (!r && start->resumed)
		r = kr_segment_new(f->n_channels, &f->segment, e);
	if (!r)
		r = kr_recall_new(start->recall_mib << 8, f->source,
				  &f->recall, e);
	if (cache_fd >= 0) {
		int x = kr_pagecache_open(cache_fd, start->cache_key,
					  start->cache_slots,
					  !start->cache_keeps ?
					  KR_PAGECACHE_LOOK : f->source ?
					  KR_PAGECACHE_FILL :
					  KR_PAGECACHE_TELL,
					  &f->cache, e);

		r = r < 0 ? r : x;
	}
	if (!r && f->cache && f->source)
		r = kr_haves_new(start->cache_slots, &f->there, e);
	if (!r && !f->source)
		f->backpath = calloc(1, sizeof(*f->backpath));
	if (!r && !f->source && !f->backpath)
		r = kr_fail(e, KR_E_SYSTEM, "out of memory");
	if (!r)
		r = kr_channel_init_all(f, e);
	if (r < 0)
		return r;
	if (f->multifd)
		kr_qstream_multifd(f->qstream);
	if (start->resumed)
		kr_qstream_resumed(f->qstream);
	f->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (int i = 0; i < f->n_lanes; i++) {
		f->lanes[i].wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (f->lanes[i].wake_fd < 0)
			return kr_fail(e, KR_E_SYSTEM, "no eventfd");
	}
	return f->news_fd < 0 ? kr_fail(e, KR_E_SYSTEM, "no eventfd") : 0;
}

int kr_flow_new(const struct kr_plane_start *start, int cache_fd,
		struct kr_flow **ret_f, struct kr_err *e)
{
	struct kr_flow *f = calloc(1, sizeof(*f));
	int r;

	if (!f) {
		kr_fd_close(&cache_fd);
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	}
	f->source = start->role == KR_PLANE_SOURCE;
	f->multifd = start->multifd;
	f->urgent = start->urgent;
	f->late = start->resumed;
	f->hold = start->hold;
	f->n_lanes = start->n_lanes;
	f->stall_ms = start->stall_ms;
	f->n_channels = kr_channel_count(start);
	f->news_fd = -1;
	memset(f->holder, KR_FLOW_NOBODY, sizeof(f->holder));
	for (unsigned int i = 0; i < KR_PLANE_LANES_MAX; i++)
		f->lanes[i].wake_fd = -1;
	pthread_mutex_init(&f->lock, NULL);
	pthread_mutex_init(&f->books, NULL);
	r = init(f, start, cache_fd, e);
	if (r < 0)
		kr_flow_free(f);
	else
		*ret_f = f;
	return r;
}

void kr_flow_free(struct kr_flow *f)
{
	if (!f)
		return;
	for (unsigned int i = 0; i < KR_PLANE_LANES_MAX; i++)
		kr_fd_close(&f->lanes[i].wake_fd);
	kr_fd_close(&f->news_fd);
	kr_qstream_free(f->qstream);
	kr_ramtree_free(f->tree);
	kr_segment_free(f->segment);
	kr_recall_free(f->recall);
	kr_pagecache_close(f->cache);
	kr_haves_free(f->there);
	free(f->backpath);
	kr_channel_fini_all(f);
	pthread_mutex_destroy(&f->books);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

/* ---- waking and failing ------------------------------------------------ */

void kr_flow_wake(struct kr_flow *f, uint8_t lane)
{
	for (uint8_t i = 0; i < f->n_lanes; i++)
		if (i == lane || lane == KR_FLOW_NOBODY)
			eventfd_write(f->lanes[i].wake_fd, 1);
}

void kr_flow_news(struct kr_flow *f)
{
	eventfd_write(f->news_fd, 1);
}

static bool lane_broke(enum kr_code code)
{
	return code == KR_E_LANE_LOST || code == KR_E_LANE_STALLED ||
	       code == KR_E_LANE_FORGED;
}

/* Under lock: does a VM run, or nearly, on what comes? */
static bool is_late(const struct kr_flow *f)
{
	return (f->has_split || f->segment) && !f->hold;
}

void kr_flow_fail(struct kr_flow *f, const struct kr_err *e)
{
	pthread_mutex_lock(&f->lock);
	f->torn = (!f->failed || f->torn) && !f->stopping && is_late(f) &&
		  lane_broke(e->kr);
	/* a lane that breaks has its reason on another one, perhaps */
	if ((!f->failed && !f->stopping) ||
	    (f->failed && f->error.kr == KR_E_LANE_LOST))
		f->error = *e;
	f->failed = true;
	pthread_mutex_unlock(&f->lock);
	kr_flow_wake(f, KR_FLOW_NOBODY);
	kr_flow_news(f);
}

void kr_flow_stop(struct kr_flow *f)
{
	pthread_mutex_lock(&f->lock);
	if (!f->failed)
		kr_fail(&f->error, KR_E_CANCELLED, "told to stop");
	f->stopping = true;
	pthread_mutex_unlock(&f->lock);
	kr_flow_wake(f, KR_FLOW_NOBODY);
}

bool kr_flow_lingers(struct kr_flow *f)
{
	bool lingers;

	pthread_mutex_lock(&f->lock);
	lingers = f->failed && !f->stopping &&
		  (f->torn || (!f->source && is_late(f)));
	pthread_mutex_unlock(&f->lock);
	return lingers;
}

bool kr_flow_over(struct kr_flow *f, struct kr_err *ret_why)
{
	bool over;

	pthread_mutex_lock(&f->lock);
	over = f->failed || f->stopping;
	if (over)
		*ret_why = f->error;
	pthread_mutex_unlock(&f->lock);
	return over;
}

/* ---- new lanes --------------------------------------------------------- */

bool kr_flow_torn(struct kr_flow *f, struct kr_plane_position *ret_p,
		  struct kr_err *ret_why)
{
	const struct kr_channel *u = f->urgent ? &f->channels[1] : NULL;
	bool torn;

	pthread_mutex_lock(&f->lock);
	torn = f->torn && !f->multifd;
	*ret_why = f->error;
	pthread_mutex_unlock(&f->lock);
	if (!torn)
		return false;		/* threads may be at work */
	pthread_mutex_lock(&f->lock);
	/* what was taken in hand is through, to the end */
	torn = f->turn[KR_TURN_MEND] == (f->source ? f->next_ticket :
						     f->turn[KR_TURN_GIVE]);
	if (u && !f->source)
		torn &= u->next_ticket == u->n_given;
	ret_p->main = f->source ? f->n_back : f->turn[KR_TURN_GIVE];
	ret_p->urgent = u && !f->source ? u->n_given : 0;
	pthread_mutex_unlock(&f->lock);
	return torn;
}

/* Under lock: as before any lane was there. */
static void forget_lanes(struct kr_flow *f)
{
	for (uint8_t i = 0; i < f->n_lanes; i++) {
		struct kr_flow_lane *l = &f->lanes[i];

		f->progress.wire_sent_bytes += l->sent_bytes;
		f->progress.wire_received_bytes += l->received_bytes;
		f->progress.n_key_updates += l->n_key_updates;
		*l = (struct kr_flow_lane){ .wake_fd = l->wake_fd };
	}
	memset(f->holder, KR_FLOW_NOBODY, sizeof(f->holder));
	for (uint8_t i = 0; i < f->n_channels; i++) {
		f->channels[i].reader = KR_FLOW_NOBODY;
		kr_credit_restart(&f->channels[i].credit);
	}
}

static int rewind_to(struct kr_flow *f, const struct kr_plane_position *peer,
		     struct kr_err *e)
{
	int r;

	if (!f->source)
		return kr_backpath_rewind(f->backpath, peer->main, e);
	r = kr_retained_rewind(f->channels[0].retained, peer->main,
			       f->next_ticket, e);
	if (!r && f->urgent)
		r = kr_retained_rewind(f->channels[1].retained, peer->urgent,
				       f->channels[1].next_ticket, e);
	return r;
}

int kr_flow_mend(struct kr_flow *f, const struct kr_plane_position *peer,
		 struct kr_err *e)
{
	int r = rewind_to(f, peer, e);

	if (r < 0)
		return r;
	pthread_mutex_lock(&f->lock);
	forget_lanes(f);
	f->failed = f->torn = false;
	f->error = KR_ERR_NONE;
	f->mended = true;
	pthread_mutex_unlock(&f->lock);
	return 0;
}

/* ---- a lane's news ----------------------------------------------------- */

void kr_flow_lane_up(struct kr_flow *f, uint8_t lane, const char *version,
		     const char *suite)
{
	struct kr_flow_lane *l = &f->lanes[lane];

	pthread_mutex_lock(&f->lock);
	l->up = true;
	l->tls.lane_no = lane;
	snprintf(l->tls.tls_version, sizeof(l->tls.tls_version), "%s",
		 version);
	snprintf(l->tls.suite, sizeof(l->tls.suite), "%s", suite);
	pthread_mutex_unlock(&f->lock);
	kr_flow_news(f);
}

bool kr_flow_is_up(struct kr_flow *f, uint8_t lane,
		   struct kr_plane_up *ret_up)
{
	bool up;

	pthread_mutex_lock(&f->lock);
	up = f->lanes[lane].up;
	*ret_up = f->lanes[lane].tls;
	pthread_mutex_unlock(&f->lock);
	return up;
}

void kr_flow_lane_left(struct kr_flow *f, uint8_t lane)
{
	bool over;

	pthread_mutex_lock(&f->lock);
	f->lanes[lane].left = true;
	over = f->failed;
	pthread_mutex_unlock(&f->lock);
	if (!over)
		return;
	/* what waits for a ticket of this lane need not wait */
	kr_flow_wake(f, KR_FLOW_NOBODY);
	kr_flow_news(f);
}

bool kr_flow_has_left(struct kr_flow *f, uint8_t lane)
{
	bool left;

	pthread_mutex_lock(&f->lock);
	left = f->lanes[lane].left;
	pthread_mutex_unlock(&f->lock);
	return left;
}

void kr_flow_lane_done(struct kr_flow *f, uint8_t lane)
{
	pthread_mutex_lock(&f->lock);
	f->lanes[lane].done = true;
	pthread_mutex_unlock(&f->lock);
	kr_flow_news(f);
}

bool kr_flow_complete(struct kr_flow *f)
{
	bool complete = true;

	pthread_mutex_lock(&f->lock);
	for (uint8_t i = 0; i < f->n_lanes; i++)
		complete &= f->lanes[i].ended;
	pthread_mutex_unlock(&f->lock);
	return complete;
}

void kr_flow_go(struct kr_flow *f)
{
	pthread_mutex_lock(&f->lock);
	f->hold = false;
	pthread_mutex_unlock(&f->lock);
	kr_flow_wake(f, KR_FLOW_NOBODY);
}

void kr_flow_asked(struct kr_flow *f)
{
	pthread_mutex_lock(&f->lock);
	f->asked = true;
	pthread_mutex_unlock(&f->lock);
	kr_flow_wake(f, KR_FLOW_NOBODY);
}

bool kr_flow_holds(struct kr_flow *f)
{
	bool holds;

	pthread_mutex_lock(&f->lock);
	holds = f->hold;
	pthread_mutex_unlock(&f->lock);
	return holds;
}

bool kr_flow_has_split(struct kr_flow *f, struct kr_plane_split *ret_m)
{
	bool has;

	pthread_mutex_lock(&f->lock);
	has = f->has_split;
	if (has)
		*ret_m = f->split;
	pthread_mutex_unlock(&f->lock);
	return has;
}

bool kr_flow_done(struct kr_flow *f)
{
	bool done = true;

	pthread_mutex_lock(&f->lock);
	for (uint8_t i = 0; i < f->n_lanes; i++)
		done &= f->lanes[i].done;
	pthread_mutex_unlock(&f->lock);
	return done;
}

/* ---- what is shown ----------------------------------------------------- */

void kr_flow_count(struct kr_flow *f, uint8_t lane, struct kr_lane *tls,
		   const struct kr_plane_progress *more, uint64_t arrived_ns)
{
	struct kr_plane_progress *p = &f->progress;

	pthread_mutex_lock(&f->lock);
	kr_lane_wire(tls, &f->lanes[lane].sent_bytes,
		     &f->lanes[lane].received_bytes);
	f->lanes[lane].n_key_updates = kr_lane_key_updates(tls);
	p->from_qemu_bytes += more->from_qemu_bytes;
	p->to_qemu_bytes += more->to_qemu_bytes;
	p->n_same_pages += more->n_same_pages;
	p->n_delta_pages += more->n_delta_pages;
	p->n_cached_pages += more->n_cached_pages;
	p->squeeze_in_bytes += more->squeeze_in_bytes;
	p->squeeze_out_bytes += more->squeeze_out_bytes;
	p->method = more->method;
	if (arrived_ns > f->last_ns)
		f->last_ns = arrived_ns;
	pthread_mutex_unlock(&f->lock);
}

/* Under lock. */
static void show_credit(const struct kr_flow *f, struct kr_plane_progress *p)
{
	for (uint8_t i = 0; f->source && i < f->n_channels; i++) {
		const struct kr_credit *c = &f->channels[i].credit;

		p->in_flight_bytes += c->on_way;
		p->window_bytes += c->window;
		if (c->last_rtt_ns / 1000 > p->round_trip_us)
			p->round_trip_us = c->last_rtt_ns / 1000;
	}
}

void kr_flow_progress(struct kr_flow *f, struct kr_plane_progress *ret_p)
{
	pthread_mutex_lock(&f->lock);
	*ret_p = f->progress;
	for (uint8_t i = 0; i < f->n_lanes; i++) {
		ret_p->wire_sent_bytes += f->lanes[i].sent_bytes;
		ret_p->wire_received_bytes += f->lanes[i].received_bytes;
		ret_p->n_key_updates += f->lanes[i].n_key_updates;
	}
	show_credit(f, ret_p);
	pthread_mutex_unlock(&f->lock);
}
