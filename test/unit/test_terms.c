/* SPDX-License-Identifier: Apache-2.0 */
/* test_terms.c - terms as bytes, and back; which there are none of. */
#include "statement_stand.h"

static int get(const uint8_t *b, size_t n, struct kr_terms *ret)
{
	struct kr_rd r = KR_RD(b, n);
	struct kr_err e = KR_ERR_NONE;
	int x = kr_terms_get(&r, ret, &e);

	if (x < 0)
		assert_int_equal(e.kr, KR_E_MALFORMED);
	else
		assert_true(kr_rd_done(&r));
	return x;
}

static void terms_round_trip(void **state)
{
	const struct kr_terms t = sample();
	uint8_t b[KR_TERMS_BYTES_MAX], again[KR_TERMS_BYTES_MAX];
	struct kr_terms back;
	struct kr_wr w = KR_WR(b, sizeof(b));
	struct kr_wr w2 = KR_WR(again, sizeof(again));
	struct kr_rd r;
	size_t n;

	(void)state;
	kr_terms_put(&w, &t);
	assert_false(w.bad);
	n = kr_wr_len(&w);
	r = KR_RD(b, n);
	assert_int_equal(kr_terms_get(&r, &back, NULL), 0);
	assert_true(kr_rd_done(&r));
	kr_terms_put(&w2, &back);
	assert_int_equal(kr_wr_len(&w2), n);
	assert_memory_equal(b, again, n);
	for (size_t i = 0; i < n; i++) {
		struct kr_err e = KR_ERR_NONE;

		r = KR_RD(b, i);
		assert_true(kr_terms_get(&r, &back, &e) < 0);
		assert_int_equal(e.kr, KR_E_MALFORMED);
	}
	b[0] = 9;
	r = KR_RD(b, n);
	assert_true(kr_terms_get(&r, &back, NULL) < 0);
}

static void largest_terms_fit(void **state)
{
	struct kr_terms t;
	uint8_t b[KR_TERMS_BYTES_MAX];
	char out[KR_STATEMENT_BYTES_MAX];
	struct kr_wr w = KR_WR(b, sizeof(b));
	size_t n;

	(void)state;
	t = early();
#define FILL(a)	(memset((a), '"', sizeof(a) - 1), (a)[sizeof(a) - 1] = '\0')
	FILL(t.vm);
	FILL(t.from_name);
	FILL(t.to_name);
	FILL(t.requested_by);
	FILL(t.from_policy.name);
	FILL(t.to_policy.name);
	t.from_policy.version = t.to_policy.version = UINT32_MAX;
	t.approvals = UINT8_MAX;
	FILL(t.strategy);
	FILL(t.protection.control_tls);
	FILL(t.protection.control_suite);
	FILL(t.protection.lane_suite);
	FILL(t.protection.attestation);
	t.epoch = t.total_ms = t.downtime_us = t.wire_bytes =
		t.stream.ram_bytes = t.stream.stream_bytes = t.from_log.size =
			t.to_log.size = t.predicted.total_ms =
			t.predicted.downtime_ms = t.predicted.wire_bytes =
			t.postcopy.owed_pages = t.postcopy.late_pages =
			t.postcopy.complete_ms = t.postcopy.stream_bytes =
			KR_TERMS_NUMBER_MAX;
	t.rounds = t.postcopy.recoveries = UINT32_MAX;
	t.throttle = true;
	strcpy(t.predicted.basis, KR_BASIS_HISTORY);
	kr_terms_put(&w, &t);
	assert_false(w.bad);
	for (unsigned int k = 0; k < KR_STATEMENT_N; k++)
		assert_int_equal(kr_statement_build(k, &t, out, &n, NULL), 0);
}

static void unsayable_terms(void **state)
{
	struct kr_terms t = sample();
	char out[KR_STATEMENT_BYTES_MAX];
	size_t n;

	(void)state;
	t.epoch = KR_TERMS_NUMBER_MAX + 1;
	assert_true(kr_terms_check(&t, NULL) < 0);
	assert_true(kr_statement_build(KR_STATEMENT_OFFER, &t, out, &n, NULL) <
		    0);
	t = early();
	t.postcopy.stream_bytes = KR_TERMS_NUMBER_MAX + 1;
	assert_true(kr_terms_check(&t, NULL) < 0);
	t = sample();
	t.vm[0] = '\n';
	assert_true(kr_terms_check(&t, NULL) < 0);
	t = sample();
	memset(t.vm, 'a', sizeof(t.vm));
	assert_true(kr_terms_check(&t, NULL) < 0);
}

