/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctattr.h - entries of connection tracking as ctnetlink's attributes: read
 * as the kernel tells them, and written for it.
 */
#ifndef KR_CONTEXT_CTATTR_H
#define KR_CONTEXT_CTATTR_H

#include <libmnl/libmnl.h>

#include "context/ctentry.h"

#define KR_CTATTR_BYTES_MAX	1024u	/* of a message kr_ctattr_put() wrote */

/**
 * kr_ctattr_parse() - Read a message of an entry: of a dump, or an event
 * @n_bytes: of @nlh, which may be anything that long
 * @ret_c:   on failure what could be read of it: nothing, or its zone as well
 *
 * Return: 0; KR_E_CT_LEFT, with the entry's name and why, if it has something
 *         that cannot be carried.
 */
int kr_ctattr_parse(const struct nlmsghdr *nlh, size_t n_bytes,
		    struct kr_ctentry *ret_c, struct kr_err *e);

enum kr_ctattr {
	KR_CTATTR_GET,		/* what is it like? */
	KR_CTATTR_CREATE,	/* it is not there yet */
	KR_CTATTR_UPDATE,	/* it is there, and now is so */
	KR_CTATTR_STRICT,	/* judge its TCP by windows again, if it was */
	KR_CTATTR_DELETE,
};

/**
 * kr_ctattr_put() - Begin and write one message
 * @buf:   KR_CTATTR_BYTES_MAX, aligned as a struct nlmsghdr
 * @flags: NLM_F_ to be added
 *
 * A TCP connection is created liberal in both directions: windows are not
 * known to the kernel that is told, and with data on its way it would take
 * the first acknowledgements for forgeries. KR_CTATTR_STRICT takes that back
 * and is for those that are TCP. KR_CTATTR_UPDATE leaves alone what a kernel
 * takes only of one that it creates: translation, master and helper.
 *
 * Return: the message, in @buf.
 */
struct nlmsghdr *kr_ctattr_put(void *buf, enum kr_ctattr what,
			       const struct kr_ctentry *c, uint16_t flags,
			       uint32_t seq);

#endif
