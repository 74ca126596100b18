/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_plane_agent.c - two real agents between two processes that play QEMU,
 * with a network in between that can flip, cut or freeze: bytes arrive
 * unchanged, failures close everything at once and carry the right code; all
 * of that on one lane and again on three. With KORORA_PLANE_MIB=N it measures
 * N MiB of random pages instead, on KORORA_PLANE_LANES lanes (default 1),
 * with KORORA_PLANE_DELAY_MS each way (default 0).
 */
#include "plane_play.h"

static void carries_every_byte(void **state)
{
	struct play p = plain();
	const struct side *s = &stand.side[SRC];

	(void)state;
	set_out(&p, 10000);
	expect_carried();
	assert_int_equal(s->manifest.n_pages, p.n_pages + 1);
	assert_int_equal(s->manifest.n_zero_pages, 1);
	assert_int_equal(s->manifest.ram_bytes, p.n_pages * PAGE);
	assert_true(s->progress.wire_sent_bytes > reports[0].n_bytes);
	assert_true(s->progress.wire_sent_bytes < reports[0].n_bytes +
						  reports[0].n_bytes / 200 +
						  4096 * stand_n_lanes);
	stop_both();
}

/* What repeats and shrinks is sent as little as the link needs. */
static void shrinks_on_a_slow_link(void **state)
{
	struct play p = plain();
	const struct side *s = &stand.side[SRC];
	const struct kr_plane_progress *m = &s->progress;

	(void)state;
	p.profile = true;
	p.n_pages = 1500;
	p.rounds = 8;
	p.rate = 4 * MIB / stand_n_lanes;
	set_out(&p, 10000);
	expect_carried();
	print_message("%llu of %llu KiB sent; %llu same, %llu differences; "
		      "squeezed %llu to %llu KiB\n",
		      (unsigned long long)m->wire_sent_bytes / 1024,
		      (unsigned long long)reports[0].n_bytes / 1024,
		      (unsigned long long)m->n_same_pages,
		      (unsigned long long)m->n_delta_pages,
		      (unsigned long long)m->squeeze_in_bytes / 1024,
		      (unsigned long long)m->squeeze_out_bytes / 1024);
	assert_int_equal(s->manifest.n_pages, (p.n_pages + 1) * p.rounds);
	assert_true(m->n_same_pages > 0);
	assert_true(m->n_delta_pages > 0);
	assert_true(m->squeeze_in_bytes > 2 * m->squeeze_out_bytes);
	assert_true(m->wire_sent_bytes < reports[0].n_bytes / 4 * 3);
	stop_both();
}

/* What has been there comes out of the destination's cache. Both caches are
 * smaller than memory: old pages make room meanwhile. Names that come too late
 * are of no use: on a busy machine all may, and then it is tried again. */
static void cached(void **state)
{
	struct play p = plain();
	const struct side *s = &stand.side[SRC], *d = &stand.side[DST];
	uint64_t n_cached = 0;

	(void)state;
	p.rate = 8 * MIB / stand_n_lanes;
	stand_make_caches((uint32_t)p.n_pages / 4 * 3);
	for (unsigned int k = 0; k < 3 || (!n_cached && k < 12); k++) {
		set_out(&p, 10000);
		expect_carried();
		assert_int_equal(s->progress.n_cached_pages,
				 d->progress.n_cached_pages);
		n_cached += s->progress.n_cached_pages;
		if (!k)		/* nothing has been there */
			assert_int_equal(n_cached, 0);
		stop_both();
	}
	assert_true(n_cached);
	stand_remove_caches();
}

/* The destination's QEMU takes nothing for a while: nobody is to blame. */
static void waits_for_a_slow_qemu(void **state)
{
	struct play p = plain();

	(void)state;
	p.pause_at = 3 * MIB;
	p.pause_ms = 5000;
	set_out(&p, 2000);
	expect_carried();
	stop_both();
}

/* A long way: more has to be on it than what the other end takes at once. */
static void long_way(void **state)
{
	struct play p = plain();

	(void)state;
	p.delay_ms = 25;
	set_out(&p, 5000);
	expect_carried();
	stop_both();
}

/* The link takes nothing for a second, again and again, while QEMU writes a
 * few bytes now and then: they wait, in order. */
