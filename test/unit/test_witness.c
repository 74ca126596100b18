/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_witness.c - two hosts that vouch for each other's logs: their stores,
 * logs and keys are real, and the session between them is a queue. A log is
 * rolled back, forked, shown to nobody; and what a crash forgot is asked for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "daemon/witness.h"
#include "evidence/b64.h"
#include "evidence/ledgerproof.h"
#include "store/cosignrow.h"
#include "store/witnessrow.h"
#include "wire/frame.h"

#define QUEUE_MAX	64

struct side {
	struct kr_host	 host;
	struct kr_link	 link;		/* to the other side */
	struct kr_mig	 mig;		/* of the source */
	char		 dir[96], db[128];
	unsigned int	 n_offers, n_some;
	struct kr_err	 failed, told;	/* here; by the other's FAIL */
};

struct message {
	struct side *to;
	uint16_t type;
	size_t n;
	uint8_t body[8192];
};

static struct side *a, *b;
static struct message queue[QUEUE_MAX];
static unsigned int n_queue, n_sent, n_ended;	/* sessions */
static char top[64];

static struct side *side_of(const struct kr_host *h)
{
	return h == &a->host ? a : b;
}

/* ---- in the place of the rest of kororad -------------------------------- */

int kr_link_send(struct kr_link *l, uint16_t type, const struct kr_wr *w,
		 struct kr_err *e)
{
	struct message *m = &queue[n_queue];

	(void)e;
	assert_true(n_queue < QUEUE_MAX && !w->bad);
	assert_int_equal(kr_peermsg_check(type, w->start, kr_wr_len(w), e), 0);
	m->to = l->host == &a->host ? b : a;
	m->type = type;
	m->n = kr_wr_len(w);
	assert_true(m->n <= sizeof(m->body));
	memcpy(m->body, w->start, m->n);
	n_queue++;
	n_sent++;
	return 0;
}

void kr_source_offer(struct kr_mig *m)
{
	side_of(m->host)->n_offers++;
}

void kr_mig_fail(struct kr_mig *m, const struct kr_err *e)
{
	side_of(m->host)->failed = *e;
}

void kr_host_record_some(struct kr_host *h, const char *event, json_t *detail)
{
	(void)event;
	(void)detail;
	side_of(h)->n_some++;
}

/* ---- two hosts ---------------------------------------------------------- */

static void open_side(struct side *s)
{
	struct kr_err e = KR_ERR_NONE;

	if (kr_store_open(s->db, KR_STORE_WRITE, &s->host.store, &e) ||
	    kr_ledger_open(s->host.store, s->host.identity, &s->host.ledger,
			   &e))
		fail_msg("%s", e.what);
}

static void close_side(struct side *s)
{
	kr_ledger_free(s->host.ledger);
	kr_store_free(s->host.store);
	s->host.ledger = NULL;
	s->host.store = NULL;
}

static void append(struct side *s, const char *event, unsigned int n)
{
	struct kr_err e = KR_ERR_NONE;

	for (unsigned int i = 0; i < n; i++)
		if (kr_store_begin(s->host.store, &e) ||
		    kr_ledger_append(s->host.ledger, event, NULL, NULL, NULL,
				     &e) ||
		    kr_store_commit(s->host.store, &e))
			fail_msg("%s", e.what);
}

/* From now on it decides by that version of its policy. */
static void put_in_force(struct side *s, uint32_t version)
{
	const struct kr_inforce p = { .name = "standard", .version = version,
				      .digest = { (uint8_t)version } };
	json_t *d = kr_inforce_detail(&p);
	struct kr_err e = KR_ERR_NONE;
	uint8_t root[32];

	kr_ledger_head(s->host.ledger, &s->host.policy_entry, root);
	if (kr_store_begin(s->host.store, &e) ||
	    kr_ledger_append(s->host.ledger, KR_INFORCE_EVENT, NULL, d, NULL,
			     &e) ||
	    kr_store_commit(s->host.store, &e))
		fail_msg("%s", e.what);
	json_decref(d);
}

static struct side *new_side(const char *name)
{
	static unsigned int n;
	struct side *s = calloc(1, sizeof(*s));
	struct kr_err e = KR_ERR_NONE;

	snprintf(s->dir, sizeof(s->dir), "%s/%u", top, n++);
	snprintf(s->db, sizeof(s->db), "%s/db", s->dir);
	if (mkdir(s->dir, 0700) || kr_identity_create(s->dir, name, &e) ||
	    kr_identity_load(s->dir, &s->host.identity, &e))
		fail_msg("%s", e.what);
	open_side(s);
	s->host.migs = &s->mig;
	s->mig.host = &s->host;
	s->mig.link = &s->link;
	s->mig.state = KR_T_UNDONE;
	s->link.host = &s->host;
	return s;
}

static void meet(struct side *s, struct side *other)
{
	snprintf(s->link.peer, sizeof(s->link.peer), "%s",
		 kr_identity_name(other->host.identity));
	s->link.key = (struct kr_pubkey *)(uintptr_t)
		kr_identity_pubkey(other->host.identity);
}

static int two_hosts(void **state)
{
	(void)state;
	a = new_side("alpha");
	b = new_side("beta");
	meet(a, b);
	meet(b, a);
	put_in_force(a, 3);
	put_in_force(b, 7);
	append(a, "test.event", 4);
	append(b, "test.event", 2);
	n_queue = n_sent = n_ended = 0;
	return 0;
}

