/* SPDX-License-Identifier: Apache-2.0 */
/* apimig.c - the API's methods that start, watch, end and mend migrations. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/api.h"
#include "daemon/disks.h"
#include "daemon/preflight.h"
#include "daemon/record.h"
#include "store/hostrow.h"
#include "store/vmrow.h"
#include "wire/frame.h"

#define DOWNTIME_MS	300u	/* the hypervisor's usual limit */
#define RECOVER_MS	20000u	/* for `recover` to see the end of things */

/* ---- as JSON ---------------------------------------------------------------- */

static const char *outcome(const struct kr_mig *m)
{
	if (m->state == KR_S_DONE || m->state == KR_T_DONE)
		return "completed";
	if (!kr_state_ended(m->state))
		return kr_state_before_return(m->state) || m->link ?
		       "running" : "waiting";
	if (m->error.kr == KR_E_CANCELLED)
		return "cancelled";
	/* refused: before a byte of the VM moved; failed: after */
	return m->manifest.stream_bytes || m->sending ||
	       m->progress.from_qemu_bytes ? "failed" : "refused";
}

static json_t *protection(const struct kr_mig *m)
{
	const struct kr_terms *t = &m->terms;

	if (!t->protection.lane_suite[0])
		return json_null();
	return json_pack("{s:s, s:s, s:s, s:i, s:b, s:s, s:s}",
			 "tls", t->protection.control_tls,
			 "control_suite", t->protection.control_suite,
			 "lane_suite", t->protection.lane_suite,
			 "lanes", (int)t->protection.n_lanes, "mutual", 1,
			 "attestation", t->protection.attestation,
			 "stream", t->stream.opaque ? "opaque" : "parsed");
}

json_t *kr_mig_describe(const struct kr_mig *m)
{
	char id[33];
	bool source = kr_state_side(m->state) == KR_SOURCE;
	const struct kr_plane_progress *p = &m->progress;
	uint64_t total = m->status.total_bytes ? m->status.total_bytes :
			 (uint64_t)m->def.memory_mb << 20;
	uint64_t left = m->status.total_bytes ? m->status.left_bytes : total;
	uint64_t ms = (kr_now_ns() - m->started_ns) / 1000000;
	uint64_t sent = source ? p->from_qemu_bytes : p->to_qemu_bytes;
	json_t *o;

	if (m->sent || m->loaded || kr_state_ended(m->state))
		left = 0;

	kr_hex(m->terms.migration, 16, id);
	o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:o}",
		      "migration", id, "vm", m->terms.vm, "role",
		      source ? "source" : "destination", "peer", m->peer,
		      "phase", kr_state_phase(m->state), "state", outcome(m),
		      "started_ms", (json_int_t)m->terms.times.requested_ms,
		      "error", m->error.code ? kr_mig_error(&m->error) :
					       json_null());
	json_object_update_new(o, json_pack(
		"{s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
		"rounds", (int)m->status.rounds,
		"ram_bytes", (json_int_t)total,
		"sent_bytes", (json_int_t)sent,
		"remaining_bytes", (json_int_t)left,
		"rate_bytes_s", (json_int_t)(m->status.sent_bytes_s ?
				m->status.sent_bytes_s :
				sent * 1000 / (ms + 1)),
		"dirty_bytes_s", (json_int_t)m->status.dirty_bytes_s,
		"wire_bytes", (json_int_t)(p->wire_sent_bytes +
					   p->wire_received_bytes),
		"elapsed_ms", (json_int_t)ms,
		"pages", (json_int_t)p->n_pages,
		"zero_pages", (json_int_t)p->n_zero_pages));
	if (kr_state_ended(m->state)) {
		json_object_update_new(o, kr_mig_result(m));
		json_object_set_new(o, "state", json_string(outcome(m)));
	}
	return o;
}

