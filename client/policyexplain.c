/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policyexplain.c - korora policy explain: what is the answer to a request,
 * which triple decides, of which classes all of it is and why, and what would
 * have to be true for the others that come near.
 */
#include <stdio.h>
#include <string.h>

#include "client/columns.h"
#include "client/commands.h"
#include "client/human.h"
#include "client/policyclass.h"
#include "policy/clarkwilson.h"

#define NEAR_MAX	12u	/* triples told of those that come near */
#define TEXT_BYTES	512u

/* ---- what would have to be true ---------------------------------------- */

static void put_words(char *out, const char *what, const struct kr_words *w)
{
	KR_AUTO(kr_cli_decref) json_t *j =
		json_pack("{s:o}", "w", kr_policyfile_words(w));

	kr_policyfile_flat(j);
	snprintf(out, TEXT_BYTES, "%s%s%s", what, w->n > 1 ? " one of " : " ",
		 json_string_value(json_object_get(j, "w")));
}

static void need_words(json_t *needs, const char *what,
		       const struct kr_words *w)
{
	char text[TEXT_BYTES];

	put_words(text, what, w);
	json_array_append_new(needs, json_string(text));
}

static void need_approvals(json_t *needs, const struct kr_triple *t,
			   unsigned int approved)
{
	char text[TEXT_BYTES], what[64];
	unsigned int n = t->approvals - approved;

	snprintf(what, sizeof(what), "%u more approval%s by", n,
		 n > 1 ? "s" : "");
	put_words(text, what, &t->approvers);
	json_array_append_new(needs, json_string(text));
}

/*
 * What @t lacks, each need in words. Far away, and NULL, is what has another
 * procedure, or both other people and other items.
 */
static json_t *needs_of(const struct kr_triple *t, const struct kr_execution *x)
{
	const char *who = t->who.word[0];
	bool role = !strncmp(who, "role:", 5);
	struct kr_execution by = *x, on = *x;
	unsigned int approved;
	enum kr_reason r = kr_book_near(t, x, &approved);
	json_t *needs = json_array();

	by.by = (struct kr_person){ role ? "" : who,
				    { role ? who + 5 : NULL }, role };
	on.item = t->on.n ? t->on.word[0] : "";
	if (r == KR_REASON_NO_TRIPLE) {
		r = kr_book_near(t, &by, &approved);
		if (r != KR_REASON_NO_TRIPLE) {
			need_words(needs, "asked by", &t->who);
		} else {
			r = kr_book_near(t, &on, &approved);
			if (r != KR_REASON_NO_TRIPLE)
				need_words(needs, "used on", &t->on);
		}
	}
	if (r == KR_REASON_NO_TRIPLE) {
		json_decref(needs);
		return NULL;
	}
	if (r == KR_REASON_DESTINATION)
		need_words(needs, "to", &t->to);
	if (approved < t->approvals)
		need_approvals(needs, t, approved);
	return needs;
}

/* First what was found for this request, then what is for somebody else or
 * for something else, in the order of the files. */
static json_t *near_ones(const struct kr_policyask *q)
{
	const struct kr_book *b = q->p.book;
	json_t *all = json_array();
	unsigned int approved;

	for (unsigned int i = 0; i < 2 * b->n_triples; i++) {
		const struct kr_triple *t = &b->triples[i % b->n_triples];
		bool other = kr_book_near(t, &q->x, &approved) ==
			     KR_REASON_NO_TRIPLE;
		json_t *needs = other == (i >= b->n_triples) ?
				needs_of(t, &q->x) : NULL;

		if (json_array_size(needs) && json_array_size(all) < NEAR_MAX)
			json_array_append_new(all, json_pack(
				"{s:o, s:O}", "triple",
				kr_policyfile_triple(t), "needs", needs));
		json_decref(needs);
	}
	return all;
}

static json_t *missing_categories(const struct kr_policyask *q)
{
	const struct kr_book *b = q->p.book;
	uint64_t m = kr_book_item_class(b, q->x.item, q->x.tenant).categories &
		     ~kr_book_subject_class(b, &q->x.by).categories;
	json_t *a = json_array();

	for (unsigned int i = 0; i < b->n_categories; i++)
		if (m & UINT64_C(1) << i)
			json_array_append_new(a,
					      json_string(b->categories[i]));
	return a;
}

