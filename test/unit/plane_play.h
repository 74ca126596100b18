/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plane_play.h - who stands around two agents in their tests: processes that
 * play the source's and the destination's QEMU, and a network that can flip,
 * cut, freeze or dawdle.
 */
#ifndef KR_TEST_PLANE_PLAY_H
#define KR_TEST_PLANE_PLAY_H

#include "plane_stand.h"

#include <errno.h>
#include <openssl/evp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define PAGE		4096u
#define CHUNK_PAGES	256u
#define MIB		(UINT64_C(1) << 20)
#define NEVER		UINT64_MAX

/* What the players report; shared memory. */
struct report {
	uint64_t n_bytes, last_byte_ns;
	uint8_t	 digest[32];
	uint64_t back_bytes;
	bool	 broken;		/* the socket broke under it */
	uint64_t n_records, n_bare;	/* relays saw, forward [0], back [1] */
};

static struct report *reports;		/* [0] source's QEMU, [1] dest.'s */

struct play {
	uint64_t n_pages;
	bool	 hash;
	uint64_t close_after;		/* destination's QEMU gives up */
	uint64_t flip_at, cut_at, freeze_at; /* relay, bytes forward */
	uint64_t limit_bytes;
	uint8_t	 dst_key;
	bool	 quiet;			/* source's QEMU writes nothing */
	bool	 profile;		/* pages like a guest's, not random */
	unsigned int rounds;		/* profile: passes over memory */
	uint64_t rate;			/* relays' bytes a second, 0 = all */
	unsigned int delay_ms;		/* of all relays, each way */
	uint64_t pause_at;		/* destination's QEMU, for pause_ms */
	unsigned int pause_ms;
	unsigned int n_trickles;	/* after RAM, a few bytes each */
	uint64_t deaf_at;		/* from there on, the relay reads nothing */
	unsigned int deaf_ms;		/* forward for so long, again and again */
	unsigned int records_of;	/* relays look whether records of data
					   are multiples of so many bytes */
};

static void put_all(int fd, const void *p, size_t n, EVP_MD_CTX *sha)
{
	const uint8_t *q = p;

	if (sha)
		EVP_DigestUpdate(sha, p, n);
	reports[0].n_bytes += n;
	while (n) {
		ssize_t k = send(fd, q, n, MSG_NOSIGNAL);

		if (k <= 0) {
			reports[0].broken = true;
			_exit(0);
		}
		q += k;
		n -= (size_t)k;
	}
}

static void put_head(int fd, uint64_t n_pages, EVP_MD_CTX *sha)
{
	uint8_t head[128];
	struct kr_wr w = KR_WR(head, sizeof(head));

	kr_wr_bytes(&w, "QEVM\0\0\0\3\1\0\0\0\2\3ram\0\0\0\0\0\0\0\4", 25);
	kr_wr_u64(&w, n_pages * PAGE | 0x04);
	kr_wr_bytes(&w, "\6pc.ram", 7);
	kr_wr_u64(&w, n_pages * PAGE);
	kr_wr_u64(&w, 0x10);
	kr_wr_bytes(&w, "\x7e\0\0\0\2", 5);
	put_all(fd, head, kr_wr_len(&w), sha);
}

/* A page that is like no other and does not shrink. */
static void fill_random(uint8_t *p, uint64_t page, unsigned int round)
{
	uint64_t x = (page << 8 | round) * UINT64_C(0x9e3779b97f4a7c15) + 1;

	for (size_t i = 0; i < PAGE; i += sizeof(x)) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(p + i, &x, sizeof(x));
	}
}

/* A page of some guest: text that shrinks, every fourth one a copy, and a
 * little of it written anew in every round. */
