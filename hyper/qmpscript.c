/* SPDX-License-Identifier: Apache-2.0 */
/* qmpscript.c - see qmpscript.h. Runs in korora-qmp. */
#include "hyper/qmpscript.h"

#include "base/fd.h"
#include "hyper/qmpqueue.h"
#include "hyper/qmptell.h"
#include "hyper/qmpverb.h"
#include "hyper/qmpvm.h"

#define SAMPLE_PAGES	4096	/* of each GiB: the most QEMU takes */

#define HELD		"korora-hold"
#define STILL_NS	200000000u	/* who takes as long to answer stood still */
#define SETTLE_NS	1000000000u	/* RESUME has a connection, or not */

/* Is it for what is under way? */
static int check(const struct kr_qmpagent *a, enum kr_qmpverb v,
		 struct kr_err *e)
{
	uint16_t type = a->cmds[0].type;

	return kr_qmpverb_may(v, type) ? 0 :
	       kr_fail(e, KR_E_UNEXPECTED, "%s on command %u",
		       kr_qmpverb_name(v), type);
}

static int say(struct kr_qmpagent *a, enum kr_qmpverb v, json_t *args,
	       struct kr_err *e)
{
	int r = check(a, v, e);

	if (!r)
		return kr_qmp_send(&a->qmp, kr_qmpverb_name(v), args, e);
	json_decref(args);
	return r;
}

static int setup_step(struct kr_qmpagent *a, const struct kr_hyper_setup *s,
		      struct kr_err *e)
{
	a->incoming = s->incoming;
	/* 10.0 would refuse it; 7.2 accepts it, and breaks on the way */
	if (s->postcopy && s->multifd_channels)
		return kr_fail(e, KR_E_UNEXPECTED, "post-copy with multifd");
	if (!a->step)
		return say(a, KR_QMPVERB_ABLE,
				   kr_qmpvm_capabilities(s, a->vm.preempt), e);
	if (a->step == 1)
		return say(a, KR_QMPVERB_SET,
				   kr_qmpvm_parameters(s), e);
	return 1;
}

static int run_step(struct kr_qmpagent *a, struct kr_err *e)
{
	/* Told to `cont` while it waits, QEMU would run the VM as soon as it
	 * is loaded: that is not ours to promise. */
	if (a->vm.run == KR_HYPER_IS_WAITING)
		return kr_fail(e, KR_E_VM_STATE, "the VM is not loaded yet");
	/* Cancelled just after the switch, QEMU runs the VM by itself but may
	 * leave its disks inactive; `cont` takes them back, running or not. */
	if (!a->step && a->vm.run == KR_HYPER_IS_RUNNING &&
	    a->vm.mig == KR_HYPER_MIG_NONE)
		return 1;
	if (!a->step)
		return say(a, KR_QMPVERB_RUN, NULL, e);
	if (a->step == 1) {
		kr_qmptell_done(a);
		return say(a, KR_QMPVERB_ANNOUNCE,
				   json_pack("{s:i,s:i,s:i,s:i}",
					     "initial", 50, "max", 550,
					     "rounds", 5, "step", 100), e);
	}
	return 1;
}

/* One QMP command, and that is it. */
static int only(struct kr_qmpagent *a, enum kr_qmpverb v, json_t *args,
		struct kr_err *e)
{
	if (a->step) {
		json_decref(args);
		return 1;
	}
	return say(a, v, args, e);
}

static int uri_only(struct kr_qmpagent *a, enum kr_qmpverb v,
		    const struct kr_qmpcommand *c, struct kr_err *e)
{
	return only(a, v, json_pack("{s:s}", "uri", c->uri.uri), e);
}

/* ---- post-copy ----------------------------------------------------------- */

/*
 * While it is torn, QEMU's main loop may stand still for a page, and take
 * nothing else but this.
 */
static int recover_step(struct kr_qmpagent *a, const struct kr_qmpcommand *c,
			struct kr_err *e)
{
	int r;

	a->incoming = true;
	if (!a->urgent || a->step)
		return uri_only(a, KR_QMPVERB_RECOVER, c, e);
	a->urgent = false;
	r = check(a, KR_QMPVERB_RECOVER, e);
	return r ? r : kr_qmp_send_oob(&a->qmp,
				       kr_qmpverb_name(KR_QMPVERB_RECOVER),
				       json_pack("{s:s}", "uri", c->uri.uri),
				       e);
}

static int hold_step(struct kr_qmpagent *a, struct kr_qmpcommand *c,
		     struct kr_err *e)
{
	int r = a->step ? 1 : check(a, KR_QMPVERB_HOLD, e);