/* ---- the answer -------------------------------------------------------- */

static json_t *person(const struct kr_person *p)
{
	json_t *roles = json_array();

	for (unsigned int i = 0; i < p->n_roles; i++)
		json_array_append_new(roles, json_string(p->roles[i]));
	return json_pack("{s:s, s:o}", "name", p->name, "roles", roles);
}

/* What is demanded and no host can give: such a migration is refused. */
static json_t *unmet(const struct kr_policyask *q)
{
	struct kr_protection d;
	json_t *a = json_array();

	kr_book_demands(q->p.book, q->x.item, &d);
	if (q->x.procedure->goes_to && d.attestation)
		json_array_append_new(a, json_string("attestation"));
	if (q->x.procedure->goes_to && d.scanners)
		json_array_append_new(a, json_string("scanners"));
	return a;
}

static json_t *explained(const struct kr_policyask *q, const struct kr_verdict *v)
{
	const struct kr_execution *x = &q->x;
	json_t *approved = json_array();
	struct kr_protection demands;

	for (unsigned int i = 0; i < x->n_approvers; i++)
		json_array_append_new(approved, person(&x->approvers[i]));
	kr_book_demands(q->p.book, x->item, &demands);
	return json_pack(
		"{s:s, s:s, s:s?, s:o, s:b, s:s, s:s, s:s?, s:s?, s:o, s:o,"
		" s:o, s:o, s:o, s:o, s:o, s:o*, s:o, s:o}",
		"answer", kr_answer_name(v->answer),
		"reason", kr_reason_text(v->reason),
		"rule", kr_clarkwilson_of(v->reason), "by", person(&x->by),
		"roles_known", kr_policyask_roles_known(q),
		"procedure", x->procedure->name, "item", x->item,
		"tenant", x->tenant, "to", x->to, "approved_by", approved,
		"triple", kr_policyfile_triple(v->triple),
		"second", kr_policyfile_triple(v->second),
		"missing_categories", missing_categories(q),
		"classes", kr_policyclass_all(q),
		"handover", kr_policyclass_handover(q),
		"near", near_ones(q), "demands",
		x->procedure->goes_to ? kr_policyfile_demands(&demands) : NULL,
		"unmet", unmet(q), "policy", kr_policyfile_head(&q->p));
}

static void tell_person(const char *what, const json_t *p)
{
	KR_AUTO(kr_cli_decref) json_t *flat = json_copy((json_t *)p);
	char name[KR_CELL_BYTES], roles[KR_CELL_BYTES];
	bool any = json_array_size(json_object_get(p, "roles"));

	kr_policyfile_flat(flat);
	kr_columns_text(flat, "roles", roles);
	printf("%s %s, %s%s\n", what, kr_columns_text(flat, "name", name),
	       any ? "as " : "without a role", any ? roles : "");
}

static void tell_triple(const char *what, const json_t *t)
{
	char name[KR_CELL_BYTES], file[KR_CELL_BYTES], by[KR_CELL_BYTES];

	if (json_is_object(t))
		printf("%s[triple %s] of %s:%d, certified by %s\n", what,
		       kr_columns_text(t, "name", name),
		       kr_columns_text(t, "file", file),
		       (int)json_integer_value(json_object_get(t, "line")),
		       kr_columns_text(t, "certified_by", by));
}

/* What would have to be true instead, where no triple can tell it. */
static void tell_remedy(const json_t *j, const struct kr_verdict *v)
{
	KR_AUTO(kr_cli_decref) json_t *flat =
		json_pack("{s:O}", "c", json_object_get(j,
							"missing_categories"));
	char text[KR_CELL_BYTES];

	kr_policyfile_flat(flat);
	if (v->reason == KR_REASON_TWO_TRIPLES)
		printf("yes, if one of the two did not deal with it\n");
	else if (v->reason == KR_REASON_CERTIFIER ||
		 v->reason == KR_REASON_HIMSELF)
		printf("yes, if somebody else asked\n");
	else if (v->reason == KR_REASON_LEVEL)
		printf("yes, if who asks had at least the level of the item\n");
	else if (v->reason == KR_REASON_TENANT)
		printf("yes, if who asks had the category %s\n",
		       kr_columns_text(flat, "c", text));
}

