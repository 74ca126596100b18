/* SPDX-License-Identifier: Apache-2.0 */
/* test_attestcmd.c - korora attest, as a user runs it, on files alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/commands.h"

#define REAL	KR_SOURCE_ROOT "/fuzz/corpus/eventlog/ovmf-secureboot"
#define SHA1	KR_SOURCE_ROOT "/fuzz/corpus/eventlog/sha1-only"
#define DOC	KR_SOURCE_ROOT "/fuzz/corpus/reference/all"

static char dir[] = "/tmp/korora-test-XXXXXX";
static char out[65536], err[65536];

static const char *in(const char *name)
{
	static char path[4][96];
	static unsigned int i;
	char *p = path[i++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

static void slurp(const char *path, char *to)
{
	char *text = NULL;
	size_t n;

	assert_int_equal(kr_read_file(path, 65535, &text, &n), 0);
	memcpy(to, text, n + 1);
	free(text);
}

/* A process that runs one command line, words parted by blanks. */
static int korora(const char *fmt, ...)
{
	char line[1024] = "korora attest ", *argv[32] = { NULL }, *save = NULL;
	int argc = 0, status;
	va_list ap;
	pid_t pid;

	va_start(ap, fmt);
	vsnprintf(line + 14, sizeof(line) - 14, fmt, ap);
	va_end(ap);
	for (char *w = strtok_r(line, " ", &save); w && argc < 31;
	     w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		if (!freopen(in("out"), "w", stdout) ||
		    !freopen(in("err"), "w", stderr))
			_exit(99);
		status = kr_commands_run(argc, argv);
		fflush(NULL);
		_exit(status);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	slurp(in("out"), out);
	slurp(in("err"), err);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void refused(int rc, const char *code)
{
	assert_int_equal(rc, KR_EXIT_REFUSED);
	assert_non_null(strstr(err, code));
}

static void a_log_is_shown(void **state)
{
	json_t *j;

	(void)state;
	assert_int_equal(korora("log %s", REAL), 0);
	assert_non_null(strstr(out, "SecureBoot"));
	assert_non_null(strstr(out, "LOADED_IMAGE::LoadOptions"));
	assert_non_null(strstr(out, "c96861ad1c25d5f914634825a947ee72e001ce48"
				    "13147c85b7e700d948a9889c"));
	assert_int_equal(korora("log %s --bank sha384 --json", REAL), 0);
	j = json_loads(out, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(j, "events")), 36);
	assert_string_equal(json_string_value(json_object_get(j, "bank")),
			    "sha384");
	json_decref(j);
}

static void what_is_no_log_is_refused(void **state)
{
	(void)state;
	refused(korora("log %s", SHA1), "KR-2103");
	refused(korora("log %s", DOC), "KR-2102");
	refused(korora("log /dev/null"), "KR-2102");
	refused(korora("log /nowhere"), "KR-2102");
	assert_int_equal(korora("log %s --bank sha1", REAL), KR_EXIT_USAGE);
	assert_int_equal(korora("log"), KR_EXIT_USAGE);
	assert_int_equal(korora("reference"), KR_EXIT_USAGE);
}

static void make_key(const char *name)
{
	EVP_PKEY *k = EVP_EC_gen("P-256");
	char pub[64];
	FILE *f = fopen(in(name), "w");

	assert_true(k && f);
	assert_true(PEM_write_PKCS8PrivateKey(f, k, NULL, NULL, 0, NULL, NULL));
	assert_int_equal(fclose(f), 0);
	snprintf(pub, sizeof(pub), "%s.pub", name);
	f = fopen(in(pub), "w");
	assert_true(f && PEM_write_PUBKEY(f, k));
	assert_int_equal(fclose(f), 0);
	EVP_PKEY_free(k);
}

static void a_document_is_checked_signed_and_shown(void **state)
{
	(void)state;
	make_key("anna");
	make_key("ben");
	assert_int_equal(korora("reference check %s", DOC), 0);
	assert_non_null(strstr(out, "hosts, version 7: 5 digests of sha256, "
				    "not signed"));
	assert_int_equal(korora("reference sign %s --key %s --out %s", DOC,
				in("anna"), in("signed")), 0);
	assert_int_equal(korora("reference show --file %s --key %s --key %s",
				in("signed"), in("ben.pub"),
				in("anna.pub")), 0);
	assert_non_null(strstr(out, "signed by a key that was given"));
	assert_non_null(strstr(out, "revoked"));
	assert_int_equal(korora("reference show"), KR_EXIT_USAGE);
	assert_int_equal(korora("reference show hosts --file %s", DOC),
			 KR_EXIT_USAGE);
	assert_int_equal(korora("reference show hosts --key %s",
				in("anna.pub")), KR_EXIT_USAGE);
	/* what nobody signed is not even sent */
	refused(korora("reference add %s", DOC), "KR-2126");
	/* by nobody who was named, by nobody at all */
	refused(korora("reference check %s --key %s", in("signed"),
		       in("ben.pub")), "KR-2126");
	refused(korora("reference check %s", in("signed")), "KR-2126");
	refused(korora("reference check %s --key %s", DOC, in("anna.pub")),
		"KR-2126");
	assert_int_equal(korora("reference check %s", REAL), KR_EXIT_USAGE);
	assert_non_null(strstr(err, "KR-2125"));
	/* what is wrong is not signed, nor what is signed already */
	assert_int_equal(korora("reference sign %s --key %s --out %s", REAL,
				in("anna"), in("other")), KR_EXIT_USAGE);
	assert_int_equal(korora("reference sign %s --key %s --out %s",
				in("signed"), in("anna"), in("other")),
			 KR_EXIT_USAGE);
	assert_int_not_equal(access(in("other"), F_OK), 0);
	assert_int_equal(korora("reference sign %s --key %s", DOC,
				in("anna")), KR_EXIT_USAGE);
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char cmd[128];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_log_is_shown),
		cmocka_unit_test(what_is_no_log_is_refused),
		cmocka_unit_test(a_document_is_checked_signed_and_shown),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
