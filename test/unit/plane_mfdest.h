/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plane_mfdest.h - plays the destination's QEMU with multifd, as strictly as
 * QEMU does: it holds each channel at its sync marks until the main one is
 * there, and that one until all are.
 */
#ifndef KR_TEST_PLANE_MFDEST_H
#define KR_TEST_PLANE_MFDEST_H

#include "plane_mfplay.h"

static bool get(struct end *x, void *p, size_t n)
{
	uint8_t *q = p;

	for (size_t left = n; left;) {
		ssize_t k = read(x->fd, q, left);

		if (k < 0 || (!k && left < n))
			give_up();
		if (!k)
			return false;
		q += k;
		left -= (size_t)k;
	}
	count(x, p, n);
	return true;
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static void *read_channel(void *arg)
{
	static _Thread_local uint8_t b[HEAD + BODY_MAX];
	struct end *x = arg;

	while (get(x, b, HEAD)) {
		uint32_t n = be32(b + 16) * PAGE;

		if (be32(b) != 0x11223344 || n > BODY_MAX)
			give_up();
		if (x->no == 1 && play.slow_us[1])
			usleep(play.slow_us[1]);
		if (n && !get(x, b, n))
			give_up();
		if (be32(b + 8) & F_SYNC && !n) {
			sem_post(&x->done);
			sem_wait(&x->go);
		}
	}
	return NULL;
}

static void await_sync(void)
{
	for (unsigned int i = 1; i < stand_n_lanes; i++)
		sem_wait(&ends[i].done);
	for (unsigned int i = 1; i < stand_n_lanes; i++)
		sem_post(&ends[i].go);
}

/* The records of a section, up to its footer. */
static void get_records(struct end *x)
{
	uint8_t b[16];

	for (;;) {
		if (!get(x, b, 8))
			give_up();
		if (play.slow_us[0])
			usleep(play.slow_us[0]);
		switch ((b[6] << 8 | b[7]) & 0xfff) {
		case 0x02:
			get(x, b, 8);
			break;
		case 0x04:
			get(x, b, 15);
			break;
		case 0x200:
			await_sync();
			break;
		case 0x10:
			if (!play.flush)
				await_sync();
			get(x, b, 5);
			return;
		default:
			give_up();
		}
	}
}

static void play_destination(int listener)
{
	uint8_t b[64];

	mine = &reports[DST];
	for (unsigned int i = 0; i < stand_n_lanes; i++) {
		open_end(i, accept4(listener, NULL, NULL, 0));
		if (i)
			get(&ends[i], b, KR_MFSTREAM_INIT_BYTES);
	}
	for (unsigned int i = 1; i < stand_n_lanes; i++)
		pthread_create(&ends[i].thread, NULL, read_channel, &ends[i]);
	get(&ends[0], b, 25);
	get_records(&ends[0]);
	for (unsigned int i = 0; i < play.rounds * n_parts(); i++) {
		get(&ends[0], b, 5);
		get_records(&ends[0]);
		if (i + 1 == play.dies_after)
			_exit(0);
	}
	get(&ends[0], b, 25);
	if (send(ends[0].fd, "complete", 8, MSG_NOSIGNAL) != 8)
		give_up();
	if (play.straggler) {		/* loaded: it wants no more */
		for (unsigned int i = 1; i < stand_n_lanes; i++)
			pthread_detach(ends[i].thread);
		_exit(0);
	}
	for (unsigned int i = 1; i < stand_n_lanes; i++)
		pthread_join(ends[i].thread, NULL);
	if (get(&ends[0], b, 1))
		give_up();
	close_ends();
	_exit(0);
}

#endif
