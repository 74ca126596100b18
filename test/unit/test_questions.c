/* SPDX-License-Identifier: Apache-2.0 */
/* test_questions.c - what needs consent becomes a question, which is one request. */
#include <errno.h>

#include "daemon/questions.h"
#include "requests_stand.h"

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
		T(a_question_says_what_was_asked),
		T(the_same_question_is_one),
		T(looks_and_no_names_are_none),
		T(nobody_approves_a_question),
		T(a_flood_of_questions_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
