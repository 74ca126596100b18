/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tpmseal.c - a key sealed to a host's TPM and its state: who has another
 * TPM, or the same one after another boot, does not get it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <tss2/tss2_mu.h>

#include "attest/esys.h"
#include "attest/tpmseal.h"
#include "tpm_stand.h"

#define N0	ESYS_TR_NONE
#define PW	ESYS_TR_PASSWORD
#define MASK	(1u << 7 | 1u << 23)	/* 23 can be changed, and set back */

static const uint8_t key[KR_TPMSEAL_KEY_BYTES] = "the key of a virtual machine";

/* Power off and on: PCRs begin anew. */
static void reboot(unsigned int i)
{
	stop(i);
	start(i);
}

/* Measures something; @fmt of tpm2-tools. */
static void measure(unsigned int i)
{
	reboot(i);
	assert_int_equal(shell("tpm2_pcrextend -T %s 23:sha256=%064d", tcti(i),
			       1), 0);
}

static struct kr_tpmseal sealed(unsigned int i)
{
	struct kr_tpm *t = opened(i);
	struct kr_err e = KR_ERR_NONE;
	struct kr_tpmseal s;

	if (kr_tpmseal_make(t, KR_BANK_SHA256, MASK, key, &s, &e))
		fail_msg("%s", e.what);
	kr_tpm_close(t);
	return s;
}

/* Return: 0 and the key is right, or the code of why not. */
static int opens(unsigned int i, const struct kr_tpmseal *s)
{
	uint8_t got[KR_TPMSEAL_KEY_BYTES] = { 0 }, none[sizeof(got)] = { 0 };
	struct kr_tpm *t = opened(i);
	struct kr_err e = KR_ERR_NONE;
	int r = kr_tpmseal_open(t, s, got, &e);

	kr_tpm_close(t);
	assert_memory_equal(got, r ? none : key, sizeof(got));
	return r ? (int)e.kr : 0;
}

static void a_key_comes_back(void **state)
{
	struct kr_tpmseal s = sealed(GOOD);

	(void)state;
	/* more often than there is room in a TPM */
	for (unsigned int i = 0; i < 5; i++)
		assert_int_equal(opens(GOOD, &s), 0);
	reboot(GOOD);
	assert_int_equal(opens(GOOD, &s), 0);
}

static void what_is_sealed_does_not_say_the_key(void **state)
{
	struct kr_tpmseal s = sealed(GOOD), again = sealed(GOOD);

	(void)state;
	assert_null(memmem(s.pub, s.n_pub, key, 8));
	assert_null(memmem(s.priv, s.n_priv, key, 8));
	assert_memory_not_equal(s.priv, again.priv, s.n_priv);
}

static void another_state_does_not_get_it(void **state)
{
	struct kr_tpmseal s = sealed(GOOD);

	(void)state;
	measure(GOOD);
	assert_int_equal(opens(GOOD, &s), KR_E_TPMSEAL_STATE);
	reboot(GOOD);
	assert_int_equal(opens(GOOD, &s), 0);
}

/* Who may choose what is looked at does not choose the policy. */
static void other_pcrs_do_not_get_it(void **state)
{
	struct kr_tpmseal s = sealed(GOOD);

	(void)state;
	measure(GOOD);
	s.mask = 1u << 7;
	assert_int_equal(opens(GOOD, &s), KR_E_TPMSEAL_STATE);
	s.bank = KR_BANK_SHA384;
	assert_int_equal(opens(GOOD, &s), KR_E_TPMSEAL_STATE);
	reboot(GOOD);
}

static void another_tpm_does_not_get_it(void **state)
{
	struct kr_tpmseal s = sealed(GOOD);

	(void)state;
	assert_int_equal(opens(BAD, &s), KR_E_TPMSEAL_FOREIGN);
}

static void nobody_gets_a_changed_one(void **state)
{
	struct kr_tpmseal s = sealed(GOOD);

	(void)state;
	for (size_t i = 0; i < s.n_priv; i += 7) {
		s.priv[i] ^= 0x10;
		assert_int_equal(opens(GOOD, &s), KR_E_TPMSEAL_FOREIGN);
		s.priv[i] ^= 0x10;
	}
	for (size_t i = 0; i < s.n_pub; i += 7) {
		s.pub[i] ^= 0x10;
		assert_int_not_equal(opens(GOOD, &s), 0);
		s.pub[i] ^= 0x10;
	}
	assert_int_equal(opens(GOOD, &s), 0);
}

