/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_appraisemsg.c - evidence and its judgement, byte for byte, and what is
 * refused of both.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "attest/appraisemsg.h"

#define BINDING	(5 * 32 + 1 + 2)	/* bytes of one for no VM */

/* A binding of zeros; no quote, no signature, no PCR, no log. */
static size_t nothing_said(uint8_t b[256])
{
	memset(b, 0, 256);
	b[BINDING + 9] = 0x0b;		/* SHA-256 */
	return BINDING + 4 + 4 + 6 + 4;
}

static int parsed(const uint8_t *b, size_t n)
{
	struct kr_appraise_said s;
	struct kr_rd r = KR_RD(b, n);
	struct kr_err e = KR_ERR_NONE;
	int rc = kr_said_parse(&r, &s, &e);

	assert_int_equal(rc ? KR_E_QUOTE : KR_OK, e.kr);
	return rc;
}

static void evidence_is_as_specified(void **state)
{
	struct kr_appraise_said s = { .quote = (const uint8_t *)"Q",
		.n_quote = 1, .sig = (const uint8_t *)"S", .n_sig = 1,
		.log = (const uint8_t *)"L", .n_log = 1,
		.pcrs = { .bank = KR_BANK_SHA256, .mask = 2 },
		.binding = { .role = KR_TARGET, .vm = "w" } };
	static const uint8_t tail[] = { 1, 0, 1, 'w', 0, 0, 0, 1, 'Q', 0, 0, 0,
					1, 'S', 0, 0x0b, 0, 0, 0, 2 };
	uint8_t buf[512];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	(void)state;
	s.pcrs.value[1][31] = 9;
	kr_said_put(&w, &s);
	assert_int_equal(kr_wr_len(&w), 160 + sizeof(tail) + 32 + 5);
	assert_memory_equal(buf + 160, tail, sizeof(tail));
	assert_int_equal(buf[160 + sizeof(tail) + 31], 9);
	for (size_t n = 0; n <= kr_wr_len(&w) + 1; n++)
		assert_int_equal(!parsed(buf, n), n == kr_wr_len(&w));
}

/* Each is refused before anything of that size is there. */
static void evidence_beyond_limits_is_refused(void **state)
{
	uint8_t b[256];
	size_t n = nothing_said(b);

	(void)state;
	assert_int_equal(parsed(b, n), 0);
	b[BINDING + 2] = 0xff;			/* of the quote */
	assert_true(parsed(b, n) < 0);
	n = nothing_said(b);
	b[BINDING + 9] = 0x04;			/* SHA-1 */
	assert_true(parsed(b, n) < 0);
	n = nothing_said(b);
	b[BINDING + 10] = 1;			/* PCR 24 */
	assert_true(parsed(b, n) < 0);
	n = nothing_said(b);
	b[n - 4] = 0xff;			/* of the log */
	assert_true(parsed(b, n) < 0);
	n = nothing_said(b);
	b[5 * 32] = KR_SIDE_N;			/* no role */
	assert_true(parsed(b, n) < 0);
}

static int judged(const uint8_t *b, size_t n)
{
	static struct kr_appraisal a;
	struct kr_rd r = KR_RD(b, n);
	struct kr_err e = KR_ERR_NONE;
	int rc = kr_appraisal_parse(&r, &a, &e);

	assert_int_equal(rc ? KR_E_AGENT_SPOKE : KR_OK, e.kr);
	return rc;
}

/* What an agent that was taken over may say: never that all is well and not. */
static void a_judgement_does_not_contradict_itself(void **state)
{
	uint8_t b[128] = { KR_TIER_AFFIRMING, 2, 2 };
	const size_t n = 3 + 17 + 2 + 4 + 4 + 1;

	(void)state;
	assert_int_equal(judged(b, n), 0);
	for (size_t i = 0; i < n; i++)
		assert_true(judged(b, i) < 0);
	b[0] = KR_TIER_WARNING;			/* and nothing deviates */
	assert_true(judged(b, n) < 0);
	b[n - 1] = 1;
	memcpy(b + n, (uint8_t[]){ 0x08, 0x45, 4, 0, 0, 0, 0, 0, 0 }, 9);
	assert_int_equal(judged(b, n + 9), 0);	/* KR-2117, PCR 4 */
	b[0] = KR_TIER_AFFIRMING;
	assert_true(judged(b, n + 9) < 0);
	b[0] = KR_TIER_WARNING;
	b[n] = 0xff;				/* no code of ours */
	assert_true(judged(b, n + 9) < 0);
	b[n] = 0x08;
	b[n + 2] = KR_PCRS + 1;
	assert_true(judged(b, n + 9) < 0);
	b[n + 2] = 4;
	b[n - 1] = KR_DEVIATIONS_MAX + 1;
	assert_true(judged(b, n + 9) < 0);
}

static void a_question_is_as_it_was(void **state)
{
	static struct kr_appraiseask a = { .ak = { .b = "AK", .n = 2 },
		.mask = 0x97, .reference = "{}" }, again;
	static uint8_t buf[KR_APPRAISEMSG_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_rd r;

	(void)state;
	kr_appraiseask_put(&w, &a);
	for (size_t n = 0; n <= kr_wr_len(&w); n++) {
		r = KR_RD(buf, n);
		assert_int_equal(!kr_appraiseask_parse(&r, &again, NULL),
				 n == kr_wr_len(&w));
	}
	assert_int_equal(again.mask, a.mask);
	assert_string_equal(again.reference, a.reference);
	/* the longest document there may be fits */
	memset(a.reference, ' ', KR_REFERENCE_BYTES_MAX);
	w = KR_WR(buf, sizeof(buf));
	kr_appraiseask_put(&w, &a);
	assert_false(w.bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(evidence_is_as_specified),
		cmocka_unit_test(evidence_beyond_limits_is_refused),
		cmocka_unit_test(a_judgement_does_not_contradict_itself),
		cmocka_unit_test(a_question_is_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
