/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_appraise.c - a host that is attested, and attackers who would be taken
 * for it: each attack is made with real quotes, of two emulated TPMs. One of
 * them is brought to where a machine's TPM was that booted, by its event log.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_tctildr.h>

#include "attest/appraise.h"
#include "eventlog_made.h"
#include "tpm_stand.h"

#define N(a)	(sizeof(a) / sizeof((a)[0]))
#define ASKED	0x97u			/* PCRs 0, 1, 2, 4 and 7 */

static struct {
	uint8_t		   *log;
	size_t		    n_log;
	struct kr_reference ref;	/* 0, 2 by values, 4, 7 by events */
	struct kr_tpmkey    ak[N_TPMS];
	struct kr_binding   binding;	/* as it should be */
	struct kr_tpmbytes  quote, sig;
	struct kr_appraise_said said;	/* of the good host, honest */
	struct kr_appraise_want want;
	struct kr_appraisal a;
} t;

/* ---- the good host ------------------------------------------------------- */

/* What the firmware did, done again. */
static void boot(unsigned int tpm, const uint8_t *log, size_t n_log)
{
	char cmd[7168], *p = cmd;
	struct kr_eventlog *l = NULL;
	const struct kr_logevent *v;
	size_t n;

	assert_int_equal(kr_eventlog_parse(log, n_log, &l, NULL), 0);
	v = kr_eventlog_events(l, &n);
	for (size_t i = 0; i < n; i++) {
		char hex[65];

		if (!kr_eventlog_extends(&v[i]))
			continue;
		kr_hex(v[i].digest[KR_BANK_SHA256], 32, hex);
		p += sprintf(p, " %u:sha256=%s", v[i].pcr, hex);
		assert_true(p - cmd < (long)sizeof(cmd) - 128);
	}
	kr_eventlog_free(l);
	assert_int_equal(shell("TPM2TOOLS_TCTI=%s tpm2_pcrextend%s", tcti(tpm),
			       cmd), 0);
}

static void add_value(json_t *to, unsigned int pcr, const uint8_t *digest)
{
	char key[4], hex[65];
	json_t *list;
	size_t i;
	json_t *old;

	snprintf(key, sizeof(key), "%u", pcr);
	kr_hex(digest, 32, hex);
	list = json_object_get(to, key);
	if (!list) {
		list = json_array();
		json_object_set_new(to, key, list);
	}
	json_array_foreach(list, i, old)
		if (!strcmp(json_string_value(old), hex))
			return;
	json_array_append_new(list, json_string(hex));
}

/* What that machine's owner would sign. */
static json_t *reference_doc(void)
{
	json_t *pcrs = json_object(), *events = json_object();
	struct kr_eventlog *l = NULL;
	const struct kr_logevent *v;
	struct kr_pcrs p;
	size_t n;

	assert_int_equal(kr_eventlog_parse(t.log, t.n_log, &l, NULL), 0);
	assert_int_equal(kr_eventlog_replay(l, KR_BANK_SHA256, &p, NULL), 0);
	add_value(pcrs, 0, p.value[0]);
	add_value(pcrs, 2, p.value[2]);
	v = kr_eventlog_events(l, &n);
	for (size_t i = 0; i < n; i++)
		if (v[i].pcr == 4 || v[i].pcr == 7)
			add_value(events, v[i].pcr,
				  v[i].digest[KR_BANK_SHA256]);
	kr_eventlog_free(l);
	return json_pack("{s:s, s:i, s:s, s:o, s:o}", "name", "hosts",
			 "version", 3, "bank", "sha256", "pcrs", pcrs,
			 "events", events);
}

static struct kr_reference reference_of(json_t *doc)
{
	char *text = json_dumps(doc, 0);
	struct kr_reference r;
	struct kr_err e = KR_ERR_NONE;

	if (kr_reference_parse(text, strlen(text), &r, &e))
		fail_msg("%s", e.what);
	free(text);
	json_decref(doc);
	return r;
}

static struct kr_binding sample(void)
{
	struct kr_binding b = { .role = KR_TARGET, .vm = "web-1" };

	memset(b.attester, 1, 32);
	memset(b.verifier, 2, 32);
	memset(b.nonce, 3, 32);
	memset(b.exporter, 4, 32);
	memset(b.policy, 5, 32);
	return b;
}

