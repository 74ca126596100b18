/* SPDX-License-Identifier: Apache-2.0 */
/* vtpmmove.c - see vtpmmove.h. Runs in kororad. */
#include "daemon/vtpmmove.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/tpmasked.h"
#include "daemon/vtpm.h"

static_assert(KR_STATESEAL_NAME_MAX >= KR_VMDEF_NAME_MAX, "of any VM");

int kr_vtpmmove_may(const struct kr_vmdef *d, enum kr_strategy s,
		    struct kr_err *e)
{
	return !d->tpm || !kr_strategy_early(s) ? 0 :
	       kr_fail(e, KR_E_VTPM_STAYS, "%s has a TPM, and %s would run it "
		       "early", d->name, kr_strategy_name(s));
}

int kr_vtpmmove_host(const struct kr_host *h, struct kr_err *e)
{
	if (access(KR_EMULATOR_BINARY, X_OK))
		return kr_fail(e, KR_E_VTPM_NONE, "no %s on %s",
			       KR_EMULATOR_BINARY,
			       kr_identity_name(h->identity));
	if (!kr_tpmasked_configured(h) && !h->cfg.vtpm_unsealed)
		return kr_fail(e, KR_E_VTPM_NO_TPM, "%s has no TPM",
			       kr_identity_name(h->identity));
	return 0;
}

int kr_vtpmmove_ask(struct kr_mig *m, struct kr_err *e)
{
	return !m->def.tpm || m->plan ? 0 :
	       kr_link_ask_key(m->link, m->terms.migration, KR_VTPMMOVE_LANE,
			       0, e);
}

void kr_vtpmmove_key(struct kr_mig *m, const struct kr_lanekey *k)
{
	struct kr_gateorder o = { .way = m->state == KR_S_COPY ? KR_GATE_OUT :
								 KR_GATE_IN,
				  .seal.epoch = m->terms.epoch };
	struct kr_err e = KR_ERR_NONE;

	if (!m->def.tpm || (m->state != KR_S_COPY && m->state != KR_T_LOAD))
		return;
	memcpy(o.seal.key, k->key, sizeof(o.seal.key));
	memcpy(o.seal.migration, m->terms.migration, sizeof(o.seal.migration));
	snprintf(o.seal.vm, sizeof(o.seal.vm), "%s", m->terms.vm);
	if (kr_vtpm_order(m->host, m->terms.vm, &o, &e))
		kr_mig_fail(m, &e);
	kr_wipe(&o, sizeof(o));
}

void kr_vtpmmove_over(struct kr_mig *m)
{
	static const struct kr_gateorder shut = { .way = KR_GATE_SHUT };

	if (!m->def.tpm)
		return;
	if (m->state == KR_S_UNDONE)	/* a TPM that died needs no word */
		kr_vtpm_order(m->host, m->terms.vm, &shut, NULL);
	kr_vtpm_sweep(m->host);
}
