/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_clarkwilson.c - each rule of Clark and Wilson: the shipped table of
 * procedures keeps it, and what breaks it is found, by that rule alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "policy/clarkwilson.h"

#define BIT(cdi)	(1u << KR_CDI_##cdi)
#define NO_CDI		(1u << KR_CDI_N)
#define RULE(name)	KR_CLARKWILSON_##name

static struct kr_words words(char **word)
{
	struct kr_words w = { word, 0 };

	while (word[w.n])
		w.n++;
	return w;
}

/* ---- what keeps all, to be spoilt --------------------------------------- */

static char *who[] = { "anna", "role:operate", NULL };
static char *may[] = { "migrate", NULL };
static char *on[] = { "vm:web*", NULL };
static char *to[] = { "b", NULL };
static char *approvers[] = { "role:approve", NULL };

static struct kr_triple good_triple(void)
{
	return (struct kr_triple){
		.name = "t", .file = "f", .line = 1, .who = words(who),
		.may = words(may), .on = words(on), .to = words(to),
		.approvals = 1, .approvers = words(approvers),
		.certified_by = "vera" };
}

static const struct kr_person rosa = { "rosa", { "approve" }, 1 };

static struct kr_execution good_execution(void)
{
	return (struct kr_execution){
		.by = { "anna", { NULL }, 0 },
		.procedure = kr_procedure(KR_TP_migrate), .item = "vm:web1",
		.to = "b", .approvers = &rosa, .n_approvers = 1 };
}

static const struct kr_procedure good_procedure = {
	.name = "p", .on = KR_ITEM_VM, .reads = BIT(DEFINITION),
	.transforms = BIT(RAM) | BIT(LOG) };

/* ---- how it is told ----------------------------------------------------- */

/* That rule, if any, and no other. */
static void only(int rule, const struct kr_procedure *p)
{
	for (int i = 0; i < KR_CLARKWILSON_N; i++)
		assert_int_equal(kr_clarkwilson_procedure(
				 (enum kr_clarkwilson)i, p), i != rule);
}

static void only_triple(int rule, const struct kr_triple *t, const char *says)
{
	for (int i = 0; i < KR_CLARKWILSON_N; i++) {
		const char *word, *why = kr_clarkwilson_triple(
			(enum kr_clarkwilson)i, t, &word);
		char all[200];

		if (i != rule) {
			assert_null(why);
			continue;
		}
		assert_non_null(why);
		snprintf(all, sizeof(all), "%s%s", why, word);
		assert_string_equal(all, says);
	}
}

static void only_execution(int rule, const struct kr_triple *t,
			   const struct kr_execution *x)
{
	for (int i = 0; i < KR_CLARKWILSON_N; i++)
		assert_int_equal(kr_clarkwilson_execution(
				 (enum kr_clarkwilson)i, t, x), i != rule);
}

static void what_is_good(void **state)
{
	struct kr_triple t = good_triple();
	struct kr_execution x = good_execution();
	const struct kr_procedure *p;

	(void)state;
	only(-1, &good_procedure);
	for (int tp = 0; (p = kr_procedure((enum kr_tp)tp)); tp++)
		only(-1, p);
	only_triple(-1, &t, NULL);
	only_execution(-1, &t, &x);
	for (int i = 0; i < KR_CLARKWILSON_N; i++)
		assert_true(kr_clarkwilson_says((enum kr_clarkwilson)i)[0]);
	assert_string_equal(kr_clarkwilson_name(RULE(C1)), "C1");
	assert_string_equal(kr_clarkwilson_name(RULE(E4)), "E4");
}

/* ---- each of them broken ------------------------------------------------ */

static void c1_of_what_is_not_verified(void **state)
{
	static const unsigned int none[] = { BIT(VTPM), BIT(CONTEXT), NO_CDI };

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		struct kr_procedure p = good_procedure;

		p.reads |= none[i];
		only(RULE(C1), &p);
		if (none[i] != NO_CDI)	/* no item is that */
			p.transforms |= none[i];
		only(RULE(C1), &p);
	}
}

static void c2_of_nothing_and_by_nobody(void **state)
{
	struct kr_procedure p = { .name = "p", .on = KR_ITEM_VM };
	struct kr_triple t = good_triple();

	(void)state;
	only(RULE(C2), &p);
	t.certified_by = "";
	only_triple(RULE(C2), &t, "has no key 'certified_by'");
}

