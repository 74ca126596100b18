/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anew_stand.h - two hosts that decide about new lanes (daemon/anew.c), between
 * models of their hypervisors, data planes and session; and all of that as one
 * state that can be kept and taken up again.
 */
#ifndef KR_TEST_ANEW_STAND_H
#define KR_TEST_ANEW_STAND_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/migration.h"
#include "daemon/record.h"

#define OLD		3u	/* attempts ago, or more */
#define QUEUE		2u	/* words on their way */

enum { S, T };
enum qemu { FLOWS, HUNG_UP, TORN, LISTENS, BLOCKED, JOINED, GONE };
enum lanes { NO_PLANE, NO_LANES, COMING, UP };

struct word {
	uint8_t attempt, goes_on;
};

/* All that the next move depends on. Attempts are so many behind S's. */
struct state {
	struct {
		uint8_t torn, ends, lanes_torn, lanes_new, resumed, mending,
			goes_on, asked, attempt, armed, again;
		uint8_t qemu, lanes, of_attempt, reports, said;
		uint8_t n_words;
		struct word words[QUEUE];	/* to it */
	} x[2];
	uint8_t session, faults, killed;
};

static struct kr_host hosts[2] = { { .cfg.peer_timeout_ms = 1 },
				   { .cfg.peer_timeout_ms = 1 } };
static struct kr_vm vms[2] = { { .ready = true }, { .ready = true } };
static struct kr_link links[2] = { { .host = &hosts[S] },
				   { .host = &hosts[T] } };
static struct kr_mig migs[2];
static struct state now;
static bool refuses;	/* a plane what it is told */

static inline int side_of(const struct kr_mig *m)
{
	return m == &migs[T];
}

/* ---- the hypervisors and planes ----------------------------------------- */

/* What it is connected to is closed. */
static inline void hang_up(int i)
{
	if (now.x[i].qemu == FLOWS)
		now.x[i].qemu = HUNG_UP;
	else if (now.x[i].qemu == JOINED)
		now.x[i].qemu = GONE;
}

static inline void end_plane(int i)
{
	if (now.x[i].lanes == NO_PLANE)
		return;
	now.x[i].lanes = NO_PLANE;
	now.x[i].reports = 0;
	migs[i].plane.io.fd = -1;
	if (!migs[i].anew.ends.n)
		hang_up(i);
}

static inline void break_lanes(int i)
{
	now.x[i].lanes = NO_LANES;
	now.x[i].reports++;
}

static inline bool same_attempt(void)
{
	return now.x[S].of_attempt == now.x[T].of_attempt;
}

static inline bool has_lanes(int i)
{
	return now.x[i].lanes == COMING || now.x[i].lanes == UP;
}

/* ---- in the place of the rest of kororad -------------------------------- */

bool kr_mig_has_plane(const struct kr_mig *m)
{
	return m->plane.io.fd >= 0;
}

bool kr_postcopy_late(const struct kr_mig *m)
{
	(void)m;
	return true;
}

void kr_postcopy_whole(struct kr_mig *m)
{
	(void)m;
}

void kr_postcopy_drop_plane(struct kr_mig *m)
{
	end_plane(side_of(m));
	m->anew.mending = m->anew.lanes_torn = m->anew.lanes_new = false;
}

int kr_mig_plane(struct kr_mig *m, const int *fds, unsigned int n_fds,
		 struct kr_err *e)
{
	int i = side_of(m);

	(void)fds;
	(void)e;
	assert_true(n_fds && now.x[i].lanes == NO_PLANE);
	now.x[i].lanes = COMING;
	now.x[i].reports = 0;
	m->plane.io.fd = 0;
	return 0;
}

int kr_mig_order(struct kr_mig *m, enum kr_plane_msg order,
		 const struct kr_wr *w, const int *fds, unsigned int n_fds,
		 struct kr_err *e)
{
	int i = side_of(m);

	(void)w, (void)fds, (void)n_fds, (void)e;
	if (order == KR_PLANE_TEAR) {
		if (has_lanes(i))
			break_lanes(i);
		return 0;
	}
	assert_int_equal(order, KR_PLANE_MEND);
	refuses |= now.x[i].lanes != NO_LANES;
	now.x[i].lanes = COMING;
	return 0;
}

int kr_lanes_ask(struct kr_mig *m, struct kr_err *e)
{
	if (!m->link)
		return kr_fail(e, KR_E_LANE_LOST, "no session");
	now.x[side_of(m)].of_attempt = (uint8_t)m->anew.attempt;
	kr_timer_arm(NULL, &m->again, 1);
	return 0;
}

void kr_lanes_close(struct kr_mig *m)
{
	(void)m;
}

void kr_lanes_init(struct kr_mig *m)
{
	(void)m;
}

int kr_mig_connect(const struct kr_mig *m, struct kr_anew_ends *ret_ends,
		   struct kr_err *e)
{
	enum qemu q = now.x[side_of(m)].qemu;

	if (q != LISTENS && q != BLOCKED)
		return kr_fail(e, KR_E_STREAM, "nobody listens");
	*ret_ends = (struct kr_anew_ends){ .n = 1 };
	return 0;
}

void kr_mig_hang_up(struct kr_anew_ends *ends)
{
	bool had = ends->n;

	ends->n = 0;
	if (had && now.x[T].lanes == NO_PLANE)
		hang_up(T);
}

int kr_mig_listen(const struct kr_mig *m, struct kr_err *e)
{
	(void)m;
	(void)e;
	return dup(STDERR_FILENO);
}

