/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handover.c - the tables of the hand-over. kororad steps through them; the
 * unit tests and the model enumerate them.
 */
#include "policy/handover.h"

#include <assert.h>
#include <stddef.h>

#define TO(state, act)		{ KR_##state, KR_ACT_##act, false }
#define EAGER(state, act)	{ KR_##state, KR_ACT_##act, true }

const struct kr_edge kr_handover[KR_STATE_N][KR_EVENT_N] = {
	/* ---- source: until the release, any failure leaves the VM here --- */
	[KR_S_NEW] = {
		[KR_EV_REQUEST]	 = TO(S_PREPARE, CONNECT),
	},
	[KR_S_PREPARE] = {
		[KR_EV_SESSION]	 = TO(S_OFFER, OFFER),
		[KR_EV_FAIL]	 = TO(S_UNDONE, REVIVE),
		[KR_EV_LOST]	 = TO(S_UNDONE, REVIVE),
		[KR_EV_RESTART]	 = TO(S_UNDONE, REVIVE),
	},
	[KR_S_OFFER] = {
		[KR_EV_ACCEPTED] = TO(S_COPY, COPY),
		[KR_EV_FAIL]	 = TO(S_UNDONE, REVIVE),
		[KR_EV_LOST]	 = TO(S_UNDONE, REVIVE),
		[KR_EV_RESTART]	 = TO(S_UNDONE, REVIVE),
	},
	[KR_S_COPY] = {
		[KR_EV_PAUSED]	 = EAGER(S_FREEZE, SWITCH),
		[KR_EV_FAIL]	 = TO(S_UNDONE, REVIVE),
		[KR_EV_LOST]	 = TO(S_UNDONE, REVIVE),
		[KR_EV_RESTART]	 = TO(S_UNDONE, REVIVE),
	},
	[KR_S_FREEZE] = {
		[KR_EV_SENT]	 = TO(S_SEAL, MANIFEST),
		[KR_EV_FAIL]	 = TO(S_UNDONE, REVIVE),
		[KR_EV_LOST]	 = TO(S_UNDONE, REVIVE),
		[KR_EV_RESTART]	 = TO(S_UNDONE, REVIVE),
	},
	[KR_S_SEAL] = {
		[KR_EV_PREPARED] = TO(S_RELEASED, RELEASE),
		[KR_EV_DISOWNED] = TO(S_UNDONE, REVIVE),
		[KR_EV_FAIL]	 = TO(S_UNDONE, REVIVE),
		[KR_EV_LOST]	 = TO(S_UNDONE, REVIVE),
		[KR_EV_RESTART]	 = TO(S_UNDONE, REVIVE),
	},
	/* ---- the point of no return: only the target's word moves us --- */
	[KR_S_RELEASED] = {
		[KR_EV_OWNED]	 = TO(S_OWNED, RECEIPT),
		[KR_EV_EARLY]	 = TO(S_STREAM, FEED),
		[KR_EV_DISOWNED] = TO(S_UNDONE, REVIVE),
		[KR_EV_PREPARED] = TO(S_RELEASED, RELEASE),
		[KR_EV_SESSION]	 = TO(S_RELEASED, RELEASE),
		[KR_EV_ASKED]	 = TO(S_RELEASED, RELEASE),
		[KR_EV_FAIL]	 = TO(S_RELEASED, RECONNECT),
		[KR_EV_LOST]	 = TO(S_RELEASED, RECONNECT),
		[KR_EV_RESTART]	 = TO(S_RELEASED, RECONNECT),
	},
	/* post-copy: the only copy of what was not sent yet is here */
	[KR_S_STREAM] = {
		[KR_EV_OWNED]	 = TO(S_OWNED, RECEIPT),
		[KR_EV_EARLY]	 = TO(S_STREAM, FEED),
		[KR_EV_SENT]	 = TO(S_STREAM, FEED),
		[KR_EV_SESSION]	 = TO(S_STREAM, FEED),
		[KR_EV_ASKED]	 = TO(S_STREAM, FEED),
		[KR_EV_FAIL]	 = TO(S_STREAM, RECONNECT),
		[KR_EV_LOST]	 = TO(S_STREAM, RECONNECT),
		[KR_EV_RESTART]	 = TO(S_STREAM, RECONNECT),
	},
	[KR_S_OWNED] = {
		[KR_EV_RECEIPT]	 = TO(S_DONE, DESTROY),
		[KR_EV_OWNED]	 = TO(S_OWNED, RECEIPT),
		[KR_EV_SESSION]	 = TO(S_OWNED, RECEIPT),
		[KR_EV_ASKED]	 = TO(S_OWNED, RECEIPT),
		[KR_EV_FAIL]	 = TO(S_OWNED, RECONNECT),
		[KR_EV_LOST]	 = TO(S_OWNED, RECONNECT),
		[KR_EV_RESTART]	 = TO(S_OWNED, RECONNECT),
	},
	[KR_S_DONE] = {
		[KR_EV_ASKED]	 = TO(S_DONE, RECEIPT),
		[KR_EV_OWNED]	 = TO(S_DONE, RECEIPT),
		[KR_EV_RECEIPT]	 = TO(S_DONE, NONE),
		[KR_EV_RESTART]	 = TO(S_DONE, DESTROY),
	},
	[KR_S_UNDONE] = {
		[KR_EV_ASKED]	 = TO(S_UNDONE, ABORT),
		[KR_EV_PREPARED] = TO(S_UNDONE, ABORT),
		[KR_EV_DISOWNED] = TO(S_UNDONE, ABORT),
		[KR_EV_RESTART]	 = TO(S_UNDONE, REVIVE),
	},
	/* ---- target: it never runs what it was not given --------------- */
	[KR_T_NEW] = {
		[KR_EV_OFFERED]	 = TO(T_RESERVE, RESERVE),
	},
	[KR_T_RESERVE] = {
		[KR_EV_READY]	 = TO(T_LOAD, ACCEPT),
		[KR_EV_FAIL]	 = TO(T_UNDONE, DROP),
		[KR_EV_LOST]	 = TO(T_UNDONE, DROP),
		[KR_EV_ABORTED]	 = TO(T_UNDONE, DROP),
		[KR_EV_RESTART]	 = TO(T_UNDONE, DROP),
	},
	[KR_T_LOAD] = {
		[KR_EV_MATCHED]	 = TO(T_PREPARED, PREPARED),
		[KR_EV_FAIL]	 = TO(T_UNDONE, DROP),
		[KR_EV_LOST]	 = TO(T_UNDONE, DROP),
		[KR_EV_ABORTED]	 = TO(T_UNDONE, DROP),
		[KR_EV_RESTART]	 = TO(T_UNDONE, DROP),
	},
	/* prepared: the source may have released it; only the source's word
	 * or our signed refusal to ever run it ends this state */
	[KR_T_PREPARED] = {
		[KR_EV_RELEASED] = TO(T_OWNER, RUN),
		[KR_EV_ABORTED]	 = TO(T_UNDONE, DROP),
		[KR_EV_FAIL]	 = TO(T_DISOWNED, DISOWN),
		[KR_EV_SESSION]	 = TO(T_PREPARED, PREPARED),
		[KR_EV_ASKED]	 = TO(T_PREPARED, PREPARED),
		[KR_EV_LOST]	 = TO(T_PREPARED, RECONNECT),
		[KR_EV_RESTART]	 = TO(T_PREPARED, REATTACH),
	},
	[KR_T_OWNER] = {
		[KR_EV_RUNNING]	 = TO(T_RAN, OWNED),
		[KR_EV_EARLY]	 = TO(T_FETCH, OWNED),
		[KR_EV_FAIL]	 = TO(T_RAN, LOST_VM),
		[KR_EV_RELEASED] = TO(T_OWNER, RUN),
		[KR_EV_SESSION]	 = TO(T_OWNER, RUN),
		[KR_EV_ASKED]	 = TO(T_OWNER, RUN),
		[KR_EV_LOST]	 = TO(T_OWNER, RECONNECT),
		[KR_EV_RESTART]	 = TO(T_OWNER, RUN),
	},
	/* post-copy: it runs, and waits for a page it has not got */
	[KR_T_FETCH] = {
		[KR_EV_MATCHED]	 = TO(T_RAN, OWNED),
		[KR_EV_FAIL]	 = TO(T_RAN, LOST_VM),
		[KR_EV_RELEASED] = TO(T_FETCH, OWNED),
		[KR_EV_SESSION]	 = TO(T_FETCH, OWNED),
		[KR_EV_ASKED]	 = TO(T_FETCH, OWNED),
		[KR_EV_LOST]	 = TO(T_FETCH, RECONNECT),
		[KR_EV_RESTART]	 = TO(T_FETCH, RECONNECT),
	},
	[KR_T_RAN] = {
		[KR_EV_RECEIPT]	 = TO(T_DONE, COUNTERSIGN),
		[KR_EV_RELEASED] = TO(T_RAN, OWNED),
		[KR_EV_SESSION]	 = TO(T_RAN, OWNED),
		[KR_EV_ASKED]	 = TO(T_RAN, OWNED),
		[KR_EV_FAIL]	 = TO(T_RAN, RECONNECT),
		[KR_EV_LOST]	 = TO(T_RAN, RECONNECT),
		[KR_EV_RESTART]	 = TO(T_RAN, RECONNECT),
	},
	[KR_T_DONE] = {
		[KR_EV_RECEIPT]	 = TO(T_DONE, COUNTERSIGN),
		[KR_EV_RELEASED] = TO(T_DONE, OWNED),
		[KR_EV_ASKED]	 = TO(T_DONE, OWNED),
		[KR_EV_RESTART]	 = TO(T_DONE, COUNTERSIGN),
	},
	[KR_T_DISOWNED] = {
		[KR_EV_RELEASED] = TO(T_DISOWNED, DISOWN),
		[KR_EV_SESSION]	 = TO(T_DISOWNED, DISOWN),
		[KR_EV_ASKED]	 = TO(T_DISOWNED, DISOWN),
		[KR_EV_RESTART]	 = TO(T_DISOWNED, DISOWN),
		[KR_EV_FAIL]	 = TO(T_DISOWNED, RECONNECT),
		[KR_EV_LOST]	 = TO(T_DISOWNED, RECONNECT),
		[KR_EV_ABORTED]	 = TO(T_UNDONE, DROP),
	},
	[KR_T_UNDONE] = {
		[KR_EV_RESTART]	 = TO(T_UNDONE, DROP),
	},
};

