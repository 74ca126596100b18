/* SPDX-License-Identifier: Apache-2.0 */
/* test_approval.c - approvals as text and back, signed, and held against. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/approval.h"
#include "evidence/b64.h"
#include "evidence/signer.h"
#include "evidence/statement.h"

#define N(a)	(sizeof(a) / sizeof((a)[0]))

static char dir[64], anna[96], ben[96];

/* A PEM file with a new private key. */
static int make_key(const char *path, const char *type, const char *curve)
{
	EVP_PKEY *k = curve ? EVP_PKEY_Q_keygen(NULL, NULL, type, curve) :
			      EVP_PKEY_Q_keygen(NULL, NULL, type);
	FILE *f = fopen(path, "w");
	int ok = k && f && PEM_write_PKCS8PrivateKey(f, k, NULL, NULL, 0, NULL,
						     NULL);

	EVP_PKEY_free(k);
	return f && !fclose(f) && ok ? 0 : -1;
}

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/korora-test-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(anna, sizeof(anna), "%s/anna.pem", dir);
	snprintf(ben, sizeof(ben), "%s/ben.pem", dir);
	return make_key(anna, "EC", "P-256") || make_key(ben, "EC", "P-256");
}

static int teardown(void **state)
{
	char cmd[128];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static struct kr_approval sample(void)
{
	struct kr_approval a = {
		.vm = "web-1", .epoch = 8, .from_name = "alpha",
		.to_name = "beta", .policy = { .name = "strict", .version = 3 },
		.requester = "carl \"c\" \\o/", .approver = "anna",
		.decision = KR_APPROVAL_APPROVE, .issued_ms = 1700000000000,
		.expires_ms = 1700000060000,
	};

	memset(a.request, 0x11, sizeof(a.request));
	memset(a.definition, 0x22, 32);
	memset(a.from_keyid, 0x33, 32);
	memset(a.to_keyid, 0x44, 32);
	memset(a.policy.digest, 0x55, 32);
	memset(a.params, 0x66, 32);
	memset(a.approver_keyid, 0x77, 32);
	memset(a.nonce, 0x88, sizeof(a.nonce));
	return a;
}

/* Of what is no migration. */
static struct kr_approval other(void)
{
	struct kr_approval a = sample();

	memset(a.vm, 0, sizeof(a.vm));
	memset(a.to_name, 0, sizeof(a.to_name));
	memset(a.to_keyid, 0, sizeof(a.to_keyid));
	a.epoch = 0;
	strcpy(a.procedure, "user.grant");
	strcpy(a.item, "user:carl");
	return a;
}

/* ---- text -------------------------------------------------------------- */

#define X16(b)	b b b b b b b b b b b b b b b b
#define X32(b)	X16(b) X16(b)

static const char golden[] =
	"{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicate\":{"
	"\"approver\":{\"keyid\":\"" X32("77") "\",\"name\":\"anna\"},"
	"\"decision\":\"approve\",\"definition_sha256\":\"" X32("22") "\","
	"\"epoch\":8,\"from\":{\"keyid\":\"" X32("33") "\","
	"\"name\":\"alpha\"},\"nonce\":\"" X16("88") "\","
	"\"params_sha256\":\"" X32("66") "\",\"policy\":{\"name\":\"strict\","
	"\"sha256\":\"" X32("55") "\",\"version\":3},"
	"\"request\":\"" X16("11") "\","
	"\"requested_by\":\"carl \\\"c\\\" \\\\o/\","
	"\"times\":{\"expires_ms\":1700000060000,"
	"\"issued_ms\":1700000000000},"
	"\"to\":{\"keyid\":\"" X32("44") "\",\"name\":\"beta\"},"
	"\"vm\":\"web-1\"},"
	"\"predicateType\":\"https://korora.dev/statement/approval/v1\","
	"\"subject\":[{\"digest\":{\"sha256\":\"" X32("22") "\"},"
	"\"name\":\"web-1\"}]}";

static void one_text_there_and_back(void **state)
{
	struct kr_approval a = sample(), back;
	char out[KR_APPROVAL_BYTES_MAX];
	size_t n;
	json_t *j;
	char *sorted;

	(void)state;
	assert_int_equal(kr_approval_build(&a, out, &n, NULL), 0);
	assert_string_equal(out, golden);
	assert_int_equal(n, strlen(golden));
	assert_int_equal(kr_approval_parse(out, n, &back, NULL), 0);
	assert_memory_equal(&back, &a, sizeof(a));
	j = json_loads(out, JSON_REJECT_DUPLICATES, NULL);
	sorted = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(sorted, out);
	free(sorted);
	json_decref(j);
}

/* The largest that can be said has room, escapes and all. */
static void another_procedure_is_named(void **state)
{
	struct kr_approval a = other(), back;
	char out[KR_APPROVAL_BYTES_MAX], cut[KR_APPROVAL_BYTES_MAX];
	static const char said[] = "\"procedure\":\"user.grant\",";
	json_t *asked = kr_approval_asked(&a);
	char *at;
	size_t n;

	(void)state;
	assert_int_equal(kr_approval_build(&a, out, &n, NULL), 0);
	assert_int_equal(kr_approval_parse(out, n, &back, NULL), 0);
	assert_memory_equal(&back, &a, sizeof(a));
	assert_int_equal(kr_approval_read(asked, &back, NULL), 0);
	assert_string_equal(back.procedure, "user.grant");
	assert_string_equal(back.item, "user:carl");
	json_decref(asked);
	/* without it, it is no migration's either */
	at = strstr(out, said);
	assert_non_null(at);
	snprintf(cut, sizeof(cut), "%.*s%s", (int)(at - out), out,
		 at + sizeof(said) - 1);
	assert_true(kr_approval_parse(cut, strlen(cut), &back, NULL) < 0);
}

static void the_longest_fits(void **state)
{
	struct kr_approval a = other(), back;
	char out[KR_APPROVAL_BYTES_MAX];
	char *const texts[] = { a.vm, a.from_name, a.to_name, a.policy.name,
				a.requester, a.approver, a.procedure, a.item };
	const size_t sizes[] = { sizeof(a.vm), sizeof(a.from_name),
				 sizeof(a.to_name), sizeof(a.policy.name),
				 sizeof(a.requester), sizeof(a.approver),
				 sizeof(a.procedure), sizeof(a.item) };
	size_t n;

	(void)state;
	for (size_t i = 0; i < N(texts); i++) {
		memset(texts[i], '"', sizes[i] - 1);
		texts[i][sizes[i] - 1] = '\0';
	}
	a.epoch = a.policy.version = KR_TERMS_NUMBER_MAX;
	a.issued_ms = a.expires_ms = KR_TERMS_NUMBER_MAX;
	assert_int_equal(kr_approval_build(&a, out, &n, NULL), 0);
	assert_true(n < 3072);
	assert_int_equal(kr_approval_parse(out, n, &back, NULL), 0);
	assert_memory_equal(&back, &a, sizeof(a));
}

static void what_cannot_be_said(void **state)
{
	char out[KR_APPROVAL_BYTES_MAX];
	struct kr_approval a = sample();
	size_t n;

	(void)state;
	strcpy(a.decision, "perhaps");
	assert_true(kr_approval_build(&a, out, &n, NULL) < 0);
	a = sample();
	a.decision[0] = '\0';
	assert_true(kr_approval_build(&a, out, &n, NULL) < 0);
	a = sample();
	strcpy(a.vm, "caf\xc3\xa9");
	assert_true(kr_approval_build(&a, out, &n, NULL) < 0);
	a = sample();
	memset(a.approver, 'x', sizeof(a.approver));
	assert_true(kr_approval_build(&a, out, &n, NULL) < 0);
	a = sample();
	a.policy.version = KR_TERMS_NUMBER_MAX + 1;
	assert_true(kr_approval_build(&a, out, &n, NULL) < 0);
}

static void hostile_texts_are_refused(void **state)
{
	static const struct { const char *what, *by; } edit[] = {
		{ "{\"_type\"", "{ \"_type\"" },
		{ "\"epoch\":8", "\"epoch\":08" },
		{ "\"epoch\":8", "\"epoch\":8.0" },
		{ "\"epoch\":8", "\"epoch\":-8" },
		{ "\"epoch\":8", "\"epoch\":9007199254740992" },
		{ "\"epoch\":8", "\"epoch\":\"8\"" },
		{ "\"epoch\":8", "\"epoch\":8,\"epoch\":9" },
		{ "\"epoch\":8", "\"epoch\":8,\"extra\":1" },
		{ "\"epoch\":8,", "" },
		{ "\"approve\"", "\"deny \"" },
		{ "\"approve\"", "\"APPROVE\"" },
		{ "\"approve\"", "\"approvex\"" },
		{ "\"approve\"", "true" },
		{ "\"anna\"", "\"an\\u006ea\"" },
		{ "\"anna\"", "\"an\\u0000na\"" },
		{ "\"anna\"", "\"an\\nna\"" },
		{ "1111", "111" }, { "1111", "11AA" }, { "1111", "11gg" },
		{ "approval/v1", "approval/v2" },
		{ "approval/v1", "offer/v1" },
		{ "Statement/v1", "Statement/v0.1" },
		{ "\"name\":\"web-1\"}]", "\"name\":\"web-2\"}]" },
		{ "\"sha256\":\"22", "\"sha256\":\"23" },
		{ "\"version\":3", "\"version\":{}" },
		{ "\"times\":{", "\"times\":[{" },
		{ "}]}", "}],\"more\":0}" },
		{ "}]}", "},{}]}" },
	};
	char bad[sizeof(golden) + 64];
	struct kr_approval a;
	enum kr_statement k;
	struct kr_terms t;

	(void)state;
	for (size_t i = 0; i < N(edit); i++) {
		const char *at = strstr(golden, edit[i].what);
		struct kr_err e = KR_ERR_NONE;

		assert_non_null(at);
		snprintf(bad, sizeof(bad), "%.*s%s%s", (int)(at - golden),
			 golden, edit[i].by, at + strlen(edit[i].what));
		assert_true(kr_approval_parse(bad, strlen(bad), &a, &e) < 0);
		assert_int_equal(e.kr, KR_E_MALFORMED);
	}
	for (size_t i = 0; i < sizeof(golden) - 1; i++)
		assert_true(kr_approval_parse(golden, i, &a, NULL) < 0);
	/* nor is it taken for one of the hosts' statements */
	assert_true(kr_statement_parse(golden, sizeof(golden) - 1, &k, &t,
				       NULL) < 0);
}

static void what_is_asked_is_shown_whole(void **state)
{
	struct kr_approval a = sample(), back, want = sample();
	json_t *j = kr_approval_asked(&a);

	(void)state;
	assert_non_null(j);
	assert_null(json_object_get(j, "approver"));
	assert_null(json_object_get(j, "decision"));
	assert_int_equal(kr_approval_read(j, &back, NULL), 0);
	memcpy(back.approver, want.approver, sizeof(back.approver));
	memcpy(back.approver_keyid, want.approver_keyid, 32);
	assert_int_equal(kr_approval_check(&a, &back, a.issued_ms, NULL), 0);
	json_object_set_new(j, "vm", json_string("caf\xc3\xa9"));
	assert_true(kr_approval_read(j, &back, NULL) < 0);
	json_object_del(j, "vm");
	assert_true(kr_approval_read(j, &back, NULL) < 0);
	json_decref(j);
	assert_true(kr_approval_read(NULL, &back, NULL) < 0);
}

static void parameters_in_any_order_are_the_same(void **state)
{
	json_t *a = json_pack("{s:i, s:s}", "x", 1, "y", "z");
	json_t *b = json_pack("{s:s, s:i}", "y", "z", "x", 1);
	uint8_t da[32], db[32];

	(void)state;
	assert_int_equal(kr_approval_params(a, da, NULL), 0);
	assert_int_equal(kr_approval_params(b, db, NULL), 0);
	assert_memory_equal(da, db, 32);
	json_object_set_new(b, "x", json_integer(2));
	assert_int_equal(kr_approval_params(b, db, NULL), 0);
	assert_memory_not_equal(da, db, 32);
	json_decref(a);
	json_decref(b);
	assert_true(kr_approval_params(NULL, da, NULL) < 0);
}

/* ---- fitting ----------------------------------------------------------- */

#define M(member, name)	{ offsetof(struct kr_approval, member), name }

static void every_mismatch_is_named(void **state)
{
	static const struct { size_t at; const char *name; } members[] = {
		M(request, "request"), M(vm, "vm"),
		M(definition, "definition_sha256"), M(epoch, "epoch"),
		M(from_name, "from.name"), M(from_keyid, "from.keyid"),
		M(to_name, "to.name"), M(to_keyid, "to.keyid"),
		M(policy.name, "policy.name"),
		M(policy.version, "policy.version"),
		M(policy.digest, "policy.sha256"),
		M(requester, "requested_by"), M(params, "params_sha256"),
		M(approver, "approver.name"),
		M(approver_keyid, "approver.keyid"),
		M(procedure, "procedure"), M(item, "item"),
	};
	const struct kr_approval want = sample();

	(void)state;
	for (size_t i = 0; i < N(members); i++) {
		struct kr_approval a = sample();
		struct kr_err e = KR_ERR_NONE;
		char what[64];

		((char *)&a)[members[i].at] ^= 1;
		assert_true(kr_approval_check(&a, &want, a.issued_ms, &e) < 0);
		assert_int_equal(e.kr, KR_E_APPROVAL_DIFFERS);
		snprintf(what, sizeof(what), "another %s", members[i].name);
		assert_string_equal(e.what, what);
	}
}

/* The last byte of each counts as the first does. */
static void the_end_of_a_field_counts(void **state)
{
	struct kr_approval a = sample(), want = sample();

	(void)state;
	a.to_keyid[31] ^= 1;
	assert_true(kr_approval_check(&a, &want, a.issued_ms, NULL) < 0);
	a = want;
	strcat(a.vm, "0");
	assert_true(kr_approval_check(&a, &want, a.issued_ms, NULL) < 0);
	a = want;
	a.policy.version += UINT64_C(1) << 40;
	assert_true(kr_approval_check(&a, &want, a.issued_ms, NULL) < 0);
	/* what lies behind a text's end is no part of it */
	a = want;
	a.vm[sizeof(a.vm) - 1] = 'x';
	assert_int_equal(kr_approval_check(&a, &want, a.issued_ms, NULL), 0);
}

static int at(uint64_t issued_ms, uint64_t expires_ms, uint64_t now_ms)
{
	struct kr_approval a = sample();
	const struct kr_approval want = sample();
	struct kr_err e = KR_ERR_NONE;
	int r;

	a.issued_ms = issued_ms;
	a.expires_ms = expires_ms;
	r = kr_approval_check(&a, &want, now_ms, &e);
	if (r)
		assert_int_equal(e.kr, KR_E_APPROVAL_TIME);
	return r;
}

static void from_when_until_when(void **state)
{
	(void)state;
	assert_true(at(1000, 2000, 999) < 0);
	assert_int_equal(at(1000, 2000, 1000), 0);
	assert_int_equal(at(1000, 2000, 1999), 0);
	assert_true(at(1000, 2000, 2000) < 0);
	assert_true(at(1000, 1000, 1000) < 0);
	assert_true(at(2000, 1000, 1500) < 0);
	assert_int_equal(at(0, KR_APPROVAL_LIFE_MS_MAX, 5), 0);
	assert_true(at(0, KR_APPROVAL_LIFE_MS_MAX + UINT64_C(1), 5) < 0);
	assert_true(at(0, KR_TERMS_NUMBER_MAX, 5) < 0);
}

static void who_denies_says_the_same_of_the_request(void **state)
{
	struct kr_approval a = sample(), want = sample();

	(void)state;
	strcpy(a.decision, KR_APPROVAL_DENY);
	memset(a.nonce, 1, sizeof(a.nonce));
	assert_int_equal(kr_approval_check(&a, &want, a.issued_ms, NULL), 0);
}

/* ---- envelopes --------------------------------------------------------- */

static struct kr_signer *open_key(const char *path)
{
	struct kr_signer *s = NULL;
	struct kr_err e = KR_ERR_NONE;

	if (kr_signer_open(path, &s, &e))
		fail_msg("%s", e.what);
	return s;
}

static char *signed_by(const struct kr_signer *s, const struct kr_approval *a)
{
	char said[KR_APPROVAL_BYTES_MAX], *text = NULL;
	size_t n;

	assert_int_equal(kr_approval_build(a, said, &n, NULL), 0);
	assert_int_equal(kr_signer_envelope(s, KR_STATEMENT_TYPE, said, n,
					    &text, NULL), 0);
	return text;
}

static int verify(const char *text, const struct kr_signer *s,
		  enum kr_code want)
{
	struct kr_err e = KR_ERR_NONE;
	struct kr_approval a;
	int r = kr_approval_verify(text, strlen(text), kr_signer_pubkey(s),
				   &a, &e);

	assert_int_equal(e.kr, want);
	return r;
}

static void a_file_signs(void **state)
{
	struct kr_signer *a = open_key(anna), *b = open_key(ben);
	struct kr_approval said = sample(), back;
	char *text = signed_by(a, &said);

	(void)state;
	assert_int_equal(verify(text, a, KR_OK), 0);
	assert_true(verify(text, b, KR_E_SIGNATURE) < 0);
	assert_int_equal(kr_approval_peek(text, strlen(text), &back, NULL), 0);
	assert_memory_equal(&back, &said, sizeof(said));
	free(text);
	kr_signer_free(a);
	kr_signer_free(b);
}

/* Another payload, type, or number of signatures than was signed. */
static void altered_envelopes_are_refused(void **state)
{
	struct kr_signer *s = open_key(anna);
	const struct kr_approval a = sample();
	char b64[KR_B64_CHARS(sizeof(golden)) + 1], other[sizeof(golden)];
	char *text = signed_by(s, &a), *bad;
	json_t *j = json_loads(text, 0, NULL), *sigs, *payload;

	(void)state;
	payload = json_incref(json_object_get(j, "payload"));
	memcpy(other, golden, sizeof(golden));
	memcpy(strstr(other, "\"epoch\":8") + 8, "9", 1);
	kr_b64_put(other, strlen(other), b64);
	json_object_set_new(j, "payload", json_string(b64));
	bad = json_dumps(j, JSON_COMPACT);
	assert_true(verify(bad, s, KR_E_SIGNATURE) < 0);
	free(bad);
	json_object_set_new(j, "payload", payload);
	json_object_set_new(j, "payloadType", json_string("text/plain"));
	bad = json_dumps(j, JSON_COMPACT);
	assert_true(verify(bad, s, KR_E_MALFORMED) < 0);
	free(bad);
	json_object_set_new(j, "payloadType", json_string(KR_STATEMENT_TYPE));
	bad = json_dumps(j, JSON_COMPACT);
	assert_int_equal(verify(bad, s, KR_OK), 0);
	free(bad);
	sigs = json_object_get(j, "signatures");
	json_array_append(sigs, json_array_get(sigs, 0));
	bad = json_dumps(j, JSON_COMPACT);
	assert_true(verify(bad, s, KR_E_MALFORMED) < 0);
	free(bad);
	json_array_clear(sigs);
	bad = json_dumps(j, JSON_COMPACT);
	assert_true(verify(bad, s, KR_E_MALFORMED) < 0);
	free(bad);
	json_decref(j);
	for (size_t i = 0; i < strlen(text); i++) {
		struct kr_approval back;

		assert_true(kr_approval_verify(text, i, kr_signer_pubkey(s),
					       &back, NULL) < 0);
	}
	free(text);
	kr_signer_free(s);
}

static void large_envelopes_are_not_read(void **state)
{
	struct kr_signer *s = open_key(anna);
	const struct kr_approval a = sample();
	char *text = signed_by(s, &a);
	char *padded = malloc(KR_APPROVAL_TEXT_MAX + 2);
	size_t n = strlen(text);

	(void)state;
	memset(padded, ' ', KR_APPROVAL_TEXT_MAX + 1);
	memcpy(padded, text, n);
	padded[KR_APPROVAL_TEXT_MAX] = '\0';
	assert_int_equal(verify(padded, s, KR_OK), 0);
	padded[KR_APPROVAL_TEXT_MAX] = ' ';
	padded[KR_APPROVAL_TEXT_MAX + 1] = '\0';
	assert_true(verify(padded, s, KR_E_MALFORMED) < 0);
	free(padded);
	free(text);
	kr_signer_free(s);
}

static void refused_key(const char *where)
{
	struct kr_err e = KR_ERR_NONE;
	struct kr_signer *s = NULL;

	assert_true(kr_signer_open(where, &s, &e) < 0);
	assert_int_equal(e.kr, KR_E_KEY_FILE);
	assert_null(s);
}

static void what_is_no_key_is_not_opened(void **state)
{
	static const struct { const char *type, *curve; } others[] = {
		{ "EC", "P-384" }, { "ED25519", NULL },
	};
	char path[128];
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/none.pem", dir);
	refused_key(path);
	refused_key("");
	refused_key("pkcs12:nothing");
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
	      f);
	fclose(f);
	refused_key(path);
	for (size_t i = 0; i < N(others); i++) {
		assert_int_equal(make_key(path, others[i].type,
					  others[i].curve), 0);
		refused_key(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_text_there_and_back),
		cmocka_unit_test(another_procedure_is_named),
		cmocka_unit_test(the_longest_fits),
		cmocka_unit_test(what_cannot_be_said),
		cmocka_unit_test(hostile_texts_are_refused),
		cmocka_unit_test(what_is_asked_is_shown_whole),
		cmocka_unit_test(parameters_in_any_order_are_the_same),
		cmocka_unit_test(every_mismatch_is_named),
		cmocka_unit_test(the_end_of_a_field_counts),
		cmocka_unit_test(from_when_until_when),
		cmocka_unit_test(who_denies_says_the_same_of_the_request),
		cmocka_unit_test(a_file_signs),
		cmocka_unit_test(altered_envelopes_are_refused),
		cmocka_unit_test(large_envelopes_are_not_read),
		cmocka_unit_test(what_is_no_key_is_not_opened),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
