/* SPDX-License-Identifier: Apache-2.0 */
/*
 * requests_stand.h - a host with a store, a log and four users with keys, one
 * of whom asks: for tests of requests, of words about them, and of questions.
 */
#ifndef KR_TEST_REQUESTS_STAND_H
#define KR_TEST_REQUESTS_STAND_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/consent.h"
#include "daemon/requests.h"
#include "evidence/ledgercheck.h"
#include "evidence/signer.h"
#include "evidence/statement.h"
#include "store/approvalrow.h"
#include "store/userkeyrow.h"

#define NOW	UINT64_C(1700000000000)
#define MINUTE	UINT64_C(60000)

enum { ANNA, BEN, DORA, CARL, N_USERS };	/* Carl is who asks */

static const char *const names[N_USERS] = { "kr-anna", "kr-ben", "kr-dora",
					    "kr-carl" };
static char dir[64];
static struct kr_host host;
static struct kr_signer *keys[N_USERS];

static inline void make_key(const char *path)
{
	EVP_PKEY *k = EVP_EC_gen("P-256");
	FILE *f = fopen(path, "w");

	assert_true(k && f);
	assert_true(PEM_write_PKCS8PrivateKey(f, k, NULL, NULL, 0, NULL, NULL));
	assert_int_equal(fclose(f), 0);
	EVP_PKEY_free(k);
}

static inline void enrol(unsigned int who, const struct kr_signer *key)
{
	struct kr_userkeyrow k = { .added_by = "root" };
	const struct kr_pubkey *pub = kr_signer_pubkey(key);
	char *pem = NULL;

	snprintf(k.user, sizeof(k.user), "%s", names[who]);
	memcpy(k.keyid, kr_pubkey_keyid(pub), sizeof(k.keyid));
	assert_int_equal(kr_pubkey_pem(pub, &pem, NULL), 0);
	snprintf(k.pem, sizeof(k.pem), "%s", pem);
	free(pem);
	assert_int_equal(kr_userkeyrow_add(host.store, &k, NULL), 0);
}

static inline void strike_off(const struct kr_signer *key)
{
	assert_int_equal(kr_userkeyrow_del(host.store, kr_pubkey_keyid(
				kr_signer_pubkey(key)), NULL), 0);
}

/* A host of its own for each test. */
static inline int setup(void **state)
{
	char path[128];

	(void)state;
	strcpy(dir, "/tmp/korora-test-XXXXXX");
	if (!mkdtemp(dir) || kr_identity_create(dir, "alpha", NULL) ||
	    kr_identity_load(dir, &host.identity, NULL))
		return -1;
	snprintf(path, sizeof(path), "%s/korora.db", dir);
	if (kr_store_open(path, KR_STORE_WRITE, &host.store, NULL) ||
	    kr_ledger_open(host.store, host.identity, &host.ledger, NULL))
		return -1;
	for (unsigned int i = 0; i < N_USERS; i++) {
		struct kr_userrow u = { .role = "approve" };

		snprintf(path, sizeof(path), "%s/%s.pem", dir, names[i]);
		make_key(path);
		assert_int_equal(kr_signer_open(path, &keys[i], NULL), 0);
		enrol(i, keys[i]);
		snprintf(u.name, sizeof(u.name), "%s", names[i]);
		assert_int_equal(kr_userrow_put(host.store, &u, NULL), 0);
	}
	return 0;
}

