/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peermsg.c - reader and writer of each message side by side. Runs in the
 * link agent (on hostile bytes) and in kororad (on what the agent passed).
 */
#include "wire/peermsg.h"

#include "wire/enrolmsg.h"
#include "wire/quotemsg.h"

static void sig_put(struct kr_wr *w, const struct kr_dsse_sig *s)
{
	kr_wr_u16(w, (uint16_t)s->sig_bytes);
	kr_wr_bytes(w, s->sig, s->sig_bytes);
}

static void sig_get(struct kr_rd *r, struct kr_dsse_sig *s)
{
	memset(s, 0, sizeof(*s));
	s->sig_bytes = kr_rd_u16(r);
	if (s->sig_bytes > sizeof(s->sig)) {
		r->bad = true;
		s->sig_bytes = 0;
	}
	kr_rd_bytes(r, s->sig, s->sig_bytes);
}

static int done(const struct kr_rd *r, const char *which, struct kr_err *e)
{
	return kr_rd_done(r) ? 0 :
	       kr_fail(e, KR_E_MALFORMED, "malformed %s message", which);
}

void kr_hello_put(struct kr_wr *w, const struct kr_hello *h)
{
	kr_wr_u16(w, h->version_min);
	kr_wr_u16(w, h->version_max);
	kr_wr_str(w, h->software);
}

int kr_hello_parse(struct kr_rd *r, struct kr_hello *ret, struct kr_err *e)
{
	ret->version_min = kr_rd_u16(r);
	ret->version_max = kr_rd_u16(r);
	kr_rd_str(r, ret->software, sizeof(ret->software));
	return done(r, "hello", e);
}

void kr_step_put(struct kr_wr *w, const struct kr_step *s)
{
	kr_wr_u8(w, (uint8_t)s->kind);
	kr_terms_put(w, &s->terms);
	sig_put(w, &s->sig);
}

int kr_step_parse(struct kr_rd *r, struct kr_step *ret, struct kr_err *e)
{
	uint8_t kind = kr_rd_u8(r);
	int rc;

	if (kind >= KR_STATEMENT_N)
		r->bad = true;
	ret->kind = (enum kr_statement)kind;
	rc = kr_terms_get(r, &ret->terms, e);
	if (rc)
		return rc;
	sig_get(r, &ret->sig);
	return done(r, "step", e);
}

void kr_peerfail_put(struct kr_wr *w, const struct kr_peerfail *f)
{
	kr_wr_bytes(w, f->migration, sizeof(f->migration));
	kr_wr_u16(w, f->kr);
	kr_wr_str(w, f->what);
}

int kr_peerfail_parse(struct kr_rd *r, struct kr_peerfail *ret,
		      struct kr_err *e)
{
	kr_rd_bytes(r, ret->migration, sizeof(ret->migration));
	ret->kr = kr_rd_u16(r);
	kr_rd_str(r, ret->what, sizeof(ret->what));
	return done(r, "fail", e);
}

void kr_mend_put(struct kr_wr *w, const struct kr_mend *m)
{
	kr_wr_bytes(w, m->migration, sizeof(m->migration));
	kr_wr_u16(w, m->attempt);
	kr_wr_u8(w, m->goes_on);
	kr_wr_u64(w, m->position);
	kr_wr_u64(w, m->urgent);
}

int kr_mend_parse(struct kr_rd *r, struct kr_mend *ret, struct kr_err *e)
{
	uint8_t goes_on;

	kr_rd_bytes(r, ret->migration, sizeof(ret->migration));
	ret->attempt = kr_rd_u16(r);
	goes_on = kr_rd_u8(r);
	ret->goes_on = goes_on;
	ret->position = kr_rd_u64(r);
	ret->urgent = kr_rd_u64(r);
	r->bad |= !ret->attempt;	/* the first lanes' keys */
	r->bad |= goes_on > 1;
	return done(r, "mend", e);
}

/* A number of entries. */
static uint64_t entries_get(struct kr_rd *r)
{
	uint64_t v = kr_rd_u64(r);

	r->bad |= v > KR_PROOF_SIZE_MAX;
	return v;
}

void kr_logseen_put(struct kr_wr *w, const struct kr_logseen *s)
{
	kr_wr_bytes(w, s->migration, sizeof(s->migration));
	kr_wr_u64(w, s->size);
	kr_wr_u8(w, s->first);
}

