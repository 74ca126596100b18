/* SPDX-License-Identifier: Apache-2.0 */
/* test_identity.c - base64, fingerprints, keys, certificates and links. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "evidence/b64.h"
#include "evidence/fingerprint.h"
#include "evidence/identity.h"

static char dir[64];

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/korora-test-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
	char cmd[128];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static int sh(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	return system(cmd);
}

static void base64_is_strict(void **state)
{
	static const struct { const char *in; int n; } t[] = {
		{ "", 0 }, { "Zg==", 1 }, { "Zg", 1 }, { "Zm8=", 2 },
		{ "Zm8", 2 }, { "Zm9v", 3 }, { "-_-_", 3 }, { "+/+/", 3 },
		{ "Z", -1 }, { "Zg=", -1 }, { "Zh==", -1 }, { "Zm9=", -1 },
		{ "Zm 8", -1 }, { "Zg==Zg==", -1 }, { "=", -1 },
		{ "====", -1 }, { "Zm8==", -1 }, { "Zm9vZm9v", -1 },
	};
	uint8_t out[4];
	char text[16];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		size_t n = 0;
		bool ok = kr_b64_get(t[i].in, strlen(t[i].in), out,
				     sizeof(out), &n);

		assert_int_equal(ok, t[i].n >= 0);
		if (ok)
			assert_int_equal(n, t[i].n);
	}
	assert_int_equal(kr_b64_put("fooba", 5, text), 8);
	assert_string_equal(text, "Zm9vYmE=");
}

static void fingerprints_round_trip(void **state)
{
	char text[KR_FINGERPRINT_BYTES];
	uint8_t k[32], back[32];

	(void)state;
	for (unsigned int i = 0; i < 32; i++)
		k[i] = (uint8_t)(i * 37);
	kr_fingerprint_put(k, text);
	assert_int_equal(strlen(text), 50);
	assert_true(kr_fingerprint_get(text, back));
	assert_memory_equal(k, back, 32);
	assert_true(kr_fingerprint_is(text, k));
	k[31] ^= 1;
	assert_false(kr_fingerprint_is(text, k));
	assert_false(kr_fingerprint_get(text + 1, back));
	text[20] = '\0';
	assert_false(kr_fingerprint_get(text, back));
	assert_false(kr_fingerprint_get("", back));
}

static void created_and_loaded(void **state)
{
	struct kr_identity *id = NULL;
	struct kr_err e = KR_ERR_NONE;
	char path[128], text[KR_FINGERPRINT_BYTES];
	struct stat st;

	(void)state;
	assert_true(kr_identity_load(dir, &id, &e) < 0);
	assert_int_equal(e.kr, KR_E_NOT_INIT);
	e = KR_ERR_NONE;
	assert_true(kr_identity_create(dir, "a,b", &e) < 0);
	assert_int_equal(e.kr, KR_E_USAGE);
	e = KR_ERR_NONE;
	assert_true(kr_identity_create(dir, "Host-a", &e) < 0);
	assert_int_equal(e.kr, KR_E_USAGE);
	assert_non_null(strstr(e.what, "1 to 63 of a-z 0-9 . _ - "));
	assert_non_null(strstr(e.what, "no capitals"));
	e = KR_ERR_NONE;
	assert_int_equal(kr_identity_create(dir, "host-a.example", &e), 0);
	assert_true(kr_identity_create(dir, "host-a.example", &e) < 0);
	assert_int_equal(e.kr, KR_E_EXISTS);
	snprintf(path, sizeof(path), "%s/identity.key", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	e = KR_ERR_NONE;
	assert_int_equal(kr_identity_load(dir, &id, &e), 0);
	assert_string_equal(kr_identity_name(id), "host-a.example");
	/* The fingerprint is what openssl and ssh-style tools compute. */
	kr_fingerprint_put(kr_identity_keyid(id), text);
	assert_int_equal(sh("test \"SHA256:$(openssl x509 -in %s/identity.crt "
			    "-noout -pubkey | openssl pkey -pubin -outform DER "
			    "| openssl dgst -sha256 -binary | base64 | tr -d =)"
			    "\" = \"%s\"", dir, text), 0);
	kr_identity_free(id);
	chmod(path, 0640);
	assert_true(kr_identity_load(dir, &id, &e) < 0);
	assert_int_equal(e.kr, KR_E_KEY_FILE);
	chmod(path, 0600);
}

