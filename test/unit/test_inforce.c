/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_inforce.c - what a log's entry says of a policy in force: believed if
 * that log has it, at that place, and it is such an entry.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "evidence/inforce.h"

#define HEX	"abababababababababababababababab" \
		"abababababababababababababababab"
#define POLICY	"\"detail\":{\"name\":\"standard\",\"sha256\":\"" HEX "\"," \
		"\"version\":3},"
#define EVENT	"\"event\":\"policy-in-force\","
#define PLACE	"\"host\":\"alpha\",\"index\":1"

/* The second of two entries; the root of both. */
static void entry(const char *record, struct kr_inforce_entry *x,
		  uint8_t root[32])
{
	uint8_t leaf[32];

	memset(x, 0, sizeof(*x));
	x->index = 1;
	x->n_record = strlen(record);
	assert_true(x->n_record <= sizeof(x->record));
	memcpy(x->record, record, x->n_record);
	x->proof.n = 1;
	memset(x->proof.hash[0], 7, 32);
	kr_merkle_leaf(record, x->n_record, leaf);
	kr_merkle_node(x->proof.hash[0], leaf, root);
}

static void refused(const struct kr_inforce_entry *x, const char *host,
		    uint64_t size, const uint8_t root[32])
{
	struct kr_inforce p = { .version = 77 };
	struct kr_err e = KR_ERR_NONE;

	assert_true(kr_inforce_check(x, host, size, root, &p, &e) < 0);
	assert_int_equal(e.kr, KR_E_PEER_POLICY);
	assert_int_equal(p.version, 77);
}

static void what_the_log_has_is_believed(void **state)
{
	struct kr_inforce_entry x;
	struct kr_inforce p, q;
	uint8_t root[32];

	(void)state;
	entry("{" POLICY EVENT PLACE "}", &x, root);
	assert_int_equal(kr_inforce_check(&x, "alpha", 2, root, &p, NULL), 0);
	assert_string_equal(p.name, "standard");
	assert_int_equal(p.version, 3);
	assert_int_equal(p.digest[31], 0xab);
	q = p;
	assert_true(kr_inforce_same(&p, &q));
	q.version++;
	assert_false(kr_inforce_same(&p, &q));
	q = p;
	q.name[0] = 'S';
	assert_false(kr_inforce_same(&p, &q));
	q = p;
	q.digest[0]++;
	assert_false(kr_inforce_same(&p, &q));
}

/* Another version is another entry, which that log has not. */
static void what_it_has_not_is_not(void **state)
{
	struct kr_inforce_entry x;
	uint8_t root[32];
	char *at;

	(void)state;
	entry("{" POLICY EVENT PLACE "}", &x, root);
	refused(&x, "alpha", 3, root);
	at = memmem(x.record, x.n_record, ":3}", 3);
	assert_non_null(at);
	at[1] = '4';
	refused(&x, "alpha", 2, root);
	at[1] = '3';
	x.index = 0;
	refused(&x, "alpha", 2, root);
	x.index = 1;
	root[0]++;
	refused(&x, "alpha", 2, root);
	root[0]--;
	refused(&x, "beta", 2, root);
	x.n_record--;
	refused(&x, "alpha", 2, root);
}

static void other_entries_tell_of_no_policy(void **state)
{
	static const char *const records[] = {
		"", "[]", "{", "{}", "{" POLICY EVENT "\"host\":\"alpha\"}",
		"{" POLICY "\"event\":\"policy\"," PLACE "}",
		"{" POLICY EVENT "\"host\":\"alpha\",\"index\":0}",
		"{" POLICY EVENT "\"host\":\"alpha\",\"index\":1.0}",
		"{" POLICY EVENT PLACE ",\"index\":1}",
		"{" EVENT PLACE "}", "{\"detail\":3," EVENT PLACE "}",
		"{\"detail\":{\"name\":\"x\",\"version\":3}," EVENT PLACE "}",
		"{\"detail\":{\"name\":\"\",\"sha256\":\"" HEX "\","
			"\"version\":3}," EVENT PLACE "}",
		"{\"detail\":{\"name\":\"\\n\",\"sha256\":\"" HEX "\","
			"\"version\":3}," EVENT PLACE "}",
		"{\"detail\":{\"name\":\"x\",\"sha256\":\"" HEX "\","
			"\"version\":-3}," EVENT PLACE "}",
		"{\"detail\":{\"name\":\"x\",\"sha256\":\"" HEX "\","
			"\"version\":4294967296}," EVENT PLACE "}",
		"{\"detail\":{\"name\":\"x\",\"sha256\":\"" HEX "00\","
			"\"version\":3}," EVENT PLACE "}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		struct kr_inforce_entry x;
		uint8_t root[32];

		entry(records[i], &x, root);
		refused(&x, "alpha", 2, root);
	}
}

static void longest_names(void **state)
{
	struct kr_inforce_entry x;
	struct kr_inforce p;
	uint8_t root[32];
	char record[512];

	(void)state;
	for (int n = 63; n <= 64; n++) {
		snprintf(record, sizeof(record), "{\"detail\":{\"name\":\"%0*d"
			 "\",\"sha256\":\"" HEX "\",\"version\":4294967295},"
			 EVENT PLACE "}", n, 0);
		entry(record, &x, root);
		if (n == 64) {
			refused(&x, "alpha", 2, root);
			break;
		}
		assert_int_equal(kr_inforce_check(&x, "alpha", 2, root, &p,
						  NULL), 0);
		assert_int_equal(strlen(p.name), 63);
		assert_int_equal(p.version, UINT32_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_log_has_is_believed),
		cmocka_unit_test(what_it_has_not_is_not),
		cmocka_unit_test(other_entries_tell_of_no_policy),
		cmocka_unit_test(longest_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
