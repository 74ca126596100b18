/* SPDX-License-Identifier: Apache-2.0 */
/* test_statement.c - what is said of a migration, as text and back. */
#include <errno.h>
#include <jansson.h>

#include "statement_stand.h"

#define FROM_POLICY	"\"policy\":\"strict\",\"policy_sha256\":\"<88>\"," \
			"\"policy_version\":3"
#define TO_POLICY	"\"policy\":\"open\",\"policy_sha256\":\"<89>\"," \
			"\"policy_version\":12"

static const char golden_offer[] =
	"{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicate\":{"
	"\"binding\":\"<77>\",\"epoch\":8,"
	"\"from\":{\"keyid\":\"<33>\",\"name\":\"alpha\",\"nonce\":\"<55>\","
	FROM_POLICY "},"
	"\"migration\":\"11111111111111111111111111111111\","
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
	"\"name\":\"alpha\",\"nonce\":\"<55>\"," FROM_POLICY "},"
	"\"migration\":\"11111111111111111111111111111111\","
	"\"protection\":{\"attestation\":\"none\","
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
	"\"name\":\"beta\",\"nonce\":\"<66>\"," TO_POLICY "},\"total_ms\":5210,"
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

static const char golden_planned[] =
	"\"predicted\":{\"downtime_ms\":300,"
	"\"total_ms\":5000,\"wire_bytes\":400000},"
	"\"requested_by\":\"anna \\\"admin\\\" \\\\o/\","
	"\"strategy\":\"precopy\",\"throttle\":true,"
	"\"times\":{\"requested_ms\":1700000000001},";