/* A host has its TPM quote, and says what for. */
static void attest(unsigned int tpm, enum kr_bank bank, uint32_t mask,
		   const struct kr_binding *b)
{
	struct kr_tpm *tpm_of_it = opened(tpm);
	uint8_t extra[KR_BINDING_BYTES];
	struct kr_err e = KR_ERR_NONE;

	t.said = (struct kr_appraise_said){
		.quote = t.quote.b, .sig = t.sig.b, .log = t.log,
		.n_log = t.n_log, .pcrs = { .bank = bank, .mask = mask },
		.binding = *b };
	assert_int_equal(kr_binding_digest(b, extra, NULL), 0);
	if (kr_tpm_quote(tpm_of_it, extra, sizeof(extra), &t.said.pcrs,
			 &t.quote, &t.sig, &e))
		fail_msg("%s", e.what);
	t.said.n_quote = t.quote.n;
	t.said.n_sig = t.sig.n;
	kr_tpm_close(tpm_of_it);
}

static int set_up(void **state)
{
	if (stand_up(state))
		return -1;
	t.log = real_log(&t.n_log);
	t.ref = reference_of(reference_doc());
	t.binding = sample();
	boot(GOOD, t.log, t.n_log);
	for (unsigned int i = 0; i < N_TPMS; i++) {
		struct kr_tpm *tpm = opened(i);

		t.ak[i] = ak_of(tpm);
		kr_tpm_close(tpm);
	}
	return 0;
}

static int tear_down(void **state)
{
	for (unsigned int i = 0; i < N_TPMS; i++)
		kr_tpmkey_fini(&t.ak[i]);
	kr_reference_fini(&t.ref);
	free(t.log);
	return stand_down(state);
}

/* Before each test: an honest quote, and what its verifier knows. */
static int honest(void **state)
{
	(void)state;
	t.want = (struct kr_appraise_want){
		.ak = &t.ak[GOOD], .binding = &t.binding, .reference = &t.ref,
		.mask = ASKED };
	attest(GOOD, KR_BANK_SHA256, ASKED, &t.binding);
	return 0;
}

static enum kr_code judged(void)
{
	struct kr_err e = KR_ERR_NONE;
	int r = kr_appraise(&t.want, &t.said, &t.a, &e);

	assert_int_equal(!r, !t.a.n);
	assert_int_equal(!r, t.a.status == KR_TIER_AFFIRMING);
	return e.kr;
}

static bool told(enum kr_code kr, unsigned int pcr)
{
	for (unsigned int i = 0; i < t.a.n; i++)
		if (t.a.deviations[i].kr == kr && t.a.deviations[i].pcr == pcr)
			return true;
	return false;
}

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
	TSS2_TCTI_CONTEXT *way = NULL;
	ESYS_CONTEXT *c = NULL;
	TPM2B_PUBLIC pub = { 0 };
	TPM2B_ATTEST *said;
	TPMT_SIGNATURE *sig;
	size_t at = 0;
	ESYS_TR key;

	assert_int_equal(kr_binding_digest(&t.binding, extra.buffer, NULL), 0);
	assert_int_equal(Tss2_TctiLdr_Initialize(tcti(GOOD), &way), 0);
	assert_int_equal(Esys_Initialize(&c, way, NULL), 0);
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
	Tss2_TctiLdr_Finalize(&way);
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

/* ---- the log ------------------------------------------------------------- */

/* Where event number @i begins and ends in the real log. */
static void bounds(size_t i, size_t *ret_from, size_t *ret_to)
{
	struct kr_eventlog *l = NULL;
	const struct kr_logevent *v;
	size_t n;

	assert_int_equal(kr_eventlog_parse(t.log, t.n_log, &l, NULL), 0);
	v = kr_eventlog_events(l, &n);
	assert_true(i && i < n);
	*ret_from = (size_t)(v[i - 1].data - t.log) + v[i - 1].n_data;
	*ret_to = (size_t)(v[i].data - t.log) + v[i].n_data;
	kr_eventlog_free(l);
}

/* The first event of a PCR, as a number. */
static size_t first_of(unsigned int pcr)
{
	struct kr_eventlog *l = NULL;
	const struct kr_logevent *v;
	size_t n, i = 0;

	assert_int_equal(kr_eventlog_parse(t.log, t.n_log, &l, NULL), 0);
	v = kr_eventlog_events(l, &n);
	while (i < n && !(v[i].pcr == pcr && kr_eventlog_extends(&v[i])))
		i++;
	kr_eventlog_free(l);
	assert_true(i < n);
	return i;
}