static void fill_page(uint8_t *p, uint64_t page, unsigned int round)
{
	uint64_t x = page % 4 ? page : page % 64;
	uint32_t noise = (uint32_t)(x * 2654435761u);

	for (size_t i = 0; i < PAGE; i += 16) {
		char line[32];

		noise = noise * 1664525 + 1013904223;
		snprintf(line, sizeof(line), "%04x user: root%u\n",
			 noise >> 16 & 0xffff, (unsigned int)(x % 10));
		memcpy(p + i, line, 16);
	}
	memcpy(p + 16 * (x % 200), &round, sizeof(round));
}

/* A section with all pages; the first record names their block. */
static void put_pages(int fd, const struct play *p, unsigned int round,
		      const char *section, EVP_MD_CTX *sha)
{
	static uint8_t chunk[CHUNK_PAGES * (8 + PAGE)];
	uint8_t head[128];
	struct kr_wr w = KR_WR(head, sizeof(head));

	kr_wr_bytes(&w, section, 5);
	kr_wr_u64(&w, 0x02);
	kr_wr_bytes(&w, "\6pc.ram\0", 8);
	put_all(fd, head, kr_wr_len(&w), sha);
	for (uint64_t i = 0; i < p->n_pages; i += CHUNK_PAGES) {
		uint64_t k = p->n_pages - i < CHUNK_PAGES ? p->n_pages - i :
							    CHUNK_PAGES;

		for (uint64_t j = 0; j < k; j++) {
			uint8_t *to = chunk + j * (8 + PAGE);

			w = KR_WR(to, 16);
			kr_wr_u64(&w, (i + j) * PAGE | 0x28);
			if (p->profile)
				fill_page(to + 8, i + j, round);
			else
				fill_random(to + 8, i + j, round);
		}
		put_all(fd, chunk, k * (8 + PAGE), sha);
	}
	w = KR_WR(head, sizeof(head));
	kr_wr_u64(&w, 0x10);
	kr_wr_bytes(&w, "\x7e\0\0\0\2", 5);
	put_all(fd, head, kr_wr_len(&w), sha);
}

static void put_ram(int fd, const struct play *p, EVP_MD_CTX *sha)
{
	unsigned int i;

	put_head(fd, p->n_pages, sha);
	for (i = 1; i < p->rounds; i++)
		put_pages(fd, p, i, "\2\0\0\0\2", sha);
	put_pages(fd, p, i, "\3\0\0\0\2", sha);
	for (i = 0; i < p->n_trickles; i++) {
		usleep(i ? 100000 : 300000);
		put_all(fd, "trickle ", 8, sha);
	}
	reports[0].last_byte_ns = kr_now_ns();
	put_all(fd, "\4\0\0\0\3 some device's state", 25, sha);
}

/* The source's QEMU: writes a stream, awaits the acknowledgement. */
static void play_source(const char *path, const struct play *p)
{
	EVP_MD_CTX *sha = EVP_MD_CTX_new();
	int fd = kr_unix_connect(path);
	uint8_t back[256];
	ssize_t k;

	EVP_DigestInit_ex(sha, EVP_sha256(), NULL);
	if (!p->quiet)
		put_ram(fd, p, p->hash ? sha : NULL);
	EVP_DigestFinal_ex(sha, reports[0].digest, NULL);
	if (!p->quiet)
		shutdown(fd, SHUT_WR);
	while (p->hash && reports[0].back_bytes < 16 &&
	       (k = read(fd, back, sizeof(back))) > 0)
		reports[0].back_bytes += (uint64_t)k;
	/* an agent that drops us is seen as a hang-up */
	if (p->quiet)
		reports[0].broken = read(fd, back, sizeof(back)) <= 0;
	_exit(0);
}

