/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statement_stand.h - terms of a migration and of one that ran early, for tests
 * of what is said and signed about them; and texts that are no statement.
 */
#ifndef KR_TEST_STATEMENT_STAND_H
#define KR_TEST_STATEMENT_STAND_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "evidence/statement.h"

static inline struct kr_terms sample(void)
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
static inline char *expand(const char *s)
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

static inline struct kr_terms early(void)
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

struct edit { const char *what, *by; };

/* The text of @k with any of these edits is no statement. */
static inline void refused(enum kr_statement k, const struct kr_terms *t,
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

#endif
