/* SPDX-License-Identifier: Apache-2.0 */
/*
 * migration.h - one migration as one host sees it, source or target: its
 * state, what was agreed, and the agents at work for it. Everything that
 * happens to it is an event for kr_mig_step(), which looks the edge up in
 * policy/handover.h, makes the new state durable, and only then acts.
 *
 * source.c and target.c hold the acts; talk.c speaks with the peer, witness.c
 * about both logs, attested.c about what was booted, and sourceword.c and targetword.c hear what it signed,
 * sourcenews.c the source's hypervisor; planes.c speaks with the data plane,
 * lanes.c opens its lanes, record.c speaks with the store, migjson.c with
 * people.
 */
#ifndef KR_DAEMON_MIGRATION_H
#define KR_DAEMON_MIGRATION_H

#include <jansson.h>

#include "daemon/anew.h"
#include "daemon/converge.h"
#include "daemon/dial.h"
#include "daemon/host.h"
#include "daemon/link.h"
#include "daemon/peerquote.h"
#include "daemon/postcopy.h"
#include "daemon/strategy.h"
#include "daemon/vm.h"
#include "evidence/statement.h"
#include "plane/plane_msg.h"
#include "policy/handover.h"
#include "store/migrow.h"

#define KR_MIG_SOCKET	"mig.sock"	/* in the VM's folder */
#define KR_MIG_AGAIN_MS	1000u	/* between attempts to reach the peer */
#define KR_MIG_ANSWER_MS	30000u	/* for the peer's hypervisor to start */
#define KR_MIG_FREEZE_MS	30000u	/* a guest stands still at most */
#define KR_MIG_TRIES_MAX	20u	/* to make a hypervisor run the VM */
#define KR_MIG_QUEUE_MAX	8u	/* events raised while acting */

/* A lane until the data plane has it. */
struct kr_mig_lane {
	struct kr_mig	 *mig;
	struct kr_dial	  dial;		/* at the source */
	int		  fd;		/* its connection, while it is ours */
	struct kr_lanekey key;
	bool		  have_key, given;
};

struct kr_plan;

struct kr_mig {
	struct kr_mig	 *next;
	struct kr_host	 *host;
	/* ---- durable (the store's doc) --------------------------------- */
	enum kr_state	  state;
	struct kr_terms	  terms;
	struct kr_vmdef	  def;
	char		  peer[64];
	enum kr_strategy  strategy;
	/* ---- as asked for ---------------------------------------------- */
	uint32_t	  max_downtime_ms;	/* 0: not said */
	uint32_t	  timeout_s;
	bool		  throttle;	/* the guest may be slowed down */
	bool		  may_early;	/* and auto may pick post-copy */
	uint64_t	  bandwidth_bytes_s;	/* 0: no limit */
	uint32_t	  recall_mib;	/* pages both planes remember */
	bool		  multifd;	/* a lane for each of QEMU's channels */
	bool		  preempt;	/* offered; the terms say if agreed */
	uint64_t	  client;	/* whom to tell; 0: nobody */
	uid_t		  uid;		/* S: of who asked, as it was then */
	uint64_t	  since_ns;	/* it was asked for: timeout_s counts */
	struct kr_plan	 *plan;		/* it is a probe (plan.h); or NULL */
	/* ---- at work --------------------------------------------------- */
	struct kr_link	 *link;
	struct kr_vm	 *vm;
	struct kr_chan	  plane;
	pid_t		  plane_pid;
	bool		  plane_failed;	/* it said so, and does nothing more */
	struct kr_mig_lane lanes[KR_PLANE_LANES_MAX];
	uint8_t		  n_lanes_up;
	bool		  log_vouched, log_cosigned;	/* the peer's; ours */
	bool		  attested;	/* S: the peer, or that is not asked for */
	struct kr_peerquote quote;	/* S: what it booted */
	struct kr_inforce peer_policy;	/* S: as its log said at the offer */
	struct kr_book *book;	/* in force when it began; kept */
	struct kr_requestrow *request;	/* others approved it; owned, or NULL */
	bool		  sending, sent, loaded, broken;
	bool		  touched;	/* S: the hypervisor may not run the VM */
	bool		  have_manifest, have_peer_manifest, running;
	bool		  adrift;	/* its VM's process could not be found out */
	bool		  ending;	/* reviving or dropping */
	bool		  killing;	/* its VM's process is dying */
	void		(*after_kill)(struct kr_mig *m);
	struct kr_nextoffer *next_offer;	/* waits until finished; NULL */
	bool		  finished, stepping;
	bool		  settled;	/* only the mark on the row is left */
	enum kr_state	  owed;		/* undone in memory; the store says this */
	enum kr_event	  owed_ev;	/* what undid it */
	bool		  owes_certainty;	/* a release may be on disk */
	struct kr_manifest manifest;
	struct kr_postcopy pc;
	struct kr_anew	  anew;
	struct kr_dsse_sig sig, peer_sig;	/* of the newest statements */
	enum kr_statement sig_kind, peer_kind;	/* KR_STATEMENT_N: none */
	bool		  have_peer_sig;
	uint32_t	  heard;	/* kinds of the peer's, on record */
	uint64_t	  started_ns, paused_ns, released_ns, running_ns;
	struct kr_plane_progress progress;
	struct kr_hyper_status status;
	struct kr_converge converge;	/* at the source */
	bool		  asked;	/* the hypervisor, and no answer yet */
	bool		  ask_again;	/* once that is here */
	uint64_t	  pass_ns;	/* when its newest pass began */
	struct kr_timer	  timeout, freeze, tick, again, reap;
	unsigned int	  n_again, n_tries;
	bool		  run_asked;	/* T: and RUN is not answered yet */
	json_t		 *result;	/* as recorded when it finished */
	struct kr_err	  error;	/* the first cause */
	struct kr_err	  suspect;	/* an effect whose cause may follow */
	enum kr_event	  queue[KR_MIG_QUEUE_MAX];
	unsigned int	  n_queue;
};

