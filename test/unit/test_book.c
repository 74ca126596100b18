/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_book.c - what policies allow, what is wrong with one, and that a large
 * one is decided by its index as by looking through all of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/book.h"

#define HEAD	"[policy p]\nversion = 3\n"
#define MIGRATE	"[triple t]\nwho = role:operate, anna\nmay = migrate\n" \
		"on = vm:web*\nto = b\ncertified_by = vera\n"

static struct kr_book *book(const char *text, struct kr_err *e)
{
	struct kr_book *b = kr_book_new();

	*e = KR_ERR_NONE;
	if (!kr_book_add(b, "f", text, strlen(text), e) &&
	    !kr_book_finish(b, e))
		return b;
	kr_book_free(b);
	return NULL;
}

static struct kr_book *good(const char *text)
{
	struct kr_err e;
	struct kr_book *b = book(text, &e);

	if (!b)
		print_message("%s\n", e.what);
	assert_non_null(b);
	return b;
}

static struct kr_execution wish(const char *who, const char *role,
				const char *procedure, const char *item,
				const char *to)
{
	return (struct kr_execution){
		.by = { who, { role }, role ? 1 : 0 },
		.procedure = kr_procedure_find(procedure), .item = item,
		.to = to };
}

static void decides(const struct kr_book *b, struct kr_execution x,
		    enum kr_answer answer, enum kr_reason reason)
{
	struct kr_verdict v = kr_book_decide(b, &x);

	assert_int_equal(v.answer, answer);
	assert_int_equal(v.reason, reason);
}

static void triples(void **state)
{
	struct kr_book *b = good(HEAD MIGRATE);

	(void)state;
	decides(b, wish("anna", NULL, "migrate", "vm:web1", "b"), KR_YES,
		KR_REASON_NONE);
	decides(b, wish("otto", "operate", "migrate", "vm:web", "b"), KR_YES,
		KR_REASON_NONE);
	decides(b, wish("otto", "audit", "migrate", "vm:web1", "b"),
		KR_QUESTION, KR_REASON_NO_TRIPLE);
	decides(b, wish("operate", NULL, "migrate", "vm:web1", "b"),
		KR_QUESTION, KR_REASON_NO_TRIPLE);
	decides(b, wish("anna", NULL, "migrate", "vm:db", "b"), KR_QUESTION,
		KR_REASON_NO_TRIPLE);
	decides(b, wish("anna", NULL, "cancel", "vm:web1", NULL),
		KR_QUESTION, KR_REASON_NO_TRIPLE);
	decides(b, wish("anna", NULL, "migrate", "vm:web1", "c"), KR_QUESTION,
		KR_REASON_DESTINATION);
	decides(b, wish("anna", NULL, "migrate", "vm:web1", NULL),
		KR_QUESTION, KR_REASON_DESTINATION);
	decides(b, wish("nobody", NULL, "info", "", NULL), KR_YES,
		KR_REASON_NONE);
	kr_book_free(b);
}

/* By name and by role it is allowed twice; by one triple once is enough. */
/* A triple that the index found, and that is not for him, allows nothing. */
static void what_the_index_finds_is_asked(void **state)
{
	struct kr_book *b = good(HEAD "[triple t]\nwho = anna, otto\n"
				 "may = migrate\non = vm:web*\nto = b\n"
				 "certified_by = vera\n");
	struct kr_words *who = &b->triples[0].who;

	(void)state;
	decides(b, wish("otto", NULL, "migrate", "vm:web1", "b"), KR_YES,
		KR_REASON_NONE);
	who->n--;
	decides(b, wish("anna", NULL, "migrate", "vm:web1", "b"), KR_YES,
		KR_REASON_NONE);
	decides(b, wish("otto", NULL, "migrate", "vm:web1", "b"), KR_ERROR,
		KR_REASON_NO_TRIPLE);
	who->n++;
	kr_book_free(b);
}

static void two_deal_with_it(void **state)
{
	struct kr_book *b = good(HEAD MIGRATE
		"[triple u]\nwho = otto\nmay = migrate\non = vm:web1\n"
		"certified_by = vera\n");

	(void)state;
	decides(b, wish("otto", "operate", "migrate", "vm:web1", "b"),
		KR_ERROR, KR_REASON_TWO_TRIPLES);
	decides(b, wish("otto", "operate", "migrate", "vm:web1", "c"), KR_YES,
		KR_REASON_NONE);
	decides(b, wish("anna", "operate", "migrate", "vm:web1", "b"), KR_YES,
		KR_REASON_NONE);
	kr_book_free(b);
}

