/* SPDX-License-Identifier: Apache-2.0 */
/* rules.c - the rules as a table, and deciding by such a table. Pure. */
#include "policy/rules.h"

#include "policy/condition.h"
#include "policy/effect.h"

#define N_OF(a)	(sizeof(a) / sizeof((a)[0]))
#define RWA	(KR_ATTR_READ | KR_ATTR_WRITE | KR_ATTR_APPEND)
#define C(name)	(1u << KR_COND_##name)
#define S(name)	(1u << KR_STAGE_##name)

static const struct kr_rule rules[] = {
	{ "get-read", KR_ASK_GET, KR_RULE_ANY, KR_ATTR_READ, 0,
	  C(KNOWN) | C(IN_MATRIX) | C(NO_READ_DOWN), kr_effect_get },
	{ "get-append", KR_ASK_GET, KR_RULE_ANY, KR_ATTR_APPEND, 0,
	  C(KNOWN) | C(IN_MATRIX) | C(NO_WRITE_UP), kr_effect_get },
	{ "get-write", KR_ASK_GET, KR_RULE_ANY, KR_ATTR_WRITE, 0,
	  C(KNOWN) | C(IN_MATRIX) | C(NO_READ_DOWN) | C(NO_WRITE_UP),
	  kr_effect_get },
	{ "get-execute", KR_ASK_GET, KR_RULE_NO_VM, KR_ATTR_EXECUTE, 0,
	  C(KNOWN) | C(IN_MATRIX) | C(NO_CERTIFIER), kr_effect_get },
	{ "run", KR_ASK_GET, KR_RULE_VM, KR_ATTR_EXECUTE, S(REST),
	  C(KNOWN) | C(HOST) | C(IN_MATRIX) | C(OWNER), kr_effect_get },
	{ "release", KR_ASK_RELEASE, KR_RULE_ANY, KR_ATTR_ALL, 0,
	  C(KNOWN) | C(HAS_IT), kr_effect_release },
	{ "give", KR_ASK_GIVE, KR_RULE_ANY, RWA, 0,
	  C(KNOWN) | C(CERTIFIER) | C(NOT_ITSELF), kr_effect_give },
	{ "give-execute", KR_ASK_GIVE, KR_RULE_NO_VM, KR_ATTR_EXECUTE, 0,
	  C(KNOWN) | C(CERTIFIER) | C(NOT_ITSELF) | C(NO_CERTIFIER),
	  kr_effect_give },
	{ "rescind", KR_ASK_RESCIND, KR_RULE_ANY, RWA, 0,
	  C(KNOWN) | C(CERTIFIER) | C(NOT_ITSELF), kr_effect_rescind },
	{ "rescind-execute", KR_ASK_RESCIND, KR_RULE_NO_VM, KR_ATTR_EXECUTE, 0,
	  C(KNOWN) | C(CERTIFIER) | C(NOT_ITSELF), kr_effect_rescind },
	{ "create", KR_ASK_CREATE, KR_RULE_NO_VM, 0, 0,
	  C(NEW) | C(PARENT) | C(FITS_PARENT) | C(NOT_ABOVE),
	  kr_effect_create },
	{ "create-vm", KR_ASK_CREATE, KR_RULE_VM, 0, S(REST),
	  C(NEW) | C(HOST) | C(PARENT) | C(FITS_PARENT) | C(NOT_ABOVE),
	  kr_effect_create },
	{ "delete", KR_ASK_DELETE, KR_RULE_NO_VM, 0, 0,
	  C(KNOWN) | C(PARENT) | C(UNUSED) | C(HOLDS_NO_VM), kr_effect_delete },
	{ "delete-vm", KR_ASK_DELETE, KR_RULE_VM, 0, 0,
	  C(KNOWN) | C(PARENT) | C(OWNER) | C(UNUSED) | C(AT_REST) |
	  C(HOLDS_NO_VM), kr_effect_delete },
	{ "change-subject-level", KR_ASK_SUBJECT_LEVEL, KR_RULE_ANY, 0, 0,
	  C(CERTIFIER) | C(NOT_ITSELF) | C(WITHIN_TOP) | C(STAYS_SECURE) |
	  C(STAYS_HOSTED), kr_effect_subject_level },
	{ "change-object-level", KR_ASK_OBJECT_LEVEL, KR_RULE_ANY, 0, 0,
	  C(KNOWN) | C(CERTIFIER) | C(FITS_PARENT) | C(FITS_CONTENT) |
	  C(AT_REST) | C(STAYS_SECURE) | C(STAYS_HOSTED),
	  kr_effect_object_level },

	{ "offer", KR_ASK_OFFER, KR_RULE_VM, 0, S(REST),
	  C(KNOWN) | C(OWNER) | C(DESTINATION), kr_effect_offer },
	{ "accept", KR_ASK_ACCEPT, KR_RULE_VM, 0, S(OFFERED),
	  C(TARGET_ASKS), kr_effect_accept },
	{ "transfer", KR_ASK_TRANSFER, KR_RULE_VM, 0, S(ACCEPTED),
	  C(SOURCE_ASKS) | C(OWNER), kr_effect_transfer },
	{ "freeze", KR_ASK_FREEZE, KR_RULE_VM, 0, S(FLOWING),
	  C(SOURCE_ASKS) | C(OWNER), kr_effect_freeze },
	{ "release-ownership", KR_ASK_RELEASE_OWNERSHIP, KR_RULE_VM, 0,
	  S(FROZEN), C(SOURCE_ASKS) | C(OWNER) | C(STOPPED),
	  kr_effect_release_ownership },
	{ "own", KR_ASK_OWN, KR_RULE_VM, 0, S(RELEASED),
	  C(TARGET_ASKS) | C(STOPPED), kr_effect_own },
	{ "destroy", KR_ASK_DESTROY, KR_RULE_VM, 0, S(OWNED),
	  C(SOURCE_ASKS), kr_effect_destroy },
	{ "undo", KR_ASK_UNDO, KR_RULE_VM, 0,
	  S(OFFERED) | S(ACCEPTED) | S(FLOWING) | S(FROZEN),
	  C(SOURCE_ASKS) | C(OWNER), kr_effect_undo },
	{ "disown", KR_ASK_DISOWN, KR_RULE_VM, 0, S(FROZEN) | S(RELEASED),
	  C(TARGET_ASKS) | C(STOPPED), kr_effect_disown },
};

