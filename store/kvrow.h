/* SPDX-License-Identifier: Apache-2.0 */
/* kvrow.h - small settings that outlive kororad, such as a policy's digest. */
#ifndef KR_STORE_KVROW_H
#define KR_STORE_KVROW_H

#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

#define KR_KVROW_VALUE_MAX	4096u	/* bytes */

/** kr_kvrow_put() - Set @key, replacing what it was. */
int kr_kvrow_put(struct kr_store *s, const char *key, const void *value,
		 size_t n_bytes, struct kr_err *e);

/**
 * kr_kvrow_get() - Read @key
 * @out: @size bytes of the caller's; a longer value is a failure
 *
 * Return: 0; 1 if it is not set.
 */
int kr_kvrow_get(struct kr_store *s, const char *key, void *out, size_t size,
		 size_t *ret_n, struct kr_err *e);

/** kr_kvrow_del() - Unset @key; fine if it was not set. */
int kr_kvrow_del(struct kr_store *s, const char *key, struct kr_err *e);

#endif
