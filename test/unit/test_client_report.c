/* SPDX-License-Identifier: Apache-2.0 */
/* test_client_report.c - korora report, of what a kororad answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cursor.h"
#include "client/keptpolicy.h"
#include "policy/bundle.h"

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

/* ---- the policy that decided -------------------------------------------- */

#define TEXT	"[policy p]\nversion = 1\n[triple t]\nwho = anna\n"	\
		"may = migrate\non = vm:web\nto = b\ncertified_by = vera\n"

struct kept {
	struct kr_bundle b;
	char		 sha256[65], hex[1024];
};

static void kept_init(struct kept *k)
{
	static uint8_t bytes[sizeof(TEXT) - 1 + 2 + 8];
	struct kr_wr w = KR_WR(bytes, sizeof(bytes));

	kr_wr_bytes(&w, "f", 2);
	kr_wr_u64(&w, sizeof(TEXT) - 1);
	kr_wr_bytes(&w, TEXT, sizeof(TEXT) - 1);
	k->b = (struct kr_bundle){ .bytes = bytes, .n = sizeof(bytes) };
	assert_int_equal(kr_bundle_sum(&k->b, NULL), 0);
	kr_hex(k->b.digest, 32, k->sha256);
	kr_hex(bytes, sizeof(bytes), k->hex);
}

/* Answer @id: bytes of the policy from @from on. */
static void part(const struct kept *k, int id, size_t from, size_t n,
		 char out_line[2048])
{
	snprintf(out_line, 2048, "{\"id\":%d,\"result\":{\"name\":\"p\","
		 "\"bytes\":%zu,\"part\":\"%.*s\"}}\n", id, k->b.n,
		 (int)(2 * n), k->hex + 2 * from);
}

/* What kr_keptpolicy_ask() makes of these answers: *@ret or *@ret_error. */
static void ask_for(const struct kept *k, const char *first,
		    const char *second, json_t **ret, json_t **ret_error)
{
	const char *const answers[] = { first, second, NULL };
	struct kr_cli c = { .root = root };
	pid_t pid = serve(answers);
	int status;

	*ret = *ret_error = NULL;
	kr_keptpolicy_ask(&c, k->sha256, "web", "anna", ret, ret_error);
	korora_close(c.api);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	assert_true(!*ret != !*ret_error);
}

static void a_policy_comes_in_parts(void **state)
{
	char first[2048], second[2048], from[32];
	json_t *j, *no;
	struct kept k;

	(void)state;
	kept_init(&k);
	part(&k, 1, 0, 50, first);
	part(&k, 2, 50, k.b.n - 50, second);
	ask_for(&k, first, second, &j, &no);
	assert_non_null(j);
	assert_string_equal(json_string_value(json_array_get(
			    json_object_get(j, "destinations"), 0)), "b");
	assert_null(json_object_get(j, "part"));
	assert_non_null(strstr(asked(), "\"from\":0}"));
	snprintf(from, sizeof(from), "\"from\":%d}", 50);
	assert_non_null(strstr(asked(), from));
	json_decref(j);
}

/* A kororad that leaves something out, repeats it, or says what is none. */
static void a_policy_that_is_not_the_one(void **state)
{
	static const char *const none[] = {
		"{\"id\":2,\"result\":{\"bytes\":99,\"part\":\"\"}}\n",
		"{\"id\":2,\"result\":{\"bytes\":99,\"part\":\"0g\"}}\n",
		"{\"id\":2,\"result\":{\"bytes\":99,\"part\":\"abc\"}}\n",
		"{\"id\":2,\"result\":{\"bytes\":99}}\n",
		"{\"id\":2,\"result\":[]}\n",
		"{\"id\":2,\"error\":{\"code\":\"KR-1032\"}}\n",
	};
	char first[2048], second[2048];
	json_t *j, *no;
	struct kept k;

	(void)state;
	kept_init(&k);
	part(&k, 1, 0, 50, first);
	part(&k, 2, 49, k.b.n - 50, second);
	ask_for(&k, first, second, &j, &no);
	assert_non_null(no);
	assert_string_equal(json_string_value(json_object_get(no, "code")),
			    "KR-8001");
	json_decref(no);
	for (size_t i = 0; i < KR_N(none); i++) {
		ask_for(&k, first, none[i], &j, &no);
		assert_non_null(no);
		json_decref(no);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_report_is_made_of_five_answers),
		cmocka_unit_test(a_policy_comes_in_parts),
		cmocka_unit_test(a_policy_that_is_not_the_one),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
