/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claim.c - the claims. Those of steps compare the state before with the
 * state after, so they bind the effects as well as the rules.
 */
#include "model/claim.h"

#define E	KR_ATTR_EXECUTE
#define N_OF(a)	(sizeof(a) / sizeof((a)[0]))

struct step {
	const struct kr_system *t, *u;	/* before, after */
	const struct kr_ask    *q;
};

#define EACH_CELL(t, v) \
	for ((v)->subject = 0; (v)->subject < (t)->n_subjects; (v)->subject++) \
		for ((v)->object = 0; (v)->object < (t)->n_objects; \
		     (v)->object++)

#define EACH_OBJECT(t, v) \
	for ((v)->object = 0; (v)->object < (t)->n_objects; (v)->object++)

/* ---- states ------------------------------------------------------------- */

static bool of_what_is_there(const struct kr_system *t,
			     struct kr_violation *v)
{
	EACH_CELL(t, v)
		if (!t->objects[v->object].there &&
		    (kr_system_has(t, v->subject, v->object) ||
		     kr_system_may(t, v->subject, v->object)))
			return false;
	return true;
}

static bool below_top(const struct kr_system *t, struct kr_violation *v)
{
	for (v->subject = 0; v->subject < t->n_subjects; v->subject++)
		if (!kr_class_at_least(t->subjects[v->subject].top,
				       t->subjects[v->subject].c))
			return false;
	return true;
}

static bool hosts_own(const struct kr_system *t, struct kr_violation *v)
{
	EACH_CELL(t, v)
		if (t->objects[v->object].vm &&
		    kr_system_may(t, v->subject, v->object) & E &&
		    !t->subjects[v->subject].host)
			return false;
	return true;
}

static bool duties(const struct kr_system *t, struct kr_violation *v)
{
	EACH_CELL(t, v)
		if (t->subjects[v->subject].certifier &&
		    kr_system_has(t, v->subject, v->object) & E)
			return false;
	return true;
}

/* Up to the release it is the source's, then the destination's. */
static bool stages(const struct kr_system *t, struct kr_violation *v)
{
	EACH_CELL(t, v) {
		const struct kr_object *o = &t->objects[v->object];
		unsigned int owner = o->stage < KR_STAGE_RELEASED ? o->from :
								     o->to;

		if (o->stage == KR_STAGE_REST) {
			if (o->from != KR_NOBODY || o->to != KR_NOBODY)
				return false;
			continue;
		}
		if (!o->vm || !o->there || o->from == o->to ||
		    o->from >= t->n_subjects || o->to >= t->n_subjects)
			return false;
		if (kr_system_may(t, v->subject, v->object) & E &&
		    v->subject != owner)
			return false;
		if (kr_system_has(t, v->subject, v->object) & E &&
		    (o->stage == KR_STAGE_FROZEN ||
		     o->stage == KR_STAGE_RELEASED))
			return false;
	}
	return true;
}

static const struct {
	const char *name;
	bool	  (*holds)(const struct kr_system *t, struct kr_violation *v);
} states[] = {
	{ "what is not there is nobody's", of_what_is_there },
	{ "no subject is above its top", below_top },
	{ "only hosts own VMs", hosts_own },
	{ "who certifies executes nothing", duties },
	{ "a VM is whose its stage says", stages },
};

const char *kr_claim_state(const struct kr_system *t,
			   struct kr_violation *ret_v)
{
	for (unsigned int p = 0; p < KR_PROPERTY_N; p++)
		if (!kr_system_holds(t, p, ret_v))
			return kr_property_name(p);
	for (size_t i = 0; i < N_OF(states); i++) {
		*ret_v = (struct kr_violation){ KR_NOBODY, KR_NOBODY,
						KR_NOBODY };
		if (!states[i].holds(t, ret_v))
			return states[i].name;
	}
	return NULL;
}

/* ---- steps -------------------------------------------------------------- */

static bool went(const struct step *x, unsigned int o)
{
	return x->t->objects[o].there && !x->u->objects[o].there;
}

static bool came(const struct step *x, unsigned int o)
{
	return !x->t->objects[o].there && x->u->objects[o].there;
}

static bool moved(const struct step *x, unsigned int o)
{
	return x->t->objects[o].stage != x->u->objects[o].stage;
}

