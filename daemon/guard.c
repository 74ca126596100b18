/* SPDX-License-Identifier: Apache-2.0 */
/* guard.c - no step of a migration without a rule for it. Runs in kororad. */
#include "daemon/guard.h"

#include <string.h>

#include "daemon/authorise.h"
#include "daemon/demands.h"
#include "daemon/files.h"
#include "daemon/policy.h"
#include "policy/access.h"
#include "policy/book.h"
#include "policy/keeping.h"
#include "store/vmrow.h"

static struct kr_class host_class(const struct kr_host *h, const char *name)
{
	char who[KR_ITEM_BYTES];
	struct kr_person p = { .name = kr_item_put(KR_ITEM_HOST, name, who),
			       .roles = { "host" }, .n_roles = 1 };

	return kr_book_subject_class(h->book, &p);
}

static struct kr_class vm_class(const struct kr_host *h,
				const struct kr_vmdef *d)
{
	char item[KR_ITEM_BYTES];

	return kr_book_item_class(h->book,
				  kr_item_put(KR_ITEM_VM, d->name, item),
				  d->tenant);
}

static struct kr_refine_classes classes(const struct kr_mig *m)
{
	const char *self = kr_identity_name(m->host->identity);
	bool source = kr_state_side(m->state) == KR_SOURCE;

	return (struct kr_refine_classes){
		host_class(m->host, source ? self : m->peer),
		host_class(m->host, source ? m->peer : self),
		vm_class(m->host, &m->def) };
}

static int decide(enum kr_state from, enum kr_state to, const char *vm,
		  const struct kr_refine_classes *c, struct kr_err *e)
{
	struct kr_decision d = kr_refine_decide(from, to, c);

	if (d.answer == KR_YES)
		return 0;
	return kr_fail(e, KR_E_FORBIDDEN, "%s may not go on to %s: by the rule "
		       "%s only if %s; see the classes of hosts and VM in the "
		       "policy", vm, kr_state_phase(to),
		       d.rule ? d.rule->name : "that there is not",
		       kr_decision_why(&d));
}

int kr_guard_step(const struct kr_mig *m, enum kr_state to, struct kr_err *e)
{
	struct kr_refine_classes c = classes(m);
	int r = decide(m->state, to, m->terms.vm, &c, e);

	if (r || !kr_state_before_return(m->state) || kr_state_ended(to))
		return r;
	/* what is in force, and no less than what was at its beginning */
	r = kr_demands_check(m->host->book, &m->terms, e);
	if (!r && m->book != m->host->book)
		r = kr_demands_check(m->book, &m->terms, e);
	if (!r && to == KR_T_PREPARED)
		r = kr_guard_offer(m->host, &m->terms, &m->def, e);
	if (r || to != KR_S_RELEASED)
		return r;
	/* what was asked at the offer, by what is in force now */
	r = decide(KR_S_PREPARE, KR_S_OFFER, m->terms.vm, &c, e);
	if (r)
		return r;
	if (m->request && memcmp(m->terms.from_policy.digest,
				 m->host->policy_digest, 32))
		return kr_fail(e, KR_E_NOT_APPROVED, "%s was approved under "
			       "another policy than is in force now",
			       m->terms.vm);
	return kr_authorise_again(m, e);
}

/* Is there a triple by which that host brings that VM here? */
static int may_receive(const struct kr_host *h, const char *source,
		       const struct kr_vmdef *d, struct kr_err *e)
{
	char who[KR_ITEM_BYTES], item[KR_ITEM_BYTES];
	struct kr_execution x = {
		.by = { .name = kr_item_put(KR_ITEM_HOST, source, who),
			.roles = { "host" }, .n_roles = 1 },
		.procedure = kr_procedure(KR_TP_receive),
		.item = kr_item_put(KR_ITEM_VM, d->name, item),
		.tenant = d->tenant };

	return kr_policy_ask(h, &x, e);
}

