/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger_stand.h - an evidence log of ten entries, with a receipt in the
 * seventh, for the tests of it; whoever wants to edits it by raw SQL.
 */
#ifndef KR_TEST_LEDGER_STAND_H
#define KR_TEST_LEDGER_STAND_H

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
#include <unistd.h>

#include "base/fd.h"
#include "evidence/ledgercheck.h"
#include "evidence/receipt.h"
#include "store/migrow.h"
#include "store/receiptrow.h"
#include "store/vmrow.h"

static char dir[64], path[96], file[128];
static struct kr_identity *id, *peer;
static struct kr_store *s;
static struct kr_ledger *l;

static inline void open_log(void)
{
	struct kr_err e = KR_ERR_NONE;

	if (kr_store_open(path, KR_STORE_WRITE, &s, &e) ||
	    kr_ledger_open(s, id, &l, &e))
		fail_msg("%s", e.what);
}

static inline void close_log(void)
{
	kr_ledger_free(l);
	kr_store_free(s);
	l = NULL;
	s = NULL;
}

static inline int setup(void **state)
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

static inline int teardown(void **state)
{
	char cmd[128];

	(void)state;
	kr_identity_free(id);
	kr_identity_free(peer);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static inline void append(const char *event, const char *envelope)
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
static inline char *make_receipt(void)
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
static inline int fresh(void **state)
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

static inline int drop(void **state)
{
	(void)state;
	close_log();
	return 0;
}

static inline void raw(const char *sql)
{
	sqlite3 *db;
	char *msg = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &msg) != SQLITE_OK)
		fail_msg("%s: %s", sql, msg);
	sqlite3_close(db);
}

static inline int check(struct kr_ledgercheck *c, struct kr_err *e)
{
	struct kr_store *ro = NULL;
	int r;

	*e = KR_ERR_NONE;
	assert_int_equal(kr_store_open(path, KR_STORE_READ, &ro, NULL), 0);
	r = kr_ledgercheck_run(ro, kr_identity_pubkey(id), "alpha", c, e);
	kr_store_free(ro);
	return r;
}

static inline void assert_broken(const char *says)
{
	struct kr_ledgercheck c;
	struct kr_err e;

	assert_true(check(&c, &e) < 0);
	assert_int_equal(e.kr, KR_E_LOG_BROKEN);
	if (!strstr(e.what, says))
		fail_msg("\"%s\" is not in \"%s\"", says, e.what);
}

/* kororad must not go on with such a log either. */
static inline void assert_not_opened(void)
{
	struct kr_ledger *x = NULL;
	struct kr_store *w = NULL;
	struct kr_err e = KR_ERR_NONE;

	assert_int_equal(kr_store_open(path, KR_STORE_WRITE, &w, NULL), 0);
	assert_true(kr_ledger_open(w, id, &x, &e) < 0);
	assert_int_equal(e.kr, KR_E_LOG_BROKEN);
	kr_store_free(w);
}

#endif