/* The destination's QEMU: drains the stream, answers 16 bytes. */
static void play_destination(int listener, const struct play *p)
{
	static uint8_t b[1 << 20];
	EVP_MD_CTX *sha = EVP_MD_CTX_new();
	int fd = accept4(listener, NULL, NULL, 0);
	ssize_t k;

	EVP_DigestInit_ex(sha, EVP_sha256(), NULL);
	k = send(fd, "pingpong", 8, MSG_NOSIGNAL);
	while (reports[1].n_bytes < p->close_after &&
	       (k = read(fd, b, sizeof(b))) > 0) {
		if (reports[1].n_bytes < p->pause_at &&
		    reports[1].n_bytes + (uint64_t)k >= p->pause_at)
			usleep(p->pause_ms * 1000);
		reports[1].n_bytes += (uint64_t)k;
		if (p->hash)
			EVP_DigestUpdate(sha, b, (size_t)k);
	}
	EVP_DigestFinal_ex(sha, reports[1].digest, NULL);
	if (k < 0)
		reports[1].broken = true;
	k = send(fd, "complete", 8, MSG_NOSIGNAL);
	_exit(0);
}

/* No more than this has to wait in the network itself. */
static void narrow(int fd)
{
	int n = 65536;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &n, sizeof(n));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &n, sizeof(n));
}

static void send_on(int fd, const uint8_t *b, size_t n)
{
	while (n) {
		ssize_t k = send(fd, b, n, MSG_NOSIGNAL);

		if (k <= 0)
			_exit(0);
		b += k;
		n -= (size_t)k;
	}
}

/* What is on its way in a long line, one way. */
#define LINE_BYTES	(16u << 20)
#define LINE_PIECES	4096u

struct line {
	uint8_t *bytes;
	size_t	 head, tail;		/* bytes that came, that left */
	unsigned int first, last;
	bool	 ended, is_over;	/* nothing more comes; nor leaves */
	struct { uint64_t due_ns; size_t end; } pieces[LINE_PIECES];
};

static void enter_line(struct line *l, int fd, unsigned int delay_ms)
{
	size_t at = l->head % LINE_BYTES;
	size_t room = LINE_BYTES - (l->head - l->tail);
	ssize_t k = read(fd, l->bytes + at,
			 room < LINE_BYTES - at ? room : LINE_BYTES - at);

	l->ended = k <= 0;
	l->head += k > 0 ? (size_t)k : 0;
	l->pieces[l->last % LINE_PIECES].due_ns =
		kr_now_ns() + delay_ms * 1000000ull;
	l->pieces[l->last++ % LINE_PIECES].end = l->head;
}

static void leave_line(struct line *l, int fd, uint64_t now_ns)
{
	while (l->first != l->last &&
	       l->pieces[l->first % LINE_PIECES].due_ns <= now_ns) {
		size_t at = l->tail % LINE_BYTES;
		size_t n = l->pieces[l->first % LINE_PIECES].end - l->tail;
		ssize_t k = send(fd, l->bytes + at, n, MSG_NOSIGNAL);

		l->tail += k > 0 && (size_t)k < n ? (size_t)k : n;
		l->first += k < 0 || (size_t)k == n;
	}
	if (!l->ended || l->first != l->last || l->is_over)
		return;
	l->is_over = true;
	shutdown(fd, SHUT_WR);
}

static void play_line(int a, int b, unsigned int delay_ms)
{
	static struct line lines[2];
	const int fds[2] = { a, b };

	for (int i = 0; i < 2; i++)
		lines[i].bytes = malloc(LINE_BYTES);
	for (;;) {
		struct pollfd f[2];

		for (int i = 0; i < 2; i++) {
			struct line *l = &lines[i];
			bool room = l->head - l->tail < LINE_BYTES &&
				    l->last - l->first < LINE_PIECES &&
				    !l->ended;

			leave_line(l, fds[!i], kr_now_ns());
			f[i] = (struct pollfd){ room ? fds[i] : -1, POLLIN, 0 };
		}
		if (lines[0].is_over && lines[1].is_over)
			_exit(0);
		if (poll(f, 2, 1) < 0)
			_exit(1);
		for (int i = 0; i < 2; i++)
			if (f[i].revents)
				enter_line(&lines[i], fds[i], delay_ms);
	}
}

