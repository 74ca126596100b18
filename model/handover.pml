/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handover.pml - both hosts' kororad stepping through the table of
 * policy/handover.c (table.pml, printed from it by gentable), with their acts
 * as in daemon/source.c and daemon/target.c, two hypervisors, and sessions.
 *
 * What may go wrong, FAULTS times in all and in any mixture: a kororad dies,
 * at any point, also between the record and the act, and is started anew with
 * what is durable; a session is cut, with any part of what is under way still
 * delivered, and each side noticing when it likes; a hypervisor dies; a
 * migration fails or is cancelled for some other reason.
 *
 * Inside a session nothing is lost or reordered (TLS sees to that); but both
 * sides may connect at once, so there may be two sessions, and then messages
 * do overtake each other and are repeated.
 *
 * Timers: with SAFETY they may go off whenever they are armed. With LIVE they
 * go off only when nothing is under way, which is what their length is for;
 * then a run that goes on for ever is a livelock.
 */
#include "table.pml"

#ifndef FAULTS
#define FAULTS	2
#endif

#define S	0	/* the source */
#define T	1	/* the target */
#define OTHER	(1 - h)

/* Messages. */
#define OFFER		1
#define ACCEPTANCE	2
#define MANIFEST	3
#define M_PREPARED	4
#define M_RELEASE	5
#define M_OWNER		6
#define M_RECEIPT	7
#define M_ABORT		8
#define M_DISOWN	9
#define M_FAIL		10
#define M_ASK		11

/* A hypervisor's process: outlives kororad. */
#define NONE	0	/* none, or dead */
#define PAUSED	1
#define RUNS	2

/* A session as one side sees it; each side's own, noticed when it likes. */
#define ABSENT	0
#define FRESH	1	/* up, and this kororad has not heard of it yet */
#define UP	2
#define GONE	3	/* cut, likewise */

#define N_LINKS	2
#define NO_LINK	N_LINKS
#define VIEW(h, l)	view[(h) * N_LINKS + (l)]
#define Q(to, l)	q[(to) * N_LINKS + (l)]

/* ---- durable -------------------------------------------------------------- */
byte st[2];		/* in the store */
bool fin[2];		/* the row is finished */
bool accepted;		/* source: terms hold the target's nonce */
bool told;		/* target: terms hold the release's time */
/* ---- of this kororad's life ----------------------------------------------- */
bool alive[2] = true;
byte act[2];		/* recorded, not done yet */
byte raised[2];		/* an event raised while acting, + 1; 0: none */
byte lk[2] = NO_LINK;	/* the session it speaks on */
bool going[2];		/* S: ending, resumes the VM; T: RUN was said */
bool manifest;		/* T: the source's manifest is here */
/* ---- the world -------------------------------------------------------------- */
byte vm[2];
bool sending;		/* S: its hypervisor was told to send */
bool sent;		/* and sent everything */
byte view[2 * N_LINKS];
bool wire[N_LINKS];
chan q[2 * N_LINKS] = [5] of { byte };
byte faults = FAULTS;
bool vm_died;
/* ---- for the properties ------------------------------------------------------- */
bool was_released;

byte k;			/* scratch; 0 between steps */

/* ---- the one law ---------------------------------------------------------------- */

#define OWNS(s)	((s) == T_OWNER || (s) == T_RAN || (s) == T_DONE)

inline law()
{
	/* two never run it, whatever the records say */
	assert(!(vm[S] == RUNS && vm[T] == RUNS));
	/* somebody has the right: the source before its release, the target
	 * from its owner record on; in between the release is on its way */
	assert(BEFORE(st[S]) || st[S] == S_RELEASED || OWNS(st[T]));
	assert(!(BEFORE(st[S]) && OWNS(st[T])));
	/* nobody runs it without the right */
	assert(vm[S] != RUNS || BEFORE(st[S]));
	assert(vm[T] != RUNS || (OWNS(st[T]) && was_released));
	/* when both are done they agree, and it is where they say */
	if
	:: fin[S] && fin[T] ->
		assert((st[S] == S_DONE) == (st[T] == T_DONE));
		assert(st[S] != S_DONE || vm[S] == NONE)
	:: else
	fi;
#ifdef REACH
	assert(!(fin[S] && fin[T] && st[S] == S_DONE && vm[T] == RUNS));
#endif
	assert(!fin[S] || st[S] != S_UNDONE || vm[S] == RUNS || vm_died);
	assert(!fin[T] || st[T] != T_DONE || vm[T] == RUNS || vm_died);
	assert(!fin[T] || st[T] != T_UNDONE || vm[T] == NONE)
}

