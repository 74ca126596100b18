/* SPDX-License-Identifier: Apache-2.0 */
/*
 * requestcmd.c - korora request: what waits until others have approved it, and
 * what no rule deals with.
 */
#include "client/columns.h"
#include "client/commands.h"
#include "client/listing.h"

static const struct kr_column cols[] = {
	{ "Request", "request", KR_CELL_ID },
	{ "Kind", "kind", KR_CELL_TEXT },
	{ "For", "procedure", KR_CELL_TEXT },
	{ "On", "item", KR_CELL_TEXT },
	{ "To", "to", KR_CELL_TEXT },
	{ "Asked by", "requested_by", KR_CELL_TEXT },
	{ "State", "state", KR_CELL_TEXT },
	{ "Approved", "approved", KR_CELL_COUNT },
	{ "Needed", "needed", KR_CELL_COUNT },
	{ "Until", "expires_ms", KR_CELL_TIME },
};

static const struct kr_column policy[] = {
	{ "Asked", "created_ms", KR_CELL_TIME },
	{ "Policy", "policy", KR_CELL_TEXT },
	{ "Version", "policy_version", KR_CELL_COUNT },
};

int kr_requestcmd_list(struct kr_cli *c, int argc, char **argv)
{
	return kr_listing_table(c, argc, argv, "request.list", "requests",
				cols, KR_N(cols),
				"nothing waits for approval");
}

int kr_requestcmd_show(struct kr_cli *c, int argc, char **argv)
{
	static const struct kr_column words[] = {
		{ "Approver", "approver", KR_CELL_TEXT },
		{ "Decision", "decision", KR_CELL_TEXT },
		{ "Time", "at_ms", KR_CELL_TIME },
		{ "Key", "fingerprint", KR_CELL_TEXT },
	};
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	KR_AUTOFREE char *params = NULL;
	const char *id;
	int r = kr_cli_args(c, argc, argv, NULL, 0, 1, 1, &id);

	if (!r)
		r = kr_cli_call(c, "request.show", json_pack("{s:s}", "id", id),
				NULL, NULL, &j);
	if (r)
		return r;
	kr_cli_result(c, j);
	if (c->json)
		return 0;
	kr_columns_card(j, cols, KR_N(cols));
	kr_columns_card(j, policy, KR_N(policy));
	params = json_dumps(json_object_get(j, "params"),
			    JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
	kr_columns_block(params ? params : "");
	kr_columns_table(json_object_get(j, "approvals"), words, KR_N(words),
			 "nobody has said anything of it yet");
	return 0;
}

int kr_requestcmd_withdraw(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	const char *id;
	int r = kr_cli_args(c, argc, argv, NULL, 0, 1, 1, &id);

	if (!r)
		r = kr_cli_call(c, "request.withdraw",
				json_pack("{s:s}", "id", id), NULL, NULL, &j);
	if (r)
		return r;
	kr_cli_result(c, j);
	if (!c->json)
		kr_columns_card(j, cols, KR_N(cols));
	return 0;
}
