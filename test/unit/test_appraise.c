/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_appraise.c - attackers who would be taken for a good host, by a quote of
 * another occasion, another TPM or other PCRs; each made by a real TPM.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>

#include "appraise_stand.h"
#include "attest/tctifd.h"

static void a_good_host_is_affirmed(void **state)
{
	json_t *j, *sub;

	(void)state;
	assert_int_equal(judged(), KR_OK);
	assert_int_equal(t.a.identity, 2);
	assert_int_equal(t.a.executables, 2);
	j = kr_appraise_json(&t.a, "alpha", 1700000000123);
	assert_int_equal(json_integer_value(json_object_get(j, "iat")),
			 1700000000);
	sub = json_object_get(json_object_get(j, "submods"), "alpha");
	assert_string_equal(json_string_value(json_object_get(
				    sub, "ear.status")), "affirming");
	assert_string_equal(json_string_value(json_object_get(
				    sub, "ear.appraisal-policy-id")),
			    "hosts:3");
	assert_int_equal(json_array_size(json_object_get(
				 sub, "korora.deviations")), 0);
	json_decref(j);
}

/* ---- quotes of other occasions ------------------------------------------- */

/*
 * A quote that its TPM made for @made is shown where @t.binding is wanted:
 * once with what is true of it, once with what would be wanted.
 */
static void shown_instead(const struct kr_binding *made, enum kr_code want)
{
	attest(GOOD, KR_BANK_SHA256, ASKED, made);
	assert_int_equal(judged(), want);
	assert_int_equal(t.a.status, KR_TIER_CONTRAINDICATED);
	assert_int_equal(t.a.executables, 0);
	t.said.binding = t.binding;
	assert_int_equal(judged(), KR_E_ATTEST_CLAIMS);
}

static void a_good_hosts_quote_relayed_for_a_bad_one(void **state)
{
	struct kr_binding of_the_bad = t.binding;

	(void)state;
	/* the bad host's session with the verifier; it asks the good one */
	memset(of_the_bad.attester, 9, 32);
	t.want.binding = &of_the_bad;
	assert_int_equal(judged(), KR_E_ATTEST_RELAYED);
	t.said.binding = of_the_bad;
	assert_int_equal(judged(), KR_E_ATTEST_CLAIMS);
	/* the good host's key is not the one enrolled for it */
	t.want.ak = &t.ak[BAD];
	assert_int_equal(judged(), KR_E_QUOTE_FORGED);
	assert_int_equal(t.a.identity, 99);
}

static void a_quote_for_another_verifier(void **state)
{
	struct kr_binding b = t.binding;

	(void)state;
	memset(b.verifier, 9, 32);
	shown_instead(&b, KR_E_ATTEST_RELAYED);
}

static void an_old_quote(void **state)
{
	struct kr_binding b = t.binding;

	(void)state;
	memset(b.nonce, 9, 32);
	shown_instead(&b, KR_E_ATTEST_NONCE);
}

static void a_quote_of_another_session(void **state)
{
	struct kr_binding b = t.binding;

	(void)state;
	memset(b.exporter, 9, 32);
	shown_instead(&b, KR_E_ATTEST_CHANNEL);
}

static void a_quote_of_the_other_role(void **state)
{
	struct kr_binding b = t.binding;

	(void)state;
	b.role = KR_SOURCE;
	shown_instead(&b, KR_E_ATTEST_ROLE);
	/* the verifier's own quote, sent back to it */
	memcpy(b.attester, t.binding.verifier, 32);
	memcpy(b.verifier, t.binding.attester, 32);
	shown_instead(&b, KR_E_ATTEST_RELAYED);
}

static void a_quote_for_another_vm_or_policy(void **state)
{
	struct kr_binding b = t.binding;

	(void)state;
	strcpy(b.vm, "web-2");
	shown_instead(&b, KR_E_ATTEST_VM);
	b = t.binding;
	memset(b.policy, 9, 32);
	shown_instead(&b, KR_E_ATTEST_POLICY);
}

/* ---- another TPM, other PCRs --------------------------------------------- */

static void an_attackers_tpm(void **state)
{
	struct kr_tpmkey free_to_sign = t.ak[BAD];

	(void)state;
	/* it never booted what the good host did, and it is not its TPM */
	attest(BAD, KR_BANK_SHA256, ASKED, &t.binding);
	assert_int_equal(judged(), KR_E_QUOTE_FORGED);
	/* even if its key were enrolled */
	t.want.ak = &t.ak[BAD];
	assert_int_equal(judged(), KR_E_PCR_UNKNOWN);
	assert_true(told(KR_E_LOG_REPLAY, 4));
	/* but a key that signs anything never counts */
	free_to_sign.attributes &= ~(1u << 16);
	t.want.ak = &free_to_sign;
	assert_int_equal(judged(), KR_E_TPM_KEY);
}

