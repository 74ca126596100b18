/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statekey.c - a byte for each subject's class, five for each object, one
 * for each cell of both matrices. A number of 255 is KR_NOBODY.
 */
#include "model/statekey.h"

#include <string.h>

#define OBJECT_BYTES	5u

size_t kr_statekey_bytes(const struct kr_universe *u)
{
	const struct kr_system *t = u->first;

	return t->n_subjects + (size_t)t->n_objects * OBJECT_BYTES +
	       (size_t)t->n_subjects * t->n_objects;
}

static bool put_class(const struct kr_universe *u, struct kr_class c,
		      uint8_t *ret_p)
{
	for (unsigned int i = 0; i < u->n_classes; i++)
		if (kr_class_same(u->classes[i], c)) {
			*ret_p = (uint8_t)i;
			return true;
		}
	return false;
}

bool kr_statekey_put(const struct kr_universe *u, const struct kr_system *t,
		     uint8_t *ret_key)
{
	uint8_t *p = ret_key;

	for (unsigned int s = 0; s < t->n_subjects; s++)
		if (!put_class(u, t->subjects[s].c, p++))
			return false;
	for (unsigned int o = 0; o < t->n_objects; o++) {
		const struct kr_object *x = &t->objects[o];

		if (!put_class(u, x->c, p++))
			return false;
		*p++ = (uint8_t)x->parent;
		*p++ = (uint8_t)(x->stage << 1 | x->there);
		*p++ = (uint8_t)x->from;
		*p++ = (uint8_t)x->to;
	}
	memcpy(p, t->cells, (size_t)t->n_subjects * t->n_objects);
	return true;
}

static uint16_t get_number(uint8_t b)
{
	return b == (uint8_t)KR_NOBODY ? KR_NOBODY : b;
}

void kr_statekey_get(const struct kr_universe *u, const uint8_t *key,
		     struct kr_system *t)
{
	for (unsigned int s = 0; s < t->n_subjects; s++)
		t->subjects[s].c = u->classes[*key++];
	for (unsigned int o = 0; o < t->n_objects; o++) {
		struct kr_object *x = &t->objects[o];

		x->c = u->classes[*key++];
		x->parent = get_number(*key++);
		x->there = *key & 1;
		x->stage = *key++ >> 1;
		x->from = get_number(*key++);
		x->to = get_number(*key++);
	}
	memcpy(t->cells, key, (size_t)t->n_subjects * t->n_objects);
}