typedef int (*kr_mig_act)(struct kr_mig *m, struct kr_err *e);
extern const kr_mig_act kr_source_acts[KR_ACT_N], kr_target_acts[KR_ACT_N];

/* ---- life -------------------------------------------------------------- */

/** kr_mig_new() - A migration in @state, listed; NULL without memory. */
struct kr_mig *kr_mig_new(struct kr_host *h, enum kr_state state);

/** kr_mig_forget() - Nothing came of it: free it, a little later. */
void kr_mig_forget(struct kr_mig *m);

/** kr_mig_find() - By id, also one that only the store knows; NULL. */
struct kr_mig *kr_mig_find(struct kr_host *h, const uint8_t id[16]);

/** kr_mig_with() - Is any unfinished one with this peer? */
bool kr_mig_with(struct kr_host *h, const char *peer);

/** kr_mig_of_vm() - The unfinished one of this VM; NULL if none. */
struct kr_mig *kr_mig_of_vm(struct kr_host *h, const char *vm);

/**
 * kr_mig_step() - Something happened
 *
 * Return: 0; KR_E_NO_EDGE if the table has no such edge, nothing changed.
 */
int kr_mig_step(struct kr_mig *m, enum kr_event ev, struct kr_err *e);

/**
 * kr_mig_catch_up() - Record what was undone, if the store could not be written
 *
 * Who asks meanwhile is told so all the same, with an abort: that it will never
 * be released holds already.
 */
int kr_mig_catch_up(struct kr_mig *m, struct kr_err *e);

/** kr_mig_fail() - Keep the first cause, then KR_EV_FAIL. */
void kr_mig_fail(struct kr_mig *m, const struct kr_err *e);

/**
 * kr_mig_suspect() - A hypervisor broke off while its stream was flowing
 *
 * The data plane may know why, and says so in the next moment; until then
 * this is only what was seen first.
 */
void kr_mig_suspect(struct kr_mig *m, const struct kr_err *e);

/**
 * kr_mig_expect() - The peer owes something: fail if it is not here in time
 * kr_mig_expected() - It came
 *
 * Only before the point of no return; every step that changes the state
 * ends the wait. Nobody holds a hypervisor here by saying nothing.
 */
void kr_mig_expect(struct kr_mig *m, uint32_t in_ms, const char *what);
void kr_mig_expected(struct kr_mig *m);

/**
 * kr_mig_finish() - Nothing is left to do: tell, mark the row, tidy
 *
 * What cannot be recorded now is tried again every second, until it is.
 */
void kr_mig_finish(struct kr_mig *m);

/** kr_mig_welcome() - May one begin? KR_E_NO_DAEMON while this one ends. */
int kr_mig_welcome(const struct kr_host *h, struct kr_err *e);

