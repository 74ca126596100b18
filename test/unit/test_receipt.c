/* SPDX-License-Identifier: Apache-2.0 */
/* test_receipt.c - receipts both hosts signed, and every kind that is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "evidence/b64.h"
#include "evidence/receipt.h"
#include "need.h"

static char dir[64];
static struct kr_identity *host[3];	/* alpha, beta, gamma */
static struct kr_terms terms;

static int setup(void **state)
{
	static const char *const names[3] = { "alpha", "beta", "gamma" };

	(void)state;
	strcpy(dir, "/tmp/korora-test-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	for (unsigned int i = 0; i < 3; i++) {
		char d[96];

		snprintf(d, sizeof(d), "%s/%s", dir, names[i]);
		if (mkdir(d, 0700) || kr_identity_create(d, names[i], NULL) ||
		    kr_identity_load(d, &host[i], NULL))
			return -1;
	}
	strcpy(terms.vm, "web-1");
	strcpy(terms.from_name, "alpha");
	strcpy(terms.to_name, "beta");
	memcpy(terms.from_keyid, kr_identity_keyid(host[0]), 32);
	memcpy(terms.to_keyid, kr_identity_keyid(host[1]), 32);
	terms.epoch = 3;
	terms.downtime_us = 41000;
	return 0;
}

