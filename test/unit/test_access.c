/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_access.c - every order that kororad gives an agent, what it does with
 * a VM's state, and the states of the hand-over in which a rule admits that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "hyper/hyper_msg.h"
#include "plane/plane_msg.h"
#include "policy/access.h"

static const struct kr_refine_classes equal = {
	{ KR_LEVEL_TRUSTED_AGENT, 1 }, { KR_LEVEL_TRUSTED_AGENT, 1 },
	{ KR_LEVEL_USER_AGENT, 1 },
};

static bool may(enum kr_access a, enum kr_state s)
{
	return kr_access_decide(a, s, &equal).answer == KR_YES;
}

/* From S_COPY and T_LOAD on, until the VM's migration is over. */
static bool flows(enum kr_state s)
{
	return s == KR_S_COPY || s == KR_S_FREEZE || s == KR_S_SEAL ||
	       s == KR_S_RELEASED || s == KR_S_STREAM || s == KR_S_OWNED ||
	       s == KR_T_LOAD || s == KR_T_PREPARED || s == KR_T_OWNER ||
	       s == KR_T_FETCH || s == KR_T_RAN;
}

/* It does already, or may begin to. */
static bool runs(enum kr_state s)
{
	return s == KR_S_NEW || s == KR_S_PREPARE || s == KR_S_OFFER ||
	       s == KR_S_COPY || s == KR_S_UNDONE || s == KR_T_OWNER ||
	       s == KR_T_FETCH || s == KR_T_RAN || s == KR_T_DONE;
}

static void in_each_state(void **state)
{
	(void)state;
	for (int i = KR_ILLEGAL + 1; i < KR_STATE_N; i++) {
		enum kr_state s = (enum kr_state)i;
		bool source = kr_state_side(s) == KR_SOURCE;

		assert_true(may(KR_ACCESS_NOTHING, s));
		assert_int_equal(may(KR_ACCESS_FLOWS, s), flows(s));
		assert_int_equal(may(KR_ACCESS_READS, s), source && flows(s));
		assert_int_equal(may(KR_ACCESS_APPENDS, s),
				 !source && flows(s));
		if (may(KR_ACCESS_RUNS, s) != runs(s))
			fail_msg("%s", kr_state_name(s));
		assert_int_equal(may(KR_ACCESS_STOPS, s), runs(s));
		assert_int_equal(may(KR_ACCESS_RETURNS, s), source && runs(s));
	}
}

/* Without the VM's category, or below it, a host does nothing with the VM that
 * it has not begun: it ends what it has, and goes on behind the release. */
static void class_of_its_host_counts(void **state)
{
	static const struct kr_class others[] = {
		{ KR_LEVEL_TRUSTED_AGENT, 0 }, { KR_LEVEL_TRUSTED_AGENT, 2 },
		{ KR_LEVEL_NONE, 3 },
	};
	static const struct { enum kr_access a; enum kr_state s; } no[] = {
		{ KR_ACCESS_RUNS, KR_S_NEW },
		{ KR_ACCESS_READS, KR_S_COPY }, { KR_ACCESS_FLOWS, KR_S_COPY },
		{ KR_ACCESS_READS, KR_S_FREEZE },
		{ KR_ACCESS_APPENDS, KR_T_LOAD },
		{ KR_ACCESS_FLOWS, KR_T_LOAD },
	}, yes[] = {
		{ KR_ACCESS_NOTHING, KR_S_NEW }, { KR_ACCESS_STOPS, KR_S_NEW },
		{ KR_ACCESS_STOPS, KR_S_COPY },
		{ KR_ACCESS_RETURNS, KR_S_COPY },
		{ KR_ACCESS_RETURNS, KR_S_UNDONE },
		{ KR_ACCESS_RUNS, KR_S_UNDONE },
		{ KR_ACCESS_READS, KR_S_STREAM },
		{ KR_ACCESS_APPENDS, KR_T_FETCH },
		{ KR_ACCESS_RUNS, KR_T_OWNER },
	};

	(void)state;
	for (size_t h = 0; h < sizeof(others) / sizeof(others[0]); h++) {
		struct kr_refine_classes c = equal;

		c.source = c.target = others[h];
		for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
			struct kr_decision d = kr_access_decide(no[i].a,
								no[i].s, &c);

			assert_true(may(no[i].a, no[i].s));
			assert_int_equal(d.answer, KR_NO);
			assert_int_equal(d.failed, 1u << KR_COND_NO_WRITE_UP);
		}
		for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
			assert_int_equal(kr_access_decide(yes[i].a, yes[i].s,
							  &c).answer, KR_YES);
	}
}

