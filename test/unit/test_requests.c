/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_requests.c - requests of one, signed words of others, and every way in
 * which a word does not count.
 */
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "daemon/consent.h"
#include "daemon/questions.h"
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

static void make_key(const char *path)
{
	EVP_PKEY *k = EVP_EC_gen("P-256");
	FILE *f = fopen(path, "w");

	assert_true(k && f);
	assert_true(PEM_write_PKCS8PrivateKey(f, k, NULL, NULL, 0, NULL, NULL));
	assert_int_equal(fclose(f), 0);
	EVP_PKEY_free(k);
}

static void enrol(unsigned int who, const struct kr_signer *key)
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

static void strike_off(const struct kr_signer *key)
{
	assert_int_equal(kr_userkeyrow_del(host.store, kr_pubkey_keyid(
				kr_signer_pubkey(key)), NULL), 0);
}

/* A host of its own for each test. */
static int setup(void **state)
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

static int teardown(void **state)
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
static struct kr_requestrow asked(unsigned int needed)
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

static int open_request(struct kr_requestrow *io)
{
	json_t *params = json_pack("{s:s}", "strategy", "precopy");
	int r = kr_requests_open(&host, io, params, NOW, NULL);

	json_decref(params);
	return r;
}

static struct kr_requestrow opened(unsigned int needed)
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
static struct kr_approval word(const struct kr_requestrow *p,
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

static enum kr_code hand_in(const struct kr_requestrow *p, const char *user,
			 const struct kr_approval *a, unsigned int signer,
			 uint64_t now_ms)
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

static enum kr_code says(const struct kr_requestrow *p, unsigned int who,
			 const char *decision)
{
	const struct kr_approval a = word(p, who, decision);

	return hand_in(p, names[who], &a, who, NOW + 1);
}

static enum kr_code take_at(const struct kr_requestrow *now, uint64_t now_ms)
{
	struct kr_err e = KR_ERR_NONE;

	assert_int_equal(kr_store_begin(host.store, NULL), 0);
	if (kr_requests_take(&host, now, now_ms, &e))
		kr_store_rollback(host.store);
	else
		assert_int_equal(kr_store_commit(host.store, NULL), 0);
	return e.kr;
}

static enum kr_code take(const struct kr_requestrow *now)
{
	return take_at(now, NOW + 2);
}

static enum kr_request_state state_of(const struct kr_requestrow *p)
{
	struct kr_requestrow row;

	assert_int_equal(kr_requestrow_get(host.store, p->id, &row, NULL), 0);
	return row.state;
}

static int count(void *arg, const struct kr_approvalrow *a, struct kr_err *e)
{
	(void)a;
	(void)e;
	++*(int *)arg;
	return 0;
}

static int words_about(const struct kr_requestrow *p)
{
	int n = 0;

	assert_int_equal(kr_approvalrow_each(host.store, p->id, count, &n,
					     NULL), 0);
	return n;
}

#define YES	KR_APPROVAL_APPROVE
#define NO	KR_APPROVAL_DENY

/* ---- the ordinary way -------------------------------------------------- */

static void one_of_one(void **state)
{
	struct kr_requestrow p = opened(1);

	(void)state;
	assert_int_equal(state_of(&p), KR_REQUEST_OPEN);
	assert_int_equal(take(&p), KR_E_NOT_APPROVED);
	assert_int_equal(says(&p, ANNA, YES), KR_OK);
	assert_int_equal(state_of(&p), KR_REQUEST_APPROVED);
	assert_int_equal(take(&p), KR_OK);
	assert_int_equal(state_of(&p), KR_REQUEST_USED);
}

static void two_of_two(void **state)
{
	struct kr_requestrow p = opened(2);

	(void)state;
	assert_int_equal(says(&p, ANNA, YES), KR_OK);
	assert_int_equal(state_of(&p), KR_REQUEST_OPEN);
	assert_int_equal(take(&p), KR_E_NOT_APPROVED);
	assert_int_equal(says(&p, BEN, YES), KR_OK);
	assert_int_equal(state_of(&p), KR_REQUEST_APPROVED);
	assert_int_equal(take(&p), KR_OK);
}

static void one_use_and_no_more(void **state)
{
	struct kr_requestrow p = opened(1), again;

	(void)state;
	assert_int_equal(says(&p, ANNA, YES), KR_OK);
	assert_int_equal(take(&p), KR_OK);
	assert_int_equal(take(&p), KR_E_REQUEST_OVER);
	assert_int_equal(says(&p, BEN, YES), KR_E_REQUEST_OVER);
	/* nor can the word be used for the same thing, asked for anew */
	again = opened(1);
	{
		const struct kr_approval a = word(&p, ANNA, YES);

		assert_int_equal(hand_in(&again, names[ANNA], &a, ANNA, NOW + 1),
				 KR_E_APPROVAL_DIFFERS);
	}
	assert_int_equal(take(&again), KR_E_NOT_APPROVED);
}

/* What it allowed did not happen: then it was not used. */
static void a_use_that_is_rolled_back_was_none(void **state)
{
	struct kr_requestrow p = opened(1);

	(void)state;
	assert_int_equal(says(&p, ANNA, YES), KR_OK);
	assert_true(kr_requests_take(&host, &p, NOW + 2, NULL) < 0);
	assert_int_equal(kr_store_begin(host.store, NULL), 0);
	assert_int_equal(kr_requests_take(&host, &p, NOW + 2, NULL), 0);
	assert_true(kr_requests_take(&host, &p, NOW + 2, NULL) < 0);
	kr_store_rollback(host.store);
	assert_int_equal(state_of(&p), KR_REQUEST_APPROVED);
	assert_int_equal(take(&p), KR_OK);
}

static void who_denies_ends_it(void **state)
{
	struct kr_requestrow p = opened(1), q = opened(1);

	(void)state;
	assert_int_equal(says(&p, ANNA, NO), KR_OK);
	assert_int_equal(state_of(&p), KR_REQUEST_DENIED);
	assert_int_equal(says(&p, BEN, YES), KR_E_REQUEST_OVER);
	assert_int_equal(take(&p), KR_E_REQUEST_OVER);
	/* also what was approved, by the same person, and not used yet */
	assert_int_equal(says(&q, ANNA, YES), KR_OK);
	assert_int_equal(says(&q, ANNA, NO), KR_OK);
	assert_int_equal(state_of(&q), KR_REQUEST_DENIED);
	assert_int_equal(take(&q), KR_E_REQUEST_OVER);
}

static enum kr_code withdraws(const struct kr_requestrow *p,
			      const char *user)
{
	struct kr_err e = KR_ERR_NONE;

	kr_requests_withdraw(&host, p->id, user, NOW + 3, &e);
	return e.code ? e.kr : KR_OK;
}

/* Who asked ends it, approved or not; nobody else does, and only once. */
static void who_asked_withdraws_it(void **state)
{
	struct kr_requestrow p = opened(1), q = opened(2);

	(void)state;
	assert_int_equal(says(&p, ANNA, YES), KR_OK);
	assert_int_equal(withdraws(&p, names[ANNA]), KR_E_FORBIDDEN);
	assert_int_equal(withdraws(&p, names[BEN]), KR_E_FORBIDDEN);
	assert_int_equal(withdraws(&p, "root"), KR_E_FORBIDDEN);
	assert_int_equal(state_of(&p), KR_REQUEST_APPROVED);
	assert_int_equal(withdraws(&p, names[CARL]), KR_OK);
	assert_int_equal(state_of(&p), KR_REQUEST_WITHDRAWN);
	assert_int_equal(take(&p), KR_E_REQUEST_OVER);
	assert_int_equal(says(&p, BEN, YES), KR_E_REQUEST_OVER);
	assert_int_equal(withdraws(&p, names[CARL]), KR_E_REQUEST_OVER);
	assert_int_equal(withdraws(&q, names[CARL]), KR_OK);
	assert_int_equal(says(&q, ANNA, YES), KR_E_REQUEST_OVER);
	/* what was used stays so */
	p = opened(1);
	assert_int_equal(says(&p, ANNA, YES), KR_OK);
	assert_int_equal(take(&p), KR_OK);
	assert_int_equal(withdraws(&p, names[CARL]), KR_E_REQUEST_OVER);
	assert_int_equal(state_of(&p), KR_REQUEST_USED);
}

/* Whatever somebody made of the row meanwhile. */
static void a_denial_is_no_approval(void **state)
{
	struct kr_requestrow p = opened(1);

	(void)state;
	assert_int_equal(says(&p, ANNA, NO), KR_OK);
	assert_int_equal(kr_requestrow_move(host.store, p.id,
			 KR_REQUEST_DENIED, KR_REQUEST_APPROVED, NULL), 0);
	assert_int_equal(take(&p), KR_E_NOT_APPROVED);
}

/* ---- whose word does not count ----------------------------------------- */

static void nobody_approves_his_own(void **state)
{
	struct kr_requestrow p = opened(1);
	struct kr_approval a = word(&p, CARL, YES);

	(void)state;
	assert_int_equal(says(&p, CARL, YES), KR_E_APPROVAL_SELF);
	/* with his key in another's name, and the other way round */
	snprintf(a.approver, sizeof(a.approver), "%s", names[ANNA]);
	assert_int_equal(hand_in(&p, names[CARL], &a, CARL, NOW + 1),
			 KR_E_APPROVAL_SELF);
	assert_int_equal(hand_in(&p, names[ANNA], &a, CARL, NOW + 1),
			 KR_E_APPROVAL_KEY);
	a = word(&p, ANNA, YES);
	assert_int_equal(hand_in(&p, names[CARL], &a, ANNA, NOW + 1),
			 KR_E_APPROVAL_SELF);
	assert_int_equal(words_about(&p), 0);
	assert_int_equal(state_of(&p), KR_REQUEST_OPEN);
}

static void twice_the_same_is_once(void **state)
{
	struct kr_requestrow p = opened(2);
	struct kr_approval a = word(&p, ANNA, YES);

	(void)state;
	assert_int_equal(says(&p, ANNA, YES), KR_OK);
	assert_int_equal(says(&p, ANNA, YES), KR_E_APPROVAL_TWICE);
	memset(a.nonce, 9, sizeof(a.nonce));
	a.issued_ms++;
	assert_int_equal(hand_in(&p, names[ANNA], &a, ANNA, NOW + 2),
			 KR_E_APPROVAL_TWICE);
	assert_int_equal(words_about(&p), 1);
	assert_int_equal(take(&p), KR_E_NOT_APPROVED);
}

/* Two keys do not make two persons. */
static void two_keys_of_one_are_one(void **state)
{
	struct kr_requestrow p = opened(2);
	struct kr_approval a = word(&p, BEN, YES);

	(void)state;
	strike_off(keys[BEN]);
	enrol(ANNA, keys[BEN]);
	snprintf(a.approver, sizeof(a.approver), "%s", names[ANNA]);
	assert_int_equal(says(&p, ANNA, YES), KR_OK);
	assert_int_equal(hand_in(&p, names[ANNA], &a, BEN, NOW + 1),
			 KR_E_APPROVAL_TWICE);
}

static void a_key_is_one_persons(void **state)
{
	struct kr_userkeyrow k = { .user = "kr-ben", .pem = "x" };
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	memcpy(k.keyid, kr_pubkey_keyid(kr_signer_pubkey(keys[ANNA])), 32);
	assert_true(kr_userkeyrow_add(host.store, &k, &e) < 0);
	assert_int_equal(e.kr, KR_E_EXISTS);
}

static void keys_that_are_not_enrolled(void **state)
{
	struct kr_requestrow p = opened(1);
	struct kr_approval a = word(&p, ANNA, YES);

	(void)state;
	strike_off(keys[ANNA]);
	assert_int_equal(says(&p, ANNA, YES), KR_E_APPROVAL_KEY);
	/* another's key under her key id, and under its own */
	enrol(ANNA, keys[ANNA]);
	assert_int_equal(hand_in(&p, names[ANNA], &a, BEN, NOW + 1),
			 KR_E_APPROVAL_KEY);
	memcpy(a.approver_keyid, kr_pubkey_keyid(kr_signer_pubkey(keys[BEN])),
	       32);
	assert_int_equal(hand_in(&p, names[ANNA], &a, BEN, NOW + 1),
			 KR_E_APPROVAL_KEY);
	assert_int_equal(hand_in(&p, names[BEN], &a, BEN, NOW + 1),
			 KR_E_APPROVAL_DIFFERS);
	assert_int_equal(words_about(&p), 0);
}

static void a_key_that_went_takes_its_words_along(void **state)
{
	struct kr_requestrow p = opened(1);

	(void)state;
	assert_int_equal(says(&p, ANNA, YES), KR_OK);
	strike_off(keys[ANNA]);
	assert_int_equal(take(&p), KR_E_APPROVAL_KEY);
	enrol(BEN, keys[ANNA]);
	assert_int_equal(take(&p), KR_E_APPROVAL_KEY);
	assert_int_equal(says(&p, DORA, YES), KR_OK);
	assert_int_equal(take(&p), KR_OK);
}

static void so_does_a_role(void **state)
{
	struct kr_requestrow p = opened(1);

	(void)state;
	assert_int_equal(says(&p, ANNA, YES), KR_OK);
	assert_int_equal(kr_userrow_del(host.store, names[ANNA], "approve",
					NULL), 0);
	assert_int_equal(take(&p), KR_E_NOT_APPROVED);
	assert_int_equal(says(&p, BEN, YES), KR_OK);
	assert_int_equal(take(&p), KR_OK);
}

/* ---- what a word is not for -------------------------------------------- */

#define M(member)	offsetof(struct kr_approval, member)
#define R(member)	offsetof(struct kr_requestrow, member)

static void words_about_something_else(void **state)
{
	static const size_t members[] = {
		M(request), M(vm), M(definition), M(epoch), M(from_name),
		M(from_keyid), M(to_name), M(to_keyid), M(policy.name),
		M(policy.version), M(policy.digest), M(requester), M(params),
	};
	struct kr_requestrow p = opened(1);

	(void)state;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		struct kr_approval a = word(&p, ANNA, YES);

		((char *)&a)[members[i]] ^= 1;
		assert_int_equal(hand_in(&p, names[ANNA], &a, ANNA, NOW + 1),
				 KR_E_APPROVAL_DIFFERS);
	}
	assert_int_equal(words_about(&p), 0);
}

