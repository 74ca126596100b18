/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_policy.c - policy files. What is accepted decides by its index as by
 * looking through all triples, and differs in nothing from itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/bookdiff.h"
#include "policy/bookdoubt.h"

#define TRIPLES_TRIED	16u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Who a triple names first, or somebody else for *; @name holds a role's. */
static struct kr_person first(const struct kr_words *who)
{
	const char *word = who->word[0];

	if (!strncmp(word, "role:", 5))
		return (struct kr_person){ "nobody", { word + 5 }, 1 };
	return (struct kr_person){ strcmp(word, "*") ? word : "nobody",
				   { NULL }, 0 };
}

static void decides_alike(const struct kr_book *b,
			  const struct kr_execution *x)
{
	struct kr_verdict v = kr_book_decide(b, x);
	unsigned int n = 0, n_wanting = 0, approved;

	for (unsigned int i = 0; i < b->n_triples; i++) {
		enum kr_reason why = kr_book_near(&b->triples[i], x,
						  &approved);

		n += why == KR_REASON_NONE;
		n_wanting += why == KR_REASON_APPROVALS;
	}
	if (x->procedure->open)
		return;
	/* triples that want approvals may be a no, or an error, before */
	if ((n == 0 && v.answer == KR_YES) ||
	    (n != 0 && v.answer == KR_QUESTION) ||
	    ((n ? n : n_wanting) > 1) != (v.answer == KR_ERROR))
		abort();
	if (v.answer == KR_NO &&
	    kr_book_near(v.triple, x, &approved) !=
		    (n ? KR_REASON_NONE : KR_REASON_APPROVALS))
		abort();
	if (v.answer == KR_YES &&
	    kr_book_near(v.triple, x, &approved) != KR_REASON_NONE)
		abort();
}

/* A procedure is only asked for on its own kind of item. */
static bool fits(const struct kr_procedure *p, const char *item)
{
	const char *kind = kr_item_kind_name(p->on);
	size_t n = strlen(kind);

	return !strncmp(item, kind, n) && item[n] == (n ? ':' : '\0');
}

/* What its own words ask for. */
static void try_triple(const struct kr_book *b, const struct kr_triple *t)
{
	for (unsigned int m = 0; m < t->may.n; m++)
		for (unsigned int i = 0; i < (t->on.n ? t->on.n : 1); i++) {
			struct kr_execution x = {
				.by = first(&t->who),
				.procedure = kr_procedure_find(t->may.word[m]),
				.item = t->on.n ? t->on.word[i] : "",
				.to = t->to.n ? t->to.word[0] : NULL,
				.tenant = b->n_categories ? b->categories[0] :
							    NULL };
			struct kr_person p;

			if (x.procedure->on == KR_ITEM_NONE)
				x.item = "";
			if (!fits(x.procedure, x.item))
				continue;
			decides_alike(b, &x);
			if (t->approvers.n) {
				p = first(&t->approvers);
				x.approvers = &p;
				x.n_approvers = 1;
				decides_alike(b, &x);
			}
		}
}

static void differs(void *arg, const struct kr_bookdiff *d)
{
	(void)arg;
	(void)d;
	abort();
}

static void doubt(void *arg, const char *text)
{
	(void)arg;
	if (strlen(text) >= KR_BOOKDOUBT_BYTES)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct kr_err e = KR_ERR_NONE;
	struct kr_book *b = kr_book_new();
	struct kr_protection demands;

	if (!b)
		return 0;
	if (kr_book_add(b, "f", (const char *)data, n, &e) ||
	    kr_book_finish(b, &e)) {
		if (e.kr != KR_E_CONFIG && e.kr != KR_E_LIMIT)
			abort();
		kr_book_free(b);
		return 0;
	}
	for (unsigned int i = 0; i < b->n_triples && i < TRIPLES_TRIED; i++) {
		try_triple(b, &b->triples[i]);
		if (b->triples[i].on.n)
			kr_book_demands(b, b->triples[i].on.word[0],
					&demands);
	}
	if (kr_bookdiff_each(b, b, differs, NULL, NULL))
		abort();
	kr_bookdoubt_each(b, doubt, NULL);
	kr_book_free(b);
	return 0;
}
