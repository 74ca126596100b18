/* SPDX-License-Identifier: Apache-2.0 */
/* condition.c - what each condition of a rule means. Pure. */
#include "policy/condition.h"

static const struct kr_object *object(const struct kr_system *t,
				      const struct kr_ask *q)
{
	return &t->objects[q->object];
}

static bool owns(const struct kr_system *t, unsigned int s, unsigned int o)
{
	return kr_system_may(t, s, o) & KR_ATTR_EXECUTE;
}

static bool known(const struct kr_system *t, const struct kr_ask *q)
{
	return object(t, q)->there;
}

static bool is_new(const struct kr_system *t, const struct kr_ask *q)
{
	return !object(t, q)->there;
}

static bool host(const struct kr_system *t, const struct kr_ask *q)
{
	return t->subjects[q->by].host;
}

static bool certifier(const struct kr_system *t, const struct kr_ask *q)
{
	return t->subjects[q->by].certifier;
}

static bool not_itself(const struct kr_system *t, const struct kr_ask *q)
{
	return q->to < t->n_subjects && q->to != q->by;
}

static bool no_certifier(const struct kr_system *t, const struct kr_ask *q)
{
	unsigned int who = q->kind == KR_ASK_GIVE ? q->to : q->by;

	return who < t->n_subjects && !t->subjects[who].certifier;
}

static bool in_matrix(const struct kr_system *t, const struct kr_ask *q)
{
	return kr_system_may(t, q->by, q->object) & q->attr;
}

static bool no_read_down(const struct kr_system *t, const struct kr_ask *q)
{
	return kr_class_at_least(object(t, q)->c, t->subjects[q->by].c);
}

static bool no_write_up(const struct kr_system *t, const struct kr_ask *q)
{
	return kr_class_at_least(t->subjects[q->by].c, object(t, q)->c);
}

static bool has_it(const struct kr_system *t, const struct kr_ask *q)
{
	return kr_system_has(t, q->by, q->object) & q->attr;
}

static unsigned int parent_of(const struct kr_system *t,
			      const struct kr_ask *q)
{
	return q->kind == KR_ASK_CREATE ? q->parent : object(t, q)->parent;
}

static bool parent(const struct kr_system *t, const struct kr_ask *q)
{
	unsigned int p = parent_of(t, q);
	unsigned int want = KR_ATTR_WRITE;

	if (q->kind == KR_ASK_CREATE)
		want |= KR_ATTR_APPEND;
	return p < t->n_objects && t->objects[p].there &&
	       kr_system_has(t, q->by, p) & want;
}

static bool fits_parent(const struct kr_system *t, const struct kr_ask *q)
{
	unsigned int p = parent_of(t, q);

	return p >= t->n_objects || kr_class_at_least(t->objects[p].c, q->c);
}

static bool fits_content(const struct kr_system *t, const struct kr_ask *q)
{
	for (unsigned int o = 0; o < t->n_objects; o++)
		if (t->objects[o].there && t->objects[o].parent == q->object &&
		    !kr_class_at_least(q->c, t->objects[o].c))
			return false;
	return true;
}

static bool not_above(const struct kr_system *t, const struct kr_ask *q)
{
	return kr_class_at_least(t->subjects[q->by].c, q->c);
}

static bool unused(const struct kr_system *t, const struct kr_ask *q)
{
	for (unsigned int o = 0; o < t->n_objects; o++)
		for (unsigned int s = 0; s < t->n_subjects; s++)
			if (kr_system_has(t, s, o) &&
			    kr_system_below(t, o, q->object))
				return false;
	return true;
}

static bool at_rest(const struct kr_system *t, const struct kr_ask *q)
{
	for (unsigned int o = 0; o < t->n_objects; o++)
		if (t->objects[o].stage != KR_STAGE_REST &&
		    kr_system_below(t, o, q->object))
			return false;
	return true;
}

static bool holds_no_vm(const struct kr_system *t, const struct kr_ask *q)
{
	for (unsigned int o = 0; o < t->n_objects; o++)
		if (t->objects[o].vm && t->objects[o].there &&
		    o != q->object && kr_system_below(t, o, q->object))
			return false;
	return true;
}

static bool within_top(const struct kr_system *t, const struct kr_ask *q)
{
	return q->to < t->n_subjects &&
	       kr_class_at_least(t->subjects[q->to].top, q->c);
}

