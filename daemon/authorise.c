/* SPDX-License-Identifier: Apache-2.0 */
/* authorise.c - calls of the local API as executions. Runs in kororad. */
#include "daemon/authorise.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/consent.h"
#include "daemon/plan.h"
#include "daemon/policy.h"
#include "daemon/questions.h"
#include "daemon/record.h"
#include "daemon/sight.h"
#include "evidence/fingerprint.h"
#include "store/userkeyrow.h"

static void add_role(void *arg, const char *role)
{
	struct kr_authorise_who *w = arg;
	unsigned int n = w->p.n_roles;

	for (unsigned int i = 0; i < n; i++)
		if (!strcmp(w->roles[i], role))
			return;
	if (n == KR_BOOK_ROLES_MAX)
		return;		/* what he has no room for he may not do */
	snprintf(w->roles[n], sizeof(w->roles[n]), "%s", role);
	w->p.roles[w->p.n_roles++] = w->roles[n];
}

static int on_user(void *arg, const struct kr_userrow *u, struct kr_err *e)
{
	struct kr_authorise_who *w = arg;

	(void)e;
	if (!strcmp(u->name, w->p.name) || !strcmp(u->name, w->uid))
		add_role(w, u->role);
	return 0;
}

bool kr_authorise_role(const struct kr_host *h, const char *role)
{
	char word[KR_BOOK_NAME_MAX + 8];

	snprintf(word, sizeof(word), "role:%s", role);
	for (unsigned int i = 0; i < h->book->n_triples; i++)
		if (kr_words_have(&h->book->triples[i].who, word) ||
		    kr_words_have(&h->book->triples[i].approvers, word))
			return true;
	return false;
}

/* ---- what it is about -------------------------------------------------- */

struct about {
	char name[KR_BOOK_NAME_MAX + 1];
	char tenant[KR_SIGHT_TENANT_BYTES];	/* as it is here, or was */
	char wanted[KR_SIGHT_TENANT_BYTES];	/* as it is to be */
};

/* The VM of a migration, and whose it was: not to be told to just anybody. */
static int find_migration(struct kr_request *q, const char *text,
			  struct about *a, struct kr_err *e)
{
	struct kr_err none = KR_ERR_NONE;
	struct kr_migrow row;
	struct kr_vmdef d;
	uint8_t id[16];
	int r;

	if (!text[0] || kr_api_id(q, text, id, &none))
		return 0;
	r = kr_migrow_get(q->host->store, id, &row, e);
	if (r)
		return r;
	r = kr_record_def(&row, &d, e);
	kr_migrow_fini(&row);
	if (r)
		return r;
	snprintf(a->name, sizeof(a->name), "%s", d.name);
	snprintf(a->tenant, sizeof(a->tenant), "%s", d.tenant);
	return kr_sight_check(q, text, d.name, d.tenant, e);
}

/* A number is the user that it stands for. */
static void find_user(struct about *a)
{
	char *end;
	unsigned long uid = strtoul(a->name, &end, 10);
	const struct passwd *pw = a->name[0] && !*end ? getpwuid((uid_t)uid) :
							NULL;

	if (pw)
		snprintf(a->name, sizeof(a->name), "%s", pw->pw_name);
}

static void find_owner(struct kr_request *q, const char *fingerprint,
		       struct about *a)
{
	struct kr_userkeyrow k;
	uint8_t keyid[32];

	if (kr_fingerprint_get(fingerprint, keyid) &&
	    !kr_userkeyrow_get(q->host->store, keyid, &k, NULL))
		snprintf(a->name, sizeof(a->name), "%.*s",
			 (int)sizeof(a->name) - 1, k.user);
}

/* A name that is not there, or not whole, is nobody's: the method says so. */
static int find_name(struct kr_request *q, enum kr_api_item from,
		     struct about *a, struct kr_err *e)
{
	static const char *const keys[] = {
		[KR_API_NAME] = "name", [KR_API_VM] = "vm",
		[KR_API_USER] = "user", [KR_API_ID] = "id",
		[KR_API_TEXT] = "text", [KR_API_KEY] = "fingerprint",
	};
	const char *text = from == KR_API_NOTHING ? "" :
			   kr_api_opt(q, keys[from], "");
	struct kr_vmdef d;

	switch (from) {
	case KR_API_NOTHING:
		return 0;
	case KR_API_ID:
		return find_migration(q, text, a, e);
	case KR_API_KEY:
		find_owner(q, text, a);
		return 0;
	case KR_API_TEXT:
		if (!kr_vmdef_parse("", text, strlen(text), &d, NULL)) {
			snprintf(a->name, sizeof(a->name), "%s", d.name);
			snprintf(a->wanted, sizeof(a->wanted), "%s",
				 d.tenant);
		}
		return 0;
	default:
		snprintf(a->name, sizeof(a->name), "%s", text);
		return 0;
	}
}

/* Whose the VM of that name is, that this host knows or is receiving. */
static void find_tenant(struct kr_request *q, struct about *a)
{
	static struct kr_vmrow v;
	const struct kr_mig *m = kr_mig_of_vm(q->host, a->name);

	if (a->tenant[0])
		return;
	if (m)
		snprintf(a->tenant, sizeof(a->tenant), "%s", m->def.tenant);
	else if (!kr_vmrow_get(q->host->store, a->name, &v, NULL))
		kr_sight_tenant(&v, a->tenant);
}

