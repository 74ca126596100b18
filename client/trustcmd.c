/* SPDX-License-Identifier: Apache-2.0 */
/* trustcmd.c - korora trust: whose certificates prove a host's name. */
#include <errno.h>
#include <string.h>

#include "client/columns.h"
#include "client/commands.h"
#include "client/listing.h"

#define PEM_BYTES_MAX	65536u	/* of a certificate file */

int kr_trustcmd_add(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTOFREE char *pem = NULL;
	struct kr_err e = KR_ERR_NONE;
	const char *pos[2];
	int r = kr_cli_args(c, argc, argv, NULL, 0, 2, 2, pos);

	if (r)
		return r;
	r = kr_read_file(pos[1], PEM_BYTES_MAX, &pem, NULL);
	if (r) {
		kr_fail(&e, KR_E_KEY_FILE, "%s: %s", pos[1],
			r == -E2BIG ? "too long" : strerror(-r));
		return kr_cli_fail(c, &e);
	}
	if (strstr(pem, "PRIVATE KEY-----")) {
		kr_fail(&e, KR_E_KEY_FILE,
			"%s holds a private key: name its certificate instead",
			pos[1]);
		return kr_cli_fail(c, &e);
	}
	return kr_cli_do(c, "trust.add",
			 json_pack("{s:s, s:s}", "name", pos[0], "pem", pem),
			 "hosts certified by %s are trusted", pos[0]);
}

int kr_trustcmd_list(struct kr_cli *c, int argc, char **argv)
{
	static const struct kr_column cols[] = {
		{ "Name", "name", KR_CELL_TEXT },
		{ "Subject", "subject", KR_CELL_TEXT },
		{ "Not after", "not_after", KR_CELL_TIME },
		{ "Fingerprint", "fingerprint", KR_CELL_TEXT },
	};
	return kr_listing_table(c, argc, argv, "trust.list", "trusts", cols,
				KR_N(cols), "no CA is trusted");
}

int kr_trustcmd_remove(struct kr_cli *c, int argc, char **argv)
{
	const char *name;
	int r = kr_cli_args(c, argc, argv, NULL, 0, 1, 1, &name);

	if (r)
		return r;
	return kr_cli_do(c, "trust.remove", json_pack("{s:s}", "name", name),
			 "%s is trusted no longer", name);
}
