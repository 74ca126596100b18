/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apiask.c - the API's questions about what could be done: doctor and
 * migrate's dry run. The peer is asked over a session like any other, and
 * answers with the checks it would make of an offer.
 */
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/api.h"
#include "daemon/deviations.h"
#include "daemon/disks.h"
#include "daemon/ownword.h"
#include "daemon/peerquote.h"
#include "daemon/preflight.h"
#include "store/hostrow.h"
#include "wire/frame.h"

#define PATIENCE_MS	20000u	/* for the peer's answer */

/* A question to a peer that has not been answered: dry run or doctor. */
static struct ask {
	struct ask     *next;
	struct kr_host *host;
	uint64_t	client;
	char		peer[64];
	struct kr_offer offer;		/* none (doctor): def.name is "" */
	json_t	       *checks;		/* of this host, so far */
	struct kr_link *link;		/* it was asked by; NULL: not yet */
	bool		bad;
	struct kr_timer patience;
	struct kr_peerquote quote;	/* doctor: what the peer booted */
} *asks;

static json_t *checks_json(const struct kr_checks *c, const char *where)
{
	json_t *a = json_array();

	for (unsigned int i = 0; i < c->n; i++) {
		const struct kr_code_row *row = kr_code_find(c->c[i].kr);
		json_t *o = json_pack("{s:o, s:b, s:s}", "name",
				      json_sprintf("%s: %s", where,
						   c->c[i].name),
				      "ok", (int)c->c[i].ok, "message",
				      c->c[i].message);

		if (!c->c[i].ok && row) {
			json_object_set_new(o, "code",
				json_sprintf("KR-%04u", c->c[i].kr));
			json_object_set_new(o, "hint",
					    json_string(row->hint));
		}
		json_array_append_new(a, o);
	}
	return a;
}

static void ask_end(struct ask *a, struct kr_err *e)
{
	struct ask **p = &asks;
	bool dry = a->offer.def.name[0];
	json_t *o;

	while (*p && *p != a)
		p = &(*p)->next;
	if (*p)
		*p = a->next;
	kr_timer_off(&a->patience);
	kr_peerquote_stop(&a->quote);
	if (e && e->code) {
		struct kr_checks c = { .n = 1 };

		c.c[0].kr = (uint16_t)e->kr;
		snprintf(c.c[0].name, sizeof(c.c[0].name), "session");
		snprintf(c.c[0].message, sizeof(c.c[0].message), "%.*s",
			 (int)sizeof(c.c[0].message) - 1, e->what);
		o = checks_json(&c, a->peer);
		json_array_extend(a->checks, o);
		json_decref(o);
		a->bad = true;
	}
	o = json_pack("{s:b, s:o}", "ok", !a->bad, "checks", a->checks);
	if (dry) {
		json_t *why = json_null();
		size_t i;
		json_t *k;

		json_array_foreach(a->checks, i, k)
			if (!json_is_true(json_object_get(k, "ok")) &&
			    json_is_null(why))
				why = json_incref(k);
		json_object_update_new(o, json_pack(
			"{s:b, s:s, s:s, s:s, s:s, s:o}", "dry_run", 1, "vm",
			a->offer.def.name, "from",
			kr_identity_name(a->host->identity), "to", a->peer,
			"status", a->bad ? "refused" : "completed", "error",
			why));
	}
	kr_api_answer(a->host, a->client, o, NULL);
	free(a);
}

static void ask_impatient(void *arg)
{
	struct kr_err e = KR_ERR_NONE;

	kr_fail(&e, KR_E_PEER_SILENT, "no answer to a preflight question");
	ask_end(arg, &e);
}

