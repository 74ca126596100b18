/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bookfile.c - reads policy files, korora-policy(5). What is wrong is told
 * with file and line, and nothing of it is in force.
 */
#include "policy/book.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ini.h"
#include "policy/bookword.h"
#include "policy/clarkwilson.h"

/* Of words, and what else a key may have. */
enum kind { SUITES = KR_BOOKWORD_SUITE, WHO = KR_BOOKWORD_WHO,
	    ITEMS = KR_BOOKWORD_ITEM, PROCEDURES = KR_BOOKWORD_PROCEDURE,
	    HOSTS = KR_BOOKWORD_HOST, CATEGORIES = KR_BOOKWORD_CATEGORY,
	    NAME = KR_BOOKWORD_NAME, NUMBER, YES_NO, LEVEL, TEXT };

struct key {
	const char   *name;
	enum kind     kind;
	size_t	      at;
	unsigned long max;	/* of a number */
	bool	      must;
};

/* A kind of section: what it adds to, one of these a row. */
struct section {
	const char *name;
	size_t	    rows, n_rows, row_bytes;	/* where in the book */
	size_t	    file, line;			/* where in a row */
	unsigned int max;
	struct key  keys[10];
};

#define BOOK(f)	offsetof(struct kr_book, f)
#define T(f)	offsetof(struct kr_triple, f)
#define P(f)	offsetof(struct kr_protection, f)
#define C(f)	offsetof(struct kr_classing, f)

static const struct section sections[] = {
	{ "policy", 0, 0, 0, 0, 0, 1, {
		{ "version", NUMBER, BOOK(version), 1000000000, true },
		{ "about", TEXT, BOOK(about), 0, false } } },
	{ "triple", BOOK(triples), BOOK(n_triples), sizeof(struct kr_triple),
	  T(file), T(line), KR_BOOK_TRIPLES_MAX, {
		{ "who", WHO, T(who), 0, true },
		{ "may", PROCEDURES, T(may), 0, true },
		{ "on", ITEMS, T(on), 0, false },
		{ "to", HOSTS, T(to), 0, false },
		{ "approvals", NUMBER, T(approvals), KR_BOOK_APPROVALS_MAX,
		  false },
		{ "approvers", WHO, T(approvers), 0, false },
		{ "certified_by", NAME, T(certified_by), 0, true } } },
	{ "subject", BOOK(subjects), BOOK(n_subjects),
	  sizeof(struct kr_classing), C(file), C(line), KR_SUBJECTS_MAX, {
		{ "who", WHO, C(of), 0, true },
		{ "level", LEVEL, C(c), 0, false },
		{ "categories", CATEGORIES, 0, 0, false } } },
	{ "item", BOOK(items), BOOK(n_items), sizeof(struct kr_classing),
	  C(file), C(line), KR_OBJECTS_MAX, {
		{ "on", ITEMS, C(of), 0, true },
		{ "level", LEVEL, C(c), 0, false },
		{ "categories", CATEGORIES, 0, 0, false } } },
	{ "protection", BOOK(protections), BOOK(n_protections),
	  sizeof(struct kr_protection), P(file), P(line), 4096, {
		{ "on", ITEMS, P(on), 0, true },
		{ "attestation", YES_NO, P(attestation), 0, false },
		{ "no_postcopy", YES_NO, P(no_postcopy), 0, false },
		{ "memory_root", YES_NO, P(memory_root), 0, false },
		{ "scanners", NUMBER, P(scanners), 16, false },
		{ "control_suites", SUITES, P(control_suites), 0, false },
		{ "lane_suites", SUITES, P(lane_suites), 0, false } } },
};
#define N_SECTIONS	(sizeof(sections) / sizeof(sections[0]))

struct reader {
	struct kr_book	     *b;
	struct kr_ini	      it;
	const struct section *section;	/* whose keys come */
	unsigned int	      line;	/* it began there */
	char		     *row;
	unsigned int	      seen;	/* 1 << index of each key */
};

/* ---- values ------------------------------------------------------------ */

static int words(struct reader *r, enum kind kind, struct kr_words *w,
		 struct kr_err *e)
{
	enum kr_words_wrong how = kr_words_parse(r->it.value, KR_BOOK_NAME_MAX,
						 KR_BOOK_LIST_MAX, w);

	if (how)
		return kr_ini_fail(&r->it, e, "%s: %s", r->it.key,
				   kr_words_why(how));
	for (unsigned int i = 0; i < w->n; i++) {
		const char *why = kr_bookword_wrong((enum kr_bookword)kind,
						    w->word[i]);

		if (why)
			return kr_ini_fail(&r->it, e, "%s: %s %s", r->it.key,
					   w->word[i], why);
	}
	return 0;
}

