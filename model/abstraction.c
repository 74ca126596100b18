/* SPDX-License-Identifier: Apache-2.0 */
/* abstraction.c - the small systems that a policy's matrix is cut into. */
#include "model/abstraction.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "model/matrix.h"

#define RAE	(KR_ATTR_READ | KR_ATTR_APPEND | KR_ATTR_EXECUTE)

struct making {
	struct kr_abstraction  *a;
	const struct kr_matrix *m;
	int			r;
};

/* ---- one of them -------------------------------------------------------- */

static struct kr_universe *begin(struct making *k, const char *name,
				 unsigned int n_subjects,
				 unsigned int n_objects, unsigned int attrs)
{
	const struct kr_matrix *m = k->m;
	struct kr_universe *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->name = name;
	u->attrs = attrs;
	memcpy(u->classes, m->classes, sizeof(u->classes));
	u->n_classes = m->n_classes;
	u->first = kr_system_new(n_subjects, n_objects);
	if (u->first)
		return u;
	free(u);
	return NULL;
}

static struct kr_subject *subject(struct kr_universe *u, unsigned int s,
				  const char *name, struct kr_class c)
{
	u->subjects[s] = name;
	u->first->subjects[s].c = u->first->subjects[s].top = c;
	return &u->first->subjects[s];
}

static void who(struct kr_universe *u, unsigned int s,
		const struct kr_matrix_who *w)
{
	subject(u, s, w->name, w->c)->certifier = w->certifier;
}

static struct kr_object *item(struct kr_universe *u, unsigned int o,
			      const struct kr_matrix_item *x)
{
	u->objects[o] = x->name;
	u->first->objects[o].c = x->c;
	u->first->objects[o].parent = KR_NOBODY;
	u->first->objects[o].there = true;
	return &u->first->objects[o];
}

bool kr_abstraction_alike(const struct kr_universe *u,
			  const struct kr_universe *v)
{
	const struct kr_system *t = u->first, *x = v->first;

	if (strcmp(u->name, v->name))
		return false;
	for (unsigned int s = 0; s < t->n_subjects; s++)
		if (!kr_class_same(t->subjects[s].top, x->subjects[s].top) ||
		    t->subjects[s].certifier != x->subjects[s].certifier)
			return false;
	return true;
}

static bool same(const struct kr_universe *u, const struct kr_universe *v)
{
	const struct kr_system *t = u->first, *x = v->first;

	if (!kr_abstraction_alike(u, v) ||
	    memcmp(t->cells, x->cells, (size_t)t->n_subjects * t->n_objects))
		return false;
	for (unsigned int o = 0; o < t->n_objects; o++)
		if (!kr_class_same(t->objects[o].c, x->objects[o].c))
			return false;
	return true;
}

/* Behind those that it is alike; not if it is there already. */
static void add(struct making *k, struct kr_universe *u)
{
	struct kr_abstraction *a = k->a;
	unsigned int at = a->n;

	for (unsigned int i = 0; i < a->n; i++) {
		if (same(u, a->u[i])) {
			kr_universe_free(u);
			return;
		}
		if (kr_abstraction_alike(u, a->u[i]))
			at = i + 1;
	}
	if (a->n == KR_ABSTRACTION_MAX) {
		kr_universe_free(u);
		k->r = -E2BIG;
		return;
	}
	memmove(&a->u[at + 1], &a->u[at], (a->n - at) * sizeof(a->u[0]));
	a->u[at] = u;
	a->n++;
}

/* ---- users -------------------------------------------------------------- */

static void user(struct making *k, unsigned int certifier, unsigned int s,
		 const struct kr_matrix_item *x,
		 const struct kr_matrix_item *y)
{
	const struct kr_matrix *m = k->m;
	struct kr_universe *u = begin(k, k->a->users, 2, 2, KR_ATTR_ALL);

	if (!u) {
		k->r = -ENOMEM;
		return;
	}
	who(u, 0, &m->who[certifier]);
	who(u, 1, &m->who[s]);
	item(u, 0, x);
	item(u, 1, y);
	kr_system_set(u->first, 0, 0, 0, x->rights[certifier]);
	kr_system_set(u->first, 0, 1, 0, y->rights[certifier]);
	kr_system_set(u->first, 1, 0, 0, x->rights[s]);
	kr_system_set(u->first, 1, 1, 0, y->rights[s]);
	add(k, u);
}