/* Who asked is a certifier, and it is about somebody else. */
static bool certified(const struct step *x, unsigned int s)
{
	return x->t->subjects[x->q->by].certifier && s != x->q->by;
}

/* Nothing but its making is done to what is not there, and that once. */
static bool is_there(const struct step *x, struct kr_violation *v)
{
	v->object = x->q->object;
	return v->object == KR_NOBODY ||
	       x->t->objects[v->object].there != (x->q->kind == KR_ASK_CREATE);
}

static bool was_had(const struct step *x, struct kr_violation *v)
{
	v->subject = x->q->by;
	v->object = x->q->object;
	return x->q->kind != KR_ASK_RELEASE ||
	       kr_system_has(x->t, v->subject, v->object) & x->q->attr;
}

/* Is it a host of this VM's migration, or an agent of one? */
static bool concerned(const struct step *x, const struct kr_violation *v)
{
	const struct kr_object *o = &x->t->objects[v->object];
	unsigned int of = x->t->subjects[v->subject].serves;

	if (x->t->subjects[v->subject].host)
		of = v->subject;
	return of != KR_NOBODY && (of == o->from || of == o->to);
}

/*
 * Rights change by a certifier, but not his own, and not whose a VM is; they
 * begin with their object, for its maker, and end with it; and a VM's
 * migration hands on who may run it, and lets agents do their part.
 */
static bool rights_certified(const struct step *x, struct kr_violation *v)
{
	EACH_CELL(x->t, v) {
		const struct kr_object *o = &x->u->objects[v->object];
		unsigned int was = kr_system_may(x->t, v->subject, v->object);
		unsigned int is = kr_system_may(x->u, v->subject, v->object);
		bool vm_run = o->vm && (was ^ is) & E;

		if (was == is || went(x, v->object) ||
		    (came(x, v->object) && v->subject == x->q->by))
			continue;
		if (certified(x, v->subject) && !vm_run)
			continue;
		if (!moved(x, v->object) || !concerned(x, v))
			return false;
		if (is & ~was & (x->t->subjects[v->subject].host ?
				 ~E : KR_ATTR_WRITE | E))
			return false;
	}
	return true;
}

/* Who certifies is given nothing to execute. */
static bool duties_kept(const struct step *x, struct kr_violation *v)
{
	EACH_CELL(x->t, v)
		if (x->t->subjects[v->subject].certifier &&
		    kr_system_may(x->u, v->subject, v->object) &
		    ~kr_system_may(x->t, v->subject, v->object) & E)
			return false;
	return true;
}

/* Who has a new access asked for it; a VM in migration starts by that. */
static bool accesses_asked(const struct step *x, struct kr_violation *v)
{
	EACH_CELL(x->t, v) {
		unsigned int more = kr_system_has(x->u, v->subject,
						  v->object) &
			~kr_system_has(x->t, v->subject, v->object);

		if (more && v->subject != x->q->by)
			return false;
		if (more & E && !moved(x, v->object) &&
		    x->t->objects[v->object].stage != KR_STAGE_REST)
			return false;
	}
	return true;
}

/* An access ends by who has it, with the right to it, or by a migration. */
static bool accesses_kept(const struct step *x, struct kr_violation *v)
{
	EACH_CELL(x->t, v) {
		unsigned int less = kr_system_has(x->t, v->subject,
						  v->object) &
			~kr_system_has(x->u, v->subject, v->object);

		if (less && v->subject != x->q->by && !moved(x, v->object) &&
		    less & kr_system_may(x->u, v->subject, v->object))
			return false;
	}
	return true;
}

static bool classes_certified(const struct step *x, struct kr_violation *v)
{
	for (v->subject = 0; v->subject < x->t->n_subjects; v->subject++)
		if (!kr_class_same(x->t->subjects[v->subject].c,
				   x->u->subjects[v->subject].c) &&
		    !certified(x, v->subject))
			return false;
	v->subject = x->q->by;
	EACH_OBJECT(x->t, v) {
		const struct kr_object *o = &x->t->objects[v->object];

		if (!kr_class_same(o->c, x->u->objects[v->object].c) &&
		    !came(x, v->object) &&
		    !(certified(x, KR_NOBODY) && o->stage == KR_STAGE_REST))
			return false;
	}
	return true;
}