static void ask_send(struct ask *a, struct kr_link *l)
{
	static uint8_t buf[KR_FRAME_BODY_BYTES_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_err e = KR_ERR_NONE;
	struct kr_peerfail host = { .kr = 0 };
	json_t *o = json_pack("[{s:o, s:b, s:o}]", "name",
			      json_sprintf("%s: session", a->peer), "ok", 1,
			      "message", json_sprintf("%s, %s, %s",
					l->info.tls, l->info.suite,
					l->info.software));

	json_array_extend(a->checks, o);
	json_decref(o);
	memcpy(host.migration, a->offer.terms.migration, 16);
	a->link = l;
	if (a->offer.def.name[0])
		kr_offer_put(&w, &a->offer);
	else
		kr_peerfail_put(&w, &host);
	if (kr_link_send(l, a->offer.def.name[0] ? KR_PEER_CHECK :
			 KR_PEER_CHECK_HOST, &w, &e))
		ask_end(a, &e);
}

static int ask_peer(struct kr_request *q, const char *peer, json_t *checks,
		    bool bad, struct kr_offer *o, struct kr_err *e)
{
	struct ask *a = calloc(1, sizeof(*a));
	struct kr_link *l = kr_link_find(q->host, peer);
	int r = 0;

	if (!a)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	a->host = q->host;
	a->client = q->client;
	a->checks = checks;
	a->bad = bad;
	if (o)
		a->offer = *o;
	else if (RAND_bytes(a->offer.terms.migration, 16) != 1)
		a->bad = true;
	snprintf(a->peer, sizeof(a->peer), "%s", peer);
	a->patience = (struct kr_timer){ .fn = ask_impatient, .arg = a };
	a->next = asks;
	asks = a;
	kr_timer_arm(q->host->loop, &a->patience, PATIENCE_MS);
	if (l) {
		ask_send(a, l);
	} else {
		struct kr_err why = KR_ERR_NONE;

		r = kr_link_connect(q->host, peer, NULL, &why);
		if (r)
			ask_end(a, &why);
	}
	return KR_API_LATER;
}

void kr_api_link_up(struct kr_link *l)
{
	for (struct ask *a = asks, *next; a; a = next) {
		next = a->next;
		if (!a->link && !strcmp(a->peer, l->peer))
			ask_send(a, l);
	}
}

void kr_api_link_down(struct kr_link *l)
{
	for (struct ask *a = asks, *next; a; a = next) {
		next = a->next;
		if (a->link == l || (!a->link && l->outgoing &&
				     !strcmp(a->peer, l->peer)))
			ask_end(a, &l->error);
	}
}

int kr_api_check(struct kr_link *l, const struct kr_offer *o,
		 struct kr_err *e)
{
	static struct kr_checks c;
	static uint8_t buf[KR_FRAME_BODY_BYTES_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	kr_preflight_offer(l->host, o, &c, NULL);
	memcpy(c.question, o->terms.migration, sizeof(c.question));
	kr_checks_put(&w, &c);
	return kr_link_send(l, KR_PEER_CHECKED, &w, e);
}

int kr_api_check_host(struct kr_link *l, struct kr_rd *r, struct kr_err *e)
{
	static struct kr_checks c;
	static uint8_t buf[KR_FRAME_BODY_BYTES_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_peerfail q;
	int rc = kr_peerfail_parse(r, &q, e);

	if (rc)
		return rc;
	kr_preflight_host(l->host, &c, NULL);
	memcpy(c.question, q.migration, sizeof(c.question));
	kr_checks_put(&w, &c);
	return kr_link_send(l, KR_PEER_CHECKED, &w, e);
}

static void add_checks(struct ask *a, const struct kr_checks *c)
{
	json_t *more = checks_json(c, a->peer);

	for (unsigned int i = 0; i < c->n; i++)
		a->bad |= !c->c[i].ok;
	json_array_extend(a->checks, more);
	json_decref(more);
}

static void peer_judged(void *arg, const struct kr_appraisal *found,
			const struct kr_err *e)
{
	static struct kr_checks c;

	if (found)
		kr_deviations_tell(found, &c);
	else
		kr_deviations_fail(e, &c);
	add_checks(arg, &c);
	ask_end(arg, NULL);
}

/* Doctor also asks a peer whose key is enrolled what it booted. */
static void ask_quote(struct ask *a, struct kr_link *l)
{
	struct kr_err e = KR_ERR_NONE;

	kr_timer_off(&a->patience);
	a->quote = (struct kr_peerquote){ .done = peer_judged, .arg = a };
	if (!kr_peerquote_ask(l, &a->quote, KR_TARGET, "", &e))
		return;
	if (e.kr == KR_E_NO_AK)
		ask_end(a, NULL);
	else
		peer_judged(a, NULL, &e);
}

int kr_api_checked(struct kr_link *l, struct kr_rd *r, struct kr_err *e)
{
	static struct kr_checks c;
	int rc = kr_checks_parse(r, &c, e);

	for (struct ask *a = asks; !rc && a; a = a->next) {
		if (a->link != l || a->quote.link ||
		    memcmp(a->offer.terms.migration, c.question, 16))
			continue;
		add_checks(a, &c);
		if (a->offer.def.name[0])
			ask_end(a, NULL);
		else
			ask_quote(a, l);
		break;
	}
	return rc;
}

int kr_api_dry_run(struct kr_request *q, const char *to,
		   const struct kr_vmdef *d, uint64_t epoch, struct kr_err *e)
{
	static struct kr_checks c;
	static struct kr_offer o;
	struct kr_err bad = KR_ERR_NONE;
	int r;

	memset(&o, 0, sizeof(o));
	o.def = *d;
	snprintf(o.terms.vm, sizeof(o.terms.vm), "%s", d->name);
	o.terms.epoch = epoch;
	snprintf(o.terms.from_name, sizeof(o.terms.from_name), "%s",
		 kr_identity_name(q->host->identity));
	snprintf(o.terms.to_name, sizeof(o.terms.to_name), "%s", to);
	snprintf(o.terms.strategy, sizeof(o.terms.strategy), "%s",
		 kr_api_opt(q, "strategy", ""));
	snprintf(o.terms.protection.attestation,
		 sizeof(o.terms.protection.attestation), "none");
	if (RAND_bytes(o.terms.migration, 16) != 1)
		return kr_fail(e, KR_E_CRYPTO, "no randomness");
	r = kr_disks_identify(q->host, d, o.disks, e);
	if (!r)
		r = kr_host_hyper_version(q->host, &o.hyper_version, e);
	if (r)
		return r;
	kr_preflight_source(q->host, &o, &c, &bad);
	return ask_peer(q, to, checks_json(&c, "here"), bad.code != 0, &o, e);
}

/* ---- doctor -------------------------------------------------------------- */

/* A doctor's look at this host that waits for its TPM. */
static struct look {
	struct look	  *next;
	struct kr_host	  *host;
	uint64_t	   client;
	char		   to[64];	/* "": not asked for */
	json_t		  *checks;
	bool		   bad;
	struct kr_ownword  own;
} *looks;

static void look_end(void *arg, const struct kr_checks *c, bool bad)
{
	struct look *k = arg, **p = &looks;
	struct kr_request q = { .host = k->host, .client = k->client };
	json_t *more = checks_json(c, "here");
	struct kr_err e = KR_ERR_NONE;

	while (*p != k)
		p = &(*p)->next;
	*p = k->next;
	json_array_extend(k->checks, more);
	json_decref(more);
	k->bad |= bad;
	if (!k->to[0])
		kr_api_answer(k->host, k->client,
			      json_pack("{s:b, s:o}", "ok", !k->bad, "checks",
					k->checks), NULL);
	else if (ask_peer(&q, k->to, k->checks, k->bad, NULL, &e) < 0)
		kr_api_answer(k->host, k->client, NULL, &e);
	free(k);
}

/* Takes @checks. */
static int look_at_tpm(struct kr_request *q, const char *to, json_t *checks,
		       bool bad, struct kr_err *e)
{
	struct look *k = calloc(1, sizeof(*k));

	if (!k) {
		json_decref(checks);
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	}
	k->host = q->host;
	k->client = q->client;
	snprintf(k->to, sizeof(k->to), "%s", to ? to : "");
	k->checks = checks;
	k->bad = bad;
	k->own = (struct kr_ownword){ .done = look_end, .arg = k };
	k->next = looks;
	looks = k;
	kr_ownword_ask(q->host, &k->own);
	return KR_API_LATER;
}

int kr_api_doctor(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	static struct kr_checks c;
	const char *to = kr_api_opt(q, "to", NULL);
	struct kr_err bad = KR_ERR_NONE;
	struct kr_hostrow row;
	json_t *a;
	int r;

	r = to ? kr_hostrow_get(q->host->store, to, &row, e) : 0;
	if (r)
		return r;
	kr_preflight_host(q->host, &c, &bad);
	a = checks_json(&c, "here");
	if (kr_tpmasked_configured(q->host))
		return look_at_tpm(q, to, a, bad.code != 0, e);
	if (to)
		return ask_peer(q, to, a, bad.code != 0, NULL, e);
	*ret = json_pack("{s:b, s:o}", "ok", !bad.code, "checks", a);
	return 0;
}
