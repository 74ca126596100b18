/* SPDX-License-Identifier: Apache-2.0 */
/* effect.c - what a yes makes of the state. Pure. */
#include "policy/effect.h"

#define RWA	(KR_ATTR_READ | KR_ATTR_WRITE | KR_ATTR_APPEND)

static void change(struct kr_system *t, unsigned int s, unsigned int o,
		   unsigned int has_off, unsigned int has_on,
		   unsigned int may_off, unsigned int may_on)
{
	kr_system_set(t, s, o, (kr_system_has(t, s, o) & ~has_off) | has_on,
		      (kr_system_may(t, s, o) & ~may_off) | may_on);
}

void kr_effect_get(struct kr_system *t, const struct kr_ask *q)
{
	change(t, q->by, q->object, 0, q->attr, 0, 0);
}

void kr_effect_release(struct kr_system *t, const struct kr_ask *q)
{
	change(t, q->by, q->object, q->attr, 0, 0, 0);
}

void kr_effect_give(struct kr_system *t, const struct kr_ask *q)
{
	change(t, q->to, q->object, 0, 0, 0, q->attr);
}

void kr_effect_rescind(struct kr_system *t, const struct kr_ask *q)
{
	change(t, q->to, q->object, q->attr, 0, q->attr, 0);
}

void kr_effect_create(struct kr_system *t, const struct kr_ask *q)
{
	struct kr_object *o = &t->objects[q->object];

	o->there = true;
	o->parent = q->parent;
	o->c = q->c;
	change(t, q->by, q->object, 0, 0, KR_ATTR_ALL,
	       o->vm ? KR_ATTR_EXECUTE : RWA);
}

void kr_effect_delete(struct kr_system *t, const struct kr_ask *q)
{
	for (unsigned int o = 0; o < t->n_objects; o++) {
		if (!t->objects[o].there || o == q->object ||
		    !kr_system_below(t, o, q->object))
			continue;
		t->objects[o].there = false;
		for (unsigned int s = 0; s < t->n_subjects; s++)
			kr_system_set(t, s, o, 0, 0);
	}
	t->objects[q->object].there = false;
	for (unsigned int s = 0; s < t->n_subjects; s++)
		kr_system_set(t, s, q->object, 0, 0);
}

void kr_effect_subject_level(struct kr_system *t, const struct kr_ask *q)
{
	t->subjects[q->to].c = q->c;
}

void kr_effect_object_level(struct kr_system *t, const struct kr_ask *q)
{
	t->objects[q->object].c = q->c;
}

static void stage(struct kr_system *t, const struct kr_ask *q,
		  enum kr_stage to)
{
	t->objects[q->object].stage = (uint8_t)to;
}

void kr_effect_offer(struct kr_system *t, const struct kr_ask *q)
{
	t->objects[q->object].from = q->by;
	t->objects[q->object].to = q->to;
	stage(t, q, KR_STAGE_OFFERED);
}

void kr_effect_accept(struct kr_system *t, const struct kr_ask *q)
{
	stage(t, q, KR_STAGE_ACCEPTED);
}

/* The rights that agents of @host have, to a VM that is being moved. */
static void agents(struct kr_system *t, const struct kr_ask *q,
		   unsigned int of, unsigned int off, unsigned int on)
{
	for (unsigned int s = 0; s < t->n_subjects; s++)
		if (t->subjects[s].serves == of)
			change(t, s, q->object, off, 0, off, on);
}

void kr_effect_transfer(struct kr_system *t, const struct kr_ask *q)
{
	agents(t, q, t->objects[q->object].from, 0, KR_ATTR_READ);
	agents(t, q, t->objects[q->object].to, 0, KR_ATTR_APPEND);
	stage(t, q, KR_STAGE_FLOWING);
}

void kr_effect_freeze(struct kr_system *t, const struct kr_ask *q)
{
	change(t, q->by, q->object, KR_ATTR_EXECUTE, 0, 0, 0);
	stage(t, q, KR_STAGE_FROZEN);
}

void kr_effect_release_ownership(struct kr_system *t, const struct kr_ask *q)
{
	change(t, q->by, q->object, KR_ATTR_EXECUTE, 0, KR_ATTR_EXECUTE, 0);
	stage(t, q, KR_STAGE_RELEASED);
}

void kr_effect_own(struct kr_system *t, const struct kr_ask *q)
{
	change(t, q->by, q->object, 0, KR_ATTR_EXECUTE, 0, KR_ATTR_EXECUTE);
	stage(t, q, KR_STAGE_OWNED);
}

static void settle(struct kr_system *t, const struct kr_ask *q)
{
	struct kr_object *o = &t->objects[q->object];

	agents(t, q, o->from, KR_ATTR_ALL, 0);
	agents(t, q, o->to, KR_ATTR_ALL, 0);
	o->from = o->to = KR_NOBODY;
	stage(t, q, KR_STAGE_REST);
}

void kr_effect_destroy(struct kr_system *t, const struct kr_ask *q)
{
	kr_system_set(t, q->by, q->object, 0, 0);
	settle(t, q);
}

/* The VM runs on where it was. */
void kr_effect_undo(struct kr_system *t, const struct kr_ask *q)
{
	if (t->objects[q->object].stage == KR_STAGE_FROZEN)
		change(t, q->by, q->object, 0, KR_ATTR_EXECUTE, 0, 0);
	settle(t, q);
}

/* It never runs there; the source may run it again, and does when it hears. */
void kr_effect_disown(struct kr_system *t, const struct kr_ask *q)
{
	unsigned int from = t->objects[q->object].from;

	change(t, from, q->object, 0, 0, 0, KR_ATTR_EXECUTE);
	settle(t, q);
}