static int teardown(void **state)
{
	char cmd[128];

	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		kr_identity_free(host[i]);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static const struct kr_pubkey *key(unsigned int i)
{
	return kr_identity_pubkey(host[i]);
}

/* An envelope about @t signed by hosts @a and @b; @b < 0: by @a alone. */
static char *envelope(enum kr_statement k, const struct kr_terms *t, int a,
		      int b)
{
	struct kr_dsse_sig s[2];
	char *text = NULL;

	assert_int_equal(kr_statement_sign(k, t, host[a], &s[0], NULL), 0);
	if (b >= 0)
		assert_int_equal(kr_statement_sign(k, t, host[b], &s[1], NULL),
				 0);
	assert_int_equal(kr_statement_envelope(k, t, s, b < 0 ? 1 : 2, &text,
					       NULL), 0);
	return text;
}

static int verify(const char *text, unsigned int a, unsigned int b)
{
	struct kr_err e = KR_ERR_NONE;
	struct kr_terms t;
	int r = kr_receipt_verify(text, strlen(text), key(a), key(b), &t, &e);

	if (r)
		assert_int_equal(e.kr, KR_E_RECEIPT_BAD);
	else
		assert_memory_equal(t.to_keyid, terms.to_keyid, 32);
	return r;
}

static void both_signed(void **state)
{
	char *text = envelope(KR_STATEMENT_RECEIPT, &terms, 0, 1);
	struct kr_terms t;

	(void)state;
	assert_int_equal(verify(text, 0, 1), 0);
	assert_int_equal(verify(text, 1, 0), 0);
	assert_int_equal(kr_receipt_peek(text, strlen(text), &t, NULL), 0);
	assert_int_equal(t.downtime_us, 41000);
	free(text);
}

static void one_is_not_enough(void **state)
{
	char *text = envelope(KR_STATEMENT_RECEIPT, &terms, 0, -1);

	(void)state;
	assert_true(verify(text, 0, 1) < 0);
	free(text);
	text = envelope(KR_STATEMENT_RECEIPT, &terms, 0, 0);
	assert_true(verify(text, 0, 1) < 0);
	assert_true(verify(text, 0, 0) < 0);
	free(text);
	/* One host twice, under the other's key id. */
	text = envelope(KR_STATEMENT_RECEIPT, &terms, 0, 1);
	{
		json_t *j = json_loads(text, 0, NULL);
		json_t *s = json_object_get(j, "signatures");
		char *forged;

		json_object_set(json_array_get(s, 1), "sig",
				json_object_get(json_array_get(s, 0), "sig"));
		forged = json_dumps(j, 0);
		assert_true(verify(forged, 0, 1) < 0);
		free(forged);
		json_decref(j);
	}
	free(text);
}

static void others_are_not_the_hosts(void **state)
{
	struct kr_terms t = terms;
	char *text = envelope(KR_STATEMENT_RECEIPT, &terms, 0, 2);

	(void)state;
	assert_true(verify(text, 0, 1) < 0);
	assert_true(verify(text, 0, 2) < 0);
	free(text);
	/* The right keys under another host's name. */
	strcpy(t.to_name, "gamma");
	text = envelope(KR_STATEMENT_RECEIPT, &t, 0, 1);
	assert_true(verify(text, 0, 1) < 0);
	free(text);
	/* From a host to itself. */
	t = terms;
	memcpy(t.to_keyid, t.from_keyid, 32);
	text = envelope(KR_STATEMENT_RECEIPT, &t, 0, 1);
	assert_true(verify(text, 0, 1) < 0);
	free(text);
}

static void other_statements_are_no_receipts(void **state)
{
	(void)state;
	for (unsigned int k = 0; k < KR_STATEMENT_N; k++) {
		char *text = envelope(k, &terms, 0, 1);

		assert_int_equal(verify(text, 0, 1) == 0,
				 k == KR_STATEMENT_RECEIPT);
		free(text);
	}
}

/* Every changed character of the payload and of the signatures is noticed. */
static void changed_bytes(void **state)
{
	char *text = envelope(KR_STATEMENT_RECEIPT, &terms, 0, 1);
	size_t n = strlen(text);

	(void)state;
	for (size_t i = 0; i < n; i += 7) {
		char was = text[i];
		struct kr_terms t;
		int r;

		text[i] = was == 'A' ? 'B' : 'A';
		r = kr_receipt_verify(text, n, key(0), key(1), &t, NULL);
		/* Key ids are hints that nobody believes. */
		if (!r)
			assert_true(memmem(text, i, "\"keyid\"", 7) != NULL);
		text[i] = was;
	}
	free(text);
}

static void changed_payload(void **state)
{
	char *text = envelope(KR_STATEMENT_RECEIPT, &terms, 0, 1);
	struct kr_terms t = terms;
	char *other, *forged;
	json_t *a = json_loads(text, 0, NULL), *b;

	(void)state;
	t.downtime_us = 41;
	other = envelope(KR_STATEMENT_RECEIPT, &t, 2, -1);
	b = json_loads(other, 0, NULL);
	json_object_set(a, "payload", json_object_get(b, "payload"));
	forged = json_dumps(a, 0);
	assert_true(verify(forged, 0, 1) < 0);
	free(forged);
	json_decref(a);
	a = json_loads(text, 0, NULL);
	json_object_set_new(a, "payloadType", json_string("text/plain"));
	forged = json_dumps(a, 0);
	assert_true(verify(forged, 0, 1) < 0);
	free(forged);
	json_decref(a);
	json_decref(b);
	free(other);
	free(text);
}

/* DSSE asks verifiers to take the URL-safe alphabet and no padding too. */
static void foreign_spelling(void **state)
{
	char *text = envelope(KR_STATEMENT_RECEIPT, &terms, 0, 1);
	json_t *j = json_loads(text, 0, NULL);
	json_t *s = json_object_get(j, "signatures");
	char *spelled;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		json_t *o = json_array_get(s, i);
		char sig[128];

		snprintf(sig, sizeof(sig), "%s",
			 json_string_value(json_object_get(o, "sig")));
		for (char *c = sig; *c; c++)
			*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
		sig[strcspn(sig, "=")] = '\0';
		json_object_set_new(o, "sig", json_string(sig));
		json_object_set_new(o, "keyid", json_string("some key"));
	}
	json_object_set_new(j, "extra", json_true());
	spelled = json_dumps(j, JSON_INDENT(2));
	assert_int_equal(verify(spelled, 0, 1), 0);
	free(spelled);
	json_decref(j);
	free(text);
}

static void malformed(void **state)
{
	static const char *const t[] = {
		"", "{}", "[]", "null", "{\"payload\":1}",
		"{\"payload\":\"\",\"payloadType\":\"a\",\"signatures\":[]}",
		"{\"payload\":\"\",\"payloadType\":\"a\",\"signatures\":[1]}",
		"{\"payload\":\"%\",\"payloadType\":\"a\",\"signatures\":"
		"[{\"sig\":\"AA==\"}]}",
		"{\"payload\":\"\",\"payloadType\":\"a\",\"signatures\":"
		"[{\"sig\":\"\"},{\"sig\":\"\"},{\"sig\":\"\"},{\"sig\":\"\"},"
		"{\"sig\":\"\"}]}",
	};
	char *big = calloc(1, KR_DSSE_BYTES_MAX + 2);
	struct kr_dsse d;
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		assert_true(verify(t[i], 0, 1) < 0);
	memset(big, ' ', KR_DSSE_BYTES_MAX + 1);
	assert_true(kr_dsse_parse(big, KR_DSSE_BYTES_MAX + 1, &d, &e) < 0);
	assert_int_equal(e.kr, KR_E_MALFORMED);
	free(big);
}

