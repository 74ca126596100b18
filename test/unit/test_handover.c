/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_handover.c - the hand-over's tables, enumerated: what no edge may do,
 * whatever else is changed in them. model/ checks how the two sides' tables
 * act on each other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "policy/handover.h"

#define EACH_EDGE(s, ev, x) \
	for (enum kr_state s = KR_ILLEGAL + 1; s < KR_STATE_N; s++) \
		for (enum kr_event ev = 0; ev < KR_EVENT_N; ev++) \
			for (const struct kr_edge *x = &kr_handover[s][ev]; \
			     x && x->to != KR_ILLEGAL; x = NULL)

#define SAY(s, ev) \
	print_message("in %s + %s\n", kr_state_name(s), kr_event_name(ev))

#define CHECK(s, ev, what) do { \
		if (!(what)) \
			SAY(s, ev); \
		assert_true(what); \
	} while (0)

static const bool source_act[KR_ACT_N] = {
	[KR_ACT_CONNECT] = true, [KR_ACT_OFFER] = true, [KR_ACT_COPY] = true,
	[KR_ACT_SWITCH] = true, [KR_ACT_MANIFEST] = true,
	[KR_ACT_RELEASE] = true, [KR_ACT_RECEIPT] = true,
	[KR_ACT_DESTROY] = true, [KR_ACT_REVIVE] = true, [KR_ACT_ABORT] = true,
	[KR_ACT_FEED] = true,
};

static const bool either_act[KR_ACT_N] = {
	[KR_ACT_NONE] = true, [KR_ACT_RECONNECT] = true,
};

/* ---- sides -------------------------------------------------------------- */

static void edges_and_acts_stay_on_their_side(void **state)
{
	(void)state;
	EACH_EDGE(s, ev, x) {
		bool source = kr_state_side(s) == KR_SOURCE;

		CHECK(s, ev, kr_state_side(x->to) == kr_state_side(s));
		CHECK(s, ev, x->act < KR_ACT_N);
		CHECK(s, ev, either_act[x->act] ||
		      source_act[x->act] == source);
	}
}

static void illegal_has_no_edges(void **state)
{
	(void)state;
	for (unsigned int ev = 0; ev < KR_EVENT_N; ev++)
		assert_int_equal(kr_handover[KR_ILLEGAL][ev].to, KR_ILLEGAL);
	EACH_EDGE(s, ev, x)
		CHECK(s, ev, x->to < KR_STATE_N);
}

static void every_state_can_be_reached(void **state)
{
	bool seen[KR_STATE_N] = { [KR_S_NEW] = true, [KR_T_NEW] = true };
	bool more = true;

	(void)state;
	while (more) {
		more = false;
		EACH_EDGE(s, ev, x) {
			if (seen[s] && !seen[x->to])
				seen[x->to] = more = true;
		}
	}
	for (enum kr_state s = KR_ILLEGAL + 1; s < KR_STATE_N; s++)
		assert_true(seen[s]);
}

/* ---- the one law -------------------------------------------------------- */

static void released_only_when_prepared(void **state)
{
	unsigned int n = 0;

	(void)state;
	EACH_EDGE(s, ev, x) {
		if (x->to != KR_S_RELEASED || s == KR_S_RELEASED)
			continue;
		CHECK(s, ev, s == KR_S_SEAL && ev == KR_EV_PREPARED);
		n++;
	}
	assert_int_equal(n, 1);
}

static void released_is_said_only_there(void **state)
{
	(void)state;
	EACH_EDGE(s, ev, x)
		CHECK(s, ev, x->act != KR_ACT_RELEASE ||
		      x->to == KR_S_RELEASED);
}

static bool is_owner(enum kr_state s)
{
	return s == KR_T_OWNER || s == KR_T_FETCH || s == KR_T_RAN ||
	       s == KR_T_DONE;
}

static void owner_only_by_the_release(void **state)
{
	unsigned int n = 0;

	(void)state;
	EACH_EDGE(s, ev, x) {
		if (!is_owner(x->to) || is_owner(s))
			continue;
		CHECK(s, ev, s == KR_T_PREPARED && ev == KR_EV_RELEASED &&
		      x->to == KR_T_OWNER);
		n++;
	}
	assert_int_equal(n, 1);
}

