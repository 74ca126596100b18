/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pump.h - one migration's data plane on one side: the hypervisor's sockets,
 * the lanes with a thread each, and what they share. Used by plane/main.c on
 * the agent's loop; the same on both hosts.
 *
 * Bytes are handed on unchanged in both directions, with pressure carried
 * back in both. Any failure of one leg closes all legs at once, since a
 * half-open one would hang QEMU; but that of a lane that a running VM needs:
 * then all lanes go, and QEMU waits for new ones. Only a source with multifd goes on to take
 * what QEMU writes to channels other than the main one, into nowhere.
 */
#ifndef KR_PLANE_PUMP_H
#define KR_PLANE_PUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/loop.h"
#include "plane/manifest.h"
#include "plane/plane_msg.h"

struct kr_pump;

struct kr_pump_ops {
	/** For each lane. */
	void (*up)(void *arg, const struct kr_plane_up *up);
	/** With hold, once: QEMU connected, the main channel; @fd is
	 * borrowed. */
	void (*socket)(void *arg, int fd);
	/** Once, if there is a split: all up to it was. */
	void (*split)(void *arg, const struct kr_plane_split *m);
	/** Once: all was read, hashed and handed on. */
	void (*manifest)(void *arg, const struct kr_manifest *m);
	/**
	 * Lanes broke, and new ones can go on; the hypervisor waits. All of
	 * them are gone. @p: how far this side is. May follow @manifest.
	 */
	void (*torn)(void *arg, const struct kr_plane_position *p,
		     const struct kr_err *e);
	/** Once; everything is closed next. May follow @manifest. */
	void (*fail)(void *arg, const struct kr_err *e);
};

/**
 * kr_pump_goes_on() - Is a VM running on what comes through?
 *
 * Then whoever started this is not needed, and its end no reason to end.
 */
bool kr_pump_goes_on(const struct kr_pump *p);

/** kr_pump_is_closed() - All is through, or it failed. */
bool kr_pump_is_closed(const struct kr_pump *p);

/** kr_pump_go() - With hold: read on behind the split. */
void kr_pump_go(struct kr_pump *p);

/**
 * kr_pump_new() - Take up QEMU's sockets
 * @qemu_fds: source: one, listening, kr_channel_count() connections are
 *	      accepted, the main one first; destination: as many, connected,
 *	      the main one first; owned by the pump from here on, also on
 *	      failure
 * @cache_fd: the page cache's file, -1 = none; owned likewise
 *
 * Nothing is read from QEMU before a lane is up.
 */
int kr_pump_new(struct kr_loop *l, const struct kr_plane_start *start,
		const int *qemu_fds, int cache_fd,
		const struct kr_pump_ops *ops, void *arg,
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

/**
 * kr_pump_tear() - Have done with these lanes: @torn follows, or @fail
 *
 * Said to one that is torn, it tells so again.
 */
void kr_pump_tear(struct kr_pump *p);

/** kr_pump_mend() - Torn: new lanes come; @peer: how far it is. */
void kr_pump_mend(struct kr_pump *p, const struct kr_plane_position *peer);

void kr_pump_progress(const struct kr_pump *p,
		      struct kr_plane_progress *ret_m);

/** kr_pump_free() - Close everything; the peer is told if it was unfinished. */
void kr_pump_free(struct kr_pump *p);

#endif
