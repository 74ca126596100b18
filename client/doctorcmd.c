/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctorcmd.c - korora doctor, info and version: is this host well, who is
 * it, and what runs on it. doctor has something to say without kororad too.
 */
#include <stdio.h>
#include <unistd.h>

#include "client/columns.h"
#include "client/commands.h"

void kr_doctorcmd_print(const json_t *check)
{
	bool ok = json_is_true(json_object_get(check, "ok"));
	char name[KR_CELL_BYTES], msg[KR_CELL_BYTES], code[KR_CELL_BYTES];

	printf("%-4s  %-16s  %s%s%s\n", ok ? "ok" : "FAIL",
	       kr_columns_text(check, "name", name),
	       ok ? "" : kr_columns_text(check, "code", code), ok ? "" : " ",
	       kr_columns_text(check, "message", msg));
	if (!ok && json_is_string(json_object_get(check, "hint")))
		printf("        → %s\n", kr_columns_text(check, "hint", msg));
}

/* What can be said when kororad does not answer with a result. */
static json_t *own_checks(const struct kr_cli *c, const json_t *error)
{
	const struct kr_code_row *row = kr_code_find(KR_E_NOT_INIT);
	json_t *checks = json_array();
	char crt[PATH_MAX];
	bool ok;

	ok = !kr_cli_path(c, "/etc/korora/identity.crt", crt, NULL) &&
	     !access(crt, F_OK);
	if (ok)
		json_array_append_new(
			checks, json_pack("{s:s, s:b, s:s}", "name",
					  "identity", "ok", true, "message",
					  "this host has an identity"));
	else
		json_array_append_new(
			checks,
			json_pack("{s:s, s:b, s:s, s:s, s:s}", "name",
				  "identity", "ok", false, "message",
				  row->summary, "code", "KR-1010", "hint",
				  row->hint));
	json_array_append_new(
		checks, json_pack("{s:s, s:b, s:O?, s:O?, s:O?}", "name",
				  "kororad", "ok", false, "message",
				  json_object_get(error, "message"), "code",
				  json_object_get(error, "code"), "hint",
				  json_object_get(error, "hint")));
	return json_pack("{s:b, s:o}", "ok", false, "checks", checks);
}

int kr_doctorcmd(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(kr_cli_decref) json_t *j = NULL, *error = NULL;
	const char *to[2] = { NULL };
	const struct kr_option opts[] = {
		{ .name = "to", .values = to, .max = 1 },
	};
	const json_t *one;
	size_t i;
	bool ok;
	int r = kr_cli_args(c, argc, argv, opts, KR_N(opts), 0, 0, NULL);

	if (r)
		return r;
	r = kr_cli_ask(c, "doctor", json_pack("{s:s*}", "to", to[0]), NULL,
		       NULL, &j, &error);
	if (r && c->api)
		return kr_cli_error(c, error);
	if (r)
		j = own_checks(c, error);
	ok = json_is_true(json_object_get(j, "ok"));
	if (!c->json) {
		json_array_foreach(json_object_get(j, "checks"), i, one)
			kr_doctorcmd_print(one);
		printf(ok ? "all is well\n" : "not all is well\n");
	}
	kr_cli_result(c, j);
	return ok ? KR_EXIT_DONE : KR_EXIT_REFUSED;
}

int kr_doctorcmd_info(struct kr_cli *c, int argc, char **argv)
{
	static const struct kr_column cols[] = {
		{ "Host", "host", KR_CELL_TEXT },
		{ "Fingerprint", "fingerprint", KR_CELL_TEXT },
		{ "Listens at", "listen", KR_CELL_TEXT },
		{ "Version", "version", KR_CELL_TEXT },
	};
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	int r = kr_cli_args(c, argc, argv, NULL, 0, 0, 0, NULL);

	if (!r)
		r = kr_cli_call(c, "info", json_object(), NULL, NULL, &j);
	if (r)
		return r;
	kr_cli_result(c, j);
	if (!c->json)
		kr_columns_card(j, cols, KR_N(cols));
	return 0;
}

int kr_doctorcmd_version(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(kr_cli_decref) json_t *j = NULL, *error = NULL, *all = NULL;
	char version[KR_CELL_BYTES], host[KR_CELL_BYTES];
	int r = kr_cli_args(c, argc, argv, NULL, 0, 0, 0, NULL);

	if (r)
		return r;
	/* without kororad this command still has its answer */
	kr_cli_ask(c, "info", json_object(), NULL, NULL, &j, &error);
	all = json_pack("{s:s, s:O?, s:O?}", "version", KR_VERSION,
			"host", json_object_get(j, "host"), "kororad",
			json_object_get(j, "version"));
	kr_cli_result(c, all);
	if (c->json)
		return 0;
	printf("korora %s\n", KR_VERSION);
	if (j)
		printf("kororad %s on %s\n",
		       kr_columns_text(j, "version", version),
		       kr_columns_text(j, "host", host));
	return 0;
}
