/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vmtalk.c - what a hypervisor and kororad say to each other, through its
 * agent: attached when its control socket is there, and anew if it dies. Runs
 * in kororad.
 */
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/firewall.h"
#include "daemon/guard.h"
#include "daemon/spawn.h"
#include "daemon/vm.h"
#include "hyper/qemuargs.h"

#define RETRY_MS	5u
#define TRIES_MAX	2000u	/* 10 s until the control socket answers */

/* ---- what the agent says ----------------------------------------------- */

/* Of one that has ended, only events are news: they tell why. */

void kr_vm_tell_ready(struct kr_vm *v)
{
	if (!v->spoke || v->guard == KR_VM_LOADING)
		return;
	v->ready = true;
	if (v->watch.ready)
		v->watch.ready(v->watch.arg, &v->at_ready);
}

static int on_ready(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		    struct kr_err *e)
{
	struct kr_vm *v = arg;
	int rc = kr_hyper_msg_ready(r, &v->at_ready, e);

	(void)fds;
	(void)n_fds;
	if (rc || v->ended)
		return rc;
	v->spoke = true;
	kr_vm_tell_ready(v);
	return 0;
}

/* By now it has state: a new one, or what came with a VM that is this host's. */
static void tpm_began(struct kr_vm *v)
{
	struct kr_err e = KR_ERR_NONE;

	if (kr_vtpmkey_began(v->host, v->def.name, &e))
		kr_log_err(KR_LOG_ERROR, v->def.name, &e);
}

static int on_done(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		   struct kr_err *e)
{
	struct kr_vm *v = arg;
	struct kr_hyper_done m;
	int rc = kr_hyper_msg_done(r, &m, e);

	(void)fds;
	(void)n_fds;
	if (!rc && v->def.tpm && m.command == KR_HYPER_RUN)
		tpm_began(v);
	if (!rc && !v->ended && v->watch.done)
		v->watch.done(v->watch.arg, m.command);
	return rc;
}

static int on_fail(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		   struct kr_err *e)
{
	struct kr_vm *v = arg;
	struct kr_hyper_fail m;
	struct kr_err why = KR_ERR_NONE;
	int rc = kr_hyper_msg_fail(r, &m, e);

	(void)fds;
	(void)n_fds;
	if (rc || v->ended)
		return rc;
	kr_fail(&why, (enum kr_code)m.kr, "%s: %.180s", v->def.name, m.what);
	if (v->watch.fail)
		v->watch.fail(v->watch.arg, m.command, &why);
	else
		kr_log_err(KR_LOG_WARN, "hypervisor", &why);
	/* its main loop may wait for a page that is still to come */
	if (m.command == KR_HYPER_OPEN && m.kr == KR_E_HYPER_SLOW && !v->dead)
		kr_timer_arm(v->host->loop, &v->retry, 20 * RETRY_MS);
	return 0;
}

static int on_event(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		    struct kr_err *e)
{
	struct kr_vm *v = arg;
	struct kr_hyper_event m;
	int rc = kr_hyper_msg_event(r, &m, e);

	(void)fds;
	(void)n_fds;
	if (rc)
		return rc;
	v->said_all |= m.what == KR_HYPER_GONE;
	if (v->ended && v->said_all)
		kr_vm_last_words(v);
	else if (v->watch.event)
		v->watch.event(v->watch.arg, &m);
	return 0;
}

static int on_status(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		     struct kr_err *e)
{
	struct kr_vm *v = arg;
	struct kr_hyper_status m;
	int rc = kr_hyper_msg_status(r, &m, e);

	(void)fds;
	(void)n_fds;
	if (!rc && !v->ended && v->watch.status)
		v->watch.status(v->watch.arg, &m);
	return rc;
}

static const struct kr_grant grants[] = {
	{ KR_HYPER_READY, KR_HYPER_BODY_MAX, 0, "ready", on_ready },
	{ KR_HYPER_DONE, KR_HYPER_BODY_MAX, 0, "done", on_done },
	{ KR_HYPER_FAIL, KR_HYPER_BODY_MAX, 0, "fail", on_fail },
	{ KR_HYPER_EVENT, KR_HYPER_BODY_MAX, 0, "event", on_event },
	{ KR_HYPER_STATUS, KR_HYPER_BODY_MAX, 0, "status", on_status },
};

/* The agent died: if the hypervisor lives, tell, and attach anew. */
static void on_agent_gone(void *arg, const struct kr_err *e)
{
	struct kr_vm *v = arg;

	v->ready = v->spoke = false;
	if (v->dead)
		return;
	if (v->ended) {
		kr_vm_last_words(v);
		return;
	}
	kr_log_err(KR_LOG_WARN, "hypervisor agent", e);
	if (v->watch.fail)
		v->watch.fail(v->watch.arg, 0, e);
	v->n_tries = 0;
	if (!v->dead)
		kr_timer_arm(v->host->loop, &v->retry, 20 * RETRY_MS);
}

