/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ledger.c - the evidence log, attacked: rows are edited, moved, inserted,
 * removed and cut by raw SQL, and each time the first bad entry is named.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "evidence/ledgercheck.h"
#include "evidence/ledgerproof.h"
#include "evidence/receipt.h"
#include "store/cosignrow.h"
#include "store/migrow.h"
#include "store/noderow.h"
#include "store/receiptrow.h"
#include "store/vmrow.h"

static char dir[64], path[96], file[128];
static struct kr_identity *id, *peer;
static struct kr_store *s;
static struct kr_ledger *l;

static void open_log(void)
{
	struct kr_err e = KR_ERR_NONE;

	if (kr_store_open(path, KR_STORE_WRITE, &s, &e) ||
	    kr_ledger_open(s, id, &l, &e))
		fail_msg("%s", e.what);
}

static void close_log(void)
{
	kr_ledger_free(l);
	kr_store_free(s);
	l = NULL;
	s = NULL;
}

static int setup(void **state)
{
	char d[96];

	(void)state;
	strcpy(dir, "/tmp/korora-test-XXXXXX");
	if (!mkdtemp(dir) || kr_identity_create(dir, "alpha", NULL) ||
	    kr_identity_load(dir, &id, NULL))
		return -1;
	snprintf(d, sizeof(d), "%s/peer", dir);
	if (mkdir(d, 0700) || kr_identity_create(d, "beta", NULL) ||
	    kr_identity_load(d, &peer, NULL))
		return -1;
	return 0;
}

static int teardown(void **state)
{
	char cmd[128];

	(void)state;
	kr_identity_free(id);
	kr_identity_free(peer);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static void append(const char *event, const char *envelope)
{
	json_t *d = json_pack("{s:s}", "vm", "web-1");
	uint8_t mig[16] = { 1, 2, 3 };
	struct kr_err e = KR_ERR_NONE;

	if (kr_store_begin(s, &e) ||
	    kr_ledger_append(l, event, mig, d, envelope, &e) ||
	    kr_store_commit(s, &e))
		fail_msg("%s", e.what);
	json_decref(d);
}

/* A receipt both hosts signed, about alpha's log as it is now. */
static char *make_receipt(void)
{
	struct kr_terms t = { .vm = "web-1", .from_name = "alpha",
			      .to_name = "beta" };
	struct kr_dsse_sig sig[2];
	char *text = NULL;

	memcpy(t.from_keyid, kr_identity_keyid(id), 32);
	memcpy(t.to_keyid, kr_identity_keyid(peer), 32);
	kr_ledger_head(l, &t.from_log.size, t.from_log.root);
	assert_int_equal(kr_statement_sign(KR_STATEMENT_RECEIPT, &t, id,
					   &sig[0], NULL), 0);
	assert_int_equal(kr_statement_sign(KR_STATEMENT_RECEIPT, &t, peer,
					   &sig[1], NULL), 0);
	assert_int_equal(kr_statement_envelope(KR_STATEMENT_RECEIPT, &t, sig, 2,
					       &text, NULL), 0);
	return text;
}

/* A fresh log of 10 entries; entry 6 holds a receipt about the first six. */
static int fresh(void **state)
{
	static unsigned int n_logs;
	static struct kr_receiptrow row = { .vm = "web-1", .peer = "beta" };
	struct kr_migrow m = { .vm = "web-1", .peer = "beta" };

	(void)state;
	snprintf(path, sizeof(path), "%s/%u.db", dir, n_logs++);
	snprintf(file, sizeof(file), "%s.checkpoint", path);
	open_log();
	for (unsigned int i = 0; i < 10; i++) {
		char *text = i == 6 ? make_receipt() : NULL;

		append("test.event", text);
		if (text) {
			strcpy(row.envelope, text);
			assert_int_equal(kr_migrow_put(s, &m, NULL), 0);
			assert_int_equal(kr_receiptrow_put(s, &row, NULL), 0);
		}
		free(text);
	}
	return 0;
}

static int drop(void **state)
{
	(void)state;
	close_log();
	return 0;
}

static void raw(const char *sql)
{
	sqlite3 *db;
	char *msg = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &msg) != SQLITE_OK)
		fail_msg("%s: %s", sql, msg);
	sqlite3_close(db);
}