/* ---- post-copy ---------------------------------------------------------- */

#define POSTCOPY_BYTES	(1 + 1 + 8 + 8 + 8 + 4 + 32 + 8)

static void terms_of_postcopy(void **state)
{
	static const uint8_t golden[POSTCOPY_BYTES - 40] = {
		1, 5,
		0, 0, 0, 0, 0, 0, 0x02, 0xbc,
		0, 0, 0, 0, 0, 0, 0x02, 0xc7,
		0, 0, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x05,
		0, 0, 0, 2,
	};
	uint8_t b[KR_TERMS_BYTES_MAX];
	struct kr_terms t = early(), back;
	struct kr_wr w = KR_WR(b, sizeof(b));
	size_t n, at;

	(void)state;
	t.postcopy.lost = true;
	kr_terms_put(&w, &t);
	n = kr_wr_len(&w);
	at = n - POSTCOPY_BYTES;
	assert_int_equal(b[0], 4);
	assert_memory_equal(b + at, golden, sizeof(golden));
	assert_int_equal(b[at + sizeof(golden)], 0xdd);
	assert_int_equal(get(b, n, &back), 0);
	assert_true(back.postcopy.early && back.postcopy.lost);
	assert_int_equal(back.postcopy.owed_pages, 700);
	assert_int_equal(back.postcopy.late_pages, 711);
	assert_int_equal(back.postcopy.complete_ms, 1700000000005);
	assert_int_equal(back.postcopy.recoveries, 2);
	assert_int_equal(back.postcopy.stream_bytes, 2900000);
	assert_memory_equal(back.postcopy.ram_root, t.postcopy.ram_root, 32);
	for (size_t i = 0; i < n; i++)
		assert_true(get(b, i, &back) < 0);
	for (unsigned int flag = 0; flag < 2; flag++) {
		b[at + flag] = flag ? 6 : 2;	/* nothing is that */
		assert_true(get(b, n, &back) < 0);
		b[at + flag] = 1;
	}
	for (size_t i = 2; i < 26; i += 8) {	/* numbers: 2^53 */
		b[at + i + 1] = 0x20;
		assert_true(get(b, n, &back) < 0);
		b[at + i + 1] = 0;
	}
	assert_int_equal(get(b, n, &back), 0);
}

/* Without it nothing of it is kept, and there is one way to write that. */
static void what_was_last_is_root_and_length(void **state)
{
	struct kr_terms t = early(), u = early();

	(void)state;
	assert_true(kr_terms_tells_last(&t) && kr_terms_same_last(&t, &u));
	u.postcopy.stream_bytes++;
	assert_false(kr_terms_same_last(&t, &u));
	u.postcopy.stream_bytes = 0;	/* half of it is no silence */
	assert_true(kr_terms_tells_last(&u));
	u = t;
	u.postcopy.ram_root[31]++;
	assert_false(kr_terms_same_last(&t, &u));
	memset(u.postcopy.ram_root, 0, 32);
	assert_true(kr_terms_tells_last(&u));
	kr_terms_forget_last(&u);
	assert_false(kr_terms_tells_last(&u));
	assert_int_equal(u.postcopy.owed_pages, t.postcopy.owed_pages);
}

static void terms_that_never_were_early(void **state)
{
	uint8_t b[KR_TERMS_BYTES_MAX];
	struct kr_terms t = early(), back;
	struct kr_wr w = KR_WR(b, sizeof(b));
	size_t n;

	(void)state;
	t.postcopy.early = false;
	kr_terms_put(&w, &t);
	assert_int_equal(b[0], 3);
	w = KR_WR(b, sizeof(b));
	t.throttle = true;
	kr_terms_put(&w, &t);
	n = kr_wr_len(&w);
	assert_int_equal(b[0], 4);
	assert_int_equal(b[n - 1], 0);
	assert_int_equal(get(b, n, &back), 0);
	assert_int_equal(back.postcopy.owed_pages, 0);
	b[n - 2] = 0;		/* nor the throttle: then it is version 3 */
	assert_true(get(b, n, &back) < 0);
	b[n - 1] = 1;		/* early, and then nothing */
	assert_true(get(b, n, &back) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(terms_round_trip),
		cmocka_unit_test(largest_terms_fit),
		cmocka_unit_test(unsayable_terms),
		cmocka_unit_test(terms_of_postcopy),
		cmocka_unit_test(what_was_last_is_root_and_length),
		cmocka_unit_test(terms_that_never_were_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
