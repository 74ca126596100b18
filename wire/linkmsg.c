/* SPDX-License-Identifier: Apache-2.0 */
/* linkmsg.c - kororad <-> link agent, reader and writer side by side. */
#include "wire/linkmsg.h"

static void der_put(struct kr_wr *w, const struct kr_der *d)
{
	kr_wr_u16(w, d->n_bytes);
	kr_wr_bytes(w, d->bytes, d->n_bytes);
}

static void der_get(struct kr_rd *r, struct kr_der *d)
{
	d->n_bytes = kr_rd_u16(r);
	if (d->n_bytes > sizeof(d->bytes)) {
		r->bad = true;
		d->n_bytes = 0;
	}
	kr_rd_bytes(r, d->bytes, d->n_bytes);
}

static int done(const struct kr_rd *r, struct kr_err *e)
{
	return kr_rd_done(r) ? 0 :
	       kr_fail(e, KR_E_AGENT_SPOKE, "malformed link message");
}

void kr_linkstart_put(struct kr_wr *w, const struct kr_linkstart *s)
{
	kr_wr_u8(w, s->outgoing);
	kr_wr_u32(w, s->handshake_ms);
	kr_wr_u32(w, s->silent_ms);
	kr_wr_str(w, s->self);
	kr_wr_str(w, s->peer);
	kr_wr_str(w, s->suites);
	der_put(w, &s->key);
	der_put(w, &s->leaf);
	der_put(w, &s->identity);
	kr_wr_u32(w, s->n_cas_bytes);
	kr_wr_bytes(w, s->cas, s->n_cas_bytes);
}

int kr_linkstart_parse(struct kr_rd *r, struct kr_linkstart *ret,
		       struct kr_err *e)
{
	ret->outgoing = kr_rd_u8(r);
	ret->handshake_ms = kr_rd_u32(r);
	ret->silent_ms = kr_rd_u32(r);
	kr_rd_str(r, ret->self, sizeof(ret->self));
	kr_rd_str(r, ret->peer, sizeof(ret->peer));
	kr_rd_str(r, ret->suites, sizeof(ret->suites));
	der_get(r, &ret->key);
	der_get(r, &ret->leaf);
	der_get(r, &ret->identity);
	ret->n_cas_bytes = kr_rd_u32(r);
	if (ret->n_cas_bytes > sizeof(ret->cas))
		return kr_fail(e, KR_E_AGENT_SPOKE, "malformed link message");
	kr_rd_bytes(r, ret->cas, ret->n_cas_bytes);
	return done(r, e);
}

void kr_linkup_put(struct kr_wr *w, const struct kr_linkup *u)
{
	kr_wr_str(w, u->peer);
	kr_wr_bytes(w, u->keyid, sizeof(u->keyid));
	kr_wr_bytes(w, u->binding, sizeof(u->binding));
	kr_wr_str(w, u->tls);
	kr_wr_str(w, u->suite);
	kr_wr_str(w, u->software);
	kr_wr_u16(w, u->version);
	der_put(w, &u->identity);
}

int kr_linkup_parse(struct kr_rd *r, struct kr_linkup *ret, struct kr_err *e)
{
	kr_rd_str(r, ret->peer, sizeof(ret->peer));
	kr_rd_bytes(r, ret->keyid, sizeof(ret->keyid));
	kr_rd_bytes(r, ret->binding, sizeof(ret->binding));
	kr_rd_str(r, ret->tls, sizeof(ret->tls));
	kr_rd_str(r, ret->suite, sizeof(ret->suite));
	kr_rd_str(r, ret->software, sizeof(ret->software));
	ret->version = kr_rd_u16(r);
	der_get(r, &ret->identity);
	return done(r, e);
}

void kr_lanekey_put(struct kr_wr *w, const struct kr_lanekey *k)
{
	kr_wr_bytes(w, k->migration, sizeof(k->migration));
	kr_wr_u8(w, k->lane);
	kr_wr_u16(w, k->attempt);
	kr_wr_bytes(w, k->key, sizeof(k->key));
}

int kr_lanekey_parse(struct kr_rd *r, struct kr_lanekey *ret,
		     struct kr_err *e)
{
	kr_rd_bytes(r, ret->migration, sizeof(ret->migration));
	ret->lane = kr_rd_u8(r);
	ret->attempt = kr_rd_u16(r);
	kr_rd_bytes(r, ret->key, sizeof(ret->key));
	return done(r, e);
}

void kr_linkknown_put(struct kr_wr *w, const struct kr_linkknown *k)
{
	kr_wr_u8(w, k->verdict);
	kr_wr_str(w, k->name);
}

int kr_linkknown_parse(struct kr_rd *r, struct kr_linkknown *ret,
		       struct kr_err *e)
{
	ret->verdict = kr_rd_u8(r);
	kr_rd_str(r, ret->name, sizeof(ret->name));
	return done(r, e);
}
