/* SPDX-License-Identifier: Apache-2.0 */
/*
 * matrix.c - whom and what a policy knows, and what they may. What stands for
 * all that a pattern matches is the pattern itself, which it matches, too.
 */
#include "model/matrix.h"

#include <stdlib.h>
#include <string.h>

static void asked(struct kr_matrix *m, struct kr_class c)
{
	for (unsigned int i = 0; i < m->n_classes; i++)
		if (kr_class_same(m->classes[i], c))
			return;
	m->too_much |= m->n_classes == KR_UNIVERSE_CLASSES_MAX;
	if (!m->too_much)
		m->classes[m->n_classes++] = c;
}

/* ---- who ---------------------------------------------------------------- */

static struct kr_matrix_who *add_who(struct kr_matrix *m, const char *name,
			   struct kr_person p)
{
	struct kr_matrix_who *w = &m->who[m->n_who];

	for (unsigned int i = 0; i < m->n_who; i++)
		if (!strcmp(m->who[i].name, name))
			return &m->who[i];
	if (m->n_who == KR_MATRIX_WHOS_MAX) {
		m->too_much = true;
		return &m->who[0];
	}
	m->n_who++;
	*w = (struct kr_matrix_who){
		name, p, kr_book_subject_class(m->b, &p), false };
	asked(m, w->c);
	return w;
}

/* A role, a host, a name. Everyone has what is anybody's. */
static void add_word(struct kr_matrix *m, const char *word)
{
	struct kr_person p = { .name = word };

	if (!strcmp(word, "*"))
		return;
	if (!strncmp(word, "role:", 5))
		p = (struct kr_person){ "some-of-it", { word + 5 }, 1 };
	else if (!strncmp(word, "host:", 5))
		p = (struct kr_person){ word, { "host" }, 1 };
	add_who(m, word, p);
}

static void add_words(struct kr_matrix *m, const struct kr_words *w)
{
	for (unsigned int i = 0; i < w->n; i++)
		add_word(m, w->word[i]);
}

/* Who has every role that there is, as the superuser does. */
static void add_all_roles(struct kr_matrix *m)
{
	struct kr_person p = { .name = "all-of-them" };

	for (unsigned int i = 0; i < m->n_who; i++)
		if (!strncmp(m->who[i].name, "role:", 5) &&
		    p.n_roles < KR_BOOK_ROLES_MAX)
			p.roles[p.n_roles++] = m->who[i].name + 5;
	add_who(m, "all-roles", p);
}

static void find_whos(struct kr_matrix *m)
{
	const struct kr_book *b = m->b;

	for (unsigned int i = 0; i < b->n_triples; i++)
		add_who(m, b->triples[i].certified_by, (struct kr_person){
			.name = b->triples[i].certified_by })->certifier =
			true;
	for (unsigned int i = 0; i < b->n_triples; i++) {
		add_words(m, &b->triples[i].who);
		add_words(m, &b->triples[i].approvers);
	}
	for (unsigned int i = 0; i < b->n_subjects; i++)
		add_words(m, &b->subjects[i].of);
	add_all_roles(m);
	add_who(m, "anybody", (struct kr_person){ .name = "anybody" });
	add_who(m, "host:a", (struct kr_person){ "host:a", { "host" }, 1 });
	add_who(m, "host:b", (struct kr_person){ "host:b", { "host" }, 1 });
}

/* ---- what they may ------------------------------------------------------ */

/* What a procedure does to an item of that kind. A log is appended to. */
static unsigned int attrs_of(const struct kr_procedure *p,
			     enum kr_item_kind kind)
{
	unsigned int data = kr_item_kind_data(kind);
	unsigned int a = p->reads & data ? KR_ATTR_READ : 0;

	if (!(p->transforms & data))
		return a;
	return a | (!a || kind == KR_ITEM_LOG ? KR_ATTR_APPEND :
						KR_ATTR_WRITE);
}

/* Perhaps only if others approve it, and to some host alone. */
static bool may(const struct kr_matrix *m, const struct kr_matrix_who *w,
		const struct kr_procedure *p, const char *item,
		const char *tenant)
{
	struct kr_execution x = { .by = w->p, .procedure = p, .item = item,
				  .tenant = tenant };
	struct kr_verdict v = kr_book_decide(m->b, &x);

	if (v.reason == KR_REASON_DESTINATION) {
		x.to = v.triple->to.word[0];
		v = kr_book_decide(m->b, &x);
	}
	return v.answer == KR_YES || v.reason == KR_REASON_APPROVALS;
}

