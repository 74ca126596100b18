/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quoteasked.h - a peer asks what this host booted: its TPM quotes, bound to
 * the session, to both hosts and to what the peer says, and the evidence is
 * kept until the last part of it was asked for. For peerquote.c.
 */
#ifndef KR_DAEMON_QUOTEASKED_H
#define KR_DAEMON_QUOTEASKED_H

#include "daemon/link.h"

#define KR_QUOTEASKED_MAX	4u	/* questions of one session at a time */

/** kr_quoteasked_message() - QUOTE_ASK or QUOTE_MORE came. Return: 0; < 0. */
int kr_quoteasked_message(struct kr_link *l, uint16_t type, struct kr_rd *r,
			  struct kr_err *e);

void kr_quoteasked_link_down(struct kr_link *l);

#endif
