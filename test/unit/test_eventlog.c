/* SPDX-License-Identifier: Apache-2.0 */
/* test_eventlog.c - event logs: a real one to its PCRs, and hostile ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "eventlog_made.h"

#define N(a)	(sizeof(a) / sizeof((a)[0]))

static struct kr_eventlog *parsed(const uint8_t *b, size_t n)
{
	struct kr_eventlog *l = NULL;
	struct kr_err e = KR_ERR_NONE;

	if (kr_eventlog_parse(b, n, &l, &e))
		fail_msg("%s", e.what);
	return l;
}

static void refused(const uint8_t *b, size_t n, enum kr_code want)
{
	struct kr_eventlog *l = NULL;
	struct kr_err e = KR_ERR_NONE;

	assert_true(kr_eventlog_parse(b, n, &l, &e) < 0);
	assert_int_equal(e.kr, want);
	assert_null(l);
}

/* ---- a machine that booted ---------------------------------------------- */

static void a_real_log_leads_to_its_tpms_pcrs(void **state)
{
	/* over the values of the same PCRs in the TPM's other banks */
	static const char *const others[KR_BANK_N] = {
		[KR_BANK_SHA384] = "f4c6cf3b71775b1c36a553bc05c98ef9"
				   "25ae04537f899276b9a86106153a0101",
		[KR_BANK_SHA512] = "1c2ab8a83687a9894c1d6e98c6ad1c41"
				   "35241154a427222c790535633811c707",
	};
	size_t n;
	uint8_t *b = real_log(&n), want[32], got[32];
	struct kr_eventlog *l = parsed(b, n);
	struct kr_pcrs p;

	(void)state;
	assert_int_equal(kr_eventlog_replay(l, KR_BANK_SHA256, &p, NULL), 0);
	assert_int_equal(p.mask, REAL_PCRS & ~(1u << 8));
	for (size_t i = 0; i < N(real_sha256); i++) {
		assert_true(kr_unhex(real_sha256[i].hex, want, 32));
		assert_memory_equal(p.value[real_sha256[i].pcr], want, 32);
	}
	for (enum kr_bank k = KR_BANK_SHA384; k < KR_BANK_N; k++) {
		assert_int_equal(kr_eventlog_replay(l, k, &p, NULL), 0);
		p.mask = REAL_PCRS;
		assert_true(kr_pcrs_digest(&p, KR_BANK_SHA256, got));
		assert_true(kr_unhex(others[k], want, 32));
		assert_memory_equal(got, want, 32);
	}
	kr_eventlog_free(l);
	free(b);
}

static void only_what_is_hashed_is_proved(void **state)
{
	size_t n, n_events, n_proved = 0;
	uint8_t *b = real_log(&n);
	struct kr_eventlog *l = parsed(b, n);
	const struct kr_logevent *v = kr_eventlog_events(l, &n_events);

	(void)state;
	assert_int_equal(n_events, 36);
	for (size_t i = 0; i < n_events; i++) {
		bool proved = kr_eventlog_proved(&v[i], KR_BANK_SHA256);

		assert_non_null(kr_eventlog_type_name(v[i].type));
		n_proved += proved;
		/* what was loaded is told by its path, measured by itself */
		if (v[i].type == 0x80000003)
			assert_false(proved);
		if (v[i].type == 0x00000004)	/* separators */
			assert_true(proved);
	}
	assert_in_range(n_proved, 10, 30);
	assert_null(kr_eventlog_type_name(0x12345678));
	kr_eventlog_free(l);
	free(b);
}

/* A log cut anywhere is refused, but where an event ends. */
static void a_cut_log_is_refused(void **state)
{
	size_t n, whole = 0;
	uint8_t *b = real_log(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		struct kr_eventlog *l = NULL;
		/* of its own, so that a sanitizer sees each read too far */
		uint8_t *cut = malloc(i + !i);

		memcpy(cut, b, i);
		if (!kr_eventlog_parse(cut, i, &l, NULL))
			whole++;
		kr_eventlog_free(l);
		free(cut);
	}
	assert_in_range(whole, 35, 35 + 12 * 35);
	free(b);
}