/* What is made is no higher than who makes it, and in what he modifies. */
static bool makers_modify(const struct step *x, struct kr_violation *v)
{
	v->subject = x->q->by;
	EACH_OBJECT(x->t, v) {
		const struct kr_object *o = &x->u->objects[v->object];

		v->other = o->parent;
		if (!came(x, v->object)) {
			if (o->parent != x->t->objects[v->object].parent)
				return false;
			continue;
		}
		if (o->parent >= x->t->n_objects ||
		    !(kr_system_has(x->t, x->q->by, o->parent) &
		      (KR_ATTR_WRITE | KR_ATTR_APPEND)) ||
		    !kr_class_at_least(x->t->subjects[x->q->by].c, o->c))
			return false;
	}
	return true;
}

/* What goes is in what he writes who asks, and unused; a VM his, at rest. */
static bool deleters_may(const struct step *x, struct kr_violation *v)
{
	EACH_CELL(x->t, v) {
		const struct kr_object *o = &x->t->objects[v->object];
		unsigned int top = x->q->object;

		if (!went(x, v->object))
			continue;
		if (x->q->kind != KR_ASK_DELETE ||
		    !kr_system_below(x->t, v->object, top) ||
		    x->t->objects[top].parent == KR_NOBODY ||
		    !(kr_system_has(x->t, x->q->by,
				    x->t->objects[top].parent) &
		      KR_ATTR_WRITE) ||
		    kr_system_has(x->t, v->subject, v->object))
			return false;
		if (o->vm && (o->stage != KR_STAGE_REST ||
			      !(kr_system_may(x->t, x->q->by, v->object) & E)))
			return false;
	}
	return true;
}

/*
 * Who may end it: the source until it has released, and when the destination
 * owns it; the destination while it holds it ready, and it is nobody's.
 */
static bool may_end(const struct kr_object *o, unsigned int who)
{
	if (who == o->from && o->stage != KR_STAGE_RELEASED)
		return true;
	return who == o->to && (o->stage == KR_STAGE_FROZEN ||
				o->stage == KR_STAGE_RELEASED);
}

/* Each host speaks for itself, and each word leads on or ends it. */
static bool hosts_speak(const struct step *x, struct kr_violation *v)
{
	v->subject = x->q->by;
	EACH_OBJECT(x->t, v) {
		const struct kr_object *was = &x->t->objects[v->object];
		const struct kr_object *is = &x->u->objects[v->object];
		unsigned int who = was->from;

		if (!moved(x, v->object)) {
			if (was->from != is->from || was->to != is->to ||
			    (v->object == x->q->object &&
			     x->q->kind >= KR_ASK_OFFER))
				return false;
			continue;
		}
		if (is->stage == KR_STAGE_REST) {
			if (!may_end(was, x->q->by))
				return false;
			continue;
		}
		if (is->stage == KR_STAGE_OFFERED)
			who = kr_system_may(x->t, x->q->by, v->object) & E ?
			      is->from : KR_NOBODY;
		else if (is->stage == KR_STAGE_ACCEPTED ||
			 is->stage == KR_STAGE_OWNED)
			who = was->to;
		if (x->q->by != who || is->stage != was->stage + 1)
			return false;
	}
	return true;
}

static const struct {
	const char *name;
	bool	  (*holds)(const struct step *x, struct kr_violation *v);
} steps[] = {
	{ "only what is there is dealt with, and made once", is_there },
	{ "what is given up was had", was_had },
	{ "rights are certified, and not one's own", rights_certified },
	{ "who certifies is given nothing to execute", duties_kept },
	{ "an access is taken by who asks for it", accesses_asked },
	{ "an access is lost by who gives it up", accesses_kept },
	{ "classes are certified, and not one's own", classes_certified },
	{ "who makes something modifies what it is in", makers_modify },
	{ "what is deleted is unused, a VM one's own", deleters_may },
	{ "each host speaks for itself", hosts_speak },
};

const char *kr_claim_step(const struct kr_system *t, const struct kr_ask *q,
			  const struct kr_system *u,
			  struct kr_violation *ret_v)
{
	struct step x = { t, u, q };

	for (size_t i = 0; i < N_OF(steps); i++) {
		*ret_v = (struct kr_violation){ KR_NOBODY, KR_NOBODY,
						KR_NOBODY };
		if (!steps[i].holds(&x, ret_v))
			return steps[i].name;
	}
	return NULL;
}
