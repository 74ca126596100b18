/* SPDX-License-Identifier: Apache-2.0 */
/* test_requests.c - what one asks for and others allow: its life, its limits. */
#include "requests_stand.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(one_of_one),
		T(two_of_two),
		T(one_use_and_no_more),
		T(a_use_that_is_rolled_back_was_none),
		T(who_denies_ends_it),
		T(who_asked_withdraws_it),
		T(a_denial_is_no_approval),
		T(words_expire),
		T(requests_expire),
		T(what_is_no_request),
		T(so_many_wait_and_no_more),
		T(garbage_is_no_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