static void certifier_executes(void **state)
{
	struct kr_book *b = good(HEAD MIGRATE);

	(void)state;
	decides(b, wish("vera", "operate", "migrate", "vm:web1", "b"), KR_NO,
		KR_REASON_CERTIFIER);
	kr_book_free(b);
}

static void persons_approve(void **state)
{
	struct kr_book *b = good(HEAD
		"[triple t]\nwho = *\nmay = migrate\non = vm:*\n"
		"approvals = 2\napprovers = role:approve, paul\n"
		"certified_by = vera\n");
	static const struct kr_person all[] = {
		{ "anna", { "approve" }, 1 },	/* who asks */
		{ "vera", { "approve" }, 1 },	/* who certified */
		{ "otto", { "operate" }, 1 },	/* nobody */
		{ "paul", { NULL }, 0 },
		{ "rosa", { "approve" }, 1 },
	};
	struct kr_execution x = wish("anna", NULL, "migrate", "vm:x", "b");
	struct kr_verdict v;

	(void)state;
	decides(b, x, KR_QUESTION, KR_REASON_APPROVALS);
	x.approvers = all;
	x.n_approvers = 4;
	v = kr_book_decide(b, &x);
	assert_int_equal(v.reason, KR_REASON_APPROVALS);
	assert_int_equal(v.approved, 1);
	x.n_approvers = 5;
	decides(b, x, KR_YES, KR_REASON_NONE);
	kr_book_free(b);
}

/* Biba: no write up, by any way; reading is none. */
static void no_write_up(void **state)
{
	static const char text[] = HEAD
		"[triple t]\nwho = role:operate, role:host\n"
		"may = vm.define, vm.start, vm.stop, vm.remove, migrate, cancel, "
		"recover, receive, vm.show, plan\non = vm:*\ncertified_by = vera\n"
		"[item high]\non = vm:web1\nlevel = relying-party\n"
		"[subject high]\nwho = otto, host:b\nlevel = relying-party\n"
		"[subject higher]\nwho = paul\nlevel = tpm\n";
	static const char *const writes[] = {
		"vm.define", "vm.start", "vm.stop", "vm.remove", "migrate",
		"cancel", "recover", "receive",
	};
	struct kr_book *b = good(text);

	(void)state;
	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
		const char *p = writes[i];

		decides(b, wish("anna", "operate", p, "vm:web1", "b"), KR_NO,
			KR_REASON_LEVEL);
		decides(b, wish("host:c", "host", p, "vm:web1", "b"), KR_NO,
			KR_REASON_LEVEL);
		decides(b, wish("anna", "operate", p, "vm:web2", "b"), KR_YES,
			KR_REASON_NONE);
		decides(b, wish("otto", "operate", p, "vm:web1", "b"), KR_YES,
			KR_REASON_NONE);
		decides(b, wish("host:b", "host", p, "vm:web1", "b"), KR_YES,
			KR_REASON_NONE);
		decides(b, wish("paul", "operate", p, "vm:web1", "b"), KR_YES,
			KR_REASON_NONE);
	}
	decides(b, wish("anna", "operate", "vm.show", "vm:web1", NULL), KR_YES,
		KR_REASON_NONE);
	decides(b, wish("anna", "operate", "plan", "vm:web1", "b"), KR_YES,
		KR_REASON_NONE);
	kr_book_free(b);
}

static void nobody_changes_himself(void **state)
{
	struct kr_book *b = good(HEAD
		"[triple t]\nwho = role:admin\n"
		"may = user.grant, user.revoke, user.key.add, "
		"user.key.remove\non = user:*\n"
		"certified_by = vera\n");

	(void)state;
	decides(b, wish("eve", "admin", "user.grant", "user:eve", NULL), KR_NO,
		KR_REASON_HIMSELF);
	decides(b, wish("eve", "admin", "user.key.add", "user:eve", NULL),
		KR_NO, KR_REASON_HIMSELF);
	decides(b, wish("eve", "admin", "user.revoke", "user:eve", NULL),
		KR_NO, KR_REASON_HIMSELF);
	decides(b, wish("eve", "admin", "user.key.remove", "user:eve", NULL),
		KR_NO, KR_REASON_HIMSELF);
	decides(b, wish("eve", "admin", "user.key.remove", "user:even", NULL),
		KR_YES, KR_REASON_NONE);
	decides(b, wish("eve", "admin", "user.revoke", "user:even", NULL),
		KR_YES, KR_REASON_NONE);
	decides(b, wish("eve", "admin", "user.grant", "user:even", NULL),
		KR_YES, KR_REASON_NONE);
	kr_book_free(b);
}

