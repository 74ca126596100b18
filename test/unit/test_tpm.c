/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tpm.c - a TPM that quotes, and is told from another one: with two
 * emulated TPMs, one of them an attacker's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/pem.h>
#include <sys/socket.h>

#include "attest/credential.h"
#include "attest/ekcert.h"
#include "tpm_stand.h"

#define BOOT	0x97u			/* PCRs 0, 1, 2, 4 and 7 */

static const uint8_t extra[32] = "what the quote is for";

/* ---- quotes -------------------------------------------------------------- */

static void the_key_is_its_tpms(void **state)
{
	struct kr_tpmkey k[3];

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		struct kr_tpm *t = opened(i == BAD ? BAD : GOOD);

		k[i] = ak_of(t);
		assert_true(kr_tpmkey_attests(&k[i]));
		assert_false(kr_tpmkey_endorses(&k[i]));
		kr_tpm_close(t);
	}
	assert_memory_equal(k[0].name.b, k[2].name.b, k[0].name.n);
	assert_memory_not_equal(k[0].name.b, k[1].name.b, k[0].name.n);
	for (unsigned int i = 0; i < 3; i++)
		kr_tpmkey_fini(&k[i]);
}

static void a_quote_says_what_the_pcrs_are(void **state)
{
	struct kr_tpm *t = opened(GOOD);
	struct kr_tpmkey ak = ak_of(t);
	struct kr_tpmbytes q, s;
	struct kr_tpmclock now;
	struct kr_quote said;
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	for (enum kr_bank b = KR_BANK_SHA256; b <= KR_BANK_SHA384; b++) {
		/* more than a TPM tells at a time */
		struct kr_pcrs p = { .bank = b, .mask = 0xffffff };

		if (kr_tpm_quote(t, extra, 32, &p, &q, &s, &e) ||
		    kr_quote_verify(&ak, q.b, q.n, s.b, s.n, &said, &e))
			fail_msg("%s", e.what);
		assert_memory_equal(said.extra, extra, 32);
		assert_int_equal(said.n_extra, 32);
		assert_true(kr_quote_has(&said, &p));
		assert_int_equal(p.value[17][0], 0xff);
		p.value[23][0] ^= 1;
		assert_false(kr_quote_has(&said, &p));
		p.value[23][0] ^= 1;
		p.mask &= ~1u;
		assert_false(kr_quote_has(&said, &p));
	}
	assert_int_equal(kr_tpm_clock(t, &now, NULL), 0);
	assert_true(now.clock_ms >= said.clock.clock_ms);
	assert_int_equal(now.resets, said.clock.resets);
	kr_tpmkey_fini(&ak);
	kr_tpm_close(t);
}

static void a_bank_that_is_not_there(void **state)
{
	struct kr_pcrs p = { .bank = KR_BANK_SHA512, .mask = BOOT };
	struct kr_tpm *t = opened(GOOD);
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	assert_true(kr_tpm_pcrs(t, &p, &e) < 0);
	assert_int_equal(e.kr, KR_E_TPM);
	kr_tpm_close(t);
}

static void no_tpm_is_said_so(void **state)
{
	struct kr_tpm *t = NULL;
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	assert_true(kr_tpm_open(open("/dev/null", O_RDWR), &t, &e) < 0);
	assert_int_equal(e.kr, KR_E_TPM);
	assert_null(t);
}

/* Something that answers, but not as a TPM does: it is not waited for, and
 * what is too long for any answer is not read. */
static void who_is_no_tpm_is_not_believed(void **state)
{
	static const uint8_t says[][12] = {
		{ 0x80, 1, 0, 0, 0, 4 },		/* too short */
		{ 0x80, 1, 0xff, 0xff, 0xff, 0xff },	/* too long */
		{ 0x80, 1, 0, 0, 0, 11, 0, 0, 0, 0, 0, 0 }, /* and more */
	};
	struct kr_tpm *t = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(says) / sizeof(says[0]); i++) {
		struct kr_err e = KR_ERR_NONE;
		int pair[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		assert_int_equal(write(pair[1], says[i], sizeof(says[i])),
				 sizeof(says[i]));
		assert_true(kr_tpm_open(pair[0], &t, &e) < 0);
		assert_int_equal(e.kr, KR_E_TPM);
		close(pair[1]);
	}
}

