/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustrow.h - the certificates of fleet authorities whose hosts are accepted
 * here by name, without a fingerprint of their own.
 */
#ifndef KR_STORE_TRUSTROW_H
#define KR_STORE_TRUSTROW_H

#include <stdint.h>

#include "store/store.h"

#define KR_TRUSTROW_PEM_MAX	8192u	/* bytes of text, with its NUL */

struct kr_trustrow {
	char	 name[KR_STORE_NAME_BYTES];
	char	 pem[KR_TRUSTROW_PEM_MAX];
	uint64_t added_ms;		/* wall clock */
};

/** kr_trustrow_put() - Insert, or replace the row of that name. */
int kr_trustrow_put(struct kr_store *s, const struct kr_trustrow *t,
		    struct kr_err *e);

/** kr_trustrow_each() - By name; as kr_vmrow_each(). */
int kr_trustrow_each(struct kr_store *s,
		     int (*fn)(void *arg, const struct kr_trustrow *t,
			       struct kr_err *e),
		     void *arg, struct kr_err *e);

/** kr_trustrow_del() - Return: 0; KR_E_NO_HOST. */
int kr_trustrow_del(struct kr_store *s, const char *name, struct kr_err *e);

#endif
