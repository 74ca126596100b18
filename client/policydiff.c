/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policydiff.c - korora policy diff: what one policy decides differently from
 * another. Exits as diff(1) does: whatever goes wrong is not "the same".
 */
#include <stdio.h>
#include <string.h>

#include "client/columns.h"
#include "client/commands.h"
#include "client/policyfile.h"
#include "policy/bookdiff.h"

struct found {
	json_t *rows;
	bool	differs;	/* in more than names */
};

static void add(void *arg, const struct kr_bookdiff *d)
{
	struct found *f = arg;

	f->differs |= d->kind != KR_BOOKDIFF_RENAMED;
	json_array_append_new(f->rows, json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s}",
		"change", kr_bookdiff_name(d->kind), "section", d->section,
		"name", d->name, "key", d->key, "old", d->was, "new", d->is));
}

static void tell(const struct kr_policyfile *old,
		 const struct kr_policyfile *new, const struct found *f)
{
	static const struct kr_column cols[] = {
		{ "Change", "change", KR_CELL_TEXT },
		{ "Section", "section", KR_CELL_TEXT },
		{ "Name", "name", KR_CELL_TEXT },
		{ "Key", "key", KR_CELL_TEXT },
		{ "Old", "old", KR_CELL_TEXT },
		{ "New", "new", KR_CELL_TEXT },
	};

	kr_policyfile_print("old", old);
	kr_policyfile_print("new", new);
	if (json_array_size(f->rows))
		kr_columns_table(f->rows, cols, KR_N(cols), "");
	if (!f->differs)
		printf("both decide alike\n");
	else if (!strcmp(old->book->name, new->book->name) &&
		 old->book->version == new->book->version)
		printf("the version is the same: a policy that is changed "
		       "needs another\n");
}

int kr_policydiff(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(kr_policyfile_fini) struct kr_policyfile old = { 0 };
	KR_AUTO(kr_policyfile_fini) struct kr_policyfile new = { 0 };
	KR_AUTO(kr_cli_decref) json_t *rows = json_array(), *j = NULL;
	struct found f = { rows, false };
	struct kr_err e = KR_ERR_NONE;
	const char *path[2];
	int r = kr_cli_args(c, argc, argv, NULL, 0, 2, 2, path);

	if (r)
		return r;
	if (kr_policyfile_open(c, path[0], &old, &e) ||
	    kr_policyfile_open(c, path[1], &new, &e) ||
	    kr_bookdiff_each(old.book, new.book, add, &f, &e))
		return kr_cli_fail(c, &e);
	j = json_pack("{s:o, s:o, s:b, s:O}", "old", kr_policyfile_head(&old),
		      "new", kr_policyfile_head(&new), "differs", f.differs,
		      "differences", rows);
	kr_cli_result(c, j);
	if (!c->json)
		tell(&old, &new, &f);
	return f.differs ? KR_EXIT_REFUSED : KR_EXIT_DONE;
}
