/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peerkey.c - asks a peer for its attestation key. Runs in kororad, which
 * reads no key of a TPM: korora-appraise makes the credential.
 */
#include "daemon/peerkey.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "daemon/keyasked.h"
#include "wire/session.h"

#define PATIENCE_MS	(KR_TPMMSG_MS + KR_DIAL_MS)	/* for each answer */

/* Of their callers. */
static struct kr_peerkey *asked;

static void end(struct kr_peerkey *k, const struct kr_err *e)
{
	struct kr_peerkey **p = &asked;

	while (*p != k)
		p = &(*p)->next;
	*p = k->next;
	kr_timer_off(&k->patience);
	kr_appraised_stop(&k->endorser);
	kr_wipe(k->secret, sizeof(k->secret));
	k->done(k->arg, k, e);
}

static void impatient(void *arg)
{
	struct kr_peerkey *k = arg;
	struct kr_err e = KR_ERR_NONE;

	kr_fail(&e, KR_E_PEER_SILENT, "%s does not say what its TPM is known "
		"by", k->peer);
	end(k, &e);
}

static int send_ask(struct kr_peerkey *k, struct kr_link *l, struct kr_err *e)
{
	struct kr_peerfail q = { .kr = 0 };
	uint8_t buf[32];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	if (l->info.version < KR_WIRE_VERSION_TPM)
		return kr_fail(e, KR_E_VERSION, "%s (%.63s) speaks version %u, "
			       "and %u is needed to ask for its TPM's key",
			       k->peer, l->info.software, l->info.version,
			       KR_WIRE_VERSION_TPM);
	k->link = l;
	memcpy(q.migration, k->question, sizeof(q.migration));
	kr_peerfail_put(&w, &q);
	return kr_link_send(l, KR_PEER_TPM_ASK, &w, e);
}

/* ---- the answers ---------------------------------------------------------- */

static struct kr_peerkey *find(const struct kr_link *l,
			       const uint8_t question[16])
{
	for (struct kr_peerkey *k = asked; k; k = k->next)
		if (k->link == l && !memcmp(k->question, question, 16))
			return k;
	return NULL;
}

