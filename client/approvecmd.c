/* SPDX-License-Identifier: Apache-2.0 */
/*
 * approvecmd.c - korora approve, korora deny: what somebody asked for is
 * fetched, shown as it will be signed, signed with the user's own key, and
 * handed to kororad.
 */
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "client/columns.h"
#include "client/commands.h"
#include "evidence/approval.h"
#include "evidence/fingerprint.h"
#include "evidence/signer.h"
#include "evidence/statement.h"

/* What kororad says was asked for, and whether it says one thing only. */
static int take_asked(const json_t *shown, const char *id,
		      struct kr_approval *ret_a, struct kr_err *e)
{
	const char *you = json_string_value(json_object_get(shown, "you"));
	uint8_t params[32];
	char hex[33];
	int r = kr_approval_read(json_object_get(shown, "asked"), ret_a, e);

	if (!r)
		r = kr_approval_params(json_object_get(shown, "params"),
				       params, e);
	if (r)
		return r;
	kr_hex(ret_a->request, sizeof(ret_a->request), hex);
	if (strncmp(hex, id, strlen(id)) ||
	    memcmp(params, ret_a->params, sizeof(params)) || !you ||
	    strlen(you) >= sizeof(ret_a->approver))
		return kr_fail(e, KR_E_APPROVAL_DIFFERS, "kororad shows "
			       "something else than it wants to have signed");
	memcpy(ret_a->approver, you, strlen(you) + 1);
	return 0;
}

/* Until the request is over, but no longer than an approval may be valid. */
static int fill_in(const json_t *shown, const char *decision,
		   struct kr_approval *a, struct kr_err *e)
{
	json_int_t until =
		json_integer_value(json_object_get(shown, "expires_ms"));

	snprintf(a->decision, sizeof(a->decision), "%s", decision);
	a->issued_ms = kr_wall_ms();
	a->expires_ms = a->issued_ms + KR_APPROVAL_LIFE_MS_MAX;
	if (until >= 0 && (uint64_t)until < a->expires_ms)
		a->expires_ms = (uint64_t)until;
	return RAND_bytes(a->nonce, sizeof(a->nonce)) == 1 ? 0 :
	       kr_fail(e, KR_E_CRYPTO, "no randomness");
}

static json_t *host_text(const char *name, const uint8_t keyid[32])
{
	static const uint8_t none[32];
	char fp[KR_FINGERPRINT_BYTES];

	kr_fingerprint_put(keyid, fp);
	return json_sprintf("%s, %s", name, memcmp(keyid, none, 32) ? fp :
			    "known by its CA");
}

/* A migration's VM and hosts; what else would be done, on which host. */
static json_t *told_what(const struct kr_approval *a)
{
	char definition[65];

	kr_hex(a->definition, sizeof(a->definition), definition);
	if (a->procedure[0])
		return json_pack("{s:s, s:s, s:s, s:o}", "procedure",
				 a->procedure, "item", a->item, "becomes",
				 definition, "from",
				 host_text(a->from_name, a->from_keyid));
	return json_pack("{s:s, s:s, s:I, s:o, s:o}", "vm", a->vm,
			 "definition", definition, "epoch",
			 (json_int_t)a->epoch, "from",
			 host_text(a->from_name, a->from_keyid), "to",
			 host_text(a->to_name, a->to_keyid));
}

/* From the struct that is signed, not from what kororad said. */
static void show(const struct kr_approval *a, const json_t *params)
{
	static const struct kr_column cols[] = {
		{ "Request", "request", KR_CELL_TEXT },
		{ "Asked by", "requested_by", KR_CELL_TEXT },
		{ "For", "procedure", KR_CELL_TEXT },
		{ "On", "item", KR_CELL_TEXT },
		{ "Contents", "becomes", KR_CELL_TEXT },
		{ "VM", "vm", KR_CELL_TEXT },
		{ "Definition", "definition", KR_CELL_TEXT },
		{ "Epoch", "epoch", KR_CELL_COUNT },
		{ "From", "from", KR_CELL_TEXT },
		{ "To", "to", KR_CELL_TEXT },
		{ "Policy", "policy", KR_CELL_TEXT },
		{ "Parameters", "params", KR_CELL_TEXT },
		{ "Decision", "decision", KR_CELL_TEXT },
		{ "Of", "approver", KR_CELL_TEXT },
		{ "Until", "expires_ms", KR_CELL_TIME },
	};
	KR_AUTOFREE char *text = json_dumps(params, JSON_COMPACT |
					    JSON_SORT_KEYS | JSON_ENSURE_ASCII);
	KR_AUTO(kr_cli_decref) json_t *what = told_what(a), *j = NULL;
	char id[33], policy[65];

	kr_hex(a->request, sizeof(a->request), id);
	kr_hex(a->policy.digest, sizeof(a->policy.digest), policy);
	j = json_pack("{s:s, s:s, s:o, s:s, s:s, s:s, s:I}", "request", id,
		      "requested_by", a->requester, "policy",
		      json_sprintf("%s, version %llu, %s", a->policy.name,
				   (unsigned long long)a->policy.version,
				   policy),
		      "params", text ? text : "", "decision", a->decision,
		      "approver", a->approver, "expires_ms",
		      (json_int_t)a->expires_ms);
	json_object_update(j, what);
	kr_columns_card(j, cols, KR_N(cols));
	fflush(stdout);		/* before a passphrase is asked for */
}

