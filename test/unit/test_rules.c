/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_rules.c - each rule of the access model by itself: its yes, its no
 * for each of its conditions, and what no rule deals with. What the rules
 * lead to together is model/explore's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "policy/rules.h"

#define E	KR_ATTR_EXECUTE
#define C(name)	(1u << KR_COND_##name)

enum { HOST_A, HOST_B, AGENT_A, AGENT_B, ALICE, BOB, CAROL, N_SUBJECTS };
enum { POOL, THING, BOX, VM, OTHER_VM, N_OBJECTS };

static const struct kr_class user = { KR_LEVEL_USER_AGENT, 0 };
static const struct kr_class agent = { KR_LEVEL_TRUSTED_AGENT, 0 };
static const struct kr_class tpm = { KR_LEVEL_TPM, 0 };

/* A has two VMs in a pool, at rest, and a thing with a box in it. */
static struct kr_system *system_at_rest(void)
{
	static const uint16_t parents[N_OBJECTS] = { KR_NOBODY, POOL, THING,
						     POOL, POOL };
	struct kr_system *t = kr_system_new(N_SUBJECTS, N_OBJECTS);

	assert_non_null(t);
	for (unsigned int s = 0; s < N_SUBJECTS; s++) {
		t->subjects[s].c = agent;
		t->subjects[s].top = tpm;
	}
	t->subjects[HOST_A].host = t->subjects[HOST_B].host = true;
	t->subjects[AGENT_A].serves = HOST_A;
	t->subjects[AGENT_B].serves = HOST_B;
	t->subjects[ALICE].certifier = t->subjects[BOB].certifier = true;
	for (unsigned int o = 0; o < N_OBJECTS; o++) {
		t->objects[o].c = agent;
		t->objects[o].there = true;
		t->objects[o].parent = parents[o];
	}
	t->objects[VM].vm = t->objects[OTHER_VM].vm = true;
	kr_system_set(t, HOST_A, VM, 0, E);
	kr_system_set(t, HOST_A, OTHER_VM, 0, E);
	kr_system_set(t, HOST_A, POOL, KR_ATTR_WRITE, KR_ATTR_WRITE);
	return t;
}

static void bring_to(struct kr_system *t, enum kr_stage stage)
{
	t->objects[VM].stage = (uint8_t)stage;
	t->objects[VM].from = HOST_A;
	t->objects[VM].to = HOST_B;
	if (stage >= KR_STAGE_RELEASED)
		kr_system_set(t, HOST_A, VM, 0, 0);
	if (stage == KR_STAGE_OWNED)
		kr_system_set(t, HOST_B, VM, E, E);
}

/* A state and a request that @rule says yes to. */
static struct kr_system *allowed(const struct kr_rule *rule,
				 struct kr_ask *ret_q)
{
	struct kr_system *t = system_at_rest();
	struct kr_ask q = {
		.kind = rule->kind, .by = HOST_A, .to = KR_NOBODY,
		.parent = KR_NOBODY,
		.attr = (uint8_t)(rule->attrs & -rule->attrs),	/* the first */
		.object = rule->vm == KR_RULE_VM ? VM : THING,
	};

	if (rule->stages && !(rule->stages & 1u << KR_STAGE_REST))
		bring_to(t, (enum kr_stage)__builtin_ctz(rule->stages));
	switch (rule->kind) {
	case KR_ASK_GET:
		if (rule->vm != KR_RULE_VM)
			kr_system_set(t, q.by, q.object, 0, q.attr);
		break;
	case KR_ASK_RELEASE:
		kr_system_set(t, q.by, q.object, q.attr, q.attr);
		break;
	case KR_ASK_GIVE:
	case KR_ASK_RESCIND:
		q.by = ALICE;
		q.to = CAROL;
		break;
	case KR_ASK_CREATE:
		t->objects[q.object].there = false;
		kr_system_set(t, HOST_A, q.object, 0, 0);
		q.parent = POOL;
		q.c = agent;
		break;
	case KR_ASK_SUBJECT_LEVEL:
		q.by = ALICE;
		q.to = HOST_A;
		q.object = KR_NOBODY;
		q.c = agent;
		break;
	case KR_ASK_OBJECT_LEVEL:
		q.by = ALICE;
		q.object = VM;
		q.c = agent;
		break;
	case KR_ASK_OFFER:
		q.to = HOST_B;
		break;
	case KR_ASK_ACCEPT:
	case KR_ASK_OWN:
	case KR_ASK_DISOWN:
		q.by = HOST_B;
		break;
	default:
		break;
	}
	*ret_q = q;
	return t;
}

