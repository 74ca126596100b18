/* SPDX-License-Identifier: Apache-2.0 */
/*
 * referencecmd.c - korora attest reference: check and show documents of
 * reference values, and sign them. From files alone.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attest/reference.h"
#include "client/columns.h"
#include "client/commands.h"
#include "client/keyring.h"
#include "evidence/signer.h"

static int read_text(const char *file, char **ret, size_t *ret_n,
		     struct kr_err *e)
{
	int r = kr_read_file(file, KR_DSSE_BYTES_MAX, ret, ret_n);

	return r ? kr_fail(e, KR_E_REFERENCE, "%s: %s", file,
			   r == -E2BIG ? "too long" : strerror(-r)) : 0;
}

static bool is_envelope(const char *text, size_t n)
{
	KR_AUTO(kr_dsse_fini) struct kr_dsse d = { 0 };

	return !kr_dsse_parse(text, n, &d, NULL);
}

/* With keys only what one of them signed, without only what nobody did. */
static int load(const char *file, const char *const *keys,
		struct kr_reference *ret_r, struct kr_err *e)
{
	KR_AUTO(kr_keyring_fini) struct kr_keyring g = { 0 };
	KR_AUTOFREE char *text = NULL;
	size_t n;
	int r = read_text(file, &text, &n, e);

	for (size_t i = 0; !r && keys[i]; i++)
		r = kr_keyring_add(&g, keys[i], e);
	if (r)
		return r;
	if (g.n)
		return kr_reference_verify(text, n,
			(const struct kr_pubkey *const *)g.keys,
			(unsigned int)g.n, ret_r, e);
	if (is_envelope(text, n))
		return kr_fail(e, KR_E_REFERENCE_SIGNER, "it is signed: "
			       "--key has to name the signer's key");
	return kr_reference_parse(text, n, ret_r, e);
}

/* ---- telling ------------------------------------------------------------- */

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

static void tell(const struct kr_reference *r, bool is_signed)
{
	printf("reference values %s, version %u: %zu digests of %s, %s\n",
	       r->name, r->version, r->n, kr_bank_name(r->bank), is_signed ?
	       "signed by a key that was given" : "not signed");
}

static int check(struct kr_cli *c, int argc, char **argv, bool show)
{
	static const struct kr_column cols[] = {
		{ "PCR", "pcr", KR_CELL_COUNT },
		{ "Kind", "kind", KR_CELL_TEXT },
		{ "Digest", "digest", KR_CELL_TEXT },
	};
	const char *keys[KR_CLI_VALUES_MAX + 1] = { NULL }, *file;
	const struct kr_option opts[] = {
		{ .name = "key", .values = keys, .max = KR_CLI_VALUES_MAX },
	};
	KR_AUTO(kr_reference_fini) struct kr_reference ref = { 0 };
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	struct kr_err e = KR_ERR_NONE;
	int r = kr_cli_args(c, argc, argv, opts, KR_N(opts), 1, 1, &file);

	if (r)
		return r;
	if (load(file, keys, &ref, &e))
		return kr_cli_fail(c, &e);
	j = reference_json(&ref, keys[0]);
	kr_cli_result(c, j);
	if (c->json)
		return 0;
	tell(&ref, keys[0]);
	if (show)
		kr_columns_table(json_object_get(j, "values"), cols,
				 KR_N(cols), "no values");
	return 0;
}

int kr_referencecmd_check(struct kr_cli *c, int argc, char **argv)
{
	return check(c, argc, argv, false);
}

int kr_referencecmd_show(struct kr_cli *c, int argc, char **argv)
{
	return check(c, argc, argv, true);
}

/* ---- signing ------------------------------------------------------------- */

/* What is wrong is not signed. */
static int sign(const char *file, const char *key, char **ret_text,
		struct kr_err *e)
{
	KR_AUTO(kr_reference_fini) struct kr_reference ref = { 0 };
	KR_AUTO(kr_signer_autofree) struct kr_signer *s = NULL;
	KR_AUTOFREE char *text = NULL;
	size_t n;
	int r = read_text(file, &text, &n, e);

	if (!r)
		r = kr_reference_parse(text, n, &ref, e);
	if (!r)
		r = kr_signer_open(key, &s, e);
	if (!r)
		r = kr_signer_envelope(s, KR_REFERENCE_TYPE, text, n, ret_text,
				       e);
	return r;
}

int kr_referencecmd_sign(struct kr_cli *c, int argc, char **argv)
{
	const char *key[2] = { NULL }, *out[2] = { NULL }, *file;
	const struct kr_option opts[] = {
		{ .name = "key", .values = key, .max = 1 },
		{ .name = "out", .values = out, .max = 1 },
	};
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	KR_AUTOFREE char *text = NULL;
	struct kr_err e = KR_ERR_NONE;
	int r = kr_cli_args(c, argc, argv, opts, KR_N(opts), 1, 1, &file);

	if (r)
		return r;
	if (!key[0] || !out[0])
		return kr_cli_usage(c, "--key and --out are needed: with what "
				    "to sign, and where the envelope goes");
	r = sign(file, key[0], &text, &e);
	if (!r) {
		r = kr_write_file(out[0], text, strlen(text), 0644);
		if (r)
			kr_fail(&e, KR_E_SYSTEM, "%s: %s", out[0],
				strerror(-r));
	}
	if (r)
		return kr_cli_fail(c, &e);
	j = json_pack("{s:b}", "ok", 1);
	kr_cli_result(c, j);
	if (!c->json)
		printf("signed, into %s\n", out[0]);
	return 0;
}
