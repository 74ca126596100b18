/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quotemsg.c - reader and writer of each message side by side. Runs in the
 * link agent (on hostile bytes) and in kororad (on what the agent passed).
 */
#include "wire/quotemsg.h"

#define ALL_PCRS	((1u << KR_PCRS) - 1)

static int done(const struct kr_rd *r, const char *which, struct kr_err *e)
{
	return kr_rd_done(r) ? 0 :
	       kr_fail(e, KR_E_MALFORMED, "malformed %s message", which);
}

void kr_quotemsg_ask_put(struct kr_wr *w, const struct kr_quoteask *a)
{
	kr_wr_bytes(w, a->question, sizeof(a->question));
	kr_wr_bytes(w, a->nonce, sizeof(a->nonce));
	kr_wr_bytes(w, a->policy, sizeof(a->policy));
	kr_wr_u8(w, (uint8_t)a->role);
	kr_wr_u16(w, kr_bank_alg(a->bank));
	kr_wr_u32(w, a->mask);
	kr_wr_str(w, a->vm);
}

int kr_quotemsg_ask_parse(struct kr_rd *r, struct kr_quoteask *ret,
			  struct kr_err *e)
{
	uint8_t role;

	kr_rd_bytes(r, ret->question, sizeof(ret->question));
	kr_rd_bytes(r, ret->nonce, sizeof(ret->nonce));
	kr_rd_bytes(r, ret->policy, sizeof(ret->policy));
	role = kr_rd_u8(r);
	ret->role = (enum kr_side)role;
	ret->bank = kr_bank_of_alg(kr_rd_u16(r));
	ret->mask = kr_rd_u32(r);
	kr_rd_str(r, ret->vm, sizeof(ret->vm));
	r->bad |= role >= KR_SIDE_N || ret->bank == KR_BANK_N || !ret->mask ||
		  ret->mask & ~ALL_PCRS;
	return done(r, "quote ask", e);
}

void kr_quotemsg_part_put(struct kr_wr *w, const struct kr_quotepart *p)
{
	kr_wr_bytes(w, p->question, sizeof(p->question));
	kr_wr_u32(w, p->total);
	kr_wr_u32(w, p->offset);
	kr_wr_bytes(w, p->bytes, p->n);
}

int kr_quotemsg_part_parse(struct kr_rd *r, struct kr_quotepart *ret,
			   struct kr_err *e)
{
	kr_rd_bytes(r, ret->question, sizeof(ret->question));
	ret->total = kr_rd_u32(r);
	ret->offset = kr_rd_u32(r);
	ret->n = kr_rd_left(r);
	ret->bytes = kr_rd_take(r, ret->n);
	r->bad |= !ret->n || ret->n > KR_QUOTEMSG_PART_MAX ||
		  ret->total > KR_SAID_BYTES_MAX ||
		  ret->offset > ret->total ||
		  ret->n > ret->total - ret->offset;
	return done(r, "quote part", e);
}

void kr_quotemsg_more_put(struct kr_wr *w, const struct kr_quotemore *m)
{
	kr_wr_bytes(w, m->question, sizeof(m->question));
	kr_wr_u32(w, m->offset);
}

int kr_quotemsg_more_parse(struct kr_rd *r, struct kr_quotemore *ret,
			   struct kr_err *e)
{
	kr_rd_bytes(r, ret->question, sizeof(ret->question));
	ret->offset = kr_rd_u32(r);
	return done(r, "quote more", e);
}
