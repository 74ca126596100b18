/* SPDX-License-Identifier: Apache-2.0 */
/* test_cases.c - tables of requests and of the decisions expected of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/cases.h"

static struct kr_cases it;

static void start(const char *text)
{
	assert_int_equal(kr_cases_start(&it, "f", text, strlen(text), NULL),
			 0);
}

static void lines_are_requests(void **state)
{
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	start("# who may what\n\n"
	      "anna:operate,audit migrate\tvm:web@acme b "
	      "rosa:approve;paul yes\n"
	      "  # and who may not\n"
	      "  otto   vm.list - - -   question  \n"
	      "paul migrate vm:web - - error scanners=2\n"
	      "host:b receive vm:web - - yes");
	assert_int_equal(kr_cases_next(&it, &e), 1);
	assert_int_equal(it.line, 3);
	assert_string_equal(it.x.by.name, "anna");
	assert_int_equal(it.x.by.n_roles, 2);
	assert_string_equal(it.x.by.roles[0], "operate");
	assert_string_equal(it.x.by.roles[1], "audit");
	assert_ptr_equal(it.x.procedure, kr_procedure_find("migrate"));
	assert_string_equal(it.x.item, "vm:web");
	assert_string_equal(it.x.tenant, "acme");
	assert_string_equal(it.x.to, "b");
	assert_int_equal(it.x.n_approvers, 2);
	assert_string_equal(it.x.approvers[0].name, "rosa");
	assert_string_equal(it.x.approvers[0].roles[0], "approve");
	assert_string_equal(it.x.approvers[1].name, "paul");
	assert_int_equal(it.x.approvers[1].n_roles, 0);
	assert_int_equal(it.expected, KR_YES);
	assert_null(it.demands);

	assert_int_equal(kr_cases_next(&it, &e), 1);
	assert_int_equal(it.line, 5);
	assert_string_equal(it.x.by.name, "otto");
	assert_int_equal(it.x.by.n_roles, 0);
	assert_string_equal(it.x.item, "");
	assert_null(it.x.tenant);
	assert_null(it.x.to);
	assert_int_equal(it.x.n_approvers, 0);
	assert_int_equal(it.expected, KR_QUESTION);

	assert_int_equal(kr_cases_next(&it, &e), 1);
	assert_int_equal(it.line, 6);
	assert_string_equal(it.x.item, "vm:web");
	assert_int_equal(it.expected, KR_ERROR);
	assert_string_equal(it.demands, "scanners=2");

	assert_int_equal(kr_cases_next(&it, &e), 1);
	assert_string_equal(it.x.by.name, "host:b");
	assert_int_equal(it.x.by.n_roles, 1);
	assert_string_equal(it.x.by.roles[0], "host");
	assert_int_equal(kr_cases_next(&it, &e), 0);
}

static void demands_are_one_word(void **state)
{
	char *suites[] = { (char *)"A", (char *)"B" };
	struct kr_protection p = { 0 };
	char out[KR_CASES_LINE_MAX + 1];

	(void)state;
	assert_string_equal(kr_cases_demands(&p, out), "-");
	p.scanners = 3;
	p.attestation = p.memory_root = true;
	p.lane_suites = (struct kr_words){ .word = suites, .n = 2 };
	assert_string_equal(kr_cases_demands(&p, out),
			    "attestation,memory_root,scanners=3,"
			    "lane_suites=A:B");
}

static void wrong_lines_are_named(void **state)
{
	static const struct { const char *line, *says; } rows[] = {
		{ "anna migrate vm:web b yes", "f:2: 5 words, not who" },
		{ "anna migrate vm:web b - yes - -", "f:2: 8 words" },
		{ "anna vm.start vm:web - - yes -",
		  "f:2: nothing is demanded of vm.start" },
		{ "- migrate vm:web b - yes", "f:2: somebody must ask" },
		{ "an/na migrate vm:web b - yes", "f:2: no user's name" },
		{ "anna: migrate vm:web b - yes", "f:2: no role's name" },
		{ "host:b:host receive vm:web - - yes", "f:2: no host's name" },
		{ "host: receive vm:web - - yes", "f:2: no host's name" },
		{ "anna:a,a migrate vm:web b - yes",
		  "f:2: a role is there twice" },
		{ "anna:"
		  "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,aa,ab,ac"
		  ",ad,ae,af,ag,ah,ai,aj,ak,al,am,an,ao,ap,aq,ar,as,at,au,av,aw"
		  ",ax,ay,az,ba,bb,bc,bd,be,bf,bg,bh,bi,bj,bk,bl,bm"
		  " migrate vm:w b - no",
		  "f:2: too many roles" },
		{ "anna fly vm:web b - yes", "f:2: fly is no procedure" },
		{ "anna - vm:web b - yes", "f:2: - is no procedure" },
		{ "anna migrate - b - yes", "f:2: migrate is used on vm:NAME" },
		{ "anna migrate web b - yes", "f:2: migrate is used on vm:N" },
		{ "anna migrate vm: b - yes", "f:2: migrate is used on vm:N" },
		{ "anna migrate vm:* b - yes", "f:2: migrate is used on vm:N" },
		{ "anna migrate host:b b - yes", "f:2: migrate is used on vm" },
		{ "anna migrate vm:web@ b - yes", "f:2: no tenant's name" },
		{ "anna vm.list vm:web - - yes", "f:2: vm.list is used on no" },
		{ "anna vm.start vm:web b - yes", "f:2: vm.start goes nowhere" },
		{ "anna migrate vm:web b* - yes", "f:2: no host's name: b*" },
		{ "anna migrate vm:web b rosa; yes",
		  "f:2: approvers: no user's name" },
		{ "anna migrate vm:web b rosa;paul;rosa yes",
		  "f:2: approvers: rosa is there twice" },
		{ "anna migrate vm:web b a;b;c;d;e;f;g;h;i;j;k;l;m;n;o;p;q no",
		  "f:2: more than 16 approvers" },
		{ "anna migrate vm:web b - maybe", "f:2: yes, no, question" },
		{ "anna migrate vm:web b - -", "f:2: yes, no, question" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kr_err e = KR_ERR_NONE;
		char text[512] = "#\n";

		start(strcat(text, rows[i].line));
		assert_true(kr_cases_next(&it, &e) < 0);
		assert_int_equal(e.kr, KR_E_CONFIG);
		if (strncmp(e.what, rows[i].says, strlen(rows[i].says)))
			fail_msg("%s: %s", rows[i].line, e.what);
	}
}

static void limits_hold(void **state)
{
	struct kr_err e = KR_ERR_NONE;
	char line[KR_CASES_LINE_MAX + 2];

	(void)state;
	memset(line, ' ', sizeof(line));
	memcpy(line, "#", 1);
	assert_int_equal(kr_cases_start(&it, "f", line, KR_CASES_LINE_MAX,
					&e), 0);
	assert_int_equal(kr_cases_next(&it, &e), 0);
	assert_int_equal(kr_cases_start(&it, "f", line, KR_CASES_LINE_MAX + 1,
					&e), 0);
	assert_true(kr_cases_next(&it, &e) < 0);
	assert_non_null(strstr(e.what, "f:1: longer than"));
	e = KR_ERR_NONE;
	assert_int_equal(kr_cases_start(&it, "f", "#\0", 2, &e), 0);
	assert_true(kr_cases_next(&it, &e) < 0);
	e = KR_ERR_NONE;
	assert_true(kr_cases_start(&it, "f", line, KR_CASES_BYTES_MAX + 1,
				   &e) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_requests),
		cmocka_unit_test(demands_are_one_word),
		cmocka_unit_test(wrong_lines_are_named),
		cmocka_unit_test(limits_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
