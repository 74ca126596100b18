/* SPDX-License-Identifier: Apache-2.0 */
/* usercmd.c - korora user: who may do what on this host. */
#include "client/columns.h"
#include "client/commands.h"
#include "client/listing.h"

static int change(struct kr_cli *c, int argc, char **argv, bool grant)
{
	const char *pos[2];
	int r = kr_cli_args(c, argc, argv, NULL, 0, 2, 2, pos);

	if (r)
		return r;
	return kr_cli_do(c, grant ? "user.grant" : "user.revoke",
			 json_pack("{s:s, s:s}", "user", pos[0], "role",
				   pos[1]),
			 grant ? "%s has the role %s" :
				 "%s has the role %s no longer",
			 pos[0], pos[1]);
}

int kr_usercmd_grant(struct kr_cli *c, int argc, char **argv)
{
	return change(c, argc, argv, true);
}

int kr_usercmd_revoke(struct kr_cli *c, int argc, char **argv)
{
	return change(c, argc, argv, false);
}

int kr_usercmd_list(struct kr_cli *c, int argc, char **argv)
{
	static const struct kr_column cols[] = {
		{ "User", "user", KR_CELL_TEXT },
		{ "Role", "role", KR_CELL_TEXT },
		{ "Granted", "at_ms", KR_CELL_TIME },
		{ "By", "granted_by", KR_CELL_TEXT },
	};
	return kr_listing_table(c, argc, argv, "user.list", "users", cols,
				KR_N(cols),
				"no roles are granted; root may do everything");
}
