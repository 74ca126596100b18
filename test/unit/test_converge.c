/* SPDX-License-Identifier: Apache-2.0 */
/* test_converge.c - when the limit rises, and to what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/converge.h"

#define MIB	(1ull << 20)
#define BYTES_S	(100 * MIB)

/* A pass that finds @left dirty; before it all that was left was sent. */
static bool pass(struct kr_converge *c, uint64_t left)
{
	struct kr_converge_pass p = c->last;

	p.rounds++;
	p.sent_bytes += c->last.left_bytes;
	p.at_ns += c->last.left_bytes * 1000000000ull / BYTES_S + 1;
	p.left_bytes = left;
	return kr_converge_feed(c, &p);
}

static void start(struct kr_converge *c, uint32_t max_ms)
{
	kr_converge_init(c, max_ms);
	assert_false(pass(c, 1024 * MIB));
}

static void a_copy_that_falls_keeps_the_low_limit(void **state)
{
	struct kr_converge c;

	(void)state;
	start(&c, 0);
	assert_int_equal(c.told_ms, KR_CONVERGE_FIRST_MS);
	for (uint64_t left = 512 * MIB; left > MIB; left /= 2)
		assert_false(pass(&c, left));
	assert_int_equal(c.state, KR_CONVERGING_YES);
	assert_int_equal(c.told_ms, KR_CONVERGE_FIRST_MS);
}

static void throughput_is_that_of_the_passes(void **state)
{
	struct kr_converge c;

	(void)state;
	start(&c, 0);
	for (int i = 0; i < 4; i++)
		pass(&c, 50 * MIB);
	assert_in_range(c.bytes_s, BYTES_S / 100 * 99, BYTES_S / 100 * 101);
	assert_in_range(c.needs_ms, 545, 555);
}

static void a_stall_allows_what_the_least_needs(void **state)
{
	struct kr_converge c;

	(void)state;
	start(&c, 0);
	assert_false(pass(&c, 60 * MIB));
	assert_false(pass(&c, 50 * MIB));	/* falls */
	assert_false(pass(&c, 48 * MIB));	/* too little */
	assert_false(pass(&c, 70 * MIB));
	assert_int_equal(c.state, KR_CONVERGING_YES);
	assert_true(pass(&c, 52 * MIB));
	assert_int_equal(c.state, KR_CONVERGING_STALLED);
	assert_in_range(c.told_ms, 590, 610);	/* 48 MiB and a quarter */
}

static void the_limit_is_hard(void **state)
{
	struct kr_converge c;

	(void)state;
	start(&c, 300);
	for (int i = 0; i < 3; i++)
		assert_false(pass(&c, 90 * MIB));
	assert_true(pass(&c, 90 * MIB));
	assert_int_equal(c.told_ms, 300 - KR_CONVERGE_HANDOVER_MS);
	assert_int_equal(c.state, KR_CONVERGING_STALLED);
	for (int i = 0; i < 3; i++)
		assert_false(pass(&c, 90 * MIB));
	assert_int_equal(c.state, KR_CONVERGING_NO);
	assert_in_range(c.needs_ms, 940, 960);
	assert_int_equal(c.told_ms, 300 - KR_CONVERGE_HANDOVER_MS);
}

static void no_limit_is_ever_exceeded(void **state)
{
	static const uint32_t asked[] = {
		1, 2, 49, 50, 51, 99, 100, 101, 300, 1999, 2000, 3600000,
	};
	struct kr_converge c;

	(void)state;
	for (size_t k = 0; k < sizeof(asked) / sizeof(asked[0]); k++) {
		start(&c, asked[k]);
		assert_in_range(c.told_ms, 1, asked[k]);
		for (uint64_t i = 0; i < 300; i++) {
			pass(&c, (64 + i * i * 7919 % 4096) * MIB);
			assert_in_range(c.told_ms, 1, asked[k]);
		}
		assert_int_equal(c.state, KR_CONVERGING_NO);
	}
}

static void what_did_not_suffice_is_raised(void **state)
{
	struct kr_converge c;
	uint32_t before = 0;

	(void)state;
	start(&c, 0);
	pass(&c, 10 * MIB);	/* once, and never again */
	for (int i = 0; i < 40; i++) {
		if (pass(&c, 80 * MIB))
			assert_true(c.told_ms > before);
		before = c.told_ms;
	}
	assert_int_equal(c.told_ms, 2000 - KR_CONVERGE_HANDOVER_MS);
}

static void a_fall_ends_a_no(void **state)
{
	struct kr_converge c;

	(void)state;
	start(&c, 100);
	for (int i = 0; i < 8; i++)
		pass(&c, 90 * MIB);
	assert_int_equal(c.state, KR_CONVERGING_NO);
	pass(&c, 20 * MIB);
	assert_int_equal(c.state, KR_CONVERGING_STALLED);
}

static void a_short_limit_is_shared_with_the_hand_over(void **state)
{
	struct kr_converge c;

	(void)state;
	kr_converge_init(&c, 20);
	assert_int_equal(c.told_ms, 10);
	kr_converge_init(&c, 1);
	assert_int_equal(c.told_ms, 1);
}

static void strange_words_do_no_harm(void **state)
{
	struct kr_converge_pass p = { 5, UINT64_MAX, UINT64_MAX, 0 };
	struct kr_converge c;

	(void)state;
	start(&c, 0);
	assert_false(kr_converge_feed(&c, &p));		/* no time passed */
	p.rounds = 5;
	assert_false(kr_converge_feed(&c, &p));		/* known */
	for (int i = 0; i < 9; i++) {
		p.rounds++;
		p.sent_bytes = 0;
		p.left_bytes = i % 2 ? 0 : UINT64_MAX;
		kr_converge_feed(&c, &p);
		assert_true(c.told_ms < 2000);
	}
	p.rounds = 1;
	assert_false(kr_converge_feed(&c, &p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_that_falls_keeps_the_low_limit),
		cmocka_unit_test(throughput_is_that_of_the_passes),
		cmocka_unit_test(a_stall_allows_what_the_least_needs),
		cmocka_unit_test(the_limit_is_hard),
		cmocka_unit_test(no_limit_is_ever_exceeded),
		cmocka_unit_test(what_did_not_suffice_is_raised),
		cmocka_unit_test(a_fall_ends_a_no),
		cmocka_unit_test(a_short_limit_is_shared_with_the_hand_over),
		cmocka_unit_test(strange_words_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
