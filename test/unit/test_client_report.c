/* SPDX-License-Identifier: Apache-2.0 */
/* test_client_report.c - korora report, of what a kororad answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "client_stand.h"

#define ID "11111111111111111111111111111111"
#define UNDONE "{\"id\":1,\"result\":{\"migrations\":[{\"migration\":\"" ID \
	"\",\"vm\":\"web\",\"role\":\"source\",\"peer\":\"beta\","      \
	"\"state\":\"cancelled\",\"receipt\":null}]}}\n"
#define DEMANDS	"{\"id\":3,\"result\":{\"name\":\"standard\",\"version\":1," \
		"\"sha256\":\"00\",\"demands\":\"attestation=none\\n\"}}\n"
#define INFO "{\"id\":2,\"result\":{\"host\":\"alpha\",\"policy\":\"\"}}\n"

/* Of a log that kororad may not, or cannot, vouch for there is one, too. */
static void a_report_is_made_of_five_answers(void **state)
{
	static const char *const refused[] = {
		UNDONE, INFO, DEMANDS,
		"{\"id\":4,\"result\":{\"entries\":[]}}\n",
		"{\"id\":5,\"error\":{\"code\":\"KR-1003\"}}\n", NULL,
	};
	static const char *const altered[] = {
		UNDONE, INFO, DEMANDS,
		"{\"id\":4,\"result\":{\"entries\":[]}}\n",
		"{\"id\":5,\"error\":{\"code\":\"KR-8002\",\"message\":"
		"\"entry 7\"}}\n", NULL,
	};
	char line[512], page[OUT_BYTES];

	(void)state;
	assert_int_equal(answered_each("report 1111", refused), 0);
	assert_memory_equal(out, "Did not move\n", 13);
	assert_non_null(strstr(out, "Single ownership: cannot be told\n"));
	assert_non_null(strstr(asked(), "\"migration\":\"" ID "\""));
	assert_non_null(strstr(asked(), "\"method\":\"log.verify\""));
	snprintf(line, sizeof(line), "--json report 11 --html %s",
		 below("/page"));
	assert_int_equal(answered_each(line, altered), KR_EXIT_REFUSED);
	assert_non_null(strstr(out, "\"verdict\":\"unreliable\""));
	slurp(below("/page"), page);
	assert_memory_equal(page, "<!DOCTYPE html>", 15);
	assert_non_null(strstr(page, "The evidence does not verify"));
	assert_non_null(strstr(page, "</html>"));
	assert_int_equal(access(below("/page.new"), F_OK), -1);
	/* no such migration, and nowhere to write */
	assert_int_equal(answered("report 2", "{\"id\":1,\"result\":{}}\n"),
			 KR_EXIT_REFUSED);
	snprintf(line, sizeof(line), "report 11 --html %s",
		 below("/none/page"));
	assert_int_equal(answered_each(line, refused), KR_EXIT_REFUSED);
	assert_non_null(strstr(err, "KR-9001"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_report_is_made_of_five_answers),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