/* Between approval and use: the VM, the way, the policy, or who asks. */
static void what_is_done_is_what_was_approved(void **state)
{
	static const size_t members[] = {
		R(vm), R(definition), R(epoch), R(to), R(to_keyid), R(policy),
		R(policy_version), R(policy_digest), R(requester),
	};
	struct kr_requestrow p = opened(1);

	(void)state;
	assert_int_equal(says(&p, ANNA, YES), KR_OK);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		struct kr_requestrow now = p;

		((char *)&now)[members[i]] ^= 1;
		assert_int_equal(take(&now), KR_E_APPROVAL_DIFFERS);
	}
	{
		struct kr_requestrow now = p;

		strcpy(now.params, "{\"strategy\":\"postcopy\"}");
		assert_int_equal(take(&now), KR_E_APPROVAL_DIFFERS);
		strcpy(now.requester, names[ANNA]);
		assert_int_equal(take(&now), KR_E_APPROVAL_SELF);
		now = p;
		now.id[0] ^= 1;
		assert_int_equal(take(&now), KR_E_NO_REQUEST);
	}
	assert_int_equal(take(&p), KR_OK);
}

/* The policy may have come to need more, and never less, than it did. */
static void the_greater_number_is_needed(void **state)
{
	struct kr_requestrow p = opened(1), q = opened(2), now;

	(void)state;
	assert_int_equal(says(&p, ANNA, YES), KR_OK);
	now = p;
	now.needed = 2;
	assert_int_equal(take(&now), KR_E_NOT_APPROVED);
	assert_int_equal(says(&p, BEN, YES), KR_OK);
	assert_int_equal(take(&now), KR_OK);
	assert_int_equal(says(&q, ANNA, YES), KR_OK);
	now = q;
	now.needed = 0;
	assert_int_equal(take(&now), KR_E_NOT_APPROVED);
}

