/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_plane_bytes.c - byte for byte, the destination's QEMU is given what the
 * source's wrote, and the source's what the destination's answers: two real
 * QEMUs, two real agents, and a tap between each QEMU and its agent on each
 * connection, for each kind of memory in each mode. What a tap says has
 * nothing to do with the agents' own digests. In post-copy the source's agent
 * holds what is behind the split; the guest with a device has some of it come
 * before GO.
 *
 * KORORA_QEMU is another QEMU's command with options, then KORORA_MACHINE
 * another machine. QEMU 10.0 is tried, too, if KORORA_QEMU10 names a folder
 * that has it. Memory is in /dev/shm, where post-copy can have files.
 */
#include "plane_vm.h"
#include "plane_tap.h"

#define FIRST_PAGE	512	/* below it are the firmware's holes */

static const struct mode {
	const char *name;
	uint8_t	    n_lanes;
	bool	    multifd, postcopy, urgent;
	unsigned int rate;	/* of a lane, bytes a second; 0 = any */
	bool	    again;	/* it has been there: caches know its pages */
} modes[] = {
	{ .name = "one channel, 1 lane", .n_lanes = 1 },
	{ .name = "one channel, 3 lanes", .n_lanes = 3 },
	{ .name = "multifd, 3 channels", .n_lanes = 3, .multifd = true },
	{ .name = "post-copy, 3 lanes", .n_lanes = 3, .postcopy = true },
	{ .name = "post-copy with preempt, 3 lanes", .n_lanes = 3,
	  .postcopy = true, .urgent = true },
	{ .name = "one channel, 3 slow lanes", .n_lanes = 3, .rate = 4000000 },
	{ .name = "one channel, 3 lanes, there before", .n_lanes = 3,
	  .rate = 16000000, .again = true },
};

enum profile { RANDOM, MIXED, RUNNING, DEVICE, PROFILES };

static const char *const profiles[PROFILES] = { "random", "mixed", "running",
						"running with a device" };

#define MODES		(sizeof(modes) / sizeof(modes[0]))

struct cell {
	const struct mode *mode;
	enum profile	   profile;
	char		   name[64];
};

static struct taps taps[2];
static uint64_t n_delta_pages;	/* of all */
static bool at_work;	/* still, when a test begins: the last one failed */

/* ---- memory ------------------------------------------------------------ */

static uint64_t next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static void random_page(uint8_t *p, uint64_t *x)
{
	for (unsigned int i = 0; i < 4096; i += 8) {
		uint64_t v = next(x);

		memcpy(p + i, &v, 8);
	}
}

/* Zeroes, one byte all over, copies, text, one byte in zeroes, random. */
static void mixed_page(uint8_t *p, unsigned int no, uint64_t *x)
{
	switch (next(x) % 6) {
	case 0:
		memset(p, 0, 4096);
		break;
	case 1:
		memset(p, (int)(next(x) & 255), 4096);
		break;
	case 2:
		if (no > FIRST_PAGE)
			memcpy(p, p - 4096 * (1 + next(x) % (no - FIRST_PAGE)),
			       4096);
		break;
	case 3:
		for (unsigned int i = 0; i < 4096; i += 32) {
			char line[64];

			snprintf(line, sizeof(line), "%08x user%5u root %08x",
				 (unsigned int)next(x), i, no);
			memcpy(p + i, line, 32);
		}
		break;
	case 4:
		memset(p, 0, 4096);
		p[next(x) % 4096] = 1;
		break;
	default:
		random_page(p, x);
	}
}

static void fill(const char *path, bool random)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t *p = mmap(NULL, ram_mib * MIB, PROT_READ | PROT_WRITE,
			  MAP_SHARED, fd, 0);
	uint64_t x = 88172645463325252;

	assert_true(p != MAP_FAILED);
	for (unsigned int no = FIRST_PAGE; no < ram_mib * 256; no++)
		if (random)
			random_page(p + no * 4096ul, &x);
		else
			mixed_page(p + no * 4096ul, no, &x);
	memset(p + QUEUE_PAGE * 4096ul, 0, 2 * 4096);
	munmap(p, ram_mib * MIB);
	close(fd);
}

