/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plane_mfplay.h - what two processes play that stand for QEMUs with multifd,
 * what they report, and their ends of the channels, with a thread each.
 */
#ifndef KR_TEST_PLANE_MFPLAY_H
#define KR_TEST_PLANE_MFPLAY_H

#include "plane_multi.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <semaphore.h>

#include "plane/mfstream.h"

#define PAGE		4096u
#define NAME		"pc.ram"
#define F_SYNC		1u
#define F_ZSTD		4u
#define HEAD		KR_MFSTREAM_HEAD_BYTES
#define BODY_MAX	(KR_MFSTREAM_PAGES * PAGE)

struct play {
	uint64_t     n_pages;
	unsigned int rounds;
	unsigned int parts;		/* sections of a round; 0: 1 */
	bool	     flush;		/* records are marks, as from 8.0 on */
	bool	     zeros;		/* in packets, as from 9.0 on */
	unsigned int straggler;		/* µs from the destination's end to an
					   empty packet behind the last mark */
	unsigned int dies_after;	/* sections; destination; 0: never */
	bool	     no_hash;
	unsigned int odd_round, odd_channel; /* compressed from there on */
	unsigned int slow_us[2];	/* destination: main, first channel */
	int	     room_bytes;	/* of its sockets; 0: usual */
};

/* What the players report; shared memory: [source's, destination's]. */
struct report {
	uint64_t n_bytes[KR_PLANE_LANES_MAX];
	uint8_t	 digest[KR_PLANE_LANES_MAX][32];
	uint64_t back_bytes;
	bool	 broken;
};

static struct report *reports;
static struct play play;

static unsigned int n_parts(void)
{
	return play.parts ?: 1;
}

/* One of a player's channels, its thread and who waits for whom. */
struct end {
	unsigned int  no;
	int	      fd;
	EVP_MD_CTX   *sha;
	pthread_t     thread;
	sem_t	      go, done;
	unsigned int  round, part;
	bool	      sync;
};

static struct end ends[KR_PLANE_LANES_MAX];
static struct report *mine;

static void count(struct end *x, const void *p, size_t n)
{
	if (!play.no_hash)
		EVP_DigestUpdate(x->sha, p, n);
	mine->n_bytes[x->no] += n;
}

/* On any of its threads. */
static void give_up(void)
{
	__atomic_store_n(&mine->broken, true, __ATOMIC_RELAXED);
	_exit(0);
}

static void open_end(unsigned int no, int fd)
{
	ends[no] = (struct end){ .no = no, .fd = fd,
				 .sha = EVP_MD_CTX_new() };
	EVP_DigestInit_ex(ends[no].sha, EVP_sha256(), NULL);
	sem_init(&ends[no].go, 0, 0);
	sem_init(&ends[no].done, 0, 0);
}

static void close_ends(void)
{
	for (unsigned int i = 0; i < stand_n_lanes; i++)
		EVP_DigestFinal_ex(ends[i].sha, mine->digest[i], NULL);
}

#endif