static int check(struct kr_ledgercheck *c, struct kr_err *e)
{
	struct kr_store *ro = NULL;
	int r;

	*e = KR_ERR_NONE;
	assert_int_equal(kr_store_open(path, KR_STORE_READ, &ro, NULL), 0);
	r = kr_ledgercheck_run(ro, kr_identity_pubkey(id), "alpha", c, e);
	kr_store_free(ro);
	return r;
}

static void assert_broken(const char *says)
{
	struct kr_ledgercheck c;
	struct kr_err e;

	assert_true(check(&c, &e) < 0);
	assert_int_equal(e.kr, KR_E_LOG_BROKEN);
	if (!strstr(e.what, says))
		fail_msg("\"%s\" is not in \"%s\"", says, e.what);
}

/* kororad must not go on with such a log either. */
static void assert_not_opened(void)
{
	struct kr_ledger *x = NULL;
	struct kr_store *w = NULL;
	struct kr_err e = KR_ERR_NONE;

	assert_int_equal(kr_store_open(path, KR_STORE_WRITE, &w, NULL), 0);
	assert_true(kr_ledger_open(w, id, &x, &e) < 0);
	assert_int_equal(e.kr, KR_E_LOG_BROKEN);
	kr_store_free(w);
}

static void good(void **state)
{
	struct kr_ledgercheck c;
	struct kr_err e;
	uint8_t root[32];
	uint64_t n;

	(void)state;
	if (check(&c, &e))
		fail_msg("%s", e.what);
	assert_int_equal(c.size, 10);
	assert_int_equal(c.n_receipts, 2);
	kr_ledger_head(l, &n, root);
	assert_int_equal(n, 10);
	assert_memory_equal(root, c.root, 32);
	close_log();
	open_log();
	append("after.restart", NULL);
	assert_int_equal(check(&c, &e), 0);
	assert_int_equal(c.size, 11);
}

static void edited(void **state)
{
	(void)state;
	raw("UPDATE log SET leaf = CAST(replace(CAST(leaf AS TEXT), 'web-1',"
	    " 'web-2') AS BLOB) WHERE idx = 4");
	assert_broken("entry 4 is not what was signed");
	assert_not_opened();
}

static void edited_with_its_root(void **state)
{
	(void)state;
	raw("UPDATE log SET leaf = CAST(replace(CAST(leaf AS TEXT), 'web-1',"
	    " 'web-2') AS BLOB) WHERE idx = 4;"
	    "UPDATE checkpoint SET root = zeroblob(32) WHERE size = 5");
	assert_broken("entry 4 ");
}

/* All roots made to fit by someone who has no key. */
static void edited_with_all_roots(void **state)
{
	struct kr_merkle m = { 0 };
	sqlite3_stmt *q, *u;
	sqlite3 *db;

	(void)state;
	raw("UPDATE log SET leaf = CAST(replace(CAST(leaf AS TEXT), 'web-1',"
	    " 'web-2') AS BLOB) WHERE idx = 9");
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_prepare_v2(db, "SELECT leaf FROM log ORDER BY idx", -1, &q,
			   NULL);
	sqlite3_prepare_v2(db, "UPDATE checkpoint SET root = ? WHERE size = ?",
			   -1, &u, NULL);
	while (sqlite3_step(q) == SQLITE_ROW) {
		uint8_t h[32];

		kr_merkle_leaf(sqlite3_column_blob(q, 0),
			       (size_t)sqlite3_column_bytes(q, 0), h);
		kr_merkle_append(&m, h);
		kr_merkle_root(&m, h);
		sqlite3_bind_blob(u, 1, h, 32, SQLITE_TRANSIENT);
		sqlite3_bind_int64(u, 2, (sqlite3_int64)m.size);
		sqlite3_step(u);
		sqlite3_reset(u);
	}
	sqlite3_finalize(q);
	sqlite3_finalize(u);
	sqlite3_close(db);
	assert_broken("entry 9 is not what was signed");
	assert_not_opened();
}

