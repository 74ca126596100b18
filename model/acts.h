/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acts.h - every privileged operation in the code of kororad and its agents,
 * and the rule that admits it (actsrow.c). acts.c holds the rows against what
 * the compiled code calls: an operation without a row fails the build.
 *
 * An operation is a call, from a source file, of a function that reaches beyond
 * the process' own memory: processes, files, devices, addresses, rights, keys,
 * rows of the store, orders to agents, commands to QEMU.
 */
#ifndef KR_MODEL_ACTS_H
#define KR_MODEL_ACTS_H

#include <stdint.h>

#include "policy/procedure.h"

/* X(name, by which rule it is admitted) */
#define KR_ACT_WAYS(X) \
	X(EXECUTED,	"part of these procedures, each asked of the triples " \
			"and the rules of access (kr_authorise, " \
			"kr_guard_offer)") \
	X(STEP,		"part of a step of the hand-over (kr_guard_step)") \
	X(ORDERS,	"gives an agent an order, asked before by its access " \
			"(kr_guard_hyper, kr_guard_plane, kr_guard_start)") \
	X(ORDERED,	"an agent's, on an order that was asked so") \
	X(ALWAYS,	"the log's and the store's own, of whatever is " \
			"executed (rule C4)") \
	X(HEARS,	"where users, peers and agents are heard: what they " \
			"say is asked for") \
	X(STARTS,	"before anything is asked: root's set-up, the " \
			"initial state") \
	X(WRAPS,	"done for who calls it, and that call has a row") \
	X(LOOKS,	"reads nothing of a VM, a user or a policy") \
	X(SEES,		"records what happened by itself, that nobody asked " \
			"for: a VM's end") \
	X(LESSENS,	"gives up rights, of its own process") \
	X(ELSEWHERE,	"in korora, with the rights of who called it: no part " \
			"of kororad and its agents")

enum kr_act_way {
#define X(name, text) KR_ACT_##name,
	KR_ACT_WAYS(X)
#undef X
	KR_ACT_WAY_N
};

struct kr_act {
	const char     *file;
	const char     *calls;		/* words; "kill*2": at two places */
	enum kr_act_way way;
	uint64_t	procedures;	/* 1 << enum kr_tp; EXECUTED */
};

extern const struct kr_act kr_acts[];
extern const unsigned int kr_acts_n;

#endif
