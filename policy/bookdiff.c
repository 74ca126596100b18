/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bookdiff.c - what one policy decides differently from another. Every value
 * is a set of words here, a number or a name one with a single word. Pure.
 */
#include "policy/bookdiff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/wordindex.h"

#define KEYS_MAX	7u
#define TEXT_BYTES	(KR_BOOK_LIST_MAX * (KR_BOOK_NAME_MAX + 2) + 1)

struct key {
	const char	  *name;
	const char	  *none;	/* what it means that it is not there */
	const char *const *word;
	unsigned int	   n;
};

/* One section, ready to be compared. */
struct view {
	struct key  key[KEYS_MAX];
	unsigned int n;
	char	    number[12];		/* of the one key that is a number */
	const char *single[KEYS_MAX];	/* words of keys that have one */
	const char *category[KR_CATEGORIES_MAX];
};

/* A kind of section: how many a book has, their names, what they say. */
struct kind {
	const char *section;
	bool	    renames;	/* its names decide nothing */
	unsigned int (*count)(const struct kr_book *b);
	const char *(*name)(const struct kr_book *b, unsigned int i);
	void (*view)(const struct kr_book *b, unsigned int i, struct view *v);
};

/* ---- views ------------------------------------------------------------- */

static void add(struct view *v, const char *name, const char *none,
		const char *const *word, unsigned int n)
{
	v->key[v->n++] = (struct key){ name, none, word, n };
}

static void list(struct view *v, const char *name, const char *none,
		 const struct kr_words *w)
{
	add(v, name, none, (const char *const *)w->word, w->n);
}

static void one(struct view *v, const char *name, const char *none,
		const char *word)
{
	v->single[v->n] = word;
	add(v, name, none, &v->single[v->n], word != NULL);
}

static void number(struct view *v, const char *name, unsigned int n)
{
	snprintf(v->number, sizeof(v->number), "%u", n);
	one(v, name, "0", n ? v->number : NULL);
}

static unsigned int n_triples(const struct kr_book *b)
{
	return b->n_triples;
}

static const char *triple_name(const struct kr_book *b, unsigned int i)
{
	return b->triples[i].name;
}

static void triple(const struct kr_book *b, unsigned int i, struct view *v)
{
	const struct kr_triple *t = &b->triples[i];

	list(v, "who", "", &t->who);
	list(v, "may", "", &t->may);
	list(v, "on", "", &t->on);
	list(v, "to", "any", &t->to);
	number(v, "approvals", t->approvals);
	list(v, "approvers", "", &t->approvers);
	one(v, "certified_by", "", t->certified_by);
}

static void classing(const struct kr_book *b, const struct kr_classing *c,
		     const char *of, struct view *v)
{
	unsigned int n = 0;

	list(v, of, "", &c->of);
	one(v, "level", kr_level_name(KR_LEVEL_USER_AGENT),
	    c->c.level ? kr_level_name(c->c.level) : NULL);
	if (c->all)
		v->category[n++] = "*";
	for (unsigned int i = 0; i < b->n_categories; i++)
		if (c->c.categories & UINT64_C(1) << i)
			v->category[n++] = b->categories[i];
	add(v, "categories", "", v->category, n);
}

static unsigned int n_subjects(const struct kr_book *b)
{
	return b->n_subjects;
}

static const char *subject_name(const struct kr_book *b, unsigned int i)
{
	return b->subjects[i].name;
}

static void subject(const struct kr_book *b, unsigned int i, struct view *v)
{
	classing(b, &b->subjects[i], "who", v);
}

static unsigned int n_items(const struct kr_book *b)
{
	return b->n_items;
}

static const char *item_name(const struct kr_book *b, unsigned int i)
{
	return b->items[i].name;
}

static void item(const struct kr_book *b, unsigned int i, struct view *v)
{
	classing(b, &b->items[i], "on", v);
}

