/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctset.h - the entries of one zone and what its helpers expect, in the
 * caller's storage: a zone's state.
 */
#ifndef KR_CONTEXT_CTSET_H
#define KR_CONTEXT_CTSET_H

#include "context/ctexpect.h"

#define KR_CTSET_MAX		(1u << 20)	/* entries */
#define KR_CTSET_EXPECTS_MAX	(1u << 16)

struct kr_ctset {
	uint16_t	   zone;
	size_t		   n, room;
	struct kr_ctentry *v;		/* owned */
	size_t		   n_expects, room_expects;
	struct kr_ctexpect *expects;	/* owned */
};

/** kr_ctset_add() - A copy of @c at its end; KR_E_LIMIT, or out of memory. */
int kr_ctset_add(struct kr_ctset *s, const struct kr_ctentry *c,
		 struct kr_err *e);

/** kr_ctset_expect() - The same, of what is expected. */
int kr_ctset_expect(struct kr_ctset *s, const struct kr_ctexpect *x,
		    struct kr_err *e);

/**
 * kr_ctset_sort() - Bring it into its one order; of equal keys the last stays
 * Everything below wants it sorted.
 */
void kr_ctset_sort(struct kr_ctset *s);

/** kr_ctset_find() - The entry of @c's key, or NULL. */
const struct kr_ctentry *kr_ctset_find(const struct kr_ctset *s,
				       const struct kr_ctentry *c);

/** kr_ctset_find_expect() - As kr_ctset_find(). */
const struct kr_ctexpect *kr_ctset_find_expect(const struct kr_ctset *s,
					       const struct kr_ctexpect *x);

/**
 * kr_ctset_apply() - Take away what is in @gone, and put what is in @put
 * All are sorted, and @s is again.
 */
int kr_ctset_apply(struct kr_ctset *s, const struct kr_ctset *put,
		   const struct kr_ctset *gone, struct kr_err *e);

/** kr_ctset_move() - Let all be of another zone. */
void kr_ctset_move(struct kr_ctset *s, uint16_t zone);

/**
 * kr_ctset_digest() - SHA-256 of all of it but what is left of lives, which
 * runs down while nothing happens, and the zone's number
 */
int kr_ctset_digest(const struct kr_ctset *s, uint8_t ret_digest[32],
		    struct kr_err *e);

/* Is told what two sets differ in; NULL for the one that has no such. */
struct kr_ctset_differ {
	void (*entry)(void *arg, const struct kr_ctentry *a,
		      const struct kr_ctentry *b);
	void (*expect)(void *arg, const struct kr_ctexpect *a,
		       const struct kr_ctexpect *b);
	void *arg;
};

/**
 * kr_ctset_diff() - Tell what is in one alone, or not alike, in order
 * Return: how many that are.
 */
size_t kr_ctset_diff(const struct kr_ctset *a, const struct kr_ctset *b,
		     const struct kr_ctset_differ *d);

void kr_ctset_fini(struct kr_ctset *s);

#endif
