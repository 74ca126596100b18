/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.h - the event loop: one per process, one thread. Descriptors and
 * timers are structs in the caller's storage; the loop never owns them and
 * a handler may remove any of them, itself included.
 */
#ifndef KR_BASE_LOOP_H
#define KR_BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/err.h"

struct kr_loop;

struct kr_io {
	int		fd;		/* borrowed; -1 = not watched */
	void		(*fn)(void *arg, uint32_t events);	/* EPOLL* bits */
	void	       *arg;
	struct kr_loop *loop;		/* set by kr_io_add() */
};

struct kr_timer {
	uint64_t	 due_ns;	/* monotonic; 0 = not armed */
	void		(*fn)(void *arg);
	void	        *arg;
	struct kr_timer *next;
	struct kr_loop  *loop;
};

int kr_loop_new(struct kr_loop **ret_l, struct kr_err *e);

/** kr_loop_run() - Dispatch until kr_loop_stop(); returns its status. */
int kr_loop_run(struct kr_loop *l);
void kr_loop_stop(struct kr_loop *l, int status);
void kr_loop_free(struct kr_loop *l);

/** kr_io_add() - Watch @io->fd (fn and arg set by the caller) for @events. */
int kr_io_add(struct kr_loop *l, struct kr_io *io, uint32_t events,
	      struct kr_err *e);
/** kr_io_want() - Change what is watched; kr_io_del() is a no-op if not. */
void kr_io_want(struct kr_io *io, uint32_t events);
void kr_io_del(struct kr_io *io);

/** kr_timer_arm() - (Re)arm @t to fire once, @in_ms from now. */
void kr_timer_arm(struct kr_loop *l, struct kr_timer *t, uint64_t in_ms);
void kr_timer_off(struct kr_timer *t);

#endif
