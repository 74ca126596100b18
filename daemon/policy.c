/* SPDX-License-Identifier: Apache-2.0 */
/* policy.c - the policy in force: taken up, replaced, asked. In kororad. */
#include "daemon/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/authorise.h"
#include "evidence/ledger.h"
#include "policy/bundle.h"
#include "policy/keeping.h"
#include "store/policyrow.h"

static void folder_of(const struct kr_host *h, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/policy.d", h->etc);
}

static void take_up(struct kr_host *h, struct kr_book *b,
		    const struct kr_policyrow *p)
{
	kr_book_free(h->book);
	h->book = b;
	h->policy_at_ms = p->at_ms;
	h->policy_entry = p->entry;
	memcpy(h->policy_digest, p->digest, 32);
}

/* In a transaction: what is in force, and that it is. */
static int record(struct kr_host *h, struct kr_policyrow *p,
		  struct kr_err *e)
{
	struct kr_inforce said = { .version = p->version };
	uint8_t root[32];
	json_t *d;
	int r;

	memcpy(said.name, p->name, sizeof(said.name));
	memcpy(said.digest, p->digest, sizeof(said.digest));
	d = kr_inforce_detail(&said);
	kr_ledger_head(h->ledger, &p->entry, root);
	r = kr_policyrow_put(h->store, p, e);
	if (!r)
		r = kr_ledger_append(h->ledger, KR_INFORCE_EVENT, NULL, d,
				     NULL, e);
	json_decref(d);
	return r;
}

static int replace(struct kr_host *h, const struct kr_bundle *bundle,
		   struct kr_book *b, struct kr_err *e)
{
	struct kr_policyrow p = { .version = b->version,
				  .at_ms = kr_wall_ms(),
				  .bundle = bundle->bytes,
				  .n_bytes = bundle->n };
	int r;

	if (b->version <= h->policy_floor)
		return kr_fail(e, KR_E_POLICY_VERSION, "version %u is in "
			       "force, the files (%s) have version %u",
			       h->policy_floor, b->name, b->version);
	snprintf(p.name, sizeof(p.name), "%s", b->name);
	memcpy(p.digest, bundle->digest, sizeof(p.digest));
	r = record(h, &p, e);
	if (r)
		return r;
	take_up(h, b, &p);
	h->policy_floor = b->version;
	kr_log(KR_LOG_INFO, "policy %s, version %u, is in force", b->name,
	       b->version);
	return 0;
}

int kr_policy_offered(const struct kr_host *h, uint8_t ret_digest[32],
		      struct kr_err *e)
{
	KR_AUTO(kr_bundle_fini) struct kr_bundle bundle = { 0 };
	char folder[PATH_MAX];
	int r;

	folder_of(h, folder);
	r = kr_bundle_read(folder, &bundle, e);
	if (!r)
		memcpy(ret_digest, bundle.digest, sizeof(bundle.digest));
	return r;
}

/* Of the subjects, whoever certifies raises all but himself. */
static int spares(const struct kr_book *in_force, const struct kr_book *b,
		  const struct kr_person *by, struct kr_err *e)
{
	struct kr_class is = kr_book_subject_carried(in_force, by, b);
	struct kr_class wanted = kr_book_subject_class(b, by);
	struct kr_decision d;

	if (kr_class_at_least(is, wanted))
		return 0;
	d = kr_keeping_reclass(is, wanted, is, true);
	return kr_fail(e, KR_E_FORBIDDEN, "it gives %s, who asks, a higher "
		       "class: by the rule %s only if %s", by->name,
		       d.rule ? d.rule->name : "that there is not",
		       kr_decision_why(&d));
}

