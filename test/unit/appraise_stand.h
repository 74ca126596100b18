/* SPDX-License-Identifier: Apache-2.0 */
/*
 * appraise_stand.h - a host that is attested, with a TPM that was brought to
 * where a machine's was that booted, by its event log; and what its verifier
 * knows. An attacker has another TPM. Include after <cmocka.h>.
 */
#ifndef KR_TEST_APPRAISE_STAND_H
#define KR_TEST_APPRAISE_STAND_H

#include "attest/appraise.h"
#include "eventlog_made.h"
#include "tpm_stand.h"

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
static inline void boot(unsigned int tpm, const uint8_t *log, size_t n_log)
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

static inline void add_value(json_t *to, unsigned int pcr,
			     const uint8_t *digest)
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
static inline json_t *reference_doc(void)
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

static inline struct kr_reference reference_of(json_t *doc)
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

static inline struct kr_binding sample(void)
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
static inline void attest(unsigned int tpm, enum kr_bank bank, uint32_t mask,
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

static inline int set_up(void **state)
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

static inline int tear_down(void **state)
{
	for (unsigned int i = 0; i < N_TPMS; i++)
		kr_tpmkey_fini(&t.ak[i]);
	kr_reference_fini(&t.ref);
	free(t.log);
	return stand_down(state);
}

/* Before each test: an honest quote, and what its verifier knows. */
static inline int honest(void **state)
{
	(void)state;
	t.want = (struct kr_appraise_want){
		.ak = &t.ak[GOOD], .binding = &t.binding, .reference = &t.ref,
		.mask = ASKED };
	attest(GOOD, KR_BANK_SHA256, ASKED, &t.binding);
	return 0;
}

static inline enum kr_code judged(void)
{
	struct kr_err e = KR_ERR_NONE;
	int r = kr_appraise(&t.want, &t.said, &t.a, &e);

	assert_int_equal(!r, !t.a.n);
	assert_int_equal(!r, t.a.status == KR_TIER_AFFIRMING);
	return e.kr;
}

static inline bool told(enum kr_code kr, unsigned int pcr)
{
	for (unsigned int i = 0; i < t.a.n; i++)
		if (t.a.deviations[i].kr == kr && t.a.deviations[i].pcr == pcr)
			return true;
	return false;
}

#define TEST(f)	cmocka_unit_test_setup(f, honest)

#endif