/* To change the policy is to change policy:NAME, which may be of a level. */
static void the_policy_has_a_level(void **state)
{
	struct kr_book *b = good(HEAD
		"[triple t]\nwho = role:admin\nmay = policy.reload\n"
		"certified_by = vera\n[item policy]\non = policy:*\n"
		"level = identity-provider\n"
		"[subject eve]\nwho = eve\nlevel = identity-provider\n");

	(void)state;
	decides(b, wish("otto", "admin", "policy.reload", "", NULL), KR_NO,
		KR_REASON_LEVEL);
	decides(b, wish("eve", "admin", "policy.reload", "", NULL), KR_YES,
		KR_REASON_NONE);
	kr_book_free(b);
}

/* '*' is for every item, and what is used on none has no class. */
static void no_item_no_category(void **state)
{
	struct kr_book *b = good(
		HEAD "[triple t]\nwho = anna\nmay = status, vm.show\non = vm:*\n"
		"certified_by = vera\n"
		"[item all]\non = *\ncategories = acme\n");

	(void)state;
	decides(b, wish("anna", NULL, "status", "", NULL), KR_YES,
		KR_REASON_NONE);
	decides(b, wish("anna", NULL, "vm.show", "vm:a", NULL), KR_NO,
		KR_REASON_TENANT);
	kr_book_free(b);
}

/* Whom two triples want approvals for, they will be an error with them. */
static void two_want_approvals(void **state)
{
	struct kr_book *b = good(HEAD
		"[triple t]\nwho = role:operate\nmay = migrate\non = vm:*\n"
		"approvals = 1\napprovers = paul\ncertified_by = vera\n"
		"[triple u]\nwho = otto\nmay = migrate\non = vm:*\n"
		"to = b\n"
		"approvals = 1\napprovers = rosa\ncertified_by = vera\n"
		"[triple v]\nwho = role:chief\nmay = migrate\non = vm:web*\n"
		"certified_by = vera\n");
	struct kr_execution x = wish("otto", "operate", "migrate", "vm:x",
				     "b");
	struct kr_verdict v = kr_book_decide(b, &x);

	(void)state;
	assert_int_equal(v.answer, KR_ERROR);
	assert_int_equal(v.reason, KR_REASON_TWO_TRIPLES);
	assert_non_null(v.triple);
	assert_non_null(v.second);
	assert_ptr_not_equal(v.triple, v.second);
	/* one of them alone, by who asks or by where to */
	decides(b, wish("anna", "operate", "migrate", "vm:x", "b"),
		KR_QUESTION, KR_REASON_APPROVALS);
	decides(b, wish("otto", "operate", "migrate", "vm:x", "c"),
		KR_QUESTION, KR_REASON_APPROVALS);
	/* and one that wants none deals with it as it is */
	x = wish("otto", "operate", "migrate", "vm:web1", "b");
	x.by.roles[x.by.n_roles++] = "chief";
	decides(b, x, KR_YES, KR_REASON_NONE);
	kr_book_free(b);
}

static void tenants(void **state)
{
	struct kr_book *b = good(HEAD MIGRATE
		"[subject a]\nwho = anna\ncategories = acme\n"
		"[subject o]\nwho = otto\ncategories = *\n"
		"[item beta]\non = vm:web-beta*\ncategories = beta\n");
	struct kr_execution x = wish("anna", NULL, "migrate", "vm:web1", "b");

	(void)state;
	x.tenant = "acme";
	decides(b, x, KR_YES, KR_REASON_NONE);
	x.tenant = "beta";
	decides(b, x, KR_NO, KR_REASON_TENANT);
	x.tenant = "acme";
	x.item = "vm:web-beta1";
	decides(b, x, KR_NO, KR_REASON_TENANT);
	x.by = (struct kr_person){ "otto", { "operate" }, 1 };
	decides(b, x, KR_YES, KR_REASON_NONE);
	kr_book_free(b);
}