#define RECORD_HEAD	5u
#define RECORD_DATA	0x17u
#define RECORD_TAG	16u		/* of AES-GCM */
#define RECORD_FULL	16385u		/* its content's type is in it, too */

/* What anyone on the network sees of TLS: how long its records are. */
static void look_at(int way, const uint8_t *b, size_t n, unsigned int multiple)
{
	static struct { uint8_t head[RECORD_HEAD]; size_t n, left; } ways[2];
	typeof(ways[0]) *w = &ways[way];

	while (n) {
		size_t k = w->left < n ? w->left : n;

		w->left -= k;
		b += k;
		n -= k;
		if (!n)
			return;
		w->head[w->n++] = *b++;
		n--;
		if (w->n < RECORD_HEAD)
			continue;
		w->n = 0;
		w->left = (size_t)w->head[3] << 8 | w->head[4];
		if (w->head[0] != RECORD_DATA)
			continue;
		__atomic_add_fetch(&reports[way].n_records, 1,
				   __ATOMIC_RELAXED);
		if ((w->left - RECORD_TAG) % multiple &&
		    w->left - RECORD_TAG != RECORD_FULL)
			__atomic_add_fetch(&reports[way].n_bare, 1,
					   __ATOMIC_RELAXED);
	}
}

/* The network: two sockets, joined, with a fault. */
static void play_relay(int a, int b, const struct play *p)
{
	static uint8_t buf[65536];
	uint64_t n_forward = 0, deaf_until = 0;

	if (p->rate) {
		narrow(a);
		narrow(b);
	}
	for (;;) {
		struct pollfd f[2] = { { a, POLLIN, 0 }, { b, POLLIN, 0 } };

		/* when all is quiet; not for ever; again a bit later */
		if (kr_now_ns() < deaf_until)
			f[0].fd = -1;
		if (!poll(f, 2, p->deaf_at == NEVER ? -1 : 30) &&
		    n_forward > p->deaf_at &&
		    kr_now_ns() > deaf_until + 300 * 1000000ull)
			deaf_until = kr_now_ns() + p->deaf_ms * 1000000ull;
		for (int i = 0; i < 2; i++) {
			ssize_t k;

			if (!f[i].revents)
				continue;
			k = read(f[i].fd, buf, sizeof(buf));
			if (k <= 0)
				_exit(0);
			if (!i && p->flip_at >= n_forward &&
			    p->flip_at < n_forward + (uint64_t)k)
				buf[p->flip_at - n_forward] ^= 0x20;
			if (!i)
				n_forward += (uint64_t)k;
			if (n_forward > p->cut_at)
				_exit(0);
			while (n_forward > p->freeze_at)
				pause();
			if (!i && p->rate)
				usleep((unsigned int)((uint64_t)k * 1000000 /
						      p->rate));
			if (p->records_of)
				look_at(i, buf, (size_t)k, p->records_of);
			send_on(i ? a : b, buf, (size_t)k);
		}
	}
}

static pid_t players[2 + KR_PLANE_LANES_MAX];

static pid_t spawn_player(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int i = 0; i < 2; i++)
			if (stand.side[i].chan.io.fd >= 0)
				close(stand.side[i].chan.io.fd);
	}
	return pid;
}

/* A lane, through the network if that has a fault. */
static void set_out_lane(const struct play *p, uint8_t no, bool relay)
{
	int near[2], far[2];

	stand_tcp(near);
	if (relay) {
		/* a unix socket fills up after a few small writes */
		if (p->deaf_at != NEVER) {
			int n = 4096;

			close(near[0]);
			close(near[1]);
			assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM,
						    0, near), 0);
			setsockopt(near[0], SOL_SOCKET, SO_SNDBUF, &n,
				   sizeof(n));
		}
		stand_tcp(far);
		players[2 + no] = spawn_player();
		if (!players[2 + no]) {
			/* the ends must be seen to close */
			close(near[0]);
			close(far[1]);
			if (p->delay_ms)
				play_line(near[1], far[0], p->delay_ms);
			play_relay(near[1], far[0], p);
		}
		close(near[1]);
		close(far[0]);
		near[1] = far[1];
	}
	stand_lane(SRC, no, near[0], 9);
	stand_lane(DST, no, near[1], p->dst_key);
}

