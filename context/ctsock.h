/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctsock.h - a socket to ctnetlink of the network namespace that the process
 * is in. Blocking; one user at a time.
 */
#ifndef KR_CONTEXT_CTSOCK_H
#define KR_CONTEXT_CTSOCK_H

#include <libmnl/libmnl.h>

#include "base/err.h"

#define KR_CTSOCK_BUF_BYTES	(64u << 10)	/* received at once */

struct kr_ctsock {
	struct mnl_socket *nl;
	uint32_t	   port, seq;	/* ours; of what was asked last */
};

/**
 * kr_ctsock_open() - Needs CAP_NET_ADMIN in the namespace
 * @groups: bits of multicast groups, 0 = none
 */
int kr_ctsock_open(struct kr_ctsock *s, unsigned int groups, struct kr_err *e);

#define KR_CTSOCK_AGAIN	1
#define KR_CTSOCK_NONE	2

/**
 * kr_ctsock_dump() - Ask for a dump, and read all of it
 * @m:  the question, of s->seq + 1
 * @fn: is told of each message; if it fails, with @e set, that is the end
 *
 * Return: 0; KR_CTSOCK_AGAIN if what was read changed meanwhile, so that some
 *         of it may be missing: close the socket, in which the rest may wait;
 *         KR_CTSOCK_NONE if what was asked about is not there.
 */
int kr_ctsock_dump(struct kr_ctsock *s, const struct nlmsghdr *m, mnl_cb_t fn,
		   void *arg, struct kr_err *e);

/** kr_ctsock_close() - Also one that is zeroed, or closed. */
void kr_ctsock_close(struct kr_ctsock *s);

/** kr_ctsock_fail() - @what, and errno's reason: KR_E_CT_KERNEL. */
int kr_ctsock_fail(struct kr_err *e, const char *what);

#endif
