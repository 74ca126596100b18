/* SPDX-License-Identifier: Apache-2.0 */
/*
 * userrow.h - who may do what: one row for each role of each user. A user is
 * a name of the system's user database or a uid in decimal; what the roles
 * allow is policy's business, the store only keeps the text.
 */
#ifndef KR_STORE_USERROW_H
#define KR_STORE_USERROW_H

#include <stdint.h>

#include "store/store.h"

#define KR_USERROW_NAME_BYTES	128u	/* with the NUL */

struct kr_userrow {
	char	 name[KR_USERROW_NAME_BYTES];
	char	 role[32];
	char	 granted_by[KR_USERROW_NAME_BYTES];
	uint64_t at_ms;			/* wall clock */
};

/** kr_userrow_put() - Grant; granting again replaces who and when. */
int kr_userrow_put(struct kr_store *s, const struct kr_userrow *u,
		   struct kr_err *e);

/** kr_userrow_has() - Return: 1 if @name has @role, 0 if not, < 0. */
int kr_userrow_has(struct kr_store *s, const char *name, const char *role,
		   struct kr_err *e);

/** kr_userrow_each() - By name and role; as kr_vmrow_each(). */
int kr_userrow_each(struct kr_store *s,
		    int (*fn)(void *arg, const struct kr_userrow *u,
			      struct kr_err *e),
		    void *arg, struct kr_err *e);

/** kr_userrow_del() - Return: 0 for a revoked role; 1 if it was not granted. */
int kr_userrow_del(struct kr_store *s, const char *name, const char *role,
		   struct kr_err *e);

#endif
