/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmpmain.c - korora-qmp, the agent that operates one QEMU: takes the
 * adapters' commands from kororad, works them off in order as short scripts
 * of QMP commands, and tells kororad what happens to the VM.
 *
 * It keeps no state that QEMU does not have too: after OPEN it asks QEMU what
 * the VM is doing, and then follows its events. Between QEMU's STOP at the
 * switch-over and the RUN every millisecond is downtime, so events are passed
 * on as they are read and RUN is answered before the network is told.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/chan.h"
#include "base/fd.h"
#include "base/jail.h"
#include "base/log.h"
#include "hyper/hyper_msg.h"
#include "hyper/qmp.h"
#include "hyper/qmpvm.h"

/* Our own: ask why a migration broke, then EVENT BROKEN. */
#define WHY	KR_HYPER_COMMAND_END_

/* max_bandwidth 0: QEMU's default is a fraction of a modern link. */
#define UNLIMITED_BYTES_S	(1ull << 40)
#define DOWNTIME_MS_MAX		2000000u	/* QEMU's limit */

#define OPEN_ASKS	2	/* steps of OPEN before it asks */

struct command {
	uint16_t	      type;
	int		      fd;		/* OPEN; else -1 */
	struct kr_hyper_setup setup;
	struct kr_hyper_uri   uri;
};

static struct agent {
	struct kr_loop	 *loop;
	struct kr_chan	  chan;
	struct kr_qmp	  qmp;
	/* cmds[0] is under way; WHY may come on top of kororad's */
	struct command	  cmds[KR_HYPER_QUEUE_MAX + 1];
	unsigned int	  n_cmds;
	unsigned int	  step;			/* of cmds[0], from 0 */
	bool		  busy;			/* cmds[0] has begun */
	bool		  answered;		/* cmds[0] has been */
	struct kr_hyper_ready vm;		/* version, run, mig */
	uint64_t	  stop_ns;		/* last STOP, 0 = it runs */
	bool		  cancelled;		/* rather than failed; SEND,
						 * RECEIVE reset it */
} a;

/* ---- to kororad -------------------------------------------------------- */

static void tell(uint16_t type, const struct kr_wr *w)
{
	struct kr_err e = KR_ERR_NONE;

	if (kr_chan_put(&a.chan, type, w, &e)) {
		if (e.kr != KR_E_AGENT_DIED)	/* else it hung up on us */
			kr_log_err(KR_LOG_ERROR, "telling kororad", &e);
		kr_loop_stop(a.loop, 1);
	}
}

