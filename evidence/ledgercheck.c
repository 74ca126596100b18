/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledgercheck.c - verifying a log. Runs in the client and in kororad.
 *
 * One pass compares every entry's root with its checkpoint and checks the last
 * signature, which covers them all. Only when that fails a second pass checks
 * every signature on the way, to name the first entry that does not fit.
 */
#include "evidence/ledgercheck.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "evidence/receipt.h"
#include "store/receiptrow.h"

struct pass {
	struct kr_store		*s;
	const struct kr_pubkey	*k;
	const char		*host;
	bool			 every_sig;
	struct kr_merkle	 tree;
	uint8_t			 last[32];	/* leaf hash before this one */
	struct kr_logrow_note	 n;		/* scratch */
	uint64_t		 n_receipts;
};

static const char *text_of(const json_t *j, const char *key)
{
	const char *t = json_string_value(json_object_get(j, key));

	return t ? t : "";
}

/* What the record says of itself: its place, its host, the one before it. */
static int check_record(const struct pass *p, const json_t *j,
			struct kr_err *e)
{
	const uint64_t i = p->tree.size;
	const json_t *index = json_object_get(j, "index");
	char prev[65];

	if (!json_is_integer(index))
		return kr_fail(e, KR_E_LOG_BROKEN,
			       "entry %" PRIu64 " is not a record", i);
	if (json_integer_value(index) != (json_int_t)i)
		return kr_fail(e, KR_E_LOG_BROKEN, "entry %" PRIu64 " holds "
			       "record %" JSON_INTEGER_FORMAT ": entries were "
			       "moved, inserted or removed", i,
			       json_integer_value(index));
	if (strcmp(text_of(j, "host"), p->host))
		return kr_fail(e, KR_E_LOG_BROKEN, "entry %" PRIu64 " is of "
			       "another host's log", i);
	kr_hex(p->last, 32, prev);
	if (strcmp(text_of(j, "prev"), prev))
		return kr_fail(e, KR_E_LOG_BROKEN, "entry %" PRIu64 " does "
			       "not follow the one before it", i);
	return 0;
}

/* The checkpoint made with entry @i, for the tree that ends with it. */
static int check_note(struct pass *p, uint64_t i, struct kr_err *e)
{
	struct kr_checkpoint c;
	uint8_t root[32];
	int r = kr_logrow_note(p->s, i + 1, &p->n, e);

	if (r < 0)
		return r;
	if (r)
		return kr_fail(e, KR_E_LOG_BROKEN, "entry %" PRIu64
			       " has lost its checkpoint", i);
	kr_merkle_root(&p->tree, root);
	if (p->every_sig &&
	    kr_checkpoint_verify(p->n.note, p->k, p->host, &c, NULL))
		return kr_fail(e, KR_E_LOG_BROKEN, "entry %" PRIu64 "'s "
			       "checkpoint is not signed by %s", i, p->host);
	if (memcmp(p->n.root, root, 32) ||
	    (p->every_sig &&
	     (c.size != i + 1 || memcmp(c.root, root, 32))))
		return kr_fail(e, KR_E_LOG_BROKEN, "entry %" PRIu64 " is not "
			       "what was signed: it was changed, inserted or "
			       "put in place of another", i);
	return 0;
}

/*
 * Does a receipt this host signed tell of a log that this one grew from?
 * Receipts of others and other statements say nothing about this log.
 */
