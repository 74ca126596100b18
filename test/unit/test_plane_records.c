/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_plane_records.c - lanes as TLS has them on the wire: with padding no
 * record, of either direction, has a length of its own; and a lane's key is
 * renewed in the middle of a migration, which nothing else notices.
 */
#include "plane_play.h"

#define MULTIPLE	1024u

/* Pages that shrink, so that lengths are many; on every lane. */
static void look(uint16_t padding)
{
	struct play p = plain();

	p.profile = true;
	p.n_pages = 1500;
	p.rounds = 3;
	p.rate = 8 * MIB / stand_n_lanes;
	p.records_of = MULTIPLE;
	stand_padding = padding;
	set_out(&p, 10000);
	expect_carried();
	stop_both();
	stand_padding = 0;
	print_message("padding %u: %llu of %llu forward, %llu of %llu back "
		      "have a length of their own\n", padding,
		      (unsigned long long)reports[0].n_bare,
		      (unsigned long long)reports[0].n_records,
		      (unsigned long long)reports[1].n_bare,
		      (unsigned long long)reports[1].n_records);
	for (int way = 0; way < 2; way++)
		assert_true(reports[way].n_records > 3u * stand_n_lanes);
}

static void padded(void **state)
{
	(void)state;
	look(MULTIPLE);
	assert_int_equal(reports[0].n_bare, 0);
	assert_int_equal(reports[1].n_bare, 0);
}

/* And the test can tell. */
static void not_padded(void **state)
{
	(void)state;
	look(0);
	assert_true(reports[0].n_bare > 3u * stand_n_lanes);
	assert_true(reports[1].n_bare > 3u * stand_n_lanes);
}

static void renewed(void **state)
{
	const struct side *s = &stand.side[SRC];
	struct play p = plain();

	(void)state;
	p.records_of = MULTIPLE;	/* slowly enough that all lanes work */
	p.rounds = 2;
	stand_rekey_mib = 1;
	set_out(&p, 10000);
	expect_carried();
	print_message("%llu keys for %llu KiB\n",
		      (unsigned long long)s->progress.n_key_updates,
		      (unsigned long long)s->progress.wire_sent_bytes / 1024);
	/* each lane has one that is not used up */
	assert_true(s->progress.n_key_updates + stand_n_lanes >=
		    s->progress.wire_sent_bytes / (2 * MIB));
	assert_true(s->progress.n_key_updates > 4);
	stop_both();
	stand_rekey_mib = 0;
	set_out(&p, 10000);
	expect_carried();
	assert_int_equal(s->progress.n_key_updates, 0);
	stop_both();
}

static int run_on(uint8_t n_lanes, const char *name)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(padded), cmocka_unit_test(not_padded),
		cmocka_unit_test(renewed),
	};

	stand_n_lanes = n_lanes;
	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
	open_reports();
	return run_on(1, "one lane") + run_on(3, "three lanes");
}
