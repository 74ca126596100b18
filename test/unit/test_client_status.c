/* SPDX-License-Identifier: Apache-2.0 */
/* test_client_status.c - korora status, once and with --watch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "client_stand.h"

#define STATUS(phase, more)                                               \
	"{\"id\":1,\"result\":{\"host\":\"alpha\",\"migrations\":[{"       \
	"\"migration\":\"5f\",\"vm\":\"web\",\"phase\":\"" phase "\","     \
	"\"error\":null,\"postcopy\":" more "}]}}\n"

static void status_tells_what_is_missing(void **state)
{
	(void)state;
	answered("status 5f", STATUS("copy", "null"));
	assert_null(strstr(out, "early"));
	answered("status 5f",
		 STATUS("post-copy", "{\"owed_pages\":9,\"missing_pages\":7,"
			"\"late_pages\":2,\"preempt\":true,"
			"\"urgent_pages\":1,"
			"\"recoveries\":0,\"flows\":true,"
			"\"lost\":false}"));
	assert_non_null(strstr(out, "yes, its memory follows\n"));
	assert_non_null(strstr(out, "Missing pages:"));
	assert_non_null(strstr(out, "  urgent:"));
	answered("status 5f",
		 STATUS("post-copy", "{\"owed_pages\":9,\"missing_pages\":0,"
			"\"late_pages\":2,\"recoveries\":1,\"flows\":false,"
			"\"lost\":false}"));
	assert_non_null(strstr(out, "yes, its memory is interrupted\n"));
	assert_null(strstr(out, "Missing pages:"));
	answered("status 5f",
		 STATUS("done", "{\"owed_pages\":9,\"lost\":true}"));
	assert_non_null(strstr(out, "yes, and never got all of its memory\n"));
	/* for programs it is as kororad said it */
	answered("--json status 5f", STATUS("done", "{\"lost\":true}"));
	assert_null(strstr(out, "early"));
	assert_non_null(strstr(out, "\"postcopy\":{\"lost\":true}"));
}

#define MIG(state, left, ms)                                                \
	"\"result\":{\"host\":\"alpha\",\"migrations\":[{\"migration\":"     \
	"\"5f\",\"vm\":\"web\",\"state\":\"" state "\",\"remaining_bytes\":" \
	#left ",\"error\":null,\"elapsed_ms\":" #ms ",\"rate_bytes_s\":" #ms "}]}}\n"

static unsigned int count(const char *what)
{
	unsigned int n = 0;

	for (const char *p = out; (p = strstr(p, what)); p++)
		n++;
	return n;
}

/* Three answers, of which the second tells only how late it is. */
static void watching_tells_what_changed(void **state)
{
	static const char *const answers[] = {
		"{\"id\":1," MIG("running", 4096, 10),
		"{\"id\":2," MIG("running", 4096, 1010),
		"{\"id\":3," MIG("completed", 0, 2010), NULL,
	};

	(void)state;
	assert_int_equal(answered_each("status 5f --watch", answers), 0);
	assert_int_equal(count("State:"), 2);
	assert_int_equal(count("running"), 1);
	assert_int_equal(count("completed"), 1);
	assert_int_equal(answered_each("--json status 5f --watch", answers),
			 0);
	assert_int_equal(count("\n"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_tells_what_is_missing),
		cmocka_unit_test(watching_tells_what_changed),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