json_t *kr_mig_result(const struct kr_mig *m)
{
	const struct kr_terms *t = &m->terms;
	bool done = m->state == KR_S_DONE || m->state == KR_T_DONE;
	char id[33], path[PATH_MAX];

	kr_hex(t->migration, 16, id);
	kr_record_receipt_path(m->host, t->migration, path, sizeof(path));
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:I, s:f, s:I, s:I, s:I,"
		" s:o, s:o}",
		"migration", id, "vm", t->vm, "from", t->from_name, "to",
		t->to_name, "status", outcome(m), "error",
		m->error.code && !done ? kr_mig_error(&m->error) : json_null(),
		"strategy", t->strategy, "total_ms",
		(json_int_t)(t->total_ms ? t->total_ms :
			     (kr_now_ns() - m->started_ns) / 1000000),
		"downtime_ms", (double)t->downtime_us / 1000.0,
		"rounds", (json_int_t)t->rounds, "ram_bytes",
		(json_int_t)(t->stream.ram_bytes ? t->stream.ram_bytes :
			     (uint64_t)m->def.memory_mb << 20),
		"wire_bytes", (json_int_t)(t->wire_bytes ? t->wire_bytes :
					   m->progress.wire_sent_bytes),
		"receipt", done ? json_string(path) : json_null(),
		"protection", protection(m));
}

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

/* ---- migrate ------------------------------------------------------------------ */

/* A question to a peer that has not been answered: dry run or doctor. */
static struct ask {
	struct ask     *next;
	struct kr_host *host;
	uint64_t	client;
	char		peer[64];
	struct kr_offer offer;		/* none (doctor): def.name is "" */
	json_t	       *checks;		/* of this host, so far */
	bool		sent, bad;
	struct kr_timer patience;
} *asks;

void kr_api_migrated(struct kr_mig *m)
{
	for (struct ask *a = asks; a; a = a->next)
		;	/* questions outlive migrations */
	if (m->client)
		kr_api_answer(m->host, m->client, kr_mig_result(m), NULL);
	m->client = 0;
}

static int find_vm(struct kr_request *q, const char *name, struct kr_vmdef *d,
		   struct kr_vmrow *v, struct kr_err *e)
{
	int r = kr_vmrow_get(q->host->store, name, v, e);

	if (r)
		return r;
	if (v->state == KR_VM_MOVED)
		return kr_fail(e, KR_E_MOVED, "%s is on %s", name, v->peer);
	if (kr_mig_of_vm(q->host, name))
		return kr_fail(e, KR_E_BUSY, "%s is migrating", name);
	return kr_vmdef_parse(name, v->definition, strlen(v->definition), d,
			      e);
}

static int strategy(struct kr_request *q, bool *ret_offline, struct kr_err *e)
{
	const char *s = kr_api_opt(q, "strategy", "precopy");

	*ret_offline = !strcmp(s, "offline");
	if (!*ret_offline && strcmp(s, "precopy"))
		return kr_fail(e, KR_E_USAGE, "strategy %.20s: precopy or "
			       "offline", s);
	return 0;
}

static int ask_peer(struct kr_request *q, const char *peer, json_t *checks,
		    bool bad, struct kr_offer *o, struct kr_err *e);

static int dry_run(struct kr_request *q, const char *to,
		   const struct kr_vmdef *d, const struct kr_vmrow *v,
		   struct kr_err *e)
{
	static struct kr_checks c;
	static struct kr_offer o;
	struct kr_err bad = KR_ERR_NONE;
	int r;

	memset(&o, 0, sizeof(o));
	o.def = *d;
	snprintf(o.terms.vm, sizeof(o.terms.vm), "%s", d->name);
	o.terms.epoch = v->epoch + 1;
	r = kr_disks_identify(q->host, d, o.disks, e);
	if (!r)
		r = kr_host_hyper_version(q->host, &o.hyper_version, e);
	if (r)
		return r;
	kr_preflight_host(q->host, &c, &bad);
	return ask_peer(q, to, checks_json(&c, "here"), bad.code != 0, &o, e);
}

