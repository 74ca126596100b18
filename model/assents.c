/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assents.c - explores the life of a request for a migration (petition.h), and
 * shows that it would find errors in what decides.
 *
 *	assents [--break HOW]...
 *
 * Every state that it can come to is found, breadth first, and every step is
 * checked; the first that violates something is told with the shortest way
 * there, exit code 1. HOW breaks what decides first: ACT:CONDITION drops one of
 * policy/assent.h, and a name of KR_PETITION_BREAKS what kr_approval_check() or
 * kr_book_decide() look at.
 *
 *	assents --all-broken
 *
 * breaks each of them: what is not told of has to be in idle[], with what
 * implies it, and be told of without that.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/petition.h"
#include "model/stateset.h"

#define PATH_MAX_STEPS	64u
#define HOW_MAX		64u

enum { HOLDS, VIOLATED, USAGE };

/* ---- searching ---------------------------------------------------------- */

struct origin { uint32_t from; uint16_t act, depth; };

struct search {
	const struct kr_petition_law *l;
	struct kr_stateset *seen;
	struct origin	   *origins;	/* [state] */
	uint32_t	    n, n_max;
	uint64_t	    n_tried, n_done, n_begun;
	const char	   *only;	/* other violations are passed over */
	/* what is violated, by which act from which state; NULL: nothing */
	const char	   *violated;
	uint32_t	    at;
	uint16_t	    act;
};

static bool found(struct search *s, const struct kr_petition *t,
		  uint32_t from, uint16_t act)
{
	bool is_new;
	uint32_t at = kr_stateset_add(s->seen, (const uint8_t *)t, &is_new);

	if (at == UINT32_MAX)
		return false;
	if (!is_new)
		return true;
	if (at >= s->n_max) {
		uint32_t n = s->n_max ? s->n_max * 2 : 4096;
		struct origin *p = realloc(s->origins, n * sizeof(p[0]));

		if (!p)
			return false;
		s->origins = p;
		s->n_max = n;
	}
	s->origins[at] = (struct origin){ from, act, 0 };
	if (at)
		s->origins[at].depth =
			(uint16_t)(s->origins[from].depth + 1u);
	s->n = at + 1;
	return true;
}

static struct kr_petition state(const struct search *s, uint32_t at)
{
	struct kr_petition t;

	memcpy(&t, kr_stateset_key(s->seen, at), sizeof(t));
	return t;
}

static const char *violated(const struct search *s,
			    const struct kr_petition *from,
			    const struct kr_petition_act *act,
			    const struct kr_petition *to)
{
	const char *what = kr_petition_violated(from, act, to);

	return what && s->only && strcmp(what, s->only) != 0 ? NULL : what;
}

static bool expand(struct search *s, uint32_t at)
{
	unsigned int n_acts;
	const struct kr_petition_act *acts = kr_petition_acts(&n_acts);
	const struct kr_petition from = state(s, at);

	for (unsigned int i = 0; i < n_acts && !s->violated; i++) {
		struct kr_petition to = from;

		s->n_tried++;
		if (!kr_petition_do(s->l, &to, &acts[i]))
			continue;
		s->n_done++;
		s->n_begun += to.n_begun != from.n_begun;
		s->violated = violated(s, &from, &acts[i], &to);
		s->at = at;
		s->act = (uint16_t)i;
		if (!found(s, &to, at, (uint16_t)i))
			return false;
	}
	return true;
}

/* @only: NULL for any violation. Return: false without memory. */
static bool run(struct search *s, const struct kr_petition_law *l,
		const char *only)
{
	const struct kr_petition first = { .tick = 0 };
	bool ok;

	*s = (struct search){ .l = l, .only = only };
	s->seen = kr_stateset_new(sizeof(first));
	ok = s->seen && found(s, &first, 0, 0);
	for (uint32_t at = 0; ok && !s->violated && at < s->n; at++)
		ok = expand(s, at);
	return ok;
}

static void clear(struct search *s)
{
	kr_stateset_free(s->seen);
	free(s->origins);
}

/* ---- telling ------------------------------------------------------------ */