static void what_was_predicted_is_said_if_it_was(void **state)
{
	struct kr_terms t = sample(), back;
	char out[KR_STATEMENT_BYTES_MAX];
	uint8_t buf[KR_TERMS_BYTES_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	char *want = expand(golden_planned);
	enum kr_statement k;
	struct kr_rd r;
	size_t n;

	(void)state;
	kr_terms_put(&w, &t);
	assert_int_equal(buf[0], 3);
	t.predicted.total_ms = 5000;
	t.predicted.downtime_ms = 300;
	t.predicted.wire_bytes = 400000;
	t.throttle = true;
	assert_int_equal(kr_statement_build(KR_STATEMENT_OFFER, &t, out, &n,
					    NULL), 0);
	assert_non_null(strstr(out, want));
	free(want);
	assert_int_equal(kr_statement_parse(out, n, &k, &back, NULL), 0);
	assert_int_equal(back.predicted.wire_bytes, 400000);
	assert_true(back.throttle);
	w = KR_WR(buf, sizeof(buf));
	kr_terms_put(&w, &t);
	assert_int_equal(buf[0], 4);
	assert_int_equal(buf[kr_wr_len(&w) - 2], 1);
	r = KR_RD(buf, kr_wr_len(&w));
	assert_int_equal(kr_terms_get(&r, &back, NULL), 0);
	assert_int_equal(back.predicted.downtime_ms, 300);
	assert_string_equal(back.predicted.basis, "");
	memset(buf + kr_wr_len(&w) - 26, 0, 26);	/* nothing to say */
	r = KR_RD(buf, kr_wr_len(&w));
	assert_int_equal(kr_terms_get(&r, &back, NULL), -EBADMSG);
}

static const char golden_basis[] =
	"\"predicted\":{\"basis\":\"history\",\"downtime_ms\":300,"
	"\"total_ms\":5000,\"wire_bytes\":400000},";

static void what_it_was_predicted_by_is_one_of_three(void **state)
{
	static const char *const bases[] = { "plan", "history", "size" };
	struct kr_terms t = sample(), back;
	char out[KR_STATEMENT_BYTES_MAX], *at;
	uint8_t buf[KR_TERMS_BYTES_MAX];
	enum kr_statement k;
	struct kr_wr w;
	struct kr_rd r;
	size_t n;

	(void)state;
	t.predicted.total_ms = 5000;
	t.predicted.downtime_ms = 300;
	t.predicted.wire_bytes = 400000;
	for (unsigned int i = 0; i < 3; i++) {
		strcpy(t.predicted.basis, bases[i]);
		w = KR_WR(buf, sizeof(buf));
		kr_terms_put(&w, &t);
		assert_int_equal(buf[kr_wr_len(&w) - 2], (i + 1) << 2);
		r = KR_RD(buf, kr_wr_len(&w));
		assert_int_equal(kr_terms_get(&r, &back, NULL), 0);
		assert_string_equal(back.predicted.basis, bases[i]);
	}
	for (unsigned int i = 4; i < 64; i++) {		/* no such one */
		buf[kr_wr_len(&w) - 2] = (uint8_t)(i << 2);
		r = KR_RD(buf, kr_wr_len(&w));
		assert_int_equal(kr_terms_get(&r, &back, NULL), -EBADMSG);
	}
	buf[kr_wr_len(&w) - 2] = 1 << 2 | 1;	/* throttle, and of nothing */
	memset(buf + kr_wr_len(&w) - 26, 0, 24);
	r = KR_RD(buf, kr_wr_len(&w));
	assert_int_equal(kr_terms_get(&r, &back, NULL), -EBADMSG);
	strcpy(t.predicted.basis, KR_BASIS_HISTORY);
	assert_int_equal(kr_statement_build(KR_STATEMENT_OFFER, &t, out, &n,
					    NULL), 0);
	assert_non_null(at = strstr(out, golden_basis));
	assert_int_equal(kr_statement_parse(out, n, &k, &back, NULL), 0);
	assert_string_equal(back.predicted.basis, KR_BASIS_HISTORY);
	memcpy(strstr(at, "history"), "guesses", 7);
	assert_int_equal(kr_statement_parse(out, n, &k, &back, NULL),
			 -EBADMSG);
	t.predicted.total_ms = t.predicted.downtime_ms =
		t.predicted.wire_bytes = 0;
	assert_int_equal(kr_terms_check(&t, NULL), -EBADMSG);
}

/* ---- policies ----------------------------------------------------------- */

/* The destination's from the acceptance on, approvals if some were asked for. */
static void policies_are_named_by_who_decided(void **state)
{
	struct kr_terms t = sample(), back;
	char out[KR_STATEMENT_BYTES_MAX];
	char *from = expand(FROM_POLICY), *to = expand(TO_POLICY);
	enum kr_statement k;
	size_t n;

	(void)state;
	for (unsigned int i = 0; i < 2 * KR_STATEMENT_N; i++) {
		bool offer = i % KR_STATEMENT_N == KR_STATEMENT_OFFER;

		t.approvals = i < KR_STATEMENT_N ? 0 : 2;
		assert_int_equal(kr_statement_build(i % KR_STATEMENT_N, &t, out,
						    &n, NULL), 0);
		assert_non_null(strstr(out, from));
		assert_int_equal(strstr(out, to) != NULL, !offer);
		assert_int_equal(strstr(out, "{\"approvals\":2,") != NULL,
				 t.approvals != 0);
		assert_int_equal(kr_statement_parse(out, n, &k, &back, NULL),
				 0);
		assert_true(kr_inforce_same(&back.from_policy,
					    &t.from_policy));
		assert_int_equal(kr_inforce_same(&back.to_policy,
						 &t.to_policy), !offer);
		assert_int_equal(back.approvals, t.approvals);
	}
	free(from);
	free(to);
}

static const char golden_unnamed[] =
	"\"from\":{\"keyid\":\"<33>\",\"name\":\"alpha\",\"nonce\":\"<55>\"},"
	"\"migration\":\"11111111111111111111111111111111\","
	"\"policy_sha256\":\"<88>\",";

/* What was signed before they were is read as it was, and coded so. */
static void statements_that_name_none(void **state)
{
	struct kr_terms t = sample(), back;
	char out[KR_STATEMENT_BYTES_MAX];
	uint8_t b[KR_TERMS_BYTES_MAX];
	struct kr_wr w = KR_WR(b, sizeof(b));
	char *want = expand(golden_unnamed);
	enum kr_statement k;
	struct kr_rd r;
	size_t n;

	(void)state;
	t.from_policy.name[0] = '\0';
	t.to_policy = (struct kr_inforce){ .version = 0 };
	assert_int_equal(kr_statement_build(KR_STATEMENT_PREPARED, &t, out, &n,
					    NULL), 0);
	assert_non_null(strstr(out, want));
	free(want);
	assert_int_equal(kr_statement_parse(out, n, &k, &back, NULL), 0);
	assert_int_equal(back.from_policy.name[0], 0);
	assert_int_equal(back.from_policy.digest[31], 0x88);
	kr_terms_put(&w, &t);
	assert_int_equal(b[0], 1);
	n = kr_wr_len(&w);
	r = KR_RD(b, n);
	assert_int_equal(kr_terms_get(&r, &back, NULL), 0);
	assert_true(kr_rd_done(&r));
	assert_int_equal(back.from_policy.digest[0], 0x88);
	/* in this version it would have to be said which */
	w = KR_WR(b, sizeof(b));
	t = sample();
	t.from_policy.name[1] = '\0';
	kr_terms_put(&w, &t);
	n = kr_wr_len(&w);
	for (size_t i = 0; i + 3 < n; i++)
		if (!memcmp(b + i, "\0\1s", 3)) {
			b[i + 1] = 0;	/* its text is gone */
			memmove(b + i + 2, b + i + 3, n - i - 3);
			break;
		}
	r = KR_RD(b, n - 1);
	assert_int_equal(kr_terms_get(&r, &back, NULL), -EBADMSG);
}

/* ---- all of them -------------------------------------------------------- */

/* Any JSON tool that sorts keys and drops spaces makes the same bytes. */
static void canonical_and_readable(void **state)
{
	struct kr_terms t = early(), back;
	char out[KR_STATEMENT_BYTES_MAX], again[KR_STATEMENT_BYTES_MAX];
	enum kr_statement k;
	size_t n, m;

	(void)state;
	for (unsigned int i = 0; i < 4 * KR_STATEMENT_N; i++) {
		json_t *j;
		char *text;

		t.stream.opaque = i / KR_STATEMENT_N % 2;
		t.postcopy.early = i / KR_STATEMENT_N / 2;
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

/* Its signature is of one kind and one outcome. */
static void no_two_say_the_same(void **state)
{
	char out[KR_STATEMENT_N + 1][KR_STATEMENT_BYTES_MAX];
	struct kr_terms t = early();
	size_t n;

	(void)state;
	for (unsigned int k = 0; k < KR_STATEMENT_N; k++)
		assert_int_equal(kr_statement_build(k, &t, out[k], &n, NULL),
				 0);
	t.postcopy.lost = true;
	assert_int_equal(kr_statement_build(KR_STATEMENT_REST, &t,
					    out[KR_STATEMENT_N], &n, NULL), 0);
	assert_non_null(strstr(out[KR_STATEMENT_N], "\"lost\":true"));
	for (unsigned int a = 0; a <= KR_STATEMENT_N; a++)
		for (unsigned int b = 0; b < a; b++)
			assert_string_not_equal(out[a], out[b]);
}

static void nothing_hides(void **state)
{
	static const struct edit edit[] = {
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
		/* a receipt of what never ran early */
		{ "\"protection\":", "\"postcopy\":{},\"protection\":" },
		{ "\"protection\":", OWED "\"protection\":" },
		{ "\"protection\":", "\"postcopy\":null,\"protection\":" },
	};
	const struct kr_terms t = sample();

	(void)state;
	refused(KR_STATEMENT_RECEIPT, &t, edit, N(edit));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),
		cmocka_unit_test(what_was_predicted_is_said_if_it_was),
		cmocka_unit_test(what_it_was_predicted_by_is_one_of_three),
		cmocka_unit_test(policies_are_named_by_who_decided),
		cmocka_unit_test(statements_that_name_none),
		cmocka_unit_test(canonical_and_readable),
		cmocka_unit_test(no_two_say_the_same),
		cmocka_unit_test(nothing_hides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
