/* SPDX-License-Identifier: Apache-2.0 */
/* preflight.c - the checks before anything is started. Runs in kororad. */
#include "daemon/preflight.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/disks.h"
#include "daemon/firewall.h"
#include "daemon/guard.h"
#include "daemon/migration.h"
#include "daemon/vtpmmove.h"
#include "policy/book.h"
#include "store/vmrow.h"

#define SPARE_KB	(64u << 10)	/* left to the host beside the VM */
#define INCOMING_MAX	16u	/* migrations to this host at a time */
#define ROOM_MB		64u		/* for receipts, log and store */

struct ctx {
	struct kr_host	       *h;
	const struct kr_offer  *o;	/* NULL: the host itself */
	struct kr_probe	       *probe;
	char			note[KR_TEXT_BYTES_MAX]; /* when all is well */
};

static int check_hypervisor(struct ctx *c, struct kr_err *e)
{
	int r = kr_host_probe(c->h, &c->probe, e);

	if (!r)
		snprintf(c->note, sizeof(c->note), "QEMU %u.%u.%u",
			 c->probe->major, c->probe->minor, c->probe->micro);
	return r;
}

static int check_version(struct ctx *c, struct kr_err *e)
{
	uint32_t major = c->o->hyper_version >> 16;
	uint32_t minor = c->o->hyper_version >> 8 & 255;

	if (!c->probe)
		return kr_fail(e, KR_E_NO_QEMU, "not probed");
	if (kr_probe_version_cmp(c->probe, major, minor) < 0)
		return kr_fail(e, KR_E_OLD_QEMU, "here %u.%u, there %u.%u",
			       c->probe->major, c->probe->minor, major, minor);
	snprintf(c->note, sizeof(c->note), "not older than the source's %u.%u",
		 major, minor);
	return 0;
}

static int check_machine(struct ctx *c, struct kr_err *e)
{
	const struct kr_vmdef *d = &c->o->def;

	if (!c->probe)
		return kr_fail(e, KR_E_NO_QEMU, "not probed");
	snprintf(c->note, sizeof(c->note), "%s, CPU %s, %s", d->machine,
		 d->cpu, kr_vmdef_accel_name(d->accel));
	return kr_probe_fits(c->probe, d, e);
}

static int check_accel(struct ctx *c, struct kr_err *e)
{
	if (c->o->def.accel != KR_VMDEF_KVM)
		return 0;
	return kr_host_kvm_works(c->h, e);
}

static int is_bridge(const struct ctx *c, const char *net, const char *br,
		     struct kr_err *e)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/net/%.32s/bridge", br);
	if (if_nametoindex(br) && !access(path, F_OK))
		return 0;
	return kr_fail(e, KR_E_NO_NETWORK, "%s (for network %s) is no bridge "
		       "of %s", br, net, kr_identity_name(c->h->identity));
}

static int check_network(struct ctx *c, struct kr_err *e)
{
	for (unsigned int i = 0; i < c->o->def.n_nics; i++) {
		const char *net = c->o->def.nics[i].network;
		const char *br = kr_config_network(&c->h->cfg, net);
		int r;

		if (!br)
			return kr_fail(e, KR_E_NO_NETWORK,
				       "network %s is not mapped on %s", net,
				       kr_identity_name(c->h->identity));
		r = is_bridge(c, net, br, e);
		if (r)
			return r;
	}
	return kr_firewall_fits(c->h, &c->o->def, e);
}

static int check_storage(struct ctx *c, struct kr_err *e)
{
	struct kr_disk_id here[KR_VMDEF_DISKS_MAX] = { 0 };
	const struct kr_vmdef *d = &c->o->def;
	const char *const files[] = { d->kernel, d->initrd };
	char path[PATH_MAX];
	int r = kr_disks_identify(c->h, d, here, e);

	for (unsigned int i = 0; !r && i < 2; i++) {
		if (!files[i][0])
			continue;
		r = kr_disks_path(c->h, files[i], path, sizeof(path), e);
		if (!r && access(path, R_OK))
			r = kr_fail(e, KR_E_NO_STORAGE, "%s on %s: %s",
				    files[i],
				    kr_identity_name(c->h->identity),
				    strerror(errno));
	}
	for (unsigned int i = 0; !r && i < d->n_disks; i++)
		if (memcmp(&here[i], &c->o->disks[i], sizeof(here[i])))
			r = kr_fail(e, KR_E_DISK_DIFFERS,
				    "disk %s (%s) is not the same file on %s",
				    d->disks[i].name, d->disks[i].file,
				    kr_identity_name(c->h->identity));
	return r;
}

