/* SPDX-License-Identifier: Apache-2.0 */
/* mutant.c - rules broken on purpose. */
#include "model/mutant.h"

#include <string.h>

static const char *const conditions[KR_COND_N] = {
#define X(name, text) [KR_COND_##name] = #name,
	KR_CONDITIONS(X)
#undef X
};

static const char *const stages[KR_STAGE_N] = {
	[KR_STAGE_REST]	    = "REST",
	[KR_STAGE_OFFERED]  = "OFFERED",
	[KR_STAGE_ACCEPTED] = "ACCEPTED",
	[KR_STAGE_FLOWING]  = "FLOWING",
	[KR_STAGE_FROZEN]   = "FROZEN",
	[KR_STAGE_RELEASED] = "RELEASED",
	[KR_STAGE_OWNED]    = "OWNED",
};

const char *kr_mutant_condition(enum kr_condition c)
{
	return conditions[c];
}

const char *kr_mutant_stage(enum kr_stage stage)
{
	return stages[stage];
}

void kr_mutant_init(struct kr_mutant *m)
{
	memcpy(m->rules, kr_rules.rules, kr_rules.n * sizeof(m->rules[0]));
	m->w = (struct kr_rules){ m->rules, kr_rules.n };
}

static struct kr_rule *find(struct kr_mutant *m, const char *name)
{
	for (unsigned int i = 0; i < m->w.n; i++)
		if (!strcmp(m->rules[i].name, name))
			return &m->rules[i];
	return NULL;
}

static unsigned int bit_of(const char *const *names, unsigned int n,
			   const char *name)
{
	for (unsigned int i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return 1u << i;
	return 0;
}

/* Have that bit on or off; not if it is so already. */
static bool turn(unsigned int *word, unsigned int bit, bool on)
{
	if (!bit || !!(*word & bit) == on)
		return false;
	*word ^= bit;
	return true;
}

static bool break_one(struct kr_mutant *m, char *how)
{
	char *save = NULL;
	char *name = strtok_r(how, ":", &save);
	char *what = strtok_r(NULL, ":", &save);
	char *arg = strtok_r(NULL, ":", &save);
	bool twin = name && what && !strcmp(name, "twin");
	struct kr_rule *x = what ? find(m, twin ? what : name) : NULL;

	if (!x)
		return false;
	if (twin) {
		if (arg || m->w.n == KR_EXPLORATION_RULES_MAX)
			return false;
		m->rules[m->w.n++] = *x;
		return true;
	}
	if (!strcmp(what, "remove") && !arg) {
		m->w.n--;
		memmove(x, x + 1, (size_t)(m->rules + m->w.n - x) *
				  sizeof(*x));
		return true;
	}
	if (!strcmp(what, "drop") && arg)
		return turn(&x->conds, bit_of(conditions, KR_COND_N, arg),
			    false);
	if (!strcmp(what, "stages") && arg && arg[0] == '+' && x->stages)
		return turn(&x->stages, bit_of(stages, KR_STAGE_N, arg + 1),
			    true);
	return false;
}

bool kr_mutant_break(struct kr_mutant *m, const char *how)
{
	char all[256], *save = NULL;
	size_t n = strlen(how);

	if (n >= sizeof(all))
		return false;
	memcpy(all, how, n + 1);
	for (char *one = strtok_r(all, " ", &save); one;
	     one = strtok_r(NULL, " ", &save))
		if (!break_one(m, one))
			return false;
	return true;
}