static void runs_only_as_owner(void **state)
{
	(void)state;
	EACH_EDGE(s, ev, x) {
		CHECK(s, ev, x->act != KR_ACT_RUN || x->to == KR_T_OWNER);
		CHECK(s, ev, x->act != KR_ACT_OWNED ||
		      (is_owner(x->to) && x->to != KR_T_OWNER));
	}
}

static void owner_never_gives_back(void **state)
{
	(void)state;
	EACH_EDGE(s, ev, x) {
		if (!is_owner(s))
			continue;
		CHECK(s, ev, is_owner(x->to));
		CHECK(s, ev, x->act != KR_ACT_DROP &&
		      x->act != KR_ACT_DISOWN);
	}
}

static void disowned_never_runs(void **state)
{
	(void)state;
	EACH_EDGE(s, ev, x) {
		if (s == KR_T_DISOWNED || s == KR_T_UNDONE)
			CHECK(s, ev, x->to == KR_T_DISOWNED ||
			      x->to == KR_T_UNDONE);
		CHECK(s, ev, x->act != KR_ACT_DISOWN ||
		      x->to == KR_T_DISOWNED);
	}
}

static void after_the_release_only_a_disown_gives_back(void **state)
{
	bool seen[KR_STATE_N] = { [KR_S_RELEASED] = true };
	bool more = true;

	(void)state;
	while (more) {
		more = false;
		EACH_EDGE(s, ev, x) {
			if (!seen[s] || ev == KR_EV_DISOWNED)
				continue;
			CHECK(s, ev, !kr_state_before_return(x->to));
			CHECK(s, ev, x->act != KR_ACT_REVIVE);
			if (!seen[x->to])
				seen[x->to] = more = true;
		}
	}
	assert_false(seen[KR_S_UNDONE]);
	assert_true(seen[KR_S_DONE]);
	/* and once the target ran it, not even that */
	assert_int_equal(kr_handover[KR_S_OWNED][KR_EV_DISOWNED].to,
			 KR_ILLEGAL);
	assert_int_not_equal(kr_handover[KR_S_DONE][KR_EV_DISOWNED].to,
			     KR_S_UNDONE);
}

/* Post-copy: what is owed is at the source alone, and nowhere else. */
static void what_is_owed_is_kept(void **state)
{
	(void)state;
	EACH_EDGE(s, ev, x) {
		if (x->to == KR_S_STREAM && s != KR_S_STREAM)
			CHECK(s, ev, s == KR_S_RELEASED && ev == KR_EV_EARLY);
		if (x->to == KR_T_FETCH && s != KR_T_FETCH)
			CHECK(s, ev, s == KR_T_OWNER && ev == KR_EV_EARLY);
		if (s == KR_S_STREAM && x->to != KR_S_STREAM)
			CHECK(s, ev, ev == KR_EV_OWNED && x->to == KR_S_OWNED);
		if (s == KR_T_FETCH && x->to != KR_T_FETCH)
			CHECK(s, ev, x->to == KR_T_RAN &&
			      (ev == KR_EV_MATCHED || ev == KR_EV_FAIL));
		CHECK(s, ev, x->act != KR_ACT_FEED || x->to == KR_S_STREAM);
	}
}

static void copies_end_only_where_they_may(void **state)
{
	(void)state;
	EACH_EDGE(s, ev, x) {
		CHECK(s, ev, x->act != KR_ACT_REVIVE || x->to == KR_S_UNDONE);
		CHECK(s, ev, x->act != KR_ACT_ABORT || x->to == KR_S_UNDONE);
		CHECK(s, ev, x->act != KR_ACT_DESTROY || x->to == KR_S_DONE);
		CHECK(s, ev, x->act != KR_ACT_DROP || x->to == KR_T_UNDONE);
		if (x->to == KR_S_DONE)
			CHECK(s, ev, s == KR_S_DONE || (s == KR_S_OWNED &&
			      ev == KR_EV_RECEIPT));
	}
}

/* Act first, record later: a crash in between must make no difference. */
static void eager_only_where_recovery_is_the_same(void **state)
{
	(void)state;
	EACH_EDGE(s, ev, x) {
		const struct kr_edge *a = &kr_handover[s][KR_EV_RESTART];
		const struct kr_edge *b = &kr_handover[x->to][KR_EV_RESTART];

		if (!x->eager)
			continue;
		CHECK(s, ev, kr_state_before_return(s) &&
		      kr_state_before_return(x->to));
		CHECK(s, ev, a->to == b->to && a->act == b->act);
	}
}