static int check_memory(struct ctx *c, struct kr_err *e)
{
	uint64_t need = ((uint64_t)c->o->def.memory_mb << 10) + SPARE_KB;
	KR_AUTOFREE char *text = NULL;
	char *at;
	uint64_t have;

	if (kr_read_file("/proc/meminfo", 16384, &text, NULL))
		return kr_fail(e, KR_E_SYSTEM, "/proc/meminfo: not readable");
	at = strstr(text, "MemAvailable:");
	have = at ? strtoull(at + 13, NULL, 10) : 0;
	if (have < need)
		return kr_fail(e, KR_E_NO_MEMORY,
			       "%s has %llu MiB available, %llu are needed",
			       kr_identity_name(c->h->identity),
			       (unsigned long long)(have >> 10),
			       (unsigned long long)(need >> 10));
	snprintf(c->note, sizeof(c->note), "%llu MiB available",
		 (unsigned long long)(have >> 10));
	return 0;
}

/* A number stands for one text, and never goes back. */
static bool is_older(const struct kr_vmdef *d, const struct kr_vmrow *v)
{
	struct kr_vmdef was = { 0 };
	char text[KR_VMDEF_TEXT_MAX];

	kr_vmdef_print(d, text);
	kr_vmdef_parse(v->name, v->definition, strlen(v->definition), &was,
		       NULL);
	return d->revision < was.revision ||
	       (was.revision && d->revision == was.revision &&
		strcmp(text, v->definition) != 0);
}

/* Not here already, not older than what was here, not on its way. */
static int check_right(struct ctx *c, struct kr_err *e)
{
	static struct kr_vmrow v;
	struct kr_err none = KR_ERR_NONE;
	const char *name = c->o->def.name;
	unsigned int n = 0;

	if (kr_mig_of_vm(c->h, name))
		return kr_fail(e, KR_E_BUSY, "%s is migrating already", name);
	for (struct kr_mig *m = c->h->migs; m; m = m->next)
		n += !m->finished && kr_state_side(m->state) == KR_TARGET;
	if (n >= INCOMING_MAX)
		return kr_fail(e, KR_E_LIMIT, "%u VMs are on their way to %s",
			       n, kr_identity_name(c->h->identity));
	if (kr_vmrow_get(c->h->store, name, &v, &none))
		return none.kr == KR_E_NO_VM ? 0 :
		       kr_fail(e, none.kr, "%s", none.what);
	if (v.state != KR_VM_MOVED)
		return kr_fail(e, KR_E_VM_THERE, "%s is %s on %s", name,
			       kr_vmrow_state_name(v.state),
			       kr_identity_name(c->h->identity));
	if (is_older(&c->o->def, &v))
		return kr_fail(e, KR_E_STALE_REVISION, "%s: revision %u of its "
			       "definition is offered, and another, or a later "
			       "one, was here", name, c->o->def.revision);
	if (c->o->terms.epoch <= v.epoch)
		return kr_fail(e, KR_E_STALE_EPOCH,
			       "%s: epoch %llu offered, %llu was here", name,
			       (unsigned long long)c->o->terms.epoch,
			       (unsigned long long)v.epoch);
	return 0;
}

static void note_policy(struct ctx *c)
{
	snprintf(c->note, sizeof(c->note), "%s, version %u",
		 c->h->book->name, c->h->book->version);
}

/* May the source's host bring it here? */
static int check_policy(struct ctx *c, struct kr_err *e)
{
	note_policy(c);
	return kr_guard_offer(c->h, &c->o->terms, &c->o->def, e);
}

/* May it go from here to there? */
static int check_own_policy(struct ctx *c, struct kr_err *e)
{
	note_policy(c);
	return kr_guard_send(c->h, &c->o->terms, &c->o->def, e);
}

