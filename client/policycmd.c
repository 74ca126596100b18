/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policycmd.c - korora policy check and show: is a policy right, and what is
 * in it; both work on files alone. And reload, which puts them in force.
 */
#include <stdio.h>
#include <string.h>

#include "client/columns.h"
#include "client/commands.h"
#include "client/human.h"
#include "client/listing.h"
#include "client/policyfile.h"
#include "policy/bookdoubt.h"

/* ---- check ------------------------------------------------------------- */

static void doubt(void *arg, const char *text)
{
	json_array_append_new(arg, json_string(text));
}

static void print_checked(const struct kr_policyfile *p, const json_t *doubts)
{
	char clean[KR_BOOKDOUBT_BYTES];
	json_t *text;
	size_t i;

	kr_policyfile_print("policy", p);
	printf("       triples: %u, warnings: %zu\n", p->book->n_triples,
	       json_array_size(doubts));
	json_array_foreach(doubts, i, text)
		printf("warning: %s\n", kr_human_clean(json_string_value(text),
						       clean, sizeof(clean)));
}

static int check(struct kr_cli *c, const char *path, json_t *all,
		 struct kr_err *e)
{
	KR_AUTO(kr_policyfile_fini) struct kr_policyfile p = { 0 };
	json_t *doubts, *head;
	int r = kr_policyfile_open(c, path, &p, e);

	if (r)
		return r;
	head = kr_policyfile_head(&p);
	doubts = json_array();
	kr_bookdoubt_each(p.book, doubt, doubts);
	json_object_set_new(head, "warnings", doubts);
	json_array_append_new(all, head);
	if (!c->json)
		print_checked(&p, doubts);
	return 0;
}

int kr_policycmd_check(struct kr_cli *c, int argc, char **argv)
{
	const char *path[KR_CLI_VALUES_MAX];
	KR_AUTO(kr_cli_decref) json_t *all = json_array(), *j = NULL;
	struct kr_err e = KR_ERR_NONE;
	int r = kr_cli_args(c, argc, argv, NULL, 0, 0, KR_N(path), path);

	if (r)
		return r;
	r = check(c, path[0], all, &e);
	for (size_t i = 1; !r && i < KR_N(path) && path[i]; i++)
		r = check(c, path[i], all, &e);
	if (r)
		return kr_cli_fail(c, &e);
	j = json_pack("{s:O}", "policies", all);
	kr_cli_result(c, j);
	return 0;
}

/* ---- show -------------------------------------------------------------- */

static bool goes(const struct kr_triple *t)
{
	for (unsigned int i = 0; i < t->may.n; i++)
		if (kr_procedure_find(t->may.word[i])->goes_to)
			return true;
	return false;
}

static json_t *triples(const struct kr_book *b)
{
	json_t *a = json_array();

	for (unsigned int i = 0; i < b->n_triples; i++) {
		const struct kr_triple *t = &b->triples[i];
		json_t *j = kr_policyfile_triple(t);

		json_object_set_new(j, "who", kr_policyfile_words(&t->who));
		json_object_set_new(j, "may", kr_policyfile_words(&t->may));
		json_object_set_new(j, "on", kr_policyfile_words(&t->on));
		if (goes(t))
			json_object_set_new(j, "to",
					    kr_policyfile_words(&t->to));
		json_object_set_new(j, "approvals",
				    json_integer(t->approvals));
		json_object_set_new(j, "approvers",
				    kr_policyfile_words(&t->approvers));
		json_array_append_new(a, j);
	}
	return a;
}

static json_t *classings(const struct kr_book *b, const struct kr_classing *c,
			 unsigned int n, const char *of)
{
	json_t *a = json_array();

	for (unsigned int i = 0; i < n; i++) {
		json_t *names = json_array();

		if (c[i].all)
			json_array_append_new(names, json_string("*"));
		for (unsigned int k = 0; k < b->n_categories; k++)
			if (c[i].c.categories & UINT64_C(1) << k)
				json_array_append_new(names, json_string(
							b->categories[k]));
		json_array_append_new(a, json_pack(
			"{s:s, s:o, s:s?, s:o}", "name", c[i].name, of,
			kr_policyfile_words(&c[i].of), "level",
			kr_level_name(c[i].c.level), "categories", names));
	}
	return a;
}

static json_t *protections(const struct kr_book *b)
{
	json_t *a = json_array();

	for (unsigned int i = 0; i < b->n_protections; i++) {
		const struct kr_protection *p = &b->protections[i];
		json_t *j = kr_policyfile_demands(p);

		json_object_set_new(j, "name", json_string(p->name));
		json_object_set_new(j, "on", kr_policyfile_words(&p->on));
		json_array_append_new(a, j);
	}
	return a;
}

