/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hyper_msg.h - the messages between kororad and a hypervisor agent, over
 * base/chan.h, the same for every hypervisor. One agent serves one VM.
 *
 * kororad asks, the agent answers each command, in order, with DONE, FAIL or
 * what the command says; EVENTs come whenever they happen:
 *
 *	OPEN			> READY
 *	outgoing: SETUP, SEND	> … EVENT AT_SWITCH, SWITCH > … EVENT SENT
 *		  LIMIT, SAMPLE at any time before AT_SWITCH
 *	incoming: SETUP, RECEIVE > … EVENT LOADED, RUN
 *
 * After SENT the VM stays paused at the source, and RUN there undoes the
 * migration (unless the destination ran). After BROKEN the source runs on by
 * itself. DONE says that a command was accepted; how it goes is an event's.
 *
 * Post-copy, for which SETUP prepares both sides, runs the VM there before
 * its memory has come:
 *
 *	outgoing: POSTCOPY before AT_SWITCH, then SWITCH as ever; HOLD at any
 *		  time after SEND > … EVENT SENT when all memory has gone
 *	incoming: > … EVENT LOADED_EARLY, RUN > … EVENT LOADED
 *	cut:	  both EVENT TORN; RECOVER there, connections, EVENT TAKEN, then
 *		  RESUME here > … MENDED
 *
 * POSTCOPY that comes too late, when it is about to switch by itself, has no
 * effect: then it goes on without LOADED_EARLY. When post-copy tells that, the
 * hypervisor there has taken the VM's disks, paused or not.
 *
 * As long as the VM has never run at the destination, UNDO, CANCEL and RUN
 * undo it, TORN or not, and need nobody else for it; only kororad can know that
 * it has not. What ASK tells of it then is what QEMU believes: that it
 * completed.
 *
 * With preempt the hypervisors have a second connection, for the pages that the
 * VM there waits for. The source's connects a second time to where it sends or
 * resumes, at once or when it goes over to post-copy; the destination's awaits
 * both from the start.
 *
 * HOLD gives the hypervisor the far end of its own migration socket. As long
 * as it holds that, nobody's death is a hang-up to it, and nothing is TORN
 * before it need be. LETGO once the destination runs, else a cut would never
 * be told here. A migration that ends, well or not, lets go by itself.
 */
#ifndef KR_HYPER_MSG_H
#define KR_HYPER_MSG_H

#include <stdint.h>

#include "base/cursor.h"
#include "base/err.h"

/*
 * kororad to agent, with what each does with the VM's state, in the words of
 * policy/access.h: X(name, access). One that does nothing says why.
 */
#define KR_HYPER_COMMANDS(X) \
	/* control connection: 1 fd; struct open. Asks nothing of the VM */ \
	X(OPEN, NOTHING) \
	/* struct setup; before SEND and RECEIVE. Settings of a migration that
	 * is not begun */ \
	X(SETUP, NOTHING) \
	/* uri: start to send the VM there */ \
	X(SEND, READS) \
	/* uri: wait there for the VM. Nothing comes before a LANE does */ \
	X(RECEIVE, NOTHING) \
	/* pass the pause before the switch-over */ \
	X(SWITCH, READS) \
	/* run, and tell the network; idempotent */ \
	X(RUN, RUNS) \
	/* idempotent */ \
	X(PAUSE, STOPS) \
	/* stop sending; then EVENT BROKEN, or TORN with a reason if it cannot
	 * be had back, yet */ \
	X(CANCEL, RETURNS) \
	/* end the hypervisor's process */ \
	X(END, STOPS) \
	/* > STATUS instead of DONE. Counts, and whether it runs: no memory */ \
	X(ASK, NOTHING) \
	/* struct limit: while it sends. How fast, not what */ \
	X(LIMIT, NOTHING) \
	/* struct sample: measure what is written; a STATUS tells */ \
	X(SAMPLE, READS) \
	/* 1 fd, kept open by the hypervisor in place of the one it held
	 * before. Nobody reads or writes there */ \
	X(HOLD, NOTHING) \
	/* of it; idempotent. Likewise */ \
	X(LETGO, NOTHING) \
	/* outgoing: stop the VM now, then AT_SWITCH, and send most of its
	 * memory later */ \
	X(POSTCOPY, READS) \
	/* uri: incoming and TORN, wait there anew; of all commands this alone
	 * is certain to be answered when the VM runs and is TORN */ \
	X(RECOVER, APPENDS) \
	/* uri: outgoing and TORN, go on there; when nobody listens, it may stay
	 * TORN silently, and CANCEL FAILs for a second */ \
	X(RESUME, READS) \
	/* uri, 1 fd that listens there: where a post-copy is resumed to be
	 * undone; before each CANCEL of one */ \
	X(UNDO, RETURNS)

