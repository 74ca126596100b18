/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pump.h - one migration's data plane on one side: the hypervisor's socket,
 * the lanes with a thread each, and what they share. Used by plane/main.c on
 * the agent's loop; the same on both hosts.
 *
 * Bytes are handed on unchanged in both directions, with pressure carried
 * back in both. Any failure of one leg closes all legs at once, since a
 * half-open one would hang QEMU.
 */
#ifndef KR_PLANE_PUMP_H
#define KR_PLANE_PUMP_H

#include <stdint.h>

#include "base/err.h"
#include "base/loop.h"
#include "plane/manifest.h"
#include "plane/plane_msg.h"

struct kr_pump;

struct kr_pump_ops {
	/** For each lane. */
	void (*up)(void *arg, const struct kr_plane_up *up);
	/** Once: all was read, hashed and handed on. */
	void (*manifest)(void *arg, const struct kr_manifest *m);
	/** Once; everything is closed next. May follow @manifest. */
	void (*fail)(void *arg, const struct kr_err *e);
};

/**
 * kr_pump_new() - Take up QEMU's socket
 * @qemu_fd: source: listening, one connection is accepted; destination:
 *           connected; owned by the pump from here on, also on failure
 * @cache_fd: the page cache's file, -1 = none; owned likewise
 *
 * Nothing is read from QEMU before a lane is up.
 */
int kr_pump_new(struct kr_loop *l, const struct kr_plane_start *start,
		int qemu_fd, int cache_fd, const struct kr_pump_ops *ops, void *arg,
		struct kr_pump **ret_p, struct kr_err *e);

/**
 * kr_pump_lane() - Take up a lane; a second one of its number is a failure
 * @fd:   a connected socket, owned by the pump
 * @lane: borrowed; wipe it afterwards
 *
 * Fails through @fail.
 */
void kr_pump_lane(struct kr_pump *p, int fd,
		  const struct kr_plane_lane *lane);

void kr_pump_progress(const struct kr_pump *p,
		      struct kr_plane_progress *ret_m);

/** kr_pump_free() - Close everything; the peer is told if it was unfinished. */
void kr_pump_free(struct kr_pump *p);

#endif
