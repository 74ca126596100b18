/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_plane_mended.c - the link is cut in post-copy, and the same agents go on
 * over new lanes: the two real QEMUs hear nothing of it, also if it was their
 * last byte.
 */
#include "plane_postcopy.h"

/* The same agents, new lanes: QEMU is not told. */
static void mend(void)
{
	const struct side *s = &stand.side[SRC], *d = &stand.side[DST];

	stand_mend(SRC, &d->torn.position);
	stand_mend(DST, &s->torn.position);
	for (uint8_t i = 0; i < stand_n_lanes; i++)
		relay_lane(i);
	assert_true(stand_await(stand_both_up));
	fail_if_failed();
}

/* Lanes break, one or all, and again before the new ones have brought what the
 * old ones lost; a VM that asks for pages has its answers. */
static void cut_and_mended(void **state)
{
	const struct side *d = &stand.side[DST];

	(void)state;
	go_over(true, 0);
	go_on(300);
	for (unsigned int i = 0; i < 6; i++) {
		cut(i % stand_n_lanes, 1 + !i);
		mend();
		go_on(i % 3 * 50);
	}
	assert_true(d->progress.n_late_pages > 0);
	set_speed("max-postcopy-bandwidth", "8000000");
	cut(0, stand_n_lanes);
	mend();
	set_speed("max-postcopy-bandwidth", "0");
	to_the_end();
	stop_agents();
	compare_logs(false);
	clear_away(true);
}

/* On a busy machine all may have come before that. */
static bool cut_before_the_end(void)
{
	cut(0, LANES);
	if (stand.side[DST].has_manifest)
		print_message("it was over before the cut\n");
	return !stand.side[DST].has_manifest;
}

/* QEMU has written its last, and the link that should bring it breaks: no
 * QEMU sends that again. */
static void cut_at_the_end(void **state)
{
	const struct side *s = &stand.side[SRC], *d = &stand.side[DST];

	(void)state;
	go_over(true, 0);
	set_speed("max-postcopy-bandwidth", "8000000");
	while (s->progress.n_missing_pages > 1500)
		go_on(5);
	set_speed("max-postcopy-bandwidth", SLOW);
	while (s->progress.n_missing_pages > 250)
		go_on(5);
	if (cut_before_the_end()) {
		link_rate = 50000;	/* some credit is a while of that */
		mend();
		set_speed("max-postcopy-bandwidth", "0");
		while (s->progress.n_missing_pages)
			go_on(5);
	}
	if (!d->has_manifest && cut_before_the_end()) {
		assert_int_equal(s->progress.n_missing_pages, 0);
		link_rate = 0;
		mend();
		to_the_end();
	}
	link_rate = 0;
	stop_agents();
	compare_logs(false);
	clear_away(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_and_mended),
		cmocka_unit_test(cut_at_the_end),
		URGENT(cut_and_mended),
		URGENT(cut_at_the_end),
	}, others[] = {
		cmocka_unit_test(cut_at_the_end),
		URGENT(cut_and_mended),
		URGENT(cut_at_the_end),
	};
	int n_failed = cmocka_run_group_tests(tests, small_vms, NULL);

	if (is_there())
		n_failed += cmocka_run_group_tests_name("QEMU 10.0", others,
							other_qemu, NULL);
	return n_failed;
}