/* ---- time -------------------------------------------------------------- */

static void words_expire(void **state)
{
	struct kr_requestrow p = opened(1);
	const struct kr_approval a = word(&p, ANNA, YES);

	(void)state;
	assert_int_equal(hand_in(&p, names[ANNA], &a, ANNA, NOW - 1),
			 KR_E_APPROVAL_TIME);
	assert_int_equal(hand_in(&p, names[ANNA], &a, ANNA, NOW + 5 * MINUTE),
			 KR_E_APPROVAL_TIME);
	assert_int_equal(hand_in(&p, names[ANNA], &a, ANNA, NOW), KR_OK);
	assert_int_equal(take_at(&p, NOW + 5 * MINUTE), KR_E_APPROVAL_TIME);
	assert_int_equal(take_at(&p, NOW + 5 * MINUTE - 1), KR_OK);
}

static void requests_expire(void **state)
{
	struct kr_requestrow p = opened(1), q = opened(1);
	struct kr_approval a = word(&p, ANNA, YES);

	(void)state;
	a.expires_ms = NOW + 60 * MINUTE;
	assert_int_equal(hand_in(&p, names[ANNA], &a, ANNA, NOW + 10 * MINUTE),
			 KR_E_REQUEST_OVER);
	assert_int_equal(hand_in(&p, names[ANNA], &a, ANNA, NOW + 10 * MINUTE - 1),
			 KR_OK);
	assert_int_equal(take_at(&p, NOW + 10 * MINUTE), KR_E_REQUEST_OVER);
	assert_int_equal(take_at(&p, NOW + 10 * MINUTE - 1), KR_OK);
	assert_int_equal(kr_requestrow_expire(host.store, NOW + 10 * MINUTE,
					      NULL), 0);
	assert_int_equal(state_of(&p), KR_REQUEST_USED);
	assert_int_equal(state_of(&q), KR_REQUEST_EXPIRED);
}