/* ---- stepping --------------------------------------------------------------------- */

/* Look the edge up, record the new state; the act comes next, or a crash. */
inline step(h, ev)
{
	k = st[h];
	if
	:: edge_to[k * N_EVENTS + (ev)] != ILLEGAL ->
		act[h] = edge_act[k * N_EVENTS + (ev)];
		st[h] = edge_to[k * N_EVENTS + (ev)];
		if
		:: st[h] == S_RELEASED -> was_released = true
		:: else
		fi
	:: else
	fi;
	k = 0
}

inline send(h, m)
{
	if
	:: lk[h] != NO_LINK && wire[lk[h]] ->
		assert(nfull(Q(OTHER, lk[h])));
		Q(OTHER, lk[h])!m
	:: else		/* no session: the edge of SESSION says it then */
	fi
}

inline empty_queue(to, l)
{
	do
	:: len(Q(to, l)) > 0 -> Q(to, l)?_
	:: else -> break
	od
}

/* ---- sessions ----------------------------------------------------------------------- */

inline connect(h)
{
	if
	:: alive[OTHER] ->
		k = 0;
		do
		:: k < N_LINKS && (VIEW(S, k) || VIEW(T, k)) -> k++
		:: else -> break
		od;
		if
		:: k < N_LINKS ->
			wire[k] = true;
			VIEW(S, k) = FRESH;
			VIEW(T, k) = FRESH
		:: else
		fi;
		k = 0
	:: else
	fi
}

inline find_link(h)
{
	if
	:: VIEW(h, 0) == UP -> lk[h] = 0
	:: VIEW(h, 1) == UP -> lk[h] = 1
	:: else
	fi
}

/* kr_mig_reconnect() */
inline reconnect(h)
{
	if
	:: fin[h]
	:: else ->
		if
		:: lk[h] == NO_LINK -> find_link(h)
		:: else
		fi;
		if
		:: lk[h] != NO_LINK -> raised[h] = EV_SESSION + 1
		:: else -> connect(h)
		fi
	fi
}

inline cut(l)
{
	wire[l] = false;
	if
	:: VIEW(S, l) -> VIEW(S, l) = GONE
	:: else
	fi;
	if
	:: VIEW(T, l) -> VIEW(T, l) = GONE
	:: else
	fi
}

/* kr_mig_link_up() */
inline link_up(h, l)
{
	VIEW(h, l) = UP;
	if
	:: !fin[h] && lk[h] == NO_LINK && st[h] != T_NEW && st[h] != S_NEW ->
		lk[h] = l;
		step(h, EV_SESSION)
	:: else
	fi
}

/* kr_mig_link_down(): what was not read by now never will be */
inline link_down(h, l)
{
	VIEW(h, l) = ABSENT;
	empty_queue(h, l);
	if
	:: lk[h] == l || (lk[h] == NO_LINK && st[h] == S_PREPARE) ->
		lk[h] = NO_LINK;
		if
		:: !fin[h] -> step(h, EV_LOST)
		:: else
		fi
	:: else
	fi
}

/* ---- acts ------------------------------------------------------------------------------- */