static int attach(struct kr_vm *v, struct kr_err *e)
{
	char path[PATH_MAX];
	struct kr_hyper_open o = { 0 };
	uint8_t buf[KR_HYPER_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	const struct kr_hyper *hy;
	KR_AUTO(kr_fd_autoclose) int fd = -1;
	int r;

	kr_vm_folder(v->host, v->def.name, path, sizeof(path) - 16);
	strcat(path, "/" KR_QEMUARGS_CONTROL);
	fd = kr_unix_connect(path);
	if (fd < 0)
		return 1;
	r = kr_hyper_find(v->def.hypervisor, &hy, e);
	if (!r)
		r = kr_spawn_agent(v->host, hy->agent, &v->chan, &v->agent, e);
	if (r)
		return r;
	v->said_all = false;
	snprintf(o.vm, sizeof(o.vm), "%s", v->def.name);
	kr_hyper_msg_put_open(&w, &o);
	return kr_chan_put_fds(&v->chan, KR_HYPER_OPEN, &w, &fd, 1, e);
}

static void on_retry(void *arg)
{
	struct kr_vm *v = arg;
	struct kr_err e = KR_ERR_NONE;
	int r;

	kr_chan_close(&v->chan);	/* of an agent that got no answer */
	r = attach(v, &e);

	if (r == 1 && ++v->n_tries < TRIES_MAX) {
		kr_timer_arm(v->host->loop, &v->retry, RETRY_MS);
		return;
	}
	if (r == 1)
		kr_fail(&e, KR_E_HYPER_SLOW, "%s: no control socket",
			v->def.name);
	if (r) {
		kr_log_err(KR_LOG_ERROR, "hypervisor", &e);
		if (v->watch.fail)
			v->watch.fail(v->watch.arg, KR_HYPER_OPEN, &e);
	}
}

void kr_vm_talk(struct kr_vm *v)
{
	v->chan = (struct kr_chan){
		.io.fd = -1, .grants = grants, .gone = on_agent_gone,
		.arg = v, .n_grants = sizeof(grants) / sizeof(grants[0]),
	};
	v->retry = (struct kr_timer){ .fn = on_retry, .arg = v };
}

/* ---- commands ---------------------------------------------------------- */

void kr_vm_watch(struct kr_vm *v, const struct kr_vm_watch *w)
{
	v->watch = w ? *w : (struct kr_vm_watch){ 0 };
}

static int not_ready(const struct kr_vm *v, struct kr_err *e)
{
	return kr_fail(e, KR_E_QMP_LOST, "%s: the hypervisor is not ready",
		       v->def.name);
}

/* All commands but the first, OPEN. @fd: -1 for none. */
static int say(struct kr_vm *v, uint16_t command, const struct kr_wr *w,
	       int fd, struct kr_err *e)
{
	int r = v->ready ? kr_guard_hyper(v, command, e) : not_ready(v, e);

	return r ? r : kr_chan_put_fds(&v->chan, command, w, &fd, fd >= 0, e);
}

/* Its rules are in force: now it may run. */
static void on_awake(struct kr_vm *v, const struct kr_err *why)
{
	struct kr_err e = why ? *why : KR_ERR_NONE;

	v->guard = why ? KR_VM_ASLEEP : KR_VM_GUARDED;
	if ((why || say(v, KR_HYPER_RUN, NULL, -1, &e)) && v->watch.fail)
		v->watch.fail(v->watch.arg, KR_HYPER_RUN, &e);
}

int kr_vm_command(struct kr_vm *v, uint16_t command, struct kr_err *e)
{
	if (command == KR_HYPER_RUN && v->ready && v->guard == KR_VM_ASLEEP) {
		int r = kr_firewall_wake(v, on_awake, e);

		if (!r)
			v->guard = KR_VM_WAKING;
		return r;
	}
	if (command == KR_HYPER_RUN && v->guard == KR_VM_WAKING)
		return 0;	/* it will be said */
	return say(v, command, NULL, -1, e);
}

int kr_vm_setup(struct kr_vm *v, const struct kr_hyper_setup *s,
		struct kr_err *e)
{
	uint8_t buf[KR_HYPER_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	kr_hyper_msg_put_setup(&w, s);
	return say(v, KR_HYPER_SETUP, &w, -1, e);
}

int kr_vm_sample(struct kr_vm *v, uint8_t seconds, struct kr_err *e)
{
	struct kr_hyper_sample m = { seconds };
	uint8_t buf[8];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	kr_hyper_msg_put_sample(&w, &m);
	return say(v, KR_HYPER_SAMPLE, &w, -1, e);
}

int kr_vm_limit(struct kr_vm *v, const struct kr_hyper_limit *l,
		struct kr_err *e)
{
	uint8_t buf[KR_HYPER_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	kr_hyper_msg_put_limit(&w, l);
	return say(v, KR_HYPER_LIMIT, &w, -1, e);
}

int kr_vm_hold(struct kr_vm *v, int fd, struct kr_err *e)
{
	return say(v, KR_HYPER_HOLD, NULL, fd, e);
}

static void put_uri(struct kr_wr *w, const char *uri)
{
	struct kr_hyper_uri u;

	snprintf(u.uri, sizeof(u.uri), "%s", uri);
	kr_hyper_msg_put_uri(w, &u);
}

int kr_vm_undo(struct kr_vm *v, const char *uri, int fd, struct kr_err *e)
{
	uint8_t buf[KR_HYPER_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	put_uri(&w, uri);
	return say(v, KR_HYPER_UNDO, &w, fd, e);
}

int kr_vm_uri(struct kr_vm *v, uint16_t command, const char *uri,
	      struct kr_err *e)
{
	uint8_t buf[KR_HYPER_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	put_uri(&w, uri);
	return say(v, command, &w, -1, e);
}