static int check_receipt(struct pass *p, const char *text, const char *where,
			 uint64_t limit, struct kr_err *e)
{
	KR_AUTO(kr_dsse_fini) struct kr_dsse d = { 0 };
	const struct kr_terms_log *claim;
	struct kr_terms t;
	unsigned int mask = 0;
	uint8_t root[32];
	int r = 1;

	if (kr_receipt_peek(text, strlen(text), &t, NULL))
		return 0;
	if (!memcmp(t.from_keyid, kr_pubkey_keyid(p->k), 32))
		claim = &t.from_log;
	else if (!memcmp(t.to_keyid, kr_pubkey_keyid(p->k), 32))
		claim = &t.to_log;
	else
		return 0;
	if (kr_dsse_parse(text, strlen(text), &d, NULL) ||
	    kr_dsse_verify(&d, &p->k, 1, &mask, NULL) || !mask)
		return kr_fail(e, KR_E_LOG_BROKEN, "%s holds a receipt that "
			       "%s did not sign", where, p->host);
	if (claim->size > limit)
		return kr_fail(e, KR_E_LOG_BROKEN, "entry %" PRIu64 " and what "
			       "followed was cut off: %s tells of %" PRIu64
			       " entries", limit, where, claim->size);
	if (!claim->size) {
		kr_merkle_root(&(struct kr_merkle){ 0 }, root);
	} else {
		r = kr_logrow_note(p->s, claim->size, &p->n, e);
		if (r < 0)
			return r;
		memcpy(root, p->n.root, 32);	/* held against the entries */
	}
	if ((claim->size && r) || memcmp(root, claim->root, 32))
		return kr_fail(e, KR_E_LOG_BROKEN, "%s tells of other "
			       "entries before %" PRIu64, where, claim->size);
	p->n_receipts++;
	return 0;
}

/* It is found as an entry of the migration that it names, and of no other. */
static int check_index(const struct pass *p, uint64_t i,
		       const char *migration, struct kr_err *e)
{
	int r = kr_logrow_is_of(p->s, i, migration, e);

	if (r)
		return r < 0 ? r : 0;
	return kr_fail(e, KR_E_LOG_BROKEN, "entry %" PRIu64 " is not found as "
		       "one of the migration that it names", i);
}

static int check_entry(void *arg, uint64_t idx, const uint8_t *leaf,
		       size_t n_bytes, struct kr_err *e)
{
	struct pass *p = arg;
	const uint64_t i = p->tree.size;
	KR_AUTOFREE char *envelope = NULL;
	char where[40];
	json_t *j, *env;
	int r;

	if (idx != i)
		return kr_fail(e, KR_E_LOG_BROKEN,
			       "entry %" PRIu64 " is missing", i);
	j = json_loadb((const char *)leaf, n_bytes, JSON_REJECT_DUPLICATES,
		       NULL);
	r = check_record(p, j, e);
	env = json_object_get(j, "envelope");
	if (!r && env)
		envelope = json_dumps(env, JSON_COMPACT);
	if (!r) {
		kr_merkle_leaf(leaf, n_bytes, p->last);
		kr_merkle_append(&p->tree, p->last);
		r = check_note(p, i, e);
	}
	if (!r)
		r = check_index(p, i, text_of(j, "migration"), e);
	json_decref(j);
	if (r || !envelope)
		return r;
	snprintf(where, sizeof(where), "the receipt in entry %" PRIu64, i);
	return check_receipt(p, envelope, where, i, e);
}

static int check_stored(void *arg, const struct kr_receiptrow *row,
			struct kr_err *e)
{
	struct pass *p = arg;
	char where[64], id[33];

	kr_hex(row->migration, 16, id);
	snprintf(where, sizeof(where), "the receipt of %s", id);
	return check_receipt(p, row->envelope, where, p->tree.size, e);
}

/* The end: nothing may have been cut off, and the last word is signed. */
static int check_end(struct pass *p, const char *file, struct kr_err *e)
{
	const uint64_t size = p->tree.size;
	struct kr_checkpoint c;
	uint8_t root[32];
	int r = kr_logrow_last(p->s, &p->n, e);

	if (r < 0)
		return r;
	if (!r && p->n.size > size)
		return kr_fail(e, KR_E_LOG_BROKEN, "entry %" PRIu64 " and what "
			       "followed was cut off: there is a checkpoint of "
			       "%" PRIu64 " entries", size, p->n.size);
	kr_merkle_root(&p->tree, root);
	if (size && (kr_checkpoint_verify(p->n.note, p->k, p->host, &c,
					  NULL) ||
		     c.size != size || memcmp(c.root, root, 32)))
		return kr_fail(e, KR_E_LOG_BROKEN, "entry %" PRIu64 "'s "
			       "checkpoint is not what %s signed", size - 1,
			       p->host);
	if (!file)
		return size ? kr_fail(e, KR_E_LOG_BROKEN, "the checkpoint file "
				      "beside the log is missing") : 0;
	if (kr_checkpoint_verify(file, p->k, p->host, &c, NULL))
		return kr_fail(e, KR_E_LOG_BROKEN, "the checkpoint file is not "
			       "what %s signed", p->host);
	if (c.size > size)
		return kr_fail(e, KR_E_LOG_BROKEN, "entry %" PRIu64 " and what "
			       "followed was cut off: the checkpoint file is "
			       "of %" PRIu64 " entries", size, c.size);
	r = kr_logrow_note(p->s, c.size, &p->n, e);
	if (r < 0)
		return r;
	if (r || memcmp(p->n.root, c.root, 32))
		return kr_fail(e, KR_E_LOG_BROKEN, "the checkpoint file tells "
			       "of other entries before %" PRIu64, c.size);
	return 0;
}