void kr_authorise_refused(struct kr_request *q, const char *item,
			  const char *tenant, const struct kr_err *e)
{
	json_t *d = json_pack("{s:s, s:s, s:s, s:s, s:s*}", "user", q->user,
			      "method", q->procedure->name, "item", item,
			      "why", e->what, "tenant", tenant);

	kr_host_record_some(q->host, "user-refused", d);
	json_decref(d);
}

/* Name and uid are set. */
static int find_roles(struct kr_host *h, struct kr_authorise_who *w,
		      struct kr_err *e)
{
	int r = kr_userrow_each(h->store, on_user, w, e);

	if (!strcmp(w->uid, "0"))
		kr_book_roles(h->book, add_role, w);
	return r;
}

int kr_authorise_find(struct kr_host *h, const char *name,
		      struct kr_authorise_who *w, struct kr_err *e)
{
	const struct passwd *pw = getpwnam(name);

	memset(w, 0, sizeof(*w));
	w->p.name = name;
	if (pw)
		snprintf(w->uid, sizeof(w->uid), "%u",
			 (unsigned int)pw->pw_uid);
	return find_roles(h, w, e);
}

int kr_authorise_known(struct kr_host *h, const char *name, uid_t uid,
		       struct kr_authorise_who *w, struct kr_err *e)
{
	memset(w, 0, sizeof(*w));
	w->p.name = name;
	snprintf(w->uid, sizeof(w->uid), "%u", (unsigned int)uid);
	return find_roles(h, w, e);
}

int kr_authorise_again(const struct kr_mig *m, struct kr_err *e)
{
	const char *by = m->terms.requested_by, *at = strrchr(by, '@');
	char name[KR_BOOK_NAME_MAX + 1], item[KR_ITEM_BYTES];
	struct kr_authorise_who w;
	struct kr_execution x = {
		.procedure = kr_procedure(m->plan && !m->plan->go_on ?
					  KR_TP_plan : KR_TP_migrate),
		.item = kr_item_put(KR_ITEM_VM, m->def.name, item),
		.tenant = m->def.tenant, .to = m->peer };
	int r;

	snprintf(name, sizeof(name), "%.*s",	/* names may have one, too */
		 at ? (int)(at - by) : 0, by);
	r = kr_authorise_known(m->host, name, m->uid, &w, e);
	if (r)
		return r;
	x.by = w.p;
	if (m->request && kr_book_decide(m->host->book, &x).reason ==
			  KR_REASON_APPROVALS)
		return 0;
	return kr_policy_ask(m->host, &x, e);
}

/* Whoever is refused for want of a rule is told which request that became. */
static void put_question(const struct kr_request *q,
			 const struct kr_execution *x, struct kr_err *e)
{
	struct kr_err why = KR_ERR_NONE;
	char what[sizeof(e->what)], hex[33];
	uint8_t id[16];
	int r = kr_questions_put(q->host, q->user, x, kr_wall_ms(), id, &why);

	if (r < 0)
		kr_log_err(KR_LOG_ERROR, "a question is not kept", &why);
	if (r)
		return;
	kr_hex(id, sizeof(id), hex);
	memcpy(what, e->what, sizeof(what));
	snprintf(e->what, sizeof(e->what), "request %.8s, a question: "
		 "%.168s", hex, what);
}

/* What others have to approve is looked at once more before it begins. */
static int ask(struct kr_request *q, const struct kr_execution *x,
	       enum kr_tp tp, struct kr_err *e)
{
	struct kr_verdict v = kr_book_decide(q->host->book, x);
	int r;

	if (v.reason == KR_REASON_APPROVALS)
		return tp == KR_TP_migrate ? 0 :
		       kr_consent_call(q, x, v.triple->approvals, e);
	r = kr_policy_ask(q->host, x, e);
	if (r && v.answer == KR_QUESTION && v.reason != KR_REASON_APPROVALS)
		put_question(q, x, e);
	return r;
}

int kr_authorise(struct kr_request *q, enum kr_tp tp, enum kr_api_item item,
		 struct kr_err *e)
{
	struct kr_authorise_who w;
	struct about a = { "", "", "" };
	char item_of[KR_ITEM_BYTES];
	struct kr_execution x = { .procedure = kr_procedure(tp) };
	int r = kr_authorise_known(q->host, q->user, q->uid, &w, e);

	q->procedure = x.procedure;
	q->categories = kr_book_subject_class(q->host->book,
					      &w.p).categories;
	if (!r)
		r = find_name(q, item, &a, e);
	if (r)
		return r;
	if (x.procedure->on == KR_ITEM_VM)
		find_tenant(q, &a);
	if (x.procedure->on == KR_ITEM_USER)
		find_user(&a);
	x.by = w.p;
	x.item = kr_item_put(x.procedure->on, a.name, item_of);
	x.tenant = a.tenant[0] ? a.tenant : NULL;
	x.to = x.procedure->goes_to ? kr_api_opt(q, "to", NULL) : NULL;
	r = ask(q, &x, tp, e);
	if (!r && a.wanted[0]) {
		x.tenant = a.wanted;
		r = ask(q, &x, tp, e);
	}
	if (r && e->kr != KR_E_NOT_APPROVED)
		kr_authorise_refused(q, x.item, x.tenant, e);
	return r;
}