static void tell_act(const struct kr_petition_act *a)
{
	static const char *const worlds[] = {
		[DO_TICK] = "time goes on",
		[DO_SWEEP] = "what is due has expired",
		[DO_RELOAD] = "the other version of the policy is in force",
		[DO_REDEFINE] = "the VM is defined anew",
		[DO_LOSE_KEY] = "loses the key",
		[DO_LOSE_ROLE] = "loses the role, or has it back",
		[DO_ASK] = "asks for the migration",
		[DO_WITHDRAW] = "withdraws it", [DO_CLOSE] = "closes it",
		[DO_BEGIN] = "begins",
	};

	if (a->kind > DO_REDEFINE)
		printf("%s ", kr_petitioner_name(a->by));
	if (a->kind == DO_SAY)
		printf("says %s in a word %s%s", a->yes ? "yes" : "no",
		       kr_petition_form_text(a->form),
		       a->for_long ? "" : ", for a tick");
	else
		printf("%s%s%s", worlds[a->kind],
		       a->other_vm ? " with another VM" : "",
		       a->other_to ? " to another host" : "");
}

static void tell_step(const struct search *s, unsigned int n,
		      const struct kr_petition_act *act,
		      struct kr_petition *t)
{
	static const char *const states[KR_REQUEST_STATE_N] = {
		"open", "approved", "denied", "used", "expired", "withdrawn" };

	kr_petition_do(s->l, t, act);
	printf("%4u  ", n);
	tell_act(act);
	printf(" [tick %u, policy %u", t->tick, t->version + 1u);
	if (t->there)
		printf(", %s%s", t->question ? "question " : "",
		       states[t->state]);
	printf("]\n");
}

static unsigned int steps(const struct search *s)
{
	return s->origins[s->at].depth + 1u;
}

static void tell_path(const struct search *s)
{
	unsigned int n_acts, n = 0;
	const struct kr_petition_act *acts = kr_petition_acts(&n_acts);
	uint16_t path[PATH_MAX_STEPS];
	struct kr_petition t = state(s, 0);

	printf("violated: %s\n", s->violated);
	path[n++] = s->act;
	for (uint32_t at = s->at; at && n < PATH_MAX_STEPS;
	     at = s->origins[at].from)
		path[n++] = s->origins[at].act;
	for (unsigned int i = 1; n; i++)
		tell_step(s, i, &acts[path[--n]], &t);
}

static void tell_size(const struct search *s)
{
	printf("assents: %" PRIu32 " states, %" PRIu64 " transitions of %"
	       PRIu64 " acts, %" PRIu64 " begin a migration, depth %u\n",
	       s->n, s->n_done, s->n_tried, s->n_begun,
	       s->origins[s->n - 1].depth);
}

/* ---- breaking ----------------------------------------------------------- */

static const char *const breaks[KR_PETITION_BREAKS_N] = {
#define X(name, what) #name,
	KR_PETITION_BREAKS(X)
#undef X
};

static bool break_one(struct kr_petition_law *l, const char *how)
{
	const char *colon = strchr(how, ':');
	unsigned int bit;

	for (unsigned int b = 0; b < KR_PETITION_BREAKS_N; b++)
		if (!strcmp(breaks[b], how)) {
			l->broken |= 1u << b;
			return true;
		}
	for (unsigned int r = 0; colon && r < KR_ASSENT_ACT_N; r++)
		for (unsigned int c = 0; c < KR_ASSENT_COND_N; c++) {
			bit = 1u << c;
			if (strlen(l->rules[r].name) !=
				    (size_t)(colon - how) ||
			    strncmp(l->rules[r].name, how,
				    (size_t)(colon - how)) != 0 ||
			    strcmp(kr_assent_cond_name(
					   (enum kr_assent_cond)c),
				   colon + 1) != 0 ||
			    !(l->rules[r].conds & bit))
				continue;
			l->rules[r].conds &= ~bit;
			return true;
		}
	return false;
}

static bool break_all(struct kr_petition_law *l, const char *hows)
{
	char all[256], *save = NULL;
	size_t n = strlen(hows);

	if (n >= sizeof(all))
		return false;
	memcpy(all, hows, n + 1);
	for (char *how = strtok_r(all, " ", &save); how;
	     how = strtok_r(NULL, " ", &save))
		if (!break_one(l, how))
			return false;
	return true;
}

