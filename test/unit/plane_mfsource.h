/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plane_mfsource.h - plays the source's QEMU with multifd: in each round all
 * pages go over all channels, some as zero pages, and a sync mark of every
 * channel ends each section. What a page holds follows from its number and the
 * round.
 */
#ifndef KR_TEST_PLANE_MFSOURCE_H
#define KR_TEST_PLANE_MFSOURCE_H

#include "plane_mfplay.h"

static void put(struct end *x, const void *p, size_t n)
{
	const uint8_t *q = p;

	count(x, p, n);
	while (n) {
		ssize_t k = send(x->fd, q, n, MSG_NOSIGNAL);

		if (k <= 0)
			give_up();
		q += k;
		n -= (size_t)k;
	}
}

static bool is_zero(uint64_t page, unsigned int round)
{
	return !play.no_hash && (page + round) % 5 == 0;
}

/* A page moves from channel to channel as the rounds go. */
static unsigned int channel_of(uint64_t page, unsigned int round)
{
	return 1 + (unsigned int)((page / 16 + round) % (stand_n_lanes - 1u));
}

static void fill_page(uint8_t *p, uint64_t page, unsigned int round)
{
	uint64_t x = page * 2654435761u + (play.no_hash ? 0 : round);

	for (size_t i = 0; i < PAGE; i += 8) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		memcpy(p + i, &x, 8);
	}
}

static void put_packet(struct end *x, uint32_t flags, const uint64_t *pages,
		       unsigned int n_normal, unsigned int n_zero,
		       unsigned int round)
{
	static _Thread_local uint8_t b[HEAD + BODY_MAX];
	struct kr_wr w = KR_WR(b, sizeof(b));
	unsigned int n = n_normal + n_zero;

	memset(b, 0, HEAD);
	kr_wr_u32(&w, 0x11223344);
	kr_wr_u32(&w, 1);
	kr_wr_u32(&w, flags);
	kr_wr_u32(&w, n || !play.zeros ? KR_MFSTREAM_PAGES : 0);
	kr_wr_u32(&w, n_normal);
	kr_wr_u32(&w, n_normal * PAGE);
	kr_wr_u64(&w, 7);
	kr_wr_u32(&w, n_zero);
	w.p = b + 64;
	if (n)
		memcpy(w.p, NAME, strlen(NAME));
	w.p = b + 320;
	for (unsigned int i = 0; i < n; i++)
		kr_wr_u64(&w, pages[i] * PAGE);
	for (unsigned int i = 0; i < n_normal; i++)
		fill_page(b + HEAD + i * PAGE, pages[i], round);
	put(x, b, HEAD + n_normal * PAGE);
}

/* Where a part of the pages begins. */
static uint64_t part_at(unsigned int part)
{
	return play.n_pages * part / n_parts();
}

/* A part's pages of this channel, zero ones last in each packet. */
static void put_part(struct end *x, unsigned int round, unsigned int part)
{
	uint64_t end = part_at(part + 1);
	uint64_t pages[KR_MFSTREAM_PAGES], zero[KR_MFSTREAM_PAGES];
	unsigned int n = 0, n_zero = 0;
	uint32_t flags = play.odd_round && round >= play.odd_round &&
			 x->no == play.odd_channel ? F_ZSTD : 0;

	for (uint64_t i = part_at(part); i < end; i++) {
		if (channel_of(i, round) == x->no) {
			if (!is_zero(i, round))
				pages[n++] = i;
			else if (play.zeros)
				zero[n_zero++] = i;
		}
		if (n + n_zero < KR_MFSTREAM_PAGES && i + 1 < end)
			continue;
		memcpy(pages + n, zero, n_zero * sizeof(zero[0]));
		if (n + n_zero)
			put_packet(x, flags, pages, n, n_zero, round);
		n = n_zero = 0;
	}
}

