/* SPDX-License-Identifier: Apache-2.0 */
/* tpmmsg.c - kororad <-> korora-tpm, reader and writer side by side. */
#include "attest/tpmmsg.h"

#include "base/fd.h"

#define ALL_PCRS	((1u << KR_PCRS) - 1)

void kr_tpmbytes_put(struct kr_wr *w, const struct kr_tpmbytes *b)
{
	kr_wr_u16(w, (uint16_t)b->n);
	kr_wr_bytes(w, b->b, b->n);
}

void kr_tpmbytes_read(struct kr_rd *r, struct kr_tpmbytes *b)
{
	b->n = kr_rd_u16(r);
	if (!b->n || b->n > sizeof(b->b))
		r->bad = true;
	else
		kr_rd_bytes(r, b->b, b->n);
}

void kr_tpmclock_put(struct kr_wr *w, const struct kr_tpmclock *c)
{
	kr_wr_u64(w, c->clock_ms);
	kr_wr_u32(w, c->resets);
	kr_wr_u32(w, c->restarts);
	kr_wr_u8(w, c->safe);
}

void kr_tpmclock_read(struct kr_rd *r, struct kr_tpmclock *c)
{
	uint8_t safe;

	c->clock_ms = kr_rd_u64(r);
	c->resets = kr_rd_u32(r);
	c->restarts = kr_rd_u32(r);
	safe = kr_rd_u8(r);
	c->safe = safe;
	if (safe > 1)
		r->bad = true;
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
	kr_tpmbytes_put(w, &q->ak);
	kr_tpmbytes_put(w, &q->quote);
	kr_tpmbytes_put(w, &q->sig);
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

	kr_tpmbytes_read(r, &q.ak);
	kr_tpmbytes_read(r, &q.quote);
	kr_tpmbytes_read(r, &q.sig);
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

void kr_tpmmaterial_put(struct kr_wr *w, const struct kr_tpmmaterial *m)
{
	kr_tpmbytes_put(w, &m->ak);
	kr_tpmbytes_put(w, &m->ek);
	kr_wr_u16(w, (uint16_t)m->n_cert);
	kr_wr_bytes(w, m->cert, m->n_cert);
	kr_tpmclock_put(w, &m->clock);
}

int kr_tpmmaterial_parse(struct kr_rd *r, struct kr_tpmmaterial *ret,
			 struct kr_err *e)
{
	struct kr_tpmmaterial m = { 0 };

	kr_tpmbytes_read(r, &m.ak);
	kr_tpmbytes_read(r, &m.ek);
	m.n_cert = kr_rd_u16(r);
	if (!m.n_cert || m.n_cert > sizeof(m.cert))
		r->bad = true;
	else
		kr_rd_bytes(r, m.cert, m.n_cert);
	kr_tpmclock_read(r, &m.clock);
	if (!kr_rd_done(r))
		return kr_fail(e, KR_E_AGENT_SPOKE, "malformed material");
	*ret = m;
	return 0;
}

void kr_tpmcredential_put(struct kr_wr *w, const struct kr_tpmcredential *c)
{
	kr_tpmbytes_put(w, &c->id);
	kr_tpmbytes_put(w, &c->secret);
}

int kr_tpmcredential_parse(struct kr_rd *r, struct kr_tpmcredential *ret,
			   struct kr_err *e)
{
	struct kr_tpmcredential c = { 0 };

	kr_tpmbytes_read(r, &c.id);
	kr_tpmbytes_read(r, &c.secret);
	if (!kr_rd_done(r))
		return kr_fail(e, KR_E_AGENT_SPOKE, "malformed credential");
	*ret = c;
	return 0;
}

void kr_tpmsecret_put(struct kr_wr *w, const struct kr_tpmsecret *s)
{
	kr_wr_u8(w, (uint8_t)s->n);
	kr_wr_bytes(w, s->b, s->n);
}

int kr_tpmsecret_parse(struct kr_rd *r, struct kr_tpmsecret *ret,
		       struct kr_err *e)
{
	struct kr_tpmsecret s = { .n = kr_rd_u8(r) };

	if (!s.n || s.n > sizeof(s.b))
		r->bad = true;
	else
		kr_rd_bytes(r, s.b, s.n);
	if (!kr_rd_done(r))
		return kr_fail(e, KR_E_AGENT_SPOKE, "malformed secret");
	*ret = s;
	kr_wipe(&s, sizeof(s));
	return 0;
}

void kr_tpmkeep_put(struct kr_wr *w, const struct kr_tpmkeep *k)
{
	put_selection(w, k->bank, k->mask);
	kr_wr_bytes(w, k->key, sizeof(k->key));
}

int kr_tpmkeep_parse(struct kr_rd *r, struct kr_tpmkeep *ret, struct kr_err *e)
{
	read_selection(r, &ret->bank, &ret->mask);
	kr_rd_bytes(r, ret->key, sizeof(ret->key));
	return kr_rd_done(r) ? 0 :
	       kr_fail(e, KR_E_AGENT_SPOKE, "malformed key to be sealed");
}

int kr_tpmsealed_parse(struct kr_rd *r, struct kr_tpmseal *ret,
		       struct kr_err *e)
{
	kr_tpmseal_get(r, ret);
	return kr_rd_done(r) ? 0 :
	       kr_fail(e, KR_E_AGENT_SPOKE, "malformed sealed key");
}
