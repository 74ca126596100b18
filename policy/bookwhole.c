/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bookwhole.c - what only a whole policy shows, whatever files it came from,
 * and what finds its rows by what they match.
 */
#include "policy/book.h"

#include <stdlib.h>
#include <string.h>

#include "policy/grants.h"
#include "policy/wordindex.h"

static int by_name(const void *a, const void *b)
{
	const struct kr_triple *const *x = a, *const *y = b;
	int r = strcmp((*x)->name, (*y)->name);

	return r ? r : *x < *y ? -1 : 1;	/* as they were read */
}

static int unique_triples(const struct kr_book *b, struct kr_err *e)
{
	const struct kr_triple **sorted = calloc(b->n_triples + 1,
						 sizeof(*sorted));
	int r = 0;

	if (!sorted)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	for (unsigned int i = 0; i < b->n_triples; i++)
		sorted[i] = &b->triples[i];
	qsort(sorted, b->n_triples, sizeof(*sorted), by_name);
	for (unsigned int i = 1; i < b->n_triples && !r; i++)
		if (!strcmp(sorted[i - 1]->name, sorted[i]->name))
			r = kr_fail(e, KR_E_CONFIG, "%s:%u: a second [triple "
				    "%s]", sorted[i]->file, sorted[i]->line,
				    sorted[i]->name);
	free(sorted);
	return r;
}

static bool overlap(const struct kr_words *a, const struct kr_words *b)
{
	for (unsigned int i = 0; i < a->n; i++)
		for (unsigned int k = 0; k < b->n; k++)
			if (kr_words_match(a->word[i], b->word[k]) ||
			    kr_words_match(b->word[k], a->word[i]))
				return true;
	return false;
}

/* Are all of the shorter list in the other? An empty one says nothing. */
static bool nested(const struct kr_words *a, const struct kr_words *b)
{
	if (a->n > b->n)
		return nested(b, a);
	for (unsigned int i = 0; i < a->n; i++)
		if (!kr_words_have(b, a->word[i]))
			return false;
	return true;
}

/* Of several lists of suites for one VM, one is in all others: kr_book_demands()
 * takes that one. */
static int nested_suites(const struct kr_book *b, struct kr_err *e)
{
	for (unsigned int i = 0; i < b->n_protections; i++)
		for (unsigned int k = 0; k < i; k++) {
			const struct kr_protection *p = &b->protections[i];
			const struct kr_protection *q = &b->protections[k];

			if ((nested(&p->control_suites, &q->control_suites) &&
			     nested(&p->lane_suites, &q->lane_suites)) ||
			    !overlap(&p->on, &q->on))
				continue;
			return kr_fail(e, KR_E_CONFIG, "%s:%u: [protection %s] "
				       "and [protection %s] of %s:%u name "
				       "suites for the same, and neither all "
				       "of the other's", p->file, p->line,
				       p->name, q->name, q->file, q->line);
		}
	return 0;
}

static struct kr_wordindex *index_of(const struct kr_classing *c,
				     unsigned int n)
{
	struct kr_wordindex *x;
	size_t n_words = 0;

	for (unsigned int i = 0; i < n; i++)
		n_words += c[i].of.n;
	x = kr_wordindex_new(n_words);
	for (unsigned int i = 0; x && i < n; i++)
		for (unsigned int k = 0; k < c[i].of.n; k++)
			kr_wordindex_put(x, 0, c[i].of.word[k], i);
	return x;
}

static struct kr_wordindex *index_of_protections(const struct kr_book *b)
{
	struct kr_wordindex *x;
	size_t n_words = 0;

	for (unsigned int i = 0; i < b->n_protections; i++)
		n_words += b->protections[i].on.n;
	x = kr_wordindex_new(n_words);
	for (unsigned int i = 0; x && i < b->n_protections; i++)
		for (unsigned int k = 0; k < b->protections[i].on.n; k++)
			kr_wordindex_put(x, 0, b->protections[i].on.word[k], i);
	return x;
}

struct roles { const char *of[KR_BOOK_ROLES_MAX]; unsigned int n; };

static int add_roles(struct roles *all, const struct kr_words *w,
		     struct kr_err *e)
{
	for (unsigned int i = 0; i < w->n; i++) {
		unsigned int k = 0;

		if (strncmp(w->word[i], "role:", 5))
			continue;
		while (k < all->n && strcmp(all->of[k], w->word[i]))
			k++;
		if (k == KR_BOOK_ROLES_MAX)
			return kr_fail(e, KR_E_CONFIG, "more than %u roles",
				       KR_BOOK_ROLES_MAX);
		if (k == all->n)
			all->of[all->n++] = w->word[i];
	}
	return 0;
}

/* Who holds every role must have room for them. */
static int few_roles(const struct kr_book *b, struct kr_err *e)
{
	struct roles all = { .n = 0 };
	int r = 0;

	for (unsigned int i = 0; i < b->n_triples && !r; i++) {
		r = add_roles(&all, &b->triples[i].who, e);
		if (!r)
			r = add_roles(&all, &b->triples[i].approvers, e);
	}
	return r;
}

int kr_book_finish(struct kr_book *b, struct kr_err *e)
{
	int r;

	if (!b->name[0])
		return kr_fail(e, KR_E_CONFIG, "no file has a [policy NAME]");
	if (!b->version)
		return kr_fail(e, KR_E_CONFIG, "[policy %s]: versions begin at "
			       "1", b->name);
	r = unique_triples(b, e);
	if (!r)
		r = few_roles(b, e);
	if (!r)
		r = nested_suites(b, e);
	if (r)
		return r;
	b->subjects_of = index_of(b->subjects, b->n_subjects);
	b->items_of = index_of(b->items, b->n_items);
	b->protections_of = index_of_protections(b);
	if (!b->subjects_of || !b->items_of || !b->protections_of)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	return kr_grants_new(b, &b->grants, e);
}
