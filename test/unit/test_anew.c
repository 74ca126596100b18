/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_anew.c - both hosts' decisions about new lanes (daemon/anew.c), played
 * with models of their hypervisors, data planes and session, in every order in
 * which things can happen and with every few faults in between: memory can
 * always come to flow again, but where a plane was killed under a hypervisor
 * that was resuming, which QEMU 7.2 does not survive.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "anew_stand.h"
#include "model/stateset.h"

#define FAULTS	2u	/* in one history; or as the argument says */

static unsigned int max_faults = FAULTS;

/* ---- what can happen ---------------------------------------------------- */

static bool hear(int i)
{
	struct word w = now.x[i].words[0];
	struct kr_mend s = { .attempt = w.attempt, .goes_on = w.goes_on };
	uint8_t buf[KR_MEND_BYTES];
	struct kr_wr out = KR_WR(buf, sizeof(buf));
	struct kr_rd r;

	if (!now.x[i].n_words)
		return false;
	now.x[i].n_words--;
	memmove(now.x[i].words, now.x[i].words + 1,
		(QUEUE - 1) * sizeof(struct word));
	kr_mend_put(&out, &s);
	r = KR_RD(buf, kr_wr_len(&out));
	snprintf(links[i].peer, sizeof(links[i].peer), "peer");
	kr_anew_message(&links[i], i == S ? KR_PEER_MENDED : KR_PEER_MEND, &r,
			NULL);
	return true;
}

static bool report(int i)
{
	struct kr_plane_torn t = { .why.kr = KR_E_LANE_LOST };

	if (!now.x[i].reports)
		return false;
	now.x[i].reports--;
	kr_anew_lanes_torn(&migs[i], &t);
	return true;
}

/* Lanes are up once both sides have some, and old news are told. */
static bool come_up(int i)
{
	if (now.x[i].lanes != COMING || now.x[i].reports || !has_lanes(!i) ||
	    !same_attempt())
		return false;
	now.x[i].lanes = UP;
	if (i == T)
		kr_mig_hang_up(&migs[T].anew.ends);
	kr_anew_up(&migs[i]);
	return true;
}

/* The other end of its lanes is gone. */
static bool notice(int i)
{
	if (now.x[i].lanes != UP || now.x[i].reports ||
	    (has_lanes(!i) && same_attempt()))
		return false;
	break_lanes(i);
	return true;
}

static bool hung_up(int i)
{
	if (now.x[i].qemu != HUNG_UP)
		return false;
	now.x[i].qemu = TORN;
	kr_anew_hyper_torn(&migs[i]);
	return i == S ? !kr_mig_step(&migs[S], KR_EV_SESSION, NULL) : true;
}

static bool obey(int i)
{
	struct kr_err e = KR_ERR_NONE;
	enum qemu q = now.x[i].qemu;

	if (!now.x[i].said || q == GONE)
		return false;
	now.x[i].said = false;
	kr_fail(&e, KR_E_QMP, "not now");
	if (i == S && q == TORN && now.x[S].lanes != NO_PLANE)
		now.x[S].qemu = JOINED;
	else if (i == T && (q == TORN || q == LISTENS || q == BLOCKED))
		now.x[T].qemu = LISTENS;
	else
		return kr_anew_fail(&migs[i], i == S ? KR_HYPER_RESUME :
				    KR_HYPER_RECOVER, &e);
	kr_anew_done(&migs[i], i == S ? KR_HYPER_RESUME : KR_HYPER_RECOVER);
	return true;
}

static bool join(int i)
{
	if (i == S || now.x[T].qemu != LISTENS || !migs[T].anew.ends.n)
		return false;
	now.x[T].qemu = JOINED;
	kr_anew_hyper_taken(&migs[T]);
	return true;
}

static bool go_on(int i)
{
	if (i == S || now.x[S].qemu != JOINED || now.x[T].qemu != JOINED ||
	    now.x[S].lanes != UP || now.x[T].lanes != UP || !same_attempt())
		return false;
	for (int k = 0; k < 2; k++) {
		now.x[k].qemu = FLOWS;
		kr_anew_hyper_mended(&migs[k]);
	}
	return true;
}

static bool ring(int i)
{
	struct kr_err e = KR_ERR_NONE;

	if (!migs[i].again.due_ns)
		return false;
	migs[i].again.due_ns = 0;
	kr_anew_again(&migs[i]);
	kr_mig_reconnect(&migs[i], &e);
	return true;
}

static bool meet(int i)
{
	if (i == S || now.session)
		return false;
	now.session = true;
	for (int k = 0; k < 2; k++) {
		migs[k].link = &links[k];
		migs[k].n_again = 0;
		migs[k].again.due_ns = 0;
		kr_mig_step(&migs[k], KR_EV_SESSION, NULL);
	}
	return true;
}

/* ---- and what can go wrong ---------------------------------------------- */

static bool part(int i)
{
	if (i == S || !now.session)
		return false;
	now.session = false;
	for (int k = 0; k < 2; k++) {
		now.x[k].n_words = 0;
		migs[k].link = NULL;
		kr_mig_step(&migs[k], KR_EV_LOST, NULL);
	}
	return true;
}

static bool cut(int i)
{
	if (now.x[i].lanes != UP || now.x[i].reports)
		return false;
	break_lanes(i);
	return true;
}

static bool kill_plane(int i)
{
	struct kr_err e = KR_ERR_NONE;

	if (now.x[i].lanes == NO_PLANE)
		return false;
	now.killed |= now.x[S].qemu == JOINED || now.x[T].qemu == JOINED;
	end_plane(i);
	kr_fail(&e, KR_E_AGENT_DIED, "killed");
	kr_anew_torn(&migs[i], &e);
	return true;
}

