/* SPDX-License-Identifier: Apache-2.0 */
/* appraisemsg.c - kororad <-> korora-appraise, reader and writer side by side. */
#include "attest/appraisemsg.h"

#include "attest/eventlog.h"
#include "attest/tpmmsg.h"

void kr_appraiseask_put(struct kr_wr *w, const struct kr_appraiseask *a)
{
	kr_wr_u16(w, (uint16_t)a->ak.n);
	kr_wr_bytes(w, a->ak.b, a->ak.n);
	kr_binding_put(w, &a->binding);
	kr_wr_u32(w, a->mask);
	kr_wr_str(w, a->reference);
}

int kr_appraiseask_parse(struct kr_rd *r, struct kr_appraiseask *ret,
			 struct kr_err *e)
{
	ret->ak.n = kr_rd_u16(r);
	if (ret->ak.n > sizeof(ret->ak.b))
		r->bad = true;
	else
		kr_rd_bytes(r, ret->ak.b, ret->ak.n);
	kr_binding_read(r, &ret->binding);
	ret->mask = kr_rd_u32(r);
	kr_rd_str(r, ret->reference, sizeof(ret->reference));
	return kr_rd_done(r) ? 0 : kr_fail(e, KR_E_AGENT_SPOKE,
					   "malformed question");
}

/* An event's number: one more than it is, 0 for none. */
static void put_deviation(struct kr_wr *w, const struct kr_deviation *d)
{
	kr_wr_u16(w, (uint16_t)d->kr);
	kr_wr_u8(w, (uint8_t)d->pcr);
	kr_wr_u32(w, (uint32_t)(d->event + 1));
	kr_wr_str(w, d->what);
}

static void read_deviation(struct kr_rd *r, struct kr_deviation *d)
{
	uint32_t event;

	d->kr = kr_rd_u16(r);
	d->pcr = kr_rd_u8(r);
	event = kr_rd_u32(r);
	d->event = event ? event - 1 : KR_DEVIATION_NO_EVENT;
	kr_rd_str(r, d->what, sizeof(d->what));
	if (!kr_code_find(d->kr) || d->pcr > KR_PCRS ||
	    event > KR_EVENTS_MAX)
		r->bad = true;
}

void kr_appraisal_put(struct kr_wr *w, const struct kr_appraisal *a)
{
	kr_wr_u8(w, (uint8_t)a->status);
	kr_wr_u8(w, (uint8_t)a->identity);
	kr_wr_u8(w, (uint8_t)a->executables);
	kr_tpmclock_put(w, &a->clock);
	kr_wr_str(w, a->reference);
	kr_wr_u32(w, a->version);
	kr_wr_u32(w, a->n_more);
	kr_wr_u8(w, (uint8_t)a->n);
	for (unsigned int i = 0; i < a->n; i++)
		put_deviation(w, &a->deviations[i]);
}

int kr_appraisal_parse(struct kr_rd *r, struct kr_appraisal *ret,
		       struct kr_err *e)
{
	struct kr_appraisal *a = ret;

	a->status = kr_rd_u8(r);
	a->identity = kr_rd_u8(r);
	a->executables = kr_rd_u8(r);
	kr_tpmclock_read(r, &a->clock);
	kr_rd_str(r, a->reference, sizeof(a->reference));
	a->version = kr_rd_u32(r);
	a->n_more = kr_rd_u32(r);
	a->n = kr_rd_u8(r);
	if (a->n > KR_DEVIATIONS_MAX)
		r->bad = true;
	for (unsigned int i = 0; !r->bad && i < a->n; i++)
		read_deviation(r, &a->deviations[i]);
	/* what is affirmed deviates in nothing */
	if (!kr_rd_done(r) || (a->status == KR_TIER_AFFIRMING) != !a->n)
		return kr_fail(e, KR_E_AGENT_SPOKE, "malformed result");
	return 0;
}
