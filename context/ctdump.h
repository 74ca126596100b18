/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctdump.h - the connections of one zone as the kernel has them, and what
 * becomes of them from then on. Needs CAP_NET_ADMIN in the network namespace
 * that the process is in.
 */
#ifndef KR_CONTEXT_CTDUMP_H
#define KR_CONTEXT_CTDUMP_H

#include "context/ctset.h"
#include "context/ctsock.h"

/* Is told of every connection that cannot be carried: which, and why. */
struct kr_ctleft {
	void (*fn)(void *arg, const struct kr_err *why);
	void *arg;
};

/**
 * kr_ctdump() - Read all of a zone, and what its helpers expect
 * @ret_s: empty; sorted on success, for kr_ctset_fini() in any case
 *
 * Of one that changes meanwhile it is as it was at some moment between; what
 * begins or ends meanwhile is there or not.
 */
int kr_ctdump(uint16_t zone, struct kr_ctset *ret_s,
	      const struct kr_ctleft *left, struct kr_err *e);

/**
 * kr_ctdump_expects() - Read what helpers expect for connections of @of
 * @of:    sorted, of one zone
 * @ret_s: empty; sorted on success, for kr_ctset_fini() in any case
 */
int kr_ctdump_expects(const struct kr_ctset *of, struct kr_ctset *ret_s,
		      const struct kr_ctleft *left, struct kr_err *e);

enum kr_ctevent { KR_CTEVENT_NEW, KR_CTEVENT_UPDATE, KR_CTEVENT_END,
		  KR_CTEVENT_EXPECT };

/* KR_CTEVENT_EXPECT: what some connection, of any zone, expects has changed;
 * there is no entry. */
struct kr_ctfollow {
	struct kr_ctsock sock;
	uint16_t	 zone;
	uint64_t	 checked_ms;	/* when events were seen to be on */
	void (*fn)(void *arg, enum kr_ctevent, const struct kr_ctentry *);
	void		*arg;
	const struct kr_ctleft *left;
};

/**
 * kr_ctfollow_open() - Subscribe; dump after that, not before
 * @f: its zone, fn, arg and left set by the caller
 *
 * What the dump had may be told of once more. An update has what changed, not
 * all that the entry has: for the whole, see ctlive.h.
 *
 * Return: 0; KR_E_CT_EVENTS if the kernel does not tell of all connections,
 *         that is unless net.netfilter.nf_conntrack_events is 1: at 2 it
 *         keeps silent of those that began while nobody listened.
 */
int kr_ctfollow_open(struct kr_ctfollow *f, struct kr_err *e);

#define KR_CTFOLLOW_LOST	1

#define KR_CTFOLLOW_NONE	2

/**
 * kr_ctfollow_wait() - Wait for events, and tell of those that came together
 * @timeout_ms: 0 = only those that have come; -1 = until there are some
 *
 * Return: 0; KR_CTFOLLOW_NONE if none came; KR_CTFOLLOW_LOST if some were lost:
 *         what is known is void, dump anew and go on; KR_E_CT_EVENTS, seen
 *         within a second, if the kernel was told to tell no more.
 */
int kr_ctfollow_wait(struct kr_ctfollow *f, int timeout_ms, struct kr_err *e);

void kr_ctfollow_close(struct kr_ctfollow *f);

#endif
