/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_witness.c - two honest hosts vouch for each other's logs, and what a crash
 * forgot is asked for.
 */
#include "witness_stand.h"

/* Both have seen the other's log, and have theirs cosigned. */
static void each_vouches_for_the_other(void **state)
{
	char note[KR_CHECKPOINT_NOTE_MAX];
	uint64_t size;
	bool refused;

	(void)state;
	assert_int_equal(migrate(a, 1), KR_OK);
	assert_int_equal(a->n_offers, 1);
	assert_int_equal(n_sent, 6);
	assert_int_equal(seen(b, &refused), 5);
	assert_false(refused);
	assert_int_equal(seen(a, &refused), 3);
	assert_int_equal(kr_ledgerproof_note(a->host.store, 5, &size, note,
					     NULL), 0);
	assert_int_equal(size, 5);
	assert_int_equal(kr_checkpoint_cosigned(note,
		kr_identity_pubkey(b->host.identity), "beta", NULL), 0);
	assert_int_equal(kr_ledgerproof_note(b->host.store, 3, &size, note,
					     NULL), 0);
	assert_int_equal(kr_checkpoint_cosigned(note,
		kr_identity_pubkey(a->host.identity), "alpha", NULL), 0);
}

/* And knows by which policy it decides. */
static void each_tells_its_policy(void **state)
{
	(void)state;
	assert_int_equal(migrate(a, 1), KR_OK);
	assert_string_equal(b->link.policy.name, "standard");
	assert_int_equal(b->link.policy.version, 3);
	assert_int_equal(b->link.policy.digest[0], 3);
	assert_int_equal(a->link.policy.version, 7);
	append(a, "test.event", 9);
	put_in_force(a, 5);
	append(a, "test.event", 9);
	assert_int_equal(migrate(b, 2), KR_OK);
	assert_int_equal(b->link.policy.version, 5);
}

/* One that its log has, and that was in force before another of these. */
static void a_policy_of_before(void **state)
{
	struct kr_witnessrow w;
	uint64_t entry = a->host.policy_entry;

	(void)state;
	put_in_force(a, 4);
	assert_int_equal(migrate(a, 1), KR_OK);
	a->host.policy_entry = entry;
	assert_int_equal(migrate(a, 2), KR_E_PEER_POLICY);
	assert_int_equal(a->n_offers, 0);
	assert_policy_on_record(b, a, 3);
	assert_int_equal(migrate(b, 3), KR_E_PEER_POLICY);
	assert_int_equal(b->n_offers, 0);
	assert_int_equal(b->link.policy.version, 4);
	assert_int_equal(kr_witnessrow_get(b->host.store, "alpha", &w, NULL),
			 0);
	assert_true(w.refused);
	assert_int_equal(w.policy_version, 4);
	put_in_force(a, 4);	/* of the same digest: it may be said again */
	assert_int_equal(migrate(a, 4), KR_OK);
	assert_int_equal(a->n_offers, 1);
}

/* An entry that tells of something else. */
static void no_policy_at_all(void **state)
{
	(void)state;
	a->host.policy_entry = 2;
	assert_int_equal(migrate(a, 1), KR_E_PEER_POLICY);
	assert_int_equal(a->n_offers, 0);
	assert_int_equal(b->link.policy.version, 0);
}

static void logs_that_grow_go_on(void **state)
{
	uint64_t size = 5;
	bool refused;

	(void)state;
	for (uint8_t i = 1; i < 20; i++) {
		struct side *s = i % 3 ? a : b;

		size += i % 5;
		append(a, "test.event", i % 5);
		append(b, "test.event", i % 2);
		assert_int_equal(migrate(s, i), KR_OK);
		assert_int_equal(s->n_offers, 1);
	}
	assert_int_equal(seen(b, &refused), size);
}

/* What b says to an offer of migration @id. */
static enum kr_code offered(uint8_t id)
{
	struct kr_err e = KR_ERR_NONE;
	uint8_t migration[16];

	memset(migration, id, sizeof(migration));
	kr_witness_shown(&b->link, migration, &e);
	return e.code ? e.kr : KR_OK;
}

/* An offer needs a log that was shown for it, in this session. */
static void no_offer_without_a_log(void **state)
{
	(void)state;
	assert_int_equal(offered(0), KR_E_UNEXPECTED);
	for (uint8_t i = 0; i < 3; i++)
		assert_int_equal(migrate(a, i), KR_OK);
	assert_int_equal(offered(3), KR_E_UNEXPECTED);
	for (uint8_t i = 0; i < 3; i++)
		assert_int_equal(offered(i), KR_OK);
	assert_int_equal(offered(2), KR_E_UNEXPECTED);
}