/* With its strategy, if that is known. */
static int check_own_tpm(struct ctx *c, struct kr_err *e)
{
	enum kr_strategy s = kr_strategy_find(c->o->terms.strategy);

	return s == KR_STRATEGY_N ? 0 : kr_vtpmmove_may(&c->o->def, s, e);
}

static int check_tpm(struct ctx *c, struct kr_err *e)
{
	int r = !c->o->def.tpm ? 0 : kr_vtpmmove_host(c->h, e);

	return r ? r : check_own_tpm(c, e);
}

static int check_room(struct ctx *c, struct kr_err *e)
{
	struct statvfs f;
	uint64_t mb;

	if (statvfs(c->h->lib, &f))
		return kr_fail(e, KR_E_STORE, "%s: %s", c->h->lib,
			       strerror(errno));
	mb = (uint64_t)f.f_bavail * f.f_frsize >> 20;
	if (mb < ROOM_MB)
		return kr_fail(e, KR_E_STORE, "%s: %llu MiB free", c->h->lib,
			       (unsigned long long)mb);
	return 0;
}

static int check_log(struct ctx *c, struct kr_err *e)
{
	uint64_t size;
	uint8_t root[32];

	(void)e;
	kr_ledger_head(c->h->ledger, &size, root);
	snprintf(c->note, sizeof(c->note), "%llu entries",
		 (unsigned long long)size);
	return 0;
}

/* What korora.conf maps has to be there, whether a VM needs it now or not. */
static int check_storages(struct ctx *c, struct kr_err *e)
{
	for (unsigned int i = 0; i < c->h->cfg.n_storages; i++) {
		const struct kr_map *s = &c->h->cfg.storages[i];
		struct stat st;

		if (stat(s->value, &st))
			return kr_fail(e, KR_E_NO_STORAGE,
				       "[storage] %s = %s: %s", s->name,
				       s->value, strerror(errno));
		if (!S_ISDIR(st.st_mode))
			return kr_fail(e, KR_E_NO_STORAGE, "[storage] %s = %s: "
				       "not a folder", s->name, s->value);
	}
	snprintf(c->note, sizeof(c->note), "%u mapped", c->h->cfg.n_storages);
	return 0;
}

static int check_networks(struct ctx *c, struct kr_err *e)
{
	char note[KR_TEXT_BYTES_MAX - 32] = "";

	for (unsigned int i = 0; i < c->h->cfg.n_networks; i++) {
		const struct kr_map *n = &c->h->cfg.networks[i];
		int r = is_bridge(c, n->name, n->value, e);

		if (r)
			return r;
	}
	if (c->h->cfg.n_networks && access("/dev/net/tun", R_OK | W_OK))
		return kr_fail(e, KR_E_NO_NETWORK, "/dev/net/tun: %s",
			       strerror(errno));
	if (c->h->cfg.n_networks)
		kr_firewall_note(c->h, note, sizeof(note));
	snprintf(c->note, sizeof(c->note), "%u mapped%s%s",
		 c->h->cfg.n_networks, note[0] ? ", " : "", note);
	return 0;
}

static int check_unfinished(struct ctx *c, struct kr_err *e)
{
	for (struct kr_mig *m = c->h->migs; m; m = m->next)
		if (!m->finished && !m->link &&
		    !kr_state_before_return(m->state))
			return kr_fail(e, KR_E_IN_DOUBT, "%s waits for %s "
				       "in phase %s", m->terms.vm, m->peer,
				       kr_state_phase(m->state));
	return 0;
}

static int find_lost(void *arg, const struct kr_vmrow *v, struct kr_err *e)
{
	struct ctx *c = arg;
	struct kr_vm *vm = kr_vm_find(c->h, v->name);

	if (v->state == KR_VM_LOST || (v->state == KR_VM_RUNNING && !vm))
		return kr_fail(e, KR_E_VM_LOST, "%s is on record here and has "
			       "no running process", v->name);
	if (v->state == KR_VM_RUNNING && !vm->ready)
		return kr_fail(e, KR_E_QMP_LOST, "%s runs here and its "
			       "hypervisor cannot be reached", v->name);
	return 0;
}

static int check_vms(struct ctx *c, struct kr_err *e)
{
	return kr_vmrow_each(c->h->store, find_lost, c, e);
}

