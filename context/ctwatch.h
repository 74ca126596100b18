/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctwatch.h - addresses that a VM should not talk with, a list of indicators
 * from somewhere, and which connections have one of them. One a line:
 *
 *	192.0.2.7
 *	2001:db8::/32 ; what follows a blank, a comma or ; is not read
 *	# nor is this
 *
 * Bits of a prefix that are behind its length do not count.
 */
#ifndef KR_CONTEXT_CTWATCH_H
#define KR_CONTEXT_CTWATCH_H

#include <arpa/inet.h>

#include "context/ctentry.h"

#define KR_CTWATCH_MAX		(1u << 20)	/* addresses and prefixes */
#define KR_CTWATCH_BYTES_MAX	(64u << 20)	/* of a list */

struct kr_ctwatch;

/**
 * kr_ctwatch_new() - Read a list
 * Return: 0; KR_E_CT_LIST, with the number of the line, if it is none.
 */
int kr_ctwatch_new(const char *text, size_t n_bytes, struct kr_ctwatch **ret,
		   struct kr_err *e);

struct kr_ctwatch_hit {
	char	 address[INET6_ADDRSTRLEN];	/* that it has */
	uint32_t line;				/* that names it, from 1 */
};

/**
 * kr_ctwatch_entry() - Has it an address of the list?
 * Of either end, as it is or as it is translated.
 */
bool kr_ctwatch_entry(const struct kr_ctwatch *w, const struct kr_ctentry *c,
		      struct kr_ctwatch_hit *ret_hit);

void kr_ctwatch_free(struct kr_ctwatch *w);

#endif
