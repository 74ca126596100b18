/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmpmain.c - korora-qmp, the agent that operates one QEMU: takes the
 * adapters' commands from kororad, which it works off in order (qmpqueue.h),
 * and tells kororad what happens to the VM. Here are its beginning and what
 * kororad may say to it.
 */
#include <seccomp.h>

#include "base/fd.h"
#include "base/jail.h"
#include "base/log.h"
#include "hyper/qmpevent.h"
#include "hyper/qmpqueue.h"
#include "hyper/qmptell.h"

#define URGE_MS		1500u	/* for RECOVER to go in band: QEMU 7.2 has
				 * crashed when it went out of band */

static int accept_command(struct kr_qmpagent *a, struct kr_qmpcommand *c,
			  struct kr_err *e)
{
	struct kr_err why = KR_ERR_NONE;
	unsigned int n = a->n_cmds;

	for (unsigned int i = 0; i < a->n_cmds; i++)
		n -= kr_qmpqueue_own(&a->cmds[i]);
	if (n == KR_HYPER_QUEUE_MAX) {
		kr_fd_close(&c->fd);
		return kr_fail(e, KR_E_LIMIT, "more than %u commands",
			       KR_HYPER_QUEUE_MAX);
	}
	if (c->type == KR_HYPER_OPEN ? kr_qmp_is_open(&a->qmp) || a->n_cmds :
	    !kr_qmp_is_open(&a->qmp) && !a->n_cmds) {
		kr_fail(&why, c->type == KR_HYPER_OPEN ? KR_E_UNEXPECTED :
			KR_E_QMP_LOST, "the control connection is %s",
			c->type == KR_HYPER_OPEN ? "open" : "not open");
		kr_fd_close(&c->fd);
		kr_qmptell_fail(a, c, &why);
		return 0;
	}
	a->cmds[a->n_cmds++] = *c;
	if (c->type == KR_HYPER_RECOVER && a->oob)
		kr_timer_arm(a->loop, &a->urge, URGE_MS);
	kr_qmpqueue_next(a);
	return 0;
}

static int plain(struct kr_qmpagent *a, uint16_t type, struct kr_rd *r,
		 struct kr_err *e)
{
	struct kr_qmpcommand c = { .type = type, .fd = -1 };
	int x = kr_hyper_msg_none(r, e);

	return x ? x : accept_command(a, &c, e);
}

/* @x: has its body been read? */
static int with_fd(struct kr_qmpagent *a, struct kr_qmpcommand *c, int *fds,
		   unsigned int n_fds, int x, struct kr_err *e)
{
	c->fd = n_fds ? fds[0] : -1;
	if (!x && c->fd < 0)
		x = kr_fail(e, KR_E_AGENT_SPOKE, "%s without a descriptor",
			    kr_hyper_msg_command_name(c->type));
	if (x) {
		kr_fd_close(&c->fd);
		return x;
	}
	return accept_command(a, c, e);
}

static int on_open(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		   struct kr_err *e)
{
	struct kr_qmpcommand c = { .type = KR_HYPER_OPEN };
	struct kr_hyper_open m;

	return with_fd(arg, &c, fds, n_fds, kr_hyper_msg_open(r, &m, e), e);
}

static int on_hold(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		   struct kr_err *e)
{
	struct kr_qmpcommand c = { .type = KR_HYPER_HOLD };

	return with_fd(arg, &c, fds, n_fds, kr_hyper_msg_none(r, e), e);
}

static int on_undo(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		   struct kr_err *e)
{
	struct kr_qmpcommand c = { .type = KR_HYPER_UNDO, .fd = -1 };
	int x = kr_hyper_msg_uri(r, &c.uri, e);

	return with_fd(arg, &c, fds, n_fds, x, e);
}

#define WITH_BODY(body, TYPE) \
static int on_##body(void *arg, struct kr_rd *r, int *fds, \
		     unsigned int n_fds, struct kr_err *e) \
{ \
	struct kr_qmpcommand c = { .type = TYPE, .fd = -1 }; \
	int x = kr_hyper_msg_##body(r, &c.body, e); \
	(void)fds, (void)n_fds; \
	return x ? x : accept_command(arg, &c, e); \
}
WITH_BODY(setup, KR_HYPER_SETUP)
WITH_BODY(limit, KR_HYPER_LIMIT)
WITH_BODY(sample, KR_HYPER_SAMPLE)

