/* SPDX-License-Identifier: Apache-2.0 */
/* attested.c - see attested.h. Runs in kororad. */
#include "daemon/attested.h"

#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"

/* Was all of it affirmed? The log tells, at the pace at which it does of what
 * others cause. */
static int verdict(const struct kr_link *l, const struct kr_terms *t,
		   const struct kr_appraisal *a, const struct kr_err *why,
		   struct kr_err *e)
{
	char id[2 * 16 + 1];
	json_t *d;
	int r;

	if (!a)
		r = kr_fail(e, why->kr, "%s", why->what);
	else if (a->n)
		r = kr_fail(e, a->deviations[0].kr, "%s: %s", l->peer,
			    a->deviations[0].what);
	else
		r = 0;
	kr_hex(t->migration, sizeof(t->migration), id);
	d = json_pack("{s:s, s:s, s:s, s:b, s:i, s:s, s:s, s:I}", "peer",
		      l->peer, "vm", t->vm, "for", id, "affirmed", !r, "code",
		      r ? (int)e->kr : 0, "what", r ? e->what : "",
		      "reference", a ? a->reference : "", "version",
		      (json_int_t)(a ? a->version : 0));
	kr_host_record_some(l->host, "peer-attested", d);
	json_decref(d);
	return r;
}

/* ---- at the source -------------------------------------------------------- */

static void peer_said(void *arg, const struct kr_appraisal *a,
		      const struct kr_err *why)
{
	struct kr_mig *m = arg;
	struct kr_err e = KR_ERR_NONE;

	if (m->state != KR_S_OFFER || m->finished)
		return;
	if (verdict(m->link, &m->terms, a, why, &e)) {
		kr_mig_fail(m, &e);
		return;
	}
	m->attested = true;
	kr_source_ready(m);
}

int kr_attested_begin(struct kr_mig *m, struct kr_err *e)
{
	m->attested = !m->host->cfg.attest_peers;
	if (m->attested)
		return 0;
	kr_peerquote_stop(&m->quote);
	m->quote = (struct kr_peerquote){ .done = peer_said, .arg = m };
	return kr_peerquote_ask(m->link, &m->quote, KR_TARGET, m->terms.vm,
				e);
}

/* ---- at the destination --------------------------------------------------- */

/* Offers whose sources have been asked. */
static struct held {
	struct held	   *next;
	struct kr_link	   *link;
	struct kr_offer	    offer;
	struct kr_peerquote quote;
} *all;

static void drop(struct held *k)
{
	struct held **p = &all;

	while (*p != k)
		p = &(*p)->next;
	*p = k->next;
	kr_peerquote_stop(&k->quote);
	free(k);
}

static void source_said(void *arg, const struct kr_appraisal *a,
			const struct kr_err *why)
{
	struct held *k = arg, **p = &all;
	struct kr_link *l = k->link;
	struct kr_err e = KR_ERR_NONE;

	while (*p != k)		/* it is heard once, whatever hearing it does */
		p = &(*p)->next;
	*p = k->next;
	if (l->dead)
		;
	else if (verdict(l, &k->offer.terms, a, why, &e))
		kr_target_refuse(l, &k->offer, &e);
	else
		kr_target_hear(l, &k->offer);
	free(k);
}

static int hold(struct kr_link *l, const struct kr_offer *o, struct kr_err *e)
{
	unsigned int n = 0;
	struct held *k;
	int r;

	for (k = all; k; k = k->next)
		n += k->link == l;
	if (n >= KR_ATTESTED_HELD_MAX)
		return kr_fail(e, KR_E_LIMIT, "%u offers of %s wait until it "
			       "has said what it booted", n, l->peer);
	k = calloc(1, sizeof(*k));
	if (!k)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	k->link = l;
	k->offer = *o;
	k->quote = (struct kr_peerquote){ .done = source_said, .arg = k };
	k->next = all;
	all = k;
	r = kr_peerquote_ask(l, &k->quote, KR_SOURCE, o->terms.vm, e);
	if (r)
		drop(k);
	return r;
}

static struct held *find(const struct kr_link *l, const uint8_t migration[16])
{
	for (struct held *k = all; k; k = k->next)
		if (k->link == l &&
		    !memcmp(k->offer.terms.migration, migration, 16))
			return k;
	return NULL;
}

int kr_attested_offer(struct kr_link *l, const struct kr_offer *o,
		      struct kr_err *e)
{
	struct kr_err why = KR_ERR_NONE;

	if (!l->host->cfg.attest_peers)
		return kr_target_offer(l, o, e);
	if (find(l, o->terms.migration))
		return kr_fail(e, KR_E_REPLAYED, "this offer came before");
	return hold(l, o, &why) ? kr_target_refuse(l, o, &why) : 0;
}

void kr_attested_called_off(struct kr_link *l, const uint8_t migration[16])
{
	struct held *k = find(l, migration);

	if (k)
		drop(k);
}

void kr_attested_link_down(struct kr_link *l)
{
	for (struct held *k = all, *next; k; k = next) {
		next = k->next;
		if (k->link == l)
			drop(k);
	}
}
