/* SPDX-License-Identifier: Apache-2.0 */
/* test_fwtable.c - orders about firewalls, and the tables that come of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "context/fwtable.h"

static struct kr_fwload web(void)
{
	static const char *const lines[] = {
		"address eth0 10.0.0.5", "address eth0 fd00::5",
		"set vm_a ipv4_addr { 10.0.0.0/8 }", "counter vm_c",
		"quota vm_q over 5 mbytes",
		"in ip saddr @vm_a tcp dport 22 counter name vm_c accept",
		"out quota name vm_q drop", "out accept",
	};
	struct kr_fwload l = {
		.vm = "web-1.x", .zone = 20483, .n_nics = 1,
		.nics = { { .name = "eth0", .mac = "52:54:00:00:00:01",
			    .tap = "krt3", .bridge = "br0" } },
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(kr_fwrules_add(&l.rules, lines[i], NULL), 0);
	return l;
}

static size_t put(const struct kr_fwload *l, uint8_t buf[KR_FWMSG_BODY_MAX])
{
	struct kr_wr w = KR_WR(buf, KR_FWMSG_BODY_MAX);

	kr_fwload_put(&w, l);
	assert_false(w.bad);
	return kr_wr_len(&w);
}

static int get(const uint8_t *buf, size_t n, struct kr_fwload *ret,
	       struct kr_err *e)
{
	struct kr_rd r = { buf, buf + n, false };

	*e = KR_ERR_NONE;
	return kr_fwload_parse(&r, ret, e);
}

static void an_order_is_read_as_it_was_written(void **state)
{
	static uint8_t buf[KR_FWMSG_BODY_MAX];
	struct kr_fwload l = web(), got;
	struct kr_err e;
	size_t n = put(&l, buf);

	(void)state;
	assert_int_equal(get(buf, n, &got, &e), 0);
	assert_memory_equal(&l, &got, sizeof(l));
	for (size_t cut = 0; cut < n; cut++) {
		assert_true(get(buf, cut, &got, &e) < 0);
		assert_int_equal(e.kr, KR_E_AGENT_SPOKE);
	}
	assert_true(get(buf, n + 1, &got, &e) < 0);
}

/* The agent believes its master no more than it has to. */
static void an_order_that_reaches_further_is_refused(void **state)
{
	static uint8_t buf[KR_FWMSG_BODY_MAX];
	const struct kr_fwload good = web();
	struct kr_fwload bad[8], got;
	struct kr_err e;

	(void)state;
	for (unsigned int i = 0; i < 8; i++)
		bad[i] = good;
	strcpy(bad[0].vm, "a b");
	strcpy(bad[1].vm, "a }");
	bad[2].zone = 0;
	strcpy(bad[3].nics[0].tap, "x\" drop");
	strcpy(bad[4].nics[0].bridge, "");
	strcpy(bad[5].nics[0].mac, "52:54:00:00:00:0g");
	strcpy(bad[6].nics[0].name, "eth1");	/* without an address */
	bad[7].n_nics = 0;
	for (unsigned int i = 0; i < 8; i++) {
		assert_true(get(buf, put(&bad[i], buf), &got, &e) < 0);
		assert_int_equal(e.kr, KR_E_AGENT_SPOKE);
	}
}

static unsigned int count(const char *text, const char *what)
{
	unsigned int n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

static void tables_are_the_vms_alone(void **state)
{
	struct kr_fwload l = web();
	struct kr_err e = KR_ERR_NONE;
	char *text;

	(void)state;
	assert_int_equal(kr_fwtable_load(&l, &text, &e), 0);
	/* add, delete and define, of both */
	assert_int_equal(count(text, "table "), 6);
	assert_int_equal(count(text, "table inet korora_vm_web-1.x"), 3);
	assert_int_equal(count(text, "table bridge korora_vm_web-1.x"), 3);
	assert_int_equal(count(text, "flush"), 0);
	assert_int_equal(count(text, "dormant"), 0);
	/* what is not the VM's passes; each direction ends in a drop */
	assert_int_equal(count(text, "hook "), count(text, "policy accept"));
	assert_non_null(strstr(text, "ip saddr @vm_a tcp dport 22 counter name "
				     "vm_c accept\ndrop\n}\n"));
	assert_non_null(strstr(text, "quota name vm_q drop\naccept\ndrop\n}\n"));
	assert_non_null(strstr(text, "ip daddr { 10.0.0.5 } fib daddr oifname "
				     "\"br0\" ct zone set 20483\n"));
	assert_non_null(strstr(text, ", 0xfd000000000000000000000000000005 }"));
	assert_int_equal(kr_fwtable_zone(text), 20483);
	assert_int_equal(kr_fwtable_zone("table inet x {\n}\n"), 0);
	free(text);

	l.asleep = true;
	assert_int_equal(kr_fwtable_load(&l, &text, &e), 0);
	assert_int_equal(count(text, "flags dormant\n"), 2);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_order_is_read_as_it_was_written),
		cmocka_unit_test(an_order_that_reaches_further_is_refused),
		cmocka_unit_test(tables_are_the_vms_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