	if (r)
		return r;
	a->holds = true;
	return kr_qmp_send_fd(&a->qmp, kr_qmpverb_name(KR_QMPVERB_HOLD),
			      json_pack("{s:s}", "fdname", HELD),
			      kr_fd_take(&c->fd), e);
}

static int letgo_step(struct kr_qmpagent *a, struct kr_err *e)
{
	if (!a->holds)
		return 1;
	if (a->step)
		a->holds = false;
	return only(a, KR_QMPVERB_LETGO, json_pack("{s:s}", "fdname", HELD), e);
}

/*
 * In post-copy QEMU 10.0 refuses migrate_cancel; 7.2 accepts it, but hangs in
 * it for ever if it is torn. So it is torn and undone there, by both. But 7.2
 * with nothing left to send hangs for ever when it is torn, and then it is to
 * be cancelled. And a connection that fails when post-copy is over already is
 * the end of 7.2.
 */
static int cancel_step(struct kr_qmpagent *a, struct kr_err *e)
{
	if (!a->step)
		a->undoing = !a->incoming && kr_qmpvm_in_postcopy(a->vm.mig);
	a->cancelled = true;
	a->played = false;
	if (!a->undoing)
		return only(a, KR_QMPVERB_CANCEL, NULL, e);
	if (a->resumed_ns && kr_now_ns() - a->resumed_ns < SETTLE_NS)
		return kr_fail(e, KR_E_VM_STATE, "it is just being resumed");
	if (a->vm.mig == KR_HYPER_MIG_TORN) {
		kr_qmpqueue_insert(a, KR_QMP_PLAY);
		return 1;
	}
	if (!a->step)
		return say(a, KR_QMPVERB_ASK_MIGRATION, NULL, e);
	if (a->step == 1)
		return say(a, a->status.left_bytes ?
			   KR_QMPVERB_TEAR : KR_QMPVERB_CANCEL, NULL, e);
	return 1;
}

/* Nothing is left, and yet this QEMU is not to be cancelled. */
bool kr_qmpscript_tear(struct kr_qmpagent *a)
{
	if (a->cmds[0].type != KR_HYPER_CANCEL || !a->undoing || a->step != 1 ||
	    a->status.left_bytes)
		return false;
	a->step = 2;
	return !say(a, KR_QMPVERB_TEAR, NULL, NULL);
}

/*
 * Stopped first, and not by the migration: QEMU 10.0 that loses its connection
 * when all is sent, before it hears that it arrived, runs the VM again if it
 * stopped it.
 */
static int postcopy_step(struct kr_qmpagent *a, struct kr_err *e)
{
	if (a->step > 1)
		return 1;
	return say(a, a->step ? KR_QMPVERB_START_POSTCOPY : KR_QMPVERB_STOP,
		   NULL, e);
}

/* Where the next CANCEL has it resumed. */
static int undo_step(struct kr_qmpagent *a, struct kr_qmpcommand *c)
{
	kr_fd_close(&a->undo_fd);
	a->undo_fd = kr_fd_take(&c->fd);
	a->undo_uri = c->uri;
	return 1;
}

/*
 * QEMU 7.2 says that it is torn while its thread for the way back still reads
 * from the connection that is gone; resumed in that instant it may crash, for
 * the thread drops the new connection as if it were the old. No state tells
 * when it is past that: "postcopy-paused" is what the other thread says.
 */
static bool is_calm(struct kr_qmpagent *a)
{
	uint64_t ms = (kr_now_ns() - a->torn_ns) / 1000000;

	if (ms >= KR_QMPAGENT_CALM_MS)
		return true;
	kr_timer_arm(a->loop, &a->calm, KR_QMPAGENT_CALM_MS - ms);
	return false;
}

/*
 * Asked first whether it hears at all: one that stands still would find this
 * RESUME and the next ones when it goes on, one behind the other, each in the
 * instant in which the one before is torn. And what it did not hear of while
 * it stood still happens to it just then.
 */
static int resume_step(struct kr_qmpagent *a, const struct kr_qmpcommand *c,
		       struct kr_err *e)
{
	uint64_t now = kr_now_ns();

	if (!a->step) {
		a->asked_ns = now;
		return say(a, KR_QMPVERB_ASK_MIGRATION, NULL, e);
	}
	if (a->step > 1)
		return 1;
	if (a->asked_ns && now - a->asked_ns > STILL_NS)
		a->torn_ns = now;
	a->asked_ns = 0;
	if (!is_calm(a))
		return 0;
	a->incoming = false;
	a->resumed_ns = kr_now_ns();
	return say(a, KR_QMPVERB_MIGRATE, json_pack("{s:s,s:b}", "uri",
			   c->uri.uri, "resume", 1), e);
}