static int check_vm(struct ctx *c, struct kr_err *e)
{
	static struct kr_vmrow v;
	int r = kr_vmrow_get(c->h->store, c->o->def.name, &v, e);

	return r ? r : find_lost(c, &v, e);
}

static int check_agents(struct ctx *c, struct kr_err *e)
{
	static const char *const names[] = {
		"korora-context", "korora-link", "korora-lookup",
		"korora-plane", "korora-qmp", "korora-vtpm", "korora-wipe",
	};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", c->h->libexec, names[i]);
		if (access(path, X_OK))
			return kr_fail(e, KR_E_SYSTEM, "%s: %s", path,
				       strerror(errno));
	}
	return 0;
}

struct check {
	const char *name;
	int (*fn)(struct ctx *c, struct kr_err *e);
};

/* What keeps the keys of VMs' TPMs. */
static int check_vtpm(struct ctx *c, struct kr_err *e)
{
	(void)e;
	snprintf(c->note, sizeof(c->note), "%s",
		 kr_tpmasked_configured(c->h) ?
		 "their keys are sealed to this host's TPM" :
		 c->h->cfg.vtpm_unsealed ? "their keys lie in files" :
		 "none: this host has no TPM to keep a key");
	return 0;
}

static const struct check for_host[] = {
	{ "agents",	check_agents },
	{ "hypervisor",	check_hypervisor },
	{ "storage",	check_storages },
	{ "network",	check_networks },
	{ "VMs",	check_vms },
	{ "VMs' TPMs",	check_vtpm },
	{ "migrations",	check_unfinished },
	{ "room for evidence", check_room },
	{ "evidence log", check_log },
};

static const struct check for_source[] = {
	{ "agents",	check_agents },
	{ "hypervisor",	check_hypervisor },
	{ "VM",		check_vm },
	{ "policy",	check_own_policy },
	{ "TPM",	check_own_tpm },
	{ "room for evidence", check_room },
	{ "evidence log", check_log },
};

static const struct check for_offer[] = {
	{ "right to the VM", check_right },
	{ "policy",	check_policy },
	{ "TPM",	check_tpm },
	{ "hypervisor",	check_hypervisor },
	{ "hypervisor version", check_version },
	{ "machine and CPU", check_machine },
	{ "accelerator", check_accel },
	{ "storage",	check_storage },
	{ "network",	check_network },
	{ "memory",	check_memory },
	{ "room for evidence", check_room },
};

static int run(struct ctx *c, const struct check *checks, unsigned int n,
	       struct kr_checks *ret, struct kr_err *e)
{
	ret->n = 0;
	for (unsigned int i = 0; i < n; i++) {
		struct kr_check *k = &ret->c[ret->n++];
		struct kr_err why = KR_ERR_NONE;

		c->note[0] = '\0';
		memset(k, 0, sizeof(*k));
		snprintf(k->name, sizeof(k->name), "%s", checks[i].name);
		k->ok = checks[i].fn(c, &why) >= 0;
		k->kr = (uint16_t)why.kr;
		snprintf(k->message, sizeof(k->message), "%.*s",
			 (int)sizeof(k->message) - 1,
			 k->ok ? c->note : why.what);
		if (!k->ok && e && !e->code)
			*e = why;
	}
	free(c->probe);
	return e ? e->code : 0;
}

int kr_preflight_offer(struct kr_host *h, const struct kr_offer *o,
		       struct kr_checks *ret_c, struct kr_err *e)
{
	struct ctx c = { .h = h, .o = o };

	return run(&c, for_offer, sizeof(for_offer) / sizeof(for_offer[0]),
		   ret_c, e);
}

int kr_preflight_source(struct kr_host *h, const struct kr_offer *o,
			struct kr_checks *ret_c, struct kr_err *e)
{
	struct ctx c = { .h = h, .o = o };

	return run(&c, for_source, sizeof(for_source) / sizeof(for_source[0]),
		   ret_c, e);
}

int kr_preflight_host(struct kr_host *h, struct kr_checks *ret_c,
		      struct kr_err *e)
{
	struct ctx c = { .h = h };

	return run(&c, for_host, sizeof(for_host) / sizeof(for_host[0]), ret_c,
		   e);
}