/* Make condition @c fail, and no other if that can be. */
static void spoil(struct kr_system *t, struct kr_ask *q, enum kr_condition c)
{
	struct kr_object *o = &t->objects[q->object == KR_NOBODY ? VM :
					  q->object];
	struct kr_subject *by = &t->subjects[q->by];
	unsigned int parent = q->kind == KR_ASK_CREATE ? q->parent : o->parent;

	switch (c) {
	case KR_COND_KNOWN:
		o->there = false;
		break;
	case KR_COND_NEW:
		o->there = true;
		break;
	case KR_COND_HOST:
		by->host = false;
		break;
	case KR_COND_CERTIFIER:
		by->certifier = false;
		break;
	case KR_COND_NOT_ITSELF:
		q->to = q->by;
		break;
	case KR_COND_NO_CERTIFIER:
		t->subjects[q->kind == KR_ASK_GIVE ? q->to : q->by]
			.certifier = true;
		break;
	case KR_COND_IN_MATRIX:
	case KR_COND_HAS_IT:
		kr_system_set(t, q->by, q->object, 0, 0);
		break;
	case KR_COND_NO_READ_DOWN:
		o->c = user;
		break;
	case KR_COND_NO_WRITE_UP:
		o->c = tpm;
		break;
	case KR_COND_PARENT:
		kr_system_set(t, q->by, parent, 0, 0);
		break;
	case KR_COND_FITS_PARENT:
		t->objects[parent].c = user;
		break;
	case KR_COND_FITS_CONTENT:
		t->objects[BOX].parent = q->object;
		t->objects[BOX].c = tpm;
		break;
	case KR_COND_NOT_ABOVE:
		by->c = user;
		break;
	case KR_COND_UNUSED:
		kr_system_set(t, CAROL, q->object, KR_ATTR_READ, 0);
		break;
	case KR_COND_AT_REST:
		o->stage = KR_STAGE_OFFERED;
		break;
	case KR_COND_HOLDS_NO_VM:
		t->objects[OTHER_VM].parent = q->object == THING ? BOX :
								   q->object;
		break;
	case KR_COND_WITHIN_TOP:
		t->subjects[q->to].top = user;
		break;
	case KR_COND_STAYS_SECURE:
		if (q->object != KR_NOBODY) {
			t->subjects[CAROL].c = user;
			kr_system_set(t, CAROL, VM, KR_ATTR_APPEND, 0);
		} else {
			t->objects[BOX].c = user;
			kr_system_set(t, q->to, BOX, KR_ATTR_READ, 0);
		}
		break;
	case KR_COND_STAYS_HOSTED:
		if (q->object != KR_NOBODY)
			t->subjects[HOST_A].c = user;
		else
			o->c = tpm;
		break;
	case KR_COND_OWNER:
		kr_system_set(t, CAROL, q->object, 0, E);
		break;
	case KR_COND_DESTINATION:
		t->subjects[q->to].host = false;
		break;
	case KR_COND_SOURCE_ASKS:
		o->from = CAROL;
		break;
	case KR_COND_TARGET_ASKS:
		o->to = CAROL;
		break;
	case KR_COND_STOPPED:
		kr_system_set(t, CAROL, q->object, E, 0);
		break;
	case KR_COND_N:
		fail();
	}
}

/* Which others fail with it, whatever the state is. */
static unsigned int along(const struct kr_rule *rule, enum kr_condition c)
{
	if (c == KR_COND_IN_MATRIX)
		return rule->conds & C(OWNER);
	if (c == KR_COND_NOT_ITSELF)	/* he is a certifier */
		return rule->conds & C(NO_CERTIFIER);
	return 0;
}

static void each_rule_says_yes(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < kr_rules.n; i++) {
		struct kr_ask q;
		struct kr_system *t = allowed(&kr_rules.rules[i], &q);
		struct kr_decision d = kr_decide(&kr_rules, t, &q);

		print_message("%s\n", kr_rules.rules[i].name);
		assert_int_equal(d.answer, KR_YES);
		assert_ptr_equal(d.rule, &kr_rules.rules[i]);
		assert_null(d.second);
		assert_int_equal(d.failed, 0);
		kr_system_free(t);
	}
}

