/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_plane_qemu.c - two real QEMUs, two real agents: a paused VM with random
 * memory and a running one that keeps writing are carried over, both ends
 * make the same manifest, and the memory arrives; over one channel, and over
 * multifd's. KORORA_QEMU is another QEMU's command with options, then
 * KORORA_MACHINE another machine. With KORORA_PLANE_MIB=N it measures a paused
 * VM of N MiB instead: one channel on KORORA_PLANE_LANES lanes (default 2), or
 * that many channels with KORORA_PLANE_MULTIFD=1.
 */
#include "plane_vm.h"

static void set_multifd(struct vm *v)
{
	char b[256];

	qmp(v, "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{"
	       "\"capabilities\":[{\"capability\":\"multifd\","
	       "\"state\":true}]}}\n");
	snprintf(b, sizeof(b), "{\"execute\":\"migrate-set-parameters\","
		 "\"arguments\":{\"multifd-channels\":%u}}\n",
		 stand_n_lanes - 1);
	qmp(v, b);
}

static void set_out(bool runs, uint8_t n_lanes, bool multifd)
{
	const struct side *s = &stand.side[SRC], *d = &stand.side[DST];
	int fds[KR_PLANE_LANES_MAX];
	uint8_t n = multifd ? n_lanes : 1;

	stand_n_lanes = n_lanes;
	stand_open();
	vm_start(&vms[SRC], "src", false, runs);
	vm_start(&vms[DST], "dst", true, runs);
	for (int i = 0; multifd && i < 2; i++)
		set_multifd(&vms[i]);
	order(&vms[DST], "{\"execute\":\"migrate-incoming\",\"arguments\":{"
			 "\"uri\":\"unix:%s\"}}\n", vms[DST].mig);
	for (uint8_t i = 0; i < n; i++) {
		fds[i] = kr_unix_connect(vms[DST].mig);
		assert_true(fds[i] >= 0);
	}
	stand_start_on(DST, multifd, fds, n, (ram_mib + 1024) * MIB, 0);
	fds[0] = kr_unix_listen(vms[SRC].mig, 0600);
	assert_true(fds[0] >= 0);
	stand_start_on(SRC, multifd, fds, 1, (ram_mib + 1024) * MIB, 0);
	multi_lanes();
	assert_true(stand_await(stand_both_up));
	if (s->has_failed || d->has_failed || s->is_gone)
		fail_msg("source: %s, destination: %s", s->fail.what,
			 d->fail.what);
	assert_string_equal(s->up.tls_version, "TLSv1.3");
	assert_string_equal(d->up.suite, "TLS_AES_256_GCM_SHA384");
}

static void carry_over(void)
{
	const struct side *s = &stand.side[SRC], *d = &stand.side[DST];

	qmp(&vms[SRC], "{\"execute\":\"migrate-set-parameters\",\"arguments\":"
		       "{\"max-bandwidth\":10000000000}}\n");
	order(&vms[SRC], "{\"execute\":\"migrate\",\"arguments\":{"
			 "\"uri\":\"unix:%s\"}}\n", vms[SRC].mig);
	qmp_await(&vms[SRC], "pre-switchover", NULL);
	qmp(&vms[SRC], "{\"execute\":\"migrate-continue\",\"arguments\":{"
		       "\"state\":\"pre-switchover\"}}\n");
	assert_true(stand_await(stand_both_manifests));
	if (s->has_failed || d->has_failed)
		fail_msg("source: %s, destination: %s", s->fail.what,
			 d->fail.what);
	qmp_await(&vms[SRC], "\"completed\"", NULL);
	qmp_await(&vms[DST], "\"completed\"", NULL);
	assert_true(kr_manifest_same(&s->manifest, &d->manifest));
}

static void carry(bool runs, uint8_t n_lanes)
{
	const struct side *s = &stand.side[SRC];
	bool alive = false;

	set_out(runs, n_lanes, n_lanes > 1);
	carry_over();
	assert_string_equal(s->manifest.reason, "");
	assert_int_equal(s->manifest.opaque, 0);
	assert_true(s->manifest.n_pages >= ram_mib * 256);
	assert_true(s->manifest.n_zero_pages >= ram_mib * 256 / 4 - 1024);
	assert_true(s->manifest.ram_bytes >= ram_mib * MIB);
	assert_true(same_files(vms[SRC].ram, vms[DST].ram));
	print_message("%llu pages, %llu zero, %llu bytes, %u rounds\n",
		      (unsigned long long)s->manifest.n_pages,
		      (unsigned long long)s->manifest.n_zero_pages,
		      (unsigned long long)s->manifest.stream_bytes,
		      s->progress.rounds);

	/* and it is alive: its firmware writes to memory, for a while */
	qmp(&vms[DST], "{\"execute\":\"cont\"}\n");
	for (int i = 0; i < 400 && !alive; i++) {
		usleep(50000);
		alive = !same_files(vms[SRC].ram, vms[DST].ram);
	}
	assert_true(alive);
	vm_stop(&vms[SRC]);
	vm_stop(&vms[DST]);
	assert_int_equal(stand_stop(&stand.side[SRC], NULL), 0);
	assert_int_equal(stand_stop(&stand.side[DST], NULL), 0);
	stand_close();
}

static void paused_vm(void **state)
{
	(void)state;
	carry(false, 1);
}

static void running_vm(void **state)
{
	(void)state;
	carry(true, 1);
}

static void paused_vm_multifd(void **state)
{
	(void)state;
	carry(false, 4);
}

static void running_vm_multifd(void **state)
{
	(void)state;
	carry(true, 2);
	carry(true, 3);
}

static double cpu_s(const struct rusage *r)
{
	return (double)r->ru_utime.tv_sec + (double)r->ru_stime.tv_sec +
	       (double)(r->ru_utime.tv_usec + r->ru_stime.tv_usec) / 1e6;
}

static void measure(uint8_t n_lanes, bool multifd)
{
	struct rusage ru[2], qemu;
	uint64_t t0;

	set_out(false, n_lanes, multifd);
	t0 = kr_now_ns();
	carry_over();
	print_message("%u MiB, %u lanes%s: %.2f s; CPU source %.2f s, "
		      "destination %.2f s", ram_mib, n_lanes,
		      multifd ? " for as many channels" : "",
		      (double)(stand.side[DST].manifest_ns - t0) / 1e9,
		      (stand_stop(&stand.side[SRC], &ru[SRC]),
		       cpu_s(&ru[SRC])),
		      (stand_stop(&stand.side[DST], &ru[DST]),
		       cpu_s(&ru[DST])));
	vm_stop(&vms[SRC]);
	vm_stop(&vms[DST]);
	getrusage(RUSAGE_CHILDREN, &qemu);
	print_message(", both QEMUs %.2f s\n", cpu_s(&qemu) -
		      cpu_s(&ru[SRC]) - cpu_s(&ru[DST]));
	stand_close();
}

int main(void)
{
	const char *mib = getenv("KORORA_PLANE_MIB");
	const char *lanes = getenv("KORORA_PLANE_LANES");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paused_vm),
		cmocka_unit_test(running_vm),
		cmocka_unit_test(paused_vm_multifd),
		cmocka_unit_test(running_vm_multifd),
	};

	vm_qemu = getenv("KORORA_QEMU");
	vm_machine = getenv("KORORA_MACHINE");
	if (mib) {
		ram_mib = (unsigned int)strtoul(mib, NULL, 10);
		measure((uint8_t)(lanes ? strtoul(lanes, NULL, 10) : 2),
			getenv("KORORA_PLANE_MULTIFD"));
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