static void reordered(void **state)
{
	(void)state;
	raw("UPDATE log SET idx = 100 WHERE idx = 3;"
	    "UPDATE log SET idx = 3 WHERE idx = 7;"
	    "UPDATE log SET idx = 7 WHERE idx = 100");
	assert_broken("entry 3 holds record 7");
	assert_not_opened();
}

static void removed(void **state)
{
	(void)state;
	raw("DELETE FROM log WHERE idx = 5");
	assert_broken("entry 5 is missing");
	assert_not_opened();
}

static void removed_and_closed_up(void **state)
{
	(void)state;
	raw("DELETE FROM log WHERE idx = 5;"
	    "UPDATE log SET idx = idx - 1 WHERE idx = 6;"
	    "UPDATE log SET idx = idx - 1 WHERE idx = 7;"
	    "UPDATE log SET idx = idx - 1 WHERE idx = 8;"
	    "UPDATE log SET idx = idx - 1 WHERE idx = 9");
	assert_broken("entry 5 holds record 6");
}

static void inserted(void **state)
{
	(void)state;
	raw("INSERT INTO log SELECT 10, leaf, migration FROM log WHERE idx = 9");
	assert_broken("entry 10 holds record 9");
	assert_not_opened();
}

/* Nothing that was signed changes when an entry is found as another's. */
static void found_by_another_migration(void **state)
{
	(void)state;
	raw("UPDATE log SET migration = '02020202020202020202020202020202'"
	    " WHERE idx = 4");
	assert_broken("entry 4 is not found as one of the migration");
	raw("UPDATE log SET migration = '' WHERE idx = 3");
	assert_broken("entry 3 is not found as one of the migration");
}

static int count(void *arg, uint64_t idx, const uint8_t *leaf, size_t n_bytes,
		 struct kr_err *e)
{
	(void)idx;
	(void)leaf;
	(void)n_bytes;
	(void)e;
	++*(int *)arg;
	return 0;
}

/* Entries are a migration's by what they say. */
static void injected_into_another_migration(void **state)
{
	const uint8_t one[16] = { 1, 2, 3 }, two[16] = { 2, 2 };
	struct kr_err e = KR_ERR_NONE;
	int n = 0;

	(void)state;
	assert_int_equal(kr_ledgercheck_of(s, one, count, &n, &e), 0);
	assert_int_equal(n, 10);
	n = 0;
	assert_int_equal(kr_ledgercheck_of(s, two, count, &n, &e), 0);
	raw("UPDATE log SET migration = '02020000000000000000000000000000'"
	    " WHERE idx = 4");
	assert_true(kr_ledgercheck_of(s, two, count, &n, &e) < 0);
	assert_int_equal(e.kr, KR_E_LOG_BROKEN);
	assert_int_equal(n, 0);
}

static void inserted_in_place(void **state)
{
	(void)state;
	raw("UPDATE log SET leaf = CAST('{\"index\":2,\"host\":\"alpha\"}' AS"
	    " BLOB) WHERE idx = 2");
	assert_broken("entry 2 does not follow");
}

static void not_json(void **state)
{
	(void)state;
	raw("UPDATE log SET leaf = x'00ff' WHERE idx = 0");
	assert_broken("entry 0 is not a record");
}

static void cut(void **state)
{
	(void)state;
	raw("DELETE FROM log WHERE idx >= 8");
	assert_broken("entry 8 and what followed was cut off");
	assert_not_opened();
}

