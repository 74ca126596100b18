/* SPDX-License-Identifier: Apache-2.0 */
/* petition.c - what the people do, and what kororad's functions say to it. */
#include "model/petition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct { const char *name, *roles[2]; } people[KR_PETITIONERS] = {
	[CARL] = { "carl", { "operate" } },
	[ANNA] = { "anna", { "approve" } },
	[BEN] = { "ben", { "approve" } },
	[DORA] = { "dora", { "operate", "approve" } },
	[VERA] = { "vera", { "operate", "approve" } },
	[EVE] = { "eve", { NULL } },
};

const char *kr_petitioner_name(enum kr_petitioner p)
{
	return people[p].name;
}

const char *kr_petition_form_text(enum kr_petition_form f)
{
	static const char *const texts[] = {
#define X(name, says) says,
		KR_PETITION_FORMS(X)
#undef X
	};

	return texts[f];
}

/* ---- the law ------------------------------------------------------------ */

#define POLICY(version, to, approvals) \
	"[policy p]\nversion = " version "\n" \
	"[triple migrate]\nwho = role:operate\nmay = migrate\non = vm:*\n" \
	"to = " to "\napprovals = " approvals "\napprovers = role:approve\n" \
	"certified_by = vera\n" \
	"[triple approve]\nwho = role:approve\nmay = approve\n" \
	"certified_by = korora\n"

void kr_petition_law_fini(struct kr_petition_law *l)
{
	for (unsigned int i = 0; i < KR_PETITION_VERSIONS; i++)
		kr_book_free(l->book[i]);
}

static bool is_broken(const struct kr_petition_law *l,
		      enum kr_petition_break b)
{
	return l->broken & 1u << b;
}

static bool holds(const struct kr_petition_law *l, enum kr_assent_act act,
		  const struct kr_assent *a)
{
	return !kr_assent_failed(&l->rules[act], a);
}

/* ---- people, as the policy knows them ------------------------------------ */

static struct kr_person person(const struct kr_petition *t,
			       enum kr_petitioner p)
{
	struct kr_person who = { .name = people[p].name };

	if (t->no_role & 1u << p)
		return who;
	while (who.n_roles < 2 && people[p].roles[who.n_roles]) {
		who.roles[who.n_roles] = people[p].roles[who.n_roles];
		who.n_roles++;
	}
	return who;
}

/* @approvers: n, to be spoilt */
static struct kr_verdict ask(const struct kr_petition_law *l,
			     const struct kr_petition *t,
			     enum kr_petitioner by,
			     const struct kr_petition_act *act,
			     struct kr_person *approvers, unsigned int n)
{
	struct kr_execution x = {
		.by = person(t, by),
		.procedure = kr_procedure(KR_TP_migrate),
		.item = act->other_vm ? "vm:web2" : "vm:web1",
		.to = act->other_to ? "c" : "b",
		.approvers = approvers, .n_approvers = n };
	struct kr_triple *of = &l->book[t->version]->triples[0];
	struct kr_triple was = *of;
	static char *anyone[] = { (char *)"*" };
	static char nobody[] = "nobody";
	struct kr_verdict v;

	if (is_broken(l, by == VERA ? BREAK_EXECUTES : BREAK_CERTIFIES))
		of->certified_by = nobody;
	if (is_broken(l, BREAK_APPROVERS))
		of->approvers = (struct kr_words){ anyone, 1 };
	for (unsigned int i = 0; i < n && is_broken(l, BREAK_HIMSELF); i++)
		if (!strcmp(approvers[i].name, x.by.name))
			approvers[i].name = nobody;
	/* as if it went where each version lets it go */
	if (is_broken(l, BREAK_DESTINATION))
		x.to = "b";
	v = kr_book_decide(l->book[t->version], &x);
	*of = was;
	return v;
}

/* By what he holds, asked once of each policy: most steps want to know. */
static void find_who_may(struct kr_petition_law *l, unsigned int version)
{
	for (unsigned int lost = 0; lost < 2; lost++)
		for (unsigned int p = 0; p < KR_PETITIONERS; p++) {
			struct kr_petition t = {
				.no_role = (uint8_t)(lost << p) };
			struct kr_execution x = {
				.by = person(&t, (enum kr_petitioner)p),
				.procedure = kr_procedure(KR_TP_approve),
				.item = "" };

			l->may[version][lost][p] =
				kr_book_decide(l->book[version], &x).answer ==
				KR_YES;
		}
}

static bool may_approve(const struct kr_petition_law *l,
			const struct kr_petition *t, enum kr_petitioner p)
{
	return l->may[t->version][t->no_role >> p & 1][p];
}

