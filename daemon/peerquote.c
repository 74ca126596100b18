/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peerquote.c - asks a peer what it booted. Runs in kororad, which carries the
 * evidence and does not read it: korora-appraise judges.
 */
#include "daemon/peerquote.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "daemon/goodvalues.h"
#include "daemon/quoteasked.h"
#include "store/akrow.h"
#include "wire/frame.h"
#include "wire/quotemsg.h"
#include "wire/session.h"

#define ASKED	((1u << KR_PCRS) - 1)

/* Of their callers, those at work. */
static struct kr_peerquote *asked;

void kr_peerquote_stop(struct kr_peerquote *k)
{
	struct kr_peerquote **p = &asked;

	if (!k->link)
		return;
	while (*p != k)
		p = &(*p)->next;
	*p = k->next;
	k->link = NULL;
	kr_timer_off(&k->patience);
	kr_appraised_stop(&k->judge);
	free(k->said);
	k->said = NULL;
}

static void end(struct kr_peerquote *k, const struct kr_appraisal *a,
		const struct kr_err *e)
{
	kr_peerquote_stop(k);
	k->done(k->arg, a, e);
}

static void impatient(void *arg)
{
	struct kr_peerquote *k = arg;
	struct kr_err e = KR_ERR_NONE;

	kr_fail(&e, KR_E_PEER_SILENT, "%s does not say what it booted",
		k->link->peer);
	end(k, NULL, &e);
}

static struct kr_peerquote *find(const struct kr_link *l,
				 const uint8_t question[16])
{
	for (struct kr_peerquote *k = asked; k; k = k->next)
		if (k->link == l && !memcmp(k->question, question, 16))
			return k;
	return NULL;
}

/* ---- asking --------------------------------------------------------------- */

static int send_ask(struct kr_peerquote *k, struct kr_err *e)
{
	struct kr_quoteask q = { .role = k->binding.role,
				 .bank = KR_BANK_SHA256, .mask = ASKED };
	uint8_t buf[256];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	memcpy(q.question, k->question, sizeof(q.question));
	memcpy(q.nonce, k->binding.nonce, sizeof(q.nonce));
	memcpy(q.policy, k->binding.policy, sizeof(q.policy));
	snprintf(q.vm, sizeof(q.vm), "%s", k->binding.vm);
	kr_quotemsg_ask_put(&w, &q);
	return kr_link_send(k->link, KR_PEER_QUOTE_ASK, &w, e);
}

static void judged(void *arg, const struct kr_appraisersaid *s,
		   const struct kr_err *e)
{
	end(arg, s ? s->appraisal : NULL, e);
}

int kr_peerquote_ask(struct kr_link *l, struct kr_peerquote *k,
		     enum kr_side role, const char *vm, struct kr_err *e)
{
	struct kr_binding *b = &k->binding;
	struct kr_akrow row;
	int r = kr_akrow_get(l->host->store, l->peer, &row, e);

	if (r)
		return r;
	if (l->info.version < KR_WIRE_VERSION_TPM)
		return kr_fail(e, KR_E_VERSION, "%s (%.63s) speaks version %u, "
			       "and %u is needed to ask what it booted",
			       l->peer, l->info.software, l->info.version,
			       KR_WIRE_VERSION_TPM);
	if (RAND_bytes(k->question, sizeof(k->question)) != 1 ||
	    RAND_bytes(b->nonce, sizeof(b->nonce)) != 1)
		return kr_fail(e, KR_E_CRYPTO, "no randomness");
	memcpy(b->attester, l->info.keyid, sizeof(b->attester));
	memcpy(b->verifier, kr_identity_keyid(l->host->identity), 32);
	memcpy(b->exporter, l->info.binding, sizeof(b->exporter));
	memcpy(b->policy, l->host->policy_digest, sizeof(b->policy));
	snprintf(b->vm, sizeof(b->vm), "%s", vm);
	b->role = role;
	k->ak.n = row.n_pub;
	memcpy(k->ak.b, row.pub, row.n_pub);
	k->judge = (struct kr_appraised){ .done = judged, .arg = k };
	k->patience = (struct kr_timer){ .fn = impatient, .arg = k };
	k->link = l;
	k->next = asked;
	asked = k;
	kr_timer_arm(l->host->loop, &k->patience, KR_PEERQUOTE_MS);
	r = send_ask(k, e);
	if (r)
		kr_peerquote_stop(k);
	return r;
}

