/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ledger_altered.c - the evidence log, attacked: rows are edited, moved,
 * inserted, removed and cut by raw SQL, and each time the first bad entry is
 * named.
 */
#include "ledger_stand.h"

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

#define T(f)	cmocka_unit_test_setup_teardown(f, fresh, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(edited), T(edited_with_its_root), T(edited_with_all_roots),
		T(reordered), T(removed), T(removed_and_closed_up),
		T(inserted), T(inserted_in_place),
		T(found_by_another_migration),
		T(injected_into_another_migration), T(not_json), T(cut),
		T(cut_with_checkpoints), T(cut_below_a_receipt),
		T(file_of_another_log), T(receipt_edited), T(rolled_back),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