int kr_guard_offer(struct kr_host *h, const struct kr_terms *t,
		   const struct kr_vmdef *d, struct kr_err *e)
{
	struct kr_refine_classes c = {
		host_class(h, t->from_name),
		host_class(h, kr_identity_name(h->identity)),
		vm_class(h, d) };
	int r = may_receive(h, t->from_name, d, e);

	if (!r)
		r = decide(KR_T_NEW, KR_T_RESERVE, d->name, &c, e);
	if (!r)
		r = kr_files_ask(h, d, false, e);
	return r ? r : kr_demands_check(h->book, t, e);
}

int kr_guard_send(const struct kr_host *h, const struct kr_terms *t,
		  const struct kr_vmdef *d, struct kr_err *e)
{
	struct kr_refine_classes c = {
		host_class(h, kr_identity_name(h->identity)),
		host_class(h, t->to_name), vm_class(h, d) };
	int r = decide(KR_S_PREPARE, KR_S_OFFER, d->name, &c, e);

	return r ? r : kr_demands_check(h->book, t, e);
}

/* ---- VMs that come and go ----------------------------------------------- */

static int keep(const struct kr_host *h, const char *vm, struct kr_keeping *k,
		struct kr_err *e)
{
	struct kr_decision d;

	k->host = host_class(h, kr_identity_name(h->identity));
	d = kr_keeping_decide(k);
	if (d.answer == KR_YES)
		return 0;
	return kr_fail(e, KR_E_FORBIDDEN, "%s: by the rule %s only if %s; see "
		       "the classes of hosts and VM in the policy", vm,
		       d.rule ? d.rule->name : "that there is not",
		       kr_decision_why(&d));
}

static int may_classify(struct kr_request *q, bool *ret, struct kr_err *e)
{
	struct kr_execution x = {
		.procedure = kr_procedure(KR_TP_policy_reload), .item = "" };
	struct kr_authorise_who who;
	struct kr_verdict v;
	int r = kr_authorise_known(q->host, q->user, q->uid, &who, e);

	if (r)
		return r;
	x.by = who.p;
	v = kr_book_decide(q->host->book, &x);
	*ret = v.answer == KR_YES || v.reason == KR_REASON_APPROVALS;
	return 0;
}

int kr_guard_define(struct kr_request *q, const struct kr_vmdef *before,
		    const struct kr_vmdef *d, struct kr_err *e)
{
	struct kr_class is = vm_class(q->host, d);
	struct kr_keeping k = { .kind = KR_ASK_CREATE, .vm = is };
	struct kr_err others = KR_ERR_NONE;
	bool anew = true;
	int r = 0;

	if (before) {
		k = (struct kr_keeping){ .kind = KR_ASK_OBJECT_LEVEL,
					 .wanted = is,
					 .vm = vm_class(q->host, before) };
		anew = !kr_class_same(k.vm, is);
	}
	kr_files_ask(q->host, d, false, &others);
	if ((before && anew) || others.code)
		r = may_classify(q, &k.certifier, e);
	if (!r && anew)
		r = keep(q->host, d->name, &k, e);
	if (r || !others.code)
		return r;
	if (k.certifier)
		return kr_files_ask(q->host, d, true, e);
	*e = others;
	return e->code;
}

int kr_guard_remove(struct kr_host *h, const struct kr_vmdef *d,
		    struct kr_err *e)
{
	struct kr_keeping k = { .kind = KR_ASK_DELETE,
				.runs = kr_vm_find(h, d->name),
				.vm = vm_class(h, d) };

	return keep(h, d->name, &k, e);
}

/* ---- what users may ----------------------------------------------------- */

static struct kr_person with(const struct kr_person *p, const char *role,
			     bool given)
{
	struct kr_person q = { .name = p->name };

	for (unsigned int i = 0; i < p->n_roles; i++)
		if (strcmp(p->roles[i], role))
			q.roles[q.n_roles++] = p->roles[i];
	if (given && q.n_roles < KR_BOOK_ROLES_MAX)
		q.roles[q.n_roles++] = role;
	return q;
}

