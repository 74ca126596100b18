/* SPDX-License-Identifier: Apache-2.0 */
/* test_statement_postcopy.c - of a VM that ran before its memory. */
#include "statement_stand.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(preempt_is_said_if_it_was_agreed),
		cmocka_unit_test(postcopy_is_said_if_it_ran_early),
		cmocka_unit_test(what_a_root_covers),
		cmocka_unit_test(a_vm_that_was_off),
		cmocka_unit_test(nothing_hides_in_postcopy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
