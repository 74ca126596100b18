/* SPDX-License-Identifier: Apache-2.0 */
/* ownkey.c - see ownkey.h. Runs in kororad, which reads no key of a TPM. */
#include "daemon/ownkey.h"

#include <openssl/rand.h>
#include <string.h>

#include "base/fd.h"
#include "daemon/host.h"

static void end(struct kr_ownkey *k, const struct kr_err *e)
{
	kr_wipe(k->secret, sizeof(k->secret));
	k->done(k->arg, k, e);
}

static void activated(void *arg, const struct kr_tpmsaid *s,
		      const struct kr_err *e)
{
	struct kr_ownkey *k = arg;
	struct kr_err why = KR_ERR_NONE;

	if (s && (s->secret->n != sizeof(k->secret) ||
		  !kr_eq_ct(s->secret->b, k->secret, sizeof(k->secret)))) {
		kr_fail(&why, KR_E_AK_FOREIGN, "another secret came back");
		e = &why;
	}
	end(k, e);
}

static void endorsed(void *arg, const struct kr_appraisersaid *s,
		     const struct kr_err *e)
{
	struct kr_ownkey *k = arg;
	struct kr_err why = KR_ERR_NONE;

	if (s) {
		k->endorsed = *s->endorsed;
		k->tpm = (struct kr_tpmasked){ .done = activated, .arg = k };
		if (!kr_tpmasked_activate(k->host, &k->tpm,
					  &k->endorsed.credential, &why))
			return;
		e = &why;
	}
	end(k, e);
}

static void enrolled(void *arg, const struct kr_tpmsaid *s,
		     const struct kr_err *e)
{
	struct kr_ownkey *k = arg;
	struct kr_err why = KR_ERR_NONE;
	struct kr_endorseask a;

	if (s) {
		k->clock = s->material->clock;
		a.m = *s->material;
		memcpy(a.secret, k->secret, sizeof(a.secret));
		kr_appraised_endorse(k->host, &k->endorser, &a, &why);
		kr_wipe(&a, sizeof(a));
		if (!why.code)
			return;
		e = &why;
	}
	end(k, e);
}

int kr_ownkey_ask(struct kr_host *h, struct kr_ownkey *k, struct kr_err *e)
{
	k->host = h;
	k->tpm = (struct kr_tpmasked){ .done = enrolled, .arg = k };
	k->endorser = (struct kr_appraised){ .done = endorsed, .arg = k };
	if (!kr_tpmasked_configured(h))
		return kr_fail(e, KR_E_TPM, "korora.conf names none");
	if (RAND_bytes(k->secret, sizeof(k->secret)) != 1)
		return kr_fail(e, KR_E_CRYPTO, "no randomness");
	return kr_tpmasked_enrol(h, &k->tpm, e);
}
