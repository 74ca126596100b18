/* SPDX-License-Identifier: Apache-2.0 */
/* test_statement.c - terms as bytes, statements as text, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/statement.h"

static struct kr_terms sample(void)
{
	struct kr_terms t = {
		.vm = "web-1", .epoch = 8,
		.from_name = "alpha", .to_name = "beta",
		.requested_by = "anna \"admin\" \\o/", .strategy = "precopy",
		.protection = { "TLSv1.3", "TLS_AES_256_GCM_SHA384",
				"TLS_AES_128_GCM_SHA256", 4, "none" },
		.stream = { .ram_bytes = 2147483648u, .stream_bytes = 987654 },
		.times = { 1700000000001, 1700000000002, 1700000000003,
			   1700000000004 },
		.total_ms = 5210, .downtime_us = 48123, .rounds = 3,
		.wire_bytes = 456789,
		.from_log = { .size = 17 }, .to_log = { .size = 4 },
	};

	memset(t.migration, 0x11, sizeof(t.migration));
	memset(t.definition, 0x22, 32);
	memset(t.from_keyid, 0x33, 32);
	memset(t.to_keyid, 0x44, 32);
	memset(t.nonce_from, 0x55, 32);
	memset(t.nonce_to, 0x66, 32);
	memset(t.binding, 0x77, 32);
	memset(t.policy_digest, 0x88, 32);
	memset(t.stream.ram_root, 0x99, 32);
	memset(t.stream.device_digest, 0xaa, 32);
	memset(t.from_log.root, 0xbb, 32);
	memset(t.to_log.root, 0xcc, 32);
	return t;
}

/* Hashes are 32 times the same byte, written as that byte in brackets. */
static char *expand(const char *s)
{
	char *out = calloc(1, KR_STATEMENT_BYTES_MAX), *o = out;

	for (; *s; s++) {
		if (*s != '<') {
			*o++ = *s;
			continue;
		}
		for (unsigned int i = 0; i < 32; i++) {
			*o++ = s[1];
			*o++ = s[2];
		}
		s += 3;
	}
	return out;
}

static const char golden_offer[] =
	"{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicate\":{"
	"\"binding\":\"<77>\",\"epoch\":8,"
	"\"from\":{\"keyid\":\"<33>\",\"name\":\"alpha\",\"nonce\":\"<55>\"},"
	"\"migration\":\"11111111111111111111111111111111\","
	"\"policy_sha256\":\"<88>\","
	"\"requested_by\":\"anna \\\"admin\\\" \\\\o/\","
	"\"strategy\":\"precopy\","
	"\"times\":{\"requested_ms\":1700000000001},"
	"\"to\":{\"keyid\":\"<44>\",\"name\":\"beta\"},\"vm\":\"web-1\"},"
	"\"predicateType\":\"https://korora.dev/statement/offer/v1\","
	"\"subject\":[{\"digest\":{\"sha256\":\"<22>\"},\"name\":\"web-1\"}]}";

static const char golden_receipt[] =
	"{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicate\":{"
	"\"binding\":\"<77>\",\"downtime_us\":48123,\"epoch\":8,"
	"\"from\":{\"keyid\":\"<33>\",\"log_root\":\"<bb>\",\"log_size\":17,"
	"\"name\":\"alpha\",\"nonce\":\"<55>\"},"
	"\"migration\":\"11111111111111111111111111111111\","
	"\"policy_sha256\":\"<88>\",\"protection\":{\"attestation\":\"none\","
	"\"control_suite\":\"TLS_AES_256_GCM_SHA384\","
	"\"control_tls\":\"TLSv1.3\","
	"\"lane_suite\":\"TLS_AES_128_GCM_SHA256\",\"lanes\":4},"
	"\"requested_by\":\"anna \\\"admin\\\" \\\\o/\",\"rounds\":3,"
	"\"strategy\":\"precopy\",\"stream\":{\"bytes\":987654,"
	"\"device_sha256\":\"<aa>\",\"opaque\":false,"
	"\"ram_bytes\":2147483648,\"ram_root\":\"<99>\"},"
	"\"times\":{\"paused_ms\":1700000000002,"
	"\"released_ms\":1700000000003,\"requested_ms\":1700000000001,"
	"\"running_ms\":1700000000004},"
	"\"to\":{\"keyid\":\"<44>\",\"log_root\":\"<cc>\",\"log_size\":4,"
	"\"name\":\"beta\",\"nonce\":\"<66>\"},\"total_ms\":5210,"
	"\"vm\":\"web-1\",\"wire_bytes\":456789},"
	"\"predicateType\":\"https://korora.dev/statement/receipt/v1\","
	"\"subject\":[{\"digest\":{\"sha256\":\"<22>\"},\"name\":\"web-1\"},"
	"{\"digest\":{\"sha256\":\"<99>\"},\"name\":\"web-1/ram\"},"
	"{\"digest\":{\"sha256\":\"<aa>\"},\"name\":\"web-1/device-state\"}]}";