static int with_uri(struct kr_qmpagent *a, uint16_t type, struct kr_rd *r,
		    struct kr_err *e)
{
	struct kr_qmpcommand c = { .type = type, .fd = -1 };
	int x = kr_hyper_msg_uri(r, &c.uri, e);

	return x ? x : accept_command(a, &c, e);
}

#define HANDLER(name, how, TYPE) \
static int name(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds, \
		struct kr_err *e) \
{ \
	(void)fds, (void)n_fds; \
	return how(arg, TYPE, r, e); \
}
HANDLER(on_send, with_uri, KR_HYPER_SEND)
HANDLER(on_receive, with_uri, KR_HYPER_RECEIVE)
HANDLER(on_switch, plain, KR_HYPER_SWITCH)
HANDLER(on_run, plain, KR_HYPER_RUN)
HANDLER(on_pause, plain, KR_HYPER_PAUSE)
HANDLER(on_cancel, plain, KR_HYPER_CANCEL)
HANDLER(on_end, plain, KR_HYPER_END)
HANDLER(on_ask, plain, KR_HYPER_ASK)
HANDLER(on_letgo, plain, KR_HYPER_LETGO)
HANDLER(on_postcopy, plain, KR_HYPER_POSTCOPY)
HANDLER(on_recover, with_uri, KR_HYPER_RECOVER)
HANDLER(on_resume, with_uri, KR_HYPER_RESUME)

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
	{ KR_HYPER_LIMIT, KR_HYPER_BODY_MAX, 0, "LIMIT", on_limit },
	{ KR_HYPER_SAMPLE, KR_HYPER_BODY_MAX, 0, "SAMPLE", on_sample },
	{ KR_HYPER_HOLD, 0, 1, "HOLD", on_hold },
	{ KR_HYPER_LETGO, 0, 0, "LETGO", on_letgo },
	{ KR_HYPER_POSTCOPY, 0, 0, "POSTCOPY", on_postcopy },
	{ KR_HYPER_RECOVER, KR_HYPER_BODY_MAX, 0, "RECOVER", on_recover },
	{ KR_HYPER_RESUME, KR_HYPER_BODY_MAX, 0, "RESUME", on_resume },
	{ KR_HYPER_UNDO, KR_HYPER_BODY_MAX, 1, "UNDO", on_undo },
};

static void gone(void *arg, const struct kr_err *e)
{
	struct kr_qmpagent *a = arg;

	if (e->kr != KR_E_AGENT_DIED)
		kr_log_err(KR_LOG_ERROR, "kororad's channel", e);
	kr_loop_stop(a->loop, e->kr == KR_E_AGENT_DIED ? 0 : 1);
}

int main(int argc, char **argv)
{
	static const int calls[] = { SCMP_SYS(accept4) };
	static const struct kr_jail jail = { .calls = calls, .n_calls = 1 };
	static struct kr_qmpagent a;
	struct kr_err e = KR_ERR_NONE;
	int r = kr_agent_init("korora-qmp", argc, argv, &a.loop, &e);

	json_object_seed(0);	/* reads a file, so before the jail */
	a.undo_fd = -1;
	a.qmp = (struct kr_qmp){ .answer = kr_qmpqueue_answer,
				 .failed = kr_qmpqueue_failed,
				 .event = kr_qmpevent,
				 .lost = kr_qmpqueue_lost, .arg = &a };
	a.look = (struct kr_timer){ .fn = kr_qmpevent_look, .arg = &a };
	a.calm = (struct kr_timer){ .fn = kr_qmpqueue_calm, .arg = &a };
	a.urge = (struct kr_timer){ .fn = kr_qmpqueue_urge, .arg = &a };
	a.chan = (struct kr_chan){ .grants = grants,
				   .n_grants = sizeof(grants) /
					       sizeof(grants[0]),
				   .gone = gone, .arg = &a };
	if (!r)
		r = kr_jail_enter(&jail, &e);
	if (!r)
		r = kr_chan_open(a.loop, &a.chan, KR_AGENT_FD, &e);
	if (r) {
		kr_log_err(KR_LOG_ERROR, "start", &e);
		return 1;
	}
	r = kr_loop_run(a.loop);
	kr_undo_end(&a.undo);
	kr_fd_close(&a.undo_fd);
	kr_qmp_close(&a.qmp);
	kr_chan_close(&a.chan);
	kr_loop_free(a.loop);
	return r;
}
