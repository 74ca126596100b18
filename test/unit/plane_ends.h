/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plane_ends.h - two real agents between ends of QEMU's sockets that the test
 * itself writes to and reads: it is both QEMUs. The stream is plane_late.h's,
 * without its lanes; it goes over to post-copy and is held there.
 */
#ifndef KR_TEST_PLANE_ENDS_H
#define KR_TEST_PLANE_ENDS_H

#include "plane_late.h"

#include <errno.h>

#define CHANNELS	2u
#define LANES		3u
#define LATE_PAGES	20u		/* they wait in the socket, and fit */
#define FIRST_LATE	3u
#define URGENT_PAGE	700u
#define OWED		(PAGES - 1)	/* all but page 0, see put_split() */

static const struct shape {
	uint8_t n_lanes;
	bool	urgent;
} shapes[] = { { 1, false }, { LANES, false }, { LANES, true } };

/* An end of a connection of QEMU's, and what was read there. */
static struct end {
	struct kr_io io;
	uint8_t	     in[1u << 18];
	size_t	     n_in;
} ends[2][CHANNELS];

static struct sent { uint8_t b[1u << 18]; size_t n; } sent[CHANNELS];
static size_t n_early, n_split;		/* bytes up to there, of the first */
static int lane_fds[LANES];		/* the source's, to break them */

/* ---- the stand --------------------------------------------------------- */

static unsigned int n_channels(void)
{
	return stand_urgent ? 2 : 1;
}

static void on_in(void *arg, uint32_t events)
{
	struct end *x = arg;
	ssize_t k = recv(x->io.fd, x->in + x->n_in, sizeof(x->in) - x->n_in,
			 MSG_DONTWAIT);

	(void)events;
	if (k > 0)
		x->n_in += (size_t)k;
	else if (!k || errno != EAGAIN)
		kr_io_del(&x->io);
	stand_check();
}

static void take_end(unsigned int side, unsigned int channel, int fd)
{
	struct end *x = &ends[side][channel];

	assert_true(fd >= 0);
	x->io = (struct kr_io){ .fd = fd, .fn = on_in, .arg = x };
	x->n_in = 0;
	assert_int_equal(kr_io_add(stand.loop, &x->io, EPOLLIN, NULL), 0);
}

static bool is_over(void)
{
	const struct side *s = &stand.side[SRC], *d = &stand.side[DST];

	return s->has_failed || s->is_gone || d->has_failed || d->is_gone;
}

static void fail_if_over(void)
{
	if (is_over())
		fail_msg("source: %s, destination: %s",
			 stand.side[SRC].fail.what, stand.side[DST].fail.what);
}

static bool has_socket(void)
{
	return is_over() || stand.side[SRC].far_fd >= 0;
}

/* Agents and lanes; QEMU has connected at the source. */
static void connect_all(const struct shape *shape)
{
	int fds[CHANNELS], pair[2], tcp[2];
	char src[128];

	begin(NULL);
	stand_open();
	stand_n_lanes = shape->n_lanes;
	stand_urgent = shape->urgent;
	stand_hold = true;
	for (unsigned int i = 0; i < n_channels(); i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC,
					    0, pair), 0);
		take_end(DST, i, pair[0]);
		fds[i] = pair[1];
	}
	stand_start_on(DST, false, fds, n_channels(), 16u << 20, 4000);
	stand_path(src, "src");
	stand_start(SRC, kr_unix_listen(src, 0600), 16u << 20, 4000);
	for (unsigned int i = 0; i < n_channels(); i++)
		take_end(SRC, i, kr_unix_connect(src));
	for (uint8_t i = 0; i < stand_n_lanes; i++) {
		stand_tcp(tcp);
		lane_fds[i] = dup(tcp[0]);
		stand_lane(SRC, i, tcp[0], KEY);
		stand_lane(DST, i, tcp[1], KEY);
	}
	assert_true(stand_await(stand_both_up));
	assert_true(stand_await(has_socket));
	fail_if_over();
}

static void stop_all(void)
{
	for (int i = 0; i < 2; i++)
		assert_int_equal(stand_stop(&stand.side[i], NULL), 0);
	for (unsigned int i = 0; i < stand_n_lanes; i++)
		kr_fd_close(&lane_fds[i]);
	for (unsigned int i = 0; i < 2 * n_channels(); i++) {
		struct end *x = &ends[i % 2][i / 2];

		kr_io_del(&x->io);
		kr_fd_close(&x->io.fd);
	}
	free_lanes();
	stand_close();
}

/* ---- what the source's QEMU writes ------------------------------------- */

static void keep(unsigned int channel, const struct batch *b)
{
	struct sent *s = &sent[channel];
	size_t n = kr_wr_len(&b->w) - KR_BATCH_HEAD_BYTES;

	assert_true(!b->w.bad && n <= sizeof(s->b) - s->n);
	memcpy(s->b + s->n, b->b + KR_BATCH_HEAD_BYTES, n);
	s->n += n;
}

static void make_stream(void)
{
	struct batch *b = put_early(add(0, 0));

	memset(sent, 0, sizeof(sent));
	n_early = kr_wr_len(&b->w) - KR_BATCH_HEAD_BYTES;
	put_discard(b, 1, DISCARDED);
	put_package(b);
	keep(0, b);
	n_split = sent[0].n;
	keep(0, add_late(0, 1, FIRST_LATE, LATE_PAGES - stand_urgent));
	keep(0, add_end(2));
	if (!stand_urgent)
		return;
	b = add(0, 3);
	put_named(b, URGENT_PAGE, 'u');
	keep(1, b);
}

static void write_main(size_t from, size_t to)
{
	assert_int_equal(send(ends[SRC][0].io.fd, sent[0].b + from, to - from,
			      MSG_NOSIGNAL), to - from);
}

/* From here to its end, and on the urgent channel: QEMU has done its part. */
static void write_rest(size_t from)
{
	write_main(from, sent[0].n);
	if (stand_urgent)
		assert_int_equal(send(ends[SRC][1].io.fd, sent[1].b, sent[1].n,
				      MSG_NOSIGNAL), sent[1].n);
	for (unsigned int i = 0; i < n_channels(); i++)
		assert_int_equal(shutdown(ends[SRC][i].io.fd, SHUT_WR), 0);
}

#endif