static void endorsed(void *arg, const struct kr_appraisersaid *s,
		     const struct kr_err *e)
{
	static uint8_t buf[KR_TPMMSG_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_peerkey *k = arg;
	struct kr_enrolcredential c;
	struct kr_err why = KR_ERR_NONE;

	if (!s) {
		end(k, e);
		return;
	}
	k->endorsed = *s->endorsed;
	memcpy(c.question, k->question, sizeof(c.question));
	c.c = s->endorsed->credential;
	kr_enrolmsg_credential_put(&w, &c);
	k->at = KR_PEERKEY_CHALLENGES;
	kr_timer_arm(k->host->loop, &k->patience, PATIENCE_MS);
	if (kr_link_send(k->link, KR_PEER_TPM_CREDENTIAL, &w, &why))
		end(k, &why);
}

static int on_keys(struct kr_link *l, struct kr_rd *r, struct kr_err *e)
{
	struct kr_err why = KR_ERR_NONE;
	struct kr_enrolkeys m;
	struct kr_endorseask a;
	struct kr_peerkey *k;
	int rc = kr_enrolmsg_keys_parse(r, &m, e);

	if (rc)
		return rc;
	k = find(l, m.question);
	if (!k || k->at != KR_PEERKEY_ASKS)	/* nobody waits for it */
		return 0;
	k->at = KR_PEERKEY_ENDORSES;
	k->ak = m.m.ak;
	a.m = m.m;
	memcpy(a.secret, k->secret, sizeof(a.secret));
	rc = kr_appraised_endorse(l->host, &k->endorser, &a, &why);
	kr_wipe(&a, sizeof(a));
	if (rc)
		end(k, &why);
	return 0;
}

static int check_opened(const struct kr_peerkey *k,
			const struct kr_enrolopened *o, struct kr_err *e)
{
	uint8_t want[KR_BINDING_BYTES];
	int r = kr_enrolmsg_show(k->link->info.keyid,
				 kr_identity_keyid(k->host->identity),
				 k->link->info.binding, k->secret, want, e);

	if (r)
		return r;
	return kr_eq_ct(want, o->shown, sizeof(want)) ? 0 :
	       kr_fail(e, KR_E_AK_FOREIGN, "%s has not opened the credential "
		       "that was made for it", k->peer);
}

static int on_opened(struct kr_link *l, struct kr_rd *r, struct kr_err *e)
{
	struct kr_err why = KR_ERR_NONE;
	struct kr_enrolopened o;
	struct kr_peerkey *k;
	int rc = kr_enrolmsg_opened_parse(r, &o, e);

	if (rc)
		return rc;
	k = find(l, o.question);
	if (k && k->at == KR_PEERKEY_CHALLENGES)
		end(k, check_opened(k, &o, &why) ? &why : NULL);
	return 0;
}

void kr_peerkey_failed(struct kr_link *l, const struct kr_peerfail *f)
{
	struct kr_peerkey *k = find(l, f->migration);
	struct kr_err why = KR_ERR_NONE;

	if (!k)
		return;
	kr_fail(&why, f->kr == KR_E_TPM ? KR_E_TPM : KR_E_PEER_REFUSED,
		"%s says: %.*s", l->peer, 150, f->what);
	end(k, &why);
}

int kr_peerkey_message(struct kr_link *l, uint16_t type, struct kr_rd *r,
		       struct kr_err *e)
{
	switch ((enum kr_peermsg)type) {
	case KR_PEER_TPM_KEYS:
		return on_keys(l, r, e);
	case KR_PEER_TPM_OPENED:
		return on_opened(l, r, e);
	default:
		return kr_keyasked_message(l, type, r, e);
	}
}

int kr_peerkey_refuse(struct kr_link *l, const uint8_t question[16],
		      const struct kr_err *why, struct kr_err *e)
{
	struct kr_peerfail f = { .kr = (uint16_t)why->kr };
	uint8_t buf[KR_TEXT_BYTES_MAX + 32];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	memcpy(f.migration, question, sizeof(f.migration));
	snprintf(f.what, sizeof(f.what), "%.*s", (int)sizeof(f.what) - 1,
		 why->what);
	kr_peerfail_put(&w, &f);
	return kr_link_send(l, KR_PEER_FAIL, &w, e);
}

/* ---- sessions ------------------------------------------------------------- */

void kr_peerkey_link_up(struct kr_link *l)
{
	for (struct kr_peerkey *k = asked, *next; k; k = next) {
		struct kr_err e = KR_ERR_NONE;

		next = k->next;
		if (!k->link && !strcmp(k->peer, l->peer) &&
		    send_ask(k, l, &e))
			end(k, &e);
	}
}

void kr_peerkey_link_down(struct kr_link *l)
{
	struct kr_err closed = KR_ERR_NONE;

	kr_fail(&closed, KR_E_PEER_CLOSED, "the session was ended");
	for (struct kr_peerkey *k = asked, *next; k; k = next) {
		next = k->next;
		if (k->link == l || (!k->link && l->outgoing &&
				     !strcmp(k->peer, l->peer)))
			end(k, l->error.code ? &l->error : &closed);
	}
	kr_keyasked_link_down(l);
}

bool kr_peerkey_with(const struct kr_host *h, const char *peer)
{
	for (const struct kr_peerkey *k = asked; k; k = k->next)
		if (k->host == h && !strcmp(k->peer, peer))
			return true;
	return false;
}

int kr_peerkey_ask(struct kr_host *h, const char *peer, struct kr_peerkey *k,
		   struct kr_err *e)
{
	struct kr_link *l = kr_link_find(h, peer);
	int r;

	k->host = h;
	snprintf(k->peer, sizeof(k->peer), "%s", peer);
	k->endorser = (struct kr_appraised){ .done = endorsed, .arg = k };
	k->patience = (struct kr_timer){ .fn = impatient, .arg = k };
	if (RAND_bytes(k->question, sizeof(k->question)) != 1 ||
	    RAND_bytes(k->secret, sizeof(k->secret)) != 1)
		return kr_fail(e, KR_E_CRYPTO, "no randomness");
	r = l ? send_ask(k, l, e) : kr_link_connect(h, peer, NULL, e);
	if (r)
		return r;
	k->next = asked;
	asked = k;
	kr_timer_arm(h->loop, &k->patience, PATIENCE_MS);
	return 0;
}