/* Whatever byte of quote or signature is changed, nothing is believed. */
static void a_changed_quote_is_refused(void **state)
{
	struct kr_pcrs p = { .bank = KR_BANK_SHA256, .mask = BOOT };
	struct kr_tpm *t = opened(GOOD), *other = opened(BAD);
	struct kr_tpmkey ak = ak_of(t), foreign = ak_of(other);
	struct kr_tpmbytes q, s;
	struct kr_quote said;
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	assert_int_equal(kr_tpm_quote(t, extra, 32, &p, &q, &s, NULL), 0);
	for (size_t i = 0; i < q.n; i++) {
		q.b[i] ^= 0x10;
		assert_true(kr_quote_verify(&ak, q.b, q.n, s.b, s.n, &said,
					    NULL) < 0);
		q.b[i] ^= 0x10;
	}
	for (size_t i = 0; i < s.n; i++) {
		s.b[i] ^= 0x10;
		assert_true(kr_quote_verify(&ak, q.b, q.n, s.b, s.n, &said,
					    NULL) < 0);
		s.b[i] ^= 0x10;
	}
	assert_true(kr_quote_verify(&foreign, q.b, q.n, s.b, s.n, &said,
				    &e) < 0);
	assert_int_equal(e.kr, KR_E_QUOTE_FORGED);
	assert_int_equal(kr_quote_verify(&ak, q.b, q.n, s.b, s.n, &said,
					 NULL), 0);
	kr_tpmkey_fini(&ak);
	kr_tpmkey_fini(&foreign);
	kr_tpm_close(t);
	kr_tpm_close(other);
}

/* ---- endorsement --------------------------------------------------------- */

static struct kr_tpmkey ek_of(struct kr_tpm *t, uint8_t *cert, size_t *n_cert)
{
	struct kr_tpmbytes b;
	struct kr_tpmkey k = { 0 };
	struct kr_err e = KR_ERR_NONE;

	if (kr_tpm_ek(t, &b, cert, n_cert, &e) ||
	    kr_tpmkey_parse(b.b, b.n, &k, &e))
		fail_msg("%s", e.what);
	return k;
}

static void credential(struct kr_tpm *maker_of_ek, const struct kr_tpmkey *ak,
		       struct kr_tpmcredential *ret, const uint8_t *secret)
{
	uint8_t cert[KR_EKCERT_BYTES_MAX];
	size_t n_cert;
	struct kr_tpmkey ek = ek_of(maker_of_ek, cert, &n_cert);
	struct kr_err e = KR_ERR_NONE;

	if (kr_ekcert_verify(cert, n_cert, stand.ca, stand.n_ca, &ek, &e) ||
	    kr_credential_make(&ek, &ak->name, secret, 32, ret, &e))
		fail_msg("%s", e.what);
	kr_tpmkey_fini(&ek);
}

static void opens(struct kr_tpm *t)
{
	const uint8_t secret[32] = "known to who opens it";
	struct kr_tpmkey ak = ak_of(t);
	struct kr_tpmcredential c;
	uint8_t got[KR_TPM_SECRET_MAX];
	struct kr_err e = KR_ERR_NONE;
	size_t n = 0;

	credential(t, &ak, &c, secret);
	if (kr_tpm_activate(t, &c, got, &n, &e))
		fail_msg("%s", e.what);
	assert_int_equal(n, 32);
	assert_memory_equal(got, secret, 32);
	kr_tpmkey_fini(&ak);
}

static void does_not_open(struct kr_tpm *t, const struct kr_tpmcredential *c)
{
	uint8_t got[KR_TPM_SECRET_MAX];
	struct kr_err e = KR_ERR_NONE;
	size_t n;

	assert_true(kr_tpm_activate(t, c, got, &n, &e) < 0);
	assert_int_equal(e.kr, KR_E_AK_FOREIGN);
}

/* An attacker enrols with the certificate of a good TPM, or with its key. */
static void another_tpms_key_does_not_activate(void **state)
{
	const uint8_t secret[32] = "known to who opens it";
	struct kr_tpm *good = opened(GOOD), *bad = opened(BAD);
	struct kr_tpmkey good_ak = ak_of(good), bad_ak = ak_of(bad);
	struct kr_tpmcredential c;

	(void)state;
	credential(good, &bad_ak, &c, secret);
	does_not_open(good, &c);
	does_not_open(bad, &c);
	credential(good, &good_ak, &c, secret);
	does_not_open(bad, &c);
	c.id.b[c.id.n - 1] ^= 1;
	does_not_open(good, &c);
	opens(good);
	kr_tpmkey_fini(&good_ak);
	kr_tpmkey_fini(&bad_ak);
	kr_tpm_close(good);
	kr_tpm_close(bad);
}

static void refused_cert(const uint8_t *der, size_t n, const char *roots,
			 size_t n_roots, const struct kr_tpmkey *ek,
			 enum kr_code want)
{
	struct kr_err e = KR_ERR_NONE;

