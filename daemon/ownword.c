/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ownword.c - asks this host's TPM, and has its answer judged. Runs in kororad,
 * which reads neither quote nor event log.
 */
#include "daemon/ownword.h"

#include <errno.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "daemon/host.h"

#define ASKED	((1u << KR_PCRS) - 1)

static void add(struct kr_checks *c, const char *name, const struct kr_err *e,
		const char *message)
{
	struct kr_check *k = &c->c[c->n++];

	*k = (struct kr_check){ .ok = !e, .kr = e ? (uint16_t)e->kr : 0 };
	snprintf(k->name, sizeof(k->name), "%s", name);
	snprintf(k->message, sizeof(k->message), "%s", message);
}

static void failed(struct kr_ownword *k, const struct kr_err *e)
{
	struct kr_checks c = { .n = 0 };

	add(&c, "TPM", e, e->what);
	k->done(k->arg, &c, true);
}

/* ---- what was judged ----------------------------------------------------- */

static void add_deviation(struct kr_checks *c, const struct kr_deviation *d)
{
	struct kr_err e = { .code = -1, .kr = d->kr };
	char name[sizeof(c->c[0].name)], *p = name;

	p += sprintf(p, "TPM");
	if (d->pcr < KR_PCRS)
		p += sprintf(p, " PCR %u", d->pcr);
	if (d->event != KR_DEVIATION_NO_EVENT)
		sprintf(p, " event %zu", d->event);
	add(c, name, &e, d->what);
}

static void judged(void *arg, const struct kr_appraisal *a,
		   const struct kr_err *e)
{
	struct kr_ownword *k = arg;
	struct kr_checks c = { .n = 0 };
	char text[KR_TEXT_BYTES_MAX];
	unsigned int told = 0;

	if (!a) {
		failed(k, e);
		return;
	}
	for (; told < a->n && c.n < KR_CHECKS_MAX - 1; told++)
		add_deviation(&c, &a->deviations[told]);
	if (!a->n) {
		snprintf(text, sizeof(text), "as %s, version %u, has it",
			 a->reference, a->version);
		add(&c, "TPM", NULL, text);
	} else if (told < a->n + a->n_more) {
		struct kr_err more = { .code = -1,
				       .kr = a->deviations[0].kr };

		snprintf(text, sizeof(text), "%u more deviations",
			 a->n + a->n_more - told);
		add(&c, "TPM", &more, text);
	}
	k->done(k->arg, &c, a->n);
}

/* ---- what was quoted ----------------------------------------------------- */

static int read_opaque(const char *path, size_t max, enum kr_code kr,
		       char **ret, size_t *ret_n, struct kr_err *e)
{
	int r = kr_read_file(path, max, ret, ret_n);

	return r ? kr_fail(e, kr, "%.64s: %s", path, r == -E2BIG ?
			   "too long" : strerror(-r)) : 0;
}

static int have_judged(struct kr_ownword *k, const struct kr_tpmquoted *q,
		       struct kr_err *e)
{
	const struct kr_config *cfg = &k->host->cfg;
	static struct kr_appraiseask a;
	struct kr_appraise_said said = {
		.quote = q->quote.b, .n_quote = q->quote.n, .sig = q->sig.b,
		.n_sig = q->sig.n, .pcrs = q->pcrs, .binding = k->binding,
	};
	KR_AUTOFREE char *log = NULL, *text = NULL;
	size_t n;
	int r = read_opaque(cfg->reference, sizeof(a.reference) - 1,
			    KR_E_REFERENCE, &text, &n, e);

	if (!r && cfg->tpm_log[0])
		r = read_opaque(cfg->tpm_log, KR_SAID_LOG_MAX, KR_E_EVENTLOG,
				&log, &said.n_log, e);
	if (r)
		return r;
	said.log = (const uint8_t *)log;
	a = (struct kr_appraiseask){ .ak = q->ak, .binding = k->binding,
				     .mask = ASKED };
	snprintf(a.reference, sizeof(a.reference), "%s", text);
	return kr_appraised_ask(k->host, &k->judge, &a, &said, e);
}

static void quoted(void *arg, const struct kr_tpmquoted *q,
		   const struct kr_err *e)
{
	struct kr_ownword *k = arg;
	char hex[2 * 32 + 1], text[KR_TEXT_BYTES_MAX];
	struct kr_err why = KR_ERR_NONE;
	struct kr_checks c = { .n = 0 };
	uint8_t name[32];

	if (!q || (k->host->cfg.reference[0] && have_judged(k, q, &why))) {
		failed(k, q ? &why : e);
		return;
	}
	if (k->host->cfg.reference[0])
		return;		/* judged() follows */
	SHA256(q->ak.b + 2, q->ak.n - 2, name);	/* as TPMs name keys */
	kr_hex(name, sizeof(name), hex);
	snprintf(text, sizeof(text), "it quotes %d PCRs of the bank %s; "
		 "attestation key 000b%s", __builtin_popcount(q->pcrs.mask),
		 kr_bank_name(q->pcrs.bank), hex);
	add(&c, "TPM", NULL, text);
	k->done(k->arg, &c, false);
}

void kr_ownword_ask(struct kr_host *h, struct kr_ownword *k)
{
	struct kr_tpmask a = { .bank = KR_BANK_SHA256, .mask = ASKED };
	struct kr_binding *b = &k->binding;
	struct kr_err e = KR_ERR_NONE;

	k->host = h;
	k->tpm = (struct kr_tpmasked){ .done = quoted, .arg = k };
	k->judge = (struct kr_appraised){ .done = judged, .arg = k };
	/* to itself, in no session, for no VM */
	memcpy(b->attester, kr_identity_keyid(h->identity), 32);
	memcpy(b->verifier, b->attester, 32);
	memcpy(b->policy, h->policy_digest, 32);
	if (RAND_bytes(b->nonce, sizeof(b->nonce)) != 1)
		kr_fail(&e, KR_E_CRYPTO, "no randomness");
	if (e.code || kr_binding_digest(b, a.extra, &e) ||
	    kr_tpmasked_quote(h, &k->tpm, &a, &e))
		failed(k, &e);
}