static void signatures(void **state)
{
	struct kr_identity *id = NULL;
	struct kr_pubkey *k = NULL;
	struct kr_err e = KR_ERR_NONE;
	uint8_t sig[KR_SIG_BYTES_MAX];
	char path[128];
	size_t n;

	(void)state;
	assert_int_equal(kr_identity_load(dir, &id, &e), 0);
	snprintf(path, sizeof(path), "%s/identity.crt", dir);
	assert_int_equal(kr_pubkey_load(path, &k, &e), 0);
	assert_string_equal(kr_pubkey_name(k), "host-a.example");
	assert_memory_equal(kr_pubkey_keyid(k), kr_identity_keyid(id), 32);
	assert_int_equal(kr_identity_sign(id, "abc", 3, sig, &n, &e), 0);
	assert_int_equal(kr_pubkey_verify(k, "abc", 3, sig, n, &e), 0);
	assert_true(kr_pubkey_verify(k, "abd", 3, sig, n, &e) < 0);
	assert_int_equal(e.kr, KR_E_SIGNATURE);
	sig[n - 1] ^= 1;
	assert_true(kr_pubkey_verify(k, "abc", 3, sig, n, NULL) < 0);
	assert_true(kr_pubkey_verify(k, "abc", 3, sig, 0, NULL) < 0);
	kr_pubkey_free(k);
	/* A bare public key has no name but the same id. */
	assert_int_equal(sh("openssl x509 -in %s/identity.crt -noout -pubkey "
			    "> %s/pub.pem", dir, dir), 0);
	snprintf(path, sizeof(path), "%s/pub.pem", dir);
	e = KR_ERR_NONE;
	assert_int_equal(kr_pubkey_load(path, &k, &e), 0);
	assert_string_equal(kr_pubkey_name(k), "");
	assert_memory_equal(kr_pubkey_keyid(k), kr_identity_keyid(id), 32);
	kr_pubkey_free(k);
	kr_identity_free(id);
}

static void other_keys_refused(void **state)
{
	static const char *const make[] = {
		"openssl ecparam -name secp384r1 -genkey -noout",
		"openssl genpkey -algorithm ed25519",
		"openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048",
	};
	struct kr_pubkey *k = NULL;
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/other.pem", dir);
	for (size_t i = 0; i < 3; i++) {
		struct kr_err e = KR_ERR_NONE;

		assert_int_equal(sh("%s 2>/dev/null | openssl pkey -pubout "
				    "> %s", make[i], path), 0);
		assert_true(kr_pubkey_load(path, &k, &e) < 0);
		assert_int_equal(e.kr, KR_E_KEY_FILE);
	}
	assert_true(kr_pubkey_parse("garbage", 7, &k, NULL) < 0);
	assert_true(kr_pubkey_parse("", 0, &k, NULL) < 0);
}

static void links_chain_to_the_identity(void **state)
{
	struct kr_identity *id = NULL;
	struct kr_identity_link l;
	struct kr_err e = KR_ERR_NONE;
	const unsigned char *p;
	X509_STORE_CTX *c = X509_STORE_CTX_new();
	X509_STORE *s = X509_STORE_new();
	X509 *cert, *issuer;
	EVP_PKEY *key;

	(void)state;
	assert_int_equal(kr_identity_load(dir, &id, &e), 0);
	assert_int_equal(kr_identity_issue_link(id, &l, &e), 0);
	p = l.cert;
	cert = d2i_X509(NULL, &p, (long)l.cert_bytes);
	p = l.issuer;
	issuer = d2i_X509(NULL, &p, (long)l.issuer_bytes);
	p = l.key;
	key = d2i_AutoPrivateKey(NULL, &p, (long)l.key_bytes);
	assert_non_null(cert);
	assert_non_null(issuer);
	assert_non_null(key);
	assert_int_equal(X509_check_private_key(cert, key), 1);
	X509_STORE_add_cert(s, issuer);
	for (int server = 0; server < 2; server++) {
		X509_STORE_CTX_init(c, s, cert, NULL);
		X509_STORE_CTX_set_flags(c, X509_V_FLAG_X509_STRICT);
		X509_STORE_CTX_set_purpose(c, server ? X509_PURPOSE_SSL_SERVER :
						       X509_PURPOSE_SSL_CLIENT);
		assert_int_equal(X509_verify_cert(c), 1);
		X509_STORE_CTX_cleanup(c);
	}
	/* A link may not sign in turn. */
	assert_int_equal(X509_check_ca(cert), 0);
	X509_STORE_CTX_free(c);
	X509_STORE_free(s);
	X509_free(cert);
	X509_free(issuer);
	EVP_PKEY_free(key);
	kr_wipe(&l, sizeof(l));
	kr_identity_free(id);
}

