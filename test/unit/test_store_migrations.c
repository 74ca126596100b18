/* SPDX-License-Identifier: Apache-2.0 */
/* test_store_migrations.c - migrations, receipts, requests and their approvals. */
#include "store/approvalrow.h"
#include "store/migrow.h"
#include "store/receiptrow.h"
#include "store/requestrow.h"
#include "store_stand.h"

struct seen { int n; uint8_t first[8]; };

static int see_mig(void *arg, const struct kr_migrow *m, struct kr_err *e)
{
	struct seen *x = arg;

	(void)e;
	x->first[x->n++] = m->id[0];
	return 0;
}

/* However many are newer: by the whole id, or what no other begins with. */
static void migrations_are_found_by_their_ids(void **state)
{
	struct kr_migrow m = { .role = KR_MIG_SOURCE, .vm = "web",
			       .peer = "alpha", .state = 4, .finished = true };
	static const struct { const char *prefix; unsigned int n; } asked[] = {
		{ "00070707070707070707070707070707", 1 },
		{ "0007", 1 }, { "00070", 1 }, { "0", 2 }, { "00", 2 },
		{ "0F", 2 }, { "0101", 1 }, { "ffff", 0 }, { "", 0 },
		{ "0007x", 0 }, { "000707070707070707070707070707070", 0 },
	};
	struct kr_err e = KR_ERR_NONE;
	uint8_t id[16];
	unsigned int n;

	(void)state;
	assert_int_equal(kr_store_begin(s, &e), 0);
	for (unsigned int i = 0; i < 4096; i++) {
		memset(m.id, (int)(i & 0xff), 16);
		m.id[0] = (uint8_t)(i >> 8);
		m.started_ms = 100u + i;
		assert_int_equal(kr_migrow_put(s, &m, &e), 0);
	}
	assert_int_equal(kr_store_commit(s, &e), 0);
	for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
		assert_int_equal(kr_migrow_find(s, asked[i].prefix, id, &n,
						&e), 0);
		assert_int_equal(n, asked[i].n);
		if (n == 1)
			assert_true(kr_hex_begins(id, 16, asked[i].prefix));
	}
}

static int see_one(void *arg, const struct kr_migrow *m, struct kr_err *e)
{
	see_mig(arg, m, e);
	return 1;
}

/* Newest first; what is under way or failed is none of these. */
static void migrations_that_went_well(void **state)
{
	static const struct row {
		const char *vm, *peer;
		bool	    finished;
		uint32_t    error;
	} rows[] = {
		{ "db", "gamma", true, 0 }, { "db", "delta", true, 0 },
		{ "db", "gamma", true, KR_E_TIMEOUT },
		{ "db", "gamma", false, 0 }, { "db", "gamma", true, 0 },
		{ "mail", "gamma", true, 0 },
	};
	struct kr_migrow m = { .role = KR_MIG_TARGET, .state = 4 };
	struct kr_err e = KR_ERR_NONE;
	struct seen x = { 0 };

	(void)state;
	for (uint8_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		memset(m.id, 0xd0, 16);
		m.id[0] = i;
		strcpy(m.vm, rows[i].vm);
		strcpy(m.peer, rows[i].peer);
		m.finished = rows[i].finished;
		m.error = rows[i].error;
		m.started_ms = 100u + i;
		assert_int_equal(kr_migrow_put(s, &m, &e), 0);
	}
	assert_int_equal(kr_migrow_of_vm(s, "db", 8, see_mig, &x, &e), 0);
	assert_int_equal(x.n, 3);
	assert_memory_equal(x.first, "\4\1\0", 3);
	x = (struct seen){ 0 };
	assert_int_equal(kr_migrow_of_vm(s, "db", 2, see_mig, &x, &e), 0);
	assert_int_equal(x.n, 2);
	x = (struct seen){ 0 };
	assert_int_equal(kr_migrow_with_peer(s, "gamma", 8, see_mig, &x, &e),
			 0);
	assert_int_equal(x.n, 3);
	assert_memory_equal(x.first, "\5\4\0", 3);
	x = (struct seen){ 0 };
	assert_int_equal(kr_migrow_with_peer(s, "gamma", 8, see_one, &x, &e),
			 1);
	assert_int_equal(x.n, 1);
	x = (struct seen){ 0 };
	assert_int_equal(kr_migrow_of_vm(s, "none", 8, see_mig, &x, &e), 0);
	assert_int_equal(x.n, 0);
}

