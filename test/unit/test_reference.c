/* SPDX-License-Identifier: Apache-2.0 */
/* test_reference.c - documents of reference values, signed and hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "attest/reference.h"
#include "base/fd.h"
#include "evidence/b64.h"

#define N(a)	(sizeof(a) / sizeof((a)[0]))
#define A	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C	"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static const char good[] =
	"{\"name\":\"hosts\",\"version\":7,\"bank\":\"sha256\","
	"\"pcrs\":{\"0\":[\"" A "\",\"" B "\"],\"7\":[\"" A "\"]},"
	"\"events\":{\"4\":[\"" B "\"]},\"revoked\":[\"" C "\"]}";

static bool has(const struct kr_reference *r, enum kr_reference_kind kind,
		unsigned int pcr, uint8_t fill)
{
	uint8_t d[32];

	memset(d, fill, sizeof(d));
	return kr_reference_has(r, kind, pcr, d);
}

static void a_document_is_read(void **state)
{
	struct kr_reference r;
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	assert_int_equal(kr_reference_parse(good, strlen(good), &r, NULL), 0);
	assert_string_equal(r.name, "hosts");
	assert_int_equal(r.version, 7);
	assert_int_equal(r.by_value, 0x81);
	assert_int_equal(r.by_event, 0x10);
	assert_true(has(&r, KR_REFERENCE_PCR, 0, 0xaa));
	assert_true(has(&r, KR_REFERENCE_PCR, 0, 0xbb));
	assert_true(has(&r, KR_REFERENCE_PCR, 7, 0xaa));
	assert_true(has(&r, KR_REFERENCE_EVENT, 4, 0xbb));
	assert_true(has(&r, KR_REFERENCE_REVOKED, 0, 0xcc));
	/* each for itself alone */
	assert_false(has(&r, KR_REFERENCE_PCR, 7, 0xbb));
	assert_false(has(&r, KR_REFERENCE_PCR, 4, 0xbb));
	assert_false(has(&r, KR_REFERENCE_EVENT, 7, 0xbb));
	assert_false(has(&r, KR_REFERENCE_PCR, 0, 0xcc));
	assert_int_equal(kr_reference_newer(&r, 6, NULL), 0);
	assert_true(kr_reference_newer(&r, 7, &e) < 0);
	assert_int_equal(e.kr, KR_E_REFERENCE_OLD);
	kr_reference_fini(&r);
}

static void hostile_documents_are_refused(void **state)
{
	static const struct { const char *what, *by; } edit[] = {
		{ "\"name\":\"hosts\"", "\"name\":\"\"" },
		{ "\"name\":\"hosts\"", "\"name\":7" },
		{ "\"name\":\"hosts\"", "\"name\":\"h\\nosts\"" },
		{ "hosts", A },				/* too long */
		{ "\"version\":7", "\"version\":0" },
		{ "\"version\":7", "\"version\":-7" },
		{ "\"version\":7", "\"version\":\"7\"" },
		{ "\"version\":7", "\"version\":4294967296" },
		{ "\"version\":7,", "" },
		{ "\"version\":7", "\"version\":7,\"version\":8" },
		{ "sha256", "sha1" }, { "sha256", "sha384" },
		{ "revoked", "revokd" },	/* protects nobody */
		{ "\"events\":{", "\"event\":{" },
		{ "\"0\":", "\"24\":" }, { "\"0\":", "\"00\":" },
		{ "\"0\":", "\"-1\":" }, { "\"0\":", "\"\":" },
		{ "\"4\":", "\"7\":" },		/* by values and by events */
		{ "\"7\":[\"" A "\"]", "\"7\":[]" },
		{ "\"7\":[\"" A "\"]", "\"7\":\"" A "\"" },
		{ "\"7\":[\"" A "\"]", "\"7\":[7]" },
		{ "\"7\":[\"" A "\"]", "\"7\":null" },
		{ A "\",\"" B, A "\",\"" A },	/* twice */
		{ C, "cc" }, { C, C "cc" }, { "\"" C, "\"z" },
		{ "[\"" C "\"]", "[]" }, { "[\"" C "\"]", "{}" },
		{ "{\"0\"", "[{\"0\"" }, { "}", "" },
	};
	struct kr_reference r;

	(void)state;
	for (size_t i = 0; i < N(edit); i++) {
		char bad[sizeof(good) + 128];
		const char *at = strstr(good, edit[i].what);
		struct kr_err e = KR_ERR_NONE;

		assert_non_null(at);
		snprintf(bad, sizeof(bad), "%.*s%s%s", (int)(at - good), good,
			 edit[i].by, at + strlen(edit[i].what));
		assert_true(kr_reference_parse(bad, strlen(bad), &r, &e) < 0);
		assert_int_equal(e.kr, KR_E_REFERENCE);
	}
	for (size_t i = 0; i < sizeof(good) - 1; i++)
		assert_true(kr_reference_parse(good, i, &r, NULL) < 0);
	/* of no PCR at all: it would affirm anything */
	assert_true(kr_reference_parse("{\"name\":\"x\",\"version\":1,"
				       "\"bank\":\"sha256\"}", 42, &r,
				       NULL) < 0);
}

