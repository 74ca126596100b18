/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handover.h - the hand-over as tables: state x event -> next state and act,
 * for the source and for the target. Pure: no I/O. kororad binds the acts;
 * model/handover.pml is checked against the same tables.
 *
 * The one law: at no instant do two hosts run the VM, and at no instant has
 * no host the right to. The point of no return is the source's edge into
 * KR_S_RELEASED; the target runs the VM only on its edge into KR_T_OWNER.
 */
#ifndef KR_POLICY_HANDOVER_H
#define KR_POLICY_HANDOVER_H

#include <stdbool.h>
#include <stdint.h>

enum kr_side { KR_SOURCE, KR_TARGET, KR_SIDE_N };

/* Numbers are stored: append only. Zero is no state: an illegal edge. */
enum kr_state {
	KR_ILLEGAL = 0,
	/* source */
	KR_S_NEW,	/* asked for, nothing done */
	KR_S_PREPARE,	/* intent logged; connecting */
	KR_S_OFFER,	/* offer signed and sent */
	KR_S_COPY,	/* RAM flows while the VM runs */
	KR_S_FREEZE,	/* the VM is paused, the rest flows */
	KR_S_SEAL,	/* manifest signed and sent */
	KR_S_RELEASED,	/* ownership released: the point of no return */
	KR_S_OWNED,	/* the target owns and runs it; receipt proposed */
	KR_S_DONE,	/* receipt signed by both; the source's copy is gone */
	KR_S_UNDONE,	/* the VM is where it was */
	/* target */
	KR_T_NEW,
	KR_T_RESERVE,	/* offer accepted in principle; hypervisor starting */
	KR_T_LOAD,	/* acceptance signed; RAM arrives */
	KR_T_PREPARED,	/* everything is here and verified; signed */
	KR_T_OWNER,	/* the release is here: this host owns the VM */
	KR_T_RAN,	/* it ran its first instruction here */
	KR_T_DONE,	/* receipt signed by both */
	KR_T_UNDONE,	/* the copy was dropped */
	KR_T_DISOWNED,	/* prepared, then lost before owning: given back */
	/* post-copy: the VM runs at the target, memory is owed by the source */
	KR_S_STREAM,
	KR_T_FETCH,
	KR_STATE_N
};

enum kr_event {
	KR_EV_REQUEST,	/* S: a user asked */
	KR_EV_SESSION,	/* a session with the peer is up */
	KR_EV_OFFERED,	/* T: an offer that passed preflight */
	KR_EV_READY,	/* T: the hypervisor waits for the stream */
	KR_EV_ACCEPTED,	/* S: the target's signed acceptance */
	KR_EV_PAUSED,	/* S: the VM is paused for the switch */
	KR_EV_SENT,	/* S: all sent, own manifest complete; post-copy:
			 * all it takes to run, and later on all memory */
	KR_EV_MATCHED,	/* T: loaded, and both manifests are one; twice, too */
	KR_EV_PREPARED,	/* S: the target's signed prepared */
	KR_EV_RELEASED,	/* T: the source's signed release */
	KR_EV_RUNNING,	/* T: the VM runs */
	KR_EV_OWNED,	/* S: the target's signed owner statement; post-copy:
			 * its signed word that nothing is owed any more */
	KR_EV_RECEIPT,	/* the receipt with the peer's signature */
	KR_EV_FAIL,	/* something failed here or there; a user cancelled */
	KR_EV_LOST,	/* the session is gone */
	KR_EV_ABORTED,	/* T: the source's signed abort */
	KR_EV_DISOWNED,	/* S: the target's signed disown */
	KR_EV_ASKED,	/* the peer asks how it stands */
	KR_EV_RESTART,	/* this kororad was started anew */
	KR_EV_EARLY,	/* post-copy. T: the VM runs, and memory is owed;
			 * S: the target's signed owner statement */
	KR_EVENT_N
};

enum kr_act {
	KR_ACT_NONE,
	KR_ACT_CONNECT,		/* S: open a session */
	KR_ACT_OFFER,		/* S: sign and send the offer */
	KR_ACT_COPY,		/* S: start lanes and hypervisor */
	KR_ACT_SWITCH,		/* S: let the hypervisor send the rest */
	KR_ACT_MANIFEST,	/* S: sign and send the manifest */
	KR_ACT_RELEASE,		/* S: send the signed release */
	KR_ACT_RECEIPT,		/* S: sign and propose the receipt */
	KR_ACT_DESTROY,		/* S: end the VM's copy here */
	KR_ACT_REVIVE,		/* S: drop everything, VM runs on here */
	KR_ACT_RECONNECT,	/* either: try for a session again */
	KR_ACT_ABORT,		/* S: send the signed abort */
	KR_ACT_RESERVE,		/* T: start the hypervisor, paused */
	KR_ACT_ACCEPT,		/* T: sign and send the acceptance */
	KR_ACT_PREPARED,	/* T: send the signed prepared */
	KR_ACT_RUN,		/* T: first instruction, announcement */
	KR_ACT_OWNED,		/* T: send the signed owner statement, or what
				 * was signed that nothing is owed */
	KR_ACT_COUNTERSIGN,	/* T: sign and return the receipt */
	KR_ACT_DROP,		/* T: end the copy */
	KR_ACT_REATTACH,	/* T: find the hypervisor again */
	KR_ACT_DISOWN,		/* T: send the signed disown */
	KR_ACT_LOST_VM,		/* T: the VM died after ownership */
	KR_ACT_FEED,		/* S: let memory flow, or flow again; say it
				 * when all of it did */
	KR_ACT_N
};

struct kr_edge {
	enum kr_state to;	/* KR_ILLEGAL = no such edge */
	enum kr_act   act;
	/** Act, then record: the guest stands still, and a crash in between
	 * is recovered from the old state just as from the new one. */
	bool	      eager;
};

extern const struct kr_edge kr_handover[KR_STATE_N][KR_EVENT_N];

const char *kr_state_name(enum kr_state s);
const char *kr_event_name(enum kr_event ev);
const char *kr_act_name(enum kr_act a);
const char *kr_state_phase(enum kr_state s);	/* for people */

enum kr_side kr_state_side(enum kr_state s);
bool kr_state_ended(enum kr_state s);		/* done or undone */

/** May the source's VM still run on (no release is out)? */
bool kr_state_before_return(enum kr_state s);

/*
 * Fault points: three for every edge, numbered from 1 in the table's order and
 * within an edge in the order in which they are met: RECORD, BEFORE, AFTER; if
 * it is eager BEFORE, RECORD, AFTER. For tests: see base/fault.h.
 */
enum kr_fault_at {
	KR_FAULT_RECORD,	/* the step is not on disk yet */
	KR_FAULT_BEFORE,	/* its act is not begun */
	KR_FAULT_AFTER,		/* it is on disk and its act done */
	KR_FAULT_AT_N
};

struct kr_faultpoint {
	enum kr_state	 from;
	enum kr_event	 ev;
	enum kr_fault_at at;
};

unsigned int kr_handover_n_faults(void);
bool kr_handover_fault(unsigned int number, struct kr_faultpoint *ret);
unsigned int kr_handover_fault_number(enum kr_state from, enum kr_event ev,
				      enum kr_fault_at at);
const char *kr_fault_at_name(enum kr_fault_at at);

#endif
