/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow.c - turns, failure and bookkeeping among a migration's lanes. Runs in
 * the data-plane agent, on every lane's thread and on its loop.
 */
#include "plane/flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/fd.h"
#include "plane/manysha.h"

#define LEARN_WINDOW	4096u	/* pages looked up until shares are halved */
#define LEARN_SHARE	8u	/* one in so many is known: worth learning */
#define LEARN_TRY	16u	/* else one batch in so many is learned */

/* ---- life -------------------------------------------------------------- */

static int init(struct kr_flow *f, const struct kr_plane_start *start,
		int cache_fd, struct kr_err *e)
{
	int r = kr_qstream_new(start->limit_ram_bytes, &f->qstream, e);

	if (!r)
		r = kr_ramtree_new(start->limit_ram_bytes, &f->tree, e);
	if (!r)
		r = kr_recall_new(start->recall_mib << 8, f->source,
				  &f->recall, e);
	if (cache_fd >= 0) {
		int x = kr_pagecache_open(cache_fd, start->cache_key,
					  start->cache_slots, f->source,
					  &f->cache, e);

		r = r < 0 ? r : x;
	}
	if (!r && f->cache && f->source)
		r = kr_haves_new(start->cache_slots, &f->there, e);
	if (r < 0)
		return r;
	f->sha = EVP_MD_CTX_new();
	if (!f->sha || EVP_DigestInit_ex2(f->sha, EVP_sha256(), NULL) != 1)
		return kr_fail(e, KR_E_CRYPTO, "SHA-256 is not available");
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
	f->n_lanes = start->n_lanes;
	f->qemu_fd = f->news_fd = -1;
	f->reader = KR_FLOW_NOBODY;
	for (unsigned int i = 0; i < KR_PLANE_LANES_MAX; i++)
		f->lanes[i].wake_fd = -1;
	pthread_mutex_init(&f->lock, NULL);
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
	kr_recall_free(f->recall);
	kr_pagecache_close(f->cache);
	kr_haves_free(f->there);
	EVP_MD_CTX_free(f->sha);
	pthread_mutex_destroy(&f->lock);
	kr_wipe(f->carry, sizeof(f->carry));
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

void kr_flow_fail(struct kr_flow *f, const struct kr_err *e)
{
	pthread_mutex_lock(&f->lock);
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

void kr_flow_set_qemu(struct kr_flow *f, int fd)
{
	pthread_mutex_lock(&f->lock);
	f->qemu_fd = fd;
	pthread_mutex_unlock(&f->lock);
	kr_flow_wake(f, KR_FLOW_NOBODY);
}

int kr_flow_qemu(struct kr_flow *f)
{
	int fd;

	pthread_mutex_lock(&f->lock);
	fd = f->qemu_fd;
	pthread_mutex_unlock(&f->lock);
	return fd;
}

/* What people see of the reader; by whoever reads, under lock. */
static void publish(struct kr_flow *f)
{
	static const enum kr_plane_phase phases[KR_QSTREAM_PHASE_N] = {
		[KR_QSTREAM_HEAD] = KR_PLANE_WAITING,
		[KR_QSTREAM_RAM] = KR_PLANE_RAM,
		[KR_QSTREAM_DEVICE] = KR_PLANE_DEVICE,
		[KR_QSTREAM_OPAQUE] = KR_PLANE_OPAQUE,
	};
	const struct kr_qstream_stat *s = kr_qstream_stat(f->qstream);

	f->progress.phase = phases[s->phase];
	f->progress.rounds = s->rounds;
	f->progress.ram_bytes = s->ram_bytes;
	f->progress.n_pages = s->n_pages;
	f->progress.n_zero_pages = s->n_zero_pages;
}

/* ---- reading ----------------------------------------------------------- */

enum kr_flow_may kr_flow_may_read(struct kr_flow *f, uint8_t lane)
{
	enum kr_flow_may may = KR_FLOW_WAIT;

	pthread_mutex_lock(&f->lock);
	if (f->eof) {
		may = KR_FLOW_END;
	} else if (f->qemu_fd >= 0 &&
		   (f->reader == lane || f->reader == KR_FLOW_NOBODY)) {
		f->reader = lane;
		may = KR_FLOW_READ;
	}
	f->lanes[lane].idle = may == KR_FLOW_WAIT;
	pthread_mutex_unlock(&f->lock);
	return may;
}

uint64_t kr_flow_read_on(struct kr_flow *f, uint8_t lane, bool eof,
			 bool ticket)
{
	uint64_t mine;
	uint8_t next = KR_FLOW_NOBODY;

	pthread_mutex_lock(&f->lock);
	mine = f->next_ticket;
	f->next_ticket += ticket;
	f->eof |= eof;
	/* from the next one on: every lane has its share */
	for (uint8_t i = 1; i < f->n_lanes && next == KR_FLOW_NOBODY; i++)
		if (f->lanes[(lane + i) % f->n_lanes].idle)
			next = (uint8_t)((lane + i) % f->n_lanes);
	f->reader = next;
	publish(f);
	eof = f->eof;
	pthread_mutex_unlock(&f->lock);
	if (eof)
		kr_flow_wake(f, KR_FLOW_NOBODY);
	else if (next != KR_FLOW_NOBODY)
		kr_flow_wake(f, next);
	return mine;
}

/* Find the pages; the tree grows its blocks as soon as they are known. By
 * whoever reads: before any page of theirs can have a ticket. */
int kr_flow_scan(struct kr_flow *f, const uint8_t *raw, size_t n,
		 struct kr_items *items, size_t *ret_used, struct kr_err *e)
{
	const struct kr_qstream_block *b;
	unsigned int n_blocks;
	int r;

	items->n = 0;
	r = kr_qstream_scan(f->qstream, raw, n, items, ret_used, e);
	n_blocks = kr_qstream_blocks(f->qstream, &b);
	if (r < 0 || !n_blocks || f->tree_ready)
		return r;
	f->tree_ready = true;
	for (unsigned int i = 0; !r && i < n_blocks; i++)
		r = kr_ramtree_add(f->tree, b[i].name, b[i].name_bytes,
				   b[i].size_bytes, e);
	return r < 0 ? r : kr_ramtree_ready(f->tree, e);
}

/* ---- turns ------------------------------------------------------------- */

/* Under lock: is every lane waiting for a ticket that no lane can bring? */
static bool is_stuck(const struct kr_flow *f)
{
	for (uint8_t i = 0; i < f->n_lanes; i++) {
		const struct kr_flow_lane *l = &f->lanes[i];
		bool waits = false;

		for (int t = 0; t < KR_TURN_N; t++)
			waits |= l->waits[t] && l->ticket != f->turn[t];
		if (!waits && !l->ended)
			return false;
	}
	return true;
}

static int out_of_order(uint64_t ticket, struct kr_err *e)
{
	return kr_fail(e, KR_E_LANE_MALFORMED, "batch %llu out of order",
		       (unsigned long long)ticket);
}

int kr_flow_my_turn(struct kr_flow *f, uint8_t lane, enum kr_turn t,
		    uint64_t ticket, struct kr_err *e)
{
	struct kr_flow_lane *l = &f->lanes[lane];
	int r;

	pthread_mutex_lock(&f->lock);
	r = ticket == f->turn[t];
	l->waits[t] = !r;
	l->ticket = ticket;
	if (!r && (ticket < f->turn[t] || is_stuck(f)))
		r = out_of_order(ticket, e);
	pthread_mutex_unlock(&f->lock);
	return r;
}

void kr_flow_turn_over(struct kr_flow *f, enum kr_turn t)
{
	bool wake[KR_PLANE_LANES_MAX] = { false };

	pthread_mutex_lock(&f->lock);
	f->turn[t]++;
	if (!f->source && t == KR_TURN_MEND)
		publish(f);
	/* one that waits for a turn gone by is to find that out, too */
	for (uint8_t i = 0; i < f->n_lanes; i++)
		wake[i] = f->lanes[i].waits[t] &&
			  f->lanes[i].ticket <= f->turn[t];
	pthread_mutex_unlock(&f->lock);
	for (uint8_t i = 0; i < f->n_lanes; i++)
		if (wake[i])
			kr_flow_wake(f, i);
}

int kr_flow_lane_ended(struct kr_flow *f, uint8_t lane, struct kr_err *e)
{
	bool complete = true, stuck;

	pthread_mutex_lock(&f->lock);
	f->lanes[lane].ended = true;
	for (uint8_t i = 0; i < f->n_lanes; i++)
		complete &= f->lanes[i].ended;
	stuck = !complete && is_stuck(f);
	pthread_mutex_unlock(&f->lock);
	if (stuck)
		return kr_fail(e, KR_E_LANE_MALFORMED, "a batch is missing");
	if (complete)
		kr_flow_news(f);
	return 0;
}

void kr_flow_count(struct kr_flow *f, uint8_t lane, struct kr_lane *tls,
		   const struct kr_plane_progress *more, uint64_t arrived_ns)
{
	struct kr_plane_progress *p = &f->progress;

	pthread_mutex_lock(&f->lock);
	kr_lane_wire(tls, &f->lanes[lane].sent_bytes,
		     &f->lanes[lane].received_bytes);
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

void kr_flow_progress(struct kr_flow *f, struct kr_plane_progress *ret_p)
{
	pthread_mutex_lock(&f->lock);
	*ret_p = f->progress;
	for (uint8_t i = 0; i < f->n_lanes; i++) {
		ret_p->wire_sent_bytes += f->lanes[i].sent_bytes;
		ret_p->wire_received_bytes += f->lanes[i].received_bytes;
	}
	pthread_mutex_unlock(&f->lock);
}

/* ---- in turn ----------------------------------------------------------- */

static int sum(struct kr_flow *f, const uint8_t *from, const uint8_t *to,
	       struct kr_err *e)
{
	if (from != to &&
	    EVP_DigestUpdate(f->sha, from, (size_t)(to - from)) != 1)
		return kr_fail(e, KR_E_CRYPTO, "SHA-256 failed");
	return 0;
}

int kr_flow_account(struct kr_flow *f, const uint8_t *raw, size_t n,
		    const struct kr_items *items, const uint8_t (*digests)[32],
		    struct kr_err *e)
{
	const uint8_t *from = raw;
	int r = 0;

	for (unsigned int k = 0; !r && k < items->n; k++) {
		const struct kr_item *i = &items->i[k];

		if (i->kind == KR_ITEM_FILL) {
			kr_ramtree_fill(f->tree, i->block, i->page, i->n,
					i->fill);
			continue;
		}
		r = sum(f, from, raw + i->at, e);
		from = raw + i->at + KR_PAGE_BYTES;
		kr_ramtree_set(f->tree, i->block, i->page, digests[k]);
	}
	return r < 0 ? r : sum(f, from, raw + n, e);
}

bool kr_flow_learns(struct kr_flow *f, bool link_is_slow,
		    const struct kr_items *items, const struct kr_refs *refs)
{
	unsigned int n_pages = 0;
	bool learn;

	for (unsigned int k = 0; k < items->n; k++)
		n_pages += items->i[k].kind == KR_ITEM_PAGE;
	f->n_asked += n_pages;
	f->n_known += refs->n;
	/* of n pages only n_learned could have been known again */
	learn = link_is_slow || f->n_known * LEARN_SHARE > f->n_learned ||
		f->n_tries++ % LEARN_TRY == 0;
	f->n_learned += learn ? n_pages : 0;
	if (f->n_asked >= LEARN_WINDOW) {
		f->n_asked /= 2;
		f->n_known /= 2;
		f->n_learned /= 2;
	}
	return learn;
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

void kr_flow_lane_done(struct kr_flow *f, uint8_t lane)
{
	pthread_mutex_lock(&f->lock);
	f->lanes[lane].done = true;
	pthread_mutex_unlock(&f->lock);
	kr_flow_news(f);
}

/* ---- the end ----------------------------------------------------------- */

bool kr_flow_complete(struct kr_flow *f)
{
	bool complete = true;

	pthread_mutex_lock(&f->lock);
	for (uint8_t i = 0; i < f->n_lanes; i++)
		complete &= f->lanes[i].ended;
	pthread_mutex_unlock(&f->lock);
	return complete;
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

int kr_flow_manifest(struct kr_flow *f, struct kr_manifest *ret_m,
		     struct kr_err *e)
{
	const struct kr_qstream_stat *s = kr_qstream_stat(f->qstream);
	struct kr_manifest m = { 0 };
	int r;

	kr_qstream_finish(f->qstream);
	if (EVP_DigestFinal_ex(f->sha, m.device_digest, NULL) != 1)
		return kr_fail(e, KR_E_CRYPTO, "SHA-256 failed");
	r = kr_ramtree_root(f->tree, m.ram_root, e);
	if (r < 0)
		return r;
	m.opaque = s->phase == KR_QSTREAM_OPAQUE;
	m.ram_bytes = s->ram_bytes;
	m.stream_bytes = s->n_bytes;
	m.n_pages = s->n_pages;
	m.n_zero_pages = s->n_zero_pages;
	snprintf(m.reason, sizeof(m.reason), "%s", s->reason ?: "");
	pthread_mutex_lock(&f->lock);
	f->progress.phase = KR_PLANE_DONE;
	if (f->last_ns)
		f->progress.verdict_us = (kr_now_ns() - f->last_ns) / 1000;
	pthread_mutex_unlock(&f->lock);
	*ret_m = m;
	return 0;
}
