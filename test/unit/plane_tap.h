/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plane_tap.h - taps between a QEMU and its agent, for tests of the data plane:
 * a thread for each connection relays it both ways and takes the SHA-256 of
 * what goes forward, from the source to the destination, and of what comes
 * back. What QEMU writes counts when it is read, and what it is given counts
 * when its socket has it: bytes that a relay could not pass on are missing.
 */
#ifndef KR_TEST_PLANE_TAP_H
#define KR_TEST_PLANE_TAP_H

#include "plane_stand.h"

#include "plane/mfstream.h"

#include <poll.h>
#include <pthread.h>

#include <openssl/evp.h>

#define TAPS_MAX	KR_PLANE_LANES_MAX
#define FORWARD		0
#define BACK		1

struct tap_way {
	EVP_MD_CTX *sha;	/* of all but what is in @last */
	uint64_t    n_bytes;
	uint8_t	    last[KR_MFSTREAM_HEAD_BYTES];
	size_t	    n_last;
	uint8_t	    digest[32], before_last[32];
	bool	    broken;	/* the reader is gone: the rest is lost */
};

struct tap {
	pthread_t      thread;
	int	       fds[2];	/* read from on the way FORWARD, and BACK */
	int	       qemu;	/* which of them is QEMU's */
	uint64_t       flip_at;	/* a byte to change on the way FORWARD, or 0 */
	struct tap_way way[2];
};

/* Those of one side; their order is that of QEMU's connections. */
struct taps {
	struct tap   tap[TAPS_MAX];
	unsigned int n;
	int	     listener;	/* source */
	pthread_t    acceptor;
	char	     agent[128];
};

/* No assertions in threads: they would jump out of another's stack. */
static inline void tap_must(bool good, const char *what)
{
	if (!good) {
		perror(what);
		abort();
	}
}

static inline void tap_hash(struct tap_way *w, const uint8_t *b, size_t n)
{
	tap_must(EVP_DigestUpdate(w->sha, b, n) == 1, "SHA-256");
}

static inline void tap_note(struct tap_way *w, const uint8_t *b, size_t n)
{
	size_t room = sizeof(w->last), out;

	w->n_bytes += n;
	if (n >= room) {
		tap_hash(w, w->last, w->n_last);
		tap_hash(w, b, n - room);
		memcpy(w->last, b + n - room, room);
		w->n_last = room;
		return;
	}
	out = w->n_last + n > room ? w->n_last + n - room : 0;
	tap_hash(w, w->last, out);
	w->n_last -= out;
	memmove(w->last, w->last + out, w->n_last);
	memcpy(w->last + w->n_last, b, n);
	w->n_last += n;
}

static inline void tap_final(const EVP_MD_CTX *sha, uint8_t digest[32])
{
	EVP_MD_CTX *copy = EVP_MD_CTX_new();

	tap_must(copy && EVP_MD_CTX_copy_ex(copy, sha) == 1 &&
		 EVP_DigestFinal_ex(copy, digest, NULL) == 1, "SHA-256");
	EVP_MD_CTX_free(copy);
}

static inline void tap_pass(struct tap *t, int way, uint8_t *b, size_t n,
			    uint64_t at)
{
	struct tap_way *w = &t->way[way];
	size_t sent = 0;

	if (way == t->qemu)
		tap_note(w, b, n);
	if (way == FORWARD && t->flip_at && t->flip_at - at < n)
		b[t->flip_at - at] ^= 1;
	while (sent < n && !w->broken) {
		ssize_t k = send(t->fds[!way], b + sent, n - sent,
				 MSG_NOSIGNAL);

		if (k > 0)
			sent += (size_t)k;
		else
			w->broken = true;
	}
	if (way != t->qemu)
		tap_note(w, b, sent);
}

