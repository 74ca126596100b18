/* SPDX-License-Identifier: Apache-2.0 */
/* apimig.c - the API's methods that start, watch, end and mend migrations. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "daemon/api.h"
#include "store/hostrow.h"
#include "store/vmrow.h"

#define DOWNTIME_MS	300u	/* the hypervisor's usual limit */
#define DOWNTIME_MS_MAX	3600000u	/* an hour */
#define TIMEOUT_S_MAX	604800u	/* a week */
#define UNDO_MS	20000u	/* for `cancel` to see the VM run again */
#define UNDO_LOOK_MS	20u
#define RECOVER_MS	20000u	/* for `recover` to see the end of things */

/* ---- migrate ----------------------------------------------------------- */

void kr_api_migrated(struct kr_mig *m)
{
	if (m->client)
		kr_api_answer(m->host, m->client, kr_mig_result(m), NULL);
	m->client = 0;
}

void kr_api_in_doubt(struct kr_mig *m)
{
	struct kr_err e = KR_ERR_NONE;
	json_t *o = kr_mig_result(m);

	kr_fail(&e, KR_E_IN_DOUBT, "%s does not answer; it goes on by itself "
		"when it does", m->peer);
	json_object_set_new(o, "status", json_string("failed"));
	json_object_set_new(o, "error", kr_mig_error(&e));
	kr_api_answer(m->host, m->client, o, NULL);
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

/* What was asked for; 0 is none where that can be. */
struct limits { uint64_t downtime_ms, timeout_s, bandwidth_bytes_s; };

static int limits(struct kr_request *q, struct limits *ret, struct kr_err *e)
{
	int r = kr_api_number(q, "max_downtime_ms", 1, DOWNTIME_MS_MAX,
			      &ret->downtime_ms, e);

	if (!r)
		r = kr_api_number(q, "timeout_s", 0, TIMEOUT_S_MAX,
				  &ret->timeout_s, e);
	if (!r)
		r = kr_api_number(q, "bandwidth_bytes_s", 0, INT64_MAX,
				  &ret->bandwidth_bytes_s, e);
	return r;
}

int kr_api_migrate(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	static struct kr_vmrow v;
	const char *name = kr_api_text(q, "vm", e);
	const char *to = kr_api_text(q, "to", e);
	struct limits asked = { .downtime_ms = DOWNTIME_MS };
	struct kr_hostrow row;
	struct kr_vmdef def;
	struct kr_vm *vm;
	struct kr_mig *m;
	bool offline;
	int r;

	(void)ret;
	if (!name || !to)
		return e->code;
	if (!strcmp(to, kr_identity_name(q->host->identity)))
		return kr_fail(e, KR_E_SAME_HOST, "%s is this host", to);
	r = kr_mig_welcome(q->host, e);
	if (!r)
		r = find_vm(q, name, &def, &v, e);
	if (!r)
		r = strategy(q, &offline, e);
	if (!r)
		r = limits(q, &asked, e);
	if (!r)
		r = kr_hostrow_get(q->host->store, to, &row, e);
	if (r)
		return r;
	if (json_is_true(json_object_get(q->params, "dry_run")))
		return kr_api_dry_run(q, to, &def, v.epoch + 1, e);
	vm = kr_vm_find(q->host, name);
	if (v.state != KR_VM_RUNNING || !vm || vm->busy ||
	    vm->dying)
		return kr_fail(e, KR_E_VM_STATE, "%s does not run; start it "
			       "there, or here first", name);
	if (!vm->ready && vm->n_tries)
		return kr_fail(e, KR_E_QMP_LOST, "the hypervisor of %s runs "
			       "and cannot be reached; only korora vm stop "
			       "--force and a start help", name);
	m = kr_mig_new(q->host, KR_S_NEW);
	if (!m)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	m->def = def;
	m->offline = offline;
	snprintf(m->peer, sizeof(m->peer), "%s", to);
	m->max_downtime_ms = (uint32_t)asked.downtime_ms;
	m->bandwidth_bytes_s = asked.bandwidth_bytes_s;
	m->timeout_s = (uint32_t)asked.timeout_s;
	m->terms.epoch = v.epoch + 1;
	memcpy(m->terms.definition, v.digest, 32);
	snprintf(m->terms.requested_by, sizeof(m->terms.requested_by),
		 "%s@%s", q->user, kr_identity_name(q->host->identity));
	m->client = q->client;
	r = kr_source_start(m, e);
	if (r) {
		kr_mig_forget(m);
		m->client = 0;
		return r;
	}
	return KR_API_LATER;
}

/* ---- status, cancel, recover ------------------------------------------- */

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

/* Someone waits until what he cancelled is undone. */
struct undo {
	struct kr_host *host;
	uint64_t	client;
	uint8_t		id[16];
	uint64_t	until_ns;
	struct kr_timer look;
};

static void on_undo(void *arg)
{
	struct undo *u = arg;
	struct kr_mig *m = kr_mig_find(u->host, u->id);
	struct kr_err e = KR_ERR_NONE;

	if (m && !m->finished && !m->settled && kr_now_ns() < u->until_ns) {
		kr_timer_arm(u->host->loop, &u->look, UNDO_LOOK_MS);
		return;
	}
	if (m && !m->finished && !m->settled)
		kr_fail(&e, m->owes_certainty ? KR_E_STORE : KR_E_HYPER_SLOW,
			"%s does not run again after %u s; it is tried on",
			m->terms.vm, UNDO_MS / 1000);
	kr_api_answer(u->host, u->client, NULL, &e);
	free(u);
}

int kr_api_cancel(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	const char *text = kr_api_text(q, "id", e);
	struct kr_err why = KR_ERR_NONE;
	struct undo *u;
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
	u = calloc(1, sizeof(*u));
	if (!u)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	*u = (struct undo){ .host = q->host, .client = q->client,
			    .until_ns = kr_now_ns() + UNDO_MS * 1000000ull,
			    .look = { .fn = on_undo, .arg = u } };
	memcpy(u->id, id, sizeof(u->id));
	kr_fail(&why, KR_E_CANCELLED, "by %s", q->user);
	kr_mig_fail(m, &why);
	kr_timer_arm(q->host->loop, &u->look, 0);
	return KR_API_LATER;
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
