/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_witness_lied.c - logs that are not to be vouched for: rolled back, forked,
 * signed by others, broken; and a disk that cannot hold what was seen.
 */
#include "witness_stand.h"

#include <sqlite3.h>

/* The newest entry, if it is such a refusal: both notes are the peer's. */
static void assert_on_record(struct side *s, struct side *liar,
			     enum kr_code kr, uint64_t size)
{
	const struct kr_pubkey *k = kr_identity_pubkey(liar->host.identity);
	const char *name = kr_identity_name(liar->host.identity);
	struct kr_checkpoint was, is;
	json_t *j = NULL, *d;

	assert_int_equal(kr_logrow_back(s->host.store, last_event, &j, NULL),
			 1);
	d = json_object_get(j, "detail");
	assert_string_equal(json_string_value(json_object_get(j, "event")),
			    "peer-log-refused");
	assert_int_equal(json_integer_value(json_object_get(d, "code")), kr);
	assert_int_equal(kr_checkpoint_verify(json_string_value(
		json_object_get(d, "seen")), k, name, &was, NULL), 0);
	assert_int_equal(kr_checkpoint_verify(json_string_value(
		json_object_get(d, "shown")), k, name, &is, NULL), 0);
	assert_int_equal(is.size, size);
	assert_true(was.size > is.size || memcmp(was.root, is.root, 32));
	json_decref(j);
}

