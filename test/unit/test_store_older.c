/* SPDX-License-Identifier: Apache-2.0 */
/* test_store_older.c - databases of older schemas, and what they did not tell. */
#include "store/logrow.h"
#include "store/policyrow.h"
#include "store/requestrow.h"
#include "store/witnessrow.h"
#include "store_stand.h"

static int found(void *arg, uint64_t idx, const uint8_t *leaf, size_t n,
		 struct kr_err *e)
{
	char *at = arg;

	(void)leaf;
	(void)n;
	(void)e;
	at[strlen(at)] = (char)('0' + idx);
	return 0;
}

static int stop(void *arg, uint64_t idx, const uint8_t *leaf, size_t n,
		struct kr_err *e)
{
	found(arg, idx, leaf, n, e);
	return 1;
}

/* Nothing tells whose a leaf or a request is, or where a policy is logged. */
static void to_schema_3(const char *p)
{
	raw(p, "DROP TABLE file;"
	       "DROP INDEX log_of_migration; DROP INDEX migration_of_vm;"
	       "DROP INDEX migration_with_peer;"
	       "ALTER TABLE log DROP COLUMN migration;"
	       "ALTER TABLE request DROP COLUMN tenant;"
	       "ALTER TABLE request DROP COLUMN kind;"
	       "ALTER TABLE request DROP COLUMN procedure;"
	       "ALTER TABLE request DROP COLUMN item;"
	       "ALTER TABLE policy DROP COLUMN entry;"
	       "ALTER TABLE witness DROP COLUMN policy_version;"
	       "ALTER TABLE witness DROP COLUMN policy_digest;"
	       "DROP TABLE reference; DROP TABLE ak;"
	       "PRAGMA user_version = 3");
}

static void old_request(const char *p)
{
	raw(p, "INSERT INTO request VALUES (x'0102030405060708090a0b0c0d0e0f10',"
	       "  'web', zeroblob(32), 2, 'b', zeroblob(32), 'strict', 3,"
	       "  zeroblob(32), 'anna', '{}', 1, 1, 2, 0)");
}

/* Entries are found by their migration, whenever they were written, and what
 * is no entry is nobody's. */
static void entries_of_a_migration(void **state)
{
	static const char *const leaves[] = {
		"{\"migration\":\"00000000000000000000000000000001\"}",
		"{\"migration\":\"00000000000000000000000000000002\"}",
		"{\"detail\":\"00000000000000000000000000000001\"}",
		"no entry 00000000000000000000000000000001",
		"{\"migration\":1}", "{\"migration\":[1]}",
		"{\"migration\":\"00000000000000000000000000000001\"}",
	};
	uint8_t one[16] = { [15] = 1 }, three[16] = { [15] = 3 };
	uint8_t id[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
			   16 };
	static struct kr_requestrow q;
	struct kr_policyrow policy;
	struct kr_store *x = NULL;
	char p[128];

	(void)state;
	snprintf(p, sizeof(p), "%s/entries.db", dir);
	assert_int_equal(kr_store_open(p, KR_STORE_WRITE, &x, NULL), 0);
	for (unsigned int i = 0; i < 6; i++)
		assert_int_equal(kr_logrow_add(x, i, NULL, leaves[i],
					       strlen(leaves[i]), NULL), 0);
	kr_store_free(x);
	to_schema_3(p);
	old_request(p);
	raw(p, "INSERT INTO policy VALUES (6,'old',zeroblob(32),1,x'00')");
	assert_true(kr_store_open(p, KR_STORE_READ, &x, NULL) < 0);
	assert_int_equal(kr_store_open(p, KR_STORE_WRITE, &x, NULL), 0);
	assert_int_equal(kr_logrow_add(x, 6, one, leaves[6],
				       strlen(leaves[6]), NULL), 0);
	for (int again = 0; again < 2; again++) {
		char at[8] = "", first[8] = "", none[8] = "";

		assert_int_equal(kr_logrow_of(x, one, found, at, NULL), 0);
		assert_string_equal(at, "60");
		assert_int_equal(kr_logrow_of(x, one, stop, first, NULL), 1);
		assert_string_equal(first, "6");
		assert_int_equal(kr_logrow_of(x, three, found, none, NULL), 0);
		assert_string_equal(none, "");
	}
	assert_int_equal(kr_policyrow_last(x, &policy, NULL), 0);
	assert_int_equal(policy.entry, 0);
	free(policy.bundle);
	assert_int_equal(kr_requestrow_get(x, id, &q, NULL), 0);
	assert_int_equal(q.kind, KR_REQUEST_APPROVAL);
	assert_string_equal(q.procedure, "migrate");
	assert_string_equal(q.item, "vm:web");
	assert_string_equal(q.vm, "web");
	assert_string_equal(q.tenant, "");
	q.id[0] = 9;
	strcpy(q.tenant, "acme");
	assert_int_equal(kr_requestrow_add(x, &q, NULL), 0);
	memset(&q, 0, sizeof(q));
	id[0] = 9;
	assert_int_equal(kr_requestrow_get(x, id, &q, NULL), 0);
	assert_string_equal(q.tenant, "acme");
	kr_store_free(x);
}

