/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.c - the event loop, on epoll. Used by kororad and by every agent.
 *
 * Events of one epoll_wait() are dispatched in order; an io that a handler
 * removes meanwhile is struck from the rest of the batch, so a freed io is
 * never called.
 */
#include "base/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

#define BATCH	64

struct kr_loop {
	int		   epfd;
	bool		   running;
	int		   status;
	struct kr_timer	  *timers;	/* sorted by due_ns */
	struct epoll_event batch[BATCH];
	int		   n_batch;
};

int kr_loop_new(struct kr_loop **ret_l, struct kr_err *e)
{
	struct kr_loop *l = calloc(1, sizeof(*l));

	if (!l)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	l->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epfd < 0) {
		free(l);
		return kr_fail(e, KR_E_SYSTEM, "epoll: %s", strerror(errno));
	}
	*ret_l = l;
	return 0;
}

void kr_loop_free(struct kr_loop *l)
{
	if (!l)
		return;
	kr_fd_close(&l->epfd);
	free(l);
}

void kr_loop_stop(struct kr_loop *l, int status)
{
	l->running = false;
	l->status = status;
}

static int until_next_ms(const struct kr_loop *l)
{
	uint64_t now = kr_now_ns();

	if (!l->timers)
		return -1;
	if (l->timers->due_ns <= now)
		return 0;
	return (int)((l->timers->due_ns - now + 999999u) / 1000000u);
}

static void fire_timers(struct kr_loop *l)
{
	uint64_t now = kr_now_ns();

	while (l->timers && l->timers->due_ns <= now) {
		struct kr_timer *t = l->timers;

		kr_timer_off(t);
		t->fn(t->arg);
	}
}

int kr_loop_run(struct kr_loop *l)
{
	l->running = true;
	l->status = 0;
	while (l->running) {
		int n = epoll_wait(l->epfd, l->batch, BATCH, until_next_ms(l));

		l->n_batch = n > 0 ? n : 0;
		for (int i = 0; i < l->n_batch && l->running; i++) {
			struct kr_io *io = l->batch[i].data.ptr;

			if (io)
				io->fn(io->arg, l->batch[i].events);
		}
		l->n_batch = 0;
		if (l->running)
			fire_timers(l);
	}
	return l->status;
}

int kr_io_add(struct kr_loop *l, struct kr_io *io, uint32_t events,
	      struct kr_err *e)
{
	struct epoll_event ev = { .events = events, .data.ptr = io };

	io->loop = l;
	if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, io->fd, &ev)) {
		io->loop = NULL;
		return kr_fail(e, KR_E_SYSTEM, "epoll add: %s",
			       strerror(errno));
	}
	return 0;
}

void kr_io_want(struct kr_io *io, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = io };

	if (io->loop)
		epoll_ctl(io->loop->epfd, EPOLL_CTL_MOD, io->fd, &ev);
}

void kr_io_del(struct kr_io *io)
{
	struct kr_loop *l = io->loop;

	if (!l)
		return;
	epoll_ctl(l->epfd, EPOLL_CTL_DEL, io->fd, NULL);
	for (int i = 0; i < l->n_batch; i++)
		if (l->batch[i].data.ptr == io)
			l->batch[i].data.ptr = NULL;
	io->loop = NULL;
}

void kr_timer_arm(struct kr_loop *l, struct kr_timer *t, uint64_t in_ms)
{
	struct kr_timer **p = &l->timers;

	kr_timer_off(t);
	t->due_ns = kr_now_ns() + in_ms * 1000000u + 1;
	t->loop = l;
	while (*p && (*p)->due_ns <= t->due_ns)
		p = &(*p)->next;
	t->next = *p;
	*p = t;
}

void kr_timer_off(struct kr_timer *t)
{
	if (!t->due_ns)
		return;
	for (struct kr_timer **p = &t->loop->timers; *p; p = &(*p)->next) {
		if (*p == t) {
			*p = t->next;
			break;
		}
	}
	t->due_ns = 0;
	t->next = NULL;
}