static void each_condition_says_no(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < kr_rules.n; i++)
		for (unsigned int c = 0; c < KR_COND_N; c++) {
			const struct kr_rule *rule = &kr_rules.rules[i];
			struct kr_system *t;
			struct kr_decision d;
			struct kr_ask q;

			if (!(rule->conds & 1u << c))
				continue;
			t = allowed(rule, &q);
			spoil(t, &q, (enum kr_condition)c);
			d = kr_decide(&kr_rules, t, &q);
			print_message("%s: %s\n", rule->name,
				      kr_condition_text((enum kr_condition)c));
			assert_int_equal(d.answer, KR_NO);
			assert_ptr_equal(d.rule, rule);
			assert_int_equal(d.failed, 1u << c |
					 along(rule, (enum kr_condition)c));
			kr_system_free(t);
		}
}

static void only_yes_changes_the_state(void **state)
{
	struct kr_system *t = system_at_rest(), *was = kr_system_copy(t);
	struct kr_ask q = { .kind = KR_ASK_GET, .by = CAROL, .object = THING,
			    .to = KR_NOBODY, .attr = KR_ATTR_READ };
	struct kr_decision d = kr_decide(&kr_rules, t, &q);

	(void)state;
	assert_int_equal(d.answer, KR_NO);
	kr_apply(t, &q, &d);
	assert_memory_equal(t->cells, was->cells, N_SUBJECTS * N_OBJECTS);
	kr_system_set(t, CAROL, THING, 0, KR_ATTR_READ);
	d = kr_decide(&kr_rules, t, &q);
	kr_apply(t, &q, &d);
	assert_int_equal(kr_system_has(t, CAROL, THING), KR_ATTR_READ);
	kr_system_free(t);
	kr_system_free(was);
}

/*
 * A subject of low integrity gets nothing into what is above it, neither by
 * itself nor through one that could.
 */
static void two_steps_lead_nowhere_up(void **state)
{
	struct kr_system *t = system_at_rest();
	struct kr_ask q = { .kind = KR_ASK_GET, .by = CAROL, .object = BOX,
			    .to = KR_NOBODY, .parent = KR_NOBODY,
			    .attr = KR_ATTR_WRITE };
	struct kr_decision d;

	(void)state;
	t->subjects[CAROL].c = t->objects[BOX].c = user;
	for (unsigned int o = THING; o <= BOX; o++) {
		kr_system_set(t, CAROL, o, 0, KR_ATTR_ALL);
		kr_system_set(t, AGENT_A, o, 0, KR_ATTR_ALL);
	}
	d = kr_decide(&kr_rules, t, &q);	/* what is its own */
	assert_int_equal(d.answer, KR_YES);
	kr_apply(t, &q, &d);
	q.object = THING;
	d = kr_decide(&kr_rules, t, &q);
	assert_int_equal(d.failed, C(NO_WRITE_UP));
	q = (struct kr_ask){ .kind = KR_ASK_GET, .by = AGENT_A, .object = BOX,
			     .to = KR_NOBODY, .parent = KR_NOBODY,
			     .attr = KR_ATTR_READ };
	d = kr_decide(&kr_rules, t, &q);	/* to carry it there */
	assert_int_equal(d.failed, C(NO_READ_DOWN));
	q.object = THING;
	q.attr = KR_ATTR_WRITE;
	d = kr_decide(&kr_rules, t, &q);
	assert_int_equal(d.answer, KR_YES);
	q = (struct kr_ask){ .kind = KR_ASK_OBJECT_LEVEL, .by = ALICE,
			     .object = BOX, .to = KR_NOBODY,
			     .parent = KR_NOBODY, .c = agent };
	d = kr_decide(&kr_rules, t, &q);	/* certified, but in use */
	assert_int_equal(d.failed, C(STAYS_SECURE));
	kr_system_free(t);
}

/* ---- questions and errors ----------------------------------------------- */

static void is_a_question(const struct kr_system *t, struct kr_ask q)
{
	struct kr_decision d = kr_decide(&kr_rules, t, &q);

	assert_int_equal(d.answer, KR_QUESTION);
	assert_null(d.rule);
}

static void what_no_rule_deals_with_is_a_question(void **state)
{
	struct kr_system *t = system_at_rest();
	struct kr_ask q = { .kind = KR_ASK_GET, .by = HOST_A, .to = KR_NOBODY,
			    .object = THING, .parent = KR_NOBODY,
			    .attr = KR_ATTR_READ }, r = q;

	(void)state;
	r.by = N_SUBJECTS;
	is_a_question(t, r);
	r.by = KR_NOBODY;
	is_a_question(t, r);
	r = q;
	r.object = N_OBJECTS;
	is_a_question(t, r);
	r.object = KR_NOBODY;
	is_a_question(t, r);
	r = q;
	r.kind = KR_ASK_N;
	is_a_question(t, r);
	r = q;
	r.attr = 0;
	is_a_question(t, r);
	r.attr = KR_ATTR_READ | KR_ATTR_APPEND;	/* one at a time */
	is_a_question(t, r);
	r.attr = KR_ATTR_ALL + 1;
	is_a_question(t, r);
	r = q;
	r.kind = KR_ASK_DELETE;		/* of an attribute */
	is_a_question(t, r);
	r = (struct kr_ask){ .kind = KR_ASK_SUBJECT_LEVEL, .by = ALICE,
			     .to = CAROL, .object = THING };
	is_a_question(t, r);		/* of an object */
	kr_system_free(t);
}

