/* SPDX-License-Identifier: Apache-2.0 */
/* refine.c - the hand-over's steps as requests of the access model. Pure. */
#include "policy/refine.h"

#include <string.h>

enum who { NOBODY, SOURCE, TARGET };

/* What a state of the hand-over is: stage, who may run the VM, who does. */
static const struct view {
	enum kr_stage stage;
	enum who      owner, runs;
} views[KR_STATE_N] = {
	[KR_S_NEW]	= { KR_STAGE_REST,     SOURCE, SOURCE },
	[KR_S_PREPARE]	= { KR_STAGE_REST,     SOURCE, SOURCE },
	[KR_S_OFFER]	= { KR_STAGE_OFFERED,  SOURCE, SOURCE },
	[KR_S_COPY]	= { KR_STAGE_FLOWING,  SOURCE, SOURCE },
	[KR_S_FREEZE]	= { KR_STAGE_FROZEN,   SOURCE, NOBODY },
	[KR_S_SEAL]	= { KR_STAGE_FROZEN,   SOURCE, NOBODY },
	[KR_S_RELEASED]	= { KR_STAGE_RELEASED, NOBODY, NOBODY },
	[KR_S_STREAM]	= { KR_STAGE_OWNED,    TARGET, TARGET },
	[KR_S_OWNED]	= { KR_STAGE_OWNED,    TARGET, TARGET },
	[KR_S_DONE]	= { KR_STAGE_REST,     TARGET, TARGET },
	[KR_S_UNDONE]	= { KR_STAGE_REST,     SOURCE, SOURCE },
	[KR_T_NEW]	= { KR_STAGE_REST,     SOURCE, SOURCE },
	[KR_T_RESERVE]	= { KR_STAGE_OFFERED,  SOURCE, SOURCE },
	[KR_T_LOAD]	= { KR_STAGE_FLOWING,  SOURCE, SOURCE },
	[KR_T_PREPARED]	= { KR_STAGE_FROZEN,   SOURCE, NOBODY },
	[KR_T_OWNER]	= { KR_STAGE_OWNED,    TARGET, TARGET },
	[KR_T_FETCH]	= { KR_STAGE_OWNED,    TARGET, TARGET },
	[KR_T_RAN]	= { KR_STAGE_OWNED,    TARGET, TARGET },
	[KR_T_DONE]	= { KR_STAGE_REST,     TARGET, TARGET },
	/* given back; the source may run it, and is told so until it does */
	[KR_T_DISOWNED]	= { KR_STAGE_REST,     SOURCE, NOBODY },
	[KR_T_UNDONE]	= { KR_STAGE_REST,     SOURCE, SOURCE },
};

/* The way of one that succeeds, and the stage after each request. */
static const struct {
	enum kr_ask_kind   kind;
	enum kr_refine_who by;
	enum kr_stage	   stage;
} forward[] = {
	{ KR_ASK_OFFER,	   KR_REFINE_SOURCE, KR_STAGE_OFFERED },
	{ KR_ASK_ACCEPT,   KR_REFINE_TARGET, KR_STAGE_ACCEPTED },
	{ KR_ASK_TRANSFER, KR_REFINE_SOURCE, KR_STAGE_FLOWING },
	{ KR_ASK_FREEZE,   KR_REFINE_SOURCE, KR_STAGE_FROZEN },
	{ KR_ASK_RELEASE_OWNERSHIP, KR_REFINE_SOURCE, KR_STAGE_RELEASED },
	{ KR_ASK_OWN,	   KR_REFINE_TARGET, KR_STAGE_OWNED },
	{ KR_ASK_DESTROY,  KR_REFINE_SOURCE, KR_STAGE_REST },
};
#define N_FORWARD	(sizeof(forward) / sizeof(forward[0]))

static void put(struct kr_ask *out, unsigned int *n, enum kr_ask_kind kind,
		enum kr_refine_who by)
{
	out[(*n)++] = (struct kr_ask){
		.kind = kind, .by = (uint16_t)by, .object = 0,
		.to = kind == KR_ASK_OFFER ? KR_REFINE_TARGET : KR_NOBODY,
		.parent = KR_NOBODY,
		.attr = kind == KR_ASK_GET ? KR_ATTR_EXECUTE : 0 };
}

/* Back to the source, which runs it, or may. */
static unsigned int back(const struct view *from, const struct view *to,
			 struct kr_ask *out)
{
	unsigned int n = 0;
	bool given_back = from->stage == KR_STAGE_RELEASED ||
			  to->runs == NOBODY;
	enum who runs = from->runs;

