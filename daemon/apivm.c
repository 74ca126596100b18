/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apivm.c - the API's methods about VMs, and what happens to a VM that
 * nobody operates just now.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/ini.h"
#include "base/log.h"
#include "daemon/api.h"
#include "daemon/disks.h"
#include "daemon/files.h"
#include "daemon/guard.h"
#include "daemon/sight.h"
#include "store/vmrow.h"

/* A start or stop in progress: who waits for it. */
struct op {
	struct kr_vm   *vm;
	struct kr_host *host;
	uint64_t	client;
	char		name[64];
	bool		stop;
	struct kr_err	why;		/* a start that failed */
	struct kr_timer patience;
};

#define STOP_MS	10000u	/* for the hypervisor to end by itself */

static int set_state(struct kr_host *h, const char *name,
		     enum kr_vm_state state, const char *event,
		     struct kr_err *e)
{
	static struct kr_vmrow v;
	char tenant[KR_SIGHT_TENANT_BYTES];
	json_t *d;
	int r = kr_vmrow_get(h->store, name, &v, e);

	if (r)
		return r;
	v.state = state;
	v.updated_ms = kr_wall_ms();
	r = kr_vmrow_put(h->store, &v, e);
	d = json_pack("{s:s, s:s, s:I}", "vm", name, "tenant",
		      kr_sight_tenant(&v, tenant), "epoch",
		      (json_int_t)v.epoch);
	if (!r)
		r = kr_host_record(h, event, d, e);
	json_decref(d);
	return r;
}

void kr_api_vm_died(struct kr_host *h, const char *name)
{
	static struct kr_vmrow v;
	struct kr_err e = KR_ERR_NONE;

	if (kr_vmrow_get(h->store, name, &v, &e) || v.state != KR_VM_RUNNING)
		return;
	if (set_state(h, name, KR_VM_STOPPED, "vm-ended", &e))
		kr_log_err(KR_LOG_ERROR, name, &e);
	else
		kr_log(KR_LOG_WARN, "VM %s: its process ended", name);
}

/* ---- idle: nobody operates it ------------------------------------------ */

static void idle_gone(void *arg, const struct kr_err *e)
{
	struct kr_vm *v = arg;

	(void)e;
	kr_api_vm_died(v->host, v->def.name);
}

static void idle_event(void *arg, const struct kr_hyper_event *ev)
{
	struct kr_vm *v = arg;

	if (ev->what == KR_HYPER_SHUTDOWN) {
		kr_log(KR_LOG_INFO, "VM %s powered itself off", v->def.name);
		kr_vm_command(v, KR_HYPER_END, NULL);
	}
}

/* Adopted: on record it runs here, so it runs. */
static void idle_ready(void *arg, const struct kr_hyper_ready *r)
{
	struct kr_vm *v = arg;
	struct kr_err e = KR_ERR_NONE;

	if (r->run == KR_HYPER_IS_PAUSED && kr_vm_command(v, KR_HYPER_RUN, &e))
		kr_log_err(KR_LOG_ERROR, v->def.name, &e);
}

void kr_api_idle_vm(struct kr_vm *v)
{
	struct kr_vm_watch w = { .ready = idle_ready, .event = idle_event,
				 .gone = idle_gone, .arg = v };

	kr_vm_watch(v, &w);
}

/* ---- start and stop ---------------------------------------------------- */

static void op_end(struct op *o, const struct kr_err *e)
{
	kr_timer_off(&o->patience);
	if (o->vm) {
		o->vm->busy = false;
		kr_api_idle_vm(o->vm);
	}
	kr_api_answer(o->host, o->client,
		      json_pack("{s:s}", "name", o->name), e);
	free(o);
}

/* Its process was killed. The row tells of it only once it is dead. */
static void op_killed(void *arg, bool dead)
{
	struct op *o = arg;
	struct kr_err e = o->why;

	if (!dead) {	/* idle_gone() will see to the row */
		kr_fail(&e, KR_E_HYPER_SLOW, "process %d of %s was killed and "
			"does not end", (int)o->vm->pid, o->name);
		op_end(o, &e);
		return;
	}
	o->vm = NULL;
	if (o->stop)
		set_state(o->host, o->name, KR_VM_STOPPED, "vm-stopped", &e);
	else
		kr_api_vm_died(o->host, o->name);
	op_end(o, e.code ? &e : NULL);
}

/* A start that failed leaves nothing behind. */
static void give_up(struct op *o, const struct kr_err *e)
{
	o->why = *e;
	kr_vm_kill(o->vm, op_killed, o);
}