static void whose_a_vm_is_is_given_by_nobody(void **state)
{
	struct kr_system *t = system_at_rest();
	struct kr_ask q = { .kind = KR_ASK_GIVE, .by = ALICE, .to = HOST_B,
			    .object = VM, .parent = KR_NOBODY, .attr = E };

	(void)state;
	is_a_question(t, q);
	q.kind = KR_ASK_RESCIND;
	is_a_question(t, q);
	kr_system_free(t);
}

/* In each stage, what does not belong there is dealt with by no rule. */
static void a_migration_has_one_order(void **state)
{
	static const struct {
		enum kr_ask_kind kind;
		enum kr_stage	 from, to;
	} order[] = {
		{ KR_ASK_OFFER, KR_STAGE_REST, KR_STAGE_REST },
		{ KR_ASK_ACCEPT, KR_STAGE_OFFERED, KR_STAGE_OFFERED },
		{ KR_ASK_TRANSFER, KR_STAGE_ACCEPTED, KR_STAGE_ACCEPTED },
		{ KR_ASK_FREEZE, KR_STAGE_FLOWING, KR_STAGE_FLOWING },
		{ KR_ASK_RELEASE_OWNERSHIP, KR_STAGE_FROZEN, KR_STAGE_FROZEN },
		{ KR_ASK_OWN, KR_STAGE_RELEASED, KR_STAGE_RELEASED },
		{ KR_ASK_DESTROY, KR_STAGE_OWNED, KR_STAGE_OWNED },
		{ KR_ASK_UNDO, KR_STAGE_OFFERED, KR_STAGE_FROZEN },
		{ KR_ASK_DISOWN, KR_STAGE_FROZEN, KR_STAGE_RELEASED },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		for (unsigned int st = 0; st < KR_STAGE_N; st++) {
			struct kr_system *t = system_at_rest();
			struct kr_ask q = { .kind = order[i].kind,
					    .by = HOST_A, .to = HOST_B,
					    .object = VM };

			if (st != KR_STAGE_REST)
				bring_to(t, (enum kr_stage)st);
			if (st < order[i].from || st > order[i].to)
				is_a_question(t, q);
			else
				assert_non_null(
					kr_decide(&kr_rules, t, &q).rule);
			kr_system_free(t);
		}
}

static void two_rules_are_an_error(void **state)
{
	struct kr_system *t = system_at_rest();
	struct kr_ask q = { .kind = KR_ASK_OFFER, .by = HOST_A, .to = HOST_B,
			    .object = VM, .parent = KR_NOBODY };
	struct kr_rule rules[2];
	struct kr_rules twins = { rules, 2 };
	struct kr_decision d = kr_decide(&kr_rules, t, &q);

	(void)state;
	assert_int_equal(d.answer, KR_YES);
	rules[0] = rules[1] = *d.rule;
	rules[1].conds = 0;
	d = kr_decide(&twins, t, &q);
	assert_int_equal(d.answer, KR_ERROR);
	assert_ptr_equal(d.rule, &rules[0]);
	assert_ptr_equal(d.second, &rules[1]);
	kr_apply(t, &q, &d);
	assert_int_equal(t->objects[VM].stage, KR_STAGE_REST);
	kr_system_free(t);
}

/* ---- a migration -------------------------------------------------------- */

static void say(struct kr_system *t, enum kr_ask_kind kind, uint16_t by)
{
	struct kr_ask q = { .kind = kind, .by = by, .object = VM,
			    .to = kind == KR_ASK_OFFER ? HOST_B : KR_NOBODY,
			    .parent = KR_NOBODY };
	struct kr_decision d = kr_decide(&kr_rules, t, &q);
	struct kr_violation v;

	assert_int_equal(d.answer, KR_YES);
	kr_apply(t, &q, &d);
	for (unsigned int p = 0; p < KR_PROPERTY_N; p++)
		assert_true(kr_system_holds(t, (enum kr_property)p, &v));
}

/* The VM runs on HOST_A, and its memory goes to HOST_B. */
static void flows(struct kr_system *t)
{
	kr_system_set(t, HOST_A, VM, E, E);
	say(t, KR_ASK_OFFER, HOST_A);
	say(t, KR_ASK_ACCEPT, HOST_B);
	say(t, KR_ASK_TRANSFER, HOST_A);
}

static void a_vm_goes_over(void **state)
{
	struct kr_system *t = system_at_rest();

	(void)state;
	flows(t);
	assert_int_equal(kr_system_may(t, AGENT_A, VM), KR_ATTR_READ);
	assert_int_equal(kr_system_may(t, AGENT_B, VM), KR_ATTR_APPEND);
	say(t, KR_ASK_FREEZE, HOST_A);
	assert_int_equal(kr_system_has(t, HOST_A, VM), 0);
	say(t, KR_ASK_RELEASE_OWNERSHIP, HOST_A);
	assert_int_equal(kr_system_may(t, HOST_A, VM), 0);
	assert_int_equal(kr_system_may(t, HOST_B, VM), 0);
	say(t, KR_ASK_OWN, HOST_B);
	say(t, KR_ASK_DESTROY, HOST_A);
	assert_int_equal(kr_system_has(t, HOST_B, VM), E);
	assert_int_equal(kr_system_may(t, HOST_B, VM), E);
	assert_int_equal(kr_system_may(t, AGENT_A, VM), 0);
	assert_int_equal(kr_system_may(t, AGENT_B, VM), 0);
	assert_int_equal(t->objects[VM].stage, KR_STAGE_REST);
	assert_int_equal(t->objects[VM].to, KR_NOBODY);
	kr_system_free(t);
}

static void what_was_released_can_be_given_back(void **state)
{
	struct kr_system *t = system_at_rest();

	(void)state;
	bring_to(t, KR_STAGE_RELEASED);
	say(t, KR_ASK_DISOWN, HOST_B);
	assert_int_equal(kr_system_may(t, HOST_A, VM), E);
	assert_int_equal(kr_system_has(t, HOST_A, VM), 0);
	assert_int_equal(kr_system_may(t, HOST_B, VM), 0);
	assert_int_equal(t->objects[VM].stage, KR_STAGE_REST);
	kr_system_free(t);
}

static void a_vm_that_was_frozen_runs_on_when_undone(void **state)
{
	struct kr_system *t = system_at_rest();

	(void)state;
	flows(t);
	say(t, KR_ASK_FREEZE, HOST_A);
	say(t, KR_ASK_UNDO, HOST_A);
	assert_int_equal(kr_system_has(t, HOST_A, VM), E);
	assert_int_equal(kr_system_may(t, AGENT_B, VM), 0);
	assert_int_equal(t->objects[VM].stage, KR_STAGE_REST);
	kr_system_free(t);
}

/* Both stay fit for it, the one that gets it and the one it goes back to. */
static void hosts_of_a_migration_are_not_lowered(void **state)
{
	struct kr_system *t = system_at_rest();
	struct kr_ask q = { .kind = KR_ASK_SUBJECT_LEVEL, .by = ALICE,
			    .to = HOST_B, .object = KR_NOBODY,
			    .parent = KR_NOBODY, .c = user };
	struct kr_decision d = kr_decide(&kr_rules, t, &q);

	(void)state;
	assert_int_equal(d.answer, KR_YES);
	kr_system_set(t, HOST_A, OTHER_VM, 0, 0);
	kr_system_set(t, HOST_A, POOL, 0, 0);
	for (unsigned int s = KR_STAGE_OFFERED; s < KR_STAGE_N; s++) {
		bring_to(t, (enum kr_stage)s);
		for (q.to = HOST_A; q.to <= HOST_B; q.to++) {
			d = kr_decide(&kr_rules, t, &q);
			assert_int_equal(d.answer, KR_NO);
			assert_int_equal(d.failed, C(STAYS_HOSTED));
		}
	}
	kr_system_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_says_yes),
		cmocka_unit_test(each_condition_says_no),
		cmocka_unit_test(only_yes_changes_the_state),
		cmocka_unit_test(two_steps_lead_nowhere_up),
		cmocka_unit_test(what_no_rule_deals_with_is_a_question),
		cmocka_unit_test(whose_a_vm_is_is_given_by_nobody),
		cmocka_unit_test(a_migration_has_one_order),
		cmocka_unit_test(two_rules_are_an_error),
		cmocka_unit_test(a_vm_goes_over),
		cmocka_unit_test(what_was_released_can_be_given_back),
		cmocka_unit_test(a_vm_that_was_frozen_runs_on_when_undone),
		cmocka_unit_test(hosts_of_a_migration_are_not_lowered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
