/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeping.h - VMs that come into being, are given another class and go, at a
 * host that keeps them, as requests of the access model (rules.h). What is
 * brought from another host comes by the hand-over, see refine.h.
 */
#ifndef KR_POLICY_KEEPING_H
#define KR_POLICY_KEEPING_H

#include "policy/rules.h"

struct kr_keeping {
	enum kr_ask_kind kind;	/* create, delete or change-object-level */
	struct kr_class	 host;
	struct kr_class	 vm;	/* as it is; of create, as it is to be */
	struct kr_class	 wanted; /* change-object-level: as it is to be */
	bool		 certifier; /* who asks for that may change classes */
	bool		 runs;	/* the VM does, here */
};

/**
 * kr_keeping_decide() - Do the rules allow it?
 *
 * The VM is in what the host keeps, which is of the host's class: none can be
 * made that is above it, or raised above it. Return: error without memory, or
 * of another kind.
 */
struct kr_decision kr_keeping_decide(const struct kr_keeping *k);

/**
 * kr_keeping_reclass() - May who certifies give a subject that class?
 * @is:	     as it is
 * @top:     of who certifies: above it he raises nobody
 * @himself: it is himself
 *
 * Return: error without memory.
 */
struct kr_decision kr_keeping_reclass(struct kr_class is,
				      struct kr_class wanted,
				      struct kr_class top, bool himself);

#endif
