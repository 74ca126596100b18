/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fwmsg.h - what kororad orders korora-context to do about VMs' firewalls, and
 * what it answers: each order has one answer, in their order. Both ends parse
 * with these functions, the rules with those of a definition.
 */
#ifndef KR_FWMSG_H
#define KR_FWMSG_H

#include "hyper/vmdef.h"

#define KR_FWMSG_BODY_MAX	32768u
#define KR_FWMSG_MS		60000u	/* for an order, or the agent ends */
#define KR_FWMSG_PORT_MAX	15u	/* bytes of an interface's name */

enum kr_fwmsg {
	/* kororad's */
	KR_FWMSG_LOAD = 1,	/* struct kr_fwload */
	KR_FWMSG_WAKE,		/* name: rules that slept are in force */
	KR_FWMSG_UNLOAD,	/* name: its rules and connections end */
	/* the agent's */
	KR_FWMSG_DONE = 32,
	KR_FWMSG_FAIL,		/* code, text */
};

/* A VM's firewall, and where it is plugged in here. */
struct kr_fwload {
	char	 vm[KR_VMDEF_NAME_MAX + 1];
	uint16_t zone;		/* of connection tracking, its own; not 0 */
	bool	 asleep;	/* not in force before WAKE */
	uint32_t n_nics;
	struct {
		char name[16], mac[18];
		char tap[KR_FWMSG_PORT_MAX + 1];
		char bridge[KR_FWMSG_PORT_MAX + 1];
	} nics[KR_VMDEF_NICS_MAX];
	struct kr_fwrules rules;
};

void kr_fwload_put(struct kr_wr *w, const struct kr_fwload *l);

/** kr_fwload_parse() - 0; < 0 with KR_E_AGENT_SPOKE, @ret then of no use. */
int kr_fwload_parse(struct kr_rd *r, struct kr_fwload *ret, struct kr_err *e);

/** kr_fwmsg_name() - WAKE's and UNLOAD's body. */
int kr_fwmsg_name(struct kr_rd *r, char ret[KR_VMDEF_NAME_MAX + 1],
		  struct kr_err *e);

#endif
