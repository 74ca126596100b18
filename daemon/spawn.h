/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn.h - starting processes: agents, which are jailed and die with
 * kororad, and hypervisors and what belongs to them, which outlive it.
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

/**
 * kr_spawn_lasting() - Start a process that outlives kororad, as @launch says
 *
 * Its output goes to @log. It holds @lock, whose text is its pid, as long as
 * it lives; one that is held by another, and stays so, shows as its end.
 * The lock lies in var/lib, so that losing /run does not hide a process.
 * It has no capability but those of @launch and gets no new privileges.
 */
int kr_spawn_lasting(const struct kr_launch *launch, const char *log,
		   const char *lock, pid_t *ret_pid, struct kr_err *e);

/**
 * kr_spawn_holder() - The process that holds a lock, 0 if none does
 *
 * A pid may have been given to somebody else since, and /run may have been
 * lost; the lock tells.
 */
pid_t kr_spawn_holder(const char *lock);

#endif