/* It waits for a page, and takes no connection before it has that. */
static bool block(int i)
{
	if (i == S || now.x[T].qemu != LISTENS)
		return false;
	now.x[T].qemu = BLOCKED;
	return true;
}

/* The hypervisor's agent dies, with what was said to it; another one comes. */
static bool kill_agent(int i)
{
	static const enum kr_hyper_mig is[] = {
		[FLOWS] = KR_HYPER_MIG_POSTCOPY,
		[HUNG_UP] = KR_HYPER_MIG_POSTCOPY,
		[TORN] = KR_HYPER_MIG_TORN, [LISTENS] = KR_HYPER_MIG_TORN,
		[BLOCKED] = KR_HYPER_MIG_TORN,
		[JOINED] = KR_HYPER_MIG_RECOVERING,
	};
	struct kr_hyper_ready r = { 0 };

	if (now.x[i].qemu == GONE)
		return false;
	now.x[i].said = false;
	r.mig = is[now.x[i].qemu];
	kr_anew_ready(&migs[i], &r);
	return i == S ? !kr_mig_step(&migs[S], KR_EV_SESSION, NULL) : true;
}

static const struct {
	const char *name;
	bool (*move)(int i);
	bool fault;
} moves[] = {
	{ "hear", hear, false }, { "report", report, false },
	{ "come up", come_up, false }, { "notice", notice, false },
	{ "hung up", hung_up, false }, { "obey", obey, false },
	{ "join", join, false }, { "go on", go_on, false },
	{ "ring", ring, false }, { "meet", meet, false },
	{ "part", part, true }, { "cut", cut, true },
	{ "kill plane", kill_plane, true }, { "block", block, true },
	{ "kill agent", kill_agent, true },
};

#define N_MOVES		(sizeof(moves) / sizeof(moves[0]))

/* ---- all of it ---------------------------------------------------------- */

struct edge {
	uint32_t from, to;
	uint8_t  move, side;
};

static struct kr_stateset *states;
static struct edge *edges;
static size_t n_edges, room;

static const struct state *at(uint32_t i)
{
	static struct state st;

	memcpy(&st, kr_stateset_key(states, i), sizeof(st));
	return &st;
}

static void add_edge(uint32_t from, uint32_t to, uint8_t move, uint8_t side)
{
	if (n_edges == room) {
		room = room ? 2 * room : 1u << 20;
		edges = realloc(edges, room * sizeof(*edges));
		assert_non_null(edges);
	}
	edges[n_edges++] = (struct edge){ from, to, move, side };
}

/* The way to @to, for people: backward, each by the edge found first. */
static void tell(uint32_t to)
{
	for (size_t k = 0; to && k < n_edges; k++) {
		if (edges[k].to != to || edges[k].from >= to)
			continue;
		print_message("%s at %c\n", moves[edges[k].move].name,
			      "ST"[edges[k].side]);
		to = edges[k].from;
		k = (size_t)-1;
	}
}

static void explore_from(uint32_t i)
{
	const struct state from = *at(i);

	for (uint8_t k = 0; k < N_MOVES; k++) {
		for (uint8_t side = 0; side < 2; side++) {
			struct state st;
			bool is_new;

			if (moves[k].fault && from.faults == max_faults)
				continue;
			take(&from);
			if (!moves[k].move(side))
				continue;
			now.faults += moves[k].fault;
			st = put();
			add_edge(i, kr_stateset_add(states, (uint8_t *)&st,
						    &is_new), k, side);
			if (!refuses)
				continue;
			print_message("%s at %c\n", moves[k].name,
				      "ST"[side]);
			tell(i);
			fail_msg("a plane refuses what it is told");
		}
	}
}

static bool is_gone(const struct state *st)
{
	return st->x[S].qemu == GONE || st->x[T].qemu == GONE;
}

/* Which states lead, without a fault, to one where memory flows? Or, where a
 * plane was killed at the wrong time, to the loss of a hypervisor. */
static bool *lead_somewhere(uint32_t n)
{
	bool *good = calloc(n, sizeof(*good)), more = true;

	assert_non_null(good);
	for (uint32_t i = 0; i < n; i++)
		good[i] = flows(at(i)) || (at(i)->killed && is_gone(at(i)));
	while (more) {
		more = false;
		for (size_t k = n_edges; k--;) {
			if (moves[edges[k].move].fault || good[edges[k].from] ||
			    !good[edges[k].to])
				continue;
			more = good[edges[k].from] = true;
		}
	}
	return good;
}

static void memory_can_always_flow_again(void **state)
{
	struct state first;
	uint32_t n_lost = 0;
	bool is_new, *good;

	(void)state;
	states = kr_stateset_new(sizeof(struct state));
	memset(&first, 0, sizeof(first));
	first.session = 1;
	for (int i = 0; i < 2; i++)
		first.x[i].lanes = UP;
	kr_stateset_add(states, (uint8_t *)&first, &is_new);
	for (uint32_t i = 0; i < kr_stateset_count(states); i++)
		explore_from(i);
	good = lead_somewhere(kr_stateset_count(states));
	for (uint32_t i = 0; i < kr_stateset_count(states); i++) {
		n_lost += is_gone(at(i));
		if (good[i] && (!is_gone(at(i)) || at(i)->killed))
			continue;
		tell(i);
		fail_msg("state %u %s", i, good[i] ? "is a loss" :
						     "leads nowhere");
	}
	print_message("%u states, %zu moves, lost in %u\n",
		      kr_stateset_count(states), n_edges, n_lost);
	assert_true(n_lost);
	free(good);
	free(edges);
	kr_stateset_free(states);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_can_always_flow_again),
	};

	if (argc > 1)
		max_faults = (unsigned int)atoi(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
