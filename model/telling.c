/* SPDX-License-Identifier: Apache-2.0 */
/* telling.c - paths and states, for people to read. */
#include "model/telling.h"

#include <inttypes.h>
#include <stdio.h>

#include "model/mutant.h"

#define WORDS_MAX	64u
#define ASK_WIDTH	52

static const char *subject(const struct kr_universe *u, unsigned int s)
{
	return s < u->first->n_subjects ? u->subjects[s] : "nobody";
}

static const char *object(const struct kr_universe *u, unsigned int o)
{
	return o < u->first->n_objects ? u->objects[o] : "nothing";
}

static const char *attrs(unsigned int a, char ret[5])
{
	char *p = ret;

	for (unsigned int i = 0; i < 4; i++)
		if (a & 1u << i)
			*p++ = "rwae"[i];
	*p = '\0';
	return ret;
}

/* "trusted-agent", "tpm 0x3": the level, and categories if there are any */
static const char *class(struct kr_class c, char ret[WORDS_MAX])
{
	int n = snprintf(ret, WORDS_MAX, "%s", kr_level_name(c.level));

	if (c.categories)
		snprintf(ret + n, WORDS_MAX - (size_t)n, " 0x%" PRIx64,
			 c.categories);
	return ret;
}

static void tell_ask(const struct kr_universe *u, const struct kr_ask *q)
{
	char a[5], c[WORDS_MAX];
	const char *o = object(u, q->object), *to = subject(u, q->to);
	int n = printf("%s: %s ", subject(u, q->by), kr_ask_name(q->kind));

	switch (q->kind) {
	case KR_ASK_GET:
	case KR_ASK_RELEASE:
		n += printf("%s of %s", attrs(q->attr, a), o);
		break;
	case KR_ASK_GIVE:
	case KR_ASK_RESCIND:
		n += printf("%s %s of %s", to, attrs(q->attr, a), o);
		break;
	case KR_ASK_CREATE:
		n += printf("%s in %s as %s", o, object(u, q->parent),
			    class(q->c, c));
		break;
	case KR_ASK_SUBJECT_LEVEL:
		n += printf("of %s to %s", to, class(q->c, c));
		break;
	case KR_ASK_OBJECT_LEVEL:
		n += printf("of %s to %s", o, class(q->c, c));
		break;
	case KR_ASK_OFFER:
		n += printf("%s to %s", o, to);
		break;
	default:
		n += printf("%s", o);
	}
	printf("%*s", n < ASK_WIDTH ? ASK_WIDTH - n : 0, "");
}

static void tell_state(const struct kr_universe *u, const struct kr_system *t)
{
	char c[WORDS_MAX], has[5], may[5];

	for (unsigned int s = 0; s < t->n_subjects; s++)
		printf("      %s: %s\n", subject(u, s),
		       class(t->subjects[s].c, c));
	for (unsigned int o = 0; o < t->n_objects; o++) {
		const struct kr_object *x = &t->objects[o];

		printf("      %s: ", object(u, o));
		if (x->there)
			printf("%s, in %s", class(x->c, c),
			       object(u, x->parent));
		else
			printf("not there");
		if (x->stage != KR_STAGE_REST)
			printf(", %s, from %s to %s",
			       kr_mutant_stage((enum kr_stage)x->stage),
			       subject(u, x->from), subject(u, x->to));
		printf("\n");
		for (unsigned int s = 0; s < t->n_subjects; s++)
			if (kr_system_has(t, s, o) || kr_system_may(t, s, o))
				printf("        %s may '%s', has '%s'\n",
				       subject(u, s),
				       attrs(kr_system_may(t, s, o), may),
				       attrs(kr_system_has(t, s, o), has));
	}
}

static void tell_answer(const struct kr_decision *d)
{
	printf(" %s", kr_answer_name(d->answer));
	if (d->rule)
		printf(" by %s", d->rule->name);
	if (d->second)
		printf(" and %s", d->second->name);
	for (unsigned int c = 0; c < KR_COND_N; c++)
		if (d->failed & 1u << c)
			printf(", not: %s", kr_condition_text(c));
	printf("\n");
}

void kr_telling_size(const struct kr_exploration *x)
{
	printf("%-12s %8" PRIu32 " states, %10" PRIu64 " transitions of %11"
	       PRIu64 " requests, depth %3u, %5.1f s\n", x->u->name,
	       x->n_states, x->n_yes, x->n_asked, x->depth, x->seconds);
}

void kr_telling_path(const struct kr_exploration *x)
{
	struct kr_system *t = kr_system_copy(x->u->first);

	if (!t)
		return;
	if (x->violated) {
		printf("violated: %s", x->violated);
		if (x->v.subject < t->n_subjects)
			printf(", %s", subject(x->u, x->v.subject));
		if (x->v.object < t->n_objects)
			printf(", %s", object(x->u, x->v.object));
		printf("\n");
	}
	printf("   0  at first:\n");
	tell_state(x->u, t);
	for (unsigned int i = 0; i < x->n_path; i++) {
		struct kr_decision d = kr_decide(x->w, t, &x->path[i]);

		printf("%4u  ", i + 1);
		tell_ask(x->u, &x->path[i]);
		tell_answer(&d);
		if (i + 1 == x->n_path && d.answer == KR_YES &&
		    kr_exploration_of_nobody(&x->path[i]))
			break;
		kr_apply(t, &x->path[i], &d);
	}
	printf("      in the end:\n");
	tell_state(x->u, t);
	kr_system_free(t);
}

/* What @rule deals with of the requests of its kind. */
static void tell_dealings(const struct kr_rule *rule)
{
	const char *at = " at ";
	char a[5];

	printf("%s", kr_ask_name(rule->kind));
	if (rule->attrs)
		printf(" %s", attrs(rule->attrs, a));
	if (rule->vm != KR_RULE_ANY)
		printf(", %s VM", rule->vm == KR_RULE_VM ? "a" : "no");
	for (unsigned int s = 0; s < KR_STAGE_N; s++)
		if (rule->stages & 1u << s) {
			printf("%s%s", at, kr_mutant_stage((enum kr_stage)s));
			at = ", ";
		}
}

void kr_telling_rules(const struct kr_rules *w)
{
	for (unsigned int i = 0; i < w->n; i++) {
		const char *comma = "";

		printf("| `%s` | ", w->rules[i].name);
		tell_dealings(&w->rules[i]);
		printf(" | ");
		for (unsigned int c = 0; c < KR_COND_N; c++)
			if (w->rules[i].conds & 1u << c) {
				printf("%s%s", comma, kr_mutant_condition(
						(enum kr_condition)c));
				comma = ", ";
			}
		printf(" |\n");
	}
	for (unsigned int c = 0; c < KR_COND_N; c++)
		printf("| %s | %s |\n",
		       kr_mutant_condition((enum kr_condition)c),
		       kr_condition_text((enum kr_condition)c));
}
