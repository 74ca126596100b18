/* SPDX-License-Identifier: Apache-2.0 */
/* demands.c - what a policy demands of migrations. Runs in kororad. */
#include "daemon/demands.h"

#include <string.h>

#include "daemon/strategy.h"
#include "policy/book.h"

static void find(const struct kr_book *b, const char *vm,
		 struct kr_protection *p)
{
	char item[KR_ITEM_BYTES];

	kr_book_demands(b, kr_item_put(KR_ITEM_VM, vm, item), p);
}

static int suite(const struct kr_words *allowed, const char *agreed,
		 const char *what, const char *vm, struct kr_err *e)
{
	if (!allowed->n || !agreed[0] || kr_words_have(allowed, agreed))
		return 0;
	return kr_fail(e, KR_E_PROTECTION, "%s: %s for %s, which the policy "
		       "does not allow", vm, agreed, what);
}

int kr_demands_check(const struct kr_book *b, const struct kr_terms *t,
		     struct kr_err *e)
{
	bool early = kr_strategy_early(kr_strategy_find(t->strategy));
	struct kr_protection p;
	int r;

	find(b, t->vm, &p);
	if (p.attestation && !strcmp(t->protection.attestation, "none"))
		return kr_fail(e, KR_E_PROTECTION, "%s: the policy demands "
			       "that both hosts attest, and they do not", t->vm);
	if (p.scanners)
		return kr_fail(e, KR_E_PROTECTION, "%s: the policy demands %u "
			       "scanners, and none has looked", t->vm,
			       p.scanners);
	if (p.no_postcopy && early)
		return kr_fail(e, KR_E_PROTECTION, "%s: the policy allows no "
			       "post-copy, and %s may be one", t->vm,
			       t->strategy);
	if (p.memory_root && early)	/* it runs on a part of its memory */
		return kr_fail(e, KR_E_PROTECTION, "%s: the policy demands a "
			       "root of all memory, and %s signs one of a part",
			       t->vm, t->strategy);
	if (p.memory_root && t->stream.opaque)	/* known from the manifest on */
		return kr_fail(e, KR_E_PROTECTION, "%s: the policy demands a "
			       "root of all memory, and QEMU's stream was not "
			       "understood", t->vm);
	r = suite(&p.control_suites, t->protection.control_suite,
		  "the session", t->vm, e);
	return r ? r : suite(&p.lane_suites, t->protection.lane_suite,
			     "the lanes", t->vm, e);
}

bool kr_demands_early(const struct kr_host *h, const char *vm)
{
	struct kr_protection p;

	find(h->book, vm, &p);
	return !p.no_postcopy && !p.memory_root;
}