/* ---- limits ------------------------------------------------------------ */

static enum kr_code opens(struct kr_requestrow p, const json_t *params)
{
	struct kr_err e = KR_ERR_NONE;

	kr_requests_open(&host, &p, params, NOW, &e);
	return e.kr;
}

static void what_is_no_request(void **state)
{
	json_t *ok = json_object(), *large = json_object();
	struct kr_requestrow p = asked(0);
	char text[KR_REQUESTROW_PARAMS_MAX];

	(void)state;
	assert_int_equal(opens(p, ok), KR_E_USAGE);
	p = asked(KR_REQUESTS_NEEDED_MAX + 1);
	assert_int_equal(opens(p, ok), KR_E_USAGE);
	p = asked(1);
	p.expires_ms = NOW;
	assert_int_equal(opens(p, ok), KR_E_USAGE);
	p.expires_ms = NOW + KR_APPROVAL_LIFE_MS_MAX + 1;
	assert_int_equal(opens(p, ok), KR_E_USAGE);
	p.expires_ms--;
	strcpy(p.vm, "caf\xc3\xa9");
	assert_int_equal(opens(p, ok), KR_E_USAGE);
	p = asked(1);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	json_object_set_new(large, "x", json_string(text));
	assert_int_equal(opens(p, large), KR_E_LIMIT);
	assert_int_equal(opens(p, ok), KR_OK);
	json_decref(ok);
	json_decref(large);
}

