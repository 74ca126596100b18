/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ownword.c - asks this host's TPM, and has its answer judged. Runs in kororad,
 * which reads neither quote nor event log.
 */
#include "daemon/ownword.h"

#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "daemon/deviations.h"
#include "daemon/goodvalues.h"
#include "daemon/host.h"

#define ASKED	((1u << KR_PCRS) - 1)

static void failed(struct kr_ownword *k, const struct kr_err *e)
{
	struct kr_checks c;

	kr_deviations_fail(e, &c);
	k->done(k->arg, &c, true);
}

static void judged(void *arg, const struct kr_appraisersaid *s,
		   const struct kr_err *e)
{
	struct kr_ownword *k = arg;
	struct kr_checks c;

	if (!s) {
		failed(k, e);
		return;
	}
	kr_deviations_tell(s->appraisal, &c);
	k->done(k->arg, &c, s->appraisal->n);
}

/* 0: judged() follows. */
static int have_judged(struct kr_ownword *k, const struct kr_tpmquoted *q,
		       const uint8_t *said, size_t n_said, struct kr_err *e)
{
	static struct kr_appraiseask a;
	int r = kr_goodvalues_find(k->host, kr_identity_name(k->host->identity),
				   a.reference, e);

	if (r)
		return r;
	a.ak = q->ak;
	a.binding = k->quote.binding;
	a.mask = ASKED;
	return kr_appraised_ask(k->host, &k->judge, &a, said, n_said, e);
}

static void quoted(void *arg, uint8_t *bytes, size_t n,
		   const struct kr_tpmquoted *q, const struct kr_err *e)
{
	KR_AUTOFREE uint8_t *said = bytes;
	struct kr_ownword *k = arg;
	char hex[2 * 32 + 1], text[KR_TEXT_BYTES_MAX];
	struct kr_err why = KR_ERR_NONE;
	struct kr_checks c;
	uint8_t name[32];
	int r = said ? have_judged(k, q, said, n, &why) : e->code;

	if (r < 0)
		failed(k, said ? &why : e);
	if (r != KR_GOODVALUES_NONE)
		return;
	SHA256(q->ak.b + 2, q->ak.n - 2, name);	/* as TPMs name keys */
	kr_hex(name, sizeof(name), hex);
	snprintf(text, sizeof(text), "it quotes %d PCRs of the bank %s; "
		 "attestation key 000b%s", __builtin_popcount(q->pcrs.mask),
		 kr_bank_name(q->pcrs.bank), hex);
	kr_deviations_fine(text, &c);
	k->done(k->arg, &c, false);
}

void kr_ownword_ask(struct kr_host *h, struct kr_ownword *k)
{
	struct kr_binding *b = &k->quote.binding;
	struct kr_err e = KR_ERR_NONE;

	k->host = h;
	k->quote = (struct kr_ownquote){ .done = quoted, .arg = k };
	k->judge = (struct kr_appraised){ .done = judged, .arg = k };
	/* to itself, in no session, for no VM */
	memcpy(b->attester, kr_identity_keyid(h->identity), 32);
	memcpy(b->verifier, b->attester, 32);
	memcpy(b->policy, h->policy_digest, 32);
	if (RAND_bytes(b->nonce, sizeof(b->nonce)) != 1)
		kr_fail(&e, KR_E_CRYPTO, "no randomness");
	if (e.code || kr_ownquote_ask(h, &k->quote, KR_BANK_SHA256, ASKED, &e))
		failed(k, &e);
}
