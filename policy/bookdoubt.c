/* SPDX-License-Identifier: Apache-2.0 */
/* bookdoubt.c - what a policy says and hardly means. Pure. */
#include "policy/bookdoubt.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct doubts {
	const struct kr_book *b;
	void (*fn)(void *arg, const char *text);
	void *arg;
};

static void tell(const struct doubts *d, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void tell(const struct doubts *d, const char *fmt, ...)
{
	char text[KR_BOOKDOUBT_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	d->fn(d->arg, text);
}

static void tell_of(const struct doubts *d, const struct kr_triple *t,
		    const char *what, const char *word)
{
	tell(d, "%.60s:%u: [triple %s] %s: %s", t->file, t->line, t->name,
	     what, word);
}

/* A role is what a triple names: others cannot be granted, and hosts have one
 * of their own. */
static bool no_role(const struct kr_book *b, const char *who)
{
	if (strncmp(who, "role:", 5) || !strcmp(who, "role:host"))
		return false;
	for (unsigned int i = 0; i < b->n_triples; i++)
		if (kr_words_have(&b->triples[i].who, who) ||
		    kr_words_have(&b->triples[i].approvers, who))
			return false;
	return true;
}

static void subjects(const struct doubts *d)
{
	for (unsigned int i = 0; i < d->b->n_subjects; i++) {
		const struct kr_classing *c = &d->b->subjects[i];

		for (unsigned int k = 0; k < c->of.n; k++)
			if (no_role(d->b, c->of.word[k]))
				tell(d, "[subject %s] is for a role that no "
				     "triple names: %s", c->name,
				     c->of.word[k]);
	}
}

/* Peers have the role host, and receive; users do all else. */
static void peers(const struct doubts *d, const struct kr_triple *t)
{
	unsigned int n_hosts = 0, n_receive = 0;
	const char *host = "";

	for (unsigned int i = 0; i < t->who.n; i++) {
		const char *who = t->who.word[i];

		if (strcmp(who, "role:host") && strncmp(who, "host:", 5))
			continue;
		n_hosts++;
		host = who;
	}
	for (unsigned int i = 0; i < t->may.n; i++)
		n_receive += kr_procedure_find(t->may.word[i]) ==
			     kr_procedure(KR_TP_receive);
	if (n_receive && !n_hosts && !kr_words_have(&t->who, "role:host"))
		tell_of(d, t, "is for users, and this is what hosts do",
			kr_procedure(KR_TP_receive)->name);
	if (n_hosts && !n_receive)
		tell_of(d, t, "is for hosts, and has nothing that they do",
			host);
}

/* Somebody may have any role; the files do not say. */
static bool may_approve(const struct kr_book *b, const char *who)
{
	bool role = !strncmp(who, "role:", 5);

	for (unsigned int i = 0; i < b->n_triples; i++) {
		const struct kr_triple *t = &b->triples[i];

		if (!kr_words_have(&t->may, kr_procedure(KR_TP_approve)->name))
			continue;
		if (kr_words_have(&t->who, who))
			return true;
		for (unsigned int k = 0; !role && k < t->who.n; k++)
			if (!strncmp(t->who.word[k], "role:", 5))
				return true;
	}
	return false;
}

static void approvals(const struct doubts *d, const struct kr_triple *t)
{
	if (t->approvers.n && !t->approvals)
		tell_of(d, t, "has approvers, and needs no approvals",
			t->approvers.word[0]);
	for (unsigned int i = 0; t->approvals && i < t->approvers.n; i++)
		if (!may_approve(d->b, t->approvers.word[i]))
			tell_of(d, t, "wants approvals of who may give none: "
				"no triple has approve for",
				t->approvers.word[i]);
}

/* A word of @of that @w has, too, by itself or by a pattern. */
static const char *had(const struct kr_words *w, const struct kr_words *of)
{
	for (unsigned int i = 0; i < of->n; i++)
		if (kr_words_have(w, of->word[i]))
			return of->word[i];
	return NULL;
}

/* Who is of both triples uses the one that asks for less. */
static void ways_around(const struct doubts *d, const struct kr_triple *t)
{
	for (unsigned int i = 0; t->approvals && i < d->b->n_triples; i++) {
		const struct kr_triple *u = &d->b->triples[i];
		const char *may = had(&u->may, &t->may);

		if (u->approvals < t->approvals && may &&
		    had(&u->who, &t->who) &&
		    (!t->on.n || had(&u->on, &t->on)) &&
		    (!u->to.n || had(&u->to, &t->to)))
			tell(d, "%.60s:%u: [triple %s] wants fewer approvals "
			     "of the same than [triple %s]: %s", u->file,
			     u->line, u->name, t->name, may);
	}
}

static bool of_kind(const char *item, enum kr_item_kind k)
{
	const char *kind = kr_item_kind_name(k);
	size_t n = strlen(kind);

	return !strcmp(item, "*") ||
	       (k && !strncmp(item, kind, n) && item[n] == ':');
}

static void items(const struct doubts *d, const struct kr_triple *t)
{
	for (unsigned int i = 0; i < t->on.n; i++) {
		bool used = false;

		for (unsigned int m = 0; m < t->may.n && !used; m++)
			used = of_kind(t->on.word[i], kr_procedure_find(
					       t->may.word[m])->on);
		if (!used)
			tell_of(d, t, "has no procedure for this kind of item",
				t->on.word[i]);
	}
	for (unsigned int m = 0; m < t->may.n; m++) {
		const struct kr_procedure *p = kr_procedure_find(
						       t->may.word[m]);
		bool used = p->on == KR_ITEM_NONE;

		for (unsigned int i = 0; i < t->on.n && !used; i++)
			used = of_kind(t->on.word[i], p->on);
		if (!used)
			tell_of(d, t, "names no item for this procedure",
				p->name);
	}
}

/* Categories of items that no subject has: nobody could do anything there. */
static void categories(const struct doubts *d)
{
	const struct kr_book *b = d->b;
	uint64_t had = 0;

	for (unsigned int i = 0; i < b->n_subjects; i++)
		had |= b->subjects[i].all ? UINT64_MAX :
					    b->subjects[i].c.categories;
	for (unsigned int i = 0; i < b->n_items; i++)
		for (unsigned int k = 0; k < b->n_categories; k++)
			if (b->items[i].c.categories & ~had & 1ull << k)
				tell(d, "[item %s] is of a category that "
				     "nobody has: %s", b->items[i].name,
				     b->categories[k]);
}

/* VMs only, of all items, can be migrated and demand something of that. */
static void protections(const struct doubts *d)
{
	for (unsigned int i = 0; i < d->b->n_protections; i++) {
		const struct kr_protection *p = &d->b->protections[i];

		for (unsigned int k = 0; k < p->on.n; k++)
			if (!of_kind(p->on.word[k], KR_ITEM_VM))
				tell(d, "[protection %s] protects what is "
				     "never migrated: %s", p->name,
				     p->on.word[k]);
	}
}

void kr_bookdoubt_each(const struct kr_book *b,
		       void (*fn)(void *arg, const char *text), void *arg)
{
	struct doubts d = { b, fn, arg };

	for (unsigned int i = 0; i < b->n_triples; i++) {
		peers(&d, &b->triples[i]);
		approvals(&d, &b->triples[i]);
		ways_around(&d, &b->triples[i]);
		items(&d, &b->triples[i]);
	}
	subjects(&d);
	categories(&d);
	protections(&d);
}
