/* SPDX-License-Identifier: Apache-2.0 */
/* book.c - a policy in memory: classes, demands, verdicts. Pure. */
#include "policy/book.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/clarkwilson.h"
#include "policy/executed.h"
#include "policy/grants.h"
#include "policy/wordindex.h"

struct kr_book *kr_book_new(void)
{
	return kr_book_keep(calloc(1, sizeof(struct kr_book)));
}

static void free_triple(struct kr_triple *t)
{
	kr_words_fini(&t->who);
	kr_words_fini(&t->may);
	kr_words_fini(&t->on);
	kr_words_fini(&t->to);
	kr_words_fini(&t->approvers);
	free(t->certified_by);
	free(t->name);
	free(t->file);
}

static void free_classings(struct kr_classing *c, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		kr_words_fini(&c[i].of);
		free(c[i].name);
		free(c[i].file);
	}
	free(c);
}

struct kr_book *kr_book_keep(struct kr_book *b)
{
	if (b)
		b->refs++;
	return b;
}

void kr_book_free(struct kr_book *b)
{
	if (!b || --b->refs)
		return;
	for (unsigned int i = 0; i < b->n_triples; i++)
		free_triple(&b->triples[i]);
	free(b->triples);
	free_classings(b->subjects, b->n_subjects);
	free_classings(b->items, b->n_items);
	for (unsigned int i = 0; i < b->n_protections; i++) {
		struct kr_protection *p = &b->protections[i];

		kr_words_fini(&p->on);
		kr_words_fini(&p->control_suites);
		kr_words_fini(&p->lane_suites);
		free(p->name);
		free(p->file);
	}
	free(b->protections);
	for (unsigned int i = 0; i < b->n_categories; i++)
		free(b->categories[i]);
	kr_grants_free(b->grants);
	kr_wordindex_free(b->subjects_of);
	kr_wordindex_free(b->items_of);
	kr_wordindex_free(b->protections_of);
	free(b);
}

/* ---- classes ----------------------------------------------------------- */

uint64_t kr_book_categories(const struct kr_book *b)
{
	return b->n_categories < KR_CATEGORIES_MAX ?
	       (UINT64_C(1) << b->n_categories) - 1 : UINT64_MAX;
}

struct match {
	const struct kr_classing *of;	/* the book's subjects, or items */
	void (*fn)(void *arg, const struct kr_classing *c);
	void *arg;
};

static void on_match(void *arg, uint32_t n)
{
	const struct match *m = arg;

	m->fn(m->arg, &m->of[n]);
}

void kr_book_subject_classings(const struct kr_book *b,
			       const struct kr_person *who,
			       void (*fn)(void *arg,
					  const struct kr_classing *c),
			       void *arg)
{
	struct match m = { b->subjects, fn, arg };
	char role[KR_BOOK_NAME_MAX + 8];

	kr_wordindex_each(b->subjects_of, 0, who->name, on_match, &m);
	for (unsigned int i = 0; i < who->n_roles; i++) {
		snprintf(role, sizeof(role), "role:%s", who->roles[i]);
		kr_wordindex_each(b->subjects_of, 0, role, on_match, &m);
	}
}

void kr_book_item_classings(const struct kr_book *b, const char *item,
			    void (*fn)(void *arg, const struct kr_classing *c),
			    void *arg)
{
	struct match m = { b->items, fn, arg };

	if (!item[0])
		return;		/* nothing in particular is in no class */
	kr_wordindex_each(b->items_of, 0, item, on_match, &m);
}

struct classes { const struct kr_book *b; struct kr_class c; };

/* Of all that match: the lowest level that is said, all categories. */
static void add_class(void *arg, const struct kr_classing *x)
{
	struct classes *s = arg;

	if (x->c.level && (!s->c.level || x->c.level < s->c.level))
		s->c.level = x->c.level;
	s->c.categories |= x->all ? kr_book_categories(s->b) :
				    x->c.categories;
}

static struct kr_class or_lowest(struct kr_class c)
{
	if (!c.level)
		c.level = KR_LEVEL_USER_AGENT;
	return c;
}

struct kr_class kr_book_subject_class(const struct kr_book *b,
				      const struct kr_person *who)
{
	struct classes s = { b, { KR_LEVEL_NONE, 0 } };

	kr_book_subject_classings(b, who, add_class, &s);
	return or_lowest(s.c);
}