static void *write_channel(void *arg)
{
	struct end *x = arg;
	uint8_t init[KR_MFSTREAM_INIT_BYTES] = {
		0x11, 0x22, 0x33, 0x44, 0, 0, 0, 1,
	};

	init[24] = (uint8_t)(x->no - 1);
	put(x, init, sizeof(init));
	for (;;) {
		sem_wait(&x->go);
		if (x->round)
			put_part(x, x->round, x->part);
		if (!x->sync)
			return NULL;
		put_packet(x, F_SYNC, NULL, 0, 0, 0);
		sem_post(&x->done);
	}
}

/* Have all channels write their part, while the main one goes on. */
static void start_part(unsigned int round, unsigned int part)
{
	for (unsigned int i = 1; i < stand_n_lanes; i++) {
		ends[i].round = round;
		ends[i].part = part;
		ends[i].sync = true;
		sem_post(&ends[i].go);
	}
}

/* A part is what leads up to a mark; the mark itself comes once all channels
 * have theirs. */
static void end_part(struct end *x, const void *p, size_t n)
{
	uint8_t b[32];
	struct kr_wr w = KR_WR(b, sizeof(b));

	put(x, p, n);
	for (unsigned int i = 1; i < stand_n_lanes; i++)
		sem_wait(&ends[i].done);
	if (play.flush)
		kr_wr_u64(&w, 0x200);
	kr_wr_u64(&w, 0x10);
	kr_wr_bytes(&w, "\x7e\0\0\0\2", 5);
	put(x, b, kr_wr_len(&w));
}

static void put_section(struct end *x, const char *type, unsigned int round,
			unsigned int part)
{
	static uint8_t b[1 << 20];
	struct kr_wr w = KR_WR(b, sizeof(b));

	start_part(round, part);
	kr_wr_bytes(&w, type, 5);
	for (uint64_t i = part_at(part); i < part_at(part + 1) && !play.zeros;
	     i++) {
		if (!is_zero(i, round))
			continue;
		kr_wr_u64(&w, i * PAGE | 0x02);
		kr_wr_bytes(&w, "\6" NAME "\0", 8);
	}
	end_part(x, b, kr_wr_len(&w));
}

static void put_setup(struct end *x)
{
	uint8_t b[128];
	struct kr_wr w = KR_WR(b, sizeof(b));

	kr_wr_bytes(&w, "QEVM\0\0\0\3\1\0\0\0\2\3ram\0\0\0\0\0\0\0\4", 25);
	kr_wr_u64(&w, play.n_pages * PAGE | 0x04);
	kr_wr_bytes(&w, "\6" NAME, 7);
	kr_wr_u64(&w, play.n_pages * PAGE);
	start_part(0, 0);
	end_part(x, b, kr_wr_len(&w));
}

static void play_source(const char *path)
{
	uint8_t back[16];

	mine = &reports[SRC];
	for (unsigned int i = 0; i < stand_n_lanes; i++)
		open_end(i, kr_unix_connect(path));
	for (unsigned int i = 1; i < stand_n_lanes; i++)
		pthread_create(&ends[i].thread, NULL, write_channel, &ends[i]);
	put_setup(&ends[0]);
	for (unsigned int i = 0, n = play.rounds * n_parts(); i < n; i++)
		put_section(&ends[0], i + 1 < n ? "\2\0\0\0\2" :
						  "\3\0\0\0\2",
			    1 + i / n_parts(), i % n_parts());
	put(&ends[0], "\4\0\0\0\3 some device's state", 25);
	if (play.straggler) {
		mine->back_bytes = (uint64_t)recv(ends[0].fd, back, 8,
						  MSG_WAITALL);
		usleep(play.straggler);
		put_packet(&ends[1], 0, NULL, 0, 0, 0);
	}
	for (unsigned int i = 1; i < stand_n_lanes; i++) {
		ends[i].round = 0;
		ends[i].sync = false;
		sem_post(&ends[i].go);
		pthread_join(ends[i].thread, NULL);
	}
	close_ends();
	if (!play.straggler)
		mine->back_bytes = (uint64_t)recv(ends[0].fd, back, 8,
						  MSG_WAITALL);
	_exit(0);
}

#endif
