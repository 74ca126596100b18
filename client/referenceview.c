/* SPDX-License-Identifier: Apache-2.0 */
/* referenceview.c - see referenceview.h. Runs in korora. */
#include "client/referenceview.h"

#include <stdio.h>

#include "base/fd.h"
#include "client/columns.h"

static json_t *values_json(const struct kr_reference *r)
{
	static const char *const kinds[] = {
		[KR_REFERENCE_PCR] = "value", [KR_REFERENCE_EVENT] = "event",
		[KR_REFERENCE_REVOKED] = "revoked",
	};
	json_t *all = json_array();

	for (size_t i = 0; i < r->n; i++) {
		const struct kr_reference_value *v = &r->values[i];
		char hex[2 * KR_PCR_BYTES_MAX + 1];
		json_t *j;

		kr_hex(v->digest, kr_bank_bytes(r->bank), hex);
		j = json_pack("{s:s, s:s}", "kind", kinds[v->kind], "digest",
			      hex);
		if (v->kind != KR_REFERENCE_REVOKED)
			json_object_set_new(j, "pcr", json_integer(v->pcr));
		json_array_append_new(all, j);
	}
	return all;
}

static json_t *reference_json(const struct kr_reference *r, bool is_signed)
{
	return json_pack("{s:s, s:I, s:s, s:b, s:o}", "name", r->name,
			 "version", (json_int_t)r->version, "bank",
			 kr_bank_name(r->bank), "signed", is_signed, "values",
			 values_json(r));
}

void kr_referenceview_tell(struct kr_cli *c, const struct kr_reference *r,
			   json_t *more, const char *by, bool values)
{
	static const struct kr_column cols[] = {
		{ "PCR", "pcr", KR_CELL_COUNT },
		{ "Kind", "kind", KR_CELL_TEXT },
		{ "Digest", "digest", KR_CELL_TEXT },
	};
	KR_AUTO(kr_cli_decref) json_t *j = reference_json(r, by);

	json_object_update_missing(j, more);
	kr_cli_result(c, j);
	if (c->json)
		return;
	printf("reference values %s, version %u: %zu digests of %s, %s%s\n",
	       r->name, r->version, r->n, kr_bank_name(r->bank),
	       by ? "signed by " : "not signed", by ? by : "");
	if (values)
		kr_columns_table(json_object_get(j, "values"), cols,
				 KR_N(cols), "no values");
}