int kr_policy_reload(struct kr_host *h, const uint8_t *approved,
		     const struct kr_person *by, struct kr_err *e)
{
	KR_AUTO(kr_bundle_fini) struct kr_bundle bundle = { 0 };
	struct kr_book *b;
	char folder[PATH_MAX];
	int r;

	folder_of(h, folder);
	r = kr_bundle_read(folder, &bundle, e);
	if (r || (h->book && !memcmp(bundle.digest, h->policy_digest, 32)))
		return r;
	if (approved && memcmp(bundle.digest, approved, 32))
		return kr_fail(e, KR_E_NOT_APPROVED, "%s changed since it was "
			       "looked at", folder);
	r = kr_bundle_book(&bundle, folder, &b, e);
	if (r)
		return r;
	if (h->book && by)
		r = spares(h->book, b, by, e);
	if (!r)
		r = replace(h, &bundle, b, e);
	if (r)
		kr_book_free(b);
	return r;
}

/* Is it still what its digest says? */
static int check(struct kr_bundle *kept, const struct kr_policyrow *p,
		 struct kr_err *e)
{
	int r = kr_bundle_sum(kept, e);

	if (!r && memcmp(kept->digest, p->digest, 32))
		r = kr_fail(e, KR_E_STORE, "policy %s, version %u, is not what "
			    "it was", p->name, p->version);
	return r;
}

/* Is it the one that the signed log has last? */
static int in_log(struct kr_host *h, const struct kr_policyrow *p,
		  struct kr_err *e)
{
	struct kr_inforce said;
	uint64_t entry;
	int r = kr_inforce_last(h->store, p->entry, &said, &entry, e);

	if (r < 0)
		return r;
	if (!r && entry == p->entry && said.version == p->version &&
	    !memcmp(said.digest, p->digest, 32))
		return 0;
	return kr_fail(e, KR_E_LOG_BROKEN, "the log says that another policy "
		       "is in force than %s, version %u: the store was "
		       "changed", p->name, p->version);
}

/* What the store says is in force. Return: as kr_policyrow_last(). */
static int take_kept(struct kr_host *h, struct kr_err *e)
{
	struct kr_err why = KR_ERR_NONE;
	struct kr_bundle kept = { 0 };
	struct kr_policyrow p;
	struct kr_book *b;
	int r = kr_policyrow_last(h->store, &p, e);

	if (r)		/* a store of before there were policies has none */
		return r;
	r = in_log(h, &p, e);
	if (r) {
		free(p.bundle);
		return r;
	}
	kept.bytes = p.bundle;
	kept.n = p.n_bytes;
	h->policy_floor = p.version;
	if (!check(&kept, &p, &why) && !kr_bundle_book(&kept, "", &b, &why))
		take_up(h, b, &p);
	else	/* by another release; the files may be newer */
		kr_log_err(KR_LOG_ERROR, "the policy that was in force "
			   "cannot be taken up", &why);
	kr_bundle_fini(&kept);
	return 0;
}

void kr_policy_restore(struct kr_host *h)
{
	struct kr_err e = KR_ERR_NONE;

	if (take_kept(h, &e))
		kr_log_err(KR_LOG_ERROR, "the policy in force", &e);
}

/*
 * To start kororad anew is root's, and so is the policy that it then finds:
 * but not where the one in force wants others to approve the next.
 */
static int may_replace(struct kr_host *h, struct kr_err *e)
{
	struct kr_execution x = {
		.by = { .name = "root" },
		.procedure = kr_procedure(KR_TP_policy_reload), .item = "" };
	struct kr_authorise_who who;
	struct kr_verdict v;
	int r = h->book ? kr_authorise_known(h, "root", 0, &who, e) : 0;

	if (r || !h->book)
		return r;
	x.by = who.p;
	v = kr_book_decide(h->book, &x);
	return v.reason != KR_REASON_APPROVALS ? 0 :
	       kr_fail(e, KR_E_NOT_APPROVED, "policy.d holds another policy, "
		       "which %u others have to approve: korora policy reload",
		       v.triple->approvals);
}