	assert_true(kr_ekcert_verify(der, n, roots, n_roots, ek, &e) < 0);
	assert_int_equal(e.kr, want);
}

/* The maker certifies the key once more, as that of a web server. */
static size_t other_purpose(const struct kr_tpmkey *ek, uint8_t *der)
{
	char path[96], *text = NULL;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/web.pub", stand.dir);
	f = fopen(path, "w");
	assert_true(f && PEM_write_PUBKEY(f, ek->key));
	assert_int_equal(fclose(f), 0);
	assert_int_equal(shell(
		"cd %s && openssl req -new -key ca/key.pem -subj /CN=w -out "
		"w.csr && echo extendedKeyUsage=serverAuth >w.ext && openssl "
		"x509 -req -in w.csr -force_pubkey web.pub -CA ca/ca.pem "
		"-CAkey ca/key.pem -CAcreateserial -days 1 -extfile w.ext "
		"-outform der -out web.der 2>log", stand.dir), 0);
	snprintf(path, sizeof(path), "%s/web.der", stand.dir);
	assert_int_equal(kr_read_file(path, KR_EKCERT_BYTES_MAX, &text, &n),
			 0);
	memcpy(der, text, n);
	free(text);
	return n;
}

static void whose_certificate_counts(void **state)
{
	struct kr_tpm *good = opened(GOOD), *bad = opened(BAD);
	uint8_t cert[N_TPMS][KR_EKCERT_BYTES_MAX];
	size_t n[N_TPMS], n_other;
	struct kr_tpmkey ek[N_TPMS] = { ek_of(good, cert[GOOD], &n[GOOD]),
					ek_of(bad, cert[BAD], &n[BAD]) };
	struct kr_tpmkey ak = ak_of(good);
	uint8_t der[KR_EKCERT_BYTES_MAX];
	char path[96], *other = NULL;
	size_t n_der;

	(void)state;
	assert_int_equal(kr_ekcert_verify(cert[GOOD], n[GOOD], stand.ca,
					  stand.n_ca, &ek[GOOD], NULL), 0);
	/* another TPM's, another key's, changed, cut */
	refused_cert(cert[GOOD], n[GOOD], stand.ca, stand.n_ca, &ek[BAD],
		     KR_E_EK_CERT);
	refused_cert(cert[GOOD], n[GOOD], stand.ca, stand.n_ca, &ak,
		     KR_E_EK_CERT);
	cert[GOOD][n[GOOD] / 2] ^= 1;
	refused_cert(cert[GOOD], n[GOOD], stand.ca, stand.n_ca, &ek[GOOD],
		     KR_E_EK_CERT);
	cert[GOOD][n[GOOD] / 2] ^= 1;
	refused_cert(cert[GOOD], n[GOOD] - 1, stand.ca, stand.n_ca, &ek[GOOD],
		     KR_E_EK_CERT);
	/* of a maker who calls himself the same */
	assert_int_equal(shell("cd %s && openssl req -x509 -newkey ec -pkeyopt "
			       "ec_paramgen_curve:P-256 -nodes -keyout o.key "
			       "-subj '/CN=A maker of TPMs' -days 2 "
			       "-out o.pem 2>log", stand.dir), 0);
	snprintf(path, sizeof(path), "%s/o.pem", stand.dir);
	assert_int_equal(kr_read_file(path, 65536, &other, &n_other), 0);
	refused_cert(cert[GOOD], n[GOOD], other, n_other, &ek[GOOD],
		     KR_E_EK_CERT);
	refused_cert(cert[GOOD], n[GOOD], "none", 4, &ek[GOOD],
		     KR_E_KEY_FILE);
	/* of the right maker and key, but for another purpose */
	n_der = other_purpose(&ek[GOOD], der);
	refused_cert(der, n_der, stand.ca, stand.n_ca, &ek[GOOD],
		     KR_E_EK_CERT);
	free(other);
	kr_tpmkey_fini(&ek[GOOD]);
	kr_tpmkey_fini(&ek[BAD]);
	kr_tpmkey_fini(&ak);
	kr_tpm_close(good);
	kr_tpm_close(bad);
}