static void fewer_pcrs(void **state)
{
	(void)state;
	attest(GOOD, KR_BANK_SHA256, ASKED & ~(1u << 7), &t.binding);
	assert_int_equal(judged(), KR_E_PCR_FEWER);
	assert_int_equal(t.a.n, 1);
	assert_true(told(KR_E_PCR_FEWER, 7));
	assert_int_equal(t.a.executables, 0);
	/* those that the reference values are of are needed, asked or not */
	t.want.mask = 1;
	assert_int_equal(judged(), KR_E_PCR_FEWER);
	/* said to be more than was quoted */
	t.want.mask = ASKED;
	t.said.pcrs.mask = ASKED;
	assert_int_equal(judged(), KR_E_PCR_FEWER);
	assert_int_equal(t.a.n, 1);
	/* more are no harm */
	attest(GOOD, KR_BANK_SHA256, 0xffffff, &t.binding);
	assert_int_equal(judged(), KR_OK);
}

static void another_bank(void **state)
{
	(void)state;
	attest(GOOD, KR_BANK_SHA384, ASKED, &t.binding);
	assert_int_equal(judged(), KR_E_PCR_BANK);
	/* and claimed to be the right one */
	t.said.pcrs.bank = KR_BANK_SHA256;
	assert_int_equal(judged(), KR_E_PCR_BANK);
}

/* The host's own key quotes the bank in which collisions can be had. */
static void quote_sha1(const struct kr_tpmbytes *ak_pub)
{
	const TPM2B_SENSITIVE_CREATE empty = { .size = 0 };
	const TPML_PCR_SELECTION none = { .count = 0 }, what = {
		.count = 1, .pcrSelections = { {
			.hash = TPM2_ALG_SHA1, .sizeofSelect = 3,
			.pcrSelect = { ASKED } } } };
	const TPMT_SIG_SCHEME own = { .scheme = TPM2_ALG_NULL };
	TPM2B_DATA no_data = { .size = 0 }, extra = { .size = 32 };
	struct kr_tctifd way;
	ESYS_CONTEXT *c = NULL;
	TPM2B_PUBLIC pub = { 0 };
	TPM2B_ATTEST *said;
	TPMT_SIGNATURE *sig;
	size_t at = 0;
	ESYS_TR key;

	assert_int_equal(kr_binding_digest(&t.binding, extra.buffer, NULL), 0);
	kr_tctifd_init(&way, way_to(GOOD));
	assert_int_equal(Esys_Initialize(&c, (TSS2_TCTI_CONTEXT *)&way, NULL),
			 0);
	assert_int_equal(Tss2_MU_TPM2B_PUBLIC_Unmarshal(ak_pub->b, ak_pub->n,
							&at, &pub), 0);
	pub.publicArea.unique.ecc = (TPMS_ECC_POINT){ .x.size = 0 };
	assert_int_equal(Esys_CreatePrimary(
		c, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD, ESYS_TR_NONE,
		ESYS_TR_NONE, &empty, &pub, &no_data, &none, &key, NULL, NULL,
		NULL, NULL), 0);
	assert_int_equal(Esys_Quote(c, key, ESYS_TR_PASSWORD, ESYS_TR_NONE,
				    ESYS_TR_NONE, &extra, &own, &what, &said,
				    &sig), 0);
	t.quote.n = t.sig.n = 0;
	assert_int_equal(Tss2_MU_TPM2B_ATTEST_Marshal(
		said, t.quote.b, sizeof(t.quote.b), &t.quote.n), 0);
	assert_int_equal(Tss2_MU_TPMT_SIGNATURE_Marshal(
		sig, t.sig.b, sizeof(t.sig.b), &t.sig.n), 0);
	Esys_Free(said);
	Esys_Free(sig);
	Esys_FlushContext(c, key);
	Esys_Finalize(&c);
	close(way.fd);
	t.said.n_quote = t.quote.n;
	t.said.n_sig = t.sig.n;
}

static void the_sha1_bank(void **state)
{
	struct kr_tpm *tpm = opened(GOOD);
	struct kr_tpmbytes ak;

	(void)state;
	assert_int_equal(kr_tpm_ak(tpm, &ak, NULL), 0);
	kr_tpm_close(tpm);
	quote_sha1(&ak);
	assert_int_equal(judged(), KR_E_PCR_BANK);
	assert_non_null(strstr(t.a.deviations[0].what, "SHA-1"));
}

static void values_that_are_not_quoted(void **state)
{
	(void)state;
	t.said.pcrs.value[4][31] ^= 1;
	assert_int_equal(judged(), KR_E_PCR_VALUES);
	assert_int_equal(t.a.executables, 99);
	/* those of PCRs that are not quoted do not matter */
	t.said.pcrs.value[4][31] ^= 1;
	t.said.pcrs.value[5][0] ^= 1;
	assert_int_equal(judged(), KR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_good_host_is_affirmed),
		TEST(a_good_hosts_quote_relayed_for_a_bad_one),
		TEST(a_quote_for_another_verifier),
		TEST(an_old_quote),
		TEST(a_quote_of_another_session),
		TEST(a_quote_of_the_other_role),
		TEST(a_quote_for_another_vm_or_policy),
		TEST(an_attackers_tpm),
		TEST(fewer_pcrs),
		TEST(another_bank),
		TEST(the_sha1_bank),
		TEST(values_that_are_not_quoted),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