static void has_all(void *arg, const struct kr_classing *x)
{
	*(bool *)arg |= x->all;
}

struct kr_class kr_book_subject_carried(const struct kr_book *from,
					const struct kr_person *who,
					const struct kr_book *to)
{
	struct kr_class c = kr_book_subject_class(from, who);
	struct kr_class out = { c.level, 0 };
	bool all = false;

	kr_book_subject_classings(from, who, has_all, &all);
	if (all)
		out.categories = kr_book_categories(to);
	for (unsigned int i = 0; i < from->n_categories; i++)
		for (unsigned int k = 0; k < to->n_categories; k++)
			if (c.categories & UINT64_C(1) << i &&
			    !strcmp(from->categories[i], to->categories[k]))
				out.categories |= UINT64_C(1) << k;
	return out;
}

struct kr_class kr_book_item_class(const struct kr_book *b, const char *item,
				   const char *tenant)
{
	struct classes s = { b, { KR_LEVEL_NONE, 0 } };

	kr_book_item_classings(b, item, add_class, &s);
	for (unsigned int i = 0; tenant && i < b->n_categories; i++)
		if (!strcmp(b->categories[i], tenant))
			s.c.categories |= UINT64_C(1) << i;
	return or_lowest(s.c);
}

/* ---- demands ----------------------------------------------------------- */

static void strictest(struct kr_words *io, const struct kr_words *suites)
{
	if (suites->n && (!io->n || suites->n < io->n))
		*io = *suites;
}

struct demands { const struct kr_book *b; struct kr_protection *p; };

/* Twice the same, by two words of it, demands no more. */
static void add_demands(void *arg, uint32_t n)
{
	struct demands *d = arg;
	const struct kr_protection *p = &d->b->protections[n];

	d->p->attestation |= p->attestation;
	d->p->no_postcopy |= p->no_postcopy;
	d->p->memory_root |= p->memory_root;
	if (p->scanners > d->p->scanners)
		d->p->scanners = p->scanners;
	strictest(&d->p->control_suites, &p->control_suites);
	strictest(&d->p->lane_suites, &p->lane_suites);
}

void kr_book_demands(const struct kr_book *b, const char *item,
		     struct kr_protection *ret_p)
{
	struct demands d = { b, ret_p };

	*ret_p = (struct kr_protection){ 0 };
	kr_wordindex_each(b->protections_of, 0, item, add_demands, &d);
}

/* ---- deciding ---------------------------------------------------------- */

bool kr_book_names(const struct kr_words *w, const struct kr_person *who)
{
	char role[KR_BOOK_NAME_MAX + 8];

	if (kr_words_have(w, who->name))
		return true;
	for (unsigned int i = 0; i < who->n_roles; i++) {
		snprintf(role, sizeof(role), "role:%s", who->roles[i]);
		if (kr_words_have(w, role))
			return true;
	}
	return false;
}

static void each_role(const struct kr_words *w,
		      void (*fn)(void *arg, const char *role), void *arg)
{
	for (unsigned int i = 0; i < w->n; i++)
		if (!strncmp(w->word[i], "role:", 5))
			fn(arg, w->word[i] + 5);
}

void kr_book_roles(const struct kr_book *b,
		   void (*fn)(void *arg, const char *role), void *arg)
{
	for (unsigned int i = 0; i < b->n_triples; i++) {
		each_role(&b->triples[i].who, fn, arg);
		each_role(&b->triples[i].approvers, fn, arg);
	}
}

/* Of a triple whose who, procedure and item are those of @x. */
static enum kr_reason missing(const struct kr_triple *t,
			      const struct kr_execution *x,
			      unsigned int *ret_approved)
{
	*ret_approved = kr_clarkwilson_approved(t, x);
	if (x->procedure->goes_to && t->to.n &&
	    !(x->to && kr_words_have(&t->to, x->to)))
		return KR_REASON_DESTINATION;
	if (!kr_clarkwilson_execution(KR_CLARKWILSON_C3, t, x))
		return KR_REASON_APPROVALS;
	return KR_REASON_NONE;
}

enum kr_reason kr_book_near(const struct kr_triple *t,
			    const struct kr_execution *x,
			    unsigned int *ret_approved)
{
	*ret_approved = 0;
	if (!kr_book_names(&t->who, &x->by) ||
	    !kr_words_have(&t->may, x->procedure->name) ||
	    (x->procedure->on != KR_ITEM_NONE &&
	     !kr_words_have(&t->on, x->item)))
		return KR_REASON_NO_TRIPLE;
	return missing(t, x, ret_approved);
}

