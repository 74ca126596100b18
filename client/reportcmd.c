/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reportcmd.c - korora report: one migration evaluated, from what kororad
 * keeps of it and what can be verified here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/casefile.h"
#include "client/commands.h"
#include "client/judge.h"
#include "client/keptpolicy.h"
#include "client/report.h"
#include "client/reportdata.h"
#include "client/reporthtml.h"
#include "client/reportview.h"
#include "evidence/dsse.h"

#define ENTRIES_MAX	1000	/* of one migration; the latest, if more */

/* All that kororad has to say. */
struct answers {
	json_t *status, *info, *policy, *log, *verify, *verify_error;
	json_t *proofs;			/* of each entry of the log */
	json_t *request, *user_keys;	/* NULL: none was approved */
};

static void answers_fini(struct answers *a)
{
	json_decref(a->status);
	json_decref(a->info);
	json_decref(a->policy);
	json_decref(a->log);
	json_decref(a->verify);
	json_decref(a->verify_error);
	json_decref(a->proofs);
	json_decref(a->request);
	json_decref(a->user_keys);
}

static const json_t *migration(const struct answers *a)
{
	return json_array_get(json_object_get(a->status, "migrations"), 0);
}

/* That each entry is in the log; or why there is no proof of it. */
static void ask_proofs(struct kr_cli *c, struct answers *a)
{
	const json_t *e;
	size_t i;

	a->proofs = json_array();
	json_array_foreach(json_object_get(a->log, "entries"), i, e) {
		json_t *good, *no;

		kr_cli_ask(c, "log.prove", json_pack("{s:O}", "index",
			   json_object_get(e, "index")), NULL, NULL, &good,
			   &no);
		json_array_append_new(a->proofs, good ? good : no);
	}
}

/* What others approved for it, if its log tells of that. */
static void ask_approvals(struct kr_cli *c, struct answers *a)
{
	KR_AUTO(kr_cli_decref) json_t *no = NULL;
	const json_t *e, *d = NULL;
	size_t i;

	json_array_foreach(json_object_get(a->log, "entries"), i, e)
		if (!strcmp(kr_casefile_text(e, "event"),
			    "migration.approved"))
			d = json_object_get(e, "detail");
	if (!d || kr_cli_ask(c, "request.show", json_pack("{s:s}", "id",
			     kr_casefile_text(d, "request")), NULL, NULL,
			     &a->request, &no))
		return;
	kr_cli_ask(c, "user.key.list", json_object(), NULL, NULL,
		   &a->user_keys, &no);
}

static int ask(struct kr_cli *c, const char *id, struct answers *a)
{
	int r = kr_cli_call(c, "status", json_pack("{s:s}", "id", id), NULL,
			    NULL, &a->status);

	if (!r)
		r = kr_cli_call(c, "info", json_object(), NULL, NULL,
				&a->info);
	if (!r)
		r = kr_cli_call(c, "policy.show", json_object(), NULL, NULL,
				&a->policy);
	if (!r)
		r = kr_cli_call(c, "log.show", json_pack(
			"{s:i, s:s}", "limit", ENTRIES_MAX, "migration",
			kr_casefile_text(migration(a), "migration")),
			NULL, NULL, &a->log);
	if (r)
		return r;
	ask_proofs(c, a);
	ask_approvals(c, a);
	kr_cli_ask(c, "log.verify", json_object(), NULL, NULL, &a->verify,
		   &a->verify_error);
	return 0;
}

/* Who asked for it: USER of the offer's USER@HOST. */
static void user_of(const json_t *file, char out[256])
{
	const char *who = kr_casefile_hex(kr_casefile_either(file, "offer"),
					  "requested_by");

	snprintf(out, 256, "%.*s", (int)strcspn(who, "@"), who);
}