static const char ca_script[] =
	"cd %s && openssl req -x509 -newkey ec -pkeyopt "
	"ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -subj "
	"/CN=fleet -addext keyUsage=critical,keyCertSign -days 30 2>/dev/null "
	"&& printf '%s' > ext && openssl x509 "
	"-req -in req.pem -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 "
	"-extfile ext -out new.crt 2>/dev/null";

static int install(struct kr_identity *id, const char *ext, struct kr_err *e)
{
	char path[128], *pem = NULL;
	int r;

	assert_int_equal(sh(ca_script, dir, ext), 0);
	snprintf(path, sizeof(path), "%s/new.crt", dir);
	assert_int_equal(kr_read_file(path, 65536, &pem, NULL), 0);
	*e = KR_ERR_NONE;
	r = kr_identity_install_cert(id, dir, pem, e);
	free(pem);
	return r;
}

static void fleet_certificate_installed(void **state)
{
	struct kr_identity *id = NULL;
	struct kr_identity_link l;
	struct kr_err e = KR_ERR_NONE;
	char path[128], *csr = NULL;
	uint8_t keyid[32];

	(void)state;
	assert_int_equal(kr_identity_load(dir, &id, &e), 0);
	memcpy(keyid, kr_identity_keyid(id), 32);
	assert_int_equal(kr_identity_csr(id, &csr, &e), 0);
	snprintf(path, sizeof(path), "%s/req.pem", dir);
	assert_int_equal(kr_write_file(path, csr, strlen(csr), 0644), 0);
	free(csr);
	assert_int_equal(sh("openssl req -in %s -noout -verify 2>/dev/null "
			    "&& openssl req -in %s -noout -text | grep -q "
			    "URI:korora:host:host-a.example", path, path), 0);
	assert_true(install(id, "subjectAltName=URI:korora:host:host-b\\n"
			    "basicConstraints=critical,CA:TRUE\\n", &e) < 0);
	assert_int_equal(e.kr, KR_E_KEY_FILE);
	assert_true(install(id, "subjectAltName=URI:korora:host:"
			    "host-a.example\\n", &e) < 0);
	assert_int_equal(e.kr, KR_E_KEY_FILE);
	assert_true(install(id, "basicConstraints=critical,CA:TRUE\\n", &e) <
		    0);
	assert_int_equal(install(id, "subjectAltName=URI:korora:host:"
				 "host-a.example\\n"
				 "basicConstraints=critical,CA:TRUE,pathlen:0"
				 "\\nkeyUsage=digitalSignature,keyCertSign\\n"
				 "subjectKeyIdentifier=hash\\n", &e), 0);
	assert_int_equal(kr_identity_issue_link(id, &l, &e), 0);
	kr_identity_free(id);
	assert_int_equal(kr_identity_load(dir, &id, &e), 0);
	assert_memory_equal(kr_identity_keyid(id), keyid, 32);
	kr_identity_free(id);
	snprintf(path, sizeof(path), "%s/link.der", dir);
	assert_int_equal(kr_write_file(path, l.cert, l.cert_bytes, 0644), 0);
	assert_int_equal(sh("cd %s && openssl x509 -inform DER -in link.der "
			    "-out link.pem && openssl verify -x509_strict "
			    "-CAfile ca.crt -untrusted identity.crt link.pem "
			    ">/dev/null", dir), 0);
}

/* A crash between the two files leaves a key that is used next time. */
static void half_created(void **state)
{
	struct kr_identity *id = NULL;
	struct kr_err e = KR_ERR_NONE;
	uint8_t keyid[32];
	char path[128];

	(void)state;
	assert_int_equal(kr_identity_load(dir, &id, &e), 0);
	memcpy(keyid, kr_identity_keyid(id), 32);
	kr_identity_free(id);
	snprintf(path, sizeof(path), "%s/identity.crt", dir);
	unlink(path);
	assert_true(kr_identity_load(dir, &id, &e) < 0);
	assert_int_equal(e.kr, KR_E_NOT_INIT);
	e = KR_ERR_NONE;
	assert_int_equal(kr_identity_create(dir, "host-a", &e), 0);
	assert_int_equal(kr_identity_load(dir, &id, &e), 0);
	assert_memory_equal(kr_identity_keyid(id), keyid, 32);
	kr_identity_free(id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_is_strict),
		cmocka_unit_test(fingerprints_round_trip),
		cmocka_unit_test(created_and_loaded),
		cmocka_unit_test(signatures),
		cmocka_unit_test(other_keys_refused),
		cmocka_unit_test(links_chain_to_the_identity),
		cmocka_unit_test(fleet_certificate_installed),
		cmocka_unit_test(half_created),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
