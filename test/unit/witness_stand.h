/* SPDX-License-Identifier: Apache-2.0 */
/*
 * witness_stand.h - two hosts that vouch for each other's logs, for the tests of
 * that: their stores, logs and keys are real, the session between them is a
 * queue.
 */
#ifndef KR_TEST_WITNESS_STAND_H
#define KR_TEST_WITNESS_STAND_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

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

static inline struct side *side_of(const struct kr_host *h)
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

void kr_source_ready(struct kr_mig *m)
{
	if (!m->log_vouched || !m->log_cosigned)
		return;
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

static inline void open_side(struct side *s)
{
	struct kr_err e = KR_ERR_NONE;

	if (kr_store_open(s->db, KR_STORE_WRITE, &s->host.store, &e) ||
	    kr_ledger_open(s->host.store, s->host.identity, &s->host.ledger,
			   &e))
		fail_msg("%s", e.what);
}

static inline void close_side(struct side *s)
{
	kr_ledger_free(s->host.ledger);
	kr_store_free(s->host.store);
	s->host.ledger = NULL;
	s->host.store = NULL;
}

static inline void append(struct side *s, const char *event, unsigned int n)
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
static inline void put_in_force(struct side *s, uint32_t version)
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

static inline struct side *new_side(const char *name)
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

static inline void meet(struct side *s, struct side *other)
{
	snprintf(s->link.peer, sizeof(s->link.peer), "%s",
		 kr_identity_name(other->host.identity));
	s->link.key = (struct kr_pubkey *)(uintptr_t)
		kr_identity_pubkey(other->host.identity);
}

static inline int two_hosts(void **state)
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

static inline int no_hosts(void **state)
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
static inline enum kr_code deliver(void)
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

static inline void begin(struct side *s, uint8_t id)
{
	s->mig.state = KR_S_OFFER;
	s->n_offers = 0;
	s->failed = s->told = KR_ERR_NONE;
	memset(s->mig.terms.migration, id, 16);
	assert_int_equal(kr_witness_begin(&s->mig, NULL), 0);
}

/* One migration from @s; returns the code of the peer's refusal, or its own. */
static inline enum kr_code migrate(struct side *s, uint8_t id)
{
	begin(s, id);
	assert_int_equal(deliver(), KR_OK);
	s->mig.state = KR_S_UNDONE;
	if (s->n_offers)
		assert_int_equal(s->failed.kr | s->told.kr, KR_OK);
	return s->failed.kr ? s->failed.kr : s->told.kr;
}

static inline uint64_t seen(struct side *s, bool *ret_refused)
{
	struct kr_witnessrow w;

	assert_int_equal(kr_witnessrow_get(s->host.store, s->link.peer, &w,
					   NULL), 0);
	*ret_refused = w.refused;
	return w.size;
}

static inline int last_event(void *arg, uint64_t idx, const uint8_t *leaf, size_t n,
		      struct kr_err *e)
{
	json_t **ret = arg;

	(void)idx;
	(void)e;
	*ret = json_loadb((const char *)leaf, n, 0, NULL);
	return 1;
}

/* The newest entry has the policy's, and anybody finds it in what was shown. */
static inline void assert_policy_on_record(struct side *s, struct side *liar,
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

static inline int make_top(void **state)
{
	(void)state;
	strcpy(top, "/tmp/korora-test-XXXXXX");
	a = b = NULL;
	return mkdtemp(top) ? 0 : -1;
}

static inline int remove_top(void **state)
{
	char cmd[128];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", top);
	return system(cmd);
}

#define T(fn)	cmocka_unit_test_setup_teardown(fn, two_hosts, no_hosts)

#endif
