/* SPDX-License-Identifier: Apache-2.0 */
/* firewall.c - see firewall.h. Runs in kororad. */
#include "daemon/firewall.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "context/fwmsg.h"
#include "daemon/spawn.h"

/* What the agent was told and has not answered yet. */
struct kr_fworder {
	struct kr_fworder *next;
	enum kr_fwmsg	   what;
	char		   vm[KR_VMDEF_NAME_MAX + 1];
	struct kr_vm	  *of;		/* who waits; NULL: nobody */
	void		 (*done)(struct kr_vm *v, const struct kr_err *why);
};

/* ---- the note that there may be rules ---------------------------------- */

static void note_path(const struct kr_host *h, const char *vm, char *out,
		      size_t size)
{
	snprintf(out, size, "%s/firewall%s%s", h->run, *vm ? "/" : "", vm);
}

static int note(const struct kr_host *h, const char *vm, struct kr_err *e)
{
	char path[PATH_MAX];
	int r;

	note_path(h, "", path, sizeof(path));
	r = kr_mkdirs(path, 0700);
	note_path(h, vm, path, sizeof(path));
	if (!r)
		r = kr_write_file(path, "", 0, 0600);
	return r ? kr_fail(e, KR_E_SYSTEM, "%s: %s", path, strerror(-r)) : 0;
}

static bool noted(const struct kr_host *h, const char *vm)
{
	char path[PATH_MAX];

	note_path(h, vm, path, sizeof(path));
	return !access(path, F_OK);
}

static void unnote(const struct kr_host *h, const char *vm)
{
	char path[PATH_MAX];

	note_path(h, vm, path, sizeof(path));
	unlink(path);
}

/* ---- orders and answers ------------------------------------------------ */

static void finish(struct kr_host *h, struct kr_fworder *o,
		   const struct kr_err *why)
{
	if (o->what == KR_FWMSG_UNLOAD && !why)
		unnote(h, o->vm);
	if (o->of)
		o->done(o->of, why);
	else if (why)
		kr_log_err(KR_LOG_WARN, o->vm, why);
	free(o);
}

/* The first order is over. Without others the agent is not needed any more. */
static void over(struct kr_host *h, const struct kr_err *why)
{
	struct kr_fworder *o = h->fworders;

	h->fworders = o->next;
	if (!h->fworders)
		kr_chan_close(&h->fwagent);
	finish(h, o, why);
}

static int on_done(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		   struct kr_err *e)
{
	struct kr_host *h = arg;

	(void)fds, (void)n_fds;
	if (!kr_rd_done(r) || !h->fworders)
		return kr_fail(e, KR_E_AGENT_SPOKE, "done without an order");
	over(h, NULL);
	return 0;
}

static int on_fail(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		   struct kr_err *e)
{
	struct kr_host *h = arg;
	enum kr_code kr = kr_rd_u16(r);
	struct kr_err why = KR_ERR_NONE;
	char what[sizeof(why.what)];

	(void)fds, (void)n_fds;
	kr_rd_str(r, what, sizeof(what));
	if (!kr_rd_done(r) || !kr || !kr_code_find(kr) || !h->fworders)
		return kr_fail(e, KR_E_AGENT_SPOKE, "malformed failure");
	kr_fail(&why, kr, "firewall of %s: %.120s", h->fworders->vm, what);
	over(h, &why);
	return 0;
}

/* It died, and carries out none of the orders that there are; what comes of
 * that is for the next agent. */
static void on_gone(void *arg, const struct kr_err *e)
{
	struct kr_host *h = arg;
	struct kr_fworder *o = h->fworders;

	h->fworders = NULL;
	kr_chan_close(&h->fwagent);
	while (o) {
		struct kr_fworder *next = o->next;

		finish(h, o, e);
		o = next;
	}
}

static const struct kr_grant grants[] = {
	{ KR_FWMSG_DONE, 0, 0, "done", on_done },
	{ KR_FWMSG_FAIL, KR_FWMSG_BODY_MAX, 0, "fail", on_fail },
};

static int start_agent(struct kr_host *h, struct kr_err *e)
{
	pid_t pid;

	h->fwagent = (struct kr_chan){
		.io.fd = -1, .grants = grants, .gone = on_gone, .arg = h,
		.n_grants = sizeof(grants) / sizeof(grants[0]),
	};
	return kr_spawn_agent(h, "korora-context", &h->fwagent, &pid, e);
}

static int order(struct kr_host *h, enum kr_fwmsg what, const char *vm,
		 const struct kr_wr *w, struct kr_fworder **ret,
		 struct kr_err *e)
{
	struct kr_fworder *o = calloc(1, sizeof(*o)), **p = &h->fworders;
	int r = o ? 0 : kr_fail(e, KR_E_SYSTEM, "out of memory");

	if (!r && !h->fworders)
		r = start_agent(h, e);
	if (!r)
		r = kr_chan_put(&h->fwagent, (uint16_t)what, w, e);
	if (r) {
		if (!h->fworders)
			kr_chan_close(&h->fwagent);
		free(o);
		return r;
	}
	o->what = what;
	snprintf(o->vm, sizeof(o->vm), "%s", vm);
	while (*p)
		p = &(*p)->next;
	*p = o;
	if (ret)
		*ret = o;
	return 0;
}

static int named(struct kr_host *h, enum kr_fwmsg what, const char *vm,
		 struct kr_fworder **ret, struct kr_err *e)
{
	uint8_t buf[KR_VMDEF_NAME_MAX + 3];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	kr_wr_str(&w, vm);
	return order(h, what, vm, &w, ret, e);
}

