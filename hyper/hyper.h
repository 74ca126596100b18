/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hyper.h - the adapter interface: everything kororad knows about a
 * hypervisor. An adapter is
 *
 *  - a row of the table here: how to find out what this host's hypervisor
 *    offers (probe), and how to start a VM from its definition (plan);
 *  - an agent program that speaks the messages of hyper_msg.h on one side
 *    and the hypervisor's control language on the other.
 *
 * A new adapter is a row, a plan and an agent; no other room changes. Runs
 * in kororad; starts nothing itself apart from probes.
 */
#ifndef KR_HYPER_H
#define KR_HYPER_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "hyper/kvmtest.h"
#include "hyper/probe.h"
#include "hyper/vmdef.h"

#define KR_LAUNCH_ARGS_MAX	120u
#define KR_LAUNCH_BYTES_MAX	32768u	/* of all arguments together */
#define KR_LAUNCH_FDS_MAX	8u
#define KR_LAUNCH_FD_FIRST	10	/* the first one's number in the child */

enum kr_hyper_mode {
	KR_HYPER_FRESH,		/* a new start; stays paused until RUN */
	KR_HYPER_INCOMING,	/* waits for RECEIVE, then paused until RUN */
	KR_HYPER_INCOMING_EARLY, /* and may run before its memory is there */
};

/* What this host resolves the definition's logical names to. */
struct kr_hyper_storage {
	const char *name;
	const char *dir;		/* absolute */
};

struct kr_hyper_site {
	const char *binary;		/* of the hypervisor, absolute */
	const char *cwd;		/* ROOT/run/korora/vm/NAME, exists */
	const char *console_log;	/* absolute; its folder exists */
	const struct kr_hyper_storage *storages;
	unsigned int n_storages;
	/** One tap per nic, in the definition's order; see kr_tap_open(). */
	int nic_fds[KR_VMDEF_NICS_MAX];
	/** Stream socket of its TPM's control channel, if it has a TPM. */
	int tpm_fd;
};

/*
 * How to start a process for a VM: chdir to cwd, dup2() each of fds to the
 * number KR_LAUNCH_FD_FIRST + i without close-on-exec (the source numbers
 * may lie in the same range: move them away first), close everything else
 * but 0, 1 and 2, exec argv[0] with argv.
 */
struct kr_launch {
	char	    *argv[KR_LAUNCH_ARGS_MAX + 1];	/* NULL-terminated */
	unsigned int argc;
	char	     cwd[PATH_MAX];
	int	     fds[KR_LAUNCH_FDS_MAX];	/* borrowed from the site */
	unsigned int n_fds;
	/** Socket for OPEN, connected by kororad; relative to cwd. */
	const char  *control;
	/** Socket with the guest's console, relative to cwd; NULL if none. */
	const char  *console;
	char	     bytes[KR_LAUNCH_BYTES_MAX]; /* what argv points to */
	size_t	     n_bytes;
	/** File in cwd that is given its pid; NULL if none. */
	const char  *pid_file;
	/** Capabilities that it keeps, a bit for each: 1 << CAP_… */
	uint64_t     keep;
	/** How long to wait for a lock that another holds; 0: not at all. */
	unsigned int lock_s;
};

struct kr_hyper {
	const char *name;	/* hypervisor = NAME of a definition */
	const char *agent;	/* its program in libexec */

	/**
	 * probe() - Find out what this host's hypervisor offers
	 * @binary:    absolute path
	 * @cache_dir: absolute, exists; results are kept there
	 * @ret_p:     for free()
	 *
	 * Blocks, for seconds if nothing is cached.
	 */
	int (*probe)(const char *binary, const char *cache_dir,
		     struct kr_probe **ret_p, struct kr_err *e);

	/**
	 * plan() - Work out how to start a VM
	 * @ret_l: filled; large, so on the heap; not to be copied or moved
	 *
	 * Return: 0; KR_E_NO_STORAGE, KR_E_NO_NETWORK, KR_E_NO_MACHINE.
	 */
	int (*plan)(const struct kr_vmdef *d, const struct kr_hyper_site *s,
		    enum kr_hyper_mode mode, struct kr_launch *ret_l,
		    struct kr_err *e);

	/**
	 * kvm_works() - Run a small guest on the hardware accelerator
	 *
	 * Blocks up to KR_KVMTEST_MS; only for definitions with accel = kvm.
	 * Return: 0; KR_E_NO_ACCEL.
	 */
	int (*kvm_works)(const char *binary, struct kr_err *e);
};

/** kr_hyper_find() - An adapter by name; KR_E_CONFIG if there is none. */
int kr_hyper_find(const char *name, const struct kr_hyper **ret_h,
		  struct kr_err *e);

/** kr_hyper_rows() - All adapters. */
const struct kr_hyper *kr_hyper_rows(unsigned int *ret_n);

#endif