/* What others have the same effect as. */
static const struct idle {
	const char *how, *unless;	/* without that as well ... */
	const char *violated;		/* ... it is what violates this */
	const char *because;
} idle[] = {
	{ "count:BY_ANOTHER", "keep:BY_ANOTHER", "what is approved had enough",
	  "no word of who asked is kept" },
	{ "count:SIGNED", "keep:SIGNED", "what is approved had enough",
	  "no word that is not signed is kept" },
	{ "count:APPROVES", "use:WAITS",
	  "as many others approve as are needed, and may",
	  "a word that denies ends the request" },
	{ "use:APPROVABLE", "VERDICT", "nobody's word makes a rule",
	  "what no rule deals with the policy never allows" },
	{ "use:ENOUGH", "VERDICT", "somebody else has approved",
	  "the policy counts them, too" },
	{ "APPROVERS", "count:MAY",
	  "as many others approve as are needed, and may",
	  "who has no role that approves is not counted" },
	{ "HIMSELF", "keep:BY_ANOTHER count:BY_ANOTHER",
	  "as many others approve as are needed, and may",
	  "no word of who asked is kept" },
	{ "DESTINATION", "count:FITS", "the policy has that destination",
	  "words are of one destination, that the policy had" },
	{ NULL, NULL, NULL, NULL }
};

static const struct idle *find_idle(const char *how)
{
	for (const struct idle *i = idle; i->how; i++)
		if (!strcmp(i->how, how))
			return i;
	return NULL;
}

/* Is it told of, broken by @how and @more? @only: as for run() */
static bool told(const char *how, const char *more, const char *only,
		 struct search *s)
{
	struct kr_petition_law l;
	bool ok = !kr_petition_law_init(&l, NULL) && break_all(&l, how) &&
		  break_all(&l, more) && run(s, &l, only);

	kr_petition_law_fini(&l);
	return ok && s->violated;
}

struct tally { unsigned int n_told, n_idle, n_bad; };

static void must_tell(struct tally *n, const char *how)
{
	const struct idle *i = find_idle(how);
	struct search s = { .n = 0 };
	bool is_told = told(how, "", NULL, &s);

	printf("%-22s ", how);
	if (is_told && !i) {
		printf("%s, after %u\n", s.violated, steps(&s));
		n->n_told++;
	} else if (is_told || !i) {
		printf("NOT TOLD%s\n", i ? ": it is said to be idle, and "
		       "decides" : "");
		n->n_bad++;
	}
	clear(&s);
	if (is_told || !i)
		return;
	/* without what implies it that does not happen yet; without both,
	 * it does */
	if (!told("", i->unless, i->violated, &s)) {
		clear(&s);
		is_told = told(how, i->unless, i->violated, &s);
	}
	printf("%s: %s\n", is_told ? "implied" : "NOT TOLD", i->because);
	n->n_idle += is_told;
	n->n_bad += !is_told;
	clear(&s);
}

static int all_broken(void)
{
	struct tally n = { 0 };
	char how[HOW_MAX];

	for (unsigned int r = 0; r < KR_ASSENT_ACT_N; r++)
		for (unsigned int c = 0; c < KR_ASSENT_COND_N; c++) {
			if (!(kr_assent_rules[r].conds & 1u << c))
				continue;
			snprintf(how, sizeof(how), "%s:%s",
				 kr_assent_rules[r].name,
				 kr_assent_cond_name((enum kr_assent_cond)c));
			must_tell(&n, how);
		}
	for (unsigned int b = 0; b < KR_PETITION_BREAKS_N; b++)
		must_tell(&n, breaks[b]);
	printf("%u broken told of, %u implied by others, %u not told of\n",
	       n.n_told, n.n_idle, n.n_bad);
	return n.n_bad ? VIOLATED : HOLDS;
}

int main(int argc, char **argv)
{
	struct kr_err e = KR_ERR_NONE;
	struct kr_petition_law l;
	struct search s = { .n = 0 };
	int r;

	if (argc == 2 && !strcmp(argv[1], "--all-broken"))
		return all_broken();
	r = kr_petition_law_init(&l, &e) ? USAGE : HOLDS;
	if (r)
		fprintf(stderr, "assents: %s\n", e.what);
	for (int i = 1; i < argc && !r; i += 2)
		if (strcmp(argv[i], "--break") != 0 || i + 1 == argc ||
		    !break_all(&l, argv[i + 1])) {
			fprintf(stderr, "usage: assents --all-broken | "
					"[--break HOW]...\n");
			r = USAGE;
		}
	if (!r && !run(&s, &l, NULL)) {
		fprintf(stderr, "assents: out of memory\n");
		r = USAGE;
	} else if (!r) {
		tell_size(&s);
		r = s.violated || !s.n_begun ? VIOLATED : HOLDS;
		if (s.violated)
			tell_path(&s);
	}
	clear(&s);
	kr_petition_law_fini(&l);
	return r;
}