/* What an earlier release wrote is brought up to date, and its rows kept. */
static void older_schema(void **state)
{
	struct kr_logrow_note note = { .size = 7 }, back;
	struct kr_store *x = NULL;
	char p[128];

	(void)state;
	snprintf(p, sizeof(p), "%s/older.db", dir);
	assert_int_equal(kr_store_open(p, KR_STORE_WRITE, &x, NULL), 0);
	strcpy(note.note, "signed");
	assert_int_equal(kr_logrow_put_note(x, &note, NULL), 0);
	assert_int_equal(put(x, "web", 3), 0);
	kr_store_free(x);
	/* as it was in version 1 */
	raw(p, "DROP TABLE policy; DROP TABLE node; DROP TABLE witness;"
	       "DROP TABLE cosignature;"
	       "ALTER TABLE checkpoint ADD COLUMN cosignature TEXT NOT NULL"
	       "  DEFAULT 'x';"
	       "CREATE TABLE witness (host TEXT PRIMARY KEY) STRICT;"
	       "CREATE TABLE kv (key TEXT PRIMARY KEY) STRICT;"
	       "DROP TABLE file; DROP TABLE approval; DROP TABLE request;"
	       "DROP TABLE userkey;"
	       "DROP TABLE reference; DROP TABLE ak;"
	       "DROP INDEX log_of_migration; DROP INDEX migration_of_vm;"
	       "DROP INDEX migration_with_peer;"
	       "ALTER TABLE log DROP COLUMN migration;"
	       "PRAGMA user_version = 1");
	assert_true(kr_store_open(p, KR_STORE_READ, &x, NULL) < 0);
	assert_int_equal(kr_store_open(p, KR_STORE_WRITE, &x, NULL), 0);
	assert_int_equal(epoch_of(x, "web"), 3);
	assert_int_equal(kr_logrow_last(x, &back, NULL), 0);
	assert_int_equal(back.size, 7);
	assert_string_equal(back.note, "signed");
	note.size = 8;
	assert_int_equal(kr_logrow_put_note(x, &note, NULL), 0);
	kr_store_free(x);
	assert_int_equal(kr_store_open(p, KR_STORE_READ, &x, NULL), 0);
	kr_store_free(x);
}

/* The log has told of a policy in force for as long as there are policies. */
static void older_policies(void **state)
{
	static const uint8_t digest[32];
	struct kr_witnessrow w = { .host = "beta" };
	struct kr_policyrow back;
	struct kr_store *x = NULL;
	char p[128];

	(void)state;
	snprintf(p, sizeof(p), "%s/policies.db", dir);
	assert_int_equal(kr_store_open(p, KR_STORE_WRITE, &x, NULL), 0);
	kr_store_free(x);
	to_schema_3(p);
	raw(p, "INSERT INTO policy VALUES (6,'old',zeroblob(32),1,x'00'),"
	       "  (7,'new',zeroblob(32),2,x'00');"
	       "INSERT INTO witness VALUES ('beta',3,zeroblob(32),'',0);"
	       "INSERT INTO log VALUES (0,CAST('{\"event\":\"policy-in-force\","
	       "  \"detail\":{\"version\":6}}' AS BLOB)),"
	       "  (1,CAST('{\"event\":\"x\",\"detail\":{\"version\":7}}' AS"
	       "  BLOB)),"
	       "  (2,CAST('{\"event\":\"policy-in-force\","
	       "  \"detail\":{\"version\":7}}' AS BLOB)),"
	       "  (3,CAST('{\"event\":\"y\"}' AS BLOB))");
	assert_int_equal(kr_store_open(p, KR_STORE_WRITE, &x, NULL), 0);
	assert_int_equal(kr_policyrow_last(x, &back, NULL), 0);
	assert_int_equal(back.version, 7);
	assert_int_equal(back.entry, 2);
	free(back.bundle);
	assert_int_equal(kr_witnessrow_get(x, "beta", &w, NULL), 0);
	assert_int_equal(w.size, 3);
	assert_int_equal(w.policy_version, 0);
	assert_memory_equal(w.policy_digest, digest, 32);
	kr_store_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_of_a_migration),
		cmocka_unit_test(older_schema),
		cmocka_unit_test(older_policies),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
