/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ledger_proof.c - what the evidence log proves of its entries, and by whom
 * its checkpoints are cosigned.
 */
#include "ledger_stand.h"

#include "evidence/ledgerproof.h"
#include "store/cosignrow.h"
#include "store/noderow.h"

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
		T(all_proofs), T(nodes_are_made),
		T(no_proof_of_what_was_altered), T(the_checkpoint_of_a_proof),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
