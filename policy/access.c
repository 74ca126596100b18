/* SPDX-License-Identifier: Apache-2.0 */
/* access.c - what orders to agents do with a VM, asked of the rules. Pure. */
#include "policy/access.h"

#include <stddef.h>

/* A yes without a rule if it is so already. */
static struct kr_decision get(const struct kr_system *t, unsigned int by,
			      unsigned int attr)
{
	const struct kr_ask q = { .kind = KR_ASK_GET, .by = (uint16_t)by,
				  .to = KR_NOBODY, .parent = KR_NOBODY,
				  .attr = (uint8_t)attr };

	if (kr_system_has(t, by, 0) & attr)
		return (struct kr_decision){ .answer = KR_YES };
	return kr_decide(&kr_rules, t, &q);
}

/*
 * Who has a VM modifies it: so its host is asked as who appends to it is, and
 * is of the VM's class at least, as a destination is.
 */
static struct kr_decision hosts(struct kr_system *t, unsigned int host)
{
	kr_system_set(t, host, 0, kr_system_has(t, host, 0),
		      kr_system_may(t, host, 0) | KR_ATTR_APPEND);
	return get(t, host, KR_ATTR_APPEND);
}

/* What it has and gives up. */
static struct kr_decision stop(const struct kr_system *t, unsigned int host)
{
	const struct kr_ask q = { .kind = KR_ASK_RELEASE, .by = (uint16_t)host,
				  .to = KR_NOBODY, .parent = KR_NOBODY,
				  .attr = KR_ATTR_EXECUTE };

	return kr_decide(&kr_rules, t, &q);
}

struct kr_decision kr_access_decide(enum kr_access a, enum kr_state s,
				    const struct kr_refine_classes *c)
{
	struct kr_decision d = { .answer = KR_ERROR };
	bool source = kr_state_side(s) == KR_SOURCE;
	bool brings = a == KR_ACCESS_READS || a == KR_ACCESS_APPENDS ||
		      a == KR_ACCESS_FLOWS || a == KR_ACCESS_RUNS;
	unsigned int host = source ? KR_REFINE_SOURCE : KR_REFINE_TARGET;
	unsigned int agent = source ? KR_REFINE_SOURCE_AGENT :
				      KR_REFINE_TARGET_AGENT;
	struct kr_system *t = kr_refine_system(s, c);

	if (!t)
		return d;
	if (brings && kr_state_before_return(s) && !kr_state_ended(s)) {
		d = hosts(t, host);
		if (d.answer != KR_YES)
			goto out;
	}
	switch (a) {
	case KR_ACCESS_NOTHING:
		d.answer = KR_YES;
		break;
	case KR_ACCESS_READS:
		d = get(t, agent, KR_ATTR_READ);
		break;
	case KR_ACCESS_APPENDS:
		d = get(t, agent, KR_ATTR_APPEND);
		break;
	case KR_ACCESS_FLOWS:
		d = get(t, agent, source ? KR_ATTR_READ : KR_ATTR_APPEND);
		break;
	case KR_ACCESS_RUNS:
		d = get(t, host, KR_ATTR_EXECUTE);
		break;
	case KR_ACCESS_STOPS:
		d = stop(t, host);
		break;
	case KR_ACCESS_RETURNS:
		d.answer = KR_QUESTION;	/* of a destination's */
		if (source)
			d = get(t, host, KR_ATTR_EXECUTE);
		break;
	case KR_ACCESS_N:
		break;
	}
out:
	kr_system_free(t);
	return d;
}

struct kr_decision kr_access_uses(struct kr_class vm, struct kr_class object,
				  bool writes)
{
	const unsigned int attr = writes ? KR_ATTR_WRITE : KR_ATTR_READ;
	struct kr_decision d = { .answer = KR_ERROR };
	struct kr_system *t = kr_system_new(1, 1);

	if (!t)
		return d;
	t->subjects[0].c = vm;
	t->objects[0].c = object;
	t->objects[0].there = true;
	kr_system_set(t, 0, 0, 0, attr);
	d = get(t, 0, attr);
	kr_system_free(t);
	return d;
}

const char *kr_access_text(enum kr_access a)
{
	static const char *const texts[KR_ACCESS_N] = {
#define X(name, text) [KR_ACCESS_##name] = text,
		KR_ACCESSES(X)
#undef X
	};

	return texts[a];
}
