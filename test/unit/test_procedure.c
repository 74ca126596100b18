/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_procedure.c - the table of procedures: what they are named, what they
 * are used on, and what that is made of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "policy/procedure.h"

/* Is that function, not only a call of it, in that file? Its type is there at
 * the beginning of the line. */
static bool is_there(const char *function, const char *file)
{
	char path[4096], line[512], call[64];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), KR_SOURCE_ROOT "/%s", file);
	snprintf(call, sizeof(call), " %s(", function);
	f = fopen(path, "r");
	assert_non_null(f);
	while (!found && fgets(line, sizeof(line), f))
		found = line[0] >= 'a' && line[0] <= 'z' &&
			strstr(line, call);
	fclose(f);
	return found;
}

/* Each kind of data has a name, and what verifies it is in the code. */
static void all_data_is_verified(void **state)
{
	(void)state;
	assert_false(is_there("kr_vmdef_parse", "plane/manifest.c"));
	for (int i = KR_IVP_NONE + 1; i < KR_IVP_N; i++)
		assert_true(is_there(kr_ivp_function((enum kr_ivp)i),
				     kr_ivp_file((enum kr_ivp)i)));
	for (int c = 0; c < KR_CDI_N; c++) {
		assert_true(kr_cdi_name((enum kr_cdi)c)[0] != '\0');
		assert_int_equal(!kr_cdi_verified_by((enum kr_cdi)c),
				 c == KR_CDI_VTPM || c == KR_CDI_CONTEXT);
	}
}

/* Each kind of data but none other is of some kind of item. */
static void items_are_data(void **state)
{
	unsigned int all = 0;

	(void)state;
	for (int k = 0; k < KR_ITEM_KIND_N; k++)
		all |= kr_item_kind_data((enum kr_item_kind)k);
	assert_int_equal(all, (1u << KR_CDI_N) - 1);
	assert_int_equal(kr_item_kind_data(KR_ITEM_NONE), 0);
	assert_int_equal(kr_item_kind_data(KR_ITEM_LOG), 1u << KR_CDI_LOG);
	/* the longest kind has room for the longest name */
	for (int k = KR_ITEM_NONE + 1; k < KR_ITEM_KIND_N; k++) {
		const char *kind = kr_item_kind_name((enum kr_item_kind)k);
		char item[KR_ITEM_BYTES], name[64];

		memset(name, 'n', 63);
		name[63] = '\0';
		kr_item_put((enum kr_item_kind)k, name, item);
		assert_int_equal(strlen(item), strlen(kind) + 1 + 63);
	}
}

/* Hosts, roles and keys are verified each by a function of its own. */
static void trust_is_three_kinds_of_data(void **state)
{
	const struct { enum kr_tp tp; enum kr_cdi made; enum kr_ivp by; } *x,
		rows[] = {
		{ KR_TP_host_add, KR_CDI_HOSTS, KR_IVP_CHAIN },
		{ KR_TP_trust_add, KR_CDI_HOSTS, KR_IVP_CHAIN },
		{ KR_TP_user_grant, KR_CDI_GRANTS, KR_IVP_ROLE },
		{ KR_TP_user_revoke, KR_CDI_GRANTS, KR_IVP_ROLE },
		{ KR_TP_user_key_add, KR_CDI_KEYS, KR_IVP_KEY },
		{ KR_TP_user_key_remove, KR_CDI_KEYS, KR_IVP_KEY },
		{ KR_TP_attest_enrol, KR_CDI_HOSTS, KR_IVP_CHAIN },
		{ KR_TP_attest_forget, KR_CDI_HOSTS, KR_IVP_CHAIN },
		{ KR_TP_reference_add, KR_CDI_REFERENCES, KR_IVP_SIGNED },
		{ KR_TP_reference_remove, KR_CDI_REFERENCES, KR_IVP_SIGNED },
	};

	(void)state;
	for (x = rows; x < rows + sizeof(rows) / sizeof(rows[0]); x++) {
		assert_int_equal(kr_procedure(x->tp)->transforms,
				 1u << x->made | 1u << KR_CDI_LOG);
		assert_int_equal(kr_cdi_verified_by(x->made), x->by);
	}
}

/* What only looks transforms nothing. */
static void what_transforms(void **state)
{
	const struct kr_procedure *p;
	unsigned int n = 0;

	(void)state;
	for (int tp = 0; (p = kr_procedure((enum kr_tp)tp)); tp++)
		n += p->transforms != 0;
	assert_true(n > 10);
	assert_false(kr_procedure(KR_TP_vm_list)->transforms);
	assert_false(kr_procedure(KR_TP_log_verify)->transforms);
}

/* What has a destination is about a VM; names are found, and are one's own. */
static void names(void **state)
{
	const struct kr_procedure *p, *q;

	(void)state;
	for (int tp = 0; (p = kr_procedure((enum kr_tp)tp)); tp++) {
		assert_ptr_equal(kr_procedure_find(p->name), p);
		for (int k = 0; k < tp; k++) {
			q = kr_procedure((enum kr_tp)k);
			assert_string_not_equal(q->name, p->name);
		}
		assert_true(!p->goes_to || p->on == KR_ITEM_VM);
	}
	assert_true(kr_procedure(KR_TP_migrate)->goes_to);
	assert_true(kr_procedure(KR_TP_plan)->reads & 1u << KR_CDI_RAM);
	assert_null(kr_procedure_find("fly"));
	assert_null(kr_procedure_find(""));
	assert_null(kr_procedure(KR_TP_N));
}

static void items(void **state)
{
	char out[KR_ITEM_BYTES], name[100];

	(void)state;
	assert_string_equal(kr_item_put(KR_ITEM_VM, "web1", out), "vm:web1");
	assert_string_equal(kr_item_put(KR_ITEM_HOST, "b", out), "host:b");
	assert_string_equal(kr_item_put(KR_ITEM_NONE, "web1", out), "");
	memset(name, 'x', sizeof(name));
	name[63] = '\0';	/* the longest that there is, of any kind */
	for (int k = KR_ITEM_NONE + 1; k < KR_ITEM_KIND_N; k++)
		assert_string_equal(strchr(kr_item_put((enum kr_item_kind)k,
						       name, out), ':') + 1,
				    name);
	name[63] = 'x';
	name[99] = '\0';
	assert_int_equal(strlen(kr_item_put(KR_ITEM_VM, name, out)),
			 KR_ITEM_BYTES - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_data_is_verified),
		cmocka_unit_test(items_are_data),
		cmocka_unit_test(trust_is_three_kinds_of_data),
		cmocka_unit_test(what_transforms),
		cmocka_unit_test(names),
		cmocka_unit_test(items),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
