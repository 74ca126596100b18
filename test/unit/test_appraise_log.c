/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_appraise_log.c - what a good host's TPM quotes, with an event log that
 * tells otherwise, reference values that do not have it, and after a while.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "appraise_stand.h"

#define N(a)	(sizeof(a) / sizeof((a)[0]))

/* ---- the log ------------------------------------------------------------- */

/* Where event number @i begins and ends in the real log. */
static void bounds(size_t i, size_t *ret_from, size_t *ret_to)
{
	struct kr_eventlog *l = NULL;
	const struct kr_logevent *v;
	size_t n;

	assert_int_equal(kr_eventlog_parse(t.log, t.n_log, &l, NULL), 0);
	v = kr_eventlog_events(l, &n);
	assert_true(i && i < n);
	*ret_from = (size_t)(v[i - 1].data - t.log) + v[i - 1].n_data;
	*ret_to = (size_t)(v[i].data - t.log) + v[i].n_data;
	kr_eventlog_free(l);
}

/* The first event of a PCR, as a number. */
static size_t first_of(unsigned int pcr)
{
	struct kr_eventlog *l = NULL;
	const struct kr_logevent *v;
	size_t n, i = 0;

	assert_int_equal(kr_eventlog_parse(t.log, t.n_log, &l, NULL), 0);
	v = kr_eventlog_events(l, &n);
	while (i < n && !(v[i].pcr == pcr && kr_eventlog_extends(&v[i])))
		i++;
	kr_eventlog_free(l);
	assert_true(i < n);
	return i;
}

static void show_log(const uint8_t *log, size_t n, unsigned int pcr)
{
	t.said.log = log;
	t.said.n_log = n;
	assert_int_equal(judged(), KR_E_LOG_REPLAY);
	assert_int_equal(t.a.n, 1);
	assert_true(told(KR_E_LOG_REPLAY, pcr));
	assert_int_equal(t.a.executables, 99);
}

static void a_log_with_an_event_changed_removed_or_added(void **state)
{
	static const unsigned int pcrs[] = { 0, 1, 4, 7 };
	uint8_t *log = malloc(2 * t.n_log);

	(void)state;
	for (size_t i = 0; i < N(pcrs); i++) {
		size_t from, to;

		bounds(first_of(pcrs[i]), &from, &to);
		memcpy(log, t.log, t.n_log);
		log[from + 14] ^= 1;		/* its SHA-256 */
		show_log(log, t.n_log, pcrs[i]);
		memcpy(log + from, t.log + to, t.n_log - to);
		show_log(log, t.n_log - (to - from), pcrs[i]);
		memcpy(log, t.log, t.n_log);
		memcpy(log + t.n_log, t.log + from, to - from);
		show_log(log, t.n_log + (to - from), pcrs[i]);
	}
	free(log);
}

/* Nothing was measured, says the log, into a PCR that events are wanted of. */
static void a_log_without_any_event_of_a_pcr(void **state)
{
	uint8_t *log = malloc(t.n_log);
	struct kr_eventlog *l = NULL;
	const struct kr_logevent *v;
	size_t n, n_log, from, to;

	(void)state;
	assert_int_equal(kr_eventlog_parse(t.log, t.n_log, &l, NULL), 0);
	v = kr_eventlog_events(l, &n);
	bounds(1, &n_log, &to);
	memcpy(log, t.log, n_log);
	for (size_t i = 1; i < n; i++) {
		bounds(i, &from, &to);
		if (v[i].pcr == 4)
			continue;
		memcpy(log + n_log, t.log + from, to - from);
		n_log += to - from;
	}
	show_log(log, n_log, 4);
	kr_eventlog_free(l);
	free(log);
}

/* A PCR that is judged by its events needs them, and all of them. */
static void no_log(void **state)
{
	(void)state;
	t.said.n_log = 0;
	assert_int_equal(judged(), KR_E_EVENTLOG);
	t.said.n_log = t.n_log - 1;
	assert_int_equal(judged(), KR_E_EVENTLOG);
}

/* ---- what was booted ----------------------------------------------------- */

static void revoked(void **state)
{
	struct kr_reference all = t.ref, by_value;
	json_t *doc = reference_doc();
	char hex[65];
	const char *image = json_string_value(json_array_get(json_object_get(
		json_object_get(doc, "events"), "4"), 2));

	(void)state;
	json_object_set_new(doc, "revoked", json_pack("[s]", image));
	all = reference_of(doc);
	t.want.reference = &all;
	assert_int_equal(judged(), KR_E_REVOKED);
	assert_true(told(KR_E_REVOKED, 4));
	assert_int_equal(t.a.executables, 96);
	assert_int_not_equal(t.a.deviations[0].event, KR_DEVIATION_NO_EVENT);
	kr_reference_fini(&all);
	/* or the value of a PCR that nothing else is said of */
	kr_hex(t.said.pcrs.value[1], 32, hex);
	doc = reference_doc();
	json_object_set_new(doc, "revoked", json_pack("[s]", hex));
	by_value = reference_of(doc);
	t.want.reference = &by_value;
	assert_int_equal(judged(), KR_E_REVOKED);
	assert_true(told(KR_E_REVOKED, 1));
	kr_reference_fini(&by_value);
}

