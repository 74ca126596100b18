/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access.h - what agents and hosts do with a VM's state between the steps of
 * the hand-over, as requests of the access model: each order that kororad
 * gives an agent names one of these (hyper_msg.h, plane_msg.h), and is given
 * only if the rules say yes.
 */
#ifndef KR_POLICY_ACCESS_H
#define KR_POLICY_ACCESS_H

#include "policy/refine.h"

/* X(name, what is done) */
#define KR_ACCESSES(X) \
	X(NOTHING,	"nothing is done with its state") \
	X(READS,	"this host's agent reads it") \
	X(APPENDS,	"this host's agent appends to it") \
	X(FLOWS,	"the source's agent reads it, or the destination's " \
			"appends to it") \
	X(RUNS,		"this host runs it") \
	X(STOPS,	"this host stops it") \
	X(RETURNS,	"the source takes it back")

enum kr_access {
#define X(name, text) KR_ACCESS_##name,
	KR_ACCESSES(X)
#undef X
	KR_ACCESS_N
};

/**
 * kr_access_decide() - May the host that is in @s do that?
 * @s: without a migration KR_S_NEW if the VM is this host's, else KR_S_DONE
 *
 * What it has already is a yes without a rule. But to run, read or append to a
 * VM its host has to be of a class that it could be offered to, too, until the
 * hand-over has come to the release or an end: then what was begun goes on, as
 * its steps do. Return: error without memory.
 */
struct kr_decision kr_access_decide(enum kr_access a, enum kr_state s,
				    const struct kr_refine_classes *c);

/**
 * kr_access_uses() - May the agents of a VM of class @vm use such an object: a
 * file, a network, a page cache?
 * @writes: it is read and written; else read alone
 *
 * Return: error without memory.
 */
struct kr_decision kr_access_uses(struct kr_class vm, struct kr_class object,
				  bool writes);

const char *kr_access_text(enum kr_access a);

#endif