static void so_many_wait_and_no_more(void **state)
{
	struct kr_requestrow p = asked(1), first = opened(1);
	json_t *params = json_object();

	(void)state;
	for (unsigned int i = 1; i < KR_REQUESTS_WAITING_MAX; i++)
		assert_int_equal(opens(p, params), KR_OK);
	assert_int_equal(opens(p, params), KR_E_LIMIT);
	assert_int_equal(says(&first, ANNA, NO), KR_OK);
	assert_int_equal(opens(p, params), KR_OK);
	assert_int_equal(opens(p, params), KR_E_LIMIT);
	json_decref(params);
}

static void garbage_is_no_word(void **state)
{
	static const char *const bad[] = {
		"", "{}", "[]", "null", "{\"payload\":\"\"}",
		"{\"payload\":\"e30=\",\"payloadType\":"
		"\"application/vnd.in-toto+json\",\"signatures\":"
		"[{\"keyid\":\"\",\"sig\":\"AAAA\"}]}",
	};
	struct kr_requestrow p = opened(1), over = opened(1);

	(void)state;
	assert_int_equal(withdraws(&over, names[CARL]), KR_OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct kr_err e = KR_ERR_NONE;

		assert_true(kr_requests_add_approval(&host, p.id, names[ANNA],
						     bad[i], NOW, &e) < 0);
		assert_int_equal(e.kr, KR_E_MALFORMED);
		/* nothing is read of his who asked, or when it is over */
		e = KR_ERR_NONE;
		assert_true(kr_requests_add_approval(&host, p.id, names[CARL],
						     bad[i], NOW, &e) < 0);
		assert_int_equal(e.kr, KR_E_APPROVAL_SELF);
		e = KR_ERR_NONE;
		assert_true(kr_requests_add_approval(&host, over.id,
						     names[ANNA], bad[i], NOW,
						     &e) < 0);
		assert_int_equal(e.kr, KR_E_REQUEST_OVER);
	}
}