/* ---- made by hand -------------------------------------------------------- */

static void without_a_bank_that_counts(void **state)
{
	static const uint16_t sha1[][2] = { { 4, 20 } };
	static const uint16_t none[][2] = { { 4, 20 }, { 0x12, 32 } };
	struct made m = made_begin(sha1, 1);
	struct made old = { .n = 0 };

	(void)state;
	refused(m.b, m.n, KR_E_EVENTLOG_SHA1);
	m = made_begin(none, 2);
	refused(m.b, m.n, KR_E_EVENTLOG_SHA1);
	/* the form of before the TPM 2.0 */
	put_le(&old, 0, 4);
	put_le(&old, 8, 4);
	put(&old, "....................", 20);
	put_le(&old, 2, 4);
	put(&old, "ab", 2);
	refused(old.b, old.n, KR_E_EVENTLOG_SHA1);
	m = made_sha256();
	m.b[32 + 14] = '0';			/* Spec ID Event00 */
	refused(m.b, m.n, KR_E_EVENTLOG_SHA1);
	refused(m.b, 0, KR_E_EVENTLOG);
}

static void banks_that_cannot_be(void **state)
{
	static const uint16_t twice[][2] = { { 0xb, 32 }, { 0xb, 32 } };
	static const uint16_t length[][2] = { { 0xb, 20 } };
	static const uint16_t empty[][2] = { { 0xb, 32 }, { 0x99, 0 } };
	static const uint16_t large[][2] = { { 0xb, 32 }, { 0x99, 65 } };
	static const uint16_t many[][2] = {
		{ 0xb, 32 }, { 1, 8 }, { 2, 8 }, { 3, 8 }, { 5, 8 }, { 6, 8 },
		{ 7, 8 }, { 8, 8 }, { 9, 8 },
	};
	static const struct { const uint16_t (*algs)[2]; uint32_t n; } x[] = {
		{ twice, 2 }, { length, 1 }, { empty, 2 }, { large, 2 },
		{ many, 9 }, { NULL, 0 },
	};
	struct made m;

	(void)state;
	for (size_t i = 0; i < N(x); i++) {
		m = made_begin(x[i].algs, x[i].n);
		refused(m.b, m.n, KR_E_EVENTLOG);
	}
	m = made_begin(many, KR_EVENT_ALGS_MAX);
	kr_eventlog_free(parsed(m.b, m.n));
}

static void events_that_cannot_be(void **state)
{
	static const struct { size_t at; uint8_t by; } edits[] = {
		{ 0, 17 }, { 0, 22 }, { 0, 24 }, { 3, 1 },	/* PCR */
		{ 8, 0 }, { 8, 2 }, { 11, 0x80 },	/* number of digests */
		{ 12, 0xc }, { 12, 4 },			/* algorithm */
		{ 46, 3 }, { 49, 0xff },		/* bytes of data */
	};
	struct made m = made_sha256();
	const size_t at = m.n;

	(void)state;
	made_event(&m, 4, 5, "ab", 2);
	kr_eventlog_free(parsed(m.b, m.n));
	for (size_t i = 0; i < N(edits); i++) {
		struct made bad = m;

		bad.b[at + edits[i].at] = edits[i].by;
		refused(bad.b, bad.n, KR_E_EVENTLOG);
	}
}

/* One digest twice in the place of one that is missing, or just that one. */
static void an_event_without_a_banks_digest(void **state)
{
	static const uint16_t algs[][2] = { { 0xb, 32 }, { 0xd, 64 } };
	static const uint8_t digest[64];
	static const uint16_t ids[][2] = { { 0xb, 0xd }, { 0xd, 0xb },
					   { 0xb, 0xb }, { 0xd, 0xd },
					   { 0xb, 0 }, { 0xd, 0 } };

	(void)state;
	for (size_t i = 0; i < N(ids); i++) {
		struct made m = made_begin(algs, 2);

		put_le(&m, 4, 4);
		put_le(&m, 5, 4);
		put_le(&m, ids[i][1] ? 2 : 1, 4);
		for (size_t k = 0; k < 2 && ids[i][k]; k++) {
			put_le(&m, ids[i][k], 2);
			put(&m, digest, ids[i][k] == 0xb ? 32 : 64);
		}
		put_le(&m, 0, 4);
		if (i < 2)
			kr_eventlog_free(parsed(m.b, m.n));
		else
			refused(m.b, m.n, KR_E_EVENTLOG);
	}
}

