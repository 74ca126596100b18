/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_plane_postcopy.c - post-copy to its end, with two real QEMUs and two
 * real agents: what QEMUs and agents say to each other is the same on both
 * sides. Pages that a running VM asks for come by themselves.
 */
#include "plane_postcopy.h"

static void whole(bool runs)
{
	go_over(runs, 0);
	set_speed("max-postcopy-bandwidth", "0");
	to_the_end();
	stop_agents();
	compare_logs(false);
	clear_away(runs);
}

static void paused_vm(void **state)
{
	(void)state;
	whole(false);
}

static void running_vm(void **state)
{
	(void)state;
	whole(true);
}

/* What shrinks batches does so behind the split, too. */
static void slow_link(void **state)
{
	const struct side *s = &stand.side[SRC];
	struct kr_plane_progress early;

	(void)state;
	go_over(true, 2000000);
	set_speed("max-postcopy-bandwidth", "0");
	early = s->progress;
	to_the_end();
	assert_true(s->progress.n_same_pages > early.n_same_pages + 1000);
	assert_true(s->progress.squeeze_in_bytes >
		    early.squeeze_in_bytes + 2 * MIB);
	assert_true(s->progress.wire_sent_bytes <
		    s->manifest.stream_bytes / 2);
	stop_agents();
	compare_logs(false);
	clear_away(true);
}

static bool has_urgent(void)
{
	return stand_both_failed() || stand.side[DST].progress.n_urgent_pages;
}

/* The pages that the running VM asks for come by themselves. */
static void urgent(void **state)
{
	(void)state;
	go_over(true, 0);
	assert_true(stand_await(has_urgent));
	fail_if_failed();
	set_speed("max-postcopy-bandwidth", "0");
	to_the_end();
	stop_agents();
	compare_logs(false);
	clear_away(true);
}

/* And those of a VM that does not run, for whom nobody asks, do not. */
static void nothing_urgent(void **state)
{
	(void)state;
	whole(false);
	assert_int_equal(stand.side[DST].progress.n_urgent_pages, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paused_vm),
		cmocka_unit_test(running_vm),
		cmocka_unit_test(slow_link),
		URGENT(urgent),
		URGENT(nothing_urgent),
	}, others[] = {
		cmocka_unit_test(running_vm),
		URGENT(urgent),
		URGENT(nothing_urgent),
	};
	int n_failed = cmocka_run_group_tests(tests, small_vms, NULL);

	if (is_there())
		n_failed += cmocka_run_group_tests_name("QEMU 10.0", others,
							other_qemu, NULL);
	return n_failed;
}