#define T(fn)	cmocka_unit_test_setup_teardown(fn, setup, teardown)

/* ---- questions --------------------------------------------------------- */

#define BIT(cdi)	(1u << KR_CDI_##cdi)

static const struct kr_procedure migrate = {
	"migrate", KR_ITEM_VM, 0, BIT(RAM) | BIT(LOG), true, false
}, reload = {
	"policy.reload", KR_ITEM_NONE, 0, BIT(POLICY) | BIT(LOG), false, false
}, plan = {
	"plan", KR_ITEM_VM, BIT(RAM), BIT(LOG), true, false
}, show = {
	"vm.show", KR_ITEM_VM, BIT(DEFINITION), 0, false, false
}, withdraw_one = {
	"request.withdraw", KR_ITEM_NONE, BIT(LOG), BIT(LOG), false, false
};

static struct kr_book book = { .name = "strict", .version = 3 };

/* What kr_questions_put() returns, and the question's id. */
static int ask_at(const char *user, const struct kr_procedure *p,
		  const char *item, const char *to, uint64_t now_ms,
		  uint8_t id[16])
{
	struct kr_execution x = { .by = { .name = user }, .procedure = p,
				  .item = item, .to = to,
				  .tenant = p->on == KR_ITEM_VM ? "acme" :
								  NULL };

	host.book = &book;
	return kr_questions_put(&host, user, &x, now_ms, id, NULL);
}

static int ask(const char *user, const struct kr_procedure *p,
	       const char *item, const char *to, uint8_t id[16])
{
	return ask_at(user, p, item, to, NOW, id);
}

struct waiting { unsigned int approvals, questions; const char *of; };

