/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keptreference.c - korora attest reference add, list, show NAME and remove:
 * what hosts are judged by.
 */
#include "client/keptreference.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "client/columns.h"
#include "client/commands.h"
#include "client/listing.h"
#include "client/referenceview.h"

/* Who signed it is kororad's to find out: it knows the keys. */
static int open_envelope(const char *text, size_t n,
			 struct kr_reference *ret_r, struct kr_err *e)
{
	KR_AUTO(kr_dsse_fini) struct kr_dsse d = { 0 };

	if (kr_dsse_parse(text, n, &d, NULL) ||
	    strcmp(d.type, KR_REFERENCE_TYPE))
		return kr_fail(e, KR_E_REFERENCE_SIGNER, "it is not signed: "
			       "korora attest reference sign does that");
	return kr_reference_parse((const char *)d.payload, d.payload_bytes,
				  ret_r, e);
}

int kr_keptreference_add(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(kr_reference_fini) struct kr_reference ref = { 0 };
	KR_AUTOFREE char *text = NULL;
	struct kr_err e = KR_ERR_NONE;
	const char *file;
	size_t n;
	int r = kr_cli_args(c, argc, argv, NULL, 0, 1, 1, &file);

	if (r)
		return r;
	r = kr_read_file(file, KR_DSSE_BYTES_MAX, &text, &n);
	if (r)
		kr_fail(&e, KR_E_REFERENCE, "%s: %s", file,
			r == -E2BIG ? "too long" : strerror(-r));
	if (r || open_envelope(text, n, &ref, &e))
		return kr_cli_fail(c, &e);
	return kr_cli_do(c, "reference.add",
			 json_pack("{s:s, s:s}", "name", ref.name, "envelope",
				   text),
			 "hosts are judged by %s, version %u", ref.name,
			 ref.version);
}

int kr_keptreference_list(struct kr_cli *c, int argc, char **argv)
{
	static const struct kr_column cols[] = {
		{ "Name", "name", KR_CELL_TEXT },
		{ "Version", "version", KR_CELL_COUNT },
		{ "Signed by", "signed_by", KR_CELL_TEXT },
		{ "Added", "added_ms", KR_CELL_TIME },
		{ "By", "added_by", KR_CELL_TEXT },
		{ "Revoked", "revoked_ms", KR_CELL_TIME },
		{ "By", "revoked_by", KR_CELL_TEXT },
	};
	return kr_listing_table(c, argc, argv, "reference.list", "references",
				cols, KR_N(cols), "no host is judged by any");
}

int kr_keptreference_show(struct kr_cli *c, const char *name)
{
	KR_AUTO(kr_reference_fini) struct kr_reference ref = { 0 };
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	struct kr_err e = KR_ERR_NONE;
	const char *text, *revoked;
	int r = kr_cli_call(c, "reference.show", json_pack("{s:s}", "name",
							   name),
			    NULL, NULL, &j);

	if (r)
		return r;
	text = json_string_value(json_object_get(j, "envelope"));
	revoked = json_string_value(json_object_get(j, "revoked_by"));
	if (!text)
		kr_fail(&e, KR_E_MALFORMED, "no envelope");
	if (!text || open_envelope(text, strlen(text), &ref, &e))
		return kr_cli_fail(c, &e);
	kr_referenceview_tell(c, &ref, j, json_string_value(json_object_get(
					j, "signed_by")), true);
	if (revoked && !c->json)
		printf("revoked by %s: hosts are refused by it\n", revoked);
	return 0;
}

int kr_keptreference_remove(struct kr_cli *c, int argc, char **argv)
{
	const char *name;
	int r = kr_cli_args(c, argc, argv, NULL, 0, 1, 1, &name);

	return r ? r : kr_cli_do(c, "reference.remove",
				 json_pack("{s:s}", "name", name),
				 "%s is revoked", name);
}
