/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jail.h - what every agent does before it reads its first foreign byte:
 * empty root, no capabilities, no new privileges, own user, landlock where
 * the kernel has it, and a seccomp allow-list that kills. One agent, which
 * has to open what the system's resolver opens, has no empty root and a
 * list of what is refused instead.
 */
#ifndef KR_BASE_JAIL_H
#define KR_BASE_JAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/loop.h"

/* Descriptor on which kororad hands every agent its channel. */
#define KR_AGENT_FD	3

struct kr_jail {
	const int *calls;	/* syscalls beside the common ones */
	size_t	   n_calls;
	bool	   net_admin;	/* keeps CAP_NET_ADMIN, may make netlink sockets */
	bool	   threads;	/* it may start threads; never processes */
	bool	   outlives;	/* it may outlive its parent, and sees to its
				 * own end then */
};

/**
 * kr_agent_init() - Take up an agent's life
 * @argv: NAME UID GID, as the spawner passes them; the working directory is
 *        the empty folder that becomes the root
 *
 * Names the log, refuses core dumps, ties this process to its parent's life.
 */
int kr_agent_init(const char *name, int argc, char **argv,
		  struct kr_loop **ret_l, struct kr_err *e);

/**
 * kr_jail_unprivileged() - Give up root, files but to read, other processes
 *
 * The outer half of the jail, for the one agent that needs the system's files
 * and sockets (korora-lookup). kr_jail_enter() is all of it.
 */
int kr_jail_unprivileged(struct kr_err *e);

/** kr_jail_enter() - Give up everything but @j and the common calls. */
int kr_jail_enter(const struct kr_jail *j, struct kr_err *e);

#endif
