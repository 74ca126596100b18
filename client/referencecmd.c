/* SPDX-License-Identifier: Apache-2.0 */
/*
 * referencecmd.c - korora attest reference: check and show documents of
 * reference values, and sign them. From files alone, but for what is shown by
 * its name.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attest/reference.h"
#include "client/commands.h"
#include "client/keptreference.h"
#include "client/keyring.h"
#include "client/referenceview.h"
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

static int tell_file(struct kr_cli *c, const char *file,
		     const char *const *keys, bool values)
{
	KR_AUTO(kr_reference_fini) struct kr_reference ref = { 0 };
	struct kr_err e = KR_ERR_NONE;

	if (load(file, keys, &ref, &e))
		return kr_cli_fail(c, &e);
	kr_referenceview_tell(c, &ref, NULL, keys[0] ? "a key that was given" :
			      NULL, values);
	return 0;
}

int kr_referencecmd_check(struct kr_cli *c, int argc, char **argv)
{
	const char *keys[KR_CLI_VALUES_MAX + 1] = { NULL }, *file;
	const struct kr_option opts[] = {
		{ .name = "key", .values = keys, .max = KR_CLI_VALUES_MAX },
	};
	int r = kr_cli_args(c, argc, argv, opts, KR_N(opts), 1, 1, &file);

	return r ? r : tell_file(c, file, keys, false);
}

int kr_referencecmd_show(struct kr_cli *c, int argc, char **argv)
{
	const char *keys[KR_CLI_VALUES_MAX + 1] = { NULL };
	const char *file[2] = { NULL }, *name;
	const struct kr_option opts[] = {
		{ .name = "file", .values = file, .max = 1 },
		{ .name = "key", .values = keys, .max = KR_CLI_VALUES_MAX },
	};
	int r = kr_cli_args(c, argc, argv, opts, KR_N(opts), 0, 1, &name);

	if (r)
		return r;
	if (!name == !file[0])
		return kr_cli_usage(c, "a NAME or --file FILE is needed");
	if (name && keys[0])
		return kr_cli_usage(c, "--key is for --file: the host has "
				    "looked who signed what it keeps");
	return name ? kr_keptreference_show(c, name) :
		      tell_file(c, file[0], keys, true);
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
