/* SPDX-License-Identifier: Apache-2.0 */
/*
 * receiptrow.h - the receipts of finished migrations, ready to hand out: one
 * DSSE envelope with both hosts' signatures each (evidence/receipt.h).
 */
#ifndef KR_STORE_RECEIPTROW_H
#define KR_STORE_RECEIPTROW_H

#include <stdint.h>

#include "store/store.h"

#define KR_RECEIPTROW_ENVELOPE_MAX	65536u	/* bytes of text, with its NUL */

struct kr_receiptrow {
	uint8_t	 migration[16];		/* a row of migrow.h */
	char	 vm[KR_STORE_NAME_BYTES];
	char	 peer[KR_STORE_NAME_BYTES];
	uint64_t at_ms;			/* wall clock */
	char	 envelope[KR_RECEIPTROW_ENVELOPE_MAX];
};

/** kr_receiptrow_put() - Insert, or replace that migration's. */
int kr_receiptrow_put(struct kr_store *s, const struct kr_receiptrow *p,
		      struct kr_err *e);

/** kr_receiptrow_get() - Return: 0; KR_E_NO_MIGRATION. */
int kr_receiptrow_get(struct kr_store *s, const uint8_t migration[16],
		      struct kr_receiptrow *ret_p, struct kr_err *e);

/** kr_receiptrow_each() - The newest @limit first; as kr_vmrow_each(). */
int kr_receiptrow_each(struct kr_store *s, unsigned int limit,
		       int (*fn)(void *arg, const struct kr_receiptrow *p,
				 struct kr_err *e),
		       void *arg, struct kr_err *e);

#endif