/* With the class that is asked for, would each access still be granted? */
static bool stays_secure(const struct kr_system *t, const struct kr_ask *q)
{
	bool of_subject = q->kind == KR_ASK_SUBJECT_LEVEL;
	unsigned int n = of_subject ? t->n_objects : t->n_subjects;

	if (of_subject && q->to >= t->n_subjects)
		return false;
	for (unsigned int i = 0; i < n; i++) {
		unsigned int has = of_subject ? kr_system_has(t, q->to, i) :
				   kr_system_has(t, i, q->object);
		struct kr_class s = of_subject ? q->c : t->subjects[i].c;
		struct kr_class o = of_subject ? t->objects[i].c : q->c;

		if ((has & (KR_ATTR_READ | KR_ATTR_WRITE) &&
		     !kr_class_at_least(o, s)) ||
		    (has & (KR_ATTR_WRITE | KR_ATTR_APPEND) &&
		     !kr_class_at_least(s, o)))
			return false;
	}
	return true;
}

/* With that class, would each host be of one to have the VMs that it has? */
static bool stays_hosted(const struct kr_system *t, const struct kr_ask *q)
{
	for (unsigned int o = 0; o < t->n_objects; o++)
		for (unsigned int s = 0; s < t->n_subjects; s++) {
			bool it = q->kind == KR_ASK_SUBJECT_LEVEL;

			if ((it ? s != q->to : o != q->object) ||
			    !kr_system_hosts(t, s, o))
				continue;
			if (!kr_class_at_least(
				    it ? q->c : t->subjects[s].c,
				    it ? t->objects[o].c : q->c))
				return false;
		}
	return true;
}

static bool owner(const struct kr_system *t, const struct kr_ask *q)
{
	for (unsigned int s = 0; s < t->n_subjects; s++)
		if (owns(t, s, q->object) != (s == q->by))
			return false;
	return true;
}

/* Another host, of a class to take in what is of the VM's. */
static bool destination(const struct kr_system *t, const struct kr_ask *q)
{
	return q->to < t->n_subjects && q->to != q->by &&
	       t->subjects[q->to].host &&
	       kr_class_at_least(t->subjects[q->to].c, object(t, q)->c);
}

static bool source_asks(const struct kr_system *t, const struct kr_ask *q)
{
	return object(t, q)->from == q->by;
}

static bool target_asks(const struct kr_system *t, const struct kr_ask *q)
{
	return object(t, q)->to == q->by;
}

static bool stopped(const struct kr_system *t, const struct kr_ask *q)
{
	for (unsigned int s = 0; s < t->n_subjects; s++)
		if (kr_system_has(t, s, q->object) & KR_ATTR_EXECUTE)
			return false;
	return true;
}

bool (*const kr_condition_holds[KR_COND_N])(const struct kr_system *t,
					    const struct kr_ask *q) = {
	[KR_COND_KNOWN]		= known,
	[KR_COND_NEW]		= is_new,
	[KR_COND_HOST]		= host,
	[KR_COND_CERTIFIER]	= certifier,
	[KR_COND_NOT_ITSELF]	= not_itself,
	[KR_COND_NO_CERTIFIER]	= no_certifier,
	[KR_COND_IN_MATRIX]	= in_matrix,
	[KR_COND_NO_READ_DOWN]	= no_read_down,
	[KR_COND_NO_WRITE_UP]	= no_write_up,
	[KR_COND_HAS_IT]	= has_it,
	[KR_COND_PARENT]	= parent,
	[KR_COND_FITS_PARENT]	= fits_parent,
	[KR_COND_FITS_CONTENT]	= fits_content,
	[KR_COND_NOT_ABOVE]	= not_above,
	[KR_COND_UNUSED]	= unused,
	[KR_COND_AT_REST]	= at_rest,
	[KR_COND_HOLDS_NO_VM]	= holds_no_vm,
	[KR_COND_WITHIN_TOP]	= within_top,
	[KR_COND_STAYS_SECURE]	= stays_secure,
	[KR_COND_STAYS_HOSTED]	= stays_hosted,
	[KR_COND_OWNER]		= owner,
	[KR_COND_DESTINATION]	= destination,
	[KR_COND_SOURCE_ASKS]	= source_asks,
	[KR_COND_TARGET_ASKS]	= target_asks,
	[KR_COND_STOPPED]	= stopped,
};

const char *kr_condition_text(enum kr_condition c)
{
	static const char *const texts[KR_COND_N] = {
#define X(name, text) [KR_COND_##name] = text,
		KR_CONDITIONS(X)
#undef X
	};

	return texts[c];
}

const char *kr_decision_why(const struct kr_decision *d)
{
	for (int i = 0; i < KR_COND_N; i++)
		if (d->failed & 1u << i)
			return kr_condition_text((enum kr_condition)i);
	return "no rule deals with it";
}