int kr_api_migrate(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	static struct kr_vmrow v;
	const char *name = kr_api_text(q, "vm", e);
	const char *to = kr_api_text(q, "to", e);
	struct kr_hostrow row;
	struct kr_vmdef def;
	struct kr_mig *m;
	bool offline;
	int r;

	(void)ret;
	if (!name || !to)
		return e->code;
	if (!strcmp(to, kr_identity_name(q->host->identity)))
		return kr_fail(e, KR_E_SAME_HOST, "%s is this host", to);
	r = find_vm(q, name, &def, &v, e);
	if (!r)
		r = strategy(q, &offline, e);
	if (!r)
		r = kr_hostrow_get(q->host->store, to, &row, e);
	if (r)
		return r;
	if (json_is_true(json_object_get(q->params, "dry_run")))
		return dry_run(q, to, &def, &v, e);
	if (v.state != KR_VM_RUNNING || !kr_vm_find(q->host, name) ||
	    kr_vm_find(q->host, name)->busy)
		return kr_fail(e, KR_E_VM_STATE, "%s does not run; start it "
			       "there, or here first", name);
	m = kr_mig_new(q->host, KR_S_NEW);
	if (!m)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	m->def = def;
	m->offline = offline;
	snprintf(m->peer, sizeof(m->peer), "%s", to);
	m->max_downtime_ms = (uint32_t)kr_api_number(q, "max_downtime_ms",
						     DOWNTIME_MS);
	m->bandwidth_bytes_s = kr_api_number(q, "bandwidth_bytes_s", 0);
	m->timeout_s = (uint32_t)kr_api_number(q, "timeout_s", 0);
	m->terms.epoch = v.epoch + 1;
	memcpy(m->terms.definition, v.digest, 32);
	snprintf(m->terms.requested_by, sizeof(m->terms.requested_by),
		 "%s@%s", q->user, kr_identity_name(q->host->identity));
	m->client = q->client;
	r = kr_source_start(m, e);
	if (r) {
		m->finished = true;
		m->client = 0;
		return r;
	}
	return KR_API_LATER;
}

/* ---- status, cancel, recover --------------------------------------------------- */

/* An id, or the beginning of one that no other begins with. */
struct prefix {
	const char *text;
	uint8_t	    id[16];
	unsigned int n;
};

static int match(void *arg, const struct kr_migrow *m, struct kr_err *e)
{
	struct prefix *p = arg;
	char hex[33];

	(void)e;
	kr_hex(m->id, 16, hex);
	if (!strncmp(hex, p->text, strlen(p->text))) {
		memcpy(p->id, m->id, 16);
		p->n++;
	}
	return 0;
}

static int find_id(struct kr_request *q, const char *text, uint8_t id[16],
		   struct kr_err *e)
{
	struct prefix p = { .text = text };
	int r = kr_migrow_each(q->host->store, 1000, match, &p, e);

	if (r)
		return r;
	if (p.n != 1)
		return kr_fail(e, KR_E_NO_MIGRATION, "%.32s: %u of them", text,
			       p.n);
	memcpy(id, p.id, 16);
	return 0;
}

struct list { struct kr_host *h; json_t *a; };

static int add_row(void *arg, const struct kr_migrow *row, struct kr_err *e)
{
	struct list *l = arg;
	struct kr_mig *m = kr_mig_find(l->h, row->id);

	(void)e;
	if (m)
		json_array_append_new(l->a, kr_mig_describe(m));
	return 0;
}

int kr_api_status(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	const char *text = kr_api_opt(q, "id", NULL);
	struct list l = { q->host, json_array() };
	struct kr_mig *m;
	uint8_t id[16];
	int r = 0;

	*ret = json_pack("{s:s, s:o}", "host",
			 kr_identity_name(q->host->identity), "migrations",
			 l.a);
	if (!text)
		return kr_migrow_each(q->host->store, 20, add_row, &l, e);
	r = find_id(q, text, id, e);
	m = r ? NULL : kr_mig_find(q->host, id);
	if (m)
		json_array_append_new(l.a, kr_mig_describe(m));
	return r;
}

int kr_api_cancel(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	const char *text = kr_api_text(q, "id", e);
	struct kr_err why = KR_ERR_NONE;
	struct kr_mig *m;
	uint8_t id[16];
	int r = text ? find_id(q, text, id, e) : e->code;

	(void)ret;
	if (r)
		return r;
	m = kr_mig_find(q->host, id);
	if (!m || m->finished)
		return kr_fail(e, KR_E_NO_MIGRATION, "%s is over", text);
	if (!kr_state_before_return(m->state))
		return kr_fail(e, KR_E_TOO_LATE, "it is in phase %s",
			       kr_state_phase(m->state));
	kr_fail(&why, KR_E_CANCELLED, "by %s", q->user);
	kr_mig_fail(m, &why);
	return 0;
}

/* Someone waits to see what becomes of the unfinished ones. */
struct wait {
	struct kr_host *host;
	uint64_t	client;
	uint8_t		ids[16][16];
	unsigned int	n;
	uint64_t	until_ns;
	struct kr_timer look;
};

