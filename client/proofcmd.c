/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proofcmd.c - korora log prove and check: have kororad prove what is in its
 * log, and verify such a proof without it, by public keys alone.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/columns.h"
#include "client/commands.h"
#include "client/human.h"
#include "evidence/tlogproof.h"

/* ---- prove -------------------------------------------------------------- */

/* What is asked for; exactly one of them. */
static json_t *question(const char *index, const char *migration,
			const char *from)
{
	uint64_t n;

	if (!!index + !!migration + !!from != 1)
		return NULL;
	if (migration)
		return json_pack("{s:s}", "migration", migration);
	if (!kr_human_number(index ? index : from, KR_PROOF_SIZE_MAX, &n))
		return NULL;
	return json_pack("{s:I}", index ? "index" : "from", (json_int_t)n);
}

static int put_out(const struct kr_cli *c, const char *file, const char *proof)
{
	struct kr_err e = KR_ERR_NONE;
	int r = file ? kr_write_file(file, proof, strlen(proof), 0644) : 0;

	if (r) {
		kr_fail(&e, KR_E_SYSTEM, "%s: %s", file, strerror(-r));
		return kr_cli_fail(c, &e);
	}
	if (!file && !c->json)
		fputs(proof, stdout);
	return 0;
}

int kr_proofcmd_prove(struct kr_cli *c, int argc, char **argv)
{
	const char *migration[2] = { NULL }, *from[2] = { NULL };
	const char *out[2] = { NULL }, *index, *proof;
	const struct kr_option opts[] = {
		{ .name = "migration", .values = migration, .max = 1 },
		{ .name = "from", .values = from, .max = 1 },
		{ .name = "out", .values = out, .max = 1 },
	};
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	json_t *params;
	int r = kr_cli_args(c, argc, argv, opts, KR_N(opts), 0, 1, &index);

	if (r)
		return r;
	params = question(index, migration[0], from[0]);
	if (!params)
		return kr_cli_usage(c, "either the number of an entry, or "
				    "--migration ID, or --from a number of "
				    "entries");
	r = kr_cli_call(c, "log.prove", params, NULL, NULL, &j);
	if (r)
		return r;
	proof = json_string_value(json_object_get(j, "proof"));
	r = put_out(c, out[0], proof ? proof : "");
	if (!r)
		kr_cli_result(c, j);
	return r;
}

/* ---- check -------------------------------------------------------------- */

struct check {
	struct kr_tlogproof  p;
	struct kr_checkpoint c;		/* that it ends with */
	struct kr_pubkey    *keys[KR_CLI_VALUES_MAX];
	size_t		     n_keys;
	const struct kr_pubkey *log;	/* of these, the log's own */
	json_t		    *entry;
};

static void check_fini(struct check *k)
{
	for (size_t i = 0; i < k->n_keys; i++)
		kr_pubkey_free(k->keys[i]);
	kr_tlogproof_fini(&k->p);
	json_decref(k->entry);
}

static int bad(struct kr_err *e, const struct kr_err *why)
{
	return kr_fail(e, KR_E_PROOF_BAD, "%s", why->what);
}

static int read_text(const char *file, char **ret_text, struct kr_err *e)
{
	size_t n;
	int r = kr_read_file(file, KR_TLOGPROOF_BYTES_MAX - 1, ret_text, &n);

	if (r)
		return kr_fail(e, KR_E_PROOF_BAD, "%s: %s", file,
			       r == -E2BIG ? "too long" : strerror(-r));
	return strlen(*ret_text) == n ? 0 :
	       kr_fail(e, KR_E_PROOF_BAD, "%s is not a text", file);
}

/* Every host whose key was given must have signed. */
static int check_signers(struct check *k, const char *const *files,
			 struct kr_err *e)
{
	struct kr_err why = KR_ERR_NONE;

	for (size_t i = 0; files[i]; i++) {
		const char *name;
		int r = kr_pubkey_load(files[i], &k->keys[i], e);

		if (r)
			return r;
		k->n_keys++;
		name = kr_pubkey_name(k->keys[i]);
		if (!name[0])
			return kr_fail(e, KR_E_KEY_FILE, "%s: a certificate "
				       "is needed, that says whose key it is",
				       files[i]);
		if (kr_checkpoint_cosigned(k->p.note, k->keys[i], name, &why))
			return bad(e, &why);
		if (!strcmp(name, k->c.host))
			k->log = k->keys[i];
	}
	return k->log ? 0 : kr_fail(e, KR_E_PROOF_BAD, "it is of the log of "
				    "%s: give its certificate with --key",
				    k->c.host);
}

