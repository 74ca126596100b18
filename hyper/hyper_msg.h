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
 *	incoming: SETUP, RECEIVE > … EVENT LOADED, RUN
 *
 * After SENT the VM stays paused at the source, and RUN there undoes the
 * migration (unless the destination ran). After BROKEN the source runs on by
 * itself. DONE says that a command was accepted; how it goes is an event's.
 */
#ifndef KR_HYPER_MSG_H
#define KR_HYPER_MSG_H

#include <stdint.h>

#include "base/cursor.h"
#include "base/err.h"

enum kr_hyper_type {
	/* kororad to agent */
	KR_HYPER_OPEN = 0x0100,	/* control connection: 1 fd; struct open */
	KR_HYPER_SETUP,		/* struct setup; before SEND and RECEIVE */
	KR_HYPER_SEND,		/* uri: start to send the VM there */
	KR_HYPER_RECEIVE,	/* uri: wait there for the VM */
	KR_HYPER_SWITCH,	/* pass the pause before the switch-over */
	KR_HYPER_RUN,		/* run, and tell the network; idempotent */
	KR_HYPER_PAUSE,		/* idempotent */
	KR_HYPER_CANCEL,	/* stop sending; then EVENT BROKEN */
	KR_HYPER_END,		/* end the hypervisor's process */
	KR_HYPER_ASK,		/* > STATUS instead of DONE */
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
	KR_HYPER_LOADED,	/* incoming complete; the VM is paused here */
	KR_HYPER_BROKEN,	/* failed or cancelled; reason */
	KR_HYPER_STOPPED,	/* the VM stopped; at_ns */
	KR_HYPER_RUNNING,	/* the VM runs; at_ns */
	KR_HYPER_SHUTDOWN,	/* powered off; reason */
	KR_HYPER_GONE,		/* control connection lost; reason */
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
	KR_HYPER_MIG_COMPLETED,
	KR_HYPER_MIG_FAILED,	/* or cancelled, or about to be */
	KR_HYPER_MIG_N
};

struct kr_hyper_open {
	char vm[64];		/* its name in the hypervisor; QEMU: unused */
};

struct kr_hyper_setup {
	uint8_t  incoming;			/* 0 or 1 */
	uint64_t max_bandwidth_bytes_s;		/* 0 = unlimited */
	uint32_t downtime_limit_ms;
};

struct kr_hyper_uri {
	char uri[KR_HYPER_URI_MAX + 1];		/* never empty */
};

struct kr_hyper_ready {
	char		  version[64];
	enum kr_hyper_run run;
	enum kr_hyper_mig mig;
};

struct kr_hyper_done {
	uint16_t command;			/* KR_HYPER_OPEN … ASK */
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
};

/* Writers of bodies; a full writer goes bad. */
void kr_hyper_msg_put_open(struct kr_wr *w, const struct kr_hyper_open *m);
void kr_hyper_msg_put_setup(struct kr_wr *w, const struct kr_hyper_setup *m);
void kr_hyper_msg_put_uri(struct kr_wr *w, const struct kr_hyper_uri *m);
void kr_hyper_msg_put_ready(struct kr_wr *w, const struct kr_hyper_ready *m);
void kr_hyper_msg_put_done(struct kr_wr *w, const struct kr_hyper_done *m);
void kr_hyper_msg_put_fail(struct kr_wr *w, const struct kr_hyper_fail *m);
void kr_hyper_msg_put_event(struct kr_wr *w, const struct kr_hyper_event *m);
void kr_hyper_msg_put_status(struct kr_wr *w, const struct kr_hyper_status *m);

/*
 * Parsers of whole bodies: 0, or KR_E_AGENT_SPOKE with @ret_m untouched.
 * SWITCH, RUN, PAUSE, CANCEL, END and ASK have no body: pass it to _none().
 */
int kr_hyper_msg_open(struct kr_rd *r, struct kr_hyper_open *ret_m,
		      struct kr_err *e);
int kr_hyper_msg_setup(struct kr_rd *r, struct kr_hyper_setup *ret_m,
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