static void op_ready(void *arg, const struct kr_hyper_ready *r)
{
	struct op *o = arg;
	struct kr_err e = KR_ERR_NONE;

	(void)r;
	if (o->stop)
		return;
	/* the record before the act: a paused VM on record is run later */
	if (set_state(o->host, o->name, KR_VM_RUNNING, "vm-started", &e) ||
	    kr_vm_command(o->vm, KR_HYPER_RUN, &e))
		give_up(o, &e);
}

static void op_done(void *arg, uint16_t command)
{
	struct op *o = arg;

	if (!o->stop && command == KR_HYPER_RUN)
		op_end(o, NULL);
}

static void op_fail(void *arg, uint16_t command, const struct kr_err *e)
{
	struct op *o = arg;

	if (o->stop || !command)
		return;		/* patience kills it, or it is tried anew */
	give_up(o, e);
}

static void op_gone(void *arg, const struct kr_err *e)
{
	struct op *o = arg;
	struct kr_err why = KR_ERR_NONE;

	o->vm = NULL;
	if (o->stop)
		set_state(o->host, o->name, KR_VM_STOPPED, "vm-stopped",
			  &why);
	else if (e->kr == KR_E_HYPER_DIED)
		kr_fail(&why, KR_E_HYPER_DIED, "%.60s: see %.70s/console/"
			"%s.qemu.log", e->what, o->host->lib, o->name);
	else
		why = *e;	/* it had no process yet */
	if (!o->stop)
		kr_api_vm_died(o->host, o->name);
	op_end(o, why.code ? &why : NULL);
}

static void op_impatient(void *arg)
{
	struct op *o = arg;

	kr_vm_kill(o->vm, op_killed, o);
}

static struct op *op_new(struct kr_request *q, const char *name, bool stop)
{
	struct op *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->host = q->host;
	o->client = q->client;
	o->stop = stop;
	snprintf(o->name, sizeof(o->name), "%s", name);
	o->patience = (struct kr_timer){ .fn = op_impatient, .arg = o };
	return o;
}

static struct kr_vm_watch op_watch(struct op *o)
{
	return (struct kr_vm_watch){ .ready = op_ready, .done = op_done,
				     .fail = op_fail, .gone = op_gone,
				     .arg = o };
}

/* The row of a VM that may be operated here. */
static int owned(struct kr_request *q, const char *name, struct kr_vmrow *v,
		 struct kr_err *e)
{
	int r = kr_vmrow_get(q->host->store, name, v, e);
	struct kr_mig *m;
	struct kr_vm *vm;

	if (r)
		return r;
	if (v->state == KR_VM_MOVED)
		return kr_fail(e, KR_E_MOVED, "%s is on %s", name, v->peer);
	if (v->state == KR_VM_RELEASED)
		return kr_fail(e, KR_E_IN_DOUBT, "%s was released to %s",
			       name, v->peer);
	vm = kr_vm_find(q->host, name);
	m = kr_mig_of_vm(q->host, name);
	/* what came here and is lost waits for its receipt alone */
	if (m && !(m->state == KR_T_RAN && m->error.kr == KR_E_VM_LOST))
		return kr_fail(e, KR_E_BUSY, "%s is migrating", name);
	if (vm && (vm->busy || vm->dying))
		return kr_fail(e, KR_E_BUSY, "%s is being started or stopped",
			       name);
	return 0;
}

/* It came here and would not run: its process is there, paused. */
static int resume(struct kr_request *q, struct kr_vm *vm, struct kr_err *e)
{
	struct op *o = op_new(q, vm->def.name, false);
	struct kr_vm_watch w;
	int r;

	if (!o)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	o->vm = vm;
	r = set_state(q->host, vm->def.name, KR_VM_RUNNING, "vm-started", e);
	if (!r)
		r = kr_vm_command(vm, KR_HYPER_RUN, e);
	if (r) {
		free(o);
		return r;
	}
	vm->busy = true;
	w = op_watch(o);
	kr_vm_watch(vm, &w);
	return KR_API_LATER;
}

int kr_api_vm_start(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	static struct kr_vmrow v;
	const char *name = kr_api_text(q, "name", e);
	struct kr_disk_id ids[KR_VMDEF_DISKS_MAX];
	struct kr_vm_watch w;
	struct kr_vmdef def;
	struct kr_vm *vm;
	struct op *o;
	int r = name ? owned(q, name, &v, e) : e->code;

	(void)ret;
	if (r)
		return r;
	vm = kr_vm_find(q->host, name);
	if (v.state == KR_VM_RUNNING || (vm && v.state != KR_VM_LOST))
		return kr_fail(e, KR_E_VM_STATE, "%s runs already", name);
	r = kr_vmdef_parse(name, v.definition, strlen(v.definition), &def, e);
	if (!r)
		r = kr_guard_start(q->host, &def, e);
	if (!r)
		r = kr_disks_identify(q->host, &def, ids, e);
	if (r)
		return r;
	if (vm)
		return resume(q, vm, e);
	if (def.accel == KR_VMDEF_KVM) {
		r = kr_host_kvm_works(q->host, e);
		if (r)
			return r;
	}
	o = op_new(q, name, false);
	if (!o)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	w = op_watch(o);
	r = kr_vm_spawn(q->host, &def, KR_HYPER_FRESH, &w, &o->vm, e);
	if (r)
		free(o);
	else
		o->vm->busy = true;
	return r ? r : KR_API_LATER;
}