static void cut_with_checkpoints(void **state)
{
	(void)state;
	raw("DELETE FROM log WHERE idx >= 8;"
	    "DELETE FROM checkpoint WHERE size > 8");
	assert_broken("entry 8 and what followed was cut off: the checkpoint "
		      "file");
	assert_not_opened();
}

/* Both the rows and the file are gone; the receipt still tells. */
static void cut_below_a_receipt(void **state)
{
	(void)state;
	kr_ledger_free(l);
	l = NULL;
	raw("DELETE FROM log WHERE idx >= 3;"
	    "DELETE FROM checkpoint WHERE size > 3");
	unlink(file);
	assert_broken("the checkpoint file beside the log is missing");
	{
		struct kr_logrow_note n;

		assert_int_equal(kr_logrow_last(s, &n, NULL), 0);
		assert_int_equal(kr_write_file(file, n.note, strlen(n.note),
					       0600), 0);
	}
	assert_broken("entry 3 and what followed was cut off: the receipt");
}

static void file_of_another_log(void **state)
{
	char note[KR_CHECKPOINT_NOTE_MAX];
	uint8_t root[32] = { 1 };

	(void)state;
	assert_int_equal(kr_checkpoint_sign(id, 4, root, note, NULL), 0);
	assert_int_equal(kr_write_file(file, note, strlen(note), 0600), 0);
	assert_broken("the checkpoint file tells of other entries");
	assert_not_opened();
	assert_int_equal(kr_checkpoint_sign(peer, 4, root, note, NULL), 0);
	assert_int_equal(kr_write_file(file, note, strlen(note), 0600), 0);
	assert_broken("the checkpoint file is not what alpha signed");
}

static void checkpoint_lost(void **state)
{
	(void)state;
	raw("DELETE FROM checkpoint WHERE size = 4");
	assert_broken("entry 3 has lost its checkpoint");
}

static void receipt_edited(void **state)
{
	(void)state;
	raw("UPDATE receipt SET envelope = replace(envelope, '\"sig\":\"M',"
	    " '\"sig\":\"N')");
	assert_broken("did not sign");
}

static void rolled_back(void **state)
{
	uint8_t before[32], after[32];
	struct kr_ledgercheck c;
	struct kr_err e;
	uint64_t n;

	(void)state;
	kr_ledger_head(l, &n, before);
	assert_true(kr_ledger_append(l, "no.tx", NULL, NULL, NULL, NULL) < 0);
	assert_int_equal(kr_store_begin(s, NULL), 0);
	assert_int_equal(kr_ledger_append(l, "a", NULL, NULL, NULL, NULL), 0);
	assert_int_equal(kr_ledger_append(l, "b", NULL, NULL, NULL, NULL), 0);
	assert_true(kr_ledger_append(l, "", NULL, NULL, NULL, NULL) < 0);
	assert_true(kr_ledger_append(l, "c", NULL, NULL, "{", NULL) < 0);
	kr_store_rollback(s);
	kr_ledger_head(l, &n, after);
	assert_int_equal(n, 10);
	assert_memory_equal(before, after, 32);
	append("again", NULL);
	if (check(&c, &e))
		fail_msg("%s", e.what);
	assert_int_equal(c.size, 11);
}

