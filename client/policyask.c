/* SPDX-License-Identifier: Apache-2.0 */
/* policyask.c - see policyask.h. */
#include "client/policyask.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ini.h"
#include "policy/cases.h"

void kr_policyask_fini(struct kr_policyask *q)
{
	kr_policyfile_fini(&q->p);
	json_decref(q->users);
	for (size_t i = 0; i < KR_CLI_VALUES_MAX; i++)
		free(q->who[i]);
}

bool kr_policyask_roles_known(const struct kr_policyask *q)
{
	return !q->asked || q->users;
}

/* ---- roles ------------------------------------------------------------- */

static void add_role(void *arg, const char *role)
{
	struct kr_person *p = arg;

	for (unsigned int i = 0; i < p->n_roles; i++)
		if (!strcmp(p->roles[i], role))
			return;
	if (p->n_roles < KR_BOOK_ROLES_MAX)
		p->roles[p->n_roles++] = role;
}

static void ask_users(struct kr_cli *c, struct kr_policyask *q)
{
	KR_AUTO(kr_cli_decref) json_t *j = NULL, *error = NULL;

	if (q->asked)
		return;
	q->asked = true;
	if (!kr_cli_ask(c, "user.list", json_object(), NULL, NULL, &j, &error))
		q->users = json_incref(json_object_get(j, "users"));
}

/* As kororad takes them: root has all that triples name, a row is for a
 * name or a number. */
static void ask_roles(struct kr_cli *c, struct kr_policyask *q,
		      struct kr_person *p)
{
	const struct passwd *pw = getpwnam(p->name);
	char uid[16] = "";
	json_t *row;
	size_t i;

	if (pw)
		snprintf(uid, sizeof(uid), "%u", (unsigned int)pw->pw_uid);
	if (pw && !pw->pw_uid) {
		kr_book_roles(q->p.book, add_role, p);
		return;
	}
	ask_users(c, q);
	json_array_foreach(q->users, i, row) {
		const char *user = json_string_value(
					   json_object_get(row, "user"));
		const char *role = json_string_value(
					   json_object_get(row, "role"));

		if (user && role && (!strcmp(user, p->name) ||
				     (uid[0] && !strcmp(user, uid))))
			add_role(p, role);
	}
}

/* ---- the request ------------------------------------------------------- */

static int approvers(struct kr_cli *c, struct kr_policyask *q,
		     const char *const *names)
{
	for (unsigned int i = 0; names[i]; i++) {
		struct kr_person *p = &q->approvers[i];
		bool said = strchr(names[i], ':');
		const char *wrong;

		q->who[i] = strdup(names[i]);
		wrong = q->who[i] ? kr_cases_person(q->who[i], p) :
				    "out of memory";
		if (wrong)
			return kr_cli_usage(c, "--approved-by %s: %s",
					    names[i], wrong);
		for (unsigned int k = 0; k < i; k++)
			if (!strcmp(q->approvers[k].name, p->name))
				return kr_cli_usage(c, "--approved-by %s is "
						    "given twice", p->name);
		if (!said)
			ask_roles(c, q, p);
		q->x.n_approvers = i + 1;
	}
	q->x.approvers = q->approvers;
	return 0;
}

/* VM, or KIND:NAME for procedures that are used on something else. */
static int item(struct kr_cli *c, struct kr_policyask *q, const char *what)
{
	const char *kind = kr_item_kind_name(q->x.procedure->on);
	size_t n = strlen(kind);
	bool whole = n && !strncmp(what, kind, n) && what[n] == ':';

	q->x.item = q->item;
	if (!n)
		return 0;
	if (strchr(what, ':') && !whole)
		return kr_cli_usage(c, "%s is used on %s:NAME, not on %s",
				    q->x.procedure->name, kind, what);
	if (snprintf(q->item, sizeof(q->item), "%s%s%s", whole ? "" : kind,
		     whole ? "" : ":", what) >= (int)sizeof(q->item))
		return kr_cli_usage(c, "%s: longer than any name", what);
	return 0;
}

