/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_client_approve.c - korora approve and deny, and users' keys: what is shown is
 * what is signed, and no private key is sent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "evidence/approval.h"
#include "evidence/signer.h"

#include "client_stand.h"

static void make_key(const char *path)
{
	EVP_PKEY *k = EVP_EC_gen("P-256");
	FILE *f = fopen(path, "w");

	assert_true(k && f);
	assert_true(PEM_write_PKCS8PrivateKey(f, k, NULL, NULL, 0, NULL, NULL));
	assert_int_equal(fclose(f), 0);
	EVP_PKEY_free(k);
}

#define REQUEST "5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f"

/* kororad's answer to request.show: it shows these parameters, and wants
 * these to be signed. */
static char *shown(const char *params, const char *wanted)
{
	struct kr_approval a = { .vm = "web", .from_name = "alpha",
				 .to_name = "beta", .requester = "carl" };
	json_t *w = json_loads(wanted, 0, NULL), *j;
	char *text, *line = NULL;

	memset(a.request, 0x5f, sizeof(a.request));
	assert_int_equal(kr_approval_params(w, a.params, NULL), 0);
	j = json_pack("{s:i, s:{s:s, s:o, s:o, s:I}}", "id", 1, "result",
		      "you", "anna", "asked", kr_approval_asked(&a), "params",
		      json_loads(params, 0, NULL), "expires_ms",
		      (json_int_t)kr_wall_ms() + 60000);
	text = json_dumps(j, JSON_COMPACT);
	assert_true(text && asprintf(&line, "%s\n", text) > 0);
	free(text);
	json_decref(j);
	json_decref(w);
	return line;
}

static void what_is_shown_is_what_is_signed(void **state)
{
	static const char state_of[] =
		"{\"id\":2,\"result\":{\"state\":\"approved\"}}\n";
	char *same = shown("{\"x\":1}", "{\"x\":1}"), line[512], *text;
	const char *answers[] = { same, state_of, NULL };
	KR_AUTO(kr_signer_autofree) struct kr_signer *s = NULL;
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	const json_t *params;
	struct kr_approval a;

	(void)state;
	make_key(below("/anna.pem"));
	snprintf(line, sizeof(line), "deny 5f5f --key %s", below("/anna.pem"));
	assert_int_equal(answered_each(line, answers), 0);
	assert_non_null(strstr(out, "VM:          web\n"));
	assert_non_null(strstr(out, "beta, known by its CA\n"));
	assert_non_null(strstr(out, "{\"x\":1}\n"));
	assert_non_null(strstr(out, "it is approved now\n"));
	j = json_loads(strchr(asked(), '\n'), 0, NULL);
	assert_string_equal(json_string_value(json_object_get(j, "method")),
			    "approve");
	params = json_object_get(j, "params");
	assert_string_equal(json_string_value(json_object_get(params, "id")),
			    REQUEST);
	text = json_dumps(json_object_get(params, "envelope"), 0);
	assert_int_equal(kr_signer_open(below("/anna.pem"), &s, NULL), 0);
	assert_int_equal(kr_approval_verify(text, strlen(text),
					    kr_signer_pubkey(s), &a, NULL), 0);
	assert_string_equal(a.decision, "deny");
	assert_string_equal(a.approver, "anna");
	assert_string_equal(a.vm, "web");
	assert_memory_equal(a.approver_keyid,
			    kr_pubkey_keyid(kr_signer_pubkey(s)), 32);
	assert_in_range(a.expires_ms - a.issued_ms, 1, 60000);
	free(text);
	free(same);
}

static void what_is_not_shown_is_not_signed(void **state)
{
	char *other = shown("{\"x\":1}", "{\"x\":2}"), line[512];

	(void)state;
	make_key(below("/anna.pem"));
	snprintf(line, sizeof(line), "approve 5f5f --key %s",
		 below("/anna.pem"));
	assert_int_equal(answered(line, other), KR_EXIT_REFUSED);
	assert_non_null(strstr(err, "KR-1027"));
	assert_null(strstr(asked(), "envelope"));
	free(other);
	/* nor another request than the one that was typed */
	other = shown("{}", "{}");
	snprintf(line, sizeof(line), "approve 5f6 --key %s",
		 below("/anna.pem"));
	assert_int_equal(answered(line, other), KR_EXIT_REFUSED);
	assert_non_null(strstr(err, "KR-1027"));
	assert_int_equal(answered("approve 5f5f", other), KR_EXIT_USAGE);
	free(other);
}

static void private_keys_are_not_sent(void **state)
{
	char line[512];

	(void)state;
	make_key(below("/anna.pem"));
	snprintf(line, sizeof(line), "user key add anna %s",
		 below("/anna.pem"));
	/* refused before anybody is asked: nobody is there */
	unlink(below("/run/korora/api.sock"));
	assert_int_equal(korora(line), KR_EXIT_REFUSED);
	assert_non_null(strstr(err, "KR-8005"));
	assert_int_equal(answered("user key list",
				  "{\"id\":1,\"result\":{\"keys\":[]}}\n"), 0);
	assert_non_null(strstr(asked(), "\"user.key.list\""));
	assert_int_equal(korora("user key"), KR_EXIT_USAGE);
	assert_int_equal(korora("user key grant"), KR_EXIT_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_shown_is_what_is_signed),
		cmocka_unit_test(what_is_not_shown_is_not_signed),
		cmocka_unit_test(private_keys_are_not_sent),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
