/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logrow.h - the raw rows of the evidence log: leaves and this host's signed
 * checkpoints. Only evidence/ledger.c writes them; it gives them their meaning and checks them.
 */
#ifndef KR_STORE_LOGROW_H
#define KR_STORE_LOGROW_H

#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

#define KR_LOGROW_LEAF_MAX	131072u	/* bytes of one leaf */
#define KR_LOGROW_NOTE_MAX	4096u	/* bytes of a note, with its NUL */

struct kr_logrow_note {
	uint64_t size;			/* leaves covered */
	uint8_t	 root[32];
	char	 note[KR_LOGROW_NOTE_MAX];	/* signed by the log's host */
};

/**
 * kr_logrow_add() - Insert leaf @idx; an index that exists is a failure
 * @migration: 16 bytes, that the leaf has, too; NULL: it has none
 */
int kr_logrow_add(struct kr_store *s, uint64_t idx, const uint8_t *migration,
		  const void *leaf, size_t n_bytes, struct kr_err *e);

/**
 * kr_logrow_each() - Leaves from index @from on, in order of their index
 * @fn: @leaf is borrowed during the call; a non-zero return ends the listing
 *      and is passed up
 */
int kr_logrow_each(struct kr_store *s, uint64_t from,
		   int (*fn)(void *arg, uint64_t idx, const uint8_t *leaf,
			     size_t n_bytes, struct kr_err *e),
		   void *arg, struct kr_err *e);

/**
 * kr_logrow_back() - The same from the newest to the oldest
 * kr_logrow_of()   - Of these, a migration's; by an index, not all are read,
 *		      so what a leaf says has to be held against it
 */
int kr_logrow_back(struct kr_store *s,
		   int (*fn)(void *arg, uint64_t idx, const uint8_t *leaf,
			     size_t n_bytes, struct kr_err *e),
		   void *arg, struct kr_err *e);
int kr_logrow_of(struct kr_store *s, const uint8_t migration[16],
		 int (*fn)(void *arg, uint64_t idx, const uint8_t *leaf,
			   size_t n_bytes, struct kr_err *e),
		 void *arg, struct kr_err *e);

/**
 * kr_logrow_is_of() - Is leaf @idx found as one of that migration?
 * @migration: in hex; "": as one of none
 *
 * Return: 1 or 0.
 */
int kr_logrow_is_of(struct kr_store *s, uint64_t idx, const char *migration,
		    struct kr_err *e);

/** kr_logrow_get() - Leaf @idx; for free(). Return: 0; 1 if there is none. */
int kr_logrow_get(struct kr_store *s, uint64_t idx, uint8_t **ret_leaf,
		  size_t *ret_n_bytes, struct kr_err *e);

/** kr_logrow_put_note() - Insert or replace the checkpoint of that size. */
int kr_logrow_put_note(struct kr_store *s, const struct kr_logrow_note *n,
		       struct kr_err *e);

/** kr_logrow_note() - The checkpoint of @size. Return: 0; 1 if none is. */
int kr_logrow_note(struct kr_store *s, uint64_t size,
		   struct kr_logrow_note *ret_n, struct kr_err *e);

/** kr_logrow_last() - The largest checkpoint. Return: 0; 1 if there is none. */
int kr_logrow_last(struct kr_store *s, struct kr_logrow_note *ret_n,
		   struct kr_err *e);

#endif
