/* SPDX-License-Identifier: Apache-2.0 */
/* petitionclaim.c - what holds of each step in the life of a request. */
#include "model/petition.h"

#include <string.h>

#define CERTIFIER	VERA

/* The second version has one destination alone. */
static const unsigned int needed[KR_PETITION_VERSIONS] = { 2, 1 };

static bool operates(const struct kr_petition *t, enum kr_petitioner p)
{
	return (p == CARL || p == DORA || p == VERA) &&
	       !(t->no_role & 1u << p);
}

/* Who said a good yes to this, of now, and may: all of it, in other words. */
static bool approves(const struct kr_petition *t, enum kr_petitioner p)
{
	const struct kr_petition_word *w = &t->word[p];
	bool role = p == ANNA || p == BEN || p == DORA;

	return role && p != t->by && w->said == SAID_YES &&
	       w->form == FORM_GOOD && w->until > t->tick &&
	       !(t->no_key & 1u << p) && !(t->no_role & 1u << p);
}

static unsigned int approving(const struct kr_petition *t)
{
	unsigned int n = 0;

	for (unsigned int p = 0; p < KR_PETITIONERS; p++)
		n += approves(t, (enum kr_petitioner)p);
	return n;
}

static bool nobody_said_yes(const struct kr_petition *t)
{
	for (unsigned int p = 0; p < KR_PETITIONERS; p++)
		if (t->word[p].said == SAID_YES)
			return false;
	return true;
}

static const char *begun(const struct kr_petition *from,
			 const struct kr_petition_act *act,
			 const struct kr_petition *to)
{
	if (act->by == CERTIFIER)
		return "who certified executes nothing";
	if (!operates(from, act->by))
		return "who begins has the role";
	if (act->kind != DO_BEGIN)
		return "nobody begins alone";
	if (act->other_to && from->version == 1)
		return "the policy has that destination";
	if (to->n_begun > 1)
		return "a request is used once";
	if (from->question)
		return "nobody's word makes a rule";
	if (nobody_said_yes(from))
		return "somebody else has approved";
	if (approving(from) < needed[from->version])
		return "as many others approve as are needed, and may";
	if (from->state > KR_REQUEST_APPROVED)
		return "what is over stays so";
	if (from->expires <= from->tick)
		return "a request ends at its time";
	if (act->by != (enum kr_petitioner)from->by)
		return "what is begun is of who asked";
	if (act->other_to || act->other_vm)
		return "what is begun is what was approved, there";
	return from->at_version != from->version ||
	       from->at_definition != from->definition ?
	       "what is begun is as it was approved" : NULL;
}

/* A word that was kept. */
static const char *said(const struct kr_petition *from,
			const struct kr_petition_act *act,
			const struct kr_petition *to)
{
	if (from->state > KR_REQUEST_APPROVED)
		return "what is over stays so";
	if (from->expires <= from->tick)
		return "a request ends at its time";
	if (from->question)
		return "nobody's word makes a rule";
	if (act->by == (enum kr_petitioner)from->by)
		return "nobody says anything of what he asked for";
	if (from->no_key & 1u << act->by)
		return "a key that was removed says nothing";
	if (act->form != FORM_GOOD)
		return "a word that is kept is his, of now, and of this";
	if (act->by == CARL || act->by == EVE || from->no_role & 1u << act->by)
		return "who says anything has the role";
	if (!act->yes && to->state != KR_REQUEST_DENIED)
		return "who denies ends it";
	if (act->yes && to->state == KR_REQUEST_DENIED)
		return "who approves ends nothing";
	return NULL;
}

static const char *moved(const struct kr_petition *from,
			 const struct kr_petition_act *act,
			 const struct kr_petition *to)
{
	if (from->state > KR_REQUEST_APPROVED)
		return "what is over stays so";
	switch (to->state) {
	case KR_REQUEST_APPROVED:
		/* the certifier's word is a word, and is none when used */
		return approving(to) + (to->word[CERTIFIER].said == SAID_YES) <
		       to->needed ? "what is approved had enough" : NULL;
	case KR_REQUEST_DENIED:
		return act->kind == DO_CLOSE && !from->question ?
		       "it is denied by a signed word" :
		       from->expires <= from->tick ?
		       "a request ends at its time" : NULL;
	case KR_REQUEST_WITHDRAWN:
		return act->by != (enum kr_petitioner)from->by ?
		       "who asked withdraws" :
		       from->expires <= from->tick ?
		       "a request ends at its time" : NULL;
	default:
		return NULL;
	}
}

const char *kr_petition_violated(const struct kr_petition *from,
				 const struct kr_petition_act *act,
				 const struct kr_petition *to)
{
	const char *what = NULL;

	if (to->n_begun != from->n_begun)
		what = begun(from, act, to);
	else if (act->kind == DO_SAY)
		what = said(from, act, to);
	if (!what && from->there && to->state != from->state)
		what = moved(from, act, to);
	if (!what && !from->there && to->there && !to->question &&
	    to->needed != needed[from->version])
		what = "a request needs what its policy says";
	return what;
}
