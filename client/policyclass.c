/* SPDX-License-Identifier: Apache-2.0 */
/* policyclass.c - see policyclass.h. */
#include "client/policyclass.h"

#include <stdio.h>
#include <string.h>

#include "client/columns.h"
#include "client/human.h"
#include "policy/refine.h"

struct lines {
	json_t	   *by;
	const char *section;
};

/* A section once, by however many of its words it matches; in the order in
 * which they stand. */
static void add_line(void *arg, const struct kr_classing *c)
{
	struct lines *l = arg;
	size_t at = 0;

	for (; at < json_array_size(l->by); at++) {
		const json_t *x = json_array_get(l->by, at);
		int file = strcmp(c->file, json_string_value(
						   json_object_get(x, "file")));
		json_int_t line = (json_int_t)c->line - json_integer_value(
						   json_object_get(x, "line"));

		if (!file && !line)
			return;
		if (file < 0 || (!file && line < 0))
			break;
	}
	json_array_insert_new(l->by, at, json_pack(
		"{s:s, s:s, s:s, s:i}", "section", l->section, "name",
		c->name, "file", c->file, "line", (int)c->line));
}

static json_t *class_json(const struct kr_book *b, const char *of,
			  struct kr_class c, json_t *by)
{
	json_t *categories = json_array();

	for (unsigned int i = 0; i < b->n_categories; i++)
		if (c.categories & UINT64_C(1) << i)
			json_array_append_new(categories,
					      json_string(b->categories[i]));
	return json_pack("{s:s, s:s, s:o, s:o}", "of", of, "level",
			 kr_level_name(c.level), "categories", categories,
			 "by", by);
}

static json_t *subject(const struct kr_book *b, const struct kr_person *who)
{
	struct lines l = { json_array(), "subject" };

	kr_book_subject_classings(b, who, add_line, &l);
	return class_json(b, who->name, kr_book_subject_class(b, who), l.by);
}

static json_t *item(const struct kr_policyask *q)
{
	const struct kr_book *b = q->p.book;
	struct lines l = { json_array(), "item" };
	json_t *j;

	kr_book_item_classings(b, q->x.item, add_line, &l);
	j = class_json(b, q->x.item,
		       kr_book_item_class(b, q->x.item, q->x.tenant), l.by);
	for (unsigned int i = 0; q->x.tenant && i < b->n_categories; i++)
		if (!strcmp(b->categories[i], q->x.tenant))
			json_object_set_new(j, "tenant",
					    json_string(q->x.tenant));
	return j;
}

/* As kororad takes them: an enrolled host, or itself. */
static struct kr_person host(const char *name, char out[KR_ITEM_BYTES])
{
	return (struct kr_person){
		.name = kr_item_put(KR_ITEM_HOST, name, out),
		.roles = { "host" }, .n_roles = 1 };
}

json_t *kr_policyclass_all(const struct kr_policyask *q)
{
	char name[KR_ITEM_BYTES];
	struct kr_person p;
	json_t *all = json_array();

	json_array_append_new(all, subject(q->p.book, &q->x.by));
	if (q->x.procedure->on != KR_ITEM_NONE)
		json_array_append_new(all, item(q));
	if (!q->x.procedure->goes_to)
		return all;
	if (q->host[0]) {
		p = host(q->host, name);
		json_array_append_new(all, subject(q->p.book, &p));
	}
	p = host(q->x.to, name);
	json_array_append_new(all, subject(q->p.book, &p));
	return all;
}

json_t *kr_policyclass_handover(const struct kr_policyask *q)
{
	const struct kr_book *b = q->p.book;
	char name[KR_ITEM_BYTES];
	struct kr_refine_classes c;
	struct kr_decision d;
	struct kr_person p;

	if (!q->x.procedure->goes_to || !q->host[0])
		return json_null();
	p = host(q->host, name);
	c.source = kr_book_subject_class(b, &p);
	p = host(q->x.to, name);
	c.target = kr_book_subject_class(b, &p);
	c.vm = kr_book_item_class(b, q->x.item, q->x.tenant);
	d = kr_refine_decide(KR_S_PREPARE, KR_S_OFFER, &c);
	return json_pack("{s:s, s:s?}", "answer", kr_answer_name(d.answer),
			 "why", d.answer == KR_YES ? NULL :
						     kr_decision_why(&d));
}

struct kr_decision kr_policyclass_offer(const struct kr_book *b,
					const struct kr_execution *x)
{
	struct kr_class vm = kr_book_item_class(b, x->item, x->tenant);
	struct kr_refine_classes c = { .source = vm, .vm = vm };
	char name[KR_ITEM_BYTES];
	struct kr_person p;

	if (!x->procedure->goes_to || !x->to)
		return (struct kr_decision){ .answer = KR_YES };
	p = host(x->to, name);
	c.target = kr_book_subject_class(b, &p);
	return kr_refine_decide(KR_S_PREPARE, KR_S_OFFER, &c);
}

void kr_policyclass_tell(const json_t *all)
{
	char of[KR_CELL_BYTES], level[KR_CELL_BYTES], cats[KR_CELL_BYTES];
	char name[KR_CELL_BYTES], file[KR_CELL_BYTES], tenant[KR_CELL_BYTES];
	json_t *row, *line;
	size_t i, k;

	json_array_foreach(all, i, row) {
		KR_AUTO(kr_cli_decref) json_t *flat = json_copy(row);
		bool any = json_array_size(json_object_get(row, "categories"));

		json_object_del(flat, "by");
		kr_policyfile_flat(flat);
		printf("class of %s: %s, %s%s\n",
		       kr_columns_text(flat, "of", of),
		       kr_columns_text(flat, "level", level),
		       any ? "of " : "of no category",
		       any ? kr_columns_text(flat, "categories", cats) : "");
		json_array_foreach(json_object_get(row, "by"), k, line)
			printf("  by [%s %s] of %s:%d\n",
			       json_string_value(json_object_get(line,
								 "section")),
			       kr_columns_text(line, "name", name),
			       kr_columns_text(line, "file", file),
			       (int)json_integer_value(
				       json_object_get(line, "line")));
		if (json_object_get(row, "tenant"))
			printf("  by its tenant, %s\n",
			       kr_columns_text(row, "tenant", tenant));
	}
}
