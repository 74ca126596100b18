/* SPDX-License-Identifier: Apache-2.0 */
/* test_qmpverb.c - what QEMU is given, and on which order alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "hyper/qmpverb.h"
#include "policy/access.h"

#define TYPES	((unsigned int)KR_QMP_OWN_END_)

/* What an order does with the VM; KR_ACCESS_N for commands of our own. */
static enum kr_access access_of(unsigned int type)
{
	static const enum kr_access accesses[] = {
#define X(name, access) KR_ACCESS_##access,
		KR_HYPER_COMMANDS(X)
#undef X
	};

	return type < KR_HYPER_COMMAND_END_ ?
	       accesses[type - KR_HYPER_COMMANDS_ - 1] : KR_ACCESS_N;
}

static void each_has_an_order(void **state)
{
	(void)state;
	for (unsigned int v = 0; v < KR_QMPVERB_N; v++) {
		assert_true(kr_qmpverb_orders((enum kr_qmpverb)v));
		for (unsigned int o = 0; o < v; o++)
			assert_string_not_equal(
				kr_qmpverb_name((enum kr_qmpverb)v),
				kr_qmpverb_name((enum kr_qmpverb)o));
	}
}

/* What an order that asks nothing of the VM may not come to. */
static void what_touches_it_is_of_an_order_that_does(void **state)
{
	static const enum kr_qmpverb touch[] = {
		KR_QMPVERB_MIGRATE, KR_QMPVERB_SWITCH, KR_QMPVERB_SAMPLE,
		KR_QMPVERB_START_POSTCOPY, KR_QMPVERB_RECOVER,
		KR_QMPVERB_TEAR, KR_QMPVERB_CANCEL, KR_QMPVERB_RUN,
		KR_QMPVERB_ANNOUNCE, KR_QMPVERB_STOP, KR_QMPVERB_QUIT,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(touch) / sizeof(touch[0]); i++)
		for (unsigned int t = KR_HYPER_OPEN; t < TYPES; t++)
			assert_false(access_of(t) == KR_ACCESS_NOTHING &&
				     kr_qmpverb_may(touch[i], (uint16_t)t));
}

static void to_run_is_of_run_alone(void **state)
{
	(void)state;
	for (unsigned int t = 0; t <= TYPES; t++)
		assert_int_equal(kr_qmpverb_may(KR_QMPVERB_RUN, (uint16_t)t),
				 t == KR_HYPER_RUN);
}

static void nothing_is_of_no_order(void **state)
{
	(void)state;
	for (unsigned int v = 0; v < KR_QMPVERB_N; v++) {
		assert_false(kr_qmpverb_may((enum kr_qmpverb)v, 0));
		assert_false(kr_qmpverb_may((enum kr_qmpverb)v,
					    KR_HYPER_COMMANDS_));
		assert_false(kr_qmpverb_may((enum kr_qmpverb)v,
					    KR_QMP_OWN_END_));
		assert_false(kr_qmpverb_may((enum kr_qmpverb)v, UINT16_MAX));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_has_an_order),
		cmocka_unit_test(what_touches_it_is_of_an_order_that_does),
		cmocka_unit_test(to_run_is_of_run_alone),
		cmocka_unit_test(nothing_is_of_no_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
