/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctload.h - tell the kernel of connections, and change or end those that it
 * was told of. Needs CAP_NET_ADMIN in the network namespace that the process
 * is in. Each touches the connections it is given and no others.
 */
#ifndef KR_CONTEXT_CTLOAD_H
#define KR_CONTEXT_CTLOAD_H

#include "context/ctdump.h"

/**
 * kr_ctload_insert() - Create all of @s; masters before whom they expect, and
 * before what they expect
 * @left: is told of each that the kernel refuses, KR_E_CT_INSERT
 *
 * @s is to be sorted.
 * TCP is liberal from then on: see kr_ctattr_put().
 */
int kr_ctload_insert(const struct kr_ctset *s, const struct kr_ctleft *left,
		     struct kr_err *e);

/**
 * kr_ctload_update() - The same, but those that are there become as in @s
 *
 * But for their translation, master and helper, which are what they were
 * created with.
 */
int kr_ctload_update(const struct kr_ctset *s, const struct kr_ctleft *left,
		     struct kr_err *e);

/** kr_ctload_replace() - The same, and end all others of the zone. */
int kr_ctload_replace(const struct kr_ctset *s, const struct kr_ctleft *left,
		      struct kr_err *e);

/**
 * kr_ctload_check() - Has the kernel what it was told?
 * @left: is told of each that has other labels or helper, is translated or
 *	  expected otherwise; KR_E_CT_OTHER
 *
 * Those that are not there any more may have ended.
 */
int kr_ctload_check(const struct kr_ctset *s, const struct kr_ctleft *left,
		    struct kr_err *e);

/**
 * kr_ctload_strict() - Have TCP judged by windows again
 *
 * For some seconds after kr_ctload_insert(), when both ends have spoken and
 * the kernel knows their windows. Those of @s that were liberal already stay
 * so; those that have ended are passed over.
 */
int kr_ctload_strict(const struct kr_ctset *s, const struct kr_ctleft *left,
		     struct kr_err *e);

/* What has become of those that kr_ctload_strict() was to judge. */
struct kr_ctjudged {
	size_t strict, liberal;		/* are now */
	size_t ended;			/* are not there any more */
};

/**
 * kr_ctload_judged() - See whether kr_ctload_strict() did, in the kernel
 * @left: is told of each that is liberal still, KR_E_CT_OTHER
 */
int kr_ctload_judged(const struct kr_ctset *s, struct kr_ctjudged *ret,
		     const struct kr_ctleft *left, struct kr_err *e);

/** kr_ctload_delete() - End all of @s that are there, and what they expect. */
int kr_ctload_delete(const struct kr_ctset *s, const struct kr_ctleft *left,
		     struct kr_err *e);

#endif
