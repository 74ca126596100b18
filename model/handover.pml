/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handover.pml - both hosts' kororad stepping through the table of
 * policy/handover.c (table.pml, printed from it by gentable), with their acts
 * as in daemon/source.c and daemon/target.c, two hypervisors, and sessions.
 *
 * What may go wrong, some times in all (breaking.h) and in any mixture: a kororad dies,
 * at any point, also between the record and the act, and is started anew with
 * what is durable; a session is cut, with any part of what is under way still
 * delivered, and each side noticing when it likes; a hypervisor dies; a
 * migration fails or is cancelled for some other reason; what is undone cannot
 * be recorded at first.
 *
 * Inside a session nothing is lost or reordered (TLS sees to that); but both
 * sides may connect at once, so there may be two sessions, and then messages
 * do overtake each other and are repeated.
 *
 * With EARLY it is a post-copy migration: the target runs the VM while memory
 * still flows; lanes break then, too, and are set up again.
 *
 * Timers: with SAFETY they may go off whenever they are armed. With LIVE they
 * go off only when nothing is under way, which is what their length is for;
 * then a run that goes on for ever is a livelock.
 */
#include "table.pml"

c_decl {
\#include "breaking.h"
}

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
/* post-copy */
#define M_REST		12	/* S: all of it was sent */
#define M_GONE		13	/* S: what was not sent is lost */
#define M_COMPLETE	14	/* T: nothing is owed any more */

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

/* ---- durable ------------------------------------------------------------ */
byte st[2];		/* in the store */
byte kept[2];		/* this is, where a write was left out on purpose;
			 * 0: none was */
bool fin[2];		/* the row is finished */
bool accepted;		/* source: terms hold the target's nonce */
bool told;		/* target: terms hold the release's time */
/* ---- of this kororad's life --------------------------------------------- */
bool alive[2] = true;
byte act[2];		/* recorded, not done yet */
byte due[2];		/* acted already (eager), not recorded yet */
byte owed[2];		/* undone in memory; the store cannot be written, and
			 * this is what a crash goes back to */
byte raised[2];		/* an event raised while acting, + 1; 0: none */
byte lk[2] = NO_LINK;	/* the session it speaks on */
bool going[2];		/* S: ending, resumes the VM; T: RUN was said */
bool closing[2];	/* all is done but the mark on the row */
bool again[2];		/* the timer to try again is armed */
bool manifest;		/* T: the source's manifest is here */
/* ---- the world ---------------------------------------------------------- */
byte vm[2];
bool sending;		/* S: its hypervisor was told to send */
bool sent;		/* and sent everything */
#ifdef EARLY
bool flows;		/* lanes and hypervisors: memory comes through */
bool torn;		/* it did, and S has not been told yet */
bool whole;		/* all of it came */
bool rest;		/* T was told so; of this kororad's life */
#else
#define flows	false
#define whole	true
#define rest	true
#endif
byte view[2 * N_LINKS];
bool wire[N_LINKS];
chan q[2 * N_LINKS] = [5] of { byte };
byte faults = 2;	/* or as breaking.h says */
bool vm_died;
/* ---- for the properties ------------------------------------------------- */
bool was_released;

short k;		/* scratch; 0 between steps */

/* ---- the one law -------------------------------------------------------- */

#define OWNS(s)	((s) == T_OWNER || (s) == T_FETCH || (s) == T_RAN || \
		 (s) == T_DONE)

inline law()
{
	/* two never run it, whatever the records say */
	assert(!(vm[S] == RUNS && vm[T] == RUNS));
	/* somebody has the right: the source before its release, the target
	 * from its owner record on; in between the release is on its way to
	 * one that can take it, or give it back */
	assert(BEFORE(st[S]) || OWNS(st[T]) || (st[S] == S_RELEASED &&
	       (st[T] == T_PREPARED || st[T] == T_DISOWNED)));
	assert(!(BEFORE(st[S]) && OWNS(st[T])));
	/* nobody runs it without the right */
	assert(vm[S] != RUNS || BEFORE(st[S]));
	assert(vm[T] != RUNS || (OWNS(st[T]) && was_released));
	/* what is owed is not thrown away */
	assert(st[T] != T_FETCH || whole || vm_died || vm[S] == PAUSED);
	assert(st[S] != S_STREAM || OWNS(st[T]));
	/* when both are done they agree, and it is where they say */
	assert(!fin[S] || !fin[T] || (st[S] == S_DONE) == (st[T] == T_DONE));
	assert(!fin[S] || st[S] != S_DONE || vm[S] == NONE);
	assert(!fin[S] || st[S] != S_UNDONE || vm[S] == RUNS || vm_died);
	assert(!fin[T] || st[T] != T_DONE || vm[T] == RUNS || vm_died);
	assert(!fin[T] || st[T] != T_UNDONE || vm[T] == NONE)
#ifdef REACH
	; assert(!(fin[S] && fin[T] && st[S] == S_DONE && vm[T] == RUNS))
#endif
}