static int category(struct reader *r, const char *name, uint64_t *bits,
		    struct kr_err *e)
{
	struct kr_book *b = r->b;
	unsigned int i = 0;

	while (i < b->n_categories && strcmp(b->categories[i], name))
		i++;
	if (i == b->n_categories) {
		if (i == KR_CATEGORIES_MAX)
			return kr_ini_fail(&r->it, e, "more than %u "
					   "categories", KR_CATEGORIES_MAX);
		b->categories[i] = strdup(name);
		if (!b->categories[i])
			return kr_fail(e, KR_E_SYSTEM, "out of memory");
		b->n_categories++;
	}
	*bits |= UINT64_C(1) << i;
	return 0;
}

static int categories(struct reader *r, struct kr_err *e)
{
	struct kr_classing *c = (struct kr_classing *)(void *)r->row;
	struct kr_words w;
	int rc;

	if (!strcmp(r->it.value, "*")) {
		c->all = true;
		return 0;
	}
	rc = words(r, CATEGORIES, &w, e);
	for (unsigned int i = 0; !rc && i < w.n; i++)
		rc = category(r, w.word[i], &c->c.categories, e);
	kr_words_fini(&w);
	return rc;
}

static int number(struct reader *r, const struct key *k, struct kr_err *e)
{
	char *end;
	unsigned long v = strtoul(r->it.value, &end, 10);

	if (r->it.value[0] < '0' || r->it.value[0] > '9' || *end ||
	    v > k->max)
		return kr_ini_fail(&r->it, e, "%s is a number up to %lu",
				   k->name, k->max);
	*(uint32_t *)(void *)(r->row + k->at) = (uint32_t)v;
	return 0;
}

static int yes_no(struct reader *r, const struct key *k, struct kr_err *e)
{
	bool yes = !strcmp(r->it.value, "yes");

	if (!yes && strcmp(r->it.value, "no"))
		return kr_ini_fail(&r->it, e, "%s is yes or no", k->name);
	*(bool *)(r->row + k->at) = yes;
	return 0;
}

static int level(struct reader *r, const struct key *k, struct kr_err *e)
{
	struct kr_class *c = (struct kr_class *)(void *)(r->row + k->at);

	c->level = kr_level_find(r->it.value);
	return c->level ? 0 :
	       kr_ini_fail(&r->it, e, "%s is no level: tpm, trusted-agent, "
			   "identity-provider, relying-party, user-agent",
			   r->it.value);
}

static int copy(char **to, const char *text, struct kr_err *e)
{
	*to = strdup(text);
	return *to ? 0 : kr_fail(e, KR_E_SYSTEM, "out of memory");
}

static int name(struct reader *r, const struct key *k, struct kr_err *e)
{
	const char *v = r->it.value;

	if (!v[0] || strlen(v) > KR_BOOK_NAME_MAX ||
	    kr_bookword_wrong(KR_BOOKWORD_NAME, v))
		return kr_ini_fail(&r->it, e, "%s is one name", k->name);
	return copy((char **)(void *)(r->row + k->at), v, e);
}

static int text(struct reader *r, const struct key *k, struct kr_err *e)
{
	if (strlen(r->it.value) >= sizeof(r->b->about))
		return kr_ini_fail(&r->it, e, "%s is too long", k->name);
	strcpy(r->row + k->at, r->it.value);
	return 0;
}

static int value(struct reader *r, const struct key *k, struct kr_err *e)
{
	struct kr_words *w = (struct kr_words *)(void *)(r->row + k->at);

	switch (k->kind) {
	case SUITES:
	case WHO:
	case ITEMS:
	case PROCEDURES:
	case HOSTS:	 return words(r, k->kind, w, e);
	case CATEGORIES: return categories(r, e);
	case NUMBER:	 return number(r, k, e);
	case YES_NO:	 return yes_no(r, k, e);
	case LEVEL:	 return level(r, k, e);
	case NAME:	 return name(r, k, e);
	case TEXT:	 return text(r, k, e);
	}
	return 0;
}

/* ---- sections ---------------------------------------------------------- */

/* As kr_ini_fail(), for where the section began. */
static int bad_section(const struct reader *r, struct kr_err *e,
		       const char *why, const char *what)
{
	struct kr_ini at = r->it;

	at.line = r->line;
	return kr_ini_fail(&at, e, "[%s %s] %s%s", r->section->name,
			   r->section->rows ? *(char **)(void *)r->row :
					      r->b->name, why, what);
}