static void show_log(const uint8_t *log, size_t n, unsigned int pcr)
{
	t.said.log = log;
	t.said.n_log = n;
	assert_int_equal(judged(), KR_E_LOG_REPLAY);
	assert_int_equal(t.a.n, 1);
	assert_true(told(KR_E_LOG_REPLAY, pcr));
	assert_int_equal(t.a.executables, 99);
}

static void a_log_with_an_event_changed_removed_or_added(void **state)
{
	static const unsigned int pcrs[] = { 0, 1, 4, 7 };
	uint8_t *log = malloc(2 * t.n_log);

	(void)state;
	for (size_t i = 0; i < N(pcrs); i++) {
		size_t from, to;

		bounds(first_of(pcrs[i]), &from, &to);
		memcpy(log, t.log, t.n_log);
		log[from + 14] ^= 1;		/* its SHA-256 */
		show_log(log, t.n_log, pcrs[i]);
		memcpy(log + from, t.log + to, t.n_log - to);
		show_log(log, t.n_log - (to - from), pcrs[i]);
		memcpy(log, t.log, t.n_log);
		memcpy(log + t.n_log, t.log + from, to - from);
		show_log(log, t.n_log + (to - from), pcrs[i]);
	}
	free(log);
}

/* Nothing was measured, says the log, into a PCR that events are wanted of. */
static void a_log_without_any_event_of_a_pcr(void **state)
{
	uint8_t *log = malloc(t.n_log);
	struct kr_eventlog *l = NULL;
	const struct kr_logevent *v;
	size_t n, n_log, from, to;

	(void)state;
	assert_int_equal(kr_eventlog_parse(t.log, t.n_log, &l, NULL), 0);
	v = kr_eventlog_events(l, &n);
	bounds(1, &n_log, &to);
	memcpy(log, t.log, n_log);
	for (size_t i = 1; i < n; i++) {
		bounds(i, &from, &to);
		if (v[i].pcr == 4)
			continue;
		memcpy(log + n_log, t.log + from, to - from);
		n_log += to - from;
	}
	show_log(log, n_log, 4);
	kr_eventlog_free(l);
	free(log);
}

/* A PCR that is judged by its events needs them, and all of them. */
static void no_log(void **state)
{
	(void)state;
	t.said.n_log = 0;
	assert_int_equal(judged(), KR_E_EVENTLOG);
	t.said.n_log = t.n_log - 1;
	assert_int_equal(judged(), KR_E_EVENTLOG);
}

/* ---- what was booted ----------------------------------------------------- */

static void revoked(void **state)
{
	struct kr_reference all = t.ref, by_value;
	json_t *doc = reference_doc();
	char hex[65];
	const char *image = json_string_value(json_array_get(json_object_get(
		json_object_get(doc, "events"), "4"), 2));

	(void)state;
	json_object_set_new(doc, "revoked", json_pack("[s]", image));
	all = reference_of(doc);
	t.want.reference = &all;
	assert_int_equal(judged(), KR_E_REVOKED);
	assert_true(told(KR_E_REVOKED, 4));
	assert_int_equal(t.a.executables, 96);
	assert_int_not_equal(t.a.deviations[0].event, KR_DEVIATION_NO_EVENT);
	kr_reference_fini(&all);
	/* or the value of a PCR that nothing else is said of */
	kr_hex(t.said.pcrs.value[1], 32, hex);
	doc = reference_doc();
	json_object_set_new(doc, "revoked", json_pack("[s]", hex));
	by_value = reference_of(doc);
	t.want.reference = &by_value;
	assert_int_equal(judged(), KR_E_REVOKED);
	assert_true(told(KR_E_REVOKED, 1));
	kr_reference_fini(&by_value);
}