inline source_act(a)
{
	if
	:: a == A_CONNECT ->
		/* some time: it may be refused, which costs no fault */
		find_link(S);
		if
		:: lk[S] != NO_LINK -> raised[S] = EV_SESSION + 1
		:: else ->
			if
			:: alive[T] -> connect(S)
			:: !alive[T] -> raised[S] = EV_LOST + 1
			fi
		fi
	:: a == A_OFFER -> send(S, OFFER)
	:: a == A_COPY ->
		accepted = true;
		if
		:: vm[S] == NONE -> raised[S] = EV_FAIL + 1
		:: else -> sending = true
		fi
	:: a == A_SWITCH
	:: a == A_MANIFEST -> send(S, MANIFEST)
	:: a == A_RELEASE -> send(S, M_RELEASE)
	:: a == A_RECEIPT -> send(S, M_RECEIPT)
	:: a == A_ABORT -> send(S, M_ABORT)
	:: a == A_DESTROY -> vm[S] = NONE; fin[S] = true
	:: a == A_REVIVE ->
		assert(BEFORE(st[S]));
		send(S, M_FAIL);
		if
		:: accepted -> send(S, M_ABORT)
		:: else
		fi;
		going[S] = true
	:: a == A_RECONNECT -> reconnect(S)
	:: a == A_NONE
	:: else -> assert(false)
	fi
}

inline target_act(a)
{
	if
	:: a == A_RESERVE -> vm[T] = PAUSED
	:: a == A_ACCEPT -> send(T, ACCEPTANCE)
	:: a == A_PREPARED -> send(T, M_PREPARED)
	:: a == A_RUN ->
		if
		:: vm[T] == NONE -> raised[T] = EV_FAIL + 1
		:: else -> going[T] = true
		fi
	:: a == A_OWNED || a == A_LOST_VM -> send(T, M_OWNER)
	:: a == A_COUNTERSIGN -> send(T, M_RECEIPT); fin[T] = true
	:: a == A_DROP ->
		send(T, M_FAIL);
		vm[T] = NONE;
		fin[T] = true
	:: a == A_DISOWN ->
		vm[T] = NONE;
		if
		:: lk[T] == NO_LINK -> reconnect(T)
		:: lk[T] != NO_LINK && told -> send(T, M_DISOWN)
		:: else -> send(T, M_FAIL); send(T, M_ASK)
		fi
	:: a == A_RECONNECT -> reconnect(T)
	:: a == A_REATTACH ->
		if
		:: vm[T] == NONE -> raised[T] = EV_FAIL + 1
		:: else -> reconnect(T)
		fi
	:: a == A_NONE
	:: else -> assert(false)
	fi
}

/* ---- messages ----------------------------------------------------------------------------- */

inline take(h, m)
{
	if
	:: m == M_FAIL ->
		if
		:: !fin[h] && (BEFORE(st[h]) || st[h] == T_PREPARED) ->
			step(h, EV_FAIL)
		:: else
		fi
	:: m == M_ASK -> step(h, EV_ASKED)
	:: m == OFFER -> step(h, EV_OFFERED)
	:: m == ACCEPTANCE -> step(h, EV_ACCEPTED)
	:: m == MANIFEST ->
		if
		:: st[h] == T_LOAD -> manifest = true
		:: else
		fi
	:: m == M_PREPARED -> step(h, EV_PREPARED)
	:: m == M_RELEASE ->
		if
		:: edge_to[st[h] * N_EVENTS + EV_RELEASED] -> told = true
		:: else
		fi;
		step(h, EV_RELEASED)
	:: m == M_OWNER -> step(h, EV_OWNED)
	:: m == M_RECEIPT -> step(h, EV_RECEIPT)
	:: m == M_ABORT -> step(h, EV_ABORTED)
	:: m == M_DISOWN -> step(h, EV_DISOWNED)
	fi
}

/* ---- a host ----------------------------------------------------------------------------------- */

/* Nothing is between the record and the act: news may be taken. */
#define IDLE(h)	(alive[h] && !act[h] && !raised[h])

#define QUIET	(len(q[0]) + len(q[1]) + len(q[2]) + len(q[3]) == 0 && \
		 IDLE(S) && IDLE(T) && \
		 VIEW(S, 0) != FRESH && VIEW(S, 0) != GONE && \
		 VIEW(S, 1) != FRESH && VIEW(S, 1) != GONE && \
		 VIEW(T, 0) != FRESH && VIEW(T, 0) != GONE && \
		 VIEW(T, 1) != FRESH && VIEW(T, 1) != GONE)