/* Both ways, until both have ended. */
static inline void *tap_run(void *arg)
{
	struct tap *t = arg;
	struct pollfd f[2] = { { t->fds[0], POLLIN, 0 },
			       { t->fds[1], POLLIN, 0 } };
	uint64_t at[2] = { 0 };
	static _Thread_local uint8_t b[65536];

	while (f[0].fd >= 0 || f[1].fd >= 0) {
		poll(f, 2, -1);
		for (int way = 0; way < 2; way++) {
			ssize_t k;

			if (f[way].fd < 0 || !f[way].revents)
				continue;
			k = read(f[way].fd, b, sizeof(b));
			if (k <= 0) {
				shutdown(t->fds[!way], SHUT_WR);
				f[way].fd = -1;
				continue;
			}
			tap_pass(t, way, b, (size_t)k, at[way]);
			at[way] += (uint64_t)k;
		}
	}
	for (int way = 0; way < 2; way++) {
		struct tap_way *w = &t->way[way];

		tap_final(w->sha, w->before_last);
		tap_hash(w, w->last, w->n_last);
		tap_final(w->sha, w->digest);
		EVP_MD_CTX_free(w->sha);
		close(t->fds[way]);
	}
	return NULL;
}

/* The next tap of a side takes up its work; it owns the descriptors. */
static inline void tap_start(struct taps *s, int from, int to, int qemu)
{
	struct tap *t = &s->tap[s->n++];

	t->fds[0] = from;
	t->fds[1] = to;
	t->qemu = qemu;
	for (int way = 0; way < 2; way++) {
		t->way[way].sha = EVP_MD_CTX_new();
		tap_must(EVP_DigestInit_ex(t->way[way].sha, EVP_sha256(),
					   NULL) == 1, "SHA-256");
	}
	tap_must(!pthread_create(&t->thread, NULL, tap_run, t), "thread");
}

static inline void *taps_accept(void *arg)
{
	struct taps *s = arg;
	unsigned int n = s->n;

	for (s->n = 0; s->n < n;) {
		int from = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
		int to = kr_unix_connect(s->agent);

		tap_must(from >= 0 && to >= 0, "tap");
		tap_start(s, from, to, FORWARD);
	}
	close(s->listener);
	return NULL;
}

/* Source: QEMU will connect @n times to @path, where the agent listens at
 * @agent. */
static inline void taps_source(struct taps *s, unsigned int n,
			       const char *path, const char *agent,
			       uint64_t flip_at)
{
	*s = (struct taps){ .n = n };
	s->tap[0].flip_at = flip_at;
	snprintf(s->agent, sizeof(s->agent), "%s", agent);
	s->listener = kr_unix_listen(path, 0600);
	assert_true(s->listener >= 0);
	assert_int_equal(fcntl(s->listener, F_SETFL, 0), 0);
	assert_int_equal(pthread_create(&s->acceptor, NULL, taps_accept, s), 0);
}

/* Destination: connect to QEMU once more. Return: the agent's end. */
static inline int taps_destination(struct taps *s, const char *qemu)
{
	int pair[2], to = kr_unix_connect(qemu);

	assert_true(to >= 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    pair), 0);
	tap_start(s, pair[0], to, BACK);
	return pair[1];
}

/* All connections have ended, or will soon. */
static inline void taps_join(struct taps sides[2])
{
	assert_int_equal(pthread_join(sides[SRC].acceptor, NULL), 0);
	for (int i = 0; i < 2; i++)
		for (unsigned int k = 0; k < sides[i].n; k++)
			assert_int_equal(pthread_join(sides[i].tap[k].thread,
						      NULL), 0);
}

static inline bool tap_same(const struct taps sides[2], unsigned int k,
			    int way)
{
	const struct tap_way *s = &sides[SRC].tap[k].way[way];
	const struct tap_way *d = &sides[DST].tap[k].way[way];

	return s->n_bytes == d->n_bytes &&
	       !memcmp(s->digest, d->digest, sizeof(s->digest));
}

/* Behind its last sync mark QEMU 7.2 with multifd sometimes sends one more
 * packet, of no pages, and the other end may have closed by then: worker.c. */
static inline bool tap_unheard(const struct taps sides[2], unsigned int k)
{
	const struct tap_way *s = &sides[SRC].tap[k].way[FORWARD];
	const struct tap_way *d = &sides[DST].tap[k].way[FORWARD];
	static const uint8_t none[8];

	return k && s->n_bytes == d->n_bytes + sizeof(s->last) &&
	       !memcmp(s->before_last, d->digest, sizeof(d->digest)) &&
	       !memcmp(s->last, "\x11\x22\x33\x44", 4) &&
	       !memcmp(s->last + 16, none, 8) &&	/* pages, their bytes */
	       !memcmp(s->last + 32, none, 4);		/* zero ones */
}

#endif