/* The firmware is another one, and something more was started: both told. */
static void what_nobody_signed_for(void **state)
{
	json_t *doc = reference_doc();
	struct kr_reference ref;
	json_t *j, *all;

	(void)state;
	json_object_set_new(json_object_get(doc, "pcrs"), "0",
			    json_pack("[s]", "00000000000000000000000000000000"
				      "00000000000000000000000000000000"));
	json_array_remove(json_object_get(json_object_get(doc, "events"), "4"),
			  2);
	ref = reference_of(doc);
	t.want.reference = &ref;
	assert_int_equal(judged(), KR_E_PCR_UNKNOWN);
	assert_int_equal(t.a.n, 2);
	assert_true(told(KR_E_PCR_UNKNOWN, 0));
	assert_true(told(KR_E_EVENT_UNKNOWN, 4));
	assert_int_equal(t.a.executables, 33);
	assert_int_equal(t.a.status, KR_TIER_WARNING);
	j = kr_appraise_json(&t.a, "alpha", 0);
	all = json_object_get(json_object_get(json_object_get(j, "submods"),
					      "alpha"), "korora.deviations");
	assert_int_equal(json_array_size(all), 2);
	assert_string_equal(json_string_value(json_object_get(
		json_array_get(all, 1), "code")), "KR-2118");
	assert_int_equal(json_integer_value(json_object_get(
		json_array_get(all, 1), "pcr")), 4);
	assert_non_null(json_object_get(json_array_get(all, 1), "event"));
	json_decref(j);
	kr_reference_fini(&ref);
}

/* More goes wrong than is told one by one. */
static void many_deviations(void **state)
{
	struct made m = made_sha256();
	struct kr_reference ref = reference_of(json_pack(
		"{s:s, s:i, s:s, s:{s:[s]}}", "name", "none", "version", 1,
		"bank", "sha256", "events", "16",
		"0000000000000000000000000000000000000000000000000000000000000"
		"000"));

	(void)state;
	for (uint8_t i = 0; i < KR_DEVIATIONS_MAX + 6; i++)
		made_event(&m, 16, 5, &i, 1);
	boot(BAD, m.b, m.n);
	attest(BAD, KR_BANK_SHA256, 1u << 16, &t.binding);
	t.want = (struct kr_appraise_want){ &t.ak[BAD], &t.binding, &ref,
					    1u << 16, NULL };
	t.said.log = m.b;
	t.said.n_log = m.n;
	assert_int_equal(judged(), KR_E_EVENT_UNKNOWN);
	assert_int_equal(t.a.n, KR_DEVIATIONS_MAX);
	assert_int_equal(t.a.n_more, 6);
	kr_reference_fini(&ref);
}

/* ---- time ---------------------------------------------------------------- */

/* Last: it takes the good host's power away. */
static void a_boot_since_then_and_a_clock_set_back(void **state)
{
	struct kr_tpmclock then;

	(void)state;
	assert_int_equal(judged(), KR_OK);
	then = t.a.clock;
	t.want.last = &then;
	assert_int_equal(judged(), KR_OK);
	/* a quote of before what is remembered */
	then.clock_ms++;
	attest(GOOD, KR_BANK_SHA256, ASKED, &t.binding);
	then.clock_ms += UINT64_C(1) << 32;
	assert_int_equal(judged(), KR_E_TPM_CLOCK);
	assert_int_equal(t.a.status, KR_TIER_CONTRAINDICATED);
	then.clock_ms -= UINT64_C(1) << 32;
	then.restarts++;
	assert_int_equal(judged(), KR_E_TPM_CLOCK);
	then.restarts--;
	stop(GOOD);
	start(GOOD);
	boot(GOOD, t.log, t.n_log);
	attest(GOOD, KR_BANK_SHA256, ASKED, &t.binding);
	assert_int_equal(judged(), KR_E_TPM_RESET);
	assert_int_equal(t.a.n, 1);
	assert_int_equal(t.a.status, KR_TIER_WARNING);
	/* it may begin earlier only if it says that it may */
	then.clock_ms = t.a.clock.clock_ms + 60000;
	assert_int_equal(judged(), t.a.clock.safe ? KR_E_TPM_CLOCK :
						    KR_E_TPM_RESET);
	then.clock_ms = 0;
	then.resets = t.a.clock.resets + 1;
	assert_int_equal(judged(), KR_E_TPM_CLOCK);
}

#define TEST(f)	cmocka_unit_test_setup(f, honest)

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
		TEST(a_log_with_an_event_changed_removed_or_added),
		TEST(a_log_without_any_event_of_a_pcr),
		TEST(no_log),
		TEST(revoked),
		TEST(what_nobody_signed_for),
		TEST(many_deviations),
		TEST(a_boot_since_then_and_a_clock_set_back),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