/* ---- what vm.c asks for ------------------------------------------------ */

/* The number that the kernel gave to krtN is nobody else's meanwhile. */
static int zone_of(const char *tap, uint16_t *ret, struct kr_err *e)
{
	unsigned long n = strtoul(tap + strlen("krt"), NULL, 10);

	if (n > UINT16_MAX - KR_FIREWALL_ZONE_FIRST)
		return kr_fail(e, KR_E_LIMIT, "%s: no zone of connection "
			       "tracking is left for it", tap);
	*ret = (uint16_t)(KR_FIREWALL_ZONE_FIRST + n);
	return 0;
}

int kr_firewall_load(struct kr_vm *v, bool asleep,
		     void (*done)(struct kr_vm *v, const struct kr_err *why),
		     struct kr_err *e)
{
	static struct kr_fwload l;
	static uint8_t buf[KR_FWMSG_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_fworder *o;
	int r;

	l = (struct kr_fwload){ .asleep = asleep, .n_nics = v->def.n_nics,
				.rules = v->def.rules };
	strcpy(l.vm, v->def.name);
	for (uint32_t i = 0; i < l.n_nics; i++) {
		const struct kr_vmdef_nic *n = &v->def.nics[i];

		strcpy(l.nics[i].name, n->name);
		strcpy(l.nics[i].mac, n->mac);
		strcpy(l.nics[i].tap, v->taps[i]);
		snprintf(l.nics[i].bridge, sizeof(l.nics[i].bridge), "%s",
			 kr_config_network(&v->host->cfg, n->network));
	}
	r = zone_of(v->taps[0], &l.zone, e);
	if (!r)
		r = note(v->host, l.vm, e);
	kr_fwload_put(&w, &l);
	if (!r)
		r = order(v->host, KR_FWMSG_LOAD, l.vm, &w, &o, e);
	if (r)
		return r;
	o->of = v;
	o->done = done;
	return 0;
}

int kr_firewall_wake(struct kr_vm *v,
		     void (*done)(struct kr_vm *v, const struct kr_err *why),
		     struct kr_err *e)
{
	struct kr_fworder *o;
	int r = named(v->host, KR_FWMSG_WAKE, v->def.name, &o, e);

	if (r)
		return r;
	o->of = v;
	o->done = done;
	return 0;
}

void kr_firewall_forget(struct kr_vm *v)
{
	for (struct kr_fworder *o = v->host->fworders; o; o = o->next)
		if (o->of == v)
			o->of = NULL;
}

void kr_firewall_unload(struct kr_host *h, const char *vm)
{
	struct kr_err e = KR_ERR_NONE;

	if (noted(h, vm) && named(h, KR_FWMSG_UNLOAD, vm, NULL, &e))
		kr_log_err(KR_LOG_ERROR, vm, &e);
}

void kr_firewall_tidy(struct kr_host *h)
{
	char path[PATH_MAX];
	struct dirent *f;
	DIR *d;

	note_path(h, "", path, sizeof(path));
	d = opendir(path);
	while (d && (f = readdir(d)))
		if (kr_vmdef_name_ok(f->d_name) && !kr_vm_find(h, f->d_name))
			kr_firewall_unload(h, f->d_name);
	if (d)
		closedir(d);
}

void kr_firewall_fini(struct kr_host *h)
{
	if (h->fworders)
		kr_chan_close(&h->fwagent);
	while (h->fworders) {
		struct kr_fworder *o = h->fworders;

		h->fworders = o->next;
		free(o);
	}
}

/* ---- can this host do it? ---------------------------------------------- */

static bool is_on(const char *path)
{
	KR_AUTOFREE char *text = NULL;

	return !kr_read_file(path, 16, &text, NULL) && text[0] == '1';
}

int kr_firewall_bridge(const char *bridge, struct kr_err *e)
{
	static const char *const what[] = { "iptables", "ip6tables" };

	for (unsigned int i = 0; i < 2; i++) {
		char all[96], own[128];

		snprintf(all, sizeof(all), "/proc/sys/net/bridge/"
			 "bridge-nf-call-%s", what[i]);
		snprintf(own, sizeof(own), "/sys/class/net/%.32s/bridge/"
			 "nf_call_%s", bridge, what[i]);
		if (is_on(all) || is_on(own))
			continue;
		return kr_fail(e, KR_E_FW_HOST, "bridge %s: %s", bridge,
			       access("/proc/sys/net/bridge", F_OK) ?
			       "br_netfilter is not loaded" :
			       i ? "bridge-nf-call-ip6tables is off" :
				   "bridge-nf-call-iptables is off");
	}
	return 0;
}

int kr_firewall_fits(const struct kr_host *h, const struct kr_vmdef *d,
		     struct kr_err *e)
{
	for (uint32_t i = 0; d->firewall && i < d->n_nics; i++) {
		const char *bridge = kr_config_network(&h->cfg,
						       d->nics[i].network);
		int r = bridge ? kr_firewall_bridge(bridge, e) : 0;

		if (r)
			return r;
	}
	return 0;
}

void kr_firewall_note(const struct kr_host *h, char *out, size_t size)
{
	struct kr_err e = KR_ERR_NONE;

	for (unsigned int i = 0; i < h->cfg.n_networks && !e.code; i++)
		kr_firewall_bridge(h->cfg.networks[i].value, &e);
	snprintf(out, size, "%s%s%s", e.code ? "no firewall of a VM: " :
		 "filtered by br_netfilter", e.what,
		 is_on("/proc/sys/net/netfilter/nf_conntrack_events") ? "" :
		 "; nf_conntrack_events is not 1");
}
