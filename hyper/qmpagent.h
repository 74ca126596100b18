/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmpagent.h - what korora-qmp knows of its QEMU and of what it was told to
 * do. There is one; the files of the agent hand it to each other:
 *
 *	qmpmain.c	kororad's messages become commands in the queue
 *	qmpqueue.c	which are worked off one after the other
 *	qmpscript.c	as short scripts of QMP commands
 *	qmpanswer.c	what QEMU's answers to these tell
 *	qmpevent.c	what QEMU's events tell
 *	qmptell.c	and how kororad is told
 *
 * It keeps no state that QEMU does not have too: after OPEN it asks QEMU what
 * the VM is doing, and then follows its events.
 */
#ifndef KR_QMPAGENT_H
#define KR_QMPAGENT_H

#include "base/chan.h"
#include "base/loop.h"
#include "hyper/hyper_msg.h"
#include "hyper/qmp.h"
#include "hyper/undo.h"

#define KR_QMPAGENT_LOOK_MS	1	/* from look to look: downtime */
#define KR_QMPAGENT_CALM_MS	1000u	/* from TORN to resuming it */

/* Commands of our own, which nobody sent and nobody is answered. */
enum {
	KR_QMP_WHY = KR_HYPER_COMMAND_END_,	/* why did it break? */
	KR_QMP_LOOK,		/* is it loaded? then EVENT LOADED_EARLY */
	KR_QMP_DROP,		/* what is held, after a migration */
	KR_QMP_PLAY,		/* what undoes a torn post-copy, for CANCEL */
	KR_QMP_OWN_END_
};

struct kr_qmpcommand {
	uint16_t	      type;
	int		      fd;	/* OPEN, HOLD, UNDO; else -1 */
	struct kr_hyper_setup setup;
	struct kr_hyper_uri   uri;
	struct kr_hyper_limit limit;
	struct kr_hyper_sample sample;
};

struct kr_qmpagent {
	struct kr_loop	*loop;
	struct kr_chan	 chan;
	struct kr_qmp	 qmp;
	/* cmds[0] is under way; our own come on top of kororad's */
	struct kr_qmpcommand cmds[KR_HYPER_QUEUE_MAX +
				  KR_QMP_OWN_END_ - KR_HYPER_COMMAND_END_];
	unsigned int	 n_cmds;
	unsigned int	 step;		/* of cmds[0], from 0 */
	bool		 busy;		/* cmds[0] has begun */
	bool		 answered;	/* cmds[0] has been */
	struct kr_hyper_ready vm;	/* version, run, mig */
	uint64_t	 stop_ns;	/* last STOP, 0 = it runs */
	bool		 cancelled;	/* rather than failed; SEND, RECEIVE
					 * reset it */
	bool		 sampling;	/* ASK asks for the rate, too */
	bool		 incoming;	/* which side; see qmpanswer.c */
	bool		 holds;		/* or may hold */
	bool		 torn;		/* and not mended since */
	struct kr_timer	 urge;		/* armed while RECOVER waits */
	bool		 urgent;	/* it is to go out of band */
	bool		 early;		/* LOADED_EARLY is to come */
	uint64_t	 loaded_ns;	/* LOADED, too; 0 = no */
	struct kr_timer	 look;		/* armed while they are, and when it is
					 * undone */
	bool		 oob;		/* QEMU takes some out of band */
	bool		 undoing;	/* CANCEL in post-copy */
	bool		 played;	/* and tried already */
	uint64_t	 torn_ns;	/* heard of last */
	uint64_t	 asked_ns;	/* RESUME, whether it hears; once it
					   does: 0 */
	struct kr_timer	 calm;		/* armed while cmds[0] waits for it */
	uint64_t	 resumed_ns;	/* RESUME, and nothing since */
	struct kr_undo	 undo;
	int		 undo_fd;	/* where QEMU is to find it: */
	struct kr_hyper_uri undo_uri;	/* this listens there; or -1 */
	struct kr_hyper_status status;	/* as ASK collects it */
};

#endif