static unsigned int n_protections(const struct kr_book *b)
{
	return b->n_protections;
}

static const char *protection_name(const struct kr_book *b, unsigned int i)
{
	return b->protections[i].name;
}

static void protection(const struct kr_book *b, unsigned int i,
		       struct view *v)
{
	const struct kr_protection *p = &b->protections[i];

	list(v, "on", "", &p->on);
	one(v, "attestation", "no", p->attestation ? "yes" : NULL);
	one(v, "no_postcopy", "no", p->no_postcopy ? "yes" : NULL);
	one(v, "memory_root", "no", p->memory_root ? "yes" : NULL);
	number(v, "scanners", p->scanners);
	list(v, "control_suites", "any", &p->control_suites);
	list(v, "lane_suites", "any", &p->lane_suites);
}

static const struct kind kinds[] = {
	{ "triple", true, n_triples, triple_name, triple },
	{ "subject", false, n_subjects, subject_name, subject },
	{ "item", false, n_items, item_name, item },
	{ "protection", false, n_protections, protection_name, protection },
};

/* ---- comparing --------------------------------------------------------- */

static bool has(const struct key *k, const char *word)
{
	for (unsigned int i = 0; i < k->n; i++)
		if (!strcmp(k->word[i], word))
			return true;
	return false;
}

static bool same_words(const struct key *a, const struct key *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned int i = 0; i < a->n; i++)
		if (!has(b, a->word[i]))
			return false;
	return true;
}

static bool same(const struct view *a, const struct view *b)
{
	for (unsigned int i = 0; i < a->n; i++)
		if (!same_words(&a->key[i], &b->key[i]))
			return false;
	return true;
}

/* The words of @k that @other lacks, or what their absence means. */
static const char *text(const struct key *k, const struct key *other,
			char out[TEXT_BYTES])
{
	size_t at = 0;

	snprintf(out, TEXT_BYTES, "%s", k->n ? "" : k->none);
	for (unsigned int i = 0; i < k->n; i++)
		if (!has(other, k->word[i]))
			at += (size_t)snprintf(out + at, TEXT_BYTES - at,
					       "%s%s", at ? ", " : "",
					       k->word[i]);
	return out;
}

struct diff {
	const struct kind *kind;
	const struct kr_book *old, *new;
	void (*fn)(void *arg, const struct kr_bookdiff *d);
	void *arg;
};

/* The keys of a section that one book has, or both: NULL is the other. */
static void tell(const struct diff *d, enum kr_bookdiff_kind kind,
		 const char *name, const struct view *a, const struct view *b)
{
	static const struct key nothing;
	char was[TEXT_BYTES], is[TEXT_BYTES];

	for (unsigned int i = 0; i < (a ? a : b)->n; i++) {
		const struct key *x = a ? &a->key[i] : &nothing;
		const struct key *y = b ? &b->key[i] : &nothing;

		if (same_words(x, y))
			continue;
		d->fn(d->arg, &(struct kr_bookdiff){
			.kind = kind, .section = d->kind->section,
			.name = name, .key = (a ? x : y)->name,
			.was = a ? text(x, y, was) : "",
			.is = b ? text(y, x, is) : "" });
	}
}

static void compare(const struct diff *d, unsigned int i, unsigned int k)
{
	struct view a = { 0 }, b = { 0 };

	d->kind->view(d->old, i, &a);
	d->kind->view(d->new, k, &b);
	tell(d, KR_BOOKDIFF_CHANGED, d->kind->name(d->old, i), &a, &b);
}

/* ---- which belong together --------------------------------------------- */

struct named {
	const char  *name;
	uint64_t     content;	/* equal if the sections are */
	unsigned int at;
	bool	     paired;
};

