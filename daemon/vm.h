/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm.h - a VM's hypervisor process on this host, and the agent that speaks
 * to it. The process outlives kororad: a restarted kororad finds it again by
 * its run folder. Whether the VM may run here is the store's matter
 * (vmrow.h); kr_vm_run() is called only where the hand-over or a user with
 * the right says so.
 */
#ifndef KR_DAEMON_VM_H
#define KR_DAEMON_VM_H

#include <net/if.h>
#include <sys/types.h>

#include "daemon/host.h"
#include "daemon/vtpm.h"
#include "daemon/vtpmkey.h"
#include "daemon/wiped.h"
#include "hyper/hyper.h"
#include "hyper/hyper_msg.h"

struct kr_vm;

/* Who is operating the VM just now: one at a time. Any may be NULL. */
struct kr_vm_watch {
	/** The agent speaks with the hypervisor: commands may be sent. */
	void (*ready)(void *arg, const struct kr_hyper_ready *r);
	void (*done)(void *arg, uint16_t command);
	void (*fail)(void *arg, uint16_t command, const struct kr_err *e);
	void (*event)(void *arg, const struct kr_hyper_event *ev);
	void (*status)(void *arg, const struct kr_hyper_status *s);
	/** The process is gone; the kr_vm with it, after this call. */
	void (*gone)(void *arg, const struct kr_err *e);
	void *arg;
};

/* How far the rules are of a VM that has a firewall. */
enum kr_vm_guard {
	KR_VM_OPEN,		/* it has none */
	KR_VM_LOADING,		/* its taps are down, and it is not ready */
	KR_VM_ASLEEP,		/* loaded; to be woken before it runs */
	KR_VM_WAKING,		/* and then it runs */
	KR_VM_GUARDED,
};

struct kr_vm {
	struct kr_vm	  *next;
	struct kr_host	  *host;
	struct kr_vmdef	   def;
	enum kr_hyper_mode mode;
	pid_t		   pid;		/* 0 until its TPM's key is here */
	struct kr_io	   exit;	/* pidfd */
	struct kr_vtpmkey  key;		/* wiped once its TPM has it */
	struct kr_vtpm	   tpm;
	struct kr_chan	   chan;
	pid_t		   agent;
	struct kr_timer	   retry;	/* until the control socket is there */
	unsigned int	   n_tries;
	enum kr_vm_guard   guard;
	char		   taps[KR_VMDEF_NICS_MAX][IFNAMSIZ]; /* if it LOADs */
	struct kr_err	   why;		/* it is ended, if it is; else none */
	bool		   spoke;	/* the agent: READY */
	bool		   ready, dead;
	bool		   dying;	/* killed, and not dead yet */
	bool		   ended;	/* by itself; its last words may come */
	bool		   said_all;	/* the agent: its connection is gone */
	bool		   busy;	/* being started or stopped */
	struct kr_hyper_ready at_ready;	/* valid while ready */
	struct kr_vm_watch watch;
	void		 (*killed)(void *arg, bool dead); /* who had it killed */
	void		  *killed_arg;
	struct kr_timer	   patience;	/* with a process that does not die */
	struct kr_timer	   last;	/* with the last words of one that did */
	struct kr_wiping   wiping;	/* its memory, before it is killed */
	struct kr_timer	   reap;
};

/** kr_vm_find() - The VM's process here, dying or not; NULL if none. */
struct kr_vm *kr_vm_find(struct kr_host *h, const char *name);

/**
 * kr_vm_spawn() - Start a hypervisor for @def, paused
 * @watch: told when it is ready, or gone
 *
 * If it has a TPM, that one's key is asked for first: until it is here the VM
 * has no process, and what fails then is told as gone. Ended in between, it
 * never has one.
 */
int kr_vm_spawn(struct kr_host *h, const struct kr_vmdef *def,
		enum kr_hyper_mode mode, const struct kr_vm_watch *watch,
		struct kr_vm **ret_v, struct kr_err *e);

