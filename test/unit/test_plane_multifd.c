/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_plane_multifd.c - two real agents between two processes that play QEMU
 * with multifd. Every channel's bytes arrive unchanged, the memory tree has
 * each page's last version, and nothing hangs, whoever is slow and however
 * little sockets hold. With KORORA_PLANE_MIB=N it measures N MiB of pages
 * instead, on KORORA_PLANE_LANES lanes (default 3).
 */
#include "plane_mfdest.h"
#include "plane_mfsource.h"

#include <sys/mman.h>
#include <sys/prctl.h>

#include "plane/ramtree.h"

static pid_t players[2];

static pid_t spawn_player(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int i = 0; i < 2; i++)
			close(stand.side[i].chan.io.fd);
	}
	return pid;
}

static void set_out(uint8_t n_lanes)
{
	char src[128], dst[128];
	int fds[KR_PLANE_LANES_MAX], listener;

	stand_n_lanes = n_lanes;
	memset(reports, 0, 2 * sizeof(*reports));
	stand_open();
	stand_path(src, "src");
	stand_path(dst, "dst");
	listener = kr_unix_listen(dst, 0600);
	assert_true(listener >= 0);
	fcntl(listener, F_SETFL, 0);
	players[DST] = spawn_player();
	if (!players[DST])
		play_destination(listener);
	close(listener);
	for (uint8_t i = 0; i < n_lanes; i++) {
		fds[i] = kr_unix_connect(dst);
		assert_true(fds[i] >= 0);
		if (play.room_bytes)
			setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF,
				   &play.room_bytes, sizeof(int));
	}
	stand_start_on(DST, true, fds, n_lanes, play.n_pages * PAGE, 5000);
	fds[0] = kr_unix_listen(src, 0600);
	stand_start_on(SRC, true, fds, 1, play.n_pages * PAGE, 5000);
	players[SRC] = spawn_player();
	if (!players[SRC])
		play_source(src);
	multi_lanes();
}

/* The tree over every page's last version. */
static void last_versions(uint8_t root[32])
{
	struct kr_ramtree *t = NULL;
	uint8_t p[PAGE], d[32];

	assert_int_equal(kr_ramtree_new(play.n_pages * PAGE, &t, NULL), 0);
	assert_int_equal(kr_ramtree_add(t, (const uint8_t *)NAME,
					strlen(NAME), play.n_pages * PAGE,
					NULL), 0);
	assert_int_equal(kr_ramtree_ready(t, NULL), 0);
	for (uint64_t i = 0; i < play.n_pages; i++) {
		if (is_zero(i, play.rounds)) {
			kr_ramtree_fill(t, 0, i, 1, 0);
			continue;
		}
		fill_page(p, i, play.rounds);
		EVP_Digest(p, PAGE, d, NULL, EVP_sha256(), NULL);
		kr_ramtree_set(t, 0, i, d);
	}
	assert_int_equal(kr_ramtree_root(t, root, NULL), 0);
	kr_ramtree_free(t);
}

/* Until both have their manifest; who plays is gone, both agents are not. */
static void expect_manifests(void)
{
	const struct side *s = &stand.side[SRC], *d = &stand.side[DST];
	int status;

	assert_true(stand_await(stand_both_manifests));
	if (s->has_failed || d->has_failed)
		fail_msg("source: %s, destination: %s", s->fail.what,
			 d->fail.what);
	assert_false(s->is_gone || d->is_gone);
	for (int i = 0; i < 2; i++)
		assert_int_equal(waitpid(players[i], &status, 0), players[i]);
	assert_false(reports[SRC].broken || reports[DST].broken);
	assert_true(kr_manifest_same(&s->manifest, &d->manifest));
}

static void expect_bytes(void)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < stand_n_lanes; i++) {
		n += reports[SRC].n_bytes[i];
		assert_int_equal(reports[SRC].n_bytes[i],
				 reports[DST].n_bytes[i]);
		assert_memory_equal(reports[SRC].digest[i],
				    reports[DST].digest[i], 32);
	}
	assert_int_equal(stand.side[SRC].manifest.stream_bytes, n);
	assert_int_equal(reports[SRC].back_bytes, 8);
}

static void expect_parsed(void)
{
	const struct kr_manifest *m = &stand.side[SRC].manifest;
	uint8_t root[32];
	uint64_t n_zero = 0;

	last_versions(root);
	for (unsigned int r = 1; r <= play.rounds; r++)
		for (uint64_t i = 0; i < play.n_pages; i++)
			n_zero += is_zero(i, r);
	assert_string_equal(m->reason, "");
	assert_int_equal(m->opaque, 0);
	assert_int_equal(m->ram_bytes, play.n_pages * PAGE);
	assert_int_equal(m->n_pages, play.n_pages * play.rounds);
	assert_int_equal(m->n_zero_pages, n_zero);
	assert_memory_equal(m->ram_root, root, 32);
	for (int i = 0; i < 2; i++)
		assert_int_equal(stand.side[i].progress.rounds, play.rounds);
}

static void stop_both(void)
{
	assert_int_equal(stand_stop(&stand.side[SRC], NULL), 0);
	assert_int_equal(stand_stop(&stand.side[DST], NULL), 0);
	stand_close();
}

static struct play plain(void)
{
	return (struct play){ .n_pages = 2500, .rounds = 5 };
}

static void carry(uint8_t n_lanes)
{
	set_out(n_lanes);
	expect_manifests();
	expect_bytes();
	expect_parsed();
	stop_both();
}

static void carries_every_channel(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		play = plain();
		play.flush = i & 1;
		play.zeros = i & 2;
		carry(2);
		carry(3);
		carry(6);
	}
}