int kr_petition_law_init(struct kr_petition_law *l, struct kr_err *e)
{
	static const char *const text[KR_PETITION_VERSIONS] = {
		POLICY("1", "b, c", "2"), POLICY("2", "b", "1") };
	int r = 0;

	*l = (struct kr_petition_law){ .broken = 0 };
	memcpy(l->rules, kr_assent_rules, sizeof(l->rules));
	for (unsigned int i = 0; i < KR_PETITION_VERSIONS && !r; i++) {
		l->book[i] = kr_book_new();
		if (!l->book[i])
			return kr_fail(e, KR_E_SYSTEM, "out of memory");
		r = kr_book_add(l->book[i], "p.policy", text[i],
				strlen(text[i]), e);
		if (!r)
			r = kr_book_finish(l->book[i], e);
		if (!r)
			find_who_may(l, i);
	}
	return r;
}

/* ---- words -------------------------------------------------------------- */

/* What an approval would be for if it were for this. */
static struct kr_approval wanted(unsigned int request, bool other_vm,
				 bool other_to, unsigned int version,
				 unsigned int definition,
				 enum kr_petitioner asker)
{
	struct kr_approval w = { .vm = "web1", .to_name = "b",
				 .policy = { .name = "p" } };

	w.request[0] = (uint8_t)request;
	w.vm[3] = other_vm ? '2' : '1';
	w.to_name[0] = other_to ? 'c' : 'b';
	w.to_keyid[0] = (uint8_t)w.to_name[0];
	w.policy.version = version + 1;
	w.policy.digest[0] = (uint8_t)(version + 1);
	w.definition[0] = (uint8_t)definition;
	strcpy(w.requester, people[asker].name);
	return w;
}

static void speak(struct kr_approval *a, enum kr_petitioner by)
{
	strcpy(a->approver, people[by].name);
	a->approver_keyid[0] = (uint8_t)(by + 1);
}

/* What @p has signed, as it came. */
static struct kr_approval signed_word(const struct kr_petition *t,
				      enum kr_petitioner p)
{
	const struct kr_petition_word *w = &t->word[p];
	enum kr_petition_form f = (enum kr_petition_form)w->form;
	struct kr_approval a = wanted(
		f == FORM_OTHER_REQUEST, f == FORM_OTHER_VM,
		f == FORM_OTHER_TO, t->at_version ^ (f == FORM_OTHER_POLICY),
		t->at_definition ^ (f == FORM_OTHER_DEFINITION),
		f != FORM_OTHER_ASKER ? (enum kr_petitioner)t->by :
		t->by == DORA ? CARL : DORA);

	speak(&a, f == FORM_OTHER_KEY ? BEN : p);
	if (f == FORM_OTHER_NAME)
		strcpy(a.approver, people[BEN].name);
	a.expires_ms = w->until;
	a.issued_ms = f == FORM_EARLY ? w->until - 1u : 0;
	return a;
}

/* As if it said what it is not looked at for. */
static void overlook(const struct kr_petition_law *l, struct kr_approval *a,
		     const struct kr_approval *want, unsigned int now)
{
	if (is_broken(l, BREAK_REQUEST))
		memcpy(a->request, want->request, sizeof(a->request));
	if (is_broken(l, BREAK_VM))
		memcpy(a->vm, want->vm, sizeof(a->vm));
	if (is_broken(l, BREAK_TO)) {
		memcpy(a->to_name, want->to_name, sizeof(a->to_name));
		memcpy(a->to_keyid, want->to_keyid, sizeof(a->to_keyid));
	}
	if (is_broken(l, BREAK_POLICY))
		a->policy = want->policy;
	if (is_broken(l, BREAK_DEFINITION))
		memcpy(a->definition, want->definition, sizeof(a->definition));
	if (is_broken(l, BREAK_ASKER))
		memcpy(a->requester, want->requester, sizeof(a->requester));
	if (is_broken(l, BREAK_NAME))
		memcpy(a->approver, want->approver, sizeof(a->approver));
	if (is_broken(l, BREAK_KEY))
		memcpy(a->approver_keyid, want->approver_keyid,
		       sizeof(a->approver_keyid));
	if (is_broken(l, BREAK_ISSUED))
		a->issued_ms = 0;
	if (is_broken(l, BREAK_EXPIRES))
		a->expires_ms = now + 1;
}

static struct kr_assent facts(const struct kr_petition *t)
{
	return (struct kr_assent){
		.state = (enum kr_request_state)t->state,
		.question = t->question, .asked_by = people[t->by].name,
		.expires_ms = t->expires, .now_ms = t->tick,
		.needed = t->needed, .by = "" };
}

