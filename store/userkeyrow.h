/* SPDX-License-Identifier: Apache-2.0 */
/*
 * userkeyrow.h - the public keys with which users sign: an approval counts
 * only if it is signed with one that is enrolled here for that user. A key is
 * one person's: it has one row.
 */
#ifndef KR_STORE_USERKEYROW_H
#define KR_STORE_USERKEYROW_H

#include <stdint.h>

#include "store/userrow.h"

#define KR_USERKEYROW_PEM_MAX	512u	/* bytes of text, with its NUL */

struct kr_userkeyrow {
	uint8_t	 keyid[32];		/* SHA-256 of SubjectPublicKeyInfo */
	char	 user[KR_USERROW_NAME_BYTES];
	char	 pem[KR_USERKEYROW_PEM_MAX]; /* the bare public key */
	char	 added_by[KR_USERROW_NAME_BYTES];
	uint64_t added_ms;		/* wall clock */
};

/** kr_userkeyrow_add() - Return: 0; KR_E_EXISTS if the key has a row. */
int kr_userkeyrow_add(struct kr_store *s, const struct kr_userkeyrow *k,
		      struct kr_err *e);

/** kr_userkeyrow_get() - Return: 0; KR_E_APPROVAL_KEY if it has none. */
int kr_userkeyrow_get(struct kr_store *s, const uint8_t keyid[32],
		      struct kr_userkeyrow *ret_k, struct kr_err *e);

/** kr_userkeyrow_each() - By user and time; as kr_vmrow_each(). */
int kr_userkeyrow_each(struct kr_store *s,
		       int (*fn)(void *arg, const struct kr_userkeyrow *k,
				 struct kr_err *e),
		       void *arg, struct kr_err *e);

/** kr_userkeyrow_del() - Return: 0; KR_E_APPROVAL_KEY if it has no row. */
int kr_userkeyrow_del(struct kr_store *s, const uint8_t keyid[32],
		      struct kr_err *e);

#endif