#ifdef LIVE
#define TIMER	QUIET
#else
#define TIMER	true
#endif

#define UNSURE(h)	(!fin[h] && st[h] && st[h] != S_NEW && \
			 st[h] != T_NEW && !BEFORE(st[h]) && !ENDED(st[h]))

inline news(h, l)
{
	if
	:: VIEW(h, l) == FRESH -> link_up(h, l)
	:: VIEW(h, l) == GONE -> link_down(h, l)
	:: VIEW(h, l) != FRESH && len(Q(h, l)) > 0 ->
		Q(h, l)?message;
		if
		:: st[h] != T_NEW || message == OFFER ->
			lk[h] = l;
			take(h, message)
		:: else
		fi;
		message = 0
	fi
}

#define HAS_NEWS(h, l)	(VIEW(h, l) == FRESH || VIEW(h, l) == GONE || \
			 len(Q(h, l)) > 0)

proctype source()
{
	byte message;

	do
	:: atomic { alive[S] && act[S] ->
		message = act[S];
		act[S] = 0;
		source_act(message);
		message = 0;
		law()
	   }
	:: atomic { alive[S] && !act[S] && raised[S] ->
		message = raised[S] - 1;
		raised[S] = 0;
		step(S, message);
		message = 0;
		law()
	   }
	:: atomic { IDLE(S) && HAS_NEWS(S, 0) -> news(S, 0); law() }
	:: atomic { IDLE(S) && HAS_NEWS(S, 1) -> news(S, 1); law() }
	/* the hypervisor's news */
	:: atomic { IDLE(S) && st[S] == S_COPY && sending &&
		    vm[S] == PAUSED -> step(S, EV_PAUSED); law() }
	:: atomic { IDLE(S) && st[S] == S_FREEZE && vm[S] == PAUSED ->
		sent = true;
		step(S, EV_SENT);
		law()
	   }
	:: atomic { IDLE(S) && going[S] && st[S] == S_UNDONE && !fin[S] ->
		if
		:: vm[S] == PAUSED -> vm[S] = RUNS
		:: else
		fi;
		sending = false;
		going[S] = false;
		fin[S] = true;
		law()
	   }
	:: atomic { IDLE(S) && (st[S] == S_COPY || st[S] == S_FREEZE) &&
		    !sending -> step(S, EV_FAIL); law() }
	:: atomic { IDLE(S) && vm[S] == NONE && !fin[S] && BEFORE(st[S]) &&
		    st[S] != S_NEW && !ENDED(st[S]) ->
		step(S, EV_FAIL);
		law()
	   }
	/* timers */
	:: atomic { IDLE(S) && TIMER && UNSURE(S) && lk[S] == NO_LINK ->
		reconnect(S) }
	/* a guest does not stand still for ever */
	:: atomic { IDLE(S) && TIMER && (st[S] == S_FREEZE ||
					 st[S] == S_SEAL) ->
		step(S, EV_FAIL);
		law()
	   }
	:: atomic { !alive[S] ->
		alive[S] = true;
		if
		:: st[S] != S_NEW && !fin[S] -> step(S, EV_RESTART)
		:: else
		fi;
		law()
	   }
	od
}

