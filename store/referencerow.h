/* SPDX-License-Identifier: Apache-2.0 */
/*
 * referencerow.h - what hosts may have booted: documents of reference values
 * as they were signed, of each name the highest version. One that was removed
 * keeps its row, so that what it said is refused and no version comes back.
 */
#ifndef KR_STORE_REFERENCEROW_H
#define KR_STORE_REFERENCEROW_H

#include <stdint.h>

#include "store/userrow.h"

#define KR_REFERENCEROW_TEXT_MAX 65536u	/* bytes of an envelope, with its NUL */

struct kr_referencerow {
	char	 name[KR_STORE_NAME_BYTES];
	uint32_t version;
	char	 envelope[KR_REFERENCEROW_TEXT_MAX];
	char	 signed_by[KR_USERROW_NAME_BYTES];
	char	 added_by[KR_USERROW_NAME_BYTES];
	uint64_t added_ms;			/* wall clock */
	char	 revoked_by[KR_USERROW_NAME_BYTES]; /* "": it is in use */
	uint64_t revoked_ms;			/* wall clock, or 0 */
};

/** kr_referencerow_put() - Insert, or replace the row of that name. */
int kr_referencerow_put(struct kr_store *s, const struct kr_referencerow *r,
			struct kr_err *e);

/** kr_referencerow_get() - Return: 0; KR_E_NO_REFERENCE. */
int kr_referencerow_get(struct kr_store *s, const char *name,
			struct kr_referencerow *ret_r, struct kr_err *e);

/** kr_referencerow_each() - By name; as kr_vmrow_each(). */
int kr_referencerow_each(struct kr_store *s,
			 int (*fn)(void *arg, const struct kr_referencerow *r,
				   struct kr_err *e),
			 void *arg, struct kr_err *e);

#endif
