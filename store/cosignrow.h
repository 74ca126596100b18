/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cosignrow.h - who vouches for this host's log: the last cosignature of each
 * peer, a line of the checkpoint of that size. One that was struck off keeps
 * its row: what it signed, it signed.
 */
#ifndef KR_STORE_COSIGNROW_H
#define KR_STORE_COSIGNROW_H

#include <stdint.h>

#include "store/store.h"

#define KR_COSIGNROW_LINE_MAX	320u	/* bytes of a line, with its NUL */

struct kr_cosignrow {
	char	 host[KR_STORE_NAME_BYTES];	/* who signed */
	uint64_t size;				/* leaves of this host's log */
	char	 line[KR_COSIGNROW_LINE_MAX];
};

/** kr_cosignrow_put() - Insert, or replace one of a log no longer. */
int kr_cosignrow_put(struct kr_store *s, const struct kr_cosignrow *c,
		     struct kr_err *e);

/** kr_cosignrow_newest() - The greatest size of any, at least @min.
 * Return: 0; 1 if there is none. */
int kr_cosignrow_newest(struct kr_store *s, uint64_t min, uint64_t *ret_size,
			struct kr_err *e);

/** kr_cosignrow_each() - Those of that size, by host; as kr_vmrow_each(). */
int kr_cosignrow_each(struct kr_store *s, uint64_t size,
		      int (*fn)(void *arg, const struct kr_cosignrow *c,
				struct kr_err *e),
		      void *arg, struct kr_err *e);

#endif