/* ---- from here to there ------------------------------------------------ */

static void set_capability(struct vm *v, const char *name)
{
	order(v, "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{"
		 "\"capabilities\":[{\"capability\":\"%s\","
		 "\"state\":true}]}}\n", name);
}

static void set_number(struct vm *v, const char *name, uint64_t value)
{
	char b[256];

	snprintf(b, sizeof(b), "{\"execute\":\"migrate-set-parameters\","
		 "\"arguments\":{\"%s\":%llu}}\n", name,
		 (unsigned long long)value);
	qmp(v, b);
}

static void fail_if_failed(void)
{
	const struct side *s = &stand.side[SRC], *d = &stand.side[DST];

	if (s->has_failed || d->has_failed || s->is_gone || d->is_gone)
		fail_msg("source: %s, destination: %s", s->fail.what,
			 d->fail.what);
}

static unsigned int n_channels(const struct mode *m)
{
	return m->multifd ? m->n_lanes : m->urgent ? 2 : 1;
}

/* QEMUs, taps, agents and lanes; QEMU at the source may begin. */
static void set_out(const struct mode *m, enum profile p, uint64_t flip_at)
{
	unsigned int n = n_channels(m);
	int fds[KR_PLANE_LANES_MAX];
	char path[128];

	if (at_work)
		fail_msg("not tried: the taps of one that failed may live");
	at_work = true;
	stand_n_lanes = m->n_lanes;
	stand_urgent = m->urgent;
	stand_hold = m->postcopy;
	multi_rate = m->rate;
	/* of all memory, so that what was written again is found */
	stand_recall_mib = m->rate ? ram_mib : 8;
	vm_device = p == DEVICE ? VM_DEVICE : NULL;
	stand_open();
	vm_start(&vms[SRC], "src", false, false);
	vm_start(&vms[DST], "dst", true, false);
	fill(vms[SRC].ram, p == RANDOM);
	if (p >= RUNNING) {
		qmp(&vms[SRC], "{\"execute\":\"cont\"}\n");
		vm_await_alive(&vms[SRC]);
	}
	for (int i = 0; i < 2; i++) {
		if (m->postcopy)
			set_capability(&vms[i], "postcopy-ram");
		if (m->urgent)
			set_capability(&vms[i], "postcopy-preempt");
		if (!m->multifd)
			continue;
		set_capability(&vms[i], "multifd");
		set_number(&vms[i], "multifd-channels", n - 1);
	}
	order(&vms[DST], "{\"execute\":\"migrate-incoming\",\"arguments\":{"
			 "\"uri\":\"unix:%s\"}}\n", vms[DST].mig);
	taps[DST] = (struct taps){ 0 };
	for (unsigned int i = 0; i < n; i++)
		fds[i] = taps_destination(&taps[DST], vms[DST].mig);
	stand_start_on(DST, m->multifd, fds, n, (ram_mib + 64) * MIB, 0);
	fds[0] = kr_unix_listen(vms[SRC].mig, 0600);
	assert_true(fds[0] >= 0);
	stand_start_on(SRC, m->multifd, fds, 1, (ram_mib + 64) * MIB, 0);
	multi_lanes();
	assert_true(stand_await(stand_both_up));
	fail_if_failed();
	stand_path(path, "tap");
	taps_source(&taps[SRC], n, path, vms[SRC].mig, flip_at);
	set_number(&vms[SRC], "max-bandwidth",
		   m->postcopy ? 8000000 : 10000000000);
	order(&vms[SRC], "{\"execute\":\"migrate\",\"arguments\":{"
			 "\"uri\":\"unix:%s\"}}\n", path);
}

static bool both_split(void)
{
	return stand_both_failed() ||
	       (stand.side[SRC].has_split && stand.side[DST].has_split);
}

static void switch_over(void)
{
	qmp_await(&vms[SRC], "pre-switchover", NULL);
	qmp(&vms[SRC], "{\"execute\":\"migrate-continue\",\"arguments\":{"
		       "\"state\":\"pre-switchover\"}}\n");
}