static int count_waiting(void *arg, const struct kr_requestrow *p,
			 struct kr_err *e)
{
	struct waiting *w = arg;

	(void)e;
	if (p->state != KR_REQUEST_OPEN)
		return 0;
	/* what can be approved comes first, whatever came after it */
	assert_true(p->kind == KR_REQUEST_QUESTION || !w->questions);
	w->approvals += p->kind == KR_REQUEST_APPROVAL;
	w->questions += p->kind == KR_REQUEST_QUESTION &&
			(!w->of || !strcmp(p->requester, w->of));
	return 0;
}

static struct waiting waiting(const char *of)
{
	struct waiting w = { .of = of };

	assert_int_equal(kr_requestrow_each(host.store, UINT32_MAX,
					    count_waiting, &w, NULL), 0);
	return w;
}

static void a_question_says_what_was_asked(void **state)
{
	struct kr_requestrow row;
	uint8_t id[16];

	(void)state;
	assert_int_equal(ask("kr-carl", &migrate, "vm:web", "b", id), 0);
	assert_int_equal(kr_requestrow_get(host.store, id, &row, NULL), 0);
	assert_int_equal(row.kind, KR_REQUEST_QUESTION);
	assert_string_equal(row.requester, "kr-carl");
	assert_string_equal(row.procedure, "migrate");
	assert_string_equal(row.item, "vm:web");
	assert_string_equal(row.vm, "web");
	assert_string_equal(row.tenant, "acme");
	assert_string_equal(row.to, "b");
	assert_string_equal(row.policy, "strict");
	assert_int_equal(row.policy_version, 3);
	assert_int_equal(row.created_ms, NOW);
	assert_int_equal(ask("kr-carl", &reload, "", NULL, id), 0);
	assert_int_equal(kr_requestrow_get(host.store, id, &row, NULL), 0);
	assert_string_equal(row.vm, "");
}

static void the_same_question_is_one(void **state)
{
	uint8_t id[16], again[16];

	(void)state;
	n_told = 0;
	assert_int_equal(ask("kr-carl", &migrate, "vm:web", "b", id), 0);
	assert_int_equal(ask("kr-carl", &migrate, "vm:web", "b", again), 0);
	assert_memory_equal(id, again, 16);
	assert_int_equal(n_told, 1);
	assert_int_equal(ask("kr-carl", &plan, "vm:web", "b", again), 0);
	assert_int_equal(ask("kr-carl", &migrate, "vm:web", "c", again), 0);
	assert_int_equal(ask("kr-carl", &migrate, "vm:web", NULL, again), 0);
	assert_int_equal(ask("kr-anna", &migrate, "vm:web", "b", again), 0);
	assert_int_equal(waiting(NULL).questions, 5);
	/* a day later it is another */
	assert_int_equal(ask_at("kr-carl", &migrate, "vm:web", "b",
				NOW + KR_QUESTIONS_MS, again), 0);
	assert_memory_not_equal(id, again, 16);
	assert_int_equal(waiting(NULL).questions, 1);
}

static void looks_and_no_names_are_none(void **state)
{
	static const char *const items[] = { "vm:a\nb", "vm:a b", "vm:\x1b[2J" };
	char name[100];
	uint8_t id[16];

	(void)state;
	assert_int_equal(ask("kr-carl", &show, "vm:web", NULL, id),
			 KR_QUESTIONS_NONE);
	assert_int_equal(ask("kr-carl", &withdraw_one, "", NULL, id),
			 KR_QUESTIONS_NONE);
	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		assert_int_equal(ask("kr-carl", &migrate, items[i], "b", id),
				 KR_QUESTIONS_NONE);
		assert_int_equal(ask("kr-carl", &migrate, "vm:web", items[i],
				     id), KR_QUESTIONS_NONE);
	}
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(ask("kr-carl", &migrate, "vm:web", name, id),
			 KR_QUESTIONS_NONE);
	assert_int_equal(waiting(NULL).questions, 0);
}