const struct kr_rules kr_rules = { rules, N_OF(rules) };

/* ---- deciding ---------------------------------------------------------- */

static bool deals(const struct kr_rule *x, const struct kr_system *t,
		  const struct kr_ask *q)
{
	const struct kr_object *o = q->object < t->n_objects ?
				    &t->objects[q->object] : NULL;

	if (x->kind != q->kind || (x->kind != KR_ASK_SUBJECT_LEVEL) != !!o ||
	    (x->vm == KR_RULE_VM && !o->vm) ||
	    (x->vm == KR_RULE_NO_VM && o->vm))
		return false;
	if (x->attrs ? !(x->attrs & q->attr) || (q->attr & (q->attr - 1)) :
		       q->attr != 0)
		return false;	/* one attribute at a time */
	return !x->stages || x->stages & 1u << o->stage;
}

struct kr_decision kr_decide(const struct kr_rules *w,
			     const struct kr_system *t,
			     const struct kr_ask *q)
{
	struct kr_decision d = { .answer = KR_QUESTION };

	if (q->by >= t->n_subjects)
		return d;
	for (unsigned int i = 0; i < w->n && !d.second; i++) {
		if (!deals(&w->rules[i], t, q))
			continue;
		if (d.rule)
			d.second = &w->rules[i];
		else
			d.rule = &w->rules[i];
	}
	if (d.second) {
		d.answer = KR_ERROR;
		return d;
	}
	if (!d.rule)
		return d;
	for (unsigned int c = 0; c < KR_COND_N; c++)
		if (d.rule->conds & 1u << c && !kr_condition_holds[c](t, q))
			d.failed |= 1u << c;
	d.answer = d.failed ? KR_NO : KR_YES;
	return d;
}

void kr_apply(struct kr_system *t, const struct kr_ask *q,
	      const struct kr_decision *d)
{
	if (d->answer == KR_YES)
		d->rule->next(t, q);
}

/* ---- names ------------------------------------------------------------- */

const char *kr_ask_name(enum kr_ask_kind kind)
{
	static const char *const names[KR_ASK_N] = {
#define X(name, text) [KR_ASK_##name] = text,
		KR_ASKS(X)
#undef X
	};

	return (unsigned int)kind < KR_ASK_N ? names[kind] : NULL;
}

const char *kr_answer_name(enum kr_answer a)
{
	static const char *const names[] = {
		[KR_YES] = "yes", [KR_NO] = "no", [KR_ERROR] = "error",
		[KR_QUESTION] = "question",
	};

	return names[a];
}