static void too_many_events(void **state)
{
	struct made m = made_sha256();
	const size_t first = m.n;
	size_t one, n;
	uint8_t *b;

	(void)state;
	made_event(&m, 4, 5, "", 0);
	one = m.n - first;
	n = first + KR_EVENTS_MAX * one;
	b = calloc(1, KR_EVENTLOG_BYTES_MAX + 1);
	memcpy(b, m.b, first);
	for (size_t i = 0; i < KR_EVENTS_MAX; i++)
		memcpy(b + first + i * one, m.b + first, one);
	refused(b, n, KR_E_EVENTLOG);
	kr_eventlog_free(parsed(b, n - one));
	memset(b + first, 0, n - first);
	kr_eventlog_free(parsed(b, KR_EVENTLOG_BYTES_MAX));
	refused(b, KR_EVENTLOG_BYTES_MAX + 1, KR_E_EVENTLOG);
	free(b);
}

/* The same extension twice does not cancel out, and the order counts. */
static void each_event_counts(void **state)
{
	static const char *const orders[] = { "ab", "ba", "abb", "a", "" };
	uint8_t seen[N(orders)][32];

	(void)state;
	for (size_t i = 0; i < N(orders); i++) {
		struct made m = made_sha256();
		struct kr_eventlog *l;
		struct kr_pcrs p;

		for (const char *c = orders[i]; *c; c++)
			made_event(&m, 4, 5, c, 1);
		/* which extends nothing, whatever it says */
		made_event(&m, 4, KR_EV_NO_ACTION, "x", 1);
		l = parsed(m.b, m.n);
		assert_int_equal(kr_eventlog_replay(l, KR_BANK_SHA256, &p,
						    NULL), 0);
		assert_int_equal(p.mask, *orders[i] ? 1u << 4 : 0);
		assert_true(kr_eventlog_replay(l, KR_BANK_SHA384, &p,
					       NULL) < 0);
		memcpy(seen[i], p.value[4], 32);
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(seen[i], seen[k], 32);
		kr_eventlog_free(l);
	}
}

static void where_pcr_0_begins(void **state)
{
	struct kr_eventlog *l;
	struct kr_pcrs p;

	(void)state;
	for (unsigned int at = 0; at < 6; at++) {
		struct made m = made_sha256();
		char text[17] = "StartupLocality";

		text[16] = (char)at;
		made_event(&m, 0, KR_EV_NO_ACTION, text, 17);
		if (at != 0 && at != 3 && at != 4) {
			refused(m.b, m.n, KR_E_EVENTLOG);
			continue;
		}
		l = parsed(m.b, m.n);
		assert_int_equal(kr_eventlog_replay(l, KR_BANK_SHA256, &p,
						    NULL), 0);
		assert_int_equal(p.value[0][31], at);
		kr_eventlog_free(l);
		/* not once it was extended */
		m = made_sha256();
		made_event(&m, 0, 8, "1", 1);
		made_event(&m, 0, KR_EV_NO_ACTION, text, 17);
		refused(m.b, m.n, KR_E_EVENTLOG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_real_log_leads_to_its_tpms_pcrs),
		cmocka_unit_test(only_what_is_hashed_is_proved),
		cmocka_unit_test(a_cut_log_is_refused),
		cmocka_unit_test(without_a_bank_that_counts),
		cmocka_unit_test(banks_that_cannot_be),
		cmocka_unit_test(events_that_cannot_be),
		cmocka_unit_test(an_event_without_a_banks_digest),
		cmocka_unit_test(too_many_events),
		cmocka_unit_test(each_event_counts),
		cmocka_unit_test(where_pcr_0_begins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