/* The earlier checkpoint, in a file of its own or at the end of a proof. */
static int check_growth(struct check *k, const char *old, struct kr_err *e)
{
	KR_AUTO(kr_tlogproof_fini) struct kr_tlogproof p = { 0 };
	KR_AUTOFREE char *text = NULL;
	struct kr_err why = KR_ERR_NONE;
	struct kr_checkpoint c;
	const char *note;
	int r = read_text(old, &text, e);

	if (r)
		return r;
	note = kr_tlogproof_parse(text, &p, NULL) ? text : p.note;
	if (kr_checkpoint_verify(note, k->log, k->c.host, &c, &why))
		return bad(e, &why);
	if (c.size != k->p.at)
		return kr_fail(e, KR_E_PROOF_BAD, "it is of growth from %"
			       PRIu64 " entries, %s has %" PRIu64, k->p.at,
			       old, c.size);
	return kr_tlogproof_check(&k->p, c.root, e);
}

static int check(struct check *k, const char *file, const char *const *keys,
		 const char *old, struct kr_err *e)
{
	KR_AUTOFREE char *text = NULL;
	struct kr_err why = KR_ERR_NONE;
	int r = read_text(file, &text, e);

	if (!r)
		r = kr_tlogproof_parse(text, &k->p, e);
	if (!r && kr_checkpoint_parse(k->p.note, &k->c, &why))
		r = bad(e, &why);
	if (!r && k->p.growth != !!old)
		r = kr_fail(e, KR_E_USAGE, k->p.growth ?
			    "--old is needed: the checkpoint it grew from" :
			    "--old is for a proof that a log grew");
	if (!r)
		r = check_signers(k, keys, e);
	if (r)
		return r;
	return k->p.growth ? check_growth(k, old, e) :
			     kr_tlogproof_entry(&k->p, &k->entry, e);
}

static json_t *result(const struct check *k)
{
	json_t *by = json_array();
	json_t *j = json_pack("{s:b, s:s, s:I, s:I, s:o}", "ok", 1, "host",
			      k->c.host, k->p.growth ? "from" : "index",
			      (json_int_t)k->p.at, "size",
			      (json_int_t)k->c.size, "cosigned_by", by);

	for (size_t i = 0; i < k->n_keys; i++)
		if (k->keys[i] != k->log)
			json_array_append_new(by, json_string(
					      kr_pubkey_name(k->keys[i])));
	if (k->entry)
		json_object_set(j, "entry", k->entry);
	return j;
}

static void tell(const struct check *k)
{
	KR_AUTOFREE char *entry = k->entry ?
		json_dumps(k->entry, JSON_INDENT(2)) : NULL;

	if (entry) {
		kr_columns_block(entry);
		printf("this is entry %" PRIu64 " of the log of %s, which has "
		       "%" PRIu64 " entries\n", k->p.at, k->c.host, k->c.size);
	} else {
		printf("the log of %s grew from %" PRIu64 " to %" PRIu64
		       " entries, and nothing else in it changed\n",
		       k->c.host, k->p.at, k->c.size);
	}
	for (size_t i = 0; i < k->n_keys; i++)
		printf("%s by %s\n", k->keys[i] == k->log ? "signed" :
		       "cosigned", kr_pubkey_name(k->keys[i]));
}

int kr_proofcmd_check(struct kr_cli *c, int argc, char **argv)
{
	const char *keys[KR_CLI_VALUES_MAX + 1] = { NULL };
	const char *old[2] = { NULL }, *file;
	const struct kr_option opts[] = {
		{ .name = "key", .values = keys, .max = KR_CLI_VALUES_MAX },
		{ .name = "old", .values = old, .max = 1 },
	};
	KR_AUTO(check_fini) struct check k = { 0 };
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	struct kr_err e = KR_ERR_NONE;
	int r = kr_cli_args(c, argc, argv, opts, KR_N(opts), 1, 1, &file);

	if (r)
		return r;
	if (!keys[0])
		return kr_cli_usage(c, "--key is needed: the certificate of "
				    "the log's host, and of those who are to "
				    "have cosigned");
	if (check(&k, file, keys, old[0], &e))
		return kr_cli_fail(c, &e);
	j = result(&k);
	kr_cli_result(c, j);
	if (!c->json)
		tell(&k);
	return 0;
}
