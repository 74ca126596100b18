/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grants.c - the index of triples: grants in order of who, procedure, item and
 * destination, those that differ in the last alone being a group; a table of
 * hashed keys finds the groups, another the grants of one. Pure.
 */
#include "policy/grants.h"

#include <stdlib.h>
#include <string.h>

#include "policy/wordindex.h"

struct grant {
	const char		  *who, *on, *to;	/* the triple's words */
	const struct kr_procedure *may;
	uint32_t		   triple;
};

struct group {
	uint32_t first, n;	/* of its grants */
	uint32_t last;		/* of the triples that it has */
};

struct kr_grants {
	struct grant	    *grant;
	struct group	    *group;
	uint32_t	     n, n_groups;
	struct kr_wordindex *on;	/* which groups, by item */
	struct kr_wordindex *to;	/* which grants, by destination */
};

static uint64_t seed_of(const char *who, const struct kr_procedure *p)
{
	return kr_wordindex_seed(kr_wordindex_seed(0, who), p->name);
}

/* Of a group's destinations: as good as random, and never 0. */
static uint64_t seed_within(uint32_t group)
{
	return ((uint64_t)group + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

/* ---- building ---------------------------------------------------------- */

static const char *const nothing[] = { "" }, *const anything[] = { "*" };

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

/* What goes nowhere goes nowhere else, whatever its triple says. */
static unsigned int hosts(const struct kr_triple *t,
			  const struct kr_procedure *p,
			  const char *const **ret)
{
	if (!p->goes_to || !t->to.n) {
		*ret = anything;
		return 1;
	}
	*ret = (const char *const *)t->to.word;
	return t->to.n;
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
	const char *const *on, *const *to;
	unsigned int n = items(t, p, &on), n_to = hosts(t, p, &to);

	for (unsigned int k = 0; k < n; k++)
		for (unsigned int h = 0; fits(p, on[k]) && h < n_to; h++)
			g->grant[g->n++] =
				(struct grant){ who, on[k], to[h], p, i };
}

static size_t combinations(const struct kr_triple *t)
{
	return (size_t)t->who.n * t->may.n * (t->on.n ? t->on.n : 1) *
	       (t->to.n ? t->to.n : 1);
}

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

static int by_group(const struct grant *x, const struct grant *y)
{
	int r = strcmp(x->who, y->who);

	if (!r)
		r = strcmp(x->may->name, y->may->name);
	return r ? r : compare(x->on, y->on);
}

static int by_key(const void *a, const void *b)
{
	const struct grant *x = a, *y = b;
	int r = by_group(x, y);

	if (!r)
		r = compare(x->to, y->to);
	return r ? r : (x->triple > y->triple) - (x->triple < y->triple);
}

static void index_all(struct kr_grants *g)
{
	qsort(g->grant, g->n, sizeof(g->grant[0]), by_key);
	for (uint32_t i = 0; i < g->n; i++) {
		const struct grant *x = &g->grant[i];
		struct group *of;

		if (!i || by_group(x - 1, x)) {
			g->group[g->n_groups] = (struct group){ .first = i };
			kr_wordindex_put(g->on, seed_of(x->who, x->may), x->on,
					 g->n_groups++);
		}
		of = &g->group[g->n_groups - 1];
		of->n++;
		if (x->triple > of->last)
			of->last = x->triple;
		kr_wordindex_put(g->to, seed_within(g->n_groups - 1), x->to, i);
	}
}

/* ---- overlaps ---------------------------------------------------------- */

struct overlap {
	const struct kr_book   *b;
	const struct kr_grants *g;
	const struct grant     *x;	/* which others are held against */
	struct kr_err	       *e;
	int			r;
};

/* @y deals with all items that s->x does, and with one of its destinations. */
static void hold_against(struct overlap *s, const struct grant *y)
{
	const struct grant *x = s->x;
	bool same = !by_group(x, y);
	const struct kr_triple *t, *u;

	if (s->r || (same && x->triple == y->triple))
		return;
	t = &s->b->triples[same && x->triple < y->triple ? x->triple :
							    y->triple];
	u = &s->b->triples[same && x->triple < y->triple ? y->triple :
							    x->triple];
	if (t == u)
		s->r = kr_fail(s->e, KR_E_CONFIG, "%s:%u: [triple %s] has %s "
			       "in %s", t->file, t->line, t->name, x->on,
			       y->on);
	else
		s->r = kr_fail(s->e, KR_E_CONFIG, "%s:%u: [triple %s] and "
			       "[triple %s] of %s:%u both deal with %s of %s "
			       "by %s", u->file, u->line, u->name, t->name,
			       t->file, t->line, x->may->name,
			       x->on[0] ? x->on : "all", x->who);
}

static void on_wider(void *arg, uint32_t n)
{
	struct overlap *s = arg;

	hold_against(s, &s->g->grant[n]);
}

/* All destinations that a pattern matches follow it, in its place or not. */
static void hold_narrower(struct overlap *s, const struct group *of)
{
	const struct grant *all = &s->g->grant[of->first];
	uint32_t low = 0, high = of->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (compare(all[mid].to, s->x->to) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < of->n && !s->r &&
	       kr_words_match(s->x->to, all[low].to); low++)
		hold_against(s, &all[low]);
}

static void on_group(void *arg, uint32_t n)
{
	struct overlap *s = arg;

	kr_wordindex_each(s->g->to, seed_within(n), s->x->to, on_wider, s);
	hold_narrower(s, &s->g->group[n]);
}

/* A pattern is matched by itself and by those that are wider. */
static int check(const struct kr_book *b, const struct kr_grants *g,
		 struct kr_err *e)
{
	struct overlap s = { .b = b, .g = g, .e = e };

	for (uint32_t i = 0; i < g->n && !s.r; i++) {
		s.x = &g->grant[i];
		kr_wordindex_each(g->on, seed_of(s.x->who, s.x->may), s.x->on,
				  on_group, &s);
	}
	return s.r;
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
			       "procedure, item and host, at most %u", n,
			       KR_BOOK_GRANTS_MAX);
	g = calloc(1, sizeof(*g));
	if (!g)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	g->grant = calloc(n + 1, sizeof(g->grant[0]));
	g->group = calloc(n + 1, sizeof(g->group[0]));
	g->on = kr_wordindex_new(n);
	g->to = kr_wordindex_new(n);
	if (!g->grant || !g->group || !g->on || !g->to) {
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
	index_all(g);
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
	free(g->group);
	kr_wordindex_free(g->on);
	kr_wordindex_free(g->to);
	free(g);
}

/* ---- looking up -------------------------------------------------------- */

struct search {
	const struct kr_grants	  *g;
	const char		  *who, *to;
	const struct kr_procedure *may;
	void (*fn)(void *arg, unsigned int triple);
	void			  *arg;
	bool			   found;
};

static void found(void *arg, uint32_t n)
{
	struct search *s = arg;

	s->found = true;
	s->fn(s->arg, s->g->grant[n].triple);
}

static void within(void *arg, uint32_t n)
{
	struct search *s = arg;
	const struct group *of = &s->g->group[n];
	const struct grant *x = &s->g->grant[of->first];

	if (x->may != s->may || strcmp(x->who, s->who))
		return;
	s->found = false;
	kr_wordindex_each(s->g->to, seed_within(n), s->to, found, s);
	if (!s->found)
		s->fn(s->arg, of->last);
}

void kr_grants_each(const struct kr_grants *g, const char *who,
		    const struct kr_procedure *p, const char *item,
		    const char *to, void (*fn)(void *arg, unsigned int triple),
		    void *arg)
{
	struct search s = { g, who, to ? to : "", p, fn, arg, false };

	kr_wordindex_each(g->on, seed_of(who, p), item, within, &s);
}