static void demands_add_up(void **state)
{
	struct kr_book *b = good(HEAD
		"[protection all]\non = vm:*\nscanners = 1\n"
		"[protection web]\non = vm:web*\nattestation = yes\n"
		"memory_root = yes\n"
		"lane_suites = TLS_AES_256_GCM_SHA384\n");
	struct kr_protection p;

	(void)state;
	kr_book_demands(b, "vm:db", &p);
	assert_false(p.attestation || p.memory_root);
	assert_int_equal(p.scanners, 1);
	kr_book_demands(b, "vm:web1", &p);
	assert_true(p.attestation && p.memory_root);
	assert_int_equal(p.scanners, 1);
	assert_int_equal(p.lane_suites.n, 1);
	kr_book_free(b);
}

#define A   "TLS_AES_128_GCM_SHA256"
#define B   "TLS_CHACHA20_POLY1305_SHA256"
#define C   "TLS_AES_256_GCM_SHA384"
#define ALL C ", " A ", " B		/* as a message names them */

/* The order of sections decides nothing: the list that is in all others. */
static void the_fewest_suites_count(void **state)
{
	static const char *const texts[] = {
		HEAD "[protection a]\non = vm:*\nlane_suites = " ALL "\n"
		"[protection b]\non = vm:db*\nlane_suites = " C ", " A "\n"
		"[protection c]\non = vm:db1\nlane_suites = " C "\n",
		HEAD "[protection c]\non = vm:db1\nlane_suites = " C "\n"
		"[protection b]\non = vm:db*\nlane_suites = " C ", " A "\n"
		"[protection a]\non = vm:*\nlane_suites = " ALL "\n",
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct kr_book *b = good(texts[i]);
		struct kr_protection p;

		kr_book_demands(b, "vm:db1", &p);
		assert_int_equal(p.lane_suites.n, 1);
		assert_string_equal(p.lane_suites.word[0], C);
		kr_book_demands(b, "vm:db2", &p);
		assert_int_equal(p.lane_suites.n, 2);
		kr_book_demands(b, "vm:web", &p);
		assert_int_equal(p.lane_suites.n, 3);
		assert_int_equal(p.control_suites.n, 0);
		kr_book_free(b);
	}
}

/* Triples that differ in their destination alone, some of them patterns. */
static void one_triple_of_many_by_destination(void **state)
{
	static const struct { const char *to; unsigned int triple; } rows[] = {
		{ "h0", 0 }, { "h299", 299 }, { "h300", 300 },
		{ "h300-left", 300 }, { "h599", 599 },
	};
	struct kr_execution x = { .by = { .name = "anna" }, .item = "vm:a",
				  .procedure = kr_procedure(KR_TP_migrate) };
	struct kr_verdict v;
	struct kr_book *b;
	size_t n;
	char *text = NULL;
	FILE *f = open_memstream(&text, &n);

	(void)state;
	fputs("[policy p]\nversion = 1\n", f);
	for (unsigned int i = 0; i < 600; i++)
		fprintf(f, "[triple t%u]\nwho = anna\nmay = migrate\n"
			"certified_by = vera\non = vm:a\nto = h%u%s\n", i, i,
			i >= 300 ? "*" : "");
	assert_int_equal(fclose(f), 0);
	b = good(text);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		x.to = rows[i].to;
		v = kr_book_decide(b, &x);
		assert_int_equal(v.answer, KR_YES);
		assert_ptr_equal(v.triple, &b->triples[rows[i].triple]);
	}
	x.to = "h1-left";
	for (int i = 0; i < 2; i++, x.to = NULL) {
		v = kr_book_decide(b, &x);
		assert_int_equal(v.answer, KR_QUESTION);
		assert_int_equal(v.reason, KR_REASON_DESTINATION);
		assert_non_null(v.triple);
	}
	kr_book_free(b);
	free(text);
}

#define TRIPLE(name, more) "[triple " name "]\nwho = anna\nmay = migrate\n" \
			   "certified_by = vera\n" more

