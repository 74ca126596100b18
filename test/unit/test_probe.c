/* SPDX-License-Identifier: Apache-2.0 */
/* test_probe.c - probing: a real QEMU, impostors, time and output limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fd.h"
#include "hyper/ask.h"
#include "hyper/hyper.h"
#include "hyper/kvmtest.h"
#include "hyper/probe.h"
#include "need.h"

#define QEMU	"/usr/bin/qemu-system-x86_64"

static char dir[] = "/tmp/korora-probe-XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char cmd[64];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static void script(const char *name, const char *text, char path[64])
{
	snprintf(path, 64, "%s/%s", dir, name);
	assert_int_equal(kr_write_file(path, text, strlen(text), 0755), 0);
}

static void a_real_qemu(void **state)
{
	const struct kr_hyper *h;
	struct kr_err e = KR_ERR_NONE;
	KR_AUTOFREE struct kr_probe *p = NULL;
	KR_AUTOFREE struct kr_probe *again = NULL;
	struct kr_vmdef d = { .machine = "q35", .cpu = "qemu64,+aes" };

	(void)state;
	need(!access(QEMU, X_OK), QEMU);
	assert_int_equal(kr_hyper_find("qemu", &h, &e), 0);
	assert_int_equal(h->probe(QEMU, dir, &p, &e), 0);
	assert_true(p->major >= 5);
	assert_true(p->has_tcg);
	assert_true(kr_probe_version_cmp(p, p->major, p->minor) == 0);
	assert_true(kr_probe_version_cmp(p, p->major + 1, 0) < 0);
	assert_int_equal(kr_probe_resolve(p, &d, &e), 0);
	assert_memory_equal(d.machine, "pc-q35-", 7);
	assert_int_equal(kr_probe_fits(p, &d, &e), 0);
	/* from the cache, and the same */
	assert_int_equal(h->probe(QEMU, dir, &again, &e), 0);
	assert_memory_equal(p, again, sizeof(*p));

	strcpy(d.cpu, "qemu6");
	assert_true(kr_probe_fits(p, &d, &e) < 0);
	assert_int_equal(e.kr, KR_E_NO_CPU);
	e = KR_ERR_NONE;
	strcpy(d.machine, "pc-q35-99.0");
	assert_true(kr_probe_fits(p, &d, &e) < 0);
	assert_int_equal(e.kr, KR_E_NO_MACHINE);
	e = KR_ERR_NONE;
	assert_true(kr_probe_resolve(p, &d, &e) < 0);
	assert_int_equal(e.kr, KR_E_NO_MACHINE);
	e = KR_ERR_NONE;
	assert_true(kr_hyper_find("vmware", &h, &e) < 0);
	assert_int_equal(e.kr, KR_E_CONFIG);
}

static void newer_cpu_lists(void **state)
{
	KR_AUTOFREE struct kr_probe *p = NULL;
	struct kr_err e = KR_ERR_NONE;
	char path[64];

	(void)state;
	script("new", "#!/bin/sh\ncase $1 in\n"
	       "-version) echo 'QEMU emulator version 10.0.2 (x)';;\n"
	       "-machine) echo 'Supported machines are:'\n"
	       "echo 'q35  Standard PC (Q35) (alias of pc-q35-10.0)'\n"
	       "echo 'pc-q35-10.0  Standard PC (Q35)';;\n"
	       "-cpu) echo 'Available CPUs:'; echo '  486   (alias)'\n"
	       "echo '  max   Enables all'; echo\n"
	       "echo 'Recognized CPUID flags:'; echo '  3dnow';;\n"
	       "-accel) echo tcg;;\nesac\n", path);
	assert_int_equal(kr_probe_qemu(path, dir, &p, &e), 0);
	assert_int_equal(p->major, 10);
	assert_int_equal(p->n_machines, 2);
	assert_string_equal(p->machines[0].alias_of, "pc-q35-10.0");
	assert_int_equal(p->n_cpus, 2);
	assert_string_equal(p->cpus[1], "max");
	assert_false(p->has_kvm);
}

static void impostors(void **state)
{
	char out[1000], path[64], none[64];
	char *argv[] = { path, NULL };
	struct kr_err e = KR_ERR_NONE;
	struct kr_probe *p;
	int status;

	(void)state;
	script("hello", "#!/bin/sh\necho hello\n", path);
	assert_true(kr_probe_qemu(path, dir, &p, &e) < 0);
	assert_int_equal(e.kr, KR_E_NO_QEMU);
	e = KR_ERR_NONE;
	snprintf(none, sizeof(none), "%s/none", dir);
	assert_true(kr_probe_qemu(none, dir, &p, &e) < 0);
	assert_int_equal(e.kr, KR_E_NO_QEMU);
	e = KR_ERR_NONE;
	script("endless", "#!/bin/sh\nwhile echo y; do :; done\n", path);
	assert_true(kr_ask_run(argv, -1, 5000, out, sizeof(out), &status,
			       &e) < 0);
	assert_int_equal(e.kr, KR_E_LIMIT);
	e = KR_ERR_NONE;
	script("sleeps", "#!/bin/sh\nexec 1>&-\nexec /bin/sleep 100\n", path);
	assert_true(kr_ask_run(argv, -1, 200, out, sizeof(out), &status,
			       &e) < 0);
	assert_int_equal(e.kr, KR_E_HYPER_SLOW);
	e = KR_ERR_NONE;
	script("waits", "#!/bin/sh\nexec /bin/sleep 100\n", path);
	assert_true(kr_ask_run(argv, -1, 200, out, sizeof(out), &status,
			       &e) < 0);
	assert_int_equal(e.kr, KR_E_HYPER_SLOW);
	e = KR_ERR_NONE;
	script("dies", "#!/bin/sh\nkill -9 $$\n", path);
	assert_true(kr_ask_run(argv, -1, 5000, out, sizeof(out), &status,
			       &e) < 0);
	assert_int_equal(e.kr, KR_E_NO_QEMU);
}

/* Whether KVM works here is not known; that the test guest itself is. */
static void the_test_guest_runs(void **state)
{
	struct kr_err e = KR_ERR_NONE;
	uint64_t t = kr_now_ns();

	(void)state;
	need(!access(QEMU, X_OK), QEMU);
	assert_int_equal(kr_kvmtest_accel(QEMU, "tcg", &e), 0);
	assert_true(kr_kvmtest_accel(QEMU, "none", &e) < 0);
	assert_int_equal(e.kr, KR_E_NO_ACCEL);
	e = KR_ERR_NONE;
	if (kr_kvmtest_run(QEMU, &e))
		assert_int_equal(e.kr, KR_E_NO_ACCEL);
	assert_true(kr_now_ns() - t < 10000000000u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_real_qemu),
		cmocka_unit_test(newer_cpu_lists),
		cmocka_unit_test(impostors),
		cmocka_unit_test(the_test_guest_runs),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
