/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_refine.c - each edge of the hand-over is a way of requests that the
 * rules of the access model allow, and ends in what its state stands for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "policy/refine.h"

static const struct kr_refine_classes equal = {
	{ KR_LEVEL_TRUSTED_AGENT, 1 }, { KR_LEVEL_TRUSTED_AGENT, 1 },
	{ KR_LEVEL_USER_AGENT, 1 },
};

static void follow(enum kr_state from, enum kr_event ev, enum kr_state to)
{
	struct kr_ask asks[KR_REFINE_ASKS_MAX];
	unsigned int n = kr_refine_asks(from, to, asks);
	struct kr_system *t = kr_refine_system(from, &equal);
	struct kr_system *u = kr_refine_system(to, &equal);

	for (unsigned int i = 0; i < n; i++) {
		struct kr_decision d = kr_decide(&kr_rules, t, &asks[i]);

		if (d.answer != KR_YES)
			print_message("%s + %s -> %s: %s: %s\n",
				      kr_state_name(from), kr_event_name(ev),
				      kr_state_name(to),
				      kr_ask_name(asks[i].kind),
				      kr_answer_name(d.answer));
		assert_int_equal(d.answer, KR_YES);
		kr_apply(t, &asks[i], &d);
	}
	assert_true(kr_refine_same(t, u));
	assert_int_equal(kr_refine_decide(from, to, &equal).answer, KR_YES);
	kr_system_free(t);
	kr_system_free(u);
}

static void each_edge(void **state)
{
	unsigned int n = 0;

	(void)state;
	for (int s = KR_ILLEGAL + 1; s < KR_STATE_N; s++)
		for (int ev = 0; ev < KR_EVENT_N; ev++) {
			const struct kr_edge *x = &kr_handover[s][ev];

			if (x->to == KR_ILLEGAL)
				continue;
			follow((enum kr_state)s, (enum kr_event)ev, x->to);
			n++;
		}
	assert_true(n > 80);
}

static void each_state_is_secure(void **state)
{
	(void)state;
	for (int s = KR_ILLEGAL + 1; s < KR_STATE_N; s++) {
		struct kr_system *t = kr_refine_system((enum kr_state)s,
						       &equal);
		struct kr_violation v;

		for (int p = 0; p < KR_PROPERTY_N; p++)
			if (!kr_system_holds(t, (enum kr_property)p, &v))
				fail_msg("%s: %s", kr_state_name(
					 (enum kr_state)s), kr_property_name(
					 (enum kr_property)p));
		kr_system_free(t);
	}
}

/* Edges that the table has not, and that would break the law. */
static void other_edges(void **state)
{
	static const struct { enum kr_state from, to; } rows[] = {
		{ KR_S_SEAL, KR_S_OWNED },	/* not released */
		{ KR_S_OWNED, KR_S_UNDONE },	/* two owners */
		{ KR_S_STREAM, KR_S_UNDONE },
		{ KR_T_RAN, KR_T_UNDONE },
		{ KR_S_DONE, KR_S_UNDONE },
		{ KR_T_DONE, KR_T_DISOWNED },
		{ KR_S_DONE, KR_S_COPY },	/* it is not its any more */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum kr_answer a = kr_refine_decide(rows[i].from, rows[i].to,
						    &equal).answer;
		/* the way from SEAL to OWNED is the whole way */
		if (rows[i].from == KR_S_SEAL)
			assert_int_equal(a, KR_YES);
		else
			assert_int_not_equal(a, KR_YES);
	}
}

/* A host that is of another tenant's does not get it. */
static void classes_count(void **state)
{
	struct kr_refine_classes c = equal;
	struct kr_decision d;

	(void)state;
	c.target.categories = 2;
	d = kr_refine_decide(KR_S_PREPARE, KR_S_OFFER, &c);
	assert_int_equal(d.answer, KR_NO);
	assert_int_equal(d.failed, 1u << KR_COND_DESTINATION);
	c.target.categories = 3;
	d = kr_refine_decide(KR_S_PREPARE, KR_S_OFFER, &c);
	assert_int_equal(d.answer, KR_YES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_edge),
		cmocka_unit_test(each_state_is_secure),
		cmocka_unit_test(other_edges),
		cmocka_unit_test(classes_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
