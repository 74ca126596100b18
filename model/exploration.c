/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exploration.c - breadth first search. A new state is checked when it is
 * found and a step when it is done, so that no violation nearer by is passed
 * over. Each state knows by which request it was found first, and from where:
 * that is the path.
 */
#include "model/exploration.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/asking.h"
#include "model/claim.h"
#include "model/statekey.h"
#include "model/stateset.h"

#define NO_ASK	KR_ASKING_MAX

/* A first state is from the universe of that number: 0 is x->u. */
struct origin { uint32_t from; uint16_t ask, depth; };

struct search {
	struct kr_exploration *x;
	struct kr_asking    asking;	/* the same in every state */
	struct kr_stateset *seen;
	struct origin	   *origins;	/* [state] */
	uint32_t	    n_origins_max;
	struct kr_system   *t, *next;
	unsigned int	    goal_rule;
	/* the rules in the order of what they are for, so that a request is
	 * asked of those for its kind alone; no other deals with it */
	struct kr_rule	    rules[KR_EXPLORATION_RULES_MAX];
	unsigned int	    number[KR_EXPLORATION_RULES_MAX];	/* in x->w */
	struct kr_rules	    of_kind[KR_ASK_N];
};

/* ---- the rules ---------------------------------------------------------- */

static void sort_rules(struct search *s)
{
	const struct kr_rules *w = s->x->w;
	unsigned int n = 0;

	for (unsigned int k = 0; k < KR_ASK_N; k++) {
		s->of_kind[k].rules = &s->rules[n];
		for (unsigned int i = 0; i < w->n; i++) {
			if (w->rules[i].kind != (enum kr_ask_kind)k)
				continue;
			s->rules[n] = w->rules[i];
			s->number[n++] = i;
			s->of_kind[k].n++;
		}
	}
}

/* ---- finding ------------------------------------------------------------ */

/* The goal is reached by @q in state @at, or by being in it (NO_ASK). */
static int reach(struct search *s, uint32_t at, uint16_t q)
{
	struct kr_exploration *x = s->x;
	unsigned int n = s->origins[at].depth + (q != NO_ASK);

	x->path = calloc(n + 1u, sizeof(x->path[0]));
	if (!x->path)
		return -ENOMEM;
	x->n_path = n;
	x->reached = true;
	if (q != NO_ASK)
		x->path[--n] = s->asking.asks[q];
	for (; n; at = s->origins[at].from)
		x->path[--n] = s->asking.asks[s->origins[at].ask];
	if (s->origins[at].from)
		x->u = x->also[s->origins[at].from - 1];
	return 0;
}

static int violate(struct search *s, uint32_t at, uint16_t q,
		   const char *what, unsigned int subject, unsigned int object)
{
	if (s->x->goal != KR_GOAL_VIOLATION)
		return 0;
	s->x->violated = what;
	s->x->v.subject = subject;
	s->x->v.object = object;
	return reach(s, at, q);
}

/* @key may be a new state, come to from @from by @q. */
static int found(struct search *s, const uint8_t *key,
		 const struct kr_system *t, uint32_t from, uint16_t q)
{
	struct kr_exploration *x = s->x;
	const char *what;
	bool is_new;
	uint32_t at = kr_stateset_add(s->seen, key, &is_new);

	if (at == UINT32_MAX)
		return -ENOMEM;
	if (!is_new)
		return 0;
	if (at >= s->n_origins_max) {
		uint32_t n = s->n_origins_max ? s->n_origins_max * 2 : 4096;
		struct origin *p = realloc(s->origins, n * sizeof(p[0]));

		if (!p)
			return -ENOMEM;
		s->origins = p;
		s->n_origins_max = n;
	}
	s->origins[at] = (struct origin){ from, q, 0 };
	if (q != NO_ASK)
		s->origins[at].depth = (uint16_t)
			(s->origins[from].depth + 1u);
	x->depth = s->origins[at].depth;
	x->n_states = at + 1;
	what = kr_claim_state(t, &x->v);
	return what ? violate(s, at, NO_ASK, what, x->v.subject,
			      x->v.object) : 0;
}

static void assign(struct kr_system *to, const struct kr_system *t)
{
	memcpy(to->subjects, t->subjects,
	       t->n_subjects * sizeof(t->subjects[0]));
	memcpy(to->objects, t->objects, t->n_objects * sizeof(t->objects[0]));
	memcpy(to->cells, t->cells, (size_t)t->n_subjects * t->n_objects);
}

bool kr_exploration_of_nobody(const struct kr_ask *q)
{
	return q->to == KR_NOBODY &&
	       (q->kind == KR_ASK_GIVE || q->kind == KR_ASK_RESCIND ||
		q->kind == KR_ASK_SUBJECT_LEVEL);
}

/* A yes. */
static int step(struct search *s, uint32_t at, uint16_t i,
		const struct kr_decision *d)
{
	const struct kr_ask *q = &s->asking.asks[i];
	uint8_t key[KR_STATEKEY_BYTES_MAX];
	const char *what;
	int r;

	if (kr_exploration_of_nobody(q))
		return violate(s, at, i, "it is about somebody", q->by,
			       q->object);
	assign(s->next, s->t);
	kr_apply(s->next, q, d);
	what = kr_claim_step(s->t, q, s->next, &s->x->v);
	r = what ? violate(s, at, i, what, s->x->v.subject, s->x->v.object) :
		   0;
	if (r < 0 || s->x->reached)
		return r;
	if (!kr_statekey_put(s->x->u, s->next, key))
		return -E2BIG;
	return found(s, key, s->next, at, i);
}