/* Each host checks the other's single signature over its own terms. */
static void statements_disagree(void **state)
{
	struct kr_terms t = terms;
	struct kr_dsse_sig s;
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	assert_int_equal(kr_statement_sign(KR_STATEMENT_MANIFEST, &t, host[0],
					   &s, &e), 0);
	assert_int_equal(kr_statement_check(KR_STATEMENT_MANIFEST, &t, key(0),
					    s.sig, s.sig_bytes, &e), 0);
	assert_true(kr_statement_check(KR_STATEMENT_PREPARED, &t, key(0), s.sig,
				       s.sig_bytes, &e) < 0);
	assert_int_equal(e.kr, KR_E_SIGNATURE);
	t.stream.ram_root[0] ^= 1;
	assert_true(kr_statement_check(KR_STATEMENT_MANIFEST, &t, key(0), s.sig,
				       s.sig_bytes, NULL) < 0);
}

/* What PROTOCOL.evidence.md tells people to do without korora. */
/* It said in its acceptance that it decided by another. */
static void policies_of_receipts_disagree(void **state)
{
	struct kr_terms t = terms;
	struct kr_dsse_sig s;

	(void)state;
	strcpy(t.from_policy.name, "standard");
	strcpy(t.to_policy.name, "strict");
	t.to_policy.version = 3;
	assert_int_equal(kr_statement_sign(KR_STATEMENT_RECEIPT, &t, host[1],
					   &s, NULL), 0);
	assert_int_equal(kr_statement_check(KR_STATEMENT_RECEIPT, &t, key(1),
					    s.sig, s.sig_bytes, NULL), 0);
	for (int i = 0; i < 4; i++) {
		struct kr_terms said = t;
		struct kr_err e = KR_ERR_NONE;

		said.to_policy.version += i == 0;
		said.to_policy.digest[31] ^= i == 1;
		said.to_policy.name[0] ^= i == 2;
		said.from_policy.version += i == 3;
		assert_true(kr_statement_check(KR_STATEMENT_RECEIPT, &said,
					       key(1), s.sig, s.sig_bytes,
					       &e) < 0);
		assert_int_equal(e.kr, KR_E_SIGNATURE);
	}
}

static void openssl_agrees(void **state)
{
	static const char script[] =
		"cd %s && type=$(jq -r .payloadType r.json) && "
		"jq -r .payload r.json | base64 -d > payload && "
		"{ printf 'DSSEv1 %%d %%s %%d ' ${#type} \"$type\" "
		"$(wc -c < payload); cat payload; } > pae && "
		"for h in alpha beta; do "
		"openssl x509 -in $h/identity.crt -noout -pubkey > $h.pub && "
		"keyid=$(openssl pkey -pubin -in $h.pub -outform DER | "
		"sha256sum | cut -c1-64) && "
		"jq -r --arg k $keyid "
		"'.signatures[]|select(.keyid==$k).sig' r.json | base64 -d "
		"> $h.sig && openssl dgst -sha256 -verify $h.pub -signature "
		"$h.sig pae >/dev/null || exit 1; done";
	char *text = envelope(KR_STATEMENT_RECEIPT, &terms, 0, 1);
	char cmd[2048], path[96];

	(void)state;
	need(!system("command -v jq >/dev/null"), "jq");
	snprintf(path, sizeof(path), "%s/r.json", dir);
	assert_int_equal(kr_write_file(path, text, strlen(text), 0644), 0);
	snprintf(cmd, sizeof(cmd), script, dir);
	assert_int_equal(system(cmd), 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_signed),
		cmocka_unit_test(one_is_not_enough),
		cmocka_unit_test(others_are_not_the_hosts),
		cmocka_unit_test(other_statements_are_no_receipts),
		cmocka_unit_test(changed_bytes),
		cmocka_unit_test(changed_payload),
		cmocka_unit_test(foreign_spelling),
		cmocka_unit_test(malformed),
		cmocka_unit_test(statements_disagree),
		cmocka_unit_test(policies_of_receipts_disagree),
		cmocka_unit_test(openssl_agrees),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