static void wrong(void **state)
{
	static const struct { const char *text, *says; } rows[] = {
		{ MIGRATE, "no file has a [policy NAME]" },
		{ "[policy p]\n", "f:1: [policy p] has no key version" },
		{ HEAD HEAD, "f:3: a second [policy p]" },
		{ "[policy p]\nversion = 0\n", "versions begin at 1" },
		{ "[policy p]\nversion = -1\n", "f:2: version is a number" },
		{ HEAD "[rule x]\n", "f:3: unknown section [rule]" },
		{ HEAD "[triple]\n", "f:3: [triple] needs a name" },
		{ HEAD "x = y\n", "f:3: unknown key 'x' in [policy]" },
		{ HEAD TRIPLE("t", ""),
		  "f:3: [triple t] has no key 'on' (rule E1)" },
		{ HEAD TRIPLE("t", "on = web1\n"), "f:7: on: web1 is no item" },
		{ HEAD TRIPLE("t", "on = vm:\n"), "f:7: on: vm: has no name" },
		{ HEAD TRIPLE("t", "on = vm:a*b\n"), "f:7: on: '*' may only" },
		{ HEAD TRIPLE("t", "on = vm:a,, vm:b\n"), "f:7: on: a word is" },
		{ HEAD TRIPLE("t", "on = vm:a, vm:a\n"), "f:7: on: a word is" },
		{ HEAD TRIPLE("t", "on = vm:a\non = vm:b\n"), "f:8: a second" },
		{ HEAD TRIPLE("t", "on = vm:*, vm:b\n"), "[triple t] has vm:b" },
		{ HEAD TRIPLE("t", "on = vm:a\napprovals = 1\n"),
		  "f:3: [triple t] has no key 'approvers' (rule C3)" },
		{ HEAD TRIPLE("t", "on = vm:a\napprovals = 1\n"
			      "approvers = vera\n"),
		  "f:3: [triple t] is approved by who certified it: vera "
		  "(rule C3)" },
		{ HEAD "[triple t]\nwho = anna\nmay = migrate, vm.stop\n"
		  "certified_by = vera\non = vm:a\napprovals = 1\n"
		  "approvers = paul\n",
		  "f:3: [triple t] has approvals, and nobody can approve: "
		  "vm.stop (rule C3)" },
		{ HEAD TRIPLE("t", "on = vm:a\napprovals = 17\n"),
		  "f:8: approvals is a number up to 16" },
		{ HEAD "[triple t]\nwho = vera\nmay = migrate\non = vm:a\n"
		  "certified_by = vera\n",
		  "f:3: [triple t] is executed by who certified it: vera "
		  "(rule E4)" },
		{ HEAD "[triple t]\nwho = anna\nmay = vm.list\nto = b\n"
		  "certified_by = vera\n",
		  "f:3: [triple t] goes nowhere, and has 'to'" },
		{ HEAD "[triple t]\nwho = vm:b\n",
		  "f:4: who: vm:b is neither a name nor role:NAME nor" },
		{ HEAD "[triple t]\nwho = anna\nmay = fly\n"
		  "certified_by = vera\n",
		  "[triple t] may use what is no procedure: fly (rule E1)" },
		{ HEAD "[triple t]\nmay = vm.*\n",
		  "f:4: may: vm.* is no procedure's name" },
		{ HEAD "[subject s]\nwho = anna\nlevel = high\n",
		  "f:5: high is no level" },
		{ HEAD TRIPLE("t", "on = vm:a\n") TRIPLE("t", "on = vm:b\n"),
		  "f:8: a second [triple t]" },
		{ HEAD TRIPLE("t", "on = vm:a*\n") TRIPLE("u", "on = vm:ab\n"),
		  "f:8: [triple u] and [triple t] of f:3 both deal with" },
		{ HEAD TRIPLE("t", "on = vm:ab\n") TRIPLE("u", "on = *\n"),
		  "both deal with migrate of vm:ab by anna" },
		{ HEAD TRIPLE("t", "on = vm:a\n") TRIPLE("u", "on = vm:a*\n"),
		  "both deal with migrate of vm:a by anna" },
		{ HEAD TRIPLE("t", "on = vm:*\nto = bb\n")
		  TRIPLE("u", "on = vm:a\nto = c, b*\n"),
		  "f:9: [triple u] and [triple t] of f:3 both deal with" },
		{ HEAD TRIPLE("t", "on = vm:a\nto = bb\n")
		  TRIPLE("u", "on = vm:*\nto = b, bb\n"),
		  "both deal with migrate of vm:a by anna" },
		{ HEAD "[triple t]\nwho = anna\nmay = migrate, cancel\n"
		  "certified_by = vera\non = vm:a\nto = b\n"
		  "[triple u]\nwho = anna\nmay = migrate, cancel\n"
		  "certified_by = vera\non = vm:a\nto = c\n",
		  "both deal with cancel of vm:a by anna" },
		{ HEAD "[protection q]\non = vm:*\nlane_suites = TLS*\n",
		  "f:5: lane_suites: TLS* is none of " ALL },
		/* a tag that is not whole */
		{ HEAD "[protection q]\non = vm:*\n"
		  "control_suites = " C ", TLS_AES_128_CCM_8_SHA256\n",
		  "f:5: control_suites: TLS_AES_128_CCM_8_SHA256 is none" },
		{ HEAD "[protection q]\non = vm:*\nlane_suites = X1, X2, X3\n",
		  "f:5: lane_suites: X1 is none of " },
		{ HEAD "[protection q]\non = vm:*\n"
		  "lane_suites = " C ", " C "\n",
		  "f:5: lane_suites: a word is there twice" },
		{ HEAD "[protection q]\non = vm:*\nlane_suites = " A ", " B "\n"
		  "[protection r]\non = vm:a\nlane_suites = " B ", " C "\n",
		  "f:6: [protection r] and [protection q] of f:3 name suites" },
		{ HEAD TRIPLE("t", "on = vm:a\nto = b, c\n")
		  TRIPLE("u", "on = vm:a\nto = d, c*\n"), "both deal with" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kr_err e;

		assert_null(book(rows[i].text, &e));
		assert_int_equal(e.kr, KR_E_CONFIG);
		if (!strstr(e.what, rows[i].says))
			print_message("%s: %s\n", rows[i].says, e.what);
		assert_non_null(strstr(e.what, rows[i].says));
	}
	kr_book_free(good(HEAD TRIPLE("t", "on = vm:a\nto = b\n")
			  TRIPLE("u", "on = vm:a*\nto = c\n")));
}

/* The index finds just what looking through all of it would. */
static void as_by_looking_through(void **state)
{
	static const char *const on[] = { "*", "vm:*", "vm:a*", "vm:a",
					  "vm:ab", "vm:b*" };
	static const char *const who[] = { "*", "anna", "role:operate",
					   "otto" };
	static const char *const may[] = { "migrate", "cancel", "status" };
	static const char *const items[] = { "vm:a", "vm:ab", "vm:abc",
					     "vm:b", "vm:", "" };
	char text[8192] = HEAD, one[200];

	(void)state;
	for (unsigned int i = 0; i < 24; i++) {	/* to differs: no overlap */
		snprintf(one, sizeof(one), "[triple t%u]\nwho = %s\nmay = %s\n"
			 "on = %s\n%s%s%u\ncertified_by = vera\n", i,
			 who[i % 4], may[i / 2 % 2], on[i % 6],
			 i / 2 % 2 ? "#" : "to = ", "h", i);
		if (i / 2 % 2 == 0)
			strcat(text, one);
	}
	struct kr_book *b = good(text);

	for (unsigned int w = 1; w < 4; w++)
		for (unsigned int m = 0; m < 3; m++)
			for (unsigned int k = 0; k < 6; k++)
				for (unsigned int h = 0; h < 24; h++) {
			char to[8];
			struct kr_execution x;
			unsigned int n = 0, approved;

			snprintf(to, sizeof(to), "h%u", h);
			x = wish(who[w], w == 2 ? "operate" : NULL, may[m],
				 items[k], to);
			for (unsigned int i = 0; i < b->n_triples; i++)
				n += kr_book_near(&b->triples[i], &x,
						  &approved) ==
				     KR_REASON_NONE;
			assert_int_equal(kr_book_decide(b, &x).answer,
					 n ? KR_YES : KR_QUESTION);
			assert_true(n <= 1);
		}
	kr_book_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(triples),
		cmocka_unit_test(what_the_index_finds_is_asked),
		cmocka_unit_test(two_deal_with_it),
		cmocka_unit_test(certifier_executes),
		cmocka_unit_test(no_write_up),
		cmocka_unit_test(nobody_changes_himself),
		cmocka_unit_test(the_policy_has_a_level),
		cmocka_unit_test(persons_approve),
		cmocka_unit_test(no_item_no_category),
		cmocka_unit_test(two_want_approvals),
		cmocka_unit_test(tenants),
		cmocka_unit_test(demands_add_up),
		cmocka_unit_test(the_fewest_suites_count),
		cmocka_unit_test(one_triple_of_many_by_destination),
		cmocka_unit_test(wrong),
		cmocka_unit_test(as_by_looking_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
