/* SPDX-License-Identifier: Apache-2.0 */
/* test_store.c - every table, transactions, and a writer that is killed. */
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
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/cosignrow.h"
#include "store/approvalrow.h"
#include "store/hostrow.h"
#include "store/logrow.h"
#include "store/migrow.h"
#include "store/policyrow.h"
#include "store/receiptrow.h"
#include "store/requestrow.h"
#include "store/trustrow.h"
#include "store/userkeyrow.h"
#include "store/userrow.h"
#include "store/vmrow.h"
#include "store/witnessrow.h"

static char dir[64], path[96];
static struct kr_store *s;

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/korora-test-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/korora.db", dir);
	return kr_store_open(path, KR_STORE_WRITE, &s, NULL);
}

static int teardown(void **state)
{
	char cmd[128];

	(void)state;
	kr_store_free(s);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static void private_files(void **state)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	struct stat st;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		char p[128];

		snprintf(p, sizeof(p), "%s%s", path, ends[i]);
		assert_int_equal(stat(p, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
}

static int count_vm(void *arg, const struct kr_vmrow *v, struct kr_err *e)
{
	(void)v;
	(void)e;
	++*(int *)arg;
	return 0;
}

static int stop_vm(void *arg, const struct kr_vmrow *v, struct kr_err *e)
{
	++*(int *)arg;
	return kr_fail(e, KR_E_VM_STATE, "%s", v->name);
}

static void vms(void **state)
{
	struct kr_vmrow v = { .name = "web'; DROP TABLE vm;--",
			      .definition = "cpus = 2\n", .epoch = 7,
			      .state = KR_VM_RUNNING, .updated_ms = 5 };
	struct kr_vmrow back;
	struct kr_err e = KR_ERR_NONE;
	int n = 0;

	(void)state;
	memset(v.digest, 9, 32);
	assert_int_equal(kr_vmrow_put(s, &v, &e), 0);
	v.epoch = 8;
	v.state = KR_VM_MOVED;
	strcpy(v.peer, "beta");
	assert_int_equal(kr_vmrow_put(s, &v, &e), 0);
	assert_int_equal(kr_vmrow_get(s, v.name, &back, &e), 0);
	assert_int_equal(back.epoch, 8);
	assert_string_equal(back.peer, "beta");
	assert_memory_equal(back.digest, v.digest, 32);
	assert_string_equal(kr_vmrow_state_name(back.state), "moved");
	assert_string_equal(kr_vmrow_state_name(99), "unknown");
	strcpy(v.name, "b");
	assert_int_equal(kr_vmrow_put(s, &v, &e), 0);
	assert_int_equal(kr_vmrow_each(s, count_vm, &n, &e), 0);
	assert_int_equal(n, 2);
	n = 0;
	assert_true(kr_vmrow_each(s, stop_vm, &n, &e) < 0);
	assert_int_equal(n, 1);
	assert_int_equal(e.kr, KR_E_VM_STATE);
	e = KR_ERR_NONE;
	assert_int_equal(kr_vmrow_del(s, "b", &e), 0);
	assert_true(kr_vmrow_del(s, "b", &e) < 0);
	assert_int_equal(e.kr, KR_E_NO_VM);
	e = KR_ERR_NONE;
	assert_true(kr_vmrow_get(s, "b", &back, &e) < 0);
	assert_int_equal(e.kr, KR_E_NO_VM);
	e = KR_ERR_NONE;
	v.epoch = UINT64_MAX;
	assert_true(kr_vmrow_put(s, &v, &e) < 0);
	assert_int_equal(e.kr, KR_E_STORE);
}

static int count_host(void *arg, const struct kr_hostrow *h, struct kr_err *e)
{
	(void)e;
	assert_string_equal(h->added_by, "anna");
	++*(int *)arg;
	return 0;
}

static int count_trust(void *arg, const struct kr_trustrow *t,
		       struct kr_err *e)
{
	(void)e;
	assert_string_equal(t->pem, "PEM2");
	++*(int *)arg;
	return 0;
}

static int count_user(void *arg, const struct kr_userrow *u, struct kr_err *e)
{
	(void)u;
	(void)e;
	++*(int *)arg;
	return 0;
}

static void hosts_trust_users(void **state)
{
	struct kr_hostrow h = { "beta", "10.0.0.2:7411", "", 1, "anna" }, hb;
	struct kr_trustrow t = { "fleet", "PEM", 1 };
	struct kr_userrow u = { "anna", "operator", "root", 1 };
	struct kr_err e = KR_ERR_NONE;
	int n = 0;

	(void)state;
	assert_int_equal(kr_hostrow_put(s, &h, &e), 0);
	assert_int_equal(kr_hostrow_get(s, "beta", &hb, &e), 0);
	assert_string_equal(hb.address, h.address);
	assert_int_equal(kr_hostrow_each(s, count_host, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(kr_hostrow_del(s, "beta", &e), 0);
	assert_true(kr_hostrow_get(s, "beta", &hb, &e) < 0);
	assert_int_equal(e.kr, KR_E_NO_HOST);
	e = KR_ERR_NONE;
	assert_int_equal(kr_trustrow_put(s, &t, &e), 0);
	strcpy(t.pem, "PEM2");
	assert_int_equal(kr_trustrow_put(s, &t, &e), 0);
	n = 0;
	assert_int_equal(kr_trustrow_each(s, count_trust, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(kr_trustrow_del(s, "fleet", &e), 0);
	assert_true(kr_trustrow_del(s, "fleet", &e) < 0);
	e = KR_ERR_NONE;
	assert_int_equal(kr_userrow_put(s, &u, &e), 0);
	assert_int_equal(kr_userrow_put(s, &u, &e), 0);
	strcpy(u.role, "auditor");
	assert_int_equal(kr_userrow_put(s, &u, &e), 0);
	n = 0;
	assert_int_equal(kr_userrow_each(s, count_user, &n, &e), 0);
	assert_int_equal(n, 2);
	assert_int_equal(kr_userrow_has(s, "anna", "auditor", &e), 1);
	assert_int_equal(kr_userrow_has(s, "ben", "auditor", &e), 0);
	assert_int_equal(kr_userrow_del(s, "anna", "auditor", &e), 0);
	assert_int_equal(kr_userrow_del(s, "anna", "auditor", &e), 1);
	assert_int_equal(kr_userrow_has(s, "anna", "auditor", &e), 0);
}

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

static int count_key(void *arg, const struct kr_userkeyrow *k,
		     struct kr_err *e)
{
	(void)e;
	assert_string_equal(k->user, "anna");
	++*(int *)arg;
	return 0;
}

static void keys_of_users(void **state)
{
	struct kr_userkeyrow k = { .user = "anna", .pem = "PEM" }, back;
	struct kr_err e = KR_ERR_NONE;
	int n = 0;

	(void)state;
	assert_int_equal(kr_userkeyrow_add(s, &k, &e), 0);
	strcpy(k.user, "ben");		/* it stays Anna's */
	assert_true(kr_userkeyrow_add(s, &k, &e) < 0);
	assert_int_equal(e.kr, KR_E_EXISTS);
	e = KR_ERR_NONE;
	assert_int_equal(kr_userkeyrow_get(s, k.keyid, &back, &e), 0);
	assert_string_equal(back.user, "anna");
	assert_int_equal(kr_userkeyrow_each(s, count_key, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(kr_userkeyrow_del(s, k.keyid, &e), 0);
	assert_true(kr_userkeyrow_del(s, k.keyid, &e) < 0);
	assert_int_equal(e.kr, KR_E_APPROVAL_KEY);
	e = KR_ERR_NONE;
	assert_true(kr_userkeyrow_get(s, k.keyid, &back, &e) < 0);
	assert_int_equal(e.kr, KR_E_APPROVAL_KEY);
}

/* A row that is there with @epoch, or not. */
static int put(struct kr_store *to, const char *name, uint64_t epoch)
{
	struct kr_vmrow v = { .epoch = epoch };

	snprintf(v.name, sizeof(v.name), "%s", name);
	return kr_vmrow_put(to, &v, NULL);
}

static uint64_t epoch_of(struct kr_store *in, const char *name)
{
	static struct kr_vmrow v;

	return kr_vmrow_get(in, name, &v, NULL) ? 0 : v.epoch;
}

static void transactions(void **state)
{
	struct kr_store *ro = NULL;

	(void)state;
	assert_int_equal(kr_store_begin(s, NULL), 0);
	assert_true(kr_store_begin(s, NULL) < 0);
	assert_int_equal(put(s, "tx", 1), 0);
	kr_store_rollback(s);
	kr_store_rollback(s);
	assert_int_equal(epoch_of(s, "tx"), 0);
	assert_int_equal(kr_store_begin(s, NULL), 0);
	assert_int_equal(put(s, "tx", 1), 0);
	assert_int_equal(kr_store_open(path, KR_STORE_READ, &ro, NULL), 0);
	assert_int_equal(epoch_of(ro, "tx"), 0);
	assert_int_equal(kr_store_commit(s, NULL), 0);
	assert_true(kr_store_commit(s, NULL) < 0);
	assert_int_equal(epoch_of(ro, "tx"), 1);
	assert_true(put(ro, "tx", 2) < 0);
	kr_store_free(ro);
}

static void raw(const char *file, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void other_databases_refused(void **state)
{
	struct kr_store *x = NULL;
	struct kr_err e = KR_ERR_NONE;
	char p[128];

	(void)state;
	snprintf(p, sizeof(p), "%s/other.db", dir);
	raw(p, "CREATE TABLE a (b)");
	assert_true(kr_store_open(p, KR_STORE_WRITE, &x, &e) < 0);
	assert_int_equal(e.kr, KR_E_STORE);
	snprintf(p, sizeof(p), "%s/newer.db", dir);
	assert_int_equal(kr_store_open(p, KR_STORE_WRITE, &x, NULL), 0);
	kr_store_free(x);
	raw(p, "PRAGMA user_version = 1000");
	assert_true(kr_store_open(p, KR_STORE_WRITE, &x, NULL) < 0);
	assert_true(kr_store_open(p, KR_STORE_READ, &x, NULL) < 0);
	snprintf(p, sizeof(p), "%s/nowhere/x.db", dir);
	assert_true(kr_store_open(p, KR_STORE_WRITE, &x, NULL) < 0);
	snprintf(p, sizeof(p), "%s/garbage.db", dir);
	assert_int_equal(kr_write_file(p, "this is no database, not at all",
				       31, 0600), 0);
	assert_true(kr_store_open(p, KR_STORE_WRITE, &x, NULL) < 0);
}

/* The highest version is in force; none comes twice. */
static void policies(void **state)
{
	uint8_t bundle[] = "standard.policy";
	struct kr_policyrow p = { .version = 7, .name = "standard",
				  .digest = { 1 }, .at_ms = 5, .entry = 9,
				  .bundle = bundle, .n_bytes = 3 };
	struct kr_policyrow back;
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	assert_int_equal(kr_policyrow_last(s, &back, &e), 1);
	assert_int_equal(kr_policyrow_put(s, &p, &e), 0);
	p.version = 6;
	assert_int_equal(kr_policyrow_put(s, &p, &e), 0);
	assert_true(kr_policyrow_put(s, &p, &e) < 0);
	p.version = 70;
	p.digest[0] = 2;
	p.n_bytes = sizeof(bundle);
	e = KR_ERR_NONE;
	assert_int_equal(kr_policyrow_put(s, &p, &e), 0);
	assert_int_equal(kr_policyrow_last(s, &back, &e), 0);
	assert_int_equal(back.version, 70);
	assert_int_equal(back.entry, 9);
	assert_string_equal(back.name, "standard");
	assert_memory_equal(back.digest, p.digest, 32);
	assert_int_equal(back.n_bytes, sizeof(bundle));
	assert_memory_equal(back.bundle, bundle, sizeof(bundle));
	free(back.bundle);
}

/* Of one digest that two have, the newer's; and nothing behind its end. */
static void parts_of_a_policy(void **state)
{
	uint8_t bundle[] = "0123456789", whole[sizeof(bundle)] = { 0 };
	struct kr_policyrow p = { .version = 80, .name = "late",
				  .digest = { 3 }, .at_ms = 6, .entry = 10,
				  .bundle = bundle, .n_bytes = 2 };
	struct kr_policyrow back;
	struct kr_err e = KR_ERR_NONE;
	size_t all, at = 0;

	(void)state;
	assert_int_equal(kr_policyrow_put(s, &p, &e), 0);
	p.version = 81;
	p.n_bytes = sizeof(bundle);
	assert_int_equal(kr_policyrow_put(s, &p, &e), 0);
	do {
		assert_int_equal(kr_policyrow_part(s, p.digest, at, 4, &back,
						   &all, &e), 0);
		assert_int_equal(back.version, 81);
		assert_string_equal(back.name, "late");
		assert_int_equal(all, sizeof(bundle));
		assert_in_range(back.n_bytes, 0, sizeof(bundle) - at);
		memcpy(whole + at, back.bundle, back.n_bytes);
		at += back.n_bytes;
		free(back.bundle);
	} while (back.n_bytes);
	assert_int_equal(at, sizeof(bundle));
	assert_memory_equal(whole, bundle, sizeof(bundle));
	p.digest[0] = 4;
	assert_int_equal(kr_policyrow_part(s, p.digest, 0, 4, &back, &all,
					   &e), 1);
}

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
	raw(p, "DROP INDEX log_of_migration; DROP INDEX migration_of_vm;"
	       "DROP INDEX migration_with_peer;"
	       "ALTER TABLE log DROP COLUMN migration;"
	       "ALTER TABLE request DROP COLUMN tenant;"
	       "ALTER TABLE request DROP COLUMN kind;"
	       "ALTER TABLE request DROP COLUMN procedure;"
	       "ALTER TABLE request DROP COLUMN item;"
	       "ALTER TABLE policy DROP COLUMN entry;"
	       "ALTER TABLE witness DROP COLUMN policy_version;"
	       "ALTER TABLE witness DROP COLUMN policy_digest;"
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
	       "DROP TABLE approval; DROP TABLE request; DROP TABLE userkey;"
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

/* What was seen of a peer's log, and what peers signed of this one. */
static void logs_vouched_for(void **state)
{
	struct kr_witnessrow w = { .host = "beta", .size = 7, .refused = 3011,
				   .policy_version = 3 };
	struct kr_cosignrow c = { .host = "beta", .size = 7 };
	struct kr_witnessrow back;
	struct kr_store *x = NULL;
	uint64_t size = 0;
	char p[128];

	(void)state;
	snprintf(p, sizeof(p), "%s/vouched.db", dir);
	assert_int_equal(kr_store_open(p, KR_STORE_WRITE, &x, NULL), 0);
	assert_int_equal(kr_witnessrow_get(x, "beta", &back, NULL), 1);
	strcpy(w.note, "signed");
	memset(w.root, 9, sizeof(w.root));
	assert_int_equal(kr_witnessrow_put(x, &w, NULL), 0);
	assert_int_equal(kr_witnessrow_get(x, "beta", &back, NULL), 0);
	assert_int_equal(back.size, 7);
	assert_int_equal(back.refused, 3011);
	assert_int_equal(back.policy_version, 3);
	assert_string_equal(back.note, "signed");
	assert_memory_equal(back.root, w.root, 32);
	assert_int_equal(kr_witnessrow_del(x, "beta", NULL), 0);
	assert_int_equal(kr_witnessrow_get(x, "beta", &back, NULL), 1);

	assert_int_equal(kr_cosignrow_newest(x, 0, &size, NULL), 1);
	assert_int_equal(kr_cosignrow_put(x, &c, NULL), 0);
	c.size = 5;	/* of a shorter log: the longer one's is kept */
	assert_int_equal(kr_cosignrow_put(x, &c, NULL), 0);
	assert_int_equal(kr_cosignrow_newest(x, 7, &size, NULL), 0);
	assert_int_equal(size, 7);
	assert_int_equal(kr_cosignrow_newest(x, 8, &size, NULL), 1);
	kr_store_free(x);
}

/* Two rows always change together; kill the writer a few times. */
static void killed_writer(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 15; i++) {
		int st;
		pid_t pid = fork();

		if (!pid) {
			struct kr_store *w = NULL;

			if (kr_store_open(path, KR_STORE_WRITE, &w, NULL))
				_exit(1);
			for (uint64_t v = 1;; v++) {
				if (kr_store_begin(w, NULL) ||
				    put(w, "x", v) || put(w, "y", v) ||
				    kr_store_commit(w, NULL))
					_exit(1);
			}
		}
		usleep(20000 + 3777 * i);
		kill(pid, SIGKILL);
		waitpid(pid, &st, 0);
		assert_true(WIFSIGNALED(st));
		assert_int_equal(epoch_of(s, "x"), epoch_of(s, "y"));
	}
}

/* What was written of a commit that failed may be read after a crash. */
static void failed_commit_is_in_doubt(void **state)
{
	struct kr_hostrow h = { .name = "doubt", .address = "h:1" };
	struct rlimit old, tight = { 1, 0 };

	(void)state;
	assert_false(kr_store_in_doubt(s));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	tight.rlim_max = old.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(kr_store_begin(s, NULL), 0);
	assert_int_equal(kr_hostrow_put(s, &h, NULL), 0);
	setrlimit(RLIMIT_FSIZE, &tight);
	assert_true(kr_store_commit(s, NULL) < 0);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_true(kr_store_in_doubt(s));
	assert_int_equal(kr_store_begin(s, NULL), 0);
	assert_true(kr_store_in_doubt(s));
	assert_int_equal(kr_hostrow_put(s, &h, NULL), 0);
	assert_int_equal(kr_store_commit(s, NULL), 0);
	assert_false(kr_store_in_doubt(s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(private_files),
		cmocka_unit_test(vms),
		cmocka_unit_test(hosts_trust_users),
		cmocka_unit_test(migrations_and_receipts),
		cmocka_unit_test(migrations_are_found_by_their_ids),
		cmocka_unit_test(migrations_that_went_well),
		cmocka_unit_test(requests_and_approvals),
		cmocka_unit_test(keys_of_users),
		cmocka_unit_test(transactions),
		cmocka_unit_test(failed_commit_is_in_doubt),
		cmocka_unit_test(other_databases_refused),
		cmocka_unit_test(policies),
		cmocka_unit_test(parts_of_a_policy),
		cmocka_unit_test(entries_of_a_migration),
		cmocka_unit_test(older_schema),
		cmocka_unit_test(older_policies),
		cmocka_unit_test(logs_vouched_for),
		cmocka_unit_test(killed_writer),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