enum kr_hyper_type {
	KR_HYPER_COMMANDS_ = 0x00ff,
#define X(name, access) KR_HYPER_##name,
	KR_HYPER_COMMANDS(X)
#undef X
	KR_HYPER_COMMAND_END_,

	/* agent to kororad */
	KR_HYPER_READY = 0x0200,	/* struct ready: OPEN succeeded */
	KR_HYPER_DONE,			/* u16 command */
	KR_HYPER_FAIL,			/* struct fail */
	KR_HYPER_EVENT,			/* struct event */
	KR_HYPER_STATUS,		/* struct status */
};

#define KR_HYPER_URI_MAX	255u	/* bytes */
#define KR_HYPER_TEXT_MAX	199u	/* bytes of a reason or version */
#define KR_HYPER_BODY_MAX	512u	/* of any message here */
#define KR_HYPER_QUEUE_MAX	16u	/* commands not yet answered */

enum kr_hyper_what {
	KR_HYPER_AT_SWITCH,	/* VM stopped, waits for SWITCH; at_ns: since */
	KR_HYPER_SENT,		/* outgoing complete; the VM is paused here */
	KR_HYPER_LOADED,	/* incoming complete; the VM is paused here, or
				 * as it was since LOADED_EARLY */
	KR_HYPER_BROKEN,	/* failed or cancelled; reason */
	KR_HYPER_STOPPED,	/* the VM stopped; at_ns */
	KR_HYPER_RUNNING,	/* the VM runs; at_ns */
	KR_HYPER_SHUTDOWN,	/* powered off; reason; kr: not by the guest */
	KR_HYPER_GONE,		/* control connection lost; reason */
	KR_HYPER_PASS,		/* outgoing: a pass over memory begins; ASK
				 * now tells how much it is */
	KR_HYPER_LOADED_EARLY,	/* incoming, post-copy: all but some memory is
				 * here; the VM is paused here. Once at most,
				 * and always before LOADED */
	KR_HYPER_TORN,		/* post-copy has no connection any more; reason
				 * if CANCEL came to nothing */
	KR_HYPER_MENDED,	/* it goes on, after TORN */
	KR_HYPER_TAKEN,		/* incoming, after RECOVER: it has the new
				 * connections, and waits for RESUME there. A
				 * hypervisor may be lost if these break now */
	KR_HYPER_WHAT_N
};

enum kr_hyper_run {		/* what the VM does */
	KR_HYPER_IS_PAUSED,	/* not started yet included */
	KR_HYPER_IS_RUNNING,
	KR_HYPER_IS_WAITING,	/* for an incoming migration, or loading it */
	KR_HYPER_IS_SWITCHING,	/* stopped by a migration under way */
	KR_HYPER_IS_MIGRATED,	/* stopped, and sent completely */
	KR_HYPER_IS_DOWN,	/* powered off */
	KR_HYPER_IS_FAULTY,	/* stopped by an error */
	KR_HYPER_RUN_N
};

enum kr_hyper_mig {		/* how far its migration is */
	KR_HYPER_MIG_NONE,
	KR_HYPER_MIG_SETUP,
	KR_HYPER_MIG_ACTIVE,
	KR_HYPER_MIG_AT_SWITCH,
	KR_HYPER_MIG_SWITCHING,
	KR_HYPER_MIG_POSTCOPY,	/* runs, or may run, at the destination */
	KR_HYPER_MIG_TORN,
	KR_HYPER_MIG_RECOVERING,	/* TORN, and connected anew */
	KR_HYPER_MIG_COMPLETED,
	KR_HYPER_MIG_FAILED,	/* or cancelled, or about to be */
	KR_HYPER_MIG_N
};

/* What `throttle` takes of the processors' time, in percent: up to nearly all,
 * in few steps. */
#define KR_HYPER_THROTTLE_FIRST	20u
#define KR_HYPER_THROTTLE_MORE	20u
#define KR_HYPER_THROTTLE_MOST	95u

struct kr_hyper_open {
	char vm[64];		/* its name in the hypervisor; QEMU: unused */
};

struct kr_hyper_setup {
	uint8_t  incoming;			/* 0 or 1 */
	uint64_t max_bandwidth_bytes_s;		/* 0 = unlimited */
	uint32_t downtime_limit_ms;
	uint8_t  throttle;			/* 1: slow the VM's processors down
						 * until it converges */
	uint8_t  multifd_channels;		/* beside the main one; 0: off */
	uint8_t  postcopy;			/* 1: POSTCOPY may follow; then
						 * without multifd */
	uint8_t  preempt;			/* 1: with a second connection,
						 * if READY said it can be */
};

struct kr_hyper_limit {
	uint32_t downtime_limit_ms;
};