/* The firmware is another one, and something more was started: both told. */
static void what_nobody_signed_for(void **state)
{
	json_t *doc = reference_doc();
	struct kr_reference ref;
	json_t *j, *all;

	(void)state;
	json_object_set_new(json_object_get(doc, "pcrs"), "0",
			    json_pack("[s]", "00000000000000000000000000000000"
				      "00000000000000000000000000000000"));
	json_array_remove(json_object_get(json_object_get(doc, "events"), "4"),
			  2);
	ref = reference_of(doc);
	t.want.reference = &ref;
	assert_int_equal(judged(), KR_E_PCR_UNKNOWN);
	assert_int_equal(t.a.n, 2);
	assert_true(told(KR_E_PCR_UNKNOWN, 0));
	assert_true(told(KR_E_EVENT_UNKNOWN, 4));
	assert_int_equal(t.a.executables, 33);
	assert_int_equal(t.a.status, KR_TIER_WARNING);
	j = kr_appraise_json(&t.a, "alpha", 0);
	all = json_object_get(json_object_get(json_object_get(j, "submods"),
					      "alpha"), "korora.deviations");
	assert_int_equal(json_array_size(all), 2);
	assert_string_equal(json_string_value(json_object_get(
		json_array_get(all, 1), "code")), "KR-2118");
	assert_int_equal(json_integer_value(json_object_get(
		json_array_get(all, 1), "pcr")), 4);
	assert_non_null(json_object_get(json_array_get(all, 1), "event"));
	json_decref(j);
	kr_reference_fini(&ref);
}

/* More goes wrong than is told one by one. */
static void many_deviations(void **state)
{
	struct made m = made_sha256();
	struct kr_reference ref = reference_of(json_pack(
		"{s:s, s:i, s:s, s:{s:[s]}}", "name", "none", "version", 1,
		"bank", "sha256", "events", "16",
		"0000000000000000000000000000000000000000000000000000000000000"
		"000"));

	(void)state;
	for (uint8_t i = 0; i < KR_DEVIATIONS_MAX + 6; i++)
		made_event(&m, 16, 5, &i, 1);
	boot(BAD, m.b, m.n);
	attest(BAD, KR_BANK_SHA256, 1u << 16, &t.binding);
	t.want = (struct kr_appraise_want){ &t.ak[BAD], &t.binding, &ref,
					    1u << 16, NULL };
	t.said.log = m.b;
	t.said.n_log = m.n;
	assert_int_equal(judged(), KR_E_EVENT_UNKNOWN);
	assert_int_equal(t.a.n, KR_DEVIATIONS_MAX);
	assert_int_equal(t.a.n_more, 6);
	kr_reference_fini(&ref);
}

/* ---- time ---------------------------------------------------------------- */

/* Last: it takes the good host's power away. */
static void a_boot_since_then_and_a_clock_set_back(void **state)
{
	struct kr_tpmclock then;

	(void)state;
	assert_int_equal(judged(), KR_OK);
	then = t.a.clock;
	t.want.last = &then;
	assert_int_equal(judged(), KR_OK);
	/* a quote of before what is remembered */
	then.clock_ms++;
	attest(GOOD, KR_BANK_SHA256, ASKED, &t.binding);
	then.clock_ms += UINT64_C(1) << 32;
	assert_int_equal(judged(), KR_E_TPM_CLOCK);
	assert_int_equal(t.a.status, KR_TIER_CONTRAINDICATED);
	then.clock_ms -= UINT64_C(1) << 32;
	then.restarts++;
	assert_int_equal(judged(), KR_E_TPM_CLOCK);
	then.restarts--;
	stop(GOOD);
	start(GOOD);
	boot(GOOD, t.log, t.n_log);
	attest(GOOD, KR_BANK_SHA256, ASKED, &t.binding);
	assert_int_equal(judged(), KR_E_TPM_RESET);
	assert_int_equal(t.a.n, 1);
	assert_int_equal(t.a.status, KR_TIER_WARNING);
	/* it may begin earlier only if it says that it may */
	then.clock_ms = t.a.clock.clock_ms + 60000;
	assert_int_equal(judged(), t.a.clock.safe ? KR_E_TPM_CLOCK :
						    KR_E_TPM_RESET);
	then.clock_ms = 0;
	then.resets = t.a.clock.resets + 1;
	assert_int_equal(judged(), KR_E_TPM_CLOCK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_log_with_an_event_changed_removed_or_added),
		TEST(a_log_without_any_event_of_a_pcr),
		TEST(no_log),
		TEST(revoked),
		TEST(what_nobody_signed_for),
		TEST(many_deviations),
		TEST(a_boot_since_then_and_a_clock_set_back),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