/* An empty policy would hold for everyone. */
static void there_is_always_a_policy(void **state)
{
	static const struct { enum kr_bank bank; uint32_t mask; } no[] = {
		{ KR_BANK_SHA256, 0 }, { KR_BANK_SHA256, 1u << KR_PCRS },
		{ KR_BANK_SHA512, MASK },	/* a bank that is not there */
	};
	struct kr_tpm *t = opened(GOOD);

	(void)state;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		struct kr_err e = KR_ERR_NONE;
		struct kr_tpmseal s;

		assert_true(kr_tpmseal_make(t, no[i].bank, no[i].mask, key, &s,
					 &e) < 0);
		assert_int_equal(e.kr, KR_E_TPM);
	}
	kr_tpm_close(t);
}

static TSS2_RC make_root(ESYS_CONTEXT *c, ESYS_TR *ret)
{
	const TPM2B_PUBLIC template = { .publicArea = {
		.type = TPM2_ALG_ECC, .nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = 0x30472,	/* a storage root's */
		.parameters.eccDetail = {
			.symmetric = { .algorithm = TPM2_ALG_AES,
				       .keyBits.aes = 128,
				       .mode.aes = TPM2_ALG_CFB },
			.scheme.scheme = TPM2_ALG_NULL,
			.curveID = TPM2_ECC_NIST_P256,
			.kdf.scheme = TPM2_ALG_NULL },
		.unique.ecc = { .x.size = 32, .y.size = 32 } } };

	return Esys_CreatePrimary(c, ESYS_TR_RH_OWNER, PW, N0, N0,
				  &(TPM2B_SENSITIVE_CREATE){ .size = 0 },
				  &template, &(TPM2B_DATA){ .size = 0 },
				  &(TPML_PCR_SELECTION){ .count = 0 }, ret,
				  NULL, NULL, NULL, NULL);
}

/* Who owns the TPM and has its empty passwords can load it, and no more. */
static void without_the_policy_it_stays_closed(void **state)
{
	struct kr_tpmseal s = sealed(GOOD);
	struct kr_tpm *t = opened(GOOD);
	ESYS_CONTEXT *c = kr_tpm_esys(t);
	ESYS_TR root, sealed;
	TPM2B_SENSITIVE_DATA *out = NULL;
	TPM2B_PRIVATE priv;
	TPM2B_PUBLIC pub = { .size = 0 };
	size_t at = 0;

	(void)state;
	assert_int_equal(Tss2_MU_TPM2B_PUBLIC_Unmarshal(s.pub, s.n_pub, &at,
							&pub), 0);
	at = 0;
	assert_int_equal(Tss2_MU_TPM2B_PRIVATE_Unmarshal(s.priv, s.n_priv,
							 &at, &priv), 0);
	assert_int_equal(make_root(c, &root), 0);
	assert_int_equal(Esys_Load(c, root, PW, N0, N0, &priv, &pub, &sealed),
			 0);
	assert_int_equal(Esys_Unseal(c, sealed, PW, N0, N0, &out) & 0xbf,
			 TPM2_RC_AUTH_UNAVAILABLE & 0xbf);
	assert_null(out);
	Esys_FlushContext(c, sealed);
	Esys_FlushContext(c, root);
	kr_tpm_close(t);
}

static void it_is_written_as_specified(void **state)
{
	static const uint8_t bytes[] = { 1, 0, 0x0b, 0, 0x80, 0, 0x80,
					 0, 2, 'p', 'u', 0, 1, 'r' };
	uint8_t buf[KR_TPMSEAL_BYTES_MAX], odd[sizeof(bytes)];
	struct kr_rd r = KR_RD(bytes, sizeof(bytes));
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_tpmseal s;

	(void)state;
	kr_tpmseal_get(&r, &s);
	assert_true(kr_rd_done(&r));
	assert_int_equal(s.mask, MASK);
	kr_tpmseal_put(&w, &s);
	assert_int_equal(kr_wr_len(&w), sizeof(bytes));
	assert_memory_equal(buf, bytes, sizeof(bytes));
	for (size_t n = 0; n < sizeof(bytes); n++) {
		r = KR_RD(bytes, n);
		kr_tpmseal_get(&r, &s);
		assert_true(r.bad);
	}
	/* format, bank, PCRs, lengths */
	for (size_t i = 0; i < 3; i++) {
		memcpy(odd, bytes, sizeof(odd));
		odd[(uint8_t[]){ 0, 1, 7 }[i]] = 0x7f;
		r = KR_RD(odd, sizeof(odd));
		kr_tpmseal_get(&r, &s);
		assert_true(r.bad);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_written_as_specified),
		cmocka_unit_test(a_key_comes_back),
		cmocka_unit_test(what_is_sealed_does_not_say_the_key),
		cmocka_unit_test(another_state_does_not_get_it),
		cmocka_unit_test(other_pcrs_do_not_get_it),
		cmocka_unit_test(another_tpm_does_not_get_it),
		cmocka_unit_test(nobody_gets_a_changed_one),
		cmocka_unit_test(there_is_always_a_policy),
		cmocka_unit_test(without_the_policy_it_stays_closed),
	};

	return cmocka_run_group_tests(tests, stand_up, stand_down);
}
