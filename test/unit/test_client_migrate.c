/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_client_migrate.c - korora migrate and recover: what they tell of progress, of
 * the end, and what they exit with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "client_stand.h"

#define EVENT(ph)                                                          \
	"{\"id\":1,\"event\":{\"kind\":\"progress\",\"migration\":\"5f\"," \
	"\"phase\":\"" ph "\",\"ram_bytes\":100,\"remaining_bytes\":40}}\n"

static void migrate_tells_progress_and_end(void **state)
{
	(void)state;
	assert_int_equal(
		answered("migrate web --to beta --bandwidth 1gbit --timeout 9",
			 EVENT("copy") EVENT("copy") EVENT("seal")
			 "{\"id\":1,\"result\":{\"migration\":\"5f\",\"vm\":"
			 "\"web\",\"from\":\"alpha\",\"to\":\"beta\","
			 "\"status\":\"completed\",\"error\":null,"
			 "\"downtime_ms\":38.21,\"total_ms\":4213}}\n"),
		0);
	assert_non_null(strstr(out, "copy       60%"));
	assert_null(strstr(strstr(out, "copy ") + 1, "copy "));
	assert_non_null(strstr(out, "seal       60%"));
	assert_non_null(strstr(out, "web moved from alpha to beta"));
	assert_non_null(strstr(out, "downtime    38.2 ms"));
	assert_non_null(strstr(asked(), "\"bandwidth_bytes_s\":125000000"));
	assert_non_null(strstr(asked(), "\"timeout_s\":9"));
	assert_null(strstr(asked(), "strategy"));
}

#define LATE(more)                                                         \
	"{\"id\":1,\"event\":{\"kind\":\"progress\",\"migration\":\"5f\"," \
	"\"phase\":\"post-copy\",\"ram_bytes\":8192,"                       \
	"\"remaining_bytes\":2048,\"rate_bytes_s\":1024,\"postcopy\":{"     \
	"\"owed_pages\":9," more "}}}\n"
#define OVER "{\"id\":1,\"result\":{\"status\":\"completed\"}}\n"

static void progress_tells_what_is_missing(void **state)
{
	(void)state;
	answered("migrate web --to beta",
		 EVENT("seal")
		 LATE("\"missing_pages\":7,\"flows\":true") OVER);
	assert_non_null(strstr(out, "post-copy  75%       1 KiB/s  left      "
				    "2 KiB  missing        7 pages  sent"));
	/* after a cut QEMU alone knows how much that is */
	answered("migrate web --to beta",
		 LATE("\"missing_pages\":0,\"recoveries\":2,"
		      "\"flows\":false") OVER);
	assert_non_null(strstr(out, "post-copy  75%  interrupted   left      "
				    "2 KiB  recoveries           2  sent"));
	assert_null(strstr(out, "missing"));
	/* it is over: nothing is missing */
	answered("migrate web --to beta", EVENT("receipt") OVER);
	assert_null(strstr(out, "missing"));
}

static void a_vm_without_its_memory_is_exit_3(void **state)
{
	static const char answer[] =
		"{\"id\":1,\"result\":{\"migration\":\"5f\",\"vm\":\"web\","
		"\"to\":\"beta\",\"status\":\"lost\",\"error\":{\"code\":"
		"\"KR-7004\",\"message\":\"web\"}}}\n";

	(void)state;
	assert_int_equal(answered("migrate web --to beta", answer),
			 KR_EXIT_OPERATOR);
	assert_non_null(strstr(out, "web to beta: lost\n"));
	assert_null(strstr(out, "runs where it was"));
}

static void an_unfinished_migration_is_a_result(void **state)
{
	static const char answer[] =
		EVENT("release")
		"{\"id\":1,\"result\":{\"vm\":\"web\",\"status\":\"failed\","
		"\"error\":{\"code\":\"KR-7003\",\"message\":\"beta\"}}}\n";

	(void)state;
	assert_int_equal(answered("--json migrate web --to beta", answer),
			 KR_EXIT_OPERATOR);
	assert_memory_equal(out, "{\"vm\":\"web\"", 10);
	assert_non_null(strstr(out, "\"hint\":\"bring the peer back"));
	assert_int_equal(answered("migrate web --to beta", answer),
			 KR_EXIT_OPERATOR);
	assert_null(strstr(out, "runs where it was"));
}

static void only_a_begun_migration_says_where_the_vm_runs(void **state)
{
	static const char refused[] =
		"{\"id\":1,\"error\":{\"code\":\"KR-1004\",\"message\":"
		"\"nothing\"}}\n";
	static const char undone[] =
		"{\"id\":1,\"result\":{\"migration\":\"5f\",\"vm\":\"web\","
		"\"to\":\"beta\",\"status\":\"failed\",\"error\":{\"code\":"
		"\"KR-5002\",\"message\":\"lane 0\"}}}\n";

	(void)state;
	assert_int_equal(answered("migrate web --to beta", refused),
			 KR_EXIT_REFUSED);
	assert_string_equal(out, "web to beta: refused\n");
	unlink(below("/run/korora/api.sock"));
	assert_int_equal(korora("migrate web --to beta"), KR_EXIT_REFUSED);
	assert_string_equal(out, "web to beta: refused\n");
	assert_int_equal(answered("migrate web --to beta", undone),
			 KR_EXIT_REFUSED);
	assert_non_null(strstr(out, "failed; the VM runs where it was"));
}

static void a_lost_migration_is_exit_3(void **state)
{
	(void)state;
	assert_int_equal(answered("migrate web --to beta", EVENT("release")),
			 KR_EXIT_OPERATOR);
	assert_non_null(strstr(err, "KR-1009"));
	assert_non_null(strstr(out, "to beta: how it ended is not known\n"
				    "  migration   5f\n"));
	assert_int_equal(answered("--json migrate web --to beta",
				  EVENT("release")),
			 KR_EXIT_OPERATOR);
	assert_non_null(strstr(err, "KR-1009"));
	assert_memory_equal(out, "{\"migration\":\"5f\",\"vm\":\"web\",", 29);
	assert_non_null(strstr(out, "\"status\":\"failed\",\"error\":{\"code\":"
				    "\"KR-1009\""));
	assert_int_equal(answered("--json migrate web --to beta", ""),
			 KR_EXIT_REFUSED);
	assert_memory_equal(out, "{\"migration\":null,\"vm\":\"web\",", 29);
	assert_non_null(strstr(out, "\"status\":\"refused\""));
}

static void recover_waits_is_exit_3(void **state)
{
	(void)state;
	assert_int_equal(answered("recover",
				  "{\"id\":1,\"result\":{\"migrations\":[{"
				  "\"migration\":\"5f\",\"outcome\":"
				  "\"waiting\",\"error\":null}]}}\n"),
			 KR_EXIT_OPERATOR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(migrate_tells_progress_and_end),
		cmocka_unit_test(progress_tells_what_is_missing),
		cmocka_unit_test(a_vm_without_its_memory_is_exit_3),
		cmocka_unit_test(an_unfinished_migration_is_a_result),
		cmocka_unit_test(only_a_begun_migration_says_where_the_vm_runs),
		cmocka_unit_test(a_lost_migration_is_exit_3),
		cmocka_unit_test(recover_waits_is_exit_3),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