/* ---- the answer ----------------------------------------------------------- */

static int have_judged(struct kr_peerquote *k, struct kr_err *e)
{
	static struct kr_appraiseask a;
	struct kr_host *h = k->link->host;
	int r = kr_goodvalues_find(h, k->link->peer, a.reference, e);

	if (r == KR_GOODVALUES_NONE)
		return kr_fail(e, KR_E_NO_REFERENCE, "for %s", k->link->peer);
	if (r)
		return r;
	a.ak = k->ak;
	a.binding = k->binding;
	a.mask = ASKED;
	k->judging = true;
	return kr_appraised_ask(h, &k->judge, &a, k->said, k->n, e);
}

static int send_more(const struct kr_peerquote *k, struct kr_err *e)
{
	struct kr_quotemore m = { .offset = k->n };
	uint8_t buf[32];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	memcpy(m.question, k->question, sizeof(m.question));
	kr_quotemsg_more_put(&w, &m);
	return kr_link_send(k->link, KR_PEER_QUOTE_MORE, &w, e);
}

/* The first part says how much it is, the others come in order. */
static int take(struct kr_peerquote *k, const struct kr_quotepart *p,
		struct kr_err *e)
{
	if (!k->said) {
		k->said = malloc(p->total);
		k->total = p->total;
	}
	if (!k->said)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	if (p->total != k->total || p->offset != k->n)
		return kr_fail(e, KR_E_UNEXPECTED, "bytes from %u on of %u, "
			       "not from %u on of %u", p->offset, p->total,
			       k->n, k->total);
	memcpy(k->said + k->n, p->bytes, p->n);
	k->n += (uint32_t)p->n;
	kr_timer_arm(k->link->host->loop, &k->patience, KR_PEERQUOTE_MS);
	return k->n < k->total ? send_more(k, e) : have_judged(k, e);
}

static int on_part(struct kr_link *l, struct kr_rd *r, struct kr_err *e)
{
	struct kr_err why = KR_ERR_NONE;
	struct kr_quotepart p;
	struct kr_peerquote *k;
	int rc = kr_quotemsg_part_parse(r, &p, e);

	if (rc)
		return rc;
	k = find(l, p.question);
	if (k && !k->judging && take(k, &p, &why))
		end(k, NULL, &why);
	return 0;
}

void kr_peerquote_failed(struct kr_link *l, const struct kr_peerfail *f)
{
	struct kr_peerquote *k = find(l, f->migration);
	struct kr_err why = KR_ERR_NONE;

	if (!k)
		return;
	kr_fail(&why, f->kr == KR_E_TPM ? KR_E_TPM : KR_E_PEER_REFUSED,
		"%s says: %.*s", l->peer, 150, f->what);
	end(k, NULL, &why);
}

int kr_peerquote_message(struct kr_link *l, uint16_t type, struct kr_rd *r,
			 struct kr_err *e)
{
	return type == KR_PEER_QUOTE_PART ? on_part(l, r, e) :
	       kr_quoteasked_message(l, type, r, e);
}

void kr_peerquote_link_down(struct kr_link *l)
{
	struct kr_err closed = KR_ERR_NONE;

	kr_fail(&closed, KR_E_PEER_CLOSED, "the session was ended");
	for (struct kr_peerquote *k = asked, *next; k; k = next) {
		next = k->next;
		if (k->link == l)
			end(k, NULL, l->error.code ? &l->error : &closed);
	}
	kr_quoteasked_link_down(l);
}
