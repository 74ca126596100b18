/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn.h - starting processes: agents, which are jailed and die with
 * kororad, and hypervisors, which outlive it.
 */
#ifndef KR_DAEMON_SPAWN_H
#define KR_DAEMON_SPAWN_H

#include <sys/types.h>

#include "daemon/host.h"
#include "hyper/hyper.h"

/**
 * kr_spawn_agent() - Start LIBEXEC/@name and open its channel
 * @c: grants, gone and arg set by the caller; opened on success
 */
int kr_spawn_agent(struct kr_host *h, const char *name, struct kr_chan *c,
		   pid_t *ret_pid, struct kr_err *e);

#define KR_SPAWN_LOCK	"qemu.lock"	/* in the run folder */

/**
 * kr_spawn_hyper() - Start a hypervisor in its run folder
 *
 * Writes qemu.pid there, and holds KR_SPAWN_LOCK as long as it lives; its
 * output goes to @log.
 */
int kr_spawn_hyper(const struct kr_launch *launch, const char *log,
		   pid_t *ret_pid, struct kr_err *e);

#endif