/**
 * kr_mig_undo_all() - This kororad ends: undo what can be undone
 * kr_mig_undoing() - Is any of these not finished yet?
 */
void kr_mig_undo_all(struct kr_host *h);
bool kr_mig_undoing(const struct kr_host *h);

/** kr_mig_recover() - Take up what an earlier kororad left unfinished. */
int kr_mig_recover(struct kr_host *h, struct kr_err *e);
void kr_mig_fini(struct kr_host *h);

/* ---- for source.c and target.c ----------------------------------------- */

/** kr_mig_send() - Sign (once) and send statement @k. */
int kr_mig_send(struct kr_mig *m, enum kr_statement k, struct kr_err *e);

/** kr_mig_ask() - Ask the peer how the migration stands; best effort. */
void kr_mig_ask(struct kr_mig *m);

/** kr_mig_send_fail() - Tell the peer why; best effort. */
void kr_mig_send_fail(struct kr_mig *m);

/**
 * kr_mig_order() - Say that to the data plane, if the rules allow it
 * @w: NULL for an empty message; @fds are borrowed
 */
int kr_mig_order(struct kr_mig *m, enum kr_plane_msg order,
		 const struct kr_wr *w, const int *fds, unsigned int n_fds,
		 struct kr_err *e);

/**
 * kr_mig_plane() - Start the data plane on the hypervisor's sockets
 * @fds: source: one that listens; destination: those of kr_mig_connect();
 *	 borrowed
 */
int kr_mig_plane(struct kr_mig *m, const int *fds, unsigned int n_fds,
		 struct kr_err *e);

/** kr_mig_channels() - Connections that the hypervisors make: 1, lanes, or one
 * for what is asked for in post-copy beside the only one. */
unsigned int kr_mig_channels(const struct kr_mig *m);

/** kr_mig_multifd() - Of these, multifd's beside the main one. */
uint8_t kr_mig_multifd(const struct kr_mig *m);

/** kr_mig_connect() - Destination: as many connections as the hypervisor
 * awaits, the main channel's first: it takes the first for that.
 * kr_mig_hang_up() - Close ours; those that a data plane was given stay. */
int kr_mig_connect(const struct kr_mig *m, struct kr_anew_ends *ret_ends,
		   struct kr_err *e);
void kr_mig_hang_up(struct kr_anew_ends *ends);

/** kr_mig_rounds() - Over memory: the hypervisor's word, or the plane's. */
uint32_t kr_mig_rounds(const struct kr_mig *m);

/**
 * kr_mig_end_vm() - End the VM's process if it is this migration's
 * @then: what comes once it is dead, or KR_VM_KILL_MS after it was killed;
 *        called from here if there is none; takes the place of an earlier one
 */
void kr_mig_end_vm(struct kr_mig *m, enum kr_state st,
		   void (*then)(struct kr_mig *m));

/** kr_mig_socket() - Where its hypervisor here listens or connects. */
void kr_mig_socket(const struct kr_mig *m, char path[PATH_MAX]);
/** kr_mig_listen() - S: for its hypervisor to connect. Return: what listens,
 * the caller's; or an error. */
int kr_mig_listen(const struct kr_mig *m, struct kr_err *e);
/** kr_mig_unlink_socket() - Nobody is to connect any more; the VM's folder
 * lives on. */
void kr_mig_unlink_socket(const struct kr_mig *m);

/** kr_mig_take_manifest() - S: what the terms say of the stream. */
void kr_mig_take_manifest(struct kr_mig *m, const struct kr_manifest *own);

/** kr_mig_has_plane() - Is there a data plane, and did it not fail? */
bool kr_mig_has_plane(const struct kr_mig *m);

/** kr_mig_stop_plane() - End the data plane and its lanes. */
void kr_mig_stop_plane(struct kr_mig *m);

/** kr_mig_reconnect() - A session with the peer, now or later. */
int kr_mig_reconnect(struct kr_mig *m, struct kr_err *e);

/** kr_mig_log_head() - This host's log as statements cite it. */
void kr_mig_log_head(struct kr_mig *m, struct kr_terms_log *ret);

/* Hooks, by side, called by migration.c. */
void kr_source_plane(struct kr_mig *m, uint16_t what);
void kr_target_plane(struct kr_mig *m, uint16_t what);
int kr_source_statement(struct kr_mig *m, const struct kr_step *s,
			struct kr_err *e);