static int reload_alone(struct kr_host *h, struct kr_err *e)
{
	uint8_t offered[32];
	int r = kr_policy_offered(h, offered, e);

	if (r || (h->book && !memcmp(offered, h->policy_digest, 32)))
		return r;
	r = may_replace(h, e);
	if (!r)
		r = kr_store_begin(h->store, e);
	if (r)
		return r;
	r = kr_policy_reload(h, offered, NULL, e);
	if (r) {
		kr_store_rollback(h->store);
		return r;
	}
	r = kr_store_commit(h->store, e);
	if (r) {	/* it is not in force: the one before, or none */
		kr_policy_close(h);
		kr_policy_restore(h);
	}
	return r;
}

int kr_policy_open(struct kr_host *h, struct kr_err *e)
{
	struct kr_err why = KR_ERR_NONE;
	int r = take_kept(h, e);

	if (r < 0)
		return r;
	r = reload_alone(h, &why);
	if (r && !h->book)
		return kr_fail(e, why.kr, "no policy is in force here: %s; "
			       "korora-policy(5) tells of those that are "
			       "shipped", why.what);
	if (r)
		kr_log_err(KR_LOG_ERROR, "the policy in force stays so", &why);
	return 0;
}

void kr_policy_close(struct kr_host *h)
{
	kr_book_free(h->book);
	h->book = NULL;
}

int kr_policy_ask(const struct kr_host *h, const struct kr_execution *x,
		  struct kr_err *e)
{
	struct kr_verdict v = kr_book_decide(h->book, x);

	if (v.answer == KR_YES)
		return 0;
	return kr_fail(e, KR_E_FORBIDDEN, "%s may not use %s%s%s%s%s: %s%s%s",
		       x->by.name, x->procedure->name,
		       x->item[0] ? " on " : "", x->item, x->to ? " to " : "",
		       x->to ? x->to : "", kr_reason_text(v.reason),
		       v.triple ? ", see triple " : "",
		       v.triple ? v.triple->name : "");
}

void kr_policy_tell(const struct kr_host *h, struct kr_inforce *ret)
{
	memset(ret, 0, sizeof(*ret));
	snprintf(ret->name, sizeof(ret->name), "%s", h->book->name);
	ret->version = h->book->version;
	memcpy(ret->digest, h->policy_digest, sizeof(ret->digest));
}

json_t *kr_policy_describe(const struct kr_host *h)
{
	const struct kr_book *b = h->book;
	char hex[65];

	kr_hex(h->policy_digest, 32, hex);
	return json_pack("{s:s, s:I, s:s, s:s, s:i, s:I, s:b}", "name",
			 b->name, "version", (json_int_t)b->version, "about",
			 b->about, "sha256", hex, "triples",
			 (int)b->n_triples, "at_ms",
			 (json_int_t)h->policy_at_ms, "in_force", 1);
}

int kr_policy_kept(struct kr_host *h, const uint8_t digest[32], size_t from,
		   json_t **ret, struct kr_err *e)
{
	KR_AUTOFREE char *part = malloc(2 * KR_POLICY_PART_BYTES + 1);
	KR_AUTOFREE uint8_t *bytes = NULL;
	struct kr_policyrow p;
	char hex[65];
	size_t all;
	int r;

	if (!part)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	r = kr_policyrow_part(h->store, digest, from, KR_POLICY_PART_BYTES, &p,
			      &all, e);
	if (r)
		return r < 0 ? r : kr_fail(e, KR_E_NO_POLICY, "none with that "
					   "digest is kept");
	bytes = p.bundle;
	kr_hex(bytes, p.n_bytes, part);
	kr_hex(digest, 32, hex);
	*ret = json_pack("{s:s, s:I, s:s, s:I, s:b, s:I, s:s}", "name", p.name,
			 "version", (json_int_t)p.version, "sha256", hex,
			 "at_ms", (json_int_t)p.at_ms, "in_force",
			 !memcmp(digest, h->policy_digest, 32), "bytes",
			 (json_int_t)all, "part", part);
	return 0;
}