static void tell_event(enum kr_hyper_what what, uint64_t at_ns, uint16_t kr,
		       const char *reason)
{
	uint8_t buf[KR_HYPER_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_hyper_event m = { .what = what, .at_ns = at_ns, .kr = kr };

	snprintf(m.reason, sizeof(m.reason), "%s", reason);
	kr_hyper_msg_put_event(&w, &m);
	tell(KR_HYPER_EVENT, &w);
}

static void tell_done(void)
{
	uint8_t buf[8];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_hyper_done m = { a.cmds[0].type };

	kr_hyper_msg_put_done(&w, &m);
	tell(KR_HYPER_DONE, &w);
	a.answered = true;
}

static void tell_fail(const struct command *c, const struct kr_err *e)
{
	uint8_t buf[KR_HYPER_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_hyper_fail m = { .command = c->type,
				   .kr = (uint16_t)e->kr };

	snprintf(m.what, sizeof(m.what), "%s", e->what);
	kr_hyper_msg_put_fail(&w, &m);
	tell(KR_HYPER_FAIL, &w);
}

static void tell_broken(const char *why)
{
	const char *reason = why ? why : a.cancelled ? "cancelled" :
			     "the hypervisor gives no reason";

	tell_event(KR_HYPER_BROKEN, kr_now_ns(), (uint16_t)
		   (a.cancelled ? KR_E_CANCELLED : KR_E_HYPER_FAILED), reason);
}

/* ---- the queue --------------------------------------------------------- */

/* cmds[0] is over: go on to the next. */
static void finish(void)
{
	a.n_cmds--;
	memmove(&a.cmds[0], &a.cmds[1], a.n_cmds * sizeof(a.cmds[0]));
	a.busy = a.answered = false;
	a.step = 0;
}

static void done(void)
{
	if (!a.answered)
		tell_done();
	finish();
}

static void fail(const struct kr_err *e)
{
	if (a.cmds[0].type == WHY)
		tell_broken(NULL);
	else if (!a.answered)
		tell_fail(&a.cmds[0], e);
	finish();
}

/* The connection is gone; so is every command. */
static void lost(void *arg, const struct kr_err *e)
{
	(void)arg;
	if (a.n_cmds && a.busy && a.cmds[0].type == KR_HYPER_END &&
	    e->kr == KR_E_QMP_LOST)
		done();
	while (a.n_cmds) {
		kr_fd_close(&a.cmds[0].fd);
		fail(e);
	}
	tell_event(KR_HYPER_GONE, kr_now_ns(), (uint16_t)e->kr, e->what);
}

/* ---- scripts of QMP commands ------------------------------------------- */

static json_t *capabilities(bool incoming)
{
	/*
	 * return-path: without it the source reports success though the
	 * destination failed to load. late-block-activate: the destination
	 * takes the disks on `cont`, not before.
	 */
	return json_pack("{s:[{s:s,s:b},{s:s,s:b},{s:s,s:b},{s:s,s:b}]}",
			 "capabilities",
			 "capability", "events", "state", 1,
			 "capability", "pause-before-switchover", "state", 1,
			 "capability", "return-path", "state", 1,
			 "capability", "late-block-activate", "state",
			 (int)incoming);
}

static json_t *parameters(const struct kr_hyper_setup *s)
{
	uint64_t bytes_s = s->max_bandwidth_bytes_s;
	uint32_t ms = s->downtime_limit_ms;

	if (!bytes_s || bytes_s > UNLIMITED_BYTES_S)
		bytes_s = UNLIMITED_BYTES_S;
	if (ms > DOWNTIME_MS_MAX)
		ms = DOWNTIME_MS_MAX;
	return json_pack("{s:I,s:I}", "max-bandwidth", (json_int_t)bytes_s,
			 "downtime-limit", (json_int_t)ms);
}

static int run_step(struct kr_err *e)
{
	/* Told to `cont` while it waits, QEMU would run the VM as soon as it
	 * is loaded: that is not ours to promise. */
	if (a.vm.run == KR_HYPER_IS_WAITING)
		return kr_fail(e, KR_E_VM_STATE, "the VM is not loaded yet");
	/* Cancelled just after the switch, QEMU runs the VM by itself but may
	 * leave its disks inactive; `cont` takes them back, running or not. */
	if (!a.step && a.vm.run == KR_HYPER_IS_RUNNING &&
	    a.vm.mig == KR_HYPER_MIG_NONE)
		return 1;
	if (!a.step)
		return kr_qmp_send(&a.qmp, "cont", NULL, e);
	if (a.step == 1) {
		tell_done();
		return kr_qmp_send(&a.qmp, "announce-self",
				   json_pack("{s:i,s:i,s:i,s:i}",
					     "initial", 50, "max", 550,
					     "rounds", 5, "step", 100), e);
	}
	return 1;
}

/* One QMP command, and that is it. */
static int only(const char *command, json_t *args, struct kr_err *e)
{
	if (a.step) {
		json_decref(args);
		return 1;
	}
	return kr_qmp_send(&a.qmp, command, args, e);
}

static int ask_step(unsigned int step, struct kr_err *e)
{
	if (step > 1)
		return 1;
	return kr_qmp_send(&a.qmp, step ? "query-migrate" : "query-status",
			   NULL, e);
}

/* READY is to tell as much as STATUS, so OPEN ends like ASK. */
static int open_step(struct command *c, struct kr_err *e)
{
	if (!a.step)
		return kr_qmp_open(a.loop, &a.qmp, kr_fd_take(&c->fd), e);
	if (a.step == 1)
		return kr_qmp_send(&a.qmp, "qmp_capabilities", NULL, e);
	return ask_step(a.step - OPEN_ASKS, e);
}

/* Do step a.step of cmds[0]: 0 = an answer will come, 1 = it is complete. */
static int do_step(struct kr_err *e)
{
	struct command *c = &a.cmds[0];

	switch (c->type) {
	case KR_HYPER_OPEN:
		return open_step(c, e);
	case KR_HYPER_ASK:
		return ask_step(a.step, e);
	case WHY:
		return only("query-migrate", NULL, e);
	case KR_HYPER_SETUP:
		if (!a.step)
			return kr_qmp_send(&a.qmp, "migrate-set-capabilities",
					   capabilities(c->setup.incoming), e);
		if (a.step == 1)
			return kr_qmp_send(&a.qmp, "migrate-set-parameters",
					   parameters(&c->setup), e);
		return 1;
	case KR_HYPER_SEND:
		a.cancelled = false;
		return only("migrate", json_pack("{s:s}", "uri", c->uri.uri),
			    e);
	case KR_HYPER_RECEIVE:
		a.cancelled = false;
		return only("migrate-incoming",
			    json_pack("{s:s}", "uri", c->uri.uri), e);
	case KR_HYPER_SWITCH:
		return only("migrate-continue", json_pack("{s:s}", "state",
			    "pre-switchover"), e);
	case KR_HYPER_RUN:
		return run_step(e);
	case KR_HYPER_PAUSE:
		return only("stop", NULL, e);
	case KR_HYPER_CANCEL:
		a.cancelled = true;
		return only("migrate_cancel", NULL, e);
	case KR_HYPER_END:
		return only("quit", NULL, e);
	default:
		return kr_fail(e, KR_E_UNEXPECTED, "command %u", c->type);
	}
}

/* Start on the queue, as far as it goes without an answer. */
static void next(void)
{
	while (a.n_cmds && !a.busy) {
		struct kr_err e = KR_ERR_NONE;
		int r;

		a.busy = true;
		r = do_step(&e);
		if (!r)
			return;
		if (r > 0)
			done();
		else
			fail(&e);	/* if all is lost, lost() is next */
	}
}

/* What an answer holds for cmds[0]'s present step. */
static void keep(json_t *body)
{
	uint16_t type = a.cmds[0].type;
	unsigned int ask = type == KR_HYPER_OPEN ? OPEN_ASKS : 0;
	uint8_t buf[KR_HYPER_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	static struct kr_hyper_status s;

	if (type == KR_HYPER_OPEN && !a.step)
		kr_qmpvm_version(body, a.vm.version);
	if (type != KR_HYPER_OPEN && type != KR_HYPER_ASK)
		return;
	if (a.step == ask) {
		a.vm.run = kr_qmpvm_run(json_string_value(
			json_object_get(body, "status")));
	} else if (a.step == ask + 1) {
		kr_qmpvm_stats(body, &s);
		s.run = a.vm.run;
		a.vm.mig = s.mig;
		if (type == KR_HYPER_ASK)
			kr_hyper_msg_put_status(&w, &s);
		else
			kr_hyper_msg_put_ready(&w, &a.vm);
		tell(type == KR_HYPER_ASK ? KR_HYPER_STATUS : KR_HYPER_READY,
		     &w);
		a.answered = true;
	}
}

static void answer(void *arg, json_t *body)
{
	struct kr_err e = KR_ERR_NONE;
	int r;

	(void)arg;
	if (!a.n_cmds || !a.busy)
		return;
	keep(body);
	if (a.cmds[0].type == WHY) {
		const char *why = json_string_value(
			json_object_get(body, "error-desc"));
		char text[KR_QMPVM_TEXT_BYTES];

		if (why)
			kr_qmpvm_text(why, text);
		tell_broken(why ? text : NULL);
		finish();
		next();
		return;
	}
	a.step++;
	r = do_step(&e);
	if (r > 0)
		done();
	else if (r < 0)
		fail(&e);
	next();
}

static void failed(void *arg, const struct kr_err *e)
{
	(void)arg;
	if (!a.n_cmds || !a.busy)
		return;
	if (a.cmds[0].type == KR_HYPER_OPEN)
		kr_qmp_close(&a.qmp);
	fail(e);
	next();
}

/* ---- QEMU's events ----------------------------------------------------- */

static uint64_t when(const struct kr_qmpline_msg *m)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return kr_qmpvm_when(m->wall_us, kr_now_ns(),
			     (uint64_t)t.tv_sec * 1000000u +
			     (uint64_t)t.tv_nsec / 1000u);
}

static void ask_why(void)
{
	unsigned int at = a.n_cmds && a.busy ? 1 : 0;

	for (unsigned int i = 0; i < a.n_cmds; i++)
		if (a.cmds[i].type == WHY)
			return;
	memmove(&a.cmds[at + 1], &a.cmds[at],
		(a.n_cmds - at) * sizeof(a.cmds[0]));
	a.cmds[at] = (struct command){ .type = WHY, .fd = -1 };
	a.n_cmds++;
	next();
}

static void migration(const char *status, uint64_t at_ns)
{
	enum kr_hyper_mig mig = kr_qmpvm_mig(status);

	a.vm.mig = mig;
	switch (mig) {
	case KR_HYPER_MIG_AT_SWITCH:
		a.vm.run = KR_HYPER_IS_SWITCHING;
		tell_event(KR_HYPER_AT_SWITCH, a.stop_ns ? a.stop_ns : at_ns,
			   0, "");
		break;
	case KR_HYPER_MIG_COMPLETED:
		if (a.vm.run == KR_HYPER_IS_WAITING) {
			a.vm.run = KR_HYPER_IS_PAUSED;
			tell_event(KR_HYPER_LOADED, at_ns, 0, "");
		} else {
			a.vm.run = KR_HYPER_IS_MIGRATED;
			tell_event(KR_HYPER_SENT, at_ns, 0, "");
		}
		break;
	case KR_HYPER_MIG_FAILED:
		/* a race makes QEMU report some cancelled ones as failed */
		a.cancelled |= status[0] == 'c';
		/* a RESUME tells if it runs on: it follows or came already */
		if (a.vm.run == KR_HYPER_IS_SWITCHING)
			a.vm.run = KR_HYPER_IS_PAUSED;
		if (strcmp(status, "cancelling"))
			ask_why();
		break;
	default:
		break;
	}
}

static void event(void *arg, const struct kr_qmpline_msg *m)
{
	const char *s = json_string_value(json_object_get(m->body, "status"));
	const char *why = json_string_value(json_object_get(m->body,
							    "reason"));
	uint64_t at_ns = when(m);
	char text[KR_QMPVM_TEXT_BYTES] = "";

	(void)arg;
	if (!strcmp(m->text, "STOP")) {
		a.vm.run = KR_HYPER_IS_PAUSED;
		a.stop_ns = at_ns;
		tell_event(KR_HYPER_STOPPED, at_ns, 0, "");
	} else if (!strcmp(m->text, "RESUME")) {
		a.vm.run = KR_HYPER_IS_RUNNING;
		a.stop_ns = 0;
		tell_event(KR_HYPER_RUNNING, at_ns, 0, "");
	} else if (!strcmp(m->text, "SHUTDOWN")) {
		a.vm.run = KR_HYPER_IS_DOWN;
		if (why)
			kr_qmpvm_text(why, text);
		tell_event(KR_HYPER_SHUTDOWN, at_ns, 0, text);
	} else if (!strcmp(m->text, "MIGRATION") && s) {
		migration(s, at_ns);
	}
}

/* ---- from kororad ------------------------------------------------------ */

static int accept_command(struct command *c, struct kr_err *e)
{
	struct kr_err why = KR_ERR_NONE;
	unsigned int n = a.n_cmds;

	for (unsigned int i = 0; i < a.n_cmds; i++)
		n -= a.cmds[i].type == WHY;
	if (n == KR_HYPER_QUEUE_MAX) {
		kr_fd_close(&c->fd);
		return kr_fail(e, KR_E_LIMIT, "more than %u commands",
			       KR_HYPER_QUEUE_MAX);
	}
	if (c->type == KR_HYPER_OPEN ? kr_qmp_is_open(&a.qmp) || a.n_cmds :
	    !kr_qmp_is_open(&a.qmp) && !a.n_cmds) {
		kr_fail(&why, c->type == KR_HYPER_OPEN ? KR_E_UNEXPECTED :
			KR_E_QMP_LOST, "the control connection is %s",
			c->type == KR_HYPER_OPEN ? "open" : "not open");
		kr_fd_close(&c->fd);
		tell_fail(c, &why);
		return 0;
	}
	a.cmds[a.n_cmds++] = *c;
	next();
	return 0;
}

static int plain(uint16_t type, struct kr_rd *r, struct kr_err *e)
{
	struct command c = { .type = type, .fd = -1 };
	int x = kr_hyper_msg_none(r, e);

	return x ? x : accept_command(&c, e);
}

static int on_open(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		   struct kr_err *e)
{
	struct command c = { .type = KR_HYPER_OPEN,
			     .fd = n_fds ? fds[0] : -1 };
	struct kr_hyper_open m;
	int x = kr_hyper_msg_open(r, &m, e);

	(void)arg;
	if (!x && c.fd < 0)
		x = kr_fail(e, KR_E_AGENT_SPOKE, "OPEN without a descriptor");
	if (x) {
		kr_fd_close(&c.fd);
		return x;
	}
	return accept_command(&c, e);
}

static int on_setup(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		    struct kr_err *e)
{
	struct command c = { .type = KR_HYPER_SETUP, .fd = -1 };
	int x = kr_hyper_msg_setup(r, &c.setup, e);

	(void)arg, (void)fds, (void)n_fds;
	return x ? x : accept_command(&c, e);
}

static int with_uri(uint16_t type, struct kr_rd *r, struct kr_err *e)
{
	struct command c = { .type = type, .fd = -1 };
	int x = kr_hyper_msg_uri(r, &c.uri, e);

	return x ? x : accept_command(&c, e);
}

#define HANDLER(name, how, TYPE) \
static int name(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds, \
		struct kr_err *e) \
{ \
	(void)arg, (void)fds, (void)n_fds; \
	return how(TYPE, r, e); \
}
HANDLER(on_send, with_uri, KR_HYPER_SEND)
HANDLER(on_receive, with_uri, KR_HYPER_RECEIVE)
HANDLER(on_switch, plain, KR_HYPER_SWITCH)
HANDLER(on_run, plain, KR_HYPER_RUN)
HANDLER(on_pause, plain, KR_HYPER_PAUSE)
HANDLER(on_cancel, plain, KR_HYPER_CANCEL)
HANDLER(on_end, plain, KR_HYPER_END)
HANDLER(on_ask, plain, KR_HYPER_ASK)

static const struct kr_grant grants[] = {
	{ KR_HYPER_OPEN, KR_HYPER_BODY_MAX, 1, "OPEN", on_open },
	{ KR_HYPER_SETUP, KR_HYPER_BODY_MAX, 0, "SETUP", on_setup },
	{ KR_HYPER_SEND, KR_HYPER_BODY_MAX, 0, "SEND", on_send },
	{ KR_HYPER_RECEIVE, KR_HYPER_BODY_MAX, 0, "RECEIVE", on_receive },
	{ KR_HYPER_SWITCH, 0, 0, "SWITCH", on_switch },
	{ KR_HYPER_RUN, 0, 0, "RUN", on_run },
	{ KR_HYPER_PAUSE, 0, 0, "PAUSE", on_pause },
	{ KR_HYPER_CANCEL, 0, 0, "CANCEL", on_cancel },
	{ KR_HYPER_END, 0, 0, "END", on_end },
	{ KR_HYPER_ASK, 0, 0, "ASK", on_ask },
};

static void gone(void *arg, const struct kr_err *e)
{
	(void)arg;
	if (e->kr != KR_E_AGENT_DIED)
		kr_log_err(KR_LOG_ERROR, "kororad's channel", e);
	kr_loop_stop(a.loop, e->kr == KR_E_AGENT_DIED ? 0 : 1);
}

int main(int argc, char **argv)
{
	static const struct kr_jail jail = { 0 };
	struct kr_err e = KR_ERR_NONE;
	int r = kr_agent_init("korora-qmp", argc, argv, &a.loop, &e);

	json_object_seed(0);	/* reads a file, so before the jail */
	a.qmp = (struct kr_qmp){ .answer = answer, .failed = failed,
				 .event = event, .lost = lost };
	a.chan = (struct kr_chan){ .grants = grants,
				   .n_grants = sizeof(grants) /
					       sizeof(grants[0]),
				   .gone = gone };
	if (!r)
		r = kr_jail_enter(&jail, &e);
	if (!r)
		r = kr_chan_open(a.loop, &a.chan, KR_AGENT_FD, &e);
	if (r) {
		kr_log_err(KR_LOG_ERROR, "start", &e);
		return 1;
	}
	r = kr_loop_run(a.loop);
	kr_qmp_close(&a.qmp);
	kr_chan_close(&a.chan);
	kr_loop_free(a.loop);
	return r;
}