/* On any item of the kind that the procedure is used on. */
static bool may_on_some(const struct kr_matrix *m,
			const struct kr_matrix_who *w,
			const struct kr_procedure *p)
{
	for (unsigned int i = 0; i < m->n_items; i++)
		if (m->item[i].kind == p->on &&
		    may(m, w, p, m->item[i].name, m->item[i].tenant))
			return true;
	return p->on == KR_ITEM_NONE && may(m, w, p, "", NULL);
}

static unsigned int rights(const struct kr_matrix *m,
			   const struct kr_matrix_who *w,
			   const struct kr_matrix_item *o)
{
	const struct kr_procedure *p;
	unsigned int all = 0;

	for (unsigned int tp = 0; (p = kr_procedure((enum kr_tp)tp)); tp++) {
		unsigned int a = attrs_of(p, o->kind);

		if (a && (p->on == o->kind ? may(m, w, p, o->name, o->tenant) :
			  may_on_some(m, w, p)))
			all |= a;
	}
	return all;
}

/* ---- items -------------------------------------------------------------- */

static void add_item(struct kr_matrix *m, enum kr_item_kind kind,
		     const char *name, const char *tenant)
{
	if (m->n_items == KR_MATRIX_ITEMS_MAX) {
		m->too_much = true;
		return;
	}
	m->item[m->n_items] = (struct kr_matrix_item){
		.name = name, .tenant = tenant, .kind = kind,
		.c = kr_book_item_class(m->b, name, tenant) };
	asked(m, m->item[m->n_items++].c);
}

/* Of no tenant, and if it is a VM of each. */
static void add_of_kind(struct kr_matrix *m, enum kr_item_kind kind,
			const char *name)
{
	add_item(m, kind, name, NULL);
	for (unsigned int i = 0; kind == KR_ITEM_VM && i < m->b->n_categories;
	     i++)
		add_item(m, kind, name, m->b->categories[i]);
}

static void add_named(struct kr_matrix *m, enum kr_item_kind kind,
		      const struct kr_words *w)
{
	const char *name = kr_item_kind_name(kind);
	size_t n = strlen(name);

	for (unsigned int i = 0; i < w->n; i++)
		if (!strncmp(w->word[i], name, n) && w->word[i][n] == ':')
			add_of_kind(m, kind, w->word[i]);
}

/* Are they the same to all? */
static bool same_item(const struct kr_matrix *m, const struct kr_matrix_item *x,
		      const struct kr_matrix_item *y)
{
	return x->kind == y->kind && kr_class_same(x->c, y->c) &&
	       !memcmp(x->rights, y->rights, m->n_who);
}

static void merge_items(struct kr_matrix *m)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < m->n_items; i++)
		for (unsigned int s = 0; s < m->n_who; s++)
			m->item[i].rights[s] = (uint8_t)rights(
				m, &m->who[s], &m->item[i]);
	for (unsigned int i = 0; i < m->n_items; i++) {
		unsigned int k = 0;

		while (k < n && !same_item(m, &m->item[k], &m->item[i]))
			k++;
		if (k == n)
			m->item[n++] = m->item[i];
	}
	m->n_items = n;
}

static void find_items(struct kr_matrix *m)
{
	static const char *const others[KR_ITEM_KIND_N] = {
		[KR_ITEM_VM] = "vm:other", [KR_ITEM_HOST] = "host:other",
		[KR_ITEM_TRUST] = "trust:other",
		[KR_ITEM_USER] = "user:other",
		[KR_ITEM_POLICY] = "policy:other",
		[KR_ITEM_REFERENCE] = "reference:other",
		[KR_ITEM_LOG] = "log:other",
		[KR_ITEM_STORAGE] = "storage:other",
		[KR_ITEM_NETWORK] = "network:other",
	};

	for (int k = KR_ITEM_NONE + 1; k < KR_ITEM_KIND_N; k++) {
		enum kr_item_kind kind = (enum kr_item_kind)k;

		for (unsigned int i = 0; i < m->b->n_triples; i++)
			add_named(m, kind, &m->b->triples[i].on);
		for (unsigned int i = 0; i < m->b->n_items; i++)
			add_named(m, kind, &m->b->items[i].of);
		add_of_kind(m, kind, others[k]);
		merge_items(m);		/* before there are too many */
	}
	merge_items(m);			/* with what all kinds bring */
	asked(m, (struct kr_class){ KR_LEVEL_TPM, UINT64_MAX });
}

struct kr_matrix *kr_matrix_new(const struct kr_book *b)
{
	struct kr_matrix *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->b = b;
	find_whos(m);
	find_items(m);
	if (!m->too_much)
		return m;
	free(m);
	return NULL;
}