static void golden(void **state)
{
	const struct kr_terms t = sample();
	char out[KR_STATEMENT_BYTES_MAX];
	char *want = expand(golden_offer);
	size_t n;

	(void)state;
	assert_int_equal(kr_statement_build(KR_STATEMENT_OFFER, &t, out, &n,
					    NULL), 0);
	assert_string_equal(out, want);
	assert_int_equal(n, strlen(want));
	free(want);
	want = expand(golden_receipt);
	assert_int_equal(kr_statement_build(KR_STATEMENT_RECEIPT, &t, out, &n,
					    NULL), 0);
	assert_string_equal(out, want);
	free(want);
}

/* Any JSON tool that sorts keys and drops spaces makes the same bytes. */
static void canonical_and_readable(void **state)
{
	struct kr_terms t = sample(), back;
	char out[KR_STATEMENT_BYTES_MAX], again[KR_STATEMENT_BYTES_MAX];
	enum kr_statement k;
	size_t n, m;

	(void)state;
	for (unsigned int i = 0; i < 2 * KR_STATEMENT_N; i++) {
		json_t *j;
		char *text;

		t.stream.opaque = i >= KR_STATEMENT_N;
		assert_int_equal(kr_statement_build(i % KR_STATEMENT_N, &t, out,
						    &n, NULL), 0);
		j = json_loads(out, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(j);
		text = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS);
		assert_string_equal(text, out);
		free(text);
		json_decref(j);
		assert_int_equal(kr_statement_parse(out, n, &k, &back, NULL),
				 0);
		assert_int_equal(k, i % KR_STATEMENT_N);
		assert_int_equal(kr_statement_build(k, &back, again, &m, NULL),
				 0);
		assert_string_equal(again, out);
	}
}

static void nothing_hides(void **state)
{
	static const struct { const char *what, *by; } edit[] = {
		{ "{\"_type\"", "{ \"_type\"" },
		{ "\"rounds\":3", "\"rounds\":03" },
		{ "\"rounds\":3", "\"rounds\":3.0" },
		{ "\"rounds\":3", "\"rounds\":4294967296" },
		{ "\"rounds\":3", "\"rounds\":-1" },
		{ "\"rounds\":3,", "" },
		{ "\"rounds\":3,", "\"rounds\":3,\"rounds\":3," },
		{ "\"rounds\":3,", "\"rounds\":3,\"sane\":true," },
		{ "\"lanes\":4", "\"lanes\":256" },
		{ "\"opaque\":false", "\"opaque\":true" },
		{ "\"opaque\":false", "\"opaque\":0" },
		{ "\"epoch\":8", "\"epoch\":9007199254740992" },
		{ "receipt/v1", "receipt/v2" }, { "Statement/v1", "Statement" },
		{ "\"web-1/ram\"", "\"web-2/ram\"" },
		{ "\"alpha\"", "\"alph\\u0061\"" },
		{ "\"alpha\"", "\"al\\nha\"" },
	};
	const struct kr_terms t = sample();
	char out[KR_STATEMENT_BYTES_MAX], bad[KR_STATEMENT_BYTES_MAX + 64];
	enum kr_statement k;
	struct kr_terms back;
	size_t n;

	(void)state;
	assert_int_equal(kr_statement_build(KR_STATEMENT_RECEIPT, &t, out, &n,
					    NULL), 0);
	for (size_t i = 0; i < sizeof(edit) / sizeof(edit[0]); i++) {
		char *at = strstr(out, edit[i].what);
		struct kr_err e = KR_ERR_NONE;

		assert_non_null(at);
		memcpy(bad, out, (size_t)(at - out));
		strcpy(bad + (at - out), edit[i].by);
		strcat(bad, at + strlen(edit[i].what));
		assert_true(kr_statement_parse(bad, strlen(bad), &k, &back,
					       &e) < 0);
		assert_int_equal(e.kr, KR_E_MALFORMED);
	}
	for (size_t i = 0; i < n; i++)
		assert_true(kr_statement_parse(out, i, &k, &back, NULL) < 0);
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
	t = sample();
#define FILL(a)	(memset((a), '"', sizeof(a) - 1), (a)[sizeof(a) - 1] = '\0')
	FILL(t.vm);
	FILL(t.from_name);
	FILL(t.to_name);
	FILL(t.requested_by);
	FILL(t.strategy);
	FILL(t.protection.control_tls);
	FILL(t.protection.control_suite);
	FILL(t.protection.lane_suite);
	FILL(t.protection.attestation);
	t.epoch = t.total_ms = t.downtime_us = t.wire_bytes =
		t.stream.ram_bytes = t.stream.stream_bytes = t.from_log.size =
			t.to_log.size = KR_TERMS_NUMBER_MAX;
	kr_terms_put(&w, &t);
	assert_false(w.bad);
	assert_int_equal(kr_statement_build(KR_STATEMENT_RECEIPT, &t, out, &n,
					    NULL), 0);
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
	t = sample();
	t.vm[0] = '\n';
	assert_true(kr_terms_check(&t, NULL) < 0);
	t = sample();
	memset(t.vm, 'a', sizeof(t.vm));
	assert_true(kr_terms_check(&t, NULL) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),
		cmocka_unit_test(canonical_and_readable),
		cmocka_unit_test(nothing_hides),
		cmocka_unit_test(terms_round_trip),
		cmocka_unit_test(largest_terms_fit),
		cmocka_unit_test(unsayable_terms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