static void users(struct making *k, unsigned int certifier, unsigned int s)
{
	const struct kr_matrix *m = k->m;

	for (unsigned int x = 0; x < m->n_items; x++)
		for (unsigned int y = x + 1; y < m->n_items && !k->r; y++)
			user(k, certifier, s, &m->item[x], &m->item[y]);
}

/* ---- hosts -------------------------------------------------------------- */

static bool is_host(const struct kr_matrix_who *w)
{
	return !strncmp(w->name, "host:", 5);
}

static void hosts(struct making *k, unsigned int certifier, unsigned int a,
		  unsigned int b, const struct kr_matrix_item *vm)
{
	const struct kr_matrix *m = k->m;
	struct kr_universe *u = begin(k, k->a->hosts, 5, 1, RAE);

	if (!u) {
		k->r = -ENOMEM;
		return;
	}
	who(u, 0, &m->who[a]);
	who(u, 1, &m->who[b]);
	u->first->subjects[0].host = u->first->subjects[1].host = true;
	subject(u, 2, "agent-of-it", vm->c)->serves = 0;
	subject(u, 3, "agent-of-the-other", vm->c)->serves = 1;
	who(u, 4, &m->who[certifier]);
	item(u, 0, vm)->vm = true;
	kr_system_set(u->first, 0, 0, KR_ATTR_EXECUTE, KR_ATTR_EXECUTE);
	add(k, u);
}

/* Is there a host that may have it? */
static bool homeless(const struct kr_matrix *m,
		     const struct kr_matrix_item *vm)
{
	for (unsigned int i = 0; i < m->n_who; i++)
		if (is_host(&m->who[i]) &&
		    kr_class_at_least(m->who[i].c, vm->c))
			return false;
	return true;
}

/* A VM is at a host that may have it; if none may, wherever it is. */
static void vm(struct making *k, unsigned int certifier,
	       const struct kr_matrix_item *vm)
{
	const struct kr_matrix *m = k->m;

	for (unsigned int a = 0; a < m->n_who; a++) {
		if (!is_host(&m->who[a]) ||
		    (!kr_class_at_least(m->who[a].c, vm->c) &&
		     !homeless(m, vm)))
			continue;
		for (unsigned int b = 0; b < m->n_who && !k->r; b++)
			if (b != a && is_host(&m->who[b]))
				hosts(k, certifier, a, b, vm);
	}
}

/* ---- all ---------------------------------------------------------------- */

static void cut(struct making *k)
{
	const struct kr_matrix *m = k->m;

	for (unsigned int c = 0; c < m->n_who; c++) {
		if (!m->who[c].certifier)
			continue;
		for (unsigned int s = 0; s < m->n_who; s++)
			if (s != c)
				users(k, c, s);
		for (unsigned int i = 0; i < m->n_items; i++)
			if (m->item[i].kind == KR_ITEM_VM)
				vm(k, c, &m->item[i]);
	}
}

struct kr_abstraction *kr_abstraction_new(const struct kr_book *b)
{
	KR_AUTOFREE struct kr_matrix *m = kr_matrix_new(b);
	struct kr_abstraction *a = calloc(1, sizeof(*a));
	struct making k = { a, m, 0 };

	if (a && m) {
		snprintf(a->users, sizeof(a->users), "%s/users", b->name);
		snprintf(a->hosts, sizeof(a->hosts), "%s/hosts", b->name);
		cut(&k);
		if (!k.r)
			return a;
	}
	kr_abstraction_free(a);
	return NULL;
}

void kr_abstraction_free(struct kr_abstraction *a)
{
	if (!a)
		return;
	for (unsigned int i = 0; i < a->n; i++)
		kr_universe_free(a->u[i]);
	free(a);
}