static void on_look(void *arg)
{
	struct wait *w = arg;
	json_t *a = json_array();
	bool waiting = false;

	for (unsigned int i = 0; i < w->n; i++) {
		struct kr_mig *m = kr_mig_find(w->host, w->ids[i]);
		bool open = m && !m->finished;
		bool good = m && (m->state == KR_S_DONE ||
				  m->state == KR_T_DONE);
		json_t *o;

		if (!m)
			continue;
		waiting |= open;
		o = kr_mig_describe(m);
		json_object_set_new(o, "outcome", json_string(open ?
				    "waiting" : good ? "finished" : "undone"));
		json_array_append_new(a, o);
	}
	if (waiting && kr_now_ns() < w->until_ns) {
		json_decref(a);
		kr_timer_arm(w->host->loop, &w->look, 100);
		return;
	}
	kr_api_answer(w->host, w->client, json_pack("{s:o}", "migrations", a),
		      NULL);
	free(w);
}

int kr_api_recover(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	const char *text = kr_api_opt(q, "id", NULL);
	struct wait *w = calloc(1, sizeof(*w));
	int r = 0;

	(void)ret;
	if (!w)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	w->host = q->host;
	w->client = q->client;
	w->until_ns = kr_now_ns() + RECOVER_MS * 1000000ull;
	w->look = (struct kr_timer){ .fn = on_look, .arg = w };
	if (text) {
		r = find_id(q, text, w->ids[0], e);
		w->n = 1;
	}
	for (struct kr_mig *m = q->host->migs; m && !r; m = m->next) {
		if (m->finished || (text && memcmp(m->terms.migration,
						   w->ids[0], 16)))
			continue;
		if (!text && w->n < 16)
			memcpy(w->ids[w->n++], m->terms.migration, 16);
		if (!kr_state_before_return(m->state) && !m->link)
			kr_mig_reconnect(m, NULL);
	}
	if (r) {
		free(w);
		return r;
	}
	kr_timer_arm(q->host->loop, &w->look, 100);
	return KR_API_LATER;
}

/* ---- doctor and dry run: ask the peer -------------------------------------------- */

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
	json_t *o = json_pack("[{s:o, s:b, s:o}]", "name",
			      json_sprintf("%s: session", a->peer), "ok", 1,
			      "message", json_sprintf("%s, %s, %s",
					l->info.tls, l->info.suite,
					l->info.software));

	json_array_extend(a->checks, o);
	json_decref(o);
	if (!a->offer.def.name[0]) {
		ask_end(a, NULL);	/* the session was the question */
		return;
	}
	a->sent = true;
	kr_offer_put(&w, &a->offer);
	if (kr_link_send(l, KR_PEER_CHECK, &w, &e))
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
	snprintf(a->peer, sizeof(a->peer), "%s", peer);
	a->patience = (struct kr_timer){ .fn = ask_impatient, .arg = a };
	a->next = asks;
	asks = a;
	kr_timer_arm(q->host->loop, &a->patience, RECOVER_MS);
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
		if (!a->sent && !strcmp(a->peer, l->peer))
			ask_send(a, l);
	}
}

void kr_api_link_down(struct kr_link *l)
{
	for (struct ask *a = asks, *next; a; a = next) {
		next = a->next;
		if (!strcmp(a->peer, l->peer))
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
	kr_checks_put(&w, &c);
	return kr_link_send(l, KR_PEER_CHECKED, &w, e);
}

int kr_api_checked(struct kr_link *l, struct kr_rd *r, struct kr_err *e)
{
	static struct kr_checks c;
	int rc = kr_checks_parse(r, &c, e);

	for (struct ask *a = asks; !rc && a; a = a->next) {
		json_t *more;

		if (!a->sent || strcmp(a->peer, l->peer))
			continue;
		for (unsigned int i = 0; i < c.n; i++)
			a->bad |= !c.c[i].ok;
		more = checks_json(&c, a->peer);
		json_array_extend(a->checks, more);
		json_decref(more);
		ask_end(a, NULL);
		break;
	}
	return rc;
}

int kr_api_doctor(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	static struct kr_checks c;
	const char *to = kr_api_opt(q, "to", NULL);
	struct kr_err bad = KR_ERR_NONE;
	struct kr_hostrow row;
	json_t *a;
	int r;

	kr_preflight_host(q->host, &c, &bad);
	a = checks_json(&c, "here");
	if (!to) {
		*ret = json_pack("{s:b, s:o}", "ok", !bad.code, "checks", a);
		return 0;
	}
	r = kr_hostrow_get(q->host->store, to, &row, e);
	if (r) {
		json_decref(a);
		return r;
	}
	return ask_peer(q, to, a, bad.code != 0, NULL, e);
}