/* Nothing is wrapped for a key that may leave its TPM, or tells what it got. */
static void only_endorsement_keys_get_credentials(void **state)
{
	static const uint32_t spoilt[] = { 1 << 1, 1 << 4, 1 << 5, 1 << 16,
					   1 << 17, 1 << 18 };
	const uint8_t secret[KR_TPM_SECRET_MAX + 1] = { 1 };
	struct kr_tpm *t = opened(GOOD);
	uint8_t cert[KR_EKCERT_BYTES_MAX];
	size_t n;
	struct kr_tpmkey ek = ek_of(t, cert, &n), ak = ak_of(t);
	struct kr_tpmcredential c;

	(void)state;
	for (size_t i = 0; i < sizeof(spoilt) / sizeof(spoilt[0]); i++) {
		struct kr_err e = KR_ERR_NONE;

		ek.attributes ^= spoilt[i];
		assert_true(kr_credential_make(&ek, &ak.name, secret, 32, &c,
					       &e) < 0);
		assert_int_equal(e.kr, KR_E_TPM_KEY);
		refused_cert(cert, n, stand.ca, stand.n_ca, &ek,
			     KR_E_TPM_KEY);
		ek.attributes ^= spoilt[i];
	}
	assert_true(kr_credential_make(&ak, &ak.name, secret, 32, &c,
				       NULL) < 0);
	assert_true(kr_credential_make(&ek, &ak.name, secret, 0, &c,
				       NULL) < 0);
	assert_true(kr_credential_make(&ek, &ak.name, secret,
				       sizeof(secret), &c, NULL) < 0);
	assert_int_equal(kr_credential_make(&ek, &ak.name, secret, 32, &c,
					    NULL), 0);
	kr_tpmkey_fini(&ek);
	kr_tpmkey_fini(&ak);
	kr_tpm_close(t);
}

static void tool(const char *fmt, const char *arg)
{
	char cmd[512];

	snprintf(cmd, sizeof(cmd), fmt, arg);
	if (shell("cd %s && (export TPM2TOOLS_TCTI=%s; %s) >log 2>&1",
		  stand.dir, tcti(BAD), cmd)) {
		shell("cat %s/log", stand.dir);
		fail_msg("%s", cmd);
	}
}

/* Each kind of key, as its maker left it and made again. Spoils its TPM. */
static void every_kind_of_endorsement_key(void **state)
{
	static const char *const certs[] = { "0x1c00016", NULL };
	static const char *const kept[] = { "0x81010016", "0x81010001" };
	struct kr_tpm *t;
	uint8_t cert[KR_EKCERT_BYTES_MAX];
	struct kr_tpmbytes b;
	struct kr_err e = KR_ERR_NONE;
	size_t n;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		t = opened(BAD);
		opens(t);
		kr_tpm_close(t);
		tool("tpm2_evictcontrol -C o -c %s", kept[i]);
		t = opened(BAD);
		opens(t);
		kr_tpm_close(t);
		if (certs[i])
			tool("tpm2_nvundefine -C p %s", certs[i]);
	}
	/* as it would be in most machines */
	tool("tpm2_createek -G ecc -u ek.pub -c %s", "ek.ctx");
	tool("tpm2_flushcontext %s", "-t");
	tool("tpm2_readpublic -c ek.ctx -f pem -o %s", "ek.pem");
	tool("tpm2_flushcontext %s", "-t");
	tool("openssl req -new -key ca/key.pem -subj /CN=host -out ek.csr && "
	     "echo extendedKeyUsage=2.23.133.8.1 >ext && openssl x509 -req "
	     "-in ek.csr -force_pubkey ek.pem -CA ca/ca.pem -CAkey ca/key.pem "
	     "-CAcreateserial -days 1 -extfile ext -outform der -out %s",
	     "ek.der");
	tool("tpm2_nvdefine -C o -s 1024 -a 'ownerread|ownerwrite|authread|"
	     "no_da' %s", "0x1c0000a");
	tool("tpm2_nvwrite -C o -i ek.der %s", "0x1c0000a");
	t = opened(BAD);
	opens(t);
	kr_tpm_close(t);
	tool("tpm2_nvundefine -C o %s", "0x1c0000a");
	tool("tpm2_nvundefine -C p %s", "0x1c00002");
	t = opened(BAD);
	assert_true(kr_tpm_ek(t, &b, cert, &n, &e) < 0);
	assert_int_equal(e.kr, KR_E_TPM);
	kr_tpm_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_key_is_its_tpms),
		cmocka_unit_test(a_quote_says_what_the_pcrs_are),
		cmocka_unit_test(a_bank_that_is_not_there),
		cmocka_unit_test(no_tpm_is_said_so),
		cmocka_unit_test(who_is_no_tpm_is_not_believed),
		cmocka_unit_test(a_changed_quote_is_refused),
		cmocka_unit_test(another_tpms_key_does_not_activate),
		cmocka_unit_test(whose_certificate_counts),
		cmocka_unit_test(only_endorsement_keys_get_credentials),
		cmocka_unit_test(every_kind_of_endorsement_key),
	};

	return cmocka_run_group_tests(tests, stand_up, stand_down);
}
