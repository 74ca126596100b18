/* SPDX-License-Identifier: Apache-2.0 */
/* apiattest.c - the API's methods about attestation keys: own and peers'. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "daemon/api.h"
#include "daemon/ownkey.h"
#include "daemon/peerkey.h"
#include "store/akrow.h"
#include "store/hostrow.h"

/* ---- this host's ---------------------------------------------------------- */

/* Of kororad's: they end with their agents, or with it. */
static struct look {
	struct look	*next;
	uint64_t	 client;
	struct kr_ownkey own;
} *looks;

static json_t *key_json(const struct kr_ownkey *k)
{
	const struct kr_endorsed *d = &k->endorsed;
	char hex[2 * KR_TPMNAME_BYTES_MAX + 1];

	kr_hex(d->ak.b, d->ak.n, hex);
	return json_pack("{s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:b}", "key", hex,
			 "ek_subject", d->names.subject, "ek_issuer",
			 d->names.issuer, "ek_vouched", d->vouched, "clock_ms",
			 (json_int_t)k->clock.clock_ms, "resets",
			 (json_int_t)k->clock.resets, "restarts",
			 (json_int_t)k->clock.restarts, "clock_safe",
			 k->clock.safe);
}

static void drop(struct look *k)
{
	struct look **p = &looks;

	while (*p != k)
		p = &(*p)->next;
	*p = k->next;
	free(k);
}

static void look_end(void *arg, const struct kr_ownkey *own,
		     const struct kr_err *e)
{
	struct look *k = arg;

	kr_api_answer(own->host, k->client, e ? NULL : key_json(own), e);
	drop(k);
}

static int show_own(struct kr_request *q, struct kr_err *e)
{
	struct look *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	k->client = q->client;
	k->own.done = look_end;
	k->own.arg = k;
	k->next = looks;
	looks = k;
	r = kr_ownkey_ask(q->host, &k->own, e);
	if (r) {
		drop(k);
		return r;
	}
	return KR_API_LATER;
}

/* ---- peers' --------------------------------------------------------------- */

static json_t *row_json(const struct kr_akrow *r)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:I}", "host",
			 r->host, "key", r->name, "ek_subject", r->ek_subject,
			 "ek_issuer", r->ek_issuer, "ek_vouched",
			 r->ek_vouched, "enrolled_by", r->enrolled_by,
			 "enrolled_ms", (json_int_t)r->enrolled_ms);
}

int kr_api_attest_show(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	const char *name = kr_api_opt(q, "name", NULL);
	struct kr_akrow row;
	int r;

	if (!name)
		return show_own(q, e);
	r = kr_akrow_get(q->host->store, name, &row, e);
	if (!r)
		*ret = row_json(&row);
	return r;
}

struct enrolment {
	struct kr_peerkey key;
	uint64_t	  client;
	char		  user[64];
};

static void fill_in(const struct enrolment *n, struct kr_akrow *r)
{
	const struct kr_peerkey *k = &n->key;
	const struct kr_endorsed *d = &k->endorsed;

	_Static_assert(sizeof(r->name) > 2 * KR_TPMNAME_BYTES_MAX, "in hex");
	_Static_assert(sizeof(r->pub) == sizeof(k->ak.b), "it fits");
	_Static_assert(sizeof(r->ek_subject) == KR_EKCERT_NAME_BYTES, "");
	*r = (struct kr_akrow){ .n_pub = k->ak.n, .ek_vouched = d->vouched,
				.enrolled_ms = kr_wall_ms() };
	memcpy(r->pub, k->ak.b, k->ak.n);
	kr_hex(d->ak.b, d->ak.n, r->name);
	snprintf(r->host, sizeof(r->host), "%s", k->peer);
	snprintf(r->ek_subject, sizeof(r->ek_subject), "%s",
		 d->names.subject);
	snprintf(r->ek_issuer, sizeof(r->ek_issuer), "%s", d->names.issuer);
	snprintf(r->enrolled_by, sizeof(r->enrolled_by), "%s", n->user);
}

/* The row and its entry in the log, or neither. */
static int keep(struct kr_host *h, const struct kr_akrow *row, json_t *j,
		struct kr_err *e)
{
	int r = kr_store_begin(h->store, e);

	if (r)
		return r;
	r = kr_akrow_put(h->store, row, e);
	if (!r)
		r = kr_host_record(h, "attestation-key-enrolled", j, e);
	if (!r)
		return kr_store_commit(h->store, e);
	kr_store_rollback(h->store);
	return r;
}

static void enrolled(void *arg, const struct kr_peerkey *k,
		     const struct kr_err *e)
{
	struct enrolment *n = arg;
	struct kr_err why = KR_ERR_NONE;
	struct kr_akrow row;
	json_t *j = NULL;

	if (!e) {
		fill_in(n, &row);
		j = row_json(&row);
		if (keep(k->host, &row, j, &why))
			e = &why;
	}
	kr_api_answer(k->host, n->client, e ? NULL : json_incref(j), e);
	json_decref(j);
	free(n);
}

int kr_api_attest_enrol(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	const char *name = kr_api_text(q, "name", e);
	struct enrolment *n;
	struct kr_hostrow host;
	int r;

	(void)ret;
	if (!name)
		return e->code;
	r = kr_hostrow_get(q->host->store, name, &host, e);
	if (r)
		return r;
	n = calloc(1, sizeof(*n));
	if (!n)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	n->key.done = enrolled;
	n->key.arg = n;
	n->client = q->client;
	snprintf(n->user, sizeof(n->user), "%s", q->user);
	r = kr_peerkey_ask(q->host, name, &n->key, e);
	if (r) {
		free(n);
		return r;
	}
	return KR_API_LATER;
}

int kr_api_attest_forget(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	const char *name = kr_api_text(q, "name", e);
	struct kr_akrow row;
	int r;

	if (!name)
		return e->code;
	r = kr_akrow_get(q->host->store, name, &row, e);
	if (!r)
		r = kr_akrow_del(q->host->store, name, e);
	if (r)
		return r;
	*ret = row_json(&row);
	json_object_set_new(*ret, "forgotten_by", json_string(q->user));
	return kr_host_record(q->host, "attestation-key-forgotten", *ret, e);
}