#define KR_HYPER_SAMPLE_S_MAX	60u

struct kr_hyper_sample {
	uint8_t seconds;			/* 1..KR_HYPER_SAMPLE_S_MAX */
};

struct kr_hyper_uri {
	char uri[KR_HYPER_URI_MAX + 1];		/* never empty */
};

struct kr_hyper_ready {
	char		  version[64];
	enum kr_hyper_run run;
	enum kr_hyper_mig mig;
	uint8_t		  preempt;		/* 1: SETUP may ask for it */
};

struct kr_hyper_done {
	uint16_t command;			/* KR_HYPER_OPEN … UNDO */
};

struct kr_hyper_fail {
	uint16_t command;
	uint16_t kr;				/* KR_E_…, in the code table */
	char	 what[KR_HYPER_TEXT_MAX + 1];
};

struct kr_hyper_event {
	enum kr_hyper_what what;
	uint64_t	   at_ns;		/* monotonic, when it happened */
	uint16_t	   kr;			/* BROKEN, GONE: why; else 0 */
	char		   reason[KR_HYPER_TEXT_MAX + 1];	/* may be "" */
};

struct kr_hyper_status {
	enum kr_hyper_run run;
	enum kr_hyper_mig mig;
	uint64_t sent_bytes, left_bytes, total_bytes;	/* memory */
	uint64_t dirty_bytes_s, sent_bytes_s;
	uint32_t rounds;
	uint32_t expected_downtime_ms;
	uint64_t sampled_bytes_s;	/* by the last SAMPLE; 0: not known */
	uint32_t sampled_s;		/* it took */
	uint32_t throttle_percent;	/* of the processors' time, now */
};

/* Writers of bodies; a full writer goes bad. */
void kr_hyper_msg_put_open(struct kr_wr *w, const struct kr_hyper_open *m);
void kr_hyper_msg_put_setup(struct kr_wr *w, const struct kr_hyper_setup *m);
void kr_hyper_msg_put_limit(struct kr_wr *w, const struct kr_hyper_limit *m);
void kr_hyper_msg_put_sample(struct kr_wr *w, const struct kr_hyper_sample *m);
void kr_hyper_msg_put_uri(struct kr_wr *w, const struct kr_hyper_uri *m);
void kr_hyper_msg_put_ready(struct kr_wr *w, const struct kr_hyper_ready *m);
void kr_hyper_msg_put_done(struct kr_wr *w, const struct kr_hyper_done *m);
void kr_hyper_msg_put_fail(struct kr_wr *w, const struct kr_hyper_fail *m);
void kr_hyper_msg_put_event(struct kr_wr *w, const struct kr_hyper_event *m);
void kr_hyper_msg_put_status(struct kr_wr *w, const struct kr_hyper_status *m);

/*
 * Parsers of whole bodies: 0, or KR_E_AGENT_SPOKE with @ret_m untouched.
 * SWITCH, RUN, PAUSE, CANCEL, END, ASK, HOLD, LETGO and POSTCOPY have no
 * body: pass it to _none().
 */
int kr_hyper_msg_open(struct kr_rd *r, struct kr_hyper_open *ret_m,
		      struct kr_err *e);
int kr_hyper_msg_setup(struct kr_rd *r, struct kr_hyper_setup *ret_m,
		       struct kr_err *e);
int kr_hyper_msg_limit(struct kr_rd *r, struct kr_hyper_limit *ret_m,
		       struct kr_err *e);
int kr_hyper_msg_sample(struct kr_rd *r, struct kr_hyper_sample *ret_m,
			struct kr_err *e);
int kr_hyper_msg_uri(struct kr_rd *r, struct kr_hyper_uri *ret_m,
		     struct kr_err *e);
int kr_hyper_msg_none(struct kr_rd *r, struct kr_err *e);
int kr_hyper_msg_ready(struct kr_rd *r, struct kr_hyper_ready *ret_m,
		       struct kr_err *e);
int kr_hyper_msg_done(struct kr_rd *r, struct kr_hyper_done *ret_m,
		      struct kr_err *e);
int kr_hyper_msg_fail(struct kr_rd *r, struct kr_hyper_fail *ret_m,
		      struct kr_err *e);
int kr_hyper_msg_event(struct kr_rd *r, struct kr_hyper_event *ret_m,
		       struct kr_err *e);
int kr_hyper_msg_status(struct kr_rd *r, struct kr_hyper_status *ret_m,
			struct kr_err *e);

/* Names for logs and users. */
const char *kr_hyper_msg_command_name(uint16_t type);
const char *kr_hyper_msg_what_name(enum kr_hyper_what w);
const char *kr_hyper_msg_run_name(enum kr_hyper_run r);
const char *kr_hyper_msg_mig_name(enum kr_hyper_mig m);

#endif
