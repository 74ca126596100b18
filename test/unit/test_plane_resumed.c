/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_plane_resumed.c - the link is cut in post-copy, and new agents take up
 * the rest, for two real QEMUs that are told to resume: as much of what was
 * under way as is whole had arrived, and nothing in it was half.
 */
#include "plane_postcopy.h"

/* @n lanes from @first on break; new agents take up what QEMU writes when it
 * resumes. */
static void resumed(bool runs, unsigned int first, unsigned int n)
{
	const struct side *d = &stand.side[DST];

	go_over(runs, 0);
	go_on(700);			/* meanwhile, some come late */
	assert_true(d->progress.n_late_pages > 0);
	cut(first, n);
	assert_int_equal(d->torn.why.kr, KR_E_LANE_LOST);
	stop_agents();
	qmp_await(&vms[SRC], "postcopy-paused", NULL);
	qmp_await(&vms[DST], "postcopy-paused", NULL);
	compare_logs(true);

	segment = 1;
	stand_resumed = true;
	for (int i = 0; i < 2; i++)
		stand_spawn(&stand.side[i]);
	order(&vms[DST], "{\"execute\":\"migrate-recover\",\"arguments\":{"
			 "\"uri\":\"unix:%s\"}}\n", name("mig", DST));
	agents();
	set_speed("max-postcopy-bandwidth", "0");
	order(&vms[SRC], "{\"execute\":\"migrate\",\"arguments\":{"
			 "\"uri\":\"unix:%s\",\"resume\":true}}\n",
	      tap_source());
	to_the_end();
	assert_false(d->has_split);
	assert_int_equal(d->manifest.ram_bytes, 0);
	assert_int_equal(d->progress.n_late_pages, d->manifest.n_pages);
	stop_agents();
	compare_logs(false);
	clear_away(runs);
}

static void cut_and_resumed(void **state)
{
	(void)state;
	resumed(false, 0, 1);
	resumed(true, 0, LANES);
}

/* Its lane breaks alone, one of the others does, or all do. */
static void urgent_cut_and_resumed(void **state)
{
	(void)state;
	resumed(true, LANES, 1);
	resumed(true, 0, 1);
	resumed(true, 0, LANES + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_and_resumed),
		URGENT(urgent_cut_and_resumed),
	}, others[] = {
		cmocka_unit_test(cut_and_resumed),
		URGENT(urgent_cut_and_resumed),
	};
	int n_failed = cmocka_run_group_tests(tests, small_vms, NULL);

	if (is_there())
		n_failed += cmocka_run_group_tests_name("QEMU 10.0", others,
							other_qemu, NULL);
	return n_failed;
}