/* As examine() of daemon/requests.c finds them. */
static void look_at_word(const struct kr_petition_law *l,
			 const struct kr_petition *t, enum kr_petitioner p,
			 const struct kr_approval *want, struct kr_assent *a)
{
	struct kr_approval said = signed_word(t, p), mine = *want;
	enum kr_petitioner key = (enum kr_petitioner)
		(said.approver_keyid[0] - 1);

	speak(&mine, p);
	mine.approver_keyid[0] = said.approver_keyid[0]; /* of the row */
	overlook(l, &said, &mine, t->tick);
	a->by = people[p].name;
	a->key_of = t->no_key & 1u << key ? NULL : people[key].name;
	if (is_broken(l, BREAK_KEY))
		a->key_of = a->by;
	a->is_signed = t->word[p].form != FORM_UNSIGNED;
	a->fits = !kr_approval_check(&said, &mine, t->tick, NULL);
	a->may = may_approve(l, t, p);
	a->approves = t->word[p].said == SAID_YES;
}

static unsigned int count(const struct kr_petition_law *l,
			  const struct kr_petition *t,
			  const struct kr_approval *want,
			  enum kr_petitioner asker,
			  struct kr_person *approvers)
{
	unsigned int n = 0;

	for (unsigned int p = 0; p < KR_PETITIONERS; p++) {
		struct kr_assent a = facts(t);

		if (t->word[p].said == SAID_NOTHING)
			continue;
		a.asked_by = people[asker].name;
		look_at_word(l, t, (enum kr_petitioner)p, want, &a);
		if (holds(l, KR_ASSENT_COUNT, &a))
			approvers[n++] = person(t, (enum kr_petitioner)p);
	}
	return n;
}

/* ---- what is done ------------------------------------------------------- */

/* kr_requestrow_expire(): it comes with most calls, or late */
static bool sweep(struct kr_petition *t)
{
	if (!t->there || t->state > KR_REQUEST_APPROVED ||
	    t->expires > t->tick)
		return false;
	t->state = KR_REQUEST_EXPIRED;
	return true;
}

static bool world(struct kr_petition *t, const struct kr_petition_act *act)
{
	uint8_t bit = (uint8_t)(1u << act->by);

	switch (act->kind) {
	case DO_TICK:
		return ++t->tick < KR_PETITION_TICKS;
	case DO_SWEEP:
		return sweep(t);
	case DO_RELOAD:
		t->version ^= 1;
		return true;
	case DO_REDEFINE:
		return !t->definition++;
	case DO_LOSE_KEY:
		t->no_key ^= bit;
		return t->no_key & bit;
	default:
		t->no_role ^= bit;	/* and has it back */
		return true;
	}
}

/* What kr_consent_ask() does, and kororad of what no rule deals with. */
static bool petition(const struct kr_petition_law *l, struct kr_petition *t,
		     const struct kr_petition_act *act)
{
	struct kr_verdict v;

	if (t->there)
		return false;
	v = ask(l, t, act->by, act, NULL, 0);
	if (v.answer == KR_YES) {
		t->there = 1;
		t->by = (uint8_t)act->by;
		t->n_begun++;
		return true;
	}
	if (v.answer != KR_QUESTION)
		return false;
	t->there = 1;
	t->question = v.reason != KR_REASON_APPROVALS;
	t->state = KR_REQUEST_OPEN;
	t->by = (uint8_t)act->by;
	t->at_version = t->version;
	t->at_definition = t->definition;
	t->expires = (uint8_t)(t->tick + KR_PETITION_LIFE);
	t->needed = t->question ? 0 : (uint8_t)v.triple->approvals;
	return true;
}

/* kr_requests_add_approval(), and who is let call it */
static bool say(const struct kr_petition_law *l, struct kr_petition *t,
		const struct kr_petition_act *act)
{
	struct kr_person approvers[KR_PETITIONERS];
	struct kr_approval want;
	struct kr_assent a = facts(t);

	if (!t->there || t->word[act->by].said ||
	    (!may_approve(l, t, act->by) && !is_broken(l, BREAK_APPROVE)))
		return false;
	want = wanted(0, false, false, t->at_version, t->at_definition,
		      (enum kr_petitioner)t->by);
	t->word[act->by] = (struct kr_petition_word){
		act->yes ? SAID_YES : SAID_NO, (uint8_t)act->form,
		act->form == FORM_LATE ? t->tick :
		act->form == FORM_EARLY ? (uint8_t)(t->tick + 2) :
		act->for_long ? KR_PETITION_LONG : (uint8_t)(t->tick + 1) };
	look_at_word(l, t, act->by, &want, &a);
	if (!holds(l, KR_ASSENT_KEEP, &a))
		return false;
	if (holds(l, KR_ASSENT_DENY, &a)) {
		t->state = (uint8_t)l->rules[KR_ASSENT_DENY].to;
		return true;
	}
	a.n = count(l, t, &want, (enum kr_petitioner)t->by, approvers);
	if (holds(l, KR_ASSENT_PASS, &a))
		t->state = (uint8_t)l->rules[KR_ASSENT_PASS].to;
	return true;
}

