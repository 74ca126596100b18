/* SPDX-License-Identifier: Apache-2.0 */
/* logcmd.c - korora log: what this host did, as its evidence log has it. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "client/columns.h"
#include "client/commands.h"
#include "client/human.h"
#include "evidence/ledgercheck.h"
#include "evidence/pubkey.h"

#define LIMIT_DEFAULT	50u	/* entries, the latest */
#define LIMIT_MAX	100000u

/* A detail as `key=value …`, the keys the other columns say left out. */
static json_t *one_line(json_t *detail)
{
	char line[400] = "";
	const char *key;
	size_t at = 0;
	json_t *v;

	json_object_foreach(detail, key, v) {
		json_t *inner = json_object_get(v, "message");
		const char *s = json_string_value(inner ? inner : v);
		int n;

		if ((json_is_object(v) && !inner) || json_is_array(v))
			continue;
		n = s ? snprintf(line + at, sizeof(line) - at, "%s%s=%s",
				 at ? " " : "", key, s) :
			snprintf(line + at, sizeof(line) - at,
				 "%s%s=%" JSON_INTEGER_FORMAT, at ? " " : "",
				 key, json_integer_value(v));
		if (n < 0 || (size_t)n >= sizeof(line) - at)
			break;
		at += (size_t)n;
	}
	line[at] = '\0';
	return json_string(line);
}

int kr_logcmd_show(struct kr_cli *c, int argc, char **argv)
{
	static const struct kr_column cols[] = {
		{ "Index", "index", KR_CELL_COUNT },
		{ "Time", "at_ms", KR_CELL_TIME },
		{ "Migration", "migration", KR_CELL_ID },
		{ "Event", "event", KR_CELL_TEXT },
		{ "Detail", "detail", KR_CELL_TEXT },
	};
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	const char *limit[2] = { NULL }, *before[2] = { NULL };
	const struct kr_option opts[] = {
		{ .name = "limit", .values = limit, .max = 1 },
		{ .name = "before", .values = before, .max = 1 },
	};
	uint64_t n = LIMIT_DEFAULT, end = INT64_MAX;
	json_t *entry, *next;
	size_t i;
	int r = kr_cli_args(c, argc, argv, opts, KR_N(opts), 0, 0, NULL);

	if (r)
		return r;
	if (limit[0] && (!kr_human_number(limit[0], LIMIT_MAX, &n) || !n))
		return kr_cli_usage(c, "--limit is a number 1..%u, not %s",
				    LIMIT_MAX, limit[0]);
	if (before[0] && !kr_human_number(before[0], INT64_MAX, &end))
		return kr_cli_usage(c, "--before is an entry's index, not %s",
				    before[0]);
	r = kr_cli_call(c, "log.show", json_pack("{s:I, s:I}", "limit",
			(json_int_t)n, "before", (json_int_t)end), NULL, NULL,
			&j);
	if (r)
		return r;
	next = json_object_get(j, "next");
	kr_cli_result(c, j);
	json_array_foreach(json_object_get(j, "entries"), i, entry)
		json_object_set_new(entry, "detail", one_line(
				    json_object_get(entry, "detail")));
	if (!c->json)
		kr_columns_table(json_object_get(j, "entries"), cols,
				 KR_N(cols), next ? "none of those looked at "
				 "is yours to see" : "the log is empty");
	if (!c->json && next)
		fprintf(stderr, "korora: more than one answer holds; earlier "
			"ones: korora log show --before %" JSON_INTEGER_FORMAT
			"\n", json_integer_value(next));
	return 0;
}

static const char *code_of(const json_t *error)
{
	const char *code = json_string_value(json_object_get(error, "code"));

	return code ? code : "";
}

/* Without kororad: the database itself, held against the host's own key. */
static int offline(struct kr_cli *c, json_t **ret, struct kr_err *e)
{
	KR_AUTO(kr_pubkey_autofree) struct kr_pubkey *k = NULL;
	KR_AUTO(kr_store_autofree) struct kr_store *s = NULL;
	struct kr_ledgercheck check;
	char cert[PATH_MAX], db[PATH_MAX], root[65];
	int r = kr_cli_path(c, "/etc/korora/identity.crt", cert, e);

	if (!r)
		r = kr_cli_path(c, "/var/lib/korora/korora.db", db, e);
	if (!r)
		r = kr_pubkey_load(cert, &k, e);
	if (!r)
		r = kr_store_open(db, KR_STORE_READ, &s, e);
	if (!r)
		r = kr_ledgercheck_run(s, k, kr_pubkey_name(k), &check, e);
	if (r)
		return r;
	kr_hex(check.root, sizeof(check.root), root);
	*ret = json_pack("{s:b, s:I, s:I, s:I, s:s}", "ok", 1,
			 "entries", (json_int_t)check.size,
			 "size", (json_int_t)check.size,
			 "receipts", (json_int_t)check.n_receipts,
			 "root", root);
	return 0;
}

int kr_logcmd_verify(struct kr_cli *c, int argc, char **argv)
{
	static const struct kr_column cols[] = {
		{ "Entries", "entries", KR_CELL_COUNT },
		{ "Receipts", "receipts", KR_CELL_COUNT },
		{ "Root", "root", KR_CELL_TEXT },
	};
	KR_AUTO(kr_cli_decref) json_t *j = NULL, *error = NULL;
	struct kr_err e = KR_ERR_NONE;
	const char *note;
	int r = kr_cli_args(c, argc, argv, NULL, 0, 0, 0, NULL);

	if (r)
		return r;
	r = kr_cli_ask(c, "log.verify", json_object(), NULL, NULL, &j,
		       &error);
	if (r && !strcmp(code_of(error), "KR-1009")) {
		/* a kororad that found its log altered does not serve it */
		r = offline(c, &j, &e);
		if (r && e.kr != KR_E_STORE && e.kr != KR_E_KEY_FILE)
			return kr_cli_fail(c, &e);
	}
	if (r)
		return kr_cli_error(c, error);
	if (!json_is_true(json_object_get(j, "ok"))) {
		kr_fail(&e, KR_E_LOG_BROKEN, "kororad does not vouch for it");
		return kr_cli_fail(c, &e);
	}
	kr_cli_result(c, j);
	if (c->json)
		return 0;
	printf("the log is whole: nothing was altered or removed\n");
	kr_columns_card(j, cols, KR_N(cols));
	note = json_string_value(json_object_get(j, "checkpoint"));
	if (note && *note) {
		printf("Checkpoint:\n");
		kr_columns_block(note);
	}
	return 0;
}
