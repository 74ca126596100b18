/* SPDX-License-Identifier: Apache-2.0 */
/*
 * receiptcmd.c - korora receipt: list and show what kororad keeps, and verify
 * any receipt without it, by the two hosts' public keys alone.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/columns.h"
#include "client/commands.h"
#include "client/keyring.h"
#include "client/listing.h"
#include "client/receiptview.h"
#include "evidence/fingerprint.h"
#include "evidence/receipt.h"

static int no_key(const char *host, const uint8_t *keyid, struct kr_err *e)
{
	char fp[KR_FINGERPRINT_BYTES];

	kr_fingerprint_put(keyid, fp);
	return kr_fail(e, KR_E_RECEIPT_BAD, "the key %s, that it calls %s, is "
		       "not at hand: give it with --key", fp, host);
}

static int verify(const struct kr_cli *c, const char *file,
		  const char *const *keys, struct kr_terms *ret_t,
		  struct kr_err *e)
{
	KR_AUTO(kr_keyring_fini) struct kr_keyring g = { 0 };
	KR_AUTOFREE char *text = NULL;
	const struct kr_pubkey *from, *to;
	struct kr_terms said;		/* not believed yet */
	size_t n;
	int r = kr_read_file(file, KR_DSSE_BYTES_MAX, &text, &n);

	if (r)
		return kr_fail(e, KR_E_RECEIPT_BAD, "%s: %s", file,
			       r == -E2BIG ? "too long" : strerror(-r));
	r = kr_receipt_peek(text, n, &said, e);
	if (!r && !keys[0])
		r = kr_keyring_own(&g, c, e);
	for (size_t i = 0; !r && keys[i]; i++)
		r = kr_keyring_add(&g, keys[i], e);
	if (r)
		return r;
	from = kr_keyring_find(&g, said.from_keyid);
	to = kr_keyring_find(&g, said.to_keyid);
	if (!from)
		return no_key(said.from_name, said.from_keyid, e);
	if (!to)
		return no_key(said.to_name, said.to_keyid, e);
	return kr_receipt_verify(text, n, from, to, ret_t, e);
}

int kr_receiptcmd_verify(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	const char *keys[KR_CLI_VALUES_MAX + 1] = { NULL };
	const struct kr_option opts[] = {
		{ .name = "key", .values = keys, .max = KR_CLI_VALUES_MAX },
	};
	struct kr_err e = KR_ERR_NONE;
	struct kr_terms t;
	const char *file;
	int r = kr_cli_args(c, argc, argv, opts, KR_N(opts), 1, 1, &file);

	if (r)
		return r;
	if (verify(c, file, keys, &t, &e))
		return kr_cli_fail(c, &e);
	j = kr_receiptview_json(&t);
	json_object_set_new(j, "ok", json_true());
	kr_cli_result(c, j);
	if (c->json)
		return 0;
	kr_receiptview_print(j);
	printf("both signatures verify: %s sent it, %s received it\n",
	       t.from_name, t.to_name);
	return 0;
}

int kr_receiptcmd_list(struct kr_cli *c, int argc, char **argv)
{
	static const struct kr_column cols[] = {
		{ "Migration", "migration", KR_CELL_ID },
		{ "VM", "vm", KR_CELL_TEXT },
		{ "From", "from", KR_CELL_TEXT },
		{ "To", "to", KR_CELL_TEXT },
		{ "Time", "at_ms", KR_CELL_TIME },
		{ "File", "path", KR_CELL_TEXT },
	};
	return kr_listing_table(c, argc, argv, "receipt.list", "receipts",
				cols, KR_N(cols), "no receipts");
}

/* What the envelope says, read as the signed bytes have it. */
static int show(const json_t *j, struct kr_err *e)
{
	KR_AUTOFREE char *text = json_dumps(json_object_get(j, "envelope"),
					    JSON_COMPACT);
	KR_AUTO(kr_cli_decref) json_t *view = NULL;
	char path[KR_CELL_BYTES];
	struct kr_terms t;
	int r;

	if (!text)
		return kr_fail(e, KR_E_RECEIPT_BAD, "there is no envelope");
	r = kr_receipt_peek(text, strlen(text), &t, e);
	if (r)
		return r;
	view = kr_receiptview_json(&t);
	kr_receiptview_print(view);
	printf("to verify it: korora receipt verify %s\n",
	       kr_columns_text(j, "path", path));
	return 0;
}

int kr_receiptcmd_show(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	struct kr_err e = KR_ERR_NONE;
	const char *id;
	int r = kr_cli_args(c, argc, argv, NULL, 0, 1, 1, &id);

	if (!r)
		r = kr_cli_call(c, "receipt.show", json_pack("{s:s}", "id", id),
				NULL, NULL, &j);
	if (r)
		return r;
	kr_cli_result(c, j);
	if (!c->json && show(j, &e))
		return kr_cli_fail(c, &e);
	return 0;
}
