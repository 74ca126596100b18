/* SPDX-License-Identifier: Apache-2.0 */
/*
 * undo.c - the play: QEMU's commands in, the return path's messages out, as
 * in QEMU's migration/savevm.c and migration.c. Runs in korora-qmp.
 */
#include "hyper/undo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/fd.h"

enum {				/* the stream: what begins here */
	IS_END, IS_PART = 2, IS_LAST, IS_COMMAND = 8, IS_FOOTER = 0x7e,
};

enum { DO_RESUME = 9, DO_TELL_BITMAP = 10 };	/* commands in it */

enum { SAY_SHUT = 1, SAY_BITMAP = 5, SAY_RESUMED };	/* return path */

#define RAM_IS_OVER	0x10u		/* in a section, in place of a page */
#define BITMAP_END	0x0123456789abcdefull
#define PAGE_BYTES	4096u		/* QEMU's target page */

static const uint8_t ones[65536] = { [0 ... 65535] = 0xff };

uint64_t kr_undo_block_bytes(const char *blocks, const char *name)
{
	const char *line = blocks;
	unsigned long long used;
	char is[256];

	/* name, page size and its unit, offset, used, total */
	for (; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, "%255s %*u %*s %*i %llx", is, &used) == 2 &&
		    !strcmp(is, name))
			return used;
	}
	return 0;
}

void kr_undo_end(struct kr_undo *u)
{
	if (!u->listener.loop)
		return;
	kr_timer_off(&u->timer);
	kr_io_del(&u->listener);
	kr_fd_close(&u->listener.fd);
	kr_io_del(&u->io);
	kr_fd_close(&u->io.fd);
	kr_fd_close(&u->second);
	free(u->blocks);
	u->blocks = NULL;
}

static void slow(void *arg)
{
	kr_undo_end(arg);
}

/* "All of it": a bitmap of ones, in whole words. False if there is none. */
static bool say_bitmap(struct kr_undo *u, struct kr_rd *body)
{
	struct kr_wr w = KR_WR(u->out, sizeof(u->out));
	uint8_t n = kr_rd_u8(body);
	const uint8_t *p = kr_rd_take(body, n);
	uint64_t pages, bytes;
	char name[256] = "";

	if (!kr_rd_done(body))
		return false;
	memcpy(name, p, n);
	pages = kr_undo_block_bytes(u->blocks, name) / PAGE_BYTES;
	bytes = (pages + 63) / 64 * 8;
	kr_wr_u16(&w, SAY_BITMAP);
	kr_wr_u16(&w, (uint16_t)(n + 1));
	kr_wr_u8(&w, n);
	kr_wr_bytes(&w, p, n);
	kr_wr_u64(&w, bytes);
	u->n_head = kr_wr_len(&w);
	kr_wr_u64(&w, BITMAP_END);
	u->n_out = kr_wr_len(&w);
	u->n_ones = bytes;
	return pages && !w.bad;
}

static void say(struct kr_undo *u, uint16_t what, uint32_t value)
{
	struct kr_wr w = KR_WR(u->out, sizeof(u->out));

	kr_wr_u16(&w, what);
	kr_wr_u16(&w, sizeof(value));
	kr_wr_u32(&w, value);
	u->n_out = u->n_head = kr_wr_len(&w);
}

static bool command(struct kr_undo *u, struct kr_rd *r)
{
	uint16_t what = kr_rd_u16(r);
	uint16_t n = kr_rd_u16(r);
	const uint8_t *p = kr_rd_take(r, n);
	struct kr_rd body = KR_RD(p, p ? n : 0);

	if (r->bad)
		return n <= sizeof(u->in) - 5;	/* more of it may come */
	if (what == DO_TELL_BITMAP)
		return say_bitmap(u, &body);
	if (what != DO_RESUME)
		return false;
	say(u, SAY_RESUMED, 1);
	return u->agreed = true;
}

/* A section of RAM that has no page, for there is none to send. */
static bool section(struct kr_rd *r)
{
	uint32_t id = kr_rd_u32(r);
	uint64_t flags = kr_rd_u64(r);
	uint8_t foot = kr_rd_u8(r);
	uint32_t again = kr_rd_u32(r);

	return r->bad || (flags == RAM_IS_OVER && foot == IS_FOOTER &&
			  again == id);
}

