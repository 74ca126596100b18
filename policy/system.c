/* SPDX-License-Identifier: Apache-2.0 */
/* system.c - the state of the access model, and when it is secure. Pure. */
#include "policy/system.h"

#include <stdlib.h>
#include <string.h>

#define OBSERVES	(KR_ATTR_READ | KR_ATTR_WRITE)
#define MODIFIES	(KR_ATTR_WRITE | KR_ATTR_APPEND)

struct kr_system *kr_system_new(unsigned int n_subjects,
				unsigned int n_objects)
{
	struct kr_system *t;

	if (n_subjects > KR_SUBJECTS_MAX || n_objects > KR_OBJECTS_MAX ||
	    (size_t)n_subjects * n_objects > KR_CELLS_MAX)
		return NULL;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->n_subjects = n_subjects;
	t->n_objects = n_objects;
	t->subjects = calloc(n_subjects + 1, sizeof(t->subjects[0]));
	t->objects = calloc(n_objects + 1, sizeof(t->objects[0]));
	t->cells = calloc((size_t)n_subjects * n_objects + 1, 1);
	if (!t->subjects || !t->objects || !t->cells) {
		kr_system_free(t);
		return NULL;
	}
	for (unsigned int s = 0; s < n_subjects; s++)
		t->subjects[s].serves = KR_NOBODY;
	for (unsigned int o = 0; o < n_objects; o++)
		t->objects[o].parent = t->objects[o].from =
			t->objects[o].to = KR_NOBODY;
	return t;
}

struct kr_system *kr_system_copy(const struct kr_system *t)
{
	struct kr_system *u = kr_system_new(t->n_subjects, t->n_objects);

	if (!u)
		return NULL;
	memcpy(u->subjects, t->subjects,
	       t->n_subjects * sizeof(t->subjects[0]));
	memcpy(u->objects, t->objects, t->n_objects * sizeof(t->objects[0]));
	memcpy(u->cells, t->cells, (size_t)t->n_subjects * t->n_objects);
	return u;
}

void kr_system_free(struct kr_system *t)
{
	if (!t)
		return;
	free(t->subjects);
	free(t->objects);
	free(t->cells);
	free(t);
}

static uint8_t *cell(const struct kr_system *t, unsigned int s,
		     unsigned int o)
{
	return &t->cells[(size_t)s * t->n_objects + o];
}

unsigned int kr_system_has(const struct kr_system *t, unsigned int s,
			   unsigned int o)
{
	return *cell(t, s, o) & KR_ATTR_ALL;
}

unsigned int kr_system_may(const struct kr_system *t, unsigned int s,
			   unsigned int o)
{
	return *cell(t, s, o) >> 4;
}

void kr_system_set(struct kr_system *t, unsigned int s, unsigned int o,
		   unsigned int has, unsigned int may)
{
	*cell(t, s, o) = (uint8_t)((has & KR_ATTR_ALL) | may << 4);
}

bool kr_system_below(const struct kr_system *t, unsigned int o,
		     unsigned int top)
{
	/* as many steps as there are objects: no circle is endless */
	for (unsigned int i = 0; i <= t->n_objects && o != KR_NOBODY; i++) {
		if (o == top)
			return true;
		o = t->objects[o].parent;
	}
	return false;
}

bool kr_system_hosts(const struct kr_system *t, unsigned int s,
		     unsigned int o)
{
	return t->objects[o].vm && t->objects[o].there &&
	       (kr_system_may(t, s, o) & KR_ATTR_EXECUTE ||
		t->objects[o].from == s || t->objects[o].to == s);
}

/* ---- properties -------------------------------------------------------- */

static bool simple(const struct kr_system *t, struct kr_violation *v)
{
	for (v->subject = 0; v->subject < t->n_subjects; v->subject++)
		for (v->object = 0; v->object < t->n_objects; v->object++) {
			unsigned int has = kr_system_has(t, v->subject,
							 v->object);
			struct kr_class s = t->subjects[v->subject].c;
			struct kr_class o = t->objects[v->object].c;

			if ((has & OBSERVES && !kr_class_at_least(o, s)) ||
			    (has & MODIFIES && !kr_class_at_least(s, o)))
				return false;
		}
	return true;
}