#define UNSURE(h)	(!fin[h] && st[h] && st[h] != S_NEW && \
			 st[h] != T_NEW && !BEFORE(st[h]) && !ENDED(st[h]))

/* ---- stepping ----------------------------------------------------------- */

/* An event for the end of this step; the act comes in the next, or a crash. */
#define raise(ev)	event = (ev) + 1

inline step(h)
{
	if
	:: event ->
		k = st[h] * N_EVENTS + event - 1;
		event = 0;
		if
		:: edge_to[k] != ILLEGAL ->
			act[h] = edge_act[k];
			if
			:: edge_eager[k] -> due[h] = edge_to[k]
			:: edge_unwritten[k] ->
				kept[h] = (kept[h] -> kept[h] : st[h]);
				st[h] = edge_to[k]
			:: !edge_eager[k] && !edge_unwritten[k] ->
				kept[h] = 0;
				st[h] = edge_to[k]
			/* a full disk does not keep it from being undone */
			:: faults && BEFORE(st[h]) && !ENDED(st[h]) &&
			   ENDED(edge_to[k]) && !kept[h] ->
				faults--;
				owed[h] = st[h];
				st[h] = edge_to[k]
			fi
		:: else
		fi;
		k = 0;
		if
		:: st[h] == S_RELEASED -> was_released = true
		:: else
		fi
	:: else
	fi
}

inline send(h, m)
{
	if
	:: lk[h] == NO_LINK ->	/* the edge of SESSION says it then */
		again[h] = again[h] || UNSURE(h)
	:: else ->
		if
		:: wire[lk[h]] && nfull(Q(OTHER, lk[h])) ->
			Q(OTHER, lk[h])!m
		:: wire[lk[h]] && full(Q(OTHER, lk[h])) ->
			cut(lk[h])	/* it does not read */
		:: else
		fi
	fi
}

inline empty_queue(to, l)
{
	do
	:: len(Q(to, l)) > 0 -> Q(to, l)?_
	:: else -> break
	od
}

/* ---- sessions ----------------------------------------------------------- */

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
		:: else -> again[h] = true; connect(h)
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
		raise(EV_SESSION);
		again[h] = false
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
		:: !fin[h] -> raise(EV_LOST)
		:: else
		fi
	:: lk[h] != l && lk[h] != NO_LINK && UNSURE(h) ->
		raise(EV_SESSION)	/* again, on the one that is left */
	:: else
	fi
}

/* ---- acts --------------------------------------------------------------- */

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
	:: a == A_DESTROY -> vm[S] = NONE; closing[S] = true
	:: a == A_REVIVE ->
		assert(BEFORE(st[S]));
		send(S, M_FAIL);
		if
		:: accepted && !owed[S] -> send(S, M_ABORT)
		:: else
		fi;
		going[S] = true
	:: a == A_RECONNECT -> reconnect(S)
#ifdef EARLY
	:: a == A_FEED ->
		if
		:: lk[S] == NO_LINK -> reconnect(S)
		:: lk[S] != NO_LINK && whole && vm[S] != NONE ->
			send(S, M_REST)
		:: lk[S] != NO_LINK && vm[S] == NONE -> send(S, M_GONE)
		/* lanes anew, if it is there and can */
		:: lk[S] != NO_LINK && !whole && vm[S] != NONE && !flows ->
			if
			:: wire[lk[S]] && alive[T] && vm[T] != NONE &&
			   (st[T] == T_FETCH || st[T] == T_OWNER) ->
				flows = true
			:: else -> again[S] = true
			fi
		:: else
		fi
#endif
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
		:: else ->
			going[T] = true
#ifdef EARLY
			; send(T, M_OWNER)
#endif
		fi
#ifdef EARLY
	:: (a == A_OWNED || a == A_LOST_VM) && st[T] != T_FETCH ->
		send(T, M_COMPLETE)
	:: a == A_OWNED && st[T] == T_FETCH -> send(T, M_OWNER)
#else
	:: a == A_OWNED || a == A_LOST_VM -> send(T, M_OWNER)
#endif
	:: a == A_COUNTERSIGN -> send(T, M_RECEIPT); closing[T] = true
	:: a == A_DROP ->
		send(T, M_FAIL);
		vm[T] = NONE;
		closing[T] = true
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

/* ---- messages ----------------------------------------------------------- */