static int sign(struct kr_approval *a, const char *key, char **ret_text,
		struct kr_err *e)
{
	KR_AUTO(kr_signer_autofree) struct kr_signer *s = NULL;
	char text[KR_APPROVAL_BYTES_MAX];
	size_t n;
	int r = kr_signer_open(key, &s, e);

	if (r)
		return r;
	memcpy(a->approver_keyid, kr_pubkey_keyid(kr_signer_pubkey(s)),
	       sizeof(a->approver_keyid));
	r = kr_approval_build(a, text, &n, e);
	return r ? r : kr_signer_envelope(s, KR_STATEMENT_TYPE, text, n,
					  ret_text, e);
}

static int say(const struct kr_cli *c, const json_t *result)
{
	kr_cli_result(c, result);
	if (!c->json)
		printf("it is %s now\n", json_string_value(
				json_object_get(result, "state")) ? : "-");
	return 0;
}

static bool is_question(const json_t *shown)
{
	const char *kind = json_string_value(json_object_get(shown, "kind"));

	return kind && !strcmp(kind, "question");
}

/* Nothing is signed: it is closed, or kororad tells why it stays open. */
static int answer_question(struct kr_cli *c, const json_t *shown,
			   const char *decision)
{
	KR_AUTO(kr_cli_decref) json_t *result = NULL;
	json_t *id = json_object_get(shown, "request");
	int r = kr_cli_call(c, "approve",
			    json_pack("{s:O, s:s}", "id", id, "decision",
				      decision), NULL, NULL, &result);

	return r ? r : say(c, result);
}

static int decide(struct kr_cli *c, int argc, char **argv,
		  const char *decision)
{
	KR_AUTO(kr_cli_decref) json_t *shown = NULL, *result = NULL;
	const json_t *params;
	KR_AUTOFREE char *envelope = NULL;
	struct kr_err e = KR_ERR_NONE;
	struct kr_approval a;
	char full[33];
	const char *id, *key[2] = { NULL };
	const struct kr_option opts[] = {
		{ .name = "key", .values = key, .max = 1 },
	};
	int r = kr_cli_args(c, argc, argv, opts, KR_N(opts), 1, 1, &id);

	if (!r)
		r = kr_cli_call(c, "request.show", json_pack("{s:s}", "id", id),
				NULL, NULL, &shown);
	if (r)
		return r;
	if (is_question(shown))
		return answer_question(c, shown, decision);
	if (!key[0])
		return kr_cli_usage(c, "--key is missing");
	if (take_asked(shown, id, &a, &e) ||
	    fill_in(shown, decision, &a, &e))
		return kr_cli_fail(c, &e);
	params = json_object_get(shown, "params");
	if (!c->json)
		show(&a, params);
	if (sign(&a, key[0], &envelope, &e))
		return kr_cli_fail(c, &e);
	kr_hex(a.request, sizeof(a.request), full);
	r = kr_cli_call(c, "approve",
			json_pack("{s:s, s:o}", "id", full, "envelope",
				  json_loads(envelope, 0, NULL)),
			NULL, NULL, &result);
	return r ? r : say(c, result);
}

int kr_approvecmd_approve(struct kr_cli *c, int argc, char **argv)
{
	return decide(c, argc, argv, KR_APPROVAL_APPROVE);
}

int kr_approvecmd_deny(struct kr_cli *c, int argc, char **argv)
{
	return decide(c, argc, argv, KR_APPROVAL_DENY);
}