int kr_target_statement(struct kr_mig *m, const struct kr_step *s,
			struct kr_err *e);
/** kr_target_refuse() - Say that nothing comes of an offer, and why. */
int kr_target_refuse(struct kr_link *l, const struct kr_offer *o,
		     const struct kr_err *why);
int kr_target_offer(struct kr_link *l, const struct kr_offer *o,
		    struct kr_err *e);
/** kr_target_hear() - The same for one that waited: an error that ends the
 * session ends it here. */
void kr_target_hear(struct kr_link *l, const struct kr_offer *o);
/** kr_target_match() - Is all here that it takes, and the same as sent? */
void kr_target_match(struct kr_mig *m);
/** kr_source_ask() - Ask the hypervisor how far it is, if it may be asked. */
void kr_source_ask(struct kr_mig *m);
/** kr_source_session() - Take what the offer says of the session. */
void kr_source_session(struct kr_mig *m);
/** kr_source_ready() - Say the offer, if both logs are vouched for (witness.h)
 * and the peer has said what it booted (attested.h). */
void kr_source_ready(struct kr_mig *m);
/** kr_source_start() - Begin: @m holds what was asked for. */
int kr_source_start(struct kr_mig *m, struct kr_err *e);
/** kr_source_watch() - Hear its hypervisor's news (sourcenews.c). */
void kr_source_watch(struct kr_mig *m);
/** kr_source_sent() - Are both the hypervisor and the data plane done? */
void kr_source_sent(struct kr_mig *m);
/** kr_source_revive() - The VM is to run on here, whatever that takes. */
void kr_source_revive(struct kr_mig *m);
/** kr_source_insist() - Resuming takes long: try once more. */
void kr_source_insist(struct kr_mig *m);
/** kr_target_insist() - The VM must run here: tell the hypervisor again. */
void kr_target_insist(struct kr_mig *m);

/** kr_mig_check_peer() - Did the peer sign @k about our terms? */
int kr_mig_check_peer(struct kr_mig *m, const struct kr_step *s,
		      struct kr_err *e);

/**
 * kr_mig_heard() - May this statement come now, and did the peer sign it?
 * @before: the terms without what was taken from @s, put back on failure
 */
int kr_mig_heard(struct kr_mig *m, const struct kr_step *s, enum kr_event ev,
		 const struct kr_terms *before, struct kr_err *e);

/* ---- news from links --------------------------------------------------- */

void kr_mig_link_up(struct kr_link *l);
void kr_mig_link_down(struct kr_link *l);
int kr_mig_message(struct kr_link *l, uint16_t type, struct kr_rd *r,
		   struct kr_err *e);

/* ---- lanes, until the data plane has them (lanes.c) -------------------- */

/** kr_lanes_wanted() - As configured, or by this host's processors; and one
 * more for what is asked for in post-copy. */
uint8_t kr_lanes_wanted(const struct kr_config *c, bool preempt);
/** kr_lanes_allowed() - As many as an offer may have: each takes memory of this
 * host's. As configured, or what any host would want by itself. */
uint8_t kr_lanes_allowed(const struct kr_config *c, bool multifd, bool preempt);
void kr_lanes_init(struct kr_mig *m);
void kr_lanes_close(struct kr_mig *m);

/** kr_lanes_ask() - Ask the session's agent for the lanes' keys. */
int kr_lanes_ask(struct kr_mig *m, struct kr_err *e);

/** kr_lanes_key() - A lane's key came. */
void kr_lanes_key(struct kr_link *l, const struct kr_lanekey *k);

/** kr_lanes_in() - A connection of the peer's says that it is this lane
 *
 * Takes @fd. Return: 0 if a migration expected it. */
int kr_lanes_in(struct kr_link *l, const uint8_t id[16], uint8_t lane, int fd,
		struct kr_err *e);

/* ---- for people -------------------------------------------------------- */

/** kr_mig_tell() - How far it is, to who waits for that. */
void kr_mig_tell(struct kr_mig *m);

/** kr_mig_describe() - The status object of the local API. */
json_t *kr_mig_describe(const struct kr_mig *m);
/** kr_mig_result() - The result object of `migrate`. */
json_t *kr_mig_result(const struct kr_mig *m);
json_t *kr_mig_error(const struct kr_err *e);

#endif
