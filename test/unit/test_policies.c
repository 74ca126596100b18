/* SPDX-License-Identifier: Apache-2.0 */
/* test_policies.c - what the shipped policies allow whom, row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "policy/book.h"

static const char *const roles[] = { "operate", "approve", "audit", "admin",
				     "host" };
#define N_ROLES	(sizeof(roles) / sizeof(roles[0]))
#define N_BITS	(1u << N_ROLES)
#define OPERATE	1u
#define APPROVE	2u
#define AUDIT	4u
#define ADMIN	8u
#define HOST	16u
#define READ	(OPERATE | APPROVE | AUDIT | ADMIN)

/* Who may what by the standard policy: one of these roles suffices. */
static const unsigned int standard[KR_TP_N] = {
	[KR_TP_info]	      = 0,	/* open to everyone */
	[KR_TP_host_add]      = ADMIN,
	[KR_TP_host_list]     = READ,
	[KR_TP_host_show]     = READ,
	[KR_TP_host_remove]   = ADMIN,
	[KR_TP_trust_add]     = ADMIN,
	[KR_TP_trust_list]    = READ,
	[KR_TP_trust_remove]  = ADMIN,
	[KR_TP_user_grant]    = ADMIN,
	[KR_TP_user_revoke]   = ADMIN,
	[KR_TP_user_list]     = READ,
	[KR_TP_user_key_add]  = ADMIN,
	[KR_TP_user_key_list] = READ,
	[KR_TP_user_key_remove] = ADMIN,
	[KR_TP_reference_add] = ADMIN,
	[KR_TP_reference_list] = READ,
	[KR_TP_reference_show] = READ,
	[KR_TP_reference_remove] = ADMIN,
	[KR_TP_attest_show]   = READ,
	[KR_TP_attest_enrol]  = ADMIN,
	[KR_TP_attest_forget] = ADMIN,
	[KR_TP_vm_define]     = OPERATE,
	[KR_TP_vm_list]	      = READ,
	[KR_TP_vm_show]	      = READ,
	[KR_TP_vm_start]      = OPERATE,
	[KR_TP_vm_stop]	      = OPERATE,
	[KR_TP_vm_remove]     = OPERATE,
	[KR_TP_migrate]	      = OPERATE,
	[KR_TP_plan]	      = OPERATE,
	[KR_TP_status]	      = READ,
	[KR_TP_cancel]	      = OPERATE,
	[KR_TP_recover]	      = OPERATE,
	[KR_TP_receipt_list]  = READ,
	[KR_TP_receipt_show]  = READ,
	[KR_TP_log_show]      = READ,
	[KR_TP_log_verify]    = READ,
	[KR_TP_log_prove]     = READ,
	[KR_TP_doctor]	      = READ,
	[KR_TP_policy_show]   = READ,
	[KR_TP_policy_reload] = ADMIN,
	[KR_TP_request_list]  = READ,
	[KR_TP_request_show]  = READ,
	[KR_TP_request_withdraw] = OPERATE | ADMIN,
	[KR_TP_approve]	      = APPROVE,
	[KR_TP_receive]	      = HOST,
};

static struct kr_book *shipped(const char *name)
{
	struct kr_err e = KR_ERR_NONE;
	struct kr_book *b = NULL;
	char path[512];

	snprintf(path, sizeof(path), POLICIES "/%s.policy", name);
	if (kr_book_load(path, &b, NULL, &e))
		print_message("%s\n", e.what);
	assert_non_null(b);
	assert_string_equal(b->name, name);
	return b;
}

/* Somebody with the roles of these bits, as they are in @roles. */
static struct kr_person somebody(unsigned int bits)
{
	struct kr_person p = { .name = "anna" };

	for (unsigned int i = 0; i < N_ROLES; i++)
		if (bits & 1u << i)
			p.roles[p.n_roles++] = roles[i];
	return p;
}

static struct kr_verdict asked(const struct kr_book *b,
			       const struct kr_procedure *p, unsigned int bits)
{
	static const char *const items[KR_ITEM_KIND_N] = {
		[KR_ITEM_NONE] = "", [KR_ITEM_VM] = "vm:web",
		[KR_ITEM_HOST] = "host:b", [KR_ITEM_TRUST] = "trust:ca",
		[KR_ITEM_USER] = "user:otto", [KR_ITEM_POLICY] = "policy:x",
		[KR_ITEM_LOG] = "log:a",
		[KR_ITEM_REFERENCE] = "reference:hosts",
	};
	struct kr_execution x = { .by = somebody(bits), .procedure = p,
				  .item = items[p->on],
				  .to = p->goes_to ? "b" : NULL };

	return kr_book_decide(b, &x);
}

static void standard_is_this_table(void **state)
{
	struct kr_book *b = shipped("standard");
	const struct kr_procedure *p;

	(void)state;
	for (unsigned int tp = 0; (p = kr_procedure((enum kr_tp)tp)); tp++) {
		assert_int_equal(p->open, !standard[tp]);
		for (unsigned int bits = 0; bits < N_BITS; bits++) {
			bool may = p->open || standard[tp] & bits;
			enum kr_answer a = asked(b, p, bits).answer;

			if (a != (may ? KR_YES : KR_QUESTION))
				print_message("%s by roles %x: %s\n", p->name,
					      bits, kr_answer_name(a));
			assert_int_equal(a, may ? KR_YES : KR_QUESTION);
		}
	}
	kr_book_free(b);
}