/* kr_consent_take(), by a call that names the request, whatever it is for */
static bool begin(const struct kr_petition_law *l, struct kr_petition *t,
		  const struct kr_petition_act *act)
{
	struct kr_person approvers[KR_PETITIONERS];
	struct kr_approval want;
	struct kr_assent a = facts(t);

	if (!t->there || t->n_begun > 1 ||
	    kr_assent_failed(&l->rules[KR_ASSENT_USE], &a) &
		    ~(1u << KR_ASSENT_ENOUGH))
		return false;
	want = wanted(0, act->other_vm, act->other_to, t->version,
		      t->definition, act->by);
	a.n = count(l, t, &want, act->by, approvers);
	if (!holds(l, KR_ASSENT_USE, &a) ||
	    (!is_broken(l, BREAK_VERDICT) &&
	     ask(l, t, act->by, act, approvers, a.n).answer != KR_YES))
		return false;
	t->state = (uint8_t)l->rules[KR_ASSENT_USE].to;
	t->n_begun++;
	return true;
}

static bool end(const struct kr_petition_law *l, struct kr_petition *t,
		enum kr_assent_act what, enum kr_petitioner by)
{
	struct kr_assent a = facts(t);

	a.by = people[by].name;
	if (!t->there || !holds(l, what, &a))
		return false;
	t->state = (uint8_t)l->rules[what].to;
	return true;
}

bool kr_petition_do(const struct kr_petition_law *l, struct kr_petition *io,
		    const struct kr_petition_act *act)
{
	struct kr_petition t = *io;
	bool done;

	switch (act->kind) {
	case DO_ASK:	  done = petition(l, &t, act); break;
	case DO_SAY:	  done = say(l, &t, act); break;
	case DO_BEGIN:	  done = begin(l, &t, act); break;
	case DO_WITHDRAW:
		done = end(l, &t, KR_ASSENT_WITHDRAW, act->by);
		break;
	case DO_CLOSE:
		done = may_approve(l, &t, act->by) &&
		       end(l, &t, KR_ASSENT_CLOSE, act->by);
		break;
	default:	  done = world(&t, act); break;
	}
	if (done)
		*io = t;
	return done;
}

/* ---- all there are ------------------------------------------------------- */

#define ACTS_MAX	128u

const struct kr_petition_act *kr_petition_acts(unsigned int *ret_n)
{
	static struct kr_petition_act acts[ACTS_MAX];
	unsigned int n = 0;

	acts[n++] = (struct kr_petition_act){ .kind = DO_TICK };
	acts[n++] = (struct kr_petition_act){ .kind = DO_SWEEP };
	acts[n++] = (struct kr_petition_act){ .kind = DO_RELOAD };
	acts[n++] = (struct kr_petition_act){ .kind = DO_REDEFINE };
	acts[n++] = (struct kr_petition_act){ DO_LOSE_KEY, .by = ANNA };
	acts[n++] = (struct kr_petition_act){ DO_LOSE_ROLE, .by = BEN };
	acts[n++] = (struct kr_petition_act){ DO_LOSE_ROLE, .by = CARL };
	for (unsigned int p = 0; p < KR_PETITIONERS; p++) {
		struct kr_petition_act a = { .by = (enum kr_petitioner)p };

		a.kind = DO_ASK;
		acts[n++] = a;
		a.kind = DO_WITHDRAW;
		acts[n++] = a;
		a.kind = DO_CLOSE;
		acts[n++] = a;
		a.kind = DO_BEGIN;
		acts[n++] = a;
		a.other_to = true;
		acts[n++] = a;
		a.other_to = false;
		a.other_vm = true;
		acts[n++] = a;
		a = (struct kr_petition_act){ DO_SAY, a.by, FORM_GOOD,
					      false, true, false, false };
		acts[n++] = a;
		a.yes = true;
		acts[n++] = a;
		a.for_long = false;
		/* what is wrong with words, or soon will be, is so for all:
		 * one tries it */
		if (p == ANNA)
			acts[n++] = a;
		a.for_long = true;
		for (unsigned int f = 1; p == ANNA && f < KR_PETITION_FORMS_N;
		     f++) {
			a.form = (enum kr_petition_form)f;
			acts[n++] = a;
		}
	}
	*ret_n = n;
	return acts;
}
