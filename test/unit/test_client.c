/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_client.c - korora's commands as such: usage, errors, answers that are
 * broken, and how figures are read and written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/human.h"

#include "client_stand.h"

static void rates_are_read(void **state)
{
	static const struct { const char *text; uint64_t bytes; } good[] = {
		{ "100mbit", 12500000 },     { "1gbit", 125000000 },
		{ "2.5Gbit/s", 312500000 },  { "50MB", 50000000 },
		{ "64MiB", 67108864 },	     { "1000000", 1000000 },
		{ "8bit", 1 },
	};
	static const char *const bad[] = { "50mb", "", "-1", "1e9", "fast",
					   "10 MB", "nan", "0", "1bit", "0x10",
					   "99999999GB", "10MBx", "1gbit/" };
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < KR_N(good); i++) {
		assert_true(kr_human_rate(good[i].text, &v));
		assert_int_equal(v, good[i].bytes);
	}
	for (size_t i = 0; i < KR_N(bad); i++)
		assert_false(kr_human_rate(bad[i], &v));
}

static void sizes_and_spans_are_written(void **state)
{
	char h[KR_HUMAN_BYTES];

	(void)state;
	assert_string_equal(kr_human_size(0, h), "0 B");
	assert_string_equal(kr_human_size(1023, h), "1023 B");
	assert_string_equal(kr_human_size(1048575, h), "1 MiB");
	assert_string_equal(kr_human_size(1.5 * 1073741824, h), "1.5 GiB");
	assert_string_equal(kr_human_span(38.21, h), "38.2 ms");
	assert_string_equal(kr_human_span(4213, h), "4.21 s");
	assert_string_equal(kr_human_span(125000, h), "2 min 05 s");
	assert_string_equal(kr_human_span(7500000, h), "2 h 05 min");
	assert_string_equal(kr_human_time(0, h), "-");
	assert_string_equal(kr_human_clean("a\033[2J\302\233b", h, sizeof(h)),
			    "a?[2J?b");
}

static void usage_is_exit_2(void **state)
{
	(void)state;
	assert_int_equal(korora("bogus"), KR_EXIT_USAGE);
	assert_non_null(strstr(err, "korora: KR-1001 "));
	assert_int_equal(korora("vm start"), KR_EXIT_USAGE);
	assert_non_null(strstr(err, "usage: korora vm start NAME"));
	assert_int_equal(korora("migrate a --to b --to c"), KR_EXIT_USAGE);
	assert_int_equal(korora("migrate a --to b --bandwidth 5mb"),
			 KR_EXIT_USAGE);
	assert_int_equal(korora("migrate \377 --to b"), KR_EXIT_USAGE);
	assert_non_null(strstr(err, "not valid UTF-8"));
	assert_int_equal(korora("vm list --froce"), KR_EXIT_USAGE);
	assert_int_equal(korora("status --root"), KR_EXIT_USAGE);
	assert_int_equal(korora("help migrate"), 0);
	assert_non_null(strstr(out, "--max-downtime-ms N"));
}

static void no_daemon_is_said(void **state)
{
	(void)state;
	unlink(below("/run/korora/api.sock"));
	assert_int_equal(korora("vm list --json"), KR_EXIT_REFUSED);
	assert_non_null(strstr(out, "{\"error\":{\"code\":\"KR-1009\""));
	assert_non_null(strstr(err, "  → start kororad"));
	assert_int_equal(korora("doctor"), KR_EXIT_REFUSED);
	assert_non_null(strstr(out, "FAIL  kororad"));
	assert_int_equal(korora("version --json"), 0);
	assert_non_null(strstr(out, "\"kororad\":null"));
}

static void broken_answers_are_survived(void **state)
{
	static const char *const bad[] = {
		"", "\n", "[]\n", "{\"id\":2,\"result\":{}}\n", "{\"id\":1}\n",
		"{\"id\":1,\"result\":{},\"error\":{}}\n",
		"{\"id\":1,\"error\":7}\n", "{\"id\":1,\"result\":{}}",
		"{\"id\":1,\"id\":1,\"result\":{}}\n", "\xff\n",
	};

	(void)state;
	for (size_t i = 0; i < KR_N(bad); i++) {
		assert_int_equal(answered("vm list", bad[i]),
				 KR_EXIT_REFUSED);
		assert_non_null(strstr(err, "KR-1009"));
	}
	/* a result without what it should hold is shown as nothing */
	assert_int_equal(answered("vm list", "{\"id\":1,\"result\":{}}\n"), 0);
	assert_int_equal(answered("vm show x", "{\"id\":1,\"result\":[]}\n"),
			 0);
	assert_int_equal(answered("status", "{\"id\":1,\"result\":7}\n"), 0);
}

static void lists_are_aligned_and_clean(void **state)
{
	(void)state;
	assert_int_equal(
		answered("vm list",
			 "{\"id\":1,\"result\":{\"vms\":[{\"name\":\"web\","
			 "\"state\":\"run\\u001b[m\",\"memory_mb\":2048,"
			 "\"vcpus\":2,\"epoch\":1,\"peer\":null}]}}\n"),
		0);
	assert_string_equal(out, "NAME  STATE   MEMORY  VCPUS  EPOCH  PEER\n"
				 "web   run?[m   2 GiB      2      1  -\n");
	assert_string_equal(asked(), "{\"id\":1,\"method\":\"vm.list\","
				     "\"params\":{}}\n");
}

static void an_error_has_its_exit_code(void **state)
{
	(void)state;
	assert_int_equal(answered("cancel 5f",
				  "{\"id\":1,\"error\":{\"code\":\"KR-7002\","
				  "\"message\":\"5f3a\"}}\n"),
			 KR_EXIT_OPERATOR);
	assert_string_equal(out, "");
	assert_non_null(strstr(err, "korora: KR-7002 ownership was released "
				    "already: it cannot be cancelled: 5f3a\n"
				    "  → it is driven forward"));
	assert_int_equal(answered("vm list",
				  "{\"id\":1,\"error\":{\"code\":\"KR-9999\"}}"
				  "\n"),
			 KR_EXIT_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_are_read),
		cmocka_unit_test(sizes_and_spans_are_written),
		cmocka_unit_test(usage_is_exit_2),
		cmocka_unit_test(no_daemon_is_said),
		cmocka_unit_test(broken_answers_are_survived),
		cmocka_unit_test(lists_are_aligned_and_clean),
		cmocka_unit_test(an_error_has_its_exit_code),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