static void a_large_document(void **state)
{
	char *text = malloc(KR_REFERENCE_BYTES_MAX + 2);
	struct kr_reference r;

	(void)state;
	memset(text, ' ', KR_REFERENCE_BYTES_MAX + 1);
	memcpy(text, good, strlen(good));
	assert_int_equal(kr_reference_parse(text, KR_REFERENCE_BYTES_MAX, &r,
					    NULL), 0);
	kr_reference_fini(&r);
	assert_true(kr_reference_parse(text, KR_REFERENCE_BYTES_MAX + 1, &r,
				       NULL) < 0);
	free(text);
}

/* ---- signed -------------------------------------------------------------- */

static struct kr_pubkey *pubkey(EVP_PKEY *key)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	struct kr_pubkey *k = NULL;

	assert_true(n > 0);
	assert_int_equal(kr_pubkey_parse(der, (size_t)n, &k, NULL), 0);
	OPENSSL_free(der);
	return k;
}

static char *envelope(EVP_PKEY *key, const char *type)
{
	struct kr_dsse_sig s = { .sig_bytes = sizeof(s.sig) };
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	uint8_t *pae;
	char *text;
	size_t n;

	assert_int_equal(kr_dsse_pae(type, good, strlen(good), &pae, &n,
				     NULL), 0);
	assert_int_equal(EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, key),
			 1);
	assert_int_equal(EVP_DigestSign(c, s.sig, &s.sig_bytes, pae, n), 1);
	EVP_MD_CTX_free(c);
	free(pae);
	assert_int_equal(kr_dsse_build(type, good, strlen(good), &s, 1, &text,
				       NULL), 0);
	return text;
}

static enum kr_code verified(const char *text, struct kr_pubkey **keys,
			     unsigned int n_keys)
{
	struct kr_reference r;
	struct kr_err e = KR_ERR_NONE;

	if (kr_reference_verify(text, strlen(text),
				(const struct kr_pubkey *const *)keys, n_keys,
				&r, &e))
		return e.kr;
	assert_int_equal(r.version, 7);
	kr_reference_fini(&r);
	return KR_OK;
}

static void who_signed_counts(void **state)
{
	EVP_PKEY *a = EVP_EC_gen("P-256"), *b = EVP_EC_gen("P-256");
	struct kr_pubkey *keys[2] = { pubkey(a), pubkey(b) };
	char *by_a = envelope(a, KR_REFERENCE_TYPE);
	char *other = envelope(a, "application/vnd.in-toto+json"), *at;

	(void)state;
	assert_int_equal(verified(by_a, keys, 1), KR_OK);
	assert_int_equal(verified(by_a, keys, 2), KR_OK);
	assert_int_equal(verified(by_a, keys + 1, 1), KR_E_REFERENCE_SIGNER);
	assert_int_equal(verified(by_a, keys, 0), KR_E_REFERENCE_SIGNER);
	/* not what was signed as something else, or not at all */
	assert_int_equal(verified(other, keys, 2), KR_E_REFERENCE_SIGNER);
	assert_int_equal(verified(good, keys, 2), KR_E_REFERENCE_SIGNER);
	at = strstr(by_a, "\"payload\":\"") + 40;
	*at = *at == 'A' ? 'B' : 'A';
	assert_int_equal(verified(by_a, keys, 2), KR_E_REFERENCE_SIGNER);
	for (unsigned int i = 0; i < 2; i++)
		kr_pubkey_free(keys[i]);
	free(by_a);
	free(other);
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_document_is_read),
		cmocka_unit_test(hostile_documents_are_refused),
		cmocka_unit_test(a_large_document),
		cmocka_unit_test(who_signed_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
