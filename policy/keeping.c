/* SPDX-License-Identifier: Apache-2.0 */
/* keeping.c - see keeping.h. Pure. */
#include "policy/keeping.h"

enum { HOST, ASKER, OTHER, SUBJECTS };
enum { KEPT, VM, OBJECTS };	/* all that the host has; one of it */

static struct kr_system *system_of(const struct kr_keeping *k)
{
	struct kr_system *t = kr_system_new(SUBJECTS, OBJECTS);
	unsigned int run = k->runs ? KR_ATTR_EXECUTE : 0;

	if (!t)
		return NULL;
	t->subjects[HOST].c = k->host;
	t->subjects[HOST].host = true;
	t->subjects[ASKER].c = k->host;
	t->subjects[ASKER].certifier = k->certifier;
	t->objects[KEPT].c = k->host;
	t->objects[KEPT].there = true;
	t->objects[KEPT].parent = KR_NOBODY;
	kr_system_set(t, HOST, KEPT, KR_ATTR_WRITE, KR_ATTR_WRITE);
	t->objects[VM].vm = true;
	t->objects[VM].parent = KEPT;
	t->objects[VM].c = k->vm;
	t->objects[VM].there = k->kind != KR_ASK_CREATE;
	if (t->objects[VM].there)
		kr_system_set(t, HOST, VM, run, KR_ATTR_EXECUTE);
	return t;
}

struct kr_decision kr_keeping_decide(const struct kr_keeping *k)
{
	bool reclass = k->kind == KR_ASK_OBJECT_LEVEL;
	struct kr_ask q = { .kind = k->kind, .by = reclass ? ASKER : HOST,
			    .object = VM, .to = KR_NOBODY, .parent = KEPT,
			    .c = reclass ? k->wanted : k->vm };
	struct kr_decision d = { .answer = KR_ERROR };
	struct kr_system *t;

	if (!reclass && k->kind != KR_ASK_CREATE && k->kind != KR_ASK_DELETE)
		return d;
	t = system_of(k);
	if (t)
		d = kr_decide(&kr_rules, t, &q);
	kr_system_free(t);
	return d;
}

struct kr_decision kr_keeping_reclass(struct kr_class is,
				      struct kr_class wanted,
				      struct kr_class top, bool himself)
{
	struct kr_ask q = { .kind = KR_ASK_SUBJECT_LEVEL, .by = ASKER,
			    .object = KR_NOBODY, .parent = KR_NOBODY,
			    .to = himself ? ASKER : OTHER, .c = wanted };
	struct kr_decision d = { .answer = KR_ERROR };
	struct kr_system *t = kr_system_new(SUBJECTS, OBJECTS);

	if (!t)
		return d;
	for (unsigned int s = 0; s < SUBJECTS; s++) {
		t->subjects[s].c = is;
		t->subjects[s].top = top;
	}
	t->subjects[ASKER].certifier = true;
	d = kr_decide(&kr_rules, t, &q);
	kr_system_free(t);
	return d;
}
