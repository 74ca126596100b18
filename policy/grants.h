/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grants.h - a book's triples by what they deal with, so that ten thousand of
 * them are not looked through for each decision: one grant per triple, who,
 * procedure and item pattern.
 */
#ifndef KR_POLICY_GRANTS_H
#define KR_POLICY_GRANTS_H

#include "policy/book.h"

/**
 * kr_grants_new() - Index all triples
 *
 * Return: 0; KR_E_CONFIG naming two that deal with the same; KR_E_LIMIT.
 */
int kr_grants_new(const struct kr_book *b, struct kr_grants **ret_g,
		  struct kr_err *e);
void kr_grants_free(struct kr_grants *g);

/**
 * kr_grants_each() - The triples for one who, procedure and item
 * @who: a name, role:NAME or *, as it is written in triples
 *
 * Each triple at most once for one pattern; @fn may see one again by another.
 */
void kr_grants_each(const struct kr_grants *g, const char *who,
		    const struct kr_procedure *p, const char *item,
		    void (*fn)(void *arg, unsigned int triple), void *arg);

#endif