static void c3_duties_are_one(void **state)
{
	static const struct kr_person same[] = {
		{ "anna", { "approve" }, 1 }, { "vera", { "approve" }, 1 },
		{ "otto", { "operate" }, 1 },
	};
	static char *certifier[] = { "role:approve", "vera", NULL };
	struct kr_triple t = good_triple();
	struct kr_execution x = good_execution();

	(void)state;
	t.approvers.n = 0;
	only_triple(RULE(C3), &t, "has no key 'approvers'");
	t.approvers = words(certifier);
	only_triple(RULE(C3), &t, "is approved by who certified it: vera");
	t = good_triple();
	x.approvers = same;
	x.n_approvers = 3;
	assert_int_equal(kr_clarkwilson_approved(&t, &x), 0);
	only_execution(RULE(C3), &t, &x);
}

static void c4_not_logged(void **state)
{
	struct kr_procedure p = good_procedure;

	(void)state;
	p.transforms = BIT(RAM);
	only(RULE(C4), &p);
	p.transforms = 0;
	only(-1, &p);
}

static void c5_made_and_not_verified(void **state)
{
	struct kr_procedure p = good_procedure;

	(void)state;
	p.transforms |= BIT(VTPM);
	for (int i = 0; i < KR_CLARKWILSON_N; i++)
		assert_int_equal(
			kr_clarkwilson_procedure((enum kr_clarkwilson)i, &p),
			i != RULE(C1) && i != RULE(C5));
}

static void e1_not_what_its_items_are(void **state)
{
	static char *fly[] = { "migrate", "fly", NULL };
	struct kr_procedure p = good_procedure;
	struct kr_triple t = good_triple();

	(void)state;
	p.transforms |= BIT(HOSTS);
	only(RULE(E1), &p);
	t.on.n = 0;
	only_triple(RULE(E1), &t, "has no key 'on'");
	t.may = words(fly);
	t.on = words(on);
	only_triple(RULE(E1), &t, "may use what is no procedure: fly");
}

static void e2_no_triple(void **state)
{
	static char *others[] = { "paul", NULL };
	struct kr_triple t = good_triple();
	struct kr_execution x = good_execution();

	(void)state;
	x.to = "c";
	only_execution(RULE(E2), &t, &x);
	x = good_execution();
	x.item = "vm:db";
	only_execution(RULE(E2), &t, &x);
	x = good_execution();
	x.procedure = kr_procedure(KR_TP_cancel);
	only_execution(RULE(E2), &t, &x);
	t.who = words(others);
	x = good_execution();
	only_execution(RULE(E2), &t, &x);
	assert_false(kr_clarkwilson_execution(RULE(E2), NULL, &x));
	t.who.n = 0;
	only_triple(RULE(E2), &t, "has no key 'who'");
}

static void e3_nobody_and_open(void **state)
{
	struct kr_procedure p = good_procedure;
	struct kr_triple t = good_triple();
	struct kr_execution x = good_execution();

	(void)state;
	p.open = true;
	only(RULE(E3), &p);
	x.by = (struct kr_person){ "", { "operate" }, 1 };
	only_execution(RULE(E3), &t, &x);
}

static void e4_the_certifier_executes(void **state)
{
	static char *certifier[] = { "anna", "vera", NULL };
	struct kr_triple t = good_triple();
	struct kr_execution x = good_execution();

	(void)state;
	x.by = (struct kr_person){ "vera", { "operate" }, 1 };
	only_execution(RULE(E4), &t, &x);
	t.who = words(certifier);
	only_triple(RULE(E4), &t, "is executed by who certified it: vera");
}

/* A refusal names its rule; that of a tenant's item is by none of these. */
static void refusals(void **state)
{
	(void)state;
	assert_string_equal(kr_clarkwilson_of(KR_REASON_NO_TRIPLE), "E2");
	assert_string_equal(kr_clarkwilson_of(KR_REASON_DESTINATION), "E2");
	assert_string_equal(kr_clarkwilson_of(KR_REASON_TWO_TRIPLES), "E2");
	assert_string_equal(kr_clarkwilson_of(KR_REASON_APPROVALS), "C3");
	assert_string_equal(kr_clarkwilson_of(KR_REASON_CERTIFIER), "E4");
	assert_string_equal(kr_clarkwilson_of(KR_REASON_NOBODY), "E3");
	assert_null(kr_clarkwilson_of(KR_REASON_TENANT));
	assert_null(kr_clarkwilson_of(KR_REASON_NONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_good),
		cmocka_unit_test(c1_of_what_is_not_verified),
		cmocka_unit_test(c2_of_nothing_and_by_nobody),
		cmocka_unit_test(c3_duties_are_one),
		cmocka_unit_test(c4_not_logged),
		cmocka_unit_test(c5_made_and_not_verified),
		cmocka_unit_test(e1_not_what_its_items_are),
		cmocka_unit_test(e2_no_triple),
		cmocka_unit_test(e3_nobody_and_open),
		cmocka_unit_test(e4_the_certifier_executes),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