/* Nobody deals with @q: which rules would say yes, but for a VM's stage? */
static void look_beyond(struct search *s, const struct kr_ask *q)
{
	const struct kr_exploration *x = s->x;
	unsigned int stage;

	if (q->object == KR_NOBODY || !s->t->objects[q->object].vm)
		return;
	stage = 1u << s->t->objects[q->object].stage;
	for (unsigned int i = 0; i < x->w->n; i++) {
		struct kr_rule rule = x->w->rules[i];
		struct kr_rules one = { &rule, 1 };

		if (rule.kind != q->kind || !rule.stages ||
		    s->x->beyond[i] & stage)
			continue;
		rule.stages = 0;
		if (kr_decide(&one, s->t, q).answer == KR_YES)
			s->x->beyond[i] |= stage;
	}
}

/* ---- searching ---------------------------------------------------------- */

static int answer(struct search *s, uint32_t at, uint16_t i, bool *ret_yes)
{
	struct kr_exploration *x = s->x;
	const struct kr_ask *q = &s->asking.asks[i];
	struct kr_decision d = kr_decide(&s->of_kind[q->kind], s->t, q);
	unsigned int rule = d.rule ? s->number[d.rule - s->rules] : 0;

	x->n_asked++;
	*ret_yes = d.answer == KR_YES;
	if (*ret_yes) {
		x->n_yes++;
		x->yes[rule]++;
		return step(s, at, i, &d);
	}
	if (d.answer == KR_QUESTION)
		look_beyond(s, q);
	kr_apply(s->t, q, &d);	/* changes nothing: compared in the end */
	if (d.answer == KR_ERROR)
		return violate(s, at, i, "one rule deals with a request",
			       q->by, q->object);
	if (d.answer == KR_NO && !(d.failed & (d.failed - 1))) {
		x->alone[rule] |= d.failed;
		if (x->goal == KR_GOAL_ALONE && rule == s->goal_rule &&
		    d.failed == 1u << x->goal_cond)
			return reach(s, at, i);
	}
	return 0;
}

/*
 * A VM that is between two hosts has a way on, by these hosts alone. Each
 * step leads on or ends it (claim.c), so it does come to rest.
 */
static int has_way_on(struct search *s, uint32_t at, unsigned int led_on)
{
	for (unsigned int o = 0; o < s->t->n_objects; o++)
		if (s->t->objects[o].stage != KR_STAGE_REST &&
		    !(led_on & 1u << o))
			return violate(s, at, NO_ASK,
				       "a VM comes to rest again", KR_NOBODY,
				       o);
	return 0;
}

static int expand(struct search *s, uint32_t at)
{
	uint8_t key[KR_STATEKEY_BYTES_MAX];
	unsigned int led_on = 0;
	int r = 0;

	kr_statekey_get(s->x->u, kr_stateset_key(s->seen, at), s->t);
	for (unsigned int i = 0; i < s->asking.n && !s->x->reached; i++) {
		const struct kr_ask *q = &s->asking.asks[i];
		bool yes;

		r = answer(s, at, (uint16_t)i, &yes);
		if (r < 0)
			return r;
		if (yes && q->kind > KR_ASK_OFFER)
			led_on |= 1u << q->object;
	}
	if (s->x->reached)
		return 0;
	if (!kr_statekey_put(s->x->u, s->t, key) ||
	    memcmp(key, kr_stateset_key(s->seen, at),
		   kr_statekey_bytes(s->x->u)) != 0)
		return violate(s, at, NO_ASK, "only yes changes a state",
			       KR_NOBODY, KR_NOBODY);
	return has_way_on(s, at, led_on);
}

static int run(struct search *s)
{
	struct kr_exploration *x = s->x;
	uint8_t key[KR_STATEKEY_BYTES_MAX];
	int r;

	if (kr_statekey_bytes(x->u) > sizeof(key) ||
	    x->w->n > KR_EXPLORATION_RULES_MAX)
		return -E2BIG;
	sort_rules(s);
	for (unsigned int i = 0; i < x->w->n; i++)
		if (x->goal == KR_GOAL_ALONE &&
		    !strcmp(x->w->rules[i].name, x->goal_rule))
			s->goal_rule = i;
	s->seen = kr_stateset_new(kr_statekey_bytes(x->u));
	s->t = kr_system_copy(x->u->first);
	s->next = kr_system_copy(x->u->first);
	if (!s->seen || !s->t || !s->next)
		return -ENOMEM;
	r = kr_asking_all(&s->asking, x->u);
	for (unsigned int i = 0; !r && !x->reached && i <= x->n_also; i++) {
		const struct kr_system *t = (i ? x->also[i - 1] : x->u)->first;

		r = kr_statekey_put(x->u, t, key) ?
		    found(s, key, t, i, NO_ASK) : -E2BIG;
	}
	for (uint32_t at = 0; !r && !x->reached && at < x->n_states; at++)
		r = expand(s, at);
	return r;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int kr_exploration_run(struct kr_exploration *x)
{
	struct search s = { .x = x };
	double began = now();
	int r = run(&s);

	x->seconds = now() - began;
	kr_asking_clear(&s.asking);
	free(s.origins);
	kr_stateset_free(s.seen);
	kr_system_free(s.t);
	kr_system_free(s.next);
	return r;
}

void kr_exploration_clear(struct kr_exploration *x)
{
	free(x->path);
	x->path = NULL;
}
