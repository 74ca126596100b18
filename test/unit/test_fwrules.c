/* SPDX-License-Identifier: Apache-2.0 */
/* test_fwrules.c - a VM's firewall: what its lines may say, and what not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "client/fwfile.h"
#include "hyper/vmdef.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void what_it_takes_is_kept_in_one_form(void **state)
{
	static const char *const lines[][2] = {
		{ "address eth0 10.0.0.5", NULL },
		{ "address eth0 FD00:0::5", "address eth0 fd00::5" },
		{ "set vm_a ipv4_addr {10.0.0.0/8,10.9.0.1-10.9.0.7}",
		  "set vm_a ipv4_addr { 10.0.0.0/8, 10.9.0.1-10.9.0.7 }" },
		{ "set vm_p inet_service { 80, 8000-8099 }", NULL },
		{ "counter vm_c", NULL },
		{ "quota vm_q until 10 mbytes", NULL },
		{ "in accept", NULL },
		{ "out drop", NULL },
		{ "in   tcp dport  22\tct state new accept",
		  "in tcp dport 22 ct state new accept" },
		{ "in ip saddr != @vm_a tcp dport @vm_p counter name vm_c drop",
		  NULL },
		{ "in tcp dport { 80, 443 } limit rate over 9/second burst 3 "
		  "packets drop", NULL },
		{ "in meta l4proto {tcp,gre} counter accept",
		  "in meta l4proto { 6, 47 } counter accept" },
		{ "in icmp type echo-request accept", NULL },
		{ "in meta nfproto ipv6 reject with tcp reset", NULL },
		{ "out quota name vm_q reject", NULL },
	};

	(void)state;
	for (size_t i = 0; i < N(lines); i++) {
		const char *want = lines[i][1] ? lines[i][1] : lines[i][0];
		struct kr_err e = KR_ERR_NONE;
		struct kr_fwrule r, again;

		if (kr_fwrule_parse(lines[i][0], &r, &e))
			fail_msg("%s: %s", lines[i][0], e.what);
		assert_string_equal(r.text, want);
		assert_int_equal(kr_fwrule_parse(r.text, &again, &e), 0);
		assert_memory_equal(&r, &again, sizeof(r));
	}
}

/* Each would reach beyond the VM, or is none of our words. */
static void what_reaches_beyond_the_vm_is_refused(void **state)
{
	static const char *const lines[] = {
		"",
		"include \"/etc/passwd\"",
		"flush ruleset",
		"in jump host_input",
		"in goto host_input",
		"in tcp dport 22 queue num 1",
		"in dup to 10.0.0.1",
		"in fwd to eth0",
		"in dnat to 10.0.0.1",
		"out snat to 10.0.0.1",
		"out masquerade",
		"in redirect to 80",
		"in tproxy to 1",
		"in notrack",
		"in meta mark set 1 accept",
		"in ct mark set 1 accept",
		"in ct zone set 1 accept",
		"in ct helper set ftp",
		"in log prefix x accept",
		"in iifname eth0 accept",
		"in meta skuid 0 accept",
		"in accept; flush ruleset",
		"in accept\nflush ruleset",
		"in accept } table inet host {",
		"in accept # all",
		"in ip saddr $x accept",
		"in ip saddr host.example accept",
		"in ip saddr @host_set accept",
		"in counter name host accept",
		"in tcp dport ssh accept",
		"in tcp dport 70000 accept",
		"in tcp dport 9-8 accept",
		"in tcp dport 022 accept",
		"in ip saddr 10.0.0.9-10.0.0.1 accept",
		"in ip saddr 10.0.0.0/33 accept",
		"in ip saddr fd00::1 accept",
		"in ip6 saddr 10.0.0.1 accept",
		"in icmpv6 type nd-router-advert accept",
		"in ct state invalid accept",
		"in ct state untracked accept",
		"in tcp dport 22",
		"in tcp dport { } accept",
		"in tcp dport { 1, } accept",
		"in tcp dport { 1 accept",
		"in accept drop",
		"in reject with icmp host-unreachable",
		"in limit rate 0/second accept",
		"in limit rate 5/fortnight accept",
		"set host ipv4_addr { 10.0.0.1 }",
		"set vm_a ether_addr { 10.0.0.1 }",
		"set vm_a ipv4_addr { 10.0.0.1 } ; flush ruleset",
		"counter vm_",
		"counter VM_A",
		"counter vm_0123456789012345678901234567890",
		"quota vm_q over 1 gbytes",
		"address eth0 10.0.0.0/8",
		"address eth0 224.0.0.1",
		"address eth0 127.0.0.1",
		"address eth0 fe80::1",
		"address eth0 ::1",
		"address eth0;x 10.0.0.1",
		"in tcp dport { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, "
		"14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, "
		"29, 30, 31, 32, 33 } drop",
	};

	(void)state;
	for (size_t i = 0; i < N(lines); i++) {
		struct kr_err e = KR_ERR_NONE;
		struct kr_fwrule r;

		if (!kr_fwrule_parse(lines[i], &r, &e))
			fail_msg("taken: %s", lines[i]);
		assert_int_equal(e.kr, KR_E_FW_RULE);
	}
}

static int whole(const char *text, struct kr_err *e)
{
	static const char head[] =
		"[vm]\nname = web\nmachine = pc-q35-7.2\nvcpus = 1\n"
		"memory_mb = 64\n[nic eth0]\nnetwork = lan\n"
		"mac = 52:54:00:00:00:01\n";
	char all[KR_VMDEF_TEXT_MAX], out[KR_VMDEF_TEXT_MAX],
		again[KR_VMDEF_TEXT_MAX];
	struct kr_vmdef d;
	size_t n;
	int r;

	*e = KR_ERR_NONE;
	n = (size_t)snprintf(all, sizeof(all), "%s%s", head, text);
	r = kr_vmdef_parse("web.vm", all, n, &d, e);
	if (r)
		return r;
	n = kr_vmdef_print(&d, out);
	assert_int_equal(kr_vmdef_parse("again", out, n, &d, e), 0);
	kr_vmdef_print(&d, again);
	assert_string_equal(out, again);
	return 0;
}

