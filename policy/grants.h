/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grants.h - a book's triples by what they deal with, so that ten thousand of
 * them are not looked through for each decision: one grant per triple, who,
 * procedure, item pattern and destination pattern.
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
 * kr_grants_each() - The triples for one who, procedure, item and destination
 * @who: a name, role:NAME or *, as it is written in triples
 * @to:  NULL: none
 *
 * Where an item's pattern has none for that destination, one that it has for
 * another, the last of the book. @fn may see a triple again by another pattern.
 */
void kr_grants_each(const struct kr_grants *g, const char *who,
		    const struct kr_procedure *p, const char *item,
		    const char *to, void (*fn)(void *arg, unsigned int triple),
		    void *arg);

#endif