/* Whatever roles somebody has: no two triples deal with what he asks. */
static void roles_never_collide(void **state)
{
	static const char *const names[] = { "open", "standard", "strict" };
	const struct kr_procedure *p;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct kr_book *b = shipped(names[i]);

		for (unsigned int n = 0; (p = kr_procedure((enum kr_tp)n)); n++)
			for (unsigned int bits = 0; bits < N_BITS; bits++)
				assert_int_not_equal(asked(b, p, bits).answer,
						     KR_ERROR);
		kr_book_free(b);
	}
}

static void open_adds_that_administrators_operate(void **state)
{
	struct kr_book *o = shipped("open"), *s = shipped("standard");
	const struct kr_procedure *p;

	(void)state;
	for (unsigned int n = 0; (p = kr_procedure((enum kr_tp)n)); n++)
		for (unsigned int bits = 0; bits < N_BITS; bits++)
			assert_int_equal(asked(o, p, bits).answer,
					 asked(s, p, bits & ADMIN ?
						       bits | OPERATE :
						       bits).answer);
	kr_book_free(o);
	kr_book_free(s);
}

static void strict_differs_in_what_takes_others_and_what_it_demands(void **state)
{
	struct kr_book *t = shipped("strict"), *s = shipped("standard");
	const struct kr_procedure *p;
	struct kr_protection demands;

	(void)state;
	for (unsigned int n = 0; (p = kr_procedure((enum kr_tp)n)); n++)
		for (unsigned int bits = 0; bits < N_BITS; bits++)
			if (strcmp(p->name, "migrate") &&
			    strcmp(p->name, "policy.reload"))
				assert_int_equal(asked(t, p, bits).answer,
						 asked(s, p, bits).answer);
			else
				assert_int_equal(asked(t, p, bits).answer,
						 KR_QUESTION);
	kr_book_demands(s, "vm:web", &demands);
	assert_false(demands.attestation || demands.no_postcopy ||
		     demands.memory_root || demands.scanners || demands.lane_suites.n ||
		     demands.control_suites.n);
	kr_book_demands(t, "vm:web", &demands);
	assert_true(demands.attestation && demands.no_postcopy &&
		    demands.memory_root);
	assert_int_equal(demands.scanners, 1);
	assert_int_equal(demands.lane_suites.n, 1);
	assert_int_equal(demands.control_suites.n, 1);
	kr_book_free(t);
	kr_book_free(s);
}

static void strict_takes_one_other_for_the_next_policy(void **state)
{
	static const struct kr_person approver[] = {
		{ "rosa", { "approve" }, 1 }, };
	struct kr_book *b = shipped("strict");
	struct kr_execution x = {
		.by = { "root", { "admin", "approve" }, 2 },
		.procedure = kr_procedure_find("policy.reload"), .item = "",
		.approvers = approver };

	(void)state;
	assert_int_equal(kr_book_decide(b, &x).reason, KR_REASON_APPROVALS);
	x.n_approvers = 1;
	assert_int_equal(kr_book_decide(b, &x).answer, KR_YES);
	x.by.name = "rosa";	/* herself */
	assert_int_equal(kr_book_decide(b, &x).reason, KR_REASON_APPROVALS);
	kr_book_free(b);
}

static void strict_takes_two_others(void **state)
{
	static const struct kr_person approvers[] = {
		{ "anna", { "approve" }, 1 },	/* who asks */
		{ "rosa", { "approve" }, 1 },
		{ "otto", { "operate", "admin" }, 2 },
		{ "paul", { "approve", "audit" }, 2 },
	};
	struct kr_book *b = shipped("strict");
	struct kr_execution x = {
		.by = { "anna", { "operate", "approve" }, 2 },
		.procedure = kr_procedure_find("migrate"), .item = "vm:web",
		.to = "b", .approvers = approvers };

	(void)state;
	for (x.n_approvers = 0; x.n_approvers < 4; x.n_approvers++)
		assert_int_equal(kr_book_decide(b, &x).reason,
				 KR_REASON_APPROVALS);
	assert_int_equal(kr_book_decide(b, &x).answer, KR_YES);
	assert_int_equal(kr_book_decide(b, &x).approved, 2);
	kr_book_free(b);
}

/* A file by itself is what a folder with only that file is. */
static void a_file_is_a_folder_with_one(void **state)
{
	uint8_t one[32], all[32];
	struct kr_err e = KR_ERR_NONE;
	struct kr_book *b;
	char folder[] = "/tmp/test_policies.XXXXXX", path[256];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/open.policy", folder);
	assert_int_equal(symlink(POLICIES "/open.policy", path), 0);
	assert_int_equal(kr_book_load(POLICIES "/open.policy", &b, one, &e),
			 0);
	kr_book_free(b);
	assert_int_equal(kr_book_load(folder, &b, all, &e), 0);
	kr_book_free(b);
	unlink(path);
	assert_memory_equal(one, all, 32);
	assert_int_not_equal(kr_book_load(folder, &b, all, &e), 0);
	assert_int_equal(e.kr, KR_E_CONFIG);
	rmdir(folder);
	/* three in one are no policy */
	e = KR_ERR_NONE;
	assert_int_not_equal(kr_book_load(POLICIES, &b, all, &e), 0);
	assert_non_null(strstr(e.what, "standard.policy:"));
	assert_non_null(strstr(e.what, ": a second [policy standard]"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(standard_is_this_table),
		cmocka_unit_test(roles_never_collide),
		cmocka_unit_test(open_adds_that_administrators_operate),
		cmocka_unit_test(
			strict_differs_in_what_takes_others_and_what_it_demands),
		cmocka_unit_test(strict_takes_two_others),
		cmocka_unit_test(strict_takes_one_other_for_the_next_policy),
		cmocka_unit_test(a_file_is_a_folder_with_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