static void as_many_as_there_may_be(void **state)
{
	(void)state;
	play = plain();
	carry(KR_PLANE_LANES_MAX);
}

/* Sockets that hold next to nothing: each waits for the others. */
static void narrow_sockets(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		play = plain();
		play.rounds = 12;
		play.n_pages = 700;
		play.flush = i;
		play.room_bytes = 1024;
		carry(4);
	}
}

static void slow_main(void **state)
{
	(void)state;
	play = plain();
	play.rounds = 3;
	play.room_bytes = 1024;
	play.slow_us[0] = 1000;
	carry(3);
}

static void slow_channel(void **state)
{
	(void)state;
	play = plain();
	play.rounds = 8;
	play.room_bytes = 1024;
	play.slow_us[1] = 20000;
	carry(4);
}

/* A pass over memory that takes several sections is one all the same. */
static void passes_in_parts(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		play = plain();
		play.parts = 3;
		play.zeros = i;
		carry(4);
	}
}

/* What is not understood is carried all the same, and nothing hangs. */
static void turns_opaque(void **state)
{
	(void)state;
	for (unsigned int i = 1; i <= 3; i++) {
		play = plain();
		play.flush = i == 2;
		play.room_bytes = 1024;
		play.odd_round = i;
		play.odd_channel = i;
		set_out(4);
		expect_manifests();
		expect_bytes();
		assert_int_equal(stand.side[SRC].manifest.opaque, 1);
		assert_string_equal(stand.side[SRC].manifest.reason,
			"compressed multifd pages, or device state");
		stop_both();
	}
}

/* QEMU's last packet may find the door shut, read or not. */
static void straggler(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		play = plain();
		play.rounds = 2;
		play.straggler = 1 + i * 1000;
		play.odd_round = i % 2;
		play.odd_channel = 1 + i / 2 % 2;
		set_out(3);
		expect_manifests();
		if (play.odd_round)
			assert_int_equal(stand.side[SRC].manifest.opaque, 1);
		else
			expect_parsed();
		stop_both();
	}
}

/* What is let go is not mistaken for this; and the source's QEMU gets out,
 * however it waits for its channels. It dies two sections before the last at
 * the latest, or all that is written may be in its socket by then. */
static void destination_dies(void **state)
{
	int status;

	(void)state;
	for (unsigned int i = 0; i < 6; i++) {
		play = plain();
		play.dies_after = 1 + i / 2;
		play.odd_round = i % 2;
		play.odd_channel = 2;
		set_out(3);
		assert_true(stand_await(stand_both_failed));
		/* the source, which hears first of the return path's end, may
		 * be quicker to give up */
		if (stand.side[DST].fail.kr != KR_E_LANE_LOST)
			assert_int_equal(stand.side[DST].fail.kr, KR_E_STREAM);
		for (int k = 0; k < 2; k++)
			assert_int_equal(waitpid(players[k], &status, 0),
					 players[k]);
		assert_true(reports[SRC].broken ||
			    reports[SRC].back_bytes != 8);
		stop_both();
	}
}

/* All of the stream is in its socket before it dies, so that nothing is left to
 * be written: what it did not read tells. */
static void destination_dies_with_it_all(void **state)
{
	int status;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		play = plain();
		play.n_pages = 100;
		play.dies_after = 1;
		play.slow_us[1] = 300000;
		play.odd_round = i;
		play.odd_channel = 2;
		set_out(3);
		assert_true(stand_await(stand_both_failed));
		assert_int_equal(stand.side[DST].fail.kr, KR_E_STREAM);
		for (int k = 0; k < 2; k++)
			assert_int_equal(waitpid(players[k], &status, 0),
					 players[k]);
		stop_both();
	}
}

static double cpu_s(const struct rusage *r)
{
	return (double)r->ru_utime.tv_sec + (double)r->ru_stime.tv_sec +
	       (double)(r->ru_utime.tv_usec + r->ru_stime.tv_usec) / 1e6;
}

static void measure(uint64_t mib, uint8_t n_lanes)
{
	struct rusage ru[2];
	uint64_t t0 = kr_now_ns();
	double s;

	play = (struct play){ .n_pages = mib * 256, .rounds = 1,
			      .zeros = true, .no_hash = true };
	set_out(n_lanes);
	expect_manifests();
	s = (double)(stand.side[DST].manifest_ns - t0) / 1e9;
	stand_stop(&stand.side[SRC], &ru[SRC]);
	stand_stop(&stand.side[DST], &ru[DST]);
	print_message("%llu MiB in %.2f s; CPU source %.2f s, destination "
		      "%.2f s\n", (unsigned long long)mib, s,
		      cpu_s(&ru[SRC]), cpu_s(&ru[DST]));
	stand_close();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carries_every_channel),
		cmocka_unit_test(as_many_as_there_may_be),
		cmocka_unit_test(narrow_sockets),
		cmocka_unit_test(slow_main),
		cmocka_unit_test(slow_channel),
		cmocka_unit_test(passes_in_parts),
		cmocka_unit_test(turns_opaque),
		cmocka_unit_test(straggler),
		cmocka_unit_test(destination_dies),
		cmocka_unit_test(destination_dies_with_it_all),
	};
	const char *mib = getenv("KORORA_PLANE_MIB");
	const char *lanes = getenv("KORORA_PLANE_LANES");

	reports = mmap(NULL, 2 * sizeof(*reports), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(reports != MAP_FAILED);
	if (mib) {
		measure(strtoull(mib, NULL, 10),
			(uint8_t)(lanes ? strtoul(lanes, NULL, 10) : 3));
		return 0;
	}
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
