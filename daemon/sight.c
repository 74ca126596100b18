/* SPDX-License-Identifier: Apache-2.0 */
/* sight.c - what of other tenants nobody is told. Runs in kororad. */
#include "daemon/sight.h"

#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "daemon/authorise.h"
#include "daemon/record.h"

const char *kr_sight_tenant(const struct kr_vmrow *v,
			    char out[KR_SIGHT_TENANT_BYTES])
{
	struct kr_vmdef d;
	bool bad = kr_vmdef_parse("", v->definition, strlen(v->definition),
				  &d, NULL);

	snprintf(out, KR_SIGHT_TENANT_BYTES, "%s", bad ? "" : d.tenant);
	return out;
}

bool kr_sight_vm(const struct kr_request *q, const char *vm,
		 const char *tenant)
{
	const struct kr_book *b = q->host->book;
	char item[KR_ITEM_BYTES];
	uint64_t needed = tenant[0] ?
		kr_book_item_class(b, kr_item_put(KR_ITEM_VM, vm, item),
				   tenant).categories :
		kr_book_categories(b);

	return !(needed & ~q->categories);
}

const char *kr_sight_whose(struct kr_host *h, const uint8_t migration[16],
			   struct kr_vmdef *ret_d)
{
	struct kr_migrow row;

	ret_d->name[0] = ret_d->tenant[0] = '\0';
	if (kr_migrow_get(h->store, migration, &row, NULL))
		return ret_d->tenant;
	if (kr_record_def(&row, ret_d, NULL))
		ret_d->name[0] = ret_d->tenant[0] = '\0';
	kr_migrow_fini(&row);
	return ret_d->tenant;
}

static const char *text(const json_t *o, const char *key)
{
	const char *t = json_string_value(json_object_get(o, key));

	return t ? t : "";
}

struct about {
	const char     *vm, *tenant;
	struct kr_vmdef def;
};

/* The VM that a record is about, and whose; false: it is about none. */
static bool about(struct kr_host *h, const json_t *record,
		  struct about *ret_a)
{
	const json_t *d = json_object_get(record, "detail");
	const char *item = text(d, "item");
	bool is_vm = !strncmp(item, "vm:", 3);
	uint8_t migration[16];

	ret_a->vm = is_vm ? item + 3 : text(d, "vm");
	ret_a->tenant = text(d, "tenant");
	if (!json_object_get(record, "migration"))
		return *ret_a->vm;
	if ((*ret_a->vm && *ret_a->tenant) ||
	    !kr_unhex(text(record, "migration"), migration, sizeof(migration)))
		return true;
	kr_sight_whose(h, migration, &ret_a->def);
	ret_a->vm = *ret_a->vm ? ret_a->vm : ret_a->def.name;
	ret_a->tenant = *ret_a->tenant ? ret_a->tenant : ret_a->def.tenant;
	return true;
}

bool kr_sight_entry(const struct kr_request *q, const json_t *record)
{
	struct about a;

	return !about(q->host, record, &a) || kr_sight_vm(q, a.vm, a.tenant);
}

int kr_sight_check(struct kr_request *q, const char *what, const char *vm,
		   const char *tenant, struct kr_err *e)
{
	char item[KR_ITEM_BYTES];
	int r;

	if (kr_sight_vm(q, vm, tenant))
		return 0;
	r = kr_fail(e, KR_E_FORBIDDEN, "%s may not use %s on %.32s: %s",
		    q->user, q->procedure->name, what,
		    kr_reason_text(KR_REASON_TENANT));
	kr_authorise_refused(q, kr_item_put(KR_ITEM_VM, vm, item), tenant, e);
	return r;
}

int kr_sight_check_entry(struct kr_request *q, const char *what,
			 const json_t *record, struct kr_err *e)
{
	struct about a;

	return about(q->host, record, &a) ?
	       kr_sight_check(q, what, a.vm, a.tenant, e) : 0;
}