inline take(h, m)
{
	if
	:: m == M_FAIL ->
		if
		:: !fin[h] && (BEFORE(st[h]) || st[h] == T_PREPARED) ->
			raise(EV_FAIL)
		:: else
		fi
	:: m == M_ASK -> raise(EV_ASKED)
	:: m == OFFER -> raise(EV_OFFERED)
	:: m == ACCEPTANCE -> raise(EV_ACCEPTED)
	:: m == MANIFEST ->
		if
		:: st[h] == T_LOAD -> manifest = true
		:: else
		fi
	:: m == M_PREPARED -> raise(EV_PREPARED)
	:: m == M_RELEASE ->
		if
		:: edge_to[st[h] * N_EVENTS + EV_RELEASED] -> told = true
		:: else
		fi;
		raise(EV_RELEASED)
#ifdef EARLY
	:: m == M_OWNER -> raise(EV_EARLY)
	:: m == M_COMPLETE -> raise(EV_OWNED)
	:: m == M_REST -> rest = true
	:: m == M_GONE ->
		if
		:: st[h] == T_FETCH && whole -> rest = true
		:: st[h] == T_FETCH && !whole -> raise(EV_FAIL)
		:: else
		fi
#else
	:: m == M_OWNER -> raise(EV_OWNED)
#endif
	:: m == M_RECEIPT -> raise(EV_RECEIPT)
	:: m == M_ABORT -> raise(EV_ABORTED)
	:: m == M_DISOWN -> raise(EV_DISOWNED)
	fi
}

/* ---- a host ------------------------------------------------------------- */

/* Nothing is between the record and the act: news may be taken. */
#define IDLE(h)	(alive[h] && !act[h] && !due[h] && !raised[h])

#ifdef EARLY
/* T has something to do before it is quiet */
#define MOURNS	((st[T] == T_FETCH || st[T] == T_OWNER) && \
		 (vm[T] == NONE || going[T]))
#else
#define MOURNS	false
#endif

#define QUIET	(!MOURNS && len(q[0]) + len(q[1]) + len(q[2]) + len(q[3]) == 0 && \
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

/* What both hosts do alike. */
#define EITHER(h, its_act) \
	:: alive[h] && act[h] -> \
		message = act[h]; \
		act[h] = 0; \
		its_act(message) \
	:: alive[h] && !act[h] && due[h] -> \
		st[h] = due[h]; \
		due[h] = 0; \
		kept[h] = 0; \
		was_released = was_released || st[h] == S_RELEASED \
	:: alive[h] && !act[h] && !due[h] && raised[h] -> \
		event = raised[h]; \
		raised[h] = 0 \
	:: IDLE(h) && owed[h] -> owed[h] = 0 \
	:: IDLE(h) && closing[h] && !owed[h] -> \
		closing[h] = false; \
		kept[h] = 0; \
		fin[h] = true \
	:: IDLE(h) && (!closing[h] || owed[h]) && HAS_NEWS(h, 0) -> news(h, 0) \
	:: IDLE(h) && (!closing[h] || owed[h]) && HAS_NEWS(h, 1) -> news(h, 1) \
	:: IDLE(h) && TIMER && UNSURE(h) && again[h] && st[h] != T_OWNER -> \
		again[h] = false; \
		reconnect(h) \
	:: !alive[h] -> \
		alive[h] = true; \
		if \
		:: st[h] != S_NEW && st[h] != T_NEW && !fin[h] -> \
			raise(EV_RESTART) \
		:: else \
		fi

proctype source()
{
	byte message, event;

	do
	:: atomic {
		if
		EITHER(S, source_act)
		/* its hypervisor's news */
		:: IDLE(S) && st[S] == S_COPY && sending && vm[S] == PAUSED ->
			raise(EV_PAUSED)
		:: IDLE(S) && st[S] == S_FREEZE && vm[S] == PAUSED ->
			sent = true;
#ifdef EARLY
			flows = true;
#endif
			raise(EV_SENT)
#ifdef EARLY
		:: IDLE(S) && torn && st[S] == S_STREAM ->
			torn = false;
			raise(EV_FAIL)
		:: IDLE(S) && flows && !whole && vm[S] && vm[T] &&
		   (st[S] == S_RELEASED || st[S] == S_STREAM) &&
		   st[T] != T_PREPARED ->
			whole = true;
			raise(EV_SENT)
#endif
		:: IDLE(S) && (st[S] == S_COPY || st[S] == S_FREEZE) &&
		   !sending -> raise(EV_FAIL)
		:: IDLE(S) && vm[S] == NONE && BEFORE(st[S]) &&
		   st[S] != S_NEW && !ENDED(st[S]) -> raise(EV_FAIL)
		:: IDLE(S) && going[S] && st[S] == S_UNDONE ->
			vm[S] = (vm[S] == PAUSED -> RUNS : vm[S]);
			sending = false;
			going[S] = false;
			closing[S] = true
		/* a guest does not stand still for ever */
		:: IDLE(S) && TIMER && (st[S] == S_FREEZE ||
					st[S] == S_SEAL) -> raise(EV_FAIL)
		fi;
		step(S);
		message = 0;
		law()
	   }
	od
}

