/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manysha.h - SHA-256 of many messages, several in flight where the machine
 * has a library for that (intel-ipsec-mb, x86), one after the other with
 * OpenSSL elsewhere; the digests are the same. One per thread.
 */
#ifndef KR_PLANE_MANYSHA_H
#define KR_PLANE_MANYSHA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define KR_MANYSHA_BYTES	32u	/* of a digest */

struct kr_manysha;

/**
 * kr_manysha_new() - Ready to hash
 * @one_by_one: OpenSSL, whatever else there is
 */
int kr_manysha_new(bool one_by_one, struct kr_manysha **ret_h,
		   struct kr_err *e);

/** kr_manysha_add() - @p and @out are borrowed until kr_manysha_flush(). */
void kr_manysha_add(struct kr_manysha *h, const uint8_t *p, size_t n,
		    uint8_t out[KR_MANYSHA_BYTES]);

/**
 * kr_manysha_flush() - All digests are there
 *
 * Return: 0; KR_E_CRYPTO if any since the last flush failed.
 */
int kr_manysha_flush(struct kr_manysha *h, struct kr_err *e);

/** kr_manysha_name() - Which library does it: for people. */
const char *kr_manysha_name(const struct kr_manysha *h);

void kr_manysha_free(struct kr_manysha *h);

#endif
