/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_executed.c - every procedure, and the request of the access model that
 * it comes to; what those rules say to it is what counts, whatever the triples.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/executed.h"

/* All that come to one; a new procedure is here, or changes nothing. */
static const struct { enum kr_tp tp; enum kr_ask_kind kind; } asks[] = {
	{ KR_TP_host_add, KR_ASK_GET }, { KR_TP_host_remove, KR_ASK_GET },
	{ KR_TP_trust_add, KR_ASK_GET }, { KR_TP_trust_remove, KR_ASK_GET },
	{ KR_TP_user_grant, KR_ASK_GIVE }, { KR_TP_user_key_add, KR_ASK_GIVE },
	{ KR_TP_user_revoke, KR_ASK_RESCIND },
	{ KR_TP_user_key_remove, KR_ASK_RESCIND },
	{ KR_TP_reference_add, KR_ASK_GET },
	{ KR_TP_reference_remove, KR_ASK_GET },
	{ KR_TP_attest_enrol, KR_ASK_GET }, { KR_TP_attest_forget, KR_ASK_GET },
	{ KR_TP_policy_reload, KR_ASK_GET },
	{ KR_TP_vm_define, KR_ASK_GET }, { KR_TP_vm_start, KR_ASK_GET },
	{ KR_TP_vm_stop, KR_ASK_GET }, { KR_TP_vm_remove, KR_ASK_GET },
	{ KR_TP_migrate, KR_ASK_GET }, { KR_TP_cancel, KR_ASK_GET },
	{ KR_TP_recover, KR_ASK_GET }, { KR_TP_receive, KR_ASK_GET },
};
#define N_ASKS	(sizeof(asks) / sizeof(asks[0]))

static enum kr_ask_kind expected(enum kr_tp tp)
{
	for (size_t i = 0; i < N_ASKS; i++)
		if (asks[i].tp == tp)
			return asks[i].kind;
	return KR_ASK_N;
}

static void each_is_asked(void **state)
{
	(void)state;
	for (enum kr_tp tp = 0; tp < KR_TP_N; tp++) {
		const struct kr_procedure *p = kr_procedure(tp);

		if (kr_executed_ask(p) != expected(tp))
			fail_msg("%s: %u, not %u", p->name,
				 kr_executed_ask(p), expected(tp));
	}
}

static void by_the_rules(void **state)
{
	const struct kr_class low = { KR_LEVEL_USER_AGENT, 1 };
	const struct kr_class high = { KR_LEVEL_TPM, 1 };
	const struct kr_class other = { KR_LEVEL_TPM, 2 };

	(void)state;
	for (enum kr_tp tp = 0; tp < KR_TP_N; tp++) {
		const struct kr_procedure *p = kr_procedure(tp);
		bool writes = expected(tp) != KR_ASK_N;
		bool changes_him = writes && expected(tp) != KR_ASK_GET;
		struct kr_decision d = kr_executed_decide(p, low, high, false);

		assert_int_equal(d.answer, writes ? KR_NO : KR_YES);
		assert_int_equal(d.failed, writes ? 1u << KR_COND_NO_WRITE_UP :
						    0);
		d = kr_executed_decide(p, other, high, false);
		assert_int_equal(d.answer, writes ? KR_NO : KR_YES);
		assert_int_equal(kr_executed_decide(p, low, low, false).answer,
				 KR_YES);
		assert_int_equal(kr_executed_decide(p, high, low, false).answer,
				 KR_YES);
		d = kr_executed_decide(p, high, low, true);
		assert_int_equal(d.answer, changes_him ? KR_NO : KR_YES);
		assert_int_equal(d.failed,
				 changes_him ? 1u << KR_COND_NOT_ITSELF : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_asked),
		cmocka_unit_test(by_the_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