/* ---- nobody is left waiting --------------------------------------------- */

static void before_the_release_every_failure_undoes(void **state)
{
	static const enum kr_event bad[] = {
		KR_EV_FAIL, KR_EV_LOST, KR_EV_RESTART,
	};

	(void)state;
	for (enum kr_state s = KR_S_PREPARE; s <= KR_S_SEAL; s++) {
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			const struct kr_edge *x = &kr_handover[s][bad[i]];

			CHECK(s, bad[i], x->to == KR_S_UNDONE &&
			      x->act == KR_ACT_REVIVE);
		}
	}
	for (enum kr_state s = KR_T_RESERVE; s <= KR_T_LOAD; s++) {
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			const struct kr_edge *x = &kr_handover[s][bad[i]];

			CHECK(s, bad[i], x->to == KR_T_UNDONE &&
			      x->act == KR_ACT_DROP);
		}
	}
}

/* A crash may come between the record of any state and its act. */
static void every_recorded_state_can_be_taken_up(void **state)
{
	(void)state;
	for (enum kr_state s = KR_ILLEGAL + 1; s < KR_STATE_N; s++) {
		if (s == KR_S_NEW || s == KR_T_NEW)
			continue;	/* never recorded */
		CHECK(s, KR_EV_RESTART,
		      kr_handover[s][KR_EV_RESTART].to != KR_ILLEGAL);
	}
}

/* Neither side knows the outcome: both must look for the other. */
static void who_is_in_doubt_asks(void **state)
{
	static const enum kr_state in_doubt[] = {
		KR_S_RELEASED, KR_S_OWNED, KR_T_PREPARED, KR_T_OWNER,
		KR_T_RAN, KR_T_DISOWNED, KR_S_STREAM, KR_T_FETCH,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(in_doubt) / sizeof(in_doubt[0]); i++) {
		enum kr_state s = in_doubt[i];

		CHECK(s, KR_EV_LOST, kr_handover[s][KR_EV_LOST].act ==
		      KR_ACT_RECONNECT);
		CHECK(s, KR_EV_SESSION,
		      kr_handover[s][KR_EV_SESSION].to != KR_ILLEGAL);
		CHECK(s, KR_EV_ASKED,
		      kr_handover[s][KR_EV_ASKED].to != KR_ILLEGAL);
	}
}

static void unfinished_states_lead_to_an_end(void **state)
{
	bool ends[KR_STATE_N] = { false };
	bool more = true;

	(void)state;
	for (enum kr_state s = KR_ILLEGAL + 1; s < KR_STATE_N; s++)
		ends[s] = kr_state_ended(s);
	while (more) {
		more = false;
		EACH_EDGE(s, ev, x) {
			if (ends[x->to] && !ends[s])
				ends[s] = more = true;
		}
	}
	for (enum kr_state s = KR_ILLEGAL + 1; s < KR_STATE_N; s++)
		assert_true(ends[s]);
	EACH_EDGE(s, ev, x)
		CHECK(s, ev, !kr_state_ended(s) || kr_state_ended(x->to));
}

/* ---- names and numbers -------------------------------------------------- */

static void fault_numbers_are_a_bijection(void **state)
{
	unsigned int n = kr_handover_n_faults(), n_edges = 0;
	struct kr_faultpoint f;

	(void)state;
	EACH_EDGE(s, ev, x)
		n_edges++;
	assert_int_equal(n, KR_FAULT_AT_N * n_edges);
	for (unsigned int i = 1; i <= n; i++) {
		assert_true(kr_handover_fault(i, &f));
		assert_int_not_equal(kr_handover[f.from][f.ev].to,
				     KR_ILLEGAL);
		assert_int_equal(kr_handover_fault_number(f.from, f.ev, f.at),
				 i);
	}
	assert_false(kr_handover_fault(0, &f));
	assert_false(kr_handover_fault(n + 1, &f));
	for (enum kr_state s = 0; s < KR_STATE_N; s++)
		for (enum kr_event ev = 0; ev < KR_EVENT_N; ev++)
			if (kr_handover[s][ev].to == KR_ILLEGAL)
				assert_int_equal(0,
					kr_handover_fault_number(
						s, ev, KR_FAULT_AFTER));
}