/* It takes in and runs what could be offered to it, and nothing else. */
static void as_offers_are_decided(void **state)
{
	(void)state;
	for (int level = KR_LEVEL_NONE; level < KR_LEVEL_N; level++)
		for (uint64_t of = 0; of < 4; of++) {
			struct kr_refine_classes c = {
				{ (enum kr_level)level, of },
				{ (enum kr_level)level, of },
				{ KR_LEVEL_IDENTITY, 1 } };
			enum kr_answer a = kr_refine_decide(
				KR_S_PREPARE, KR_S_OFFER, &c).answer;

			assert_int_equal(a, kr_access_decide(
				KR_ACCESS_RUNS, KR_S_NEW, &c).answer);
			assert_int_equal(a, kr_access_decide(
				KR_ACCESS_APPENDS, KR_T_LOAD, &c).answer);
		}
}

/* Of a page cache, an agent's class is its VM's. */
static void classes_count(void **state)
{
	const struct kr_class high = { KR_LEVEL_TRUSTED_AGENT, 1 };
	const struct kr_class low = { KR_LEVEL_USER_AGENT, 1 };
	const struct kr_class other = { KR_LEVEL_USER_AGENT, 2 };
	struct kr_decision d;

	(void)state;
	assert_int_equal(kr_access_uses(low, low, true).answer, KR_YES);
	d = kr_access_uses(high, low, true);
	assert_int_equal(d.answer, KR_NO);
	assert_int_equal(d.failed, 1u << KR_COND_NO_READ_DOWN);
	d = kr_access_uses(low, high, true);
	assert_int_equal(d.answer, KR_NO);
	assert_int_equal(d.failed, 1u << KR_COND_NO_WRITE_UP);
	d = kr_access_uses(low, other, true);
	assert_int_equal(d.answer, KR_NO);
}

/* What is said to either agent; one without an access does not compile. */
static const struct order {
	const char    *name;
	enum kr_access access;
} orders[] = {
#define X(name, access) { "hyper " #name, KR_ACCESS_##access },
	KR_HYPER_COMMANDS(X)
#undef X
#define X(name, number, access) { "plane " #name, KR_ACCESS_##access },
	KR_PLANE_ORDERS(X)
#undef X
};
#define N_ORDERS	(sizeof(orders) / sizeof(orders[0]))

/* Each that does something is admitted by a rule in some state, and refused
 * in another; by the rule of that access. */
static void each_order_has_its_rule(void **state)
{
	static const char *const rules[KR_ACCESS_N][2] = {
		[KR_ACCESS_READS]   = { "get-read" },
		[KR_ACCESS_APPENDS] = { "get-append" },
		[KR_ACCESS_FLOWS]   = { "get-read", "get-append" },
		[KR_ACCESS_RUNS]    = { "run" },
		[KR_ACCESS_STOPS]   = { "release" },
		[KR_ACCESS_RETURNS] = { "run" },
	};
	unsigned int n_done = 0;

	(void)state;
	assert_int_equal(N_ORDERS, KR_HYPER_COMMAND_END_ - KR_HYPER_OPEN +
			 KR_PLANE_MEND - KR_PLANE_START + 1);
	for (size_t i = 0; i < N_ORDERS; i++) {
		const struct order *o = &orders[i];
		unsigned int n_yes = 0, n_no = 0;

		for (int s = KR_ILLEGAL + 1; s < KR_STATE_N; s++) {
			struct kr_decision d = kr_access_decide(
				o->access, (enum kr_state)s, &equal);
			const char *const *r = rules[o->access];

			n_yes += d.answer == KR_YES;
			n_no += d.answer != KR_YES;
			assert_int_not_equal(d.answer, KR_ERROR);
			if (d.rule && strcmp(d.rule->name, r[0]) &&
			    (!r[1] || strcmp(d.rule->name, r[1])))
				fail_msg("%s by %s", o->name, d.rule->name);
		}
		print_message("%-14s %s\n", o->name,
			      kr_access_text(o->access));
		assert_int_equal(n_no != 0, o->access != KR_ACCESS_NOTHING);
		assert_true(n_yes);
		n_done += o->access != KR_ACCESS_NOTHING;
	}
	assert_int_equal(n_done, 14);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_each_state),
		cmocka_unit_test(class_of_its_host_counts),
		cmocka_unit_test(as_offers_are_decided),
		cmocka_unit_test(classes_count),
		cmocka_unit_test(each_order_has_its_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