static int no_hosts(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct side *s = i ? b : a;

		close_side(s);
		kr_identity_free(s->host.identity);
		free(s);
	}
	return 0;
}

/* Deliver what is under way. Return: the last failure of who heard it. */
static enum kr_code deliver(void)
{
	enum kr_code last = KR_OK;

	while (n_queue) {
		struct message m = queue[0];
		struct kr_rd r = KR_RD(m.body, m.n);
		struct kr_err e = KR_ERR_NONE;
		struct kr_peerfail f;

		memmove(queue, queue + 1, --n_queue * sizeof(queue[0]));
		if (m.type == KR_PEER_FAIL) {
			assert_int_equal(kr_peerfail_parse(&r, &f, NULL), 0);
			kr_fail(&m.to->told, (enum kr_code)f.kr, "%s", f.what);
		} else {
			n_ended += kr_witness_message(&m.to->link, m.type, &r,
						      &e) < 0;
			last = e.code ? e.kr : last;
		}
	}
	return last;
}

static void begin(struct side *s, uint8_t id)
{
	s->mig.state = KR_S_OFFER;
	s->n_offers = 0;
	s->failed = s->told = KR_ERR_NONE;
	memset(s->mig.terms.migration, id, 16);
	assert_int_equal(kr_witness_begin(&s->mig, NULL), 0);
}

/* One migration from @s; returns the code of the peer's refusal, or its own. */
static enum kr_code migrate(struct side *s, uint8_t id)
{
	begin(s, id);
	assert_int_equal(deliver(), KR_OK);
	s->mig.state = KR_S_UNDONE;
	if (s->n_offers)
		assert_int_equal(s->failed.kr | s->told.kr, KR_OK);
	return s->failed.kr ? s->failed.kr : s->told.kr;
}

static uint64_t seen(struct side *s, bool *ret_refused)
{
	struct kr_witnessrow w;

	assert_int_equal(kr_witnessrow_get(s->host.store, s->link.peer, &w,
					   NULL), 0);
	*ret_refused = w.refused;
	return w.size;
}

static int last_event(void *arg, uint64_t idx, const uint8_t *leaf, size_t n,
		      struct kr_err *e)
{
	json_t **ret = arg;

	(void)idx;
	(void)e;
	*ret = json_loadb((const char *)leaf, n, 0, NULL);
	return 1;
}

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

/* The newest entry has the policy's, and anybody finds it in what was shown. */
static void assert_policy_on_record(struct side *s, struct side *liar,
				    uint32_t version)
{
	const struct kr_pubkey *k = kr_identity_pubkey(liar->host.identity);
	const char *name = kr_identity_name(liar->host.identity), *text;
	struct kr_inforce_entry x = { .index = liar->host.policy_entry };
	struct kr_inforce p = { 0 };
	struct kr_checkpoint c;
	json_t *j = NULL, *d, *hash;
	size_t i, n;

	assert_int_equal(kr_logrow_back(s->host.store, last_event, &j, NULL),
			 1);
	d = json_object_get(j, "detail");
	assert_int_equal(kr_checkpoint_verify(json_string_value(
		json_object_get(d, "shown")), k, name, &c, NULL), 0);
	d = json_object_get(d, "policy");
	assert_int_equal(json_integer_value(json_object_get(d, "index")),
			 x.index);
	text = json_string_value(json_object_get(d, "record"));
	assert_true(kr_b64_get(text, strlen(text), x.record, sizeof(x.record),
			       &x.n_record));
	json_array_foreach(json_object_get(d, "proof"), i, hash) {
		text = json_string_value(hash);
		assert_true(kr_b64_get(text, strlen(text), x.proof.hash[i], 32,
				       &n));
		x.proof.n++;
	}
	assert_int_equal(kr_inforce_check(&x, name, c.size, c.root, &p, NULL),
			 0);
	assert_int_equal(p.version, version);
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
	char cmd[512];

	for (unsigned int i = 0; i < 3; i++) {
		snprintf(cmd, sizeof(cmd), "rm -f %s%s; test ! -e %s%s ||"
			 " cp %s%s %s%s", to, ends[i], from, ends[i], from,
			 ends[i], to, ends[i]);
		assert_int_equal(system(cmd), 0);
	}
}

/* ---- tests --------------------------------------------------------------- */

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

static int make_top(void **state)
{
	(void)state;
	strcpy(top, "/tmp/korora-test-XXXXXX");
	a = b = NULL;
	return mkdtemp(top) ? 0 : -1;
}

static int remove_top(void **state)
{
	char cmd[128];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", top);
	return system(cmd);
}

#define T(fn)	cmocka_unit_test_setup_teardown(fn, two_hosts, no_hosts)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_vouches_for_the_other), T(each_tells_its_policy),
		T(a_policy_of_before), T(no_policy_at_all),
		T(logs_that_grow_go_on),
		T(no_offer_without_a_log), T(no_offer_after_half_of_it),
		T(logs_shown_for_nothing),
		T(a_policy_that_came_into_force_since),
		T(two_at_a_time), T(a_lost_answer),
		T(rolled_back), T(forked), T(forked_after_a_wrong_policy),
		T(foreign_signatures),
		T(a_full_disk), T(a_log_of_ones_own_that_is_broken),
		T(cosigned_what_is_not),
	};

	return cmocka_run_group_tests(tests, make_top, remove_top);
}