#define STATE(s, phase, side, ended, before) \
	[KR_##s] = { #s, phase, side, ended, before }

static const struct {
	const char  *name, *phase;
	enum kr_side side;
	bool	     ended, before;
} states[] = {
	[KR_ILLEGAL] = { "ILLEGAL", "", KR_SOURCE, true, false },
	STATE(S_NEW, "prepare", KR_SOURCE, false, true),
	STATE(S_PREPARE, "prepare", KR_SOURCE, false, true),
	STATE(S_OFFER, "offer", KR_SOURCE, false, true),
	STATE(S_COPY, "copy", KR_SOURCE, false, true),
	STATE(S_FREEZE, "freeze", KR_SOURCE, false, true),
	STATE(S_SEAL, "seal", KR_SOURCE, false, true),
	STATE(S_RELEASED, "release", KR_SOURCE, false, false),
	STATE(S_OWNED, "receipt", KR_SOURCE, false, false),
	STATE(S_DONE, "done", KR_SOURCE, true, false),
	STATE(S_UNDONE, "undone", KR_SOURCE, true, true),
	STATE(T_NEW, "prepare", KR_TARGET, false, true),
	STATE(T_RESERVE, "offer", KR_TARGET, false, true),
	STATE(T_LOAD, "copy", KR_TARGET, false, true),
	STATE(T_PREPARED, "seal", KR_TARGET, false, false),
	STATE(T_OWNER, "release", KR_TARGET, false, false),
	STATE(T_RAN, "receipt", KR_TARGET, false, false),
	STATE(T_DONE, "done", KR_TARGET, true, false),
	STATE(T_UNDONE, "undone", KR_TARGET, true, true),
	STATE(T_DISOWNED, "disowned", KR_TARGET, false, false),
	STATE(S_STREAM, "post-copy", KR_SOURCE, false, false),
	STATE(T_FETCH, "post-copy", KR_TARGET, false, false),
};
static_assert(sizeof(states) / sizeof(states[0]) == KR_STATE_N, "names");

static const char *const events[] = {
	"REQUEST", "SESSION", "OFFERED", "READY", "ACCEPTED", "PAUSED",
	"SENT", "MATCHED", "PREPARED", "RELEASED", "RUNNING", "OWNED",
	"RECEIPT", "FAIL", "LOST", "ABORTED", "DISOWNED", "ASKED", "RESTART",
	"EARLY",
};
static_assert(sizeof(events) / sizeof(events[0]) == KR_EVENT_N, "names");

static const char *const acts[] = {
	"NONE", "CONNECT", "OFFER", "COPY", "SWITCH", "MANIFEST", "RELEASE",
	"RECEIPT", "DESTROY", "REVIVE", "RECONNECT", "ABORT", "RESERVE",
	"ACCEPT", "PREPARED", "RUN", "OWNED", "COUNTERSIGN", "DROP",
	"REATTACH", "DISOWN", "LOST_VM", "FEED",
};
static_assert(sizeof(acts) / sizeof(acts[0]) == KR_ACT_N, "names");

const char *kr_state_name(enum kr_state s)
{
	return s < KR_STATE_N ? states[s].name : "?";
}

const char *kr_state_phase(enum kr_state s)
{
	return s < KR_STATE_N ? states[s].phase : "?";
}

const char *kr_event_name(enum kr_event ev)
{
	return ev < KR_EVENT_N ? events[ev] : "?";
}

const char *kr_act_name(enum kr_act a)
{
	return a < KR_ACT_N ? acts[a] : "?";
}

enum kr_side kr_state_side(enum kr_state s)
{
	return s < KR_STATE_N ? states[s].side : KR_SOURCE;
}

bool kr_state_ended(enum kr_state s)
{
	return s >= KR_STATE_N || states[s].ended;
}

bool kr_state_before_return(enum kr_state s)
{
	return s < KR_STATE_N && states[s].before;
}

/* ---- fault points ------------------------------------------------------ */

/* The order in which an edge's points are met. */
static const enum kr_fault_at met[2][KR_FAULT_AT_N] = {
	{ KR_FAULT_RECORD, KR_FAULT_BEFORE, KR_FAULT_AFTER },
	{ KR_FAULT_BEFORE, KR_FAULT_RECORD, KR_FAULT_AFTER },	/* eager */
};

unsigned int kr_handover_n_faults(void)
{
	unsigned int n = 0;

	for (unsigned int s = 0; s < KR_STATE_N; s++)
		for (unsigned int ev = 0; ev < KR_EVENT_N; ev++)
			if (kr_handover[s][ev].to != KR_ILLEGAL)
				n += KR_FAULT_AT_N;
	return n;
}

bool kr_handover_fault(unsigned int number, struct kr_faultpoint *ret)
{
	unsigned int n = number - 1;	/* 0 becomes greater than any */

	for (unsigned int s = 0; s < KR_STATE_N; s++) {
		for (unsigned int ev = 0; ev < KR_EVENT_N; ev++) {
			const struct kr_edge *x = &kr_handover[s][ev];

			if (x->to == KR_ILLEGAL)
				continue;
			if (n < KR_FAULT_AT_N) {
				ret->from = (enum kr_state)s;
				ret->ev = (enum kr_event)ev;
				ret->at = met[x->eager][n];
				return true;
			}
			n -= KR_FAULT_AT_N;
		}
	}
	return false;
}

unsigned int kr_handover_fault_number(enum kr_state from, enum kr_event ev,
				      enum kr_fault_at at)
{
	const struct kr_edge *x = &kr_handover[from][ev];
	unsigned int n = 1, n_before = from * KR_EVENT_N + ev;

	if (x->to == KR_ILLEGAL)
		return 0;
	for (unsigned int i = 0; i < n_before; i++)
		if (kr_handover[i / KR_EVENT_N][i % KR_EVENT_N].to !=
		    KR_ILLEGAL)
			n += KR_FAULT_AT_N;
	for (const enum kr_fault_at *m = met[x->eager]; *m != at; m++)
		n++;
	return n;
}

const char *kr_fault_at_name(enum kr_fault_at at)
{
	static const char *const names[] = { "record", "before", "after" };

	return at < KR_FAULT_AT_N ? names[at] : "?";
}
