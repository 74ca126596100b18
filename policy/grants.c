/* SPDX-License-Identifier: Apache-2.0 */
/* grants.c - the index of triples: a table of hashed keys. Pure. */
#include "policy/grants.h"

#include <stdlib.h>
#include <string.h>

#include "policy/wordindex.h"

struct grant {
	const char		  *who, *on;	/* the triple's words */
	const struct kr_procedure *may;
	uint32_t		   triple;
};

struct kr_grants {
	struct grant	    *grant;
	uint32_t	     n;
	struct kr_wordindex *on;	/* which grants, by item */
};

static uint64_t seed_of(const char *who, const struct kr_procedure *p)
{
	return kr_wordindex_seed(kr_wordindex_seed(0, who), p->name);
}

/* ---- building ---------------------------------------------------------- */

static const char *const nothing[] = { "" };

/* Procedures that are used on nothing in particular have one item: none. */
static unsigned int items(const struct kr_triple *t,
			  const struct kr_procedure *p,
			  const char *const **ret)
{
	if (p->on == KR_ITEM_NONE) {
		*ret = nothing;
		return 1;
	}
	*ret = (const char *const *)t->on.word;
	return t->on.n;
}

/* Is it the kind of thing that the procedure is used on? */
static bool fits(const struct kr_procedure *p, const char *on)
{
	const char *kind = kr_item_kind_name(p->on);
	size_t n = strlen(kind);

	return !on[0] || !strcmp(on, "*") ||
	       (!strncmp(on, kind, n) && on[n] == ':');
}

static void put(struct kr_grants *g, const struct kr_triple *t, uint32_t i,
		const char *who, const struct kr_procedure *p)
{
	const char *const *on;
	unsigned int n = items(t, p, &on);

	for (unsigned int k = 0; k < n; k++) {
		if (!fits(p, on[k]))
			continue;
		g->grant[g->n] = (struct grant){ who, on[k], p, i };
		kr_wordindex_put(g->on, seed_of(who, p), on[k], g->n++);
	}
}

static size_t combinations(const struct kr_triple *t)
{
	return (size_t)t->who.n * t->may.n * (t->on.n ? t->on.n : 1);
}

/* ---- overlaps ---------------------------------------------------------- */

/* As strcmp(), but a pattern comes before all that it matches: its '*' before
 * the end of a word, and that before any byte. */
static int compare(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (*a == '*' ? -1 : (unsigned char)*a) -
	       (*b == '*' ? -1 : (unsigned char)*b);
}

static int by_key(const void *a, const void *b)
{
	const struct grant *const *x = a, *const *y = b;
	int r = strcmp((*x)->who, (*y)->who);

	if (!r)
		r = strcmp((*x)->may->name, (*y)->may->name);
	return r ? r : compare((*x)->on, (*y)->on);
}

static bool same_to(const struct kr_triple *a, const struct kr_triple *b)
{
	if (!a->to.n || !b->to.n)
		return true;
	for (unsigned int i = 0; i < a->to.n; i++)
		if (kr_words_have(&b->to, a->to.word[i]))
			return true;
	for (unsigned int i = 0; i < b->to.n; i++)
		if (kr_words_have(&a->to, b->to.word[i]))
			return true;
	return false;
}

/* All that a pattern matches follow it, up to the first that it does not. */
static int overlaps(const struct kr_book *b, const struct kr_grants *g,
		    struct grant **sorted, struct kr_err *e)
{
	for (uint32_t i = 0; i < g->n; i++)
		for (uint32_t k = i + 1; k < g->n; k++) {
			const struct grant *x = sorted[i], *y = sorted[k];
			const struct kr_triple *t = &b->triples[x->triple];
			const struct kr_triple *u = &b->triples[y->triple];

			if (strcmp(x->who, y->who) || x->may != y->may ||
			    !kr_words_match(x->on, y->on))
				break;
			if (!same_to(t, u))
				continue;
			if (t == u)
				return kr_fail(e, KR_E_CONFIG, "%s:%u: [triple "
					       "%s] has %s in %s",
					       t->file, t->line, t->name,
					       y->on, x->on);
			return kr_fail(e, KR_E_CONFIG, "%s:%u: [triple %s] and "
				       "[triple %s] of %s:%u both deal with "
				       "%s of %s by %s", u->file, u->line,
				       u->name, t->name, t->file, t->line,
				       y->may->name, y->on[0] ? y->on : "all",
				       y->who);
		}
	return 0;
}

static int check(const struct kr_book *b, const struct kr_grants *g,
		 struct kr_err *e)
{
	struct grant **sorted = calloc(g->n + 1, sizeof(*sorted));
	int r;

	if (!sorted)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	for (uint32_t i = 0; i < g->n; i++)
		sorted[i] = &g->grant[i];
	qsort(sorted, g->n, sizeof(*sorted), by_key);
	r = overlaps(b, g, sorted, e);
	free(sorted);
	return r;
}

/* ---- life -------------------------------------------------------------- */

int kr_grants_new(const struct kr_book *b, struct kr_grants **ret_g,
		  struct kr_err *e)
{
	struct kr_grants *g;
	size_t n = 0;
	int r;

	for (unsigned int i = 0; i < b->n_triples; i++)
		n += combinations(&b->triples[i]);
	if (n > KR_BOOK_GRANTS_MAX)
		return kr_fail(e, KR_E_LIMIT, "%zu combinations of who, "
			       "procedure and item, at most %u", n,
			       KR_BOOK_GRANTS_MAX);
	g = calloc(1, sizeof(*g));
	if (!g)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	g->grant = calloc(n + 1, sizeof(g->grant[0]));
	g->on = kr_wordindex_new(n);
	if (!g->grant || !g->on) {
		kr_grants_free(g);
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	}
	for (uint32_t i = 0; i < b->n_triples; i++) {
		const struct kr_triple *t = &b->triples[i];

		for (unsigned int w = 0; w < t->who.n; w++)
			for (unsigned int m = 0; m < t->may.n; m++)
				put(g, t, i, t->who.word[w],
				    kr_procedure_find(t->may.word[m]));
	}
	r = check(b, g, e);
	if (r)
		kr_grants_free(g);
	else
		*ret_g = g;
	return r;
}

void kr_grants_free(struct kr_grants *g)
{
	if (!g)
		return;
	free(g->grant);
	kr_wordindex_free(g->on);
	free(g);
}

/* ---- looking up -------------------------------------------------------- */

struct search {
	const struct kr_grants	  *g;
	const char		  *who;
	const struct kr_procedure *may;
	void (*fn)(void *arg, unsigned int triple);
	void			  *arg;
};

static void found(void *arg, uint32_t n)
{
	struct search *s = arg;
	const struct grant *x = &s->g->grant[n];

	if (x->may == s->may && !strcmp(x->who, s->who))
		s->fn(s->arg, x->triple);
}

void kr_grants_each(const struct kr_grants *g, const char *who,
		    const struct kr_procedure *p, const char *item,
		    void (*fn)(void *arg, unsigned int triple), void *arg)
{
	struct search s = { g, who, p, fn, arg };

	kr_wordindex_each(g->on, seed_of(who, p), item, found, &s);
}
