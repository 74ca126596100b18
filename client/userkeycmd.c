/* SPDX-License-Identifier: Apache-2.0 */
/* userkeycmd.c - korora user key: with which keys the users of a host sign. */
#include "client/columns.h"
#include "client/commands.h"
#include "client/listing.h"
#include "evidence/pubkey.h"

int kr_userkeycmd_add(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(kr_pubkey_autofree) struct kr_pubkey *key = NULL;
	KR_AUTOFREE char *pem = NULL;
	struct kr_err e = KR_ERR_NONE;
	const char *pos[2];
	int r = kr_cli_args(c, argc, argv, NULL, 0, 2, 2, pos);

	if (r)
		return r;
	/* read here, so that a private key goes no further */
	if (!kr_pubkey_load(pos[1], &key, &e) && kr_pubkey_name(key)[0])
		kr_fail(&e, KR_E_KEY_FILE, "%s is the certificate of a host",
			pos[1]);
	if (e.code || kr_pubkey_pem(key, &pem, &e))
		return kr_cli_fail(c, &e);
	return kr_cli_do(c, "user.key.add",
			 json_pack("{s:s, s:s}", "user", pos[0], "pem", pem),
			 "%s signs with the key in %s", pos[0], pos[1]);
}

int kr_userkeycmd_list(struct kr_cli *c, int argc, char **argv)
{
	static const struct kr_column cols[] = {
		{ "User", "user", KR_CELL_TEXT },
		{ "Added", "added_ms", KR_CELL_TIME },
		{ "By", "added_by", KR_CELL_TEXT },
		{ "Fingerprint", "fingerprint", KR_CELL_TEXT },
	};
	return kr_listing_table(c, argc, argv, "user.key.list", "keys", cols,
				KR_N(cols), "no keys of users are enrolled");
}

int kr_userkeycmd_remove(struct kr_cli *c, int argc, char **argv)
{
	const char *fp;
	int r = kr_cli_args(c, argc, argv, NULL, 0, 1, 1, &fp);

	if (r)
		return r;
	return kr_cli_do(c, "user.key.remove",
			 json_pack("{s:s}", "fingerprint", fp),
			 "the key %s is struck off", fp);
}