/* This host's was shown, and the peer's is not here yet. */
static void no_offer_after_half_of_it(void **state)
{
	struct kr_rd r;

	(void)state;
	begin(a, 1);
	r = (struct kr_rd)KR_RD(queue[0].body, queue[0].n);
	assert_int_equal(kr_witness_message(&b->link, queue[0].type, &r, NULL),
			 0);
	assert_int_equal(offered(1), KR_E_UNEXPECTED);
	n_queue = 0;
}

/* As many as there is room for: the newest. */
static void logs_shown_for_nothing(void **state)
{
	const uint8_t oldest[16] = { 1 };
	uint8_t id[16] = { 0 };
	uint64_t entry;

	(void)state;
	kr_shown_put(&b->link.shown, oldest, 5);
	kr_shown_heard(&b->link.shown, oldest);
	for (unsigned int i = 1; i < KR_SHOWN_MAX; i++) {
		memcpy(id + 8, &i, sizeof(i));
		kr_shown_put(&b->link.shown, id, 6);
		kr_shown_put(&b->link.shown, id, 7);
		kr_shown_heard(&b->link.shown, id);
	}
	assert_true(kr_shown_take(&b->link.shown, oldest, &entry));
	assert_int_equal(entry, 5);
	assert_true(kr_shown_take(&b->link.shown, id, &entry));
	assert_int_equal(entry, 7);
	kr_shown_put(&b->link.shown, oldest, 8);
	kr_shown_heard(&b->link.shown, oldest);
	for (unsigned int i = 1; i <= KR_SHOWN_MAX; i++) {
		memcpy(id + 12, &i, sizeof(i));
		kr_shown_put(&b->link.shown, id, 9);
	}
	assert_false(kr_shown_take(&b->link.shown, oldest, &entry));
	assert_false(kr_shown_take(&b->link.shown, id, &entry));
}

/* b showed one for the first migration, and another for the second. */
static void a_policy_that_came_into_force_since(void **state)
{
	(void)state;
	assert_int_equal(migrate(a, 1), KR_OK);
	put_in_force(b, 8);
	assert_int_equal(migrate(a, 2), KR_OK);
	assert_int_equal(offered(1), KR_E_POLICY_CHANGED);
	assert_int_equal(offered(2), KR_OK);
}

/* Two that begin at a time: what was seen since is asked for again. */
static void two_at_a_time(void **state)
{
	struct kr_mig other = a->mig;
	bool refused;

	(void)state;
	begin(a, 1);
	append(a, "test.event", 1);
	other.state = KR_S_OFFER;
	memset(other.terms.migration, 2, 16);
	a->mig.next = &other;
	assert_int_equal(kr_witness_begin(&other, NULL), 0);
	append(a, "test.event", 1);
	assert_int_equal(deliver(), KR_OK);
	assert_int_equal(a->n_offers, 2);
	assert_int_equal(seen(b, &refused), 7);
	a->mig.next = NULL;
}

/* The cosignature was on disk there, and never arrived here. */
static void a_lost_answer(void **state)
{
	(void)state;
	begin(a, 1);
	while (n_queue && queue[0].type != KR_PEER_LOG_COSIGN) {
		struct message m = queue[0];
		struct kr_rd r = KR_RD(m.body, m.n);

		memmove(queue, queue + 1, --n_queue * sizeof(queue[0]));
		assert_int_equal(kr_witness_message(&m.to->link, m.type, &r,
						    NULL), 0);
	}
	n_queue = 0;	/* the session is lost with all that was under way */
	append(a, "test.event", 2);
	assert_int_equal(migrate(a, 2), KR_OK);
	assert_int_equal(a->n_offers, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_vouches_for_the_other), T(each_tells_its_policy),
		T(a_policy_of_before), T(no_policy_at_all),
		T(logs_that_grow_go_on), T(no_offer_without_a_log),
		T(no_offer_after_half_of_it), T(logs_shown_for_nothing),
		T(a_policy_that_came_into_force_since), T(two_at_a_time),
		T(a_lost_answer),
	};

	return cmocka_run_group_tests(tests, make_top, remove_top);
}