static void fault_points_are_numbered_as_they_are_met(void **state)
{
	(void)state;
	EACH_EDGE(s, ev, x) {
		unsigned int record = kr_handover_fault_number(
			s, ev, KR_FAULT_RECORD);
		unsigned int before = kr_handover_fault_number(
			s, ev, KR_FAULT_BEFORE);
		unsigned int after = kr_handover_fault_number(
			s, ev, KR_FAULT_AFTER);

		CHECK(s, ev, x->eager == (before < record));
		CHECK(s, ev, before < after && record < after);
	}
}

static void unique(const char *(*name)(unsigned int), unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		assert_non_null(name(i));
		assert_true(name(i)[0]);
		for (unsigned int k = 0; k < i; k++)
			assert_string_not_equal(name(i), name(k));
	}
	assert_string_equal(name(n), "?");
}

static const char *state_name(unsigned int n) { return kr_state_name(n); }
static const char *event_name(unsigned int n) { return kr_event_name(n); }
static const char *act_name(unsigned int n) { return kr_act_name(n); }

static void names_are_unique(void **state)
{
	(void)state;
	unique(state_name, KR_STATE_N);
	unique(event_name, KR_EVENT_N);
	unique(act_name, KR_ACT_N);
	assert_string_equal(kr_state_name(KR_T_DISOWNED), "T_DISOWNED");
	assert_string_equal(kr_event_name(KR_EV_RESTART), "RESTART");
	assert_string_equal(kr_act_name(KR_ACT_LOST_VM), "LOST_VM");
	for (enum kr_state s = KR_ILLEGAL + 1; s < KR_STATE_N; s++) {
		assert_true(kr_state_phase(s)[0]);
		assert_int_equal(kr_state_name(s)[0],
				 kr_state_side(s) == KR_SOURCE ? 'S' : 'T');
	}
	assert_string_equal(kr_state_phase(KR_STATE_N), "?");
}

/* What is on disk keeps its meaning: states are stored as these numbers. */
static void stored_numbers_stay(void **state)
{
	(void)state;
	assert_int_equal(KR_S_NEW, 1);
	assert_int_equal(KR_S_RELEASED, 7);
	assert_int_equal(KR_S_UNDONE, 10);
	assert_int_equal(KR_T_NEW, 11);
	assert_int_equal(KR_T_OWNER, 15);
	assert_int_equal(KR_T_DISOWNED, 19);
	assert_int_equal(KR_S_STREAM, 20);
	assert_int_equal(KR_T_FETCH, 21);
}

static void classes_of_states(void **state)
{
	(void)state;
	for (enum kr_state s = KR_ILLEGAL + 1; s < KR_STATE_N; s++) {
		bool before = s <= KR_S_SEAL || s == KR_S_UNDONE ||
			      (s >= KR_T_NEW && s <= KR_T_LOAD) ||
			      s == KR_T_UNDONE;

		assert_int_equal(kr_state_before_return(s), before);
	}
	assert_true(kr_state_ended(KR_STATE_N));
	assert_false(kr_state_before_return(KR_STATE_N));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edges_and_acts_stay_on_their_side),
		cmocka_unit_test(illegal_has_no_edges),
		cmocka_unit_test(every_state_can_be_reached),
		cmocka_unit_test(released_only_when_prepared),
		cmocka_unit_test(released_is_said_only_there),
		cmocka_unit_test(owner_only_by_the_release),
		cmocka_unit_test(runs_only_as_owner),
		cmocka_unit_test(owner_never_gives_back),
		cmocka_unit_test(disowned_never_runs),
		cmocka_unit_test(after_the_release_only_a_disown_gives_back),
		cmocka_unit_test(what_is_owed_is_kept),
		cmocka_unit_test(copies_end_only_where_they_may),
		cmocka_unit_test(eager_only_where_recovery_is_the_same),
		cmocka_unit_test(before_the_release_every_failure_undoes),
		cmocka_unit_test(every_recorded_state_can_be_taken_up),
		cmocka_unit_test(who_is_in_doubt_asks),
		cmocka_unit_test(unfinished_states_lead_to_an_end),
		cmocka_unit_test(fault_numbers_are_a_bijection),
		cmocka_unit_test(fault_points_are_numbered_as_they_are_met),
		cmocka_unit_test(names_are_unique),
		cmocka_unit_test(stored_numbers_stay),
		cmocka_unit_test(classes_of_states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