int kr_api_vm_stop(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	static struct kr_vmrow v;
	const char *name = kr_api_text(q, "name", e);
	bool force = json_is_true(json_object_get(q->params, "force"));
	struct kr_vm_watch w;
	struct kr_vm *vm;
	struct op *o;
	int r;

	(void)ret;
	if (!name)
		return e->code;
	if (force && kr_postcopy_give_up(kr_mig_of_vm(q->host, name), q->user))
		return 0;
	r = owned(q, name, &v, e);
	if (r)
		return r;
	vm = kr_vm_find(q->host, name);
	if (!vm)
		return kr_fail(e, KR_E_VM_STATE, "%s does not run", name);
	o = op_new(q, name, true);
	if (!o)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	o->vm = vm;
	vm->busy = true;
	w = op_watch(o);
	kr_vm_watch(vm, &w);
	kr_timer_arm(q->host->loop, &o->patience,
		     force || !vm->ready ? 0 : STOP_MS);
	if (!force && vm->ready)
		kr_vm_command(vm, KR_HYPER_END, NULL);
	return KR_API_LATER;
}

/* ---- definitions ------------------------------------------------------- */

/* The definition that the row has; all 0 if none. */
static struct kr_vmdef defined(const struct kr_vmrow *v)
{
	struct kr_vmdef d = { 0 };

	kr_vmdef_parse(v->name, v->definition, strlen(v->definition), &d,
		       NULL);
	return d;
}

/* Number it: what changed anything is the next revision. A file that has a
 * number was made from that one, which has to be the newest. */
static int number(struct kr_vmdef *d, const struct kr_vmdef *before,
		  struct kr_err *e)
{
	struct kr_vmdef same = *d;
	char was[KR_VMDEF_TEXT_MAX], is[KR_VMDEF_TEXT_MAX];

	if (!before->name[0]) {
		d->revision = d->revision ?: 1;
		return 0;
	}
	if (d->revision && d->revision != before->revision)
		return kr_fail(e, KR_E_STALE_REVISION, "%s: made from revision "
			       "%u, %u is here", d->name, d->revision,
			       before->revision);
	if (before->revision == KR_VMDEF_REVISION_MAX)
		return kr_fail(e, KR_E_LIMIT, "%s has no revision after %u",
			       d->name, KR_VMDEF_REVISION_MAX);
	same.revision = before->revision;
	kr_vmdef_print(before, was);
	kr_vmdef_print(&same, is);
	d->revision = before->revision + (before->revision && !strcmp(was, is) ?
					  0 : 1);
	return 0;
}

int kr_api_vm_define(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	static struct kr_vmrow v;
	/* an empty one is the parser's to refuse: it knows what is needed */
	const char *text = json_string_value(json_object_get(q->params,
							     "text"));
	const char *file = kr_api_opt(q, "file", "definition");
	struct kr_err none = KR_ERR_NONE;
	KR_AUTOFREE struct kr_probe *p = NULL;
	struct kr_disk_id ids[KR_VMDEF_DISKS_MAX];
	struct kr_vmdef def, before = { 0 };
	char hex[65];
	json_t *d;
	int r;

	if (!text)
		return kr_fail(e, KR_E_USAGE, "text is missing");
	r = kr_vmdef_parse(file, text, strlen(text), &def, e);
	if (!r)
		r = kr_host_probe(q->host, &p, e);
	if (!r)
		r = kr_probe_resolve(p, &def, e);
	if (!r)
		r = kr_probe_fits(p, &def, e);
	if (!r)
		r = kr_disks_identify(q->host, &def, ids, e);
	if (r)
		return r;
	if (!kr_vmrow_get(q->host->store, def.name, &v, &none)) {
		r = owned(q, def.name, &v, e);
		if (r)
			return r;
		if (v.state == KR_VM_RUNNING)
			return kr_fail(e, KR_E_VM_STATE, "%s runs: stop it "
				       "before changing it", def.name);
		before = defined(&v);
	} else {
		memset(&v, 0, sizeof(v));
		v.epoch = 1;
	}
	r = number(&def, &before, e);
	if (!r)
		r = kr_guard_define(q, before.name[0] ? &before : NULL, &def,
				    e);
	if (r)
		return r;
	snprintf(v.name, sizeof(v.name), "%s", def.name);
	kr_vmdef_print(&def, v.definition);
	v.state = KR_VM_STOPPED;
	v.updated_ms = kr_wall_ms();
	r = kr_vmdef_digest(&def, v.digest, e);
	if (!r)
		r = kr_vmrow_put(q->host->store, &v, e);
	if (!r)
		r = kr_files_keep(q->host, &def, e);
	if (r)
		return r;
	kr_hex(v.digest, 32, hex);
	d = json_pack("{s:s, s:s, s:i, s:s, s:s}", "vm", v.name, "tenant",
		      def.tenant, "revision", (int)def.revision, "sha256", hex,
		      "by", q->user);
	r = kr_host_record(q->host, "vm-defined", d, e);
	json_decref(d);
	*ret = json_pack("{s:s, s:i, s:s}", "name", v.name, "revision",
			 (int)def.revision, "digest", hex);
	return r;
}