static void migrations_and_receipts(void **state)
{
	static uint8_t doc[KR_MIGROW_DOC_MAX + 1];
	struct kr_migrow m = { .role = KR_MIG_TARGET, .vm = "web",
			       .peer = "alpha", .state = 4, .doc = doc,
			       .doc_bytes = KR_MIGROW_DOC_MAX }, back;
	static struct kr_receiptrow p = { .vm = "web", .peer = "alpha",
					  .at_ms = 4, .envelope = "{}" }, pb;
	struct kr_err e = KR_ERR_NONE;
	struct seen x = { 0 };

	(void)state;
	memset(doc, 0x5a, sizeof(doc));
	for (uint8_t i = 1; i <= 3; i++) {
		memset(m.id, i, 16);
		m.started_ms = 100u + i;
		m.finished = i == 2;
		assert_int_equal(kr_migrow_put(s, &m, &e), 0);
	}
	m.result = "{\"ok\":true}";
	assert_int_equal(kr_migrow_put(s, &m, &e), 0);
	assert_int_equal(kr_migrow_get(s, m.id, &back, &e), 0);
	assert_int_equal(back.doc_bytes, KR_MIGROW_DOC_MAX);
	assert_memory_equal(back.doc, doc, KR_MIGROW_DOC_MAX);
	assert_string_equal(back.result, m.result);
	kr_migrow_fini(&back);
	m.doc_bytes++;
	assert_true(kr_migrow_put(s, &m, &e) < 0);
	assert_int_equal(e.kr, KR_E_LIMIT);
	e = KR_ERR_NONE;
	m.doc = NULL;
	m.doc_bytes = 0;
	assert_int_equal(kr_migrow_put(s, &m, &e), 0);
	assert_int_equal(kr_migrow_get(s, m.id, &back, &e), 0);
	assert_int_equal(back.doc_bytes, 0);
	kr_migrow_fini(&back);
	assert_int_equal(kr_migrow_each(s, 2, see_mig, &x, &e), 0);
	assert_int_equal(x.n, 2);
	assert_int_equal(x.first[0], 3);
	x = (struct seen){ 0 };
	assert_int_equal(kr_migrow_unfinished(s, see_mig, &x, &e), 0);
	assert_int_equal(x.n, 2);
	assert_int_equal(x.first[0], 1);
	/* A receipt belongs to a migration. */
	memset(p.migration, 77, 16);
	assert_true(kr_receiptrow_put(s, &p, &e) < 0);
	assert_int_equal(e.kr, KR_E_STORE);
	e = KR_ERR_NONE;
	memset(p.migration, 3, 16);
	assert_int_equal(kr_receiptrow_put(s, &p, &e), 0);
	assert_int_equal(kr_receiptrow_get(s, p.migration, &pb, &e), 0);
	assert_string_equal(pb.envelope, "{}");
	p.migration[0] = 1;
	assert_true(kr_receiptrow_get(s, p.migration, &pb, &e) < 0);
	assert_int_equal(e.kr, KR_E_NO_MIGRATION);
}

static int see_request(void *arg, const struct kr_requestrow *p,
		       struct kr_err *e)
{
	struct seen *x = arg;

	(void)e;
	x->first[x->n++] = p->id[0];
	return 0;
}

static int see_word(void *arg, const struct kr_approvalrow *a,
		    struct kr_err *e)
{
	struct seen *x = arg;

	(void)e;
	x->first[x->n++] = (uint8_t)a->decision[0];
	return 0;
}

static void requests_and_approvals(void **state)
{
	struct kr_requestrow p = { .vm = "web", .to = "beta", .policy = "x",
				   .requester = "carl", .params = "{}",
				   .needed = 2 }, back;
	static struct kr_approvalrow a = { .approver = "anna",
					   .decision = "approve",
					   .envelope = "{}" };
	struct kr_err e = KR_ERR_NONE;
	struct seen x = { 0 };
	uint64_t n = 0;

	(void)state;
	for (uint8_t i = 1; i <= 4; i++) {
		memset(p.id, i, 16);
		p.created_ms = 100u + i;
		p.expires_ms = 200u + i;
		assert_int_equal(kr_requestrow_add(s, &p, &e), 0);
	}
	assert_true(kr_requestrow_add(s, &p, NULL) < 0);
	assert_int_equal(kr_requestrow_get(s, p.id, &back, &e), 0);
	assert_int_equal(back.needed, 2);
	assert_string_equal(back.requester, "carl");
	/* out of the state that is expected, and once */
	assert_int_equal(kr_requestrow_move(s, p.id, KR_REQUEST_OPEN,
					    KR_REQUEST_USED, &e), 0);
	assert_true(kr_requestrow_move(s, p.id, KR_REQUEST_OPEN,
				       KR_REQUEST_USED, &e) < 0);
	assert_int_equal(e.kr, KR_E_REQUEST_OVER);
	e = KR_ERR_NONE;
	/* due at that very time, and what is over stays as it is */
	assert_int_equal(kr_requestrow_expire(s, 201, &e), 0);
	assert_int_equal(kr_requestrow_waiting(s, &n, &e), 0);
	assert_int_equal(n, 2);
	assert_int_equal(kr_requestrow_get(s, p.id, &back, &e), 0);
	assert_int_equal(back.state, KR_REQUEST_USED);
	assert_int_equal(kr_requestrow_each(s, 3, see_request, &x, &e), 0);
	assert_int_equal(x.n, 3);
	assert_memory_equal(x.first, "\3\2\4", 3);
	assert_string_equal(kr_requestrow_state_name(99), "unknown");
	/* each may say each thing once, of a request that there is */
	memset(a.request, 3, 16);
	assert_int_equal(kr_approvalrow_add(s, &a, &e), 0);
	assert_true(kr_approvalrow_add(s, &a, &e) < 0);
	assert_int_equal(e.kr, KR_E_APPROVAL_TWICE);
	e = KR_ERR_NONE;
	strcpy(a.decision, "deny");
	assert_int_equal(kr_approvalrow_add(s, &a, &e), 0);
	x = (struct seen){ 0 };
	assert_int_equal(kr_approvalrow_each(s, a.request, see_word, &x, &e),
			 0);
	assert_int_equal(x.n, 2);
	assert_memory_equal(x.first, "ad", 2);
	memset(a.request, 9, 16);
	assert_true(kr_approvalrow_add(s, &a, &e) < 0);
	assert_int_equal(e.kr, KR_E_STORE);
	e = KR_ERR_NONE;
	assert_true(kr_requestrow_get(s, a.request, &back, &e) < 0);
	assert_int_equal(e.kr, KR_E_NO_REQUEST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(migrations_and_receipts),
		cmocka_unit_test(migrations_are_found_by_their_ids),
		cmocka_unit_test(migrations_that_went_well),
		cmocka_unit_test(requests_and_approvals),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