proctype target()
{
	byte message;

	do
	:: atomic { alive[T] && act[T] ->
		message = act[T];
		act[T] = 0;
		target_act(message);
		message = 0;
		law()
	   }
	:: atomic { alive[T] && !act[T] && raised[T] ->
		message = raised[T] - 1;
		raised[T] = 0;
		step(T, message);
		message = 0;
		law()
	   }
	:: atomic { IDLE(T) && HAS_NEWS(T, 0) -> news(T, 0); law() }
	:: atomic { IDLE(T) && HAS_NEWS(T, 1) -> news(T, 1); law() }
	/* the hypervisor's news */
	:: atomic { IDLE(T) && st[T] == T_RESERVE && vm[T] == PAUSED ->
		step(T, EV_READY); law() }
	:: atomic { IDLE(T) && st[T] == T_LOAD && manifest &&
		    vm[T] == PAUSED -> step(T, EV_MATCHED); law() }
	:: atomic { IDLE(T) && st[T] == T_OWNER && going[T] &&
		    vm[T] != NONE ->
		vm[T] = RUNS;
		going[T] = false;
		step(T, EV_RUNNING);
		law()
	   }
	:: atomic { IDLE(T) && vm[T] == NONE && !fin[T] &&
		    (st[T] == T_RESERVE || st[T] == T_LOAD ||
		     st[T] == T_PREPARED || st[T] == T_OWNER) ->
		step(T, EV_FAIL);
		law()
	   }
	/* timers */
	:: atomic { IDLE(T) && TIMER && UNSURE(T) && lk[T] == NO_LINK &&
		    st[T] != T_OWNER -> reconnect(T) }
	:: atomic { IDLE(T) && TIMER && st[T] == T_OWNER && !going[T] ->
		going[T] = true }
	/* the lane ends with the source's part in it */
	:: atomic { IDLE(T) && st[T] == T_LOAD && fin[S] ->
		step(T, EV_FAIL);
		law()
	   }
	:: atomic { !alive[T] ->
		alive[T] = true;
		if
		:: st[T] != T_NEW && !fin[T] -> step(T, EV_RESTART)
		:: else
		fi;
		law()
	   }
	od
}

/* ---- what goes wrong --------------------------------------------------------------------------- */

inline crash(h)
{
	alive[h] = false;
	act[h] = 0;
	raised[h] = 0;
	lk[h] = NO_LINK;
	going[h] = false;
	if
	:: h == T -> manifest = false
	:: else
	fi;
	k = 0;
	do
	:: k < N_LINKS ->
		if
		:: VIEW(h, k) -> cut(k); VIEW(h, k) = ABSENT
		:: else
		fi;
		empty_queue(h, k);
		k++
	:: else -> break
	od;
	k = 0
}

proctype world()
{
	do
	/* a source's hypervisor pauses the VM by itself once told to send */
	:: atomic { sending && vm[S] == RUNS -> vm[S] = PAUSED; law() }
	/* and resumes it by itself if sending breaks before all is sent */
	:: atomic { faults && sending && !sent && vm[S] == PAUSED ->
		faults--;
		sending = false;
		vm[S] = RUNS;
		law()
	   }
	:: atomic { faults && alive[S] -> faults--; crash(S) }
	:: atomic { faults && alive[T] -> faults--; crash(T) }
	:: atomic { faults && wire[0] -> faults--; cut(0) }
	:: atomic { faults && wire[1] -> faults--; cut(1) }
	:: atomic { faults && vm[S] && !vm_died -> faults--; vm_died = true;
		vm[S] = NONE; law() }
	:: atomic { faults && vm[T] && !vm_died -> faults--; vm_died = true;
		vm[T] = NONE; law() }
	:: atomic { faults && IDLE(S) && BEFORE(st[S]) && !ENDED(st[S]) &&
		    st[S] != S_NEW -> faults--; step(S, EV_FAIL); law() }
	:: atomic { faults && IDLE(T) && (st[T] == T_RESERVE ||
		    st[T] == T_LOAD || st[T] == T_PREPARED) ->
		faults--; step(T, EV_FAIL); law() }
	od
}

init
{
	atomic {
		fill_table();
		st[S] = S_NEW;
		st[T] = T_NEW;
		vm[S] = RUNS;
		step(S, EV_REQUEST);
		run source();
		run target();
		run world()
	}
}

/* ---- and it comes to an end ------------------------------------------------------------------------ */

#define SETTLED	(alive[S] && alive[T] && !act[S] && !act[T] && \
		 !raised[S] && !raised[T] && \
		 (fin[S] || st[S] == S_NEW) && (fin[T] || st[T] == T_NEW))

#ifdef LIVE
ltl settles { <> SETTLED }
#endif