static int play_step(struct kr_qmpagent *a, struct kr_err *e)
{
	if (!a->step && !a->undoing)
		return 1;	/* it came to an end meanwhile */
	if (a->undo_fd < 0 && !a->step)
		return kr_fail(e, KR_E_UNEXPECTED, "CANCEL without UNDO");
	if (!a->step && !is_calm(a))
		return 0;
	if (!a->step)
		return say(a, KR_QMPVERB_ASK_BLOCKS, NULL, e);
	if (a->step > 1)
		return 1;
	a->played = true;
	return say(a, KR_QMPVERB_MIGRATE, json_pack("{s:s,s:b}", "uri",
			   a->undo_uri.uri, "resume", 1), e);
}

/* ---- all of them --------------------------------------------------------- */

static int ask_step(struct kr_qmpagent *a, unsigned int step, struct kr_err *e)
{
	static const enum kr_qmpverb asks[] = {
		KR_QMPVERB_ASK_STATUS, KR_QMPVERB_ASK_MIGRATION,
		KR_QMPVERB_ASK_DIRTIED,
	};

	if (step > 2 || (step == 2 && !a->sampling))
		return 1;
	return say(a, asks[step], NULL, e);
}

/* READY is to tell as much as STATUS, so OPEN ends like ASK. */
static int open_step(struct kr_qmpagent *a, struct kr_qmpcommand *c,
		     struct kr_err *e)
{
	if (!a->step)
		return kr_qmp_open(a->loop, &a->qmp, kr_fd_take(&c->fd), e);
	if (a->step == 1)
		return say(a, KR_QMPVERB_ADVERTISE, a->oob ?
				   json_pack("{s:[s]}", "enable", "oob") :
				   NULL, e);
	if (a->step == 2)
		return say(a, KR_QMPVERB_ASK_ABLE, NULL,
				   e);
	return ask_step(a, a->step - KR_QMPSCRIPT_OPEN_ASKS, e);
}

int kr_qmpscript_step(struct kr_qmpagent *a, struct kr_err *e)
{
	struct kr_qmpcommand *c = &a->cmds[0];

	switch (c->type) {
	case KR_HYPER_OPEN:
		return open_step(a, c, e);
	case KR_HYPER_ASK:
		return ask_step(a, a->step, e);
	case KR_QMP_WHY:
		return only(a, KR_QMPVERB_ASK_MIGRATION, NULL, e);
	case KR_QMP_LOOK:
		return only(a, KR_QMPVERB_ASK_STATUS, NULL, e);
	case KR_QMP_DROP:
	case KR_HYPER_LETGO:
		return letgo_step(a, e);
	case KR_QMP_PLAY:
		return play_step(a, e);
	case KR_HYPER_UNDO:
		return undo_step(a, c);
	case KR_HYPER_HOLD:
		return hold_step(a, c, e);
	case KR_HYPER_SETUP:
		return setup_step(a, &c->setup, e);
	case KR_HYPER_LIMIT:
		return only(a, KR_QMPVERB_SET, json_pack("{s:I}",
			    "downtime-limit",
			    kr_qmpvm_downtime(c->limit.downtime_limit_ms)), e);
	case KR_HYPER_SAMPLE:
		a->sampling = true;
		return only(a, KR_QMPVERB_SAMPLE, json_pack("{s:i,s:i}",
			    "calc-time", (int)c->sample.seconds,
			    "sample-pages", SAMPLE_PAGES), e);
	case KR_HYPER_SEND:
		a->cancelled = a->sampling = a->torn = a->incoming = false;
		return uri_only(a, KR_QMPVERB_MIGRATE, c, e);
	case KR_HYPER_RECEIVE:
		a->cancelled = a->torn = false;
		a->incoming = true;
		return uri_only(a, KR_QMPVERB_INCOMING, c, e);
	case KR_HYPER_RESUME:
		return resume_step(a, c, e);
	case KR_HYPER_RECOVER:
		return recover_step(a, c, e);
	case KR_HYPER_POSTCOPY:
		return postcopy_step(a, e);
	case KR_HYPER_SWITCH:
		return only(a, KR_QMPVERB_SWITCH, json_pack("{s:s}", "state",
			    "pre-switchover"), e);
	case KR_HYPER_RUN:
		return run_step(a, e);
	case KR_HYPER_PAUSE:
		return only(a, KR_QMPVERB_STOP, NULL, e);
	case KR_HYPER_CANCEL:
		return cancel_step(a, e);
	case KR_HYPER_END:
		return only(a, KR_QMPVERB_QUIT, NULL, e);
	default:
		return kr_fail(e, KR_E_UNEXPECTED, "command %u", c->type);
	}
}