int kr_guard_role(struct kr_request *q, const char *user, const char *role,
		  bool given, struct kr_err *e)
{
	const struct kr_book *b = q->host->book;
	struct kr_authorise_who asks, whose;
	struct kr_class is, wanted;
	struct kr_decision d;
	struct kr_person p;
	int r = kr_authorise_known(q->host, q->user, q->uid, &asks, e);

	if (!r)
		r = kr_authorise_find(q->host, user, &whose, e);
	if (r || !strcmp(asks.uid, "0"))
		return r;
	p = with(&whose.p, role, given);
	is = kr_book_subject_class(b, &whose.p);
	wanted = kr_book_subject_class(b, &p);
	if (kr_class_same(is, wanted))
		return 0;
	d = kr_keeping_reclass(is, wanted, kr_book_subject_class(b, &asks.p),
			       false);
	if (d.answer == KR_YES)
		return 0;
	return kr_fail(e, KR_E_FORBIDDEN, "%.64s would be of another class: by "
		       "the rule %s only if %s, which is who asks", user,
		       d.rule ? d.rule->name : "that there is not",
		       kr_decision_why(&d));
}

/* ---- orders to agents --------------------------------------------------- */

static int access(enum kr_access a, enum kr_state s, const char *vm,
		  const struct kr_refine_classes *c, struct kr_err *e)
{
	struct kr_decision d = kr_access_decide(a, s, c);

	if (d.answer == KR_YES)
		return 0;
	return kr_fail(e, KR_E_FORBIDDEN, "%s in %s: %s only if %s; see the "
		       "classes of hosts and VM in the policy", vm,
		       kr_state_phase(s), kr_access_text(a),
		       kr_decision_why(&d));
}

/* Of a VM that is not being moved: is it this host's, on record? */
static int at_rest(enum kr_access a, struct kr_host *h,
		   const struct kr_vmdef *d, struct kr_err *e)
{
	static struct kr_vmrow v;
	struct kr_class self = host_class(h, kr_identity_name(h->identity));
	struct kr_refine_classes c = { self, self, vm_class(h, d) };
	int r = kr_vmrow_get(h->store, d->name, &v, e);
	bool ours = v.state == KR_VM_STOPPED || v.state == KR_VM_RUNNING ||
		    v.state == KR_VM_LOST;

	return r ? r : access(a, ours ? KR_S_NEW : KR_S_DONE, d->name, &c, e);
}

int kr_guard_start(struct kr_host *h, const struct kr_vmdef *d,
		   struct kr_err *e)
{
	int r = at_rest(KR_ACCESS_RUNS, h, d, e);

	return r ? r : kr_files_ask(h, d, false, e);
}

int kr_guard_hyper(const struct kr_vm *v, uint16_t command, struct kr_err *e)
{
	static const enum kr_access accesses[] = {
#define X(name, access) [KR_HYPER_##name - KR_HYPER_OPEN] = \
				KR_ACCESS_##access,
		KR_HYPER_COMMANDS(X)
#undef X
	};
	const struct kr_mig *m = kr_mig_of_vm(v->host, v->def.name);
	enum kr_access a = accesses[command - KR_HYPER_OPEN];
	struct kr_refine_classes c;

	if (!m)
		return at_rest(a, v->host, &v->def, e);
	c = classes(m);
	return access(a, m->state, v->def.name, &c, e);
}

int kr_guard_plane(const struct kr_mig *m, enum kr_plane_msg order,
		   struct kr_err *e)
{
	static const enum kr_access accesses[] = {
#define X(name, number, access) [KR_PLANE_##name - KR_PLANE_START] = \
				KR_ACCESS_##access,
		KR_PLANE_ORDERS(X)
#undef X
	};
	struct kr_refine_classes c = classes(m);

	return access(accesses[order - KR_PLANE_START], m->state, m->terms.vm,
		      &c, e);
}

int kr_guard_cache(const struct kr_mig *m, struct kr_err *e)
{
	struct kr_class vm = vm_class(m->host, &m->def);
	struct kr_decision d = kr_access_uses(
		vm, kr_book_item_class(m->host->book, "vm:", m->def.tenant),
		true);

	if (d.answer == KR_YES)
		return 0;
	return kr_fail(e, KR_E_FORBIDDEN, "%s: its agent uses the page cache "
		       "of %s only if %s", m->terms.vm, m->def.tenant,
		       kr_decision_why(&d));
}
