/* SPDX-License-Identifier: Apache-2.0 */
/* clarkwilson.c - the nine rules, a row and a check each. Pure. */
#include "policy/clarkwilson.h"

#include <string.h>

#define LOG	(1u << KR_CDI_LOG)
#define R(name)	(1u << KR_REASON_##name)

/* ---- of procedures ------------------------------------------------------ */

static bool all_verified(unsigned int data)
{
	for (unsigned int c = 0; data; c++, data >>= 1)
		if (data & 1 && (c >= KR_CDI_N ||
				 !kr_cdi_verified_by((enum kr_cdi)c)))
			return false;
	return true;
}

static bool is_verified(const struct kr_procedure *p)
{
	return all_verified(p->reads | p->transforms);
}

static bool says_what(const struct kr_procedure *p)
{
	return p->open || p->reads || p->transforms;
}

static bool is_logged(const struct kr_procedure *p)
{
	return !p->transforms || p->transforms & LOG;
}

/* What it makes of what it does not read as constrained. */
static bool makes_verified(const struct kr_procedure *p)
{
	return all_verified(p->transforms & ~p->reads);
}

static bool of_its_items(const struct kr_procedure *p)
{
	return p->on == KR_ITEM_NONE ||
	       !(p->transforms & ~LOG & ~kr_item_kind_data(p->on));
}

static bool not_open(const struct kr_procedure *p)
{
	return !p->open || !(p->reads | p->transforms);
}

/* ---- of triples --------------------------------------------------------- */

static bool is_in(const struct kr_words *w, const char *name)
{
	for (unsigned int i = 0; i < w->n; i++)
		if (!strcmp(w->word[i], name))
			return true;
	return false;
}

static const char *is_certified(const struct kr_triple *t,
				const char **ret_word)
{
	*ret_word = "'certified_by'";
	return t->certified_by && t->certified_by[0] ? NULL : "has no key ";
}

/* What is asked for again once others have approved it: daemon/consent.h. */
static bool all_wait(const struct kr_triple *t, const char **ret_word)
{
	for (unsigned int i = 0; i < t->may.n; i++) {
		const struct kr_procedure *p =
			kr_procedure_find(t->may.word[i]);

		*ret_word = t->may.word[i];
		if (p && !kr_procedure_waits(p))
			return false;
	}
	return true;
}

static const char *others_approve(const struct kr_triple *t,
				  const char **ret_word)
{
	if (t->approvals && !all_wait(t, ret_word))
		return "has approvals, and nobody can approve: ";
	*ret_word = "'approvers'";
	if (t->approvals && !t->approvers.n)
		return "has no key ";
	*ret_word = t->certified_by;
	return is_in(&t->approvers, t->certified_by) ?
	       "is approved by who certified it: " : NULL;
}

/* Each procedure is one, and has items if it is used on any. */
static const char *has_items(const struct kr_triple *t, const char **ret_word)
{
	for (unsigned int i = 0; i < t->may.n; i++) {
		const struct kr_procedure *p =
			kr_procedure_find(t->may.word[i]);

		*ret_word = t->may.word[i];
		if (!p)
			return "may use what is no procedure: ";
		*ret_word = "'on'";
		if (p->on != KR_ITEM_NONE && !t->on.n)
			return "has no key ";
	}
	return NULL;
}

static const char *has_all_three(const struct kr_triple *t,
				 const char **ret_word)
{
	*ret_word = t->who.n ? "'may'" : "'who'";
	return t->who.n && t->may.n ? NULL : "has no key ";
}

static const char *another_executes(const struct kr_triple *t,
				    const char **ret_word)
{
	*ret_word = t->certified_by;
	return is_in(&t->who, t->certified_by) ?
	       "is executed by who certified it: " : NULL;
}

/* ---- of executions ------------------------------------------------------ */

unsigned int kr_clarkwilson_approved(const struct kr_triple *t,
				     const struct kr_execution *x)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < x->n_approvers; i++)
		n += strcmp(x->approvers[i].name, x->by.name) &&
		     strcmp(x->approvers[i].name, t->certified_by) &&
		     kr_book_names(&t->approvers, &x->approvers[i]);
	return n;
}

