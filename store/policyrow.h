/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policyrow.h - the policies that were ever in force here, by version. The
 * one with the highest is.
 */
#ifndef KR_STORE_POLICYROW_H
#define KR_STORE_POLICYROW_H

#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

#define KR_POLICYROW_BYTES_MAX	(16u << 20)	/* of a bundle */

struct kr_policyrow {
	uint32_t version;
	char	 name[KR_STORE_NAME_BYTES];
	uint8_t	 digest[32];	/* SHA-256 of the bundle */
	uint64_t at_ms;		/* wall clock */
	uint64_t entry;		/* of the log, that it came into force */
	uint8_t *bundle;	/* all files, see policy/bundle.h */
	size_t	 n_bytes;
};

/** kr_policyrow_put() - Insert; the version must be new. */
int kr_policyrow_put(struct kr_store *s, const struct kr_policyrow *p,
		     struct kr_err *e);

/**
 * kr_policyrow_last() - The one in force
 * @ret_p: its bundle is for free(); untouched unless 0 is returned
 *
 * Return: 0; 1 if there never was one; < 0.
 */
int kr_policyrow_last(struct kr_store *s, struct kr_policyrow *ret_p,
		      struct kr_err *e);

/**
 * kr_policyrow_part() - A part of the one with that digest
 * @from:    of its bundle's bytes
 * @max:     of them, at most; fewer at its end, none behind it
 * @ret_p:   as kr_policyrow_last(); its bundle is the part
 * @ret_all: bytes of the whole bundle
 */
int kr_policyrow_part(struct kr_store *s, const uint8_t digest[32],
		      size_t from, size_t max, struct kr_policyrow *ret_p,
		      size_t *ret_all, struct kr_err *e);

#endif
