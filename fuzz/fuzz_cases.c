/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_cases.c - tables of requests: what is accepted names somebody, a
 * procedure and an item of its kind, and keeps to its limits.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/cases.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void person(const struct kr_person *p)
{
	if (!p->name[0] || strlen(p->name) > KR_BOOK_NAME_MAX + 5 ||
	    p->n_roles > KR_BOOK_ROLES_MAX)
		abort();
	for (unsigned int i = 0; i < p->n_roles; i++)
		if (!p->roles[i][0] || strpbrk(p->roles[i], ":,; \t*"))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct kr_cases it;
	struct kr_err e = KR_ERR_NONE;
	unsigned int line = 0;
	int r = kr_cases_start(&it, "f", (const char *)data, n, &e);

	while (!r && (r = kr_cases_next(&it, &e)) > 0) {
		const struct kr_execution *x = &it.x;
		const char *kind = kr_item_kind_name(x->procedure->on);

		if (it.line <= line || x->n_approvers > KR_BOOK_APPROVALS_MAX)
			abort();
		line = it.line;
		person(&x->by);
		for (unsigned int i = 0; i < x->n_approvers; i++)
			person(&x->approvers[i]);
		if (strncmp(x->item, kind, strlen(kind)) ||
		    (x->item[0] != '\0') != (kind[0] != '\0') ||
		    (x->to && !x->procedure->goes_to))
			abort();
		r = 0;
	}
	if (r < 0 && e.kr != KR_E_CONFIG)
		abort();
	return 0;
}