/* What the VM's definition says, if kororad knows the VM. */
static void ask_tenant(struct kr_cli *c, struct kr_policyask *q)
{
	KR_AUTO(kr_cli_decref) json_t *j = NULL, *error = NULL;
	const char *text;
	struct kr_ini it;

	if (kr_cli_ask(c, "vm.show", json_pack("{s:s}", "name", q->item + 3),
		       NULL, NULL, &j, &error))
		return;
	text = json_string_value(json_object_get(j, "definition"));
	if (!text || kr_ini_start(&it, "definition", text, strlen(text), NULL))
		return;
	while (kr_ini_next(&it, NULL) > 0)
		if (!strcmp(it.section, "vm") && !strcmp(it.key, "tenant") &&
		    strlen(it.value) < sizeof(q->tenant)) {
			strcpy(q->tenant, it.value);
			q->x.tenant = q->tenant;
		}
}

/* Where a migration would begin. */
static void ask_host(struct kr_cli *c, struct kr_policyask *q)
{
	KR_AUTO(kr_cli_decref) json_t *j = NULL, *error = NULL;
	const char *name;

	if (kr_cli_ask(c, "info", json_object(), NULL, NULL, &j, &error))
		return;
	name = json_string_value(json_object_get(j, "host"));
	if (name && strlen(name) < sizeof(q->host))
		strcpy(q->host, name);
}

/* ---- what was typed ---------------------------------------------------- */

struct typed {
	const char *what;
	const char *to[2], *as[2], *procedure[2], *tenant[2], *policy[2];
	const char *roles[KR_BOOK_ROLES_MAX + 1];
	const char *approved[KR_CLI_VALUES_MAX + 1];
};

static int ask(struct kr_cli *c, const struct typed *t, struct kr_policyask *q)
{
	const char *name = t->procedure[0] ? t->procedure[0] : "migrate";
	char as[KR_BOOK_NAME_MAX + 8];
	const char *wrong;
	bool peer;
	int r;

	if (!t->as[0])
		return kr_cli_usage(c, "--as is missing");
	q->x = (struct kr_execution){ .procedure = kr_procedure_find(name),
				      .to = t->to[0],
				      .tenant = t->tenant[0] };
	if (!q->x.procedure)
		return kr_cli_usage(c, "%s is no procedure", name);
	if (q->x.procedure->goes_to != !!t->to[0])
		return kr_cli_usage(c, t->to[0] ? "%s goes nowhere: no --to" :
				    "%s goes somewhere: --to is missing",
				    name);
	r = item(c, q, t->what);
	if (r)
		return r;
	snprintf(as, sizeof(as), "%s", t->as[0]);
	peer = !strncmp(as, "host:", 5);
	wrong = strchr(as, ':') && !peer ? "no user's name" :
		kr_cases_person(as, &q->x.by);
	if (wrong)
		return kr_cli_usage(c, "--as %s: %s", t->as[0], wrong);
	q->x.by.name = t->as[0];
	for (size_t i = 0; t->roles[i]; i++)
		add_role(&q->x.by, t->roles[i]);
	if (!t->roles[0] && !peer)
		ask_roles(c, q, &q->x.by);
	if (q->x.procedure->on == KR_ITEM_VM && !q->x.tenant)
		ask_tenant(c, q);
	if (q->x.procedure->goes_to)
		ask_host(c, q);
	return approvers(c, q, t->approved);
}

int kr_policyask_read(struct kr_cli *c, int argc, char **argv,
		      struct kr_policyask *ret_q)
{
	struct typed t = { 0 };
	const struct kr_option opts[] = {
		{ .name = "to", .values = t.to, .max = 1 },
		{ .name = "as", .values = t.as, .max = 1 },
		{ .name = "role", .values = t.roles,
		  .max = KR_BOOK_ROLES_MAX },
		{ .name = "procedure", .values = t.procedure, .max = 1 },
		{ .name = "approved-by", .values = t.approved,
		  .max = KR_CLI_VALUES_MAX },
		{ .name = "tenant", .values = t.tenant, .max = 1 },
		{ .name = "policy", .values = t.policy, .max = 1 },
	};
	struct kr_err e = KR_ERR_NONE;
	int r = kr_cli_args(c, argc, argv, opts, KR_N(opts), 1, 1, &t.what);

	if (r)
		return r;
	if (kr_policyfile_open(c, t.policy[0], &ret_q->p, &e))
		return kr_cli_fail(c, &e);
	return ask(c, &t, ret_q);
}