static inline int teardown(void **state)
{
	struct kr_ledgercheck c;
	char cmd[128];

	(void)state;
	/* whatever was refused, the log is whole */
	assert_int_equal(kr_ledgercheck_run(host.store,
			 kr_identity_pubkey(host.identity), "alpha", &c, NULL),
			 0);
	for (unsigned int i = 0; i < N_USERS; i++)
		kr_signer_free(keys[i]);
	kr_ledger_free(host.ledger);
	kr_store_free(host.store);
	kr_identity_free(host.identity);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

/* What Carl asks for. */
static inline struct kr_requestrow asked(unsigned int needed)
{
	struct kr_requestrow p = {
		.vm = "web-1", .epoch = 8, .to = "beta", .policy = "strict",
		.policy_version = 3, .needed = needed,
		.params = "{\"strategy\":\"precopy\"}",
		.expires_ms = NOW + 10 * MINUTE,
	};

	snprintf(p.requester, sizeof(p.requester), "%s", names[CARL]);
	memset(p.definition, 2, 32);
	memset(p.to_keyid, 4, 32);
	memset(p.policy_digest, 5, 32);
	return p;
}

static inline int open_request(struct kr_requestrow *io)
{
	json_t *params = json_pack("{s:s}", "strategy", "precopy");
	int r = kr_requests_open(&host, io, params, NOW, NULL);

	json_decref(params);
	return r;
}

static inline struct kr_requestrow opened(unsigned int needed)
{
	struct kr_requestrow p = asked(needed);

	assert_int_equal(open_request(&p), 0);
	return p;
}

/* As a policy has it in which the role approve lets approve. */
bool kr_consent_may_approve(struct kr_host *h, const char *name)
{
	const struct passwd *pw = getpwnam(name);
	char uid[16] = "";

	if (pw)
		snprintf(uid, sizeof(uid), "%u", (unsigned int)pw->pw_uid);
	return (pw && !pw->pw_uid) ||
	       kr_userrow_has(h->store, name, "approve", NULL) > 0 ||
	       (pw && kr_userrow_has(h->store, uid, "approve", NULL) > 0);
}

static unsigned int n_told;	/* entries of the log about questions */

void kr_host_record_some(struct kr_host *h, const char *event, json_t *detail)
{
	(void)h;
	assert_string_equal(event, "request.opened");
	assert_string_equal(json_string_value(json_object_get(detail, "kind")),
			    "question");
	n_told++;
}

/* An honest word of @who, valid for five minutes. */
static inline struct kr_approval word(const struct kr_requestrow *p,
				      unsigned int who, const char *decision)
{
	struct kr_approval a;

	assert_int_equal(kr_requests_want(&host, p, &a, NULL), 0);
	snprintf(a.approver, sizeof(a.approver), "%s", names[who]);
	memcpy(a.approver_keyid, kr_pubkey_keyid(kr_signer_pubkey(keys[who])),
	       32);
	snprintf(a.decision, sizeof(a.decision), "%s", decision);
	a.issued_ms = NOW;
	a.expires_ms = NOW + 5 * MINUTE;
	return a;
}

static inline enum kr_code hand_in(const struct kr_requestrow *p,
				   const char *user,
				   const struct kr_approval *a,
				   unsigned int signer, uint64_t now_ms)
{
	struct kr_err e = KR_ERR_NONE;
	char said[KR_APPROVAL_BYTES_MAX], *text = NULL;
	size_t n;
	int r;

	assert_int_equal(kr_approval_build(a, said, &n, NULL), 0);
	assert_int_equal(kr_signer_envelope(keys[signer], KR_STATEMENT_TYPE,
					    said, n, &text, NULL), 0);
	r = kr_requests_add_approval(&host, p->id, user, text, now_ms, &e);
	assert_int_equal(r, e.code);
	assert_false(kr_store_in_tx(host.store));
	free(text);
	return e.kr;
}

static inline enum kr_code says(const struct kr_requestrow *p,
				unsigned int who, const char *decision)
{
	const struct kr_approval a = word(p, who, decision);

	return hand_in(p, names[who], &a, who, NOW + 1);
}

static inline enum kr_code take_at(const struct kr_requestrow *now,
				   uint64_t now_ms)
{
	struct kr_err e = KR_ERR_NONE;

	assert_int_equal(kr_store_begin(host.store, NULL), 0);
	if (kr_requests_take(&host, now, now_ms, &e))
		kr_store_rollback(host.store);
	else
		assert_int_equal(kr_store_commit(host.store, NULL), 0);
	return e.kr;
}

static inline enum kr_code take(const struct kr_requestrow *now)
{
	return take_at(now, NOW + 2);
}

static inline enum kr_request_state state_of(const struct kr_requestrow *p)
{
	struct kr_requestrow row;

	assert_int_equal(kr_requestrow_get(host.store, p->id, &row, NULL), 0);
	return row.state;
}

static inline int count(void *arg, const struct kr_approvalrow *a,
			struct kr_err *e)
{
	(void)a;
	(void)e;
	++*(int *)arg;
	return 0;
}

static inline int words_about(const struct kr_requestrow *p)
{
	int n = 0;

	assert_int_equal(kr_approvalrow_each(host.store, p->id, count, &n,
					     NULL), 0);
	return n;
}

#define YES	KR_APPROVAL_APPROVE
#define NO	KR_APPROVAL_DENY

#define T(fn)	cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
