/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_plane_agent.c - two real agents between two processes that play QEMU,
 * with a relay in between that can flip, cut or freeze: bytes arrive
 * unchanged, failures close everything at once and carry the right code.
 * With KORORA_PLANE_MIB=N it measures N MiB of random pages instead.
 */
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

static void put_ram(int fd, uint64_t n_pages, EVP_MD_CTX *sha)
{
	static uint8_t chunk[CHUNK_PAGES * (8 + PAGE)];
	uint8_t head[128];
	struct kr_wr w = KR_WR(head, sizeof(head));
	int rnd = open("/dev/urandom", O_RDONLY);

	for (size_t n = 0; n < sizeof(chunk);) {
		ssize_t k = read(rnd, chunk + n, sizeof(chunk) - n);

		if (k <= 0)
			_exit(1);
		n += (size_t)k;
	}
	kr_wr_bytes(&w, "QEVM\0\0\0\3\1\0\0\0\2\3ram\0\0\0\0\0\0\0\4", 25);
	kr_wr_u64(&w, n_pages * PAGE | 0x04);
	kr_wr_bytes(&w, "\6pc.ram", 7);
	kr_wr_u64(&w, n_pages * PAGE);
	kr_wr_u64(&w, 0x10);
	kr_wr_bytes(&w, "\x7e\0\0\0\2", 5);
	put_all(fd, head, kr_wr_len(&w), sha);
	/* one END section with all pages; the first names its block */
	w = KR_WR(head, sizeof(head));
	kr_wr_bytes(&w, "\3\0\0\0\2", 5);
	kr_wr_u64(&w, 0x02);
	kr_wr_bytes(&w, "\6pc.ram\0", 8);
	put_all(fd, head, kr_wr_len(&w), sha);
	for (uint64_t i = 0; i < n_pages; i += CHUNK_PAGES) {
		uint64_t k = n_pages - i < CHUNK_PAGES ? n_pages - i :
							 CHUNK_PAGES;

		for (uint64_t j = 0; j < k; j++) {
			w = KR_WR(chunk + j * (8 + PAGE), 16);
			kr_wr_u64(&w, (i + j) * PAGE | 0x28);
			kr_wr_u64(&w, i + j);	/* no two pages alike */
		}
		put_all(fd, chunk, k * (8 + PAGE), sha);
	}
	w = KR_WR(head, sizeof(head));
	kr_wr_u64(&w, 0x10);
	kr_wr_bytes(&w, "\x7e\0\0\0\2\4\0\0\0\3 some device's state", 30);
	reports[0].last_byte_ns = kr_now_ns();
	put_all(fd, head, kr_wr_len(&w), sha);
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
		put_ram(fd, p->n_pages, p->hash ? sha : NULL);
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

/* The network: two TCP sockets, joined, with a fault. */
static void play_relay(int a, int b, const struct play *p)
{
	static uint8_t buf[65536];
	uint64_t n_forward = 0;

	for (;;) {
		struct pollfd f[2] = { { a, POLLIN, 0 }, { b, POLLIN, 0 } };

		poll(f, 2, -1);
		for (int i = 0; i < 2; i++) {
			ssize_t k, done = 0;

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
			while (done < k) {
				ssize_t s = send(f[!i].fd, buf + done,
						 (size_t)(k - done),
						 MSG_NOSIGNAL);

				if (s <= 0)
					_exit(0);
				done += s;
			}
		}
	}
}

static pid_t players[3];

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

/* Everything up to the lanes. */
static void set_out(const struct play *p, uint32_t stall_ms)
{
	char src[128], dst[128];
	int tcp[2], far[2], listener;
	bool relay = p->flip_at != NEVER || p->cut_at != NEVER ||
		     p->freeze_at != NEVER;

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
	for (uint8_t i = 0; i < stand_n_lanes; i++) {
		stand_tcp(tcp);
		if (relay && !i) {
			stand_tcp(far);
			players[2] = spawn_player();
			if (!players[2])
				play_relay(tcp[1], far[0], p);
			close(tcp[1]);
			close(far[0]);
			tcp[1] = far[1];
		}
		stand_lane(SRC, i, tcp[0], 9);
		stand_lane(DST, i, tcp[1], p->dst_key);
	}
}

static void clear_away(void)
{
	int status;

	stand_close();
	for (int i = 0; i < 3; i++) {
		if (!players[i])
			continue;
		if (i == 2)
			kill(players[i], SIGKILL);
		assert_int_equal(waitpid(players[i], &status, 0), players[i]);
	}
}

static struct play plain(void)
{
	return (struct play){ .n_pages = 4096, .hash = true,
			      .close_after = NEVER, .flip_at = NEVER,
			      .cut_at = NEVER, .freeze_at = NEVER,
			      .limit_bytes = 64 * MIB, .dst_key = 9 };
}

static void carries_every_byte(void **state)
{
	struct play p = plain();
	const struct side *s = &stand.side[SRC], *d = &stand.side[DST];
	int status;

	(void)state;
	set_out(&p, 2000);
	assert_true(stand_run(stand_both_manifests, 10000));
	if (s->has_failed || d->has_failed)
		fail_msg("source: %s, destination: %s", s->fail.what,
			 d->fail.what);
	/* the stop must not cut the return path short */
	assert_int_equal(waitpid(players[0], &status, 0), players[0]);
	assert_int_equal(waitpid(players[1], &status, 0), players[1]);
	players[0] = players[1] = 0;
	assert_true(kr_manifest_same(&s->manifest, &d->manifest));
	assert_string_equal(s->manifest.reason, "");
	assert_int_equal(s->manifest.opaque, 0);
	assert_int_equal(s->manifest.n_pages, p.n_pages + 1);
	assert_int_equal(s->manifest.n_zero_pages, 1);
	assert_int_equal(s->manifest.ram_bytes, p.n_pages * PAGE);
	assert_int_equal(s->manifest.stream_bytes, reports[0].n_bytes);
	assert_int_equal(reports[1].n_bytes, reports[0].n_bytes);
	assert_memory_equal(reports[0].digest, reports[1].digest, 32);
	assert_int_equal(reports[0].back_bytes, 16);
	assert_int_equal(d->progress.phase, KR_PLANE_DONE);
	assert_true(s->progress.wire_sent_bytes > reports[0].n_bytes);
	assert_true(s->progress.wire_sent_bytes < reports[0].n_bytes +
						  reports[0].n_bytes / 200 +
						  4096);
	assert_int_equal(stand_stop(&stand.side[SRC], NULL), 0);
	assert_int_equal(stand_stop(&stand.side[DST], NULL), 0);
	clear_away();
}

/*
 * Both agents fail, with these codes, and both QEMUs are let go. A reset may
 * overtake the destination's last words on the lane: then the source says
 * that the lane was lost, and kororad hears the reason over the session.
 */
static void both_fail(struct play p, uint32_t stall_ms, enum kr_code src,
		      enum kr_code dst)
{
	set_out(&p, stall_ms);
	assert_true(stand_run(stand_both_failed, 10000));
	if ((stand.side[SRC].fail.kr != src &&
	     stand.side[SRC].fail.kr != KR_E_LANE_LOST) ||
	    stand.side[DST].fail.kr != dst)
		fail_msg("source: %d %s, destination: %d %s",
			 stand.side[SRC].fail.kr, stand.side[SRC].fail.what,
			 stand.side[DST].fail.kr, stand.side[DST].fail.what);
	assert_false(stand.side[SRC].has_manifest);
	assert_false(stand.side[DST].has_manifest);
	for (int i = 0; i < 2; i++) {
		int status;

		/* agents still live: it is they who let go */
		assert_int_equal(waitpid(players[i], &status, 0), players[i]);
		players[i] = 0;
	}
	assert_int_equal(stand_stop(&stand.side[SRC], NULL), 0);
	assert_int_equal(stand_stop(&stand.side[DST], NULL), 0);
	clear_away();
}

static void wrong_key(void **state)
{
	struct play p = plain();

	(void)state;
	p.dst_key = 8;
	both_fail(p, 2000, KR_E_LANE_FORGED, KR_E_LANE_FORGED);
}

static void flipped_byte(void **state)
{
	struct play p = plain();

	(void)state;
	p.flip_at = 5 * MIB + 77;
	both_fail(p, 2000, KR_E_LANE_FORGED, KR_E_LANE_FORGED);
}

static void cut_link(void **state)
{
	struct play p = plain();

	(void)state;
	p.cut_at = 3 * MIB;
	both_fail(p, 2000, KR_E_LANE_LOST, KR_E_LANE_LOST);
}

static void frozen_link(void **state)
{
	struct play p = plain();

	(void)state;
	p.freeze_at = 3 * MIB;
	both_fail(p, 500, KR_E_LANE_STALLED, KR_E_LANE_STALLED);
}

static void frozen_while_quiet(void **state)
{
	struct play p = plain();

	(void)state;
	p.quiet = true;
	p.freeze_at = 600;		/* after the handshake */
	both_fail(p, 500, KR_E_LANE_STALLED, KR_E_LANE_STALLED);
}

static void too_much_ram(void **state)
{
	struct play p = plain();

	(void)state;
	p.limit_bytes = p.n_pages * PAGE - 1;
	both_fail(p, 2000, KR_E_RAM_LIMIT, KR_E_RAM_LIMIT);
}

static void destination_gives_up(void **state)
{
	struct play p = plain();

	(void)state;
	p.close_after = 2 * MIB;
	both_fail(p, 2000, KR_E_STREAM, KR_E_STREAM);
}

static bool source_failed(void)
{
	return stand.side[SRC].has_failed || stand.side[SRC].is_gone;
}

static void stopped_peer(void **state)
{
	struct play p = plain();

	(void)state;
	p.quiet = true;
	set_out(&p, 2000);
	assert_true(stand_run(stand_both_up, 5000));
	assert_int_equal(stand_stop(&stand.side[DST], NULL), 0);
	assert_true(stand_run(source_failed, 5000));
	assert_int_equal(stand.side[SRC].fail.kr, KR_E_CANCELLED);
	clear_away();
}

static void killed_peer(void **state)
{
	struct play p = plain();

	(void)state;
	p.quiet = true;
	set_out(&p, 2000);
	assert_true(stand_run(stand_both_up, 5000));
	kill(stand.side[DST].pid, SIGKILL);
	assert_true(stand_run(source_failed, 5000));
	assert_int_equal(stand.side[SRC].fail.kr, KR_E_LANE_LOST);
	clear_away();
}

static void quiet_is_not_dead(void **state)
{
	struct play p = plain();

	(void)state;
	p.quiet = true;
	set_out(&p, 300);
	assert_true(stand_run(stand_both_up, 5000));
	assert_false(stand_run(stand_both_failed, 1500));
	clear_away();
}

static double cpu_s(const struct rusage *r)
{
	return (double)r->ru_utime.tv_sec + (double)r->ru_stime.tv_sec +
	       (double)(r->ru_utime.tv_usec + r->ru_stime.tv_usec) / 1e6;
}

static void measure(uint64_t mib)
{
	struct play p = plain();
	struct rusage ru[2];
	uint64_t t0;
	double s;

	p.n_pages = mib * 256;
	p.limit_bytes = mib * MIB;
	p.hash = false;
	set_out(&p, 10000);
	t0 = kr_now_ns();
	assert_true(stand_run(stand_both_manifests, 300000));
	assert_true(kr_manifest_same(&stand.side[SRC].manifest,
				     &stand.side[DST].manifest));
	s = (double)(stand.side[DST].manifest_ns - t0) / 1e9;
	stand_stop(&stand.side[SRC], &ru[SRC]);
	stand_stop(&stand.side[DST], &ru[DST]);
	print_message(
		"%llu MiB in %.2f s: %.3f GB/s; CPU source %.2f s, "
		"destination %.2f s; last byte to manifest: source %.2f ms, "
		"destination %.2f ms; max RSS %ld and %ld MiB\n",
		(unsigned long long)mib, s, (double)(mib * MIB) / s / 1e9,
		cpu_s(&ru[SRC]), cpu_s(&ru[DST]),
		(double)(stand.side[SRC].manifest_ns -
			 reports[0].last_byte_ns) / 1e6,
		(double)(stand.side[DST].manifest_ns -
			 reports[0].last_byte_ns) / 1e6,
		ru[SRC].ru_maxrss / 1024, ru[DST].ru_maxrss / 1024);
	clear_away();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carries_every_byte),
		cmocka_unit_test(wrong_key),
		cmocka_unit_test(flipped_byte),
		cmocka_unit_test(cut_link),
		cmocka_unit_test(frozen_link),
		cmocka_unit_test(frozen_while_quiet),
		cmocka_unit_test(too_much_ram),
		cmocka_unit_test(destination_gives_up),
		cmocka_unit_test(stopped_peer),
		cmocka_unit_test(killed_peer),
		cmocka_unit_test(quiet_is_not_dead),
	};
	const char *mib = getenv("KORORA_PLANE_MIB");

	reports = mmap(NULL, 2 * sizeof(*reports), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(reports != MAP_FAILED);
	if (mib) {
		measure(strtoull(mib, NULL, 10));
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
