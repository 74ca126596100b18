/* SPDX-License-Identifier: Apache-2.0 */
/*
 * undo.h - plays the destination of a torn post-copy, to the source's QEMU,
 * so that the VM can be had back there.
 *
 * QEMU knows no way back from post-copy: it cannot know that the VM never ran
 * at the other side. But it resumes a torn one with whoever answers, asks him
 * for each block of RAM which pages he has, and sends the others. We say that
 * we have all of them. So it has nothing more to send, is done within
 * milliseconds, and `cont` runs the VM as after any migration. Nobody else is
 * needed for it: whoever died before may stay dead.
 *
 * QEMU comes where it is told that somebody listens; with postcopy-preempt
 * twice, and has nothing to say on the second connection, or that it is over.
 *
 * Runs in korora-qmp; what it reads, QEMU wrote.
 */
#ifndef KR_UNDO_H
#define KR_UNDO_H

#include "base/loop.h"

#define KR_UNDO_TIME_MS	10000u		/* for all of it */

struct kr_undo {
	struct kr_io	listener;
	struct kr_io	io;		/* the first connection */
	int		second;		/* or -1; not read */
	struct kr_timer timer;
	char	       *blocks;		/* what x-query-ramblock says */
	uint8_t		in[1024];	/* read, not yet understood */
	size_t		n_in;
	uint8_t		out[512];	/* an answer, until all is written: */
	size_t		n_out, n_head;	/* all of it, before the ones */
	uint64_t	n_ones;		/* bytes of 0xff amid it */
	bool		agreed, over;
};

/**
 * kr_undo_start() - Begin to play
 * @blocks: QEMU's answer to x-query-ramblock, copied
 * @fd:     listens where QEMU is told to resume; owned, also on failure
 *
 * Ends by itself: when QEMU hangs up, which is all that is to be told, when
 * it says what we do not expect, and after KR_UNDO_TIME_MS. Then the post-copy
 * is completed, or torn as before. One that plays already is ended.
 */
int kr_undo_start(struct kr_loop *l, struct kr_undo *u, const char *blocks,
		  int fd, struct kr_err *e);

/** kr_undo_block_bytes() - How large a block of RAM is; 0 = not listed. */
uint64_t kr_undo_block_bytes(const char *blocks, const char *name);

/** kr_undo_end() - Hang up; a no-op when nothing plays. */
void kr_undo_end(struct kr_undo *u);

#endif