static int run_pass(struct pass *p, const char *file, struct kr_err *e)
{
	int r = kr_logrow_each(p->s, 0, check_entry, p, e);

	if (r || (r = check_end(p, file, e)))
		return r;
	return kr_receiptrow_each(p->s, UINT32_MAX, check_stored, p, e);
}

int kr_ledgercheck_run(struct kr_store *s, const struct kr_pubkey *k,
		       const char *host, struct kr_ledgercheck *ret_c,
		       struct kr_err *e)
{
	struct pass p = { .s = s, .k = k, .host = host };
	struct kr_err first = KR_ERR_NONE;
	char path[KR_STORE_PATH_BYTES + 16];
	KR_AUTOFREE char *file = NULL;
	bool own_tx = !kr_store_in_tx(s);
	int r;

	/* Before the snapshot, so that the file cannot be ahead of it. */
	snprintf(path, sizeof(path), "%s%s", kr_store_path(s),
		 KR_LEDGER_FILE_SUFFIX);
	(void)kr_read_file(path, KR_CHECKPOINT_NOTE_MAX - 1, &file, NULL);
	if (own_tx && (r = kr_store_begin(s, e)))
		return r;
	r = run_pass(&p, file, &first);
	if (r) {
		p = (struct pass){ .s = s, .k = k, .host = host,
				   .every_sig = true };
		r = run_pass(&p, file, e);
		if (!r)
			r = kr_fail(e, first.kr, "%s", first.what);
	}
	if (own_tx)
		kr_store_rollback(s);
	if (r)
		return r;
	*ret_c = (struct kr_ledgercheck){ .size = p.tree.size,
					  .n_receipts = p.n_receipts };
	kr_merkle_root(&p.tree, ret_c->root);
	return 0;
}

/* ---- a migration's ----------------------------------------------------- */

struct search {
	char   id[33];
	int  (*fn)(void *arg, uint64_t idx, const uint8_t *leaf,
		   size_t n_bytes, struct kr_err *e);
	void  *arg;
};

static int pass_on(void *arg, uint64_t idx, const uint8_t *leaf,
		   size_t n_bytes, struct kr_err *e)
{
	const struct search *s = arg;
	json_t *j = json_loadb((const char *)leaf, n_bytes,
			       JSON_REJECT_DUPLICATES, NULL);
	bool is_of = !strcmp(text_of(j, "migration"), s->id);

	json_decref(j);
	if (!is_of)
		return kr_fail(e, KR_E_LOG_BROKEN, "entry %" PRIu64 " is found "
			       "as one of migration %s, which it does not "
			       "name", idx, s->id);
	return s->fn(s->arg, idx, leaf, n_bytes, e);
}

int kr_ledgercheck_of(struct kr_store *s, const uint8_t migration[16],
		      int (*fn)(void *arg, uint64_t idx, const uint8_t *leaf,
				size_t n_bytes, struct kr_err *e),
		      void *arg, struct kr_err *e)
{
	struct search x = { .fn = fn, .arg = arg };

	kr_hex(migration, 16, x.id);
	return kr_logrow_of(s, migration, pass_on, &x, e);
}