/* What could not be written is written when it can be. */
static void file_follows_later(void **state)
{
	char new[sizeof(file) + 4];
	struct stat before, after;

	(void)state;
	snprintf(new, sizeof(new), "%s.new", file);
	kr_ledger_defer(l);
	assert_false(kr_ledger_publish(l));
	append("test.event", NULL);
	assert_int_equal(stat(file, &before), 0);
	assert_int_equal(mkdir(new, 0700), 0);
	assert_false(kr_ledger_publish(l));
	assert_int_equal(stat(file, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(rmdir(new), 0);
	assert_true(kr_ledger_publish(l));
	assert_int_equal(stat(file, &after), 0);
	assert_int_not_equal(before.st_ino, after.st_ino);
	assert_false(kr_ledger_publish(l));
}

static void checkpoint_text(void **state)
{
	static const char *const bad[] = {
		"", "korora/a", "korora/\n1\nAAAA\n\n", "other/a\n1\n",
		"korora/a\n01\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
		"\n\n",
		"korora/a\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuF=="
		"\n\n",
		"korora/a\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
		"\nextra\n\n",
	};
	static const char head[] =
		"korora/alpha\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
		"\n\n\xe2\x80\x94 korora/alpha ";
	char note[KR_CHECKPOINT_NOTE_MAX], twice[KR_CHECKPOINT_NOTE_MAX + 64];
	const struct kr_pubkey *k = kr_identity_pubkey(id);
	struct kr_checkpoint c;
	struct kr_merkle m = { 0 };
	uint8_t root[32];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(kr_checkpoint_parse(bad[i], &c, NULL) < 0);
	kr_merkle_root(&m, root);
	assert_int_equal(kr_checkpoint_sign(id, 0, root, note, NULL), 0);
	assert_int_equal(strncmp(note, head, strlen(head)), 0);
	assert_int_equal(kr_checkpoint_verify(note, k, "alpha", &c, NULL), 0);
	assert_true(kr_checkpoint_verify(note, k, "beta", &c, NULL) < 0);
	assert_true(kr_checkpoint_verify(note, kr_identity_pubkey(peer),
					 "alpha", &c, NULL) < 0);
	note[13] = '1';
	assert_true(kr_checkpoint_verify(note, k, "alpha", &c, NULL) < 0);
	note[13] = '0';
	/* Lines of unknown keys are ignored, bad ones of the known key not. */
	snprintf(twice, sizeof(twice), "%s\xe2\x80\x94 example/x AAAAAAAA\n",
		 note);
	assert_int_equal(kr_checkpoint_verify(twice, k, "alpha", &c, NULL), 0);
	/* 0x30 begins a DER signature: change that and leave the key id. */
	{
		char *sig = strrchr(note, ' ') + 1;

		sig[9] = sig[9] == 'A' ? 'B' : 'A';
		assert_true(kr_checkpoint_verify(note, k, "alpha", &c, NULL) <
			    0);
	}
}

/* Each transaction holds an entry and, as an epoch, the count of entries. */
static void killed_writer(void **state)
{
	static struct kr_vmrow v = { .name = "n" };
	struct kr_ledgercheck c;
	struct kr_err e;

	(void)state;
	close_log();
	for (unsigned int i = 0; i < 12; i++) {
		pid_t pid = fork();
		int st;

		if (!pid) {
			open_log();
			for (;;) {
				uint8_t root[32];

				if (kr_store_begin(s, NULL) ||
				    kr_ledger_append(l, "x", NULL, NULL, NULL,
						     NULL))
					_exit(1);
				kr_ledger_head(l, &v.epoch, root);
				if (kr_vmrow_put(s, &v, NULL) ||
				    kr_store_commit(s, NULL))
					_exit(1);
			}
		}
		usleep(30000 + 4321 * i);
		kill(pid, SIGKILL);
		waitpid(pid, &st, 0);
		assert_true(WIFSIGNALED(st));
		if (check(&c, &e))
			fail_msg("%s", e.what);
		open_log();
		if (!kr_vmrow_get(s, "n", &v, NULL))
			assert_int_equal(v.epoch, c.size);
		close_log();
	}
	open_log();
}

static void cheap(void **state)
{
	uint64_t t0;

	(void)state;
	assert_int_equal(kr_store_begin(s, NULL), 0);
	t0 = kr_now_ns();
	for (unsigned int i = 0; i < 1000; i++)
		assert_int_equal(kr_ledger_append(l, "x", NULL, NULL, NULL,
						  NULL), 0);
	print_message("%llu us an entry\n",
		      (unsigned long long)(kr_now_ns() - t0) / 1000000);
	assert_int_equal(kr_store_commit(s, NULL), 0);
	t0 = kr_now_ns();
	{
		struct kr_ledgercheck c;
		struct kr_err e;

		assert_int_equal(check(&c, &e), 0);
		assert_int_equal(c.size, 1010);
	}
	print_message("%llu us to verify an entry\n",
		      (unsigned long long)(kr_now_ns() - t0) / 1010000);
}

/* ---- proofs ------------------------------------------------------------- */

static void assert_leaf_proofs(uint64_t size)
{
	uint8_t root[32], leaf[32];
	struct kr_proof p;

	assert_int_equal(kr_ledgerproof_root(s, size, root, NULL), 0);
	for (uint64_t i = 0; i < size; i++) {
		KR_AUTOFREE uint8_t *record = NULL;
		size_t n;

		assert_int_equal(kr_ledgerproof_leaf(s, i, size, &p, NULL), 0);
		assert_int_equal(kr_logrow_get(s, i, &record, &n, NULL), 0);
		kr_merkle_leaf(record, n, leaf);
		assert_true(kr_proof_has_leaf(&p, i, size, leaf, root));
	}
}

/* Of each entry in each log there was, and of each growth. */
static void all_proofs(void **state)
{
	uint8_t old[32], root[32];
	struct kr_proof p;
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	for (uint64_t n = 0; n <= 10; n++) {
		assert_leaf_proofs(n);
		assert_int_equal(kr_ledgerproof_root(s, n, root, NULL), 0);
		for (uint64_t m = 0; m <= n; m++) {
			assert_int_equal(kr_ledgerproof_growth(s, m, n, &p,
							       NULL), 0);
			assert_int_equal(kr_ledgerproof_root(s, m, old, NULL),
					 0);
			assert_true(kr_proof_has_grown(&p, m, old, n, root));
		}
	}
	assert_true(kr_ledgerproof_leaf(s, 10, 10, &p, &e) < 0);
	assert_int_equal(e.kr, KR_E_LIMIT);
	e = KR_ERR_NONE;
	assert_true(kr_ledgerproof_growth(s, 3, 11, &p, &e) < 0);
	assert_int_equal(e.kr, KR_E_LIMIT);
}

/* A log without nodes, as an earlier release left it, gets them. */
static void nodes_are_made(void **state)
{
	uint64_t n = 0;

	(void)state;
	assert_int_equal(kr_noderow_count(s, &n, NULL), 0);
	assert_int_equal(n, 8);		/* 5 + 2 + 1 of 10 */
	close_log();
	raw("DELETE FROM node WHERE level = 1");
	open_log();
	assert_int_equal(kr_noderow_count(s, &n, NULL), 0);
	assert_int_equal(n, 8);
	assert_leaf_proofs(10);
	append("test.event", NULL);
	append("test.event", NULL);
	assert_leaf_proofs(12);
}

/* An altered store gives no proof, whatever was altered. */
static void no_proof_of_what_was_altered(void **state)
{
	static const char *const acts[] = {
		"UPDATE log SET leaf = CAST(replace(leaf, 'web-1', 'web-2')"
		"  AS BLOB) WHERE idx = 4",
		"UPDATE node SET hash = zeroblob(32) WHERE level = 1 AND"
		"  idx = 3",
		"DELETE FROM node WHERE level = 2 AND idx = 0",
		"UPDATE checkpoint SET root = zeroblob(32) WHERE size = 10",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		struct kr_err e = KR_ERR_NONE;
		struct kr_proof p;

		raw("DROP TABLE IF EXISTS l; DROP TABLE IF EXISTS n;"
		    "DROP TABLE IF EXISTS c;"
		    "CREATE TABLE l AS SELECT * FROM log;"
		    "CREATE TABLE n AS SELECT * FROM node;"
		    "CREATE TABLE c AS SELECT * FROM checkpoint");
		assert_int_equal(kr_ledgerproof_leaf(s, 4, 10, &p, NULL), 0);
		raw(acts[i]);
		assert_true(kr_ledgerproof_leaf(s, 4, 10, &p, &e) < 0);
		assert_int_equal(e.kr, KR_E_LOG_BROKEN);
		raw("DELETE FROM log; INSERT INTO log SELECT * FROM l;"
		    "DELETE FROM node; INSERT INTO node SELECT * FROM n;"
		    "DELETE FROM checkpoint;"
		    "INSERT INTO checkpoint SELECT * FROM c");
	}
}

static void cosign(const char *host, uint64_t size)
{
	struct kr_cosignrow c = { .size = size };
	struct kr_checkpoint k = { .host = "alpha", .size = size };
	uint8_t sig[KR_SIG_BYTES_MAX];
	size_t n;

	strcpy(c.host, host);
	assert_int_equal(kr_ledgerproof_root(s, size, k.root, NULL), 0);
	assert_int_equal(kr_checkpoint_vouch(peer, &k, sig, &n, NULL), 0);
	assert_int_equal(kr_checkpoint_check(&k, kr_identity_pubkey(peer), sig,
					     n, NULL), 0);
	kr_checkpoint_line(host, kr_identity_keyid(peer), sig, n, c.line);
	assert_int_equal(kr_cosignrow_put(s, &c, NULL), 0);
}

/* The newest that somebody cosigned, if it is new enough. */
static void the_checkpoint_of_a_proof(void **state)
{
	const struct kr_pubkey *own = kr_identity_pubkey(id);
	const struct kr_pubkey *other = kr_identity_pubkey(peer);
	char note[KR_CHECKPOINT_NOTE_MAX];
	struct kr_err e = KR_ERR_NONE;
	struct kr_checkpoint c;
	uint64_t size;

	(void)state;
	assert_int_equal(kr_ledgerproof_note(s, 3, &size, note, NULL), 0);
	assert_int_equal(size, 10);
	cosign("beta", 7);
	cosign("gamma", 6);
	assert_int_equal(kr_ledgerproof_note(s, 3, &size, note, NULL), 0);
	assert_int_equal(size, 7);
	assert_int_equal(kr_checkpoint_verify(note, own, "alpha", &c, NULL),
			 0);
	assert_int_equal(c.size, 7);
	assert_int_equal(kr_checkpoint_cosigned(note, other, "beta", NULL), 0);
	assert_true(kr_checkpoint_cosigned(note, other, "gamma", &e) < 0);
	assert_int_equal(e.kr, KR_E_SIGNATURE);
	cosign("gamma", 7);
	assert_int_equal(kr_ledgerproof_note(s, 7, &size, note, NULL), 0);
	assert_int_equal(kr_checkpoint_cosigned(note, other, "beta", NULL), 0);
	assert_int_equal(kr_checkpoint_cosigned(note, other, "gamma", NULL),
			 0);
	/* who cosigned vouches for another's log, and has none there */
	assert_true(kr_checkpoint_verify(note, other, "beta", &c, NULL) < 0);
	assert_int_equal(kr_ledgerproof_note(s, 8, &size, note, NULL), 0);
	assert_int_equal(size, 10);
	assert_true(kr_checkpoint_cosigned(note, other, "beta", NULL) < 0);
	e = KR_ERR_NONE;
	assert_true(kr_ledgerproof_note(s, 11, &size, note, &e) < 0);
	assert_int_equal(e.kr, KR_E_LIMIT);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, fresh, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(good), T(edited), T(edited_with_its_root),
		T(edited_with_all_roots), T(reordered), T(removed),
		T(removed_and_closed_up), T(inserted), T(inserted_in_place),
		T(found_by_another_migration),
		T(injected_into_another_migration),
		T(not_json), T(cut), T(cut_with_checkpoints),
		T(cut_below_a_receipt), T(file_of_another_log),
		T(checkpoint_lost), T(receipt_edited), T(rolled_back),
		T(file_follows_later),
		T(checkpoint_text), T(killed_writer), T(cheap),
		T(all_proofs), T(nodes_are_made),
		T(no_proof_of_what_was_altered), T(the_checkpoint_of_a_proof),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