/* What decided, in force still or not; or why it cannot be shown. */
static void ask_policy(struct kr_cli *c, const json_t *file, struct answers *a)
{
	KR_AUTO(kr_cli_decref) json_t *no = NULL;
	json_t *kept = NULL;
	char user[256];

	user_of(file, user);
	if (!kr_keptpolicy_ask(c, kr_judge_decided_by(file),
			       kr_casefile_text(migration(a), "vm"), user,
			       &kept, &no)) {
		json_decref(a->policy);
		a->policy = kept;
	} else if (no) {
		json_object_set(a->policy, "error", no);
	}
}

static int gather(struct kr_cli *c, const char *id, json_t **ret,
		  int *ret_exit, struct kr_err *e)
{
	KR_AUTO(kr_keyring_fini) struct kr_keyring keys = { 0 };
	KR_AUTO(answers_fini) struct answers a = { 0 };
	KR_AUTOFREE char *receipt = NULL;
	struct kr_reportdata_raw raw = { 0 };
	int r = ask(c, id, &a);

	*ret_exit = r;
	if (r)
		return 0;
	if (!migration(&a))
		return kr_fail(e, KR_E_NO_MIGRATION, "%s", id);
	r = kr_keyring_own(&keys, c, e);
	if (r)
		return r;
	raw = (struct kr_reportdata_raw){
		.info = a.info, .policy = a.policy, .status = migration(&a),
		.entries = json_object_get(a.log, "entries"),
		.proofs = a.proofs,
		.cut = json_array_size(json_object_get(a.log, "entries")) >=
		       ENTRIES_MAX ||
		       json_is_true(json_object_get(a.log, "cut")),
		.hidden = json_integer_value(json_object_get(a.log, "hidden")),
		.request = a.request, .user_keys = a.user_keys,
		.log = a.verify, .log_error = a.verify_error,
		.receipt_path = json_string_value(json_object_get(
						  migration(&a), "receipt")),
		.now_ms = kr_wall_ms(),
	};
	if (raw.receipt_path)
		r = kr_read_file(raw.receipt_path, KR_DSSE_BYTES_MAX,
				 &receipt, NULL);
	raw.receipt = receipt;
	raw.receipt_why = !r ? NULL : r == -E2BIG ? "too long" : strerror(-r);
	*ret = kr_reportdata_new(&raw, &keys);
	if (*kr_judge_decided_by(*ret)) {
		ask_policy(c, *ret, &a);
		raw.policy = a.policy;
		json_decref(*ret);
		*ret = kr_reportdata_new(&raw, &keys);
	}
	return 0;
}

static int write_html(const json_t *report, const char *path,
		      struct kr_err *e)
{
	KR_AUTOFREE char *text = kr_reporthtml_new(report);
	int r;

	if (!text)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	r = kr_write_file(path, text, strlen(text), 0644);
	return r ? kr_fail(e, KR_E_SYSTEM, "%s: %s", path, strerror(-r)) : 0;
}

int kr_reportcmd(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(kr_cli_decref) json_t *file = NULL, *report = NULL;
	const char *html[2] = { NULL }, *id;
	const struct kr_option opts[] = {
		{ .name = "html", .values = html, .max = 1 },
	};
	struct kr_err e = KR_ERR_NONE;
	int shown, r = kr_cli_args(c, argc, argv, opts, KR_N(opts), 1, 1, &id);

	if (r)
		return r;
	if (gather(c, id, &file, &shown, &e))
		return kr_cli_fail(c, &e);
	if (shown)
		return shown;
	report = kr_report_new(file);
	if (html[0] && write_html(report, html[0], &e))
		return kr_cli_fail(c, &e);
	kr_cli_result(c, report);
	if (!c->json && html[0])
		printf("%s: %s\n", html[0], kr_reportview_head(report));
	else if (!c->json)
		kr_reportview_print(report);
	return kr_report_verdict(report) == KR_VERDICT_UNRELIABLE ?
	       KR_EXIT_REFUSED : 0;
}
