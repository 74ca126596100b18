/* SPDX-License-Identifier: Apache-2.0 */
/* test_keptpolicy.c - what a policy that is known by its digest asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "client/keptpolicy.h"
#include "policy/bundle.h"

#define HEAD	"[policy p]\nversion = 1\n"
#define TRIPLE(name, who, on, more)					\
	"[triple " name "]\nwho = " who "\nmay = migrate\non = " on "\n"	\
	more "certified_by = vera\n"

/* A file's text as bundle.h has it; for kr_bundle_fini(). */
static void bundle_of(const char *text, struct kr_bundle *ret, char hex[65])
{
	size_t n = strlen(text), size = n + 2 + 8;
	struct kr_wr w;

	*ret = (struct kr_bundle){ .bytes = malloc(size), .n = size };
	assert_non_null(ret->bytes);
	w = KR_WR(ret->bytes, size);
	kr_wr_bytes(&w, "f", 2);
	kr_wr_u64(&w, n);
	kr_wr_bytes(&w, text, n);
	assert_int_equal(kr_bundle_sum(ret, NULL), 0);
	kr_hex(ret->digest, 32, hex);
}

/* What it asked of web, if anna moves it. */
static json_t *told(const char *text)
{
	KR_AUTO(kr_bundle_fini) struct kr_bundle b = { 0 };
	struct kr_err e = KR_ERR_NONE;
	json_t *to = json_object();
	char hex[65];

	bundle_of(text, &b, hex);
	if (kr_keptpolicy_tell(&b, hex, "web", "anna", to, &e))
		fail_msg("%s", e.what);
	return to;
}

static void demands_are(const char *text, const char *want)
{
	json_t *j = told(text);

	assert_string_equal(json_string_value(json_object_get(j, "demands")),
			    want);
	json_decref(j);
}

static void what_it_demands(void **state)
{
	(void)state;
	demands_are(HEAD, "tls=1.3\nmutual=required\nattestation=none\n"
		    "scanners=0\npostcopy=yes\nevidence=any\n");
	/* every suite that there is, none of them cut off */
	demands_are(HEAD "[protection q]\non = vm:w*\nattestation = yes\n"
		    "scanners = 16\nno_postcopy = yes\nmemory_root = yes\n"
		    "control_suites = TLS_AES_256_GCM_SHA384, "
		    "TLS_AES_128_GCM_SHA256, TLS_CHACHA20_POLY1305_SHA256\n"
		    "lane_suites = TLS_AES_128_GCM_SHA256\n",
		    "tls=1.3\nmutual=required\nattestation=required\n"
		    "scanners=16\npostcopy=no\nevidence=memory-root\n"
		    "control_suites=TLS_AES_256_GCM_SHA384:"
		    "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256\n"
		    "lane_suite=TLS_AES_128_GCM_SHA256\n");
}

static void destinations_are(const char *text, const char *want)
{
	json_t *j = told(text);
	char *hosts = json_dumps(json_object_get(j, "destinations"),
				 JSON_COMPACT);

	assert_string_equal(hosts, want);
	free(hosts);
	json_decref(j);
}

static void where_it_may_go(void **state)
{
	(void)state;
	destinations_are(HEAD, "[]");
	destinations_are(HEAD TRIPLE("t", "anna", "vm:web", ""), "[\"*\"]");
	destinations_are(HEAD TRIPLE("t", "anna", "vm:web", "to = b, rack*\n")
			 TRIPLE("u", "anna", "vm:w*", "to = c\n"),
			 "[\"b\",\"rack*\",\"c\"]");
	/* of another VM, of another user; of a role that he may have had */
	destinations_are(HEAD TRIPLE("t", "anna", "vm:db", "to = b\n")
			 TRIPLE("u", "otto", "vm:web", "")
			 TRIPLE("v", "role:operate", "vm:web", "to = d\n"),
			 "[\"d\"]");
	/* of another procedure */
	destinations_are(HEAD "[triple t]\nwho = anna\nmay = cancel\n"
			 "on = vm:web\ncertified_by = vera\n", "[]");
}

/* Nothing that was changed is believed, be it a single bit. */
static void another_digest(void **state)
{
	KR_AUTO(kr_bundle_fini) struct kr_bundle b = { 0 };
	struct kr_err e = KR_ERR_NONE;
	json_t *to = json_object();
	char hex[65];

	(void)state;
	bundle_of(HEAD TRIPLE("t", "anna", "vm:web", "to = b\n"), &b, hex);
	b.bytes[b.n - 2] ^= 1;
	assert_true(kr_keptpolicy_tell(&b, hex, "web", "anna", to, &e) < 0);
	assert_int_equal(e.kr, KR_E_STORE);
	assert_int_equal(json_object_size(to), 0);
	json_decref(to);
}

/* A length that goes beyond the end is refused, with the digest it has. */
static void one_that_is_cut_off(void **state)
{
	KR_AUTO(kr_bundle_fini) struct kr_bundle b = { 0 };
	struct kr_err e = KR_ERR_NONE;
	json_t *to = json_object();
	char hex[65];

	(void)state;
	bundle_of(HEAD, &b, hex);
	b.n -= 3;
	assert_int_equal(kr_bundle_sum(&b, NULL), 0);
	kr_hex(b.digest, 32, hex);
	assert_true(kr_keptpolicy_tell(&b, hex, "web", "anna", to, &e) < 0);
	assert_int_equal(e.kr, KR_E_MALFORMED);
	json_decref(to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_demands),
		cmocka_unit_test(where_it_may_go),
		cmocka_unit_test(another_digest),
		cmocka_unit_test(one_that_is_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