static void raw(const struct side *s, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(s->db, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void copy(const char *from, const char *to)
{
	static const char *const ends[] = { "", "-wal", ".checkpoint" };
	char cmd[1024];

	for (unsigned int i = 0; i < 3; i++) {
		snprintf(cmd, sizeof(cmd), "rm -f %s%s; test ! -e %s%s ||"
			 " cp %s%s %s%s", to, ends[i], from, ends[i], from,
			 ends[i], to, ends[i]);
		assert_int_equal(system(cmd), 0);
	}
}

/* An earlier copy of the database and its file, in either role. */
static void rolled_back(void **state)
{
	char saved[160];
	bool refused;

	(void)state;
	snprintf(saved, sizeof(saved), "%s.saved", a->db);
	for (unsigned int i = 0; i < 2; i++) {
		struct side *source = i ? b : a;

		assert_int_equal(migrate(source, 1), KR_OK);
		close_side(a);
		copy(a->db, saved);
		open_side(a);
		append(a, "test.event", 4);
		assert_int_equal(migrate(source, 2), KR_OK);
		close_side(a);
		copy(saved, a->db);
		open_side(a);
		assert_int_equal(migrate(source, 3), KR_E_PEER_LOG_CUT);
		assert_int_equal(source->n_offers, 0);
		assert_int_equal(seen(b, &refused), 9 + 4 * i);
		assert_true(refused);
		assert_on_record(b, a, KR_E_PEER_LOG_CUT, 5 + 4 * i);
		/* and again, which is no second entry for certain */
		assert_int_equal(migrate(source, 4), KR_E_PEER_LOG_CUT);
		assert_int_equal(b->n_some, 1);
		/* it goes on with other entries, as if nothing had been */
		append(a, "test.other", 4);
		assert_int_equal(migrate(source, 5), KR_E_PEER_LOG_OTHER);
		append(a, "test.other", 4);
		assert_int_equal(migrate(source, 6), KR_E_PEER_LOG_OTHER);
		/* enrolled anew */
		b->n_some = 0;
		assert_int_equal(kr_witnessrow_del(b->host.store, "alpha",
						   NULL), 0);
		close_side(a);
		copy(saved, a->db);
		open_side(a);
		append(a, "test.event", 4);
	}
}

/* Same size, other content, signed with the host's key. */
static void forked(void **state)
{
	(void)state;
	assert_int_equal(migrate(b, 1), KR_OK);
	close_side(a);
	snprintf(a->db, sizeof(a->db), "%s/fork", a->dir);
	open_side(a);
	append(a, "test.other", 5);
	assert_int_equal(migrate(a, 2), KR_E_PEER_LOG_OTHER);
	assert_int_equal(a->n_offers, 0);
	assert_on_record(b, a, KR_E_PEER_LOG_OTHER, 5);
	/* the other way round nothing begins either */
	assert_int_equal(migrate(b, 3), KR_E_PEER_LOG_OTHER);
	assert_int_equal(b->n_offers, 0);
}

/* Nothing of less weight that it showed before keeps a fork off the record. */
static void forked_after_a_wrong_policy(void **state)
{
	uint64_t entry = a->host.policy_entry;
	struct kr_witnessrow w;

	(void)state;
	put_in_force(a, 4);
	assert_int_equal(migrate(a, 1), KR_OK);
	a->host.policy_entry = entry;
	for (uint8_t i = 2; i < 5; i++)
		assert_int_equal(migrate(a, i), KR_E_PEER_POLICY);
	assert_int_equal(b->n_some, 2);
	close_side(a);
	snprintf(a->db, sizeof(a->db), "%s/fork", a->dir);
	open_side(a);
	append(a, "test.other", 6);
	assert_int_equal(migrate(a, 5), KR_E_PEER_LOG_OTHER);
	assert_on_record(b, a, KR_E_PEER_LOG_OTHER, 6);
	assert_int_equal(b->n_some, 2);
	assert_int_equal(kr_witnessrow_get(b->host.store, "alpha", &w, NULL),
			 0);
	assert_int_equal(w.refused, KR_E_PEER_LOG_OTHER);
	assert_int_equal(migrate(a, 6), KR_E_PEER_LOG_OTHER);
	assert_int_equal(b->n_some, 3);
}

/* A head or a cosignature that another key signed. */
static void foreign_signatures(void **state)
{
	struct side *mallory = new_side("alpha");
	bool refused;

	(void)state;
	meet(mallory, b);
	assert_int_equal(migrate(a, 1), KR_OK);
	b->link.key = (struct kr_pubkey *)(uintptr_t)
		kr_identity_pubkey(mallory->host.identity);
	append(a, "test.event", 1);
	begin(a, 2);
	assert_int_equal(deliver(), KR_E_SIGNATURE);
	assert_int_equal(n_ended, 2);
	assert_int_equal(a->n_offers, 0);
	assert_int_equal(seen(b, &refused), 5);
	assert_false(refused);
	close_side(mallory);
	kr_identity_free(mallory->host.identity);
	free(mallory);
}

/* What cannot be written is not signed for, and nobody waits for it. */
static void a_full_disk(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct side *s = i ? a : b;

		assert_int_equal(migrate(a, 1), KR_OK);
		append(a, "test.event", 1);
		append(b, "test.event", 1);
		raw(s, "CREATE TRIGGER full BEFORE UPDATE ON witness"
		       " BEGIN SELECT raise(FAIL, 'full'); END");
		begin(a, 2);
		assert_int_equal(deliver(), KR_E_STORE);
		assert_int_equal(a->n_offers, 0);
		assert_int_equal(s == a ? a->failed.kr : a->told.kr,
				 KR_E_STORE);
		raw(s, "DROP TRIGGER full");
	}
	assert_int_equal(migrate(a, 3), KR_OK);
	assert_int_equal(a->n_offers, 1);
	assert_int_equal(n_ended, 0);
}

/* Who cannot prove that his own log grew is to blame himself. */
static void a_log_of_ones_own_that_is_broken(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct side *s = i ? a : b;

		assert_int_equal(migrate(a, 1), KR_OK);
		append(a, "test.event", 1);
		append(b, "test.event", 1);
		raw(s, "UPDATE log SET idx = -idx WHERE idx > 0;"
		       "UPDATE node SET idx = -idx - 1");
		begin(a, 2);
		assert_int_equal(deliver(), KR_E_LOG_BROKEN);
		assert_int_equal(a->n_offers, 0);
		assert_int_equal(s == a ? a->failed.kr : a->told.kr,
				 KR_E_LOG_BROKEN);
		raw(s, "UPDATE log SET idx = -idx WHERE idx < 0;"
		       "UPDATE node SET idx = -idx - 1");
	}
	assert_int_equal(migrate(a, 3), KR_OK);
	assert_int_equal(n_ended, 0);
}

/* A cosignature of entries that this log has not, or not so. */
static void cosigned_what_is_not(void **state)
{
	struct kr_logcosign c = { .size = 50 };
	struct kr_checkpoint k = { .host = "alpha", .size = 5 };
	uint8_t buf[256];
	uint64_t size;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct kr_wr w = KR_WR(buf, sizeof(buf));

		c.size = i ? 5 : 50;	/* of another root; of more */
		assert_int_equal(kr_checkpoint_vouch(b->host.identity, &k,
			c.sig.sig, &c.sig.sig_bytes, NULL), 0);
		kr_logcosign_put(&w, &c);
		assert_int_equal(kr_link_send(&b->link, KR_PEER_LOG_COSIGN,
					      &w, NULL), 0);
		assert_int_equal(deliver(), i ? KR_E_SIGNATURE : KR_E_LIMIT);
		assert_int_equal(n_ended, i + 1);
	}
	assert_int_equal(kr_cosignrow_newest(a->host.store, 0, &size, NULL),
			 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(rolled_back), T(forked), T(forked_after_a_wrong_policy),
		T(foreign_signatures), T(a_full_disk),
		T(a_log_of_ones_own_that_is_broken), T(cosigned_what_is_not),
	};

	return cmocka_run_group_tests(tests, make_top, remove_top);
}