/* What a subject observes is no lower than what it modifies. */
static bool star(const struct kr_system *t, struct kr_violation *v)
{
	for (v->subject = 0; v->subject < t->n_subjects; v->subject++)
		for (v->object = 0; v->object < t->n_objects; v->object++) {
			if (!(kr_system_has(t, v->subject, v->object) &
			      OBSERVES))
				continue;
			for (v->other = 0; v->other < t->n_objects; v->other++)
				if (kr_system_has(t, v->subject, v->other) &
				    MODIFIES &&
				    !kr_class_at_least(
					    t->objects[v->object].c,
					    t->objects[v->other].c))
					return false;
		}
	return true;
}

static bool discretionary(const struct kr_system *t, struct kr_violation *v)
{
	for (v->subject = 0; v->subject < t->n_subjects; v->subject++)
		for (v->object = 0; v->object < t->n_objects; v->object++)
			if (kr_system_has(t, v->subject, v->object) &
			    ~kr_system_may(t, v->subject, v->object))
				return false;
	return true;
}

static bool compatible(const struct kr_system *t, struct kr_violation *v)
{
	for (v->object = 0; v->object < t->n_objects; v->object++) {
		v->other = t->objects[v->object].parent;
		if (t->objects[v->object].there && v->other != KR_NOBODY &&
		    !(t->objects[v->other].there &&
		      kr_class_at_least(t->objects[v->other].c,
					t->objects[v->object].c)))
			return false;
	}
	return true;
}

/* One host may run it; nobody, while it is released and not owned yet. */
static bool one_owner(const struct kr_system *t, struct kr_violation *v)
{
	for (v->object = 0; v->object < t->n_objects; v->object++) {
		const struct kr_object *o = &t->objects[v->object];
		unsigned int may = 0, has = 0;

		if (!o->vm || !o->there)
			continue;
		for (unsigned int s = 0; s < t->n_subjects; s++) {
			bool runs = kr_system_has(t, s, v->object) &
				    KR_ATTR_EXECUTE;
			bool owns = kr_system_may(t, s, v->object) &
				    KR_ATTR_EXECUTE;

			if (runs || owns)
				v->subject = s;
			has += runs;
			may += owns;
		}
		if (has > may || may != (o->stage != KR_STAGE_RELEASED))
			return false;
	}
	return true;
}

static bool hosted(const struct kr_system *t, struct kr_violation *v)
{
	for (v->object = 0; v->object < t->n_objects; v->object++)
		for (v->subject = 0; v->subject < t->n_subjects; v->subject++)
			if (kr_system_hosts(t, v->subject, v->object) &&
			    !kr_class_at_least(
				    t->subjects[v->subject].c,
				    t->objects[v->object].c))
				return false;
	return true;
}

static const struct {
	const char *name;
	bool	  (*holds)(const struct kr_system *t, struct kr_violation *v);
} properties[KR_PROPERTY_N] = {
	[KR_PROPERTY_SSP]	    = { "simple security", simple },
	[KR_PROPERTY_STAR]	    = { "star", star },
	[KR_PROPERTY_DISCRETIONARY] = { "discretionary security",
					discretionary },
	[KR_PROPERTY_COMPATIBLE]    = { "compatibility", compatible },
	[KR_PROPERTY_ONE_OWNER]	    = { "one owner", one_owner },
	[KR_PROPERTY_HOSTED]	    = { "no VM above its host", hosted },
};

bool kr_system_holds(const struct kr_system *t, enum kr_property p,
		     struct kr_violation *ret_v)
{
	*ret_v = (struct kr_violation){ KR_NOBODY, KR_NOBODY, KR_NOBODY };
	return properties[p].holds(t, ret_v);
}

const char *kr_property_name(enum kr_property p)
{
	return properties[p].name;
}