static void deaf_link(void **state)
{
	struct play p = plain();

	(void)state;
	p.n_pages = 8;
	p.n_trickles = 25;
	p.deaf_at = 8 * PAGE;
	p.deaf_ms = 1000;
	set_out(&p, 10000);
	expect_carried();
	stop_both();
}

/*
 * Both agents fail, with these codes, and both QEMUs are let go. A reset may
 * overtake the destination's last words on the lane: then the source says
 * that the lane was lost, and kororad hears the reason over the session. So
 * does the destination where one of several lanes was not up yet.
 */
static void both_fail(struct play p, uint32_t stall_ms, enum kr_code src,
		      enum kr_code dst)
{
	set_out(&p, stall_ms);
	assert_true(stand_await(stand_both_failed));
	if ((stand.side[SRC].fail.kr != src &&
	     stand.side[SRC].fail.kr != KR_E_LANE_LOST) ||
	    (stand.side[DST].fail.kr != dst &&
	     (stand.side[DST].fail.kr != KR_E_LANE_LOST ||
	      stand_n_lanes == 1)))
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
	p.flip_at = 200 * 1024 + 77; /* of the first lane */
	both_fail(p, 2000, KR_E_LANE_FORGED, KR_E_LANE_FORGED);
}

static void cut_link(void **state)
{
	struct play p = plain();

	(void)state;
	p.cut_at = 200 * 1024;
	both_fail(p, 2000, KR_E_LANE_LOST, KR_E_LANE_LOST);
}

static void frozen_link(void **state)
{
	struct play p = plain();

	(void)state;
	p.freeze_at = 200 * 1024;
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
	assert_true(stand_await(stand_both_up));
	assert_int_equal(stand_stop(&stand.side[DST], NULL), 0);
	assert_true(stand_await(source_failed));
	assert_int_equal(stand.side[SRC].fail.kr, KR_E_CANCELLED);
	clear_away();
}

static void killed_peer(void **state)
{
	struct play p = plain();

	(void)state;
	p.quiet = true;
	set_out(&p, 2000);
	assert_true(stand_await(stand_both_up));
	kill(stand.side[DST].pid, SIGKILL);
	assert_true(stand_await(source_failed));
	assert_int_equal(stand.side[SRC].fail.kr, KR_E_LANE_LOST);
	clear_away();
}

static void quiet_is_not_dead(void **state)
{
	struct play p = plain();

	(void)state;
	p.quiet = true;
	set_out(&p, 3000);
	assert_true(stand_await(stand_both_up));
	assert_false(stand_run(stand_both_failed, 4500));
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
	const char *delay = getenv("KORORA_PLANE_DELAY_MS");
	struct rusage ru[2];
	uint64_t t0;
	double s;

	p.n_pages = mib * 256;
	p.limit_bytes = mib * MIB;
	p.hash = false;
	p.delay_ms = delay ? (unsigned int)strtoul(delay, NULL, 10) : 0;
	set_out(&p, 10000);
	t0 = kr_now_ns();
	assert_true(stand_await(stand_both_manifests));
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

static int run_on(uint8_t n_lanes, const char *name)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carries_every_byte),
		cmocka_unit_test(shrinks_on_a_slow_link),
		cmocka_unit_test(cached),
		cmocka_unit_test(waits_for_a_slow_qemu),
		cmocka_unit_test(long_way),
		cmocka_unit_test(deaf_link),
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

	stand_n_lanes = n_lanes;
	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

/* As many lanes as there may be: none waits for what another waits for. */
static void any_number_of_lanes(void **state)
{
	(void)state;
	for (uint8_t n = 1; n <= KR_PLANE_LANES_MAX; n++) {
		struct play p = plain();

		stand_n_lanes = n;
		p.pause_at = 3 * MIB;
		p.pause_ms = 100;
		set_out(&p, 5000);
		expect_carried();
		stop_both();
	}
}

static int run_on_all(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_number_of_lanes),
	};

	return cmocka_run_group_tests_name("all lanes", tests, NULL, NULL);
}

int main(void)
{
	const char *mib = getenv("KORORA_PLANE_MIB");
	const char *lanes = getenv("KORORA_PLANE_LANES");
	int r;

	open_reports();
	if (mib) {
		stand_n_lanes = (uint8_t)(lanes ? strtoul(lanes, NULL, 10) : 1);
		measure(strtoull(mib, NULL, 10));
		return 0;
	}
	r = run_on(1, "one lane");
	r += run_on(3, "three lanes");
	return r + run_on_all();
}
