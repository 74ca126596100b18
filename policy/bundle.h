/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle.h - the files of a policy as one run of bytes, to keep and to sign:
 * for each file, in the order of their names, its name with a NUL, its length
 * as 8 bytes, big endian, and its text. The policy's digest is its SHA-256.
 */
#ifndef KR_POLICY_BUNDLE_H
#define KR_POLICY_BUNDLE_H

#include "policy/book.h"

#define KR_BUNDLE_BYTES_MAX	(16u << 20)
#define KR_BUNDLE_FILES_MAX	256u

struct kr_bundle {
	uint8_t *bytes;		/* for free() */
	size_t	 n;
	uint8_t	 digest[32];
};

/**
 * kr_bundle_read() - All of @folder's *.policy files, or one file
 * @ret_b: for kr_bundle_fini(); untouched on failure
 *
 * Return: 0; KR_E_CONFIG, also if there is none; KR_E_LIMIT.
 */
int kr_bundle_read(const char *path, struct kr_bundle *ret_b,
		   struct kr_err *e);
void kr_bundle_fini(struct kr_bundle *b);

/** kr_bundle_sum() - Its digest anew, of what it holds. */
int kr_bundle_sum(struct kr_bundle *b, struct kr_err *e);

/** kr_bundle_any() - Is there any *.policy file in that folder? */
bool kr_bundle_any(const char *folder);

/** kr_bundle_book() - The policy that it is; messages begin with @folder. */
int kr_bundle_book(const struct kr_bundle *b, const char *folder,
		   struct kr_book **ret_b, struct kr_err *e);

#endif
