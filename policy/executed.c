/* SPDX-License-Identifier: Apache-2.0 */
/* executed.c - users' procedures, asked of the rules of access. Pure. */
#include "policy/executed.h"

#define RIGHTS	(1u << KR_CDI_GRANTS | 1u << KR_CDI_KEYS)

enum { ASKER, OTHER, SUBJECTS };

enum kr_ask_kind kr_executed_ask(const struct kr_procedure *p)
{
	/* what is used on nothing in particular may be the policy's */
	unsigned int data = p->on == KR_ITEM_NONE ? 1u << KR_CDI_POLICY :
						    kr_item_kind_data(p->on);
	unsigned int changes = p->transforms & data;

	/* what is given was not there to be read before */
	if (changes & RIGHTS)
		return p->reads & RIGHTS ? KR_ASK_RESCIND : KR_ASK_GIVE;
	return changes ? KR_ASK_GET : KR_ASK_N;
}

struct kr_decision kr_executed_decide(const struct kr_procedure *p,
				      struct kr_class by, struct kr_class item,
				      bool himself)
{
	struct kr_ask q = { .kind = kr_executed_ask(p), .by = ASKER,
			    .to = himself ? ASKER : OTHER,
			    .parent = KR_NOBODY, .attr = KR_ATTR_APPEND };
	const struct kr_ask get = { .kind = KR_ASK_GET, .by = ASKER,
				    .to = KR_NOBODY, .parent = KR_NOBODY,
				    .attr = KR_ATTR_APPEND };
	struct kr_decision d = { .answer = KR_YES };
	struct kr_system *t;

	if (q.kind == KR_ASK_N)
		return d;
	t = kr_system_new(SUBJECTS, 1);
	if (!t)
		return (struct kr_decision){ .answer = KR_ERROR };
	/* the triple: in the matrix, and who changes that certifies */
	t->subjects[ASKER].c = by;
	t->objects[0].c = item;
	t->objects[0].there = true;
	kr_system_set(t, ASKER, 0, 0, KR_ATTR_APPEND);
	d = kr_decide(&kr_rules, t, &get);
	t->subjects[ASKER].certifier = true;
	if (d.answer == KR_YES && q.kind != KR_ASK_GET)
		d = kr_decide(&kr_rules, t, &q);
	kr_system_free(t);
	return d;
}
