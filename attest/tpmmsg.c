/* SPDX-License-Identifier: Apache-2.0 */
/* tpmmsg.c - kororad <-> korora-tpm, reader and writer side by side. */
#include "attest/tpmmsg.h"

#define ALL_PCRS	((1u << KR_PCRS) - 1)

static void put_bytes(struct kr_wr *w, const struct kr_tpmbytes *b)
{
	kr_wr_u16(w, (uint16_t)b->n);
	kr_wr_bytes(w, b->b, b->n);
}

static void read_bytes(struct kr_rd *r, struct kr_tpmbytes *b)
{
	b->n = kr_rd_u16(r);
	if (!b->n || b->n > sizeof(b->b))
		r->bad = true;
	else
		kr_rd_bytes(r, b->b, b->n);
}

static void put_selection(struct kr_wr *w, enum kr_bank bank, uint32_t mask)
{
	kr_wr_u16(w, kr_bank_alg(bank));
	kr_wr_u32(w, mask);
}

static void read_selection(struct kr_rd *r, enum kr_bank *bank, uint32_t *mask)
{
	*bank = kr_bank_of_alg(kr_rd_u16(r));
	*mask = kr_rd_u32(r);
	if (*bank == KR_BANK_N || !*mask || *mask & ~ALL_PCRS)
		r->bad = true;
}

void kr_tpmask_put(struct kr_wr *w, const struct kr_tpmask *a)
{
	kr_wr_bytes(w, a->extra, sizeof(a->extra));
	put_selection(w, a->bank, a->mask);
}

int kr_tpmask_parse(struct kr_rd *r, struct kr_tpmask *ret, struct kr_err *e)
{
	struct kr_tpmask a;

	kr_rd_bytes(r, a.extra, sizeof(a.extra));
	read_selection(r, &a.bank, &a.mask);
	if (!kr_rd_done(r))
		return kr_fail(e, KR_E_AGENT_SPOKE, "malformed question");
	*ret = a;
	return 0;
}

void kr_tpmquoted_put(struct kr_wr *w, const struct kr_tpmquoted *q)
{
	put_bytes(w, &q->ak);
	put_bytes(w, &q->quote);
	put_bytes(w, &q->sig);
	put_selection(w, q->pcrs.bank, q->pcrs.mask);
	for (unsigned int i = 0; i < KR_PCRS; i++)
		if (q->pcrs.mask & 1u << i)
			kr_wr_bytes(w, q->pcrs.value[i],
				    kr_bank_bytes(q->pcrs.bank));
}

int kr_tpmquoted_parse(struct kr_rd *r, struct kr_tpmquoted *ret,
		       struct kr_err *e)
{
	struct kr_tpmquoted q = { 0 };

	read_bytes(r, &q.ak);
	read_bytes(r, &q.quote);
	read_bytes(r, &q.sig);
	read_selection(r, &q.pcrs.bank, &q.pcrs.mask);
	for (unsigned int i = 0; !r->bad && i < KR_PCRS; i++)
		if (q.pcrs.mask & 1u << i)
			kr_rd_bytes(r, q.pcrs.value[i],
				    kr_bank_bytes(q.pcrs.bank));
	if (!kr_rd_done(r))
		return kr_fail(e, KR_E_AGENT_SPOKE, "malformed quote");
	*ret = q;
	return 0;
}