int kr_api_vm_remove(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	static struct kr_vmrow v;
	const char *name = kr_api_text(q, "name", e);
	char tenant[KR_SIGHT_TENANT_BYTES];
	struct kr_vmdef def;
	json_t *d;
	int r = name ? owned(q, name, &v, e) : e->code;

	(void)ret;
	if (r)
		return r;
	if (kr_vm_find(q->host, name) || v.state == KR_VM_RUNNING)
		return kr_fail(e, KR_E_VM_STATE, "%s runs: stop it first",
			       name);
	def = defined(&v);
	r = kr_guard_remove(q->host, &def, e);
	if (!r)
		r = kr_vtpm_wipe(q->host, name, e);
	if (!r)
		r = kr_vmrow_del(q->host->store, name, e);
	if (!r)
		r = kr_files_leave(q->host, name, e);
	if (r)
		return r;
	d = json_pack("{s:s, s:s, s:s}", "vm", name, "tenant",
		      kr_sight_tenant(&v, tenant), "by", q->user);
	r = kr_host_record(q->host, "vm-removed", d, e);
	json_decref(d);
	return r;
}

/* ---- listings ---------------------------------------------------------- */

/* NULL if it has none. */
static json_t *tpm_json(struct kr_host *h, const struct kr_vmdef *d,
			const struct kr_vm *vm)
{
	return !d->tpm ? NULL :
	       json_pack("{s:s, s:s, s:b}", "version",
			 kr_vmdef_tpm_name(d->tpm), "key",
			 kr_vtpmkept_name(kr_vtpmkey_kept(h, d->name)),
			 "runs", vm && vm->tpm.pid);
}

static json_t *vm_json(struct kr_host *h, const struct kr_vmrow *v)
{
	struct kr_vmdef d = defined(v);
	struct kr_vm *vm = kr_vm_find(h, v->name);
	char hex[65];

	kr_hex(v->digest, 32, hex);
	return json_pack("{s:s, s:s, s:I, s:i, s:i, s:i, s:s?, s:s, s:o, "
			 "s:o*}",
			 "name", v->name, "state",
			 kr_vmrow_state_name(v->state), "epoch",
			 (json_int_t)v->epoch, "revision", (int)d.revision,
			 "memory_mb", (int)d.memory_mb,
			 "vcpus", (int)d.vcpus, "peer",
			 v->peer[0] ? v->peer : NULL, "digest", hex, "pid",
			 vm && vm->pid ? json_integer(vm->pid) : json_null(),
			 "tpm", tpm_json(h, &d, vm));
}

struct list { struct kr_request *q; json_t *a; };

static int add_vm(void *arg, const struct kr_vmrow *v, struct kr_err *e)
{
	struct list *l = arg;
	char tenant[KR_SIGHT_TENANT_BYTES];

	(void)e;
	if (!kr_sight_vm(l->q, v->name, kr_sight_tenant(v, tenant)))
		return 0;
	return json_array_append_new(l->a, vm_json(l->q->host, v));
}

int kr_api_vm_list(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	struct list l = { q, json_array() };

	*ret = json_pack("{s:o}", "vms", l.a);
	return kr_vmrow_each(q->host->store, add_vm, &l, e);
}

int kr_api_vm_show(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	static struct kr_vmrow v;
	const char *name = kr_api_text(q, "name", e);
	int r = name ? kr_vmrow_get(q->host->store, name, &v, e) : e->code;

	if (r)
		return r;
	*ret = vm_json(q->host, &v);
	return json_object_set_new(*ret, "definition",
				   json_string(v.definition));
}