static int check_triple(struct reader *r, struct kr_err *e)
{
	const struct kr_triple *t =
		(const struct kr_triple *)(const void *)r->row;
	bool goes = false;

	for (int i = 0; i < KR_CLARKWILSON_N; i++) {
		enum kr_clarkwilson rule = (enum kr_clarkwilson)i;
		char what[KR_BOOK_NAME_MAX + 16];
		const char *word;
		const char *why = kr_clarkwilson_triple(rule, t, &word);

		if (!why)
			continue;
		snprintf(what, sizeof(what), "%s (rule %s)", word,
			 kr_clarkwilson_name(rule));
		return bad_section(r, e, why, what);
	}
	for (unsigned int i = 0; i < t->may.n; i++)
		goes |= kr_procedure_find(t->may.word[i])->goes_to;
	if (t->to.n && !goes)
		return bad_section(r, e, "goes nowhere, and has ", "'to'");
	return 0;
}

static int end_section(struct reader *r, struct kr_err *e)
{
	const struct section *s = r->section;

	if (!s)
		return 0;
	for (unsigned int i = 0; s->keys[i].name; i++)
		if (s->keys[i].must && !(r->seen & 1u << i))
			return bad_section(r, e, "has no key ",
					   s->keys[i].name);
	return s->rows == BOOK(triples) ? check_triple(r, e) : 0;
}

/* A new row; arrays double, so that their order of growth is no matter. */
static int add_row(struct reader *r, struct kr_err *e)
{
	const struct section *s = r->section;
	char *b = (char *)r->b;
	char **rows = (char **)(void *)(b + s->rows);
	unsigned int *n = (unsigned int *)(void *)(b + s->n_rows);

	if (*n >= s->max)
		return kr_ini_fail(&r->it, e, "more than %u [%s]", s->max,
				   s->name);
	/* triples, of which there may be many: kr_book_finish() */
	for (unsigned int i = 0; i < *n && s->rows != BOOK(triples); i++)
		if (!strcmp(*(char **)(void *)(*rows + i * s->row_bytes),
			    r->it.name))
			return kr_ini_fail(&r->it, e, "a second [%s %s]",
					   s->name, r->it.name);
	if (!(*n & (*n - 1))) {		/* 0, 1, 2, 4, … */
		char *p = realloc(*rows, (*n ? *n * 2 : 1) * s->row_bytes);

		if (!p)
			return kr_fail(e, KR_E_SYSTEM, "out of memory");
		*rows = p;
	}
	r->row = *rows + *n * s->row_bytes;
	memset(r->row, 0, s->row_bytes);
	(*n)++;
	*(unsigned int *)(void *)(r->row + s->line) = r->line;
	return copy((char **)(void *)(r->row + s->file), r->it.file, e) ?:
	       copy((char **)(void *)r->row, r->it.name, e);
}

static int begin_policy(struct reader *r, struct kr_err *e)
{
	if (r->b->name[0])
		return kr_ini_fail(&r->it, e, "a second [policy %s]",
				   r->it.name);
	strcpy(r->b->name, r->it.name);
	r->row = (char *)r->b;
	return 0;
}

static int begin_section(struct reader *r, struct kr_err *e)
{
	r->section = NULL;
	for (size_t i = 0; i < N_SECTIONS; i++)
		if (!strcmp(sections[i].name, r->it.section))
			r->section = &sections[i];
	if (!r->section)
		return kr_ini_unknown(&r->it, e);
	if (!r->it.name[0])
		return kr_ini_fail(&r->it, e, "[%s] needs a name",
				   r->it.section);
	r->line = r->it.line;
	r->seen = 0;
	return r->section->rows ? add_row(r, e) : begin_policy(r, e);
}

static int take_key(struct reader *r, struct kr_err *e)
{
	const struct key *keys = r->section->keys;

	for (unsigned int i = 0; keys[i].name; i++) {
		if (strcmp(keys[i].name, r->it.key))
			continue;
		if (r->seen & 1u << i)
			return kr_ini_fail(&r->it, e, "a second '%s'",
					   r->it.key);
		r->seen |= 1u << i;
		return value(r, &keys[i], e);
	}
	return kr_ini_unknown(&r->it, e);
}

int kr_book_add(struct kr_book *b, const char *file, const char *text,
		size_t n_bytes, struct kr_err *e)
{
	struct reader r = { .b = b };
	int rc = kr_ini_start(&r.it, file, text, n_bytes, e);

	while (!rc) {
		int got = kr_ini_next(&r.it, e);

		if (got < 0)
			return got;
		if (got == KR_INI_KEY) {
			rc = take_key(&r, e);
			continue;
		}
		rc = end_section(&r, e);
		if (got == KR_INI_END)
			break;
		if (!rc)
			rc = begin_section(&r, e);
	}
	return rc;
}
