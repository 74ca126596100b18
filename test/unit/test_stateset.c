/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_stateset.c - what explore's proof stands on: no two states are taken
 * for one, and none is forgotten.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "model/statekey.h"
#include "model/stateset.h"

/* Keys that differ in one byte, wherever it is, over many times growing. */
static void each_key_is_one_state(void **state)
{
	enum { BYTES = 21, N = 50000 };
	struct kr_stateset *x = kr_stateset_new(BYTES);
	uint8_t key[BYTES];
	bool is_new;

	(void)state;
	assert_non_null(x);
	for (int again = 0; again < 2; again++)
		for (uint32_t i = 0; i < N; i++) {
			memset(key, 0, sizeof(key));
			key[i % BYTES] = (uint8_t)(1 + i / BYTES % 255);
			key[(i + 5) % BYTES] ^= (uint8_t)
				(i / BYTES / 255 << 4);
			assert_int_equal(kr_stateset_add(x, key, &is_new), i);
			assert_int_equal(is_new, !again);
			assert_memory_equal(kr_stateset_key(x, i), key,
					    BYTES);
		}
	assert_int_equal(kr_stateset_count(x), N);
	kr_stateset_free(x);
}

static struct kr_universe *universe(void)
{
	struct kr_universe *u = kr_universe_new("classes");

	assert_non_null(u);
	assert_true(kr_statekey_bytes(u) <= KR_STATEKEY_BYTES_MAX);
	return u;
}

/* @t is another state than the first, and can be read back from its key. */
static void is_kept(const struct kr_universe *u, struct kr_system *t)
{
	uint8_t first[KR_STATEKEY_BYTES_MAX], key[KR_STATEKEY_BYTES_MAX];
	uint8_t again[KR_STATEKEY_BYTES_MAX];
	struct kr_system *back = kr_system_copy(u->first);
	size_t n = kr_statekey_bytes(u);

	assert_true(kr_statekey_put(u, u->first, first));
	assert_true(kr_statekey_put(u, t, key));
	assert_memory_not_equal(first, key, n);
	kr_statekey_get(u, key, back);
	assert_true(kr_statekey_put(u, back, again));
	assert_memory_equal(key, again, n);
	assert_memory_equal(back->cells, t->cells,
			    t->n_subjects * t->n_objects);
	for (unsigned int s = 0; s < t->n_subjects; s++)
		assert_true(kr_class_same(back->subjects[s].c,
					  t->subjects[s].c));
	for (unsigned int o = 0; o < t->n_objects; o++) {
		const struct kr_object *x = &t->objects[o];
		const struct kr_object *y = &back->objects[o];

		assert_true(kr_class_same(x->c, y->c));
		assert_true(x->parent == y->parent && x->there == y->there &&
			    x->stage == y->stage && x->from == y->from &&
			    x->to == y->to);
	}
	kr_system_free(back);
	kr_system_free(t);
}

static void whatever_changes_is_in_the_key(void **state)
{
	struct kr_universe *u = universe();
	struct kr_system *t;

	(void)state;
	for (unsigned int s = 0; s < u->first->n_subjects; s++) {
		for (unsigned int i = 0; i < u->n_classes; i++) {
			if (kr_class_same(u->first->subjects[s].c,
					  u->classes[i]))
				continue;
			t = kr_system_copy(u->first);
			t->subjects[s].c = u->classes[i];
			is_kept(u, t);
		}
		for (unsigned int bit = 0; bit < 8; bit++) {
			t = kr_system_copy(u->first);
			t->cells[s] ^= (uint8_t)(1u << bit);
			is_kept(u, t);
		}
	}
	for (unsigned int what = 0; what < 6; what++) {
		t = kr_system_copy(u->first);
		if (what == 0)
			t->objects[0].c = u->classes[0];
		else if (what == 1)
			t->objects[0].parent = 0;
		else if (what == 2)
			t->objects[0].there = false;
		else if (what == 3)
			t->objects[0].stage = KR_STAGE_OWNED;
		else if (what == 4)
			t->objects[0].from = 1;
		else
			t->objects[0].to = 2;
		is_kept(u, t);
	}
	kr_universe_free(u);
}

static void a_class_of_no_universe_has_no_key(void **state)
{
	struct kr_universe *u = universe();
	struct kr_system *t = kr_system_copy(u->first);
	uint8_t key[KR_STATEKEY_BYTES_MAX];

	(void)state;
	t->objects[0].c.level = KR_LEVEL_USER_AGENT;
	assert_false(kr_statekey_put(u, t, key));
	kr_system_free(t);
	kr_universe_free(u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_key_is_one_state),
		cmocka_unit_test(whatever_changes_is_in_the_key),
		cmocka_unit_test(a_class_of_no_universe_has_no_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
