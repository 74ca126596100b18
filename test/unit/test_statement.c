/* SPDX-License-Identifier: Apache-2.0 */
/* test_statement.c - terms as bytes, statements as text, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <errno.h>
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
		.from_policy = { .name = "strict", .version = 3 },
		.to_policy = { .name = "open", .version = 12 },
	};

	memset(t.migration, 0x11, sizeof(t.migration));
	memset(t.definition, 0x22, 32);
	memset(t.from_keyid, 0x33, 32);
	memset(t.to_keyid, 0x44, 32);
	memset(t.nonce_from, 0x55, 32);
	memset(t.nonce_to, 0x66, 32);
	memset(t.binding, 0x77, 32);
	memset(t.from_policy.digest, 0x88, 32);
	memset(t.to_policy.digest, 0x89, 32);
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

/* ---- post-copy ---------------------------------------------------------- */

/* The offer cannot know it, all that follows does. */
static void preempt_is_said_if_it_was_agreed(void **state)
{
	struct kr_terms t = sample(), back;
	char out[KR_STATEMENT_BYTES_MAX];
	uint8_t buf[KR_TERMS_BYTES_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_rd r;
	enum kr_statement k;
	size_t n;

	(void)state;
	t.preempt = true;
	for (unsigned int i = 0; i < KR_STATEMENT_N; i++) {
		assert_int_equal(kr_statement_build(i, &t, out, &n, NULL), 0);
		assert_int_equal(!!strstr(out, ",\"preempt\":true,\""),
				 i != KR_STATEMENT_OFFER);
		assert_int_equal(kr_statement_parse(out, n, &k, &back, NULL),
				 0);
		assert_int_equal(back.preempt, i != KR_STATEMENT_OFFER);
	}
	kr_terms_put(&w, &t);
	assert_int_equal(buf[0], 4);
	r = KR_RD(buf, kr_wr_len(&w));
	assert_int_equal(kr_terms_get(&r, &back, NULL), 0);
	assert_true(back.preempt && !back.throttle);
}

static struct kr_terms early(void)
{
	struct kr_terms t = sample();

	t.postcopy.early = true;
	t.postcopy.owed_pages = 700;
	t.postcopy.late_pages = 711;
	t.postcopy.complete_ms = 1700000000005;
	t.postcopy.recoveries = 2;
	t.postcopy.stream_bytes = 2900000;
	memset(t.postcopy.ram_root, 0xdd, 32);
	strcpy(t.postcopy.covers, KR_COVERS_RESUMED);
	return t;
}

#define OWED	"\"postcopy\":{\"owed_pages\":700},"
#define COVERS	"\"covers\":\"resumed stream\","
#define REST	"\"postcopy\":{" COVERS "\"lost\":false,\"owed_pages\":700," \
		"\"ram_root\":\"<dd>\",\"stream_bytes\":2900000},"
#define WHOLE	"\"postcopy\":{\"complete_ms\":1700000000005," COVERS \
		"\"late_pages\":711,\"lost\":false,\"owed_pages\":700," \
		"\"ram_root\":\"<dd>\",\"recoveries\":2," \
		"\"stream_bytes\":2900000},"

/* What each kind says of a VM that ran before its memory was there. */
static const struct { const char *early, *else_; } postcopy[] = {
	[KR_STATEMENT_OFFER] = { NULL, NULL },
	[KR_STATEMENT_ACCEPTANCE] = { NULL, NULL },
	[KR_STATEMENT_MANIFEST] = { OWED, NULL },
	[KR_STATEMENT_PREPARED] = { OWED, NULL },
	[KR_STATEMENT_RELEASE] = { OWED, NULL },
	[KR_STATEMENT_OWNER] = { OWED, NULL },
	[KR_STATEMENT_RECEIPT] = { WHOLE, NULL },
	[KR_STATEMENT_ABORT] = { NULL, NULL },
	[KR_STATEMENT_DISOWN] = { OWED, NULL },
	/* of post-copy alone */
	[KR_STATEMENT_REST] = { REST, REST },
	[KR_STATEMENT_COMPLETE] = { WHOLE, WHOLE },
};

static void says(enum kr_statement k, const struct kr_terms *t,
		 const char *what)
{
	char out[KR_STATEMENT_BYTES_MAX];
	char *want = expand(what ? what : "");
	enum kr_statement kind;
	struct kr_terms back;
	size_t n;

	assert_int_equal(kr_statement_build(k, t, out, &n, NULL), 0);
	if (what)
		assert_non_null(strstr(out, want));
	else
		assert_null(strstr(out, "postcopy\""));
	free(want);
	assert_int_equal(kr_statement_parse(out, n, &kind, &back, NULL), 0);
	assert_int_equal(kind, k);
	assert_int_equal(back.postcopy.early, what != NULL);
	assert_int_equal(back.postcopy.owed_pages, what ? 700 : 0);
	assert_int_equal(back.postcopy.late_pages, what &&
			 strstr(what, "late_pages") ? 711 : 0);
	assert_int_equal(back.postcopy.stream_bytes, what &&
			 strstr(what, "stream_bytes") ? 2900000 : 0);
}

static void postcopy_is_said_if_it_ran_early(void **state)
{
	struct kr_terms t = early();

	(void)state;
	for (unsigned int k = 0; k < KR_STATEMENT_N; k++) {
		t.postcopy.early = true;
		says(k, &t, postcopy[k].early);
		t.postcopy.early = false;
		says(k, &t, postcopy[k].else_);
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

/* What a root covers is said with it, and was not said formerly. */
static void what_a_root_covers(void **state)
{
	static const char *const covers[] = {
		KR_COVERS_ALL, KR_COVERS_RESUMED, "",
	};
	struct kr_terms t = early(), back;
	uint8_t b[KR_TERMS_BYTES_MAX];
	char out[KR_STATEMENT_BYTES_MAX];
	enum kr_statement kind;
	size_t n;

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		struct kr_wr w = KR_WR(b, sizeof(b));
		struct kr_rd r;

		strcpy(t.postcopy.covers, covers[i]);
		kr_terms_put(&w, &t);
		r = KR_RD(b, kr_wr_len(&w));
		assert_int_equal(kr_terms_get(&r, &back, NULL), 0);
		assert_string_equal(back.postcopy.covers, covers[i]);
		assert_true(kr_terms_same_last(&t, &back));
		assert_int_equal(kr_statement_build(KR_STATEMENT_RECEIPT, &t,
						    out, &n, NULL), 0);
		assert_int_equal(strstr(out, "covers") != NULL, *covers[i] != 0);
		assert_int_equal(kr_statement_parse(out, n, &kind, &back,
						    NULL), 0);
		assert_string_equal(back.postcopy.covers, covers[i]);
	}
	strcpy(back.postcopy.covers, KR_COVERS_ALL);
	assert_false(kr_terms_same_last(&t, &back));
	strcpy(t.postcopy.covers, "all");
	assert_int_not_equal(kr_terms_check(&t, NULL), 0);
	strcpy(t.postcopy.covers, KR_COVERS_ALL);
	kr_terms_forget_last(&t);
	assert_string_equal(t.postcopy.covers, "");
	strcpy(t.postcopy.covers, KR_COVERS_ALL);	/* of nothing */
	assert_int_not_equal(kr_terms_check(&t, NULL), 0);
}

/* Of a VM that was off before nothing is lost, and there is no root. */
static void a_vm_that_was_off(void **state)
{
	struct kr_terms t = early(), back;
	uint8_t b[KR_TERMS_BYTES_MAX];
	struct kr_wr w = KR_WR(b, sizeof(b));
	char out[KR_STATEMENT_BYTES_MAX];
	enum kr_statement kind;
	struct kr_rd r;
	size_t n;

	(void)state;
	t.postcopy.off = true;
	assert_int_not_equal(kr_terms_check(&t, NULL), 0);
	kr_terms_forget_last(&t);
	t.postcopy.lost = true;
	assert_int_not_equal(kr_terms_check(&t, NULL), 0);
	t.postcopy.lost = false;
	kr_terms_put(&w, &t);
	r = KR_RD(b, kr_wr_len(&w));
	assert_int_equal(kr_terms_get(&r, &back, NULL), 0);
	assert_true(back.postcopy.off && !back.postcopy.lost);
	for (unsigned int k = 0; k < KR_STATEMENT_N; k++) {
		bool whole = k == KR_STATEMENT_RECEIPT ||
			     k == KR_STATEMENT_COMPLETE;

		assert_int_equal(kr_statement_build(k, &t, out, &n, NULL), 0);
		assert_int_equal(strstr(out, "\"lost\":false,\"off\":true,")
				 != NULL, whole);
		assert_int_equal(kr_statement_parse(out, n, &kind, &back,
						    NULL), 0);
		assert_int_equal(back.postcopy.off, whole);
	}
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

struct edit { const char *what, *by; };

/* The text of @k with any of these edits is no statement. */
static void refused(enum kr_statement k, const struct kr_terms *t,
		    const struct edit *edit, size_t n_edits)
{
	char out[KR_STATEMENT_BYTES_MAX], bad[KR_STATEMENT_BYTES_MAX + 64];
	struct kr_terms back;
	size_t n;

	assert_int_equal(kr_statement_build(k, t, out, &n, NULL), 0);
	for (size_t i = 0; i < n_edits; i++) {
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

#define N(a)	(sizeof(a) / sizeof((a)[0]))

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

static void nothing_hides_in_postcopy(void **state)
{
	static const struct edit whole[] = {
		{ "\"complete_ms\":1700000000005,", "" },
		{ "resumed stream", "all" }, { "resumed stream", "" },
		{ "\"covers\":\"resumed stream\"", "\"covers\":1" },
		{ "\"late_pages\":711,", "" },
		{ "\"late_pages\":711,", "\"late_pages\":711,\"more\":1," },
		{ "\"lost\":false,", "" },
		{ "\"lost\":false,", "\"lost\":false,\"off\":false," },
		{ "\"lost\":false,", "\"lost\":false,\"off\":true," },
		{ "\"lost\":false", "\"lost\":0" },
		{ "\"owed_pages\":700,", "" },
		{ "\"owed_pages\":700", "\"owed_pages\":9007199254740992" },
		{ "\"recoveries\":2", "\"recoveries\":4294967296" },
		{ "\"recoveries\":2", "\"recoveries\":\"2\"" },
		{ "\"ram_root\":\"dd", "\"ram_root\":\"DD" },
		{ "\"stream_bytes\":2900000", "\"stream_bytes\":-1" },
		{ "complete/v1", "rest/v1" }, { "complete/v1", "receipt/v1" },
		{ "complete/v1", "owner/v1" }, { "complete/v1", "whole/v1" },
	};
	static const struct edit owed[] = {
		{ "\"owed_pages\":700", "" },
		{ "\"owed_pages\":700", "\"lost\":false,\"owed_pages\":700" },
		{ "\"owed_pages\":700", "\"owed_pages\":700,\"recoveries\":0" },
		{ "manifest/v1", "rest/v1" }, { "manifest/v1", "offer/v1" },
	};
	static const struct edit offer[] = {
		{ "\"requested_by\"", OWED "\"requested_by\"" },
	};
	const struct kr_terms t = early();

	(void)state;
	refused(KR_STATEMENT_COMPLETE, &t, whole, N(whole));
	refused(KR_STATEMENT_MANIFEST, &t, owed, N(owed));
	refused(KR_STATEMENT_OFFER, &t, offer, N(offer));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),
		cmocka_unit_test(what_was_predicted_is_said_if_it_was),
		cmocka_unit_test(what_it_was_predicted_by_is_one_of_three),
		cmocka_unit_test(policies_are_named_by_who_decided),
		cmocka_unit_test(statements_that_name_none),
		cmocka_unit_test(preempt_is_said_if_it_was_agreed),
		cmocka_unit_test(postcopy_is_said_if_it_ran_early),
		cmocka_unit_test(no_two_say_the_same),
		cmocka_unit_test(terms_of_postcopy),
		cmocka_unit_test(what_a_root_covers),
		cmocka_unit_test(a_vm_that_was_off),
		cmocka_unit_test(what_was_last_is_root_and_length),
		cmocka_unit_test(terms_that_never_were_early),
		cmocka_unit_test(canonical_and_readable),
		cmocka_unit_test(nothing_hides),
		cmocka_unit_test(nothing_hides_in_postcopy),
		cmocka_unit_test(terms_round_trip),
		cmocka_unit_test(largest_terms_fit),
		cmocka_unit_test(unsayable_terms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