int kr_vm_uri(struct kr_vm *v, uint16_t command, const char *uri,
	      struct kr_err *e)
{
	(void)uri;
	(void)e;
	assert_int_equal(command, v == &vms[S] ? KR_HYPER_RESUME :
						 KR_HYPER_RECOVER);
	now.x[v == &vms[T]].said = true;
	return 0;
}

int kr_link_send(struct kr_link *l, uint16_t type, const struct kr_wr *w,
		 struct kr_err *e)
{
	int from = l == &links[T], to = !from;
	struct kr_rd r = KR_RD(w->start, kr_wr_len(w));
	struct kr_mend s;

	assert_int_equal(type, from == S ? KR_PEER_MEND : KR_PEER_MENDED);
	assert_int_equal(kr_mend_parse(&r, &s, e), 0);
	if (now.x[to].n_words == QUEUE)	/* it is said in vain */
		return 0;
	now.x[to].words[now.x[to].n_words++] = (struct word){
		(uint8_t)s.attempt, s.goes_on };
	return 0;
}

void kr_timer_arm(struct kr_loop *l, struct kr_timer *t, uint64_t in_ms)
{
	(void)l;
	(void)in_ms;
	t->due_ns = 1;
}

void kr_timer_off(struct kr_timer *t)
{
	t->due_ns = 0;
}

int kr_record_event(struct kr_mig *m, const char *event, json_t *detail,
		    struct kr_err *e)
{
	(void)m, (void)event, (void)detail, (void)e;
	return 0;
}

void kr_mig_fail(struct kr_mig *m, const struct kr_err *e)
{
	(void)m;
	fail_msg("%s", e->what);
}

struct kr_mig *kr_mig_find(struct kr_host *h, const uint8_t id[16])
{
	(void)id;
	return &migs[h == &hosts[T]];
}

int kr_mig_reconnect(struct kr_mig *m, struct kr_err *e)
{
	m->link = now.session ? &links[side_of(m)] : NULL;
	if (m->link && !m->n_again++)
		return kr_mig_step(m, KR_EV_SESSION, e);
	kr_timer_arm(NULL, &m->again, 1);
	m->n_again = !m->link;
	return 0;
}

/* The source's edges of S_STREAM; the destination's change nothing here. */
int kr_mig_step(struct kr_mig *m, enum kr_event ev, struct kr_err *e)
{
	int r;

	if (side_of(m) == T)
		return 0;
	if (ev != KR_EV_SESSION || !m->link)
		return kr_mig_reconnect(m, e);
	r = kr_anew_mend(m, e);
	assert_int_equal(r, 0);
	return r;
}

void kr_log_err(enum kr_log level, const char *context,
		const struct kr_err *e)
{
	(void)level, (void)context, (void)e;
}

/* ---- states ------------------------------------------------------------- */

static inline uint8_t behind(uint8_t attempt, uint8_t newest)
{
	uint8_t n = (uint8_t)(newest - attempt);

	return n < OLD ? n : OLD;
}

/* Attempts count on without end, but who is how far behind does not. */
static inline void take(const struct state *st)
{
	now = *st;
	for (int i = 0; i < 2; i++) {
		struct kr_mig *m = &migs[i];

		*m = (struct kr_mig){
			.host = &hosts[i], .vm = &vms[i], .peer = "peer",
			.state = i == S ? KR_S_STREAM : KR_T_FETCH,
			.link = st->session ? &links[i] : NULL,
			.n_again = st->x[i].again,
			.plane.io.fd = st->x[i].lanes == NO_PLANE ? -1 : 0,
			.again.due_ns = st->x[i].armed,
			.anew = {
				.torn = st->x[i].torn,
				.ends.n = st->x[i].ends,
				.lanes_torn = st->x[i].lanes_torn,
				.lanes_new = st->x[i].lanes_new,
				.resumed = st->x[i].resumed,
				.mending = st->x[i].mending,
				.goes_on = st->x[i].goes_on,
				.asked = st->x[i].asked,
				.attempt = 100u - st->x[i].attempt,
			},
		};
		m->terms.postcopy.early = true;
		now.x[i].of_attempt = 100u - now.x[i].of_attempt;
		for (int k = 0; k < st->x[i].n_words; k++)
			now.x[i].words[k].attempt =
				100u - now.x[i].words[k].attempt;
	}
}

static inline struct state put(void)
{
	struct state st = now;
	uint8_t newest = (uint8_t)migs[S].anew.attempt;

	for (int i = 0; i < 2; i++) {
		const struct kr_anew *a = &migs[i].anew;

		st.x[i].torn = a->torn;
		st.x[i].ends = (uint8_t)a->ends.n;
		st.x[i].lanes_torn = a->lanes_torn;
		st.x[i].lanes_new = a->lanes_new;
		st.x[i].resumed = a->resumed;
		st.x[i].mending = a->mending;
		st.x[i].goes_on = a->goes_on;
		st.x[i].asked = a->asked;
		st.x[i].attempt = behind((uint8_t)a->attempt, newest);
		st.x[i].armed = migs[i].again.due_ns != 0;
		st.x[i].again = migs[i].n_again != 0;
		st.x[i].of_attempt = st.x[i].lanes == NO_PLANE ? OLD :
			behind(st.x[i].of_attempt, newest);
		for (int k = 0; k < (int)QUEUE; k++)
			st.x[i].words[k] = k < st.x[i].n_words ?
				(struct word){
				behind(st.x[i].words[k].attempt, newest),
				st.x[i].words[k].goes_on } :
				(struct word){ 0 };
	}
	return st;
}

static inline bool flows(const struct state *st)
{
	return st->x[S].qemu == FLOWS && st->x[T].qemu == FLOWS &&
	       st->x[S].lanes == UP && st->x[T].lanes == UP &&
	       st->x[S].of_attempt == st->x[T].of_attempt;
}

#endif