/*
 * Take the next of what is read. QEMU is answered at the end of the stream and
 * not before: 7.2 hangs up on itself as soon as the return path is shut.
 */
static bool take(struct kr_undo *u)
{
	struct kr_rd r = KR_RD(u->in, u->n_in);
	uint8_t is = kr_rd_u8(&r);
	bool ok = false;

	if (is == IS_COMMAND && !u->agreed)
		ok = command(u, &r);
	else if ((is == IS_PART || is == IS_LAST) && u->agreed)
		ok = section(&r);
	else if (is == IS_END && u->agreed)
		ok = u->over = true;
	if (!ok)
		return false;
	if (r.bad)
		return true;
	u->n_in = kr_rd_left(&r);
	memmove(u->in, r.p, u->n_in);
	if (u->over)
		say(u, SAY_SHUT, 0);
	return true;
}

/* 1 = written, 0 = not yet, -1 = nobody reads it. */
static int put(struct kr_undo *u, const uint8_t *p, size_t n)
{
	ssize_t k = send(u->io.fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);

	return k > 0 ? (int)k : k < 0 && errno == EAGAIN ? 0 : -1;
}

/* Write the answer; false if that cannot be. */
static bool flush(struct kr_undo *u)
{
	int k = 1;

	while (k > 0 && u->n_out) {
		if (!u->n_head && u->n_ones) {
			k = put(u, ones, u->n_ones < sizeof(ones) ?
				(size_t)u->n_ones : sizeof(ones));
			u->n_ones -= k > 0 ? (uint64_t)k : 0;
			continue;
		}
		k = put(u, u->out, u->n_head ? u->n_head : u->n_out);
		if (k <= 0)
			continue;
		u->n_out -= (size_t)k;
		u->n_head -= u->n_head ? (size_t)k : 0;
		memmove(u->out, u->out + k, u->n_out);
	}
	kr_io_want(&u->io, u->n_out ? EPOLLOUT : EPOLLIN);
	return k >= 0;
}

/* One answer after the other; nothing is read while one is not written. */
static bool work(struct kr_undo *u)
{
	size_t before;

	do {
		if (!flush(u))
			return false;
		before = u->n_in;
		if (u->n_out || !before)
			return true;
		if (u->over) {
			u->n_in = 0;
			return true;
		}
		if (!take(u))
			return false;
	} while (u->n_out || u->n_in != before);
	return true;
}

static void ready(void *arg, uint32_t events)
{
	struct kr_undo *u = arg;
	ssize_t n = 1;

	(void)events;
	if (!u->n_out) {
		n = recv(u->io.fd, u->in + u->n_in, sizeof(u->in) - u->n_in,
			 MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		u->n_in += n > 0 ? (size_t)n : 0;
	}
	if (n <= 0 || !work(u))
		kr_undo_end(u);
}

static void come(void *arg, uint32_t events)
{
	struct kr_undo *u = arg;
	int fd = accept4(u->listener.fd, NULL, NULL, SOCK_CLOEXEC);

	(void)events;
	if (fd < 0)
		return;
	if (u->io.fd < 0) {
		u->io.fd = fd;
		if (kr_io_add(u->listener.loop, &u->io, EPOLLIN, NULL))
			kr_undo_end(u);
	} else {
		kr_fd_close(&u->second);
		u->second = fd;
	}
}

int kr_undo_start(struct kr_loop *l, struct kr_undo *u, const char *blocks,
		  int fd, struct kr_err *e)
{
	int r;

	kr_undo_end(u);
	*u = (struct kr_undo){
		.listener = { .fd = fd, .fn = come, .arg = u },
		.io = { .fd = -1, .fn = ready, .arg = u }, .second = -1,
		.timer = { .fn = slow, .arg = u }, .blocks = strdup(blocks),
	};
	r = u->blocks ? kr_io_add(l, &u->listener, EPOLLIN, e) :
			kr_fail(e, KR_E_SYSTEM, "out of memory");
	if (r) {
		free(u->blocks);
		kr_fd_close(&u->listener.fd);
		u->listener.loop = NULL;
		return r;
	}
	kr_timer_arm(l, &u->timer, KR_UNDO_TIME_MS);
	return 0;
}
