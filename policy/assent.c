/* SPDX-License-Identifier: Apache-2.0 */
/* assent.c - acts on requests, a row each, and their conditions. Pure. */
#include "policy/assent.h"

#include <string.h>

#define C(name)	(1u << KR_ASSENT_##name)

/* What a word needs, whatever it says. */
#define HIS	(C(BY_ANOTHER) | C(OWN_KEY) | C(SIGNED) | C(FITS))
#define ALIVE	(C(WAITS) | C(NOT_DUE))

const struct kr_assent_rule kr_assent_rules[KR_ASSENT_ACT_N] = {
	[KR_ASSENT_KEEP] = { "keep", ALIVE | C(APPROVABLE) | HIS,
			     KR_REQUEST_OPEN },
	[KR_ASSENT_COUNT] = { "count", HIS | C(MAY) | C(APPROVES),
			      KR_REQUEST_OPEN },
	/* by a word that does not deny it */
	[KR_ASSENT_PASS] = { "pass", C(ENOUGH), KR_REQUEST_APPROVED },
	[KR_ASSENT_DENY] = { "deny", C(DENIES), KR_REQUEST_DENIED },
	[KR_ASSENT_USE] = { "use", ALIVE | C(APPROVABLE) | C(ENOUGH),
			    KR_REQUEST_USED },
	[KR_ASSENT_WITHDRAW] = { "withdraw", ALIVE | C(BY_ASKER),
				 KR_REQUEST_WITHDRAWN },
	[KR_ASSENT_CLOSE] = { "close", ALIVE | C(QUESTION),
			      KR_REQUEST_DENIED },
};

static bool holds(enum kr_assent_cond c, const struct kr_assent *a)
{
	switch (c) {
	case KR_ASSENT_WAITS:
		return a->state == KR_REQUEST_OPEN ||
		       a->state == KR_REQUEST_APPROVED;
	case KR_ASSENT_NOT_DUE:
		return a->now_ms < a->expires_ms;
	case KR_ASSENT_APPROVABLE:
		return !a->question;
	case KR_ASSENT_QUESTION:
		return a->question;
	case KR_ASSENT_BY_ASKER:
		return !strcmp(a->by, a->asked_by);
	case KR_ASSENT_BY_ANOTHER:
		return strcmp(a->by, a->asked_by);
	case KR_ASSENT_OWN_KEY:
		return a->key_of && !strcmp(a->key_of, a->by);
	case KR_ASSENT_SIGNED:
		return a->is_signed;
	case KR_ASSENT_FITS:
		return a->fits;
	case KR_ASSENT_MAY:
		return a->may;
	case KR_ASSENT_APPROVES:
		return a->approves;
	case KR_ASSENT_DENIES:
		return !a->approves;
	case KR_ASSENT_ENOUGH:
		return a->n >= a->needed && a->n >= a->needed_now;
	case KR_ASSENT_COND_N:
		break;
	}
	return false;
}

unsigned int kr_assent_failed(const struct kr_assent_rule *rule,
			      const struct kr_assent *a)
{
	unsigned int failed = 0;

	for (unsigned int c = 0; c < KR_ASSENT_COND_N; c++)
		if (rule->conds & 1u << c &&
		    !holds((enum kr_assent_cond)c, a))
			failed |= 1u << c;
	return failed;
}

enum kr_assent_cond kr_assent_first(unsigned int failed)
{
	unsigned int c = 0;

	while (c < KR_ASSENT_COND_N - 1 && !(failed & 1u << c))
		c++;
	return (enum kr_assent_cond)c;
}

static const struct {
	const char  *name, *text;
	enum kr_code code;
} conds[KR_ASSENT_COND_N] = {
#define X(name, code, text) [KR_ASSENT_##name] = { #name, text, KR_E_##code },
	KR_ASSENT_CONDS(X)
#undef X
};

const char *kr_assent_cond_name(enum kr_assent_cond c)
{
	return conds[c].name;
}

const char *kr_assent_text(enum kr_assent_cond c)
{
	return conds[c].text;
}

enum kr_code kr_assent_code(enum kr_assent_cond c)
{
	return conds[c].code;
}