static bool is_approved(const struct kr_triple *t,
			const struct kr_execution *x)
{
	return t && kr_clarkwilson_approved(t, x) >= t->approvals;
}

static bool has_triple(const struct kr_triple *t,
		       const struct kr_execution *x)
{
	unsigned int approved;
	enum kr_reason why = t ? kr_book_near(t, x, &approved) :
				 KR_REASON_NO_TRIPLE;

	return why != KR_REASON_NO_TRIPLE && why != KR_REASON_DESTINATION;
}

static bool is_somebody(const struct kr_triple *t,
			const struct kr_execution *x)
{
	(void)t;
	return x->by.name && x->by.name[0];
}

static bool by_another(const struct kr_triple *t,
		       const struct kr_execution *x)
{
	return t && strcmp(t->certified_by, x->by.name);
}

/* ---- the table ---------------------------------------------------------- */

/* What a row has no check for is kept by all of these. */
static const struct row {
	bool	    (*procedure)(const struct kr_procedure *p);
	const char *(*triple)(const struct kr_triple *t,
			      const char **ret_word);
	bool	    (*execution)(const struct kr_triple *t,
				 const struct kr_execution *x);
	unsigned int  reasons;	/* refusals by it: 1 << enum kr_reason */
} rows[KR_CLARKWILSON_N] = {
	[KR_CLARKWILSON_C1] = { .procedure = is_verified },
	[KR_CLARKWILSON_C2] = { says_what, is_certified, NULL, 0 },
	[KR_CLARKWILSON_C3] = { NULL, others_approve, is_approved,
				R(APPROVALS) },
	[KR_CLARKWILSON_C4] = { .procedure = is_logged },
	[KR_CLARKWILSON_C5] = { .procedure = makes_verified },
	[KR_CLARKWILSON_E1] = { of_its_items, has_items, NULL, 0 },
	[KR_CLARKWILSON_E2] = { NULL, has_all_three, has_triple,
				R(NO_TRIPLE) | R(DESTINATION) |
				R(TWO_TRIPLES) },
	[KR_CLARKWILSON_E3] = { not_open, NULL, is_somebody, R(NOBODY) },
	[KR_CLARKWILSON_E4] = { NULL, another_executes, by_another,
				R(CERTIFIER) },
};

static const struct { const char *name, *says; } texts[KR_CLARKWILSON_N] = {
#define X(name, says) [KR_CLARKWILSON_##name] = { #name, says },
	KR_CLARKWILSON(X)
#undef X
};

bool kr_clarkwilson_procedure(enum kr_clarkwilson rule,
			      const struct kr_procedure *p)
{
	return !rows[rule].procedure || rows[rule].procedure(p);
}

const char *kr_clarkwilson_triple(enum kr_clarkwilson rule,
				  const struct kr_triple *t,
				  const char **ret_word)
{
	const struct row *r = &rows[rule];
	const char *why = r->triple ? r->triple(t, ret_word) : NULL;

	for (unsigned int i = 0; i < t->may.n && !why && r->procedure; i++) {
		const struct kr_procedure *p =
			kr_procedure_find(t->may.word[i]);

		*ret_word = t->may.word[i];
		if (p && !r->procedure(p))
			why = "may use a procedure that is not sound: ";
	}
	return why;
}

bool kr_clarkwilson_execution(enum kr_clarkwilson rule,
			      const struct kr_triple *t,
			      const struct kr_execution *x)
{
	return !rows[rule].execution || rows[rule].execution(t, x);
}

const char *kr_clarkwilson_of(enum kr_reason why)
{
	for (unsigned int i = 0; i < KR_CLARKWILSON_N; i++)
		if (rows[i].reasons & 1u << why)
			return texts[i].name;
	return NULL;
}

const char *kr_clarkwilson_name(enum kr_clarkwilson rule)
{
	return texts[rule].name;
}

const char *kr_clarkwilson_says(enum kr_clarkwilson rule)
{
	return texts[rule].says;
}