/* Of the words, whatever their order. */
static uint64_t content(const struct kind *kind, const struct kr_book *b,
			unsigned int at)
{
	struct view v = { 0 };
	uint64_t sum = 0;

	kind->view(b, at, &v);
	for (unsigned int k = 0; k < v.n; k++) {
		uint64_t seed = kr_wordindex_seed(0, v.key[k].name);

		for (unsigned int i = 0; i < v.key[k].n; i++)
			sum += kr_wordindex_seed(seed, v.key[k].word[i]);
	}
	return sum;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->name,
		      ((const struct named *)b)->name);
}

static struct named *sorted(const struct kind *k, const struct kr_book *b)
{
	unsigned int n = k->count(b);
	struct named *s = calloc(n + 1, sizeof(*s));

	for (unsigned int i = 0; s && i < n; i++)
		s[i] = (struct named){ k->name(b, i), content(k, b, i), i,
				       false };
	if (s)
		qsort(s, n, sizeof(*s), by_name);
	return s;
}

static void pair_names(const struct diff *d, struct named *a, struct named *b)
{
	unsigned int n = d->kind->count(d->old), m = d->kind->count(d->new);

	for (unsigned int i = 0, k = 0; i < n && k < m;) {
		int r = by_name(&a[i], &b[k]);

		if (!r) {
			a[i].paired = b[k].paired = true;
			compare(d, a[i].at, b[k].at);
		}
		i += r <= 0;
		k += r >= 0;
	}
}

/* The same under another name. */
static struct named *renamed(const struct diff *d, const struct named *x,
			     const struct view *a, struct named *b)
{
	for (unsigned int k = 0; k < d->kind->count(d->new); k++) {
		struct view v = { 0 };

		if (b[k].paired || b[k].content != x->content)
			continue;
		d->kind->view(d->new, b[k].at, &v);
		if (same(a, &v))
			return &b[k];
	}
	return NULL;
}

static void tell_unpaired(const struct diff *d, struct named *a,
			  struct named *b)
{
	for (unsigned int i = 0; i < d->kind->count(d->old); i++) {
		struct view v = { 0 };
		struct named *to;

		if (a[i].paired)
			continue;
		d->kind->view(d->old, a[i].at, &v);
		to = d->kind->renames ? renamed(d, &a[i], &v, b) :
					NULL;
		if (!to) {
			tell(d, KR_BOOKDIFF_REMOVED, a[i].name, &v, NULL);
			continue;
		}
		to->paired = true;
		d->fn(d->arg, &(struct kr_bookdiff){
			.kind = KR_BOOKDIFF_RENAMED,
			.section = d->kind->section, .name = a[i].name,
			.key = "", .was = a[i].name, .is = to->name });
	}
	for (unsigned int k = 0; k < d->kind->count(d->new); k++) {
		struct view v = { 0 };

		if (b[k].paired)
			continue;
		d->kind->view(d->new, b[k].at, &v);
		tell(d, KR_BOOKDIFF_ADDED, b[k].name, NULL, &v);
	}
}

int kr_bookdiff_each(const struct kr_book *old, const struct kr_book *new,
		     void (*fn)(void *arg, const struct kr_bookdiff *d),
		     void *arg, struct kr_err *e)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct diff d = { &kinds[i], old, new, fn, arg };
		struct named *a = sorted(&kinds[i], old);
		struct named *b = sorted(&kinds[i], new);

		if (a && b) {
			pair_names(&d, a, b);
			tell_unpaired(&d, a, b);
		}
		free(a);
		free(b);
		if (!a || !b)
			return kr_fail(e, KR_E_SYSTEM, "out of memory");
	}
	return 0;
}

const char *kr_bookdiff_name(enum kr_bookdiff_kind k)
{
	static const char *const names[KR_BOOKDIFF_N] = {
		[KR_BOOKDIFF_ADDED] = "added",
		[KR_BOOKDIFF_REMOVED] = "removed",
		[KR_BOOKDIFF_CHANGED] = "changed",
		[KR_BOOKDIFF_RENAMED] = "renamed",
	};

	return names[k];
}