/* A triple's approvals and place, each in one piece. */
static void tell_triple(json_t *t)
{
	static const struct kr_column cols[] = {
		{ "Triple", "name", KR_CELL_TEXT },
		{ "Who", "who", KR_CELL_TEXT },
		{ "May", "may", KR_CELL_TEXT },
		{ "On", "on", KR_CELL_TEXT },
		{ "To", "to", KR_CELL_TEXT },
		{ "Approvals", "approvals", KR_CELL_COUNT },
		{ "Approvers", "approvers", KR_CELL_TEXT },
		{ "Certified by", "certified_by", KR_CELL_TEXT },
		{ "File", "file", KR_CELL_TEXT },
		{ "Line", "line", KR_CELL_COUNT },
	};
	json_t *to = json_object_get(t, "to");

	if (to && !json_array_size(to))
		json_array_append_new(to, json_string("any host"));
	if (!json_array_size(json_object_get(t, "on")))
		json_object_del(t, "on");
	if (!json_integer_value(json_object_get(t, "approvals"))) {
		json_object_del(t, "approvals");
		json_object_del(t, "approvers");
	}
	kr_policyfile_flat(t);
	putchar('\n');
	kr_columns_card(t, cols, KR_N(cols));
}

static void tell_table(const json_t *rows, const struct kr_column *cols,
		       size_t n_cols)
{
	json_t *row;
	size_t i;

	if (!json_array_size(rows))
		return;
	json_array_foreach(rows, i, row)
		kr_policyfile_flat(row);
	putchar('\n');
	kr_columns_table(rows, cols, n_cols, "");
}

static void tell(const json_t *j)
{
	static const struct kr_column subjects[] = {
		{ "Subject", "name", KR_CELL_TEXT },
		{ "Who", "who", KR_CELL_TEXT },
		{ "Level", "level", KR_CELL_TEXT },
		{ "Categories", "categories", KR_CELL_TEXT },
	};
	static const struct kr_column items[] = {
		{ "Item", "name", KR_CELL_TEXT },
		{ "On", "on", KR_CELL_TEXT },
		{ "Level", "level", KR_CELL_TEXT },
		{ "Categories", "categories", KR_CELL_TEXT },
	};
	static const struct kr_column demands[] = {
		{ "Protection", "name", KR_CELL_TEXT },
		{ "On", "on", KR_CELL_TEXT },
		{ "Attestation", "attestation", KR_CELL_TEXT },
		{ "No post-copy", "no_postcopy", KR_CELL_TEXT },
		{ "Memory root", "memory_root", KR_CELL_TEXT },
		{ "Scanners", "scanners", KR_CELL_COUNT },
		{ "Control suites", "control_suites", KR_CELL_TEXT },
		{ "Lane suites", "lane_suites", KR_CELL_TEXT },
	};
	json_t *t;
	size_t i;

	json_array_foreach(json_object_get(j, "triples"), i, t)
		tell_triple(t);
	tell_table(json_object_get(j, "subjects"), subjects, KR_N(subjects));
	tell_table(json_object_get(j, "items"), items, KR_N(items));
	tell_table(json_object_get(j, "protections"), demands, KR_N(demands));
}

/* What kororad has in force; NULL if it does not tell. */
static json_t *in_force(struct kr_cli *c)
{
	json_t *j, *error;

	if (!kr_cli_ask(c, "policy.show", json_object(), NULL, NULL, &j,
			&error))
		return j;
	json_decref(error);
	return NULL;
}

static bool same_digest(const json_t *p, const char *digest)
{
	const char *s = json_string_value(json_object_get(p, "sha256"));

	return s && !strcmp(s, digest);
}

static void tell_in_force(const json_t *now)
{
	char name[KR_CELL_BYTES], version[KR_CELL_BYTES];

	printf("       not in force: that is %s, version %s; see korora policy "
	       "reload\n", kr_columns_text(now, "name", name),
	       kr_columns_text(now, "version", version));
}

int kr_policycmd_show(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(kr_policyfile_fini) struct kr_policyfile p = { 0 };
	KR_AUTO(kr_cli_decref) json_t *j = NULL, *now = NULL;
	struct kr_err e = KR_ERR_NONE;
	const struct kr_book *b;
	const char *path;
	bool same;
	int r = kr_cli_args(c, argc, argv, NULL, 0, 0, 1, &path);

	if (r)
		return r;
	if (kr_policyfile_open(c, path, &p, &e))
		return kr_cli_fail(c, &e);
	b = p.book;
	now = path ? NULL : in_force(c);
	same = same_digest(now, p.digest);
	j = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}",
		      "policy", kr_policyfile_head(&p),
		      "in_force", now ? json_boolean(same) : json_null(),
		      "triples", triples(b),
		      "subjects", classings(b, b->subjects, b->n_subjects,
					    "who"),
		      "items", classings(b, b->items, b->n_items, "on"),
		      "protections", protections(b));
	kr_cli_result(c, j);
	if (c->json)
		return 0;
	kr_policyfile_print("policy", &p);
	if (b->about[0])
		printf("       %s\n", b->about);
	if (now && !same)
		tell_in_force(now);
	tell(j);
	return 0;
}

/* ---- reload ------------------------------------------------------------ */

int kr_policycmd_reload(struct kr_cli *c, int argc, char **argv)
{
	static const struct kr_column cols[] = {
		{ "In force", "name", KR_CELL_TEXT },
		{ "Version", "version", KR_CELL_COUNT },
		{ "Since", "at_ms", KR_CELL_TIME },
		{ "SHA-256", "sha256", KR_CELL_TEXT },
	};
	return kr_listing_card(c, argc, argv, "policy.reload", cols,
			       KR_N(cols));
}
