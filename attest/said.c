/* SPDX-License-Identifier: Apache-2.0 */
/* said.c - see said.h. Pure. */
#include "attest/said.h"

#define ALL_PCRS	((1u << KR_PCRS) - 1)

static void put_block(struct kr_wr *w, const uint8_t *p, size_t n)
{
	kr_wr_u32(w, (uint32_t)n);
	kr_wr_bytes(w, p, n);
}

static void read_block(struct kr_rd *r, size_t max, const uint8_t **ret,
		       size_t *ret_n)
{
	*ret_n = kr_rd_u32(r);
	if (*ret_n > max)
		r->bad = true;
	*ret = kr_rd_take(r, *ret_n);
}

static void put_pcrs(struct kr_wr *w, const struct kr_pcrs *p)
{
	kr_wr_u16(w, kr_bank_alg(p->bank));
	kr_wr_u32(w, p->mask);
	for (unsigned int i = 0; i < KR_PCRS; i++)
		if (p->mask & 1u << i)
			kr_wr_bytes(w, p->value[i], kr_bank_bytes(p->bank));
}

static void read_pcrs(struct kr_rd *r, struct kr_pcrs *p)
{
	p->bank = kr_bank_of_alg(kr_rd_u16(r));
	p->mask = kr_rd_u32(r);
	if (p->bank == KR_BANK_N || p->mask & ~ALL_PCRS)
		r->bad = true;
	for (unsigned int i = 0; !r->bad && i < KR_PCRS; i++)
		if (p->mask & 1u << i)
			kr_rd_bytes(r, p->value[i], kr_bank_bytes(p->bank));
}

void kr_said_put(struct kr_wr *w, const struct kr_appraise_said *s)
{
	kr_binding_put(w, &s->binding);
	put_block(w, s->quote, s->n_quote);
	put_block(w, s->sig, s->n_sig);
	put_pcrs(w, &s->pcrs);
	put_block(w, s->log, s->n_log);
}

int kr_said_parse(struct kr_rd *r, struct kr_appraise_said *ret,
		  struct kr_err *e)
{
	struct kr_appraise_said s = { 0 };

	kr_binding_read(r, &s.binding);
	read_block(r, KR_QUOTE_BYTES_MAX, &s.quote, &s.n_quote);
	read_block(r, KR_TPMSIG_BYTES_MAX, &s.sig, &s.n_sig);
	read_pcrs(r, &s.pcrs);
	read_block(r, KR_SAID_LOG_MAX, &s.log, &s.n_log);
	if (!kr_rd_done(r))
		return kr_fail(e, KR_E_QUOTE, "malformed evidence");
	*ret = s;
	return 0;
}