	if (from->stage != KR_STAGE_REST) {
		put(out, &n, given_back ? KR_ASK_DISOWN : KR_ASK_UNDO,
		    given_back ? KR_REFINE_TARGET : KR_REFINE_SOURCE);
		runs = given_back ? NOBODY : SOURCE;
	}
	if (runs == NOBODY && to->runs == SOURCE)
		put(out, &n, KR_ASK_GET, KR_REFINE_SOURCE);
	return n;
}

unsigned int kr_refine_asks(enum kr_state from, enum kr_state to,
			    struct kr_ask *out)
{
	const struct view *x = &views[from], *y = &views[to];
	unsigned int n = 0;
	size_t i = 0;

	if (x->stage == y->stage && x->owner == y->owner && x->runs == y->runs)
		return 0;
	if (y->stage == KR_STAGE_REST && y->owner == SOURCE)
		return back(x, y, out);
	while (x->stage != KR_STAGE_REST && forward[i].stage != x->stage)
		i++;
	if (x->stage != KR_STAGE_REST)
		i++;
	for (bool there = false; i < N_FORWARD && !there; i++) {
		put(out, &n, forward[i].kind, forward[i].by);
		there = forward[i].stage == y->stage;
	}
	return n;
}

static void own(struct kr_system *t, enum kr_refine_who who, bool may,
		bool has)
{
	kr_system_set(t, who, 0, has ? KR_ATTR_EXECUTE : 0,
		      may ? KR_ATTR_EXECUTE : 0);
}

struct kr_system *kr_refine_system(enum kr_state s,
				   const struct kr_refine_classes *c)
{
	const struct view *v = &views[s];
	struct kr_system *t = kr_system_new(KR_REFINE_N, 1);
	struct kr_object *vm = t ? &t->objects[0] : NULL;

	if (!t)
		return NULL;
	vm->vm = vm->there = true;
	vm->c = c->vm;
	vm->stage = (uint8_t)v->stage;
	t->subjects[KR_REFINE_SOURCE].c = c->source;
	t->subjects[KR_REFINE_TARGET].c = c->target;
	t->subjects[KR_REFINE_SOURCE].host = true;
	t->subjects[KR_REFINE_TARGET].host = true;
	for (unsigned int a = KR_REFINE_SOURCE_AGENT; a < KR_REFINE_N; a++) {
		t->subjects[a].c = c->vm;
		t->subjects[a].serves = a == KR_REFINE_SOURCE_AGENT ?
					KR_REFINE_SOURCE : KR_REFINE_TARGET;
	}
	own(t, KR_REFINE_SOURCE, v->owner == SOURCE, v->runs == SOURCE);
	own(t, KR_REFINE_TARGET, v->owner == TARGET, v->runs == TARGET);
	if (v->stage == KR_STAGE_REST)
		return t;
	vm->from = KR_REFINE_SOURCE;
	vm->to = KR_REFINE_TARGET;
	if (v->stage >= KR_STAGE_FLOWING) {
		kr_system_set(t, KR_REFINE_SOURCE_AGENT, 0, 0, KR_ATTR_READ);
		kr_system_set(t, KR_REFINE_TARGET_AGENT, 0, 0,
			      KR_ATTR_APPEND);
	}
	return t;
}

bool kr_refine_same(const struct kr_system *t, const struct kr_system *u)
{
	const struct kr_object *x = &t->objects[0], *y = &u->objects[0];

	return !memcmp(t->cells, u->cells, KR_REFINE_N) &&
	       x->stage == y->stage && x->from == y->from && x->to == y->to;
}

struct kr_decision kr_refine_decide(enum kr_state from, enum kr_state to,
				    const struct kr_refine_classes *c)
{
	struct kr_ask asks[KR_REFINE_ASKS_MAX];
	unsigned int n = kr_refine_asks(from, to, asks);
	struct kr_system *t = kr_refine_system(from, c);
	struct kr_system *u = kr_refine_system(to, c);
	struct kr_decision d = { .answer = t && u ? KR_YES : KR_ERROR };

	for (unsigned int i = 0; i < n && d.answer == KR_YES; i++) {
		d = kr_decide(&kr_rules, t, &asks[i]);
		kr_apply(t, &asks[i], &d);
	}
	if (d.answer == KR_YES && !kr_refine_same(t, u))
		d = (struct kr_decision){ .answer = KR_QUESTION };
	kr_system_free(t);
	kr_system_free(u);
	return d;
}