struct search {
	const struct kr_book	  *b;
	const struct kr_execution *x;
	struct kr_verdict	   v;
};

/* One triple of those for this who, procedure and item. A triple that only
 * wants approvals tells more than one for another destination; two such are
 * an error before they have them. */
static void consider(void *arg, unsigned int i)
{
	struct search *s = arg;
	const struct kr_triple *t = &s->b->triples[i];
	unsigned int approved;
	enum kr_reason why = missing(t, s->x, &approved);

	if (t == s->v.triple)
		return;		/* by another of his roles */
	if (s->v.triple && why == s->v.reason &&
	    why != KR_REASON_DESTINATION) {
		s->v.second = t;
		return;
	}
	if (s->v.answer == KR_YES ||
	    (why == KR_REASON_DESTINATION && s->v.triple))
		return;
	s->v = (struct kr_verdict){
		.answer = why ? KR_QUESTION : KR_YES, .reason = why,
		.triple = t, .approved = approved };
}

/* What no triple can allow. */
static enum kr_reason forbidden(const struct kr_book *b,
				const struct kr_execution *x)
{
	struct kr_class by = kr_book_subject_class(b, &x->by);
	char own[KR_ITEM_BYTES], policy[KR_ITEM_BYTES];
	bool of_policy = x->procedure->on == KR_ITEM_NONE &&
			 kr_executed_ask(x->procedure) != KR_ASK_N;
	struct kr_class item = kr_book_item_class(b, of_policy ?
		kr_item_put(KR_ITEM_POLICY, b->name, policy) : x->item,
		x->tenant);
	struct kr_decision d;

	if (item.categories & ~by.categories)
		return KR_REASON_TENANT;
	kr_item_put(KR_ITEM_USER, x->by.name, own);
	d = kr_executed_decide(x->procedure, by, item, !strcmp(x->item, own));
	if (d.answer == KR_YES)
		return KR_REASON_NONE;
	return d.failed & 1u << KR_COND_NOT_ITSELF ? KR_REASON_HIMSELF :
						     KR_REASON_LEVEL;
}

struct kr_verdict kr_book_decide(const struct kr_book *b,
				 const struct kr_execution *x)
{
	struct search s = { b, x, { .answer = KR_QUESTION,
				    .reason = KR_REASON_NO_TRIPLE } };
	struct kr_verdict *v = &s.v;
	char role[KR_BOOK_NAME_MAX + 8];
	enum kr_reason why;

	if (x->procedure->open)
		return (struct kr_verdict){ .answer = KR_YES };
	if (!kr_clarkwilson_execution(KR_CLARKWILSON_E3, NULL, x))
		return (struct kr_verdict){ .answer = KR_NO,
					    .reason = KR_REASON_NOBODY };
	kr_grants_each(b->grants, x->by.name, x->procedure, x->item, x->to,
		       consider, &s);
	kr_grants_each(b->grants, "*", x->procedure, x->item, x->to, consider,
		       &s);
	for (unsigned int i = 0; i < x->by.n_roles; i++) {
		snprintf(role, sizeof(role), "role:%s", x->by.roles[i]);
		kr_grants_each(b->grants, role, x->procedure, x->item, x->to,
			       consider, &s);
	}
	if (v->answer != KR_YES && v->reason != KR_REASON_APPROVALS)
		return s.v;
	if (v->second) {
		v->answer = KR_ERROR;
		v->reason = KR_REASON_TWO_TRIPLES;
	} else if (!kr_clarkwilson_execution(KR_CLARKWILSON_E2, v->triple,
					     x)) {
		v->answer = KR_ERROR;	/* the index was wrong */
		v->reason = KR_REASON_NO_TRIPLE;
	} else if (!kr_clarkwilson_execution(KR_CLARKWILSON_E4, v->triple,
					     x)) {
		v->answer = KR_NO;
		v->reason = KR_REASON_CERTIFIER;
	} else if ((why = forbidden(b, x))) {
		v->answer = KR_NO;
		v->reason = why;
	}
	return s.v;
}

const char *kr_reason_text(enum kr_reason r)
{
	static const char *const texts[KR_REASON_N] = {
#define X(name, text) [KR_REASON_##name] = text,
		KR_REASONS(X)
#undef X
	};

	return texts[r];
}
