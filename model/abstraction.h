/* SPDX-License-Identifier: Apache-2.0 */
/*
 * abstraction.h - a policy as small systems that can be explored whole.
 *
 * Whom the policy knows becomes a subject for each role and each name, what
 * it knows an item for each kind and class, and the access matrix what
 * kr_book_decide() lets them do with what procedures read and transform. The
 * system of all of them is too large, and is cut in two kinds of small ones:
 *
 *	users	a certifier, one subject, two items
 *	hosts	a certifier, two hosts with their agents, a VM
 *
 * Of the whole each is what one sees who looks at these alone. A condition
 * that looks at several subjects or objects asks the same of each, so those
 * that are cut away can only say no; and nobody but a certifier and the hosts
 * of a VM changes what others have or may. So all that the whole can come to
 * is, seen so, something that the small ones come to; and each property is of
 * one subject and two items at most, or of a VM and its hosts.
 */
#ifndef KR_MODEL_ABSTRACTION_H
#define KR_MODEL_ABSTRACTION_H

#include "model/universe.h"
#include "policy/book.h"

#define KR_ABSTRACTION_MAX	4096u	/* small systems of a policy */

struct kr_abstraction {
	struct kr_universe *u[KR_ABSTRACTION_MAX];
	unsigned int	    n;
	char		    users[80], hosts[80];	/* their names */
};

/**
 * kr_abstraction_new() - All small systems of @b
 *
 * Those that differ in their first state alone follow each other, no two are
 * the same. @b has to live as long. Return: NULL without memory, or if the
 * policy has too much to be explored.
 */
struct kr_abstraction *kr_abstraction_new(const struct kr_book *b);
void kr_abstraction_free(struct kr_abstraction *a);

/** kr_abstraction_alike() - Do they differ in their first state alone? */
bool kr_abstraction_alike(const struct kr_universe *u,
			  const struct kr_universe *v);

#endif