int kr_logseen_parse(struct kr_rd *r, struct kr_logseen *ret,
		     struct kr_err *e)
{
	uint8_t first;

	kr_rd_bytes(r, ret->migration, sizeof(ret->migration));
	ret->size = entries_get(r);
	first = kr_rd_u8(r);
	ret->first = first;
	r->bad |= first > 1;
	return done(r, "log seen", e);
}

static void proof_put(struct kr_wr *w, const struct kr_proof *p)
{
	kr_wr_u8(w, p->n);
	kr_wr_bytes(w, p->hash, p->n * sizeof(p->hash[0]));
}

static void proof_get(struct kr_rd *r, struct kr_proof *p)
{
	p->n = kr_rd_u8(r);
	if (p->n > KR_PROOF_HASHES_MAX) {
		r->bad = true;
		p->n = 0;
	}
	kr_rd_bytes(r, p->hash, p->n * sizeof(p->hash[0]));
}

static void entry_get(struct kr_rd *r, struct kr_inforce_entry *x)
{
	x->index = entries_get(r);
	x->n_record = kr_rd_u16(r);
	if (x->n_record > sizeof(x->record)) {
		r->bad = true;
		x->n_record = 0;
	}
	kr_rd_bytes(r, x->record, x->n_record);
	proof_get(r, &x->proof);
}

void kr_loghead_put(struct kr_wr *w, const struct kr_loghead *h)
{
	kr_wr_bytes(w, h->migration, sizeof(h->migration));
	kr_wr_u64(w, h->from);
	kr_wr_u64(w, h->size);
	kr_wr_bytes(w, h->root, sizeof(h->root));
	sig_put(w, &h->sig);
	proof_put(w, &h->proof);
	kr_wr_u64(w, h->policy.index);
	kr_wr_u16(w, (uint16_t)h->policy.n_record);
	kr_wr_bytes(w, h->policy.record, h->policy.n_record);
	proof_put(w, &h->policy.proof);
}

int kr_loghead_parse(struct kr_rd *r, struct kr_loghead *ret,
		     struct kr_err *e)
{
	kr_rd_bytes(r, ret->migration, sizeof(ret->migration));
	ret->from = entries_get(r);
	ret->size = entries_get(r);
	kr_rd_bytes(r, ret->root, sizeof(ret->root));
	sig_get(r, &ret->sig);
	proof_get(r, &ret->proof);
	entry_get(r, &ret->policy);
	return done(r, "log head", e);
}

void kr_logcosign_put(struct kr_wr *w, const struct kr_logcosign *c)
{
	kr_wr_bytes(w, c->migration, sizeof(c->migration));
	kr_wr_u64(w, c->size);
	sig_put(w, &c->sig);
}

int kr_logcosign_parse(struct kr_rd *r, struct kr_logcosign *ret,
		       struct kr_err *e)
{
	kr_rd_bytes(r, ret->migration, sizeof(ret->migration));
	ret->size = entries_get(r);
	sig_get(r, &ret->sig);
	return done(r, "log cosign", e);
}

#define OFFER_MULTIFD	1u
#define OFFER_PREEMPT	2u

void kr_offer_put(struct kr_wr *w, const struct kr_offer *o)
{
	kr_terms_put(w, &o->terms);
	sig_put(w, &o->sig);
	kr_wr_u32(w, o->hyper_version);
	kr_wr_u32(w, o->recall_mib);
	kr_wr_u8(w, (o->multifd ? OFFER_MULTIFD : 0) |
		    (o->preempt ? OFFER_PREEMPT : 0));
	for (unsigned int i = 0; i < KR_VMDEF_DISKS_MAX; i++) {
		kr_wr_u64(w, o->disks[i].size_bytes);
		kr_wr_u64(w, o->disks[i].inode);
	}
	kr_vmdef_put(&o->def, w);
}

int kr_offer_parse(struct kr_rd *r, struct kr_offer *ret, struct kr_err *e)
{
	int rc = kr_terms_get(r, &ret->terms, e);
	uint8_t flags;

	if (rc)
		return rc;
	sig_get(r, &ret->sig);
	ret->hyper_version = kr_rd_u32(r);
	ret->recall_mib = kr_rd_u32(r);
	flags = kr_rd_u8(r);
	r->bad |= flags > OFFER_PREEMPT;	/* one of them at most */
	ret->multifd = flags & OFFER_MULTIFD;
	ret->preempt = flags & OFFER_PREEMPT;
	for (unsigned int i = 0; i < KR_VMDEF_DISKS_MAX; i++) {
		ret->disks[i].size_bytes = kr_rd_u64(r);
		ret->disks[i].inode = kr_rd_u64(r);
	}
	rc = kr_vmdef_get(r, &ret->def, e);
	return rc ? rc : done(r, "offer", e);
}

