/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctexpattr.h - expectations as ctnetlink's attributes: read as the kernel
 * tells them, asked for, and written for it.
 */
#ifndef KR_CONTEXT_CTEXPATTR_H
#define KR_CONTEXT_CTEXPATTR_H

#include <libmnl/libmnl.h>

#include "context/ctexpect.h"

#define KR_CTEXPATTR_BYTES_MAX	1024u	/* of a message written here */

/**
 * kr_ctexpattr_parse() - Read a message of an expectation
 * @n_bytes: of @nlh, which may be anything that long
 * @ret_x:   its zone is not told, and stays 0 in both directions; on failure
 *	     its family and master, if they could be read
 *
 * Return: 0; KR_E_CT_LEFT, with its name and why, if it has something that
 *         cannot be carried.
 */
int kr_ctexpattr_parse(const struct nlmsghdr *nlh, size_t n_bytes,
		       struct kr_ctexpect *ret_x, struct kr_err *e);

/**
 * kr_ctexpattr_ask() - Write: which does this connection have?
 * @buf: KR_CTEXPATTR_BYTES_MAX, aligned as a struct nlmsghdr
 * @c:   of which the key counts; NULL: all, of all zones
 *
 * Only so is it told whose zone one is in. The connection may have ended:
 * ENOENT.
 */
struct nlmsghdr *kr_ctexpattr_ask(void *buf, const struct kr_ctentry *c,
				  uint32_t seq);

enum kr_ctexpattr {
	KR_CTEXPATTR_CREATE,	/* with as long a life as its helper gives */
	KR_CTEXPATTR_RENEW,	/* with the life that was left */
	KR_CTEXPATTR_DELETE,	/* any that expects that in the zone */
};

/** kr_ctexpattr_put() - As kr_ctattr_put(). The master must be there. */
struct nlmsghdr *kr_ctexpattr_put(void *buf, enum kr_ctexpattr what,
				  const struct kr_ctexpect *x, uint16_t flags,
				  uint32_t seq);

#endif