static bool has_late(void)
{
	return stand_both_failed() || stand.side[DST].progress.n_late_pages;
}

/* A device looks into its queue while it is loaded, and all but the end may
 * come; for the others nobody asks. */
static void hold(bool asks)
{
	const struct side *s = &stand.side[SRC], *d = &stand.side[DST];

	if (asks)
		assert_true(stand_await(has_late));
	fail_if_failed();
	assert_false(s->has_manifest || d->has_manifest);
	assert_int_equal(s->split.owed_pages, d->split.owed_pages);
	assert_int_equal(d->progress.n_late_pages > 0, asks);
	kr_fd_close(&stand.side[SRC].far_fd);
	stand_order(SRC, KR_PLANE_GO);
}

/* Most of memory comes behind the split, some of it while the VM runs. */
static void split(enum profile p)
{
	set_number(&vms[SRC], "max-postcopy-bandwidth", 4000000);
	usleep(300000);
	qmp(&vms[SRC], "{\"execute\":\"migrate-start-postcopy\"}\n");
	switch_over();
	assert_true(stand_await(both_split));
	fail_if_failed();
	assert_true(stand.side[DST].split.owed_pages > ram_mib * 256 / 4);
	hold(p == DEVICE);
	if (p >= RUNNING)
		qmp(&vms[DST], "{\"execute\":\"cont\"}\n");
	usleep(200000);
	set_number(&vms[SRC], "max-postcopy-bandwidth", 0);
}

