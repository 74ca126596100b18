/* SPDX-License-Identifier: Apache-2.0 */
/* apimig.c - the API's methods that start, watch, end and mend migrations. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "daemon/api.h"
#include "daemon/consent.h"
#include "daemon/policy.h"
#include "daemon/record.h"
#include "daemon/sight.h"
#include "store/requestrow.h"
#include "store/hostrow.h"
#include "store/vmrow.h"

#define DOWNTIME_MS_MAX	3600000u	/* an hour */
#define TIMEOUT_S_MAX	604800u	/* a week */
#define UNDO_MS	20000u	/* for `cancel` to see the VM run again */
#define UNDO_LOOK_MS	20u
#define RECOVER_MS	20000u	/* for `recover` to see the end of things */

/* ---- migrate ----------------------------------------------------------- */

void kr_api_migrated(struct kr_mig *m)
{
	if (m->plan && kr_api_planned(m))
		return;
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

static int find_vm(struct kr_host *h, const char *name, struct kr_vmdef *d,
		   struct kr_vmrow *v, struct kr_err *e)
{
	int r = kr_vmrow_get(h->store, name, v, e);

	if (r)
		return r;
	if (v->state == KR_VM_MOVED)
		return kr_fail(e, KR_E_MOVED, "%s is on %s", name, v->peer);
	if (kr_mig_of_vm(h, name))
		return kr_fail(e, KR_E_BUSY, "%s is migrating", name);
	return kr_vmdef_parse(name, v->definition, strlen(v->definition), d,
			      e);
}

/* Is @name ours to move, and @to known? */
static int find_both(struct kr_host *h, const char *name, const char *to,
		     struct kr_vmdef *d, struct kr_vmrow *v, struct kr_err *e)
{
	struct kr_hostrow row;
	int r = kr_mig_welcome(h, e);

	if (!r)
		r = find_vm(h, name, d, v, e);
	return r ? r : kr_hostrow_get(h->store, to, &row, e);
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

/* Is there a hypervisor, at leisure and within reach? */
static int can_go(struct kr_host *h, const struct kr_vmrow *v,
		  struct kr_err *e)
{
	const struct kr_vm *vm = kr_vm_find(h, v->name);

	if (v->state != KR_VM_RUNNING || !vm || vm->busy || vm->dying)
		return kr_fail(e, KR_E_VM_STATE, "%s does not run; start it "
			       "there, or here first", v->name);
	if (!vm->ready && vm->n_tries)
		return kr_fail(e, KR_E_QMP_LOST, "the hypervisor of %s runs "
			       "and cannot be reached; only korora vm stop "
			       "--force and a start help", v->name);
	return 0;
}

/* A new one, if @v can go; how is not said yet. NULL: see @e. */
static struct kr_mig *make(struct kr_host *h, const char *to,
			   const struct kr_vmdef *d, const struct kr_vmrow *v,
			   struct kr_err *e)
{
	struct kr_mig *m = can_go(h, v, e) ? NULL : kr_mig_new(h, KR_S_NEW);

	if (!m) {
		kr_fail(e, KR_E_SYSTEM, "out of memory");
		return NULL;
	}
	m->def = *d;
	snprintf(m->peer, sizeof(m->peer), "%s", to);
	m->terms.epoch = v->epoch + 1;
	memcpy(m->terms.definition, v->digest, 32);
	return m;
}

int kr_api_prepare(struct kr_request *q, struct kr_mig **ret_m,
		   struct kr_err *e)
{
	static struct kr_vmrow v;
	const char *name = kr_api_text(q, "vm", e);
	const char *to = kr_api_text(q, "to", e);
	struct limits asked = { 0 };
	struct kr_vmdef def;
	struct kr_mig *m;
	int r;

	if (!name || !to)
		return e->code;
	if (!strcmp(to, kr_identity_name(q->host->identity)))
		return kr_fail(e, KR_E_SAME_HOST, "%s is this host", to);
	r = find_both(q->host, name, to, &def, &v, e);
	if (!r)
		r = limits(q, &asked, e);
	if (r)
		return r;
	if (json_is_true(json_object_get(q->params, "dry_run")))
		return kr_api_dry_run(q, to, &def, v.epoch + 1, e);
	m = *ret_m = make(q->host, to, &def, &v, e);
	if (!m)
		return e->code;
	m->max_downtime_ms = (uint32_t)asked.downtime_ms;
	m->throttle = json_is_true(json_object_get(q->params, "throttle"));
	m->may_early = !def.tpm &&
		       json_is_true(json_object_get(q->params,
						    "allow_postcopy"));
	m->bandwidth_bytes_s = asked.bandwidth_bytes_s;
	m->timeout_s = (uint32_t)asked.timeout_s;
	snprintf(m->terms.requested_by, sizeof(m->terms.requested_by),
		 "%s@%s", q->user, kr_identity_name(q->host->identity));
	kr_policy_tell(q->host, &m->terms.from_policy);
	m->client = q->client;
	m->uid = q->uid;
	return 0;
}

int kr_api_repeat(const struct kr_mig *probe, struct kr_mig **ret_m,
		  struct kr_err *e)
{
	static struct kr_vmrow v;
	struct kr_vmdef def;
	struct kr_mig *m;
	int r = find_both(probe->host, probe->terms.vm, probe->peer, &def, &v,
			  e);

	if (r)
		return r;
	m = *ret_m = make(probe->host, probe->peer, &def, &v, e);
	if (!m)
		return e->code;
	m->max_downtime_ms = probe->max_downtime_ms;
	m->throttle = probe->throttle;
	m->may_early = probe->may_early;
	m->bandwidth_bytes_s = probe->bandwidth_bytes_s;
	m->timeout_s = probe->timeout_s;
	m->uid = probe->uid;
	m->since_ns = probe->since_ns;
	memcpy(m->terms.requested_by, probe->terms.requested_by,
	       sizeof(m->terms.requested_by));
	m->terms.from_policy = probe->terms.from_policy;
	if (probe->request) {
		m->request = malloc(sizeof(*m->request));
		if (!m->request) {
			kr_mig_forget(m);
			return kr_fail(e, KR_E_SYSTEM, "out of memory");
		}
		*m->request = *probe->request;
	}
	m->client = probe->client;
	return 0;
}

int kr_api_begin(struct kr_mig *m, struct kr_err *e)
{
	int r = kr_source_start(m, e);

	if (!r)
		return KR_API_LATER;
	kr_mig_forget(m);
	m->client = 0;
	return r;
}

int kr_api_migrate(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	const char *s = kr_api_opt(q, "strategy", "precopy");
	enum kr_strategy named = kr_strategy_find(s);
	bool choose = !strcmp(s, "auto");
	struct kr_mig *m;
	int r;

	(void)ret;
	if (!choose && named == KR_STRATEGY_N)
		return kr_fail(e, KR_E_USAGE, "strategy %.20s: precopy, "
			       "hybrid, postcopy, offline or auto", s);
	r = kr_api_prepare(q, &m, e);
	if (r)
		return r;
	r = kr_consent_ask(q, m, e);
	if (r) {
		kr_mig_forget(m);
		return r;
	}
	if (choose)
		return kr_api_choose(m, e);
	m->strategy = named;
	return kr_api_begin(m, e);
}

/* ---- status, cancel, recover ------------------------------------------- */

int kr_api_id(struct kr_request *q, const char *text, uint8_t id[16],
	      struct kr_err *e)
{
	unsigned int n;
	int r = kr_migrow_find(q->host->store, text, id, &n, e);

	if (!r && n != 1)
		r = kr_fail(e, KR_E_NO_MIGRATION, "%.32s: %s", text,
			    n ? "several begin so" : "none begins so");
	return r;
}

#define STATUS_MAX	20u	/* told of, of those looked at */
#define LOOK_MAX	1000u
#define ENOUGH	1

struct list { struct kr_request *q; json_t *a; };

static int add_row(void *arg, const struct kr_migrow *row, struct kr_err *e)
{
	struct list *l = arg;
	struct kr_vmdef d;
	struct kr_mig *m;

	(void)e;
	if (json_array_size(l->a) == STATUS_MAX)
		return ENOUGH;
	if (!kr_sight_vm(l->q, row->vm,
			 kr_record_def(row, &d, NULL) ? "" : d.tenant))
		return 0;
	m = kr_mig_find(l->q->host, row->id);
	if (m)
		json_array_append_new(l->a, kr_mig_describe(m));
	return 0;
}

int kr_api_status(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	const char *text = kr_api_opt(q, "id", NULL);
	struct list l = { q, json_array() };
	struct kr_mig *m;
	uint8_t id[16];
	int r = 0;

	*ret = json_pack("{s:s, s:o}", "host",
			 kr_identity_name(q->host->identity), "migrations",
			 l.a);
	if (q->host->cfg.vtpm_unsealed)
		json_object_set_new(*ret, "vtpm_unsealed", json_true());
	if (!text) {
		r = kr_migrow_each(q->host->store, LOOK_MAX, add_row, &l, e);
		return r == ENOUGH ? 0 : r;
	}
	r = kr_api_id(q, text, id, e);
	m = r ? NULL : kr_mig_find(q->host, id);
	if (m)
		r = kr_sight_check(q, text, m->terms.vm, m->def.tenant, e);
	if (m && !r)
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
	int r = text ? kr_api_id(q, text, id, e) : e->code;

	(void)ret;
	if (r)
		return r;
	m = kr_mig_find(q->host, id);
	kr_fail(&why, KR_E_CANCELLED, "by %s", q->user);
	if (m && kr_api_call_off(m, &why))
		return 0;
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
		r = kr_api_id(q, text, w->ids[0], e);
		w->n = 1;
	}
	for (struct kr_mig *m = q->host->migs; m && !r; m = m->next) {
		if (m->finished || (text && memcmp(m->terms.migration,
						   w->ids[0], 16)) ||
		    !kr_sight_vm(q, m->terms.vm, m->def.tenant))
			continue;
		if (!text && w->n < 16)
			memcpy(w->ids[w->n++], m->terms.migration, 16);
		if (kr_state_before_return(m->state))
			continue;
		m->n_again = 0;		/* now, not later */
		if (m->state == KR_S_STREAM)
			kr_anew_again(m);
		if (!m->link || m->state == KR_S_STREAM ||
		    m->state == KR_T_FETCH)
			kr_mig_reconnect(m, NULL);
	}
	if (r) {
		free(w);
		return r;
	}
	kr_timer_arm(q->host->loop, &w->look, 100);
	return KR_API_LATER;
}