proctype target()
{
	byte message, event;

	do
	:: atomic {
		if
		EITHER(T, target_act)
		/* its hypervisor's news */
		:: IDLE(T) && st[T] == T_RESERVE && vm[T] == PAUSED ->
			raise(EV_READY)
		:: IDLE(T) && st[T] == T_LOAD && manifest &&
		   vm[T] == PAUSED -> raise(EV_MATCHED)
		:: IDLE(T) && st[T] == T_OWNER && going[T] &&
		   vm[T] == PAUSED -> vm[T] = RUNS
		:: IDLE(T) && st[T] == T_OWNER && going[T] &&
		   vm[T] == RUNS ->
			going[T] = false;
#ifdef EARLY
			raise(EV_EARLY)
#else
			raise(EV_RUNNING)
#endif
#ifdef EARLY
		:: IDLE(T) && st[T] == T_FETCH && whole && rest &&
		   vm[T] != NONE -> raise(EV_MATCHED)
#endif
		:: IDLE(T) && vm[T] == NONE &&
		   (st[T] == T_RESERVE || st[T] == T_LOAD ||
		    st[T] == T_PREPARED || st[T] == T_OWNER ||
		    st[T] == T_FETCH) ->
			raise(EV_FAIL)
		/* the lane ends with the source's part in it */
		:: IDLE(T) && st[T] == T_LOAD && fin[S] -> raise(EV_FAIL)
		fi;
		step(T);
		message = 0;
		law()
	   }
	od
}

/* ---- what goes wrong ---------------------------------------------------- */

inline tear()
{
#ifdef EARLY
	if
	:: flows && !whole -> flows = false; torn = true
	:: else
	fi
#else
	skip
#endif
}

inline crash(h)
{
	alive[h] = false;
	act[h] = 0;
	due[h] = 0;
	raised[h] = 0;
	if
	:: owed[h] -> st[h] = owed[h]; owed[h] = 0
	:: kept[h] -> st[h] = kept[h]; kept[h] = 0
	:: else
	fi;
	lk[h] = NO_LINK;
	going[h] = false;
	closing[h] = false;
	again[h] = false;
	if
	:: h == T ->
		manifest = false
#ifdef EARLY
		; rest = false
#endif
	:: else
	fi;
	/* a plane that a VM waits for outlives it, but may go with it */
	if
	:: tear()
	:: true
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
	byte event;

	do
	/* a source's hypervisor pauses the VM by itself once told to send */
	:: atomic { sending && vm[S] == RUNS -> vm[S] = PAUSED; law() }
	:: atomic {
		faults -> faults--;
		if
		/* and resumes it by itself if sending breaks before the end */
		:: sending && !sent && vm[S] == PAUSED ->
			sending = false;
			vm[S] = RUNS
		:: alive[S] -> crash(S)
		:: alive[T] -> crash(T)
		:: wire[0] -> cut(0)
		:: wire[1] -> cut(1)
#ifdef EARLY
		:: flows && !whole -> tear()
#endif
		:: vm[S] && !vm_died -> vm_died = true; vm[S] = NONE; tear()
		:: vm[T] && !vm_died -> vm_died = true; vm[T] = NONE; tear()
		:: IDLE(S) && BEFORE(st[S]) && !ENDED(st[S]) ->
			raise(EV_FAIL);
			step(S)
		:: IDLE(T) && (st[T] == T_RESERVE || st[T] == T_LOAD ||
			       st[T] == T_PREPARED) ->
			raise(EV_FAIL);
			step(T)
		:: true		/* none after all */
		fi;
		law()
	   }
	od
}

init
{
	byte event;

	atomic {
		fill_table();
		c_code {
			struct kr_table t = { edge_to, edge_act, edge_eager,
					      edge_unwritten, N_EDGES };
			kr_break(t, &now.faults);
		};
		st[S] = S_NEW;
		st[T] = T_NEW;
		vm[S] = RUNS;
		event = EV_REQUEST + 1;
		step(S);
		run source();
		run target();
		run world()
	}
}

/* ---- and it comes to an end --------------------------------------------- */

#define SETTLED	(alive[S] && alive[T] && !act[S] && !act[T] && \
		 !due[S] && !due[T] && !owed[S] && !owed[T] && \
		 !raised[S] && !raised[T] && \
		 (fin[S] || st[S] == S_NEW) && (fin[T] || st[T] == T_NEW))

#ifdef LIVE
ltl settles { <> SETTLED }
#endif