#define ADDRESS	"rule = address eth0 10.0.0.5\n"

static void lines_make_sense_together(void **state)
{
	static const struct { const char *text, *what; } wrong[] = {
		{ "[firewall]\n", "web.vm:9: nic 'eth0' lacks a line "
				  "'address eth0 ADDRESS'" },
		{ "[firewall]\nrule = address eth1 10.0.0.5\n",
		  "web.vm:10: there is no nic 'eth1'" },
		{ "[firewall]\n" ADDRESS "rule = in tcp dport @vm_p accept\n",
		  "web.vm:11: no line declares vm_p" },
		{ "[firewall]\n" ADDRESS "rule = in ip saddr @vm_p accept\n"
		  "rule = set vm_p inet_service { 1 }\n",
		  "web.vm:12: vm_p is declared as something else than it is "
		  "used for" },
		{ "[firewall]\n" ADDRESS "rule = counter vm_p\n"
		  "rule = set vm_p inet_service { 1 }\n",
		  "web.vm:12: a second vm_p" },
		{ "[firewall]\n" ADDRESS "rule = in queue\n",
		  "web.vm:11: 'queue' where a match, a statement or a verdict "
		  "is expected" },
	};
	struct kr_err e;

	(void)state;
	assert_int_equal(whole("", &e), 0);
	assert_int_equal(whole("[firewall]\n" ADDRESS
			       "rule = in tcp dport @vm_p accept\n"
			       "rule = set vm_p inet_service { 1 }\n", &e), 0);
	for (size_t i = 0; i < N(wrong); i++) {
		assert_true(whole(wrong[i].text, &e) < 0);
		assert_int_equal(e.kr, KR_E_FW_RULE);
		assert_string_equal(e.what, wrong[i].what);
	}
	assert_true(whole("[firewall]\n" ADDRESS "[firewall]\n", &e) < 0);
	assert_int_equal(e.kr, KR_E_CONFIG);
	assert_true(whole("[firewall]\nrules = in accept\n", &e) < 0);
	assert_int_equal(e.kr, KR_E_CONFIG);
}

/* The most there can be fits the room for the text. */
static void there_is_an_end_of_lines(void **state)
{
	struct kr_err e = KR_ERR_NONE;
	struct kr_fwrules f = { 0 };
	char text[KR_VMDEF_TEXT_MAX], line[KR_FWRULE_TEXT_MAX + 1];
	size_t n;

	(void)state;
	while (!kr_fwrules_add(&f, "in accept", &e))
		;
	assert_int_equal(f.n, KR_FWRULES_MAX);
	assert_int_equal(e.kr, KR_E_FW_RULE);

	n = (size_t)snprintf(line, sizeof(line), "in");
	while (n + 20 < sizeof(line))
		n += (size_t)snprintf(line + n, sizeof(line) - n,
				      " tcp dport 65535");
	snprintf(line + n, sizeof(line) - n, " accept");
	f = (struct kr_fwrules){ 0 };
	while (!kr_fwrules_add(&f, line, NULL))
		;
	assert_true(f.n < KR_FWRULES_MAX);
	assert_true(f.n_bytes < KR_FWRULES_BYTES_MAX);
	n = (size_t)snprintf(text, sizeof(text), "[firewall]\n" ADDRESS);
	for (unsigned int i = 0; i + 1 < f.n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "rule = %s\n", line);
	assert_int_equal(whole(text, &e), 0);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void a_file_of_rules_becomes_part_of_the_definition(void **state)
{
	char dir[] = "/tmp/kr-fwrules.XXXXXX", vm[64], rules[64], want[256];
	static const char text[] = "[vm]\nfirewall = web.fw\nname = x\n";
	struct kr_err e = KR_ERR_NONE;
	char *got;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(vm, sizeof(vm), "%s/web.vm", dir);
	snprintf(rules, sizeof(rules), "%s/web.fw", dir);
	assert_true(kr_fwfile_take(vm, text, &got, &e) < 0);
	assert_int_equal(e.kr, KR_E_CONFIG);

	write_file(rules, "# all\n\n  in   accept\nout drop");
	e = KR_ERR_NONE;
	assert_int_equal(kr_fwfile_take(vm, text, &got, &e), 0);
	assert_string_equal(got, "[vm]\n#firewall = web.fw\nname = x\n\n"
			    "[firewall]\nrule = in accept\nrule = out drop\n");
	free(got);
	assert_int_equal(kr_fwfile_take(vm, "[vm]\nname = x\n", &got, &e), 0);
	assert_null(got);

	write_file(rules, "in accept\ninclude \"x\"\n");
	assert_true(kr_fwfile_take(vm, text, &got, &e) < 0);
	assert_int_equal(e.kr, KR_E_FW_RULE);
	snprintf(want, sizeof(want), "%s:2: 'include' where address, set, "
		 "counter, quota, in or out is expected", rules);
	assert_string_equal(e.what, want);
	unlink(rules);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_takes_is_kept_in_one_form),
		cmocka_unit_test(what_reaches_beyond_the_vm_is_refused),
		cmocka_unit_test(lines_make_sense_together),
		cmocka_unit_test(there_is_an_end_of_lines),
		cmocka_unit_test(a_file_of_rules_becomes_part_of_the_definition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