/* Everything up to the lanes. */
static void set_out(const struct play *p, uint32_t stall_ms)
{
	char src[128], dst[128];
	int listener;
	bool relay = p->flip_at != NEVER || p->cut_at != NEVER ||
		     p->freeze_at != NEVER || p->deaf_at != NEVER;

	memset(reports, 0, 2 * sizeof(*reports));
	memset(players, 0, sizeof(players));
	stand_open();
	stand_path(src, "src");
	stand_path(dst, "dst");
	listener = kr_unix_listen(dst, 0600);
	assert_true(listener >= 0);
	fcntl(listener, F_SETFL, 0);
	players[1] = spawn_player();
	if (!players[1])
		play_destination(listener, p);
	close(listener);
	stand_start(DST, kr_unix_connect(dst), p->limit_bytes, stall_ms);
	stand_start(SRC, kr_unix_listen(src, 0600), p->limit_bytes, stall_ms);
	players[0] = spawn_player();
	if (!players[0])
		play_source(src, p);
	for (uint8_t i = 0; i < stand_n_lanes; i++)
		set_out_lane(p, i, p->rate || p->delay_ms || p->records_of ||
				   (relay && !i));
}

static void clear_away(void)
{
	int status;

	stand_close();
	for (unsigned int i = 0; i < 2 + KR_PLANE_LANES_MAX; i++) {
		if (!players[i])
			continue;
		if (i >= 2)
			kill(players[i], SIGKILL);
		assert_int_equal(waitpid(players[i], &status, 0), players[i]);
	}
}

/* Both have their manifest, and what went in came out. */
static inline void expect_carried(void)
{
	const struct side *s = &stand.side[SRC], *d = &stand.side[DST];
	int status;

	assert_true(stand_await(stand_both_manifests));
	if (s->has_failed || d->has_failed)
		fail_msg("source: %s, destination: %s", s->fail.what,
			 d->fail.what);
	if (s->is_gone || d->is_gone)
		fail_msg("the %s died", s->is_gone ? "source" : "destination");
	/* the stop must not cut the return path short */
	assert_int_equal(waitpid(players[0], &status, 0), players[0]);
	assert_int_equal(waitpid(players[1], &status, 0), players[1]);
	players[0] = players[1] = 0;
	assert_true(kr_manifest_same(&s->manifest, &d->manifest));
	assert_string_equal(s->manifest.reason, "");
	assert_int_equal(s->manifest.opaque, 0);
	assert_int_equal(s->manifest.stream_bytes, reports[0].n_bytes);
	assert_int_equal(reports[1].n_bytes, reports[0].n_bytes);
	assert_memory_equal(reports[0].digest, reports[1].digest, 32);
	assert_int_equal(reports[0].back_bytes, 16);
	assert_int_equal(d->progress.phase, KR_PLANE_DONE);
}

static inline void stop_both(void)
{
	assert_int_equal(stand_stop(&stand.side[SRC], NULL), 0);
	assert_int_equal(stand_stop(&stand.side[DST], NULL), 0);
	clear_away();
}

static struct play plain(void)
{
	return (struct play){ .n_pages = 4096, .rounds = 1, .hash = true,
			      .close_after = NEVER, .flip_at = NEVER,
			      .cut_at = NEVER, .freeze_at = NEVER,
			      .pause_at = NEVER, .deaf_at = NEVER,
			      .limit_bytes = 64 * MIB, .dst_key = 9 };
}

static void open_reports(void)
{
	reports = mmap(NULL, 2 * sizeof(*reports), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(reports != MAP_FAILED);
}

#endif