/**
 * kr_vm_adopt() - Find the process of @def that an earlier kororad started
 *
 * Return: 0; 1 if there is none (its run folder is cleaned up).
 */
int kr_vm_adopt(struct kr_host *h, const struct kr_vmdef *def,
		struct kr_vm **ret_v, struct kr_err *e);

/**
 * kr_vm_tidy() - End and remove what no VM of this host accounts for
 *
 * Hypervisors of starts and offers that a crash cut short; call it when all
 * others are adopted.
 */
void kr_vm_tidy(struct kr_host *h);

/** kr_vm_new() - For vmstart.c: not listed yet; NULL if out of memory. */
struct kr_vm *kr_vm_new(struct kr_host *h, const struct kr_vmdef *def);

/** kr_vm_gone() - For vmstart.c: it has no process, and will have none. */
void kr_vm_gone(struct kr_vm *v, const struct kr_err *e);

/** kr_vm_remove_traces() - For vmstart.c: what is in run/korora/vm/NAME, and its
 * firewall. */
void kr_vm_remove_traces(struct kr_host *h, const char *name);

/** kr_vm_talk() - For vm.c: ready to be attached to its agent, by @retry. */
void kr_vm_talk(struct kr_vm *v);

/** kr_vm_tell_ready() - For vmtalk.c and vm.c: both agents are done with it? */
void kr_vm_tell_ready(struct kr_vm *v);

/** kr_vm_last_words() - For vmtalk.c: @v has ended, and no more will come. */
void kr_vm_last_words(struct kr_vm *v);

/** kr_vm_watch() - Whom to tell from now on; NULL for nobody. */
void kr_vm_watch(struct kr_vm *v, const struct kr_vm_watch *w);

/** kr_vm_command() - Send a command without a body (RUN, PAUSE, …). */
int kr_vm_command(struct kr_vm *v, uint16_t command, struct kr_err *e);
/** kr_vm_setup(), _limit(), _sample(), _hold(), _uri() - The ones with a body. */
int kr_vm_setup(struct kr_vm *v, const struct kr_hyper_setup *s,
		struct kr_err *e);
int kr_vm_limit(struct kr_vm *v, const struct kr_hyper_limit *l,
		struct kr_err *e);
int kr_vm_sample(struct kr_vm *v, uint8_t seconds, struct kr_err *e);
int kr_vm_hold(struct kr_vm *v, int fd, struct kr_err *e);
/** kr_vm_undo() - UNDO; @fd listens at @uri, borrowed. */
int kr_vm_undo(struct kr_vm *v, const char *uri, int fd, struct kr_err *e);
int kr_vm_uri(struct kr_vm *v, uint16_t command, const char *uri,
	      struct kr_err *e);

/**
 * kr_vm_kill() - End the process for good
 * @then: called once; @dead: disks, memory and lock are free. Not dead after
 *        KR_VM_KILL_MS is an error in the log; NULL if nobody waits
 *
 * A killed process executes nothing any more, but a large one needs its time
 * to be taken apart, and one that waits for a disk as long as that takes.
 * kororad goes on meanwhile; kr_vm_find() has it, dying, until it is dead.
 * The watch is forgotten: a later one is told when it is gone after all.
 */
#define KR_VM_KILL_MS	5000u
void kr_vm_kill(struct kr_vm *v, void (*then)(void *arg, bool dead),
		void *arg);

/**
 * kr_vm_clear() - Overwrite all its memory, and end the process for good
 *
 * As kr_vm_kill(), for a process that holds what is another host's now, or
 * never became this host's. It stands still from this call on. What could not
 * be overwritten is an error in the log, where the entry memory-wiped has how
 * much was; the process is ended all the same.
 */
void kr_vm_clear(struct kr_vm *v, void (*then)(void *arg, bool dead),
		 void *arg);

/** kr_vm_folder() - ROOT/run/korora/vm/NAME. */
void kr_vm_folder(const struct kr_host *h, const char *name, char *out,
		  size_t size);

/** kr_vm_fini() - Forget all VMs; their processes go on. */
void kr_vm_fini(struct kr_host *h);

#endif
