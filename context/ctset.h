/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctset.h - many entries of one zone, in the caller's storage: a zone's state.
 */
#ifndef KR_CONTEXT_CTSET_H
#define KR_CONTEXT_CTSET_H

#include "context/ctentry.h"

#define KR_CTSET_MAX	(1u << 20)	/* entries */

struct kr_ctset {
	uint16_t	   zone;
	size_t		   n, room;
	struct kr_ctentry *v;		/* owned */
};

/** kr_ctset_add() - A copy of @c at its end; KR_E_LIMIT, or out of memory. */
int kr_ctset_add(struct kr_ctset *s, const struct kr_ctentry *c,
		 struct kr_err *e);

/**
 * kr_ctset_sort() - Bring it into its one order; of equal keys the last stays
 * Everything below wants it sorted.
 */
void kr_ctset_sort(struct kr_ctset *s);

/** kr_ctset_find() - The entry of @c's key, or NULL. */
const struct kr_ctentry *kr_ctset_find(const struct kr_ctset *s,
				       const struct kr_ctentry *c);

/** kr_ctset_move() - Let all be of another zone. */
void kr_ctset_move(struct kr_ctset *s, uint16_t zone);

/**
 * kr_ctset_digest() - SHA-256 of all of it but what is left of lives, which
 * runs down while nothing happens, and the zone's number
 */
int kr_ctset_digest(const struct kr_ctset *s, uint8_t ret_digest[32],
		    struct kr_err *e);

/**
 * kr_ctset_diff() - Tell what is in one alone, or not alike, in order
 * @fn: NULL for the one that has no such entry
 * Return: how many that are.
 */
size_t kr_ctset_diff(const struct kr_ctset *a, const struct kr_ctset *b,
		     void (*fn)(void *arg, const struct kr_ctentry *a,
				const struct kr_ctentry *b), void *arg);

void kr_ctset_fini(struct kr_ctset *s);

#endif
