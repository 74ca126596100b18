/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_client_receipt.c - korora receipt verify, offline, against real files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "evidence/statement.h"

#include "client_stand.h"

static struct kr_identity *identity(const char *dir, const char *name)
{
	struct kr_err e = KR_ERR_NONE;
	struct kr_identity *id = NULL;

	assert_int_equal(kr_mkdirs(dir, 0700), 0);
	kr_identity_create(dir, name, &e);
	e = KR_ERR_NONE;
	assert_int_equal(kr_identity_load(dir, &id, &e), 0);
	return id;
}

static struct kr_terms terms(void)
{
	return (struct kr_terms){
		.vm = "web", .from_name = "alpha", .to_name = "beta",
		.requested_by = "root", .strategy = "precopy", .epoch = 2,
		.protection = { .control_tls = "TLSv1.3", .control_suite = "C",
				.lane_suite = "L", .n_lanes = 1,
				.attestation = "none" },
		.downtime_us = 38210, .rounds = 3,
	};
}

static void write_receipt(const struct kr_identity *a,
			  const struct kr_identity *b, struct kr_terms t,
			  const char *path)
{
	struct kr_dsse_sig sigs[2];
	struct kr_err e = KR_ERR_NONE;
	KR_AUTOFREE char *text = NULL;

	memcpy(t.from_keyid, kr_identity_keyid(a), 32);
	memcpy(t.to_keyid, kr_identity_keyid(b), 32);
	assert_int_equal(kr_statement_sign(KR_STATEMENT_RECEIPT, &t, a,
					   &sigs[0], &e), 0);
	assert_int_equal(kr_statement_sign(KR_STATEMENT_RECEIPT, &t, b,
					   &sigs[1], &e), 0);
	assert_int_equal(kr_statement_envelope(KR_STATEMENT_RECEIPT, &t, sigs,
					       2, &text, &e), 0);
	assert_int_equal(kr_write_file(path, text, strlen(text), 0644), 0);
}

static int verify(const char *file, const char *keys)
{
	char line[1024];

	snprintf(line, sizeof(line), "receipt verify %s %s", file, keys);
	return korora(line);
}

static void receipts_are_verified_offline(void **state)
{
	KR_AUTO(kr_identity_autofree) struct kr_identity *a =
		identity(below("/etc/korora"), "alpha");
	KR_AUTO(kr_identity_autofree) struct kr_identity *b =
		identity(below("/beta"), "beta");
	const char *pem = kr_identity_cert_pem(b);
	char keys[600], *sig;

	(void)state;
	write_receipt(a, b, terms(), below("/receipt"));
	/* beta's certificate is not at hand */
	assert_int_equal(verify(below("/receipt"), ""), KR_EXIT_REFUSED);
	assert_non_null(strstr(err, "KR-8003"));
	assert_non_null(strstr(err, "beta"));
	/* met as a peer */
	assert_int_equal(kr_mkdirs(below("/var/lib/korora/peers"), 0700), 0);
	kr_write_file(below("/var/lib/korora/peers/beta.crt"), pem,
		      strlen(pem), 0644);
	assert_int_equal(verify(below("/receipt"), ""), 0);
	assert_non_null(strstr(out, "both signatures verify"));
	assert_int_equal(verify(below("/receipt"), "--json"), 0);
	assert_non_null(strstr(out, "\"downtime_ms\":38.21"));
	/* keys given replace those at hand */
	snprintf(keys, sizeof(keys), "--key %s --key=%s",
		 below("/etc/korora/identity.crt"),
		 below("/beta/identity.crt"));
	assert_int_equal(verify(below("/receipt"), keys), 0);
	snprintf(keys, sizeof(keys), "--key %s",
		 below("/etc/korora/identity.crt"));
	assert_int_equal(verify(below("/receipt"), keys), KR_EXIT_REFUSED);
	/* one character of a signature */
	slurp(below("/receipt"), out);
	sig = strstr(out, "\"sig\":\"");
	assert_non_null(sig);
	sig[20] = sig[20] == 'A' ? 'B' : 'A';
	kr_write_file(below("/forged"), out, strlen(out), 0644);
	assert_int_equal(verify(below("/forged"), ""), KR_EXIT_REFUSED);
	assert_non_null(strstr(err, "KR-8003"));
	assert_int_equal(verify("/dev/null", ""), KR_EXIT_REFUSED);
	assert_int_equal(verify("/nonexistent", ""), KR_EXIT_REFUSED);
}

/* After the above, the keys are at hand. */
static void receipts_tell_that_it_ran_early(void **state)
{
	KR_AUTO(kr_identity_autofree) struct kr_identity *a =
		identity(below("/etc/korora"), "alpha");
	KR_AUTO(kr_identity_autofree) struct kr_identity *b =
		identity(below("/beta"), "beta");
	struct kr_terms t = terms();

	(void)state;
	write_receipt(a, b, t, below("/receipt"));
	assert_int_equal(verify(below("/receipt"), ""), 0);
	assert_null(strstr(out, "early"));
	assert_int_equal(verify(below("/receipt"), "--json"), 0);
	assert_null(strstr(out, "postcopy"));
	t.postcopy.early = true;
	t.postcopy.owed_pages = 700;
	t.postcopy.late_pages = 711;
	t.postcopy.complete_ms = 1700000000005;
	t.postcopy.recoveries = 2;
	t.postcopy.stream_bytes = 2900000;
	memset(t.postcopy.ram_root, 0xdd, 32);
	write_receipt(a, b, t, below("/receipt"));
	assert_int_equal(verify(below("/receipt"), ""), 0);
	assert_non_null(strstr(out, "Ran early:         yes, before all of its "
				    "memory was there\n"
				    "Owed pages:        700\n"
				    "Late pages:        711\n"
				    "Complete:          2023-11-1"));
	assert_non_null(strstr(out, "Recoveries:        2\n"));
	assert_non_null(strstr(out, "  in the end:      dddddd"));
	assert_int_equal(verify(below("/receipt"), "--json"), 0);
	assert_non_null(strstr(out, "\"postcopy\":{\"lost\":false,"
				    "\"off\":false,\"preempt\":false,"));
	t.postcopy.off = true;
	t.postcopy.stream_bytes = 0;
	memset(t.postcopy.ram_root, 0, 32);
	write_receipt(a, b, t, below("/receipt"));
	assert_int_equal(verify(below("/receipt"), ""), 0);
	assert_non_null(strstr(out, "was off before all of it was there\n"));
	t.postcopy.off = false;
	t.postcopy.lost = true;
	t.postcopy.complete_ms = t.postcopy.stream_bytes = 0;
	write_receipt(a, b, t, below("/receipt"));
	assert_int_equal(verify(below("/receipt"), ""), 0);
	assert_non_null(strstr(out, "yes, and never got all of its memory\n"));
	assert_null(strstr(out, "Complete:"));
	assert_null(strstr(out, "in the end"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(receipts_are_verified_offline),
		cmocka_unit_test(receipts_tell_that_it_ran_early),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