/* To completion; nothing is on the way any more. */
static void carry_over(const struct mode *m, enum profile p, uint64_t flip_at)
{
	const struct side *s = &stand.side[SRC], *d = &stand.side[DST];

	set_out(m, p, flip_at);
	if (m->postcopy)
		split(p);
	else
		switch_over();
	assert_true(stand_await(stand_both_manifests));
	fail_if_failed();
	qmp_await(&vms[SRC], "\"completed\"", NULL);
	qmp_await(&vms[DST], "\"completed\"", NULL);
	assert_true(kr_manifest_same(&s->manifest, &d->manifest));
	assert_int_equal(s->manifest.opaque, 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(stand_stop(&stand.side[i], NULL), 0);
	taps_join(taps);
}

static void clear_away(void)
{
	for (int i = 0; i < 2; i++) {
		vm_stop(&vms[i]);
		unlink(vms[i].ram);
	}
	stand_close();
	multi_join();
	at_work = false;
}

/* Has it to go once more, for the destination to know it? */
static bool is_there_again(const struct cell *c, unsigned int n_times)
{
	return c->mode->again && n_times < 6 &&
	       !stand.side[SRC].progress.n_cached_pages;
}

/* What there is to be left out is left out, or these bytes show little. */
static void expect_shrunk(const struct cell *c)
{
	const struct kr_plane_progress *p = &stand.side[SRC].progress;

	assert_int_equal(p->n_cached_pages > 0, c->mode->again);
	n_delta_pages += p->n_delta_pages;
	if (c->mode->again || c->profile == RANDOM)
		return;
	assert_true(p->n_same_pages > 0);
	if (c->mode->rate)
		assert_true(p->squeeze_in_bytes > p->squeeze_out_bytes);
}

/* ---- tests ------------------------------------------------------------- */

static void same_bytes(void **state)
{
	static uint64_t n_quiet_pages;	/* of the same memory, paused */
	const struct cell *c = *state;
	const struct kr_manifest *sent = &stand.side[SRC].manifest;
	unsigned int n = n_channels(c->mode);
	uint64_t n_forward = 0, n_back;

	if (c->mode->again)
		stand_make_caches(ram_mib * 256);
	/* caches' names that come too late, on a busy machine, are of no use */
	for (unsigned int k = 0; !k || is_there_again(c, k); k++) {
		if (k)
			clear_away();
		carry_over(c->mode, c->profile, 0);
	}
	expect_shrunk(c);
	assert_int_equal(taps[SRC].n, n);
	assert_int_equal(taps[DST].n, n);
	for (unsigned int k = 0; k < n; k++) {
		uint64_t n_bytes = taps[SRC].tap[k].way[FORWARD].n_bytes;

		if (!tap_same(taps, k, BACK) ||
		    (!tap_same(taps, k, FORWARD) &&
		     !(c->mode->multifd && tap_unheard(taps, k))))
			fail_msg("channel %u differs: %llu bytes, %llu there",
				 k, (unsigned long long)n_bytes,
				 (unsigned long long)
				 taps[DST].tap[k].way[FORWARD].n_bytes);
		/* what nobody asks for is not urgent */
		assert_true(n_bytes > 0 || (k && c->mode->urgent &&
					    c->profile < RUNNING));
		n_forward += n_bytes;
	}
	assert_int_equal(stand.side[SRC].progress.n_urgent_pages > 0,
			 c->mode->urgent && c->profile >= RUNNING);
	n_back = taps[SRC].tap[0].way[BACK].n_bytes;
	assert_true(n_back > 0);
	assert_int_equal(n_forward, sent->stream_bytes);
	/* what is random is whole in it; the rest is at least told of */
	assert_true(n_forward > (c->profile == RANDOM ? (ram_mib - 2) * MIB :
							2 * MIB));
	/* it did write meanwhile; multifd repeats some pages of its own */
	if (c->profile == MIXED)
		n_quiet_pages = sent->n_pages;
	else if (c->profile == RUNNING && !c->mode->postcopy &&
		 !c->mode->multifd)
		assert_true(sent->n_pages > n_quiet_pages);
	if (!c->mode->postcopy || c->profile < RUNNING)
		assert_true(same_files(vms[SRC].ram, vms[DST].ram));
	if (c->mode->again)
		stand_remove_caches();
	print_message("%llu pages (%llu the same, %llu differences), %llu "
		      "bytes there, %llu back\n",
		      (unsigned long long)sent->n_pages,
		      (unsigned long long)stand.side[SRC].progress.n_same_pages,
		      (unsigned long long)stand.side[SRC].progress.n_delta_pages,
		      (unsigned long long)n_forward,
		      (unsigned long long)n_back);
	clear_away();
}

/* One bit of a page is changed behind the source's tap. Neither QEMU nor the
 * agents can know; the comparison does. */
static void changed_byte(void **state)
{
	(void)state;
	carry_over(&modes[0], RANDOM, ram_mib / 2 * MIB);
	assert_int_equal(taps[SRC].tap[0].way[FORWARD].n_bytes,
			 taps[DST].tap[0].way[FORWARD].n_bytes);
	assert_false(tap_same(taps, 0, FORWARD));
	assert_true(tap_same(taps, 0, BACK));
	assert_false(same_files(vms[SRC].ram, vms[DST].ram));
	clear_away();
}

/* Which of them has differences, when, is a matter of time. */
static void had_differences(void **state)
{
	(void)state;
	assert_true(n_delta_pages > 0);
	n_delta_pages = 0;
}

int main(void)
{
	static struct cell cells[MODES * PROFILES];
	struct CMUnitTest tests[MODES * PROFILES + 2] = {
		[MODES * PROFILES] = cmocka_unit_test(changed_byte),
		cmocka_unit_test(had_differences),
	};
	int n_failed;

	for (unsigned int i = 0; i < MODES * PROFILES; i++) {
		struct cell *c = &cells[i];

		c->mode = &modes[i / PROFILES];
		c->profile = i % PROFILES;
		snprintf(c->name, sizeof(c->name), "%s, %s", c->mode->name,
			 profiles[c->profile]);
		tests[i] = (struct CMUnitTest){ .name = c->name,
						.test_func = same_bytes,
						.initial_state = c };
	}
	ram_mib = 64;
	stand_rekey_mib = 1;		/* of lanes, again and again */
	vm_ram_dir = "/dev/shm";
	vm_qemu = getenv("KORORA_QEMU");
	vm_machine = getenv("KORORA_MACHINE");
	n_failed = cmocka_run_group_tests(tests, NULL, NULL);
	if (is_there())
		n_failed += cmocka_run_group_tests_name("QEMU 10.0", tests,
							other_qemu, NULL);
	return n_failed;
}
