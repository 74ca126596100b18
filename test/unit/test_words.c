/* SPDX-License-Identifier: Apache-2.0 */
/* test_words.c - every way in which a signed word about a request does not count. */
#include "requests_stand.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(nobody_approves_his_own),
		T(twice_the_same_is_once),
		T(two_keys_of_one_are_one),
		T(a_key_is_one_persons),
		T(keys_that_are_not_enrolled),
		T(a_key_that_went_takes_its_words_along),
		T(so_does_a_role),
		T(words_about_something_else),
		T(what_is_done_is_what_was_approved),
		T(the_greater_number_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
