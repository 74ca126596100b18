/* SPDX-License-Identifier: Apache-2.0 */
/* hostcmd.c - korora host: which other hosts this one deals with. */
#include "client/columns.h"
#include "client/commands.h"
#include "client/listing.h"

static const struct kr_column cols[] = {
	{ "Name", "name", KR_CELL_TEXT },
	{ "Address", "address", KR_CELL_TEXT },
	{ "Added", "added_ms", KR_CELL_TIME },
	{ "By", "added_by", KR_CELL_TEXT },
	{ "Fingerprint", "fingerprint", KR_CELL_TEXT },
};

int kr_hostcmd_add(struct kr_cli *c, int argc, char **argv)
{
	const char *pos[2], *fp[2] = { NULL };
	const struct kr_option opts[] = {
		{ .name = "fingerprint", .values = fp, .max = 1 },
	};
	int r = kr_cli_args(c, argc, argv, opts, KR_N(opts), 2, 2, pos);

	if (r)
		return r;
	return kr_cli_do(c, "host.add",
			 json_pack("{s:s, s:s, s:s*}", "name", pos[0],
				   "address", pos[1], "fingerprint", fp[0]),
			 "host %s is enrolled at %s%s", pos[0], pos[1],
			 fp[0] ? "" :
				 "; without a fingerprint, only a certificate "
				 "from a trusted CA proves who it is");
}

int kr_hostcmd_list(struct kr_cli *c, int argc, char **argv)
{
	return kr_listing_table(c, argc, argv, "host.list", "hosts", cols,
				KR_N(cols), "no hosts are enrolled");
}

int kr_hostcmd_show(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	const char *name;
	int r = kr_cli_args(c, argc, argv, NULL, 0, 1, 1, &name);

	if (!r)
		r = kr_cli_call(c, "host.show",
				json_pack("{s:s}", "name", name), NULL, NULL,
				&j);
	if (r)
		return r;
	kr_cli_result(c, j);
	if (!c->json)
		kr_columns_card(j, cols, KR_N(cols));
	return 0;
}

int kr_hostcmd_remove(struct kr_cli *c, int argc, char **argv)
{
	const char *name;
	int r = kr_cli_args(c, argc, argv, NULL, 0, 1, 1, &name);

	if (r)
		return r;
	return kr_cli_do(c, "host.remove", json_pack("{s:s}", "name", name),
			 "host %s is struck off", name);
}