void kr_checks_put(struct kr_wr *w, const struct kr_checks *c)
{
	kr_wr_bytes(w, c->question, sizeof(c->question));
	kr_wr_u16(w, c->n);
	for (unsigned int i = 0; i < c->n; i++) {
		kr_wr_u8(w, c->c[i].ok);
		kr_wr_u16(w, c->c[i].kr);
		kr_wr_str(w, c->c[i].name);
		kr_wr_str(w, c->c[i].message);
	}
}

int kr_checks_parse(struct kr_rd *r, struct kr_checks *ret, struct kr_err *e)
{
	kr_rd_bytes(r, ret->question, sizeof(ret->question));
	ret->n = kr_rd_u16(r);
	if (ret->n > KR_CHECKS_MAX)
		return kr_fail(e, KR_E_MALFORMED, "%u checks", ret->n);
	for (unsigned int i = 0; i < ret->n && !r->bad; i++) {
		ret->c[i].ok = kr_rd_u8(r) != 0;
		ret->c[i].kr = kr_rd_u16(r);
		kr_rd_str(r, ret->c[i].name, sizeof(ret->c[i].name));
		kr_rd_str(r, ret->c[i].message, sizeof(ret->c[i].message));
	}
	return done(r, "checks", e);
}

int kr_peermsg_check(uint16_t type, const uint8_t *body, size_t n_bytes,
		     struct kr_err *e)
{
	struct kr_rd r = KR_RD(body, n_bytes);
	union {
		struct kr_offer	   offer;
		struct kr_step	   step;
		struct kr_peerfail fail;
		struct kr_checks   checks;
		struct kr_mend	   mend;
		struct kr_logseen  seen;
		struct kr_loghead  head;
		struct kr_logcosign cosign;
		struct kr_enrolkeys keys;
		struct kr_enrolcredential credential;
		struct kr_enrolopened opened;
		struct kr_quoteask quote;
		struct kr_quotepart part;
		struct kr_quotemore more;
	} m;

	switch ((enum kr_peermsg)type) {
	case KR_PEER_OFFER:
	case KR_PEER_CHECK:
		return kr_offer_parse(&r, &m.offer, e);
	case KR_PEER_STEP:
		return kr_step_parse(&r, &m.step, e);
	case KR_PEER_FAIL:
	case KR_PEER_ASK:
	case KR_PEER_CHECK_HOST:
	case KR_PEER_TPM_ASK:
	case KR_PEER_BYE:
		return kr_peerfail_parse(&r, &m.fail, e);
	case KR_PEER_MEND:
	case KR_PEER_MENDED:
		return kr_mend_parse(&r, &m.mend, e);
	case KR_PEER_CHECKED:
		return kr_checks_parse(&r, &m.checks, e);
	case KR_PEER_LOG_SEEN:
		return kr_logseen_parse(&r, &m.seen, e);
	case KR_PEER_LOG_HEAD:
		return kr_loghead_parse(&r, &m.head, e);
	case KR_PEER_LOG_COSIGN:
		return kr_logcosign_parse(&r, &m.cosign, e);
	case KR_PEER_TPM_KEYS:
		return kr_enrolmsg_keys_parse(&r, &m.keys, e);
	case KR_PEER_TPM_CREDENTIAL:
		return kr_enrolmsg_credential_parse(&r, &m.credential, e);
	case KR_PEER_TPM_OPENED:
		return kr_enrolmsg_opened_parse(&r, &m.opened, e);
	case KR_PEER_QUOTE_ASK:
		return kr_quotemsg_ask_parse(&r, &m.quote, e);
	case KR_PEER_QUOTE_PART:
		return kr_quotemsg_part_parse(&r, &m.part, e);
	case KR_PEER_QUOTE_MORE:
		return kr_quotemsg_more_parse(&r, &m.more, e);
	case KR_PEER_HELLO:
	case KR_PEER_ALIVE:
		break;
	}
	return kr_fail(e, KR_E_UNEXPECTED, "message type %u", type);
}