static void tell_near(const json_t *near)
{
	char text[KR_CELL_BYTES];
	json_t *row, *need;
	size_t i, k;

	if (json_array_size(near))
		printf("what comes near, and would deal with it if it were\n");
	json_array_foreach(near, i, row) {
		tell_triple("  ", json_object_get(row, "triple"));
		json_array_foreach(json_object_get(row, "needs"), k, need)
			printf("    %s%s\n", k ? "and " : "",
			       kr_human_clean(json_string_value(need), text,
					      sizeof(text)));
	}
	if (json_array_size(near) == NEAR_MAX)
		printf("  and maybe more\n");
}

static void tell_demands(const json_t *demands)
{
	static const struct kr_column cols[] = {
		{ "  Attestation", "attestation", KR_CELL_TEXT },
		{ "  No post-copy", "no_postcopy", KR_CELL_TEXT },
		{ "  Memory root", "memory_root", KR_CELL_TEXT },
		{ "  Scanners", "scanners", KR_CELL_COUNT },
		{ "  Control suites", "control_suites", KR_CELL_TEXT },
		{ "  Lane suites", "lane_suites", KR_CELL_TEXT },
	};
	KR_AUTO(kr_cli_decref) json_t *d = json_copy((json_t *)demands);
	const char *key;
	void *next;
	json_t *v;

	json_object_foreach_safe(d, next, key, v)
		if (json_is_false(v) || (json_is_array(v) &&
					 !json_array_size(v)) ||
		    (json_is_integer(v) && !json_integer_value(v)))
			json_object_del(d, key);
	if (!json_object_size(d))
		return;
	kr_policyfile_flat(d);
	printf("demanded of it\n");
	kr_columns_card(d, cols, KR_N(cols));
}

static bool begins(const json_t *j)
{
	const char *answer = json_string_value(json_object_get(
		json_object_get(j, "handover"), "answer"));

	return (!answer || !strcmp(answer, kr_answer_name(KR_YES))) &&
	       !json_array_size(json_object_get(j, "unmet"));
}

static void tell_whether_it_begins(const json_t *j)
{
	const char *why = json_string_value(json_object_get(json_object_get(
		j, "handover"), "why"));
	json_t *what;
	size_t i;

	if (why)
		printf("no hand-over begins: only if %s\n", why);
	json_array_foreach(json_object_get(j, "unmet"), i, what)
		printf("no hand-over begins: the policy demands %s, and no host "
		       "has that yet\n", json_string_value(what));
}

static void tell(const json_t *j, const struct kr_verdict *v)
{
	const char *rule = kr_clarkwilson_of(v->reason);
	json_t *approver;
	size_t i;

	printf("%s: %s%s%s%s\n", kr_answer_name(v->answer),
	       kr_reason_text(v->reason), rule ? " (rule " : "",
	       rule ? rule : "", rule ? ")" : "");
	if (v->reason == KR_REASON_NONE || v->answer != KR_QUESTION)
		tell_triple("by ", json_object_get(j, "triple"));
	tell_triple("and ", json_object_get(j, "second"));
	tell_person("asked by", json_object_get(j, "by"));
	json_array_foreach(json_object_get(j, "approved_by"), i, approver)
		tell_person("approved by", approver);
	if (json_is_false(json_object_get(j, "roles_known")))
		printf("roles are not known, since kororad does not tell: "
		       "see --role\n");
	kr_policyclass_tell(json_object_get(j, "classes"));
	tell_whether_it_begins(j);
	tell_remedy(j, v);
	tell_near(json_object_get(j, "near"));
	tell_demands(json_object_get(j, "demands"));
}

/* ---- the command ------------------------------------------------------- */

int kr_policyexplain(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(kr_policyask_fini) struct kr_policyask q = { 0 };
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	struct kr_verdict v;
	int r = kr_policyask_read(c, argc, argv, &q);

	if (r)
		return r;
	v = kr_book_decide(q.p.book, &q.x);
	j = explained(&q, &v);
	if (!j)
		return kr_cli_usage(c, "an argument is not valid UTF-8");
	kr_cli_result(c, j);
	if (!c->json)
		tell(j, &v);
	return v.answer == KR_YES && begins(j) ? KR_EXIT_DONE :
						 KR_EXIT_REFUSED;
}