static void nobody_approves_a_question(void **state)
{
	struct kr_requestrow p = opened(1), q = { .needed = 1 };
	struct kr_approval a = word(&p, ANNA, YES);
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	assert_int_equal(ask("kr-carl", &migrate, "vm:web", "b", q.id), 0);
	assert_int_equal(hand_in(&q, names[ANNA], &a, ANNA, NOW + 1),
			 KR_E_QUESTION);
	assert_int_equal(take(&q), KR_E_QUESTION);
	assert_true(kr_requests_close_question(&host, p.id, names[ANNA], NOW,
					       &e) < 0);
	assert_int_equal(e.kr, KR_E_NOT_APPROVED);
	assert_int_equal(state_of(&p), KR_REQUEST_OPEN);
	assert_int_equal(state_of(&q), KR_REQUEST_OPEN);
	/* it is closed once, by who asked as by anybody else */
	assert_int_equal(kr_requests_close_question(&host, q.id, "kr-carl",
						    NOW, NULL), 0);
	assert_int_equal(state_of(&q), KR_REQUEST_DENIED);
	e = KR_ERR_NONE;
	assert_true(kr_requests_close_question(&host, q.id, names[ANNA], NOW,
					       &e) < 0);
	assert_int_equal(e.kr, KR_E_REQUEST_OVER);
}

/* A flood of one, then of many: the newest stay, and all that is approved. */
static void a_flood_of_questions_is_bounded(void **state)
{
	struct kr_requestrow p = opened(1), row;
	char user[32], item[32];
	uint8_t first[16], last[16];

	(void)state;
	assert_int_equal(ask("kr-anna", &migrate, "vm:web", "b", first), 0);
	for (unsigned int i = 0; i < 300; i++) {
		snprintf(item, sizeof(item), "vm:web%u", i);
		assert_int_equal(ask("kr-carl", &migrate, item, "b", last), 0);
	}
	assert_int_equal(waiting("kr-carl").questions, KR_QUESTIONS_OWN_MAX);
	assert_int_equal(waiting(NULL).questions, KR_QUESTIONS_OWN_MAX + 1);
	assert_int_equal(kr_requestrow_get(host.store, last, &row, NULL), 0);
	assert_int_equal(kr_requestrow_get(host.store, first, &row, NULL), 0);
	for (unsigned int i = 0; i < 300; i++) {
		snprintf(user, sizeof(user), "user%u", i);
		assert_int_equal(ask(user, &migrate, "vm:web", "b", last), 0);
	}
	assert_int_equal(waiting(NULL).questions, KR_QUESTIONS_MAX);
	assert_int_equal(waiting(NULL).approvals, 1);
	assert_int_equal(kr_requestrow_get(host.store, first, &row, NULL),
			 -ENOENT);
	/* nor do they take the room of what others have to approve */
	opened(1);
	assert_int_equal(says(&p, ANNA, YES), KR_OK);
	assert_int_equal(take(&p), KR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_question_says_what_was_asked), T(the_same_question_is_one),
		T(looks_and_no_names_are_none), T(nobody_approves_a_question),
		T(a_flood_of_questions_is_bounded),
		T(one_of_one), T(two_of_two), T(one_use_and_no_more),
		T(a_use_that_is_rolled_back_was_none), T(who_denies_ends_it),
		T(who_asked_withdraws_it),
		T(a_denial_is_no_approval),
		T(nobody_approves_his_own), T(twice_the_same_is_once),
		T(two_keys_of_one_are_one), T(a_key_is_one_persons),
		T(keys_that_are_not_enrolled),
		T(a_key_that_went_takes_its_words_along), T(so_does_a_role),
		T(words_about_something_else),
		T(what_is_done_is_what_was_approved),
		T(the_greater_number_is_needed), T(words_expire),
		T(requests_expire), T(what_is_no_request),
		T(so_many_wait_and_no_more), T(garbage_is_no_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
