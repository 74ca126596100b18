/* SPDX-License-Identifier: Apache-2.0 */
/* listing.c - see listing.h. */
#include "client/listing.h"

static int ask(struct kr_cli *c, int argc, char **argv, const char *method,
	       json_t **ret)
{
	int r = kr_cli_args(c, argc, argv, NULL, 0, 0, 0, NULL);

	if (!r)
		r = kr_cli_call(c, method, json_object(), NULL, NULL, ret);
	if (!r)
		kr_cli_result(c, *ret);
	return r;
}

int kr_listing_table(struct kr_cli *c, int argc, char **argv,
		     const char *method, const char *key,
		     const struct kr_column *cols, size_t n_cols,
		     const char *none)
{
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	int r = ask(c, argc, argv, method, &j);

	if (!r && !c->json)
		kr_columns_table(json_object_get(j, key), cols, n_cols, none);
	return r;
}

int kr_listing_card(struct kr_cli *c, int argc, char **argv,
		    const char *method, const struct kr_column *cols,
		    size_t n_cols)
{
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	int r = ask(c, argc, argv, method, &j);

	if (!r && !c->json)
		kr_columns_card(j, cols, n_cols);
	return r;
}
